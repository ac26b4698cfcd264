//! Passkeys (WebAuthn): possession and a finger or PIN in one act, so they count as both factors.

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Handler, Method, Operation, Reply};
use banyan_store::Tx;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CreationChallengeResponse, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder,
};

use crate::account;
use crate::sign::{Accounts, rows, session, step};

/// Passkeys that one account may have.
const MOST: usize = 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    registration: String,
    name: String,
    credential: RegisterPublicKeyCredential,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    challenge: String,
    credential: PublicKeyCredential,
}

/// Whether an account has a passkey.
pub(crate) fn enrolled(tx: &mut Tx<'_>, account: &str) -> Result<bool, Problem> {
    Ok(tx
        .query_opt(
            "SELECT 1 FROM passkey WHERE account = ?1 LIMIT 1",
            &[account.into()],
        )?
        .is_some())
}

pub(crate) fn remove_all(tx: &mut Tx<'_>, account: &str) -> Result<u64, Problem> {
    Ok(tx.execute("DELETE FROM passkey WHERE account = ?1", &[account.into()])?)
}

fn refused() -> Problem {
    Problem::new(
        codes::UNAUTHENTICATED,
        "通行密钥没有通过验证,请重试或改用密码登录。",
    )
}

impl Accounts {
    /// The relying party: what is configured, or a server on the caller's own machine.
    fn relying(&self, base_url: &str) -> Result<Webauthn, Problem> {
        let place = self.settings.public_url.as_deref().unwrap_or(base_url);
        let missing = || {
            let text = "通行密钥要求配置 server.public_url(https 地址),或者用 http://localhost 打开本站。";
            Problem::new(codes::CONFLICT, text)
        };
        let origin = Url::parse(place).map_err(|_| missing())?;
        let host = origin.domain().ok_or_else(missing)?.to_owned();
        if origin.scheme() != "https" && host != "localhost" {
            return Err(missing());
        }
        WebauthnBuilder::new(&host, &origin)
            .and_then(|builder| builder.rp_name("榕 Banyan").build())
            .map_err(|error| Problem::internal(format!("the relying party {place}: {error}")))
    }
}

fn keys(tx: &mut Tx<'_>, account: &str) -> Result<Vec<Passkey>, Problem> {
    let rows = tx.query(
        "SELECT content FROM passkey WHERE account = ?1",
        &[account.into()],
    )?;
    rows.iter()
        .map(|row| serde_json::from_str(&row.get::<String>(0)?).map_err(Problem::internal))
        .collect()
}

/// Asks the authenticator to keep the key where it can be found without a login.
fn discoverable(asked: &CreationChallengeResponse) -> Result<Value, Problem> {
    let mut options = serde_json::to_value(asked).map_err(Problem::internal)?;
    if let Some(Value::Object(selection)) = options.pointer_mut("/publicKey/authenticatorSelection") {
        selection.insert("residentKey".into(), "required".into());
        selection.insert("requireResidentKey".into(), true.into());
    }
    Ok(options)
}

fn text_of(id: &[u8]) -> String {
    BASE64URL_NOPAD.encode(id)
}

fn list_of(cx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<Value>, Problem> {
    let rows = tx.query(
        "SELECT id, name, created_at, used_at FROM passkey WHERE account = ?1 ORDER BY created_at, id",
        &[cx.actor.id.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            Ok(json!({
                "id": row.get::<String>(0)?, "name": row.get::<String>(1)?, "created_at": row.get::<String>(2)?,
                "used_at": row.get::<Option<String>>(3)?,
            }))
        })
        .collect()
}

/// Keeps a new passkey.
fn keep(cx: &Ctx, tx: &mut Tx<'_>, name: &str, key: &Passkey) -> Result<String, Problem> {
    let account = crate::admin::view(tx, &cx.actor.id)?;
    let credential = text_of(key.cred_id());
    let other = tx.query_opt(
        "SELECT 1 FROM passkey WHERE credential = ?1",
        &[credential.as_str().into()],
    )?;
    if other.is_some() {
        return Err(Problem::new(codes::CONFLICT, "这个通行密钥已经登记过。"));
    }
    let id = cx.id().into_string();
    tx.execute(
        "INSERT INTO passkey (id, account, credential, name, content, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        &[
            id.as_str().into(),
            account.id.as_str().into(),
            credential.into(),
            name.into(),
            serde_json::to_string(key).map_err(Problem::internal)?.into(),
            cx.now_text().into(),
        ],
    )?;
    crate::admin::tell_more(cx, tx, &account, "passkey_added", json!({ "passkey": id }))?;
    Ok(id)
}

