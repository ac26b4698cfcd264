//! `task.*`: the inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Call, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{limit, names, object_schema, page, page_schema, text_schema, under, with};
use crate::engine::Command;
use crate::inbox::{Query, Scope, Sort};
use crate::task::{NEVER, Task};
use crate::{Engine, Error, Session, history, inbox, instance, task};

const ALL: &str = "/v1/tasks";

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    let post = |name, title, path, act, input: fn() -> Json| Operation {
        input,
        output: object_schema,
        ..Operation::write(name, title, Method::Post, path, with(engine, act))
    };
    let nothing: fn() -> Json = || Json::Null;
    vec![
        Operation {
            output: page_schema,
            query: &[
                ("scope", "mine 我的、group 可领取的、all 两者"),
                ("state", "open 待办、done 已办"),
                ("process", "流程"),
                ("light", "green、yellow、red"),
                ("q", "标题和业务编号里的字词"),
                ("sort", "due 到期、created 新建、priority 优先"),
                ("cursor", "翻页标记"),
                ("limit", "一页几条"),
            ],
            ..Operation::read("task.list", "列出任务", ALL, with(engine, list))
        },
        Operation {
            audit: Audit::None,
            output: object_schema,
            ..Operation::read("task.counts", "任务数", "/v1/tasks/counts", with(engine, counts))
        },
        Operation {
            output: object_schema,
            ..Operation::read("task.view", "查看任务", "/v1/tasks/{id}", with(engine, view_task))
        },
        post("task.claim", "领取任务", "/v1/tasks/{id}/claim", claim, nothing),
        post(
            "task.release",
            "退回任务池",
            "/v1/tasks/{id}/release",
            release,
            nothing,
        ),
        post(
            "task.delegate",
            "转交任务",
            "/v1/tasks/{id}/delegate",
            delegate,
            || {
                json!({
                    "type": "object", "required": ["to"], "additionalProperties": false,
                    "properties": { "to": text_schema(), "note": { "type": "string", "maxLength": 1000 } },
                })
            },
        ),
        post(
            "task.hand_back",
            "交回任务",
            "/v1/tasks/{id}/hand_back",
            hand_back,
            || {
                json!({
                    "type": "object", "additionalProperties": false,
                    "properties": { "note": { "type": "string", "maxLength": 1000 } },
                })
            },
        ),
        post(
            "task.complete",
            "办结任务",
            "/v1/tasks/{id}/complete",
            complete,
            values_schema,
        ),
        Operation {
            method: Method::Put,
            ..post(
                "task.draft",
                "保存任务草稿",
                "/v1/tasks/{id}/draft",
                draft,
                values_schema,
            )
        },
        post(
            "task.batch",
            "批量办理任务",
            "/v1/tasks/batch",
            batch,
            || {
                json!({
                    "type": "object", "required": ["ids", "verb"], "additionalProperties": false,
                    "properties": {
                        "ids": { "type": "array", "items": text_schema(), "maxItems": 200 },
                        "verb": { "enum": ["claim", "release", "complete"] }, "values": { "type": "object" },
                    },
                })
            },
        ),
    ]
}

fn values_schema() -> Json {
    json!({
        "type": "object", "required": ["values"], "additionalProperties": false,
        "properties": { "values": { "type": "object" } },
    })
}

fn query(call: &Call<'_, '_>) -> Result<Query, Problem> {
    let wrong = |name: &str| {
        Problem::new(codes::BAD_REQUEST, format!("查询参数 {name} 的值无法理解。")).with_error(
            format!("?{name}"),
            "type",
            "不在可选值之内",
        )
    };
    let input = call.input;
    let scope = match input.query_value("scope") {
        None | Some("" | "all") => Scope::All,
        Some("mine") => Scope::Mine,
        Some("group") => Scope::Group,
        Some(_) => return Err(wrong("scope")),
    };
    let done = match input.query_value("state") {
        None | Some("" | "open") => false,
        Some("done") => true,
        Some(_) => return Err(wrong("state")),
    };
    let sort = match input.query_value("sort") {
        None | Some("" | "due") => Sort::Due,
        Some("created") => Sort::Created,
        Some("priority") => Sort::Priority,
        Some(_) => return Err(wrong("sort")),
    };
    let light = input.query_value("light").filter(|light| !light.is_empty());
    if light.is_some_and(|light| !matches!(light, "green" | "yellow" | "red")) {
        return Err(wrong("light"));
    }
    let after = match input.query_value("cursor").filter(|text| !text.is_empty()) {
        Some(text) => Some(inbox::cursor(text)?),
        None => None,
    };
    Ok(Query {
        scope,
        done,
        process: input
            .query_value("process")
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
        light: light.map(str::to_owned),
        words: input.query_value("q").unwrap_or("").to_owned(),
        among: None,
        sort,
        after,
        limit: limit(input)?,
    })
}

