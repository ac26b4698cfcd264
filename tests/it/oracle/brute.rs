//! What each row by itself is worth: Cedar's own authorizer over the row as an entity, and masks as their documentation says.
//! Nothing here knows how policies are compiled.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use banyan_base::{Actor, ActorKind};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, PrincipalConstraint, Request,
    RestrictedExpression,
};
use serde_json::{Map, Value as Json, json};

use super::package::UNITS;

/// A version of a row: its id, its fields as they were written.
#[derive(Clone, Debug)]
pub struct Row {
    pub id: String,
    pub fields: Map<String, Json>,
}

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.parse().unwrap(), cedar_policy::EntityId::new(id))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

fn entity(
    uid: EntityUid,
    attributes: HashMap<String, RestrictedExpression>,
    parents: HashSet<EntityUid>,
) -> Entity {
    Entity::new(uid, attributes, parents).unwrap()
}

/// Units and regions with those above them, and the groups of actions.
fn world() -> Vec<Entity> {
    let mut all = Vec::new();
    for (code, parent) in UNITS {
        let parents = if parent.is_empty() {
            HashSet::new()
        } else {
            HashSet::from([uid("Unit", parent)])
        };
        all.push(entity(uid("Unit", code), HashMap::new(), parents));
    }
    for code in super::package::REGIONS {
        let above = [2, 4, 6, 9]
            .into_iter()
            .filter(|length| *length < code.len())
            .map(|length| uid("Region", &code[..length]));
        all.push(entity(uid("Region", code), HashMap::new(), above.collect()));
    }
    for verb in ["list", "view", "export", "reveal"] {
        let action = uid("Action", &format!("oracle.item.{verb}"));
        all.push(entity(
            action,
            HashMap::new(),
            HashSet::from([uid("Action", verb)]),
        ));
    }
    all.push(entity(
        uid("Type", "oracle.item"),
        HashMap::new(),
        HashSet::from([uid("Package", "oracle")]),
    ));
    all
}

fn of_text<'a>(fields: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Json::as_str)
}

fn item(row: &Row, created_by: &str) -> Entity {
    let mut attributes = HashMap::from([
        ("id".to_owned(), text(&row.id)),
        ("created_by".to_owned(), text(created_by)),
    ]);
    let mut put = |name: &str, value: Option<RestrictedExpression>| {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), value);
        }
    };
    let fields = &row.fields;
    let refer = |kind: &str, name: &str| {
        of_text(fields, name).map(|id| RestrictedExpression::new_entity_uid(uid(kind, id)))
    };
    for name in ["title", "kind", "party", "name", "phone", "code", "birth", "note"] {
        put(name, of_text(fields, name).map(text));
    }
    put("unit", refer("Unit", "unit"));
    put("region", refer("Region", "region"));
    put("area", refer("Region", "area"));
    put("owner", refer("oracle::owner", "owner"));
    let number = |name: &str| fields.get(name).and_then(Json::as_i64);
    put("score", number("score").map(RestrictedExpression::new_long));
    put("secret", number("secret").map(RestrictedExpression::new_long));
    put(
        "open",
        fields
            .get("open")
            .and_then(Json::as_bool)
            .map(RestrictedExpression::new_bool),
    );
    let tags = fields.get("tags").and_then(Json::as_array);
    put(
        "tags",
        tags.map(|tags| RestrictedExpression::new_set(tags.iter().map(|tag| text(tag.as_str().unwrap())))),
    );
    entity(
        uid("oracle::item", &row.id),
        attributes,
        HashSet::from([uid("Type", "oracle.item")]),
    )
}

fn owner(row: &Row) -> Entity {
    let mut attributes = HashMap::from([(
        "unit".to_owned(),
        RestrictedExpression::new_entity_uid(uid("Unit", of_text(&row.fields, "unit").unwrap())),
    )]);
    if let Some(rank) = row.fields.get("rank").and_then(Json::as_i64) {
        attributes.insert("rank".into(), RestrictedExpression::new_long(rank));
    }
    entity(uid("oracle::owner", &row.id), attributes, HashSet::new())
}

fn principal(actor: &Actor) -> Entity {
    let standing = &actor.standing;
    let citizen = actor.kind == ActorKind::Citizen;
    let regions = standing.regions.iter();
    let regions = regions.map(|code| RestrictedExpression::new_entity_uid(uid("Region", code)));
    let mut attributes = HashMap::from([
        ("account".to_owned(), text(&actor.id)),
        (
            "kind".to_owned(),
            text(if citizen { "citizen" } else { "person" }),
        ),
        ("regions".to_owned(), RestrictedExpression::new_set(regions)),
        (
            "lines".to_owned(),
            RestrictedExpression::new_set(standing.lines.iter().map(|line| text(line))),
        ),
        (
            "level".to_owned(),
            RestrictedExpression::new_long(i64::from(standing.level)),
        ),
    ]);
    if let Some(unit) = &actor.unit {
        attributes.insert(
            "unit".into(),
            RestrictedExpression::new_entity_uid(uid("Unit", unit)),
        );
    }
    if let Some(party) = standing.represents.as_ref().or(standing.party.as_ref()) {
        attributes.insert("acting_for".into(), text(party));
    }
    let mut roles: HashSet<EntityUid> = actor.roles.iter().map(|role| uid("Role", role)).collect();
    roles.insert(uid("Role", "public"));
    if citizen {
        roles.insert(uid("Role", "citizen"));
    }
    entity(uid("Account", &actor.id), attributes, roles)
}

