//! A request into the door and back.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::RequestExt;
use axum::body::{Body as HttpBody, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Path, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use banyan_base::{Ctx, Problem, codes};
use banyan_door::{Body, Caller, Capacity, Credential, Input, Operation, Reply, ReplyBody, Upload};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::origin;
use crate::router::{Settings, Shared};

/// Deepest JSON that is read.
const MAX_DEPTH: usize = 64;
const MAX_QUERY: usize = 16 * 1024;

/// A problem as a response.
pub(crate) fn problem(problem: &Problem, trace: &str) -> Response {
    let status = StatusCode::from_u16(problem.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = problem.to_json(trace).to_string();
    // OAuth 2.0 has a form of its own (RFC 6749, 5.2); a problem that carries its `error` is both.
    let oauth = problem.extra.contains_key("error");
    let kind = if oauth {
        "application/json"
    } else {
        "application/problem+json"
    };
    let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if oauth && problem.code.status == 401 {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"banyan\""),
        );
    }
    if problem.code.status == 503 {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

pub(crate) async fn enter(shared: Arc<Shared>, operation: &'static str, request: Request) -> Response {
    let trace = shared.door.world().id().into_string();
    let started = std::time::Instant::now();
    let method = request.method().clone();
    let timeout = shared.settings.timeout;
    // What the caller is slow at and what we are slow at are told apart.
    let sent = tokio::time::timeout(timeout, sent(&shared, operation, request)).await;
    let work = async {
        let (row, input, headers) = sent.unwrap_or_else(|_| {
            let text = format!("{} 秒内没有收完请求,已放弃。", timeout.as_secs());
            Err(Problem::new(codes::SLOW_REQUEST, text))
        })?;
        run(&shared, row, input, &headers, trace.clone()).await
    };
    let response = match tokio::time::timeout(timeout, work).await {
        Ok(Ok(response)) => response,
        Ok(Err(refusal)) => {
            // What fails inside the door is told there, and its cause taken; this is what fails before it.
            if let Some(cause) = &refusal.internal {
                tracing::error!(operation, %trace, code = refusal.code.name, %cause, "a request failed before the door");
            }
            problem(&refusal, &trace)
        }
        Err(_) => problem(
            &Problem::new(codes::TIMEOUT, "处理时间过长,已放弃。请缩小范围或稍后再试。"),
            &trace,
        ),
    };
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(target: "access", %method, operation, status = response.status().as_u16(), millis, %trace);
    response
}

/// What was sent, to its end.
async fn sent(
    shared: &Arc<Shared>,
    operation: &'static str,
    request: Request,
) -> Result<(Operation, Input, HeaderMap), Problem> {
    let row = shared
        .door
        .operation(operation)
        .cloned()
        .ok_or_else(|| Problem::internal("a route without an operation"))?;
    let (mut input, headers, peer) = input(&row, request).await?;
    (input.base_url, input.caller) = from(&headers, peer, &shared.settings);
    Ok((row, input, headers))
}

/// Scheme and authority under which the caller reached us, and what is known of him.
pub(crate) fn from(headers: &HeaderMap, peer: Option<IpAddr>, settings: &Settings) -> (String, Caller) {
    let behind_proxy = peer.is_some_and(|peer| settings.trusted_proxies.contains(&peer));
    let base = origin::of(headers, settings.public_url.as_deref(), behind_proxy);
    (base, caller(headers, peer, settings))
}

async fn run(
    shared: &Arc<Shared>,
    row: Operation,
    input: Input,
    headers: &HeaderMap,
    trace: String,
) -> Result<Response, Problem> {
    respond(reply(shared, row, input, headers, trace).await?)
}

/// Carries a call into the door, for whoever the request's credential stands for.
pub(crate) async fn reply(
    shared: &Arc<Shared>,
    row: Operation,
    mut input: Input,
    headers: &HeaderMap,
    trace: String,
) -> Result<Reply, Problem> {
    let purpose = purpose(headers, &mut input)?;
    let (credential, by_cookie) = credential(headers, shared.settings.cookie)?;
    let mut capacity = capacity(headers)?;
    capacity.emergency = purpose.as_deref() == Some(banyan_base::EMERGENCY);
    if by_cookie && row.method != banyan_door::Method::Get && !same_site(headers, &input.base_url) {
        let text = "这个请求不是从本站页面发出的,已拒绝。程序请用 Authorization: Bearer。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    let slot = Arc::clone(&shared.slots).try_acquire_owned();
    let slot = match slot {
        Ok(slot) => slot,
        Err(_) => {
            let waiting = tokio::time::timeout(
                std::time::Duration::from_secs(5),
                Arc::clone(&shared.slots).acquire_owned(),
            );
            match waiting.await {
                Ok(Ok(slot)) => slot,
                _ => return Err(Problem::new(codes::BUSY, "同时处理的请求已满,请稍后再试。")),
            }
        }
    };
    let inner = Arc::clone(shared);
    let work = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        let actor = match inner.auth.actor(&credential, &capacity) {
            Ok(actor) => actor,
            // A stale cookie must not keep people from signing in again.
            Err(refusal) if row.open && refusal.code == codes::UNAUTHENTICATED => {
                banyan_base::Actor::anonymous()
            }
            Err(refusal) => return Err(refusal),
        };
        let cx = Ctx {
            trace,
            purpose,
            ..inner.door.world().ctx(actor)
        };
        inner.door.call(&cx, row.name, input)
    });
    work.await.map_err(Problem::internal)?
}

/// Header, and query parameter for links and clients that can send no header, that names what data are read for.
const PURPOSE: &str = "banyan-purpose";

/// The purpose that a call names; the parameter is taken out, for what reads queries to the last knows none of that name.
fn purpose(headers: &HeaderMap, input: &mut Input) -> Result<Option<String>, Problem> {
    let wrong = || {
        let text = "用途(Banyan-Purpose)应为 <包>.<用途>。";
        Problem::new(codes::BAD_REQUEST, text)
    };
    let sent = headers.get(PURPOSE).map(|value| value.to_str());
    let sent = sent.transpose().map_err(|_| wrong())?.map(str::to_owned);
    let linked = input.query_value(PURPOSE).map(str::to_owned);
    input.query.retain(|(name, _)| name != PURPOSE);
    let Some(named) = sent.or(linked).filter(|named| !named.is_empty()) else {
        return Ok(None);
    };
    let fits = named.len() <= 60
        && named
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'));
    if fits { Ok(Some(named)) } else { Err(wrong()) }
}

/// Cookies as they were sent: name and value.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

/// Longest `User-Agent` that is looked at.
const MAX_AGENT: usize = 400;

fn caller(headers: &HeaderMap, peer: Option<IpAddr>, settings: &Settings) -> Caller {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    Caller {
        address: address(headers, peer, &settings.trusted_proxies),
        agent: text(header::USER_AGENT)
            .unwrap_or("")
            .chars()
            .take(MAX_AGENT)
            .collect(),
        cookies: cookies(headers)
            .filter(|(name, _)| *name != settings.cookie)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        basic: text(header::AUTHORIZATION).and_then(basic),
    }
}

/// Behind a proxy that is trusted, the last address it names that is no such proxy itself.
fn address(headers: &HeaderMap, peer: Option<IpAddr>, trusted: &[IpAddr]) -> Option<IpAddr> {
    let peer = peer?;
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let named: Vec<IpAddr> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .map_while(|one| one.trim().parse().ok())
        .collect();
    named
        .into_iter()
        .rev()
        .find(|one| !trusted.contains(one))
        .or(Some(peer))
}

/// Name and password of `Basic …`, each form-encoded as OAuth 2.0 asks (RFC 6749, 2.3.1).
fn basic(value: &str) -> Option<(String, String)> {
    let decoded = data_encoding::BASE64
        .decode(value.strip_prefix("Basic ")?.trim().as_bytes())
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    let decode = |part: &str| query(part).and_then(|pairs| pairs.into_iter().next());
    Some((
        decode(name)?.0,
        decode(password).map_or(String::new(), |(password, _)| password),
    ))
}

pub(crate) fn credential(headers: &HeaderMap, cookie: &str) -> Result<(Credential, bool), Problem> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let text = value.to_str().ok();
        if text.is_some_and(|text| text.starts_with("Basic ")) {
            // Only the token endpoint takes it; elsewhere it lets nobody in.
            return Ok((Credential::Basic, false));
        }
        let token = text.and_then(|text| text.strip_prefix("Bearer "));
        let wrong = || Problem::new(codes::UNAUTHENTICATED, "Authorization 应为 Bearer 令牌。");
        return token
            .map(|token| (Credential::Bearer(token.to_owned()), false))
            .ok_or_else(wrong);
    }
    Ok(match cookies(headers).find(|(name, _)| *name == cookie) {
        Some((_, token)) => (Credential::Session(token.to_owned()), true),
        None => (Credential::None, false),
    })
}