fn moment(text: &str) -> Option<&str> {
    (text != NEVER).then_some(text)
}

fn shown(engine: &Engine, call: &mut Call<'_, '_>, tasks: &[Task]) -> Result<Vec<Json>, Problem> {
    let people: BTreeSet<String> = tasks.iter().filter_map(|task| task.assignee.clone()).collect();
    let known = names(engine, call.tx, &people)?;
    let mut titles: BTreeMap<(String, i64), String> = BTreeMap::new();
    let now = call.cx.now_text();
    let mut items = Vec::new();
    for task in tasks {
        let key = (task.process.clone(), task.version);
        let title = match titles.get(&key) {
            Some(title) => title.clone(),
            None => {
                let title = engine.definition(call.tx, &key.0, key.1)?.title.clone();
                titles.insert(key, title.clone());
                title
            }
        };
        let assignee = task
            .assignee
            .as_ref()
            .map(|id| json!({ "id": id, "name": known.get(id).unwrap_or(id) }));
        items.push(json!({
            "id": task.id, "title": task.title, "process": { "id": task.process, "title": title },
            "instance": task.instance, "business_key": task.business_key, "element": task.element, "state": task.state,
            "assignee": assignee, "roles": task.roles, "created_at": task.created_at, "due_at": moment(&task.due_at),
            "light": task.light(&now), "priority": task.priority, "has_form": task.form.is_some(), "batch": task.batch,
            "about": task.about, "done_at": task.done_at, "delegated_from": task.delegated_from, "note": task.note,
        }));
    }
    Ok(items)
}

fn list(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let query = query(call)?;
    let (tasks, next) = inbox::page(call.cx, call.tx, &query)?;
    let items = shown(engine, call, &tasks)?;
    page(items, next)
}

fn counts(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let mut counts = inbox::counts(call.cx, call.tx)?;
    if let Some(list) = counts.get_mut("by_process").and_then(Json::as_array_mut) {
        for item in list {
            let id = item.get("id").and_then(Json::as_str).unwrap_or("").to_owned();
            let title = match engine.current(call.tx, &id)? {
                Some(version) => engine.definition(call.tx, &id, version)?.title.clone(),
                None => id,
            };
            if let Some(item) = item.as_object_mut() {
                item.insert("title".into(), title.into());
            }
        }
    }
    Reply::json(counts)
}

fn found(call: &mut Call<'_, '_>) -> Result<Task, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    task::visible(call.cx, call.tx, &id)
}

/// What somebody may do with a task now.
fn may(call: &Call<'_, '_>, task: &Task) -> Vec<&'static str> {
    let me = call.cx.actor.id.as_str();
    match task.state.as_str() {
        "open" if task.fits(&call.cx.actor) => vec!["claim"],
        "claimed" if task.assignee.as_deref() == Some(me) => {
            let mut verbs = vec!["complete", "draft", "delegate"];
            if task.delegated_from.is_some() {
                verbs.push("hand_back");
            }
            if !task.roles.is_empty() {
                verbs.push("release");
            }
            verbs
        }
        _ => Vec::new(),
    }
}

/// What a task shows beside its form: its inputs, or the variables of its instance.
fn data(engine: &Engine, call: &mut Call<'_, '_>, task: &Task) -> Result<Map<String, Json>, Problem> {
    let _ = engine;
    if let Json::Object(own) = task::data(call.tx, &task.id)? {
        return Ok(own);
    }
    let Some((_, inst)) = instance::find(call.tx, &task.instance)? else {
        return Ok(Map::new());
    };
    Ok(match inst.tokens.get(&task.token) {
        Some(token) => inst.visible(token.inner.unwrap_or(token.scope)),
        None => inst.variables(),
    })
}

