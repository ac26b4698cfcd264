//! The end of a person's data: sealed from the first write, and after an erasure nowhere to be found, in a backup made before it
//! neither, while the audit log still proves what was done.

use std::path::{Path, PathBuf};

use banyan::config::Config;
use banyan::keep;
use banyan::platform::Platform;
use banyan_base::{Actor, ActorKind, Clock, ManualClock, World, codes};
use banyan_door::{Body, Input, Upload};
use banyan_identity::audit::verify;
use banyan_store::{Db, Options, jobs};
use serde_json::{Value as Json, json};
use std::sync::Arc;

use crate::support::{Bed, beds, beds_in, body, document, files, on};

const PACKAGE: &str = r#"
id = "care"
title = { zh = "照护" }
word = "service"
owner = "省数字办"
version = "1.0.0"
[roles.clerk]
title = { zh = "经办" }
[purposes.serve]
title = { zh = "办理" }
legal_basis = "测试"
retention = "P1Y"
roles = ["clerk"]
[purposes.serve.fields]
case = ["name", "number", "phone", "born", "remark", "level"]
[purposes.trace]
title = { zh = "追踪" }
basis = "emergency"
legal_basis = "测试"
retention = "P14D"
sunset = 2023-06-30
roles = ["clerk"]
[purposes.trace.fields]
visit = ["place"]
[impact]
necessity = "测试"
risks = "测试"
safeguards = "测试"
assessed_on = 2022-01-01
assessed_by = "省数字办"
review_by = 2023-01-01
unsealed = "备注须检索"
"#;
const CASE: &str = r#"
title = { zh = "个案" }
label = "name"
subject = "party"
[fields.party]
type = "text"
title = { zh = "人" }
required = true
[fields.name]
type = "text"
title = { zh = "姓名" }
personal = true
grade = "重要"
mask = "middle"
required = true
[fields.number]
type = "person_number"
title = { zh = "身份证号" }
personal = true
grade = "核心"
unique = true
[fields.phone]
type = "phone"
title = { zh = "电话" }
personal = true
grade = "重要"
mask = "tail"
[fields.born]
type = "date"
title = { zh = "生日" }
personal = true
grade = "重要"
[fields.remark]
type = "text"
title = { zh = "备注" }
personal = true
grade = "重要"
sealed = false
search = true
[fields.level]
type = "integer"
title = { zh = "级" }
personal = true
grade = "重要"
[fields.open]
type = "text"
title = { zh = "事项" }
"#;
const VISIT: &str = r#"
title = { zh = "到访" }
label = "place"
[fields.place]
type = "text"
title = { zh = "地点" }
personal = true
grade = "重要"
"#;
const POLICY: &str = "permit(principal in Role::\"care.clerk\", action, resource);\n";

// Of this test alone: the log of a PostgreSQL server holds what other tests write.
const GONE: [&str; 3] = ["林消逝者", "350102197703174139", "13905917788"];
/// Of one who stands in the clear for a while: not to be looked for.
const CLEAR: [&str; 3] = ["王明文", "350102198807070013", "13705914433"];
const KEPT: [&str; 3] = ["陈留存者", "350203196609215827", "13805916655"];

fn package() -> Vec<banyan_base::SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("records/case.toml", CASE),
        ("records/visit.toml", VISIT),
        ("policy.cedar", POLICY),
    ])
}

fn case(party: &str, [name, number, phone]: [&str; 3]) -> Json {
    json!({
        "party": party, "name": name, "number": number, "phone": phone, "born": "1949-12-31", "remark": "须轮椅", "level": 3,
        "open": "上门",
    })
}

fn person(id: &str, roles: &[&str]) -> Actor {
    Actor {
        id: id.into(),
        name: id.into(),
        kind: ActorKind::Person,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::anonymous()
    }
}

