//! Who read what of a person, as he is told it, and what he can do about it: through the door, on both databases.

use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, ManualClock, World};
use banyan_door::{AuditLog, AuditStart, Input, Target, Touch};
use banyan_store::feed;
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds_in, body, document, files};

const PACKAGE: &str = r#"
id = "health"
title = { zh = "健康管理" }
word = "service"
owner = "省卫健委"
version = "1.0.0"
[roles.doctor]
title = { zh = "医生" }
[purposes.tracing]
title = { zh = "传染病流行病学调查" }
basis = "duty"
legal_basis = "《传染病防治法》第十二条"
retention = "P14D"
roles = ["doctor"]
"#;
const CASE: &str = r#"
title = { zh = "病例" }
label = "name"
[fields.name]
type = "text"
title = { zh = "姓名" }
[fields.phone]
type = "text"
title = { zh = "电话" }
"#;
const BASE: &str = "id = \"base\"\ntitle = { zh = \"基础数据\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const UNIT: &str = "title = { zh = \"单位\" }\nlabel = \"name\"\nkey = [\"code\"]\n[fields.code]\ntype = \"text\"\ntitle = { zh = \"代码\" }\nrequired = true\nimmutable = true\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\nrequired = true\n";
const HOLIDAY: &str = "title = { zh = \"节假日\" }\nlabel = \"name\"\nkey = [\"date\"]\n[fields.date]\ntype = \"date\"\ntitle = { zh = \"日期\" }\nrequired = true\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\n[fields.off]\ntype = \"boolean\"\ntitle = { zh = \"放假\" }\nrequired = true\n";

/// Platforms on Monday, 26 September 2022, the week before the National Day holidays.
pub fn stage() -> Vec<Bed> {
    let world = || {
        let start = "2022-09-26T01:00:00Z".parse().unwrap();
        World::new(Arc::new(ManualClock::new(start)), 7)
    };
    let beds = beds_in(&world);
    for bed in &beds {
        let base = [
            ("package.toml", BASE),
            ("records/unit.toml", UNIT),
            ("records/holiday.toml", HOLIDAY),
        ];
        bed.apply(files(&base), false).unwrap();
        let health = [("package.toml", PACKAGE), ("records/case.toml", CASE)];
        bed.apply(files(&health), false).unwrap();
        for (code, name) in [("FJ010", "省卫健委"), ("FJ011", "市疾控中心")] {
            bed.create("base.unit", &json!({ "code": code, "name": name }))
                .unwrap();
        }
        for day in 1..=7 {
            bed.create(
                "base.holiday",
                &json!({ "date": format!("2022-10-0{day}"), "name": "国庆节", "off": true }),
            )
            .unwrap();
        }
        for day in 8..=9 {
            bed.create(
                "base.holiday",
                &json!({ "date": format!("2022-10-0{day}"), "name": "调休", "off": false }),
            )
            .unwrap();
        }
    }
    beds
}

pub fn citizen(party: &str) -> Actor {
    let mut actor = Actor {
        id: format!("account-of-{party}"),
        name: "某人".into(),
        kind: ActorKind::Citizen,
        ..Actor::system()
    };
    actor.standing.party = Some(party.into());
    actor
}

pub fn officer(id: &str, unit: &str, roles: &[&str]) -> Actor {
    Actor {
        id: id.into(),
        name: format!("{id}的姓名"),
        kind: ActorKind::Person,
        unit: Some(unit.into()),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::system()
    }
}

fn cx(bed: &Bed, actor: &Actor) -> Ctx {
    bed.platform.world.ctx(actor.clone())
}

/// An act by `actor` that shows persons, as the door has the log take it.
pub fn show(bed: &Bed, actor: &Actor, operation: &str, touch: &Touch, persons: &[&str]) {
    let door = &bed.platform.door;
    let mut cx = cx(bed, actor);
    cx.purpose = Some("health.tracing".into());
    let target = Target {
        action: "health.case.view".into(),
        resource: "health.case".into(),
        transition: None,
    };
    let entry = AuditStart {
        cx: &cx,
        operation: door.operation(operation).unwrap(),
        target: &target,
        subject: None,
    };
    let persons: Vec<String> = persons.iter().map(|id| (*id).to_owned()).collect();
    let ticket = bed.platform.audit.touch(&entry, touch, &persons).unwrap();
    ticket.wait().unwrap();
    later(bed, 60);
}

fn later(bed: &Bed, seconds: i64) {
    let by = jiff::SignedDuration::from_secs(seconds);
    assert!(bed.platform.world.clock().advance(by));
}

pub fn sealed(bed: &Bed) {
    let ticket = bed.platform.audit.log().append(b"{}".to_vec()).unwrap();
    ticket.wait_sealed().unwrap();
}

fn log(bed: &Bed, actor: &Actor, query: &[(&str, &str)]) -> Json {
    sealed(bed);
    document(
        bed.call(&cx(bed, actor), "access_log.list", asked(query))
            .unwrap(),
    )
}

fn asked(query: &[(&str, &str)]) -> Input {
    Input {
        query: query
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        ..Input::default()
    }
}

fn short(item: &Json) -> String {
    let at = |pointer: &str| item.pointer(pointer).and_then(Json::as_str).unwrap_or("-");
    let fields: Vec<&str> = item["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| field["title"].as_str().unwrap())
        .collect();
    format!(
        "{} {} {} {} {} {} +{}",
        at("/who/title"),
        at("/who/name"),
        at("/through_title"),
        at("/type_title"),
        fields.join("、"),
        at("/purpose/title"),
        item["others"]
    )
}

/// A post, held by an account.
fn post(bed: &Bed) -> String {
    let account = json!({
        "login": "holder", "name": "某医师", "unit": "FJ011", "roles": [], "password": "correct-horse-battery-1",
    });
    let account = bed.ask("account.create", Input::json(account)).unwrap();
    let post = json!({
        "account": account["id"], "unit": "FJ011", "title": "流调科医师", "roles": ["health.doctor"], "from": "2022-01-01",
    });
    let made = bed.ask("post.create", Input::json(post)).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

#[test]
fn everything_that_showed_a_person_is_told_him_in_plain_words() {
    for bed in stage() {
        let doctor = officer("doctor-1", "FJ011", &["health.doctor"]);
        let case = Touch::of("health.case").fields(["name", "phone"]);
        let mut posted = doctor.clone();
        posted.standing.post = Some(post(&bed));
        show(&bed, &posted, "record.view", &case, &["party-1"]);
        show(
            &bed,
            &doctor,
            "record.list",
            &case,
            &["party-1", "party-2", "party-3"],
        );
        let mut lent = officer("doctor-2", "FJ011", &["health.doctor"]);
        lent.standing.on_behalf_of = Some("doctor-1".into());
        show(&bed, &lent, "record.export", &case, &["party-1", "party-2"]);
        let admin = Actor {
            unit: None,
            ..officer("admin-1", "", &["admin"])
        };
        show(&bed, &admin, "record.history", &case, &["party-1"]);
        let emergency = Touch {
            emergency: Some("glass-1".into()),
            ..case.clone()
        };
        show(&bed, &doctor, "record.view", &emergency, &["party-1"]);
        show(&bed, &Actor::system(), "record.update", &case, &["party-1"]);
        let machine = Actor {
            kind: ActorKind::Service,
            ..officer("machine-1", "FJ010", &[])
        };
        show(&bed, &machine, "record.view", &case, &["party-1"]);
        let me = citizen("party-1");
        show(&bed, &me, "record.view", &case, &["party-1"]);

        let mine = log(&bed, &me, &[]);
        let told: Vec<String> = mine["items"].as_array().unwrap().iter().map(short).collect();
        assert_eq!(
            told,
            [
                "您本人 - 查看 病例 姓名、电话 传染病流行病学调查 +0",
                "省卫健委的系统接口 - 接口 病例 姓名、电话 传染病流行病学调查 +0",
                "系统自动处理 - 办理 病例 姓名、电话 传染病流行病学调查 +0",
                "市疾控中心 - 应急访问 病例 姓名、电话 传染病流行病学调查 +0",
                "平台管理人员(未登记单位) - 查看历史 病例 姓名、电话 传染病流行病学调查 +0",
                "市疾控中心 - 导出 病例 姓名、电话 传染病流行病学调查 +1",
                "市疾控中心 - 列表 病例 姓名、电话 传染病流行病学调查 +2",
                "市疾控中心 - 查看 病例 姓名、电话 传染病流行病学调查 +0",
            ],
            "{}",
            bed.name()
        );
        let items = mine["items"].as_array().unwrap();
        assert_eq!(items[7]["purpose"]["legal_basis"], "《传染病防治法》第十二条");
        assert_eq!(items[7]["system"], "健康管理");
        assert_eq!(items[7]["who"]["post"], "流调科医师");
        assert_eq!(items[7]["at"], "2022-09-26T01:00:00.000Z");
        let delegated: Vec<bool> = items
            .iter()
            .map(|item| item["who"]["delegated"].as_bool().unwrap())
            .collect();
        assert_eq!(delegated, [false, false, false, false, false, true, false, false]);
        // No name and no account of a civil servant.
        let text = mine.to_string();
        for hidden in ["doctor-1", "doctor-2", "admin-1", "姓名的", "machine-1"] {
            assert!(!text.contains(hidden), "{hidden}");
        }
        // Filters, pages and the choices offered.
        assert_eq!(
            mine["choices"]["units"],
            json!([{ "name": "FJ010", "title": "省卫健委" }, { "name": "FJ011", "title": "市疾控中心" }])
        );
        assert_eq!(mine["choices"]["purposes"][0]["title"], "传染病流行病学调查");
        let count = |query: &[(&str, &str)]| log(&bed, &me, query)["items"].as_array().unwrap().len();
        assert_eq!(count(&[("unit", "FJ011")]), 4);
        assert_eq!(count(&[("purpose", "health.other")]), 0);
        assert_eq!(count(&[("from", "2022-09-26"), ("until", "2022-09-26")]), 8);
        assert_eq!(count(&[("from", "2022-09-27")]), 0);
        assert_eq!(count(&[("until", "2022-09-25")]), 0);
        let page = log(&bed, &me, &[("limit", "3")]);
        let rest = log(
            &bed,
            &me,
            &[("limit", "100"), ("cursor", page["next"].as_str().unwrap())],
        );
        assert_eq!(rest["items"].as_array().unwrap(), &items[3..]);
        assert_eq!(rest["next"], Json::Null);
        for wrong in [("from", "昨天"), ("cursor", "1-2"), ("limit", "0")] {
            let refused = bed.call(&cx(&bed, &me), "access_log.list", asked(&[wrong]));
            assert_eq!(refused.unwrap_err().code.status, 400, "{wrong:?}");
        }
        // To take along.
        let table = bed.call(&cx(&bed, &me), "access_log.export", asked(&[])).unwrap();
        let (kind, bytes) = body(table);
        let table = String::from_utf8(bytes).unwrap();
        assert_eq!(kind, "text/csv; charset=utf-8");
        assert_eq!(table.lines().count(), 9);
        assert!(
            table.contains("2022-09-26 09:00:00,市疾控中心 流调科医师,,传染病流行病学调查,《传染病防治法》第十二条,健康管理,病例,姓名、电话,查看,0,,"),
            "{table}"
        );
    }
}

#[test]
fn nobody_sees_anothers_log_unseen() {
    for bed in stage() {
        let doctor = officer("doctor-1", "FJ011", &["health.doctor"]);
        let case = Touch::of("health.case").fields(["name"]);
        show(&bed, &doctor, "record.view", &case, &["party-1"]);
        let (me, other) = (citizen("party-1"), citizen("party-2"));
        let mine = log(&bed, &me, &[]);
        let id = mine["items"][0]["id"].as_str().unwrap().to_owned();
        // One's own look is no entry.
        assert_eq!(log(&bed, &me, &[])["items"].as_array().unwrap().len(), 1);
        assert_eq!(log(&bed, &other, &[])["items"], json!([]));
        let entry = || Input::default().with_path("id", &id);
        let view = |actor: &Actor| bed.call(&cx(&bed, actor), "access_log.view", entry());
        assert_eq!(document(view(&me).unwrap()), mine["items"][0]);
        assert_eq!(view(&other).unwrap_err().code.status, 404);
        // Who has proved nothing, civil servants and administrators included, has no log; and nobody can name a party.
        let admin = officer("admin-1", "FJ010", &["admin"]);
        for actor in [&doctor, &admin, &Actor::system()] {
            let refused = bed.call(
                &cx(&bed, actor),
                "access_log.list",
                asked(&[("party", "party-1")]),
            );
            assert_eq!(refused.unwrap_err().code.status, 403, "{}", actor.id);
        }
        let refused = bed.call(&cx(&bed, &Actor::anonymous()), "access_log.list", asked(&[]));
        assert_eq!(refused.unwrap_err().code.status, 401);
        // An agent sees it for whom he acts for, and it is told.
        let mut agent = citizen("party-2");
        agent.standing.represents = Some("party-1".into());
        later(&bed, 60);
        let seen = log(&bed, &agent, &[]);
        assert_eq!(seen["items"][0]["id"], id.as_str());
        let told = log(&bed, &me, &[]);
        assert_eq!(
            short(&told["items"][0]),
            "其他个人(您的代理人、监护人等) - 列表 本人信息的查看记录  查阅本人信息的使用情况 +0"
        );
        assert_eq!(told["items"].as_array().unwrap().len(), 2);
        // Forgotten: nothing is found, and nothing is wrong.
        bed.platform.audit.forget("party-1").unwrap();
        assert_eq!(log(&bed, &me, &[])["items"], json!([]));
    }
}

fn object(bed: &Bed, actor: &Actor, entry: &str, reason: &str) -> Result<Json, banyan_base::Problem> {
    let sent = Input::json(json!({ "entry": entry, "reason": reason }));
    bed.call(&cx(bed, actor), "objection.create", sent).map(document)
}

fn answer(bed: &Bed, actor: &Actor, id: &str) -> Result<Json, banyan_base::Problem> {
    let sent = Input::json(json!({ "outcome": "upheld", "answer": "查看没有必要,已收回该账号的权限。" }));
    bed.call(&cx(bed, actor), "objection.answer", sent.with_path("id", id))
        .map(document)
}

#[test]
fn an_objection_goes_to_the_owner_and_is_answered_in_time() {
    for bed in stage() {
        let reader = officer("doctor-1", "FJ010", &["health.doctor"]);
        let case = Touch::of("health.case").fields(["name"]);
        show(&bed, &reader, "record.view", &case, &["party-1"]);
        show(&bed, &reader, "record.list", &case, &["party-1", "party-2"]);
        let (me, other) = (citizen("party-1"), citizen("party-2"));
        show(&bed, &me, "record.view", &case, &["party-1"]);
        let mine = log(&bed, &me, &[]);
        let entries: Vec<String> = mine["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["id"].as_str().unwrap().to_owned())
            .collect();
        let status = |result: Result<Json, banyan_base::Problem>| result.unwrap_err().code.status;
        // Refused: no reason, somebody else's entry, one's own look, the same twice.
        assert_eq!(status(object(&bed, &me, &entries[2], "  ")), 422);
        assert_eq!(status(object(&bed, &me, &entries[2], &"长".repeat(2001))), 422);
        assert_eq!(status(object(&bed, &other, &entries[2], "与我无关")), 404);
        assert_eq!(status(object(&bed, &me, &entries[0], "我看过")), 409);
        let made = object(&bed, &me, &entries[2], "我从未在该单位就诊。").unwrap();
        assert_eq!(status(object(&bed, &me, &entries[2], "再说一次")), 409);
        // Fifteen working days from 26 September: four in that week, seven from 8 October on (both days of that weekend
        // are worked), four more.
        assert_eq!(made["due_on"], "2022-10-20", "{}", bed.name());
        assert_eq!(made["owner"], "省卫健委");
        let id = made["id"].as_str().unwrap().to_owned();
        let listed = log(&bed, &me, &[]);
        assert_eq!(listed["items"][2]["objection"]["state_title"], "待答复");
        assert_eq!(listed["items"][2]["objectionable"], false);
        // Who answers: the owner's people, not whoever looked, not another unit, not without a role there.
        let owner = officer("chief-1", "FJ010", &["health.doctor"]);
        let elsewhere = officer("chief-2", "FJ011", &["health.doctor"]);
        let clerk = officer("clerk-1", "FJ010", &["base.steward"]);
        let admin = officer("admin-1", "FJ099", &["admin"]);
        let asked_queue = |actor: &Actor| {
            bed.call(&cx(&bed, actor), "objection.queue", asked(&[("state", "open")]))
                .map(document)
        };
        let queue = |actor: &Actor| asked_queue(actor).unwrap()["items"].as_array().unwrap().len();
        assert_eq!([&owner, &elsewhere, &clerk, &admin].map(queue), [1, 0, 0, 1]);
        assert_eq!(status(asked_queue(&other)), 403);
        for (actor, wanted) in [(&elsewhere, 404), (&clerk, 404), (&other, 403), (&me, 403)] {
            assert_eq!(status(answer(&bed, actor, &id)), wanted, "{}", actor.id);
        }
        assert_eq!(status(answer(&bed, &reader, &id)), 403);
        // Too late: told once.
        let system = bed.system();
        let overdue = |cx: &Ctx| banyan_identity::person::overdue(&bed.platform.db, cx).unwrap();
        assert_eq!(overdue(&system), 0);
        later(&bed, 25 * 24 * 3600);
        assert_eq!(overdue(&bed.system()), 1);
        assert_eq!(overdue(&bed.system()), 0);
        let view = |actor: &Actor| {
            let input = Input::default().with_path("id", &id);
            bed.call(&cx(&bed, actor), "objection.view", input).map(document)
        };
        assert_eq!(view(&owner).unwrap()["overdue"], true);
        let answered = answer(&bed, &owner, &id).unwrap();
        assert_eq!(answered["state_title"], "异议成立");
        assert_eq!(status(answer(&bed, &owner, &id)), 409);
        assert_eq!(queue(&owner), 0);
        assert_eq!(view(&me).unwrap()["answer"], "查看没有必要,已收回该账号的权限。");
        assert_eq!(view(&other).unwrap_err().code.status, 404);
        let own = document(bed.call(&cx(&bed, &me), "objection.list", asked(&[])).unwrap());
        assert_eq!(own["items"].as_array().unwrap().len(), 1);
        // Those who answer leave entries too.
        let seen = log(&bed, &me, &[]);
        let of: Vec<String> = seen["items"].as_array().unwrap().iter().map(short).collect();
        assert!(
            of.contains(
                &"省卫健委 - 办理 异议 答复、所异议的记录、异议理由 受理和答复个人信息异议 +0".to_owned()
            ),
            "{of:?}"
        );
        // On the feed: each step, and nothing of what was written, nor whose.
        banyan_store::testing::events_show(&bed.platform.db).unwrap();
        let events = bed
            .platform
            .db
            .read(|tx| feed::read(tx, feed::Position::START, "banyan.platform.objection", 100))
            .unwrap();
        let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(
            kinds,
            [
                "banyan.platform.objection.created",
                "banyan.platform.objection.overdue",
                "banyan.platform.objection.answered"
            ]
        );
        for event in &events {
            let text = serde_json::to_string(event).unwrap();
            let silent = ["就诊", "权限", "party-1"]
                .iter()
                .all(|word| !event.data.to_string().contains(word));
            assert!(silent, "{text}");
        }
    }
}
