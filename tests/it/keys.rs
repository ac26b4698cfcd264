//! Keys in a whole platform: erasure through the door and the audit log, backups without keys, and the commands.

use std::path::Path;

use banyan::config::Config;
use banyan::keep;
use banyan::platform::Platform;
use banyan_base::{Actor, ActorKind, World, codes};
use banyan_door::Input;
use banyan_identity::keys::At;
use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::support::{Bed, beds, document};

fn person(id: &str, roles: &[&str], party: Option<&str>) -> Actor {
    let mut actor = Actor {
        id: id.into(),
        name: id.into(),
        kind: ActorKind::Person,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::anonymous()
    };
    actor.standing.party = party.map(str::to_owned);
    actor
}

const AT: At<'static> = At {
    domain: "base.service",
    subject: "party-secret-1",
    place: "person.id_number",
};

fn act(bed: &Bed, actor: &Actor, operation: &str, id: &str, body: Json) -> Json {
    let cx = bed.platform.world.ctx(actor.clone());
    document(
        bed.call(&cx, operation, Input::json(body).with_path("id", id))
            .unwrap(),
    )
}

/// Everything that lies in a folder, as one.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

fn holds(all: &[u8], needle: &str) -> bool {
    all.windows(needle.len()).any(|part| part == needle.as_bytes())
}

#[test]
fn an_erasure_is_an_act_in_the_log_and_names_nobody() {
    for bed in beds() {
        let keys = &bed.platform.keys;
        let sealed = keys.seal(&AT, "11010519491231002X").unwrap();
        let citizen = person("citizen", &[], Some(AT.subject));
        let asked = act(
            &bed,
            &citizen,
            "erasure.request",
            "",
            json!({ "reason": "不再使用" }),
        );
        let id = asked["id"].as_str().unwrap();
        // Policy lets everybody who has signed in as far as the office; the office asks for the role.
        let stranger = bed.platform.world.ctx(person("stranger", &["base.clerk"], None));
        let input = || Input::json(json!({})).with_path("id", id);
        assert_eq!(
            bed.call(&stranger, "erasure.approve", input()).unwrap_err().code,
            codes::FORBIDDEN
        );
        let nobody = bed.platform.world.ctx(Actor::anonymous());
        assert_eq!(
            bed.call(&nobody, "erasure.list", input()).unwrap_err().code,
            codes::UNAUTHENTICATED
        );
        let order = Input::json(json!({ "reason": "erasure", "by": "x" }));
        let order = order.with_path("domain", AT.domain).with_path("id", AT.subject);
        assert_eq!(
            bed.call(&stranger, "key.destroy", order).unwrap_err().code,
            codes::FORBIDDEN
        );
        assert!(keys.unseal(&AT, &sealed).unwrap().is_some());
        let chief = person("chief", &["admin"], None);
        assert_eq!(
            act(&bed, &chief, "erasure.approve", id, json!({}))["state"],
            "done"
        );
        assert_eq!(keys.unseal(&AT, &sealed).unwrap(), None);
        let client = Client::anonymous(bed.serve());
        assert_eq!(client.get("/v1/destructions/counts")["total"], 1);
        bed.platform.audit.log().close();
        let log = bytes(&bed.test.folder.join("audit"));
        assert!(
            holds(&log, "\"operation\":\"key.destroy\"") && holds(&log, "\"operation\":\"erasure.approve\"")
        );
        // Nowhere is told whose it was: in no file, and no table.
        bed.platform.keys.close();
        bed.platform.db.close();
        assert!(!holds(&bytes(&bed.test.folder), "11010519491231002X"));
        assert!(!holds(&log, AT.subject));
    }
}

