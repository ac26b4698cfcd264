//! Consent: given and withdrawn by those who may, and what it opens and closes, through the door, on both databases.

use banyan_base::{Actor, Ctx, Problem};
use banyan_door::Input;
use banyan_store::feed;
use serde_json::{Value as Json, json};

use crate::person_log::{citizen, officer};
use crate::person_pages::{Browser, serve};
use crate::support::{Bed, beds, body, document, files, on};

const PACKAGE: &str = r#"
id = "clinic"
title = { zh = "慢病管理" }
word = "service"
owner = "省卫健委"
version = "1.0.0"
[roles.doctor]
title = { zh = "医生" }
[purposes.follow_up]
title = { zh = "慢病随访" }
basis = "consent"
legal_basis = "《个人信息保护法》第十三条第一款第一项"
retention = "P2Y"
roles = ["doctor"]
[purposes.follow_up.fields]
patient = ["name"]
[purposes.follow_up.consent]
version = 1
text = { zh = "社区医生为随访查看您的姓名。" }
sensitive = true
effects = { zh = "不同意不影响看病。" }
[purposes.care]
title = { zh = "诊疗" }
legal_basis = "《医师法》第二十三条"
retention = "P15Y"
roles = ["doctor"]
[purposes.care.fields]
patient = ["name"]
[impact]
necessity = "随访"
risks = "泄露"
safeguards = "同意"
assessed_on = 2022-01-01
assessed_by = "省卫健委"
review_by = 2023-01-01
"#;
const PATIENT: &str = r#"
title = { zh = "患者" }
label = "name"
subject = "party"
[fields.party]
type = "text"
title = { zh = "当事人" }
[fields.name]
type = "text"
title = { zh = "姓名" }
personal = true
grade = "重要"
"#;
const POLICY: &str = "permit(principal in Role::\"clinic.doctor\", action, resource);\n";
const OF: &str = "clinic.patient";
const FOLLOW_UP: &str = "clinic.follow_up";

fn package(text: &str) -> Vec<banyan_base::SourceFile> {
    files(&[
        ("package.toml", text),
        ("records/patient.toml", PATIENT),
        ("policy.cedar", POLICY),
    ])
}

/// Platforms with three patients, one of whom no party is known.
pub fn stage(beds: Vec<Bed>) -> Vec<Bed> {
    for bed in &beds {
        bed.apply(package(PACKAGE), false).unwrap();
        for (party, name) in [("party-1", "甲"), ("party-2", "乙"), ("", "丙")] {
            let fields = json!({ "party": (!party.is_empty()).then_some(party), "name": name });
            bed.create(OF, &fields).unwrap();
        }
    }
    beds
}

fn cx(bed: &Bed, actor: &Actor, purpose: Option<&str>) -> Ctx {
    let mut cx = bed.platform.world.ctx(actor.clone());
    cx.purpose = purpose.map(str::to_owned);
    cx
}

fn say(bed: &Bed, actor: &Actor, verb: &str, sent: Json) -> Result<Json, Problem> {
    let input = Input::json(sent).with_path("id", FOLLOW_UP);
    let operation = format!("consent.{verb}");
    bed.call(&cx(bed, actor, None), &operation, input).map(document)
}

fn give(bed: &Bed, actor: &Actor, version: u32) -> Result<Json, Problem> {
    say(
        bed,
        actor,
        "give",
        json!({ "version": version, "sensitive": true }),
    )
}

fn mine(bed: &Bed, actor: &Actor) -> Json {
    let all = bed.call(&cx(bed, actor, None), "consent.list", Input::default());
    document(all.unwrap())["items"].clone()
}

