//! `/openapi.json`: OpenAPI 3.1 from the operation table.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use banyan_door::Operation;
use serde_json::{Map, Value, json};

use crate::router::Shared;

fn operation(row: &Operation) -> Value {
    let names = row
        .path
        .split('{')
        .skip(1)
        .filter_map(|part| part.split('}').next());
    let mut parameters: Vec<Value> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    for (name, about) in row.query {
        parameters.push(
            json!({ "name": name, "in": "query", "description": about, "schema": { "type": "string" } }),
        );
    }
    if row.idempotent {
        parameters.push(json!({ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 200 } }));
    }
    let problem = json!({
        "description": "拒绝(RFC 9457)",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } }
    });
    let mut entry = json!({
        "operationId": row.name,
        "summary": row.title,
        "tags": [row.name.split('.').next().unwrap_or("")],
        "parameters": parameters,
        "responses": { "2XX": { "description": "成功" }, "4XX": problem.clone(), "5XX": problem },
    });
    if let Some(object) = entry.as_object_mut() {
        let body = (row.input)();
        if !body.is_null() {
            object.insert(
                "requestBody".into(),
                json!({ "required": true, "content": { "application/json": { "schema": body } } }),
            );
        }
        if row.open {
            object.insert("security".into(), json!([]));
        }
    }
    entry
}

pub(crate) async fn document(State(shared): State<Arc<Shared>>) -> Response {
    let mut paths: Map<String, Value> = Map::new();
    for row in shared.door.operations() {
        let path = paths.entry(row.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(row.method.as_str().to_lowercase(), operation(row));
        }
    }
    let field = json!({ "type": "object", "properties": { "pointer": { "type": "string" }, "code": { "type": "string" }, "message": { "type": "string" } } });
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "榕 Banyan", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "security": [{ "cookie": [] }, { "bearer": [] }],
        "components": {
            "securitySchemes": {
                "cookie": { "type": "apiKey", "in": "cookie", "name": shared.settings.cookie },
                "bearer": { "type": "http", "scheme": "bearer" }
            },
            "schemas": { "Problem": {
                "type": "object",
                "required": ["type", "title", "status"],
                "properties": {
                    "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
                    "detail": { "type": "string" }, "errors": { "type": "array", "items": field }, "trace": { "type": "string" }
                }
            } }
        }
    });
    (
        [(
            header::CONTENT_TYPE,
            "application/vnd.oai.openapi+json;version=3.1",
        )],
        document.to_string(),
    )
        .into_response()
}
