//! An evaluation with its reasons: for every decision that took part, what it was given, which rules fired with what is
//! annotated to them, and what came out.

use std::sync::Arc;

use banyan_base::{Ctx, FieldError};
use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_model::{DmnElement, HitPolicy, NamedElement};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::convert::{to_json, trace};
use crate::model::{Invocable, InvocableKind, Model, table_of};
use crate::worker::Stopped;
use crate::xml::{ElementKind, TableNote};

/// One rule that matched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fired {
    /// Number of the rule in its table, from 1.
    pub rule: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Annotations by column.
    pub annotations: Map<String, Json>,
    /// The law article it stands on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<String>,
    /// What it puts out, column by column.
    pub outputs: Vec<Json>,
    /// Whether the hit policy took it into the result.
    pub used: bool,
}

/// A column of the table: what it asks for and what that was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub expression: String,
    pub value: Json,
}

/// One decision that took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    pub name: String,
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hit_policy: Option<String>,
    pub matched: Vec<Fired>,
    /// What it required, by name: inputs and results of other decisions.
    pub inputs: Map<String, Json>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub columns: Vec<Column>,
    pub result: Json,
    /// Why the result is null, where the engine says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub law: Option<String>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub result: Json,
    /// The type of the result in FEEL: JSON does not tell a date from a text.
    pub kind: String,
    pub note: Option<String>,
    /// Reasons, those required before those that require them.
    pub reasons: Vec<Reason>,
    /// Inputs that do not fit their types.
    pub wrong: Vec<FieldError>,
    /// Inputs that the decision does not know.
    pub unknown: Vec<String>,
}

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    #[error("there is no decision {0}")]
    NoDecision(String),
    #[error("{0}")]
    TooLarge(String),
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Whether the reasons are wanted; they cost two more evaluations a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reasons {
    Given,
    LeftOut,
}

/// Decides what is asked for by name.
///
/// # Errors
/// Where there is no such decision, or it can't be evaluated.
pub fn decide(
    cx: &Ctx,
    model: &Arc<Model>,
    name: &str,
    input: &Map<String, Json>,
    reasons: Reasons,
) -> Result<Outcome, Undecided> {
    let asked = model
        .find(name)
        .ok_or_else(|| Undecided::NoDecision(name.to_owned()))?;
    let given = model.given(asked, input).map_err(Undecided::TooLarge)?;
    let result = model.evaluate(cx, asked, &given.context)?;
    let mut told = Vec::new();
    if reasons == Reasons::Given && asked.kind == InvocableKind::Decision {
        tell(cx, model, asked, &given.context, Some(&result), &mut told)?;
    }
    Ok(Outcome {
        result: to_json(&result),
        kind: result.type_of().to_string(),
        note: trace(&result),
        reasons: told,
        wrong: given.wrong,
        unknown: given.unknown,
    })
}

fn tell(
    cx: &Ctx,
    model: &Arc<Model>,
    asked: &Invocable,
    context: &FeelContext,
    known: Option<&Value>,
    told: &mut Vec<Reason>,
) -> Result<(), Stopped> {
    if told
        .iter()
        .any(|reason| reason.id == asked.id && reason.name == asked.name)
    {
        return Ok(());
    }
    for (space, id) in &asked.requires {
        // What an imported decision is given stands under the import's name.
        if let Some(required) = model.decision(space, id).filter(|one| one.model == asked.model) {
            tell(cx, model, required, context, None, told)?;
        }
    }
    let result = match known {
        Some(result) => result.clone(),
        None => model.evaluate(cx, asked, context)?,
    };
    let probe = model.probe(cx, asked, context)?;
    let element = model.notes.get(asked.model).and_then(|notes| {
        let mut elements = notes.elements.iter();
        elements.find(|element| element.kind == ElementKind::Decision && element.name == asked.name)
    });
    let definitions = model.definitions.get(asked.model);
    let decision = definitions.and_then(|model| {
        let all = model.drg_elements();
        all.filter_map(|element| match element {
            dsntk_model::DrgElement::Decision(decision) => Some(decision),
            _ => None,
        })
        .find(|decision| decision.name() == asked.name)
    });
    let table = decision.and_then(table_of);
    let note = element
        .filter(|_| table.is_some())
        .and_then(|element| element.tables.first());
    let mut inputs = Map::new();
    for (name, value) in asked.required.iter().zip(&probe.required) {
        inputs.insert(name.clone(), value.as_ref().map_or(Json::Null, to_json));
    }
    let columns = table
        .into_iter()
        .flat_map(|table| table.input_clauses())
        .zip(&probe.columns);
    let policy = table.map(|table| table.hit_policy());
    told.push(Reason {
        name: asked.name.clone(),
        id: decision.map_or_else(String::new, |decision| decision.id().clone()),
        hit_policy: policy.map(|policy| policy.to_string()),
        matched: fired(&probe.matched, note, policy, &result),
        inputs,
        columns: columns
            .map(|(clause, value)| Column {
                expression: clause.input_expression.trim().to_owned(),
                value: to_json(value),
            })
            .collect(),
        result: to_json(&result),
        note: trace(&result),
        law: element.and_then(|element| element.law.clone()),
    });
    Ok(())
}

fn fired(
    matched: &[(usize, Vec<Value>)],
    note: Option<&TableNote>,
    policy: Option<HitPolicy>,
    result: &Value,
) -> Vec<Fired> {
    let single = matches!(policy, Some(HitPolicy::Priority));
    let mut taken = false;
    let all = matched.iter().enumerate();
    all.map(|(at, (rule, outputs))| {
        let rule_note = note.and_then(|note| note.rules.get(rule.checked_sub(1)?));
        let used = match policy {
            Some(HitPolicy::First) => at == 0,
            Some(HitPolicy::Unique) => matched.len() == 1,
            // The one whose outputs are the result.
            _ if single => !taken && same(outputs, result),
            _ => true,
        };
        taken |= used;
        let annotations = rule_note.map(|note| note.annotations.clone()).unwrap_or_default();
        Fired {
            rule: *rule,
            id: rule_note.and_then(|note| note.id.clone()),
            annotations: annotations
                .into_iter()
                .map(|(name, text)| (name, Json::String(text)))
                .collect(),
            law: rule_note.and_then(|note| note.law.clone()),
            outputs: outputs.iter().map(to_json).collect(),
            used,
        }
    })
    .collect()
}

fn same(outputs: &[Value], result: &Value) -> bool {
    match result {
        Value::Context(entries) => outputs
            .iter()
            .all(|output| entries.iter().any(|(_, value)| value == output)),
        value => outputs.first() == Some(value),
    }
}

impl Outcome {
    /// Rules that the result rests on, as `decision#rule`.
    pub fn rules(&self) -> Vec<String> {
        let reasons = self.reasons.iter();
        reasons
            .flat_map(|reason| {
                let used = reason.matched.iter().filter(|fired| fired.used);
                used.map(|fired| format!("{}#{}", reason.name, fired.rule))
            })
            .collect()
    }
}
