//! What a server tidies once a day, and what administrators see of jobs and metrics.

use std::time::Duration;

use banyan::config::Store;
use banyan::upkeep::{self, Dropped};
use banyan_base::{Actor, Ctx, Problem};
use banyan_door::Input;
use banyan_store::feed;
use banyan_store::jobs::{self, JobError, NewJob};
use banyan_store::testing::events_show;
use jiff::SignedDuration;
use serde_json::json;

use crate::support::{Bed, beds, files};

const PACKAGE: &str =
    "id = \"days\"\ntitle = { zh = \"日子\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const NOTE: &str = r#"
title = { zh = "便条" }
label = "text"
[fields.text]
type = "text"
title = { zh = "内容" }
required = true
[fields.about]
type = "text"
title = { zh = "所指" }
"#;
const TRIGGERS: &str = r#"
[triggers.every_day]
title = { zh = "每日" }
on = { daily = "note", filter = "about IS NULL" }
do = { create = "note", with = { text = '"每日"', about = "record.id" } }
"#;

fn fill(bed: &Bed) {
    let package = files(&[
        ("package.toml", PACKAGE),
        ("records/note.toml", NOTE),
        ("triggers.toml", TRIGGERS),
    ]);
    bed.apply(package, false).unwrap();
    for text in ["甲", "乙", "丙"] {
        bed.create("days.note", &json!({ "text": text })).unwrap();
    }
}

fn later(bed: &Bed, days: i64) -> Ctx {
    let mut cx = bed.system();
    cx.now += SignedDuration::from_hours(24 * days);
    cx
}

fn count(bed: &Bed, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    let row = bed
        .platform
        .db
        .read::<_, Problem>(|tx| Ok(tx.query_opt(&sql, &[])?));
    row.unwrap().unwrap().get(0).unwrap()
}

/// A job that was tried once and set aside.
fn dead_job(bed: &Bed) -> String {
    let cx = bed.system();
    let add = bed
        .platform
        .db
        .write::<_, Problem>(move |tx| Ok(tx.enqueue(&cx, &NewJob::now(&cx, "t", json!({})))?));
    let id = add.unwrap().into_string();
    let job = jobs::claim(&bed.platform.db, &bed.system(), "w", &["t"])
        .unwrap()
        .unwrap();
    assert_eq!(job.id, id);
    let cx = bed.system();
    let failed = bed
        .platform
        .db
        .write::<_, Problem>(move |tx| Ok(jobs::fail(tx, &cx, &job, &JobError::Fail("坏".into()))?));
    assert!(failed.unwrap());
    id
}

#[test]
fn what_is_old_and_seen_by_all_is_dropped() {
    for bed in beds() {
        fill(&bed);
        let with_key = Input {
            idempotency_key: Some("k".into()),
            ..Input::json(json!({ "fields": { "text": "丁" } }))
        };
        bed.ask("record.create", crate::support::on("days.note", with_key))
            .unwrap();
        let events = count(&bed, "feed");
        let keep = Store::default();
        let run = |days: i64| upkeep::run(&bed.platform.db, &later(&bed, days), &keep).unwrap();
        assert_eq!(run(0), Dropped::default());
        // Triggers have not seen them yet.
        let cx = bed.system();
        events_show(&bed.platform.db).unwrap();
        feed::consume::<Problem>(&bed.platform.db, &cx, "slow", 2, |_, _| Ok(())).unwrap();
        assert_eq!(
            run(100),
            Dropped {
                events: 2,
                jobs: 0,
                approvals: 0,
                replies: 1
            },
            "{}",
            bed.name()
        );
        while feed::consume::<Problem>(&bed.platform.db, &cx, "slow", 100, |_, _| Ok(())).unwrap() > 0 {}
        let forever = Store {
            feed_days: 0,
            job_days: 0,
            ..Store::default()
        };
        assert_eq!(
            upkeep::run(&bed.platform.db, &later(&bed, 100), &forever).unwrap(),
            Dropped::default()
        );
        let id = dead_job(&bed);
        assert_eq!(run(100).events, u64::try_from(events).unwrap() - 2);
        assert_eq!(
            (count(&bed, "feed"), count(&bed, "job")),
            (0, 1),
            "dead jobs wait for someone"
        );
        let act = |verb: &str| bed.ask(verb, Input::default().with_path("id", id.as_str()));
        assert_eq!(act("job.requeue").unwrap()["state"], "waiting");
        assert_eq!(act("job.cancel").unwrap()["state"], "cancelled");
        assert_eq!(run(29).jobs, 0);
        assert_eq!(run(31).jobs, 1);
    }
}