impl Accounts {
    /// Whose passkey was shown, once it has proved itself; its counter is kept.
    fn prove(&self, cx: &Ctx, base_url: &str, shown: Shown) -> Result<account::Account, Problem> {
        let relying = self.relying(base_url)?;
        let (writer, secrets) = (cx.clone(), Arc::clone(&self.secrets));
        let challenge = shown.challenge;
        let state = self.db.write(move |tx| {
            step::take::<DiscoverableAuthentication>(&writer, tx, &secrets, "passkey", &challenge)
        })?;
        let (user, credential) = relying
            .identify_discoverable_authentication(&shown.credential)
            .map_err(|_| refused())?;
        let (user, credential) = (user.to_string(), text_of(credential));
        let found = self.db.read::<_, Problem>(|tx| {
            Ok(tx.query_opt(
                "SELECT content FROM passkey WHERE credential = ?1 AND account = ?2",
                &[credential.as_str().into(), user.as_str().into()],
            )?)
        })?;
        let stored: String = found.ok_or_else(refused)?.get(0)?;
        let mut key: Passkey = serde_json::from_str(&stored).map_err(Problem::internal)?;
        let proof = relying
            .finish_discoverable_authentication_v2(
                &shown.credential,
                state.content,
                DiscoverableKey::from(&key),
            )
            .map_err(|_| refused())?;
        if !proof.user_verified() {
            return Err(refused());
        }
        key.update_credential(&proof);
        let content = serde_json::to_string(&key).map_err(Problem::internal)?;
        let (now, of) = (cx.now_text(), user.clone());
        let account = self.db.write::<_, Problem>(move |tx| {
            tx.execute(
                "UPDATE passkey SET content = ?2, used_at = ?3 WHERE credential = ?1",
                &[credential.into(), content.into(), now.into()],
            )?;
            account::find(tx, &of)
        })?;
        account.filter(|account| !account.disabled).ok_or_else(refused)
    }
}

