//! The life of a package on a running server: written from nothing, checked, planned, applied, served at once, upgraded
//! without losing a row, refused without a trace where it does not fit, exported and removed. All of it by HTTP.

use banyan::platform::Platform;
use banyan_base::World;
use banyan_door::Input;
use banyan_store::testing::schema_lines;
use banyan_store::{Db, Options};
use serde_json::{Value as Json, json};

use crate::client::{Client, Texts, replaced, standing, texts};
use crate::support::{Bed, beds, on};

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

pub fn first() -> Texts {
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
pub fn filled(bed: &Bed) -> Client {
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