/// In what capacity the caller says he acts.
pub(crate) fn capacity(headers: &HeaderMap) -> Result<Capacity, Problem> {
    let one = |name: &str| {
        let Some(value) = headers.get(name) else {
            return Ok(None);
        };
        let text = value.to_str().ok().map(str::trim);
        let text =
            text.filter(|text| (1..=64).contains(&text.len()) && headers.get_all(name).iter().count() == 1);
        let wrong = || Problem::new(codes::BAD_REQUEST, format!("请求头 {name} 应为一个编号。"));
        text.map(|text| Some(text.to_owned())).ok_or_else(wrong)
    };
    Ok(Capacity {
        post: one("Banyan-Post")?,
        party: one("Banyan-For")?,
        emergency: false,
    })
}

/// Why, for whoever is asked to approve: UTF-8, percent-encoded where the client can send nothing else.
fn reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let wrong = || {
        let text = "事由(Banyan-Reason)应为 500 字以内的 UTF-8 文字,可用百分号编码。";
        Problem::new(codes::BAD_REQUEST, text)
    };
    let Some(value) = headers.get("banyan-reason") else {
        return Ok(None);
    };
    let sent = std::str::from_utf8(value.as_bytes()).map_err(|_| wrong())?;
    // A plus sign is one here.
    let text = decoded(&sent.replace('+', "%2B")).ok_or_else(wrong)?;
    let text = text.trim();
    if text.chars().count() > 500 || text.chars().any(char::is_control) {
        return Err(wrong());
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// Browsers tell where a request comes from, old ones at least by `Origin`; our pages also send a header that other sites
/// can't.
fn same_site(headers: &HeaderMap, own: &str) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    headers.contains_key("x-banyan")
        || (!headers.contains_key("sec-fetch-site") && origin == Some(own))
        || headers
            .get("sec-fetch-site")
            .is_some_and(|value| value == "same-origin")
}

