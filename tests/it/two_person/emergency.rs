//! Emergency access over HTTP.

use serde_json::{Value as Json, json};

use super::code;
use super::stand::{CARE, GOOD, PATIENTS, Stand, id, stands};
use crate::client::Client;

const NOW: (&str, &str) = ("Banyan-Purpose", "emergency");

fn open(client: &Client, more: Json) -> (u16, Json) {
    let mut body = json!({ "package": "clinic", "reason": "夜间火灾,须核对住院人员" });
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    client.post("/v1/emergencies", &body)
}

fn review(client: &Client, one: &str, outcome: &str) -> (u16, Json) {
    let body = json!({ "outcome": outcome, "text": "查过值班记录" });
    client.post(&format!("/v1/emergencies/{one}/review"), &body)
}

fn read(client: &Client, path: &str) -> (u16, Json) {
    client.send("GET", path, &[NOW], None)
}

fn people(stand: &Stand) -> (Client, Client) {
    (
        stand.person("duty", &["clinic.emergency"]),
        stand.person("chief", &["clinic.supervisor"]),
    )
}

#[test]
fn what_is_opened_shows_all_changes_nothing_and_ends() {
    for stand in stands() {
        let (duty, chief) = people(&stand);
        let patient = stand.patient("1", "east");
        stand.patient("2", "west");
        // Before it is opened: no purpose, no rows.
        assert_eq!(code(&read(&duty, PATIENTS)).1, "purpose-required");
        let opened = open(&duty, json!({}));
        assert_eq!(opened.0, 201, "{opened:?}");
        let one = id(&opened.1);
        assert_eq!(opened.1["types"], json!(["clinic.patient"]));
        // Thursday: the third working day is Tuesday.
        assert_eq!(opened.1["review_by"], "2022-03-01");
        assert_eq!(open(&duty, json!({})).0, 409);
        let list = read(&duty, PATIENTS);
        assert_eq!(list.1["items"].as_array().unwrap().len(), 2, "{list:?}");
        assert_eq!(list.1["items"][0]["fields"]["phone"], "13800138000");
        assert_eq!(read(&duty, &patient).1["fields"]["name"], "王小明");
        assert_eq!(read(&duty, &format!("{PATIENTS}/export?format=jsonl")).0, 200);
        // Without the purpose it is as before, and it is nobody else's.
        assert_eq!(duty.send("GET", PATIENTS, &[], None).0, 403);
        assert_eq!(duty.send("GET", PATIENTS, &[CARE], None).0, 403);
        assert_eq!(code(&read(&chief, PATIENTS)).1, "purpose-required");
        // It changes nothing.
        let change = json!({ "fields": { "name": "别人" } });
        for (method, path) in [
            ("PATCH", patient.as_str()),
            ("POST", PATIENTS),
            ("DELETE", patient.as_str()),
        ] {
            let answer = duty.send(method, path, &[NOW, ("If-Match", "\"1\"")], Some(&change));
            assert_eq!(answer.0, 403, "{method} {answer:?}");
        }
        // What was read names the access, so that those persons can be told.
        let entries = crate::audit::entries(&stand.bed);
        let touches: Vec<&Json> = entries
            .iter()
            .filter(|entry| entry["emergency"] == one.as_str())
            .collect();
        assert!(touches.len() >= 3, "{touches:?}");
        assert!(touches.iter().all(|entry| entry["purpose"] == "emergency"));
        let seen = chief.get(&format!("/v1/emergencies/{one}"));
        assert_eq!(
            seen["reads"],
            json!([{ "type": "clinic.patient", "acts": 3, "persons": 2 }]),
            "{seen}"
        );
        assert_eq!(review(&chief, &one, "justified").0, 409);
        // Three hours, to the second.
        stand.pass(2);
        assert_eq!(read(&duty, &patient).0, 200);
        stand.pass(1);
        assert_eq!(code(&read(&duty, &patient)).1, "purpose-required");
        assert_eq!(chief.get("/v1/emergencies")["items"][0]["state"], "due");
        // Nobody judges himself; who oversees nothing judges nothing, and sees nothing.
        assert_eq!(review(&duty, &one, "justified").0, 403);
        let stranger = stand.person("stranger", &["clinic.nurse", "other.supervisor"]);
        assert_eq!(review(&stranger, &one, "justified").0, 404);
        assert_eq!(
            stranger
                .send("GET", &format!("/v1/emergencies/{one}"), &[], None)
                .0,
            404
        );
        assert_eq!(stranger.get("/v1/emergencies?which=all")["items"], json!([]));
        assert_eq!(review(&chief, &one, "fine").0, 422);
        let judged = review(&chief, &one, "unjustified");
        assert_eq!((judged.0, &judged.1["state"]), (200, &json!("unjustified")));
        assert_eq!(review(&chief, &one, "justified").0, 409);
        assert_eq!(stand.told("banyan.platform.emergency"), ["opened", "reviewed"]);
    }
}

