//! The token endpoint (RFC 6749, client credentials): machines show a secret, or a signed assertion (RFC 7523), and get a
//! bearer token of some minutes. The endpoint describes itself (RFC 8414).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes, timestamp_text};
use banyan_door::{Body, Handler, Input, Method, Operation, Outside, Reply};
use banyan_store::Tx;
use data_encoding::BASE64URL_NOPAD;
use jiff::SignedDuration;
use openidconnect::JsonWebKey;
use openidconnect::JwsSigningAlgorithm;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::url::form_urlencoded;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::account::{self, Account};
use crate::sign::token::{self, New};
use crate::sign::{Accounts, digest, service};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const ALGORITHMS: &[&str] = &["EdDSA", "Ed25519", "ES256", "ES384", "PS256", "RS256"];
/// Clocks may differ by so many seconds.
pub(crate) const SKEW: i64 = 60;
/// An assertion may not be good for longer than so many seconds.
const LONGEST: i64 = 600;

/// A refusal as RFC 6749 (5.2) has it: `error` for programs, `error_description` in ASCII.
fn refusal(error: &str, about: &str) -> Problem {
    let code = if error == "invalid_client" {
        codes::UNAUTHENTICATED
    } else {
        codes::BAD_REQUEST
    };
    Problem::new(code, "令牌端点拒绝了请求。")
        .with("error", error)
        .with("error_description", about)
}

fn bad_client() -> Problem {
    refusal(
        "invalid_client",
        "the client is unknown, disabled, or its secret or assertion is not good",
    )
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// The form that was sent; a name that comes twice is a mistake (RFC 6749, 3.2).
fn form(input: &Input) -> Result<BTreeMap<String, String>, Problem> {
    let Body::Upload(upload) = &input.body else {
        return Err(refusal(
            "invalid_request",
            "the body must be application/x-www-form-urlencoded",
        ));
    };
    let bytes = upload.read_all().map_err(Problem::internal)?;
    let mut form = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(&bytes) {
        if form.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err(refusal("invalid_request", "a parameter comes twice"));
        }
    }
    Ok(form)
}

/// The service account that goes by this client id.
fn client(tx: &mut Tx<'_>, id: &str) -> Result<Account, Problem> {
    account::find_by_login(tx, id)?
        .filter(|account| account.kind == "service" && !account.disabled)
        .ok_or_else(bad_client)
}

fn part<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&BASE64URL_NOPAD.decode(text.as_bytes()).ok()?).ok()
}

/// Whether one of the keys made the signature.
fn signed(keys: &[CoreJsonWebKey], header: &Header, message: &str, signature: &[u8]) -> bool {
    // RFC 9864 names the curve; what is signed is the same.
    let named = if header.alg == "Ed25519" {
        "EdDSA"
    } else {
        &header.alg
    };
    let Ok(algorithm) = serde_json::from_value::<CoreJwsSigningAlgorithm>(json!(named)) else {
        return false;
    };
    if algorithm.uses_shared_secret() || !ALGORITHMS.contains(&header.alg.as_str()) {
        return false;
    }
    keys.iter()
        .filter(|key| match (&header.kid, key.key_id()) {
            (Some(named), Some(own)) => named == own.as_str(),
            _ => true,
        })
        .any(|key| {
            key.verify_signature(&algorithm, message.as_bytes(), signature)
                .is_ok()
        })
}

/// The client that made an assertion for us, just now, for the first time.
fn asserted(cx: &Ctx, tx: &mut Tx<'_>, assertion: &str, audiences: &[String]) -> Result<Account, Problem> {
    let (message, signature) = assertion.rsplit_once('.').ok_or_else(bad_client)?;
    let (header, claims) = message.split_once('.').ok_or_else(bad_client)?;
    let (header, claims): (Header, Claims) = (
        part(header).ok_or_else(bad_client)?,
        part(claims).ok_or_else(bad_client)?,
    );
    let signature = BASE64URL_NOPAD
        .decode(signature.as_bytes())
        .map_err(|_| bad_client())?;
    if claims.iss != claims.sub || claims.jti.is_empty() || claims.jti.len() > 200 {
        return Err(bad_client());
    }
    let named = match claims.aud {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are exact in a double for ages"
    )]
    let (now, skew, longest) = (
        cx.world.outside_now().as_second() as f64,
        SKEW as f64,
        LONGEST as f64,
    );
    let early = [claims.nbf, claims.iat]
        .iter()
        .flatten()
        .any(|moment| *moment > now + skew);
    if early || claims.exp <= now - skew || claims.exp > now + longest + skew {
        return Err(bad_client());
    }
    if !named.iter().any(|one| audiences.contains(one)) {
        return Err(bad_client());
    }
    let account = client(tx, &claims.sub)?;
    if !signed(&service::keys(tx, &account.id)?, &header, message, &signature) {
        return Err(bad_client());
    }
    // Kept as long as it could be shown again; times here are this world's, as all that is stored.
    let until = cx.now + SignedDuration::from_secs(LONGEST + 2 * SKEW);
    tx.execute(
        "DELETE FROM assertion_used WHERE expires_at <= ?1",
        &[cx.now_text().into()],
    )?;
    let first = tx.execute(
        "INSERT INTO assertion_used (account, jti_hash, expires_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        &[account.id.as_str().into(), digest(&claims.jti).into(), timestamp_text(until).into()],
    )?;
    (first == 1).then_some(account).ok_or_else(bad_client)
}

