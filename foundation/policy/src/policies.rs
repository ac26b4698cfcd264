use std::collections::{BTreeMap, HashMap, HashSet};

use banyan_base::{Actor, ActorKind, Predicate};
use cedar_policy::{
    Context, Decision, Effect, Entities, Entity, EntityId, EntityTypeName, EntityUid, PartialEntities,
    PartialEntityUid, PartialRequest, Policy, PolicyId, PolicySet, PrincipalConstraint, RestrictedExpression,
    Schema, ValidationMode, ValidationWarning, Validator, pst,
};

use crate::compile::{self, Unsupported};
use crate::shape::{TypeShape, entity_type, schema};

/// The role that everyone has, signed in or not.
pub const PUBLIC: &str = "public";
/// The role that every citizen has.
pub const CITIZEN: &str = "citizen";

/// What is wrong with a package's policies, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Byte in the text.
    pub offset: usize,
    pub message: String,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub actor: &'a Actor,
    /// `<package>.<type>`.
    pub of: &'a str,
    /// One of the type's verbs.
    pub verb: &'a str,
    pub purpose: Option<&'a str>,
    /// The masked field, where the verb is `reveal`.
    pub field: Option<&'a str>,
    /// The transition, where the verb is that.
    pub transition: Option<&'a str>,
    /// ISO date: policies with an `@until` before it no longer count.
    pub today: &'a str,
}

/// One policy's part in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The policy's `@id`, or its number in the text (from 0).
    pub policy: String,
    pub permits: bool,
    /// The rows it counts for.
    pub rows: Predicate,
}

/// What policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The rows that are permitted.
    pub rows: Predicate,
    /// `@k_anonymous("5")`: groups of fewer are not shown, where no policy permits more.
    pub k_anonymous: Option<u32>,
    /// `@two_person("why")`: another must agree first, where no policy permits without.
    pub two_person: Option<String>,
    pub reasons: Vec<Reason>,
}

impl Default for Answer {
    /// Permits nothing.
    fn default() -> Answer {
        Answer {
            rows: Predicate::Never,
            k_anonymous: None,
            two_person: None,
            reasons: Vec::new(),
        }
    }
}

/// A policy that may count, whether it permits, and the rows for which it counts.
type Part = (PolicyId, bool, Result<Predicate, Unsupported>);

/// The policies of one package, over the types it knows.
pub struct Policies {
    schema: Schema,
    all: PolicySet,
    /// Those that count for people who have not signed in.
    public: PolicySet,
    /// Those that count for citizens: anybody can become one.
    citizens: PolicySet,
    /// Policies with a last day.
    until: BTreeMap<PolicyId, String>,
    /// Lines on which policies begin.
    lines: BTreeMap<PolicyId, usize>,
    package: String,
}

impl std::fmt::Debug for Policies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the policies of {}", self.package)
    }
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let kind: EntityTypeName = kind.parse().ok()?;
    Some(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

/// Whether a policy counts for those who come from outside: permits that name one of these roles or one account, and every
/// forbid. A permit for "any principal" means any colleague.
fn names(policy: &Policy, roles: &[&str]) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::In(named) | PrincipalConstraint::Eq(named) => {
            match named.type_name().to_string().as_str() {
                "Role" => roles.contains(&named.id().unescaped()),
                "Account" => true,
                _ => false,
            }
        }
        _ => policy.effect() == Effect::Forbid,
    }
}

fn kind_of(kind: ActorKind) -> &'static str {
    match kind {
        ActorKind::Anonymous => "anonymous",
        ActorKind::Person => "person",
        ActorKind::Citizen => "citizen",
        ActorKind::Service => "service",
        ActorKind::System => "system",
    }
}

