//! OpenID Connect relying party: people of an upstream provider sign in by authorization code with PKCE and a nonce. An
//! account is known by issuer and subject, never by an address or a name that the provider says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use banyan_base::{Ctx, Problem, codes};
use banyan_store::Tx;
use chrono::{DateTime, Utc};
use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreProviderMetadata};
use openidconnect::{
    AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
    TokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use ureq::http;

use crate::account::{self, Account, NewAccount};
use crate::people::citizen;
use crate::people::party::{self, Kind, Named, PROVED, Proof};
use crate::sign::oauth::SKEW;
use crate::sign::secret_box::SecretBox;
use crate::sign::{Accounts, FirstLogin, Provider, fresh, step};

/// How long what a provider says of itself is believed before it is asked again.
const BELIEVED: SignedDuration = SignedDuration::from_mins(10);
/// The largest answer of a provider.
const LARGEST: u64 = 1 << 20;

type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// A visit to a provider, until the browser comes back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Visit {
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    /// Where the desk goes on afterwards.
    pub(crate) to: String,
}

/// What a provider says of whoever came back.
pub(crate) struct Known {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) login: Option<String>,
    pub(crate) name: Option<String>,
    /// A citizen's number, where the provider says one.
    pub(crate) number: Option<String>,
}

/// What providers say of themselves, for a while.
#[derive(Default)]
pub(crate) struct Providers {
    known: Mutex<HashMap<String, (Timestamp, CoreProviderMetadata)>>,
}

/// Why a provider can't be used now. The cause goes to the log.
fn unreachable(provider: &Provider, cause: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(provider = %provider.id, %cause, "the identity provider can't be used");
    Problem::new(
        codes::BUSY,
        format!(
            "现在无法通过“{}”登录,请稍后再试或用其他方式登录。",
            provider.title
        ),
    )
}

/// One exchange with a provider: no redirects, ten seconds, a bounded answer.
fn ask(request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(Duration::from_secs(10)))
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .build()
        .into();
    let (parts, body) = request.into_parts();
    let answer = if parts.method == http::Method::GET {
        agent.run(http::Request::from_parts(parts, ()))?
    } else {
        agent.run(http::Request::from_parts(parts, body))?
    };
    let (parts, mut body) = answer.into_parts();
    let data = body.with_config().limit(LARGEST).read_to_vec()?;
    Ok(http::Response::from_parts(parts, data))
}

fn moment(at: Timestamp, skew: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(at.as_second() + skew, 0).unwrap_or_default()
}

impl Accounts {
    /// A provider of the configuration.
    pub(crate) fn provider(&self, id: &str) -> Result<&Provider, Problem> {
        let found = self.settings.providers.iter().find(|provider| provider.id == id);
        found.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这个身份提供方。"))
    }

