//! The OpenAPI 3.0 definition of these operations, with the collections the caller may list.

use banyan_base::Problem;
use banyan_door::{Call, Reply};
use serde_json::{Map, Value as Json, json};

use super::describe::{Declared, properties};
use super::items::PARAMETERS;
use super::request::{CRS84, EPSG4490, OPENAPI, base, encode, known, reply_linked, wants_html};
use super::visible;
use crate::Registry;
use crate::query::Kind;

fn parameter(name: &str, about: &str, schema: Json) -> Json {
    json!({
        "name": name, "in": "query", "required": false, "description": about,
        "schema": schema, "style": "form", "explode": false,
    })
}

fn parameters() -> Json {
    let text = || json!({ "type": "string" });
    let uri = || json!({ "type": "string", "format": "uri", "enum": [CRS84, EPSG4490], "default": CRS84 });
    json!({
        "f": parameter("f", "格式", json!({ "type": "string", "enum": ["json", "html"] })),
        "limit": parameter("limit", "每页要素个数", json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 20 })),
        "cursor": parameter("cursor", "下一页的标记", text()),
        "bbox": parameter("bbox", "范围:西,南,东,北", json!({ "type": "array", "minItems": 4, "maxItems": 6, "items": { "type": "number" } })),
        "bbox-crs": parameter("bbox-crs", "bbox 的坐标系", uri()),
        "datetime": parameter("datetime", "时间或时间段", text()),
        "filter": parameter("filter", "CQL2 筛选条件", text()),
        "filter-lang": parameter("filter-lang", "筛选语言", json!({ "type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text" })),
        "filter-crs": parameter("filter-crs", "筛选条件里几何的坐标系", json!({ "type": "string", "format": "uri", "enum": [CRS84], "default": CRS84 })),
        "sortby": parameter("sortby", "排序", json!({ "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[+-]?[A-Za-z0-9_]+$" } })),
        "q": parameter("q", "全文检索", text()),
        "crs": parameter("crs", "返回几何的坐标系", uri()),
    })
}

fn by_name(name: &str) -> Json {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}

fn get(id: &str, title: &str, media: &str, parameters: Vec<Json>) -> Json {
    json!({ "get": {
        "operationId": id, "summary": title, "parameters": parameters,
        "responses": {
            "200": { "description": "成功", "content": { media: { "schema": { "type": "object" } }, "text/html": { "schema": { "type": "string" } } } },
            "400": { "$ref": "#/components/responses/Refusal" },
            "401": { "$ref": "#/components/responses/Refusal" },
            "404": { "$ref": "#/components/responses/Refusal" },
            "500": { "$ref": "#/components/responses/Refusal" },
        }
    } })
}

/// A queryable as a parameter.
fn queryable(declared: &Declared) -> Json {
    let kind = match declared.kind {
        Kind::Integer => "integer",
        Kind::Scaled(_) => "number",
        Kind::Boolean => "boolean",
        _ => "string",
    };
    let title = declared.schema.get("title").and_then(Json::as_str).unwrap_or("");
    parameter(&declared.name, title, json!({ "type": kind }))
}

/// GET /ogc/api
pub fn definition(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    known(call.input, &["f"])?;
    let html = wants_html(call.input)?;
    let catalog = registry.catalog(call.tx)?;
    let f = || vec![by_name("f")];
    let mut paths = Map::new();
    let mut add = |path: String, operation: Json| {
        paths.insert(path, operation);
    };
    const PLAIN: &str = "application/json";
    const SCHEMA: &str = "application/schema+json";
    const FEATURES: &str = "application/geo+json";
    add("/".into(), get("landing", "首页", PLAIN, f()));
    add(
        "/conformance".into(),
        get("conformance", "符合的规范", PLAIN, f()),
    );
    add("/api".into(), get("api", "本文件", OPENAPI, f()));
    add("/collections".into(), get("collections", "要素集", PLAIN, f()));
    for info in visible(registry, call)? {
        let (name, title) = (&info.name, &info.declared.title.zh);
        let path = format!("/collections/{}", encode(name));
        add(
            path.clone(),
            get(&format!("{name}.collection"), title, PLAIN, f()),
        );
        for (part, about) in [
            ("queryables", "可筛选的属性"),
            ("sortables", "可排序的属性"),
            ("schema", "结构"),
        ] {
            add(
                format!("{path}/{part}"),
                get(
                    &format!("{name}.{part}"),
                    &format!("{title}:{about}"),
                    SCHEMA,
                    f(),
                ),
            );
        }
        let mut all: Vec<Json> = PARAMETERS.iter().map(|name| by_name(name)).collect();
        all.extend(
            properties(&catalog, &info)
                .iter()
                .filter(|declared| {
                    declared.queryable()
                        && declared.kind != Kind::Geometry
                        && !PARAMETERS.contains(&declared.name.as_str())
                })
                .map(queryable),
        );
        add(
            format!("{path}/items"),
            get(&format!("{name}.items"), title, FEATURES, all),
        );
        let id = json!({ "name": "id", "in": "path", "required": true, "schema": { "type": "string" } });
        add(
            format!("{path}/items/{{id}}"),
            get(
                &format!("{name}.item"),
                title,
                FEATURES,
                vec![id, by_name("f"), by_name("crs")],
            ),
        );
    }
    let document = json!({
        "openapi": "3.0.3",
        "info": { "title": "榕 Banyan · OGC API Features", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": base(call.input) }],
        "paths": paths,
        "components": {
            "parameters": parameters(),
            "responses": { "Refusal": {
                "description": "拒绝(RFC 9457)",
                "content": { "application/problem+json": { "schema": { "type": "object" } } }
            } },
        },
    });
    let path = format!("{}/api", base(call.input));
    Ok(reply_linked(
        call.input,
        &path,
        "OGC API 定义",
        document,
        OPENAPI,
        html,
    ))
}
