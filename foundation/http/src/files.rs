//! The desk's built files, and the portal's first page.

use std::path::{Component, Path};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use crate::router::Shared;

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
    let folder = &shared.settings.web_folder;
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
        && let Ok(data) = tokio::fs::read(folder.join(relative)).await
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
    match tokio::fs::read(folder.join("index.html")).await {
        Ok(data) => {
            let mut response = Html(data).into_response();
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            response
        }
        Err(_) => {
            let text = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>榕</title><p>工作台尚未构建:请运行 <code>make web</code>。接口说明见 <a href=\"/openapi.json\">/openapi.json</a>。";
            (StatusCode::NOT_FOUND, Html(text)).into_response()
        }
    }
}

/// The first page: works without scripts, in large type.
pub(crate) async fn portal() -> Html<&'static str> {
    Html(include_str!("portal.html"))
}
