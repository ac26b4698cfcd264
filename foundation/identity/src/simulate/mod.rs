//! What somebody would be let see, and why: the policies asked as they are asked at every act, for an actor that is only
//! supposed. It reads no record; engines count, where they may.
//!
//! Map: `words`: conditions in plain Chinese and as filters. `table`: the answer as text. `rows`: the operation.

mod rows;
mod table;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::predicate::Predicate;
use banyan_base::{Actor, ActorKind, Ctx, EMERGENCY, Emergency, Problem, World};
use banyan_door::{Decision, FieldRule, Handler, Obligations, Operation, Reply, Target};
use banyan_policy::VERBS;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

pub use rows::{Count, Counted, Simulator, operations};
pub use table::text;
pub use words::{Said, say};

use crate::CedarPolicy;

/// A type by the names that people know.
#[derive(Clone, Debug, Default)]
pub struct TypeLabel {
    /// `<package>.<type>`.
    pub name: String,
    pub title: String,
    /// Names and titles, in order.
    pub fields: Vec<(String, String)>,
}

/// Who is supposed to act, on what, for what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Supposed {
    pub package: String,
    /// One type by its short name; absent: all.
    #[serde(rename = "type")]
    pub of: Option<String>,
    /// Roles as `<package>.<role>`, or a role of the package itself.
    pub roles: BTreeSet<String>,
    pub unit: Option<String>,
    pub regions: BTreeSet<String>,
    pub lines: BTreeSet<String>,
    /// `person` (also where absent), `citizen`, `service` or `anonymous`.
    pub kind: Option<String>,
    pub level: u8,
    pub party: Option<String>,
    pub represents: Option<String>,
    pub purpose: Option<String>,
    /// Whether to count the records that he would see.
    pub count: bool,
}

/// One policy's part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The policy's `@id`, or `policy<N>` by its place in the text (from 0).
    pub policy: String,
    /// Line of policy.cedar that it begins on, from 1.
    pub line: Option<usize>,
    pub permits: bool,
    pub rows: Said,
}

/// How a field is seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldSeen {
    pub name: String,
    pub title: String,
    /// `whole`, `partly` (whole on some rows, else by its mask), `masked` or `hidden`.
    pub shown: &'static str,
    /// The rows on which it is shown whole.
    pub whole: Said,
    pub personal: bool,
}

/// What may be done by one verb.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerbSeen {
    pub verb: &'static str,
    pub title: &'static str,
    pub permitted: bool,
    /// Why not, as the caller would be told.
    pub refusal: Option<String>,
    pub rows: Said,
    /// For verbs that show records.
    pub fields: Vec<FieldSeen>,
    pub k_anonymous: Option<u32>,
    pub two_person: Option<String>,
    pub reasons: Vec<Why>,
    #[serde(skip)]
    pub obligations: Option<Arc<Obligations>>,
}

/// One type through his eyes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TypeSeen {
    #[serde(rename = "type")]
    pub name: String,
    pub title: String,
    pub personal: bool,
    pub verbs: Vec<VerbSeen>,
}

fn title(verb: &str) -> &'static str {
    match verb {
        "list" => "列表与检索",
        "view" => "查看",
        "create" => "新建",
        "update" => "修改",
        "delete" => "删除",
        "transition" => "办理(改变状态)",
        "export" => "导出",
        _ => "导入",
    }
}

impl Supposed {
    /// The actor that is supposed.
    ///
    /// # Errors
    /// Where the kind is none.
    pub fn actor(&self) -> Result<Actor, Problem> {
        let kind = match self.kind.as_deref().unwrap_or("person") {
            "person" => ActorKind::Person,
            "citizen" => ActorKind::Citizen,
            "service" => ActorKind::Service,
            "anonymous" => ActorKind::Anonymous,
            other => {
                let text = format!("kind 应为 person、citizen、service 或 anonymous,而不是“{other}”。");
                return Err(Problem::new(banyan_base::codes::INVALID, text));
            }
        };
        let whole = |role: &String| match role.as_str() {
            "admin" => role.clone(),
            name if name.contains('.') => role.clone(),
            name => format!("{}.{name}", self.package),
        };
        let mut actor = Actor {
            id: if kind == ActorKind::Anonymous {
                "anonymous"
            } else {
                "supposed"
            }
            .into(),
            name: "假设的人".into(),
            kind,
            unit: self.unit.clone(),
            roles: self.roles.iter().map(whole).collect(),
            ..Actor::anonymous()
        };
        actor.standing.regions = self.regions.clone();
        actor.standing.lines = self.lines.clone();
        actor.standing.level = self.level;
        actor.standing.party = self.party.clone();
        actor.standing.represents = self.represents.clone();
        Ok(actor)
    }

