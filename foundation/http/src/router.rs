use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on, post};
use banyan_base::{Problem, codes};
use banyan_door::{Authenticator, Describe, Door, Method};
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::portal::Systems;
use crate::{call, files, openapi, own, portal};

/// Limits and places of the HTTP face.
#[derive(Clone)]
pub struct Settings {
    /// Calls that run at once.
    pub concurrent_calls: usize,
    /// Time after which a call is given up.
    pub timeout: Duration,
    /// The built desk; absent, the copy inside the binary.
    pub web_folder: Option<PathBuf>,
    /// What the portal tells of the installed systems.
    pub systems: Systems,
    /// Scheme and authority for absolute links, whatever callers say; absent, as the caller reached us.
    pub public_url: Option<String>,
    /// Name of the cookie with the session's token.
    pub cookie: &'static str,
    /// Addresses of proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.
    pub trusted_proxies: Vec<IpAddr>,
}

/// What every request needs.
pub(crate) struct Shared {
    pub(crate) door: Door,
    pub(crate) auth: Arc<dyn Authenticator>,
    pub(crate) describe: Arc<dyn Describe>,
    pub(crate) settings: Settings,
    pub(crate) slots: Arc<Semaphore>,
}

fn filter(method: Method) -> MethodFilter {
    match method {
        Method::Get => MethodFilter::GET,
        Method::Post => MethodFilter::POST,
        Method::Put => MethodFilter::PUT,
        Method::Patch => MethodFilter::PATCH,
        Method::Delete => MethodFilter::DELETE,
    }
}

/// All routes.
pub fn router(
    door: &Door,
    auth: Arc<dyn Authenticator>,
    describe: Arc<dyn Describe>,
    settings: Settings,
) -> Router {
    let slots = Arc::new(Semaphore::new(settings.concurrent_calls));
    let shared = Arc::new(Shared {
        door: door.clone(),
        auth,
        describe,
        settings,
        slots,
    });
    let mut paths: BTreeMap<&'static str, axum::routing::MethodRouter<Arc<Shared>>> = BTreeMap::new();
    for row in door.operations() {
        let name = row.name;
        let route = paths.remove(row.path).unwrap_or_default();
        let handler =
            move |State(shared): State<Arc<Shared>>, request: Request| call::enter(shared, name, request);
        paths.insert(row.path, route.on(filter(row.method), handler));
    }
    let mut router = Router::new();
    for (path, route) in paths {
        router = router.route(path, route.fallback(wrong_method));
    }
    let fixed = |name: &'static str, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    router
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi::document))
        .route("/", get(portal::front))
        .route("/my/access", get(own::accesses))
        .route("/my/access.csv", get(own::table))
        .route("/my/access/{id}", get(own::access))
        .route("/my/objections", get(own::objections).post(own::object))
        .route("/my/consents", get(own::consents))
        .route("/my/consents/{id}", post(own::consent))
        .route("/desk", on(MethodFilter::GET, || async { axum::response::Redirect::permanent("/desk/") }))
        .route("/desk/", get(files::desk))
        .route("/desk/{*path}", get(files::desk))
        .fallback(|| async { call::problem(&Problem::new(codes::NOT_FOUND, "没有这个地址。"), "") })
        .with_state(shared)
        .layer(CompressionLayer::new())
        .layer(fixed("x-content-type-options", "nosniff"))
        .layer(fixed("referrer-policy", "same-origin"))
        .layer(fixed(
            "content-security-policy",
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        ))
}

async fn wrong_method() -> Response {
    call::problem(
        &Problem::new(codes::METHOD_NOT_ALLOWED, "这个地址不支持这种方法。"),
        "",
    )
}

/// Ready when the database answers.
async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let db = shared.door.db().clone();
    let answer =
        tokio::task::spawn_blocking(move || db.read::<_, Problem>(|tx| Ok(tx.query("SELECT 1", &[])?.len())))
            .await;
    match answer {
        Ok(Ok(_)) => "ready".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer").into_response(),
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let door = shared.door.clone();
    let looked = tokio::task::spawn_blocking(move || door.metrics().look(door.db())).await;
    if let Ok(Err(error)) = looked {
        // The counters of the process are worth telling even when the database does not answer.
        tracing::warn!(%error, "the database could not be looked at for metrics");
    }
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        shared.door.metrics().text(),
    )
        .into_response()
}
