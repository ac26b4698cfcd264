//! The rows of approvals in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Call, Door, Handler, Method, Operation, Reply, Touch};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Approvals;
use super::request::{self, Judge, Request, Sent};
use crate::people::{items, object, wrong_text};

const ALL: &str = "/v1/approvals";
const ONE: &str = "/v1/approvals/{id}";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decided {
    reason: String,
}

impl Decided {
    fn read(call: &Call<'_, '_>) -> Result<String, Problem> {
        let sent: Decided = call.input.typed_body()?;
        match wrong_text(&sent.reason, 500) {
            Some(message) => {
                Err(Problem::new(codes::INVALID, "请写明理由。").with_error("/reason", "length", message))
            }
            None => Ok(sent.reason.trim().to_owned()),
        }
    }
}

/// A request as everybody is told of it who may know it; never with what was sent.
fn shown(door: &Door, request: &Request, now: &str, me: &str) -> Value {
    let operation = door.operation(&request.operation);
    json!({
        "id": request.id, "state": request.standing(now), "mine": request.account == me,
        "account": request.account, "name": request.name, "unit": request.unit, "post": request.post,
        "on_behalf_of": request.on_behalf_of, "operation": request.operation,
        "title": operation.map(|row| row.title), "type": request.resource, "transition": request.transition,
        "purpose": request.purpose, "reason": request.reason, "why": request.why,
        "asked_at": request.asked_at, "expires_at": request.expires_at,
        "decided_by": request.decided_by, "decided_name": request.decided_name, "decided_for": request.decided_for,
        "decided_reason": request.decided_reason, "decided_at": request.decided_at, "used_at": request.used_at,
    })
}

/// What was sent, with the address it was sent to.
fn whole(door: &Door, request: &Request, sent: &Sent) -> Value {
    let (method, path) = door
        .operation(&request.operation)
        .map_or(("", String::new()), |row| {
            let filled = sent.path.iter().fold(row.path.to_owned(), |path, (name, value)| {
                path.replace(&format!("{{{name}}}"), value)
            });
            (row.method.as_str(), filled)
        });
    let query: Vec<Value> = sent
        .query
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    json!({
        "method": method, "path": path, "query": query, "if_match": sent.if_match, "body": sent.body,
        "file": sent.file, "digest": request.digest,
    })
}

/// The request that the path names, with what was sent, for its asker, whoever may decide on it, and whoever did.
fn looked_at(
    approvals: &Approvals,
    call: &mut Call<'_, '_>,
) -> Result<(Request, Option<Sent>, bool), Problem> {
    let request = request::view(call.tx, call.input.path_value("id")?)?;
    let me = call.cx.actor.id.as_str();
    if request.account == me {
        let sent = request.sent(approvals)?;
        return Ok((request, sent, false));
    }
    let judge = request::judge(approvals, call.door, call.cx, call.tx, &request)?;
    let Some(judge) = judge else {
        return match request.decided_by.as_deref() == Some(me) {
            true => Ok((request, None, false)),
            false => Err(request::none()),
        };
    };
    touch(call, &request, &judge)?;
    let open = request.standing(&call.cx.now_text()) == "waiting";
    Ok((request, Some(judge.sent), open))
}

/// Whoever looks at what is to be changed of a person sees his data.
fn touch(call: &Call<'_, '_>, request: &Request, judge: &Judge) -> Result<(), Problem> {
    match (&judge.subject, &judge.obligations.subject) {
        (Some(subject), Some(_)) => {
            let touch = Touch {
                purpose: request.purpose.clone(),
                ..Touch::of(&request.resource)
            };
            call.touched(&touch, [subject])
        }
        _ => Ok(()),
    }
}

