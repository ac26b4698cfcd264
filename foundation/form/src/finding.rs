//! Where findings gather, with the places of what they are about.

use banyan_base::{Finding, Severity};

use crate::model::Place;

/// More than these help nobody.
const MOST: usize = 200;

pub(crate) struct Findings<'a> {
    file: &'a str,
    text: &'a str,
    /// The byte at which each line begins.
    lines: Vec<usize>,
    all: Vec<Finding>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(file: &'a str, text: &'a str) -> Findings<'a> {
        let after = text.match_indices('\n').map(|(at, _)| at + 1);
        Findings {
            file,
            text,
            lines: [0].into_iter().chain(after).collect(),
            all: Vec::new(),
        }
    }

    pub(crate) fn place(&self, at: usize) -> Place {
        let line = self.lines.partition_point(|start| *start <= at).max(1);
        let start = self.lines.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..at).unwrap_or_default();
        let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
        Place {
            line: count(line),
            column: count(before.chars().count() + 1),
        }
    }

    fn add(&mut self, severity: Severity, at: usize, rule: &str, message: String, hint: Option<String>) {
        if self.all.len() >= MOST {
            return;
        }
        let place = self.place(at);
        self.all
            .push(finding(severity, self.file, place, rule, message, hint));
    }

    pub(crate) fn error(&mut self, at: usize, rule: &str, message: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.add(Severity::Error, at, rule, message.into(), hint);
    }

    pub(crate) fn warning(&mut self, at: usize, rule: &str, message: impl Into<String>, hint: &str) {
        let hint = (!hint.is_empty()).then(|| hint.to_owned());
        self.add(Severity::Warning, at, rule, message.into(), hint);
    }

    /// As [`Findings::error`], of a component that was read.
    pub(crate) fn error_at(&mut self, place: Place, rule: &str, message: String, hint: &str) {
        if self.all.len() < MOST {
            let hint = Some(hint.to_owned());
            self.all
                .push(finding(Severity::Error, self.file, place, rule, message, hint));
        }
    }

    pub(crate) fn finish(self) -> Vec<Finding> {
        self.all
    }
}

pub(crate) fn finding(
    severity: Severity,
    file: &str,
    place: Place,
    rule: &str,
    message: String,
    hint: Option<String>,
) -> Finding {
    Finding {
        severity,
        rule: rule.into(),
        file: file.into(),
        line: place.line,
        column: place.column,
        message,
        hint,
    }
}

/// The nearest of the known names, where one is near.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|other| (distance(name, other), other))
        .filter(|(distance, other)| *distance <= 1 + other.chars().count() / 4)
        .min()
        .map(|(_, other)| other)
}

/// Levenshtein's distance, of names that are not endless.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 200 || b.len() > 200 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((to, up_left), up) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            next.push((up_left + usize::from(from != *to)).min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
