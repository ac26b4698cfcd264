//! The documents that describe: landing page, conformance, collections, queryables, sortables, schemas.

use banyan_base::Problem;
use banyan_door::{Call, Reply};
use serde_json::{Map, Value as Json, json};

use super::describe::{Declared, geometry, properties, temporal};
use super::request::{
    CRS84, EPSG4490, GEOJSON, HTML, JSON, OPENAPI, SCHEMA, base, encode, known, link, own_links, reply,
    reply_linked, wants_html,
};
use super::{collection as find, visible};
use crate::Registry;
use crate::catalog::TypeInfo;

/// What is met, as the tests of this crate and the outside clients show.
pub const CONFORMS_TO: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/collections",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
];

const REL: &str = "http://www.opengis.net/def/rel/ogc/1.0";

/// GET /ogc
pub fn landing(_: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    known(call.input, &["f"])?;
    let html = wants_html(call.input)?;
    let base = base(call.input);
    let mut links = own_links(call.input, &base, JSON, html);
    links.extend([
        link(&format!("{base}/api?f=json"), "service-desc", OPENAPI, "接口定义"),
        link(&format!("{base}/api?f=html"), "service-doc", HTML, "接口说明"),
        link(&format!("{base}/conformance"), "conformance", JSON, "符合的规范"),
        link(
            &format!("{base}/conformance"),
            &format!("{REL}/conformance"),
            JSON,
            "符合的规范",
        ),
        link(&format!("{base}/collections"), "data", JSON, "要素集"),
        link(
            &format!("{base}/collections"),
            &format!("{REL}/data"),
            JSON,
            "要素集",
        ),
    ]);
    let document = json!({
        "title": "榕 Banyan",
        "description": "本平台登记的各类记录,按 OGC API Features 提供。",
        "links": links,
    });
    Ok(reply("榕 Banyan · OGC API", document, JSON, html))
}

/// GET /ogc/conformance
pub fn conformance(_: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    known(call.input, &["f"])?;
    let html = wants_html(call.input)?;
    let links = own_links(
        call.input,
        &format!("{}/conformance", base(call.input)),
        JSON,
        html,
    );
    let document = json!({ "links": links, "conformsTo": CONFORMS_TO });
    Ok(reply("符合的规范", document, JSON, html))
}

pub fn place(base: &str, info: &TypeInfo) -> String {
    format!("{base}/collections/{}", encode(&info.name))
}

fn describe(registry: &Registry, call: &mut Call<'_, '_>, info: &TypeInfo) -> Result<Json, Problem> {
    let place = place(&base(call.input), info);
    let links = vec![
        link(
            &format!("{place}/items?f=json"),
            "items",
            GEOJSON,
            "要素(GeoJSON)",
        ),
        link(&format!("{place}/items?f=html"), "items", HTML, "要素(网页)"),
        link(
            &format!("{place}/queryables?f=json"),
            &format!("{REL}/queryables"),
            SCHEMA,
            "可筛选的属性",
        ),
        link(
            &format!("{place}/sortables?f=json"),
            &format!("{REL}/sortables"),
            SCHEMA,
            "可排序的属性",
        ),
        link(&format!("{place}/schema?f=json"), "describedby", SCHEMA, "结构"),
    ];
    let about = if info.declared.about.zh.is_empty() {
        &info.declared.title.zh
    } else {
        &info.declared.about.zh
    };
    let mut document = json!({
        "id": info.name,
        "title": info.declared.title.zh,
        "description": format!("{about} datetime 按属性 {} 筛选。", temporal(info).0),
        "itemType": "feature",
        "extent": registry.extents.of(call.tx, info)?,
        "links": links,
    });
    if let Some(object) = document.as_object_mut()
        && geometry(info).is_some()
    {
        object.insert("crs".into(), json!([CRS84, EPSG4490]));
        object.insert("storageCrs".into(), json!(CRS84));
    }
    Ok(document)
}

/// GET /ogc/collections
pub fn collections(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    known(call.input, &["f"])?;
    let html = wants_html(call.input)?;
    let mut all = Vec::new();
    for info in visible(registry, call)? {
        all.push(describe(registry, call, &info)?);
    }
    let links = own_links(
        call.input,
        &format!("{}/collections", base(call.input)),
        JSON,
        html,
    );
    let document = json!({ "links": links, "crs": [CRS84, EPSG4490], "collections": all });
    Ok(reply("要素集", document, JSON, html))
}

/// GET /ogc/collections/{collection}
pub fn collection(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    known(call.input, &["f"])?;
    let html = wants_html(call.input)?;
    let info = find(registry, call)?;
    let mut document = describe(registry, call, &info)?;
    let mut links = own_links(call.input, &place(&base(call.input), &info), JSON, html);
    if let Some(known) = document.get_mut("links").and_then(Json::as_array_mut) {
        links.append(known);
        *known = links;
    }
    Ok(reply(&info.declared.title.zh, document, JSON, html))
}

fn schema_document(
    registry: &Registry,
    call: &mut Call<'_, '_>,
    name: &str,
    title: &str,
    keep: fn(&Declared) -> bool,
) -> Result<Reply, Problem> {
    known(call.input, &["f"])?;
    let html = wants_html(call.input)?;
    let info = find(registry, call)?;
    let catalog = registry.catalog(call.tx)?;
    let address = format!("{}/{name}", place(&base(call.input), &info));
    let kept: Map<String, Json> = properties(&catalog, &info)
        .into_iter()
        .filter(keep)
        .map(|declared| (declared.name, declared.schema))
        .collect();
    let title = format!("{}:{title}", info.declared.title.zh);
    let document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": address,
        "type": "object",
        "title": title,
        "properties": kept,
        "additionalProperties": false,
    });
    Ok(reply_linked(call.input, &address, &title, document, SCHEMA, html))
}

/// GET /ogc/collections/{collection}/queryables
pub fn queryables(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    schema_document(registry, call, "queryables", "可筛选的属性", Declared::queryable)
}

/// GET /ogc/collections/{collection}/sortables
pub fn sortables(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    schema_document(registry, call, "sortables", "可排序的属性", |declared| {
        declared.kind.sortable()
    })
}

/// GET /ogc/collections/{collection}/schema
pub fn schema(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    schema_document(registry, call, "schema", "结构", |_| true)
}
