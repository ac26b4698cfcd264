//! The rows of sessions in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Caller, Handler, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sign::session::{self, Which};
use crate::sign::{Accounts, DEVICE_COOKIE, SESSION_COOKIE, SignedIn};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    password: String,
}

/// The answer to whoever has come a step further: a session, or what is asked next.
pub(crate) fn answer(accounts: &Accounts, signed: SignedIn) -> Result<Reply, Problem> {
    match signed {
        SignedIn::Session { account, opened, due } => {
            let body = json!({ "account": account.to_json(), "due": due });
            let mut reply = Reply::created("/v1/session", body)?;
            for cookie in cookies(accounts, &opened.token, opened.device.as_deref()) {
                reply = reply.with_header("Set-Cookie", cookie);
            }
            Ok(reply)
        }
        SignedIn::Next { step, challenge } => Reply::json(json!({ "step": step, "challenge": challenge })),
    }
}

/// The cookies of a new session.
pub(crate) fn cookies(accounts: &Accounts, token: &str, device: Option<&str>) -> Vec<String> {
    let settings = &accounts.settings;
    let mut all = vec![settings.cookie(SESSION_COOKIE, token, None)];
    if let Some(device) = device {
        all.push(settings.cookie(DEVICE_COOKIE, device, Some(session::DEVICE_DAYS * 24 * 3600)));
    }
    all
}

/// The hash of the device's token that the caller brings.
pub(crate) fn device(caller: &Caller) -> Option<String> {
    caller
        .cookies
        .get(DEVICE_COOKIE)
        .map(|token| crate::sign::digest(token))
}

pub(crate) fn rows(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let signing = Arc::clone(accounts);
    let sign_in = Handler::outside(move |call| {
        let sent: SignIn = call.input.typed_body()?;
        let signed = signing.sign_in(call.cx, &call.input.caller, &sent.login, &sent.password)?;
        answer(&signing, signed)
    });
    let seeing = Arc::clone(accounts);
    let view = Handler::inside(move |call| {
        let account = crate::account::find(call.tx, &call.cx.actor.id)?;
        let actor = &call.cx.actor;
        let due = account
            .as_ref()
            .map(|account| seeing.due(call.tx, account, &actor.roles))
            .transpose()?
            .flatten();
        let told = match &account {
            Some(account) => account.to_json(),
            None => json!(call.cx.actor),
        };
        let acting = json!({ "unit": actor.unit, "roles": actor.roles, "standing": actor.standing });
        Reply::json(json!({ "account": told, "acting": acting, "due": due, "session": actor.grant.session }))
    });
    let leaving = Arc::clone(accounts);
    let sign_out = Handler::inside(move |call| {
        let (id, grant) = (call.cx.actor.id.as_str(), &call.cx.actor.grant);
        if let Some(own) = &grant.session {
            end(call.cx, call.tx, id, &Which::One(own))?;
        }
        let cookie = leaving.settings.cookie(SESSION_COOKIE, "", Some(0));
        Ok(Reply::empty().with_header("Set-Cookie", cookie))
    });
    let listing = Arc::clone(accounts);
    let list = Handler::inside(move |call| {
        let actor = &call.cx.actor;
        let current = actor.grant.session.as_deref();
        let items = session::list(call.cx, call.tx, &listing.settings, &actor.id, current)?;
        Reply::json(json!({ "items": items }))
    });
    let end_one = Handler::inside(|call| {
        let id = call.input.path_value("id")?;
        match end(call.cx, call.tx, &call.cx.actor.id, &Which::One(id))? {
            0 => Err(Problem::new(codes::NOT_FOUND, "没有这个登录,可能已经退出。")),
            _ => Ok(Reply::empty()),
        }
    });
    let end_others = Handler::inside(|call| {
        let own = session::own(call.cx)?;
        let ended = end(call.cx, call.tx, &call.cx.actor.id, &Which::Others(own))?;
        Reply::json(json!({ "ended": ended }))
    });
    let everywhere = Arc::clone(accounts);
    let end_all = Handler::inside(move |call| {
        let id = call.cx.actor.id.as_str();
        let ended = session::end_everywhere(call.tx, id)?;
        told(call.cx, call.tx, id, ended)?;
        let cookie = everywhere.settings.cookie(SESSION_COOKIE, "", Some(0));
        Ok(Reply::json(json!({ "ended": ended }))?.with_header("Set-Cookie", cookie))
    });
    vec![
        Operation {
            open: true,
            input: || {
                json!({ "type": "object", "required": ["login", "password"], "additionalProperties": false, "properties": {
                "login": { "type": "string", "description": "登录名" }, "password": { "type": "string", "format": "password", "description": "密码" } } })
            },
            output: signed_in,
            about: "要第二步时给出 `step` 与 `challenge`,不设登录;否则给出账号并设置登录 Cookie。连续失败会逐次延长等待。",
            ..Operation::write("session.create", "登录", Method::Post, SESSION, sign_in)
        },
        Operation {
            audit: Audit::None,
            output: || {
                let texts = || json!({ "type": "array", "items": { "type": "string" } });
                let maybe = || json!({ "type": ["string", "null"] });
                let acting = json!({ "type": "object", "required": ["unit", "roles", "standing"], "description": "现在以什么身份办事", "properties": {
                    "unit": maybe(), "roles": texts(),
                    "standing": { "type": "object", "required": ["post", "on_behalf_of", "regions", "lines", "level", "party", "represents"], "properties": {
                        "post": maybe(), "on_behalf_of": maybe(), "regions": texts(), "lines": texts(),
                        "level": { "type": "integer", "minimum": 0, "maximum": 3 }, "party": maybe(), "represents": maybe() } } } });
                json!({ "type": "object", "required": ["account", "acting", "due", "session"], "properties": {
                "account": crate::operations::described(), "acting": acting, "due": due(), "session": { "type": ["string", "null"], "description": "本次登录的编号" } } })
            },
            ..Operation::read("session.view", "查看当前登录", SESSION, view)
        },
        Operation::write(
            "session.delete",
            "退出本机登录",
            Method::Delete,
            SESSION,
            sign_out,
        ),
        Operation {
            output: || json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": described() } } }),
            ..Operation::read("session.list", "列出本人的登录", "/v1/sessions", list)
        },
        Operation::write(
            "session.end",
            "退出一处登录",
            Method::Delete,
            "/v1/sessions/{id}",
            end_one,
        ),
        Operation {
            output: ended,
            ..Operation::write(
                "session.end_others",
                "退出其他各处登录",
                Method::Post,
                "/v1/sessions/end-others",
                end_others,
            )
        },
        Operation {
            output: ended,
            about: "所有登录失效,记住的设备也忘记。",
            ..Operation::write(
                "session.end_all",
                "退出全部登录",
                Method::Post,
                "/v1/sessions/end-all",
                end_all,
            )
        },
    ]
}

