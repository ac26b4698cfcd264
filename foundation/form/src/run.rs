//! A form over data: the server's re-check of what is sent.

mod state;
mod value;

use banyan_base::{Ctx, FieldError};
use banyan_feel::EvalError;
use serde_json::{Map, Value as Json};

use crate::claims::{self, Slot};
use crate::finding::nearest;
use crate::model::{Bound, Component, Form, Kind};
use crate::number;
use state::State;
pub(crate) use state::Step;
#[cfg(test)]
pub(crate) use state::set;

/// Most rows of one dynamic list.
pub const MAX_ROWS: usize = 500;
/// Most fields of a form, those of each row counted.
pub(crate) const MAX_FIELDS: usize = 10_000;

/// Why a form could not be run at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    #[error(transparent)]
    Eval(#[from] EvalError),
}

/// A fault of one value: what follows its own pointer, the code, and the text.
pub(crate) struct Fault {
    pub(crate) tail: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

pub(crate) fn fault(code: &'static str, message: impl Into<String>) -> Fault {
    Fault {
        tail: String::new(),
        code,
        message: message.into(),
    }
}

/// A pointer (RFC 6901) to a place in what was sent.
pub(crate) fn pointer(path: &[Step]) -> String {
    let mut out = String::new();
    for step in path {
        out.push('/');
        match step {
            Step::Key(name) => out.push_str(&escaped(name)),
            Step::Index(index) => out.push_str(&index.to_string()),
        }
    }
    out
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn field_error(pointer: String, code: &str, message: impl Into<String>) -> FieldError {
    FieldError {
        pointer,
        code: code.into(),
        message: message.into(),
    }
}

impl Form {
    /// The data that the form is shown with: what is given, and where nothing is given the first values that
    /// `properties.default` gives. (Plain defaults are the browser's work.)
    ///
    /// # Errors
    /// Where the evaluator itself fails.
    pub fn initial(&self, cx: &Ctx, given: &Map<String, Json>) -> Result<Map<String, Json>, FormError> {
        fn walk(
            cx: &Ctx,
            components: &[Component],
            path: &[Step],
            data: &mut Json,
            given: &Map<String, Json>,
        ) -> Result<(), FormError> {
            for component in components {
                if matches!(component.kind, Kind::Rows(_)) {
                    continue;
                }
                let own = component.path.iter().cloned().map(Step::Key);
                let path: Vec<Step> = path.iter().cloned().chain(own).collect();
                if let Some(first) = &component.first
                    && state::get(data, &path).is_none_or(Json::is_null)
                {
                    let value = first.evaluate(cx, given)?;
                    state::set(data, &path, value);
                }
                walk(cx, &component.components, &path, data, given)?;
            }
            Ok(())
        }
        let mut data = Json::Object(given.clone());
        walk(cx, &self.components, &[], &mut data, given)?;
        match data {
            Json::Object(data) => Ok(data),
            _ => Ok(Map::new()),
        }
    }

    /// What is sent for the form, checked again: the values to keep, or everything that is wrong.
    ///
    /// `given` are the data that the form was shown with. Values of hidden fields are dropped; those of read-only and
    /// disabled fields are taken from `given`, those of expressions computed, whatever is sent for them.
    ///
    /// # Errors
    /// Each wrong value, with a pointer into `values`.
    pub fn validate(
        &self,
        cx: &Ctx,
        values: &Map<String, Json>,
        given: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Vec<FieldError>> {
        let mut errors = Vec::new();
        unknown(&self.slots, values, String::new(), &mut errors);
        let mut state = State::new(self, values, given, &mut errors);
        if !errors.is_empty() && state.is_too_large() {
            return Err(errors);
        }
        match state.settle(cx) {
            Ok(true) => {}
            Ok(false) => {
                let message = "表单的条件互相矛盾,无法判断哪些字段该填。请联系表单的维护人员。";
                errors.push(field_error(String::new(), "conditions", message));
                return Err(errors);
            }
            Err(error) => {
                let message = format!("表单中的表达式无法计算({error})。请联系表单的维护人员。");
                errors.push(field_error(String::new(), "expression", message));
                return Err(errors);
            }
        }
        for index in 0..state.fields.len() {
            match state.faults(cx, index) {
                Ok(faults) => {
                    let place = state
                        .fields
                        .get(index)
                        .map(|field| pointer(&field.path))
                        .unwrap_or_default();
                    errors.extend(faults.into_iter().map(|fault| {
                        field_error(format!("{place}{}", fault.tail), fault.code, fault.message)
                    }));
                }
                Err(error) => {
                    let message = format!("表单中的表达式无法计算({error})。请联系表单的维护人员。");
                    errors.push(field_error(String::new(), "expression", message));
                }
            }
        }
        if errors.is_empty() {
            Ok(state.result())
        } else {
            Err(errors)
        }
    }
}

/// What is sent under names that no component binds.
fn unknown(slots: &[(String, Slot)], sent: &Map<String, Json>, at: String, errors: &mut Vec<FieldError>) {
    /// Nobody reads more.
    const MOST: usize = 100;
    for (name, value) in sent {
        if errors.len() >= MOST {
            return;
        }
        let place = format!("{at}/{}", escaped(name));
        match (claims::find(slots, name), value) {
            (None, _) => {
                let near = nearest(name, slots.iter().map(|(known, _)| known.as_str()));
                let message = match near {
                    Some(near) => format!("表单没有这一项,是否应为“{near}”"),
                    None => "表单没有这一项,请去掉".to_owned(),
                };
                errors.push(field_error(place, "unknown", message));
            }
            (Some(Slot::Leaf), _) | (_, Json::Null) => {}
            (Some(Slot::Open(inner)), Json::Object(members)) => unknown(inner, members, place, errors),
            (Some(Slot::Open(_)), _) => errors.push(field_error(place, "type", "应为一组值(对象)")),
            (Some(Slot::Rows(inner)), Json::Array(rows)) => {
                for (index, row) in rows.iter().enumerate().take(MAX_ROWS) {
                    let place = format!("{place}/{index}");
                    match row {
                        Json::Object(members) => unknown(inner, members, place, errors),
                        Json::Null => {}
                        _ => errors.push(field_error(place, "type", "每一行应为一组值(对象)")),
                    }
                }
            }
            (Some(Slot::Rows(_)), _) => errors.push(field_error(place, "type", "应为若干行(数组)")),
        }
    }
}

/// The limit, over these data.
fn limit(
    bound: &Bound<rust_decimal::Decimal>,
    eval: impl Fn(&banyan_feel::Expression) -> Result<Json, EvalError>,
) -> Result<Option<rust_decimal::Decimal>, EvalError> {
    match bound {
        Bound::Fixed(value) => Ok(Some(*value)),
        Bound::Computed(expression) => Ok(number::of(&eval(expression)?)),
    }
}
