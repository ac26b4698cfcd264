//! Fields as JSON Schema, for the API's description.

use banyan_package::model::{ComputedType, Field, FieldKind};
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, qualified};
use crate::value::code_list;

/// Code lists up to this length are told whole.
const MOST_CODES: usize = 60;

/// A field as a property: its kind, what it is called, and whether it may be empty.
pub(crate) fn property(catalog: &Catalog, package: &str, field: &Field) -> Json {
    let (mut schema, about) = kind(catalog, package, &field.kind);
    let Some(object) = schema.as_object_mut() else {
        return schema;
    };
    let required = field.required && field.when.is_none();
    if !required {
        nullable(object);
    }
    object.insert("title".into(), json!(field.title.zh));
    let help = field.help.iter().map(|help| help.zh.clone());
    let told: Vec<String> = help
        .chain(about)
        .chain(field.immutable.then(|| "登记后不能修改。".to_owned()))
        .collect();
    if !told.is_empty() {
        object.insert("description".into(), json!(told.join(" ")));
    }
    if matches!(field.kind, FieldKind::Computed { .. }) {
        object.insert("readOnly".into(), json!(true));
    }
    schema
}

/// Empty is `null` on the wire.
fn nullable(schema: &mut Map<String, Json>) {
    if let Some(kind) = schema.get("type").cloned() {
        schema.insert("type".into(), json!([kind, "null"]));
    }
    if let Some(Json::Array(values)) = schema.get_mut("enum") {
        values.push(Json::Null);
    }
}

