//! Decisions by Cedar, over the policies of the installed packages. In a package's policy.cedar stand
//! `Role::"<package>.<role>"`, `Action::"view"` (a verb) or `Action::"<package>.<type>.view"`, `Type::"<package>.<type>"`,
//! `Package::"<package>"`, and for one type's attributes `resource is <package>::<type>`. Everyone is in `Role::"public"`; for
//! those who have not signed in, only policies count that name it (or `Account::"anonymous"`) as their principal, so that a
//! policy for "any principal" opens nothing to the world.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::entrances::{COLLEAGUES, DESIGNER, DESIGNERS, OPEN, SIGNED_IN};
use arc_swap::ArcSwap;
use banyan_base::{ActorKind, Ctx, EMERGENCY, Predicate, Problem};
use banyan_door::{Decision, FieldRule, Method, Obligations, Operation, Policy, PurposeChoice, Target};
use banyan_policy::{Answer, AttributeKind, PackageRules, Policies, Question, TypeRules, TypeShape};

/// The purpose for which persons, and those they gave a link, read what is about themselves (PIPL, article 45).
pub const SELF: &str = "self";

/// Decisions kept at the most.
const KEPT: usize = 20_000;

/// The policy of the platform and its packages.
#[derive(Default)]
pub struct CedarPolicy {
    ready: ArcSwap<Ready>,
    refresh: OnceLock<Refresh>,
}

/// Looks whether something else is installed, and if so tells it to the policy.
pub type Refresh = Box<dyn Fn() -> Result<(), Problem> + Send + Sync>;

/// Policies with what they have decided. A decision depends on nothing but the question: who in which capacity, which act,
/// on what, for what, on which day; so it stands as long as the policies do, and goes with them.
#[derive(Default)]
struct Ready {
    /// Of the catalogue.
    generation: i64,
    packages: HashMap<String, Arc<ReadyPackage>>,
    decided: RwLock<HashMap<String, Decision>>,
}

struct ReadyPackage {
    rules: PackageRules,
    /// The types the policies can look into: the package's own and those they point to.
    shapes: Vec<TypeShape>,
    /// `None`: the stored text can't be read; it permits nothing.
    policies: Option<Policies>,
}

impl ReadyPackage {
    fn new(rules: PackageRules, shapes: Vec<TypeShape>) -> ReadyPackage {
        let policies = Policies::new(&rules.package, &rules.text, &shapes);
        if let Err(faults) = &policies {
            tracing::error!(package = %rules.package, ?faults, "the stored policy can't be read; it permits nothing");
        }
        ReadyPackage {
            policies: policies.ok(),
            rules,
            shapes,
        }
    }
}

/// The package's own types and all that they point to, near or far.
fn reach(rules: &PackageRules, all: &BTreeMap<&str, &TypeShape>) -> Vec<TypeShape> {
    let mut found: BTreeMap<&str, &TypeShape> = BTreeMap::new();
    let mut open: Vec<&TypeShape> = rules.shapes.iter().collect();
    while let Some(shape) = open.pop() {
        if found.insert(&shape.name, shape).is_some() {
            continue;
        }
        for attribute in &shape.attributes {
            if let AttributeKind::Link(to) = &attribute.kind
                && let Some(next) = all.get(to.as_str())
            {
                open.push(next);
            }
        }
    }
    found.into_values().cloned().collect()
}

impl CedarPolicy {
    /// Takes over what all packages lay down. A text that can't be read permits nothing.
    pub fn set(&self, generation: i64, packages: &[PackageRules]) {
        let before = self.ready.load();
        let all: BTreeMap<&str, &TypeShape> = packages
            .iter()
            .flat_map(|rules| &rules.shapes)
            .map(|shape| (shape.name.as_str(), shape))
            .collect();
        let mut ready = HashMap::new();
        for rules in packages {
            let shapes = reach(rules, &all);
            // Making policies ready costs: those that stand as they stood are kept.
            let kept = before
                .packages
                .get(&rules.package)
                .filter(|kept| kept.rules == *rules && kept.shapes == shapes);
            let package = kept
                .cloned()
                .unwrap_or_else(|| Arc::new(ReadyPackage::new(rules.clone(), shapes)));
            ready.insert(rules.package.clone(), package);
        }
        self.ready.store(Arc::new(Ready {
            generation,
            packages: ready,
            decided: RwLock::default(),
        }));
    }

