//! `instance.*`, `incident.*`: what runs, what is stuck, and mending it.

use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::{Problem, codes, timestamp_text};
use banyan_door::{Call, Method, Operation, Reply};
use banyan_store::Value;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{keeper, keeps, limit, names, object_schema, page, page_schema, permitted, text_schema, with};
use crate::engine::state::{Holder, On, Wait};
use crate::engine::{Command, Instance, Key, Modification};
use crate::instance::{COLUMNS, Record, decode};
use crate::{Definition, Engine, Error, Session, history, instance};

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    let post = |name, title, path, act, input: fn() -> Json| Operation {
        input,
        output: object_schema,
        ..Operation::write(name, title, Method::Post, path, with(engine, act))
    };
    vec![
        Operation {
            output: page_schema,
            query: &[
                ("process", "流程"),
                ("state", "running、completed、cancelled、failed、incident"),
                ("q", "业务编号"),
                ("cursor", "翻页标记"),
                ("limit", "一页几条"),
            ],
            ..Operation::read(
                "instance.list",
                "列出流程实例",
                "/v1/process_instances",
                with(engine, list),
            )
        },
        Operation {
            output: object_schema,
            query: &[("as_of", "看哪一刻的样子")],
            ..Operation::read(
                "instance.view",
                "查看流程实例",
                "/v1/process_instances/{id}",
                with(engine, view),
            )
        },
        Operation {
            output: page_schema,
            query: &[("cursor", "翻页标记"), ("limit", "约几步")],
            ..Operation::read(
                "instance.history",
                "流程实例的经过",
                "/v1/process_instances/{id}/history",
                with(engine, past),
            )
        },
        post(
            "instance.cancel",
            "取消流程实例",
            "/v1/process_instances/{id}/cancel",
            cancel,
            || {
                json!({
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": { "reason": { "type": "string", "minLength": 1, "maxLength": 1000 } },
                })
            },
        ),
        post(
            "instance.modify",
            "改动流程实例",
            "/v1/process_instances/{id}/modify",
            modify,
            || {
                json!({
                    "type": "object", "required": ["reason"], "additionalProperties": false,
                    "properties": {
                        "terminate": { "type": "array", "items": { "type": ["string", "integer"] } },
                        "start": { "type": "array", "items": {
                            "type": "object", "required": ["element"], "properties": { "element": text_schema() },
                        } },
                        "variables": { "type": "object" }, "reason": { "type": "string", "minLength": 1, "maxLength": 1000 },
                    },
                })
            },
        ),
        Operation {
            output: page_schema,
            query: &[("process", "流程"), ("cursor", "翻页标记"), ("limit", "一页几条")],
            ..Operation::read(
                "incident.list",
                "列出流程故障",
                "/v1/incidents",
                with(engine, incidents),
            )
        },
        post(
            "incident.retry",
            "重试流程故障",
            "/v1/incidents/{id}/retry",
            retry,
            || json!({ "type": "object", "additionalProperties": false, "properties": { "variables": { "type": "object" } } }),
        ),
    ]
}

fn summary(record: &Record, title: &str) -> Json {
    json!({
        "id": record.id, "process": record.process, "title": title, "version": record.version,
        "state": if record.incidents > 0 && record.state == "running" { "incident" } else { record.state.as_str() },
        "business_key": record.business_key, "started_at": record.started_at, "started_by": record.started_by,
        "ended_at": record.ended_at, "incidents": record.incidents, "parent": record.parent,
    })
}