/// Under which address the caller reaches us.
fn issuer(accounts: &Accounts, input: &Input) -> String {
    let place = accounts.settings.public_url.as_deref().unwrap_or(&input.base_url);
    place.trim_end_matches('/').to_owned()
}

fn token(accounts: &Accounts, call: &Outside<'_>) -> Result<Reply, Problem> {
    let (cx, input) = (call.cx, call.input);
    accounts.admit(cx, &input.caller)?;
    let mut form = form(input)?;
    match form.get("grant_type").map(String::as_str) {
        Some("client_credentials") => {}
        Some(_) => {
            return Err(refusal(
                "unsupported_grant_type",
                "only client_credentials is supported",
            ));
        }
        None => return Err(refusal("invalid_request", "grant_type is missing")),
    }
    let scopes: Option<BTreeSet<String>> = form
        .get("scope")
        .map(|text| {
            text.split_ascii_whitespace()
                .map(str::to_owned)
                .collect::<BTreeSet<_>>()
        })
        .filter(|scopes| !scopes.is_empty());
    for scope in scopes.iter().flatten() {
        if token::wrong_scope(call.door, scope).is_some() {
            return Err(refusal("invalid_scope", "a scope is unknown"));
        }
    }
    let place = issuer(accounts, input);
    let audiences = [place.clone(), format!("{place}/oauth/token")];
    let (writer, lasts, basic) = (cx.clone(), accounts.settings.access, input.caller.basic.clone());
    let granted = scopes.clone();
    let made = call.db.write::<_, Problem>(move |tx| {
        let account = match form.remove("client_assertion") {
            Some(assertion) => {
                if form.get("client_assertion_type").map(String::as_str) != Some(JWT_BEARER) {
                    return Err(refusal(
                        "invalid_request",
                        "client_assertion_type is not jwt-bearer",
                    ));
                }
                let account = asserted(&writer, tx, &assertion, &audiences)?;
                if form.get("client_id").is_some_and(|id| *id != account.login) {
                    return Err(bad_client());
                }
                account
            }
            None => {
                let sent = basic.or_else(|| Some((form.remove("client_id")?, form.remove("client_secret")?)));
                let (id, secret) = sent.ok_or_else(bad_client)?;
                let account = client(tx, &id)?;
                if !service::has_secret(tx, &account.id, &secret)? {
                    return Err(bad_client());
                }
                account
            }
        };
        let new = New {
            kind: "access",
            name: "",
            scopes: granted.as_ref(),
            until: writer.now + lasts,
        };
        let made = token::make(&writer, tx, &account.id, &new)?;
        let own = Ctx {
            actor: account.actor(),
            ..writer.clone()
        };
        crate::admin::tell_more(
            &own,
            tx,
            &account,
            "token_issued",
            json!({ "token": made.id, "scopes": granted }),
        )?;
        Ok(made)
    });
    let made = made.inspect_err(|_| accounts.failed_from(cx, &input.caller))?;
    let mut body = json!({ "access_token": made.secret, "token_type": "Bearer", "expires_in": accounts.settings.access.as_secs() });
    if let (Some(body), Some(scopes)) = (body.as_object_mut(), scopes) {
        let all: Vec<String> = scopes.into_iter().collect();
        body.insert("scope".into(), all.join(" ").into());
    }
    Ok(Reply::json(body)?.with_header("Pragma", "no-cache"))
}

pub(crate) fn rows(accounts: &Arc<Accounts>) -> Vec<Operation> {
    let own = Arc::clone(accounts);
    let issue = Handler::outside(move |call| token(&own, call));
    let own = Arc::clone(accounts);
    let describe = Handler::inside(move |call| {
        let place = issuer(&own, call.input);
        Reply::json(json!({
            "issuer": place, "token_endpoint": format!("{place}/oauth/token"),
            "grant_types_supported": ["client_credentials"], "response_types_supported": [],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ALGORITHMS,
        }))
    });
    vec![
        Operation {
            open: true,
            uploads: &["application/x-www-form-urlencoded"],
            about: "OAuth 2.0 客户端凭据(RFC 6749 第 4.4 节):服务账号用密钥(Basic 或表单)或签名断言(RFC 7523)换取短期令牌。\
                    表单:`grant_type=client_credentials`、`scope`、`client_id`、`client_secret`、`client_assertion_type`、`client_assertion`。拒绝时另有 `error`。",
            output: || {
                json!({ "type": "object", "required": ["access_token", "token_type", "expires_in"], "properties": {
                "access_token": { "type": "string" }, "token_type": { "type": "string", "enum": ["Bearer"] },
                "expires_in": { "type": "integer", "description": "秒" }, "scope": { "type": "string" } } })
            },
            ..Operation::write("oauth.token", "换取令牌", Method::Post, "/oauth/token", issue)
        },
        Operation {
            open: true,
            output: metadata,
            ..Operation::read(
                "oauth.metadata",
                "令牌端点的说明",
                "/.well-known/oauth-authorization-server",
                describe,
            )
        },
    ]
}

fn metadata() -> Value {
    let list = json!({ "type": "array", "items": { "type": "string" } });
    json!({ "type": "object", "required": ["issuer", "token_endpoint", "grant_types_supported"], "properties": {
        "issuer": { "type": "string", "format": "uri" }, "token_endpoint": { "type": "string", "format": "uri" }, "grant_types_supported": list,
        "response_types_supported": list, "token_endpoint_auth_methods_supported": list, "token_endpoint_auth_signing_alg_values_supported": list } })
}
