//! What is wrong with a model, at which element.

use banyan_base::{Finding, Severity, Title};
use serde::Serialize;

/// A place in a file; lines and columns count from 1, columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// A rule: stable id, what is wrong and the way out. `{0}`, `{1}` in the texts are filled in per flaw.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub id: &'static str,
    /// Other ids under which the standard's collections have the same rule.
    pub also: &'static [&'static str],
    pub severity: Severity,
    pub zh: &'static str,
    pub en: &'static str,
    pub hint_zh: &'static str,
    pub hint_en: &'static str,
}

/// One thing that is wrong with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    pub severity: Severity,
    /// Stable id of the rule, e.g. `EXT049` or `BAN-operation`.
    pub rule: &'static str,
    /// Other ids of the rule.
    pub also: &'static [&'static str],
    /// Id of the element, where it has one.
    pub element: Option<String>,
    pub place: Place,
    pub message: Title,
    pub hint: Title,
}

impl Rule {
    /// The flaw at a place; `with` fills `{0}`, `{1}`.
    pub fn at(&self, place: Place, element: Option<&str>, with: &[&str]) -> Flaw {
        let fill = |text: &str| {
            let mut out = String::with_capacity(text.len());
            let mut rest = text;
            // One pass, so that what is filled in is never filled again.
            while let Some((before, after)) = rest.split_once('{') {
                out.push_str(before);
                match after.split_once('}') {
                    Some((number, tail)) if number.len() == 1 => {
                        let value = number.parse::<usize>().ok().and_then(|index| with.get(index));
                        out.push_str(value.copied().unwrap_or_default());
                        rest = tail;
                    }
                    _ => {
                        out.push('{');
                        rest = after;
                    }
                }
            }
            out.push_str(rest);
            out
        };
        let title = |zh: &str, en: &str| Title {
            zh: fill(zh),
            en: Some(fill(en)),
        };
        Flaw {
            severity: self.severity,
            rule: self.id,
            also: self.also,
            element: element.map(str::to_owned),
            place,
            message: title(self.zh, self.en),
            hint: title(self.hint_zh, self.hint_en),
        }
    }
}

impl Flaw {
    /// As checkers of packages say it.
    pub fn finding(&self, file: &str, locale: &str) -> Finding {
        let message = self.message.in_locale(locale);
        Finding {
            severity: self.severity,
            rule: self.rule.to_owned(),
            file: file.to_owned(),
            line: self.place.line,
            column: self.place.column,
            message: match &self.element {
                Some(element) => format!("{element}: {message}"),
                None => message.to_owned(),
            },
            hint: Some(self.hint.in_locale(locale).to_owned()).filter(|hint| !hint.is_empty()),
        }
    }
}

/// True if any of them stops a deployment.
pub fn refused(flaws: &[Flaw]) -> bool {
    flaws.iter().any(|flaw| flaw.severity == Severity::Error)
}
