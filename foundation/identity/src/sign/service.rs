//! Accounts of machines: a secret, or keys by which they sign what they ask (RFC 7523).

use std::collections::BTreeSet;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Handler, Method, Operation, Reply};
use banyan_store::Tx;
use openidconnect::core::CoreJsonWebKey;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{self, Account, NewAccount};
use crate::sign::{digest, fresh, token};

/// Keys that one service may have: enough to change them without a gap.
const MOST: i64 = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewService {
    login: String,
    name: String,
    unit: Option<String>,
    #[serde(default)]
    roles: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    name: String,
    jwk: Value,
}

/// A service account by its id.
fn service(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    account::find(tx, id)?
        .filter(|account| account.kind == "service")
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这个服务账号。"))
}

/// A fresh secret in the place of the old one; gives it, shown this once.
fn renew_secret(cx: &Ctx, tx: &mut Tx<'_>, account: &str) -> Result<String, Problem> {
    let secret = fresh(&cx.world);
    tx.execute("DELETE FROM service_secret WHERE account = ?1", &[account.into()])?;
    tx.execute(
        "INSERT INTO service_secret (account, secret_hash, created_at) VALUES (?1, ?2, ?3)",
        &[account.into(), digest(&secret).into(), cx.now_text().into()],
    )?;
    Ok(secret)
}

/// Whether the secret is the service's. Secrets have 256 bits, so their plain hashes are compared by the database.
pub(crate) fn has_secret(tx: &mut Tx<'_>, account: &str, secret: &str) -> Result<bool, Problem> {
    let row = tx.query_opt(
        "SELECT 1 FROM service_secret WHERE account = ?1 AND secret_hash = ?2",
        &[account.into(), digest(secret).into()],
    )?;
    Ok(row.is_some())
}

/// The public keys of a service.
pub(crate) fn keys(tx: &mut Tx<'_>, account: &str) -> Result<Vec<CoreJsonWebKey>, Problem> {
    let rows = tx.query(
        "SELECT jwk FROM service_key WHERE account = ?1",
        &[account.into()],
    )?;
    rows.iter()
        .map(|row| serde_json::from_str(&row.get::<String>(0)?).map_err(Problem::internal))
        .collect()
}

/// What is wrong with a key, if anything: a public one is wanted, of a kind that signs.
fn wrong_key(jwk: &Value) -> Option<&'static str> {
    if ["d", "p", "q", "k"].iter().any(|name| jwk.get(name).is_some()) {
        return Some("这是私钥或对称密钥:只交公钥,私钥留在自己手里,并且这一把请作废");
    }
    let kind = jwk.get("kty").and_then(Value::as_str);
    if !matches!(kind, Some("OKP" | "EC" | "RSA"))
        || serde_json::from_value::<CoreJsonWebKey>(jwk.clone()).is_err()
    {
        return Some("应为 JWK 公钥(OKP、EC 或 RSA)");
    }
    None
}

fn add_key(cx: &Ctx, tx: &mut Tx<'_>, id: &str, new: &NewKey) -> Result<String, Problem> {
    let account = service(tx, id)?;
    let mut wrong = Problem::new(codes::INVALID, "密钥不符合要求。");
    if let Some(message) = account::wrong_name(&new.name) {
        wrong = wrong.with_error("/name", "length", message.replace("姓名", "名称"));
    }
    if let Some(message) = wrong_key(&new.jwk) {
        wrong = wrong.with_error("/jwk", "type", message);
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    let count = tx
        .query("SELECT id FROM service_key WHERE account = ?1", &[id.into()])?
        .len();
    if i64::try_from(count).unwrap_or(MOST) >= MOST {
        return Err(Problem::new(
            codes::CONFLICT,
            format!("最多 {MOST} 把密钥,请先删除不用的。"),
        ));
    }
    let key = cx.id().into_string();
    tx.execute(
        "INSERT INTO service_key (id, account, name, jwk, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            key.as_str().into(),
            id.into(),
            new.name.trim().into(),
            new.jwk.to_string().into(),
            cx.now_text().into(),
        ],
    )?;
    crate::admin::tell_more(cx, tx, &account, "key_added", json!({ "key": key }))?;
    Ok(key)
}

fn list_keys(tx: &mut Tx<'_>, id: &str) -> Result<Vec<Value>, Problem> {
    service(tx, id)?;
    let rows = tx.query(
        "SELECT id, name, jwk, created_at FROM service_key WHERE account = ?1 ORDER BY created_at, id",
        &[id.into()],
    )?;
    rows.iter()
        .map(|row| {
            let jwk: Value = serde_json::from_str(&row.get::<String>(2)?).map_err(Problem::internal)?;
            Ok(json!({ "id": row.get::<String>(0)?, "name": row.get::<String>(1)?, "jwk": jwk, "created_at": row.get::<String>(3)? }))
        })
        .collect()
}

