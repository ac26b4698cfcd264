//! The audit log as the door fills it, checked by outside code: every act is in it, nothing personal is, nothing can be
//! changed unseen.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use banyan_base::{Actor, ActorKind};
use banyan_door::Input;
use banyan_identity::audit::{Column, Log, Signer, Suite, tiles_of};
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, files, on, outside};

const PACKAGE: &str = "id = \"pets\"\ntitle = { zh = \"宠物\" }\nword = \"service\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const PET: &str = "title = { zh = \"宠物\" }\nlabel = \"name\"\n\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名字\" }\nrequired = true\n";
const POLICY: &str = "permit(principal in Role::\"pets.clerk\", action, resource in Package::\"pets\");\n";

fn fill(bed: &Bed) {
    let package = files(&[
        ("package.toml", PACKAGE),
        ("records/pet.toml", PET),
        ("policy.cedar", POLICY),
    ]);
    bed.apply(package, false).unwrap();
}

/// All entries, when the log has sealed what it took.
pub fn entries(bed: &Bed) -> Vec<Json> {
    let log = bed.platform.audit.log();
    log.append(b"{\"kind\":\"mark\"}".to_vec())
        .unwrap()
        .wait_sealed()
        .unwrap();
    let size = log
        .verifier()
        .open(&log.checkpoint().unwrap().unwrap())
        .unwrap()
        .size;
    let mut all = Vec::new();
    for tile in tiles_of(Column::Entries, size, 0) {
        for entry in log.reader().entries(&tile).unwrap() {
            all.push(serde_json::from_slice(&entry).unwrap());
        }
    }
    all
}

#[test]
fn every_act_is_in_the_log_and_nothing_personal_is() {
    for bed in beds() {
        fill(&bed);
        let made = bed
            .create("pets.pet", &json!({ "name": "阿黄的主人王小明" }))
            .unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        let clerk = bed.platform.world.ctx(Actor {
            id: "clerk-1".into(),
            name: "李经办".into(),
            kind: ActorKind::Person,
            unit: Some("FJ001".into()),
            roles: ["pets.clerk".to_owned()].into(),
            standing: banyan_base::Standing::default(),
            grant: banyan_base::Grant::default(),
        });
        let stranger = bed.platform.world.ctx(Actor {
            id: "stranger-1".into(),
            roles: [].into(),
            ..clerk.actor.clone()
        });
        let one = |id: &str| on("pets.pet", Input::default().with_path("id", id));
        bed.call(&clerk, "record.view", one(&id)).unwrap();
        bed.call(&clerk, "record.view", one("nothing")).unwrap_err();
        bed.call(&stranger, "record.view", one(&id)).unwrap_err();
        bed.call(
            &clerk,
            "record.create",
            on("pets.pet", Input::json(json!({ "fields": {} }))),
        )
        .unwrap_err();

        let entries = entries(&bed);
        let text = |entry: &Json, name: &str| entry[name].as_str().unwrap_or("").to_owned();
        let mut acts: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in &entries {
            let line = [
                text(entry, "kind"),
                text(entry, "operation"),
                text(entry, "actor"),
                text(entry, "outcome"),
            ];
            acts.entry(text(entry, "trace")).or_default().push(line.join(" "));
        }
        let begun = |cx: &banyan_base::Ctx| acts.get(&cx.trace).cloned().unwrap_or_default();
        assert_eq!(
            begun(&clerk),
            [
                "start record.view clerk-1 ",
                "end record.view  done",
                "start record.view clerk-1 ",
                "end record.view  refused",
                "start record.create clerk-1 ",
                "end record.create  refused",
            ],
            "{}",
            bed.name()
        );
        assert_eq!(
            begun(&stranger),
            ["start record.view stranger-1 ", "end record.view  denied"]
        );
        // What was read is the same thing for both, and is not named.
        let subjects: Vec<String> = entries
            .iter()
            .filter(|entry| entry["action"] == "pets.pet.view")
            .map(|entry| text(entry, "subject"))
            .collect();
        assert_eq!(subjects.len(), 3);
        assert!(subjects[0] == subjects[2] && subjects[0] != subjects[1] && subjects[0].len() == 32);
        let whole = Json::from(entries).to_string();
        for secret in [id.as_str(), "王小明", "李经办", "阿黄"] {
            assert!(!whole.contains(secret), "{secret} stands in the log");
        }
    }
}

#[test]
fn outside_code_comes_to_the_same_tree() {
    let bed = beds().remove(0);
    fill(&bed);
    for number in 0..700 {
        bed.create("pets.pet", &json!({ "name": format!("{number} 号") }))
            .unwrap();
    }
    let count = entries(&bed).len();
    assert!(count > 1_400, "{count} entries");
    let log = bed.platform.audit.log();
    let (folder, key) = (log.reader().folder.clone(), log.verifier().vkey());
    let address = bed.serve();
    let secret = bed.platform.first_administrator().unwrap().unwrap();
    let cx = bed.platform.world.system_ctx();
    let sent = Input::json(json!({ "login": "admin", "password": secret }));
    let reply = bed.call(&cx, "session.create", sent).unwrap();
    let cookie = &reply
        .headers
        .iter()
        .find(|(name, _)| name == "Set-Cookie")
        .unwrap()
        .1;
    let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    outside("audit.py", &["http", &format!("http://{address}"), &token, &key]);
    log.close();
    outside("audit.py", &["folder", &folder.display().to_string(), &key]);
}

/// A log of its own, with entries `from..to` in sealings of 150.
pub fn made(folder: &Path, from: u32, to: u32) -> Log {
    let signer = Signer::new("banyan.local/node-1", Suite::International, &[5; 32]).unwrap();
    let log = Log::open(folder, "banyan.local/node-1", Suite::International, signer).unwrap();
    let mut last = None;
    for number in from..to {
        let entry = json!({ "kind": "end", "number": number, "outcome": "done" });
        last = Some(log.append(entry.to_string().into_bytes()).unwrap());
        if number % 150 == 149 {
            last.as_ref().unwrap().wait_sealed().unwrap();
        }
    }
    last.unwrap().wait_sealed().unwrap();
    log
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn ten_thousand_tamperings_are_found() {
    let folder: PathBuf = std::env::temp_dir().join(format!("banyan-tamper-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (whole, old, fork) = (folder.join("whole"), folder.join("old"), folder.join("fork"));
    let log = made(&whole, 0, 130);
    copy(&whole, &old);
    let key = log.verifier().vkey();
    log.close();
    drop(log);
    made(&whole, 130, 300).close();
    made(&fork, 1, 301).close();
    let paths = [&whole, &old, &fork].map(|path| path.display().to_string());
    if let Some(said) = outside("audit.py", &["tamper", &paths[0], &key, &paths[1], &paths[2]]) {
        assert!(said.starts_with("10000 of 10000 tamperings found"), "{said}");
        for kind in ["fork", "roll back", "edit", "drop entry", "swap entries"] {
            assert!(said.contains(kind), "{kind} was not tried: {said}");
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
}
