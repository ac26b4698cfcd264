//! `/openapi.json`: OpenAPI 3.1 from the operation table and from what is installed, as far as the reader may use it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use banyan_base::{Actor, Problem};
use banyan_door::{Description, Face, Operation};
use serde_json::{Map, Value, json};

use crate::call;
use crate::router::Shared;

const JSON: &str = "application/json";

/// The parameters in braces of a path.
fn path_parameters(path: &str) -> impl Iterator<Item = Value> {
    let names = path.split('{').skip(1).filter_map(|part| part.split('}').next());
    names.map(|name| {
        // A wildcard takes the rest of the path.
        let name = name.trim_start_matches('*');
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    })
}

fn parameters(row: &Operation, path: &str, query: &Map<String, Value>) -> Vec<Value> {
    let mut parameters: Vec<Value> = path_parameters(path).collect();
    for (name, about) in row.query {
        let schema = query
            .get(*name)
            .cloned()
            .unwrap_or_else(|| json!({ "type": "string" }));
        parameters.push(json!({ "name": name, "in": "query", "description": about, "schema": schema }));
    }
    let mut header = |name: &str, required: bool, about: &str, max: u32| {
        parameters.push(json!({
            "name": name, "in": "header", "required": required, "description": about,
            "schema": { "type": "string", "maxLength": max },
        }));
    };
    if row.if_match {
        header("If-Match", true, "读到的 ETag;已被他人修改时以 412 拒绝", 100);
    }
    if row.idempotent {
        header(
            "Idempotency-Key",
            false,
            "同一个键再次发送时给出第一次的结果",
            200,
        );
    }
    parameters
}

/// What may be sent: JSON by its schema, and files as they are.
fn request_body(row: &Operation, input: &Value) -> Option<Value> {
    let mut content = Map::new();
    if !input.is_null() {
        content.insert(JSON.into(), json!({ "schema": input }));
    }
    for kind in row.uploads {
        content.insert((*kind).into(), json!({}));
    }
    (!content.is_empty()).then(|| json!({ "required": true, "content": content }))
}

fn responses(row: &Operation, output: &Value, media: &[&str]) -> Value {
    // OAuth 2.0 refuses in a form of its own.
    let form = row.uploads.contains(&"application/x-www-form-urlencoded");
    let refusal = if form { "OAuthRefusal" } else { "Refusal" };
    let refusal = json!({ "$ref": format!("#/components/responses/{refusal}") });
    let mut content = Map::new();
    if !output.is_null() {
        content.insert(JSON.into(), json!({ "schema": output }));
    }
    for kind in media {
        content.insert((*kind).into(), json!({}));
    }
    let mut done = json!({ "description": "成功" });
    if let Some(object) = done.as_object_mut() {
        if !content.is_empty() {
            object.insert("content".into(), Value::Object(content));
        }
        if row.if_match && !output.is_null() {
            let tag = json!({ "ETag": { "description": "记录的新版本", "schema": { "type": "string" } } });
            object.insert("headers".into(), tag);
        }
    }
    json!({ "2XX": done, "4XX": refusal, "5XX": refusal })
}

/// One operation on one path; the face says what is particular there.
fn entry(row: &Operation, face: &Face) -> Value {
    let own = |given: &Value, own: fn() -> Value| if given.is_null() { own() } else { given.clone() };
    let input = own(&face.input, row.input);
    let output = own(&face.output, row.output);
    let mut entry = json!({
        "operationId": face.id,
        "summary": face.title,
        "tags": [face.tag],
        "parameters": parameters(row, &face.path, &face.query),
        "responses": responses(row, &output, face.media),
    });
    if let Some(object) = entry.as_object_mut() {
        if !face.about.is_empty() {
            object.insert("description".into(), json!(face.about));
        }
        if let Some(body) = request_body(row, &input) {
            object.insert("requestBody".into(), body);
        }
        if row.open {
            object.insert("security".into(), json!([{}, { "cookie": [] }, { "bearer": [] }]));
        }
    }
    entry
}

/// The face of a row of the operation table itself.
fn general(row: &Operation) -> Face {
    Face {
        operation: row.name,
        path: row.path.replace("{*", "{"),
        id: row.name.into(),
        title: row.title.into(),
        about: row.about.into(),
        tag: row.name.split('.').next().unwrap_or("").into(),
        ..Face::default()
    }
}

fn components(shared: &Shared, schemas: Map<String, Value>) -> Value {
    let text = || json!({ "type": "string" });
    let field = json!({
        "type": "object",
        "required": ["pointer", "code", "message"],
        "properties": {
            "pointer": { "type": "string", "description": "错误所在,RFC 6901" }, "code": text(), "message": text(),
        },
    });
    let problem = || json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let mut all = Map::new();
    all.insert(
        "Problem".into(),
        json!({
            "type": "object",
            "required": ["type", "title", "status"],
            "properties": {
                "type": text(), "title": text(), "status": { "type": "integer" }, "detail": text(),
                "errors": { "type": "array", "items": field }, "trace": text(),
            },
        }),
    );
    all.extend(schemas);
    json!({
        "securitySchemes": {
            "cookie": { "type": "apiKey", "in": "cookie", "name": shared.settings.cookie },
            "bearer": { "type": "http", "scheme": "bearer" },
        },
        "responses": {
            "Refusal": {
                "description": "拒绝(RFC 9457)",
                "content": { "application/problem+json": problem() },
            },
            "OAuthRefusal": {
                "description": "拒绝:令牌端点自己的(RFC 6749 第 5.2 节,另有 `error`),或在它之前的(RFC 9457)",
                "content": { "application/json": problem(), "application/problem+json": problem() },
            },
        },
        "schemas": all,
    })
}

fn compose(shared: &Shared, described: Description) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut add = |row: &Operation, face: &Face| {
        let path = paths.entry(face.path.clone()).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(row.method.as_str().to_lowercase(), entry(row, face));
        }
    };
    for row in shared.door.operations() {
        add(row, &general(row));
    }
    for face in &described.faces {
        if let Some(row) = shared.door.operation(face.operation) {
            add(row, face);
        }
    }
    let tags: Vec<Value> = described
        .tags
        .iter()
        .map(|(name, about)| json!({ "name": name, "description": about }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "榕 Banyan",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "由操作表和已安装的包生成;只列出读者可以使用的记录类型。",
        },
        "paths": paths,
        "tags": tags,
        "security": [{ "cookie": [] }, { "bearer": [] }],
        "components": components(shared, described.schemas),
    })
}

fn described(shared: &Shared, headers: &HeaderMap) -> Result<Value, Problem> {
    let (credential, _) = call::credential(headers, shared.settings.cookie)?;
    // Whoever can't be told is shown what the public may use.
    let actor = shared
        .auth
        .actor(&credential, &call::capacity(headers)?)
        .unwrap_or_else(|_| Actor::anonymous());
    let cx = shared.door.world().ctx(actor);
    Ok(compose(shared, shared.describe.describe(&cx, &shared.door)?))
}

pub(crate) async fn document(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let work = tokio::task::spawn_blocking(move || described(&shared, &headers));
    let document = match work.await.map_err(Problem::internal).and_then(|result| result) {
        Ok(document) => document,
        Err(refusal) => {
            tracing::error!(
                cause = refusal.internal.as_deref().unwrap_or(&refusal.detail),
                "describing the API failed"
            );
            return call::problem(&refusal, "");
        }
    };
    let kind = "application/vnd.oai.openapi+json;version=3.1";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::VARY, "cookie, authorization"),
    ];
    (headers, document.to_string()).into_response()
}
