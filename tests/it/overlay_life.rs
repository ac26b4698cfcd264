//! The life of an overlay on a running server: it changes a package, stays over its upgrades, is refused where it does not
//! fit, and goes again.

use banyan_store::testing::schema_lines;
use serde_json::{Value as Json, json};

use crate::client::{Client, Texts, replaced, standing, texts};
use crate::support::{Bed, beds};

fn base() -> Texts {
    texts(&[
        (
            "package.toml",
            "id = \"rooms\"\ntitle = { zh = \"会议室\" }\nword = \"collaboration\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n",
        ),
        (
            "records/room.toml",
            "title = { zh = \"会议室\" }\nlabel = \"name\"\nkey = [\"name\"]\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\nrequired = true\n[fields.seats]\ntype = \"integer\"\nmax = 500\ntitle = { zh = \"座位\" }\n[fields.kind]\ntype = \"code\"\nlist = \"kind\"\ntitle = { zh = \"种类\" }\n",
        ),
        (
            "codes/kind.toml",
            "title = { zh = \"种类\" }\n[[items]]\ncode = \"a\"\ntitle = { zh = \"普通\" }\n",
        ),
        (
            "views/all.toml",
            "title = { zh = \"全部\" }\nof = \"room\"\nkind = \"list\"\ncolumns = [\"name\", \"seats\"]\n",
        ),
        ("seeds/01-room.csv", "name,seats,kind\n1号,20,a\n"),
        ("README.md", "# 会议室\n"),
        ("RETENTION.md", "无个人信息。\n"),
    ])
}

fn overlay() -> Texts {
    texts(&[
        (
            "package.toml",
            "id = \"rooms-fz\"\ntitle = { zh = \"福州的会议室\" }\noverlays = \"rooms\"\nowner = \"福州市\"\nversion = \"1.0.0\"\n[needs]\nrooms = \"1.0.0\"\n",
        ),
        (
            "records/room.toml",
            "[fields.seats]\nmax = 900\n[fields.street]\ntype = \"text\"\ntitle = { zh = \"街道\" }\nrequired = true\ndefault = '\"未填\"'\n",
        ),
        (
            "records/key.toml",
            "title = { zh = \"钥匙\" }\nlabel = \"code\"\n[fields.code]\ntype = \"text\"\ntitle = { zh = \"编号\" }\n[fields.room]\ntype = \"ref\"\nto = \"room\"\ntitle = { zh = \"会议室\" }\n",
        ),
        (
            "codes/kind.toml",
            "[[items]]\ncode = \"b\"\ntitle = { zh = \"多媒体\" }\n",
        ),
        ("views/all.toml", "columns = [\"name\", \"street\"]\n"),
        (
            "steps/0001.toml",
            "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"street\"\nfeel = \"name + \\\"街\\\"\"\n",
        ),
        ("seeds/01-room.csv", "name,seats,kind,street\n2号,700,b,五四路\n"),
    ])
}

fn served(bed: &Bed) -> Client {
    let client = Client::administrator(bed, bed.serve());
    client.apply(&base());
    client.create("rooms.room", json!({ "name": "3号", "seats": 30 }));
    client
}

fn rooms(client: &Client) -> Vec<Json> {
    let list = client.get("/v1/records/rooms/room?sortby=name");
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["fields"].clone())
        .collect()
}

fn overlays(client: &Client) -> Vec<(String, String)> {
    let list = client.get("/v1/packages");
    let all = list["items"][0]["overlays"].as_array().unwrap().iter();
    all.map(|one| {
        (
            one["id"].as_str().unwrap().into(),
            one["version"].as_str().unwrap().into(),
        )
    })
    .collect()
}

fn column(client: &Client) -> Json {
    let package = client.get("/v1/packages/rooms");
    package["views"][0][1]["kind"]["columns"].clone()
}