/// The schema of a kind of field, and what a schema can't say.
fn kind(catalog: &Catalog, package: &str, kind: &FieldKind) -> (Json, Option<String>) {
    let text = || json!({ "type": "string" });
    let patterned = |pattern: &str| json!({ "type": "string", "pattern": pattern });
    let date = || json!({ "type": "string", "format": "date" });
    let moment = || json!({ "type": "string", "format": "date-time" });
    let measured = |measure: &Option<String>| measure.as_ref().map(|measure| format!("单位:{measure}。"));
    let listed = |item: (Json, Option<String>), many: bool| {
        if many {
            (json!({ "type": "array", "items": item.0 }), item.1)
        } else {
            item
        }
    };
    let (mut schema, about) = match kind {
        FieldKind::Text {
            max, min, pattern, ..
        } => {
            let least = (*min > 0).then_some(*min);
            let pattern = pattern.as_deref().filter(|pattern| portable(pattern));
            let pattern = pattern.map(|pattern| format!("^(?:{pattern})$"));
            (
                json!({ "type": "string", "minLength": least, "maxLength": max, "pattern": pattern }),
                None,
            )
        }
        FieldKind::Integer { min, max, measure } => (
            json!({ "type": "integer", "minimum": min, "maximum": max }),
            measured(measure),
        ),
        FieldKind::Money { min, max } => {
            let about = "金额,以分计。".to_owned();
            (
                json!({ "type": "integer", "minimum": min, "maximum": max }),
                Some(about),
            )
        }
        FieldKind::Decimal {
            scale,
            min,
            max,
            measure,
        } => {
            let about = format!("最多 {scale} 位小数。{}", measured(measure).unwrap_or_default());
            (
                json!({ "type": "number", "minimum": min, "maximum": max }),
                Some(about),
            )
        }
        FieldKind::Boolean => (json!({ "type": "boolean" }), None),
        FieldKind::Date { min, max } => {
            let ends = [
                min.as_ref().map(|min| format!("不早于 {min}。")),
                max.as_ref().map(|max| format!("不晚于 {max}。")),
            ];
            let ends: String = ends.into_iter().flatten().collect();
            (date(), (!ends.is_empty()).then_some(ends))
        }
        FieldKind::DateTime => (moment(), None),
        FieldKind::Code {
            list: Some(list),
            many,
            ..
        } => listed(codes(catalog, package, list), *many),
        FieldKind::Code { registry, many, .. } => {
            let registry = registry.as_deref().map(|registry| qualified(package, registry));
            listed(
                (text(), registry.map(|registry| format!("{registry} 的主键。"))),
                *many,
            )
        }
        FieldKind::Region { levels, .. } => {
            let levels: Vec<String> = levels.iter().map(ToString::to_string).collect();
            let about = format!(
                "行政区划代码(GB/T 2260),位数:{}。",
                if levels.is_empty() {
                    "不限".into()
                } else {
                    levels.join("、")
                }
            );
            (patterned("^[0-9]{2,12}$"), Some(about))
        }
        FieldKind::Unit { many } => listed((text(), Some("单位代码。".to_owned())), *many),
        FieldKind::PersonNumber => (
            patterned("^[0-9]{17}[0-9Xx]$"),
            Some("公民身份号码(GB 11643)。".to_owned()),
        ),
        FieldKind::CreditCode => (
            patterned("^[0-9A-Za-z]{18}$"),
            Some("统一社会信用代码(GB 32100)。".to_owned()),
        ),
        FieldKind::Phone => (text(), Some("电话号码。".to_owned())),
        FieldKind::Ref { to, .. } => {
            let about = format!("{} 的标识;写入时也可用其主键。", qualified(package, to));
            (text(), Some(about))
        }
        FieldKind::File {
            many,
            max_bytes,
            accept,
        } => {
            let item = json!({
                "type": "object", "required": ["hash", "name"],
                "properties": { "hash": patterned("^[0-9a-f]{64}$"), "name": text(), "size": { "type": "integer" }, "content_type": text() },
            });
            let kinds = if accept.is_empty() {
                String::new()
            } else {
                format!("可用:{}。", accept.join("、"))
            };
            listed(
                (
                    item,
                    Some(format!(
                        "先以 file.create 上传;每个不超过 {max_bytes} 字节。{kinds}"
                    )),
                ),
                *many,
            )
        }
        FieldKind::Geometry { kinds } => {
            let all = [
                "Point",
                "MultiPoint",
                "LineString",
                "MultiLineString",
                "Polygon",
                "MultiPolygon",
            ];
            let kinds = if kinds.is_empty() {
                json!(all)
            } else {
                json!(kinds)
            };
            let geometry = json!({
                "type": "object", "required": ["type", "coordinates"],
                "properties": { "type": { "type": "string", "enum": kinds }, "coordinates": { "type": "array" } },
            });
            (geometry, Some("GeoJSON 几何,经度在前(EPSG:4490)。".to_owned()))
        }
        FieldKind::Json => (json!({}), Some("任意 JSON。".to_owned())),
        FieldKind::Computed { result, .. } => match result {
            ComputedType::Text => (text(), None),
            ComputedType::Integer => (json!({ "type": "integer" }), None),
            ComputedType::Money => (json!({ "type": "integer" }), Some("金额,以分计。".to_owned())),
            ComputedType::Decimal { .. } => (json!({ "type": "number" }), None),
            ComputedType::Boolean => (json!({ "type": "boolean" }), None),
            ComputedType::Date => (date(), None),
            ComputedType::DateTime => (moment(), None),
            ComputedType::Code { list } => codes(catalog, package, list),
        },
    };
    if let Some(object) = schema.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    (schema, about)
}

/// Patterns of ours that mean the same to ECMA-262, which JSON Schema's are.
fn portable(pattern: &str) -> bool {
    !["(?", "\\p", "\\P", "\\A", "\\z", "\\x{", "[[:", "&&"]
        .iter()
        .any(|own| pattern.contains(own))
}

fn codes(catalog: &Catalog, package: &str, list: &str) -> (Json, Option<String>) {
    let items = code_list(catalog, package, list).map_or(&[][..], |list| &list.items);
    if items.is_empty() || items.len() > MOST_CODES {
        return (
            json!({ "type": "string" }),
            Some(format!("代码表 {}。", qualified(package, list))),
        );
    }
    let codes: Vec<&str> = items.iter().map(|item| item.code.as_str()).collect();
    let titles: Vec<String> = items
        .iter()
        .map(|item| format!("{} {}", item.code, item.title.zh))
        .collect();
    (
        json!({ "type": "string", "enum": codes }),
        Some(format!("代码:{}。", titles.join(";"))),
    )
}