fn list(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let most = limit(call.input)?;
    let mut params: Vec<Value> = Vec::new();
    let mut add = |value: Value| {
        params.push(value);
        format!("?{}", params.len())
    };
    let mut sql = String::from("1 = 1");
    let text = |name: &str| call.input.query_value(name).filter(|text| !text.is_empty());
    if let Some(process) = text("process") {
        sql.push_str(&format!(" AND i.process = {}", add(process.into())));
    }
    match text("state") {
        None => {}
        Some("incident") => sql.push_str(" AND i.incidents > 0"),
        // Said as the partial index has it.
        Some("running") => sql.push_str(" AND i.state = 'running'"),
        Some(state @ ("completed" | "cancelled" | "failed")) => {
            sql.push_str(&format!(" AND i.state = {}", add(state.into())));
        }
        Some(_) => {
            return Err(Problem::new(codes::BAD_REQUEST, "没有这种状态。").with_error(
                "?state",
                "type",
                "不在可选值之内",
            ));
        }
    }
    if let Some(key) = text("q") {
        sql.push_str(&format!(" AND i.business_key = {}", add(key.into())));
    }
    if let Some(after) = text("cursor") {
        sql.push_str(&format!(" AND i.id < {}", add(after.into())));
    }
    if !keeps(call.cx) {
        sql.push_str(&format!(
            " AND EXISTS (SELECT 1 FROM process_party p WHERE p.account = {} AND p.instance = i.id)",
            add(call.cx.actor.id.as_str().into())
        ));
    }
    let bound = add((most + 1).into());
    let rows = call.tx.query(
        &format!("SELECT {COLUMNS} FROM process_instance i WHERE {sql} ORDER BY i.id DESC LIMIT {bound}"),
        &params,
    )?;
    let mut records = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = records.len() > most;
    records.truncate(most);
    let next = if more {
        records.last().map(|last| last.id.clone())
    } else {
        None
    };
    let mut items = Vec::new();
    for record in &records {
        let definition = engine.definition(call.tx, &record.process, record.version)?;
        items.push(summary(record, &definition.title));
    }
    page(items, next)
}

/// The instance, for those who have to do with it.
fn visible(call: &mut Call<'_, '_>, id: &str) -> Result<(Record, Instance), Problem> {
    let missing = || Problem::from(Error::NoInstance(id.to_owned()));
    let found = instance::find(call.tx, id)?.ok_or_else(missing)?;
    if keeps(call.cx)
        || instance::is_party(call.tx, &call.cx.actor.id, id)?
        || permitted(call, &found.0.process, "watch")?
    {
        return Ok(found);
    }
    // Whoever has to do with the one that called it sees it too.
    match &found.0.parent {
        Some(parent) if instance::is_party(call.tx, &call.cx.actor.id, parent)? => Ok(found),
        _ => Err(missing()),
    }
}

/// Whether somebody sees what an instance holds. Whoever keeps the platform sees how it stands, and what it holds only where
/// its package has no persons' data.
fn reads(engine: &Engine, call: &mut Call<'_, '_>, record: &Record) -> Result<bool, Problem> {
    let me = call.cx.actor.id.clone();
    if instance::is_party(call.tx, &me, &record.id)? {
        return Ok(true);
    }
    if let Some(parent) = &record.parent
        && instance::is_party(call.tx, &me, parent)?
    {
        return Ok(true);
    }
    if permitted(call, &record.process, "watch")? {
        return Ok(true);
    }
    let package = record.process.split('.').next().unwrap_or("");
    let personal = match engine.ports().and_then(|ports| ports.personal.as_ref()) {
        Some(personal) => personal(call.tx, package)?,
        None => false,
    };
    Ok(keeps(call.cx) && !personal)
}

fn word(wait: &Wait) -> &'static str {
    match wait {
        Wait::Ready(_) | Wait::Throw => "active",
        Wait::Task => "task",
        Wait::Work(_) => "work",
        Wait::Retry(_) => "retry",
        Wait::Incident(_) => "incident",
        Wait::Event => "event",
        Wait::Inside => "inside",
        Wait::Repeats => "repeats",
        Wait::Call => "call",
        Wait::Join => "join",
        Wait::Undo(_) => "undo",
    }
}

fn tokens(definition: &Definition, inst: &Instance) -> Vec<Json> {
    inst.tokens
        .iter()
        .map(|(key, token)| {
            json!({
                "id": key.to_string(), "element": definition.element(token.node),
                "since": timestamp_text(token.since), "state": word(&token.wait),
            })
        })
        .collect()
}

