//! Forms of packages: read with the catalogue, checked with the package, tried by those who design.

use std::sync::Arc;

use banyan_base::{Ctx, Finding, Problem, SourceFile, codes};
use banyan_door::{Access, Audit, Call, Door, Handler, Input, Method, Operation, Reply};
use banyan_form::{Form, Known, parse};
use banyan_package::model::Source;
use banyan_package::{Installed, Package};
use banyan_store::Tx;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use crate::Registry;
use crate::openapi::listing;

/// A form, ready for use.
#[derive(Clone, Debug)]
pub struct ReadyForm {
    pub form: Form,
    /// As it was written, for whoever shows it.
    pub schema: Json,
}

impl ReadyForm {
    /// A form of an installed package; none where it can't be read, which a check would have found.
    pub(crate) fn read(source: &Source) -> Option<ReadyForm> {
        let form = parse(&source.path, &source.text).0?;
        let schema = serde_json::from_str(&source.text).ok()?;
        Some(ReadyForm { form, schema })
    }
}

/// The record types there are, for what forms take from records.
struct Types<'a>(&'a Package, &'a Installed);

impl Known for Types<'_> {
    fn types(&self) -> Vec<String> {
        let others = self.1.packages.values().filter(|other| other.id != self.0.id);
        let all = others.chain(std::iter::once(self.0));
        all.flat_map(|package| {
            package
                .types
                .iter()
                .map(|(name, _)| format!("{}.{name}", package.id))
        })
        .collect()
    }

    fn fields(&self, source: &str) -> Option<Vec<String>> {
        let (package, name) = source.split_once('.')?;
        let record = if package == self.0.id {
            self.0.record_type(name)
        } else {
            self.1.record_type(source)
        }?;
        Some(record.fields.iter().map(|(name, _)| name.clone()).collect())
    }
}

/// What is wrong with a package's forms.
pub(crate) fn check(package: &Package, installed: &Installed) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &package.forms {
        let (form, own) = parse(&source.path, &source.text);
        findings.extend(own);
        findings.extend(
            form.iter()
                .flat_map(|form| form.check_prefills(&Types(package, installed))),
        );
    }
    findings
}

impl Registry {
    /// A form by `<package>.<form>`.
    ///
    /// # Errors
    /// Where the catalogue can't be read.
    pub fn form(&self, tx: &mut Tx<'_>, name: &str) -> Result<Option<Arc<ReadyForm>>, Problem> {
        Ok(self.catalog(tx)?.forms.get(name).cloned())
    }
}

/// The data a form is shown with: what is given, and what it takes from records, read through the door by whoever fills it
/// in; with where each came from. What the reader may not see stays empty.
///
/// # Errors
/// Where an expression of the form can't be evaluated.
pub fn prefilled(
    ready: &ReadyForm,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    door: &Door,
    given: &Map<String, Json>,
) -> Result<(Map<String, Json>, Map<String, Json>), Problem> {
    let mut data = given.clone();
    let mut from = Map::new();
    for prefill in ready.form.prefills() {
        let id = prefill.by.evaluate(cx, given).map_err(Problem::internal)?;
        let (Some(id), Some((package, of))) = (id.as_str(), prefill.source.split_once('.')) else {
            continue;
        };
        let input = Input::default()
            .with_path("package", package)
            .with_path("type", of)
            .with_path("id", id);
        let Ok(reply) = door.call_within(cx, tx, "record.view", input) else {
            continue;
        };
        let record = reply.as_json().cloned().unwrap_or_default();
        let value = record.pointer(&format!("/fields/{}", prefill.field)).cloned();
        let Some(value) = value.filter(|value| !value.is_null()) else {
            continue;
        };
        put(&mut data, &prefill.path, value);
        from.insert(
            prefill.path.join("."),
            json!({
                "source": prefill.source, "field": prefill.field, "record": id, "version": record.get("version"),
                "at": record.get("updated_at"),
            }),
        );
    }
    let data = ready.form.initial(cx, &data).map_err(Problem::internal)?;
    Ok((data, from))
}

