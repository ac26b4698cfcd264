use std::sync::Arc;

use banyan_base::{Ctx, Limit, ManualClock, Problem, SourceFile, World};
use banyan_store::testing::{TestDb, databases};
use serde_json::{Map, Value as Json, json};

use crate::query::{Query, list};
use crate::record::{self, Change, Record};
use crate::{ApplyRequest, Registry, history, lifecycle};

const PACKAGE: &str = "id = \"rooms\"\ntitle = { zh = \"会议室\" }\nword = \"collaboration\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const ROOM: &str = r#"
title = { zh = "会议室" }
label = "name"
key = ["name"]

[fields.name]
type = "text"
title = { zh = "名称" }
required = true
search = true

[fields.seats]
type = "integer"
title = { zh = "座位" }
min = 1
max = 500

[fields.price]
type = "decimal"
title = { zh = "价格" }

[fields.contact]
type = "text"
title = { zh = "联系人" }

[fields.large]
type = "computed"
title = { zh = "大" }
result = "boolean"
feel = "seats > 50"

[lifecycle]
initial = "open"
[lifecycle.states.open]
title = { zh = "开放" }
[lifecycle.states.closed]
title = { zh = "停用" }
final = true
[lifecycle.transitions.close]
title = { zh = "停用" }
from = ["open"]
to = "closed"
guard = "record.seats > 5"
refusal = { zh = "小会议室不能停用。" }
"#;
const BOOKING: &str = r#"
title = { zh = "预订" }
label = "day"
[fields.day]
type = "date"
title = { zh = "日期" }
required = true
[fields.room]
type = "ref"
to = "room"
title = { zh = "会议室" }
required = true
"#;

pub(crate) struct Platform {
    pub(crate) test: TestDb,
    pub(crate) registry: Arc<Registry>,
    pub(crate) world: World,
}

pub(crate) fn files(pairs: &[(&str, &str)]) -> Vec<SourceFile> {
    pairs
        .iter()
        .map(|(path, text)| SourceFile {
            path: (*path).into(),
            bytes: text.as_bytes().to_vec(),
        })
        .collect()
}

fn first() -> Vec<SourceFile> {
    files(&[
        ("package.toml", PACKAGE),
        ("records/room.toml", ROOM),
        ("records/booking.toml", BOOKING),
        (
            "seeds/01-room.csv",
            "name,seats,price,contact\n一号厅,80,12.5,张处 0591\n二号厅,4,,\n",
        ),
    ])
}

pub(crate) fn platforms() -> Vec<Platform> {
    let make = |test: TestDb| {
        let world = World::new(
            Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
            3,
        );
        test.db
            .migrate(&[&banyan_store::MIGRATIONS, &crate::MIGRATIONS])
            .unwrap();
        let registry = Registry::new(Arc::new(|_, _| {}));
        Platform {
            test,
            registry,
            world: world.clone(),
        }
    };
    databases().unwrap().into_iter().map(make).collect()
}

impl Platform {
    pub(crate) fn apply(
        &self,
        packages: Vec<Vec<SourceFile>>,
        allow_loss: bool,
    ) -> Result<Vec<crate::Applied>, Problem> {
        let (registry, cx) = (Arc::clone(&self.registry), self.world.system_ctx());
        let request = ApplyRequest { packages, allow_loss };
        self.test
            .db
            .write_exclusive(move |tx| registry.apply(&cx, tx, &request))
    }

    pub(crate) fn create(&self, of: &str, fields: Json) -> Result<Record, Problem> {
        let (registry, cx, of) = (Arc::clone(&self.registry), self.world.system_ctx(), of.to_owned());
        let fields = fields.as_object().unwrap().clone();
        self.test.db.write(move |tx| {
            let catalog = registry.catalog(tx)?;
            let info = catalog.find(&of)?;
            let change = Change {
                fields: &fields,
                state: None,
                verb: "created",
                note: None,
                unrestricted: false,
                eyes: None,
            };
            record::create(&cx, tx, &catalog, &info, &change)
        })
    }

