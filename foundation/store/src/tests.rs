use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use banyan_base::{Ctx, Event, ManualClock, World};
use jiff::SignedDuration;
use serde_json::json;

use crate::feed::Position;
use crate::jobs::{JobError, JobHandler, NewJob};
use crate::testing::{TestDb, databases, events_show, schema_lines};
use crate::{Db, Error, MIGRATIONS, Options, feed, jobs, sql};

fn world() -> World {
    World::new(
        Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
        1,
    )
}

fn event(cx: &Ctx, number: i64) -> Event {
    Event::new(
        cx,
        "/banyan/test",
        "banyan.test.thing.created",
        None,
        json!({ "number": number }),
    )
}

fn ready() -> Vec<TestDb> {
    let all = databases().unwrap();
    for test in &all {
        test.db.migrate(&[&MIGRATIONS]).unwrap();
        test.db.migrate(&[&MIGRATIONS]).unwrap();
        let make = |tx: &mut crate::Tx<'_>| {
            tx.batch("CREATE TABLE thing (id BIGINT PRIMARY KEY NOT NULL, name TEXT NOT NULL)")
        };
        test.db.write::<(), Error>(make).unwrap();
    }
    all
}

fn count(test: &TestDb, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    test.db
        .read::<i64, Error>(|tx| tx.query_opt(&sql, &[])?.unwrap().get(0))
        .unwrap()
}

#[test]
fn postgres_keeps_its_remarks_to_itself() {
    for test in ready().into_iter().filter(|test| test.name == "postgres") {
        let level = |tx: &mut crate::Tx<'_>| {
            tx.query_opt("SELECT current_setting('client_min_messages')", &[])?
                .unwrap()
                .get::<String>(0)
        };
        assert_eq!(test.db.read::<_, Error>(level).unwrap(), "warning");
    }
}

/// A value that is there already is in the refusal here, and not in the log of PostgreSQL: the setting that leaves it out is made
/// where the role may, and else the start says so.
#[test]
fn postgres_logs_no_values_of_refused_rows() {
    for test in ready().into_iter().filter(|test| test.name == "postgres") {
        let level = |db: &Db| {
            db.read::<String, Error>(|tx| {
                tx.query_opt("SELECT current_setting('log_error_verbosity')", &[])?
                    .unwrap()
                    .get(0)
            })
        };
        assert_eq!(level(&test.db).unwrap(), "terse");
        // A role that may not: it is let in all the same.
        let name = format!("plain_{}", std::process::id());
        let make = format!("CREATE ROLE {name} LOGIN PASSWORD 'x'");
        test.db.write::<(), Error>(move |tx| tx.batch(&make)).unwrap();
        let (scheme, rest) = test.url.split_once("://").unwrap();
        let host = rest.split_once('@').map_or(rest, |(_, host)| host);
        let plain = Db::open(&format!("{scheme}://{name}:x@{host}"), &Options::default()).unwrap();
        assert_eq!(level(&plain).unwrap(), "default");
        plain.close();
        // As a superuser says it once, for good.
        let set = format!("ALTER ROLE {name} SET log_error_verbosity = terse");
        test.db.write::<(), Error>(move |tx| tx.batch(&set)).unwrap();
        let plain = Db::open(&format!("{scheme}://{name}:x@{host}"), &Options::default()).unwrap();
        assert_eq!(level(&plain).unwrap(), "terse");
        plain.close();
        let gone = format!("DROP ROLE {name}");
        test.db.write::<(), Error>(move |tx| tx.batch(&gone)).unwrap();
    }
}

#[test]
fn encryption_that_is_asked_for_is_never_left_out() {
    for mode in ["require", "verify-ca", "verify-full"] {
        // Nothing listens there: it is refused before anything is sent.
        let url = format!("postgres://banyan@127.0.0.1:1/banyan?application_name=a&sslmode={mode}");
        let refusal = crate::Db::open(&url, &crate::Options::default()).err().unwrap();
        let text = refusal.to_string();
        assert!(text.contains(mode) && text.contains("tunnel"), "{text}");
    }
}

#[test]
fn placeholders_are_rewritten_outside_of_quotes() {
    let check = |from: &str, to: &str| assert_eq!(sql::rewrite(from), to);
    check("a = ?1 AND b = ?12", "a = $1 AND b = $12");
    check("a = '?1' AND \"?2\" = ?3", "a = '?1' AND \"?2\" = $3");
    check(
        "'it''s ?1' ?2 -- ?3\n?4 /* ?5 */ ?6",
        "'it''s ?1' $2 -- ?3\n$4 /* ?5 */ $6",
    );
    check("a ? b", "a ? b");
}

