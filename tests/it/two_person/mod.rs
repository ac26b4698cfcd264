//! The two-person rule over HTTP, as its users and as those who would go round it.

mod emergency;
mod pages;
mod simulate;
pub mod stand;

use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::client::Client;
use crate::support::{Bed, files};
use stand::{CARE, GOOD, PATIENTS, asked, id, stands};

const REASON: (&str, &str) = ("Banyan-Reason", "%E7%97%85%E4%BA%BA+%E8%A6%81%E6%B1%82");

fn decide(client: &Client, request: &str, verb: &str) -> (u16, Json) {
    let body = json!({ "reason": "核对过了" });
    client.send(
        "POST",
        &format!("/v1/approvals/{request}/{verb}"),
        &[],
        Some(&body),
    )
}

fn delete(client: &Client, patient: &str, more: &[(&str, &str)]) -> (u16, Json) {
    let mut headers = vec![CARE, ("If-Match", "\"1\"")];
    headers.extend(more);
    client.send("DELETE", patient, &headers, None)
}

fn code(answer: &(u16, Json)) -> (u16, String) {
    let kind = answer.1["type"].as_str().unwrap_or("");
    (answer.0, kind.rsplit(':').next().unwrap().to_owned())
}

fn named(request: &str) -> (&str, &str) {
    ("Banyan-Approval", request)
}

#[test]
fn an_act_of_two_persons_is_done_once() {
    for stand in stands() {
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        let patient = stand.patient("1", "east");
        let request = asked(delete(&a, &patient, &[REASON]));
        // The same call waits once.
        assert_eq!(asked(delete(&a, &patient, &[])), request);
        assert_eq!(
            code(&delete(&a, &patient, &[named(&request)])).1,
            "approval-required"
        );
        let waiting = b.get("/v1/approvals");
        assert_eq!(waiting["items"].as_array().unwrap().len(), 1, "{waiting}");
        let seen = b.get(&format!("/v1/approvals/{request}"));
        assert_eq!(seen["reason"], "病人+要求");
        assert_eq!(seen["why"], "销毁病历须两人办理");
        assert_eq!(seen["request"]["method"], "DELETE");
        assert_eq!(seen["request"]["path"], patient.as_str());
        assert_eq!(
            (&seen["may_decide"], &seen["purpose"]),
            (&json!(true), &json!("clinic.care"))
        );
        // His own list, and he decides nothing there.
        assert_eq!(a.get("/v1/approvals")["items"], json!([]));
        assert_eq!(a.get("/v1/approvals?which=mine")["items"][0]["state"], "waiting");
        assert_eq!(decide(&a, &request, "approve").0, 403);
        assert_eq!(decide(&b, &request, "approve").0, 200);
        assert_eq!(decide(&b, &request, "reject").0, 409);
        // Another record, another purpose, another version, another person: not what was approved.
        let other = stand.patient("2", "east");
        let through = named(&request);
        assert_eq!(code(&delete(&a, &other, &[through])).1, "approval-required");
        assert_eq!(code(&delete(&b, &patient, &[through])).1, "approval-required");
        let stale = a.send("DELETE", &patient, &[CARE, ("If-Match", "\"2\""), through], None);
        assert_eq!(code(&stale).1, "approval-required");
        assert_eq!(code(&delete(&a, &patient, &[named("0")])).1, "approval-required");
        assert_eq!(delete(&a, &patient, &[through]).0, 204);
        let again = delete(&a, &patient, &[through]);
        assert_eq!(code(&again).1, "approval-required", "{again:?}");
        assert!(
            again.1["detail"].as_str().unwrap().contains("已经用过"),
            "{again:?}"
        );
        assert_eq!(
            stand.told("banyan.platform.approval"),
            ["asked", "approved", "used"]
        );
        let entries = crate::audit::entries(&stand.bed);
        let done: Vec<&Json> = entries
            .iter()
            .filter(|entry| entry["operation"] == "approval.approve" && entry["kind"] == "end")
            .map(|entry| &entry["outcome"])
            .collect();
        assert_eq!(done, ["denied", "done"]);
        // Whoever looked at it saw somebody's data.
        let touched = entries
            .iter()
            .any(|entry| entry["kind"] == "touch" && entry["operation"] == "approval.view");
        assert!(touched);
    }
}

