//! The portal's pages of one's own: who saw my data, my objections, and my consents. Rendered here, good without scripts, and nothing but a
//! face of the door's operations: whoever may not call them, sees nothing here.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use banyan_base::{Problem, ZONE, codes};
use banyan_door::{Input, Reply};
use minijinja::Environment;
use minijinja::value::Serde;
use serde_json::{Map, Value, json};

use crate::call;
use crate::portal::{STYLE, english};
use crate::router::Shared;

/// Longest form that is read: each character of a text may come as nine.
const LONGEST_FORM: usize = 64 * 1024;

const TEMPLATES: &[(&str, &str)] = &[
    ("style.css", STYLE),
    ("layout.html", include_str!("portal/layout.html")),
    ("refused.html", include_str!("portal/refused.html")),
    ("entry.html", include_str!("portal/entry.html")),
    ("accesses.html", include_str!("portal/accesses.html")),
    ("access.html", include_str!("portal/access.html")),
    ("objections.html", include_str!("portal/objections.html")),
    ("consents.html", include_str!("portal/consents.html")),
];

fn render(name: &str, values: minijinja::Value) -> Result<String, minijinja::Error> {
    let mut environment = Environment::new();
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    environment.get_template(name)?.render(values)
}

/// A request for a page, taken apart.
struct Asked {
    english: bool,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    base_url: String,
    caller: banyan_door::Caller,
    body: Vec<(String, String)>,
}

impl Asked {
    async fn of(shared: &Shared, request: Request) -> Result<Asked, Problem> {
        let broken = || Problem::new(codes::BAD_REQUEST, "地址或表单的编码有误。");
        let headers = request.headers().clone();
        let raw = request.uri().query().unwrap_or("").to_owned();
        let peer = request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip().to_canonical());
        let (base_url, caller) = call::from(&headers, peer, &shared.settings);
        let body = to_bytes(request.into_body(), LONGEST_FORM)
            .await
            .map_err(|_| Problem::new(codes::TOO_LARGE, "填写的内容过长。"))?;
        let body = std::str::from_utf8(&body).ok().and_then(call::query);
        Ok(Asked {
            english: english(Some(&raw), &headers),
            query: call::query(&raw).ok_or_else(broken)?,
            headers,
            base_url,
            caller,
            body: body.ok_or_else(broken)?,
        })
    }

    fn value(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    fn sent(&self, name: &str) -> &str {
        let found = self.body.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The query with one value changed.
    fn with(&self, path: &str, name: &str, value: &str) -> String {
        let kept = self
            .query
            .iter()
            .filter(|(known, _)| known != name)
            .map(|(known, value)| (known.as_str(), value.as_str()))
            .chain((!value.is_empty()).then_some((name, value)));
        let pairs: Vec<String> = kept
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
            .collect();
        if pairs.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", pairs.join("&"))
        }
    }

    async fn call(
        &self,
        shared: &Arc<Shared>,
        operation: &str,
        path: Option<&str>,
        body: Option<Value>,
    ) -> Result<Reply, Problem> {
        let row = shared
            .door
            .operation(operation)
            .cloned()
            .ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这个地址。"))?;
        let mut input = body.map_or_else(Input::default, Input::json);
        if let Some(id) = path {
            input = input.with_path("id", id);
        }
        input.query.clone_from(&self.query);
        input.locale = if self.english { "en" } else { "zh-CN" }.to_owned();
        input.base_url.clone_from(&self.base_url);
        input.caller = self.caller.clone();
        let trace = shared.door.world().id().into_string();
        let work = call::reply(shared, row, input, &self.headers, trace);
        match tokio::time::timeout(shared.settings.timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(Problem::new(codes::TIMEOUT, "处理时间过长,已放弃,请稍后再试。")),
        }
    }
}

/// Percent-encoded but for letters, digits and `-._~` (RFC 3986).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn said(reply: &Reply) -> Result<Value, Problem> {
    let nothing = || Problem::internal("an operation of the person's log gave no JSON");
    reply.as_json().cloned().ok_or_else(nothing)
}

