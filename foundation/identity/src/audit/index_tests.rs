//! The index of who saw what: the same as the log tells, however it was made, on every database.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_store::testing::databases;

use super::index::{self, Access, Wanted};
use super::touch_tests::{door, person, reader, settings, show, tokens, touches, trail};
use super::{AuditTrail, Token};

fn all(trail: &AuditTrail, token: &Token, wanted: &Wanted) -> Vec<Access> {
    let db = trail.salts().open().unwrap();
    db.read(|tx| index::accesses(tx, token, wanted)).unwrap()
}

fn wanted() -> Wanted {
    Wanted {
        limit: 10_000,
        ..Wanted::default()
    }
}

/// How often each token occurs, and in which acts, by the log itself.
fn oracle(trails: &[Arc<AuditTrail>]) -> BTreeMap<Token, Vec<String>> {
    let mut seen: BTreeMap<Token, Vec<String>> = BTreeMap::new();
    for (_, entry) in trails.iter().flat_map(|trail| touches(trail)) {
        for token in tokens(&entry) {
            let trace = entry["trace"].as_str().unwrap().to_owned();
            seen.entry(token).or_default().push(trace);
        }
    }
    seen.values_mut().for_each(|traces| traces.sort());
    seen
}

fn indexed(trail: &AuditTrail, tokens: impl Iterator<Item = Token>) -> BTreeMap<Token, Vec<String>> {
    tokens
        .map(|token| {
            let found = all(trail, &token, &wanted());
            let mut traces: Vec<String> = found
                .iter()
                .map(|access| access.entry["trace"].as_str().unwrap().to_owned())
                .collect();
            traces.sort();
            (token, traces)
        })
        .collect()
}

