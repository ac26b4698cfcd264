//! Packages in the door: what is installed, what an apply would change, apply, remove.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, EMERGENCY, Problem, SourceFile, codes};
use banyan_door::{Access, Audit, Call, Decision, Handler, Input, Method, Operation, Reply, Target};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::openapi::listing;
use crate::{ApplyRequest, Registry};

/// Files of packages, as text.
const BODY_LIMIT: u64 = 64 << 20;

/// The rows of packages.
pub fn operations(registry: &Arc<Registry>) -> Vec<Operation> {
    let inside = |f: fn(&Registry, &mut Call<'_, '_>) -> Result<Reply, Problem>| {
        let registry = Arc::clone(registry);
        Handler::inside(move |call| f(&registry, call))
    };
    const ONE: &str = "/v1/packages/{id}";
    vec![
        Operation {
            audit: Audit::None,
            output: || listing(package_schema()),
            ..Operation::read("package.list", "列出已安装的包", "/v1/packages", inside(list))
        },
        Operation {
            audit: Audit::None,
            output: package_schema,
            ..Operation::read("package.view", "查看包的声明", ONE, inside(view))
        },
        Operation {
            input: sent_schema,
            output: || listing(applied_schema()),
            body_limit: BODY_LIMIT,
            access: Access::Read,
            idempotent: false,
            ..Operation::write(
                "package.plan",
                "预演包的变更",
                Method::Post,
                "/v1/packages/plan",
                inside(plan),
            )
        },
        Operation {
            about: "可以同时安装几个包;`package.toml` 写有 `overlays` 的是对所指的包的本地修改。一处不符则什么也不改。",
            input: sent_schema,
            output: || listing(applied_schema()),
            body_limit: BODY_LIMIT,
            access: Access::Alone,
            ..Operation::write(
                "package.apply",
                "安装或升级包",
                Method::Post,
                "/v1/packages/apply",
                inside(apply),
            )
        },
        Operation {
            about: "移除包及其各表;移除本地修改则恢复原包的声明。",
            query: &[("allow_loss", "1 则同意丢弃其中的记录")],
            access: Access::Alone,
            ..Operation::write("package.remove", "移除包", Method::Delete, ONE, inside(remove))
        },
    ]
}

fn package_schema() -> Json {
    let text = || json!({ "type": "string" });
    let title =
        || json!({ "type": "object", "properties": { "zh": text(), "en": { "type": ["string", "null"] } } });
    json!({
        "type": "object", "required": ["id", "title", "version"],
        "properties": {
            "id": text(), "title": title(), "clause": text(), "word": text(), "owner": text(), "version": text(),
            "summary": title(), "hash": { "type": "string", "description": "各文件的 SHA-256" },
            "overlays": { "type": "array", "description": "对它的本地修改", "items": {
                "type": "object", "properties": { "id": text(), "title": title(), "version": text(), "hash": text() },
            } },
            "my_roles": { "type": "array", "items": text() },
            "my_purposes": { "type": "array", "description": "可以为哪些用途使用其中的个人信息(仅查看单个包时)", "items": {
                "type": "object", "properties": {
                    "name": text(), "title": title(), "legal_basis": text(), "sunset": { "type": ["string", "null"] },
                },
            } },
        },
    })
}

fn sent_schema() -> Json {
    let files = json!({ "type": "object", "description": "路径 → 文本", "additionalProperties": { "type": "string" } });
    json!({
        "type": "object", "required": ["packages"], "additionalProperties": false,
        "properties": {
            "packages": { "type": "array", "items": files },
            "allow_loss": { "type": "boolean", "default": false, "description": "同意丢弃预演列出的内容" },
        },
    })
}

fn applied_schema() -> Json {
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let finding = json!({
        "type": "object",
        "properties": {
            "severity": { "type": "string", "enum": ["note", "warning", "error"] }, "rule": { "type": "string" },
            "file": { "type": "string" }, "line": { "type": "integer" }, "column": { "type": "integer" },
            "message": { "type": "string" }, "hint": { "type": "string" },
        },
    });
    json!({
        "type": "object",
        "properties": {
            "package": { "type": "string" }, "version": { "type": "string" }, "changed": { "type": "boolean" },
            "plan": { "type": "object", "properties": {
                "changes": { "type": "array", "items": { "type": "object" } }, "losses": texts(), "problems": texts(),
            } },
            "seeds_created": { "type": "integer" }, "seeds_changed": { "type": "integer" },
            "findings": { "type": "array", "items": finding },
        },
    })
}

fn list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let catalog = registry.catalog(call.tx)?;
    let items: Vec<Json> = catalog
        .packages
        .values()
        .map(|package| {
            let prefix = format!("{}.", package.id);
            let roles: Vec<&str> = call.cx.actor.roles.iter().filter_map(|role| role.strip_prefix(&prefix)).collect();
            json!({
                "id": package.id, "title": package.title, "word": package.word, "clause": package.clause,
                "version": package.version, "summary": package.summary, "owner": package.owner, "hash": package.hash,
                "overlays": package.overlays, "my_roles": roles,
            })
        })
        .collect();
    // The platform's clock may be another than the reader's: pages that speak of today go by this one.
    Reply::json(json!({ "items": items, "next": null, "now": call.cx.now_text() }))
}

