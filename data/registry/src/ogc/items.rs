//! Features: records with a geometry, if their type has one, and everything else as properties.

use banyan_base::{Id, Limit, Problem};
use banyan_door::{Call, Input, Reply};
use serde_json::{Map, Value as Json, json};

use super::collection as find;
use super::describe::{geometry, kind, queryable, temporal};
use super::documents::place;
use super::request::{
    Crs, GEOJSON, JSON, SCHEMA, address, bad, base, crs, encode, known, link, own_links, reply, wants_html,
};
use super::write::Writer;
use crate::catalog::TypeInfo;
use crate::query::{
    self, Expr, Given, Instant, Kind, Language, Literal, Name, Op, Place, Query, Side, Span, SpatialOp,
    TemporalOp,
};
use crate::record::{self, Record, etag};
use crate::sight::touch;
use crate::{Error, Registry, reference};

pub const PARAMETERS: &[&str] = &[
    "f",
    "limit",
    "cursor",
    "bbox",
    "bbox-crs",
    "datetime",
    "filter",
    "filter-lang",
    "filter-crs",
    "sortby",
    "q",
    "crs",
];

fn named(name: &str, place: &Place) -> Name {
    Name {
        name: name.to_owned(),
        place: place.clone(),
    }
}

/// What has no place in space or time is in every box and every time, as the standard asks.
fn or_missing(expr: Expr, property: Name) -> Expr {
    Expr::Or(vec![expr, Expr::IsNull { property }])
}

fn bbox(input: &Input, info: &TypeInfo) -> Result<Option<Expr>, Problem> {
    let order = crs(input, "bbox-crs")?;
    let Some(text) = input.query_value("bbox") else {
        return Ok(None);
    };
    let numbers = text
        .split(',')
        .map(|number| number.trim().parse::<f64>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| bad("bbox", "应是四个或六个数,用逗号分隔"))?;
    let numbers = match (order, numbers.as_slice()) {
        (Crs::LatLon, [south, west, north, east]) => vec![*west, *south, *east, *north],
        (Crs::LatLon, [south, west, _, north, east, _]) => vec![*west, *south, *east, *north],
        _ => numbers,
    };
    let shape = query::shape::bbox(&numbers).map_err(|message| bad("bbox", message))?;
    let Some(column) = geometry(info) else {
        return Ok(None);
    };
    let property = named(&column.name, &Place::Parameter("bbox".into()));
    let meets = Expr::Spatial {
        op: SpatialOp::Intersects,
        property: property.clone(),
        geometry: Box::new(shape),
        settled: None,
    };
    Ok(Some(or_missing(meets, property)))
}

fn datetime(input: &Input, info: &TypeInfo) -> Result<Option<Expr>, Problem> {
    let Some(text) = input.query_value("datetime") else {
        return Ok(None);
    };
    let at = Place::Parameter("datetime".into());
    let span = match text.split_once('/') {
        None => match query::instant(text, &at)? {
            Instant::Open => return Err(bad("datetime", "应是时间或时间段")),
            instant => Span::instant(instant, at.clone()),
        },
        Some((start, end)) => {
            let span = Span {
                start: query::instant(start, &at)?,
                end: query::instant(end, &at)?,
                place: at.clone(),
            };
            if span.start == Instant::Open && span.end == Instant::Open {
                return Ok(None);
            }
            span
        }
    };
    let property = named(temporal(info).0, &at);
    let meets = Expr::Temporal {
        op: TemporalOp::Intersects,
        left: Span::instant(Instant::Property(property.clone()), at),
        right: span,
    };
    Ok(Some(or_missing(meets, property)))
}

/// `property=value`.
fn equals(name: &str, kind: Kind, value: &str) -> Result<Expr, Problem> {
    let place = Place::Parameter(name.to_owned());
    let value = match kind {
        Kind::Integer | Kind::Scaled(_) => match value.parse::<f64>() {
            Ok(number) if number.is_finite() => Literal::Number(number),
            _ => return Err(bad(name, "应是数字")),
        },
        Kind::Boolean => match value {
            "true" => Literal::Boolean(true),
            "false" => Literal::Boolean(false),
            _ => return Err(bad(name, "应是 true 或 false")),
        },
        Kind::Geometry => return Err(bad(name, "几何请用 bbox 或 filter 筛选")),
        _ => Literal::Text(value.to_owned()),
    };
    Ok(Expr::Compare {
        left: Side::Property(named(name, &place), false),
        op: Op::Eq,
        right: Side::Given(Given { value, place }, false),
    })
}

