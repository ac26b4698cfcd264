//! Clocks of states: wound, stopped, run out once, by days of the calendar and by working days.

use banyan_base::World;
use banyan_door::Input;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::support::{Bed, beds_in, files, on};

const PACKAGE: &str = "id = \"desk\"\ntitle = { zh = \"受理\" }\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
/// The holidays' registry as others see it: only its two fields matter here.
const BASE: &str =
    "id = \"base\"\ntitle = { zh = \"基础\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const HOLIDAY: &str = "title = { zh = \"节假日\" }\nlabel = \"name\"\nkey = [\"date\"]\n[fields.date]\ntype = \"date\"\ntitle = { zh = \"日期\" }\nrequired = true\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\n[fields.off]\ntype = \"boolean\"\ntitle = { zh = \"放假\" }\nrequired = true\n";
/// National Day 2022: off from 1 to 7 October, made up for on 8 and 9 October (a weekend).
const OCTOBER: &str = "date,name,off\n2022-10-01,国庆节,true\n2022-10-02,国庆节,true\n2022-10-03,国庆节,true\n2022-10-04,国庆节,true\n2022-10-05,国庆节,true\n2022-10-06,国庆节,true\n2022-10-07,国庆节,true\n2022-10-08,国庆节调休,false\n2022-10-09,国庆节调休,false\n";

fn request(clocks: &str) -> String {
    format!(
        r#"
title = {{ zh = "申请" }}
label = "name"
[fields.name]
type = "text"
title = {{ zh = "名称" }}
required = true
[fields.told]
type = "integer"
title = {{ zh = "催办次数" }}
default = "0"
[lifecycle]
initial = "open"
[lifecycle.states.open]
title = {{ zh = "待受理" }}
[lifecycle.states.taken]
title = {{ zh = "办理中" }}
[lifecycle.states.lapsed]
title = {{ zh = "超时" }}
final = true
[lifecycle.transitions.take]
title = {{ zh = "受理" }}
from = ["open"]
to = "taken"
[lifecycle.transitions.back]
title = {{ zh = "退回" }}
from = ["taken"]
to = "open"
[lifecycle.transitions.lapse]
title = {{ zh = "超时" }}
from = ["open", "taken"]
to = "lapsed"
{clocks}
"#
    )
}

const CLOCKS: &str = r#"
[lifecycle.clocks.answer]
state = "open"
after = "P5D"
working_days = true
transition = "lapse"
[lifecycle.clocks.remind]
state = "taken"
after = "PT36H"
"#;
const TRIGGERS: &str = "[triggers.remind]\ntitle = { zh = \"催办\" }\non = { event = \"desk.request.clock_remind\" }\ndo = { update = \"request\", with = { told = \"record.told + 1\" } }\n";

fn fill(bed: &Bed, clocks: &str, version: &str) {
    let base = files(&[
        ("package.toml", BASE),
        ("records/holiday.toml", HOLIDAY),
        ("seeds/01-holiday.csv", OCTOBER),
    ]);
    bed.apply(base, false).unwrap();
    let package = PACKAGE.replace("1.0.0", version);
    let request = request(clocks);
    let triggers = if clocks.is_empty() { "" } else { TRIGGERS };
    let package = files(&[
        ("package.toml", &package),
        ("records/request.toml", &request),
        ("triggers.toml", triggers),
    ]);
    bed.apply(package, false).unwrap();
}

fn create(bed: &Bed) -> String {
    let made = bed.create("desk.request", &json!({ "name": "甲" })).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

fn view(bed: &Bed, id: &str) -> Json {
    bed.ask(
        "record.view",
        on("desk.request", Input::default().with_path("id", id)),
    )
    .unwrap()
}

fn step(bed: &Bed, id: &str, name: &str) {
    let input = Input {
        if_match: Some("*".into()),
        ..Input::json(json!({}))
    };
    bed.ask(
        "record.transition",
        on("desk.request", input.with_path("id", id).with_path("name", name)),
    )
    .unwrap();
}

/// Moves the clock and lets what is due act; gives how many clocks acted.
fn pass(bed: &Bed, to: &str) -> usize {
    let platform = &bed.platform;
    assert!(platform.world.clock().set(to.parse().unwrap()));
    let cx = bed.system();
    let acted = banyan_registry::run_clocks(&platform.registry, &platform.door, &platform.db, &cx).unwrap();
    // On PostgreSQL an event shows when no older transaction of the server runs: triggers are waited for by who needs them.
    let _ = banyan_registry::run_events(&platform.registry, &platform.door, &platform.db, &cx).unwrap();
    acted
}

fn world() -> World {
    let clock = banyan_base::ManualClock::new("2022-09-29T02:00:00Z".parse().unwrap());
    World::new(Arc::new(clock), 3)
}

#[test]
fn clocks_run_out_once_by_the_calendar_of_working_days() {
    for bed in beds_in(&world) {
        fill(&bed, CLOCKS, "1.0.0");
        // Thursday 29 September: working days are 30 September, then 8, 9, 10, 11 October; 24:00 of the last.
        let id = create(&bed);
        let clocks = view(&bed, &id)["clocks"].clone();
        let due = json!([{ "name": "answer", "due_at": "2022-10-11T16:00:00.000Z", "transition": "lapse" }]);
        assert_eq!(clocks, due, "{}", bed.name());
        assert_eq!(pass(&bed, "2022-10-11T15:59:00Z"), 0);
        assert_eq!(view(&bed, &id)["state"], "open");
        // Two servers that look at once: it acts once.
        let other = bed.platform.clone();
        bed.platform
            .world
            .clock()
            .set("2022-10-11T16:00:00Z".parse().unwrap());
        let thread = std::thread::spawn(move || {
            let cx = other.world.system_ctx();
            banyan_registry::run_clocks(&other.registry, &other.door, &other.db, &cx).unwrap()
        });
        let acted = pass(&bed, "2022-10-11T16:00:00Z") + thread.join().unwrap();
        assert_eq!(acted, 1, "{}", bed.name());
        let lapsed = view(&bed, &id);
        assert_eq!(
            (&lapsed["state"], &lapsed["version"]),
            (&json!("lapsed"), &json!(2))
        );
        assert_eq!(pass(&bed, "2022-12-01T00:00:00Z"), 0);

        // A clock stops when its state is left, and begins anew when it is entered again; hours run through the night.
        let id = create(&bed);
        step(&bed, &id, "take");
        assert_eq!(view(&bed, &id)["clocks"][0]["due_at"], "2022-12-02T12:00:00.000Z");
        step(&bed, &id, "back");
        step(&bed, &id, "take");
        assert_eq!(pass(&bed, "2022-12-02T11:59:59Z"), 0);
        assert_eq!(pass(&bed, "2022-12-02T12:00:00Z"), 1);
        let mut patience = 0;
        while view(&bed, &id)["fields"]["told"] != json!(1) {
            assert!(patience < 600, "{}: the trigger did not act", bed.name());
            patience += 1;
            std::thread::sleep(std::time::Duration::from_millis(50));
            pass(&bed, "2022-12-02T12:00:00Z");
        }
        assert_eq!(view(&bed, &id)["state"], "taken");
        assert_eq!(pass(&bed, "2022-12-31T12:00:00Z"), 0);
    }
}

#[test]
fn an_upgrade_winds_clocks_from_when_their_states_began() {
    for bed in beds_in(&world) {
        fill(&bed, "", "1.0.0");
        let (taken, open) = (create(&bed), create(&bed));
        bed.platform.world.clock().advance(SignedDuration::from_hours(10));
        step(&bed, &taken, "take");
        bed.platform.world.clock().advance(SignedDuration::from_hours(10));
        // A change that leaves the state alone.
        let input = Input {
            if_match: Some("*".into()),
            ..Input::json(json!({ "fields": { "name": "乙" } }))
        };
        bed.ask(
            "record.update",
            on("desk.request", input.with_path("id", &*taken)),
        )
        .unwrap();
        assert_eq!(view(&bed, &taken)["clocks"], Json::Null);
        fill(&bed, CLOCKS, "1.1.0");
        assert_eq!(
            view(&bed, &taken)["clocks"][0]["due_at"],
            "2022-10-01T00:00:00.000Z",
            "{}",
            bed.name()
        );
        assert_eq!(
            view(&bed, &open)["clocks"][0]["due_at"],
            "2022-10-11T16:00:00.000Z"
        );
        // Without clocks again none is left.
        fill(&bed, "", "1.2.0");
        assert_eq!(pass(&bed, "2023-10-11T16:00:00Z"), 0);
        assert_eq!(view(&bed, &open)["state"], "open");
    }
}