    fn described(&self, provider: &Provider, again: bool) -> Result<CoreProviderMetadata, Problem> {
        let now = self.world.outside_now();
        let known = self
            .providers
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&provider.id)
            .cloned();
        if let Some((at, metadata)) = known
            && !again
            && now.duration_since(at) < BELIEVED
        {
            return Ok(metadata);
        }
        let issuer =
            IssuerUrl::new(provider.issuer.clone()).map_err(|error| unreachable(provider, &error))?;
        let metadata =
            CoreProviderMetadata::discover(&issuer, &ask).map_err(|error| unreachable(provider, &error))?;
        self.providers
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(provider.id.clone(), (now, metadata.clone()));
        Ok(metadata)
    }

    fn client(&self, provider: &Provider, base_url: &str, again: bool) -> Result<Client, Problem> {
        let metadata = self.described(provider, again)?;
        let secret = match &provider.secret_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    Problem::internal(format!("the client secret {}: {error}", file.display()))
                })?;
                Some(ClientSecret::new(text.trim().to_owned()))
            }
            None => None,
        };
        let place = self
            .settings
            .public_url
            .as_deref()
            .unwrap_or(base_url)
            .trim_end_matches('/');
        let back = RedirectUrl::new(format!("{place}/v1/session/oidc/{}/callback", provider.id));
        Ok(
            CoreClient::from_provider_metadata(metadata, ClientId::new(provider.client_id.clone()), secret)
                .set_redirect_uri(back.map_err(Problem::internal)?),
        )
    }

    /// Where to send the browser, and the token of the visit, which that browser keeps. `account`: whom to link.
    pub(crate) fn depart(
        &self,
        cx: &Ctx,
        provider: &str,
        base_url: &str,
        account: Option<&str>,
        to: &str,
    ) -> Result<(String, String), Problem> {
        let provider = self.provider(provider)?;
        let client = self.client(provider, base_url, false)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (state, nonce) = (fresh(&cx.world), fresh(&cx.world));
        let (for_state, for_nonce) = (state.clone(), nonce.clone());
        let request = client
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(for_state),
                move || Nonce::new(for_nonce),
            )
            .set_pkce_challenge(challenge)
            .add_scopes(provider.scopes.iter().cloned().map(Scope::new));
        let (url, ..) = request.url();
        let visit = Visit {
            provider: provider.id.clone(),
            state,
            nonce,
            verifier: verifier.into_secret(),
            to: to.to_owned(),
        };
        let (cx, secrets, account) = (cx.clone(), Arc::clone(&self.secrets), account.map(str::to_owned));
        let token = self
            .db
            .write(move |tx| step::keep(&cx, tx, &secrets, "oidc", account.as_deref(), &visit))?;
        Ok((url.to_string(), token))
    }

    /// Who came back with a code, and whom to link.
    pub(crate) fn returned(
        &self,
        cx: &Ctx,
        provider: &str,
        base_url: &str,
        token: &str,
        query: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(step::Step<Visit>, Known), Problem> {
        let provider = self.provider(provider)?;
        let (writer, secrets, token) = (cx.clone(), Arc::clone(&self.secrets), token.to_owned());
        let visit = self
            .db
            .write(move |tx| step::take::<Visit>(&writer, tx, &secrets, "oidc", &token))?;
        let other = query("iss").is_some_and(|issuer| issuer != provider.issuer);
        if visit.content.provider != provider.id
            || query("state").as_deref() != Some(&visit.content.state)
            || other
        {
            return Err(Problem::new(
                codes::FORBIDDEN,
                "这次登录不是从本页面开始的,请重新登录。",
            ));
        }
        let code =
            query("code").ok_or_else(|| Problem::new(codes::UNAUTHENTICATED, "身份提供方没有让您登录。"))?;
        let client = self.client(provider, base_url, false)?;
        let answer = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(Problem::internal)?
            .set_pkce_verifier(PkceCodeVerifier::new(visit.content.verifier.clone()))
            .request(&ask)
            .map_err(|error| unreachable(provider, &error))?;
        let failed = |cause: &dyn std::fmt::Display| {
            tracing::warn!(provider = %provider.id, %cause, "an ID token was refused");
            Problem::new(codes::UNAUTHENTICATED, "身份提供方给出的凭据没有通过验证。")
        };
        let id_token = answer.id_token().ok_or_else(|| failed(&"there is none"))?;
        let (nonce, now) = (Nonce::new(visit.content.nonce.clone()), self.world.outside_now());
        let verify = |client: &Client| {
            let verifier = client
                .id_token_verifier()
                .set_time_fn(|| moment(now, -SKEW))
                .set_issue_time_verifier_fn(|issued| {
                    let ahead = issued > moment(now, SKEW);
                    if ahead {
                        Err("it is issued in the future".to_owned())
                    } else {
                        Ok(())
                    }
                });
            id_token.claims(&verifier, &nonce).cloned()
        };
        // A key that is unknown may be a new one: the provider is asked once more.
        let claims = match verify(&client) {
            Err(openidconnect::ClaimsVerificationError::SignatureVerification(_)) => {
                verify(&self.client(provider, base_url, true)?)
            }
            other => other,
        }
        .map_err(|error| failed(&error))?;
        let known = Known {
            issuer: claims.issuer().to_string(),
            subject: claims.subject().to_string(),
            login: claims.preferred_username().map(|name| name.to_string()),
            name: claims
                .name()
                .and_then(|names| names.get(None))
                .map(|name| name.to_string()),
            number: more(&id_token.to_string(), &provider.number_claim),
        };
        Ok((visit, known))
    }
}

/// A claim that is not of the standard, out of an ID token that was verified already.
fn more(id_token: &str, claim: &str) -> Option<String> {
    let body = BASE64URL_NOPAD
        .decode(id_token.split('.').nth(1)?.as_bytes())
        .ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&body).ok()?;
    claims.get(claim)?.as_str().map(str::to_owned)
}

