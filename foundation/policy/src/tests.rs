use std::collections::BTreeSet;

use banyan_base::predicate::{Comparison, Predicate, Term, Tree};
use banyan_base::{Actor, ActorKind};

use crate::{Answer, Attribute, AttributeKind, Policies, Question, TypeShape};

fn attribute(name: &str, kind: AttributeKind, required: bool) -> Attribute {
    Attribute {
        name: name.into(),
        kind,
        required,
    }
}

fn shapes() -> Vec<TypeShape> {
    vec![
        TypeShape {
            name: "health-code.person".into(),
            attributes: vec![
                attribute("unit", AttributeKind::Unit, true),
                attribute("region", AttributeKind::Region, false),
                attribute("tags", AttributeKind::Texts, false),
                attribute("score", AttributeKind::Number, false),
                attribute("open", AttributeKind::Flag, true),
                attribute("state", AttributeKind::Text, true),
            ],
            verbs: crate::VERBS,
        },
        TypeShape {
            name: "health-code.visit".into(),
            attributes: vec![
                attribute("person", AttributeKind::Link("health-code.person".into()), true),
                attribute("note", AttributeKind::Text, false),
            ],
            verbs: crate::VERBS,
        },
    ]
}

fn clerk() -> Actor {
    Actor {
        id: "a1".into(),
        name: "甲".into(),
        kind: ActorKind::Person,
        unit: Some("FJ001".into()),
        roles: BTreeSet::from(["health-code.clerk".to_owned()]),
        ..Actor::anonymous()
    }
}

fn ask(text: &str, actor: &Actor, of: &str, verb: &str, purpose: Option<&str>) -> Answer {
    let policies = Policies::new("health-code", text, &shapes()).unwrap();
    let faults = policies.check(&shapes());
    assert!(faults.is_empty(), "{faults:?}");
    policies.answer(&Question {
        actor,
        of,
        verb,
        purpose,
        field: None,
        transition: None,
        today: "2022-03-01",
    })
}

fn is(path: &[&str], text: &str) -> Predicate {
    let path = path.iter().map(|part| (*part).to_owned()).collect();
    Predicate::Compare(Term::Attribute(path), Comparison::Equal, Term::Text(text.into()))
}

#[test]
fn conditions_on_rows_are_left() {
    let person = "health-code.person";
    let cases: &[(&str, &str, Predicate)] = &[
        (
            "permit(principal in Role::\"health-code.clerk\", action, resource is health_code::person) when { principal has unit && resource.unit == principal.unit };",
            person,
            is(&["unit"], "FJ001"),
        ),
        (
            "permit(principal, action, resource in Package::\"health-code\");",
            person,
            Predicate::Always,
        ),
        (
            "permit(principal in Role::\"health-code.chief\", action, resource);",
            person,
            Predicate::Never,
        ),
        (
            "permit(principal, action, resource is health_code::person) when { resource.unit in Unit::\"FJ000\" };",
            person,
            Predicate::Within {
                of: Term::Attribute(vec!["unit".into()]),
                tree: Tree::Unit,
                roots: vec!["FJ000".into()],
                negated: false,
            },
        ),
        (
            "permit(principal, action, resource is health_code::visit) when { resource.person.unit == principal.unit };",
            "health-code.visit",
            is(&["person", "unit"], "FJ001"),
        ),
        (
            "permit(principal, action, resource); forbid(principal, action, resource is health_code::person) when { resource.state == \"closed\" };",
            person,
            Predicate::NotTrue(Box::new(is(&["state"], "closed"))),
        ),
    ];
    for (text, of, wanted) in cases {
        // One of them reads the unit without asking whether there is one: strictly that is a fault.
        let text = text.replace(
            "{ resource.person.unit == principal.unit }",
            "{ principal has unit && resource.person.unit == principal.unit }",
        );
        assert_eq!(ask(&text, &clerk(), of, "view", None).rows, *wanted, "{text}");
    }
}