    /// The types of an installed package that hold personal data, as `<package>.<type>`; `None`: no such package.
    pub fn personal_types(&self, package: &str) -> Option<BTreeSet<String>> {
        let ready = self.ready.load();
        let types = &ready.packages.get(package)?.rules.types;
        let personal = types.iter().filter(|(_, rules)| !rules.personal.is_empty());
        Some(personal.map(|(name, _)| name.clone()).collect())
    }

    /// The personal fields of a type (`<package>.<type>`).
    pub fn personal_fields(&self, of: &str) -> BTreeSet<String> {
        let ready = self.ready.load();
        let package = of.split('.').next().and_then(|id| ready.packages.get(id));
        let types = package.and_then(|package| package.rules.types.get(of));
        types.map(|types| types.personal.clone()).unwrap_or_default()
    }

    /// The line, from 1, on which a policy of a type's package begins.
    pub fn line(&self, of: &str, policy: &str) -> Option<usize> {
        let ready = self.ready.load();
        let package = ready.packages.get(of.split('.').next()?)?;
        package.policies.as_ref()?.line(policy)
    }

    /// Tells how to find out whether something else is installed; only the first that is told counts.
    pub fn refresh_by(&self, refresh: Refresh) {
        let _ = self.refresh.set(refresh);
    }

    /// What policy says of an act on records, with its reasons: for pages that explain.
    ///
    /// # Errors
    /// Where there is no such package.
    pub fn explain(&self, cx: &Ctx, target: &Target, field: Option<&str>) -> Option<Answer> {
        let ready = self.ready.load();
        let package = ready.packages.get(target.resource.split('.').next()?)?;
        let today = cx.today().to_string();
        Some(ask(package, cx, target, field, &today))
    }
}

/// The verb of an action: `work-points.task.view` → `view`.
fn verb(target: &Target) -> &str {
    target.action.rsplit('.').next().unwrap_or("")
}

fn ask(package: &ReadyPackage, cx: &Ctx, target: &Target, field: Option<&str>, today: &str) -> Answer {
    let question = Question {
        actor: &cx.actor,
        of: &target.resource,
        verb: if field.is_some() { "reveal" } else { verb(target) },
        purpose: cx.purpose.as_deref(),
        field,
        // Whether a field is shown whole depends on no transition: its context knows none.
        transition: target.transition.as_deref().filter(|_| field.is_none()),
        today,
    };
    match &package.policies {
        Some(policies) => policies.answer(&question),
        None => Answer::default(),
    }
}

/// Lengths keep parts apart: no text can pass for two.
fn put(question: &mut String, part: &str) {
    question.push_str(&format!(" {}:{part}", part.len()));
}

/// All that a decision depends on, as one text.
fn key(cx: &Ctx, target: &Target, today: &str) -> String {
    let actor = &cx.actor;
    let standing = &actor.standing;
    let mut question = format!("{:?} {today} {}", actor.kind, standing.level);
    for part in [&actor.id, &target.action, &target.resource] {
        put(&mut question, part);
    }
    for part in [
        &target.transition,
        &cx.purpose,
        &actor.unit,
        &standing.post,
        &standing.on_behalf_of,
        &standing.party,
        &standing.represents,
    ] {
        put(&mut question, part.as_deref().unwrap_or("\0"));
    }
    for list in [&actor.roles, &standing.regions, &standing.lines] {
        question.push_str(&format!(" {}", list.len()));
        list.iter().for_each(|part| put(&mut question, part));
    }
    question
}

/// Whether the act may go on under its purpose, and which personal fields it shows (`None`: all).
enum Ground<'r> {
    Good(Option<&'r BTreeSet<String>>),
    Wanting(Decision),
}

