//! The operations of the person's log and of objections.

use std::sync::Arc;

use banyan_base::{Limit, Problem, codes};
use banyan_door::{Call, Handler, Method, Operation, Reply, Touch};
use serde_json::{Value as Json, json};

use super::declared::{ACCESS, OBJECTION};
use super::objection::{self, Objection};
use super::{PersonLog, log, whose};

const LOG: &str = "/v1/access_log";
const OBJECTIONS: &str = "/v1/objections";

/// Whoever looks at another's log leaves an entry in it; one's own look is no news.
fn seen(call: &Call<'_, '_>, party: &str) -> Result<(), Problem> {
    if call.cx.actor.standing.party.as_deref() == Some(party) {
        return Ok(());
    }
    let touch = Touch {
        purpose: Some(ACCESS.into()),
        ..Touch::of("platform.access_log")
    };
    call.touched(&touch, [party])
}

/// Those who answer see what a person wrote.
fn shown<'a>(
    call: &Call<'_, '_>,
    objections: impl IntoIterator<Item = &'a Objection>,
) -> Result<(), Problem> {
    let touch = Touch {
        purpose: Some(OBJECTION.into()),
        ..Touch::of("platform.objection").fields(["entry", "reason", "answer"])
    };
    let own = call.cx.actor.standing.party.clone();
    let others = objections.into_iter().map(|one| one.party.as_str());
    call.touched(&touch, others.filter(|party| own.as_deref() != Some(*party)))
}

fn list(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    let limit = match call.input.query_parsed::<u32>("limit")? {
        Some(count) => {
            Limit::new(count).ok_or_else(|| Problem::new(codes::BAD_REQUEST, "limit 至少为 1。"))?
        }
        None => Limit::DEFAULT,
    };
    let wanted = log::wanted(call.input, limit.get())?;
    seen(call, &party)?;
    let (items, next) = log::entries(person, call.cx, call.tx, &party, &wanted)?;
    let choices = log::choices(person, call.tx, &party)?;
    Reply::json(json!({ "items": items, "next": next.map(|next| next.to_string()), "choices": choices }))
}

fn view(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    seen(call, &party)?;
    let id = call.input.path_value("id")?;
    Reply::json(log::entry(person, call.cx, call.tx, &party, id)?.0)
}

fn export(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    let wanted = log::wanted(call.input, log::EXPORTED)?;
    seen(call, &party)?;
    let (items, _) = log::entries(person, call.cx, call.tx, &party, &wanted)?;
    let reply = Reply::bytes("text/csv; charset=utf-8", log::table(&items)?);
    Ok(reply.with_header("Content-Disposition", "attachment; filename=\"access-log.csv\""))
}

fn create(person: &PersonLog, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    let made = objection::create(person, call.cx, call.tx, &party, &call.input.typed_body()?)?;
    Reply::created(format!("{OBJECTIONS}/{}", made.id), made.to_json(call.cx))
}

fn mine(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let party = whose(call.cx)?.to_owned();
    let all = objection::of_person(call.tx, &party)?;
    shown(call, &all)?;
    let items: Vec<Json> = all.iter().map(|one| one.to_json(call.cx)).collect();
    Reply::json(json!({ "items": items }))
}

fn one(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?;
    let found = objection::find(call.tx, call.cx, whose(call.cx).ok(), id)?;
    shown(call, [&found])?;
    Reply::json(found.to_json(call.cx))
}

fn queue(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let open = match call.input.query_value("state") {
        None | Some("") => None,
        Some("open") => Some(true),
        Some("answered") => Some(false),
        Some(other) => {
            let text = format!("state 应为 open 或 answered,而不是“{other}”。");
            return Err(Problem::new(codes::BAD_REQUEST, text));
        }
    };
    let found = objection::queue(call.tx, &call.cx.actor, open)?;
    shown(call, &found)?;
    let items: Vec<Json> = found.iter().map(|one| one.to_json(call.cx)).collect();
    Reply::json(json!({ "items": items }))
}

fn answer(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?;
    let sent = call.input.typed_body()?;
    let answered = objection::answer(call.tx, call.cx, id, &sent)?;
    shown(call, [&answered])?;
    Reply::json(answered.to_json(call.cx))
}

pub(super) fn text() -> Json {
    json!({ "type": ["string", "null"] })
}

fn named() -> Json {
    json!({ "type": "object", "properties": { "name": { "type": "string" }, "title": { "type": "string" } } })
}

pub(super) fn list_of(item: &Json) -> Json {
    json!({ "type": "array", "items": item })
}