/// Puts a value where nothing stands yet.
fn put(data: &mut Map<String, Json>, path: &[String], value: Json) {
    match path {
        [] => {}
        [last] => {
            let there = data.entry(last.clone()).or_insert(Json::Null);
            if there.is_null() {
                *there = value;
            }
        }
        [first, rest @ ..] => {
            let inner = data.entry(first.clone()).or_insert_with(|| json!({}));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}

type Row = fn(&Registry, &mut Call<'_, '_>) -> Result<Reply, Problem>;

/// The rows of forms.
pub fn operations(registry: &Arc<Registry>) -> Vec<Operation> {
    let inside = |f: Row| {
        let registry = Arc::clone(registry);
        Handler::inside(move |call| f(&registry, call))
    };
    let trying = |name, title, path, input: fn() -> Json, f: Row| Operation {
        input,
        access: Access::Read,
        idempotent: false,
        ..Operation::write(name, title, Method::Post, path, inside(f))
    };
    vec![
        Operation {
            audit: Audit::None,
            output: || listing(shown_schema()),
            ..Operation::read("form.list", "列出表单", "/v1/forms", inside(list))
        },
        Operation {
            audit: Audit::None,
            output: shown_schema,
            ..Operation::read("form.view", "查看表单", "/v1/forms/{id}", inside(view))
        },
        trying(
            "form.check",
            "检查表单",
            "/v1/forms/check",
            || json!({ "type": "object", "required": ["schema"], "properties": { "schema": {} } }),
            check_sent,
        ),
        Operation {
            about: "照服务器的规则核对填写的内容,什么也不保存。`data` 是打开表单时已有的数据。",
            ..trying(
                "form.try",
                "试填表单",
                "/v1/forms/try",
                || {
                    json!({
                        "type": "object", "required": ["schema", "values"],
                        "properties": { "schema": {}, "values": { "type": "object" }, "data": { "type": "object" } },
                    })
                },
                try_sent,
            )
        },
    ]
}

fn shown_schema() -> Json {
    json!({
        "type": "object", "required": ["id", "package", "name"],
        "properties": {
            "id": { "type": "string" }, "package": { "type": "string" }, "name": { "type": "string" },
            "schema": { "type": "object", "description": "form-js" },
            "json_schema": { "type": "object", "description": "填写内容的 JSON Schema" },
        },
    })
}

fn named(id: &str) -> Json {
    let (package, name) = id.split_once('.').unwrap_or(("", id));
    json!({ "id": id, "package": package, "name": name })
}

fn list(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let catalog = registry.catalog(call.tx)?;
    let items: Vec<Json> = catalog.forms.keys().map(|id| named(id)).collect();
    Reply::json(json!({ "items": items, "next": null }))
}

fn view(registry: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let id = call.input.path_value("id")?.to_owned();
    let ready = registry
        .form(call.tx, &id)?
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有名为 {id} 的表单。")))?;
    let mut shown = named(&id);
    if let Some(object) = shown.as_object_mut() {
        object.insert("schema".into(), ready.schema.clone());
        object.insert("json_schema".into(), ready.form.json_schema());
    }
    Reply::json(shown)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    /// A form-js schema: as JSON, or as its text, which keeps lines.
    schema: Json,
    #[serde(default)]
    values: Map<String, Json>,
    #[serde(default)]
    data: Map<String, Json>,
}

fn read(call: &Call<'_, '_>) -> Result<(Sent, Option<Form>, Vec<Finding>), Problem> {
    let sent: Sent = call.input.typed_body()?;
    let text = match &sent.schema {
        Json::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).map_err(Problem::internal)?,
    };
    let file = SourceFile {
        path: "form.form.json".into(),
        bytes: text.into_bytes(),
    };
    let (form, findings) = parse(&file.path, &String::from_utf8_lossy(&file.bytes));
    Ok((sent, form, findings))
}

fn check_sent(_: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (_, _, findings) = read(call)?;
    Reply::json(json!({ "findings": findings }))
}

fn try_sent(_: &Registry, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    let (sent, form, findings) = read(call)?;
    let Some(form) = form else {
        return Err(crate::layers::refused(&findings));
    };
    Reply::json(match form.validate(call.cx, &sent.values, &sent.data) {
        Ok(values) => json!({ "values": values, "errors": [] }),
        Err(errors) => json!({ "values": null, "errors": errors }),
    })
}
