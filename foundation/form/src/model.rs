//! What a form is once it is read and checked.

use banyan_feel::Expression;
use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::claims::Slot;
use crate::moment::{Part, Zone};
use crate::pattern::Pattern;
use crate::prefill::Prefill;

/// A form that may be shown and filled in.
#[derive(Clone, Debug)]
pub struct Form {
    pub id: Option<String>,
    pub schema_version: u32,
    pub components: Vec<Component>,
    /// The file it was read from, for findings.
    pub file: String,
    /// Which keys are bound, for finding those that are not.
    pub(crate) slots: Vec<(String, Slot)>,
    pub(crate) prefills: Vec<Prefill>,
}

/// Where in the file something stands; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// One part of a form.
#[derive(Clone, Debug)]
pub struct Component {
    pub id: Option<String>,
    pub place: Place,
    /// The word in the schema, e.g. `textfield`.
    pub word: &'static str,
    pub label: Option<String>,
    pub description: Option<String>,
    /// The path of its value under that of its parent; empty for what binds none.
    pub path: Vec<String>,
    pub kind: Kind,
    pub hide: Option<Expression>,
    pub readonly: Rule,
    pub disabled: bool,
    pub required: Rule,
    pub default: Option<Json>,
    /// `properties.default`: FEEL that gives the first value.
    pub first: Option<Expression>,
    pub components: Vec<Component>,
}

impl Component {
    /// Whether it holds a value of its own.
    pub fn is_input(&self) -> bool {
        !matches!(self.kind, Kind::Group | Kind::Rows(_) | Kind::Shown)
    }

    /// Whether the server alone gives its value, whatever the data are.
    pub(crate) fn is_locked(&self) -> bool {
        self.disabled || matches!(self.readonly, Rule::Always)
    }

    /// The value of a field in which nothing stands, as form-js has it.
    pub(crate) fn empty(&self) -> Json {
        match &self.kind {
            Kind::Text(_) => Json::String(String::new()),
            Kind::Checkbox => Json::Bool(false),
            Kind::Choice { many: true, .. } | Kind::Files { .. } => Json::Array(Vec::new()),
            _ => Json::Null,
        }
    }
}

/// Something that holds never, always, or by a condition.
#[derive(Clone, Debug)]
pub enum Rule {
    Never,
    Always,
    When(Expression),
}

/// A limit.
#[derive(Clone, Debug)]
pub enum Bound<T> {
    Fixed(T),
    Computed(Expression),
}

#[derive(Clone, Debug)]
pub enum Kind {
    Text(TextRules),
    Number(NumberRules),
    Moment {
        part: Part,
        zone: Zone,
        /// Minutes between the times that can be picked.
        interval: Option<u32>,
        no_past: bool,
        min: Option<Bound<String>>,
        max: Option<Bound<String>>,
    },
    Checkbox,
    /// Radio and select, or checklist and tag list.
    Choice {
        many: bool,
        choices: Choices,
    },
    Files {
        many: Rule,
        accept: Vec<String>,
    },
    /// Computed by the server.
    Computed(Expression),
    Group,
    /// A dynamic list.
    Rows(Rows),
    /// Shown only: texts, images, buttons, tables.
    Shown,
}

#[derive(Clone, Debug)]
pub struct TextRules {
    /// Line breaks may stand in it.
    pub lines: bool,
    pub min_length: Option<Bound<Decimal>>,
    pub max_length: Option<Bound<Decimal>>,
    pub pattern: Option<Pattern>,
    pub pattern_message: Option<String>,
    pub validation: Option<Validation>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validation {
    Email,
    Phone,
}

#[derive(Clone, Debug)]
pub struct NumberRules {
    pub min: Option<Bound<Decimal>>,
    pub max: Option<Bound<Decimal>>,
    pub digits: Option<u32>,
    pub step: Option<Decimal>,
    /// The value is a text, so that no digit is lost (`serializeToString`).
    pub as_text: bool,
}

/// Where the options of a choice come from.
#[derive(Clone, Debug)]
pub enum Choices {
    /// (label, value)
    Fixed(Vec<(String, Json)>),
    /// A name in the data that the form is given.
    Key(String),
    Computed(Expression),
}

#[derive(Clone, Debug)]
pub struct Rows {
    pub min: Option<Bound<Decimal>>,
    pub max: Option<Bound<Decimal>>,
    /// Rows can't be added or removed (`allowAddRemove: false`).
    pub fixed: bool,
    /// How many rows there are where none are given.
    pub first: usize,
}
