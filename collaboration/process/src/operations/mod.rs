//! The rows in the door.

mod instances;
mod messages;
mod migrations;
mod processes;
mod tasks;
mod trials;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::{ActorKind, Ctx, Problem, codes};
use banyan_door::{Call, Decision, Handler, Input, Operation, Reply, Target};
use banyan_store::Tx;
use serde_json::{Value as Json, json};

use crate::{Definition, Engine};

/// All rows of the engine.
pub fn operations(engine: &Arc<Engine>) -> Vec<Operation> {
    let mut rows = processes::rows(engine);
    rows.extend(instances::rows(engine));
    rows.extend(migrations::rows(engine));
    rows.extend(trials::rows(engine));
    rows.extend(messages::rows(engine));
    rows.extend(tasks::rows(engine));
    rows.extend(views::rows(engine));
    rows
}

/// A handler that is given the engine.
fn with(engine: &Arc<Engine>, act: fn(&Engine, &mut Call<'_, '_>) -> Result<Reply, Problem>) -> Handler {
    let engine = Arc::clone(engine);
    Handler::inside(move |call| act(&engine, call))
}

/// Items a page, 1 to 200.
fn limit(input: &Input) -> Result<u32, Problem> {
    Ok(input.query_parsed::<u32>("limit")?.unwrap_or(20).clamp(1, 200))
}

fn text_schema() -> Json {
    json!({ "type": "string" })
}

fn object_schema() -> Json {
    json!({ "type": "object" })
}

fn page_schema() -> Json {
    json!({
        "type": "object", "required": ["items", "next"],
        "properties": { "items": { "type": "array", "items": { "type": "object" } }, "next": { "type": ["string", "null"] } },
    })
}

fn page(items: Vec<Json>, next: Option<String>) -> Result<Reply, Problem> {
    Reply::json(json!({ "items": items, "next": next }))
}

/// Whether a package's policy permits a verb of its process (`start`, `watch`) to somebody who does not keep the platform:
/// to those who do it permits everything.
fn permitted(call: &Call<'_, '_>, process: &str, verb: &str) -> Result<bool, Problem> {
    if call.cx.actor.is_admin() {
        return Ok(false);
    }
    let decision = call
        .door
        .decide(call.cx, call.operation.name, &Target::records(process, verb))?;
    Ok(matches!(decision, Decision::Permit(_)))
}

/// Whether somebody may start a process: whom it names, whom policy names, and whoever keeps the platform.
fn may_start(call: &Call<'_, '_>, definition: &Definition) -> Result<bool, Problem> {
    Ok(named_starter(call.cx, definition) || permitted(call, &definition.id, "start")?)
}

fn named_starter(cx: &Ctx, definition: &Definition) -> bool {
    let starters = &definition.process().starters;
    cx.actor.is_admin()
        || starters.iter().any(|role| {
            if role == "citizen" {
                cx.actor.kind == ActorKind::Citizen
            } else {
                cx.actor.has_role(&definition.qualified(role))
            }
        })
}

/// The refusal of a form, with its places as the caller sent them: in a body's member of that name.
fn under(member: &str, mut refusal: Problem) -> Problem {
    for error in &mut refusal.errors {
        error.pointer = format!("/{member}{}", error.pointer);
    }
    refusal
}

/// Names of accounts, as far as they are known.
fn names(
    engine: &Engine,
    tx: &mut Tx<'_>,
    ids: &BTreeSet<String>,
) -> Result<BTreeMap<String, String>, Problem> {
    match engine.ports().and_then(|ports| ports.names.as_ref()) {
        Some(names) => names(tx, ids),
        None => Ok(BTreeMap::new()),
    }
}

/// Whoever keeps the platform, and whoever designs for it.
fn keeps(cx: &Ctx) -> bool {
    cx.actor.is_admin() || cx.actor.has_role("designer")
}

/// Only for whoever keeps the platform or designs for it.
fn keeper(cx: &Ctx) -> Result<(), Problem> {
    if keeps(cx) {
        Ok(())
    } else {
        Err(Problem::new(
            codes::FORBIDDEN,
            "只有管理员和设计人员可以做这件事;需要的话请联系管理员。",
        ))
    }
}

/// A key, written as text or number; none where it is empty or anything else.
fn key(value: &Json) -> Option<String> {
    match value {
        Json::String(text) if !text.is_empty() => Some(text.chars().take(200).collect()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
