//! Acts on records: the right role passes; the wrong role, another unit, another person and whoever names no purpose do not.

use banyan_base::{Actor, ActorKind, Ctx, Problem, SourceFile, Standing};
use banyan_door::{Input, Reply};
use serde_json::{Value as Json, json};

use super::table::{TABLE, Who};
use crate::support::{Bed, beds, body, document, files, on};

const PACKAGE: &str = r#"
id = "lock"
title = { zh = "锁" }
word = "service"
owner = "省数字办"
version = "1.0.0"
[roles.clerk]
title = { zh = "经办" }
[roles.counter]
title = { zh = "统计" }
[purposes.care]
title = { zh = "办理" }
legal_basis = "测试"
retention = "P1Y"
roles = ["clerk", "counter"]
[purposes.care.fields]
case = ["name"]
[impact]
necessity = "测试"
risks = "测试"
safeguards = "测试"
assessed_on = 2022-01-01
assessed_by = "省数字办"
review_by = 2023-01-01
"#;
const CASE: &str = r#"
title = { zh = "案" }
label = "name"
subject = "party"
[fields.name]
type = "text"
title = { zh = "姓名" }
required = true
personal = true
grade = "重要"
[fields.place]
type = "text"
title = { zh = "单位" }
[fields.party]
type = "text"
title = { zh = "人" }
[fields.paper]
type = "file"
title = { zh = "材料" }
[lifecycle]
initial = "open"
[lifecycle.states.open]
title = { zh = "在办" }
[lifecycle.states.done]
title = { zh = "办结" }
[lifecycle.transitions.close]
title = { zh = "办结" }
from = ["open"]
to = "done"
"#;
const RANKING: &str = r#"
title = { zh = "排名" }
of = "case"
kind = "ranking"
group = "place"
order_by = "all"
[measures.all]
title = { zh = "件" }
"#;
/// Clerks act in their own place (their post), persons look at what is about themselves, and some only count.
const POLICY: &str = r#"
permit(principal in Role::"lock.clerk", action, resource is lock::case)
when { principal has post && resource has place && resource.place == principal.post };
permit(principal in Role::"citizen", action in [Action::"list", Action::"view"], resource is lock::case)
when { principal has acting_for && resource has party && resource.party == principal.acting_for };
@k_anonymous("2")
permit(principal in Role::"lock.counter", action in [Action::"list"], resource is lock::case);
"#;

fn package() -> Vec<SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("records/case.toml", CASE),
        ("views/ranking.toml", RANKING),
        ("policy.cedar", POLICY),
    ])
}

fn actor(id: &str, kind: ActorKind, role: &str, place: &str, party: &str) -> Actor {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Actor {
        id: id.into(),
        name: "某".into(),
        kind,
        roles: some(role).into_iter().collect(),
        standing: Standing {
            post: some(place),
            party: some(party),
            ..Standing::default()
        },
        ..Actor::anonymous()
    }
}

const OF: &str = "lock.case";

/// One act on the record, as the tables of the door name it.
fn act(bed: &Bed, cx: &Ctx, operation: &str, id: &str) -> Result<Reply, Problem> {
    let record = || on(OF, Input::default()).with_path("id", id);
    let collection = || Input::default().with_path("collection", OF);
    let mut input = match operation {
        "record.create" => on(
            OF,
            Input::json(json!({ "fields": { "name": "新", "place": "east" } })),
        ),
        "record.update" => on(OF, Input::json(json!({ "fields": { "name": "改" } }))).with_path("id", id),
        "record.transition" => on(OF, Input::json(json!({})))
            .with_path("id", id)
            .with_path("name", "close"),
        "record.aggregate" => Input {
            query: vec![("view".into(), "ranking".into())],
            ..on(OF, Input::default())
        },
        "import.start" => {
            let upload = banyan_door::Upload::memory("text/csv", None, b"name\n".to_vec());
            Input {
                body: banyan_door::Body::Upload(upload),
                ..on(OF, Input::default())
            }
        }
        "record.view" | "record.history" | "record.delete" => record(),
        "ogc.item" => collection().with_path("id", id),
        name if name.starts_with("ogc.") => collection(),
        _ => on(OF, Input::default()),
    };
    input.if_match = Some("*".into());
    bed.call(cx, operation, input)
}

