//! `instance.migrate`: running instances go over to another version, singly or all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Door, Handler, Method, Operation, Outside, Reply};
use banyan_store::Tx;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{keeper, object_schema, text_schema};
use crate::engine::{Command, Entry, migrate};
use crate::{Engine, Session};

/// Instances of one transaction.
const AT_ONCE: u32 = 100;
/// Refusals that are told.
const TOLD: usize = 10_000;

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    let engine = Arc::clone(engine);
    vec![Operation {
        about: "没有写明对应关系的元素按相同的标识对应。不能迁移的实例原样不动,并说明在哪个元素、为什么。",
        input: || {
            json!({
                "type": "object", "required": ["process", "from", "to"], "additionalProperties": false,
                "properties": {
                    "process": text_schema(), "from": { "type": "integer" }, "to": { "type": "integer" },
                    "mapping": { "type": "object", "additionalProperties": text_schema() },
                    "instances": { "type": "array", "items": text_schema() }, "dry_run": { "type": "boolean" },
                },
            })
        },
        output: object_schema,
        ..Operation::write(
            "instance.migrate",
            "迁移流程实例到另一版",
            Method::Post,
            "/v1/process_migrations",
            Handler::outside(move |call| run(&engine, call)),
        )
    }]
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    process: String,
    from: i64,
    to: i64,
    #[serde(default)]
    mapping: BTreeMap<String, String>,
    instances: Option<Vec<String>>,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Default)]
struct Report {
    migrated: u64,
    refused: Vec<Json>,
}

fn run(engine: &Arc<Engine>, call: &Outside<'_>) -> Result<Reply, Problem> {
    keeper(call.cx)?;
    let sent: Sent = call.input.typed_body()?;
    if sent.from == sent.to {
        return Err(Problem::new(codes::INVALID, "两版相同,不需要迁移。").with_error(
            "/to",
            "range",
            "应与 from 不同",
        ));
    }
    let mut report = Report::default();
    let mut after = String::new();
    let mut given = sent.instances.clone().map(std::collections::VecDeque::from);
    loop {
        let ids: Vec<String> = match &mut given {
            Some(list) => {
                let most = usize::try_from(AT_ONCE).unwrap_or(usize::MAX).min(list.len());
                list.drain(..most).collect()
            }
            None => {
                let rows = call.db.query(
                    "SELECT id FROM process_instance WHERE process = ?1 AND version = ?2 AND state = 'running' AND id > ?3
                     ORDER BY id LIMIT ?4",
                    &[
                        sent.process.as_str().into(),
                        sent.from.into(),
                        after.as_str().into(),
                        AT_ONCE.into(),
                    ],
                )?;
                rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?
            }
        };
        let Some(last) = ids.last() else { break };
        after.clone_from(last);
        let (engine, door, cx, sent) = (
            Arc::clone(engine),
            call.door.clone(),
            call.cx.clone(),
            sent.clone(),
        );
        let part = call
            .db
            .write::<_, Problem>(move |tx| batch(&engine, &door, &cx, tx, &sent, &ids))?;
        report.migrated += part.migrated;
        report.refused.extend(part.refused);
        report.refused.truncate(TOLD);
    }
    Reply::json(json!({ "migrated": report.migrated, "refused": report.refused, "dry_run": sent.dry_run }))
}

fn batch(
    engine: &Engine,
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    sent: &Sent,
    ids: &[String],
) -> Result<Report, Problem> {
    let from = engine.definition(tx, &sent.process, sent.from)?;
    let to = engine.definition(tx, &sent.process, sent.to)?;
    let mut report = Report::default();
    for id in ids {
        let refuse = |element: &str, why: &str| json!({ "instance": id, "element": element, "why": why });
        let mut session = Session::new(engine, cx, door, &mut *tx);
        let planned = match session.look(id) {
            Err(problem) => Err(vec![refuse("", &problem.detail)]),
            Ok((_, definition)) if definition.id != sent.process || definition.version != sent.from => {
                Err(vec![refuse("", "它不是这个流程的这一版")])
            }
            Ok((inst, _)) if !inst.is_running() => Err(vec![refuse("", "它已经结束")]),
            Ok((inst, _)) => {
                migrate(inst, &from.compiled, &to.compiled, &sent.mapping).map_err(|obstacles| {
                    obstacles
                        .iter()
                        .map(|obstacle| refuse(&obstacle.element, &obstacle.why))
                        .collect()
                })
            }
        };
        match planned {
            Err(list) => report.refused.extend(list),
            Ok(_) if sent.dry_run => report.migrated += 1,
            Ok(state) => {
                let entry = Entry {
                    node: None,
                    token: None,
                    kind: "migrated".into(),
                    data: json!({ "from": sent.from, "to": sent.to }),
                };
                session.replace(id, Arc::clone(&to), state, entry);
                session.command(id, Command::Rewire)?;
                session.retitle(id)?;
                session.finish()?;
                report.migrated += 1;
            }
        }
    }
    Ok(report)
}
