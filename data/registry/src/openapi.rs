//! What is installed as OpenAPI 3.1: the paths of each type with the schemas of its fields, for what the reader may do.

use banyan_base::{Ctx, Problem};
use banyan_door::{Decision, Describe, Description, Door, Face, Target};
use banyan_package::model::{ComputedType, Field, FieldKind, Lifecycle, Transition, ViewKind};
use serde_json::{Map, Value as Json, json};

use crate::Registry;
use crate::catalog::{Catalog, Column, TypeInfo, qualified};
use crate::value::code_list;

/// Code lists up to this length are told whole.
const MOST_CODES: usize = 60;
const TABLES: &[&str] = &[
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/x-ndjson",
];

impl Describe for Registry {
    /// Each type under the verbs that policy permits the reader; a type of which he may do nothing is not named.
    fn describe(&self, cx: &Ctx, door: &Door) -> Result<Description, Problem> {
        let catalog = door.db().read(|tx| self.catalog(tx))?;
        let mut described = Description::default();
        for package in catalog.packages.values() {
            let types = catalog.types.values().filter(|info| info.package == package.id);
            let mut any = false;
            for info in types {
                any |= describe(cx, door, &catalog, info, &mut described)?;
            }
            if any {
                described
                    .tags
                    .push((package.id.clone(), package.title.zh.clone()));
            }
        }
        Ok(described)
    }
}

/// Adds one type; false where the reader may do nothing with it.
fn describe(
    cx: &Ctx,
    door: &Door,
    catalog: &Catalog,
    info: &TypeInfo,
    into: &mut Description,
) -> Result<bool, Problem> {
    let mut may = Vec::new();
    for (verb, operation) in crate::packages::VERBS {
        let target = Target {
            action: format!("{}.{verb}", info.name),
            resource: info.name.clone(),
        };
        // Not every platform has every engine's operations.
        if door.operation(operation).is_some()
            && matches!(door.decide(cx, operation, &target)?, Decision::Permit(_))
        {
            may.push(*verb);
        }
    }
    if may.is_empty() {
        return Ok(false);
    }
    into.schemas.extend(schemas(catalog, info));
    into.faces.extend(faces(catalog, info, &may));
    Ok(true)
}

fn component(info: &TypeInfo, name: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{}.{name}", info.name) })
}

/// The paths of a type, by verb.
fn faces(catalog: &Catalog, info: &TypeInfo, may: &[&str]) -> Vec<Face> {
    let all = format!("/v1/records/{}/{}", info.package, info.short);
    let one = format!("{all}/{{id}}");
    let title = &info.declared.title.zh;
    let face = |operation: &'static str, verb: &str, path: String, what: &str| Face {
        operation,
        path,
        id: format!("{}.{verb}", info.name),
        title: format!("{title}:{what}"),
        tag: info.package.clone(),
        ..Face::default()
    };
    let record = || component(info, "Record");
    let mut faces = Vec::new();
    for verb in may {
        match *verb {
            "list" => {
                faces.push(Face {
                    about: info.declared.about.zh.clone(),
                    output: component(info, "Page"),
                    query: list_query(),
                    ..face("record.list", "list", all.clone(), "列出")
                });
                faces.extend(views(catalog, info).map(|query| Face {
                    query,
                    ..face(
                        "record.aggregate",
                        "aggregate",
                        format!("{all}/aggregate"),
                        "汇总",
                    )
                }));
            }
            "view" => {
                let moment = json!({ "type": "string", "format": "date-time" });
                faces.push(Face {
                    output: record(),
                    query: [("as_of".to_owned(), moment)].into_iter().collect(),
                    ..face("record.view", "view", one.clone(), "查看")
                });
                faces.push(face(
                    "record.history",
                    "history",
                    format!("{one}/history"),
                    "修改历史",
                ));
            }
            "create" => faces.push(Face {
                input: component(info, "Create"),
                output: record(),
                ..face("record.create", "create", all.clone(), "新建")
            }),
            "update" => faces.push(Face {
                input: component(info, "Update"),
                output: record(),
                ..face("record.update", "update", one.clone(), "修改")
            }),
            "delete" => faces.push(face("record.delete", "delete", one.clone(), "删除")),
            "transition" => {
                for (name, transition) in transitions(info) {
                    faces.push(Face {
                        about: transition_about(info, transition),
                        input: component(info, &format!("Transition.{name}")),
                        output: record(),
                        ..face(
                            "record.transition",
                            &format!("transition.{name}"),
                            format!("{one}/transitions/{name}"),
                            &transition.title.zh,
                        )
                    });
                }
            }
            "export" => {
                let formats = json!({ "type": "string", "enum": ["csv", "xlsx", "jsonl"], "default": "csv" });
                faces.push(Face {
                    media: TABLES,
                    query: [("format".to_owned(), formats)].into_iter().collect(),
                    ..face("record.export", "export", format!("{all}/export"), "导出")
                });
            }
            "import" => {
                let modes = json!({ "type": "string", "enum": ["create", "upsert"], "default": "create" });
                let yes = json!({ "type": "boolean", "default": false });
                faces.push(Face {
                    query: [("mode".to_owned(), modes), ("dry_run".to_owned(), yes)]
                        .into_iter()
                        .collect(),
                    ..face("import.start", "import", format!("{all}/imports"), "导入")
                });
                let formats = json!({ "type": "string", "enum": ["csv", "xlsx"], "default": "csv" });
                faces.push(Face {
                    media: &TABLES_SENT,
                    query: [("format".to_owned(), formats)].into_iter().collect(),
                    ..face(
                        "import.template",
                        "template",
                        format!("{all}/template"),
                        "导入模板",
                    )
                });
            }
            _ => {}
        }
    }
    faces
}

