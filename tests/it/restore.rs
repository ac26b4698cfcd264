//! Backups, and what must be mended after one was restored elsewhere.

use banyan::config::Config;
use banyan::keep;
use banyan::platform::Platform;
use banyan_base::World;
use banyan_door::{Body, Input, Upload};
use banyan_store::{Db, Error, Options, feed};
use serde_json::json;

use crate::support::{Bed, beds, files, on};

const PACKAGE: &str =
    "id = \"lists\"\ntitle = { zh = \"名册\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const NAME: &str = "title = { zh = \"名字\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名字\" }\n";
const COPY: &str = "title = { zh = \"抄本\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名字\" }\n";
const TRIGGERS: &str = "[triggers.copy]\ntitle = { zh = \"抄写\" }\non = { event = \"lists.name.created\" }\ndo = { create = \"copy\", with = { name = \"record.name\" } }\n";

fn install(bed: &Bed) {
    let package = files(&[
        ("package.toml", PACKAGE),
        ("records/name.toml", NAME),
        ("records/copy.toml", COPY),
        ("triggers.toml", TRIGGERS),
    ]);
    bed.apply(package, false).unwrap();
}

fn copies(bed: &Bed) -> Vec<String> {
    let mut input = on("lists.copy", Input::default());
    input.query = vec![("sortby".into(), "name".into())];
    let page = bed.ask("record.list", input).unwrap();
    let items = page["items"].as_array().unwrap();
    let name = |item: &serde_json::Value| item["fields"]["name"].as_str().unwrap().to_owned();
    items.iter().map(name).collect()
}

/// Runs triggers until `count` copies are there; false where they don't come.
fn react(bed: &Bed, count: usize) -> bool {
    let (platform, cx) = (&bed.platform, bed.system());
    for _ in 0..200 {
        while banyan_registry::run_events(&platform.registry, &platform.door, &platform.db, &cx).unwrap() > 0
        {
        }
        if copies(bed).len() >= count {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    false
}

#[test]
fn a_feed_from_another_cluster_is_refused_until_it_is_renumbered() {
    for bed in beds() {
        install(&bed);
        let create = |name: &str| bed.create("lists.name", &json!({ "name": name })).unwrap();
        create("甲");
        assert!(react(&bed, 1));
        create("乙");
        let again = || Platform::over(bed.platform.db.clone(), World::system(), false, &bed.test.folder);
        if bed.name() == "sqlite" {
            assert_eq!(feed::renumber(&bed.platform.db).unwrap(), None);
            assert!(again().is_ok());
            continue;
        }
        // As a dump of a cluster that had counted further comes in: 甲 was reacted to, 乙 not yet.
        let shift = |tx: &mut banyan_store::Tx<'_>| {
            tx.batch("UPDATE feed SET xid = xid + 5000000000; UPDATE feed_cursor SET xid = xid + 5000000000")
        };
        bed.platform.db.write::<(), Error>(shift).unwrap();
        let refusal = again().err().unwrap();
        assert!(refusal.internal.unwrap().contains("banyan feed renumber"));
        assert!(feed::renumber(&bed.platform.db).unwrap() > Some(1));
        assert!(again().is_ok());
        create("丙");
        assert!(react(&bed, 3));
        // 甲 is not copied again, what waited and what is new is.
        assert_eq!(copies(&bed), ["丙", "乙", "甲"]);
    }
}

#[test]
fn a_backup_is_a_data_folder() {
    for bed in beds() {
        install(&bed);
        bed.create("lists.name", &json!({ "name": "甲" })).unwrap();
        let input = Input {
            body: Body::Upload(Upload::memory(
                "text/plain",
                Some("a.txt".into()),
                b"content".to_vec(),
            )),
            ..Input::default()
        };
        let sent = bed.ask("file.create", input).unwrap();
        let mut config = Config::default();
        config.store.folder = bed.test.folder.clone();
        let target = bed.test.folder.join("copy");
        let made = keep::backup(&bed.platform.db, &config, &target);
        if bed.name() == "postgres" {
            let refusal = made.unwrap_err();
            assert!(refusal.contains("pg_dump"), "{refusal}");
            assert!(!target.exists());
            continue;
        }
        made.unwrap();
        // Not into what is there.
        assert!(keep::backup(&bed.platform.db, &config, &target).is_err());
        // What is made later is not in it.
        bed.create("lists.name", &json!({ "name": "乙" })).unwrap();
        let url = format!("sqlite:{}", target.join("banyan.db").display());
        let db = Db::open(&url, &Options::default()).unwrap();
        let restored = Platform::over(db, World::system(), false, &target).unwrap();
        let list = on("lists.name", Input::default());
        let list = restored
            .door
            .call(&restored.world.system_ctx(), "record.list", list)
            .unwrap();
        let list = crate::support::document(list);
        assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
        let path = restored.blobs.path_of(sent["hash"].as_str().unwrap()).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), b"content");
    }
}