/// Verbs on records that pages offer.
pub(crate) const VERBS: &[(&str, &str)] = &[
    ("list", "record.list"),
    ("view", "record.view"),
    ("create", "record.create"),
    ("update", "record.update"),
    ("delete", "record.delete"),
    ("export", "record.export"),
    ("import", "import.start"),
    ("transition", "record.transition"),
];

/// What the reader may do with each type of a package, so that pages don't offer what would be refused.
fn may(call: &Call<'_, '_>, package: &banyan_package::model::Package) -> Result<Json, Problem> {
    let mut types = Map::new();
    for (name, _) in &package.types {
        let resource = format!("{}.{name}", package.id);
        let mut verbs = Vec::new();
        for (verb, operation) in VERBS {
            let target = Target::records(&resource, verb);
            // Not every platform has every engine's operations.
            if call.door.operation(operation).is_some()
                // Whoever must name a purpose first may.
                && !matches!(
                    call.door.decide(call.cx, operation, &target)?,
                    Decision::Deny { .. }
                )
            {
                verbs.push(*verb);
            }
        }
        types.insert(name.clone(), json!(verbs));
    }
    Ok(Json::Object(types))
}

/// Purposes for which the reader may use this package's personal data, with what pages say of them.
fn purposes(call: &Call<'_, '_>, package: &banyan_package::model::Package) -> Result<Json, Problem> {
    // The choices are told to whoever names none.
    let cx = Ctx {
        purpose: None,
        ..call.cx.clone()
    };
    let mut usable: BTreeMap<String, String> = BTreeMap::new();
    for (name, _) in &package.types {
        let resource = format!("{}.{name}", package.id);
        for (verb, operation) in VERBS {
            if call.door.operation(operation).is_none() {
                continue;
            }
            let target = Target::records(&resource, verb);
            if let Decision::NoPurpose { choices, .. } = call.door.decide(&cx, operation, &target)? {
                usable.extend(choices.into_iter().map(|choice| (choice.name, choice.title)));
            }
        }
    }
    // In the order of the declarations; what is everybody's comes last.
    let mut told = Vec::new();
    for (name, purpose) in &package.purposes {
        let name = format!("{}.{name}", package.id);
        if usable.remove(&name).is_some() {
            told.push(json!({
                "name": name, "title": purpose.title, "legal_basis": purpose.legal_basis, "sunset": purpose.sunset,
            }));
        }
    }
    for (name, title) in usable {
        told.push(json!({
            "name": name, "title": { "zh": title, "en": "My own data" },
            "legal_basis": "《个人信息保护法》第四十五条", "sunset": null,
        }));
    }
    let open = package
        .types
        .iter()
        .any(|(name, _)| call.cx.emergency(&format!("{}.{name}", package.id)).is_some());
    if open {
        told.push(json!({
            "name": EMERGENCY, "title": { "zh": "应急访问", "en": "Emergency access" },
            "legal_basis": "《个人信息保护法》第十三条第一款第四项", "sunset": null,
        }));
    }
    Ok(Json::Array(told))
}

fn view(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let catalog = registry.catalog(call.tx)?;
    let id = call.input.path_value("id")?;
    let package = catalog
        .packages
        .get(id)
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有安装名为 {id} 的包。")))?;
    let mut body = serde_json::to_value(&**package).map_err(Problem::internal)?;
    if let Some(object) = body.as_object_mut() {
        // Models are large, and their engines serve them.
        for (kind, sources) in [
            ("processes", &package.processes),
            ("decisions", &package.decisions),
            ("forms", &package.forms),
        ] {
            let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
            object.insert(kind.into(), json!(names));
        }
        object.remove("decision_cases");
        object.insert("may".into(), may(call, package)?);
        object.insert("my_purposes".into(), purposes(call, package)?);
    }
    Reply::json(body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentPackages {
    /// One object a package: path → text.
    packages: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    allow_loss: bool,
}

fn request(input: &Input) -> Result<ApplyRequest, Problem> {
    let sent: SentPackages = input.typed_body()?;
    let file = |(path, text): (String, String)| SourceFile {
        path,
        bytes: text.into_bytes(),
    };
    let packages = sent
        .packages
        .into_iter()
        .map(|files| files.into_iter().map(file).collect())
        .collect();
    Ok(ApplyRequest {
        packages,
        allow_loss: sent.allow_loss,
    })
}

fn plan(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    Reply::json(json!({ "items": registry.plan(call.tx, &request(call.input)?)?, "next": null }))
}

fn apply(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    Reply::json(json!({ "items": registry.apply(call.cx, call.tx, &request(call.input)?)?, "next": null }))
}

fn remove(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    registry.remove(
        call.cx,
        call.tx,
        call.input.path_value("id")?,
        call.input.query_flag("allow_loss"),
    )?;
    Ok(Reply::empty())
}
