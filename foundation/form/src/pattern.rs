//! Regular expressions of JavaScript, as form-js runs them in the browser, run here in linear time.
//! What can't be (look-around, back references) is refused at deployment, so that both always say the same.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use regex::{Regex, RegexBuilder};

/// A pattern of which any part of a value may fit, as with `RegExp.test`.
#[derive(Clone)]
pub struct Pattern {
    /// As it was written.
    pub text: String,
    regex: Regex,
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.text)
    }
}

/// What is wrong with a pattern, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

fn wrong<T>(message: impl Into<String>, hint: &'static str) -> Result<T, Wrong> {
    let message = message.into();
    Err(Wrong { message, hint })
}

const LONGEST: usize = 1_000;
const BLANK: &str =
    r"\t\n\x0B\x0C\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
const LOOK: &str = "say it by a condition in FEEL, or split the field";

impl Pattern {
    pub(crate) fn new(text: &str) -> Result<Pattern, Wrong> {
        if text.len() > LONGEST {
            return wrong(format!("the pattern is longer than {LONGEST} bytes"), "");
        }
        let translated = translate(text)?;
        let built = RegexBuilder::new(&translated)
            .size_limit(1 << 20)
            .nest_limit(50)
            .build();
        match built {
            Ok(regex) => Ok(Pattern {
                text: text.into(),
                regex,
            }),
            Err(regex::Error::CompiledTooBig(_)) => {
                wrong("the pattern is too large", "use smaller numbers in `{…}`")
            }
            Err(_) => wrong("this is no regular expression", "look at brackets and at `\\`"),
        }
    }

    pub fn fits(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

fn translate(text: &str) -> Result<String, Wrong> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text.chars().peekable();
    // Whether a count stands before: a second one is a fault in browsers.
    let mut counted = false;
    while let Some(c) = rest.next() {
        let count = matches!(c, '*' | '+' | '?') || (c == '{' && counts(rest.clone()));
        if count && counted {
            return wrong(
                format!("`{c}` follows another count"),
                "write `\\` before what stands for itself",
            );
        }
        counted = count;
        match c {
            '*' | '+' | '?' => {
                out.push(c);
                out.extend(rest.next_if_eq(&'?'));
            }
            '\\' => escape(&mut rest, &mut out, false)?,
            '[' => class(&mut rest, &mut out)?,
            '.' => out.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '(' => {
                out.push('(');
                if rest.peek() == Some(&'?') {
                    rest.next();
                    group(&mut rest, &mut out)?;
                }
            }
            '{' if !count => out.push_str(r"\{"),
            '{' => {
                out.push('{');
                for c in rest.by_ref() {
                    out.push(c);
                    if c == '}' {
                        break;
                    }
                }
                out.extend(rest.next_if_eq(&'?'));
            }
            '}' | ']' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Whether `{` begins a count: `{2}`, `{2,}`, `{2,5}`. Otherwise it stands for itself.
fn counts(rest: Peekable<Chars<'_>>) -> bool {
    let mut inside = String::new();
    for c in rest {
        if c == '}' {
            let (from, to) = inside.split_once(',').unwrap_or((&inside, ""));
            let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
            return !from.is_empty() && digits(from) && digits(to);
        }
        if inside.len() > 20 {
            return false;
        }
        inside.push(c);
    }
    false
}

/// What follows `(?`.
fn group(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), Wrong> {
    match rest.next() {
        Some(':') => out.push_str("?:"),
        Some('=' | '!') => return wrong("the pattern looks ahead, `(?=` or `(?!`", LOOK),
        Some('<') if matches!(rest.peek(), Some('=' | '!')) => {
            return wrong("the pattern looks behind, `(?<=` or `(?<!`", LOOK);
        }
        Some('<') => out.push_str("?P<"),
        _ => {
            return wrong(
                "the pattern has flags, which browsers do not all know",
                "leave them out",
            );
        }
    }
    Ok(())
}

/// What follows a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String, inside: bool) -> Result<(), Wrong> {
    let wrap = |body: &str| {
        if inside {
            body.to_owned()
        } else {
            format!("[{body}]")
        }
    };
    let Some(c) = rest.next() else {
        return wrong(
            "the pattern ends with `\\`",
            "write `\\\\` for the character itself",
        );
    };
    match c {
        'd' => out.push_str(&wrap("0-9")),
        'w' => out.push_str(&wrap("0-9A-Za-z_")),
        's' => out.push_str(&wrap(BLANK)),
        'D' => out.push_str("[^0-9]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        'S' => {
            out.push_str("[^");
            out.push_str(BLANK);
            out.push(']');
        }
        'b' if inside => out.push_str(r"\x08"),
        'b' => out.push_str(r"(?-u:\b)"),
        'B' if !inside => return wrong("`\\B` is not taken", "write the characters beside it"),
        't' | 'n' | 'r' => {
            out.push('\\');
            out.push(c);
        }
        'f' => out.push_str(r"\x0C"),
        'v' => out.push_str(r"\x0B"),
        '0' if !rest.peek().is_some_and(char::is_ascii_digit) => out.push_str(r"\x00"),
        '0'..='9' => return wrong("the pattern refers back to a group", LOOK),
        'k' => return wrong("the pattern refers back to a group", LOOK),
        'x' | 'u' => {
            let length = if c == 'x' { 2 } else { 4 };
            let digits: String = rest.by_ref().take(length).collect();
            let code = u32::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == length && digits.chars().all(|digit| digit.is_ascii_hexdigit()));
            let Some(code) = code.filter(|code| char::from_u32(*code).is_some()) else {
                return wrong(
                    format!("`\\{c}{digits}` names no character"),
                    "write the character itself",
                );
            };
            out.push_str(&format!("\\x{{{code:X}}}"));
        }
        'c' | 'p' | 'P' => {
            return wrong(
                format!("`\\{c}` means something else in each browser"),
                "write the characters, e.g. `[\\u4e00-\\u9fff]`",
            );
        }
        c => literal(c, out),
    }
    Ok(())
}

fn literal(c: char, out: &mut String) {
    if c.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(c);
}

/// What follows `[`.
fn class(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), Wrong> {
    let negated = rest.next_if_eq(&'^').is_some();
    if rest.next_if_eq(&']').is_some() {
        // `[]` fits nothing, `[^]` anything.
        out.push_str(if negated { r"[\s\S]" } else { r"[^\s\S]" });
        return Ok(());
    }
    out.push_str(if negated { "[^" } else { "[" });
    while let Some(c) = rest.next() {
        match c {
            ']' => {
                out.push(']');
                return Ok(());
            }
            '\\' => escape(rest, out, true)?,
            // A range, unless the next is one too, which would be a difference of sets.
            '-' if rest.peek() != Some(&'-') => out.push('-'),
            c => literal(c, out),
        }
    }
    wrong("a `[` is not closed", "write `\\[` for the character itself")
}
