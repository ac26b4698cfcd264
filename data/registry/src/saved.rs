//! Filters that people keep for later, for themselves or for everybody who may list the type.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Call, Handler, Method, Operation, Reply, Target};
use banyan_identity::keys::{At, Keys};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::Registry;
use crate::openapi::listing;
use crate::seal::Vault;

const ALL: &str = "/v1/saved-filters";
/// Filters one person may keep for one type.
const MOST: i64 = 100;
/// The domain of the keys under which filters of types with personal fields lie; the subject is the account that keeps them.
const DOMAIN: &str = "platform.filters";

/// The rows of kept filters.
pub fn operations(registry: &Arc<Registry>) -> Vec<Operation> {
    let (creating, listing_of) = (Arc::clone(registry), Arc::clone(registry));
    vec![
        Operation {
            query: &[("type", "<包>.<类型>")],
            audit: Audit::None,
            output: || listing(schema()),
            ..Operation::read(
                "saved_filter.list",
                "列出常用筛选",
                ALL,
                Handler::inside(move |call| list(&listing_of, call)),
            )
        },
        Operation {
            input: || {
                json!({
                    "type": "object", "required": ["name", "type", "query"], "additionalProperties": false,
                    "properties": {
                        "name": { "type": "string", "maxLength": 40 }, "type": { "type": "string" },
                        "query": { "type": "string", "maxLength": 8000 }, "shared": { "type": "boolean" },
                    },
                })
            },
            output: schema,
            ..Operation::write(
                "saved_filter.create",
                "保存常用筛选",
                Method::Post,
                ALL,
                Handler::inside(move |call| create(&creating, call)),
            )
        },
        Operation::write(
            "saved_filter.delete",
            "删除常用筛选",
            Method::Delete,
            "/v1/saved-filters/{id}",
            Handler::inside(delete),
        ),
    ]
}

fn schema() -> Json {
    let text = || json!({ "type": "string" });
    let yes = || json!({ "type": "boolean" });
    json!({
        "type": "object", "required": ["id", "type", "name", "query", "shared", "mine"],
        "properties": { "id": text(), "type": text(), "name": text(), "query": text(), "shared": yes(), "mine": yes() },
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    /// What the desk keeps: opaque here.
    query: String,
    #[serde(default)]
    shared: bool,
}

/// Kept filters of a type are for those who may list it.
fn listable(call: &mut Call<'_, '_>, kind: &str) -> Result<(), Problem> {
    let target = Target::records(kind, "list");
    call.door
        .decide(call.cx, "record.list", &target)?
        .permitted(call.cx)
        .map(|_| ())
}

fn at(account: &str) -> At<'_> {
    At {
        domain: DOMAIN,
        subject: account,
        place: "query",
    }
}

/// What was kept, as it was sent; `None` where its key is gone.
fn opened(vault: &Vault, account: &str, query: String) -> Result<Option<String>, Problem> {
    if !Keys::is_sealed(&query) {
        return Ok(Some(query));
    }
    Ok(vault.keys()?.unseal(&at(account), &query)?)
}

fn list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let kind = call.input.query_value("type").unwrap_or("").to_owned();
    listable(call, &kind)?;
    let vault = registry.vault();
    let me = call.cx.actor.id.as_str();
    let rows = call.tx.query(
        "SELECT id, name, query, shared, created_by FROM saved_filter WHERE type = ?1 AND (created_by = ?2 OR shared = 1)
         ORDER BY name, id",
        &[kind.as_str().into(), me.into()],
    )?;
    let mut items = Vec::new();
    for row in &rows {
        let by: String = row.get(4)?;
        let Some(query) = opened(&vault, &by, row.get(2)?)? else {
            continue;
        };
        items.push(json!({
            "id": row.get::<String>(0)?, "type": kind, "name": row.get::<String>(1)?, "query": query,
            "shared": row.get::<bool>(3)?, "mine": by == me,
        }));
    }
    Reply::json(json!({ "items": items, "next": null }))
}

fn create(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let sent: Sent = call.input.typed_body()?;
    let info = registry.catalog(call.tx)?.find(&sent.kind)?;
    listable(call, &sent.kind)?;
    let name = sent.name.trim();
    let length = name.chars().count();
    if length == 0 || length > 40 {
        return Err(
            Problem::new(codes::INVALID, "名称应为 1 到 40 个字。").with_error(
                "/name",
                "length",
                "1 到 40 个字",
            ),
        );
    }
    if sent.query.len() > 8_000 {
        return Err(Problem::new(codes::INVALID, "筛选条件过长。").with_error("/query", "length", "过长"));
    }
    let kept = call.tx.query_opt(
        "SELECT COUNT(*) FROM saved_filter WHERE type = ?1 AND created_by = ?2",
        &[sent.kind.as_str().into(), call.cx.actor.id.as_str().into()],
    )?;
    if kept.map(|row| row.get::<i64>(0)).transpose()?.unwrap_or(0) >= MOST {
        return Err(Problem::new(
            codes::INVALID,
            format!("每种记录最多保存 {MOST} 个常用筛选,请先删除不用的。"),
        ));
    }
    // What is asked of a person's field is a person's value.
    let sealed = info.columns.iter().any(|column| column.field.personal);
    let query = if sealed {
        registry
            .vault()
            .keys()?
            .seal(&at(&call.cx.actor.id), &sent.query)?
    } else {
        sent.query.clone()
    };
    let id = call.cx.id().into_string();
    call.tx.execute(
        "INSERT INTO saved_filter (id, type, name, query, shared, created_at, created_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            id.as_str().into(),
            sent.kind.as_str().into(),
            name.into(),
            query.as_str().into(),
            i64::from(sent.shared).into(),
            call.cx.now_text().into(),
            call.cx.actor.id.as_str().into(),
        ],
    )?;
    let mut reply = Reply::created(
        format!("{ALL}/{id}"),
        json!({ "id": id, "type": sent.kind, "name": name, "query": sent.query, "shared": sent.shared, "mine": true }),
    )?;
    if sealed {
        reply.kept = Some(json!({ "id": id, "type": sent.kind }));
    }
    Ok(reply)
}

/// Only who kept it (or an administrator) deletes it; for others it isn't there.
fn delete(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?;
    let anyone = i64::from(call.cx.actor.is_admin());
    let gone = call.tx.execute(
        "DELETE FROM saved_filter WHERE id = ?1 AND (created_by = ?2 OR ?3 = 1)",
        &[id.into(), call.cx.actor.id.as_str().into(), anyone.into()],
    )?;
    if gone == 0 {
        return Err(Problem::new(
            codes::NOT_FOUND,
            format!("没有编号为 {id} 的常用筛选。"),
        ));
    }
    Ok(Reply::empty())
}
