//! The rows of keys, erasures and holds in the door.

use std::sync::Arc;

use banyan_base::{ActorKind, Ctx, Problem, codes};
use banyan_door::{Audit, Call, Handler, Method, Operation, Outside, Reply};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::destroy::Reason;
use super::hold;
use super::retention::Erasures;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    reason: Reason,
    by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refusal {
    reason: String,
}

fn told<T: Serialize>(value: &T) -> Result<Reply, Problem> {
    Reply::json(serde_json::to_value(value).map_err(Problem::internal)?)
}

fn items<T: Serialize>(items: &[T]) -> Result<Reply, Problem> {
    told(&json!({ "items": items }))
}

/// Destruction is an act of the platform, after a request or an expiry; nobody orders one by himself.
fn platform_only(cx: &Ctx) -> Result<(), Problem> {
    match cx.actor.kind == ActorKind::System {
        true => Ok(()),
        false => Err(Problem::new(
            codes::FORBIDDEN,
            "密钥只能按销毁申请、保存期限或停用日期由系统销毁;请提出销毁申请,由另一人批准。",
        )),
    }
}

fn destroy(erasures: &Erasures, call: &Outside<'_>) -> Result<Reply, Problem> {
    platform_only(call.cx)?;
    let order: Order = call.input.typed_body()?;
    let (domain, subject) = (call.input.path_value("domain")?, call.input.path_value("id")?);
    if let Some(kept) = call.db.read(|tx| hold::keeping(call.cx, tx, domain, subject))? {
        return Err(Problem::new(
            codes::CONFLICT,
            format!("正在依法保全,至 {}。", kept.until),
        ));
    }
    let done = erasures
        .keys
        .destroy(call.cx, domain, subject, order.reason, &order.by)?;
    erasures.keys.tell(call.cx, call.db)?;
    let key = done.as_ref().is_some_and(|entry| entry.key_id.is_some());
    told(&json!({ "destroyed": key, "id": done.map(|entry| entry.id) }))
}

fn close(erasures: &Erasures, call: &Outside<'_>) -> Result<Reply, Problem> {
    platform_only(call.cx)?;
    let domain = call.input.path_value("id")?;
    if erasures.held(call.cx, call.db, domain)? {
        return Err(Problem::new(codes::CONFLICT, "其中有正在依法保全的数据。"));
    }
    let was = erasures.keys.is_closed(domain)?;
    let count = erasures.keys.close_domain(call.cx, domain, &call.cx.actor.id)?;
    erasures.keys.tell(call.cx, call.db)?;
    told(&json!({ "closed": !was, "destroyed": count }))
}

/// How many keys went, by domain, reason and month: what anybody may know.
fn counts(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let rows = call.tx.query(
        "SELECT domain, reason, substr(at, 1, 7), COUNT(*) FROM key_destruction WHERE key_id IS NOT NULL
         GROUP BY domain, reason, substr(at, 1, 7) ORDER BY 3, 1, 2",
        &[],
    )?;
    let mut items = Vec::with_capacity(rows.len());
    let mut total: u64 = 0;
    for row in &rows {
        let count: u64 = row.get(3)?;
        total += count;
        let (domain, reason, month): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        items.push(json!({ "domain": domain, "reason": reason, "month": month, "count": count }));
    }
    Reply::json(json!({ "items": items, "total": total }))
}

const ERASURES: &str = "/v1/erasures";
const HOLDS: &str = "/v1/holds";

fn listed(item: fn() -> Value) -> Value {
    json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": item() } } })
}

fn maybe_text(about: &str) -> Value {
    json!({ "type": ["string", "null"], "description": about })
}

fn erasure_schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "domains", "reason", "state", "asked_at", "asked_by", "destroyed"],
        "properties": {
            "id": { "type": "string" }, "subject": maybe_text("谁的数据;办结后不再保留"),
            "domains": { "type": "array", "items": { "type": "string" }, "description": "包.目的;空:全部" },
            "reason": { "type": "string" },
            "state": { "type": "string", "enum": ["waiting", "approved", "done", "refused"] },
            "asked_at": { "type": "string" }, "asked_by": { "type": "string" },
            "decided_at": maybe_text("决定时间"), "decided_by": maybe_text("决定人"), "note": maybe_text("决定理由"),
            "done_at": maybe_text("销毁完成时间"), "destroyed": { "type": "integer", "description": "销毁的密钥数" },
        },
    })
}

fn hold_schema() -> Value {
    json!({
        "type": "object",
        "required": ["id", "subject", "reason", "until", "state", "asked_at", "asked_by"],
        "properties": {
            "id": { "type": "string" }, "subject": { "type": "string" }, "domain": maybe_text("包.目的;空:全部"),
            "reason": { "type": "string" }, "until": { "type": "string", "description": "保全期限" },
            "state": { "type": "string", "enum": ["waiting", "standing", "released"] },
            "asked_at": { "type": "string" }, "asked_by": { "type": "string" },
            "decided_at": maybe_text("决定时间"), "decided_by": maybe_text("决定人"),
        },
    })
}

fn body(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

fn domains_schema() -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "uniqueItems": true, "description": "包.目的" })
}