#[test]
fn purposes_and_annotations_count() {
    let text = "@k_anonymous(\"5\") permit(principal, action == Action::\"health-code.person.list\", resource);
        @until(\"2022-02-28\") permit(principal, action in [Action::\"view\"], resource);
        @two_person(\"导出须另一人同意\") permit(principal, action in [Action::\"export\"], resource) when { context has purpose && context.purpose == \"health-code.care\" };";
    let list = ask(text, &clerk(), "health-code.person", "list", None);
    assert_eq!((list.rows, list.k_anonymous), (Predicate::Always, Some(5)));
    assert_eq!(
        ask(text, &clerk(), "health-code.person", "view", None).rows,
        Predicate::Never
    );
    assert_eq!(
        ask(text, &clerk(), "health-code.person", "export", None).rows,
        Predicate::Never
    );
    let export = ask(
        text,
        &clerk(),
        "health-code.person",
        "export",
        Some("health-code.care"),
    );
    assert_eq!(export.two_person.as_deref(), Some("导出须另一人同意"));
}

/// Rows of a permit that asks something are never had through one that asks less.
#[test]
fn what_asks_least_gives_its_own_rows_only() {
    let own = "permit(principal, action in [Action::\"list\"], resource is health_code::person) when { resource.open };";
    let all = |annotation: &str| {
        format!(
            "{annotation} permit(principal, action in [Action::\"list\"], resource is health_code::person);"
        )
    };
    let open = ask(own, &clerk(), "health-code.person", "list", None).rows;
    for (annotations, wanted) in [
        (vec!["@two_person(\"甲\")"], (None, None)),
        (vec!["@k_anonymous(\"5\")"], (None, None)),
        (vec!["@k_anonymous(\"5\")", "@two_person(\"甲\")"], (None, None)),
    ] {
        let texts: Vec<String> = annotations.iter().map(|annotation| all(annotation)).collect();
        let text = format!("{own}\n{}", texts.join("\n"));
        let answer = ask(&text, &clerk(), "health-code.person", "list", None);
        assert_eq!((answer.k_anonymous, answer.two_person), wanted, "{text}");
        assert_eq!(answer.rows, open, "{text}");
    }
    // Without the plain one: groups come before the consent of another.
    let text = format!("{} {}", all("@k_anonymous(\"5\")"), all("@two_person(\"甲\")"));
    let answer = ask(&text, &clerk(), "health-code.person", "list", None);
    assert_eq!(
        (answer.rows, answer.k_anonymous, answer.two_person),
        (Predicate::Always, Some(5), None)
    );
    let text = format!(
        "@k_anonymous(\"3\") {own} {} {}",
        all("@k_anonymous(\"10\")"),
        all("@two_person(\"甲\")")
    );
    let answer = ask(&text, &clerk(), "health-code.person", "list", None);
    assert_eq!((answer.rows, answer.k_anonymous), (open, Some(3)));
}

#[test]
fn only_what_names_them_counts_for_strangers_and_citizens() {
    let text = "permit(principal, action, resource is health_code::person);
        permit(principal in Role::\"public\", action == Action::\"health-code.visit.list\", resource);
        permit(principal in Role::\"citizen\", action == Action::\"health-code.visit.view\", resource);
        forbid(principal, action, resource is health_code::visit) when { resource has note && resource.note == \"x\" };";
    let citizen = Actor {
        kind: ActorKind::Citizen,
        ..clerk()
    };
    let sees = |actor: &Actor, of: &str, verb: &str| !ask(text, actor, of, verb, None).rows.is_never();
    let nobody = Actor::anonymous();
    assert!(sees(&clerk(), "health-code.person", "view"));
    assert!(!sees(&nobody, "health-code.person", "view") && !sees(&citizen, "health-code.person", "view"));
    assert!(sees(&nobody, "health-code.visit", "list") && sees(&citizen, "health-code.visit", "list"));
    assert!(!sees(&nobody, "health-code.visit", "view") && sees(&citizen, "health-code.visit", "view"));
    // A forbid counts for all.
    let rows = ask(text, &citizen, "health-code.visit", "view", None).rows;
    assert!(matches!(rows, Predicate::NotTrue(_)), "{rows:?}");
}

#[test]
fn faults_are_found_where_they_stand() {
    for (text, wanted) in [
        (
            "permit(principal, action, resource is health_code::person) when { resource.nothing == 1 };",
            "nothing",
        ),
        (
            "permit(principal, action, resource is health_code::person) when { resource.region in principal.regions };",
            "region",
        ),
        (
            "permit(principal, action == Action::\"steal\", resource);",
            "steal",
        ),
        (
            "permit(principal, action, resource is health_code::person) when { resource.unit == 3 };",
            "comp",
        ),
        (
            "permit(principal, action, resource is health_code::person) when { resource has tags && resource.tags == [\"a\"] };",
            "query",
        ),
    ] {
        let policies = Policies::new("health-code", text, &shapes()).unwrap();
        let faults = policies.check(&shapes());
        assert!(
            faults.iter().any(|fault| fault.message.contains(wanted)),
            "{text}: {faults:?}"
        );
    }
    for text in [
        "permit(",
        "@until(\"soon\") permit(principal, action, resource);",
        "@k_anonymous(\"1\") permit(principal, action, resource);",
    ] {
        assert!(Policies::new("health-code", text, &shapes()).is_err(), "{text}");
    }
}