fn view(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let (record, inst) = visible(call, &id)?;
    let definition = engine.definition(call.tx, &record.process, record.version)?;
    let reads = reads(engine, call, &record)?;
    let held = |variables: Map<String, Json>| {
        if reads { variables } else { Map::new() }
    };
    let mut item = summary(&record, &definition.title);
    let Some(shown) = item.as_object_mut() else {
        return Reply::json(item);
    };
    if let Some(moment) = call.input.query_value("as_of").filter(|text| !text.is_empty()) {
        let at: jiff::Timestamp = moment.parse().map_err(|_| {
            Problem::new(codes::BAD_REQUEST, "as_of 应是 RFC 3339 时刻。").with_error(
                "?as_of",
                "type",
                "格式不对",
            )
        })?;
        let then = history::as_of(engine, call.tx, &id, &record.process, &timestamp_text(at))?;
        let tokens: Vec<Json> = then
            .tokens
            .iter()
            .map(|(key, (element, since))| {
                json!({ "id": key.to_string(), "element": element, "since": since, "state": "active" })
            })
            .collect();
        shown.insert("as_of".into(), timestamp_text(at).into());
        shown.insert("state".into(), then.state.into());
        shown.insert("tokens".into(), tokens.into());
        shown.insert("variables".into(), Json::Object(held(then.variables)));
        shown.insert("variables_hidden".into(), (!reads).into());
        // The number of today's: what stood still then is in the history.
        shown.remove("incidents");
        return Reply::json(item);
    }
    let mut timers = Vec::new();
    let mut subscriptions = Vec::new();
    for sub in inst.subs.values() {
        let element = definition.element(sub.node);
        let holder = match sub.holder {
            Holder::Token(token) => Some(token.to_string()),
            Holder::Scope(_) => None,
        };
        match &sub.on {
            On::Timer(clock) => timers.push(json!({
                "element": element, "token": holder, "due_at": clock.due.map(timestamp_text), "paused": clock.due.is_none(),
            })),
            On::Retry(at) => timers.push(json!({
                "element": element, "token": holder, "due_at": timestamp_text(*at), "retry": true,
            })),
            On::Message { name, key } => subscriptions.push(json!({
                "element": element, "token": holder, "kind": "message", "name": name, "key": key,
            })),
            On::Signal(name) => subscriptions.push(json!({
                "element": element, "token": holder, "kind": "signal", "name": name,
            })),
            On::Condition(_) => {
                subscriptions.push(json!({ "element": element, "token": holder, "kind": "condition" }));
            }
        }
    }
    let troubles: Vec<Json> = inst
        .troubles()
        .map(|(key, token, trouble)| {
            json!({
                "id": format!("{id}.{key}"), "token": key.to_string(), "element": definition.element(token.node),
                "kind": trouble.kind, "message": trouble.message,
            })
        })
        .collect();
    let mut calls = Vec::new();
    for called in instance::calls(call.tx, &id)? {
        let element = called
            .parent_token
            .and_then(|token| inst.tokens.get(&token))
            .map(|token| definition.element(token.node));
        calls.push(
            json!({ "id": called.id, "process": called.process, "state": called.state, "element": element }),
        );
    }
    shown.insert("variables".into(), Json::Object(held(inst.variables())));
    shown.insert("variables_hidden".into(), (!reads).into());
    shown.insert("tokens".into(), tokens(&definition, &inst).into());
    shown.insert("timers".into(), timers.into());
    shown.insert("subscriptions".into(), subscriptions.into());
    shown.insert("incidents".into(), troubles.into());
    shown.insert("calls".into(), calls.into());
    if let Some((code, message)) = &inst.error {
        shown.insert("error".into(), json!({ "code": code, "message": message }));
    }
    Reply::json(item)
}