/// Adds `to` to an object: the moment at `from` as a reader in China says it.
fn tell_time(object: &mut Value, from: &str, to: &str) {
    let when = object
        .get(from)
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<jiff::Timestamp>().ok())
        .map(|moment| ZONE.to_datetime(moment).strftime("%Y-%m-%d %H:%M").to_string());
    if let (Some(when), Some(object)) = (when, object.as_object_mut()) {
        object.insert(to.to_owned(), json!(when));
    }
}

fn items(said: &mut Value) -> impl Iterator<Item = &mut Value> {
    said.get_mut("items")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}

fn html(status: StatusCode, english: bool, text: String) -> Response {
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::CONTENT_LANGUAGE,
        HeaderValue::from_static(if english { "en" } else { "zh-CN" }),
    );
    response
}

fn refusal(problem: &Problem, english: bool, back: &str) -> Response {
    if let Some(cause) = &problem.internal {
        tracing::error!(%cause, "a page of one's own failed");
    }
    let status = StatusCode::from_u16(problem.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let errors: Vec<Value> = problem
        .errors
        .iter()
        .filter(|error| error.message != problem.detail)
        .map(|error| json!({ "message": error.message }))
        .collect();
    let title = if english {
        "This did not work"
    } else {
        "没有办成"
    };
    let values = json!({
        "english": english, "back": back, "errors": errors, "title": title, "detail": problem.detail,
        "sign_in": problem.code == codes::UNAUTHENTICATED,
    });
    match render("refused.html", minijinja::Value::from(Serde(values))) {
        Ok(text) => html(status, english, text),
        Err(error) => call::problem(&Problem::internal(error), ""),
    }
}

/// A page made of what an operation says.
async fn page(
    shared: Arc<Shared>,
    request: Request,
    (operation, id): (&str, Option<&str>),
    template: &str,
    (zh, en): (&str, &str),
    fill: impl FnOnce(&Asked, Value) -> Map<String, Value>,
) -> Response {
    let asked = match Asked::of(&shared, request).await {
        Ok(asked) => asked,
        Err(problem) => return refusal(&problem, false, "/"),
    };
    let english = asked.english;
    let reply = asked.call(&shared, operation, id, None).await;
    match reply.and_then(|reply| said(&reply)) {
        Ok(said) => {
            let mut values = fill(&asked, said);
            values.insert("english".into(), json!(english));
            values.insert("title".into(), json!(if english { en } else { zh }));
            match render(template, minijinja::Value::from(Serde(values))) {
                Ok(text) => html(StatusCode::OK, english, text),
                Err(error) => refusal(&Problem::internal(error), english, "/"),
            }
        }
        Err(problem) => refusal(&problem, english, "/my/access"),
    }
}

const WHO: (&str, &str) = ("谁看过我的信息", "Who saw my data");

/// `GET /my/access`.
pub(crate) async fn accesses(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let fill = |asked: &Asked, mut said: Value| {
        items(&mut said).for_each(|item| tell_time(item, "at", "when"));
        let mut values = Map::new();
        let names = ["from", "until", "unit", "purpose"];
        let query: Map<String, Value> = names
            .iter()
            .map(|name| ((*name).to_owned(), json!(asked.value(name))))
            .collect();
        let filtered = names.iter().any(|name| !asked.value(name).is_empty());
        let next = said.get("next").and_then(Value::as_str).unwrap_or("");
        let older = (!next.is_empty()).then(|| asked.with("/my/access", "cursor", next));
        values.insert("older".into(), json!(older));
        values.insert("table".into(), json!(asked.with("/my/access.csv", "cursor", "")));
        values.insert("filtered".into(), json!(filtered));
        values.insert("query".into(), Value::Object(query));
        for name in ["items", "choices"] {
            values.insert(name.into(), said.get(name).cloned().unwrap_or_default());
        }
        values
    };
    page(
        shared,
        request,
        ("access_log.list", None),
        "accesses.html",
        WHO,
        fill,
    )
    .await
}

/// `GET /my/access/{id}`: one entry, and where to object to it.
pub(crate) async fn access(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let fill = |_: &Asked, mut said: Value| {
        tell_time(&mut said, "at", "when");
        Map::from_iter([("item".to_owned(), said)])
    };
    let call = ("access_log.view", Some(id.as_str()));
    page(shared, request, call, "access.html", WHO, fill).await
}

/// `GET /my/access.csv`.
pub(crate) async fn table(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let asked = match Asked::of(&shared, request).await {
        Ok(asked) => asked,
        Err(problem) => return refusal(&problem, false, "/my/access"),
    };
    let reply = asked.call(&shared, "access_log.export", None, None).await;
    reply
        .and_then(call::respond)
        .unwrap_or_else(|problem| refusal(&problem, asked.english, "/my/access"))
}

/// `GET /my/objections`.
pub(crate) async fn objections(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let fill = |_: &Asked, mut said: Value| {
        for item in items(&mut said) {
            tell_time(item, "made_at", "when");
            tell_time(item, "answered_at", "answered_when");
            if let Some(entry) = item.get_mut("entry") {
                tell_time(entry, "at", "when");
            }
        }
        let items = said.get("items").cloned().unwrap_or_default();
        Map::from_iter([("items".to_owned(), items)])
    };
    let title = ("我的异议", "My objections");
    page(
        shared,
        request,
        ("objection.list", None),
        "objections.html",
        title,
        fill,
    )
    .await
}

/// `POST /my/objections`: a form sent by hand.
pub(crate) async fn object(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let asked = match Asked::of(&shared, request).await {
        Ok(asked) => asked,
        Err(problem) => return refusal(&problem, false, "/my/access"),
    };
    // Browsers end lines of a form by both characters.
    let reason = asked.sent("reason").replace("\r\n", "\n");
    let body = json!({ "entry": asked.sent("entry"), "reason": reason });
    match asked.call(&shared, "objection.create", None, Some(body)).await {
        Ok(_) => Redirect::to("/my/objections").into_response(),
        Err(problem) => {
            let back = format!("/my/access/{}", escaped(asked.sent("entry")));
            refusal(&problem, asked.english, &back)
        }
    }
}

/// `GET /my/consents`.
pub(crate) async fn consents(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let fill = |_: &Asked, mut said: Value| {
        for item in items(&mut said) {
            let past = item.get_mut("history").and_then(Value::as_array_mut);
            for past in past.into_iter().flatten() {
                tell_time(past, "given_at", "when");
                tell_time(past, "withdrawn_at", "withdrawn_when");
            }
        }
        let states = json!({
            "none": "not agreed", "given": "agreed", "withdrawn": "withdrawn", "over": "purpose has ended",
            "outdated": "the text has changed: your consent counts no more",
        });
        let items = said.get("items").cloned().unwrap_or_default();
        Map::from_iter([("items".to_owned(), items), ("states".to_owned(), states)])
    };
    let title = ("我的同意", "My consents");
    page(
        shared,
        request,
        ("consent.list", None),
        "consents.html",
        title,
        fill,
    )
    .await
}

/// `POST /my/consents/{id}`: agrees to a purpose or withdraws, by hand.
pub(crate) async fn consent(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let back = "/my/consents";
    let asked = match Asked::of(&shared, request).await {
        Ok(asked) => asked,
        Err(problem) => return refusal(&problem, false, back),
    };
    let sensitive = asked.sent("sensitive") == "yes";
    let (operation, body) = match asked.sent("act") {
        "give" => {
            let version = asked.sent("version").parse::<u32>().unwrap_or_default();
            (
                "consent.give",
                Some(json!({ "version": version, "sensitive": sensitive })),
            )
        }
        "withdraw" => ("consent.withdraw", None),
        _ => {
            let problem = Problem::new(codes::BAD_REQUEST, "请用页面上的按钮同意或撤回。");
            return refusal(&problem, asked.english, back);
        }
    };
    match asked.call(&shared, operation, Some(&id), body).await {
        Ok(_) => Redirect::to(back).into_response(),
        Err(problem) => refusal(&problem, asked.english, back),
    }
}
