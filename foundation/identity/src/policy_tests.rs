//! What the platform's policy adds to that of packages: who is let in at all, purposes, masks.

use std::collections::BTreeMap;

use banyan_base::{Actor, ActorKind, Ctx, Predicate};
use banyan_door::{Decision, Handler, Method, Operation, Policy, Reply, Target};
use banyan_policy::{Attribute, AttributeKind, PackageRules, PurposeRules, TypeRules, TypeShape};

use crate::tests::world;
use crate::{CedarPolicy, SELF};

fn shape(name: &str, attributes: &[&str]) -> TypeShape {
    let text = |name: &&str| Attribute {
        name: (*name).into(),
        kind: AttributeKind::Text,
        required: false,
    };
    TypeShape {
        name: name.into(),
        attributes: attributes.iter().map(text).collect(),
        verbs: banyan_policy::VERBS,
    }
}

fn rules(package: &str, text: &str, types: &[&str]) -> PackageRules {
    PackageRules {
        package: package.into(),
        text: text.into(),
        shapes: types.iter().map(|name| shape(name, &[])).collect(),
        types: types
            .iter()
            .map(|name| ((*name).to_owned(), TypeRules::default()))
            .collect(),
        purposes: BTreeMap::new(),
    }
}

fn actor(roles: &[&str]) -> Actor {
    Actor {
        id: "1".into(),
        name: "甲".into(),
        kind: ActorKind::Person,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::anonymous()
    }
}

fn row() -> Operation {
    Operation::read("record.x", "查看", "/x", Handler::inside(|_| Ok(Reply::empty())))
}

fn decide(policy: &CedarPolicy, actor: &Actor, of: &str, verb: &str) -> bool {
    let cx: Ctx = world().ctx(actor.clone());
    let decision = policy.decide(&cx, &Target::records(of, verb), &row());
    matches!(decision.unwrap(), Decision::Permit(_))
}

