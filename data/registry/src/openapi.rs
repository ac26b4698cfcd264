//! What is installed as OpenAPI 3.1: the paths of each type with the schemas of its fields, for what the reader may do.

use banyan_base::{Ctx, Limit, Problem};
use banyan_door::{Decision, Describe, Description, Door, Face, Target};
use banyan_package::model::{Lifecycle, Transition, ViewKind};
use serde_json::{Map, Value as Json, json};

use crate::Registry;
use crate::catalog::{Catalog, Column, TypeInfo, qualified};
use crate::property::property;

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
        let target = Target::records(&info.name, verb);
        // Not every platform has every engine's operations.
        if door.operation(operation).is_some()
            && !matches!(door.decide(cx, operation, &target)?, Decision::Deny { .. })
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
                output: written(record()),
                ..face("record.create", "create", all.clone(), "新建")
            }),
            "update" => faces.push(Face {
                input: component(info, "Update"),
                output: written(record()),
                ..face("record.update", "update", one.clone(), "修改")
            }),
            "delete" => faces.push(face("record.delete", "delete", one.clone(), "删除")),
            "transition" => {
                for (name, transition) in transitions(info) {
                    faces.push(Face {
                        about: transition_about(info, transition),
                        input: component(info, &format!("Transition.{name}")),
                        output: written(record()),
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
            json!({ "type": "integer", "minimum": 1, "default": Limit::DEFAULT.get() }),
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
            .map(|column| {
                (
                    column.name.clone(),
                    property(catalog, &info.package, &column.field),
                )
            })
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

/// What a write answers: the record, or, to those who may not read it, which it is.
fn written(record: Json) -> Json {
    let text = || json!({ "type": "string" });
    let which = json!({
        "type": "object", "required": ["id", "type", "version", "etag"], "additionalProperties": false,
        "properties": { "id": text(), "type": text(), "version": { "type": "integer" }, "etag": text() },
    });
    json!({ "anyOf": [record, which] })
}

/// What a write on a record of any type answers.
pub(crate) fn written_any() -> Json {
    written(any_record())
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
            "version": { "type": "integer" }, "at": { "type": "string", "format": "date-time" }, "by": text(), "by_name": text(),
            "verb": { "type": "string" }, "note": text(), "changes": { "type": "array", "items": change },
            "on_behalf_of": text(), "on_behalf_of_name": text(), "represents": text(),
        },
    }))
}

/// What a view adds up: a ranking has groups, a bulletin figures and tables.
pub(crate) fn any_aggregate() -> Json {
    let values = || json!({ "type": "object", "description": "指标名 → 值" });
    let group = json!({
        "type": "object", "properties": { "key": {}, "label": {}, "values": values() },
    });
    let table = json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" }, "items": { "type": "array", "items": any_record() },
            "more": { "type": "boolean", "description": "还有没列出的" },
        },
    });
    json!({
        "type": "object",
        "properties": {
            "groups": { "type": "array", "items": group },
            "filters": { "type": "object", "description": "指标名 → 所用的 CQL2 条件" },
            "figures": values(),
            "tables": { "type": "array", "items": table },
            "k_anonymous": { "type": ["integer", "null"], "description": "只看得到汇总:不足这么多条的不显示" },
        },
    })
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