#[test]
fn an_overlay_changes_a_package_and_goes_again() {
    for bed in beds() {
        let client = served(&bed);
        let before = schema_lines(&bed.platform.db).unwrap();
        let (status, plan) = client.packages("plan", &[&overlay()], false);
        assert_eq!(
            (status, &plan["items"][0]["package"]),
            (200, &json!("rooms")),
            "{plan:#}"
        );
        let applied = client.apply(&overlay());
        assert_eq!(applied["seeds_created"], 1, "{applied:#}");
        assert_eq!(overlays(&client), [("rooms-fz".to_owned(), "1.0.0".to_owned())]);
        assert_eq!(
            client.get("/v1/packages/rooms")["overlays"][0]["title"]["zh"],
            "福州的会议室"
        );
        // Its step ran over what was there, its seed came, its limits and codes hold.
        let expected = json!([
            { "name": "1号", "seats": 20, "kind": "a", "street": "1号街" },
            { "name": "2号", "seats": 700, "kind": "b", "street": "五四路" },
            { "name": "3号", "seats": 30, "kind": null, "street": "3号街" },
        ]);
        assert_eq!(json!(rooms(&client)), expected, "{}", bed.name());
        assert_eq!(column(&client), json!(["name", "street"]));
        client.create("rooms.key", json!({ "code": "K1" }));
        let api = client.get("/openapi.json");
        assert_eq!(
            api["components"]["schemas"]["rooms.room.Fields"]["properties"]["seats"]["maximum"],
            900
        );
        assert!(client.get("/ogc/collections/rooms.key/items")["numberMatched"] == 1);
        assert_eq!(client.apply(&overlay())["changed"], false);
        // The package does not go from under it, and it does not go where something would be lost.
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms?allow_loss=1", &[], None);
        assert_eq!(status, 409, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("rooms-fz"),
            "{problem}"
        );
        let kept = standing(&bed);
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms-fz", &[], None);
        assert_eq!(
            (status, problem["losses"].as_array().unwrap().len()),
            (409, 2),
            "{problem}"
        );
        assert_eq!(standing(&bed), kept);
        // With leave it goes where what is left fits: 700 seats are too many for the package alone.
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms-fz?allow_loss=1", &[], None);
        assert_eq!(status, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("500"), "{problem}");
        assert_eq!(standing(&bed), kept);
        let two = client.get("/v1/records/rooms/room?sortby=name")["items"][1].clone();
        let path = format!("/v1/records/rooms/room/{}", two["id"].as_str().unwrap());
        // Nor does a code that only the overlay knows.
        let fields = json!({ "fields": { "seats": 70 } });
        let (status, problem) = client.send("PATCH", &path, &[("if-match", "\"1\"")], Some(&fields));
        assert_eq!(status, 200, "{problem}");
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms-fz?allow_loss=1", &[], None);
        assert_eq!(status, 422, "{problem}");
        assert!(
            problem["detail"].as_str().unwrap().contains("不在代码表"),
            "{problem}"
        );
        let fields = json!({ "fields": { "kind": "a" } });
        assert_eq!(
            client
                .send("PATCH", &path, &[("if-match", "\"2\"")], Some(&fields))
                .0,
            200
        );
        let (status, problem) = client.send("DELETE", "/v1/packages/rooms-fz?allow_loss=1", &[], None);
        assert_eq!(status, 204, "{problem}");
        assert_eq!(schema_lines(&bed.platform.db).unwrap(), before);
        assert_eq!(overlays(&client), []);
        assert_eq!(
            rooms(&client)[2],
            json!({ "name": "3号", "seats": 30, "kind": null })
        );
        assert_eq!(column(&client), json!(["name", "seats"]));
        assert_eq!(
            client
                .send("DELETE", "/v1/packages/rooms?allow_loss=1", &[], None)
                .0,
            204
        );
    }
}

#[test]
fn an_overlay_stays_over_upgrades_of_its_package() {
    for bed in beds() {
        let client = served(&bed);
        client.apply(&overlay());
        // An upgrade that fits: the overlay is merged again, and both count their own steps.
        let next = replaced(
            &replaced(&base(), "package.toml", &[("1.0.0", "1.1.0")]),
            "records/room.toml",
            &[(
                "[fields.seats]",
                "[fields.floor]\ntype = \"integer\"\ntitle = { zh = \"楼层\" }\n[fields.seats]",
            )],
        );
        let mut next = next;
        next.insert(
            "steps/0001.toml".into(),
            "[[actions]]\ndo = \"backfill\"\nof = \"room\"\nfield = \"floor\"\nfeel = \"2\"\n".into(),
        );
        let applied = client.apply(&next);
        assert_eq!(applied["version"], "1.1.0");
        assert_eq!(
            rooms(&client)[0],
            json!({ "name": "1号", "floor": 2, "seats": 20, "kind": "a", "street": "1号街" })
        );
        assert_eq!(overlays(&client).len(), 1);
        // One that does not: what the overlay changes has another name. The finding names the overlay and its line.
        let kept = standing(&bed);
        let mut broken = replaced(
            &next,
            "records/room.toml",
            &[("[fields.seats]", "[fields.places]")],
        );
        broken = replaced(&broken, "views/all.toml", &[("seats", "places")]);
        broken = replaced(&broken, "seeds/01-room.csv", &[("seats", "places")]);
        broken.insert(
            "steps/0002.toml".into(),
            "[[actions]]\ndo = \"rename_field\"\nof = \"room\"\nfrom = \"seats\"\nto = \"places\"\n".into(),
        );
        let (status, problem) = client.packages("apply", &[&broken], false);
        assert_eq!(status, 422, "{problem:#}");
        let places: Vec<(&str, u64)> = problem["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                (
                    finding["file"].as_str().unwrap(),
                    finding["line"].as_u64().unwrap(),
                )
            })
            .collect();
        assert!(places.contains(&("rooms-fz/records/room.toml", 1)), "{problem:#}");
        assert_eq!(standing(&bed), kept);
        // Together with an overlay that fits, it goes, and nothing is lost.
        let mut fitting = replaced(
            &overlay(),
            "records/room.toml",
            &[("[fields.seats]", "[fields.places]")],
        );
        fitting = replaced(
            &fitting,
            "package.toml",
            &[("version = \"1.0.0\"", "version = \"1.1.0\"")],
        );
        fitting = replaced(&fitting, "seeds/01-room.csv", &[("seats", "places")]);
        let (status, problem) = client.packages("apply", &[&fitting, &broken], false);
        assert_eq!(status, 200, "{problem:#}");
        assert_eq!(
            rooms(&client)[1],
            json!({ "name": "2号", "floor": 2, "places": 700, "kind": "b", "street": "五四路" })
        );
        // The overlay's next version renames its own field by its own step.
        let mut renamed = replaced(&fitting, "records/room.toml", &[("street", "road")]);
        renamed = replaced(&renamed, "views/all.toml", &[("street", "road")]);
        renamed = replaced(&renamed, "seeds/01-room.csv", &[("street", "road")]);
        renamed = replaced(&renamed, "steps/0001.toml", &[("street", "road")]);
        renamed.insert(
            "steps/0002.toml".into(),
            "[[actions]]\ndo = \"rename_field\"\nof = \"room\"\nfrom = \"street\"\nto = \"road\"\n".into(),
        );
        client.apply(&renamed);
        assert_eq!(
            rooms(&client)[2],
            json!({ "name": "3号", "floor": 2, "places": 30, "kind": null, "road": "3号街" })
        );
    }
}