/// All rows of keys, erasures and holds.
pub fn operations(erasures: &Arc<Erasures>) -> Vec<Operation> {
    let inside = |f: fn(&Erasures, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let erasures = Arc::clone(erasures);
        Handler::inside(move |call| f(&erasures, call))
    };
    let outside = |f: fn(&Erasures, &Outside<'_>) -> Result<Reply, Problem>| {
        let erasures = Arc::clone(erasures);
        Handler::outside(move |call| f(&erasures, call))
    };
    let post = |name, title, path, handler| Operation::write(name, title, Method::Post, path, handler);
    vec![
        Operation {
            about: "由本人提出,或由负责人代为提出;另一人批准后,密钥立即销毁,各处副本(含备份)里的数据随之不可读。",
            input: || {
                body(
                    &["reason"],
                    json!({
                        "subject": { "type": "string", "description": "谁的数据;缺省为本人" }, "domains": domains_schema(),
                        "reason": { "type": "string", "minLength": 1, "maxLength": 1000 },
                    }),
                )
            },
            output: erasure_schema,
            ..post(
                "erasure.request",
                "申请销毁个人信息",
                ERASURES,
                inside(|erasures, call| {
                    let new = call.input.typed_body()?;
                    told(&erasures.request(call.cx, call.tx, new)?)
                }),
            )
        },
        Operation {
            output: || listed(erasure_schema),
            ..Operation::read(
                "erasure.list",
                "列出销毁申请",
                ERASURES,
                inside(|erasures, call| items(&erasures.requests(call.cx, call.tx)?)),
            )
        },
        Operation {
            about: "须由申请人以外的负责人批准;依法保全中的不能批准。",
            input: || {
                body(
                    &[],
                    json!({ "domains": domains_schema(), "note": { "type": "string", "maxLength": 1000 } }),
                )
            },
            output: erasure_schema,
            ..post(
                "erasure.approve",
                "批准销毁申请",
                "/v1/erasures/{id}/approve",
                outside(|erasures, call| {
                    let approval = match &call.input.body {
                        banyan_door::Body::None => Default::default(),
                        _ => call.input.typed_body()?,
                    };
                    told(&erasures.approve(call, call.input.path_value("id")?, approval)?)
                }),
            )
        },
        Operation {
            input: || {
                body(
                    &["reason"],
                    json!({ "reason": { "type": "string", "minLength": 1, "maxLength": 1000 } }),
                )
            },
            output: erasure_schema,
            ..post(
                "erasure.refuse",
                "不同意销毁申请",
                "/v1/erasures/{id}/refuse",
                inside(|erasures, call| {
                    let refusal: Refusal = call.input.typed_body()?;
                    told(&erasures.refuse(call.cx, call.tx, call.input.path_value("id")?, &refusal.reason)?)
                }),
            )
        },
        Operation {
            about: "保全期间,数据到期也不销毁;须由另一名负责人批准才生效,最长 366 天。",
            input: || {
                body(
                    &["subject", "reason", "until"],
                    json!({
                        "subject": { "type": "string" }, "domain": { "type": "string", "description": "包.目的;缺省为全部" },
                        "reason": { "type": "string", "minLength": 1, "maxLength": 1000 },
                        "until": { "type": "string", "format": "date-time" },
                    }),
                )
            },
            output: hold_schema,
            ..post(
                "hold.request",
                "申请依法保全",
                HOLDS,
                inside(|erasures, call| {
                    let new = call.input.typed_body()?;
                    told(&erasures.hold(call.cx, call.tx, new)?)
                }),
            )
        },
        Operation {
            output: || listed(hold_schema),
            ..Operation::read(
                "hold.list",
                "列出依法保全",
                HOLDS,
                inside(|erasures, call| {
                    erasures.officer(call.cx)?;
                    items(&hold::list(call.tx)?)
                }),
            )
        },
        Operation {
            output: hold_schema,
            ..post(
                "hold.approve",
                "批准依法保全",
                "/v1/holds/{id}/approve",
                inside(|erasures, call| {
                    told(&erasures.approve_hold(call.cx, call.tx, call.input.path_value("id")?)?)
                }),
            )
        },
        Operation {
            output: hold_schema,
            ..post(
                "hold.release",
                "解除依法保全",
                "/v1/holds/{id}/release",
                inside(|erasures, call| {
                    told(&erasures.release_hold(call.cx, call.tx, call.input.path_value("id")?)?)
                }),
            )
        },
        Operation {
            about: "只由系统在批准销毁申请或保存期限届满时调用。",
            input: || {
                let reasons = ["expiry", "erasure", "sunset"];
                body(
                    &["reason", "by"],
                    json!({ "reason": { "enum": reasons }, "by": { "type": "string" } }),
                )
            },
            ..post(
                "key.destroy",
                "销毁主体的密钥",
                "/v1/keys/{domain}/{id}/destroy",
                outside(destroy),
            )
        },
        Operation {
            about: "只由系统在目的的停用日期之后调用。",
            ..post(
                "key.close",
                "停用目的并销毁其全部密钥",
                "/v1/keys/{id}/close",
                outside(close),
            )
        },
        Operation {
            audit: Audit::None,
            open: true,
            output: || {
                let item = json!({
                    "type": "object", "required": ["domain", "reason", "month", "count"],
                    "properties": {
                        "domain": { "type": "string", "description": "包.目的" },
                        "reason": { "type": "string", "enum": ["expiry", "erasure", "sunset"] },
                        "month": { "type": "string", "description": "年-月" }, "count": { "type": "integer" },
                    },
                });
                json!({
                    "type": "object", "required": ["items", "total"],
                    "properties": { "items": { "type": "array", "items": item }, "total": { "type": "integer" } },
                })
            },
            ..Operation::read(
                "destruction.counts",
                "销毁的密钥数",
                "/v1/destructions/counts",
                Handler::inside(counts),
            )
        },
    ]
}
