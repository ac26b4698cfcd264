//! Titles in two languages, and the tokens of full-text search.

use serde::{Deserialize, Serialize};

/// A title: Chinese always, English where given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Title {
    pub zh: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub en: Option<String>,
}

impl Title {
    pub fn zh(text: impl Into<String>) -> Title {
        Title {
            zh: text.into(),
            en: None,
        }
    }

    /// The text for a locale such as `en` or `zh-CN`; Chinese where English is missing.
    pub fn in_locale(&self, locale: &str) -> &str {
        match &self.en {
            Some(en) if locale.starts_with("en") => en,
            _ => &self.zh,
        }
    }
}

/// True for characters that Chinese, Japanese and Korean write without spaces.
pub fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}')
}

/// Cuts text into search tokens: runs of ideographs become overlapping pairs (and the single characters between
/// other things stay single); other letters and digits become lower-case words. Full-width forms are folded.
///
/// Pairs find any substring of two or more characters without a dictionary, so nothing is missed for want of a word
/// in it; a single character is found through [`query_tokens`] as a prefix of a pair.
pub fn index_tokens(text: &str) -> Vec<String> {
    runs(text)
        .into_iter()
        .flat_map(|run| match run {
            Run::Word(word) => vec![word],
            Run::Ideographs(chars) if chars.len() == 1 => vec![chars.iter().collect()],
            Run::Ideographs(chars) => {
                let mut tokens: Vec<String> = chars.windows(2).map(|pair| pair.iter().collect()).collect();
                // The last character starts no pair; indexed alone, it too is found by a one-character query.
                tokens.extend(chars.last().map(|c| c.to_string()));
                tokens
            }
        })
        .collect()
}

/// One thing the reader looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// These tokens, one right after the other.
    Phrase(Vec<String>),
    /// Any token that starts so.
    Prefix(String),
}

/// Cuts what a reader typed into terms; all of them must be found.
pub fn query_tokens(text: &str) -> Vec<Term> {
    runs(text)
        .into_iter()
        .map(|run| match run {
            Run::Word(word) => Term::Prefix(word),
            Run::Ideographs(chars) if chars.len() == 1 => Term::Prefix(chars.iter().collect()),
            Run::Ideographs(chars) => {
                Term::Phrase(chars.windows(2).map(|pair| pair.iter().collect()).collect())
            }
        })
        .collect()
}

enum Run {
    Word(String),
    Ideographs(Vec<char>),
}

fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut open = false;
    for c in text.chars().map(fold) {
        if is_ideograph(c) {
            match runs.last_mut() {
                Some(Run::Ideographs(chars)) if open => chars.push(c),
                _ => runs.push(Run::Ideographs(vec![c])),
            }
            open = true;
        } else if c.is_alphanumeric() {
            match runs.last_mut() {
                Some(Run::Word(word)) if open => word.extend(c.to_lowercase()),
                _ => runs.push(Run::Word(c.to_lowercase().collect())),
            }
            open = true;
        } else {
            open = false;
        }
    }
    runs
}

/// Full-width ASCII to its ordinary form.
fn fold(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        other => other,
    }
}