pub(crate) fn rows() -> Vec<Operation> {
    let create = Handler::inside(|call| {
        let sent: NewService = call.input.typed_body()?;
        if sent.roles.contains("admin") {
            let text = "服务账号不能是管理员";
            return Err(
                Problem::new(codes::INVALID, "账号不符合要求。").with_error("/roles", "pattern", text)
            );
        }
        let new = NewAccount {
            login: sent.login,
            name: sent.name,
            unit: sent.unit,
            roles: sent.roles,
            password: String::new(),
            must_change: Some(false),
        };
        let account = account::create_service(call.cx, call.tx, &new)?;
        let secret = renew_secret(call.cx, call.tx, &account.id)?;
        let body =
            json!({ "account": account.to_json(), "client_id": account.login, "client_secret": secret });
        Reply::created(format!("/v1/accounts/{}", account.id), body)
    });
    let list = Handler::inside(|call| {
        let sql = format!(
            "SELECT {} FROM account WHERE kind = 'service' ORDER BY login",
            account::COLUMNS
        );
        let rows = call.tx.query(&sql, &[])?;
        let accounts = rows.iter().map(account::decode).collect::<Result<Vec<_>, _>>()?;
        let items: Vec<Value> = accounts.iter().map(Account::to_json).collect();
        Reply::json(json!({ "items": items }))
    });
    let renew = Handler::inside(|call| {
        let account = service(call.tx, call.input.path_value("id")?)?;
        let secret = renew_secret(call.cx, call.tx, &account.id)?;
        token::revoke_all(call.tx, &account.id)?;
        crate::admin::tell(call.cx, call.tx, &account, "secret_renewed")?;
        Reply::json(json!({ "client_id": account.login, "client_secret": secret }))
    });
    let add = Handler::inside(|call| {
        let (id, new) = (call.input.path_value("id")?, call.input.typed_body()?);
        let key = add_key(call.cx, call.tx, id, &new)?;
        Reply::created(format!("/v1/services/{id}/keys/{key}"), json!({ "id": key }))
    });
    let keys = Handler::inside(|call| {
        let items = list_keys(call.tx, call.input.path_value("id")?)?;
        Reply::json(json!({ "items": items }))
    });
    let remove = Handler::inside(|call| {
        let account = service(call.tx, call.input.path_value("id")?)?;
        let key = call.input.path_value("key")?;
        let gone = call.tx.execute(
            "DELETE FROM service_key WHERE id = ?1 AND account = ?2",
            &[key.into(), account.id.as_str().into()],
        )?;
        if gone == 0 {
            return Err(Problem::new(codes::NOT_FOUND, "没有这把密钥。"));
        }
        token::revoke_all(call.tx, &account.id)?;
        crate::admin::tell_more(call.cx, call.tx, &account, "key_removed", json!({ "key": key }))?;
        Ok(Reply::empty())
    });
    vec![
        Operation {
            idempotent: false,
            about: "机器用的账号:没有密码,在 `/oauth/token` 用密钥或签名换取短期令牌。",
            input: || {
                json!({ "type": "object", "required": ["login", "name"], "additionalProperties": false, "properties": {
                "login": { "type": "string", "pattern": "^[A-Za-z0-9._-]{2,40}$", "description": "client_id" },
                "name": { "type": "string", "maxLength": 60 }, "unit": { "type": ["string", "null"], "description": "单位代码" },
                "roles": { "type": "array", "items": { "type": "string" }, "uniqueItems": true, "description": "“包.角色”" } } })
            },
            output: || {
                json!({ "type": "object", "required": ["account", "client_id", "client_secret"], "properties": {
                "account": crate::operations::described(), "client_id": { "type": "string" },
                "client_secret": { "type": "string", "description": "只显示这一次" } } })
            },
            ..Operation::write("service.create", "新建服务账号", Method::Post, SERVICES, create)
        },
        Operation {
            output: || json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": crate::operations::described() } } }),
            ..Operation::read("service.list", "列出服务账号", SERVICES, list)
        },
        Operation {
            idempotent: false,
            about: "旧密钥和已发的令牌随即失效。",
            output: || {
                json!({ "type": "object", "required": ["client_id", "client_secret"], "properties": {
                "client_id": { "type": "string" }, "client_secret": { "type": "string", "description": "只显示这一次" } } })
            },
            ..Operation::write(
                "service.renew_secret",
                "换发服务账号的密钥",
                Method::Post,
                "/v1/services/{id}/secret",
                renew,
            )
        },
        Operation {
            about: "登记公钥后可用 `private_key_jwt`(RFC 7523)签名换取令牌。",
            input: || {
                json!({ "type": "object", "required": ["name", "jwk"], "additionalProperties": false, "properties": {
                "name": { "type": "string", "maxLength": 60 }, "jwk": { "type": "object", "description": "JWK 公钥" } } })
            },
            output: || json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "string", "format": "uuid" } } }),
            ..Operation::write("service.add_key", "登记服务账号的公钥", Method::Post, KEYS, add)
        },
        Operation {
            output: || {
                json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": {
                "type": "object", "required": ["id", "name", "jwk", "created_at"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "name": { "type": "string" }, "jwk": { "type": "object" },
                    "created_at": { "type": "string", "format": "date-time" } } } } } })
            },
            ..Operation::read("service.list_keys", "列出服务账号的公钥", KEYS, keys)
        },
        Operation::write(
            "service.remove_key",
            "删除服务账号的公钥",
            Method::Delete,
            "/v1/services/{id}/keys/{key}",
            remove,
        ),
    ]
}

const SERVICES: &str = "/v1/services";
const KEYS: &str = "/v1/services/{id}/keys";