pub(crate) fn operations(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let list = Handler::inside(|call| Reply::json(json!({ "items": list_of(call.cx, call.tx)? })));
    let own = Arc::clone(accounts);
    let start = Handler::outside(move |call| {
        session::own(call.cx)?;
        let relying = own.relying(&call.input.base_url)?;
        let id = call.cx.actor.id.clone();
        let account = call.db.read(|tx| crate::admin::view(tx, &id))?;
        let known = call.db.read(|tx| keys(tx, &id))?;
        if known.len() >= MOST {
            return Err(Problem::new(
                codes::CONFLICT,
                format!("最多登记 {MOST} 个通行密钥,请先删除不用的。"),
            ));
        }
        let known = known.iter().map(|key| key.cred_id().clone()).collect();
        let user = Uuid::parse_str(&account.id).map_err(Problem::internal)?;
        let (asked, state) = relying
            .start_passkey_registration(user, &account.login, &account.name, Some(known))
            .map_err(Problem::internal)?;
        let (cx, secrets) = (call.cx.clone(), Arc::clone(&own.secrets));
        let token = call
            .db
            .write(move |tx| step::keep(&cx, tx, &secrets, "passkey-new", Some(&id), &state))?;
        Reply::json(json!({ "registration": token, "options": discoverable(&asked)? }))
    });
    let own = Arc::clone(accounts);
    let create = Handler::outside(move |call| {
        session::own(call.cx)?;
        let sent: Made = call.input.typed_body()?;
        let name = sent.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
            let text = "名称为 1 到 60 个字";
            return Err(Problem::new(codes::INVALID, "通行密钥的名称不符合要求。")
                .with_error("/name", "length", text));
        }
        let relying = own.relying(&call.input.base_url)?;
        let (cx, secrets) = (call.cx.clone(), Arc::clone(&own.secrets));
        let id = call.db.write::<_, Problem>(move |tx| {
            let step =
                step::take::<PasskeyRegistration>(&cx, tx, &secrets, "passkey-new", &sent.registration)?;
            if step.account.as_deref() != Some(cx.actor.id.as_str()) {
                return Err(Problem::new(codes::CONFLICT, "这次登记不是您开始的,请重新开始。"));
            }
            let key = relying
                .finish_passkey_registration(&sent.credential, &step.content)
                .map_err(|_| {
                    Problem::new(
                        codes::INVALID,
                        "通行密钥没有登记成功:浏览器给出的凭据没有通过验证。",
                    )
                })?;
            keep(&cx, tx, &name, &key)
        })?;
        Reply::created(format!("/v1/session/passkeys/{id}"), json!({ "id": id }))
    });
    let remove = Handler::inside(|call| {
        session::own(call.cx)?;
        let id = call.input.path_value("id")?;
        let gone = call.tx.execute(
            "DELETE FROM passkey WHERE id = ?1 AND account = ?2",
            &[id.into(), call.cx.actor.id.as_str().into()],
        )?;
        if gone == 0 {
            return Err(Problem::new(codes::NOT_FOUND, "没有这个通行密钥。"));
        }
        let account = crate::admin::view(call.tx, &call.cx.actor.id)?;
        crate::admin::tell_more(
            call.cx,
            call.tx,
            &account,
            "passkey_removed",
            json!({ "passkey": id }),
        )?;
        Ok(Reply::empty())
    });
    let own = Arc::clone(accounts);
    let ask = Handler::outside(move |call| {
        own.admit(call.cx, &call.input.caller)?;
        let relying = own.relying(&call.input.base_url)?;
        let (asked, state) = relying
            .start_discoverable_authentication()
            .map_err(Problem::internal)?;
        let (cx, secrets) = (call.cx.clone(), Arc::clone(&own.secrets));
        let token = call
            .db
            .write(move |tx| step::keep(&cx, tx, &secrets, "passkey", None, &state))?;
        Reply::json(json!({ "challenge": token, "options": asked }))
    });
    let own = Arc::clone(accounts);
    let sign_in = Handler::outside(move |call| {
        let (cx, caller) = (call.cx, &call.input.caller);
        own.admit(cx, caller)?;
        let shown: Shown = call.input.typed_body()?;
        let account = own
            .prove(cx, &call.input.base_url, shown)
            .inspect_err(|_| own.failed_from(cx, caller))?;
        let device = own.known_device(caller, &account.id)?;
        rows::answer(&own, own.enter(cx, caller, account, "passkey", device)?)
    });
    vec![
        Operation {
            output: || {
                json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": {
                "type": "object", "required": ["id", "name", "created_at", "used_at"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "name": { "type": "string" },
                    "created_at": { "type": "string", "format": "date-time" }, "used_at": { "type": ["string", "null"], "format": "date-time" } } } } } })
            },
            ..Operation::read("passkey.list", "列出本人的通行密钥", PASSKEYS, list)
        },
        Operation {
            output: || {
                json!({ "type": "object", "required": ["registration", "options"], "properties": {
                "registration": { "type": "string", "description": "登记时带上" }, "options": { "type": "object", "description": "交给浏览器的 navigator.credentials.create" } } })
            },
            ..Operation::write(
                "passkey.start",
                "开始登记通行密钥",
                Method::Post,
                "/v1/session/passkeys/start",
                start,
            )
        },
        Operation {
            input: || {
                json!({ "type": "object", "required": ["registration", "name", "credential"], "additionalProperties": false, "properties": {
                "registration": { "type": "string" }, "name": { "type": "string", "maxLength": 60, "description": "给它起的名字" },
                "credential": { "type": "object", "description": "浏览器给出的凭据(WebAuthn)" } } })
            },
            output: || json!({ "type": "object", "required": ["id"], "properties": { "id": { "type": "string", "format": "uuid" } } }),
            ..Operation::write("passkey.create", "登记通行密钥", Method::Post, PASSKEYS, create)
        },
        Operation::write(
            "passkey.remove",
            "删除通行密钥",
            Method::Delete,
            "/v1/session/passkeys/{id}",
            remove,
        ),
        Operation {
            open: true,
            output: || {
                json!({ "type": "object", "required": ["challenge", "options"], "properties": {
                "challenge": { "type": "string", "description": "登录时带上" }, "options": { "type": "object", "description": "交给浏览器的 navigator.credentials.get" } } })
            },
            ..Operation::write(
                "session.passkey_start",
                "开始用通行密钥登录",
                Method::Post,
                "/v1/session/passkey/start",
                ask,
            )
        },
        Operation {
            open: true,
            input: || {
                json!({ "type": "object", "required": ["challenge", "credential"], "additionalProperties": false, "properties": {
                "challenge": { "type": "string" }, "credential": { "type": "object", "description": "浏览器给出的凭据(WebAuthn)" } } })
            },
            output: rows::signed_in,
            ..Operation::write(
                "session.passkey",
                "用通行密钥登录",
                Method::Post,
                "/v1/session/passkey",
                sign_in,
            )
        },
    ]
}

const PASSKEYS: &str = "/v1/session/passkeys";
