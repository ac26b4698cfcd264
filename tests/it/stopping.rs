//! A server that is told to stop doesn't wait for long work, and the next one goes on with it.

use std::time::{Duration, Instant};

use banyan_base::World;
use banyan_door::{Body, Input, Upload};
use banyan_store::jobs::Worker;
use serde_json::Value as Json;

use crate::support::{Bed, beds, files, on};

const PACKAGE: &str =
    "id = \"lists\"\ntitle = { zh = \"名册\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const NAME: &str = "title = { zh = \"名字\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名字\" }\n";
const ROWS: usize = 6_000;

fn run(bed: &Bed, id: &str) -> Json {
    bed.ask("import.view", Input::default().with_path("id", id))
        .unwrap()
}

fn until(bed: &Bed, id: &str, what: impl Fn(&Json) -> bool) -> Json {
    let began = Instant::now();
    loop {
        let run = run(bed, id);
        if what(&run) {
            return run;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{} {run}", bed.name());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn work(bed: &Bed) -> Worker {
    Worker::start(&bed.platform.db, &World::system(), 1, bed.platform.job_handlers()).unwrap()
}

#[test]
fn an_import_goes_on_after_a_stop_without_doubling_rows() {
    for bed in beds() {
        let name = bed.name();
        bed.apply(
            files(&[("package.toml", PACKAGE), ("records/name.toml", NAME)]),
            false,
        )
        .unwrap();
        let mut table = String::from("名字\n");
        for number in 0..ROWS {
            table.push_str(&format!("第{number}号\n"));
        }
        let mut input = on("lists.name", Input::default());
        input.body = Body::Upload(Upload::memory(
            "text/csv",
            Some("a.csv".into()),
            table.into_bytes(),
        ));
        let started = bed.ask("import.start", input).unwrap();
        let id = started["id"].as_str().unwrap();

        let first = work(&bed);
        until(&bed, id, |run| run["done"].as_i64() > Some(0));
        first.stop();
        let stopped = run(&bed, id);
        assert_eq!(stopped["state"], "running", "{name} {stopped}");
        let done = stopped["done"].as_u64().unwrap();
        assert!(done > 0 && done < ROWS as u64, "{name} {stopped}");

        // At once: not after a lease has run out.
        let second = work(&bed);
        let ended = until(&bed, id, |run| run["state"] == "done");
        second.stop();
        assert_eq!(ended["created"], ROWS, "{name} {ended}");
        let mut list = on("lists.name", Input::default());
        list.query = vec![("count".into(), "1".into()), ("limit".into(), "1".into())];
        assert_eq!(bed.ask("record.list", list).unwrap()["matched"], ROWS, "{name}");
    }
}