/// The account that somebody of a provider has here.
pub(crate) fn find(cx: &Ctx, tx: &mut Tx<'_>, known: &Known) -> Result<Option<Account>, Problem> {
    let row = tx.query_opt(
        "SELECT account FROM external_identity WHERE issuer = ?1 AND subject = ?2",
        &[known.issuer.as_str().into(), known.subject.as_str().into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    tx.execute(
        "UPDATE external_identity SET used_at = ?3 WHERE issuer = ?1 AND subject = ?2",
        &[
            known.issuer.as_str().into(),
            known.subject.as_str().into(),
            cx.now_text().into(),
        ],
    )?;
    account::find(tx, &row.get::<String>(0)?)
}

/// Links an account to somebody of a provider.
///
/// # Errors
/// `CONFLICT` where that one is linked to another account.
pub(crate) fn link(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    provider: &str,
    known: &Known,
    account: &Account,
) -> Result<(), Problem> {
    let id = cx.id().into_string();
    let linked = tx.execute(
        "INSERT INTO external_identity (id, issuer, subject, provider, account, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (issuer, subject) DO NOTHING",
        &[
            id.as_str().into(),
            known.issuer.as_str().into(),
            known.subject.as_str().into(),
            provider.into(),
            account.id.as_str().into(),
            cx.now_text().into(),
        ],
    )?;
    if linked == 1 {
        return crate::admin::tell_more(
            cx,
            tx,
            account,
            "identity_linked",
            json!({ "identity": id, "provider": provider }),
        );
    }
    match find(cx, tx, known)? {
        Some(own) if own.id == account.id => Ok(()),
        _ => Err(Problem::new(
            codes::CONFLICT,
            "这个外部身份已经关联了另一个账号。",
        )),
    }
}

/// What becomes of somebody who has no account here.
pub(crate) fn first(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    provider: &Provider,
    known: &Known,
) -> Result<Option<Account>, Problem> {
    let secrets = match provider.first {
        FirstLogin::Refuse => return Ok(None),
        FirstLogin::Create => None,
        FirstLogin::Citizen => Some(secrets),
    };
    let mut login: String = known
        .login
        .as_deref()
        .unwrap_or("")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .take(24)
        .collect();
    // What the provider calls somebody may be somebody else's login here.
    if login.len() < 2 || account::find_by_login(tx, &login)?.is_some() {
        let tail = cx.id().into_string();
        login = format!(
            "{}-{}",
            provider.id.chars().take(16).collect::<String>(),
            tail.get(24..).unwrap_or(&tail)
        );
    }
    let name = known
        .name
        .as_deref()
        .map(str::trim)
        .filter(|name| account::wrong_name(name).is_none());
    let new = NewAccount {
        name: name.unwrap_or(&login).to_owned(),
        login,
        unit: None,
        roles: std::collections::BTreeSet::new(),
        password: String::new(),
        must_change: Some(false),
    };
    let made = match secrets {
        None => account::create_external(cx, tx, &new)?,
        Some(secrets) => {
            let number = claimed(cx, provider, known).map(|named| named.number);
            citizen::create(cx, tx, secrets, &new, None, number.as_deref())?
        }
    };
    link(cx, tx, &provider.id, known, &made)?;
    Ok(Some(made))
}

/// Name and number as a provider says them, if both are good.
fn claimed(cx: &Ctx, provider: &Provider, known: &Known) -> Option<Named> {
    let (name, number) = (known.name.as_deref()?, known.number.as_deref()?);
    let named = Named::read(Kind::Person, name, number, cx.today());
    if named.is_err() {
        tracing::warn!(provider = %provider.id, "a provider says a name or a number that can't be");
    }
    named.ok()
}

/// Takes a provider's word of who a citizen is, where it is worth a proof. What it says anew each time is proved once.
///
/// # Errors
/// `CONFLICT` where the account is known to be somebody else, or the number is somebody's of another name.
pub(crate) fn proved(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    provider: &Provider,
    known: &Known,
    account: &Account,
) -> Result<(), Problem> {
    if provider.assurance < PROVED || account.kind != "citizen" {
        return Ok(());
    }
    let Some(named) = claimed(cx, provider, known) else {
        return Ok(());
    };
    let tie = citizen::tie(tx, &account.id)?;
    let same = party::proved(tx, &named.pair_index(secrets))?;
    if let Some(tie) = &tie
        && tie.level >= PROVED
        && same.as_ref() == Some(&tie.party)
    {
        return Ok(());
    }
    let own = Ctx {
        actor: account.actor(),
        ..cx.clone()
    };
    let proof = Proof {
        named,
        level: PROVED,
        way: &format!("oidc:{}", provider.id),
        evidence: "",
    };
    let party = party::prove(&own, tx, secrets, Some(&account.id), &proof)?;
    citizen::tell_proved(&own, tx, account, &party, PROVED)
}