    /// A purpose's whole name: `care` is the package's own.
    fn purpose(&self) -> Option<String> {
        let named = self.purpose.clone().filter(|name| !name.is_empty())?;
        let own = !named.contains('.') && named != crate::SELF && named != EMERGENCY;
        Some(if own {
            format!("{}.{named}", self.package)
        } else {
            named
        })
    }

    fn ctx(&self, policy: &CedarPolicy, world: &World) -> Result<Ctx, Problem> {
        let mut actor = self.actor()?;
        if actor.has_role(&format!("{}.emergency", self.package)) {
            // As if he had opened it.
            actor.standing.emergencies.push(Emergency {
                id: "supposed".into(),
                types: policy.personal_types(&self.package).unwrap_or_default(),
                until: world.now() + SignedDuration::from_hours(1),
            });
        }
        let mut cx = world.ctx(actor);
        cx.purpose = self.purpose();
        Ok(cx)
    }
}

/// Types of a package through the eyes of somebody supposed.
///
/// # Errors
/// Where what is supposed makes no sense.
pub fn simulate(
    policy: &CedarPolicy,
    world: &World,
    supposed: &Supposed,
    labels: &[TypeLabel],
) -> Result<Vec<TypeSeen>, Problem> {
    let cx = supposed.ctx(policy, world)?;
    let wanted = |label: &&TypeLabel| {
        let short = label.name.split_once('.').map_or("", |(_, short)| short);
        supposed.of.as_deref().is_none_or(|of| of == short)
    };
    let verbs = VERBS.iter().filter(|verb| **verb != "reveal");
    let mut seen = Vec::new();
    for label in labels.iter().filter(wanted) {
        let all = verbs.clone().map(|verb| by_verb(policy, &cx, label, verb));
        let personal = policy.personal_fields(&label.name);
        seen.push(TypeSeen {
            name: label.name.clone(),
            title: label.title.clone(),
            personal: !personal.is_empty(),
            verbs: all.collect::<Result<_, _>>()?,
        });
    }
    Ok(seen)
}

fn by_verb(
    policy: &CedarPolicy,
    cx: &Ctx,
    label: &TypeLabel,
    verb: &'static str,
) -> Result<VerbSeen, Problem> {
    let target = Target::records(&label.name, verb);
    // Only its title is asked for, where it is refused.
    let operation = Operation::read(
        "policy.simulate",
        title(verb),
        "",
        Handler::inside(|_| Ok(Reply::empty())),
    );
    let decision = banyan_door::Policy::decide(policy, cx, &target, &operation)?;
    let reasons = policy.explain(cx, &target, None).unwrap_or_default();
    let mut seen = VerbSeen {
        verb,
        title: title(verb),
        permitted: false,
        refusal: None,
        rows: say(&Predicate::Never, label),
        fields: Vec::new(),
        k_anonymous: None,
        two_person: None,
        reasons: reasons
            .reasons
            .iter()
            .map(|reason| Why {
                line: policy.line(&label.name, &reason.policy),
                policy: reason.policy.clone(),
                permits: reason.permits,
                rows: say(&reason.rows, label),
            })
            .collect(),
        obligations: None,
    };
    match decision {
        Decision::Deny { reason } | Decision::NoPurpose { reason, .. } => seen.refusal = Some(reason),
        Decision::Permit(obligations) => {
            seen.permitted = true;
            seen.rows = say(&obligations.rows, label);
            seen.k_anonymous = obligations.k_anonymous;
            seen.two_person = obligations.two_person.clone();
            if matches!(verb, "list" | "view" | "export") {
                let personal = policy.personal_fields(&label.name);
                let fields = label.fields.iter();
                seen.fields = fields
                    .map(|(name, title)| {
                        let rule = obligations.fields.get(name);
                        field(name, title, rule, personal.contains(name), label)
                    })
                    .collect();
            }
            seen.obligations = Some(obligations);
        }
    }
    Ok(seen)
}

fn field(name: &str, title: &str, rule: Option<&FieldRule>, personal: bool, label: &TypeLabel) -> FieldSeen {
    let (shown, whole) = match rule {
        None => ("whole", &Predicate::Always),
        Some(FieldRule { shown: false, .. }) => ("hidden", &Predicate::Never),
        Some(FieldRule { whole, .. }) if whole.is_always() => ("whole", whole),
        Some(FieldRule { whole, .. }) if whole.is_never() => ("masked", whole),
        Some(FieldRule { whole, .. }) => ("partly", whole),
    };
    FieldSeen {
        name: name.to_owned(),
        title: title.to_owned(),
        shown,
        whole: say(whole, label),
        personal,
    }
}
