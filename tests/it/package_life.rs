//! The life of a package on a running server: written from nothing, checked, planned, applied, served at once, upgraded
//! without losing a row, refused without a trace where it does not fit, exported and removed. All of it by HTTP.

use std::net::SocketAddr;

use banyan::platform::Platform;
use banyan_base::World;
use banyan_door::Input;
use banyan_store::testing::schema_lines;
use banyan_store::{Db, Options};
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, on};

/// Somebody at a server's HTTP face.
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    pub fn anonymous(address: SocketAddr) -> Client {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Client {
            agent: config.build().new_agent(),
            base: format!("http://{address}"),
            token: None,
        }
    }

    /// The first administrator, signed in.
    pub fn administrator(bed: &Bed, address: SocketAddr) -> Client {
        let password = bed.platform.first_administrator().unwrap().unwrap();
        let mut client = Client::anonymous(address);
        let body = json!({ "login": "admin", "password": password }).to_string();
        let request = ureq::http::Request::post(format!("{}/v1/session", client.base));
        let request = request
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let response = client.agent.run(request).unwrap();
        let cookie = response.headers().get("set-cookie").unwrap().to_str().unwrap();
        let token = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
        client.token = Some(token.to_owned());
        client
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Status and body; `Null` where the body is no JSON.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Json>,
    ) -> (u16, Json) {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap();
        let text = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or_default(),
        )
    }

    /// What is there; fails where nothing is.
    pub fn get(&self, path: &str) -> Json {
        let (status, body) = self.send("GET", path, &[], None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        self.send("POST", path, &[], Some(body))
    }

    /// A record made of fields.
    pub fn create(&self, of: &str, fields: Json) -> Json {
        let (package, name) = of.split_once('.').unwrap();
        let path = format!("/v1/records/{package}/{name}");
        let (status, body) = self.post(&path, &json!({ "fields": fields }));
        assert_eq!(status, 201, "{body}");
        body
    }

    pub fn packages(&self, verb: &str, packages: &[&Texts], allow_loss: bool) -> (u16, Json) {
        let packages: Vec<Json> = packages.iter().map(|texts| json!(texts)).collect();
        let body = json!({ "packages": packages, "allow_loss": allow_loss });
        self.post(&format!("/v1/packages/{verb}"), &body)
    }

    pub fn apply(&self, package: &Texts) -> Json {
        let (status, body) = self.packages("apply", &[package], false);
        assert_eq!(status, 200, "{body:#}");
        body["items"][0].clone()
    }
}

/// A package: path → text.
pub type Texts = std::collections::BTreeMap<String, String>;