    pub(crate) fn update(&self, of: &str, id: &str, tag: &str, fields: Json) -> Result<Record, Problem> {
        let (registry, cx, of) = (Arc::clone(&self.registry), self.world.system_ctx(), of.to_owned());
        let (id, tag, fields) = (id.to_owned(), tag.to_owned(), fields.as_object().unwrap().clone());
        self.test.db.write(move |tx| {
            let catalog = registry.catalog(tx)?;
            let info = catalog.find(&of)?;
            let before = record::get_for_change(tx, &info, &id, Some(&tag))?;
            let change = Change {
                fields: &fields,
                state: None,
                verb: "updated",
                note: None,
                unrestricted: false,
                eyes: None,
            };
            record::update(&cx, tx, &catalog, &info, &before, &change)
        })
    }

    pub(crate) fn list(
        &self,
        of: &str,
        query: &Query,
    ) -> Result<(Vec<Record>, Option<u64>, Option<String>), Problem> {
        self.test.db.read(|tx| {
            let info = self.registry.catalog(tx)?.find(of)?;
            let listing = list(tx, &info, query)?;
            Ok((
                listing.page.items,
                listing.page.matched,
                listing.page.next.map(|cursor| cursor.0),
            ))
        })
    }

    fn names(&self, filter: &str) -> Vec<String> {
        let query = Query {
            count: true,
            ..Query::read(Some(filter), Some("name")).unwrap()
        };
        let (items, matched, _) = self
            .list("rooms.room", &query)
            .unwrap_or_else(|problem| panic!("{filter}: {problem:?}"));
        assert_eq!(matched, Some(items.len() as u64), "{filter}");
        items
            .iter()
            .map(|record| record.fields["name"].as_str().unwrap().to_owned())
            .collect()
    }

    fn ctx(&self) -> Ctx {
        self.world.system_ctx()
    }
}

#[test]
fn a_record_lives() {
    for platform in platforms() {
        platform.apply(vec![first()], false).unwrap();
        assert!(!platform.apply(vec![first()], false).unwrap()[0].changed);
        let made = platform
            .create(
                "rooms.room",
                json!({ "name": "三号厅", "seats": "60", "price": 99.95 }),
            )
            .unwrap();
        assert_eq!(
            (&made.fields["large"], &made.fields["price"]),
            (&json!(true), &json!(99.95))
        );
        platform
            .world
            .clock()
            .advance(jiff::SignedDuration::from_hours(1));
        let changed = platform
            .update("rooms.room", &made.id, "\"1\"", json!({ "seats": 10 }))
            .unwrap();
        assert_eq!((changed.version, &changed.fields["large"]), (2, &json!(false)));
        let late = platform
            .update("rooms.room", &made.id, "\"1\"", json!({ "seats": 11 }))
            .unwrap_err();
        assert_eq!(late.code.status, 412);
        let wrong = platform.create(
            "rooms.room",
            json!({ "name": "三号厅", "seats": 0, "price": 1.234, "colour": "红", "large": true }),
        );
        let places: Vec<_> = wrong
            .unwrap_err()
            .errors
            .into_iter()
            .map(|error| error.pointer)
            .collect();
        assert_eq!(
            places,
            [
                "/fields/seats",
                "/fields/price",
                "/fields/colour",
                "/fields/large"
            ]
        );
        let twice = platform
            .create("rooms.room", json!({ "name": "三号厅" }))
            .unwrap_err();
        assert_eq!(twice.errors[0].pointer, "/fields/name", "{twice:?}");
        let booked = platform
            .create("rooms.booking", json!({ "day": "2022-03-05", "room": "三号厅" }))
            .unwrap();
        assert_eq!(booked.fields["room"], json!(made.id));
        assert_eq!(
            platform
                .create("rooms.booking", json!({ "day": "x", "room": "无" }))
                .unwrap_err()
                .errors
                .len(),
            2
        );
        let (registry, cx, id) = (Arc::clone(&platform.registry), platform.ctx(), made.id.clone());
        let deleted: Result<(), Problem> = platform.test.db.write(move |tx| {
            let catalog = registry.catalog(tx)?;
            let info = catalog.find("rooms.room")?;
            let before = record::get(tx, &info, &id)?;
            crate::removal::delete(&cx, tx, &catalog, &info, &before)
        });
        assert_eq!(deleted.unwrap_err().code.name, "in-use");
        let (changes, was) = platform
            .test
            .db
            .read::<_, Problem>(|tx| {
                let info = platform.registry.catalog(tx)?.find("rooms.room")?;
                let changes = {
                    let versions = history::versions(tx, &info, &made.id)?;
                    history::changes(&platform.registry, tx, &info, versions)?
                };
                Ok((
                    changes,
                    history::as_of(&platform.ctx(), tx, &info, &made.id, "2022-03-01T00:30:00.000Z")?,
                ))
            })
            .unwrap();
        assert_eq!(
            changes[0]["changes"][0],
            json!({ "field": "seats", "title": "座位", "from": 60, "to": 10 })
        );
        assert_eq!(was.unwrap().fields["seats"], json!(60));
    }
}