#[test]
fn an_overlay_that_does_not_fit_is_refused() {
    for bed in beds() {
        let client = Client::administrator(&bed, bed.serve());
        let (status, problem) = client.packages("apply", &[&overlay()], false);
        let finding = &problem["findings"][0];
        assert_eq!(
            (status, &finding["rule"], &finding["line"]),
            (422, &json!("overlay-base-missing"), &json!(3)),
            "{problem:#}"
        );
        // Together with its package it comes at once, whatever the order.
        let (status, problem) = client.packages("apply", &[&overlay(), &base()], false);
        assert_eq!(status, 200, "{problem:#}");
        assert_eq!(problem["items"].as_array().unwrap().len(), 1);
        let streets: Vec<Json> = rooms(&client).iter().map(|room| room["street"].clone()).collect();
        assert_eq!(streets, ["未填", "五四路"]);
        let kept = standing(&bed);
        let refused = [
            (
                "needs a newer package",
                replaced(
                    &overlay(),
                    "package.toml",
                    &[("rooms = \"1.0.0\"", "rooms = \"1.5.0\"")],
                ),
                "rooms-fz/package.toml",
                7,
            ),
            (
                "a limit of the wrong type",
                replaced(
                    &overlay(),
                    "records/room.toml",
                    &[("max = 900", "max = \"many\"")],
                ),
                "rooms-fz/records/room.toml",
                2,
            ),
            (
                "a field that is not there",
                replaced(&overlay(), "views/all.toml", &[("street", "strit")]),
                "rooms-fz/views/all.toml",
                1,
            ),
            (
                "another package's id",
                replaced(
                    &overlay(),
                    "package.toml",
                    &[("id = \"rooms-fz\"", "id = \"rooms\"")],
                ),
                "rooms/package.toml",
                3,
            ),
        ];
        for (name, package, file, line) in refused {
            let (status, problem) = client.packages("apply", &[&package], false);
            assert_eq!(status, 422, "{name}: {problem:#}");
            let findings = problem["findings"].as_array().unwrap();
            let hit = findings
                .iter()
                .any(|finding| finding["file"] == file && finding["line"] == line);
            assert!(hit, "{name}: {problem:#}");
            assert_eq!(standing(&bed), kept, "{name}");
        }
    }
}

/// The files under a folder, path → text.
fn texts_under(folder: &std::path::Path) -> Texts {
    let files = banyan::folder::read(folder).unwrap();
    files
        .into_iter()
        .map(|file| (file.path, String::from_utf8(file.bytes).unwrap()))
        .collect()
}