const SESSION: &str = "/v1/session";

fn end(
    cx: &banyan_base::Ctx,
    tx: &mut banyan_store::Tx<'_>,
    account: &str,
    which: &Which<'_>,
) -> Result<u64, Problem> {
    let ended = session::end(tx, account, which)?;
    told(cx, tx, account, ended)?;
    Ok(ended)
}

fn told(
    cx: &banyan_base::Ctx,
    tx: &mut banyan_store::Tx<'_>,
    account: &str,
    ended: u64,
) -> Result<(), Problem> {
    match crate::account::find(tx, account)? {
        Some(account) if ended > 0 => {
            crate::admin::tell_more(cx, tx, &account, "signed_out", json!({ "ended": ended }))
        }
        _ => Ok(()),
    }
}

/// The schema of what must be done first.
fn due() -> Value {
    json!({ "type": ["string", "null"], "enum": ["password", "second_factor", null], "description": "先要办的事:改密码,或登记第二重验证" })
}

fn ended() -> Value {
    json!({ "type": "object", "required": ["ended"], "properties": { "ended": { "type": "integer", "description": "退出了几处" } } })
}

/// The schema of what signing in answers.
pub(crate) fn signed_in() -> Value {
    json!({ "type": "object", "properties": {
        "account": crate::operations::described(), "due": due(),
        "step": { "type": "string", "enum": ["totp", "passkey"], "description": "还要的一步" },
        "challenge": { "type": "string", "description": "第二步要带上的凭据,五分钟内有效" } } })
}

fn described() -> Value {
    json!({ "type": "object", "required": ["id", "agent", "method", "created_at", "seen_at", "current"], "properties": {
        "id": { "type": "string", "format": "uuid" }, "agent": { "type": "string", "description": "浏览器" },
        "method": { "type": "string", "description": "登录方式" }, "created_at": { "type": "string", "format": "date-time" },
        "seen_at": { "type": "string", "format": "date-time" }, "current": { "type": "boolean", "description": "是不是本次登录" } } })
}
