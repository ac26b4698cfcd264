//! What every request here has in common: known parameters, formats, links.

use banyan_base::{Problem, codes};
use banyan_door::{Input, Reply};
use serde_json::{Value as Json, json};

use super::html;

pub const JSON: &str = "application/json";
pub const GEOJSON: &str = "application/geo+json";
pub const HTML: &str = "text/html";
pub const SCHEMA: &str = "application/schema+json";
pub const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

pub const CRS84: &str = "http://www.opengis.net/def/crs/OGC/1.3/CRS84";
pub const EPSG4490: &str = "http://www.opengis.net/def/crs/EPSG/0/4490";

/// Order of axes. Datums are taken as one: CGCS2000 and WGS 84 differ by centimetres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crs {
    /// CRS84: longitude, latitude.
    LonLat,
    /// EPSG:4490: latitude, longitude.
    LatLon,
}

impl Crs {
    pub fn uri(self) -> &'static str {
        match self {
            Crs::LonLat => CRS84,
            Crs::LatLon => EPSG4490,
        }
    }
}

pub fn bad(parameter: &str, message: impl std::fmt::Display) -> Problem {
    Problem::new(codes::BAD_REQUEST, format!("查询参数 {parameter}:{message}")).with_error(
        format!("?{parameter}"),
        "parameter",
        message.to_string(),
    )
}

pub fn crs(input: &Input, parameter: &str) -> Result<Crs, Problem> {
    match input.query_value(parameter) {
        None => Ok(Crs::LonLat),
        Some(CRS84 | "[OGC:CRS84]" | "OGC:CRS84") => Ok(Crs::LonLat),
        Some(EPSG4490 | "[EPSG:4490]" | "EPSG:4490") => Ok(Crs::LatLon),
        Some(_) => Err(bad(parameter, format!("可用的坐标系有 {CRS84}、{EPSG4490}"))),
    }
}

/// Refuses parameters nobody declared.
pub fn known(input: &Input, allowed: &[&str]) -> Result<(), Problem> {
    match input
        .query
        .iter()
        .find(|(name, _)| !allowed.contains(&name.as_str()))
    {
        None => Ok(()),
        Some((name, _)) => Err(bad(&name.escape_debug().to_string(), "没有这个参数")),
    }
}

/// Whether the answer is for people: by `f`, else by what the client would rather have.
pub fn wants_html(input: &Input) -> Result<bool, Problem> {
    match input.query_value("f") {
        Some("json") => Ok(false),
        Some("html") => Ok(true),
        Some(_) => Err(bad("f", "应为 json 或 html")),
        None => {
            let accept = input.accept.as_deref().unwrap_or("");
            let at = |wanted: &str| accept.find(wanted);
            let html = at("text/html");
            let other = at("json").or_else(|| at("*/*"));
            Ok(html.is_some_and(|html| other.is_none_or(|other| html < other)))
        }
    }
}

/// Percent-encodes all but unreserved characters.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                // Writing to a string does not fail.
                let _ = std::fmt::Write::write_fmt(&mut out, format_args!("%{other:02X}"));
            }
        }
    }
    out
}

pub fn base(input: &Input) -> String {
    format!("{}/ogc", input.base_url)
}

/// An address with parameters.
pub fn address(path: &str, query: &[(String, String)]) -> String {
    let pairs: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}

pub fn link(href: &str, rel: &str, media: &str, title: &str) -> Json {
    json!({ "href": href, "rel": rel, "type": media, "title": title })
}

/// `self` and `alternate` of an answer at this path with the parameters it was asked with.
pub fn own_links(input: &Input, path: &str, media: &str, html: bool) -> Vec<Json> {
    let mut query: Vec<_> = input
        .query
        .iter()
        .filter(|(name, _)| name != "f")
        .cloned()
        .collect();
    let mut with = |f: &str| {
        query.push(("f".into(), f.into()));
        let made = address(path, &query);
        query.pop();
        made
    };
    let (here, there) = if html { ("html", "json") } else { ("json", "html") };
    let media_of = |f: &str| if f == "html" { HTML } else { media };
    vec![
        link(&with(here), "self", media_of(here), "本页"),
        link(
            &with(there),
            "alternate",
            media_of(there),
            if html { "JSON" } else { "网页" },
        ),
    ]
}

/// The document, as a page where people ask for it.
pub fn reply(title: &str, document: Json, media: &str, html: bool) -> Reply {
    if html {
        Reply::bytes(
            "text/html; charset=utf-8",
            html::page(title, &document).into_bytes(),
        )
    } else {
        Reply::bytes(media, document.to_string().into_bytes())
    }
}

/// A document that has no links of its own: they stand on its page only.
pub fn reply_linked(
    input: &Input,
    path: &str,
    title: &str,
    mut document: Json,
    media: &str,
    html: bool,
) -> Reply {
    if html && let Some(object) = document.as_object_mut() {
        object.insert("links".into(), json!(own_links(input, path, media, html)));
    }
    reply(title, document, media, html)
}