/// Who acts, as policies see him.
pub fn principal_entity(actor: &Actor) -> Option<Entity> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let standing = &actor.standing;
    let mut attributes = HashMap::from([
        ("account".to_owned(), text(&actor.id)),
        ("kind".to_owned(), text(kind_of(actor.kind))),
        (
            "lines".to_owned(),
            RestrictedExpression::new_set(standing.lines.iter().map(|line| text(line))),
        ),
        (
            "level".to_owned(),
            RestrictedExpression::new_long(i64::from(standing.level)),
        ),
    ]);
    let regions = standing
        .regions
        .iter()
        .map(|code| uid("Region", code).map(RestrictedExpression::new_entity_uid))
        .collect::<Option<Vec<_>>>()?;
    attributes.insert("regions".into(), RestrictedExpression::new_set(regions));
    if let Some(unit) = &actor.unit {
        attributes.insert(
            "unit".into(),
            RestrictedExpression::new_entity_uid(uid("Unit", unit)?),
        );
    }
    let acting_for = standing.represents.as_ref().or(standing.party.as_ref());
    for (name, value) in [
        ("post", standing.post.as_ref()),
        ("on_behalf_of", standing.on_behalf_of.as_ref()),
        ("party", standing.party.as_ref()),
        ("acting_for", acting_for),
    ] {
        if let Some(value) = value {
            attributes.insert(name.into(), text(value));
        }
    }
    let citizen = (actor.kind == ActorKind::Citizen).then_some(CITIZEN);
    let roles = actor
        .roles
        .iter()
        .map(String::as_str)
        .chain([PUBLIC])
        .chain(citizen)
        .map(|role| uid("Role", role))
        .collect::<Option<HashSet<_>>>()?;
    Entity::new(uid("Account", &actor.id)?, attributes, roles).ok()
}

fn offset(error: &dyn miette::Diagnostic) -> usize {
    error
        .labels()
        .and_then(|mut labels| labels.next())
        .map_or(0, |label| label.offset())
}