fn query_of(call: &Call<'_, '_>, info: &TypeInfo) -> Result<Query, Problem> {
    let input = call.input;
    let language = match input.query_value("filter-lang") {
        None | Some("cql2-text") => Language::Text,
        Some("cql2-json") => Language::Json,
        Some(_) => return Err(bad("filter-lang", "应为 cql2-text 或 cql2-json")),
    };
    if crs(input, "filter-crs")? != Crs::LonLat {
        return Err(bad("filter-crs", "筛选条件里的几何只能用 CRS84"));
    }
    let mut query = Query::read_in(language, input.query_value("filter"), input.query_value("sortby"))?;
    if let Some(filter) = &query.filter {
        for name in filter.names() {
            if !kind(info, &name.name).is_some_and(queryable) {
                return name
                    .place
                    .refuse(format!("没有可筛选的属性 {}", name.name.escape_debug()));
            }
        }
    }
    for (name, _) in &query.sort {
        if !kind(info, name).is_some_and(Kind::sortable) {
            return Err(bad("sortby", format!("没有可排序的属性 {}", name.escape_debug())));
        }
    }
    let mut all: Vec<Expr> = query.filter.take().into_iter().collect();
    all.extend(bbox(input, info)?);
    all.extend(datetime(input, info)?);
    for (name, value) in &input.query {
        if PARAMETERS.contains(&name.as_str()) {
            continue;
        }
        match kind(info, name).filter(|kind| queryable(*kind)) {
            Some(kind) => all.push(equals(name, kind, value)?),
            None => return Err(bad(&name.escape_debug().to_string(), "没有这个参数或属性")),
        }
    }
    query.filter = (!all.is_empty()).then_some(Expr::And(all));
    if let Some(limit) = input.query_value("limit") {
        let count = limit.parse::<u32>().ok().and_then(Limit::new);
        query.limit = count.ok_or_else(|| bad("limit", "应是 1 到 1000 的整数"))?;
    }
    query.cursor = input.query_value("cursor").map(str::to_owned);
    query.words = input.query_value("q").map(str::to_owned);
    query.count = true;
    Ok(query)
}

/// Coordinates with their first two numbers exchanged.
fn flip(value: &mut Json) {
    if let Some(items) = value.as_array_mut() {
        if items.first().is_some_and(Json::is_number) {
            if let [x, y, ..] = items.as_mut_slice() {
                std::mem::swap(x, y);
            }
        } else {
            items.iter_mut().for_each(flip);
        }
    }
}

fn feature(info: &TypeInfo, record: &Record, order: Crs) -> Map<String, Json> {
    let mut properties = record.fields.clone();
    let mut shape = geometry(info)
        .and_then(|column| properties.remove(&column.name))
        .unwrap_or_default();
    if order == Crs::LatLon {
        let others = info
            .geometries()
            .filter_map(|column| column.name.as_str().into())
            .collect::<Vec<&str>>();
        for name in others {
            if let Some(found) = properties
                .get_mut(name)
                .and_then(|value| value.get_mut("coordinates"))
            {
                flip(found);
            }
        }
        if let Some(found) = shape.get_mut("coordinates") {
            flip(found);
        }
    }
    if let Some(state) = &record.state {
        properties.insert("state".into(), json!(state));
    }
    properties.insert("created_at".into(), json!(record.created_at));
    properties.insert("updated_at".into(), json!(record.updated_at));
    properties.insert("version".into(), json!(record.version));
    let mut feature = Map::new();
    feature.insert("type".into(), json!("Feature"));
    feature.insert("id".into(), json!(record.id));
    feature.insert("geometry".into(), shape);
    feature.insert("properties".into(), Json::Object(properties));
    feature
}