/// The schema of an entry as a person is told it.
fn entry() -> Json {
    json!({
        "type": "object",
        "required": ["id", "at", "who", "type", "type_title", "fields", "through", "others", "objectionable"],
        "properties": {
            "id": { "type": "string" }, "at": { "type": "string", "format": "date-time" },
            "who": { "type": "object", "properties": {
                "kind": { "type": "string", "enum": ["unit", "self", "citizen", "service", "system", "anonymous"] },
                "title": { "type": "string" }, "unit": text(), "post": text(), "name": text(), "on_behalf_of": text(),
                "delegated": { "type": "boolean", "description": "由他人代办" },
            } },
            "purpose": { "type": ["object", "null"], "properties": {
                "name": { "type": "string" }, "title": { "type": "string" }, "legal_basis": text(),
            } },
            "system": text(), "type": { "type": "string" }, "type_title": { "type": "string" },
            "all_fields": { "type": "boolean" }, "fields": list_of(&named()),
            "through": { "type": "string" }, "through_title": { "type": "string" },
            "others": { "type": "integer", "description": "同一次查看还涉及多少人" },
            "objection": { "type": ["object", "null"] }, "objectionable": { "type": "boolean" },
        },
    })
}

/// The schema of an objection.
fn described() -> Json {
    json!({
        "type": "object",
        "required": ["id", "entry", "owner", "reason", "made_at", "due_on", "overdue", "state"],
        "properties": {
            "id": { "type": "string" }, "entry": entry(), "owner": { "type": "string", "description": "答复的单位" },
            "reason": { "type": "string" }, "made_at": { "type": "string", "format": "date-time" },
            "due_on": { "type": "string", "format": "date", "description": "最晚答复日" },
            "overdue": { "type": "boolean" },
            "state": { "type": "string", "enum": ["open", "upheld", "partly", "rejected"] },
            "state_title": { "type": "string" }, "answered_at": text(), "answer": text(),
        },
    })
}

pub(super) fn items(item: &Json) -> Json {
    json!({ "type": "object", "required": ["items"], "properties": { "items": list_of(item) } })
}

const FILTERS: &[(&str, &str)] = &[
    ("from", "从哪一天(或时刻)起"),
    ("until", "到哪一天为止,含当天"),
    ("unit", "单位代码"),
    ("purpose", "目的"),
    ("limit", "每页条数"),
    ("cursor", "上一页给出的 next"),
];

/// Their rows.
pub(super) fn operations(person: &Arc<PersonLog>) -> Vec<Operation> {
    let with = |f: fn(&PersonLog, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let person = Arc::clone(person);
        Handler::inside(move |call| f(&person, call))
    };
    vec![
        Operation {
            about: "本人(或所代理的人)的信息被谁、何时、为何、以什么方式看过;新的在前。",
            query: FILTERS,
            output: || {
                let choices = json!({ "type": "object", "properties": {
                    "units": list_of(&named()), "purposes": list_of(&named()),
                } });
                json!({ "type": "object", "required": ["items", "next"], "properties": {
                    "items": list_of(&entry()), "next": text(), "choices": choices,
                } })
            },
            ..Operation::read("access_log.list", "谁看过我的信息", LOG, with(list))
        },
        Operation {
            query: FILTERS.get(..4).unwrap_or(FILTERS),
            ..Operation::read(
                "access_log.export",
                "导出谁看过我的信息",
                "/v1/access_log.csv",
                with(export),
            )
        },
        Operation {
            output: entry,
            ..Operation::read(
                "access_log.view",
                "一次查看的详情",
                "/v1/access_log/{id}",
                with(view),
            )
        },
        Operation {
            about: "由系统的主管单位在 15 个工作日内答复。",
            input: || {
                json!({ "type": "object", "required": ["entry", "reason"], "additionalProperties": false, "properties": {
                    "entry": { "type": "string", "description": "查看记录的编号" },
                    "reason": { "type": "string", "minLength": 1, "maxLength": 2000, "description": "异议理由" },
                } })
            },
            output: described,
            ..Operation::write(
                "objection.create",
                "提出异议",
                Method::Post,
                OBJECTIONS,
                with(create),
            )
        },
        Operation {
            output: || items(&described()),
            ..Operation::read("objection.list", "我的异议", OBJECTIONS, Handler::inside(mine))
        },
        Operation {
            output: described,
            ..Operation::read(
                "objection.view",
                "查看异议",
                "/v1/objections/{id}",
                Handler::inside(one),
            )
        },
        Operation {
            about: "本单位主管的系统收到的异议,最先到期的在前。",
            query: &[("state", "open:待答复;answered:已答复")],
            output: || items(&described()),
            ..Operation::read(
                "objection.queue",
                "待答复的异议",
                "/v1/objection_queue",
                Handler::inside(queue),
            )
        },
        Operation {
            input: || {
                json!({ "type": "object", "required": ["outcome", "answer"], "additionalProperties": false, "properties": {
                    "outcome": { "type": "string", "enum": ["upheld", "partly", "rejected"] },
                    "answer": { "type": "string", "minLength": 1, "maxLength": 2000, "description": "给当事人的答复" },
                } })
            },
            output: described,
            ..Operation::write(
                "objection.answer",
                "答复异议",
                Method::Post,
                "/v1/objections/{id}/answer",
                Handler::inside(answer),
            )
        },
    ]
}
