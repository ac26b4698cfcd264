//! The rows of signing in by an upstream provider. A browser walks through them, so what a person must read comes as a
//! redirect to the desk with a word that it explains.

use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Audit, Handler, Method, Operation, Outside, Reply, ReplyBody};
use serde_json::{Value, json};

use crate::account;
use crate::sign::{Accounts, SignedIn, oidc, rows, session};

/// Name of the cookie that ties a visit to the browser that began it.
pub(crate) const VISIT_COOKIE: &str = "banyan_oidc";

fn redirect(to: &str) -> Reply {
    Reply {
        status: 303,
        body: ReplyBody::Empty,
        etag: None,
        location: Some(to.to_owned()),
        kept: None,
        headers: Vec::new(),
    }
}

/// A place of the desk to go on to; anything else is the desk's first page.
fn place(to: Option<&str>) -> String {
    let fits = |to: &&str| {
        to.starts_with("/desk/")
            && !to.contains("..")
            && to.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
    };
    to.filter(fits).unwrap_or("/desk/").to_owned()
}

fn start(accounts: &Accounts, call: &Outside<'_>) -> Result<Reply, Problem> {
    let input = call.input;
    accounts.admit(call.cx, &input.caller)?;
    let to = place(input.query_value("to"));
    let provider = input.path_value("provider")?;
    match accounts.depart(call.cx, provider, &input.base_url, None, &to) {
        Ok((url, token)) => {
            let cookie = accounts.settings.cookie(VISIT_COOKIE, &token, Some(300));
            Ok(redirect(&url).with_header("Set-Cookie", cookie))
        }
        Err(problem) if problem.code == codes::BUSY => Ok(redirect("/desk/?sign_in=unreachable")),
        Err(problem) => Err(problem),
    }
}

/// Begins linking. A POST, so that no other site can begin it in somebody's browser.
fn link(accounts: &Accounts, call: &Outside<'_>) -> Result<Reply, Problem> {
    session::own(call.cx)?;
    let input = call.input;
    let (provider, to) = (input.path_value("provider")?, place(input.query_value("to")));
    let own = Some(call.cx.actor.id.as_str());
    let (url, token) = accounts.depart(call.cx, provider, &input.base_url, own, &to)?;
    let cookie = accounts.settings.cookie(VISIT_COOKIE, &token, Some(300));
    Ok(Reply::json(json!({ "url": url }))?.with_header("Set-Cookie", cookie))
}

fn callback(accounts: &Accounts, call: &Outside<'_>) -> Result<Reply, Problem> {
    let (cx, input) = (call.cx, call.input);
    accounts.admit(cx, &input.caller)?;
    let over = || Problem::new(codes::FORBIDDEN, "这次登录不是从本页面开始的,请重新登录。");
    let token = input.caller.cookies.get(VISIT_COOKIE).ok_or_else(over)?;
    let id = input.path_value("provider")?;
    let asked = |name: &str| input.query_value(name).map(str::to_owned);
    let gone = accounts.settings.cookie(VISIT_COOKIE, "", Some(0));
    let (visit, known) = match accounts.returned(cx, id, &input.base_url, token, &asked) {
        Ok(returned) => returned,
        Err(problem) => {
            accounts.failed_from(cx, &input.caller);
            let word = match problem.code {
                codes::BUSY => "unreachable",
                codes::UNAUTHENTICATED => "refused",
                _ => return Err(problem),
            };
            return Ok(redirect(&format!("/desk/?sign_in={word}")).with_header("Set-Cookie", gone));
        }
    };
    let (provider, writer) = (accounts.provider(id)?.clone(), cx.clone());
    let secrets = Arc::clone(&accounts.secrets);
    if let Some(owner) = visit.account {
        if cx.actor.grant.session.is_none() || cx.actor.id != owner {
            return Err(over());
        }
        let linked = call.db.write::<_, Problem>(move |tx| {
            let account = crate::admin::view(tx, &owner)?;
            oidc::link(&writer, tx, &provider.id, &known, &account)?;
            oidc::proved(&writer, tx, &secrets, &provider, &known, &account)
        });
        let to = match linked {
            Ok(()) => visit.content.to,
            Err(problem) if problem.code == codes::CONFLICT => "/desk/?sign_in=linked".to_owned(),
            Err(problem) => return Err(problem),
        };
        return Ok(redirect(&to).with_header("Set-Cookie", gone));
    }
    let account = call
        .db
        .write::<_, Problem>(move |tx| {
            let account = match oidc::find(&writer, tx, &known)? {
                Some(account) => Some(account),
                None => oidc::first(&writer, tx, &secrets, &provider, &known)?,
            };
            let Some(account) = account.filter(|account| !account.disabled) else {
                return Ok(None);
            };
            match oidc::proved(&writer, tx, &secrets, &provider, &known, &account) {
                // He is let in as who he was known to be before: nothing of the proof was written.
                Err(problem) if problem.code == codes::CONFLICT => {
                    tracing::warn!(provider = %provider.id, account = %account.id, "a provider says another name or number than is known");
                }
                other => other?,
            }
            Ok(Some(account))
        })?;
    let Some(account) = account else {
        return Ok(redirect("/desk/?sign_in=unknown").with_header("Set-Cookie", gone));
    };
    let device = accounts.known_device(&input.caller, &account.id)?;
    match accounts.enter(cx, &input.caller, account, &format!("oidc:{id}"), device)? {
        SignedIn::Session { opened, .. } => {
            let mut reply = redirect(&visit.content.to).with_header("Set-Cookie", gone);
            for cookie in rows::cookies(accounts, &opened.token, opened.device.as_deref()) {
                reply = reply.with_header("Set-Cookie", cookie);
            }
            Ok(reply)
        }
        SignedIn::Next { .. } => Err(Problem::internal("a provider's sign-in asked for another step")),
    }
}

