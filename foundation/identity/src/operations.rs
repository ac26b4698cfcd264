//! The rows of this crate in the door.

use std::sync::Arc;

use banyan_base::{Limit, Problem, codes};
use banyan_door::{Handler, Method, Operation, Reply};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::account::{self, Account, NewAccount};
use crate::admin;
use crate::sign::{self, Accounts, hash_password, weak};

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

/// All rows.
pub fn operations(accounts: &Arc<Accounts>) -> Vec<Operation> {
    // Hashing is slow by design: never while a transaction is open.
    let changing = Arc::clone(accounts);
    let change = Handler::outside(move |call| {
        let sent: NewPassword = call.input.typed_body()?;
        changing.again(call.cx, &call.input.caller, &sent.old, "/old")?;
        let id = call.cx.actor.id.clone();
        let account = call.db.read(|tx| admin::view(tx, &id))?;
        strong(&account.login, &sent.new, "/new")?;
        let hash = call.db.read(|tx| account::password_of(tx, &id))?;
        let new = hash_password(&call.cx.world, &sent.new)?;
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
        let hash = hash_password(&call.cx.world, &new.password)?;
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
        let hash = hash_password(&call.cx.world, &sent.password)?;
        let cx = call.cx.clone();
        call.db
            .write(move |tx| admin::reset_password(&cx, tx, &id, &hash))?;
        Ok(Reply::empty())
    });
    let mut rows = vec![
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
    ];
    rows.extend(sign::operations(accounts));
    rows.extend(crate::people::operations(accounts));
    rows
}

const ACCOUNTS: &str = "/v1/accounts";
const ACCOUNT: &str = "/v1/accounts/{id}";

/// An account as the answer, with its tag.
fn told(account: &Account) -> Result<Reply, Problem> {
    Ok(Reply::json(account.to_json())?.with_etag(account.etag()))
}

/// Refuses a weak password at its field.
fn strong(name: &str, password: &str, pointer: &str) -> Result<(), Problem> {
    match weak(name, password) {
        Some(message) => Err(Problem::new(codes::INVALID, message).with_error(pointer, "weak", message)),
        None => Ok(()),
    }
}

/// The schema of a body that holds passwords.
pub(crate) fn passwords(names: &[&str]) -> Value {
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
            "must_change": { "type": "boolean", "description": "首次登录须改密码;默认是" },
        })
    } else {
        json!({ "disabled": { "type": "boolean", "description": "停用;其登录随即失效" } })
    };
    if let (Some(all), Value::Object(own)) = (properties.as_object_mut(), own) {
        all.extend(own);
    }
    json!({ "type": "object", "required": required, "additionalProperties": false, "properties": properties })
}

/// The schema of an account as it is told.
pub(crate) fn described() -> Value {
    json!({
        "type": "object",
        "required": ["id", "login", "name", "unit", "roles", "disabled", "must_change", "kind", "version"],
        "properties": {
            "id": { "type": "string", "format": "uuid" }, "login": { "type": "string" }, "name": { "type": "string" },
            "unit": { "type": ["string", "null"] }, "roles": { "type": "array", "items": { "type": "string" } },
            "disabled": { "type": "boolean" }, "must_change": { "type": "boolean", "description": "下次登录须先改密码" },
            "kind": { "type": "string", "enum": ["person", "citizen", "service"] }, "version": { "type": "integer" },
        },
    })
}
