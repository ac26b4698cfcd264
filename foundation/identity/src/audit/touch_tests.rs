//! Whose data an act showed: in the log through a door, under salts that can be destroyed, on every database.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, Problem, Standing, World};
use banyan_door::{Decision, Door, Handler, Input, Metrics, Operation, Policy, Reply, Target, Touch};
use banyan_store::testing::{TestDb, databases};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value as Json, json};

use super::{AuditSettings, AuditTrail, Column, Suite, tiles_of, verify};

struct Everybody;

impl Policy for Everybody {
    fn decide(&self, _: &Ctx, _: &Target, _: &Operation) -> Result<Decision, Problem> {
        Ok(Decision::permit())
    }
}

pub(super) fn trail(test: &TestDb) -> Arc<AuditTrail> {
    Arc::new(AuditTrail::open(&settings(test), &World::system()).unwrap())
}

pub(super) fn settings(test: &TestDb) -> AuditSettings {
    let folder = test.folder.join("audit");
    AuditSettings {
        salts: AuditSettings::salts_beside(&folder, &test.url),
        folder,
        origin: "test.log".into(),
        suite: Suite::International,
        names_shown: false,
        witnesses: Vec::new(),
        witness: None,
    }
}

pub(super) fn person(number: usize) -> String {
    format!("person-{number:06}")
}

/// A door whose one operation shows persons `from..to`.
pub(super) fn door(test: &TestDb, trail: &Arc<AuditTrail>) -> Door {
    test.db.migrate(&[&banyan_door::MIGRATIONS]).unwrap();
    let list = Handler::inside(|call| {
        let number = |name: &str| {
            call.input
                .query_parsed::<usize>(name)
                .map(Option::unwrap_or_default)
        };
        let touch = Touch::of("health.case").fields(["name", "phone"]);
        call.touched(&touch, (number("from")?..number("to")?).map(person))?;
        Reply::json(json!({}))
    });
    let rows = vec![Operation::read("case.list", "列", "/cases", list)];
    let audit = Arc::<AuditTrail>::clone(trail);
    Door::new(
        test.db.clone(),
        World::system(),
        Arc::new(Everybody),
        audit,
        Metrics::new().unwrap(),
        rows,
    )
    .unwrap()
}

pub(super) fn reader(door: &Door) -> Ctx {
    let mut cx = door.world().ctx(Actor {
        id: "clerk-1".into(),
        name: "李经办".into(),
        kind: ActorKind::Person,
        unit: Some("FJ001".into()),
        standing: Standing {
            post: Some("post-1".into()),
            on_behalf_of: Some("clerk-2".into()),
            ..Standing::default()
        },
        ..Actor::system()
    });
    cx.purpose = Some("health.tracing".into());
    cx
}

pub(super) fn show(door: &Door, cx: &Ctx, from: usize, to: usize) {
    let input = Input {
        query: vec![("from".into(), from.to_string()), ("to".into(), to.to_string())],
        ..Input::default()
    };
    door.call(cx, "case.list", input).unwrap();
}

/// The touches that stand in sealed tiles, as written and parsed.
pub(super) fn touches(trail: &AuditTrail) -> Vec<(usize, Json)> {
    let log = trail.log();
    log.append(b"{}".to_vec()).unwrap().wait_sealed().unwrap();
    let note = log.checkpoint().unwrap().unwrap();
    let size = log.verifier().open(&note).unwrap().size;
    tiles_of(Column::Entries, size, 0)
        .flat_map(|tile| log.reader().entries(&tile).unwrap())
        .map(|entry| (entry.len(), serde_json::from_slice::<Json>(&entry).unwrap()))
        .filter(|(_, entry)| entry["kind"] == "touch")
        .collect()
}

pub(super) fn tokens(entry: &Json) -> Vec<super::Token> {
    let bytes = STANDARD_NO_PAD
        .decode(entry["subjects"].as_str().unwrap())
        .unwrap();
    bytes.chunks(16).map(|token| token.try_into().unwrap()).collect()
}