#[test]
fn the_days_work_is_done_once_a_day() {
    for bed in beds() {
        fill(&bed);
        let platform = &bed.platform;
        let day = |days: i64| {
            banyan_registry::run_day(
                &platform.registry,
                &platform.door,
                &platform.db,
                &later(&bed, days),
            )
            .unwrap()
        };
        let done: Vec<bool> = [0, 0, 1, 1, 0].map(day).into();
        assert_eq!(done, [true, false, true, false, false], "{}", bed.name());
        assert_eq!(count(&bed, "r_days__note"), 3 + 2 * 3);
    }
}

#[test]
fn a_long_day_is_shared_between_servers_and_none_of_it_done_twice() {
    for bed in beds() {
        fill(&bed);
        for number in 0..500 {
            bed.create("days.note", &json!({ "text": format!("{number} 号") }))
                .unwrap();
        }
        let servers: Vec<_> = (0..3)
            .map(|_| {
                let (platform, cx) = (bed.platform.clone(), later(&bed, 1));
                std::thread::spawn(move || {
                    banyan_registry::run_day(&platform.registry, &platform.door, &platform.db, &cx).unwrap()
                })
            })
            .collect();
        let worked = servers
            .into_iter()
            .filter_map(|server| server.join().unwrap().then_some(()))
            .count();
        assert!(worked >= 1, "{}", bed.name());
        // Each of the 503 has one note about it, and no note about a note was made.
        assert_eq!(count(&bed, "r_days__note"), 2 * 503, "{}", bed.name());
        let distinct = "(SELECT DISTINCT f_about FROM r_days__note WHERE f_about IS NOT NULL) AS t";
        assert_eq!(count(&bed, distinct), 503, "{}", bed.name());
    }
}

#[test]
fn administrators_see_jobs_and_figures() {
    for bed in beds() {
        fill(&bed);
        let id = dead_job(&bed);
        let person = Actor {
            roles: [].into(),
            ..Actor::anonymous()
        };
        let cx = bed.platform.world.ctx(person);
        assert!(matches!(
            bed.call(&cx, "job.list", Input::default())
                .unwrap_err()
                .code
                .status,
            401 | 403
        ));
        let query = |state: &str| Input {
            query: vec![("state".into(), state.into())],
            ..Input::default()
        };
        let dead = bed.ask("job.list", query("dead")).unwrap();
        assert_eq!(
            (&dead["items"][0]["id"], &dead["items"][0]["error"]),
            (&json!(id), &json!("坏"))
        );
        assert_eq!(bed.ask("job.list", query("asleep")).unwrap_err().code.status, 400);
        let view = |id: &str| bed.ask("job.view", Input::default().with_path("id", id));
        assert_eq!(view(&id).unwrap()["state"], "dead");
        assert_eq!(view("x").unwrap_err().code.status, 404);
        let cancel = bed.ask("job.cancel", Input::default().with_path("id", id.as_str()));
        assert_eq!(cancel.unwrap_err().code.status, 409);
        let address = bed.serve();
        let told = |name: &str| {
            let mut answer = ureq::get(format!("http://{address}/metrics")).call().unwrap();
            let text = answer.body_mut().read_to_string().unwrap();
            let line = text
                .lines()
                .find(|line| line.starts_with(name))
                .map(str::to_owned);
            line.unwrap_or_default()
        };
        assert_eq!(told("banyan_jobs{"), "banyan_jobs{state=\"dead\"} 1");
        let bytes = told("banyan_database_bytes ");
        assert!(
            bytes.rsplit(' ').next().unwrap().parse::<u64>().unwrap() > 100_000,
            "{bytes}"
        );
        assert_ne!(told("banyan_database_connections{state=\"idle\"}"), "");
        let lag = || told("banyan_feed_lag_events{consumer=\"triggers\"}");
        let drained = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            lag().ends_with(" 0")
        });
        assert!(drained, "{}", lag());
    }
}