fn ground<'r>(
    package: &'r ReadyPackage,
    types: &TypeRules,
    cx: &Ctx,
    target: &Target,
    today: &str,
) -> Ground<'r> {
    if types.personal.is_empty() {
        return Ground::Good(None);
    }
    let actor = &cx.actor;
    let of_self =
        types.subject.is_some() && (actor.standing.party.is_some() || actor.standing.represents.is_some());
    let may = |rules: &banyan_policy::PurposeRules| {
        rules.sunset.as_deref().is_none_or(|day| today <= day)
            && rules.roles.iter().any(|role| actor.has_role(role))
            && rules.fields.contains_key(&target.resource)
    };
    let named = cx.purpose.as_deref();
    if named == Some(SELF) && of_self {
        return Ground::Good(None);
    }
    let found = named.and_then(|name| package.rules.purposes.get(name));
    if let Some(rules) = found.filter(|rules| may(rules)) {
        return Ground::Good(rules.fields.get(&target.resource));
    }
    let mut choices: Vec<PurposeChoice> = package
        .rules
        .purposes
        .iter()
        .filter(|(_, rules)| may(rules))
        .map(|(name, rules)| PurposeChoice {
            name: name.clone(),
            title: rules.title.clone(),
        })
        .collect();
    if of_self {
        choices.push(PurposeChoice {
            name: SELF.into(),
            title: "本人查阅".into(),
        });
    }
    let over = found
        .and_then(|rules| rules.sunset.as_deref())
        .filter(|day| today > *day);
    let reason = match (named, over) {
        (Some(_), Some(day)) => format!("这一用途已于 {day} 终止。"),
        (Some(name), None) => format!("不能以“{name}”为用途使用这里的个人信息。"),
        (None, _) => "这里有个人信息:请写明用途(请求头 Banyan-Purpose)。".to_owned(),
    };
    let way = if choices.is_empty() {
        "您的角色没有可用的用途;需要的话请联系管理员。".to_owned()
    } else {
        let listed: Vec<String> = choices
            .iter()
            .map(|choice| format!("{}({})", choice.name, choice.title))
            .collect();
        format!("可用的有:{}。", listed.join("、"))
    };
    Ground::Wanting(Decision::NoPurpose {
        reason: format!("{reason}{way}"),
        choices,
    })
}

impl Ready {
    /// What policy says of an act on records of a package that is installed.
    fn decide(&self, cx: &Ctx, target: &Target, operation: &Operation) -> Option<Decision> {
        let package = self.packages.get(target.resource.split('.').next()?)?;
        let types = package.rules.types.get(&target.resource)?;
        let today = cx.today().to_string();
        let key = key(cx, target, &today);
        if cx.purpose.as_deref() == Some(EMERGENCY)
            && !types.personal.is_empty()
            && let Some(refusal) = not_open(cx, target)
        {
            return Some(refusal);
        }
        let kept = self
            .decided
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if kept.is_some() {
            return kept;
        }
        let decision = fresh((package, self.generation), types, cx, target, operation, &today);
        let mut decided = self.decided.write().unwrap_or_else(PoisonError::into_inner);
        if decided.len() >= KEPT {
            decided.clear();
        }
        decided.insert(key, decision.clone());
        Some(decision)
    }
}