#[test]
fn a_backup_holds_no_keys_and_wants_those_it_was_sealed_with() {
    let bed = beds().remove(0);
    let sealed = bed.platform.keys.seal(&AT, "x").unwrap();
    let gone = At {
        subject: "party-secret-2",
        ..AT
    };
    let dead = bed.platform.keys.seal(&gone, "x").unwrap();
    let day = |platform: &Platform| {
        let cx = platform.world.system_ctx();
        platform
            .erasures
            .run_day(&cx, &platform.door, &platform.db)
            .unwrap()
    };
    day(&bed.platform);
    let mut config = Config::default();
    config.store.folder = bed.test.folder.clone();
    let target = bed.test.folder.join("copy");
    let said = keep::backup(&bed.platform.db, &config, &target).unwrap();
    assert!(said.contains("banyan keys backup"), "{said}");
    assert!(!target.join("keys").exists());
    // Without its keys it does not start, and makes none in their place.
    let url = format!("sqlite:{}", target.join("banyan.db").display());
    let database = || banyan_store::Db::open(&url, &banyan_store::Options::default()).unwrap();
    let again = || Platform::over(database(), World::system(), false, &target);
    let refusal = again().err().unwrap().internal.unwrap();
    assert!(refusal.contains("banyan keys restore"), "{refusal}");
    assert!(!target.join("keys/master.key").exists());
    // The commands, as an operator gives them.
    let own = |folder: &Path, url: &str| {
        let path = folder.join("banyan.toml");
        let text = format!(
            "[store]\nfolder = {:?}\nurl = {url:?}\n",
            folder.display().to_string()
        );
        std::fs::write(&path, text).unwrap();
        path
    };
    let word = bed.test.folder.join("passphrase");
    std::fs::write(&word, "correct horse battery staple\n").unwrap();
    let run = |config: &Path, arguments: &[&str]| {
        use clap::Parser;
        let config = config.display().to_string();
        let mut all = vec!["banyan", "--config", &config, "keys"];
        all.extend(arguments);
        banyan::commands::run(banyan::commands::Cli::try_parse_from(all).unwrap())
    };
    let ok = |config: &Path, arguments: &[&str]| {
        assert_eq!(
            format!("{:?}", run(config, arguments)),
            format!("{:?}", std::process::ExitCode::SUCCESS)
        );
    };
    let (file, word) = (bed.test.folder.join("keys.copy"), word.display().to_string());
    let copy = file.display().to_string();
    let (here, there) = (own(&bed.test.folder, &bed.test.url), own(&target, &url));
    ok(&here, &["backup", &copy, "--passphrase-file", &word]);
    // After the copy was made, one person is erased; the backup of the records knows nothing of it.
    let cx = bed.system();
    let order = Input::json(json!({ "reason": "erasure", "by": "chief" }));
    let order = order
        .with_path("domain", gone.domain)
        .with_path("id", gone.subject);
    bed.call(&cx, "key.destroy", order).unwrap();
    // Here the list of destructions is at hand: the copy brings nobody back.
    ok(&here, &["restore", &copy, "--passphrase-file", &word]);
    assert_eq!(bed.platform.keys.unseal(&gone, &dead).unwrap(), None);
    assert!(bed.platform.keys.unseal(&AT, &sealed).unwrap().is_some());
    // There the master key comes first, from where its copy is kept.
    assert_ne!(
        format!(
            "{:?}",
            run(&there, &["restore", &copy, "--passphrase-file", &word])
        ),
        "ExitCode(unix_exit_status(0))"
    );
    std::fs::create_dir_all(target.join("keys")).unwrap();
    std::fs::copy(
        bed.test.folder.join("keys/master.key"),
        target.join("keys/master.key"),
    )
    .unwrap();
    // The backup of the records is older than the erasure, as the copy is: the list that was kept says what they don't.
    let list = bed.test.folder.join("destroyed");
    let lines = bed.platform.keys.destroyed().unwrap();
    let lines: Vec<String> = lines
        .iter()
        .map(|entry| serde_json::to_string(entry).unwrap())
        .collect();
    std::fs::write(&list, lines.join("\n")).unwrap();
    let list = list.display().to_string();
    ok(
        &there,
        &["restore", &copy, "--passphrase-file", &word, "--destroyed", &list],
    );
    ok(&there, &["rotate", AT.domain]);
    ok(&there, &["status"]);
    ok(&there, &["destroyed"]);
    let restored = again().unwrap();
    assert_eq!(restored.keys.unseal(&AT, &sealed).unwrap().as_deref(), Some("x"));
    assert_eq!(restored.keys.unseal(&gone, &dead).unwrap(), None);
}
