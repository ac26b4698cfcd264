//! The rows of this engine in the door.

use std::sync::Arc;

use banyan_base::{Limit, Problem, codes};
use banyan_door::{Audit, Call, Decision, Handler, Input, Method, Operation, Outside, Reply, Target};
use banyan_store::Tx;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json, json};

use crate::cases::{self, Case};
use crate::check;
use crate::engine::{Decided, Question, Rules, evaluation_json};
use crate::error::Error;
use crate::explain::{Outcome, Reasons, decide};
use crate::model::Model;
use crate::store::{self, Stored};

/// Models are sent whole, with what they import.
const BODY_LIMIT: u64 = 16 << 20;
const ONE: &str = "/v1/decisions/{id}";

/// All rows, closing over the engine.
pub fn operations(rules: &Arc<Rules>) -> Vec<Operation> {
    let inside = |f: fn(&Rules, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let rules = Arc::clone(rules);
        Handler::inside(move |call| f(&rules, call))
    };
    let outside = |f: fn(&Arc<Rules>, &Outside<'_>) -> Result<Reply, Problem>| {
        let rules = Arc::clone(rules);
        Handler::outside(move |call| f(&rules, call))
    };
    let sent = |name, title, path, handler| Operation {
        audit: Audit::None,
        idempotent: false,
        body_limit: BODY_LIMIT,
        ..Operation::write(name, title, Method::Post, path, handler)
    };
    vec![
        Operation {
            audit: Audit::None,
            query: &[
                ("limit", "每页条数"),
                ("cursor", "上一页给出的 next"),
                ("q", "名称中的字"),
            ],
            output: || page(model_schema()),
            ..Operation::read("decision.list", "列出决策模型", "/v1/decisions", inside(list))
        },
        Operation {
            audit: Audit::None,
            query: &[("version", "第几版;不写则为最新")],
            output: || json!({ "type": "object" }),
            ..Operation::read("decision.view", "查看决策模型", ONE, inside(view))
        },
        Operation {
            about: "检查模型:能否运行,决策表有无空缺、重叠、用不到的规则,类型、引用、法条是否齐全,并运行所附用例。",
            input: || sent_model(json!({ "cases": {} }), &[]),
            output: || json!({ "type": "object", "properties": { "findings": { "type": "array" } } }),
            ..sent(
                "decision.check",
                "检查决策模型",
                "/v1/decisions/check",
                outside(check_model),
            )
        },
        Operation {
            about: "用发来的模型试算,什么也不保存。没有声明类型的日期等写作 {\"@\": \"2022-03-01\"}。",
            input: || {
                sent_model(
                    json!({ "decision": text(), "invocable": text(), "input": { "type": "object" } }),
                    &[],
                )
            },
            output: || json!({ "type": "object" }),
            ..sent("decision.try", "试算决策", "/v1/decisions/try", outside(attempt))
        },
        Operation {
            about: "按 at 那天生效的版本计算;record 为 true,或模型写有 banyan:record,则保存评估记录并给出编号。",
            input: || {
                json!({
                    "type": "object", "required": ["input"], "additionalProperties": false,
                    "properties": {
                        "decision": text(), "input": { "type": "object" }, "at": { "type": "string", "format": "date" },
                        "record": { "type": "boolean" },
                    },
                })
            },
            output: || json!({ "type": "object" }),
            idempotent: false,
            ..Operation::write(
                "decision.evaluate",
                "计算决策",
                Method::Post,
                "/v1/decisions/{id}/evaluate",
                outside(evaluate),
            )
        },
        Operation {
            input: || sent_model(json!({ "cases": { "type": "array" } }), &["cases"]),
            output: || json!({ "type": "object" }),
            ..sent(
                "decision.run_cases",
                "运行决策用例",
                "/v1/decisions/run_cases",
                outside(run_cases),
            )
        },
        Operation {
            output: || json!({ "type": "object" }),
            ..Operation::read(
                "evaluation.view",
                "查看评估记录",
                "/v1/evaluations/{id}",
                inside(view_evaluation),
            )
        },
        Operation {
            about: "用当时的模型版本和时刻重新计算,并与记录比较。",
            access: banyan_door::Access::Read,
            audit: Audit::Read,
            idempotent: false,
            output: || json!({ "type": "object" }),
            ..Operation::write(
                "evaluation.replay",
                "重算评估记录",
                Method::Post,
                "/v1/evaluations/{id}/replay",
                inside(replay),
            )
        },
    ]
}

fn text() -> Json {
    json!({ "type": "string" })
}

fn page(item: Json) -> Json {
    json!({
        "type": "object", "required": ["items"],
        "properties": { "items": { "type": "array", "items": item }, "next": { "type": ["string", "null"] } },
    })
}

fn model_schema() -> Json {
    json!({
        "type": "object",
        "properties": {
            "id": text(), "title": text(), "package": text(), "version": { "type": "integer" }, "hash": text(),
            "decisions": { "type": "array", "items": text() }, "effective_from": text(),
            "effective_until": { "type": ["string", "null"] }, "published_at": text(),
        },
    })
}

