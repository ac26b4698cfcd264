//! The fields of a form over data, those of each row apart: which are hidden, which read-only, what is computed.

use std::cell::Cell;

use banyan_base::{Ctx, FieldError};
use banyan_feel::{EvalError, Expression};
use serde_json::{Map, Value as Json};

use super::value;
use super::{Fault, MAX_FIELDS, MAX_ROWS, field_error, pointer};
use crate::model::{Component, Form, Kind, Rule};
use crate::number;

/// How often conditions are looked at again until none changes. form-js looks twice.
const MAX_SWEEPS: usize = 12;
/// How many values expressions may read in all. Rows that each read all rows take time by their square; so does an
/// iteration in FEEL.
const MAX_READS: usize = 1_000_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

pub(crate) fn get<'j>(data: &'j Json, path: &[Step]) -> Option<&'j Json> {
    path.iter().try_fold(data, |data, step| match step {
        Step::Key(name) => data.get(name.as_str()),
        Step::Index(index) => data.get(*index),
    })
}

/// Sets a value; objects and rows on the way are made where they are missing.
pub(crate) fn set(data: &mut Json, path: &[Step], value: Json) {
    let mut at = data;
    for step in path {
        at = match step {
            Step::Key(name) => {
                if !at.is_object() {
                    *at = Json::Object(Map::new());
                }
                let Json::Object(members) = at else { return };
                members.entry(name.clone()).or_insert(Json::Null)
            }
            Step::Index(index) => {
                if !at.is_array() {
                    *at = Json::Array(Vec::new());
                }
                let Json::Array(items) = at else { return };
                while items.len() <= *index {
                    items.push(Json::Object(Map::new()));
                }
                let Some(item) = items.get_mut(*index) else { return };
                item
            }
        };
    }
    *at = value;
}

/// How many values there are in it.
fn size(json: &Json) -> usize {
    match json {
        Json::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Json::Object(members) => 1 + members.values().map(size).sum::<usize>(),
        _ => 1,
    }
}

/// Takes a value away, and objects that hold nothing without it.
fn remove(data: &mut Json, path: &[Step]) {
    let Some((Step::Key(last), way)) = path.split_last() else {
        return;
    };
    let mut at = &mut *data;
    for step in way {
        let next = match step {
            Step::Key(name) => at.get_mut(name.as_str()),
            Step::Index(index) => at.get_mut(*index),
        };
        let Some(next) = next else { return };
        at = next;
    }
    let Json::Object(members) = at else { return };
    members.shift_remove(last);
    if members.is_empty() && matches!(way.last(), Some(Step::Key(_))) {
        remove(data, way);
    }
}

/// A component at one place in the data.
pub(crate) struct Field<'f> {
    pub(crate) component: &'f Component,
    pub(crate) path: Vec<Step>,
    /// The field that it stands in.
    parent: Option<usize>,
    /// Paths of the rows around it, outermost first, and their numbers from 1.
    scopes: Vec<Vec<Step>>,
    numbers: Vec<usize>,
    /// What is sent, as it would be kept; what is wrong with it.
    sent: Json,
    flaw: Option<(&'static str, String)>,
    given: Json,
    /// Rows as they are shown first, for lists.
    rows: Vec<Json>,
    pub(crate) hidden: bool,
    locked: bool,
}

pub(crate) struct State<'f> {
    pub(crate) fields: Vec<Field<'f>>,
    /// What expressions see: without what is hidden. As in the browser, a hidden value that is not inside another one
    /// counts as the form was shown with it.
    data: Json,
    /// What expressions in rows see of their row: what is hidden counts as it was given.
    rows: Json,
    given: &'f Map<String, Json>,
    too_large: bool,
    reads: Cell<usize>,
}

/// Where components are laid over data.
struct Over<'d> {
    path: Vec<Step>,
    parent: Option<usize>,
    scopes: Vec<Vec<Step>>,
    numbers: Vec<usize>,
    sent: Option<&'d Json>,
    given: Option<&'d Json>,
}

fn below<'d>(data: Option<&'d Json>, path: &[String]) -> Option<&'d Json> {
    path.iter().try_fold(data?, |data, name| data.get(name.as_str()))
}