fn view_task(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = found(call)?;
    let mut item = shown(engine, call, std::slice::from_ref(&task))?
        .pop()
        .unwrap_or_default();
    let data = data(engine, call, &task)?;
    let (form, (data, provenance)) = match (&task.form, engine.ports().and_then(|ports| ports.forms.as_ref()))
    {
        (Some(name), Some(forms)) => (
            forms.schema(call.tx, name)?,
            forms.prefilled(call.cx, call.tx, call.door, name, data)?,
        ),
        _ => (None, (data, Map::new())),
    };
    let draft = task::draft(call.tx, &task.id, &call.cx.actor.id)?;
    // The steps of the case, without what others entered.
    let lines = history::lines(engine, call.tx, &task.instance, &task.process, 0, 200)?;
    let people: BTreeSet<String> = lines.iter().map(|line| line.actor.clone()).collect();
    let known = names(engine, call.tx, &people)?;
    let steps: Vec<Json> = lines
        .iter()
        .filter(|line| matches!(line.entry.kind.as_str(), "completed" | "caught" | "ended"))
        .filter(|line| line.element.is_some() || line.entry.kind == "ended")
        .map(|line| {
            json!({
                "at": line.at, "element": line.element, "kind": line.entry.kind,
                "actor": known.get(&line.actor).unwrap_or(&line.actor),
            })
        })
        .collect();
    let verbs = may(call, &task);
    if let Some(item) = item.as_object_mut() {
        item.insert("form".into(), form.unwrap_or(Json::Null));
        item.insert("form_id".into(), json!(task.form));
        item.insert("data".into(), Json::Object(data));
        item.insert("provenance".into(), Json::Object(provenance));
        item.insert("draft".into(), draft);
        item.insert("history".into(), steps.into());
        item.insert("may".into(), json!(verbs));
    }
    Reply::json(item)
}

fn taken() -> Problem {
    Problem::new(codes::CONFLICT, "这项任务刚刚被别人领取或办结了。请刷新列表。")
}

fn told(engine: &Engine, call: &mut Call<'_, '_>, task: &Task, verb: &str) -> Result<(), Problem> {
    let definition = engine.definition(call.tx, &task.process, task.version)?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.tell_task(&definition, &task.told(), verb)
}

fn now(engine: &Engine, call: &mut Call<'_, '_>, id: &str) -> Result<Reply, Problem> {
    let task = task::find(call.tx, id)?.ok_or_else(|| Error::NoTask(id.to_owned()))?;
    let verbs = may(call, &task);
    let mut item = shown(engine, call, std::slice::from_ref(&task))?
        .pop()
        .unwrap_or_default();
    if let Some(item) = item.as_object_mut() {
        item.insert("may".into(), json!(verbs));
    }
    Reply::json(item)
}

fn claim(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = found(call)?;
    claim_one(engine, call, &task)?;
    now(engine, call, &task.id)
}

fn claim_one(engine: &Engine, call: &mut Call<'_, '_>, task: &Task) -> Result<(), Problem> {
    let me = call.cx.actor.id.clone();
    if task.state == "claimed" && task.assignee.as_deref() == Some(me.as_str()) {
        return Ok(());
    }
    if task.state != "open" {
        return Err(taken());
    }
    if !task.fits(&call.cx.actor) {
        return Err(Problem::new(
            codes::FORBIDDEN,
            "这项任务不归您的角色、辖区或条线办理,或者您须回避。",
        ));
    }
    if !task::claim(call.tx, task, &me)? {
        return Err(taken());
    }
    told(engine, call, task, "claimed")
}

fn mine(call: &mut Call<'_, '_>) -> Result<Task, Problem> {
    let task = found(call)?;
    holds(call, &task)?;
    Ok(task)
}

fn holds(call: &Call<'_, '_>, task: &Task) -> Result<(), Problem> {
    if task.state == "claimed" && task.assignee.as_deref() == Some(call.cx.actor.id.as_str()) {
        return Ok(());
    }
    Err(match task.state.as_str() {
        "open" => Problem::new(codes::CONFLICT, "请先领取这项任务。"),
        _ => taken(),
    })
}

fn release(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = mine(call)?;
    release_one(engine, call, &task)?;
    now(engine, call, &task.id)
}