impl Policies {
    /// Reads a package's policies. Nothing is checked but the form.
    ///
    /// # Errors
    /// Where the text can't be read, or the types can't be told to Cedar.
    pub fn new(package: &str, text: &str, shapes: &[TypeShape]) -> Result<Policies, Vec<Fault>> {
        let schema = Schema::from_json_value(schema(package, shapes)).map_err(|error| {
            vec![Fault {
                offset: 0,
                message: format!("a name of this package can't be used in policies: {error}"),
            }]
        })?;
        let read: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
            errors
                .iter()
                .map(|error| Fault {
                    offset: offset(error),
                    message: error.to_string(),
                })
                .collect::<Vec<_>>()
        })?;
        let (mut all, mut until) = (PolicySet::new(), BTreeMap::new());
        let (mut public, mut citizens) = (PolicySet::new(), PolicySet::new());
        let (starts, mut lines) = (crate::text::lines(text), BTreeMap::new());
        let mut faults = Vec::new();
        for policy in read.policies() {
            let mut fault = |message: String| faults.push(Fault { offset: 0, message });
            // As they are read they are named by their place.
            let place = policy.id().to_string();
            let place = place
                .strip_prefix("policy")
                .and_then(|at| at.parse::<usize>().ok());
            let line = place.and_then(|at| starts.get(at).copied());
            let policy = match policy.annotation("id") {
                Some(id) => policy.new_id(PolicyId::new(id)),
                None => policy.clone(),
            };
            if let Some(line) = line {
                lines.insert(policy.id().clone(), line);
            }
            if let Some(day) = policy.annotation("until") {
                if day.len() != 10 || day.bytes().filter(|byte| *byte == b'-').count() != 2 {
                    fault(format!("@until(\"{day}\") is not a date like 2022-12-31"));
                }
                until.insert(policy.id().clone(), day.to_owned());
            }
            if let Some(k) = policy.annotation("k_anonymous")
                && k.parse::<u32>().ok().filter(|k| *k > 1).is_none()
            {
                fault(format!("@k_anonymous(\"{k}\") is not a number above 1"));
            }
            // Those that are two of one id are found below.
            if names(&policy, &[PUBLIC]) {
                let _ = public.add(policy.clone());
            }
            if names(&policy, &[PUBLIC, CITIZEN]) {
                let _ = citizens.add(policy.clone());
            }
            if all.add(policy.clone()).is_err() {
                fault(format!("two policies have the @id {}", policy.id()));
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Policies {
            schema,
            all,
            public,
            citizens,
            until,
            lines,
            package: package.to_owned(),
        })
    }

    /// The line of the text, from 1, on which a policy begins, by the name that a [`Reason`] gives.
    pub fn line(&self, policy: &str) -> Option<usize> {
        self.lines.get(&PolicyId::new(policy)).copied()
    }

    /// Roles that are named as principals, as `<package>.<role>`.
    pub fn roles(&self) -> Vec<String> {
        let named = |policy: &Policy| match policy.principal_constraint() {
            PrincipalConstraint::In(named) | PrincipalConstraint::Eq(named) => {
                (named.type_name().to_string() == "Role").then(|| named.id().unescaped().to_owned())
            }
            _ => None,
        };
        self.all.policies().filter_map(named).collect()
    }

    /// All that is wrong with the policies against the types: names and types by Cedar's strict validation, and what can't be
    /// made part of a query.
    pub fn check(&self, shapes: &[TypeShape]) -> Vec<Fault> {
        let validator = Validator::new(self.schema.clone());
        let result = validator.validate(&self.all, ValidationMode::Strict);
        let mut faults: Vec<Fault> = result
            .validation_errors()
            .map(|error| Fault {
                offset: offset(error),
                message: error.to_string(),
            })
            .collect();
        // `action == Action::"view"` reads well and never holds: what is done is `in` it.
        faults.extend(result.validation_warnings().filter_map(|warning| match warning {
            ValidationWarning::ImpossiblePolicy(_) => Some(Fault {
                offset: offset(warning),
                message: format!("{warning}; verbs are groups: write `action in [Action::\"view\"]`"),
            }),
            _ => None,
        }));
        if !faults.is_empty() {
            return faults;
        }
        // Somebody with everything, so that no policy falls away before its condition is looked at.
        let actor = self.everyone();
        for shape in shapes.iter().filter(|shape| shape.package() == self.package) {
            for verb in shape.verbs {
                let question = Question {
                    actor: &actor,
                    of: &shape.name,
                    verb,
                    purpose: None,
                    field: (*verb == "reveal").then_some("field"),
                    transition: None,
                    today: "",
                };
                for (_, _, part) in self.parts(&question).unwrap_or_default() {
                    if let Err(unsupported) = part {
                        let fault = Fault {
                            offset: 0,
                            message: unsupported.to_string(),
                        };
                        if !faults.contains(&fault) {
                            faults.push(fault);
                        }
                    }
                }
            }
        }
        faults
    }

    fn everyone(&self) -> Actor {
        let mut actor = Actor::anonymous();
        actor.kind = ActorKind::Person;
        actor.unit = Some("AA000".into());
        for policy in self.all.policies() {
            if let PrincipalConstraint::In(named) = policy.principal_constraint() {
                actor.roles.insert(named.id().unescaped().to_owned());
            }
        }
        let standing = &mut actor.standing;
        standing.regions.insert("35".into());
        standing.lines.insert("line".into());
        standing.party = Some("party".into());
        standing.post = Some("post".into());
        standing.on_behalf_of = Some("account".into());
        actor
    }

    /// Each policy that may count, and the rows for which it does.
    fn parts(&self, question: &Question<'_>) -> Option<Vec<Part>> {
        let principal = principal_entity(question.actor)?;
        let action = uid("Action", &format!("{}.{}", question.of, question.verb))?;
        let resource: EntityTypeName = entity_type(question.of).parse().ok()?;
        let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
        let context = [
            ("purpose", question.purpose),
            ("field", question.field),
            ("transition", question.transition),
        ];
        let context = Context::from_pairs(
            context
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), text(value?)))),
        )
        .ok()?;
        let whole = match question.actor.kind {
            ActorKind::Anonymous => &self.public,
            ActorKind::Citizen => &self.citizens,
            _ => &self.all,
        };
        let request = PartialRequest::new(
            PartialEntityUid::from_concrete(principal.uid().clone()),
            action,
            PartialEntityUid::new(resource, None),
            Some(context),
            &self.schema,
        );
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                tracing_error(&self.package, question, &error);
                return None;
            }
        };
        let entities = Entities::from_entities([principal], Some(&self.schema)).ok()?;
        let entities = PartialEntities::from_concrete(entities, &self.schema).ok()?;
        let response = match whole.tpe(&request, &entities, &self.schema) {
            Ok(response) => response,
            Err(error) => {
                tracing_error(&self.package, question, &error);
                return None;
            }
        };
        if response.decision() == Some(Decision::Deny)
            && response.true_forbids().next().is_none()
            && response.residual_permits().next().is_none()
            && response.true_permits().next().is_none()
        {
            return Some(Vec::new());
        }
        let mut parts = Vec::new();
        for policy in response.policies() {
            let expired = self
                .until
                .get(policy.id())
                .is_some_and(|day| !question.today.is_empty() && day.as_str() < question.today);
            if expired {
                continue;
            }
            let rows = residual(&policy, question.of);
            if rows != Ok(Predicate::Never) {
                parts.push((policy.id().clone(), policy.effect() == Effect::Permit, rows));
            }
        }
        Some(parts)
    }

    /// What these policies say.
    pub fn answer(&self, question: &Question<'_>) -> Answer {
        let Some(parts) = self.parts(question) else {
            return Answer::default();
        };
        let mut reasons = Vec::new();
        // What each permit asks for its rows.
        let mut permits = Vec::new();
        for (id, permit, rows) in parts {
            if let Err(unsupported) = &rows {
                tracing_error(&self.package, question, unsupported);
            }
            // What can't be said to a database: a permit is never, a forbid always.
            let rows = rows.unwrap_or(if permit {
                Predicate::Never
            } else {
                Predicate::Always
            });
            if permit && !rows.is_never() {
                let policy = self.all.policy(&id);
                let annotation = |name: &str| policy.and_then(|policy| policy.annotation(name));
                let k = annotation("k_anonymous").and_then(|k| k.parse::<u32>().ok());
                permits.push((annotation("two_person").map(str::to_owned), k, rows.clone()));
            }
            reasons.push(Reason {
                policy: id.to_string(),
                permits: permit,
                rows,
            });
        }
        // Of permits that ask differently those that ask least count, and only for their own rows: else the rows of one
        // that asks for another person's consent would be had without it.
        let asks = |(two, k, _): &(Option<String>, Option<u32>, Predicate)| (two.is_some(), *k);
        let least = permits.iter().map(asks).min();
        permits.retain(|permit| Some(asks(permit)) == least);
        let forbidden = reasons.iter().filter(|reason| !reason.permits);
        let forbidden = Predicate::any(forbidden.map(|reason| reason.rows.clone()));
        Answer {
            rows: Predicate::any(permits.iter().map(|(_, _, rows)| rows.clone())).unless(forbidden),
            k_anonymous: least.and_then(|(_, k)| k),
            two_person: permits.into_iter().find_map(|(two, _, _)| two),
            reasons,
        }
    }
}

fn tracing_error(package: &str, question: &Question<'_>, error: &dyn std::fmt::Display) {
    tracing::error!(%package, of = question.of, verb = question.verb, %error, "a policy can't be asked; it permits nothing");
}

/// The rows for which what is left of a policy is true.
fn residual(policy: &Policy, of: &str) -> Result<Predicate, Unsupported> {
    let whole = policy.to_pst().map_err(|error| Unsupported(error.to_string()))?;
    let mut parts = Vec::new();
    for clause in whole.body().clauses() {
        match clause {
            pst::Clause::When(expr) => parts.push(compile::condition(expr, of)?),
            pst::Clause::Unless(expr) => return Err(Unsupported(expr.to_string())),
        }
    }
    Ok(Predicate::all(parts))
}