fn decide(approvals: &Approvals, call: &mut Call<'_, '_>, approved: bool) -> Result<Reply, Problem> {
    let reason = Decided::read(call)?;
    let request = request::view(call.tx, call.input.path_value("id")?)?;
    if request.account == call.cx.actor.id {
        let text = "不能批准自己的申请;须由另一人办理。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    let judge = request::judge(approvals, call.door, call.cx, call.tx, &request)?;
    let judge = judge.ok_or_else(|| {
        let text = "您不能对这项申请作决定:须是另一人(不是申请人,也不替申请人或同一岗位的人办事),本人登录,\
                    并且自己对同样的对象有同样的权限。";
        Problem::new(codes::FORBIDDEN, text)
    })?;
    touch(call, &request, &judge)?;
    let request = request::decide(call.cx, call.tx, &request, approved, &reason)?;
    let (now, me) = (call.cx.now_text(), &call.cx.actor.id);
    Ok(Reply::value(shown(call.door, &request, &now, me)))
}

/// The rows of approvals.
pub fn operations(approvals: &Arc<Approvals>) -> Vec<Operation> {
    let with = |act: fn(&Approvals, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let approvals = Arc::clone(approvals);
        Handler::inside(move |call| act(&approvals, call))
    };
    let list = with(|approvals, call| {
        let (now, me) = (call.cx.now_text(), call.cx.actor.id.clone());
        let found = match call.input.query_value("which").unwrap_or("waiting") {
            "mine" => request::list(call.tx, Some(&me), &now)?,
            "waiting" => {
                let mut mine = Vec::new();
                for one in request::list(call.tx, None, &now)? {
                    if request::judge(approvals, call.door, call.cx, call.tx, &one)?.is_some() {
                        mine.push(one);
                    }
                }
                mine
            }
            other => {
                let text = format!("which 应为 waiting 或 mine,而不是“{other}”。");
                return Err(Problem::new(codes::BAD_REQUEST, text));
            }
        };
        let items: Vec<Value> = found.iter().map(|one| shown(call.door, one, &now, &me)).collect();
        Reply::json(json!({ "items": items }))
    });
    let view = with(|approvals, call| {
        let (request, sent, open) = looked_at(approvals, call)?;
        let (now, me) = (call.cx.now_text(), &call.cx.actor.id);
        let mut body = shown(call.door, &request, &now, me);
        if let Some(object) = body.as_object_mut() {
            object.insert("may_decide".into(), json!(open));
            object.insert(
                "request".into(),
                json!(sent.map(|sent| whole(call.door, &request, &sent))),
            );
        }
        Ok(Reply::value(body))
    });
    let file = with(|approvals, call| {
        let (request, sent, _) = looked_at(approvals, call)?;
        let file = sent.and_then(|sent| sent.file);
        let content = request::file(approvals, call.tx, &request.id)?;
        let (Some(file), Some(content)) = (file, content) else {
            return Err(Problem::new(codes::NOT_FOUND, "这项申请没有文件,或者已经清除。"));
        };
        // As it was sent, and never run by a browser.
        Ok(Reply::bytes("application/octet-stream", content)
            .with_header("Content-Disposition", "attachment")
            .with_header("X-Content-Type", file.content_type))
    });
    let withdraw = with(|_, call| {
        let request = request::withdraw(call.cx, call.tx, call.input.path_value("id")?)?;
        let (now, me) = (call.cx.now_text(), &call.cx.actor.id);
        Ok(Reply::value(shown(call.door, &request, &now, me)))
    });
    vec![
        Operation {
            query: &[("which", "waiting:等我作决定的(默认);mine:我申请的")],
            output: || items(described()),
            about: "最近的 200 项。",
            ..Operation::read("approval.list", "列出须经另一人同意的申请", ALL, list)
        },
        Operation {
            output: described,
            about: "申请人、能作决定的人看得到全部内容。30 天后内容清除。",
            ..Operation::read("approval.view", "查看申请", ONE, view)
        },
        Operation::read(
            "approval.file",
            "下载申请所带的文件",
            "/v1/approvals/{id}/file",
            file,
        ),
        Operation {
            input: decision,
            output: described,
            about: "批准后 24 小时内,申请人带请求头 `Banyan-Approval` 原样重发一次。",
            ..Operation::write(
                "approval.approve",
                "批准申请",
                Method::Post,
                "/v1/approvals/{id}/approve",
                with(|approvals, call| decide(approvals, call, true)),
            )
        },
        Operation {
            input: decision,
            output: described,
            ..Operation::write(
                "approval.reject",
                "不批准申请",
                Method::Post,
                "/v1/approvals/{id}/reject",
                with(|approvals, call| decide(approvals, call, false)),
            )
        },
        Operation {
            output: described,
            about: "等待中的,或已批准而没有用的。",
            ..Operation::write(
                "approval.withdraw",
                "撤回申请",
                Method::Post,
                "/v1/approvals/{id}/withdraw",
                withdraw,
            )
        },
    ]
}

fn decision() -> Value {
    object(
        &["reason"],
        json!({ "reason": { "type": "string", "minLength": 1, "maxLength": 500, "description": "理由" } }),
    )
}

fn described() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    json!({
        "type": "object",
        "required": ["id", "state", "mine", "account", "name", "operation", "type", "why", "reason", "asked_at", "expires_at"],
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "state": { "type": "string", "enum": ["waiting", "approved", "rejected", "withdrawn", "used", "expired"] },
            "mine": { "type": "boolean" }, "account": text(), "name": text(), "unit": maybe(), "post": maybe(),
            "on_behalf_of": maybe(), "operation": text(), "title": maybe(), "type": text(), "transition": maybe(),
            "purpose": maybe(), "reason": text(), "why": text(), "asked_at": text(), "expires_at": text(),
            "decided_by": maybe(), "decided_name": maybe(), "decided_for": maybe(), "decided_reason": maybe(),
            "decided_at": maybe(), "used_at": maybe(), "may_decide": { "type": "boolean", "description": "您现在能作决定" },
            "request": { "type": ["object", "null"], "description": "申请办理的全部内容" },
        },
    })
}
