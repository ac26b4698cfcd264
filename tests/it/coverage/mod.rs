//! Every operation of the platform with who may call it, what else guards it, and its entry in the audit log. An operation
//! that is not in the table, or a table's row without its operation or its tests, fails the build.

mod records;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Actor, ActorKind, Ctx, Standing};
use banyan_door::{Audit, Decision, Input, Operation};
use serde_json::json;

use crate::audit::entries;
use crate::support::{Bed, beds, document, root};
use table::{TABLE, Who};

/// Whom the table is asked about.
fn cast() -> Vec<(&'static str, Actor)> {
    let actor = |id: &str, kind: ActorKind, roles: &[&str]| Actor {
        id: id.into(),
        name: "某".into(),
        kind,
        unit: None,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::anonymous()
    };
    vec![
        ("nobody", Actor::anonymous()),
        (
            "citizen",
            Actor {
                standing: Standing {
                    party: Some("party-1".into()),
                    level: 1,
                    ..Standing::default()
                },
                ..actor("citizen", ActorKind::Citizen, &[])
            },
        ),
        ("colleague", actor("colleague", ActorKind::Person, &[])),
        ("machine", actor("machine", ActorKind::Service, &[])),
        ("designer", actor("designer", ActorKind::Person, &["designer"])),
        ("admin", actor("admin", ActorKind::Person, &["admin"])),
    ]
}

fn expected(who: Who, name: &str) -> bool {
    match who {
        Who::World => true,
        Who::SignedIn(_) => name != "nobody",
        Who::Colleagues(_) => !matches!(name, "nobody" | "citizen"),
        Who::Admin => name == "admin",
        Who::Designer(_) => matches!(name, "admin" | "designer"),
        // Of a package that is not there.
        Who::Records => name == "admin",
    }
}

fn input(operation: &Operation) -> Input {
    let mut input = Input::json(json!({}));
    for part in operation.path.split('{').skip(1) {
        let name = part.split('}').next().unwrap();
        input = input.with_path(name, "nothing");
    }
    input
}

/// Names of all test functions of the project.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![
        root().join("tests/it"),
        root().join("foundation"),
        root().join("data"),
        root().join("collaboration"),
        root().join("decision"),
    ];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(
                std::fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            for part in text.split("#[test]").skip(1) {
                if let Some(name) = part.split("fn ").nth(1).and_then(|rest| rest.split('(').next()) {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_operation_has_its_row_and_its_tests() {
    let beds = beds();
    let door = &beds[0].platform.door;
    let tests = tests();
    let mut faults = Vec::new();
    let rows: BTreeMap<&str, Who> = TABLE.iter().map(|(name, who)| (*name, *who)).collect();
    assert_eq!(rows.len(), TABLE.len(), "a row stands twice");
    for operation in door.operations() {
        let Some(who) = rows.get(operation.name) else {
            faults.push(format!("{} has no row", operation.name));
            continue;
        };
        for (name, actor) in cast() {
            let cx = beds[0].platform.world.ctx(actor);
            let target = operation.target_of(&input(operation));
            let permitted = matches!(
                door.decide(&cx, operation.name, &target).unwrap(),
                Decision::Permit(_)
            );
            if permitted != expected(*who, name) {
                faults.push(format!(
                    "{}: {name} is {}let in",
                    operation.name,
                    if permitted { "" } else { "not " }
                ));
            }
        }
        if let Who::SignedIn(guards) | Who::Colleagues(guards) | Who::Designer(guards) = who {
            for guard in guards.iter().filter(|guard| !tests.contains(**guard)) {
                faults.push(format!("{}: there is no test {guard}", operation.name));
            }
            // Whoever names a thing may name another's.
            if operation.path.contains("{id}") && guards.is_empty() {
                faults.push(format!(
                    "{}: no test says that others' are refused",
                    operation.name
                ));
            }
        }
    }
    for name in rows.keys().filter(|name| door.operation(name).is_none()) {
        faults.push(format!("{name} is in the table and not in the platform"));
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Operations that leave no entry: what shows nobody's data and changes nothing.
#[test]
fn what_is_not_audited_only_reads_and_shows_nobodys_data() {
    let beds = beds();
    let silent: Vec<&str> = beds[0]
        .platform
        .door
        .operations()
        .filter(|operation| operation.audit == Audit::None)
        .map(|operation| operation.name)
        .collect();
    assert_eq!(silent, table::SILENT);
}

#[test]
fn every_audited_operation_leaves_its_entry() {
    for bed in beds() {
        let mut wanted: Vec<(String, String)> = Vec::new();
        for operation in bed.platform.door.operations() {
            // What administrators get and what strangers are refused: both are in the log.
            if operation.audit == Audit::None {
                continue;
            }
            for (name, actor) in cast() {
                if !matches!(name, "admin" | "nobody") {
                    continue;
                }
                let cx: Ctx = bed.platform.world.ctx(actor);
                let reply = bed.call(&cx, operation.name, input(operation));
                // A stream that is not read is not sent.
                drop(reply);
                wanted.push((cx.trace, operation.name.to_owned()));
            }
        }
        let mut found: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for entry in entries(&bed) {
            let text = |name: &str| entry[name].as_str().unwrap_or("").to_owned();
            found
                .entry((text("trace"), text("operation")))
                .or_default()
                .push(text("kind"));
        }
        for key in wanted {
            let kinds = found.get(&key).cloned().unwrap_or_default();
            assert_eq!(kinds, ["start", "end"], "{}: {}", bed.name(), key.1);
        }
    }
}

fn account(bed: &Bed, login: &str) -> Ctx {
    let input =
        json!({ "login": login, "name": "某人", "password": "correct horse battery", "must_change": false });
    let made = bed.ask("account.create", Input::json(input)).unwrap();
    let nobody = bed.platform.world.ctx(Actor::anonymous());
    let credentials = json!({ "login": login, "password": "correct horse battery" });
    bed.call(&nobody, "session.create", Input::json(credentials))
        .unwrap();
    let mut actor = Actor {
        id: made["id"].as_str().unwrap().into(),
        name: "某人".into(),
        kind: ActorKind::Person,
        ..Actor::anonymous()
    };
    let cx = bed.platform.world.ctx(actor.clone());
    let sessions = document(bed.call(&cx, "session.list", Input::default()).unwrap());
    actor.grant.session = Some(sessions["items"][0]["id"].as_str().unwrap().into());
    bed.platform.world.ctx(actor)
}

/// Sessions and tokens are their owner's: for others they are not there, and they stay.
#[test]
fn what_is_anothers_is_not_there() {
    for bed in beds() {
        let (owner, other) = (account(&bed, "owner"), account(&bed, "other"));
        let token = json!({ "name": "程序", "scopes": ["read"], "days": 10 });
        let token = document(bed.call(&owner, "token.create", Input::json(token)).unwrap());
        let token = token["id"].as_str().unwrap().to_owned();
        let session = owner.actor.grant.session.clone().unwrap();
        let filter = Input::default().with_path("id", session.as_str());
        for (operation, input) in [
            ("session.end", filter),
            ("token.revoke", Input::default().with_path("id", token.as_str())),
        ] {
            let refused = bed.call(&other, operation, input.clone()).unwrap_err();
            assert_eq!(refused.code.status, 404, "{operation}: {refused:?}");
            bed.call(&owner, operation, input).unwrap();
        }
    }
}
