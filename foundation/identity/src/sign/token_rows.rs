//! The rows of API tokens.

use std::collections::BTreeSet;

use banyan_base::{Problem, codes};
use banyan_door::{Call, Handler, Method, Operation, Reply};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sign::session;
use crate::sign::token::{self, MOST_DAYS, New};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    name: String,
    scopes: BTreeSet<String>,
    days: i64,
}

fn create(call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    session::own(call.cx)?;
    let sent: Sent = call.input.typed_body()?;
    let mut wrong = Problem::new(codes::INVALID, "令牌不符合要求。");
    let name = sent.name.trim();
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        wrong = wrong.with_error("/name", "length", "名称为 1 到 60 个字");
    }
    if !(1..=MOST_DAYS).contains(&sent.days) {
        wrong = wrong.with_error("/days", "range", format!("有效期为 1 到 {MOST_DAYS} 天"));
    }
    if sent.scopes.is_empty() || sent.scopes.len() > 50 {
        wrong = wrong.with_error("/scopes", "length", "范围为 1 到 50 项");
    }
    for scope in &sent.scopes {
        if let Some(message) = token::wrong_scope(call.door, scope) {
            wrong = wrong.with_error("/scopes", "pattern", message);
        }
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    let account = crate::admin::view(call.tx, &call.cx.actor.id)?;
    let new = New {
        kind: "api",
        name,
        scopes: Some(&sent.scopes),
        until: call.cx.now + SignedDuration::from_hours(24 * sent.days),
    };
    let made = token::make(call.cx, call.tx, &account.id, &new)?;
    let about = json!({ "token": made.id, "prefix": made.prefix, "scopes": sent.scopes });
    crate::admin::tell_more(call.cx, call.tx, &account, "token_created", about)?;
    let body = json!({ "id": made.id, "prefix": made.prefix, "token": made.secret });
    Reply::created(format!("/v1/tokens/{}", made.id), body)
}

fn list(call: &mut Call<'_, '_>, account: Option<&str>) -> Result<Reply, Problem> {
    let prefix = call.input.query_value("prefix").unwrap_or("");
    let items = token::list(call.tx, account, prefix, &call.cx.now_text())?;
    Reply::json(json!({ "items": items }))
}

fn revoke(call: &mut Call<'_, '_>, account: Option<&str>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?;
    let owner = token::revoke(call.tx, id, account)?;
    let owner = owner.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这个令牌,可能已经吊销或过期。"))?;
    crate::admin::tell_more(call.cx, call.tx, &owner, "token_revoked", json!({ "token": id }))?;
    Ok(Reply::empty())
}

pub(crate) fn rows() -> Vec<Operation> {
    let owner = |call: &Call<'_, '_>| call.cx.actor.id.clone();
    vec![
        Operation {
            // What it answers is shown once: it must not be kept for a repeated request.
            idempotent: false,
            about: "令牌只给这一次。范围:`read` 只读;`package:<包>`;`operation:<操作>`;只能比本人的权限小。",
            input: || {
                json!({ "type": "object", "required": ["name", "scopes", "days"], "additionalProperties": false, "properties": {
                "name": { "type": "string", "maxLength": 60, "description": "用途" },
                "scopes": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 50, "uniqueItems": true, "description": "范围" },
                "days": { "type": "integer", "minimum": 1, "maximum": MOST_DAYS, "description": "几天后失效" } } })
            },
            output: || {
                json!({ "type": "object", "required": ["id", "prefix", "token"], "properties": {
                "id": { "type": "string", "format": "uuid" }, "prefix": { "type": "string", "description": "列表里显示的开头" },
                "token": { "type": "string", "description": "令牌,只显示这一次" } } })
            },
            ..Operation::write(
                "token.create",
                "新建令牌",
                Method::Post,
                "/v1/tokens",
                Handler::inside(create),
            )
        },
        Operation {
            query: PREFIX,
            output: described,
            ..Operation::read(
                "token.list",
                "列出本人的令牌",
                "/v1/tokens",
                Handler::inside(move |call| {
                    let id = owner(call);
                    list(call, Some(&id))
                }),
            )
        },
        Operation::write(
            "token.revoke",
            "吊销本人的令牌",
            Method::Delete,
            "/v1/tokens/{id}",
            Handler::inside(move |call| {
                let id = owner(call);
                revoke(call, Some(&id))
            }),
        ),
        Operation {
            query: PREFIX,
            about: "按开头查:令牌泄露到某处时,由管理员找出并吊销。",
            output: described,
            ..Operation::read(
                "account.list_tokens",
                "列出所有人的令牌",
                "/v1/accounts-tokens",
                Handler::inside(|call| list(call, None)),
            )
        },
        Operation::write(
            "account.revoke_token",
            "吊销任何人的令牌",
            Method::Delete,
            "/v1/accounts-tokens/{id}",
            Handler::inside(|call| revoke(call, None)),
        ),
    ]
}

const PREFIX: &[(&str, &str)] = &[("prefix", "令牌的开头,例如 byn_k3")];

fn described() -> Value {
    json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": {
        "type": "object", "required": ["id", "name", "prefix", "scopes", "created_at", "expires_at", "used_at", "login"], "properties": {
            "id": { "type": "string", "format": "uuid" }, "name": { "type": "string" }, "prefix": { "type": "string" },
            "scopes": { "type": "array", "items": { "type": "string" } }, "created_at": { "type": "string", "format": "date-time" },
            "expires_at": { "type": "string", "format": "date-time" }, "used_at": { "type": ["string", "null"], "format": "date-time" },
            "login": { "type": "string" } } } } } })
}