async fn input(row: &Operation, mut request: Request) -> Result<(Input, HeaderMap, Option<IpAddr>), Problem> {
    let refuse = |text: &str| Problem::new(codes::BAD_REQUEST, text.to_owned());
    let headers = request.headers().clone();
    let text = |name: &str| -> Result<Option<String>, Problem> {
        headers
            .get(name)
            .map(|value| value.to_str().map(str::to_owned))
            .transpose()
            .map_err(|_| refuse("请求头含有不允许的字符。"))
    };
    let path: Path<BTreeMap<String, String>> = request
        .extract_parts()
        .await
        .map_err(|_| refuse("地址含有无法理解的部分。"))?;
    let raw = request.uri().query().unwrap_or("").to_owned();
    if raw.len() > MAX_QUERY {
        return Err(refuse("查询参数过长。"));
    }
    // No stored text holds it, and PostgreSQL refuses to be asked.
    let values = path.0.values().map(String::as_str);
    let query = query(&raw).ok_or_else(|| refuse("查询参数的编码有误。"))?;
    if values
        .chain(
            query
                .iter()
                .flat_map(|(name, value)| [name.as_str(), value.as_str()]),
        )
        .any(|value| value.contains('\0'))
    {
        return Err(refuse("地址里不能含有空字符。"));
    }
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip().to_canonical());
    let locale = text("accept-language")?
        .filter(|tag| tag.starts_with("en"))
        .map_or("zh-CN", |_| "en")
        .to_owned();
    let mut input = Input {
        path: path.0,
        query,
        body: Body::None,
        if_match: text("if-match")?,
        if_none_match: text("if-none-match")?,
        idempotency_key: text("idempotency-key")?,
        approval: text("banyan-approval")?,
        reason: reason(&headers)?,
        accept: text("accept")?,
        locale,
        base_url: String::new(),
        caller: Caller::default(),
    };
    let kind = text("content-type")?.unwrap_or_default();
    let limit = usize::try_from(row.body_limit).unwrap_or(usize::MAX);
    let body = to_bytes(request.into_body(), limit).await.map_err(|_| {
        Problem::new(
            codes::TOO_LARGE,
            format!("请求体超过 {} KiB。", row.body_limit / 1024),
        )
    })?;
    let media = kind.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    if !body.is_empty() {
        input.body = if media == "application/json" || media.ends_with("+json") {
            Body::Json(json(&body)?)
        } else if row.uploads.iter().any(|known| *known == "*/*" || *known == media) {
            Body::Upload(Upload::memory(&media, text("x-file-name")?, body.to_vec()))
        } else {
            return Err(Problem::new(
                codes::UNSUPPORTED_MEDIA,
                "请求体应为 application/json。",
            ));
        };
    }
    Ok((input, headers, peer))
}