#[test]
fn of_many_at_once_one_gets_through() {
    for stand in stands() {
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        for number in 0..20 {
            stand.patient(&number.to_string(), "east");
        }
        let export = format!("{PATIENTS}/export?format=jsonl");
        let request = asked(a.send("GET", &export, &[CARE], None));
        assert_eq!(decide(&b, &request, "approve").0, 200);
        let (a, request) = (Arc::new(a), Arc::new(request));
        let runs: Vec<_> = (0..8)
            .map(|_| {
                let (a, request, export) = (Arc::clone(&a), Arc::clone(&request), export.clone());
                std::thread::spawn(move || a.send("GET", &export, &[CARE, named(&request)], None).0)
            })
            .collect();
        let mut statuses: Vec<u16> = runs.into_iter().map(|run| run.join().unwrap()).collect();
        statuses.sort_unstable();
        assert_eq!(
            statuses,
            [200, 403, 403, 403, 403, 403, 403, 403],
            "{}",
            stand.bed.name()
        );
    }
}

#[test]
fn an_act_that_fails_leaves_its_approval() {
    for stand in stands() {
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        let patient = stand.patient("1", "east");
        let request = asked(delete(&a, &patient, &[]));
        assert_eq!(decide(&b, &request, "approve").0, 200);
        // Somebody changed the record: what was approved would hit another version.
        let change = json!({ "fields": { "name": "李四" } });
        let changed = b.send("PATCH", &patient, &[CARE, ("If-Match", "\"1\"")], Some(&change));
        assert_eq!(changed.0, 200, "{changed:?}");
        assert_eq!(delete(&a, &patient, &[named(&request)]).0, 412);
        assert_eq!(a.get(&format!("/v1/approvals/{request}"))["state"], "approved");
        let taken = a.send("POST", &format!("/v1/approvals/{request}/withdraw"), &[], None);
        assert_eq!((taken.0, &taken.1["state"]), (200, &json!("withdrawn")));
        assert_eq!(
            code(&delete(&a, &patient, &[named(&request)])).1,
            "approval-required"
        );
    }
}

#[test]
fn nobody_approves_for_himself_in_another_coat() {
    for stand in stands() {
        let zhang = stand.account("zhang", &["clinic.nurse"]);
        stand.account("li", &["clinic.nurse"]);
        stand.account("wang", &["clinic.nurse"]);
        let today = stand.bed.system().today().to_string();
        let body = json!({ "account": zhang, "unit": "FJ001", "title": "护士长", "roles": ["clinic.nurse"], "from": today, "main": true });
        let post = id(&stand.admin.post("/v1/posts", &body).1);
        let (holder, li, wang) = (stand.enter("zhang"), stand.enter("li"), stand.enter("wang"));
        for to in ["li", "wang"] {
            let lend = json!({ "post": post, "to": to, "from": today, "until": today, "reason": "出差" });
            assert_eq!(holder.post("/v1/delegations", &lend).0, 201);
        }
        let within = ("Banyan-Post", post.as_str());
        let act = |client: &Client, request: &str, headers: &[(&str, &str)]| {
            let body = json!({ "reason": "好" });
            let path = format!("/v1/approvals/{request}/approve");
            client.send("POST", &path, headers, Some(&body)).0
        };
        // Zhang asks; li in zhang's post is zhang.
        let one = asked(delete(&holder, &stand.patient("1", "east"), &[]));
        assert_eq!(act(&li, &one, &[within]), 403);
        // Li asks in zhang's post: neither zhang, nor wang in the same post, nor li in his own.
        let two = asked(delete(&li, &stand.patient("2", "east"), &[within]));
        assert_eq!(act(&holder, &two, &[]), 403);
        assert_eq!(act(&wang, &two, &[within]), 403);
        assert_eq!(act(&li, &two, &[]), 403);
        assert_eq!(
            li.send("GET", &format!("/v1/approvals/{one}"), &[within], None).0,
            404
        );
        // Who has no right to the act decides nothing, and sees nothing.
        let stranger = stand.person("stranger", &["clinic.supervisor"]);
        assert_eq!(act(&stranger, &two, &[]), 403);
        assert_eq!(
            stranger.send("GET", &format!("/v1/approvals/{two}"), &[], None).0,
            404
        );
        assert_eq!(stranger.get("/v1/approvals")["items"], json!([]));
        assert_eq!(
            stand
                .admin
                .send("GET", &format!("/v1/approvals/{two}"), &[], None)
                .0,
            404
        );
        assert_eq!(act(&Client::anonymous(stand.address), &two, &[]), 401);
        // A token of wang's may have been lost.
        let scopes = json!(["operation:approval.approve", "operation:approval.view"]);
        let token = wang.post(
            "/v1/tokens",
            &json!({ "name": "脚本", "days": 1, "scopes": scopes }),
        );
        let machine = Client::with_token(stand.address, token.1["token"].as_str().unwrap());
        assert_eq!(act(&machine, &two, &[]), 403);
        // Wang as himself may.
        assert_eq!(act(&wang, &two, &[]), 200);
        // What was approved in one post is not done in another.
        let path = li.get(&format!("/v1/approvals/{two}"))["request"]["path"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(code(&delete(&li, &path, &[named(&two)])).1, "approval-required");
        assert_eq!(delete(&li, &path, &[within, named(&two)]).0, 204);
    }
}

#[test]
fn whoever_approves_reaches_the_same_rows() {
    for stand in stands() {
        let (a, ward) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("wu", &["clinic.ward"]),
        );
        let (east, west) = (stand.patient("1", "east"), stand.patient("2", "west"));
        let near = asked(delete(&a, &east, &[]));
        let far = asked(delete(&a, &west, &[]));
        assert_eq!(decide(&ward, &far, "approve").0, 403);
        assert_eq!(
            ward.send("GET", &format!("/v1/approvals/{far}"), &[], None).0,
            404
        );
        assert_eq!(decide(&ward, &near, "approve").0, 200);
        // Lists of all rows are not his either.
        let export = format!("{PATIENTS}/export?format=csv");
        let all = asked(a.send("GET", &export, &[CARE], None));
        assert_eq!(decide(&ward, &all, "approve").0, 403);
        // His own list needs somebody with at least his rows.
        let east = asked(ward.send("GET", &export, &[CARE], None));
        assert_eq!(decide(&a, &east, "reject").0, 200);
        assert_eq!(
            code(&ward.send("GET", &export, &[CARE, named(&east)], None)).1,
            "approval-required"
        );
    }
}