#[test]
fn lists_filter_sort_and_page() {
    for platform in platforms() {
        platform.apply(vec![first()], false).unwrap();
        for number in 0..25 {
            let seats = (number % 7 != 0).then_some(number + 1);
            platform
                .create(
                    "rooms.room",
                    json!({ "name": format!("R{number:02}"), "seats": seats, "contact": "O'Brien 100%" }),
                )
                .unwrap();
        }
        assert_eq!(platform.names("seats > 22"), ["R22", "R23", "R24", "一号厅"]);
        assert_eq!(
            platform.names("seats IS NULL AND name <> 'R00'"),
            ["R07", "R14", "R21"]
        );
        assert_eq!(
            platform.names("name LIKE '%号厅' AND NOT (seats < 10)"),
            ["一号厅"]
        );
        assert_eq!(
            platform.names("name IN ('R01', '二号厅') OR seats BETWEEN 24 AND 25"),
            ["R01", "R23", "R24", "二号厅"]
        );
        assert_eq!(platform.names("price = 12.5 and large = true"), ["一号厅"]);
        assert_eq!(platform.names("CASEI(name) = CASEI('r05')"), ["R05"]);
        assert_eq!(platform.names("name = 'x'' OR 1=1 --'"), [""; 0]);
        assert_eq!(platform.names("contact LIKE '%100\\%%' AND seats = 2"), ["R01"]);
        for bad in [
            "seets = 1",
            "seats = 'x",
            "seats = 'x'",
            "name = 1",
            "1 = 1",
            "name LIKE '%%%%%%%%'",
            "seats >",
            &"(".repeat(99),
            "name; DROP",
        ] {
            let refused = Query::read(Some(bad), None).and_then(|query| platform.list("rooms.room", &query));
            assert_eq!(refused.unwrap_err().code.status, 400, "{bad}");
        }
        for sort in ["seats", "-seats", "-name", "large,-seats", ""] {
            let mut query = Query {
                limit: Limit::new(4).unwrap(),
                ..Query::read(None, Some(sort)).unwrap()
            };
            let (all, _, _) = platform
                .list(
                    "rooms.room",
                    &Query {
                        limit: Limit::new(100).unwrap(),
                        ..query.clone()
                    },
                )
                .unwrap();
            let mut paged = Vec::new();
            loop {
                let (items, _, next) = platform.list("rooms.room", &query).unwrap();
                paged.extend(items);
                match next {
                    Some(next) => query.cursor = Some(next),
                    None => break,
                }
            }
            assert_eq!(paged.len(), 27, "{sort}");
            assert!(paged == all, "{} {sort}", platform.test.name);
        }
        let find = |words: &str| {
            platform
                .list(
                    "rooms.room",
                    &Query {
                        words: Some(words.into()),
                        ..Query::default()
                    },
                )
                .unwrap()
                .0
                .len()
        };
        assert_eq!(
            (
                find("号厅"),
                find("一号"),
                find("厅"),
                find("r0"),
                find("五号"),
                find("'\"*")
            ),
            (2, 1, 2, 10, 0, 20)
        );
        let past = Query {
            as_of: Some("2020-01-01T00:00:00.000Z".into()),
            count: true,
            ..Query::default()
        };
        assert_eq!(platform.list("rooms.room", &past).unwrap().1, Some(0));
        let now = Query {
            as_of: Some("2099-01-01T00:00:00.000Z".into()),
            count: true,
            ..Query::default()
        };
        assert_eq!(platform.list("rooms.room", &now).unwrap().1, Some(27));
    }
}

