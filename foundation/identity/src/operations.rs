//! The rows of this crate in the door.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Handler, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{self, Accounts, NewAccount, SESSION_COOKIE};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    old: String,
    new: String,
}

/// All rows. `secure` marks cookies for https only.
pub fn operations(accounts: &Arc<Accounts>, secure: bool) -> Vec<Operation> {
    let signing = Arc::clone(accounts);
    let flags = if secure { "; Secure" } else { "" };
    let sign_in = Handler::outside(move |call| {
        let sent: SignIn = call.input.typed_body()?;
        let (account, token) = signing.sign_in(call.cx, &sent.login, &sent.password)?;
        let cookie = format!("{SESSION_COOKIE}={token}; HttpOnly; SameSite=Lax; Path=/{flags}");
        Ok(
            Reply::created("/v1/session", json!({ "account": account.to_json() }))?
                .with_header("Set-Cookie", cookie),
        )
    });
    let view = Handler::inside(|call| Reply::json(json!({ "account": call.cx.actor })));
    let sign_out = Handler::inside(|call| {
        account::sign_out(call.tx, &call.cx.actor.id)?;
        let cookie = format!("{SESSION_COOKIE}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
        Ok(Reply::empty().with_header("Set-Cookie", cookie))
    });
    let change = Handler::inside(|call| {
        let sent: NewPassword = call.input.typed_body()?;
        if let Some(message) = account::weak(&call.cx.actor.name, &sent.new) {
            return Err(Problem::new(codes::INVALID, message).with_error("/new", "weak", message));
        }
        let hash = account::hash_password(&call.cx.world, &sent.new)?;
        account::change_password(call.tx, &call.cx.actor, &sent.old, &hash)?;
        Ok(Reply::empty())
    });
    let list = Handler::inside(|call| {
        let items: Vec<Value> = account::list(call.tx)?
            .iter()
            .map(account::Account::to_json)
            .collect();
        Reply::json(json!({ "items": items, "next": null }))
    });
    let create = Handler::inside(|call| {
        let new: NewAccount = call.input.typed_body()?;
        let hash = account::hash_password(&call.cx.world, &new.password)?;
        let made = account::create(call.cx, call.tx, &new, &hash)?;
        Reply::created(format!("/v1/accounts/{}", made.id), made.to_json())
    });
    let object = || json!({ "type": "object" });
    vec![
        Operation {
            open: true,
            input: || json!({ "type": "object", "required": ["login", "password"], "properties": { "login": { "type": "string" }, "password": { "type": "string" } } }),
            ..Operation::write("session.create", "登录", Method::Post, "/v1/session", sign_in)
        },
        Operation {
            audit: Audit::None,
            ..Operation::read("session.view", "查看当前登录", "/v1/session", view)
        },
        Operation::write(
            "session.delete",
            "退出登录",
            Method::Delete,
            "/v1/session",
            sign_out,
        ),
        Operation {
            input: object,
            ..Operation::write(
                "password.change",
                "修改密码",
                Method::Put,
                "/v1/session/password",
                change,
            )
        },
        Operation::read("account.list", "列出账号", "/v1/accounts", list),
        Operation {
            input: object,
            ..Operation::write("account.create", "新建账号", Method::Post, "/v1/accounts", create)
        },
    ]
}
