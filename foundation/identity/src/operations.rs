//! The rows of this crate in the door.

use std::sync::Arc;

use banyan_base::{Limit, Problem, codes};
use banyan_door::{Audit, Handler, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::account::{self, Account, Accounts, NewAccount, SESSION_COOKIE};
use crate::admin;

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    password: String,
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
    let view = Handler::inside(|call| match account::find(call.tx, &call.cx.actor.id)? {
        Some(own) => Reply::json(json!({ "account": own.to_json() })),
        None => Reply::json(json!({ "account": call.cx.actor })),
    });
    let sign_out = Handler::inside(|call| {
        account::sign_out(call.tx, &call.cx.actor.id)?;
        let cookie = format!("{SESSION_COOKIE}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
        Ok(Reply::empty().with_header("Set-Cookie", cookie))
    });
    // Hashing is slow by design: never while a transaction is open.
    let change = Handler::outside(|call| {
        let sent: NewPassword = call.input.typed_body()?;
        strong(&call.cx.actor.name, &sent.new, "/new")?;
        let id = call.cx.actor.id.clone();
        let hash = call.db.read(|tx| account::password_of(tx, &id))?;
        if !account::verify(&sent.old, &hash) {
            return Err(Problem::new(codes::INVALID, "原密码不对。").with_error(
                "/old",
                "wrong",
                "原密码不对",
            ));
        }
        let new = account::hash_password(&call.cx.world, &sent.new)?;
        let cx = call.cx.clone();
        call.db
            .write(move |tx| account::change_password(&cx, tx, &hash, &new))?;
        Ok(Reply::empty())
    });
    let list = Handler::inside(|call| {
        let limit = match call.input.query_parsed::<u32>("limit")? {
            Some(count) => {
                Limit::new(count).ok_or_else(|| Problem::new(codes::BAD_REQUEST, "limit 至少为 1。"))?
            }
            None => Limit::DEFAULT,
        };
        let words = call.input.query_value("q").unwrap_or("");
        let after = call.input.query_value("cursor").unwrap_or("");
        let (accounts, next) = admin::page(call.tx, words, after, limit)?;
        let items: Vec<Value> = accounts.iter().map(Account::to_json).collect();
        Reply::json(json!({ "items": items, "next": next }))
    });
    let look = Handler::inside(|call| told(&admin::view(call.tx, call.input.path_value("id")?)?));
    let create = Handler::outside(|call| {
        let new: NewAccount = call.input.typed_body()?;
        let hash = account::hash_password(&call.cx.world, &new.password)?;
        let cx = call.cx.clone();
        let made = call.db.write(move |tx| account::create(&cx, tx, &new, &hash))?;
        let reply = Reply::created(format!("/v1/accounts/{}", made.id), made.to_json())?;
        Ok(reply.with_etag(made.etag()))
    });
    let update = Handler::inside(|call| {
        let (id, change) = (call.input.path_value("id")?, call.input.typed_body()?);
        told(&admin::update(
            call.cx,
            call.tx,
            id,
            call.input.if_match.as_deref(),
            change,
        )?)
    });
    let reset = Handler::outside(|call| {
        let sent: Reset = call.input.typed_body()?;
        let id = call.input.path_value("id")?.to_owned();
        let account = call.db.read(|tx| admin::view(tx, &id))?;
        strong(&account.login, &sent.password, "/password")?;
        let hash = account::hash_password(&call.cx.world, &sent.password)?;
        let cx = call.cx.clone();
        call.db
            .write(move |tx| admin::reset_password(&cx, tx, &id, &hash))?;
        Ok(Reply::empty())
    });
    vec![
        Operation {
            open: true,
            input: || json!({ "type": "object", "required": ["login", "password"], "properties": { "login": { "type": "string" }, "password": { "type": "string" } } }),
            output: session,
            ..Operation::write("session.create", "登录", Method::Post, "/v1/session", sign_in)
        },
        Operation {
            audit: Audit::None,
            output: session,
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
            input: || passwords(&["old", "new"]),
            ..Operation::write(
                "password.change",
                "修改密码",
                Method::Put,
                "/v1/session/password",
                change,
            )
        },
        Operation {
            query: &[
                ("q", "登录名、姓名或单位代码里的字"),
                ("limit", "每页条数"),
                ("cursor", "上一页给出的 next"),
            ],
            output: || {
                let next = json!({ "type": ["string", "null"] });
                let items = json!({ "type": "array", "items": described() });
                json!({ "type": "object", "required": ["items", "next"], "properties": { "items": items, "next": next } })
            },
            ..Operation::read("account.list", "列出账号", ACCOUNTS, list)
        },
        Operation {
            output: described,
            ..Operation::read("account.view", "查看账号", ACCOUNT, look)
        },
        Operation {
            input: || object(&["login", "name", "password"], true),
            output: described,
            ..Operation::write("account.create", "新建账号", Method::Post, ACCOUNTS, create)
        },
        Operation {
            input: || object(&[], false),
            output: described,
            if_match: true,
            ..Operation::write("account.update", "修改或停用账号", Method::Patch, ACCOUNT, update)
        },
        Operation {
            input: || passwords(&["password"]),
            ..Operation::write(
                "account.reset_password",
                "重置密码",
                Method::Post,
                "/v1/accounts/{id}/password",
                reset,
            )
        },
    ]
}

const ACCOUNTS: &str = "/v1/accounts";
const ACCOUNT: &str = "/v1/accounts/{id}";

/// An account as the answer, with its tag.
fn told(account: &Account) -> Result<Reply, Problem> {
    Ok(Reply::json(account.to_json())?.with_etag(account.etag()))
}

/// Refuses a weak password at its field.
fn strong(name: &str, password: &str, pointer: &str) -> Result<(), Problem> {
    match account::weak(name, password) {
        Some(message) => Err(Problem::new(codes::INVALID, message).with_error(pointer, "weak", message)),
        None => Ok(()),
    }
}

/// The schema of a body that holds passwords.
fn passwords(names: &[&str]) -> Value {
    let one = json!({ "type": "string", "format": "password" });
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), one.clone()))
        .collect();
    json!({ "type": "object", "required": names, "additionalProperties": false, "properties": properties })
}