/// What the platform itself sees of the cases that meet a filter.
fn cases(platform: &Platform, filter: &str) -> Vec<Json> {
    let mut input = on("care.case", Input::default());
    input.query = vec![("filter".into(), filter.into())];
    let page = platform
        .door
        .call(&platform.world.system_ctx(), "record.list", input);
    document(page.unwrap())["items"].as_array().unwrap().clone()
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn holds(all: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    let starts = all.iter().enumerate().filter(|(_, byte)| **byte == needle[0]);
    starts.into_iter().any(|(at, _)| all[at..].starts_with(needle))
}

/// Where one of the texts stands in the clear: files of the folder, and what PostgreSQL holds of the database and its log.
fn in_the_clear(bed: &Bed) -> Vec<String> {
    let mut paths = Vec::new();
    files_under(&bed.test.folder, &mut paths);
    if bed.name() == "postgres" {
        bed.platform
            .db
            .write::<(), banyan_store::Error>(|tx| tx.batch("SELECT pg_switch_wal()"))
            .unwrap();
        let one = |sql: &str| {
            bed.platform.db.query(sql, &[]).unwrap()[0]
                .get::<String>(0)
                .unwrap()
        };
        let data = PathBuf::from(one("SHOW data_directory"));
        let oid = one("SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()");
        files_under(&data.join("base").join(oid), &mut paths);
        files_under(&data.join("pg_wal"), &mut paths);
    }
    assert!(paths.len() > 5);
    let mut found = Vec::new();
    for path in paths {
        // Files of the server come and go.
        let Ok(all) = std::fs::read(&path) else { continue };
        for text in GONE.iter().chain(&KEPT) {
            if holds(&all, text) {
                found.push(format!("{text} in {}", path.display()));
            }
        }
    }
    found
}

fn import(bed: &Bed, rows: &str) -> Json {
    let mut input = on("care.case", Input::default());
    input.body = Body::Upload(Upload::memory(
        "text/csv",
        Some("a.csv".into()),
        format!("party,name,number,phone\n{rows}").into_bytes(),
    ));
    let started = bed.ask("import.start", input).unwrap();
    let handlers = bed.platform.job_handlers();
    while jobs::run_one(
        &bed.platform.db,
        &bed.system(),
        "w",
        &[banyan_registry::IMPORT_JOB],
        &handlers,
    )
    .unwrap()
    {}
    let input = Input::default().with_path("id", started["id"].as_str().unwrap());
    bed.ask("import.view", input).unwrap()
}

fn erase(bed: &Bed, party: &str) {
    let act = |who: &str, operation: &str, input: Input| {
        let cx = bed.platform.world.ctx(person(who, &["admin"]));
        document(bed.call(&cx, operation, input).unwrap())
    };
    let asked = act(
        "officer-1",
        "erasure.request",
        Input::json(json!({ "subject": party, "reason": "本人申请" })),
    );
    let input = Input::json(json!({})).with_path("id", asked["id"].as_str().unwrap());
    let done = act("officer-2", "erasure.approve", input);
    assert_eq!((&done["state"], &done["destroyed"]), (&json!("done"), &json!(1)));
}

/// Fills a platform with two persons by every way that leaves traces; gives the id of the one who goes.
fn filled(bed: &Bed) -> String {
    bed.apply(package(), false).unwrap();
    let mut input = on(
        "care.case",
        Input::json(json!({ "fields": case("p-gone", GONE) })),
    );
    input.idempotency_key = Some("once".into());
    let made = bed.ask("record.create", input.clone()).unwrap();
    assert_eq!(made["fields"]["name"], GONE[0]);
    let id = made["id"].as_str().unwrap().to_owned();
    // Whoever asks again is told that it was done, and not with whose data.
    let again = bed.ask("record.create", input).unwrap();
    assert_eq!((&again["id"], again.get("fields")), (&made["id"], None));
    bed.create("care.case", &case("p-kept", KEPT)).unwrap();
    // Twice the same number is refused by its blind index.
    let problem = bed.create("care.case", &case("p-kept", KEPT)).unwrap_err();
    assert_eq!(problem.errors[0].pointer, "/fields/number");
    let mut input =
        on("care.case", Input::json(json!({ "fields": { "open": "电话" } }))).with_path("id", id.as_str());
    input.if_match = Some("*".into());
    bed.ask("record.update", input).unwrap();
    // One row goes in, the other not: of both a trace is kept.
    let run = import(
        bed,
        &format!(
            "p-gone,{},,{}\np-gone,{},{},不是电话\n",
            GONE[0], GONE[2], GONE[0], GONE[1]
        ),
    );
    assert_eq!((&run["created"], &run["failed"]), (&json!(1), &json!(1)), "{run}");
    assert!(run["first_errors"][0]["message"].is_string(), "{run}");
    let input = Input::default().with_path("id", run["id"].as_str().unwrap());
    let wrong = String::from_utf8(body(bed.call(&bed.system(), "import.errors", input).unwrap()).1).unwrap();
    assert!(wrong.contains(GONE[1]), "{wrong}");
    let exported = bed
        .call(&bed.system(), "record.export", on("care.case", Input::default()))
        .unwrap();
    assert!(String::from_utf8(body(exported).1).unwrap().contains(GONE[2]));
    id
}

#[test]
fn an_erased_person_is_found_nowhere() {
    for bed in beds() {
        let id = filled(&bed);
        assert_eq!(cases(&bed.platform, &format!("number = '{}'", GONE[1])).len(), 1);
        assert_eq!(
            in_the_clear(&bed),
            [""; 0],
            "{}: sealed from the first write",
            bed.name()
        );
        let before = bed.test.folder.join("before");
        let mut config = Config::default();
        config.store.folder = bed.test.folder.clone();
        let sqlite = bed.name() == "sqlite";
        if sqlite {
            keep::backup(&bed.platform.db, &config, &before).unwrap();
        }
        erase(&bed, "p-gone");
        if sqlite {
            keep::backup(&bed.platform.db, &config, &bed.test.folder.join("after")).unwrap();
        }
        assert_eq!(in_the_clear(&bed), [""; 0], "{}", bed.name());

        let gone = cases(&bed.platform, "party = 'p-gone'");
        assert_eq!(gone.len(), 2);
        for record in &gone {
            assert!(record["erased"].as_array().unwrap().contains(&json!("name")));
            for field in ["name", "number", "phone", "born", "remark", "level"] {
                assert_eq!(record["fields"][field], Json::Null, "{field}");
            }
        }
        for (filter, count) in [
            (format!("number = '{}'", GONE[1]), 0),
            (format!("number = '{}'", KEPT[1]), 1),
            (format!("name IN ('{}', '{}')", GONE[0], KEPT[0]), 1),
            ("number IS NULL".to_owned(), 2),
        ] {
            assert_eq!(cases(&bed.platform, &filter).len(), count, "{filter}");
        }
        let input = || on("care.case", Input::default()).with_path("id", id.as_str());
        let history = bed.ask("record.history", input()).unwrap();
        assert!(!history.to_string().contains(GONE[0]), "{history}");
        // The record goes on without what was erased, and never takes it again.
        let update = |fields: Json| {
            let mut input =
                on("care.case", Input::json(json!({ "fields": fields }))).with_path("id", id.as_str());
            input.if_match = Some("*".into());
            bed.ask("record.update", input)
        };
        assert_eq!(
            update(json!({ "open": "结案" })).unwrap()["fields"]["open"],
            "结案"
        );
        let refused = update(json!({ "name": GONE[0] })).unwrap_err();
        assert_eq!(refused.code, codes::GONE);
        assert!(bed.ask("record.view", input()).unwrap()["erased"].is_array());

        // The log proves all of it, and holds nothing of it.
        // Sealed first: a young log has no checkpoint yet.
        crate::audit::entries(&bed);
        let log = bed.platform.audit.log();
        verify(log.reader(), log.verifier(), None).unwrap();
        if sqlite {
            // The backup from before, with the key store as it is: the other is there, he is not.
            // Closed first: files of a store in use come and go.
            bed.platform.keys.close();
            let mut keys = Vec::new();
            files_under(&bed.test.folder.join("keys"), &mut keys);
            std::fs::create_dir_all(before.join("keys")).unwrap();
            for path in keys {
                std::fs::copy(&path, before.join("keys").join(path.file_name().unwrap())).unwrap();
            }
            let url = format!("sqlite:{}", before.join("banyan.db").display());
            let db = Db::open(&url, &Options::default()).unwrap();
            let restored = Platform::over(db, World::system(), false, &before).unwrap();
            let gone = cases(&restored, "party = 'p-gone'");
            assert_eq!(gone.len(), 2);
            assert!(gone.iter().all(|record| record["fields"]["name"].is_null()));
            assert_eq!(cases(&restored, "party = 'p-kept'")[0]["fields"]["name"], KEPT[0]);
        }
    }
}

#[test]
fn data_end_with_their_retention_and_purposes_with_their_sunset() {
    let clock = Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap()));
    let world = || World::new(Arc::<ManualClock>::clone(&clock), 5);
    for bed in beds_in(&world) {
        clock.set("2022-03-01T00:00:00Z".parse().unwrap());
        bed.apply(package(), false).unwrap();
        bed.create("care.case", &case("p-gone", GONE)).unwrap();
        bed.create("care.visit", &json!({ "place": "老店" })).unwrap();
        let run = import(&bed, &format!("p-gone,{},不是号码,\n", GONE[0]));
        assert_eq!(run["failed"], 1);
        let day = |text: &str| {
            clock.set(text.parse().unwrap());
            let cx = bed.system();
            let retired = bed
                .platform
                .erasures
                .run_day(&cx, &bed.platform.door, &bed.platform.db)
                .unwrap();
            (retired.expired, retired.closed)
        };
        assert_eq!(day("2022-03-02T00:00:00Z"), (0, 0));
        // The faulty rows of the import.
        assert_eq!(day("2022-03-09T00:00:00Z"), (1, 0));
        // The visit, after fourteen days.
        assert_eq!(day("2022-03-16T00:00:00Z"), (1, 0));
        assert_eq!(day("2022-03-17T00:00:00Z"), (0, 0));
        bed.create("care.visit", &json!({ "place": "新店" })).unwrap();
        bed.create("care.case", &case("p-kept", KEPT)).unwrap();
        clock.set("2022-03-18T00:00:00Z".parse().unwrap());
        let visits = bed
            .ask("record.list", on("care.visit", Input::default()))
            .unwrap();
        let places: Vec<&Json> = visits["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["fields"]["place"])
            .collect();
        assert_eq!(places, [&Json::Null, &json!("新店")]);
        // A year after the last change; the new visit in between.
        assert_eq!(day("2023-03-02T00:00:00Z"), (2, 0));
        assert!(cases(&bed.platform, "party = 'p-gone'")[0]["fields"]["number"].is_null());
        assert_eq!(cases(&bed.platform, &format!("number = '{}'", KEPT[1])).len(), 1);
        // What the emergency permitted is over.
        assert_eq!(day("2023-07-01T00:00:00Z").1, 1);
        let refused = bed.create("care.visit", &json!({ "place": "再来" })).unwrap_err();
        assert_eq!(refused.code, codes::GONE);
    }
}