#[test]
fn the_index_tells_what_the_log_tells_whoever_makes_it_and_however_often() {
    for test in databases().unwrap() {
        // Two servers write, and both index all the time.
        let trails = [trail(&test), trail(&test)];
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (trail, door) = (Arc::clone(&trails[worker % 2]), door(&test, &trails[worker % 2]));
                std::thread::spawn(move || {
                    for round in 0..60 {
                        let cx = reader(&door);
                        let from = worker * 7 + round;
                        show(&door, &cx, from, from + 40);
                        trail.catch_up().unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.join().unwrap();
        }
        let expected = oracle(&trails);
        assert_eq!(expected.values().map(Vec::len).sum::<usize>(), 4 * 60 * 40);
        trails[0].catch_up().unwrap();
        assert_eq!(
            indexed(&trails[1], expected.keys().copied()),
            expected,
            "{}",
            test.name
        );
        assert_eq!(trails[0].catch_up().unwrap(), 0);
        let before = all(&trails[0], expected.keys().next().unwrap(), &wanted());
        let db = trails[0].salts().open().unwrap();
        let settings = settings(&test);
        assert!(index::rebuild(&db, &settings).unwrap() > 4 * 60 * 3);
        assert_eq!(indexed(&trails[0], expected.keys().copied()), expected);
        assert_eq!(
            all(&trails[0], expected.keys().next().unwrap(), &wanted()),
            before
        );
        // What a crash left half done would show as an act without persons or the other way round.
        let rows = |sql: &str| db.query(sql, &[]).unwrap()[0].get::<i64>(0).unwrap();
        assert_eq!(rows("SELECT COUNT(*) FROM subject_access"), 4 * 60 * 40);
        assert_eq!(rows("SELECT COUNT(*) FROM audit_act"), 4 * 60);
        for trail in trails {
            trail.close();
        }
    }
}

#[test]
fn pages_and_filters_leave_nothing_out_and_nobody_else_in() {
    for test in databases().unwrap() {
        let trail = trail(&test);
        let door = door(&test, &trail);
        let mut ids = Vec::new();
        for number in 0..25_usize {
            let mut cx = reader(&door);
            cx.actor.unit = Some(format!("FJ00{}", number % 2));
            cx.purpose = (number % 3 > 0).then(|| format!("health.purpose{}", number % 3));
            show(&door, &cx, 0, number + 1);
            ids.push(cx.trace.clone());
        }
        touches(&trail);
        trail.catch_up().unwrap();
        let first = trail.salts().known(&person(0)).unwrap().unwrap();
        let last = trail.salts().known(&person(24)).unwrap().unwrap();
        let traces = |found: &[Access]| -> Vec<String> {
            let trace = |access: &Access| access.entry["trace"].as_str().unwrap().to_owned();
            found.iter().map(trace).collect()
        };
        let whole = all(&trail, &first, &wanted());
        let newest: Vec<String> = ids.iter().rev().cloned().collect();
        assert_eq!(traces(&whole), newest, "{}", test.name);
        assert_eq!(whole[0].count, 25);
        assert!(!whole[0].entry.contains_key("subjects"));
        assert_eq!(traces(&all(&trail, &last, &wanted())), [ids[24].clone()]);
        let mut paged = Vec::new();
        let mut after = None;
        loop {
            let page = all(
                &trail,
                &first,
                &Wanted {
                    limit: 4,
                    after,
                    ..Wanted::default()
                },
            );
            let Some(end) = page.last() else { break };
            after = Some(index::Place::parse(&end.place.to_string()).unwrap());
            paged.extend(page);
        }
        assert_eq!(paged, whole);
        let of = |wanted: Wanted| all(&trail, &first, &wanted).len();
        let unit = Some("FJ001".to_owned());
        assert_eq!(
            of(Wanted {
                unit: unit.clone(),
                ..wanted()
            }),
            12
        );
        let purpose = Some("health.purpose2".to_owned());
        assert_eq!(
            of(Wanted {
                purpose: purpose.clone(),
                ..wanted()
            }),
            8
        );
        assert_eq!(
            of(Wanted {
                purpose,
                unit,
                ..wanted()
            }),
            4
        );
        let middle = whole[12].place.moment;
        let (early, late) = (
            of(Wanted {
                until: Some(middle),
                ..wanted()
            }),
            of(Wanted {
                from: Some(middle),
                ..wanted()
            }),
        );
        assert_eq!(early + late, 25);
        assert!(early <= 12 && late >= 13);
        // One by its id: for whom it shows, and for nobody else.
        let db = trail.salts().open().unwrap();
        let one = |token: &Token, id: &str| db.read(|tx| index::access(tx, token, id)).unwrap();
        assert_eq!(one(&first, &whole[3].id).as_ref(), Some(&whole[3]));
        assert_eq!(one(&last, &whole[3].id), None);
        for wrong in ["", "x", "00000000-1", "%-1", "zzzzzzzz-1", "1-1-1"] {
            assert_eq!(one(&first, wrong), None, "{wrong}");
        }
        // Who is forgotten has no entries, though they are all there.
        trail.forget(&person(0)).unwrap();
        assert_eq!(trail.salts().known(&person(0)).unwrap(), None);
        trail.close();
    }
}

#[test]
fn a_log_that_was_rolled_back_is_told() {
    for test in databases().unwrap() {
        let first = trail(&test);
        let gate = door(&test, &first);
        show(&gate, &reader(&gate), 0, 3);
        touches(&first);
        let settings = settings(&test);
        let node = settings.folder.join("node-1");
        let early = std::fs::read(node.join("checkpoint")).unwrap();
        show(&gate, &reader(&gate), 0, 3);
        touches(&first);
        first.catch_up().unwrap();
        first.close();
        std::fs::write(node.join("checkpoint"), early).unwrap();
        let db = index::open(&settings).unwrap();
        let refused = index::catch_up(&db, &settings).unwrap_err();
        assert!(refused.internal.unwrap().contains("rolled back"), "{}", test.name);
        // Made anew, it holds what the log holds.
        index::rebuild(&db, &settings).unwrap();
        let row = &db.query("SELECT COUNT(*) FROM audit_act", &[]).unwrap()[0];
        assert_eq!(row.get::<i64>(0).unwrap(), 1);
        db.close();
    }
}