fn sent_model(more: Json, required: &[&str]) -> Json {
    let mut properties = json!({ "xml": text(), "imports": { "type": "array", "items": text() } });
    if let (Some(properties), Json::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    let required: Vec<&str> = ["xml"].into_iter().chain(required.iter().copied()).collect();
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

fn body<T: DeserializeOwned>(input: &Input) -> Result<T, Problem> {
    T::deserialize(input.json_body()?).map_err(|error| {
        Problem::new(codes::INVALID, "请求内容不符合要求。").with_error("", "shape", error.to_string())
    })
}

fn summary(stored: &Stored) -> Json {
    json!({
        "id": format!("{}.{}", stored.package, stored.name), "title": stored.title, "package": stored.package,
        "decisions": stored.decisions, "version": stored.version, "hash": stored.hash,
        "effective_from": stored.effective_from, "effective_until": stored.effective_until,
        "published_at": stored.published_at,
    })
}

fn list(_: &Rules, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let limit = call.input.query_parsed::<u32>("limit")?.unwrap_or(100);
    let limit = Limit::new(limit).ok_or_else(|| Problem::new(codes::BAD_REQUEST, "limit 至少为 1。"))?;
    let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    let after = call.input.query_value("cursor").unwrap_or_default().to_owned();
    let wanted = call.input.query_value("q").unwrap_or_default().to_lowercase();
    let all = store::newest(call.tx)?;
    let mut items: Vec<Json> = all
        .iter()
        .filter(|one| {
            format!("{} {}.{}", one.title, one.package, one.name)
                .to_lowercase()
                .contains(&wanted)
        })
        .map(summary)
        .filter(|one| one["id"].as_str().is_some_and(|id| id > after.as_str()))
        .collect();
    items.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(|last| last["id"].clone());
    Ok(Reply::value(json!({ "items": items, "next": next })))
}

fn view(rules: &Rules, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let (package, name) = id.split_once('.').ok_or_else(|| Error::NoModel(id.clone()))?;
    let versions = store::versions(call.tx, package, name)?;
    let wanted: Option<i64> = call.input.query_parsed("version")?;
    let stored = match wanted {
        Some(version) => versions.iter().find(|one| one.version == version),
        None => versions.first().filter(|one| one.retired_at.is_none()),
    };
    let stored = stored.ok_or_else(|| Error::NoModel(id.clone()))?;
    let model = rules.of_version(call.tx, stored)?;
    let asked: Vec<Json> = model.invocables.iter().filter(|one| one.model == 0).map(|one| {
        let inputs = one.inputs.iter().map(|(name, kind)| json!({ "name": name.to_string(), "type": kind.name(), "allowed": kind.allowed }));
        json!({ "name": one.name, "kind": one.kind.name(), "inputs": inputs.collect::<Vec<_>>() })
    }).collect();
    let listed = versions.iter().map(|one| {
        json!({
            "version": one.version, "hash": one.hash, "effective_from": one.effective_from,
            "effective_until": one.effective_until, "published_at": one.published_at, "published_by": one.published_by,
            "retired_at": one.retired_at,
        })
    });
    let mut reply = summary(stored);
    if let Some(reply) = reply.as_object_mut() {
        reply.insert("xml".into(), stored.xml.clone().into());
        reply.insert("imports".into(), stored.imports.clone().into());
        reply.insert(
            "cases".into(),
            serde_json::from_str(&stored.cases).unwrap_or(json!([])),
        );
        reply.insert("invocables".into(), asked.into());
        reply.insert("versions".into(), listed.collect());
        reply.insert("findings".into(), json!(check::of_model(&model)));
    }
    Ok(Reply::value(reply))
}

/// A model that is sent.
#[derive(Deserialize)]
struct Sent {
    xml: String,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default)]
    cases: Option<Json>,
    decision: Option<String>,
    invocable: Option<String>,
    #[serde(default)]
    input: Map<String, Json>,
}

impl Sent {
    fn cases(&self) -> Option<String> {
        match &self.cases {
            Some(Json::String(text)) => Some(text.clone()),
            Some(Json::Null) | None => None,
            Some(cases) => Some(cases.to_string()),
        }
    }
}

fn check_model(_: &Arc<Rules>, call: &Outside<'_>) -> Result<Reply, Problem> {
    let sent: Sent = body(call.input)?;
    let found = check::check(call.cx, &sent.xml, &sent.imports, sent.cases().as_deref());
    Ok(Reply::value(json!({ "findings": found })))
}

fn explained(outcome: &Outcome) -> Json {
    json!({ "decisions": outcome.reasons })
}

