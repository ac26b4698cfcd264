use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// What can be done with records, as policies name it: `Action::"view"`, or for one type `Action::"<package>.<type>.view"`.
/// `reveal` is asked for each masked field: whether it is shown whole.
pub const VERBS: &[&str] = &[
    "list",
    "view",
    "create",
    "update",
    "delete",
    "transition",
    "export",
    "import",
    "reveal",
];

/// What can be done with a process: start it; look at all its instances, with what they hold.
pub const PROCESS_VERBS: &[&str] = &["start", "watch"];

/// What can be done with a decision model.
pub const DECISION_VERBS: &[&str] = &["evaluate"];

/// What policies can do with an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeKind {
    Text,
    Number,
    Flag,
    Texts,
    /// `Region::"3501"`, within all its beginnings.
    Region,
    /// `Unit::"FJ001"`, within all units above it.
    Unit,
    Units,
    /// A record of that type, `<package>.<type>`.
    Link(String),
}

/// A field as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: String,
    pub kind: AttributeKind,
    /// Optional ones need a `has` before they are read.
    pub required: bool,
}

/// A type as policies see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeShape {
    /// `<package>.<type>`.
    pub name: String,
    pub attributes: Vec<Attribute>,
    /// What can be done with it: [`VERBS`], [`PROCESS_VERBS`], or [`DECISION_VERBS`].
    pub verbs: &'static [&'static str],
}

impl TypeShape {
    pub fn package(&self) -> &str {
        self.name.split('.').next().unwrap_or("")
    }

    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }
}

/// The Cedar entity type of a type's records: `work-points.task` → `work_points::task`.
pub fn entity_type(name: &str) -> String {
    let (package, short) = name.split_once('.').unwrap_or(("", name));
    format!("{}::{short}", package.replace('-', "_"))
}

fn typed(kind: &AttributeKind, known: &BTreeSet<&str>) -> Value {
    let entity = |name: &str| json!({ "type": "Entity", "name": name });
    match kind {
        AttributeKind::Text => json!({ "type": "String" }),
        AttributeKind::Number => json!({ "type": "Long" }),
        AttributeKind::Flag => json!({ "type": "Boolean" }),
        AttributeKind::Texts => json!({ "type": "Set", "element": { "type": "String" } }),
        AttributeKind::Region => entity("Region"),
        AttributeKind::Unit => entity("Unit"),
        AttributeKind::Units => json!({ "type": "Set", "element": entity("Unit") }),
        AttributeKind::Link(to) if known.contains(to.as_str()) => entity(&entity_type(to)),
        // Of a package that is not at hand: its records can't be looked into.
        AttributeKind::Link(_) => json!({ "type": "String" }),
    }
}

fn attribute(mut typed: Value, required: bool) -> Value {
    if let Some(object) = typed.as_object_mut() {
        object.insert("required".into(), json!(required));
    }
    typed
}

/// What every principal has.
fn account() -> Value {
    let text = |required| json!({ "type": "String", "required": required });
    let texts = json!({ "type": "Set", "element": { "type": "String" } });
    json!({
        "memberOfTypes": ["Role"],
        "shape": { "type": "Record", "attributes": {
            "account": text(true),
            "kind": text(true),
            "unit": { "type": "Entity", "name": "Unit", "required": false },
            "regions": { "type": "Set", "element": { "type": "Entity", "name": "Region" } },
            "lines": texts,
            "level": { "type": "Long" },
            "post": text(false),
            "on_behalf_of": text(false),
            "party": text(false),
            "acting_for": text(false),
        } },
    })
}

/// The attributes that every record has, whatever its type declares.
pub(crate) fn own() -> [Attribute; 4] {
    let attribute = |name: &str, kind| Attribute {
        name: name.into(),
        kind,
        required: true,
    };
    [
        attribute("id", AttributeKind::Text),
        attribute("created_by", AttributeKind::Text),
        attribute("updated_by", AttributeKind::Text),
        attribute("version", AttributeKind::Number),
    ]
}

/// The Cedar schema of these types, in Cedar's JSON form, with what can be done to those of one package.
pub fn schema(package: &str, shapes: &[TypeShape]) -> Value {
    let known: BTreeSet<&str> = shapes.iter().map(|shape| shape.name.as_str()).collect();
    let mut actions = Map::new();
    for verb in [VERBS, PROCESS_VERBS, DECISION_VERBS].concat() {
        actions.insert(verb.into(), json!({}));
    }
    let mut spaces: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for shape in shapes {
        let mut attributes = Map::new();
        for one in own().iter().chain(&shape.attributes) {
            attributes.insert(
                one.name.clone(),
                attribute(typed(&one.kind, &known), one.required),
            );
        }
        let (space, short) = shape.name.split_once('.').unwrap_or(("", &shape.name));
        spaces.entry(space.replace('-', "_")).or_default().insert(
            short.to_owned(),
            json!({ "memberOfTypes": ["Type"], "shape": { "type": "Record", "attributes": attributes } }),
        );
        for verb in shape.verbs.iter().filter(|_| shape.package() == package) {
            let mut context = Map::new();
            context.insert("purpose".into(), json!({ "type": "String", "required": false }));
            match *verb {
                "reveal" => {
                    context.insert("field".into(), json!({ "type": "String" }));
                }
                "transition" => {
                    context.insert(
                        "transition".into(),
                        json!({ "type": "String", "required": false }),
                    );
                }
                _ => {}
            }
            actions.insert(
                format!("{}.{verb}", shape.name),
                json!({
                    "memberOf": [{ "id": verb }],
                    "appliesTo": {
                        "principalTypes": ["Account"], "resourceTypes": [entity_type(&shape.name)],
                        "context": { "type": "Record", "attributes": context },
                    },
                }),
            );
        }
    }
    let mut all = Map::new();
    all.insert(
        String::new(),
        json!({
            "entityTypes": {
                "Role": {}, "Package": {}, "Type": { "memberOfTypes": ["Package"] },
                "Region": { "memberOfTypes": ["Region"] }, "Unit": { "memberOfTypes": ["Unit"] }, "Account": account(),
            },
            "actions": actions,
        }),
    );
    for (space, types) in spaces {
        all.insert(space, json!({ "entityTypes": types, "actions": {} }));
    }
    Value::Object(all)
}

/// The same schema in Cedar's own words, for whoever writes policies.
///
/// # Errors
/// Where a name can't be used in policies.
pub fn schema_text(package: &str, shapes: &[TypeShape]) -> Result<String, String> {
    cedar_policy::SchemaFragment::from_json_value(schema(package, shapes))
        .map_err(|error| error.to_string())?
        .to_cedarschema()
        .map_err(|error| error.to_string())
}
