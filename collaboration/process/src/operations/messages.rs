//! `message.*`, `signal.*`, `work.*`: what comes from outside.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Call, Method, Operation, Reply};
use jiff::{SignedDuration, Span};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{keeper, object_schema, text_schema, with};
use crate::engine::Command;
use crate::message::Letter;
use crate::{Engine, Session, work};

/// The role of machines that do work of processes, and tell them of events.
const WORKER: &str = "base.worker";

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    let post = |name, title, path, act, input: fn() -> Json| Operation {
        input,
        output: object_schema,
        ..Operation::write(name, title, Method::Post, path, with(engine, act))
    };
    vec![
        post("message.publish", "发送消息", "/v1/messages", publish, || {
            json!({
                "type": "object", "required": ["name"], "additionalProperties": false,
                "properties": {
                    "name": text_schema(), "key": { "type": ["string", "number", "null"] }, "variables": { "type": "object" }, "ttl": text_schema(),
                    "id": text_schema(),
                },
            })
        }),
        post(
            "signal.broadcast",
            "广播信号",
            "/v1/signals",
            broadcast,
            || {
                json!({
                    "type": "object", "required": ["name"], "additionalProperties": false,
                    "properties": { "name": text_schema(), "variables": { "type": "object" } },
                })
            },
        ),
        Operation {
            idempotent: false,
            ..post(
                "work.fetch",
                "领取外部工作",
                "/v1/work/fetch",
                fetch,
                || {
                    json!({
                        "type": "object", "required": ["topic"], "additionalProperties": false,
                        "properties": {
                            "topic": text_schema(), "max": { "type": "integer", "minimum": 1, "maximum": 100 }, "lease": text_schema(),
                        },
                    })
                },
            )
        },
        post(
            "work.complete",
            "完成外部工作",
            "/v1/work/{id}/complete",
            complete,
            || json!({ "type": "object", "additionalProperties": false, "properties": { "variables": { "type": "object" } } }),
        ),
        post(
            "work.fail",
            "外部工作失败",
            "/v1/work/{id}/fail",
            fail,
            || {
                json!({
                    "type": "object", "required": ["error"], "additionalProperties": false,
                    "properties": { "error": text_schema(), "message": text_schema(), "retry_in": text_schema() },
                })
            },
        ),
    ]
}

/// Machines with the role, and whoever keeps the platform.
fn worker(call: &Call<'_, '_>) -> Result<(), Problem> {
    if call.cx.actor.has_role(WORKER) {
        Ok(())
    } else {
        keeper(call.cx)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    name: String,
    key: Option<Json>,
    #[serde(default)]
    variables: Map<String, Json>,
    ttl: Option<String>,
    id: Option<String>,
}

fn length(text: &str, field: &str) -> Result<SignedDuration, Problem> {
    let wrong = || {
        Problem::new(
            codes::INVALID,
            format!("“{text}”不是 ISO 8601 时长,例如 PT30S、P1D。"),
        )
        .with_error(format!("/{field}"), "type", "应是 ISO 8601 时长")
    };
    let span: Span = text.parse().map_err(|_| wrong())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    span.to_duration(days).map_err(|_| wrong())
}

fn publish(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    worker(call)?;
    let sent: Message = call.input.typed_body()?;
    if let Some(ttl) = &sent.ttl {
        length(ttl, "ttl")?;
    }
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    let new = session.publish(Letter {
        name: sent.name,
        key: sent.key.as_ref().and_then(super::key),
        id: sent.id,
        time_to_live: sent.ttl,
        variables: sent.variables,
    })?;
    session.finish()?;
    Reply::json(json!({ "taken": new }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signal {
    name: String,
    #[serde(default)]
    variables: Map<String, Json>,
}

fn broadcast(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    worker(call)?;
    let sent: Signal = call.input.typed_body()?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.broadcast(&sent.name, &sent.variables)?;
    session.finish()?;
    Reply::json(json!({ "name": sent.name }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fetch {
    topic: String,
    max: Option<u32>,
    lease: Option<String>,
}

fn fetch(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    worker(call)?;
    let sent: Fetch = call.input.typed_body()?;
    let lease = length(sent.lease.as_deref().unwrap_or("PT5M"), "lease")?;
    let most = sent.max.unwrap_or(1).clamp(1, 100);
    let jobs = work::fetch(call.cx, call.tx, &sent.topic, most, lease)?;
    Reply::json(json!({ "items": jobs }))
}

fn not_mine() -> Problem {
    Problem::new(
        codes::NOT_FOUND,
        "没有这项工作,或者它已不归您:领取的时限已过,或流程已往前走。",
    )
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Done {
    variables: Map<String, Json>,
}

fn complete(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    worker(call)?;
    let sent: Done = call.input.typed_body()?;
    let id = call.input.path_value("id")?.to_owned();
    let (instance, token) = work::take(call.cx, call.tx, &id)?.ok_or_else(not_mine)?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.command(
        &instance,
        Command::Worked {
            token,
            result: Json::Object(sent.variables),
        },
    )?;
    session.finish()?;
    Reply::json(json!({ "id": id }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failed {
    /// The BPMN error's code, where the process catches one.
    error: String,
    #[serde(default)]
    message: String,
    retry_in: Option<String>,
}

fn fail(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    worker(call)?;
    let sent: Failed = call.input.typed_body()?;
    let id = call.input.path_value("id")?.to_owned();
    if let Some(again) = &sent.retry_in {
        let after = length(again, "retry_in")?;
        if !work::later(call.cx, call.tx, &id, after)? {
            return Err(not_mine());
        }
        return Reply::json(json!({ "id": id, "again": true }));
    }
    let (instance, token) = work::take(call.cx, call.tx, &id)?.ok_or_else(not_mine)?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.command(
        &instance,
        Command::Failed {
            token,
            code: sent.error,
            message: sent.message,
            again: false,
        },
    )?;
    session.finish()?;
    Reply::json(json!({ "id": id, "again": false }))
}