fn fresh(
    (package, generation): (&ReadyPackage, i64),
    types: &TypeRules,
    cx: &Ctx,
    target: &Target,
    operation: &Operation,
    today: &str,
) -> Decision {
    let personal = !types.personal.is_empty();
    if personal && cx.purpose.as_deref() == Some(EMERGENCY) {
        return Decision::Permit(Arc::new(Obligations {
            generation: Some(generation),
            subject: Some(types.subject.clone().unwrap_or_default()),
            ..Obligations::default()
        }));
    }
    // Administrators keep the platform; persons' data are not theirs.
    let keeper = cx.actor.is_admin() && !personal;
    let answer = if keeper {
        Answer {
            rows: Predicate::Always,
            ..Answer::default()
        }
    } else {
        ask(package, cx, target, None, today)
    };
    if answer.rows.is_never() {
        return deny(cx, operation);
    }
    let shown = match ground(package, types, cx, target, today) {
        Ground::Good(shown) => shown,
        Ground::Wanting(decision) => return decision,
    };
    let mut obligations = Obligations {
        rows: answer.rows,
        k_anonymous: answer.k_anonymous,
        two_person: answer.two_person,
        generation: Some(generation),
        subject: personal.then(|| types.subject.clone().unwrap_or_default()),
        ..Obligations::default()
    };
    if personal && cx.purpose.as_deref() == Some(SELF) {
        let standing = &cx.actor.standing;
        let own = standing.represents.as_ref().or(standing.party.as_ref());
        if let (Some(subject), Some(own)) = (&types.subject, own) {
            let is = Predicate::Compare(
                banyan_base::predicate::Term::Attribute(vec![subject.clone()]),
                banyan_base::predicate::Comparison::Equal,
                banyan_base::predicate::Term::Text(own.clone()),
            );
            obligations.rows = Predicate::all([obligations.rows, is]);
        }
    }
    let consent = || {
        let purpose = cx.purpose.as_deref()?;
        let version = package.rules.purposes.get(purpose)?.consent?;
        Some((purpose.to_owned(), version))
    };
    if let Some((purpose, version)) = consent().filter(|_| personal) {
        // Without a subject, nobody can have agreed.
        let agreed = types.subject.as_ref().map_or(Predicate::Never, |subject| {
            let of = vec![subject.clone()];
            Predicate::Consented { of, purpose, version }
        });
        obligations.rows = Predicate::all([obligations.rows, agreed]);
    }
    for field in types.personal.union(&types.masked) {
        let shown = !types.personal.contains(field) || shown.is_none_or(|shown| shown.contains(field));
        let whole = if keeper || !types.masked.contains(field) {
            Predicate::Always
        } else {
            ask(package, cx, target, Some(field), today).rows
        };
        if !shown || !whole.is_always() {
            obligations
                .fields
                .insert(field.clone(), FieldRule { shown, whole });
        }
    }
    Decision::Permit(Arc::new(obligations))
}

/// Why an act on persons' data is not for the emergency it names, if it isn't: emergency access that is open shows all rows
/// of its types with all fields whole, and changes nothing. Asked at every act: it ends on time.
fn not_open(cx: &Ctx, target: &Target) -> Option<Decision> {
    if cx.actor.kind != ActorKind::Person || cx.emergency(&target.resource).is_none() {
        let reason = "您没有打开这里的应急访问,或者它已经结束;请到“应急访问”写明事由后打开。".to_owned();
        let choices = Vec::new();
        return Some(Decision::NoPurpose { reason, choices });
    }
    (!matches!(verb(target), "list" | "view" | "export")).then(|| Decision::Deny {
        reason: "应急访问只能查看和导出,不能修改。".to_owned(),
    })
}

fn deny(cx: &Ctx, operation: &Operation) -> Decision {
    let reason = if cx.actor.kind == ActorKind::Anonymous {
        "请先登录。".to_owned()
    } else {
        format!(
            "您的角色没有“{}”的权限;需要的话请联系管理员授予角色。",
            operation.title
        )
    };
    Decision::Deny { reason }
}

impl Policy for CedarPolicy {
    fn decide(&self, cx: &Ctx, target: &Target, operation: &Operation) -> Result<Decision, Problem> {
        if cx.actor.kind == ActorKind::System || OPEN.contains(&operation.name) {
            return Ok(Decision::permit());
        }
        if target.resource != "platform"
            && let Some(decision) = self.ready.load().decide(cx, target, operation)
        {
            return Ok(decision);
        }
        if cx.actor.is_admin() {
            return Ok(Decision::permit());
        }
        let signed_in = match cx.actor.kind {
            ActorKind::Anonymous => false,
            ActorKind::Citizen => !COLLEAGUES.contains(&operation.name),
            _ => true,
        };
        // What describes the platform is open where its operation says so; what it describes is filtered by policy.
        let described = operation.open && operation.method == Method::Get && target.resource == "platform";
        if described || (signed_in && SIGNED_IN.contains(&operation.name)) {
            return Ok(Decision::permit());
        }
        if cx.actor.has_role(DESIGNER) && DESIGNERS.contains(&operation.name) {
            return Ok(Decision::permit());
        }
        Ok(deny(cx, operation))
    }

    fn refresh(&self) -> Result<(), Problem> {
        self.refresh.get().map_or(Ok(()), |refresh| refresh())
    }
}