pub(crate) fn operations(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let own = Arc::clone(accounts);
    let ways = Handler::inside(move |_| {
        let providers = own.settings.providers.iter();
        let items: Vec<Value> = providers
            .map(|one| json!({ "id": one.id, "title": one.title }))
            .collect();
        Reply::json(json!({ "providers": items, "citizens": own.settings.citizens }))
    });
    let own = Arc::clone(accounts);
    let begin = Handler::outside(move |call| start(&own, call));
    let own = Arc::clone(accounts);
    let back = Handler::outside(move |call| callback(&own, call));
    let own = Arc::clone(accounts);
    let linking = Handler::outside(move |call| link(&own, call));
    let list = Handler::inside(|call| {
        let rows = call.tx.query(
            "SELECT id, provider, issuer, created_at, used_at FROM external_identity WHERE account = ?1 ORDER BY created_at, id",
            &[call.cx.actor.id.as_str().into()],
        )?;
        let told = rows.iter().map(|row| {
            Ok(json!({ "id": row.get::<String>(0)?, "provider": row.get::<String>(1)?, "issuer": row.get::<String>(2)?,
                "created_at": row.get::<String>(3)?, "used_at": row.get::<Option<String>>(4)? }))
        });
        let items = told.collect::<Result<Vec<Value>, Problem>>()?;
        Reply::json(json!({ "items": items }))
    });
    let unlink = Handler::inside(|call| {
        session::own(call.cx)?;
        let (id, own) = (call.input.path_value("id")?, call.cx.actor.id.as_str());
        let gone = call.tx.execute(
            "DELETE FROM external_identity WHERE id = ?1 AND account = ?2",
            &[id.into(), own.into()],
        )?;
        if gone == 0 {
            return Err(Problem::new(codes::NOT_FOUND, "没有这个关联。"));
        }
        let account =
            account::find(call.tx, own)?.ok_or_else(|| Problem::internal("a session without an account"))?;
        crate::admin::tell_more(
            call.cx,
            call.tx,
            &account,
            "identity_unlinked",
            json!({ "identity": id }),
        )?;
        Ok(Reply::empty())
    });
    vec![
        Operation {
            open: true,
            audit: Audit::None,
            output: || {
                json!({ "type": "object", "required": ["providers", "citizens"], "properties": {
                "citizens": { "type": "boolean", "description": "公众能不能自己注册" },
                "providers": { "type": "array", "items": {
                "type": "object", "required": ["id", "title"], "properties": { "id": { "type": "string" }, "title": { "type": "string" } } } } } })
            },
            ..Operation::read("session.ways", "有哪些登录方式", "/v1/session/ways", ways)
        },
        Operation {
            open: true,
            audit: Audit::Write,
            about: "浏览器打开;转到身份提供方(授权码 + PKCE)。",
            query: &[
                ("to", "登录后去的页面,以 /desk/ 开头"),
                ("link", "1:关联到本人账号"),
            ],
            ..Operation::read(
                "session.oidc_start",
                "通过身份提供方登录",
                "/v1/session/oidc/{provider}/start",
                begin,
            )
        },
        Operation {
            open: true,
            audit: Audit::Write,
            query: &[
                ("code", "授权码"),
                ("state", "发起时的标记"),
                ("iss", "身份提供方"),
                ("error", "身份提供方的拒绝"),
            ],
            ..Operation::read(
                "session.oidc_callback",
                "从身份提供方回来",
                "/v1/session/oidc/{provider}/callback",
                back,
            )
        },
        Operation {
            output: || {
                json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": {
                "type": "object", "required": ["id", "provider", "issuer", "created_at", "used_at"], "properties": {
                    "id": { "type": "string", "format": "uuid" }, "provider": { "type": "string" }, "issuer": { "type": "string" },
                    "created_at": { "type": "string", "format": "date-time" }, "used_at": { "type": ["string", "null"], "format": "date-time" } } } } } })
            },
            ..Operation::read(
                "identity.list",
                "列出本人关联的外部身份",
                "/v1/session/identities",
                list,
            )
        },
        Operation {
            query: TO,
            about: "给出要打开的地址;回来后外部身份就关联到本人账号。",
            output: || json!({ "type": "object", "required": ["url"], "properties": { "url": { "type": "string", "format": "uri" } } }),
            ..Operation::write(
                "identity.link",
                "关联外部身份",
                Method::Post,
                "/v1/session/oidc/{provider}/link",
                linking,
            )
        },
        Operation::write(
            "identity.unlink",
            "取消关联外部身份",
            Method::Delete,
            "/v1/session/identities/{id}",
            unlink,
        ),
    ]
}

const TO: &[(&str, &str)] = &[("to", "之后去的页面,以 /desk/ 开头")];