#[test]
fn packages_decide_about_their_own_types() {
    let policy = CedarPolicy::default();
    policy.set(1, &[
        rules(
            "wp",
            "permit(principal in Role::\"wp.office\", action, resource in Package::\"wp\");
             permit(principal in Role::\"wp.unit\", action in [Action::\"view\", Action::\"list\"], resource in Type::\"wp.task\");",
            &["wp.task", "wp.notice"],
        ),
        // What a package says reaches no other's types.
        rules("open", "permit(principal, action, resource);", &["open.site"]),
        rules("broken", "permit(", &["broken.thing"]),
    ]);
    for (role, of, verb, wanted) in [
        ("wp.office", "wp.task", "delete", true),
        ("wp.office", "other.task", "view", false),
        ("wp.unit", "wp.task", "view", true),
        ("wp.unit", "wp.task", "update", false),
        ("wp.unit", "wp.notice", "view", false),
        ("x.y", "wp.task", "view", false),
        ("x.y", "open.site", "view", true),
        ("x.y", "broken.thing", "view", false),
        ("admin", "wp.task", "delete", true),
        ("admin", "broken.thing", "view", true),
    ] {
        assert_eq!(
            decide(&policy, &actor(&[role]), of, verb),
            wanted,
            "{role} {verb} {of}"
        );
    }
}

#[test]
fn only_what_is_described_is_open_to_the_world() {
    let policy = CedarPolicy::default();
    let text = "permit(principal, action, resource in Package::\"wp\");
        permit(principal in Role::\"public\", action in [Action::\"list\", Action::\"view\"], resource in Type::\"wp.task\");
        forbid(principal, action == Action::\"wp.task.view\", resource) when { principal == Account::\"anonymous\" };";
    policy.set(1, &[rules("wp", text, &["wp.task", "wp.notice"])]);
    let nobody = Actor::anonymous();
    assert!(decide(&policy, &nobody, "wp.task", "list"));
    assert!(!decide(&policy, &nobody, "wp.task", "view"));
    assert!(!decide(&policy, &nobody, "wp.notice", "list"));
    let described = Operation { open: true, ..row() };
    let platform = |operation: &Operation, actor: &Actor| {
        let cx = world().ctx(actor.clone());
        matches!(
            policy.decide(&cx, &Target::platform("x"), operation).unwrap(),
            Decision::Permit(_)
        )
    };
    assert!(platform(&described, &nobody));
    assert!(!platform(&row(), &nobody));
    let writes = Operation {
        method: Method::Post,
        ..described
    };
    assert!(!platform(&writes, &nobody));
}

fn clinic() -> CedarPolicy {
    let policy = CedarPolicy::default();
    let mut rules = rules(
        "clinic",
        "permit(principal in Role::\"clinic.nurse\", action, resource is clinic::patient) unless { action == Action::\"clinic.patient.reveal\" };
         permit(principal in Role::\"clinic.nurse\", action == Action::\"clinic.patient.reveal\", resource) when { context.field == \"phone\" };
         permit(principal in Role::\"citizen\", action in [Action::\"view\"], resource is clinic::patient) when { principal has acting_for && resource has party && resource.party == principal.acting_for };",
        &[],
    );
    let fields = ["name", "phone", "number", "party", "ward"];
    rules.shapes.push(shape("clinic.patient", &fields));
    let some = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    rules.types.insert(
        "clinic.patient".into(),
        TypeRules {
            personal: some(&["name", "phone", "number"]),
            masked: some(&["phone", "number"]),
            subject: Some("party".into()),
        },
    );
    for (name, sunset, shown) in [
        ("clinic.care", None, &["name", "phone", "number"][..]),
        ("clinic.count", None, &["name"]),
        ("clinic.over", Some("2022-01-01"), &["name"]),
    ] {
        rules.purposes.insert(
            name.into(),
            PurposeRules {
                title: "用途".into(),
                roles: some(&["clinic.nurse"]),
                sunset: sunset.map(str::to_owned),
                fields: BTreeMap::from([("clinic.patient".to_owned(), some(shown))]),
                ..PurposeRules::default()
            },
        );
    }
    policy.set(1, &[rules]);
    policy
}

fn for_purpose(policy: &CedarPolicy, actor: &Actor, purpose: Option<&str>) -> Decision {
    let mut cx = world().ctx(actor.clone());
    cx.purpose = purpose.map(str::to_owned);
    policy
        .decide(&cx, &Target::records("clinic.patient", "view"), &row())
        .unwrap()
}

#[test]
fn no_purpose_no_rows() {
    let policy = clinic();
    let nurse = actor(&["clinic.nurse"]);
    for purpose in [
        None,
        Some("clinic.over"),
        Some("clinic.nothing"),
        Some("wp.watch"),
        Some(SELF),
    ] {
        let Decision::NoPurpose { choices, reason } = for_purpose(&policy, &nurse, purpose) else {
            panic!("{purpose:?} is no purpose");
        };
        let names: Vec<&str> = choices.iter().map(|choice| choice.name.as_str()).collect();
        assert_eq!(names, ["clinic.care", "clinic.count"], "{reason}");
    }
    let Decision::Permit(asked) = for_purpose(&policy, &nurse, Some("clinic.care")) else {
        panic!("refused");
    };
    // The telephone is shown whole, the number is not.
    assert_eq!(asked.fields.keys().collect::<Vec<_>>(), ["number"]);
    let number = &asked.fields["number"];
    assert!(number.shown && number.whole.is_never());
    let Decision::Permit(asked) = for_purpose(&policy, &nurse, Some("clinic.count")) else {
        panic!("refused");
    };
    let hidden: Vec<&String> = asked
        .fields
        .iter()
        .filter(|(_, rule)| !rule.shown)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(hidden, ["number", "phone"]);
    assert_eq!(asked.subject.as_deref(), Some("party"));
}

#[test]
fn masks_are_the_same_in_a_transition() {
    let (policy, operation) = (clinic(), row());
    let mut cx = world().ctx(actor(&["clinic.nurse"]));
    cx.purpose = Some("clinic.care".into());
    let target = Target {
        transition: Some("discharge".into()),
        ..Target::records("clinic.patient", "transition")
    };
    let Decision::Permit(asked) = policy.decide(&cx, &target, &operation).unwrap() else {
        panic!("refused");
    };
    // The telephone is shown whole, as it is to who looks.
    assert_eq!(asked.fields.keys().collect::<Vec<_>>(), ["number"]);
}

#[test]
fn persons_data_are_not_the_administrators() {
    let policy = clinic();
    let admin = actor(&["admin"]);
    assert!(matches!(
        for_purpose(&policy, &admin, None),
        Decision::Deny { .. }
    ));
    assert!(matches!(
        for_purpose(&policy, &admin, Some("clinic.care")),
        Decision::Deny { .. }
    ));
    let both = actor(&["admin", "clinic.nurse"]);
    assert!(matches!(
        for_purpose(&policy, &both, Some("clinic.care")),
        Decision::Permit(_)
    ));
}

#[test]
fn persons_see_what_is_about_themselves() {
    let policy = clinic();
    let mut citizen = Actor {
        kind: ActorKind::Citizen,
        ..actor(&[])
    };
    assert!(matches!(
        for_purpose(&policy, &citizen, Some(SELF)),
        Decision::Deny { .. }
    ));
    citizen.standing.party = Some("p-1".into());
    let Decision::Permit(asked) = for_purpose(&policy, &citizen, Some(SELF)) else {
        panic!("refused");
    };
    let text = format!("{:?}", asked.rows);
    assert!(text.contains("p-1") && asked.rows != Predicate::Always, "{text}");
    // In the name of another: that one's records, not his own.
    citizen.standing.represents = Some("p-2".into());
    let Decision::Permit(asked) = for_purpose(&policy, &citizen, Some(SELF)) else {
        panic!("refused");
    };
    let text = format!("{:?}", asked.rows);
    assert!(text.contains("p-2") && !text.contains("p-1"), "{text}");
}