#[test]
fn a_package_is_taken_out_whole_and_can_come_again() {
    for bed in beds() {
        let client = served(&bed);
        client.apply(&overlay());
        let one = client.get("/v1/records/rooms/room?sortby=name")["items"][0].clone();
        let path = format!("/v1/records/rooms/room/{}", one["id"].as_str().unwrap());
        let tag = format!("\"{}\"", one["version"]);
        let change = json!({ "fields": { "seats": 21 }, "note": "添了一把" });
        assert_eq!(
            client
                .send("PATCH", &path, &[("if-match", &tag)], Some(&change))
                .0,
            200
        );
        let gone = client.create("rooms.room", json!({ "name": "9号", "street": "八一七路" }));
        let gone = format!("/v1/records/rooms/room/{}", gone["id"].as_str().unwrap());
        assert_eq!(
            client.send("DELETE", &gone, &[("if-match", "\"1\"")], None).0,
            204
        );
        let to = bed.test.folder.join("out");
        let archived =
            banyan::folder::archive(&bed.platform, "rooms", banyan_registry::Format::JsonLines, &to).unwrap();
        assert_eq!(archived.records["room"].0, 3);
        let files_out = texts_under(&to);
        assert_eq!(texts_under(&to.join("package")), base());
        assert_eq!(texts_under(&to.join("overlays/rooms-fz")), overlay());
        let lines = |path: &str| -> Vec<Json> {
            files_out[path]
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        };
        let live = lines("records/room.jsonl");
        assert_eq!(live.len(), 3);
        let first = live.iter().find(|line| line["fields"]["name"] == "1号").unwrap();
        assert_eq!(
            (&first["fields"]["seats"], &first["note"], &first["id"]),
            (&json!(21), &json!("添了一把"), &one["id"])
        );
        let history = lines("history/room.jsonl");
        assert!(
            history
                .iter()
                .any(|line| line["id"] == one["id"] && line["fields"]["seats"] == 20)
        );
        assert!(
            history
                .iter()
                .any(|line| line["deleted"] == true && line["fields"]["name"] == "9号")
        );
        let csv = bed.test.folder.join("csv");
        banyan::folder::archive(&bed.platform, "rooms", banyan_registry::Format::Csv, &csv).unwrap();
        let table = texts_under(&csv).remove("records/room.csv").unwrap();
        assert_eq!(
            table.trim_start_matches('\u{feff}').lines().next(),
            Some("id,name,seats,kind,street")
        );
        assert_eq!(table.lines().count(), 4);
        let missing = banyan::folder::archive(&bed.platform, "nothing", banyan_registry::Format::Csv, &csv);
        assert_eq!(missing.unwrap_err().code.status, 404);
        // Removed, and applied again from what was taken out.
        assert_eq!(
            client
                .send("DELETE", "/v1/packages/rooms-fz?allow_loss=1", &[], None)
                .0,
            422,
            "700 seats do not fit"
        );
        let fz = texts_under(&to.join("overlays/rooms-fz"));
        let two = client.get("/v1/records/rooms/room?sortby=name")["items"][1].clone();
        let path = format!("/v1/records/rooms/room/{}", two["id"].as_str().unwrap());
        assert_eq!(
            client.send("DELETE", &path, &[("if-match", "\"1\"")], None).0,
            204
        );
        for id in ["rooms-fz", "rooms"] {
            assert_eq!(
                client
                    .send("DELETE", &format!("/v1/packages/{id}?allow_loss=1"), &[], None)
                    .0,
                204
            );
        }
        let package = texts_under(&to.join("package"));
        let (status, problem) = client.packages("apply", &[&package, &fz], false);
        assert_eq!(status, 200, "{problem}");
        assert_eq!(rooms(&client).len(), 2);
    }
}

#[test]
fn folders_of_packages_and_overlays_are_checked_together() {
    let folder = std::env::temp_dir().join(format!("banyan_check_{}", std::process::id()));
    let write = |name: &str, texts: &Texts| {
        for (path, text) in texts {
            let path = folder.join(name).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder.join(name)
    };
    let rooms = write("rooms", &base());
    let good = write("good", &overlay());
    let bad = write(
        "bad",
        &replaced(&overlay(), "views/all.toml", &[("street", "strit")]),
    );
    let found = |folders: &[&std::path::PathBuf]| -> Vec<String> {
        let folders: Vec<std::path::PathBuf> = folders.iter().map(|folder| (*folder).clone()).collect();
        let all: Vec<_> = folders
            .iter()
            .map(|folder| banyan::folder::read(folder).unwrap())
            .collect();
        let findings = banyan::check::packages(&folders, &all);
        findings
            .iter()
            .map(|finding| format!("{}:{} {}", finding.file, finding.line, finding.rule))
            .collect()
    };
    assert_eq!(found(&[&rooms, &good]), Vec::<String>::new());
    let expected = format!("{}:1 field-missing", bad.join("views/all.toml").display());
    assert_eq!(found(&[&bad, &rooms]), [expected]);
    let expected = format!("{}:1 overlay-base-missing", good.join("package.toml").display());
    assert_eq!(found(&[&good]), [expected]);
    let _ = std::fs::remove_dir_all(&folder);
}