#[test]
fn schemas_are_equal() {
    let all = ready();
    if let [sqlite, postgres] = all.as_slice() {
        assert_eq!(
            schema_lines(&sqlite.db).unwrap(),
            schema_lines(&postgres.db).unwrap()
        );
    }
}

#[test]
fn a_failing_write_leaves_nothing_and_spares_its_neighbours() {
    for test in ready() {
        std::thread::scope(|scope| {
            for number in 0..64i64 {
                let db = &test.db;
                scope.spawn(move || {
                    let result = db.write::<(), Error>(move |tx| {
                        tx.execute(
                            "INSERT INTO thing (id, name) VALUES (?1, ?2)",
                            &[number.into(), "a".into()],
                        )?;
                        match number % 3 {
                            0 => Ok(()),
                            1 => Err(Error::Closed),
                            _ => panic!("a closure panics"),
                        }
                    });
                    assert_eq!(result.is_ok(), number % 3 == 0, "{result:?}");
                });
            }
        });
        assert_eq!(count(&test, "thing"), 22, "{}", test.name);
        let again = test
            .db
            .write::<u64, Error>(|tx| tx.execute("INSERT INTO thing VALUES (0, 'b')", &[]));
        assert!(
            matches!(&again, Err(Error::Unique { columns, .. }) if columns == &["id"]),
            "{again:?}"
        );
    }
}

#[test]
fn savepoints_undo_only_themselves() {
    for test in ready() {
        let write = |tx: &mut crate::Tx<'_>| {
            tx.execute("INSERT INTO thing VALUES (1, 'kept')", &[])?;
            let inner: Result<(), Error> = tx.savepoint(|tx| {
                tx.execute("INSERT INTO thing VALUES (2, 'undone')", &[])?;
                tx.execute("INSERT INTO thing VALUES (1, 'twice')", &[])?;
                Ok(())
            });
            assert!(inner.is_err());
            tx.execute("INSERT INTO thing VALUES (3, 'kept')", &[])
        };
        test.db.write::<u64, Error>(write).unwrap();
        assert_eq!(count(&test, "thing"), 2, "{}", test.name);
    }
}

#[test]
fn rows_stream() {
    for test in ready() {
        let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT CAST(i AS BIGINT) FROM n";
        let mut sum = 0;
        let read = |tx: &mut crate::Tx<'_>| {
            tx.stream(many, &[200_000i64.into()], &mut |row| {
                sum += row.get::<i64>(0)?;
                Ok(if sum > 1_000_000 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })
        };
        test.db.read::<(), Error>(read).unwrap();
        assert!((1_000_000..1_010_000).contains(&sum), "{sum}");
        // The connection is good for more after a stream was left early.
        assert_eq!(count(&test, "thing"), 0);
    }
}