fn release_one(engine: &Engine, call: &mut Call<'_, '_>, task: &Task) -> Result<(), Problem> {
    if task.roles.is_empty() {
        return Err(Problem::new(
            codes::TRANSITION_REFUSED,
            "这项任务是指定给您本人的,没有别人可以领取;可以转交。",
        ));
    }
    let me = call.cx.actor.id.clone();
    if !task::release(call.tx, task, &me)? {
        return Err(taken());
    }
    told(engine, call, task, "released")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hand {
    to: String,
    #[serde(default)]
    note: String,
}

fn delegate(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = mine(call)?;
    let sent: Hand = call.input.typed_body()?;
    let to = match engine.ports().and_then(|ports| ports.colleague.as_ref()) {
        Some(colleague) => colleague(call.tx, sent.to.trim())?,
        None => Some(sent.to),
    };
    let me = call.cx.actor.id.clone();
    let Some(to) = to.filter(|to| *to != me && !task.excluded.contains(to)) else {
        let why = "不能转交给这个人:没有这个在用的账号、是您本人,或者他须回避。";
        return Err(Problem::new(codes::INVALID, why).with_error(
            "/to",
            "ref",
            "请写另一位同事的登录名或账号",
        ));
    };
    if !task::hand(call.tx, &task, &me, &to, &sent.note, false)? {
        return Err(taken());
    }
    told(engine, call, &task, "delegated")?;
    now(engine, call, &task.id)
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Note {
    note: String,
}

fn hand_back(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = mine(call)?;
    let sent: Note = call.input.typed_body()?;
    let Some(giver) = task.delegated_from.clone() else {
        return Err(Problem::new(
            codes::TRANSITION_REFUSED,
            "这项任务不是别人转交给您的,不能交回;可以退回任务池。",
        ));
    };
    let me = call.cx.actor.id.clone();
    if !task::hand(call.tx, &task, &me, &giver, &sent.note, true)? {
        return Err(taken());
    }
    told(engine, call, &task, "handed_back")?;
    now(engine, call, &task.id)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Values {
    values: Map<String, Json>,
}

fn complete(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = mine(call)?;
    let sent: Values = call.input.typed_body()?;
    complete_one(engine, call, &task, sent.values)?;
    Reply::json(json!({ "id": task.id, "state": "done", "instance": task.instance }))
}

fn complete_one(
    engine: &Engine,
    call: &mut Call<'_, '_>,
    task: &Task,
    values: Map<String, Json>,
) -> Result<(), Problem> {
    let values = match (&task.form, engine.ports().and_then(|ports| ports.forms.as_ref())) {
        (Some(form), Some(forms)) => {
            let data = data(engine, call, task)?;
            let (data, _) = forms.prefilled(call.cx, call.tx, call.door, form, data)?;
            let checked = forms.check(call.cx, call.tx, form, &values, &data);
            checked.map_err(|refusal| under("values", refusal))?
        }
        _ => values,
    };
    if !task::done(call.cx, call.tx, task)? {
        return Err(taken());
    }
    let definition = engine.definition(call.tx, &task.process, task.version)?;
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    session.tell_task(&definition, &task.told(), "completed")?;
    session.command(
        &task.instance,
        Command::TaskDone {
            token: task.token,
            values,
            doer: call.cx.actor.id.clone(),
        },
    )?;
    session.finish()
}

fn draft(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let task = mine(call)?;
    let sent: Values = call.input.typed_body()?;
    task::keep_draft(call.cx, call.tx, &task.id, &sent.values)?;
    Reply::json(json!({ "id": task.id, "saved_at": call.cx.now_text() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    ids: Vec<String>,
    verb: String,
    #[serde(default)]
    values: Map<String, Json>,
}

/// Each is done by itself: what one is refused does not hold back the others.
fn batch(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let sent: Batch = call.input.typed_body()?;
    if sent.ids.len() > 200 {
        return Err(Problem::new(codes::INVALID, "一次最多 200 项。").with_error(
            "/ids",
            "length",
            "最多 200 项",
        ));
    }
    let mut results = Vec::new();
    for id in &sent.ids {
        let (cx, input, operation, target, obligations, door, touches) = (
            call.cx,
            call.input,
            call.operation,
            call.target,
            call.obligations,
            call.door,
            call.touches,
        );
        let done = call.tx.savepoint(|tx| {
            let mut one = Call {
                cx,
                tx,
                input,
                operation,
                target,
                obligations,
                door,
                touches,
            };
            act(engine, &mut one, id, &sent)
        });
        results.push(match done {
            Ok(()) => json!({ "id": id, "ok": true }),
            Err(problem) if problem.code.status >= 500 => return Err(problem),
            Err(problem) => json!({ "id": id, "ok": false, "problem": problem.to_json(&cx.trace) }),
        });
    }
    Reply::json(json!({ "items": results }))
}

fn act(engine: &Engine, call: &mut Call<'_, '_>, id: &str, sent: &Batch) -> Result<(), Problem> {
    let task = task::visible(call.cx, call.tx, id)?;
    match sent.verb.as_str() {
        "claim" => claim_one(engine, call, &task),
        "release" => {
            holds(call, &task)?;
            release_one(engine, call, &task)
        }
        "complete" if !task.batch => Err(Problem::new(
            codes::TRANSITION_REFUSED,
            "这类任务不能批量办结,请逐项办理。",
        )),
        "complete" => {
            if task.state == "open" {
                claim_one(engine, call, &task)?;
            }
            let task = task::find(call.tx, id)?.ok_or_else(|| Error::NoTask(id.to_owned()))?;
            holds(call, &task)?;
            complete_one(engine, call, &task, sent.values.clone())
        }
        _ => Err(Problem::new(
            codes::INVALID,
            "批量办理只有 claim、release、complete。",
        )),
    }
}