#[test]
fn it_is_for_persons_who_may_and_says_why() {
    for stand in stands() {
        let (duty, _) = people(&stand);
        let nurse = stand.person("nurse", &["clinic.nurse"]);
        assert_eq!(open(&nurse, json!({})).0, 403);
        assert_eq!(open(&stand.admin, json!({})).0, 403);
        assert_eq!(open(&Client::anonymous(stand.address), json!({})).0, 401);
        for (wrong, pointer) in [
            (json!({ "reason": "急" }), "/reason"),
            (json!({ "types": ["nothing"] }), "/types"),
        ] {
            let answer = open(&duty, wrong);
            assert_eq!(
                (answer.0, &answer.1["errors"][0]["pointer"]),
                (422, &json!(pointer))
            );
        }
        assert_eq!(open(&duty, json!({ "package": "other" })).0, 403);
        // A token opens nothing and uses nothing.
        let scopes = json!(["operation:emergency.open", "package:clinic"]);
        let made = duty.post(
            "/v1/tokens",
            &json!({ "name": "脚本", "days": 1, "scopes": scopes }),
        );
        let machine = Client::with_token(stand.address, made.1["token"].as_str().unwrap());
        assert_eq!(open(&machine, json!({})).0, 403);
        assert_eq!(open(&duty, json!({})).0, 201);
        assert_eq!(code(&read(&machine, PATIENTS)).1, "purpose-required");
    }
}

#[test]
fn what_nobody_judged_blocks_the_next() {
    for stand in stands() {
        let (mut duty, mut chief) = people(&stand);
        let one = id(&open(&duty, json!({})).1);
        let closed = duty.post(&format!("/v1/emergencies/{one}/close"), &json!({}));
        assert_eq!((closed.0, &closed.1["state"]), (200, &json!("due")));
        assert_eq!(code(&read(&duty, PATIENTS)).1, "purpose-required");
        // Until Tuesday it is in time: another may be opened.
        stand.pass(5 * 24);
        duty.sign_in("duty", GOOD);
        let two = id(&open(&duty, json!({})).1);
        stand.pass(24);
        duty.sign_in("duty", GOOD);
        chief.sign_in("chief", GOOD);
        assert_eq!(chief.get(&format!("/v1/emergencies/{one}"))["state"], "overdue");
        assert_eq!(chief.get(&format!("/v1/emergencies/{two}"))["state"], "due");
        let blocked = open(&duty, json!({}));
        assert_eq!((blocked.0, &blocked.1["emergency"]), (409, &json!(one)));
        assert_eq!(review(&chief, &one, "justified").0, 200);
        assert_eq!(open(&duty, json!({})).0, 201);
    }
}

#[test]
fn who_loses_the_role_loses_what_is_open() {
    for stand in stands() {
        let (duty, chief) = people(&stand);
        let one = id(&open(&duty, json!({})).1);
        assert_eq!(read(&duty, PATIENTS).0, 200);
        let account = chief.get(&format!("/v1/emergencies/{one}"))["account"]
            .as_str()
            .unwrap()
            .to_owned();
        let path = format!("/v1/accounts/{account}");
        let change = json!({ "roles": ["clinic.nurse"] });
        let changed = stand
            .admin
            .send("PATCH", &path, &[("If-Match", "\"1\"")], Some(&change));
        assert_eq!(changed.0, 200, "{changed:?}");
        assert_eq!(code(&read(&duty, PATIENTS)).1, "purpose-required");
        // The supervisor closes what is open.
        assert_eq!(
            chief.post(&format!("/v1/emergencies/{one}/close"), &json!({})).0,
            200
        );
    }
}