/// Writers that commit out of order: a reader that follows the feed misses none. (With a cursor over the bare sequence it
/// does, which the same test counts on PostgreSQL.)
#[test]
fn no_event_is_skipped() {
    for test in ready() {
        let world = World::system();
        let written = AtomicU32::new(0);
        const WRITERS: u32 = 8;
        const EACH: u32 = 40;
        let mut seen = Vec::new();
        let mut naive = BTreeSet::new();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (db, world, written) = (&test.db, &world, &written);
                scope.spawn(move || {
                    for number in 0..EACH {
                        let cx = world.system_ctx();
                        let pause = u64::from(cx.world.secret::<1>()[0]) % 12;
                        db.write::<(), Error>(move |tx| {
                            tx.emit(&event(&cx, i64::from(writer * EACH + number)))?;
                            if tx.dialect().is_postgres() {
                                std::thread::sleep(Duration::from_millis(pause));
                            }
                            Ok(())
                        })
                        .unwrap();
                        written.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let mut at = Position::START;
            let mut naive_at = 0i64;
            let mut patience = 500;
            loop {
                let finished = written.load(Ordering::SeqCst) == WRITERS * EACH;
                let events = test
                    .db
                    .read::<_, Error>(|tx| feed::read(tx, at, "", 1_000))
                    .unwrap();
                for event in &events {
                    at = Position::parse(&event.cursor).unwrap();
                    seen.push(event.data["number"].as_i64().unwrap());
                }
                let rows = test.db.read::<_, Error>(|tx| {
                    tx.query(
                        "SELECT seq FROM feed WHERE seq > ?1 ORDER BY seq",
                        &[naive_at.into()],
                    )
                });
                for row in rows.unwrap() {
                    naive_at = row.get(0).unwrap();
                    naive.insert(naive_at);
                }
                // Writers of other databases of the server hold the last events back for a moment, never for good.
                if finished && events.is_empty() {
                    if seen.len() == 320 || patience == 0 {
                        break;
                    }
                    patience -= 1;
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
        let unique: BTreeSet<_> = seen.iter().collect();
        assert_eq!((seen.len(), unique.len()), (320, 320), "{}", test.name);
        if test.name == "postgres" {
            assert!(
                naive.len() < 320,
                "the naive cursor should have skipped some; it saw {}",
                naive.len()
            );
        }
    }
}

#[test]
fn consumers_act_once() {
    for test in ready() {
        let cx = world().system_ctx();
        let writer = cx.clone();
        let write =
            move |tx: &mut crate::Tx<'_>| (0..100).try_for_each(|number| tx.emit(&event(&writer, number)));
        test.db.write::<(), Error>(write).unwrap();
        events_show(&test.db).unwrap();
        let failures = Arc::new(AtomicU32::new(0));
        let mut rounds = 0;
        loop {
            let failures = Arc::clone(&failures);
            let result = feed::consume::<Error>(&test.db, &cx, "test", 7, move |tx, event| {
                let number = event.data["number"].as_i64().unwrap();
                tx.execute("INSERT INTO thing VALUES (?1, 'effect')", &[number.into()])?;
                // Now and then the consumer dies after some effects of its batch.
                if failures.fetch_add(1, Ordering::SeqCst) % 10 == 9 {
                    return Err(Error::Closed);
                }
                Ok(())
            });
            rounds += 1;
            if matches!(result, Ok(0)) || rounds > 200 {
                break;
            }
        }
        assert_eq!(count(&test, "thing"), 100, "{}", test.name);
        let lags = test.db.read::<_, Error>(feed::lags).unwrap();
        assert_eq!(lags[0].2, 0);
        let replay = cx.clone();
        test.db
            .write::<(), Error>(move |tx| feed::set_cursor(tx, &replay, "test", Position::START))
            .unwrap();
        assert_eq!(test.db.read::<_, Error>(feed::lags).unwrap()[0].2, 100);
        // Nothing is pruned that a consumer has not seen.
        assert_eq!(
            test.db.write::<u64, Error>(|tx| feed::prune(tx, "2099")).unwrap(),
            0
        );
    }
}

#[test]
fn jobs_are_tried_again_and_put_aside() {
    for test in ready() {
        let world = world();
        let tries = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&tries);
        let handler: JobHandler = Arc::new(move |_, _, job| {
            log.lock().unwrap().push(job.kind.clone());
            if job.kind == "good" {
                Ok(())
            } else {
                Err(JobError::Retry("not yet".into()))
            }
        });
        let handlers: BTreeMap<_, _> = ["good", "bad"]
            .map(|kind| (kind.to_owned(), Arc::clone(&handler)))
            .into();
        let cx = world.system_ctx();
        let added = test.db.write::<_, Error>(move |tx| {
            let keyed = NewJob {
                dedupe_key: Some("k".into()),
                ..NewJob::now(&cx, "good", json!({}))
            };
            let first = tx.enqueue(&cx, &keyed)?;
            assert_eq!(tx.enqueue(&cx, &keyed)?, first);
            tx.enqueue(
                &cx,
                &NewJob {
                    max_attempts: 3,
                    ..NewJob::now(&cx, "bad", json!({}))
                },
            )
        });
        let bad = added.unwrap();
        for _ in 0..10 {
            while jobs::run_one(&test.db, &world.system_ctx(), "w", &["good", "bad"], &handlers).unwrap() {}
            world.clock().advance(SignedDuration::from_hours(2));
        }
        let mut tried = tries.lock().unwrap().clone();
        tried.sort();
        assert_eq!(tried, ["bad", "bad", "bad", "good"], "{}", test.name);
        let job = test
            .db
            .read::<_, Error>(|tx| jobs::find(tx, bad.as_str()))
            .unwrap()
            .unwrap();
        assert_eq!(
            (job.state.as_str(), job.error.as_deref()),
            ("dead", Some("not yet"))
        );
        let cx = world.system_ctx();
        assert!(
            test.db
                .write::<_, Error>(move |tx| jobs::requeue(tx, &cx, bad.as_str()))
                .unwrap()
        );
        assert!(jobs::run_one(&test.db, &world.system_ctx(), "w", &["bad"], &handlers).unwrap());
    }
}

#[test]
fn a_lease_that_ran_out_ends_nothing() {
    for test in ready() {
        let world = world();
        let cx = world.system_ctx();
        test.db
            .write::<_, Error>(move |tx| tx.enqueue(&cx, &NewJob::now(&cx, "a", json!({}))))
            .unwrap();
        let claim = |worker: &str| jobs::claim(&test.db, &world.system_ctx(), worker, &["a"]).unwrap();
        let end =
            |job: &jobs::Job,
             how: fn(&mut crate::Tx<'_>, &banyan_base::Ctx, &jobs::Job) -> Result<bool, Error>| {
                let (cx, job) = (world.system_ctx(), job.clone());
                test.db.write::<_, Error>(move |tx| how(tx, &cx, &job)).unwrap()
            };
        let first = claim("one").unwrap();
        assert!(claim("two").is_none());
        assert!(end(&first, |tx, cx, job| jobs::report(
            tx,
            cx,
            job,
            &json!({ "rows": 1 })
        )));
        world.clock().advance(jobs::LEASE + SignedDuration::from_secs(1));
        let second = claim("two").unwrap();
        assert_eq!((second.attempts, second.leased_by.as_deref()), (2, Some("two")));
        // The first worker wakes: whatever it says about the job is not heard.
        assert!(!end(&first, |tx, cx, job| jobs::report(
            tx,
            cx,
            job,
            &json!({ "rows": 9 })
        )));
        assert!(!end(&first, jobs::complete));
        assert!(!end(&first, |tx, cx, job| jobs::fail(
            tx,
            cx,
            job,
            &JobError::Fail("late".into())
        )));
        let state = |id: &str| {
            test.db
                .read::<_, Error>(|tx| jobs::find(tx, id))
                .unwrap()
                .unwrap()
        };
        let now = state(&second.id);
        assert_eq!(
            (now.state.as_str(), &now.progress),
            ("running", &json!({ "rows": 1 })),
            "{}",
            test.name
        );
        // Nor is it where the job fell to a worker of the same name, dead and counted anew.
        assert!(end(&second, |tx, cx, job| jobs::fail(
            tx,
            cx,
            job,
            &JobError::Fail("no".into())
        )));
        assert!(end(&second, |tx, cx, job| jobs::requeue(tx, cx, &job.id)));
        let third = claim("three").unwrap();
        assert_eq!(third.attempts, 1);
        assert!(!end(&first, jobs::complete));
        assert!(end(&third, |tx, cx, job| jobs::cancel(tx, cx, &job.id)));
        assert!(!end(&third, jobs::complete));
        assert_eq!(state(&third.id).state, "cancelled");
    }
}

#[test]
fn blobs_are_kept_by_content() {
    let test = crate::testing::sqlite().unwrap();
    let blobs = crate::Blobs::open(&test.folder.join("blobs")).unwrap();
    let cx = world().system_ctx();
    let first = blobs.put(&cx, &mut &b"hello"[..], 10).unwrap().unwrap();
    assert_eq!(blobs.put(&cx, &mut &b"hello"[..], 10).unwrap().unwrap(), first);
    assert_eq!(
        first.hash,
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    );
    assert!(
        blobs
            .put(&cx, &mut &b"hello, too long"[..], 10)
            .unwrap()
            .is_none()
    );
    assert!(blobs.get(&first.hash).unwrap().is_some());
    assert!(blobs.get("../../etc/passwd").unwrap().is_none());
}

#[test]
fn a_backup_is_a_database() {
    let test = crate::testing::sqlite().unwrap();
    test.db
        .write::<_, crate::Error>(|tx| tx.batch("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x')"))
        .unwrap();
    let target = test.folder.join("copy.db");
    test.db.backup(&target).unwrap();
    assert!(
        test.db.backup(&target).is_err(),
        "an existing file is not written over"
    );
    let copy = crate::Db::open(
        &format!("sqlite:{}", target.display()),
        &crate::Options::default(),
    )
    .unwrap();
    let rows = copy
        .read::<_, crate::Error>(|tx| tx.query("SELECT a FROM t", &[]))
        .unwrap();
    assert_eq!(rows.len(), 1);
    copy.close();
}