pub fn texts(list: &[(&str, &str)]) -> Texts {
    list.iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

const ROOM: &str = r#"
title = { zh = "会议室" }
about = { zh = "可以预订的会议室。" }
label = "name"
key = ["name"]
[fields.name]
type = "text"
title = { zh = "名称" }
required = true
search = true
[fields.address]
type = "text"
title = { zh = "地址" }
search = true
[fields.seats]
type = "text"
title = { zh = "座位" }
[fields.note]
type = "text"
title = { zh = "备注" }
[fields.label_text]
type = "computed"
title = { zh = "牌子" }
result = "text"
feel = "name + \"(\" + (if seats = null then \"?\" else seats) + \")\""
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
"#;

const BOOKING: &str = r#"
title = { zh = "预订" }
label = "reason"
[fields.reason]
type = "text"
title = { zh = "事由" }
required = true
[fields.room]
type = "ref"
to = "room"
title = { zh = "会议室" }
required = true
"#;

fn first() -> Texts {
    texts(&[
        (
            "package.toml",
            "id = \"rooms\"\ntitle = { zh = \"会议室\" }\nword = \"collaboration\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n",
        ),
        ("records/room.toml", ROOM),
        ("records/booking.toml", BOOKING),
        (
            "views/all.toml",
            "title = { zh = \"全部\" }\nof = \"room\"\nkind = \"list\"\ncolumns = [\"name\", \"seats\"]\nsort = [\"name\"]\n",
        ),
        (
            "policy.cedar",
            "permit(principal in Role::\"rooms.clerk\", action, resource in Package::\"rooms\");\n",
        ),
        ("seeds/01-room.csv", "name,address,seats\n1号,福州市|鼓楼区,20\n"),
        ("README.md", "# 会议室\n"),
        ("RETENTION.md", "无个人信息。\n"),
    ])
}

pub fn replaced(package: &Texts, file: &str, pairs: &[(&str, &str)]) -> Texts {
    let mut package = package.clone();
    let text = package.get_mut(file).unwrap();
    for (from, to) in pairs {
        assert!(text.contains(from), "{file} has no {from}");
        *text = text.replace(from, to);
    }
    package
}

/// The next version: the type and a field have other names, the address is split, the seats are numbers, a floor is new.
fn second() -> Texts {
    let mut package = replaced(&first(), "package.toml", &[("1.0.0", "2.0.0")]);
    let room = package.remove("records/room.toml").unwrap();
    let room = room
        .replace("[fields.name]", "[fields.title]")
        .replace("\"name\"", "\"title\"")
        .replace("feel = \"name +", "feel = \"title +")
        .replace(
            "[fields.address]\ntype = \"text\"\ntitle = { zh = \"地址\" }\nsearch = true",
            "[fields.city]\ntype = \"text\"\ntitle = { zh = \"市\" }\nsearch = true\n[fields.district]\ntype = \"text\"\ntitle = { zh = \"县区\" }\nsearch = true\n[fields.floor]\ntype = \"integer\"\ntitle = { zh = \"楼层\" }\nrequired = true",
        )
        .replace(
            "[fields.seats]\ntype = \"text\"",
            "[fields.seats]\ntype = \"integer\"\nmin = 1\nmax = 500",
        )
        .replace("else seats)", "else string(seats))");
    package.insert("records/hall.toml".into(), room);
    for (file, from, to) in [
        ("records/booking.toml", "to = \"room\"", "to = \"hall\""),
        ("views/all.toml", "of = \"room\"", "of = \"hall\""),
        ("views/all.toml", "\"name\"", "\"title\""),
    ] {
        package = replaced(&package, file, &[(from, to)]);
    }
    package.remove("seeds/01-room.csv");
    let step = r#"
[[actions]]
do = "rename_type"
from = "room"
to = "hall"
[[actions]]
do = "rename_field"
of = "hall"
from = "name"
to = "title"
[[actions]]
do = "split"
of = "hall"
from = "address"
into = { city = "if contains(address, \"|\") then substring before(address, \"|\") else address", district = "if contains(address, \"|\") then substring after(address, \"|\") else null" }
[[actions]]
do = "backfill"
of = "hall"
field = "floor"
feel = "if seats = \"20\" then 2 else 1"
[[actions]]
do = "convert"
of = "hall"
field = "seats"
feel = "number(seats, \",\", \".\")"
"#;
    package.insert("steps/0002.toml".into(), step.into());
    package
}

/// Everything a refused change must leave as it was: the schema, the packages, every row of every table of records.
pub fn standing(bed: &Bed) -> String {
    let db = &bed.platform.db;
    let schema = schema_lines(db).unwrap();
    let mut tables: Vec<String> = schema
        .iter()
        .filter_map(|line| line.split_once('.'))
        .map(|(table, _)| table.to_owned())
        .collect();
    tables.dedup();
    let kept = [
        "package",
        "package_history",
        "package_source",
        "catalog_generation",
        "record_count",
    ];
    let mut all = schema.clone();
    for table in tables
        .iter()
        .filter(|table| kept.contains(&table.as_str()) || table.starts_with("r_") && !table.contains("__fts"))
    {
        let columns = schema
            .iter()
            .filter_map(|line| line.strip_prefix(&format!("{table}.")));
        let columns: Vec<&str> = columns.filter(|column| *column != "_fts").collect();
        let order: Vec<String> = (1..=columns.len()).map(|column| column.to_string()).collect();
        let sql = format!(
            "SELECT {} FROM {table} ORDER BY {}",
            columns.join(", "),
            order.join(", ")
        );
        let rows = db.read(|tx| tx.query(&sql, &[])).unwrap();
        all.extend(rows.iter().map(|row| format!("{table} {row:?}")));
    }
    all.join("\n")
}

fn matched(client: &Client, of: &str, query: &str) -> u64 {
    let (package, name) = of.split_once('.').unwrap();
    client.get(&format!("/v1/records/{package}/{name}?count=1&{query}"))["matched"]
        .as_u64()
        .unwrap()
}

/// Percent-encodes a text.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// A server with the first version and records with a history: an open room that was changed, a closed one, a deleted one,
/// and a booking.
fn filled(bed: &Bed) -> Client {
    let address = bed.serve();
    let client = Client::administrator(bed, address);
    let package = first();
    let (status, plan) = client.packages("plan", &[&package], false);
    assert_eq!(status, 200, "{plan}");
    assert_eq!(plan["items"][0]["changed"], true);
    assert_eq!(
        client.send("GET", "/v1/packages/rooms", &[], None).0,
        404,
        "a plan changes nothing"
    );
    let applied = client.apply(&package);
    assert_eq!(
        (&applied["changed"], &applied["seeds_created"]),
        (&json!(true), &json!(1))
    );
    let room = client.create(
        "rooms.room",
        json!({ "name": "2号", "address": "厦门市|思明区", "seats": "35", "note": "靠窗" }),
    );
    let path = format!("/v1/records/rooms/room/{}", room["id"].as_str().unwrap());
    let change = json!({ "fields": { "seats": "40" } });
    assert_eq!(
        client
            .send("PATCH", &path, &[("if-match", "\"1\"")], Some(&change))
            .0,
        200
    );
    let closed = client.create("rooms.room", json!({ "name": "3号", "address": "泉州市" }));
    let close = format!(
        "/v1/records/rooms/room/{}/transitions/close",
        closed["id"].as_str().unwrap()
    );
    assert_eq!(
        client
            .send(
                "POST",
                &close,
                &[("if-match", "\"1\"")],
                Some(&json!({ "fields": {} }))
            )
            .0,
        200
    );
    let gone = client.create("rooms.room", json!({ "name": "4号", "seats": "4" }));
    let path = format!("/v1/records/rooms/room/{}", gone["id"].as_str().unwrap());
    assert_eq!(
        client.send("DELETE", &path, &[("if-match", "\"1\"")], None).0,
        204
    );
    client.create("rooms.booking", json!({ "reason": "例会", "room": room["id"] }));
    client
}

#[test]
fn a_new_package_is_served_at_once_everywhere() {
    for bed in beds() {
        // A second server over the same database, as another process would be.
        let other = Db::open(&bed.test.url, &Options::default()).unwrap();
        let other = Platform::over(other, World::system(), false, &bed.test.folder).unwrap();
        let client = filled(&bed);
        assert_eq!(matched(&client, "rooms.room", ""), 3);
        assert_eq!(
            matched(&client, "rooms.room", &format!("q={}", encoded("思明"))),
            1
        );
        assert_eq!(client.get("/v1/packages/rooms")["types"][1][0], "room");
        let api = client.get("/openapi.json");
        assert!(
            api["paths"].get("/v1/records/rooms/room").is_some(),
            "{}",
            bed.name()
        );
        let collections = client.get("/ogc/collections");
        let ids: Vec<&str> = collections["collections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids, ["rooms.booking", "rooms.room"]);
        assert_eq!(
            client.get("/ogc/collections/rooms.room/items")["numberMatched"],
            3
        );
        let cx = other.world.system_ctx();
        let reply = other
            .door
            .call(&cx, "record.list", on("rooms.room", Input::default()))
            .unwrap();
        assert_eq!(
            crate::support::document(reply)["items"].as_array().unwrap().len(),
            3
        );
        let made = on("rooms.room", Input::json(json!({ "fields": { "name": "5号" } })));
        other.door.call(&cx, "record.create", made).unwrap();
        assert_eq!(matched(&client, "rooms.room", ""), 4);
        other.db.close();
    }
}

#[test]
fn an_upgrade_loses_no_row() {
    for bed in beds() {
        let client = filled(&bed);
        let before = client.get("/v1/records/rooms/room?sortby=name");
        let two = before["items"][1].clone();
        assert_eq!(two["fields"]["label_text"], "2号(40)", "{before:#}");
        let history = |of: &str| {
            client.get(&format!(
                "/v1/records/rooms/{of}/{}/history",
                two["id"].as_str().unwrap()
            ))
        };
        assert_eq!(history("room")["items"].as_array().unwrap().len(), 2);
        let (status, plan) = client.packages("plan", &[&second()], false);
        assert_eq!(status, 200, "{plan:#}");
        assert_eq!(plan["items"][0]["plan"]["losses"], json!([]), "{plan:#}");
        client.apply(&second());
        let after = client.get("/v1/records/rooms/hall?sortby=title");
        let rows: Vec<Json> = after["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| json!([row["id"], row["state"], row["fields"]]))
            .collect();
        let expected: Vec<Json> = before["items"]
            .as_array()
            .unwrap()
            .iter()
            .zip([("福州市", json!("鼓楼区"), 2, json!(20)), ("厦门市", json!("思明区"), 1, json!(40)), ("泉州市", Json::Null, 1, Json::Null)])
            .map(|(old, (city, district, floor, seats))| {
                let fields = &old["fields"];
                json!([old["id"], old["state"], {
                    "title": fields["name"], "city": city, "district": district, "floor": floor, "seats": seats,
                    "note": fields["note"], "label_text": fields["label_text"],
                }])
            })
            .collect();
        assert_eq!(rows, expected, "{}", bed.name());
        // What was, under the new names: the old number of seats is a number too.
        let item = &history("hall")["items"][0];
        let seats = item["changes"]
            .as_array()
            .unwrap()
            .iter()
            .find(|change| change["field"] == "seats")
            .unwrap();
        assert_eq!(
            (&seats["from"], &seats["to"]),
            (&json!(35), &json!(40)),
            "{item:#}"
        );
        // Who was deleted still has a history, and counts, search and references go on.
        assert_eq!(matched(&client, "rooms.hall", ""), 3);
        assert_eq!(
            matched(&client, "rooms.hall", &format!("q={}", encoded("思明区"))),
            1
        );
        assert_eq!(
            matched(&client, "rooms.hall", &format!("q={}", encoded("福州市"))),
            1
        );
        let booking = client.get("/v1/records/rooms/booking");
        assert_eq!(booking["items"][0]["fields"]["room"], two["id"]);
        assert_eq!(booking["items"][0]["labels"]["room"], "2号", "{booking:#}");
        let (status, _) = client.send("GET", "/v1/records/rooms/room", &[], None);
        assert_eq!(status, 404);
        client.create("rooms.hall", json!({ "title": "6号", "floor": 6 }));
        let (status, problem) = client.post(
            "/v1/records/rooms/hall",
            &json!({ "fields": { "title": "6号", "floor": 6 } }),
        );
        assert_eq!(
            (status, &problem["errors"][0]["code"]),
            (422, &json!("unique")),
            "{problem}"
        );
        // The same again changes nothing.
        assert_eq!(client.apply(&second())["changed"], false);
    }
}

/// What is changed in the first version, and what the refusal says.
fn refusals() -> Vec<(&'static str, Texts, u16, &'static str, &'static str)> {
    let first = first();
    let room = |pairs: &[(&str, &str)]| replaced(&first, "records/room.toml", pairs);
    let note = "[fields.note]\ntype = \"text\"\ntitle = { zh = \"备注\" }\n";
    let seed = format!("name,seats\n7号,7\n8号,{}\n", "8".repeat(201));
    let step = |text: &str, package: Texts| {
        let mut package = package;
        package.insert("steps/0002.toml".into(), text.into());
        package
    };
    vec![
        ("a loss", room(&[(note, "")]), 409, "loss-refused", "备注"),
        (
            "a broken version",
            room(&[("result = \"text\"", "result = \"txt\"")]),
            422,
            "package-refused",
            "",
        ),
        (
            "a need that is not there",
            replaced(
                &first,
                "package.toml",
                &[("[roles.clerk]", "[needs]\nbase = \"9.0\"\n[roles.clerk]")],
            ),
            422,
            "package-refused",
            "",
        ),
        (
            "a need of a newer version",
            replaced(
                &first,
                "package.toml",
                &[("[roles.clerk]", "[needs]\nother = \"2.0.0\"\n[roles.clerk]")],
            ),
            422,
            "package-refused",
            "",
        ),
        (
            "a new required field without values",
            room(&[(
                note,
                &format!(
                    "{note}[fields.floor]\ntype = \"integer\"\ntitle = {{ zh = \"楼层\" }}\nrequired = true\n"
                ),
            )]),
            422,
            "package-refused",
            "楼层",
        ),
        (
            "a field that becomes required",
            room(&[(
                "title = { zh = \"备注\" }",
                "title = { zh = \"备注\" }\nrequired = true",
            )]),
            422,
            "package-refused",
            "备注",
        ),
        (
            "a tighter pattern",
            room(&[(
                "title = { zh = \"座位\" }",
                "title = { zh = \"座位\" }\npattern = \"[1-9]\"",
            )]),
            422,
            "package-refused",
            "不符合",
        ),
        (
            "a unique key with duplicates",
            room(&[(
                note,
                &format!(
                    "{note}[fields.kind]\ntype = \"text\"\ntitle = {{ zh = \"种类\" }}\ndefault = \"\\\"普通\\\"\"\nunique = true\n"
                ),
            )]),
            422,
            "package-refused",
            "种类",
        ),
        (
            "a state that records are in",
            room(&[("closed", "shut")]),
            422,
            "package-refused",
            "状态",
        ),
        (
            "a type of values that changes without a step",
            room(&[
                ("title = { zh = \"备注\" }", "title = { zh = \"备注\" }"),
                (note, &note.replace("\"text\"", "\"date\"")),
            ]),
            422,
            "package-refused",
            "convert",
        ),
        (
            "a step that gives what does not fit",
            step(
                "[[actions]]\ndo = \"convert\"\nof = \"room\"\nfield = \"note\"\nfeel = \"if note = null then 1 else 1.5\"\n",
                room(&[(note, &note.replace("\"text\"", "\"integer\""))]),
            ),
            422,
            "package-refused",
            "1.5",
        ),
        (
            "a step that empties what was filled",
            step(
                "[[actions]]\ndo = \"convert\"\nof = \"room\"\nfield = \"note\"\nfeel = \"if note = null then 1 else null\"\n",
                room(&[(note, &note.replace("\"text\"", "\"integer\""))]),
            ),
            409,
            "loss-refused",
            "备注",
        ),
        (
            "a step that reads what is not there",
            step(
                "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"note\"\nfeel = \"nothing\"\nall = true\n",
                room(&[("title = { zh = \"备注\" }", "title = { zh = \"说明\" }")]),
            ),
            422,
            "package-refused",
            "note",
        ),
        (
            "a step for a field that is not there",
            step(
                "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"nothing\"\nfeel = \"1\"\n",
                room(&[("title = { zh = \"备注\" }", "title = { zh = \"说明\" }")]),
            ),
            422,
            "package-refused",
            "nothing",
        ),
        (
            "a seed that fails half way",
            {
                let mut package = first.clone();
                package.insert("seeds/01-room.csv".into(), seed);
                package
            },
            422,
            "package-refused",
            "3",
        ),
        (
            "rules that records break",
            room(&[(
                "[lifecycle]\n",
                "[rules.big]\nfeel = \"seats != null\"\nmessage = { zh = \"座位要填\" }\n[lifecycle]\n",
            )]),
            422,
            "package-refused",
            "座位要填",
        ),
    ]
}

#[test]
fn what_does_not_fit_leaves_nothing_changed() {
    let other = texts(&[(
        "package.toml",
        "id = \"other\"\ntitle = { zh = \"另一个\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n",
    )]);
    for bed in beds() {
        let client = filled(&bed);
        client.apply(&other);
        let before = standing(&bed);
        for (name, package, status, kind, said) in refusals() {
            let name = format!("{}: {name}", bed.name());
            let (got, problem) = client.packages("apply", &[&package], false);
            assert_eq!(got, status, "{name}: {problem:#}");
            assert_eq!(
                problem["type"],
                format!("urn:banyan:problem:{kind}"),
                "{name}: {problem:#}"
            );
            assert!(
                problem["detail"].as_str().unwrap().contains(said),
                "{name}: {problem:#}"
            );
            let after = standing(&bed);
            assert_eq!(after, before, "{name}");
        }
        // With leave, the loss is made, and only that.
        let (_, package, ..) = refusals().remove(0);
        let (status, problem) = client.packages("apply", &[&package], true);
        assert_eq!(status, 200, "{problem}");
        let room = &client.get("/v1/records/rooms/room?sortby=name")["items"][1]["fields"];
        assert_eq!((room.get("note"), &room["seats"]), (None, &json!("40")));
    }
}

#[test]
fn a_life_cycle_and_defaults_come_to_existing_records() {
    for bed in beds() {
        let client = filled(&bed);
        let life = "[lifecycle]\ninitial = \"asked\"\n[lifecycle.states.asked]\ntitle = { zh = \"已申请\" }\n[lifecycle.states.held]\ntitle = { zh = \"已开\" }\nfinal = true\n[lifecycle.transitions.hold]\ntitle = { zh = \"开会\" }\nfrom = [\"asked\"]\nto = \"held\"\n";
        let booking = format!(
            "{BOOKING}[fields.people]\ntype = \"integer\"\ntitle = {{ zh = \"人数\" }}\ndefault = \"10\"\nrequired = true\n{life}"
        );
        let mut package = first();
        package.insert("records/booking.toml".into(), booking);
        client.apply(&package);
        let record = client.get("/v1/records/rooms/booking")["items"][0].clone();
        assert_eq!(
            (&record["state"], &record["fields"]["people"]),
            (&json!("asked"), &json!(10)),
            "{record}"
        );
        let path = format!(
            "/v1/records/rooms/booking/{}/transitions/hold",
            record["id"].as_str().unwrap()
        );
        let tag = format!("\"{}\"", record["version"]);
        assert_eq!(
            client
                .send(
                    "POST",
                    &path,
                    &[("if-match", &tag)],
                    Some(&json!({ "fields": {} }))
                )
                .0,
            200
        );
        // And goes again, with leave.
        let back = first();
        let (status, problem) = client.packages("apply", &[&back], false);
        assert_eq!(
            (status, problem["losses"].as_array().unwrap().len()),
            (409, 2),
            "{problem}"
        );
        assert_eq!(client.packages("apply", &[&back], true).0, 200);
        let record = client.get("/v1/records/rooms/booking")["items"][0].clone();
        assert_eq!(
            (record["state"].is_null(), &record["fields"]["reason"]),
            (true, &json!("例会"))
        );
        client.create(
            "rooms.booking",
            json!({ "reason": "再议", "room": record["fields"]["room"] }),
        );
    }
}

#[test]
fn others_that_need_a_package_keep_it_from_breaking_them() {
    let desks = texts(&[
        (
            "package.toml",
            "id = \"desks\"\ntitle = { zh = \"工位\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[needs]\nrooms = \"1.0.0\"\n",
        ),
        (
            "records/desk.toml",
            "title = { zh = \"工位\" }\nlabel = \"code\"\n[fields.code]\ntype = \"text\"\ntitle = { zh = \"编号\" }\n[fields.room]\ntype = \"ref\"\nto = \"rooms.room\"\ntitle = { zh = \"房间\" }\n",
        ),
    ]);
    for bed in beds() {
        let client = filled(&bed);
        client.apply(&desks);
        let before = standing(&bed);
        let (status, problem) = client.packages("apply", &[&second()], false);
        assert_eq!(status, 422, "{problem}");
        let finding = &problem["findings"][0];
        assert_eq!(
            (&finding["file"], &finding["line"]),
            (&json!("desks/records/desk.toml"), &json!(8)),
            "{problem:#}"
        );
        assert_eq!(standing(&bed), before);
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms?allow_loss=1", &[], None);
        assert_eq!(status, 409, "{problem}");
        // Together with a version that fits, it goes.
        let fitting = replaced(&desks, "records/desk.toml", &[("rooms.room", "rooms.hall")]);
        let (status, problem) = client.packages("apply", &[&fitting, &second()], false);
        assert_eq!(status, 200, "{problem:#}");
    }
}

#[test]
fn a_package_goes_with_its_tables() {
    for bed in beds() {
        let before = schema_lines(&bed.platform.db).unwrap();
        let client = filled(&bed);
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms", &[], None);
        assert_eq!(
            (status, &problem["type"]),
            (409, &json!("urn:banyan:problem:loss-refused"))
        );
        assert_eq!(
            client
                .send("DELETE", "/v1/packages/rooms?allow_loss=1", &[], None)
                .0,
            204
        );
        assert_eq!(schema_lines(&bed.platform.db).unwrap(), before);
        assert_eq!(client.send("GET", "/v1/records/rooms/room", &[], None).0, 404);
        assert!(
            client.get("/openapi.json")["paths"]
                .get("/v1/records/rooms/room")
                .is_none()
        );
        assert_eq!(client.get("/ogc/collections")["collections"], json!([]));
        // And may come again, as new.
        client.apply(&first());
        assert_eq!(matched(&client, "rooms.room", ""), 1);
    }
}