#[test]
fn what_becomes_sealed_is_sealed_by_the_apply_and_opened_by_it() {
    for bed in beds() {
        let variant = |version: &str, changed: &[(&str, &str)]| {
            let mut case = CASE.to_owned();
            for (from, to) in changed {
                assert!(case.contains(from), "{from}");
                case = case.replace(from, to);
            }
            files(&[
                ("package.toml", &PACKAGE.replace("1.0.0", version)),
                ("records/case.toml", &case),
                ("records/visit.toml", VISIT),
                ("policy.cedar", POLICY),
            ])
        };
        let clear = ("type = \"phone\"", "type = \"phone\"\nsealed = false");
        bed.apply(variant("1.0.0", &[clear]), false).unwrap();
        bed.create("care.case", &case("p-kept", CLEAR)).unwrap();
        let stored = || {
            let row = &bed
                .platform
                .db
                .query("SELECT f_phone FROM r_care__case", &[])
                .unwrap()[0];
            row.get::<String>(0).unwrap()
        };
        let found = || {
            let page = cases(&bed.platform, &format!("phone = '{}'", CLEAR[2]));
            page.first().map(|record| record["fields"]["phone"].clone())
        };
        assert_eq!(stored(), CLEAR[2]);
        bed.apply(variant("1.1.0", &[]), false).unwrap();
        assert!(stored().starts_with("k1."), "{}", stored());
        assert_eq!(found(), Some(json!(CLEAR[2])));
        // Another subject: sealed anew under its key.
        bed.apply(variant("1.2.0", &[("subject = \"party\"\n", "")]), false)
            .unwrap();
        assert_eq!(found(), Some(json!(CLEAR[2])));
        bed.apply(variant("1.3.0", &[clear]), false).unwrap();
        assert_eq!(stored(), CLEAR[2]);
        assert_eq!(found(), Some(json!(CLEAR[2])));
    }
}
