//! Values that come from records: `properties: { "source": "package.type", "by": "= FEEL giving the id", "field": "name" }`.
//! The form only says so; whoever shows it reads the record through the door and keeps where the value came from.

use banyan_base::{Finding, Severity};
use banyan_feel::Expression;

use crate::finding::{finding, nearest};
use crate::model::{Form, Place};

/// A value that is taken from a record before a person sees the form.
#[derive(Clone, Debug)]
pub struct Prefill {
    /// The path of the value in the data.
    pub path: Vec<String>,
    /// The record's type, `package.type`.
    pub source: String,
    /// Gives the record's id from the data.
    pub by: Expression,
    pub field: String,
    pub place: Place,
}

/// What record types there are; given by the caller.
pub trait Known {
    /// The types, as `package.type`.
    fn types(&self) -> Vec<String>;
    /// The fields of a type; None where there is no such type.
    fn fields(&self, source: &str) -> Option<Vec<String>>;
}

fn hint(name: &str, known: &[String]) -> Option<String> {
    nearest(name, known.iter().map(String::as_str)).map(|near| format!("did you mean `{near}`?"))
}

impl Form {
    /// Values that come from records.
    pub fn prefills(&self) -> &[Prefill] {
        &self.prefills
    }

    /// Whether the types and fields that prefills name are there.
    pub fn check_prefills(&self, known: &dyn Known) -> Vec<Finding> {
        let mut found = Vec::new();
        for prefill in &self.prefills {
            let (rule, message, hint) = match known.fields(&prefill.source) {
                None => (
                    "form-prefill-type",
                    format!("there is no record type `{}`", prefill.source),
                    hint(&prefill.source, &known.types()),
                ),
                Some(fields) if !fields.contains(&prefill.field) => (
                    "form-prefill-field",
                    format!("`{}` has no field `{}`", prefill.source, prefill.field),
                    hint(&prefill.field, &fields),
                ),
                Some(_) => continue,
            };
            let text = hint.or_else(|| Some("see the package that declares the type".into()));
            found.push(finding(
                Severity::Error,
                &self.file,
                prefill.place,
                rule,
                message,
                text,
            ));
        }
        found
    }
}
