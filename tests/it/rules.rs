//! What declarations promise of single writes: codes in their days, versions only for changes, triggers on deletion, and
//! who did it by name.

use std::sync::Arc;

use banyan::platform::Platform;
use banyan_base::{ManualClock, Problem, SourceFile, World};
use banyan_door::Input;
use banyan_store::testing::databases;
use serde_json::{Value as Json, json};

use crate::support::{Bed, document, files, on};

const PACKAGE: &str = r#"
id = "desks"
title = { zh = "窗口" }
word = "service"
owner = "省数字办"
version = "1.0.0"
"#;
const KIND: &str = r#"
title = { zh = "类别" }
[[items]]
code = "plain"
title = { zh = "普通" }
[[items]]
code = "gone"
title = { zh = "旧类" }
until = "2022-03-01"
[[items]]
code = "coming"
title = { zh = "新类" }
from = "2022-03-05"
"#;
const DESK: &str = r#"
title = { zh = "窗口" }
label = "name"
key = ["name"]
[fields.name]
type = "text"
title = { zh = "名称" }
required = true
[fields.kind]
type = "code"
list = "kind"
title = { zh = "类别" }
[fields.kinds]
type = "code"
list = "kind"
many = true
title = { zh = "兼办" }
[fields.price]
type = "decimal"
scale = 2
title = { zh = "价格" }
[fields.third]
type = "computed"
result = "decimal"
scale = 2
feel = "price / 3"
title = { zh = "三分之一" }
[lifecycle]
initial = "open"
[lifecycle.states.open]
title = { zh = "开放" }
[lifecycle.transitions.inspect]
title = { zh = "检查" }
from = ["open"]
to = "open"
"#;
const LOG: &str = r#"
title = { zh = "日志" }
label = "text"
[fields.text]
type = "text"
title = { zh = "内容" }
"#;
const TRIGGERS: &str = r#"
[triggers.keep]
title = { zh = "留痕" }
on = { event = "desks.desk.deleted" }
when = 'before.name = record.name'
do = { create = "log", with = { text = 'record.name + "已撤销,原为" + record.state' } }

[triggers.same]
title = { zh = "照旧" }
on = { event = "desks.desk.updated" }
do = { update = "desk", with = { name = "record.name" } }
"#;
const SEEDS: &str = "name,kind\n老窗口,gone\n";

fn package() -> Vec<SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("codes/kind.toml", KIND),
        ("records/desk.toml", DESK),
        ("records/log.toml", LOG),
        ("triggers.toml", TRIGGERS),
        ("seeds/01-desk.csv", SEEDS),
    ])
}

/// The package on each database; the clock stands at 8 o'clock of 1 March 2022 in China.
fn beds() -> Vec<Bed> {
    let mut all = Vec::new();
    for test in databases().unwrap() {
        let clock = ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap());
        let world = World::new(Arc::new(clock), 5);
        let platform = Platform::over(test.db.clone(), world, false, &test.folder).unwrap();
        let bed = Bed { platform, test };
        bed.apply(package(), false).unwrap();
        all.push(bed);
    }
    all
}

fn update(bed: &Bed, id: &str, body: Json) -> Result<Json, String> {
    let mut input = on("desks.desk", Input::json(body)).with_path("id", id);
    input.if_match = Some("*".into());
    bed.ask("record.update", input).map_err(|problem| {
        problem
            .errors
            .iter()
            .map(|error| format!("{} {}", error.pointer, error.message))
            .collect()
    })
}

fn id(record: &Json) -> &str {
    record["id"].as_str().unwrap()
}

fn events(bed: &Bed, kind: &str) -> Vec<Json> {
    let query = vec![
        ("type".into(), format!("banyan.desks.{kind}")),
        ("limit".into(), "1000".into()),
    ];
    let input = Input {
        query,
        ..Input::default()
    };
    banyan_store::testing::events_show(&bed.platform.db).unwrap();
    let page = bed.ask("event.list", input).unwrap();
    page["items"].as_array().unwrap().clone()
}

/// Runs the triggers until nothing is left to react to. On PostgreSQL events are held back while older transactions of
/// the cluster run, those of other tests too.
fn react(bed: &Bed) {
    let (platform, cx) = (&bed.platform, bed.system());
    let waiting = "SELECT COUNT(*) FROM feed f WHERE NOT EXISTS (SELECT 1 FROM feed_cursor c
        WHERE c.consumer = 'triggers' AND (c.xid, c.seq) >= (f.xid, f.seq))";
    for _ in 0..600 {
        while banyan_registry::run_events(&platform.registry, &platform.door, &platform.db, &cx).unwrap() > 0
        {
        }
        let left: Result<i64, Problem> = platform
            .db
            .read(|tx| Ok(tx.query_opt(waiting, &[])?.unwrap().get(0)?));
        if left.unwrap() == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{}: events are held back for half a minute", bed.name());
}