/// The judge of one policy and one actor for one purpose.
pub struct Judge {
    policies: PolicySet,
    /// Everything but the rows.
    world: Vec<Entity>,
    actor: Actor,
    purpose: Option<String>,
}

/// What a reader sees of a row: its fields as shown, with those that are masked.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub shown: BTreeMap<String, Json>,
    pub masked: BTreeSet<String>,
}

impl Seen {
    /// The value that filters and sorts see.
    pub fn value(&self, field: &str) -> Json {
        if self.masked.contains(field) {
            Json::Null
        } else {
            self.shown.get(field).cloned().unwrap_or_default()
        }
    }
}

const MASKED: &[&str] = &["name", "phone", "code", "birth", "area", "number", "secret"];
const PERSONAL: &[&str] = &[
    "name", "phone", "code", "birth", "note", "area", "number", "wechat",
];
pub const FIELDS: &[&str] = &[
    "title", "unit", "region", "tags", "score", "open", "kind", "owner", "party", "name", "phone", "code",
    "birth", "note", "area", "number", "wechat", "secret",
];

fn shaded(field: &str, value: &Json) -> Json {
    let Some(text) = value.as_str() else {
        return Json::Null;
    };
    let letters: Vec<char> = text.chars().collect();
    let end = |n: usize| letters[letters.len() - n..].iter().collect::<String>();
    match field {
        "name" | "number" => match letters.len() {
            0 => Json::Null,
            1 => json!("*"),
            2 => json!(format!("{}*", letters[0])),
            _ => json!(format!("{}***{}", letters[0], end(1))),
        },
        "phone" => match letters.len() {
            0 => Json::Null,
            1..=4 => json!("***"),
            _ => json!(format!("***{}", end(4))),
        },
        "birth" | "area" => json!(letters.iter().take(4).collect::<String>()),
        _ => Json::Null,
    }
}

impl Judge {
    pub fn new(policy: &str, actor: &Actor, purpose: Option<&str>, owners: &[Row]) -> Judge {
        let mut policies = PolicySet::new();
        for policy in policy.parse::<PolicySet>().unwrap().policies() {
            // For citizens only what names them, or everybody, or forbids.
            let counts = match policy.principal_constraint() {
                PrincipalConstraint::In(named) => {
                    actor.kind != ActorKind::Citizen
                        || [uid("Role", "citizen"), uid("Role", "public")].contains(&named)
                }
                _ => actor.kind != ActorKind::Citizen || policy.effect() == cedar_policy::Effect::Forbid,
            };
            if counts {
                policies.add(policy.clone()).unwrap();
            }
        }
        let mut world = world();
        world.push(principal(actor));
        world.extend(owners.iter().map(owner));
        Judge {
            policies,
            world,
            actor: actor.clone(),
            purpose: purpose.map(str::to_owned),
        }
    }

    /// The world with these rows in it.
    pub fn entities(&self, rows: &[Row], created_by: &str) -> Entities {
        let rows = rows.iter().map(|row| item(row, created_by));
        Entities::from_entities(self.world.iter().cloned().chain(rows), None).unwrap()
    }

    fn permits(&self, entities: &Entities, row: &Row, verb: &str, field: Option<&str>) -> bool {
        let pairs = [("purpose", self.purpose.as_deref()), ("field", field)];
        let pairs = pairs
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), text(value?))));
        let request = Request::new(
            uid("Account", &self.actor.id),
            uid("Action", &format!("oracle.item.{verb}")),
            uid("oracle::item", &row.id),
            Context::from_pairs(pairs).unwrap(),
            None,
        )
        .unwrap();
        let answer = Authorizer::new().is_authorized(&request, &self.policies, entities);
        answer.decision() == Decision::Allow
    }

    /// The personal fields that the purpose shows, where it is one.
    fn covered(&self) -> Option<&'static [&'static str]> {
        let has = |role: &str| self.actor.has_role(role);
        match self.purpose.as_deref() {
            Some("oracle.care") if has("oracle.clerk") || has("oracle.chief") => Some(PERSONAL),
            Some("oracle.count") if has("oracle.clerk") => Some(&["name", "birth"]),
            Some("self") if self.actor.standing.party.is_some() => Some(PERSONAL),
            _ => None,
        }
    }

    /// Whether the purpose is one.
    pub fn has_ground(&self) -> bool {
        self.covered().is_some()
    }

    /// What the actor sees of a row by this act; `None`: nothing.
    pub fn see(&self, entities: &Entities, row: &Row, verb: &str) -> Option<Seen> {
        let covered = self.covered()?;
        if !self.permits(entities, row, verb, None) {
            return None;
        }
        if self.purpose.as_deref() == Some("self") {
            let standing = &self.actor.standing;
            let own = standing.represents.as_deref().or(standing.party.as_deref());
            if own != of_text(&row.fields, "party") {
                return None;
            }
        }
        let mut seen = Seen {
            shown: BTreeMap::new(),
            masked: BTreeSet::new(),
        };
        for field in FIELDS {
            let value = row.fields.get(*field).cloned().unwrap_or_default();
            let shown = !PERSONAL.contains(field) || covered.contains(field);
            let whole =
                shown && (!MASKED.contains(field) || self.permits(entities, row, "reveal", Some(field)));
            if whole {
                seen.shown.insert((*field).into(), value);
            } else {
                seen.masked.insert((*field).into());
                let value = if shown { shaded(field, &value) } else { Json::Null };
                seen.shown.insert((*field).into(), value);
            }
        }
        Some(seen)
    }
}