const TABLES_SENT: [&str; 2] = [
    "text/csv",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
];

fn list_query() -> Map<String, Json> {
    let all = [
        (
            "limit",
            json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 50 }),
        ),
        ("as_of", json!({ "type": "string", "format": "date-time" })),
        ("count", json!({ "type": "string", "enum": ["1"] })),
    ];
    all.into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect()
}

/// The query of `aggregate`, where views over this type add something up.
fn views(catalog: &Catalog, info: &TypeInfo) -> Option<Map<String, Json>> {
    let packages = catalog
        .packages
        .values()
        .filter(|package| package.id == info.package);
    let names: Vec<&str> = packages
        .flat_map(|package| &package.views)
        .filter(|(_, view)| qualified(&info.package, &view.of) == info.name)
        .filter(|(_, view)| matches!(view.kind, ViewKind::Ranking { .. } | ViewKind::Bulletin { .. }))
        .map(|(name, _)| name.as_str())
        .collect();
    let month = json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$" });
    let view = json!({ "type": "string", "enum": names });
    let query = [("view".to_owned(), view), ("month".to_owned(), month)];
    (!names.is_empty()).then(|| query.into_iter().collect())
}

fn transitions(info: &TypeInfo) -> impl Iterator<Item = (&String, &Transition)> {
    let lifecycle = info.declared.lifecycle.iter();
    lifecycle.flat_map(|lifecycle| {
        lifecycle
            .transitions
            .iter()
            .map(|(name, declared)| (name, declared))
    })
}

fn transition_about(info: &TypeInfo, transition: &Transition) -> String {
    let title = |state: &String| {
        let lifecycle = info.declared.lifecycle.as_ref();
        let declared = lifecycle.and_then(|lifecycle| lifecycle.state(state));
        declared.map_or_else(|| state.clone(), |declared| declared.title.zh.clone())
    };
    let from: Vec<String> = transition.from.iter().map(title).collect();
    let mut about = format!("从“{}”到“{}”。", from.join("、"), title(&transition.to));
    if let Some(refusal) = &transition.refusal {
        about.push_str(&format!("不满足条件时:{}", refusal.zh));
    }
    about
}

fn schemas(catalog: &Catalog, info: &TypeInfo) -> Map<String, Json> {
    let name = |part: &str| format!("{}.{part}", info.name);
    let mut schemas = Map::new();
    let properties = |columns: &mut dyn Iterator<Item = &Column>| -> Map<String, Json> {
        columns
            .map(|column| (column.name.clone(), property(catalog, info, &column.field)))
            .collect()
    };
    schemas.insert(
        name("Fields"),
        json!({
            "title": info.declared.title.zh, "description": info.declared.about.zh,
            "type": "object", "properties": properties(&mut info.columns.iter()), "additionalProperties": false,
        }),
    );
    let needed: Vec<&str> = info
        .columns
        .iter()
        .filter(|column| {
            column.field.required && column.field.default.is_none() && column.field.when.is_none()
        })
        .map(|column| column.name.as_str())
        .collect();
    let mut create = vec![component(info, "Fields")];
    if !needed.is_empty() {
        create.push(json!({ "required": needed }));
    }
    schemas.insert(name("Create"), sent(&json!({ "allOf": create })));
    schemas.insert(name("Update"), sent(&component(info, "Fields")));
    for (transition, declared) in transitions(info) {
        let mut named = info.columns.iter().filter(|column| {
            declared.input.contains(&column.name) || declared.require.contains(&column.name)
        });
        let mut fields =
            json!({ "type": "object", "properties": properties(&mut named), "additionalProperties": false });
        if !declared.require.is_empty()
            && let Some(object) = fields.as_object_mut()
        {
            let about = format!("记录中或随本次流转应已填写:{}", declared.require.join("、"));
            object.insert("description".into(), json!(about));
        }
        schemas.insert(name(&format!("Transition.{transition}")), moved(&fields));
    }
    schemas.insert(
        name("Record"),
        record(&component(info, "Fields"), info.declared.lifecycle.as_ref()),
    );
    schemas.insert(name("Page"), page(&component(info, "Record")));
    schemas
}

