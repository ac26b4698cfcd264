//! The properties of a type as JSON Schema, and what each is good for.

use banyan_package::model::{ComputedType, FieldKind};
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, Column, TypeInfo};
use crate::query::{Kind, kind_of};
use crate::value::code_list;

/// The kind of the property of that name, where features have it; those of [`properties`].
pub fn kind(info: &TypeInfo, name: &str) -> Option<Kind> {
    match name {
        "id" => Some(Kind::Text),
        "state" if info.has_state() => Some(Kind::Text),
        "created_at" | "updated_at" => Some(Kind::Moment),
        "version" => Some(Kind::Integer),
        _ => info.column(name).map(|column| kind_of(&column.field.kind)),
    }
}

/// JSON of unknown shape and files can't be asked about.
pub fn queryable(kind: Kind) -> bool {
    kind != Kind::Json
}

/// One property of a collection's features.
pub struct Declared {
    pub name: String,
    pub kind: Kind,
    pub schema: Json,
}

impl Declared {
    pub fn queryable(&self) -> bool {
        queryable(self.kind)
    }
}

/// The field that is the geometry of features.
pub fn geometry(info: &TypeInfo) -> Option<&Column> {
    info.geometries().next()
}

/// The property that `datetime` is about: the first date or moment declared, else the moment of the last change.
pub fn temporal(info: &TypeInfo) -> (&str, Kind) {
    info.columns
        .iter()
        .filter(|column| column.seal.is_none())
        .map(|column| (column.name.as_str(), kind_of(&column.field.kind)))
        .find(|(_, kind)| matches!(kind, Kind::Date | Kind::Moment))
        .unwrap_or(("updated_at", Kind::Moment))
}

fn shape(kinds: &[String]) -> String {
    let lower: Vec<String> = kinds.iter().map(|kind| kind.to_lowercase()).collect();
    let single = |kind: &str| {
        lower
            .iter()
            .all(|known| known == kind || *known == format!("multi{kind}"))
    };
    match lower.as_slice() {
        [] => "geometry-any".into(),
        [one] => format!("geometry-{one}"),
        _ => ["point", "linestring", "polygon"]
            .into_iter()
            .find(|kind| single(kind))
            .map_or_else(
                || "geometry-any".into(),
                |kind| format!("geometry-{kind}-or-multi{kind}"),
            ),
    }
}

fn codes(catalog: &Catalog, package: &str, list: &str) -> Json {
    let items = code_list(catalog, package, list).map_or(&[][..], |list| &list.items);
    if items.is_empty() {
        return json!({ "type": "string" });
    }
    let codes: Vec<&str> = items.iter().map(|item| item.code.as_str()).collect();
    let titles: Map<String, Json> = items
        .iter()
        .map(|item| (item.code.clone(), json!(item.title.zh)))
        .collect();
    json!({ "type": "string", "enum": codes, "x-banyan-titles": titles })
}