#[test]
fn codes_are_chosen_in_their_days() {
    for bed in beds() {
        let name = bed.name();
        let create = |fields: Json| {
            bed.create("desks.desk", &fields)
                .map_err(|problem| problem.errors[0].message.clone())
        };
        // The last day counts, the first day has not come.
        let old = create(json!({ "name": "一号", "kind": "gone", "kinds": ["gone"] })).unwrap();
        let early = create(json!({ "name": "二号", "kind": "coming" })).unwrap_err();
        assert!(early.contains("2022-03-05"), "{name} {early}");

        bed.platform
            .world
            .clock()
            .advance(jiff::SignedDuration::from_hours(24 * 4));
        create(json!({ "name": "二号", "kind": "coming" })).unwrap();
        let late = create(json!({ "name": "三号", "kind": "gone" })).unwrap_err();
        assert!(late.contains("2022-03-01"), "{name} {late}");
        let late = create(json!({ "name": "三号", "kinds": ["plain", "gone"] })).unwrap_err();
        assert!(late.contains("旧类"), "{name} {late}");
        // What was chosen stays on other edits, sent again or not; it can't be chosen anew.
        let whole = json!({ "fields": { "name": "一号甲", "kind": "gone", "kinds": ["gone", "plain"] } });
        update(&bed, id(&old), whole).unwrap();
        update(&bed, id(&old), json!({ "fields": { "kind": "plain" } })).unwrap();
        let back = update(&bed, id(&old), json!({ "fields": { "kind": "gone" } })).unwrap_err();
        assert!(back.starts_with("/fields/kind "), "{name} {back}");
        // A package may bring what was.
        let mut again = package();
        again[5].bytes = format!("{SEEDS}更老的窗口,gone\n").into_bytes();
        bed.apply(again, false).unwrap();
    }
}

#[test]
fn a_write_that_changes_nothing_is_no_version() {
    for bed in beds() {
        let name = bed.name();
        let made = bed
            .create(
                "desks.desk",
                &json!({ "name": "一号", "price": 10, "kinds": ["plain"] }),
            )
            .unwrap();
        assert_eq!(made["fields"]["third"], 3.33, "{name}");
        for body in [
            json!({ "fields": { "name": "一号" } }),
            json!({ "fields": { "price": 10.00, "kinds": ["plain"] }, "note": "没有变" }),
            json!({ "fields": { "price": "10" } }),
            json!({ "fields": {} }),
        ] {
            let after = update(&bed, id(&made), body.clone()).unwrap();
            assert_eq!(after["version"], 1, "{name} {body}");
        }
        react(&bed);
        assert_eq!(events(&bed, "desk.updated").len(), 0, "{name}");
        // One change, one version: the trigger on it finds nothing to change.
        update(&bed, id(&made), json!({ "fields": { "price": 11 } })).unwrap();
        react(&bed);
        assert_eq!(events(&bed, "desk.updated").len(), 1, "{name}");
        // A transition is a version even where it changes nothing.
        let mut input = on("desks.desk", Input::json(json!({ "fields": {} })))
            .with_path("id", id(&made))
            .with_path("name", "inspect");
        input.if_match = Some("*".into());
        assert_eq!(
            bed.ask("record.transition", input).unwrap()["version"],
            3,
            "{name}"
        );
        react(&bed);
        assert_eq!(events(&bed, "desk.inspect").len(), 1, "{name}");
    }
}

#[test]
fn triggers_act_on_what_was_deleted() {
    for bed in beds() {
        let made = bed.create("desks.desk", &json!({ "name": "一号" })).unwrap();
        react(&bed);
        let mut input = on("desks.desk", Input::default()).with_path("id", id(&made));
        input.if_match = Some("*".into());
        bed.call(&bed.system(), "record.delete", input).unwrap();
        react(&bed);
        let logs = bed.ask("record.list", on("desks.log", Input::default())).unwrap();
        let texts: Vec<&str> = logs["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|log| log["fields"]["text"].as_str())
            .collect();
        assert_eq!(texts, ["一号已撤销,原为open"], "{}", bed.name());
    }
}

#[test]
fn histories_name_who_acted() {
    for bed in beds() {
        let name = bed.name();
        let account =
            json!({ "login": "chen", "name": "陈经办", "roles": ["admin"], "password": "Kai-2022-men" });
        let account = bed.ask("account.create", Input::json(account)).unwrap();
        let made = bed.create("desks.desk", &json!({ "name": "一号" })).unwrap();
        let mut actor = banyan_base::Actor::system();
        actor.id = id(&account).to_owned();
        let cx = bed.platform.world.ctx(actor);
        let mut input =
            on("desks.desk", Input::json(json!({ "fields": { "price": 3 } }))).with_path("id", id(&made));
        input.if_match = Some("*".into());
        bed.call(&cx, "record.update", input).map(document).unwrap();
        let history = on("desks.desk", Input::default()).with_path("id", id(&made));
        let history = bed.ask("record.history", history).unwrap();
        assert_eq!(history["items"][0]["by"], account["id"], "{name}");
        assert_eq!(history["items"][0]["by_name"], "陈经办", "{name}");
        react(&bed);
        let updated = events(&bed, "desk.updated");
        assert_eq!(updated[0]["actor"], account["id"], "{name}");
        assert_eq!(updated[0]["actorname"], "陈经办", "{name}");
    }
}