/// GET /ogc/collections/{collection}/items
pub fn list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let html = wants_html(call.input)?;
    let order = crs(call.input, "crs")?;
    let info = find(registry, call)?;
    let query = query_of(call, &info)?;
    let listing = query::rows_of(call.tx, &info, &query)?;
    let here = place(&base(call.input), &info);
    let path = format!("{here}/items");
    let mut links = own_links(call.input, &path, GEOJSON, html);
    let header: Vec<String> = links
        .iter()
        .map(|link| {
            let text = |name: &str| link.get(name).and_then(Json::as_str).unwrap_or("").to_owned();
            format!(
                "<{}>; rel=\"{}\"; type=\"{}\"",
                text("href"),
                text("rel"),
                text("type")
            )
        })
        .chain([format!(
            "<{here}/queryables>; rel=\"http://www.opengis.net/def/rel/ogc/1.0/queryables\"; type=\"{SCHEMA}\""
        )])
        .collect();
    links.push(link(&here, "collection", JSON, &info.declared.title.zh));
    if let Some(next) = &listing.page.next {
        let mut query: Vec<(String, String)> = call
            .input
            .query
            .iter()
            .filter(|(name, _)| name != "cursor")
            .cloned()
            .collect();
        query.push(("cursor".into(), next.0.clone()));
        let media = if html { super::request::HTML } else { GEOJSON };
        links.push(link(&address(&path, &query), "next", media, "下一页"));
    }
    let rows = &listing.page.items;
    if info.columns.iter().any(|column| column.field.personal) {
        let shown = record::decode_all(&info, rows)?;
        touch(call.touches, &info, &shown)?;
    }
    // What is sealed can't be written as it stands.
    let answer = if html || order == Crs::LatLon || info.sealed().next().is_some() {
        let features = record::decode_all(&info, rows)?
            .iter()
            .map(|record| Json::Object(feature(&info, record, order)))
            .collect::<Vec<Json>>();
        let mut document = json!({
            "type": "FeatureCollection",
            "timeStamp": call.cx.now_text(),
            "numberReturned": features.len(),
            "features": features,
            "links": links,
        });
        // Where counting stopped at its bound, nothing is said rather than something wrong.
        if let (Some(matched), Some(object)) = (listing.page.matched, document.as_object_mut()) {
            object.insert("numberMatched".into(), json!(matched));
        }
        reply(&info.declared.title.zh, document, GEOJSON, html)
    } else {
        let mut text = format!(
            "{{\"type\":\"FeatureCollection\",\"timeStamp\":\"{}\",\"numberReturned\":{},",
            call.cx.now_text(),
            rows.len()
        );
        if let Some(matched) = listing.page.matched {
            text.push_str(&format!("\"numberMatched\":{matched},"));
        }
        text.push_str("\"features\":[");
        let writer = Writer::new(&info);
        for (at, row) in rows.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            writer.feature(&mut text, row)?;
        }
        text.push_str(&format!("],\"links\":{}}}", Json::Array(links)));
        Reply::bytes(GEOJSON, text.into_bytes())
    };
    Ok(answer
        .with_header("Content-Crs", format!("<{}>", order.uri()))
        .with_header("Link", header.join(", ")))
}

/// GET /ogc/collections/{collection}/items/{id}
pub fn view(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    known(call.input, &["f", "crs"])?;
    let html = wants_html(call.input)?;
    let order = crs(call.input, "crs")?;
    let info = find(registry, call)?;
    let sent = call.input.path_value("id")?;
    let missing = || Error::NoRecord {
        kind: info.declared.title.zh.clone(),
        id: sent.to_owned(),
    };
    let record = match Id::parse(sent) {
        Some(id) => record::find(call.tx, &info, id.as_str())?.ok_or_else(missing)?,
        None => {
            let id = reference::resolve(call.tx, &info, sent)?.ok_or_else(missing)?;
            record::get(call.tx, &info, &id)?
        }
    };
    touch(call.touches, &info, [&record])?;
    let here = place(&base(call.input), &info);
    let path = format!("{here}/items/{}", encode(&record.id));
    let mut links = own_links(call.input, &path, GEOJSON, html);
    links.push(link(&here, "collection", JSON, &info.declared.title.zh));
    let mut document = feature(&info, &record, order);
    document.insert("links".into(), json!(links));
    Ok(
        reply(&info.declared.title.zh, Json::Object(document), GEOJSON, html)
            .with_etag(etag(record.version))
            .with_header("Content-Crs", format!("<{}>", order.uri())),
    )
}