/// JSON no deeper than the bound: counted on the text, so that nothing deep is ever built.
fn json(body: &Bytes) -> Result<Value, Problem> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in body.iter() {
        if quoted {
            quoted = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Problem::new(
                codes::BAD_REQUEST,
                format!("JSON 嵌套超过 {MAX_DEPTH} 层。"),
            ));
        }
    }
    serde_json::from_slice(body)
        .map(|Once(value)| value)
        .map_err(|error| {
            let what = if error.is_data() {
                "里有重复的键"
            } else {
                "不是有效的 JSON"
            };
            let place = format!("第 {} 行第 {} 列", error.line(), error.column());
            Problem::new(codes::BAD_REQUEST, format!("请求体{what}({place})。"))
        })
}

/// JSON in which every key stands once: of two, one reader would take the first and another the last.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Once, D::Error> {
        from.deserialize_any(OnceVisitor)
    }
}

struct OnceVisitor;

impl<'de> Visitor<'de> for OnceVisitor {
    type Value = Once;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate keys")
    }

    fn visit_unit<E>(self) -> Result<Once, E> {
        Ok(Once(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Once, E> {
        Ok(Once(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Once, A::Error> {
        let mut all = Vec::new();
        while let Some(Once(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Once(Value::Array(all)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Once, A::Error> {
        let mut all = serde_json::Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let Once(value) = entries.next_value()?;
            if all.insert(name, value).is_some() {
                return Err(serde::de::Error::custom("a key stands twice"));
            }
        }
        Ok(Once(Value::Object(all)))
    }
}

/// `%E4%BD%A0+` decoded; `None` where an escape or the text it gives is broken.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (char::from(rest.next()?), char::from(rest.next()?));
                u8::try_from(high.to_digit(16)? * 16 + low.to_digit(16)?).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// `a=1&b=%E4%BD%A0` decoded; `None` where an escape or the text it gives is broken.
pub(crate) fn query(raw: &str) -> Option<Vec<(String, String)>> {
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name)?, decoded(value)?))
        })
        .collect()
}

pub(crate) fn respond(reply: Reply) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(reply.status).map_err(Problem::internal)?;
    let (kind, body) = match reply.body {
        ReplyBody::Empty => (None, HttpBody::empty()),
        ReplyBody::Json(value) => (
            Some("application/json".to_owned()),
            HttpBody::from(value.to_string()),
        ),
        ReplyBody::Bytes { content_type, data } => (Some(content_type), HttpBody::from(data)),
        ReplyBody::Stream { content_type, write } => (Some(content_type), stream(write)),
    };
    let mut response = Response::builder()
        .status(status)
        .body(body)
        .map_err(Problem::internal)?;
    let mut put = |name: &str, value: &str| -> Result<(), Problem> {
        let name = header::HeaderName::try_from(name).map_err(Problem::internal)?;
        response
            .headers_mut()
            .append(name, HeaderValue::from_str(value).map_err(Problem::internal)?);
        Ok(())
    };
    for (name, value) in [
        ("content-type", kind),
        ("etag", reply.etag),
        ("location", reply.location),
    ] {
        if let Some(value) = value {
            put(name, &value)?;
        }
    }
    for (name, value) in &reply.headers {
        put(name, value)?;
    }
    put("cache-control", "no-store")?;
    Ok(response)
}

/// Sends what a writer writes, some pieces ahead of the reader at the most; a reader that leaves stops the writer.
struct Sender {
    channel: tokio::sync::mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl Write for Sender {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(data);
        if self.buffer.len() >= 64 * 1024 {
            self.flush()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.buffer));
        self.channel
            .blocking_send(Ok(piece))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

fn stream(write: banyan_door::StreamWriter) -> HttpBody {
    let (channel, receiver) = tokio::sync::mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let mut sender = Sender {
            channel: channel.clone(),
            buffer: Vec::new(),
        };
        let written = write(&mut sender).and_then(|()| sender.flush().map_err(Problem::internal));
        if let Err(failure) = written {
            tracing::warn!(
                cause = failure.internal.as_deref().unwrap_or(&failure.detail),
                "a stream ended early"
            );
            // A broken body, so that nobody takes a part for the whole.
            let _ = channel.blocking_send(Err(io::Error::other("the stream failed")));
        }
    });
    HttpBody::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver))
}