#[test]
fn a_list_of_a_thousand_costs_one_entry_that_each_can_find() {
    for test in databases().unwrap() {
        let trail = trail(&test);
        let door = door(&test, &trail);
        let cx = reader(&door);
        show(&door, &cx, 0, 1_000);
        show(&door, &cx, 999, 1_001);
        show(&door, &cx, 0, 0);
        let entries = touches(&trail);
        assert_eq!(entries.len(), 2, "{}", test.name);
        let (size, mut first) = entries[0].clone();
        assert!(size < 22_000, "{size} bytes");
        let found = tokens(&first);
        assert_eq!(found.len(), 1_000);
        for name in ["at", "subjects"] {
            first.as_object_mut().unwrap().remove(name).unwrap();
        }
        assert_eq!(
            first,
            json!({
                "kind": "touch", "trace": cx.trace, "operation": "case.list", "action": "case.list", "type": "health.case",
                "fields": ["name", "phone"], "purpose": "health.tracing", "actor": "clerk-1", "actor_kind": "person",
                "unit": "FJ001", "post": "post-1", "on_behalf_of": "clerk-2", "count": 1_000,
            }),
            "{}",
            test.name
        );
        // Each finds himself in what showed him, and nowhere else.
        let second = tokens(&entries[1].1);
        let mine = |number: usize| trail.salts().known(&person(number)).unwrap().unwrap();
        for number in [0, 1, 500, 999] {
            assert_eq!(found.iter().filter(|token| **token == mine(number)).count(), 1);
            assert_eq!(second.contains(&mine(number)), number == 999);
        }
        assert!(second.contains(&mine(1_000)) && !found.contains(&mine(1_000)));
        assert_eq!(trail.salts().known("stranger").unwrap(), None);
        let text = entries
            .iter()
            .map(|(_, entry)| entry.to_string())
            .collect::<String>();
        assert!(!text.contains("person-0") && !text.contains("李经办"));
        trail.close();
    }
}

#[test]
fn who_is_forgotten_is_not_found_and_the_log_still_proves_itself() {
    for test in databases().unwrap() {
        let trail = trail(&test);
        let door = door(&test, &trail);
        let cx = reader(&door);
        show(&door, &cx, 0, 3);
        let salts = trail.salts();
        let (mine, others) = (salts.known(&person(1)).unwrap(), salts.known(&person(2)).unwrap());
        let before = trail.log().checkpoint().unwrap();
        assert!(trail.forget(&person(1)).unwrap(), "{}", test.name);
        assert!(!trail.forget(&person(1)).unwrap() && !trail.forget("stranger").unwrap());
        assert_eq!(salts.known(&person(1)).unwrap(), None);
        assert_eq!(salts.known(&person(2)).unwrap(), others);
        // Who comes again is somebody else: nothing ties him to what was.
        show(&door, &cx, 1, 2);
        let again = salts.known(&person(1)).unwrap();
        assert!(again.is_some() && again != mine);
        let entries = touches(&trail);
        assert_eq!(tokens(&entries[1].1), [again.unwrap()]);
        let log = trail.log();
        let known = before.and_then(|note| log.verifier().open(&note));
        let verified = verify(log.reader(), log.verifier(), known.as_ref()).unwrap();
        assert!(verified.faults.is_empty() && verified.size > 6, "{verified:?}");
        trail.close();
    }
}

#[test]
fn many_at_once_and_several_servers_agree() {
    for test in databases().unwrap() {
        // Two servers beside one folder: each has a log of its own, and both share the salts.
        let trails = [trail(&test), trail(&test)];
        let workers: Vec<_> = (0..8)
            .map(|worker| {
                let (trail, door) = (Arc::clone(&trails[worker % 2]), door(&test, &trails[worker % 2]));
                std::thread::spawn(move || {
                    let cx = reader(&door);
                    for round in 0..5 {
                        show(
                            &door,
                            &cx,
                            worker * 100 + round * 50,
                            worker * 100 + round * 50 + 700,
                        );
                    }
                    drop(trail);
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let mut seen: BTreeMap<super::Token, usize> = BTreeMap::new();
        for trail in &trails {
            for (_, entry) in touches(trail) {
                for token in tokens(&entry) {
                    *seen.entry(token).or_default() += 1;
                }
            }
        }
        // Persons 0 to 1,599, each under one token: a second salt of anybody would show as one more.
        assert_eq!(seen.len(), 1_600, "{}", test.name);
        assert_eq!(seen.values().sum::<usize>(), 8 * 5 * 700);
        // More than one entry holds.
        let door = door(&test, &trails[0]);
        let cx = reader(&door);
        show(&door, &cx, 0, 7_000);
        let entries = touches(&trails[0]);
        let last: Vec<_> = entries
            .iter()
            .filter(|(_, entry)| entry["trace"] == cx.trace)
            .collect();
        assert!(last.len() >= 4 && last.iter().all(|(size, _)| *size <= 65_535));
        let counts: u64 = last
            .iter()
            .map(|(_, entry)| entry["count"].as_u64().unwrap())
            .sum();
        assert_eq!(counts, 7_000);
        for trail in trails {
            trail.close();
        }
    }
}