fn schema_of(catalog: &Catalog, package: &str, kind: &FieldKind) -> Json {
    let mut schema = match kind {
        FieldKind::Text { max, .. } => json!({ "type": "string", "maxLength": max }),
        FieldKind::Integer { min, max, .. } | FieldKind::Money { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        FieldKind::Decimal { min, max, .. } => json!({ "type": "number", "minimum": min, "maximum": max }),
        FieldKind::Boolean => json!({ "type": "boolean" }),
        FieldKind::Date { .. } => json!({ "type": "string", "format": "date" }),
        FieldKind::DateTime => json!({ "type": "string", "format": "date-time" }),
        FieldKind::Code { list, many, .. } => {
            let item = match list {
                Some(list) => codes(catalog, package, list),
                None => json!({ "type": "string" }),
            };
            if *many {
                json!({ "type": "array", "items": item })
            } else {
                item
            }
        }
        FieldKind::Unit { many: true } => json!({ "type": "array", "items": { "type": "string" } }),
        FieldKind::Geometry { kinds } => json!({ "format": shape(kinds) }),
        FieldKind::Json | FieldKind::File { .. } => json!({ "type": "object" }),
        FieldKind::Computed { result, .. } => match result {
            ComputedType::Text => json!({ "type": "string" }),
            ComputedType::Integer | ComputedType::Money => json!({ "type": "integer" }),
            ComputedType::Decimal { .. } => json!({ "type": "number" }),
            ComputedType::Boolean => json!({ "type": "boolean" }),
            ComputedType::Date => json!({ "type": "string", "format": "date" }),
            ComputedType::DateTime => json!({ "type": "string", "format": "date-time" }),
            ComputedType::Code { list } => codes(catalog, package, list),
        },
        _ => json!({ "type": "string" }),
    };
    if let Some(object) = schema.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    schema
}

/// All properties, in the order of the declaration, with the platform's own around them. Who made and changed a record is
/// not among them.
pub fn properties(catalog: &Catalog, info: &TypeInfo) -> Vec<Declared> {
    let mut all = Vec::new();
    let mut add = |name: &str, kind, title: &str, about: Option<&str>, mut schema: Json| {
        if let Some(object) = schema.as_object_mut() {
            object.insert("title".into(), json!(title));
            if let Some(about) = about {
                object.insert("description".into(), json!(about));
            }
            object.insert("x-ogc-propertySeq".into(), json!(0));
        }
        all.push(Declared {
            name: name.to_owned(),
            kind,
            schema,
        });
    };
    let id = json!({ "type": "string", "readOnly": true, "x-ogc-role": "id" });
    add("id", Kind::Text, "标识", None, id);
    if let Some(lifecycle) = &info.declared.lifecycle {
        let states: Vec<&str> = lifecycle.states.iter().map(|(name, _)| name.as_str()).collect();
        let titles: Map<String, Json> = lifecycle
            .states
            .iter()
            .map(|(name, state)| (name.clone(), json!(state.title.zh)))
            .collect();
        let schema = json!({ "type": "string", "readOnly": true, "enum": states, "x-banyan-titles": titles });
        add("state", Kind::Text, "状态", None, schema);
    }
    let primary = geometry(info).map(|column| column.name.clone());
    let instant = temporal(info).0.to_owned();
    for column in &info.columns {
        let mut schema = schema_of(catalog, &info.package, &column.field.kind);
        if let Some(object) = schema.as_object_mut() {
            if matches!(column.field.kind, FieldKind::Computed { .. }) {
                object.insert("readOnly".into(), json!(true));
            }
            if primary.as_ref() == Some(&column.name) {
                object.insert("x-ogc-role".into(), json!("primary-geometry"));
            }
            if instant == column.name {
                object.insert("x-ogc-role".into(), json!("primary-instant"));
            }
        }
        let about = column.field.help.as_ref().map(|help| help.zh.as_str());
        add(
            &column.name,
            kind_of(&column.field.kind),
            &column.field.title.zh,
            about,
            schema,
        );
    }
    let moment = |role: bool| {
        let mut schema = json!({ "type": "string", "format": "date-time", "readOnly": true });
        if role && let Some(object) = schema.as_object_mut() {
            object.insert("x-ogc-role".into(), json!("primary-instant"));
        }
        schema
    };
    add("created_at", Kind::Moment, "登记时间", None, moment(false));
    add(
        "updated_at",
        Kind::Moment,
        "更新时间",
        None,
        moment(instant == "updated_at"),
    );
    add(
        "version",
        Kind::Integer,
        "版本",
        None,
        json!({ "type": "integer", "readOnly": true }),
    );
    for (index, declared) in all.iter_mut().enumerate() {
        if let Some(object) = declared.schema.as_object_mut() {
            object.insert("x-ogc-propertySeq".into(), json!(index + 1));
        }
    }
    all
}
