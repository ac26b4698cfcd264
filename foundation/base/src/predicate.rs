//! What policy asks of rows, told so that any engine can make it part of its query: SQL, a DataFusion plan, a check of one
//! row. The logic is SQL's: a comparison with something missing is neither true nor false, and a row counts only where the
//! whole is true.

use serde::{Deserialize, Serialize};

/// An attribute of a row, or of a row it points to: `["lead"]`, `["task", "lead"]`. `id`, `state`, `created_by`,
/// `updated_by` and `version` are attributes of every row.
pub type AttributePath = Vec<String>;

/// A side of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    Attribute(AttributePath),
    Text(String),
    Number(i64),
    Flag(bool),
}

/// How two terms compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// What holds where this one, between two things that are there, does not.
    pub fn negated(self) -> Comparison {
        match self {
            Comparison::Equal => Comparison::NotEqual,
            Comparison::NotEqual => Comparison::Equal,
            Comparison::Less => Comparison::GreaterOrEqual,
            Comparison::LessOrEqual => Comparison::Greater,
            Comparison::Greater => Comparison::LessOrEqual,
            Comparison::GreaterOrEqual => Comparison::Less,
        }
    }

    /// As SQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// The trees that codes stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tree {
    /// GB/T 2260 and below: a code lies within each of its beginnings of 2, 4, 6 and 9 digits.
    Region,
    /// `base.unit` by `parent`.
    Unit,
}

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// These characters as they are.
    Exactly(String),
    /// Any characters, or none.
    Anything,
}

/// A condition on rows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Predicate {
    Always,
    Never,
    All(Vec<Predicate>),
    Any(Vec<Predicate>),
    /// True where the inner one is false or unknown.
    NotTrue(Box<Predicate>),
    Compare(Term, Comparison, Term),
    Present(AttributePath),
    Absent(AttributePath),
    /// Whether a text fits a pattern; `negated`: that it is there and does not.
    Like {
        of: AttributePath,
        pattern: Vec<Piece>,
        negated: bool,
    },
    /// Whether a list of texts holds one; `negated`: that it is there and does not.
    Holds {
        of: AttributePath,
        value: Term,
        negated: bool,
    },
    /// Whether a code is one of `roots` or stands below one; `negated`: that it is there and does not.
    Within {
        of: Term,
        tree: Tree,
        roots: Vec<String>,
        negated: bool,
    },
    /// Whether the party named by an attribute holds its consent (not withdrawn) to a purpose, given to this version of its
    /// text or a later one. It is looked up where the row is read, so a withdrawal counts at once.
    Consented {
        of: AttributePath,
        /// `<package>.<purpose>`.
        purpose: String,
        version: u32,
    },
}

impl Predicate {
    /// All of these, as short as it can be said.
    pub fn all(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Predicate::Never => return Predicate::Never,
                Predicate::Always => {}
                Predicate::All(inner) => kept.extend(inner),
                other if kept.contains(&other) => {}
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Predicate::Always,
            1 => kept.remove(0),
            _ => Predicate::All(kept),
        }
    }

    /// Any of these, as short as it can be said.
    pub fn any(parts: impl IntoIterator<Item = Predicate>) -> Predicate {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Predicate::Always => return Predicate::Always,
                Predicate::Never => {}
                Predicate::Any(inner) => kept.extend(inner),
                other if kept.contains(&other) => {}
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 => Predicate::Never,
            1 => kept.remove(0),
            _ => Predicate::Any(kept),
        }
    }

    /// This one, and not that other.
    pub fn unless(self, other: Predicate) -> Predicate {
        match other {
            Predicate::Never => self,
            Predicate::Always => Predicate::Never,
            other => Predicate::all([self, Predicate::NotTrue(Box::new(other))]),
        }
    }

    pub fn is_always(&self) -> bool {
        *self == Predicate::Always
    }

    pub fn is_never(&self) -> bool {
        *self == Predicate::Never
    }
}
