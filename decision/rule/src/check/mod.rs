//! What is looked at before a model is published: whether it can be run at all, its types and references, gaps, overlaps and
//! dead rules of its tables, articles of law that are missing, and the cases beside it.
//!
//! Map: `sweep`: gaps, overlaps and dead rules over boxes. `tables`: each table by its hit policy, types and outputs. `names`: what is used and not required.

mod names;
mod sweep;
mod tables;

pub use tables::class_of;

use std::sync::Arc;

use banyan_base::{Ctx, Finding, Severity};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::cases::{self, Case};
use crate::guard::Refusal;
use crate::model::{Model, load};
use crate::xml::{ElementKind, Place};

/// One thing there is to say about a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    pub severity: Severity,
    pub rule: String,
    /// Name of the decision, or other element, that it is about.
    pub decision: String,
    /// Numbers of the rules that it is about, from 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<usize>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    pub line: u32,
    pub column: u32,
    /// An input for which it shows, by the table's input expressions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Map<String, Json>>,
    /// Whether the place is one in the file of cases.
    #[serde(skip)]
    pub in_cases: bool,
}

impl Found {
    pub fn new(severity: Severity, rule: &str, decision: &str, place: Place, message: String) -> Found {
        Found {
            severity,
            rule: rule.to_owned(),
            decision: decision.to_owned(),
            rules: Vec::new(),
            message,
            hint: None,
            line: place.line.max(1),
            column: place.column.max(1),
            example: None,
            in_cases: false,
        }
    }

    pub fn hint(mut self, hint: &str) -> Found {
        self.hint = (!hint.is_empty()).then(|| hint.to_owned());
        self
    }

    pub fn rules(mut self, rules: &[usize]) -> Found {
        self.rules = rules.to_vec();
        self
    }

    pub fn example(mut self, example: Map<String, Json>) -> Found {
        self.example = Some(example);
        self
    }

    /// As findings of packages are.
    pub fn finding(self, file: &str) -> Finding {
        let mut message = self.message;
        if !self.decision.is_empty() && !message.contains(&self.decision) {
            message = format!("`{}`: {message}", self.decision);
        }
        if let Some(example) = self.example {
            message.push_str(&format!("; for example {}", Json::Object(example)));
        }
        Finding {
            severity: self.severity,
            rule: self.rule,
            file: file.to_owned(),
            line: self.line,
            column: self.column,
            message,
            hint: self.hint,
        }
    }
}

/// A refusal as a finding.
pub fn refused(refusal: &Refusal) -> Json {
    json!(found(refusal))
}

fn found(refusal: &Refusal) -> Found {
    let message = refusal.message.clone();
    Found::new(
        Severity::Error,
        refusal.rule,
        &refusal.element,
        refusal.place,
        message,
    )
    .hint(refusal.hint)
}

/// Everything there is to say about a model and its cases.
pub fn check(cx: &Ctx, text: &str, imports: &[String], cases: Option<&str>) -> Vec<Found> {
    let model = match load(text, imports) {
        Ok(model) => Arc::new(model),
        Err(refusals) => return refusals.iter().map(found).collect(),
    };
    let mut all = of_model(&model);
    if let Some(text) = cases {
        match cases::read(text) {
            Ok(cases) => all.extend(cases.iter().filter_map(|case| failed(cx, &model, case, text))),
            Err(message) => {
                let mut one = Found::new(Severity::Error, "cases", "", Place::default(), message)
                    .hint("a list of {\"name\", \"decision\", \"input\", \"expected\"}");
                one.in_cases = true;
                all.push(one);
            }
        }
    }
    all
}

/// What there is to say about a model that can be run.
pub fn of_model(model: &Model) -> Vec<Found> {
    let mut all = Vec::new();
    let Some(notes) = model.notes.first() else {
        return all;
    };
    for (value, name) in [
        (&notes.effective_from, "effectiveFrom"),
        (&notes.effective_until, "effectiveUntil"),
    ] {
        if let Some(day) = value
            .as_ref()
            .filter(|day| day.parse::<jiff::civil::Date>().is_err())
        {
            let message = format!("banyan:{name} is no day: {day}");
            all.push(
                Found::new(
                    Severity::Error,
                    "effective-day",
                    "",
                    Place { line: 1, column: 1 },
                    message,
                )
                .hint("write it as 2022-03-01"),
            );
        }
    }
    if let (Some(from), Some(until)) = (&notes.effective_from, &notes.effective_until)
        && until <= from
    {
        let message = format!("the model ends on {until}, which is not after {from}");
        all.push(Found::new(
            Severity::Error,
            "effective-day",
            "",
            Place { line: 1, column: 1 },
            message,
        ));
    }
    for element in &notes.elements {
        if element.name.is_empty() && element.kind != ElementKind::Other {
            let message = "an element has no name".to_owned();
            all.push(Found::new(
                Severity::Error,
                "name-missing",
                "",
                element.place,
                message,
            ));
        }
        let twice = notes.elements.iter().filter(|other| {
            other.kind != ElementKind::Other
                && element.kind != ElementKind::Other
                && other.name == element.name
        });
        if twice.count() > 1 {
            let message = format!("the name `{}` is there more than once", element.name);
            all.push(
                Found::new(
                    Severity::Error,
                    "name-twice",
                    &element.name,
                    element.place,
                    message,
                )
                .hint("decisions are asked for by their names"),
            );
        }
    }
    all.extend(tables::check(model));
    all
}

fn failed(cx: &Ctx, model: &Arc<Model>, case: &Case, text: &str) -> Option<Found> {
    let went = cases::run(cx, model, case);
    if went.passed {
        return None;
    }
    let why = went.why.map(|why| format!(" ({why})")).unwrap_or_default();
    let message = format!(
        "the case `{}` gives {}, not {}{why}; rules {}",
        case.name,
        went.got,
        went.expected,
        if went.rules.is_empty() {
            "none".to_owned()
        } else {
            went.rules.join(", ")
        }
    );
    let at = text
        .find(&format!("\"{}\"", case.name))
        .and_then(|at| text.get(..at));
    let line = at.map_or(1, |before| before.matches('\n').count() + 1);
    let place = Place {
        line: u32::try_from(line).unwrap_or(1),
        column: 1,
    };
    let mut one = Found::new(Severity::Error, "case-failed", &case.decision, place, message);
    one.in_cases = true;
    Some(one)
}