fn past(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let (record, _) = visible(call, &id)?;
    let reads = reads(engine, call, &record)?;
    let after = call.input.query_parsed::<i64>("cursor")?.unwrap_or(0);
    let most = limit(call.input)?;
    let lines = history::lines(engine, call.tx, &id, &record.process, after, most)?;
    let people: BTreeSet<String> = lines.iter().map(|line| line.actor.clone()).collect();
    let known = names(engine, call.tx, &people)?;
    let last = lines.last().map(|line| line.seq);
    let items: Vec<Json> = lines
        .iter()
        .map(|line| {
            let mut item = line.shown(reads);
            if let Some(item) = item.as_object_mut() {
                item.insert("actor_name".into(), json!(known.get(&line.actor)));
            }
            item
        })
        .collect();
    let next = match last {
        Some(last) if last / 100_000 < record.revision => Some(last.to_string()),
        _ => None,
    };
    page(items, next)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

fn cancel(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    visible(call, &id)?;
    keeper(call.cx)?;
    let sent: Reason = call.input.typed_body()?;
    if sent.reason.trim().is_empty() {
        return Err(Problem::new(codes::INVALID, "请写明原因。").with_error("/reason", "required", "必填"));
    }
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.remark(&id, "cancel", json!({ "reason": sent.reason }))?;
    session.command(&id, Command::Cancel)?;
    session.finish()?;
    Reply::json(json!({ "id": id, "state": "cancelled" }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default)]
    terminate: Vec<Json>,
    #[serde(default)]
    start: Vec<crate::engine::host::StartAt>,
    #[serde(default)]
    variables: Map<String, Json>,
    reason: String,
}

fn modify(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    visible(call, &id)?;
    keeper(call.cx)?;
    let sent: Change = call.input.typed_body()?;
    if sent.reason.trim().is_empty() {
        return Err(Problem::new(codes::INVALID, "请写明原因。").with_error("/reason", "required", "必填"));
    }
    let terminate = sent
        .terminate
        .iter()
        .map(|token| {
            let number = match token {
                Json::String(text) => text.parse::<Key>().ok(),
                other => other.as_u64().and_then(|number| Key::try_from(number).ok()),
            };
            number.ok_or_else(|| {
                Problem::new(codes::INVALID, "令牌应是实例视图里的标识。").with_error(
                    "/terminate",
                    "type",
                    "格式不对",
                )
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.remark(&id, "modify", json!({ "reason": sent.reason }))?;
    session.command(
        &id,
        Command::Modify(Modification {
            terminate,
            start: sent.start,
            variables: sent.variables,
        }),
    )?;
    session.finish()?;
    view(engine, call)
}

fn incidents(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    keeper(call.cx)?;
    let most = limit(call.input)?;
    let process = call.input.query_value("process").unwrap_or("").to_owned();
    let after = call.input.query_value("cursor").unwrap_or("").to_owned();
    let rows = call.tx.query(
        "SELECT instance, token, process, version, element, kind, message, opened_at FROM process_incident
         WHERE (?1 = '' OR process = ?1) AND (?2 = '' OR instance < ?2) ORDER BY instance DESC, token LIMIT ?3",
        &[process.into(), after.into(), (most + 1).into()],
    )?;
    let mut items = Vec::new();
    let mut last = String::new();
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    for row in rows.iter().take(most) {
        let (instance, token): (String, u32) = (row.get(0)?, row.get(1)?);
        last.clone_from(&instance);
        items.push(json!({
            "id": format!("{instance}.{token}"), "instance": instance, "token": token.to_string(),
            "process": row.get::<String>(2)?, "version": row.get::<i64>(3)?, "element": row.get::<String>(4)?,
            "kind": row.get::<String>(5)?, "message": row.get::<String>(6)?, "opened_at": row.get::<String>(7)?,
        }));
    }
    page(items, more.then_some(last))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Mend {
    variables: Map<String, Json>,
}

fn retry(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    keeper(call.cx)?;
    let id = call.input.path_value("id")?.to_owned();
    let sent: Mend = match &call.input.body {
        banyan_door::Body::None => Mend::default(),
        _ => call.input.typed_body()?,
    };
    let missing = || Problem::new(codes::NOT_FOUND, "没有这个故障,或者它已经排除。");
    let (instance, token) = id
        .rsplit_once('.')
        .and_then(|(instance, token)| Some((instance.to_owned(), token.parse::<Key>().ok()?)))
        .ok_or_else(missing)?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.command(
        &instance,
        Command::Retry {
            token,
            variables: sent.variables,
        },
    )?;
    let still = session
        .look(&instance)?
        .0
        .troubles()
        .find(|(key, _, _)| *key == token)
        .map(|(_, _, trouble)| trouble.message.clone());
    session.finish()?;
    Reply::json(json!({ "instance": instance, "mended": still.is_none(), "message": still }))
}