/// Names of those whom a doctor sees for a purpose: in a list, counted, in a table to take along, in their histories; all
/// ways must agree.
fn seen(bed: &Bed, purpose: &str) -> Vec<String> {
    let doctor = officer("doctor-1", "FJ011", &["clinic.doctor"]);
    let cx = cx(bed, &doctor, Some(purpose));
    let all = document(
        bed.call(&bed.system(), "record.list", on(OF, Input::default()))
            .unwrap(),
    );
    let mut counted = on(OF, Input::default());
    counted.query = vec![("count".into(), "1".into())];
    let list = document(bed.call(&cx, "record.list", counted).unwrap());
    let name = |item: &Json| item["fields"]["name"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = list["items"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    assert_eq!(list["matched"], names.len(), "{}", bed.name());
    let mut viewed = Vec::new();
    for item in all["items"].as_array().unwrap() {
        let one = || on(OF, Input::default().with_path("id", item["id"].as_str().unwrap()));
        match bed.call(&cx, "record.view", one()) {
            Ok(reply) => viewed.push(name(&document(reply))),
            Err(problem) => assert_eq!(problem.code.status, 404, "{problem:?}"),
        }
        let history = bed.call(&cx, "record.history", one()).map(document);
        let told = history.is_ok_and(|history| !history["items"].as_array().unwrap().is_empty());
        assert_eq!(told, names.contains(&name(item)), "{}", bed.name());
    }
    viewed.sort();
    assert_eq!(viewed, names, "{}", bed.name());
    let mut input = on(OF, Input::default());
    input.query = vec![("format".into(), "csv".into())];
    let (_, table) = body(bed.call(&cx, "record.export", input).unwrap());
    let table = String::from_utf8(table).unwrap();
    for item in all["items"].as_array().unwrap() {
        let name = name(item);
        assert_eq!(table.contains(&name), names.contains(&name), "{table}");
    }
    names
}

#[test]
fn rows_are_there_as_long_as_their_person_agrees() {
    for bed in stage(beds()) {
        let (me, other) = (citizen("party-1"), citizen("party-2"));
        // What rests on law needs no consent; what rests on consent shows nobody.
        assert_eq!(seen(&bed, "clinic.care"), ["丙", "乙", "甲"]);
        assert_eq!(seen(&bed, FOLLOW_UP), [""; 0]);
        give(&bed, &me, 1).unwrap();
        assert_eq!(seen(&bed, FOLLOW_UP), ["甲"]);
        give(&bed, &other, 1).unwrap();
        assert_eq!(seen(&bed, FOLLOW_UP), ["乙", "甲"]);
        // A doctor can't enter somebody for it who has not agreed.
        let doctor = officer("doctor-1", "FJ011", &["clinic.doctor"]);
        let enter = |party: &str| {
            let fields = json!({ "fields": { "party": party, "name": "丁" } });
            let input = on(OF, Input::json(fields));
            bed.call(&cx(&bed, &doctor, Some(FOLLOW_UP)), "record.create", input)
        };
        assert_eq!(enter("party-3").unwrap_err().code.status, 403);
        // Withdrawn: gone at once from everything.
        let state = say(&bed, &me, "withdraw", json!({})).unwrap();
        assert_eq!(state["state_title"], "已撤回");
        assert_eq!(seen(&bed, FOLLOW_UP), ["乙"]);
        assert_eq!(seen(&bed, "clinic.care"), ["丙", "乙", "甲"]);
        // A new text: what was agreed to before counts no more.
        let text = PACKAGE.replace("查看您的姓名", "查看您的姓名和病历");
        let unraised = bed.apply(package(&text.replace("\"1.0.0\"", "\"1.0.1\"")), false);
        assert!(unraised.unwrap_err().detail.contains("consent.version"));
        bed.apply(package(&text.replace("version = 1\n", "version = 2\n")), false)
            .unwrap();
        assert_eq!(seen(&bed, FOLLOW_UP), [""; 0]);
        assert_eq!(mine(&bed, &other)[0]["state"], "outdated");
        assert_eq!(give(&bed, &other, 1).unwrap_err().code.status, 409);
        give(&bed, &other, 2).unwrap();
        assert_eq!(seen(&bed, FOLLOW_UP), ["乙"]);
        let history = &mine(&bed, &other)[0]["history"];
        let told = |number: usize| history[number]["told"]["text"]["zh"].as_str().unwrap();
        assert_eq!(told(0), "社区医生为随访查看您的姓名和病历。");
        assert_eq!(told(1), "社区医生为随访查看您的姓名。");
        // Erased.
        let gone = bed
            .platform
            .db
            .write(|tx| banyan_identity::person::erase(tx, "party-2"));
        assert_eq!(gone.unwrap(), 2);
        assert_eq!(seen(&bed, FOLLOW_UP), [""; 0]);
    }
}

#[test]
fn consent_is_ones_own_and_as_easily_withdrawn() {
    for bed in stage(beds()) {
        let me = citizen("party-1");
        let status = |result: Result<Json, Problem>| result.unwrap_err().code.status;
        // Sensitive data are agreed to apart, and by the text that is.
        assert_eq!(status(say(&bed, &me, "give", json!({ "version": 1 }))), 422);
        assert_eq!(status(give(&bed, &me, 2)), 409);
        // Neither agents nor those who have proved nothing, administrators included.
        let mut agent = citizen("party-2");
        agent.standing.represents = Some("party-1".into());
        let admin = officer("admin-1", "FJ010", &["admin"]);
        for actor in [&agent, &admin] {
            assert_eq!(status(give(&bed, actor, 1)), 403, "{}", actor.id);
            assert_eq!(
                status(say(&bed, actor, "withdraw", json!({}))),
                403,
                "{}",
                actor.id
            );
        }
        assert_eq!(status(give(&bed, &Actor::anonymous(), 1)), 401);
        let unknown = bed.call(
            &cx(&bed, &me, None),
            "consent.give",
            Input::json(json!({ "version": 1 })).with_path("id", "clinic.care"),
        );
        assert_eq!(unknown.unwrap_err().code.status, 404);
        assert_eq!(mine(&bed, &me)[0]["state"], "none");
        let held =
            |tx: &mut banyan_store::Tx<'_>| banyan_identity::person::holds(tx, "party-1", FOLLOW_UP, 1);
        assert!(!bed.platform.db.read(held).unwrap());
        // Twice is once, both ways.
        for _ in 0..2 {
            assert_eq!(give(&bed, &me, 1).unwrap()["state"], "given");
        }
        assert!(bed.platform.db.read(held).unwrap());
        for _ in 0..2 {
            assert_eq!(
                say(&bed, &me, "withdraw", json!({})).unwrap()["state"],
                "withdrawn"
            );
        }
        give(&bed, &me, 1).unwrap();
        let all = mine(&bed, &me);
        let item = &all[0];
        assert_eq!(item["told"]["fields"], json!(["姓名"]));
        assert_eq!(item["told"]["sensitive"], true);
        assert_eq!(item["told"]["owner"], "省卫健委");
        let history = item["history"].as_array().unwrap();
        assert_eq!(history.len(), 2, "{}", bed.name());
        assert!(history.iter().all(|one| one["via"] == "self"));
        // Still there where the package is not.
        bed.call(
            &bed.system(),
            "package.remove",
            Input {
                query: vec![("allow_loss".into(), "1".into())],
                ..Input::default().with_path("id", "clinic")
            },
        )
        .unwrap();
        let all = mine(&bed, &me);
        assert_eq!(all[0]["state"], "over");
        assert_eq!(all[0]["told"]["title"], "慢病随访");
        say(&bed, &me, "withdraw", json!({})).unwrap();
        banyan_store::testing::events_show(&bed.platform.db).unwrap();
        let events = bed
            .platform
            .db
            .read(|tx| feed::read(tx, feed::Position::START, "banyan.platform.consent", 100))
            .unwrap();
        let kinds: Vec<&str> = events
            .iter()
            .filter_map(|event| event.kind.rsplit('.').next())
            .collect();
        assert_eq!(kinds, ["given", "withdrawn", "given", "withdrawn"]);
        assert!(
            events
                .iter()
                .all(|event| !event.data.to_string().contains("party"))
        );
    }
}

#[test]
fn a_purpose_by_consent_says_to_what_and_about_whom() {
    let consent = "[purposes.follow_up.consent]\nversion = 1\ntext = { zh = \"社区医生为随访查看您的姓名。\" }\nsensitive = true\neffects = { zh = \"不同意不影响看病。\" }\n";
    let effects = "effects = { zh = \"不同意不影响看病。\" }\n";
    for (rule, text, patient) in [
        (
            "consent-subject",
            PACKAGE.to_owned(),
            PATIENT.replace("subject = \"party\"\n", ""),
        ),
        ("consent-text", PACKAGE.replace(consent, ""), PATIENT.to_owned()),
        (
            "consent-effects",
            PACKAGE.replace(effects, ""),
            PATIENT.to_owned(),
        ),
        (
            "consent-basis",
            PACKAGE.replace("basis = \"consent\"", "basis = \"duty\""),
            PATIENT.to_owned(),
        ),
        (
            "consent-version",
            PACKAGE.replace("version = 1\n", "version = 0\n"),
            PATIENT.to_owned(),
        ),
    ] {
        let sent = files(&[
            ("package.toml", &text),
            ("records/patient.toml", &patient),
            ("policy.cedar", POLICY),
        ]);
        let (package, mut findings) = banyan_package::read(&sent);
        let installed = banyan_package::Installed::default();
        findings.extend(banyan_package::check(&package.unwrap(), &sent, &installed));
        findings.retain(|finding| finding.severity == banyan_base::Severity::Error);
        let found: Vec<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(found, [rule], "{findings:?}");
        assert!(findings[0].line > 0);
    }
}

#[test]
fn the_page_agrees_and_withdraws_by_one_button_each() {
    for bed in stage(beds()) {
        let address = serve(&bed);
        let base = format!("http://{address}");
        let own = [("origin", base.as_str())];
        let mine = Browser::new(address, "citizen-1");
        let here = "/my/consents";
        let (status, page) = mine.get(here);
        assert_eq!(status, 200, "{page}");
        for text in [
            "慢病随访",
            "未同意",
            "社区医生为随访查看您的姓名。",
            "敏感个人信息",
            "不同意不影响看病。",
            "value=\"give\"",
        ] {
            assert!(page.contains(text), "{text} is missing from {page}");
        }
        assert!(!page.contains("<script") && !page.contains("value=\"withdraw\""));
        let at = format!("{here}/{FOLLOW_UP}");
        let send = |headers: &[(&str, &str)], form: &str| mine.send("POST", &at, headers, form);
        let agree = "act=give&version=1&sensitive=yes";
        // From our own pages alone, with the box ticked, by whoever has signed in.
        assert_eq!(send(&[("origin", "http://evil.example")], agree).0, 403);
        assert_eq!(send(&own, "act=give&version=1").0, 422);
        assert_eq!(send(&own, "act=steal").0, 400);
        assert_eq!(Browser::new(address, "").send("POST", &at, &own, agree).0, 401);
        assert_eq!(seen(&bed, FOLLOW_UP), [""; 0]);
        assert_eq!(send(&own, agree), (303, here.to_owned()));
        assert_eq!(seen(&bed, FOLLOW_UP), ["甲"]);
        let (_, page) = mine.get(here);
        assert!(
            page.contains("已同意") && page.contains("value=\"withdraw\""),
            "{page}"
        );
        assert!(!page.contains("value=\"give\""));
        assert_eq!(send(&own, "act=withdraw"), (303, here.to_owned()));
        assert_eq!(seen(&bed, FOLLOW_UP), [""; 0]);
        let (_, page) = mine.get("/my/consents?lang=en");
        assert!(
            page.contains("withdrawn") && page.contains("My consents"),
            "{page}"
        );
        // Another person's page is another one.
        let other = Browser::new(address, "citizen-2").get(here).1;
        assert!(other.contains("未同意") && !other.contains("历次记录"), "{other}");
    }
}