fn attempt(rules: &Arc<Rules>, call: &Outside<'_>) -> Result<Reply, Problem> {
    let sent: Sent = body(call.input)?;
    let model = rules.sent(&sent.xml, &sent.imports)?;
    let name = match sent.decision.as_ref().or(sent.invocable.as_ref()) {
        Some(name) => name.clone(),
        None => model
            .main()
            .ok_or_else(|| Error::WhichDecision(model.name().to_owned()))?
            .name
            .clone(),
    };
    let outcome = decide(call.cx, &model, &name, &sent.input, Reasons::Given).map_err(Error::from)?;
    let mut problems: Vec<Json> = outcome.wrong.iter().map(|wrong| json!(wrong)).collect();
    problems.extend(outcome.unknown.iter().map(|name| {
        json!({ "pointer": format!("/input/{name}"), "code": "unknown", "message": format!("模型没有名为“{name}”的输入,未使用。") })
    }));
    if let Some(note) = &outcome.note {
        problems.push(json!({ "pointer": "", "code": "null", "message": note }));
    }
    Ok(Reply::value(json!({
        "result": outcome.result, "result_type": outcome.kind, "explanation": explained(&outcome), "problems": problems,
    })))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    decision: String,
    input: Map<String, Json>,
    at: Option<jiff::civil::Date>,
    #[serde(default)]
    record: bool,
}

fn evaluate(rules: &Arc<Rules>, call: &Outside<'_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let asked: Asked = body(call.input)?;
    let day = asked.at.map(|day| day.to_string());
    let target = Target::records(&id, "evaluate");
    let by_policy = matches!(
        call.door.decide(call.cx, call.operation.name, &target)?,
        Decision::Permit(_)
    );
    let ask = move |rules: &Rules,
                    cx: &banyan_base::Ctx,
                    tx: &mut Tx<'_>|
          -> Result<(Option<Decided>, bool), Problem> {
        let question = Question {
            model: &id,
            decision: &asked.decision,
            input: asked.input.clone(),
            day: day.as_deref(),
            record: asked.record,
        };
        let (model, _) = rules.in_force(cx, tx, &question)?;
        if !by_policy {
            allowed(cx, &id, &model)?;
        }
        let keeps = asked.record || model.notes.first().is_some_and(|notes| notes.record);
        if keeps && tx.is_read_only() {
            return Ok((None, true));
        }
        rules
            .answer(cx, tx, &question)
            .map(|decided| (Some(decided), keeps))
    };
    // Only what is kept needs the one writer.
    let decided = match call.db.read(|tx| ask(rules, call.cx, tx))? {
        (Some(decided), _) => decided,
        (None, _) => {
            let (rules, cx) = (Arc::clone(rules), call.cx.clone());
            let (decided, _) = call.db.write(move |tx| ask(&rules, &cx, tx))?;
            decided.ok_or_else(|| Problem::internal("an evaluation to be kept was not made"))?
        }
    };
    let outcome = &decided.outcome;
    Ok(Reply::value(json!({
        "result": outcome.result, "result_type": outcome.kind, "explanation": explained(outcome), "note": outcome.note,
        "ignored": outcome.unknown, "evaluation": decided.evaluation, "model": decided.model,
        "model_version": decided.version, "model_hash": decided.hash, "decision": decided.decision,
    })))
}

/// A model may name the roles that ask it: `banyan:roles`. The package's policy may let in others (`evaluate`).
fn allowed(cx: &banyan_base::Ctx, id: &str, model: &Model) -> Result<(), Problem> {
    let roles = model.notes.first().map_or(&[][..], |notes| &notes.roles);
    if roles.is_empty() || cx.actor.is_admin() || roles.iter().any(|role| cx.actor.has_role(role)) {
        return Ok(());
    }
    Err(Error::Role(id.to_owned()).into())
}

fn run_cases(rules: &Arc<Rules>, call: &Outside<'_>) -> Result<Reply, Problem> {
    let sent: Sent = body(call.input)?;
    let model = rules.sent(&sent.xml, &sent.imports)?;
    let text = sent.cases().unwrap_or_default();
    let cases: Vec<Case> = cases::read(&text).map_err(|message| {
        Problem::new(codes::INVALID, "用例不符合要求。").with_error("/cases", "shape", message)
    })?;
    let went: Vec<_> = cases
        .iter()
        .map(|case| cases::run(call.cx, &model, case))
        .collect();
    let passed = went.iter().filter(|went| went.passed).count();
    Ok(Reply::value(
        json!({ "items": went, "passed": passed, "failed": went.len() - passed }),
    ))
}

/// An evaluation holds what somebody was asked about: whoever made it sees it, and administrators.
fn own(call: &mut Call<'_, '_>) -> Result<store::Evaluation, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let kept = store::evaluation(call.tx, &id)?;
    let seen = kept.filter(|kept| call.cx.actor.is_admin() || kept.evaluated_by == call.cx.actor.id);
    seen.ok_or_else(|| Error::NoEvaluation(id).into())
}

fn view_evaluation(_: &Rules, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    Ok(Reply::value(evaluation_json(&own(call)?)))
}

fn replay(rules: &Rules, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let kept = own(call)?;
    rules.replay(call.cx, call.tx, &kept.id).map(Reply::value)
}