/// Whether a reply holds the record.
fn holds(reply: Reply, id: &str) -> bool {
    String::from_utf8_lossy(&body(reply).1).contains(id)
}

fn made(bed: &Bed) -> String {
    let fields = json!({ "name": "张三", "place": "east", "party": "party-1" });
    bed.create(OF, &fields).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// What shows rows, and what is done to one.
const SHOWS: &[&str] = &["record.list", "record.export", "ogc.items"];
const ONE: &[&str] = &[
    "record.view",
    "record.history",
    "ogc.item",
    "record.update",
    "record.transition",
    "record.delete",
];
/// What tells of the type, or takes rows, and names none.
const OTHERS: &[&str] = &[
    "record.create",
    "record.aggregate",
    "import.start",
    "import.template",
    "ogc.collection",
    "ogc.queryables",
    "ogc.schema",
    "ogc.sortables",
];

#[test]
fn acts_on_records_are_for_those_whom_policy_names() {
    let mut known: Vec<&str> = SHOWS.iter().chain(ONE).chain(OTHERS).copied().collect();
    known.sort_unstable();
    let mut table: Vec<&str> = TABLE
        .iter()
        .filter(|(_, who)| matches!(who, Who::Records))
        .map(|(name, _)| *name)
        .collect();
    table.sort_unstable();
    assert_eq!(known, table, "an act on records without its case here");

    for bed in beds() {
        bed.apply(package(), false).unwrap();
        let cx = |actor: Actor, purpose: Option<&str>| Ctx {
            purpose: purpose.map(str::to_owned),
            ..bed.platform.world.ctx(actor)
        };
        let (person, citizen) = (ActorKind::Person, ActorKind::Citizen);
        let right = || cx(actor("a", person, "lock.clerk", "east", ""), Some("lock.care"));
        let refused = [
            (
                "no purpose",
                cx(actor("a", person, "lock.clerk", "east", ""), None),
            ),
            (
                "another purpose",
                cx(actor("a", person, "lock.clerk", "east", ""), Some("lock.other")),
            ),
            (
                "wrong role",
                cx(actor("b", person, "other.clerk", "east", ""), Some("lock.care")),
            ),
            (
                "no role",
                cx(actor("c", person, "", "east", ""), Some("lock.care")),
            ),
            (
                "an administrator",
                cx(actor("d", person, "admin", "east", ""), Some("lock.care")),
            ),
            ("nobody", cx(Actor::anonymous(), Some("lock.care"))),
            (
                "self without being it",
                cx(actor("e", person, "lock.clerk", "east", ""), Some("self")),
            ),
        ];
        let elsewhere = [
            (
                "another unit",
                cx(actor("f", person, "lock.clerk", "west", ""), Some("lock.care")),
            ),
            (
                "another person",
                cx(actor("g", citizen, "", "", "party-2"), Some("self")),
            ),
        ];
        let id = made(&bed);
        for operation in SHOWS.iter().chain(ONE).chain(OTHERS) {
            for (name, cx) in &refused {
                let problem = act(&bed, cx, operation, &id).err();
                let status = problem.map(|problem| problem.code.status);
                assert!(
                    matches!(status, Some(401 | 403)),
                    "{operation} by {name}: {status:?}"
                );
            }
        }
        for operation in SHOWS {
            for (name, cx) in &elsewhere {
                let shown = act(&bed, cx, operation, &id).is_ok_and(|reply| holds(reply, &id));
                assert!(!shown, "{operation} by {name}");
            }
            assert!(
                holds(act(&bed, &right(), operation, &id).unwrap(), &id),
                "{operation}"
            );
        }
        for operation in ONE {
            let id = made(&bed);
            for (name, cx) in &elsewhere {
                let status = act(&bed, cx, operation, &id)
                    .err()
                    .map(|problem| problem.code.status);
                assert!(
                    matches!(status, Some(403 | 404)),
                    "{operation} by {name}: {status:?}"
                );
            }
            if let Err(problem) = act(&bed, &right(), operation, &id) {
                panic!("{operation}: {problem:?}");
            }
        }
        for operation in OTHERS {
            if let Err(problem) = act(&bed, &right(), operation, &id) {
                panic!("{operation}: {problem:?}");
            }
        }
        // Persons look at their own, and at nothing else; what is made must be one's own too.
        let own = cx(actor("h", citizen, "", "", "party-1"), Some("self"));
        assert!(holds(act(&bed, &own, "record.view", &id).unwrap(), &id));
        assert!(act(&bed, &own, "record.update", &id).is_err());
        let west = cx(actor("i", person, "lock.clerk", "west", ""), Some("lock.care"));
        let away = act(&bed, &west, "record.create", &id).unwrap_err();
        assert_eq!(away.code.status, 403, "made for another unit: {away:?}");
        let moved =
            on(OF, Input::json(json!({ "fields": { "place": "west" } }))).with_path("id", id.as_str());
        let moved = Input {
            if_match: Some("*".into()),
            ..moved
        };
        let away = bed.call(&right(), "record.update", moved).unwrap_err();
        assert_eq!(away.code.status, 403, "given away: {away:?}");
        assert_eq!(
            document(act(&bed, &right(), "record.view", &id).unwrap())["fields"]["place"],
            "east"
        );
    }
}

#[test]
fn who_may_only_count_sees_groups_and_no_rows() {
    for bed in beds() {
        bed.apply(package(), false).unwrap();
        for (name, place) in [("甲", "east"), ("乙", "east"), ("丙", "west")] {
            bed.create(OF, &json!({ "name": name, "place": place })).unwrap();
        }
        let id = made(&bed);
        let cx = Ctx {
            purpose: Some("lock.care".into()),
            ..bed
                .platform
                .world
                .ctx(actor("a", ActorKind::Person, "lock.counter", "", ""))
        };
        let counted = document(act(&bed, &cx, "record.aggregate", &id).unwrap());
        let groups: Vec<(&Json, &Json)> = counted["groups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| (&group["key"], &group["values"]["all"]))
            .collect();
        assert_eq!(groups, [(&json!("east"), &json!(3.0))], "{}", bed.name());
        for operation in SHOWS.iter().chain(ONE) {
            let status = act(&bed, &cx, operation, &id)
                .err()
                .map(|problem| problem.code.status);
            assert_eq!(status, Some(403), "{operation}");
        }
    }
}

#[test]
fn the_feed_shows_what_may_be_viewed() {
    for bed in beds() {
        bed.apply(package(), false).unwrap();
        let (east, west) = (
            made(&bed),
            bed.create(OF, &json!({ "name": "丁", "place": "west" })).unwrap(),
        );
        banyan_store::testing::events_show(&bed.platform.db).unwrap();
        let ask = |actor: Actor, purpose: Option<&str>| {
            let cx = Ctx {
                purpose: purpose.map(str::to_owned),
                ..bed.platform.world.ctx(actor)
            };
            let input = Input {
                query: vec![("limit".into(), "1000".into())],
                ..Input::default()
            };
            bed.call(&cx, "event.list", input).map(document)
        };
        let clerk = || actor("a", ActorKind::Person, "lock.clerk", "east", "");
        let seen = ask(clerk(), Some("lock.care")).unwrap();
        let text = seen.to_string();
        let subjects: Vec<&str> = seen["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["subject"].as_str().unwrap())
            .collect();
        assert_eq!(subjects, [format!("{OF}/{east}")], "{}", bed.name());
        assert!(!text.contains("张三") && !text.contains(west["id"].as_str().unwrap()));
        assert_eq!(ask(clerk(), None).unwrap()["items"], json!([]));
        assert!(ask(actor("b", ActorKind::Citizen, "", "", "party-1"), Some("self")).is_err());
    }
}
