//! `process.*`: what is deployed, and starting it.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Call, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{keeper, keeps, may_start, object_schema, page, page_schema, text_schema, under, with};
use crate::bpmn::{Anything, check as flaws_of};
use crate::definition::LISTED;
use crate::session::Start;
use crate::{Engine, Error, Session};

const ALL: &str = "/v1/processes";

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    vec![
        Operation {
            audit: Audit::None,
            output: page_schema,
            query: &[("package", "只列出这个包的流程")],
            ..Operation::read("process.list", "列出流程", ALL, with(engine, list))
        },
        Operation {
            audit: Audit::None,
            output: object_schema,
            query: &[("version", "第几版;不填是现行版")],
            ..Operation::read(
                "process.view",
                "查看一个流程及其 BPMN",
                "/v1/processes/{id}",
                with(engine, view),
            )
        },
        Operation {
            audit: Audit::None,
            body_limit: 8 << 20,
            idempotent: false,
            access: banyan_door::Access::Read,
            input: || json!({ "type": "object", "required": ["xml"], "properties": { "xml": text_schema() } }),
            output: object_schema,
            ..Operation::write(
                "process.check",
                "检查 BPMN 能否部署",
                Method::Post,
                "/v1/processes/check",
                with(engine, check),
            )
        },
        Operation {
            input: || {
                json!({
                    "type": "object", "additionalProperties": false,
                    "properties": {
                        "variables": { "type": "object" }, "business_key": { "type": ["string", "number", "null"] },
                        "version": { "type": "integer", "minimum": 1 },
                    },
                })
            },
            output: object_schema,
            ..Operation::write(
                "process.start",
                "启动流程",
                Method::Post,
                "/v1/processes/{id}/instances",
                with(engine, start),
            )
        },
    ]
}

const COLUMNS: &str = "d.id, d.package, d.process, d.title, d.version, d.deployed_at, \
     (SELECT COUNT(*) FROM process_instance i WHERE i.process = d.id AND i.state = 'running'), \
     (SELECT COUNT(*) FROM process_incident i WHERE i.process = d.id)";

fn shown(row: &banyan_store::Row) -> Result<Json, banyan_store::Error> {
    Ok(json!({
        "id": row.get::<String>(0)?, "package": row.get::<String>(1)?, "key": row.get::<String>(2)?,
        "title": row.get::<String>(3)?, "version": row.get::<i64>(4)?, "deployed_at": row.get::<String>(5)?,
        "running": row.get::<i64>(6)?, "incidents": row.get::<i64>(7)?,
    }))
}

fn list(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let package = call.input.query_value("package").unwrap_or("").to_owned();
    let rows = call.tx.query(
        &format!(
            "SELECT {COLUMNS} FROM process_definition d WHERE d.installed = ?1 AND (?2 = '' OR d.package = ?2) ORDER BY d.id"
        ),
        &[LISTED.into(), package.into()],
    )?;
    let mut items = Vec::new();
    for row in &rows {
        let mut item = shown(row)?;
        let (id, version): (String, i64) = (row.get(0)?, row.get(4)?);
        let definition = engine.definition(call.tx, &id, version)?;
        let may = may_start(call, &definition)?;
        if !may && !keeps(call.cx) && !seen(call, &id)? {
            continue;
        }
        if let Some(item) = item.as_object_mut() {
            item.insert("may_start".into(), may.into());
        }
        items.push(item);
    }
    page(items, None)
}

/// Whether somebody has to do with an instance of the process.
fn seen(call: &mut Call<'_, '_>, process: &str) -> Result<bool, Problem> {
    let row = call.tx.query_opt(
        "SELECT 1 FROM process_party p JOIN process_instance i ON i.id = p.instance WHERE p.account = ?1 AND i.process = ?2 LIMIT 1",
        &[call.cx.actor.id.as_str().into(), process.into()],
    )?;
    Ok(row.is_some())
}