/// The schema of an account as it is sent: a new one, or changes to one.
fn object(required: &[&str], new: bool) -> Value {
    let mut properties = json!({
        "name": { "type": "string", "maxLength": 60, "description": "姓名" },
        "unit": { "type": ["string", "null"], "description": "单位代码" },
        "roles": { "type": "array", "items": { "type": "string" }, "uniqueItems": true, "description": "admin 或“包.角色”" },
    });
    let own = if new {
        json!({
            "login": { "type": "string", "pattern": "^[A-Za-z0-9._-]{2,40}$", "description": "登录名" },
            "password": { "type": "string", "format": "password", "minLength": 10, "description": "初始密码" },
        })
    } else {
        json!({ "disabled": { "type": "boolean", "description": "停用;其登录随即失效" } })
    };
    if let (Some(all), Value::Object(own)) = (properties.as_object_mut(), own) {
        all.extend(own);
    }
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

/// The schema of a session as it is told.
fn session() -> Value {
    let text = || json!({ "type": ["string", "null"] });
    let account = json!({
        "type": "object", "required": ["id", "name", "roles"],
        "properties": {
            "id": { "type": "string" }, "name": { "type": "string" }, "unit": text(),
            "roles": { "type": "array", "items": { "type": "string" } },
        },
    });
    json!({ "type": "object", "required": ["account"], "properties": { "account": account } })
}

/// The schema of an account as it is told.
fn described() -> Value {
    json!({
        "type": "object",
        "required": ["id", "login", "name", "unit", "roles", "disabled", "version"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "login": { "type": "string" }, "name": { "type": "string" },
            "unit": { "type": ["string", "null"] }, "roles": { "type": "array", "items": { "type": "string" } },
            "disabled": { "type": "boolean" }, "version": { "type": "integer" },
        },
    })
}