/// The body of an act on a record.
fn sent(fields: &Json) -> Json {
    json!({
        "type": "object", "required": ["fields"], "additionalProperties": false,
        "properties": { "fields": fields, "note": { "type": "string", "maxLength": 2000, "description": "说明,记入历史" } },
    })
}

fn moved(fields: &Json) -> Json {
    let mut body = sent(fields);
    if let Some(object) = body.as_object_mut() {
        object.remove("required");
    }
    body
}

/// The body of an act on a record of any type.
pub(crate) fn sent_fields() -> Json {
    sent(&json!({ "type": "object", "description": "字段名 → 值" }))
}

/// A record of any type.
pub(crate) fn any_record() -> Json {
    record(&json!({ "type": "object", "description": "字段名 → 值" }), None)
}

/// A page of records of any type.
pub(crate) fn any_page() -> Json {
    page(&any_record())
}

/// The history of a record of any type.
pub(crate) fn any_history() -> Json {
    let any = json!({});
    let text = || json!({ "type": ["string", "null"] });
    let change = json!({ "type": "object", "properties": { "field": { "type": "string" }, "title": text(), "from": any, "to": any } });
    listing(json!({
        "type": "object", "required": ["version", "at", "verb", "changes"],
        "properties": {
            "version": { "type": "integer" }, "at": { "type": "string", "format": "date-time" }, "by": text(),
            "verb": { "type": "string" }, "note": text(), "changes": { "type": "array", "items": change },
        },
    }))
}

/// The one envelope of lists.
pub(crate) fn listing(item: Json) -> Json {
    json!({
        "type": "object", "required": ["items", "next"],
        "properties": { "items": { "type": "array", "items": item }, "next": { "type": ["string", "null"] } },
    })
}

fn record(fields: &Json, lifecycle: Option<&Lifecycle>) -> Json {
    let moment = |about: &str| json!({ "type": "string", "format": "date-time", "readOnly": true, "description": about });
    let own = |about: &str| json!({ "type": "string", "readOnly": true, "description": about });
    let mut properties = json!({
        "id": own("标识"), "type": own("类型"),
        "version": { "type": "integer", "readOnly": true, "description": "版本,从 1 起" },
        "etag": own("修改时放入 If-Match"),
        "created_at": moment("登记时间"), "created_by": own("登记人"),
        "updated_at": moment("更新时间"), "updated_by": own("更新人"),
        "fields": fields,
        "labels": { "type": "object", "readOnly": true, "description": "代码、引用等字段的名称" },
        "actions": { "type": "array", "items": { "type": "string" }, "readOnly": true, "description": "此人现在可作的流转" },
    });
    if let Some(object) = properties.as_object_mut() {
        let state = match lifecycle {
            None => own("状态;没有生命周期的类型没有这一项"),
            Some(lifecycle) => {
                let states = lifecycle.states.iter();
                let names: Vec<&str> = states.clone().map(|(name, _)| name.as_str()).collect();
                let titles = states.map(|(name, state)| format!("{name} {}", state.title.zh));
                let about = format!("状态:{}", titles.collect::<Vec<_>>().join(";"));
                json!({ "type": "string", "enum": names, "readOnly": true, "description": about })
            }
        };
        object.insert("state".into(), state);
    }
    let required = ["id", "type", "version", "etag", "fields"];
    json!({ "type": "object", "required": required, "properties": properties })
}

fn page(item: &Json) -> Json {
    let count = |about: &str| json!({ "type": ["integer", "null"], "minimum": 0, "description": about });
    json!({
        "type": "object", "required": ["items", "next"],
        "properties": {
            "items": { "type": "array", "items": item },
            "next": { "type": ["string", "null"], "description": "下一页的 cursor;没有则为 null" },
            "matched": count("总数,count=1 时给出"),
            "matched_at_least": count("超过上限时,至少有这么多"),
        },
    })
}

/// A field as a property: its kind, what it is called, and whether it may be empty.
fn property(catalog: &Catalog, info: &TypeInfo, field: &Field) -> Json {
    let (mut schema, about) = kind(catalog, &info.package, &field.kind);
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