#[test]
fn transitions_follow_the_declaration() {
    for platform in platforms() {
        platform.apply(vec![first()], false).unwrap();
        let close = |name: &'static str| {
            let (registry, cx) = (Arc::clone(&platform.registry), platform.ctx());
            platform.test.db.write::<Record, Problem>(move |tx| {
                let catalog = registry.catalog(tx)?;
                let info = catalog.find("rooms.room")?;
                let id = crate::reference::resolve(tx, &info, name)?.unwrap();
                let before = record::get_for_change(tx, &info, &id, Some("*"))?;
                lifecycle::transition(
                    &cx,
                    tx,
                    (&catalog, None),
                    &info,
                    &before,
                    "close",
                    &Map::new(),
                    Some("装修".into()),
                )
            })
        };
        let closed = close("一号厅").unwrap();
        assert_eq!(
            (
                closed.state.as_deref(),
                closed.verb.as_str(),
                closed.note.as_deref()
            ),
            (Some("closed"), "close", Some("装修"))
        );
        assert_eq!(
            close("一号厅").unwrap_err().detail,
            "现在的状态是“停用”,不能“停用”。"
        );
        assert_eq!(close("二号厅").unwrap_err().detail, "小会议室不能停用。");
        let frozen = platform
            .update("rooms.room", &closed.id, "*", json!({ "seats": 3 }))
            .unwrap_err();
        assert_eq!(frozen.errors[0].code, "state");
    }
}

#[test]
fn an_upgrade_renames_and_splits_without_losing_a_row() {
    for platform in platforms() {
        platform.apply(vec![first()], false).unwrap();
        for number in 0..1_200 {
            platform.create("rooms.room", json!({ "name": format!("R{number}"), "seats": 9, "contact": format!("王{number} 139{number}") })).unwrap();
        }
        let second = ROOM
            .replace("[fields.seats]", "[fields.places]")
            .replace("seats > 50", "places > 50")
            .replace("record.seats", "record.places")
            .replace("[fields.contact]\ntype = \"text\"\ntitle = { zh = \"联系人\" }", "[fields.person]\ntype = \"text\"\ntitle = { zh = \"联系人\" }\n[fields.phone]\ntype = \"text\"\ntitle = { zh = \"电话\" }");
        let version = PACKAGE.replace("1.0.0", "2.0.0");
        let step = r#"
[[actions]]
do = "rename_field"
of = "room"
from = "seats"
to = "places"
[[actions]]
do = "split"
of = "room"
from = "contact"
into = { person = "substring before(contact, \" \")", phone = "substring after(contact, \" \")" }
"#;
        let seeds = "name,places,price\n一号厅,80,12.5\n";
        let bare = files(&[
            ("package.toml", &version),
            ("records/room.toml", &second),
            ("records/booking.toml", BOOKING),
            ("seeds/01-room.csv", seeds),
        ]);
        assert_eq!(
            platform.apply(vec![bare.clone()], false).unwrap_err().code.name,
            "loss-refused"
        );
        let broken = [
            bare.clone(),
            files(&[(
                "steps/0002.toml",
                &step.replace("before(contact", "before(kontact"),
            )]),
        ]
        .concat();
        assert!(platform.apply(vec![broken], false).is_err());
        assert_eq!(platform.names("seats = 80"), ["一号厅"]);
        let good = [bare, files(&[("steps/0002.toml", step)])].concat();
        platform.apply(vec![good], false).unwrap();
        assert_eq!(
            platform.names("person = '王7' AND phone = '1397' AND places = 9"),
            ["R7"]
        );
        let all = Query {
            count: true,
            ..Query::default()
        };
        assert_eq!(platform.list("rooms.room", &all).unwrap().1, Some(1_202));
        let (registry, cx) = (Arc::clone(&platform.registry), platform.ctx());
        let kept: Result<(), Problem> = platform
            .test
            .db
            .write_exclusive(move |tx| registry.remove(&cx, tx, "rooms", false));
        assert_eq!(kept.unwrap_err().code.name, "loss-refused");
        let (registry, cx) = (Arc::clone(&platform.registry), platform.ctx());
        platform
            .test
            .db
            .write_exclusive::<(), Problem>(move |tx| registry.remove(&cx, tx, "rooms", true))
            .unwrap();
        assert!(platform.list("rooms.room", &all).is_err());
    }
}

#[test]
fn another_process_notices_an_apply() {
    for platform in platforms() {
        let other = Registry::new(Arc::new(|_, _| {}));
        assert!(
            platform
                .test
                .db
                .read(|tx| other.catalog(tx))
                .unwrap()
                .types
                .is_empty()
        );
        platform.apply(vec![first()], false).unwrap();
        assert_eq!(
            platform.test.db.read(|tx| other.catalog(tx)).unwrap().types.len(),
            2
        );
    }
}