fn view(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let missing = || Problem::from(Error::NoProcess(id.clone()));
    let rows = call.tx.query(
        "SELECT d.version, d.hash, d.deployed_at, d.installed,
         (SELECT COUNT(*) FROM process_instance i WHERE i.process = d.id AND i.version = d.version AND i.state = 'running')
         FROM process_definition d WHERE d.id = ?1 ORDER BY d.version DESC",
        &[id.as_str().into()],
    )?;
    let newest: i64 = rows.first().ok_or_else(missing)?.get(0)?;
    let version = call.input.query_parsed::<i64>("version")?.unwrap_or(newest);
    let definition = engine.definition(call.tx, &id, version)?;
    let may = may_start(call, &definition)?;
    if !may && !keeps(call.cx) && !seen(call, &id)? {
        return Err(missing());
    }
    let mut versions = Vec::new();
    for row in &rows {
        versions.push(json!({
            "version": row.get::<i64>(0)?, "hash": row.get::<String>(1)?, "deployed_at": row.get::<String>(2)?,
            "installed": row.get::<i64>(3)? > 0, "running": row.get::<i64>(4)?,
        }));
    }
    let row = call
        .tx
        .query_opt(
            &format!("SELECT {COLUMNS}, d.xml FROM process_definition d WHERE d.id = ?1 AND d.version = ?2"),
            &[id.as_str().into(), version.into()],
        )?
        .ok_or_else(missing)?;
    let xml: String = row.get(8)?;
    let flaws = flaws_of(&xml, &Anything);
    let mut item = shown(&row)?;
    if let Some(item) = item.as_object_mut() {
        item.insert("xml".into(), xml.into());
        item.insert("versions".into(), versions.into());
        item.insert("findings".into(), findings(&flaws));
        item.insert("may_start".into(), may.into());
        let form = definition.process().start_form.as_deref();
        item.insert(
            "start_form".into(),
            json!(form.map(|form| definition.qualified(form))),
        );
    }
    Reply::json(item)
}

pub(super) fn findings(flaws: &[crate::bpmn::Flaw]) -> Json {
    flaws
        .iter()
        .map(|flaw| {
            json!({
                "severity": flaw.severity, "rule": flaw.rule, "element": flaw.element, "message": flaw.message.zh,
                "hint": flaw.hint.zh, "line": flaw.place.line, "column": flaw.place.column,
            })
        })
        .collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    xml: String,
}

fn check(_: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let sent: Model = call.input.typed_body()?;
    let flaws = flaws_of(&sent.xml, &Anything);
    Reply::json(json!({ "findings": findings(&flaws) }))
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Sent {
    variables: Map<String, Json>,
    business_key: Option<Json>,
    version: Option<i64>,
}

fn start(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let sent: Sent = match &call.input.body {
        banyan_door::Body::None => Sent::default(),
        _ => call.input.typed_body()?,
    };
    let missing = || Problem::from(Error::NoProcess(id.clone()));
    let current = engine.current(call.tx, &id)?.ok_or_else(missing)?;
    let definition = engine.definition(call.tx, &id, current)?;
    if !may_start(call, &definition)? {
        // Whoever sees its tasks knows that it exists; the others need not.
        return Err(if seen(call, &id)? {
            Problem::new(
                codes::FORBIDDEN,
                format!(
                    "您的角色不能启动流程“{}”;需要的话请联系管理员授予角色。",
                    definition.title
                ),
            )
        } else {
            missing()
        });
    }
    if sent.version.is_some() {
        keeper(call.cx)?;
    }
    let definition = match sent.version {
        Some(version) if version != current => engine.definition(call.tx, &id, version)?,
        _ => definition,
    };
    let form = definition
        .process()
        .start_form
        .as_deref()
        .map(|form| definition.qualified(form));
    let variables = match (&form, engine.ports().and_then(|ports| ports.forms.as_ref())) {
        (Some(form), Some(forms)) => forms
            .check(call.cx, call.tx, form, &sent.variables, &Map::new())
            .map_err(|refusal| under("variables", refusal))?,
        _ => sent.variables,
    };
    let mut session = Session::new(engine, call.cx, call.door, call.tx);
    let instance = session.start(Start {
        process: id.clone(),
        version: sent.version,
        variables,
        business_key: sent.business_key.as_ref().and_then(super::key),
        ..Start::default()
    })?;
    session.finish()?;
    Reply::created(
        format!("/v1/process_instances/{instance}"),
        json!({ "id": instance, "process": id }),
    )
}