#[test]
fn approvals_end_and_what_was_sent_goes() {
    for stand in stands() {
        let patient = stand.patient("1", "east");
        let (mut a, mut b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        let request = asked(delete(&a, &patient, &[]));
        assert_eq!(decide(&b, &request, "approve").0, 200);
        stand.pass(24);
        a.sign_in("an", GOOD);
        b.sign_in("bo", GOOD);
        let late = delete(&a, &patient, &[named(&request)]);
        assert_eq!(code(&late).1, "approval-required");
        assert!(late.1["detail"].as_str().unwrap().contains("过期"), "{late:?}");
        // A request that nobody looked at in a week.
        let second = asked(delete(&a, &patient, &[]));
        stand.pass(7 * 24);
        a.sign_in("an", GOOD);
        b.sign_in("bo", GOOD);
        assert_eq!(decide(&b, &second, "approve").0, 409);
        assert_ne!(asked(delete(&a, &patient, &[])), second);
        let db = &stand.bed.platform.db;
        let sealed = |db: &banyan_store::Db| {
            let rows = db
                .query("SELECT COUNT(*) FROM approval WHERE sealed IS NOT NULL", &[])
                .unwrap();
            rows[0].get::<i64>(0).unwrap()
        };
        assert_eq!(sealed(db), 3);
        stand.pass(30 * 24 + 1);
        let cx = stand.bed.system();
        let wiped = db
            .write(move |tx| banyan_identity::approval::tidy(&cx, tx))
            .unwrap();
        assert_eq!((wiped, sealed(db)), (3, 0));
        a.sign_in("an", GOOD);
        let seen = a.get(&format!("/v1/approvals/{request}"));
        assert_eq!(
            (&seen["request"], &seen["state"]),
            (&Json::Null, &json!("expired"))
        );
    }
}

/// Nothing that was sent stands in the clear in the database.
#[test]
fn what_waits_lies_sealed() {
    for stand in stands() {
        let text = "@two_person(\"改姓名须两人\") permit(principal in Role::\"clinic.nurse\", action in [Action::\"update\"], resource is clinic::patient);
            permit(principal in Role::\"clinic.nurse\", action in [Action::\"view\"], resource is clinic::patient);";
        change(&stand.bed, text);
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        let patient = stand.patient("1", "east");
        let body = json!({ "fields": { "name": "欧阳秘密" } });
        let headers = [CARE, ("If-Match", "\"1\"")];
        let request = asked(a.send("PATCH", &patient, &headers, Some(&body)));
        let rows = stand
            .bed
            .platform
            .db
            .query(
                "SELECT sealed, obligations, reason, why, digest FROM approval",
                &[],
            )
            .unwrap();
        let text: Vec<String> = (0..5)
            .map(|column| rows[0].get::<String>(column).unwrap())
            .collect();
        assert!(!text.join(" ").contains("欧阳"), "{text:?}");
        let seen = b.get(&format!("/v1/approvals/{request}"));
        assert_eq!(seen["request"]["body"], body);
        assert_eq!(decide(&b, &request, "approve").0, 200);
        // Another body is another act.
        let through = named(&request);
        let other = json!({ "fields": { "name": "别人" } });
        let answer = a.send(
            "PATCH",
            &patient,
            &[headers[0], headers[1], through],
            Some(&other),
        );
        assert_eq!(code(&answer).1, "approval-required");
        let answer = a.send("PATCH", &patient, &[headers[0], headers[1], through], Some(&body));
        assert_eq!(answer.0, 200, "{answer:?}");
    }
}

/// Another policy for the clinic.
fn change(bed: &Bed, policy: &str) {
    let package = stand::package(policy);
    let texts: Vec<(&str, &str)> = package
        .iter()
        .map(|(path, text)| (*path, text.as_str()))
        .collect();
    bed.apply(files(&texts), false).unwrap();
}

#[test]
fn a_key_of_idempotency_gives_the_same_answer_and_uses_nothing() {
    for stand in stands() {
        let text = "@two_person(\"须两人\") permit(principal in Role::\"clinic.nurse\", action in [Action::\"create\"], resource is clinic::patient);";
        change(&stand.bed, text);
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        let body = json!({ "fields": { "number": "9", "ward": "east" } });
        let request = asked(a.send("POST", PATIENTS, &[CARE], Some(&body)));
        assert_eq!(decide(&b, &request, "approve").0, 200);
        let headers = [CARE, named(&request), ("Idempotency-Key", "k")];
        let first = a.send("POST", PATIENTS, &headers, Some(&body));
        assert_eq!(first.0, 201, "{first:?}");
        // The answer was lost on the way; the same call again is told the same, and makes nothing.
        assert_eq!(a.send("POST", PATIENTS, &headers, Some(&body)), first);
        let without = [CARE, named(&request)];
        let second = a.send("POST", PATIENTS, &without, Some(&body));
        assert_eq!(code(&second).1, "approval-required");
    }
}

#[test]
fn files_that_wait_are_seen_by_the_two() {
    for stand in stands() {
        let text = "@two_person(\"导入须两人\") permit(principal in Role::\"clinic.nurse\", action in [Action::\"import\"], resource is clinic::patient);";
        change(&stand.bed, text);
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        let stranger = stand.person("chen", &["clinic.supervisor"]);
        let path = format!("{PATIENTS}/imports");
        let table = "number,name,ward\n77,赵六,east\n".as_bytes();
        let headers = [CARE, ("content-type", "text/csv"), ("x-file-name", "a.csv")];
        let read = |(status, data): (u16, Vec<u8>)| -> (u16, Json) {
            (status, serde_json::from_slice(&data).unwrap_or_default())
        };
        let request = asked(read(a.upload(&path, &headers, table)));
        let file = format!("/v1/approvals/{request}/file");
        let seen = b.get(&format!("/v1/approvals/{request}"));
        assert_eq!(seen["request"]["file"]["size"], table.len(), "{seen}");
        for client in [&a, &b] {
            assert_eq!(client.upload(&file, &[], &[]), (200, table.to_vec()));
        }
        assert_eq!(stranger.upload(&file, &[], &[]).0, 404);
        assert_eq!(decide(&b, &request, "approve").0, 200);
        // Another file is another act.
        let through = named(&request);
        let with = [headers[0], headers[1], headers[2], through];
        let other = read(a.upload(&path, &with, "number,name,ward\n78,钱七,east\n".as_bytes()));
        assert_eq!(code(&other).1, "approval-required");
        assert!(a.upload(&path, &with, table).0 < 300);
        assert_eq!(code(&read(a.upload(&path, &with, table))).1, "approval-required");
    }
}

#[test]
fn nothing_shows_on_the_way() {
    for stand in stands() {
        let text = "@two_person(\"名单须两人\") permit(principal in Role::\"clinic.nurse\", action in [Action::\"list\", Action::\"view\"], resource is clinic::patient);";
        change(&stand.bed, text);
        let (a, b) = (
            stand.person("an", &["clinic.nurse"]),
            stand.person("bo", &["clinic.nurse"]),
        );
        for number in 0..3 {
            stand.patient(&number.to_string(), "east");
        }
        banyan_store::testing::events_show(&stand.bed.platform.db).unwrap();
        let get = |path: &str, more: &[(&str, &str)]| {
            let mut headers = vec![CARE];
            headers.extend(more);
            a.send("GET", path, &headers, None)
        };
        let events = get("/v1/events?type=banyan.clinic.patient", &[]);
        assert_eq!((events.0, &events.1["items"]), (200, &json!([])));
        let collections = get("/ogc/collections?f=json", &[]);
        assert_eq!(collections.0, 200);
        assert!(
            !collections.1.to_string().contains("clinic.patient"),
            "{collections:?}"
        );
        asked(get("/ogc/collections/clinic.patient/items?f=json", &[]));
        let request = asked(get(PATIENTS, &[]));
        assert_eq!(decide(&b, &request, "approve").0, 200);
        // Reading uses an approval up as well.
        let list = get(PATIENTS, &[named(&request)]);
        assert_eq!((list.0, list.1["items"].as_array().unwrap().len()), (200, 3));
        assert_eq!(code(&get(PATIENTS, &[named(&request)])).1, "approval-required");
    }
}
