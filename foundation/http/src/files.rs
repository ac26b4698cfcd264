//! The desk's built files: from a folder, or the copy that was embedded when the server was built.

use std::borrow::Cow;
use std::path::{Component, Path};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::router::Shared;

/// `web/dist` as it was at build time; empty where the desk had not been built. Debug builds read the folder instead.
#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Embedded;

async fn read(folder: Option<&Path>, name: &str) -> Option<Cow<'static, [u8]>> {
    match folder {
        Some(folder) => tokio::fs::read(folder.join(name)).await.ok().map(Cow::Owned),
        None => Embedded::get(name).map(|file| file.data),
    }
}

fn kind(path: &Path) -> &'static str {
    match path.extension().and_then(|ending| ending.to_str()).unwrap_or("") {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

/// A file of the desk; any other address below is the desk's own and gets its page.
pub(crate) async fn desk(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let folder = shared.settings.web_folder.as_deref();
    let wanted = request
        .uri()
        .path()
        .trim_start_matches("/desk")
        .trim_start_matches('/')
        .to_owned();
    let relative = Path::new(&wanted);
    let plain = relative
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if plain
        && !wanted.is_empty()
        && let Some(data) = read(folder, &wanted).await
    {
        // Names under assets/ carry a hash of their content.
        let cache = if wanted.starts_with("assets/") {
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        };
        let headers = [
            (header::CONTENT_TYPE, kind(relative)),
            (header::CACHE_CONTROL, cache),
        ];
        return (headers, data).into_response();
    }
    // What a page asks for by a hashed name is a file or nothing: a page in its place would only puzzle.
    if wanted.starts_with("assets/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match read(folder, "index.html").await {
        Some(data) => {
            let mut response = Html(data).into_response();
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        None => {
            let text = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>榕</title><p>工作台尚未构建:请运行 <code>make web</code>。接口说明见 <a href=\"/openapi.json\">/openapi.json</a>。";
            (StatusCode::NOT_FOUND, Html(text)).into_response()
        }
    }
}