impl<'f> State<'f> {
    pub(crate) fn new(
        form: &'f Form,
        sent: &Map<String, Json>,
        given: &'f Map<String, Json>,
        errors: &mut Vec<FieldError>,
    ) -> State<'f> {
        let mut state = State {
            fields: Vec::new(),
            data: Json::Object(given.clone()),
            rows: Json::Object(given.clone()),
            given,
            too_large: false,
            reads: Cell::new(0),
        };
        let (sent, root) = (Json::Object(sent.clone()), Json::Object(given.clone()));
        let over = Over {
            path: Vec::new(),
            parent: None,
            scopes: Vec::new(),
            numbers: Vec::new(),
            sent: Some(&sent),
            given: Some(&root),
        };
        state.lay(&form.components, &over, errors);
        for index in 0..state.fields.len() {
            state.write(index);
        }
        state
    }

    pub(crate) fn is_too_large(&self) -> bool {
        self.too_large
    }

    fn lay(&mut self, components: &'f [Component], over: &Over<'_>, errors: &mut Vec<FieldError>) {
        for component in components {
            if matches!(component.kind, Kind::Shown) {
                continue;
            }
            if self.fields.len() >= MAX_FIELDS {
                if !self.too_large {
                    let message = format!("表单的内容太多,最多 {MAX_FIELDS} 项");
                    errors.push(field_error(pointer(&over.path), "length", message));
                }
                self.too_large = true;
                return;
            }
            let own = component.path.iter().cloned().map(Step::Key);
            let path: Vec<Step> = over.path.iter().cloned().chain(own).collect();
            let sent = below(over.sent, &component.path);
            let given = below(over.given, &component.path);
            let (kept, flaw) = match sent.map(|sent| value::kept(component, sent)) {
                None => (component.empty(), None),
                Some(Ok(kept)) => (kept, None),
                Some(Err(flaw)) => (component.empty(), Some(flaw)),
            };
            let index = self.fields.len();
            self.fields.push(Field {
                component,
                path: path.clone(),
                parent: over.parent,
                scopes: over.scopes.clone(),
                numbers: over.numbers.clone(),
                sent: kept,
                flaw,
                given: given
                    .or(component.default.as_ref())
                    .cloned()
                    .unwrap_or_else(|| component.empty()),
                rows: Vec::new(),
                hidden: false,
                locked: component.is_locked(),
            });
            match &component.kind {
                Kind::Group => {
                    let over = Over {
                        path,
                        parent: Some(index),
                        scopes: over.scopes.clone(),
                        numbers: over.numbers.clone(),
                        sent,
                        given,
                    };
                    self.lay(&component.components, &over, errors);
                }
                Kind::Rows(_) => self.lay_rows(component, index, &path, over, errors),
                _ => {}
            }
        }
    }

    fn lay_rows(
        &mut self,
        component: &'f Component,
        index: usize,
        path: &[Step],
        over: &Over<'_>,
        errors: &mut Vec<FieldError>,
    ) {
        let list = |data: Option<&Json>| -> Vec<Json> {
            let found = below(data, &component.path).and_then(Json::as_array);
            found.cloned().unwrap_or_default()
        };
        let (sent, given) = (list(over.sent), list(over.given));
        if sent.len() > MAX_ROWS {
            let message = format!("最多 {MAX_ROWS} 行,现有 {} 行", sent.len());
            errors.push(field_error(pointer(path), "length", message));
            self.too_large = true;
            return;
        }
        let before = matched(component, &sent, &given);
        let rows: Vec<Json> = before
            .iter()
            .map(|row| row.and_then(|row| given.get(row)).cloned())
            .map(|row| {
                row.filter(Json::is_object)
                    .unwrap_or_else(|| Json::Object(Map::new()))
            })
            .collect();
        if let Some(field) = self.fields.get_mut(index) {
            field.rows.clone_from(&rows);
        }
        // Written before the fields of the rows, which stand after it.
        for (number, (row, base)) in sent.iter().zip(&rows).enumerate() {
            let mut row_path = path.to_vec();
            row_path.push(Step::Index(number));
            let mut scopes = over.scopes.clone();
            scopes.push(row_path.clone());
            let mut numbers = over.numbers.clone();
            numbers.push(number + 1);
            let over = Over {
                path: row_path,
                parent: Some(index),
                scopes,
                numbers,
                sent: Some(row),
                given: Some(base),
            };
            self.lay(&component.components, &over, errors);
        }
    }

    /// Writes a field's value into the data, by what it is now.
    fn write(&mut self, index: usize) {
        let Some(field) = self.fields.get(index) else {
            return;
        };
        if field.hidden {
            if matches!(field.component.kind, Kind::Group) {
                return;
            }
            remove(&mut self.data, &field.path);
            if let Some(Step::Key(top)) = field.path.first()
                && self.data.get(top.as_str()).is_none()
            {
                let first = match field.path.len() {
                    1 => Some(field.given.clone()),
                    _ => self.given.get(top).cloned(),
                };
                if let Some(first) = first.filter(|first| !first.is_null()) {
                    set(&mut self.data, &[Step::Key(top.clone())], first);
                }
            }
            if field.component.is_input() {
                set(&mut self.rows, &field.path, field.given.clone());
            }
            return;
        }
        let value = match &field.component.kind {
            Kind::Group => return,
            Kind::Rows(_) => Json::Array(field.rows.clone()),
            // Computed when it is looked at.
            Kind::Computed(_) => Json::Null,
            _ if field.locked => field.given.clone(),
            _ => field.sent.clone(),
        };
        set(&mut self.rows, &field.path, value.clone());
        set(&mut self.data, &field.path, value);
    }

    /// The value of an expression where this field stands.
    pub(crate) fn evaluate(
        &self,
        cx: &Ctx,
        index: usize,
        expression: &Expression,
    ) -> Result<Json, EvalError> {
        expression.evaluate(cx, &self.names(index, expression)?)
    }

    fn holds(&self, cx: &Ctx, index: usize, expression: &Expression) -> Result<bool, EvalError> {
        expression.holds(cx, &self.names(index, expression)?)
    }

    /// The names that the expression reads: those of the data, and `this`, `parent` and `i` for rows.
    fn names(&self, index: usize, expression: &Expression) -> Result<Map<String, Json>, EvalError> {
        let mut names = Map::new();
        let Some(field) = self.fields.get(index) else {
            return Ok(names);
        };
        let scope = |from_end: usize| -> Json {
            let found = field.scopes.iter().rev().nth(from_end);
            match (found, from_end) {
                (Some(path), _) => get(&self.rows, path).cloned().unwrap_or_default(),
                // Outside of all rows stands the whole.
                (None, _) if from_end == field.scopes.len() => self.data.clone(),
                (None, _) => Json::Null,
            }
        };
        for name in expression.uses() {
            let value = match (self.data.get(name.as_str()), name.as_str()) {
                (Some(value), "this" | "parent" | "i") => value.clone(),
                (_, "this" | "_this_") => scope(0),
                (_, "parent" | "_parent_") => scope(1),
                (_, "i" | "_i_") => Json::from(field.numbers.clone()),
                (Some(value), _) => value.clone(),
                (None, _) => continue,
            };
            self.reads.set(self.reads.get() + size(&value));
            names.insert(name.clone(), value);
        }
        if self.reads.get() > MAX_READS {
            return Err(EvalError::Failed {
                text: expression.text().to_owned(),
                why: format!("the form's expressions read more than {MAX_READS} values"),
            });
        }
        Ok(names)
    }

    /// Looks at every condition until none changes; false where that does not happen.
    pub(crate) fn settle(&mut self, cx: &Ctx) -> Result<bool, EvalError> {
        for _ in 0..MAX_SWEEPS {
            let mut changed = false;
            for index in 0..self.fields.len() {
                changed |= self.look(cx, index)?;
            }
            if !changed {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn look(&mut self, cx: &Ctx, index: usize) -> Result<bool, EvalError> {
        let Some(field) = self.fields.get(index) else {
            return Ok(false);
        };
        let component = field.component;
        let above = field.parent.and_then(|parent| self.fields.get(parent));
        let hidden = if above.is_some_and(|above| above.hidden) {
            true
        } else {
            match &component.hide {
                Some(hide) => self.holds(cx, index, hide)?,
                None => false,
            }
        };
        let locked = match &component.readonly {
            Rule::When(when) if !component.disabled && !hidden => self.holds(cx, index, when)?,
            _ => component.is_locked(),
        };
        let mut changed = false;
        if let Some(field) = self.fields.get_mut(index)
            && (field.hidden != hidden || field.locked != locked)
        {
            field.hidden = hidden;
            field.locked = locked;
            changed = true;
        }
        if changed {
            self.write(index);
            if matches!(component.kind, Kind::Rows(_)) && !hidden {
                // Its rows were written anew: so are their fields.
                self.rewrite(index);
            }
        }
        if let (Kind::Computed(expression), false) = (&component.kind, hidden) {
            let value = self.evaluate(cx, index, expression)?;
            let path = self.fields.get(index).map(|field| field.path.clone());
            let path = path.unwrap_or_default();
            if get(&self.data, &path) != Some(&value) {
                set(&mut self.rows, &path, value.clone());
                set(&mut self.data, &path, value);
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Fields stand after those they are in.
    fn rewrite(&mut self, list: usize) {
        let path = self.fields.get(list).map(|field| field.path.clone());
        let path = path.unwrap_or_default();
        for index in list + 1..self.fields.len() {
            let inside = self
                .fields
                .get(index)
                .is_some_and(|field| field.path.len() > path.len() && field.path.starts_with(&path));
            if inside {
                self.write(index);
            }
        }
    }

    /// What is wrong with one field.
    pub(crate) fn faults(&self, cx: &Ctx, index: usize) -> Result<Vec<Fault>, EvalError> {
        let Some(field) = self.fields.get(index) else {
            return Ok(Vec::new());
        };
        if field.hidden || field.locked || matches!(field.component.kind, Kind::Group | Kind::Computed(_)) {
            return Ok(Vec::new());
        }
        if let Some((code, message)) = &field.flaw {
            return Ok(vec![super::fault(code, message.clone())]);
        }
        let value = get(&self.data, &field.path).unwrap_or(&Json::Null);
        let required = match &field.component.required {
            Rule::Always => true,
            Rule::Never => false,
            Rule::When(when) => self.holds(cx, index, when)?,
        };
        let check = value::Check {
            cx,
            component: field.component,
            required,
            given: self.given,
            shown_rows: below_steps(self.given, &field.path),
            eval: &|expression| self.evaluate(cx, index, expression),
        };
        check.faults(value)
    }

    /// The values to keep: those of the fields that are shown, each at its place.
    pub(crate) fn result(&self) -> Map<String, Json> {
        let mut kept = Json::Object(Map::new());
        for field in &self.fields {
            if field.hidden || matches!(field.component.kind, Kind::Group) {
                continue;
            }
            let value = match &field.component.kind {
                Kind::Rows(_) => Json::Array(vec![Json::Object(Map::new()); field.rows.len()]),
                _ => get(&self.data, &field.path).cloned().unwrap_or_default(),
            };
            set(&mut kept, &field.path, value);
        }
        match kept {
            Json::Object(kept) => kept,
            _ => Map::new(),
        }
    }
}

/// How many rows were shown first, where rows were given.
fn below_steps(given: &Map<String, Json>, path: &[Step]) -> Option<usize> {
    let (Step::Key(first), rest) = path.split_first()? else {
        return None;
    };
    get(given.get(first)?, rest)?.as_array().map(Vec::len)
}

/// Which given row each sent row is. A row has no name of its own: it is the one whose read-only values it shows. One
/// that shows others is new, so that read-only values are never taken from what is sent.
fn matched(list: &Component, sent: &[Json], given: &[Json]) -> Vec<Option<usize>> {
    fn locked<'c>(components: &'c [Component], path: &[&'c str], found: &mut Vec<Vec<&'c str>>) {
        for component in components {
            let own = component.path.iter().map(String::as_str);
            let path: Vec<&str> = path.iter().copied().chain(own).collect();
            match component.kind {
                Kind::Group => locked(&component.components, &path, found),
                Kind::Computed(_) | Kind::Rows(_) | Kind::Shown => {}
                _ if component.is_locked() => found.push(path),
                _ => {}
            }
        }
    }
    let mut paths = Vec::new();
    locked(&list.components, &[], &mut paths);
    let fixed = matches!(&list.kind, Kind::Rows(rows) if rows.fixed);
    let read = |row: &Json, path: &[&str]| {
        let found = path.iter().try_fold(row, |row, name| row.get(name));
        found.filter(|value| !value.is_null()).cloned()
    };
    // What is not sent (disabled fields are not) tells nothing.
    let is = |sent: &Json, given: &Json| {
        paths
            .iter()
            .all(|path| match (read(sent, path), read(given, path)) {
                (None, _) => true,
                (Some(sent), Some(given)) => number::same(&sent, &given),
                (Some(_), None) => false,
            })
    };
    let mut used = vec![false; given.len()];
    sent.iter()
        .enumerate()
        .map(|(index, row)| {
            let free = |at: usize| used.get(at) == Some(&false);
            let here = given.get(index).filter(|_| free(index));
            let found = if fixed || here.is_some_and(|given| is(row, given)) {
                here.map(|_| index)
            } else {
                let mut others = given.iter().enumerate();
                others
                    .find(|(at, given)| free(*at) && is(row, given))
                    .map(|(at, _)| at)
            };
            if let Some(slot) = found.and_then(|found| used.get_mut(found)) {
                *slot = true;
            }
            found
        })
        .collect()
}
