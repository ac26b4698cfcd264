//! The walk: every operation of the table, every address of the HTTP face, every way to records, by others' ids.

use banyan_door::Operation;
use serde_json::{Value as Json, json};

use super::cast::Principal;
use super::persons::{Field, Find, Person};
use super::stand::{Answer, Stand, encode};
use crate::attacks::good;

pub const PERSONS: &str = "/v1/records/canary/person";
const ITEMS: &str = "/ogc/collections/canary.person/items";

/// What would end the crawl of whoever does it, or of another, is asked with ids of nothing. That others' things can't be reached
/// by it is tested in `attacks::others_things`.
const WOULD_END: &[&str] = &[
    "account.reset_password",
    "account.reset_second_factor",
    "account.revoke_token",
    "account.update",
    "approval.withdraw",
    "consent.give",
    "consent.withdraw",
    "delegation.revoke",
    "emergency.close",
    "key.close",
    "key.destroy",
    "package.remove",
    "party_link.revoke",
    "post.end",
    "post.update",
    "service.remove_key",
    "service.renew_secret",
    "session.end",
    "token.revoke",
];
/// These take no id: they are left out.
const ENDS: &[&str] = &[
    "post.choose",
    "session.delete",
    "session.end_all",
    "session.end_others",
];

const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

fn place(stand: &Stand, operation: &Operation, person: &Person) -> String {
    let noun = operation.name.split('.').next().unwrap_or_default();
    let id = match noun {
        _ if WOULD_END.contains(&operation.name) => NOTHING,
        "record" | "ogc" => &person.id,
        "package" => "canary",
        _ => stand.ids.get(noun).map_or(person.id.as_str(), String::as_str),
    };
    let mut path = operation.path.to_owned();
    for (name, value) in [
        ("{package}", "canary"),
        ("{type}", "person"),
        ("{collection}", "canary.person"),
        ("{hash}", person.file.as_str()),
        ("{name}", "close"),
        ("{*path}", "000"),
        ("{id}", id),
    ] {
        path = path.replace(name, value);
    }
    let parts: Vec<&str> = path
        .split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part })
        .collect();
    parts.join("/")
}

/// What asks policy for what purpose.
fn purposeful(name: &str) -> bool {
    let nouns = ["record", "ogc", "import", "file", "event", "access_log"];
    nouns.contains(&name.split('.').next().unwrap_or_default())
}

/// Every operation of the table, on a person who is not his; with a good body, and with one of nothing where all is asked.
fn table(stand: &Stand, who: &Principal, person: &Person) {
    let door = stand.bed.platform.door.clone();
    let walked = |name: &str| stand.whole || !who.again || purposeful(name);
    let rows = door
        .operations()
        .filter(|row| !ENDS.contains(&row.name) && walked(row.name));
    for operation in rows {
        let path = place(stand, operation, person);
        let method = operation.method.as_str();
        let schema = (operation.input)();
        if method == "GET" {
            stand.get(who, &path);
            continue;
        }
        if !operation.uploads.is_empty() {
            let sheet = format!("code,name\n{},x\n", person.code);
            let body = Some(("text/csv", sheet.as_bytes()));
            stand.ask(who, method, &path, &[], body, &[]);
            continue;
        }
        if stand.whole || schema.is_null() {
            stand.send(who, method, &path, &json!({}), &[]);
        }
        if !schema.is_null() {
            stand.send(who, method, &path, &good(&schema), &[]);
        }
    }
}

/// The pages of a list; all of its ids.
fn pages(stand: &Stand, who: &Principal, path: &str) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let more = if next.is_empty() {
            String::new()
        } else {
            format!("&cursor={}", encode(&next))
        };
        let page = stand.get(who, &format!("{path}{more}")).json();
        let items = page["items"].as_array().cloned().unwrap_or_default();
        ids.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap_or_default().to_owned()),
        );
        match page["next"].as_str() {
            Some(cursor) => next = cursor.to_owned(),
            None => return ids,
        }
    }
}

/// Every address of the HTTP face that is no operation, and every list that is not of one type.
fn around(stand: &Stand, who: &Principal) {
    for path in [
        "/",
        "/?lang=en",
        "/desk/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/my/access",
        "/my/access.csv",
        "/my/objections",
        "/my/consents",
        "/ogc?f=html",
        "/ogc/collections?f=html",
        "/ogc/collections?f=json",
        "/ogc/api",
        "/v1/approvals?which=all",
        "/v1/emergencies?which=all",
        "/v1/objection_queue",
        "/v1/jobs?state=dead",
        "/v1/jobs?state=done",
        "/v1/accounts?q=%E5%85%AC%E6%B0%91",
        "/v1/packages/canary",
        "/v1/saved-filters?type=canary.person",
        "/audit/checkpoint",
        "/audit/entries/000",
        "/audit/entries/001",
        "/audit/tile/0/000",
        "/v1/nothing",
    ] {
        stand.get(who, path);
    }
    // The feed from its beginning, as far as it goes.
    let mut after = String::new();
    for _ in 0..40 {
        let page = stand.get(who, &format!("/v1/events?limit=1000{after}")).json();
        let Some(next) = page["next"].as_str().filter(|next| !after.contains(*next)) else {
            break;
        };
        after = format!("&after={}", encode(next));
    }
    for body in [
        json!({ "package": "canary", "count": true }),
        json!({ "package": "canary", "type": "person", "roles": ["masker"], "purpose": "canary.care", "count": true }),
        json!({ "package": "canary", "type": "person", "kind": "citizen", "level": 3, "party": stand.persons[9].party, "purpose": "self", "count": true }),
    ] {
        stand.send(who, "POST", "/v1/policy/simulate", &body, &[]);
    }
}

/// Every way to many records at once.
fn many(stand: &Stand, who: &Principal) {
    pages(stand, who, &format!("{PERSONS}?limit=1000"));
    for of in ["person", "visit", "notice"] {
        let all = format!("/v1/records/canary/{of}");
        let items = format!("/ogc/collections/canary.{of}/items");
        if of != "person" {
            pages(stand, who, &format!("{all}?limit=1000"));
        }
        for path in [
            format!("{all}?count=1&limit=1"),
            format!("{all}?as_of=2099-01-01T00:00:00Z&limit=50"),
            format!("{all}?sortby=-updated_at&limit=50"),
            format!("{all}/template?format=xlsx"),
            format!("{all}/export?format=csv"),
            format!("{all}/export?format=jsonl"),
            format!("/ogc/collections/canary.{of}"),
            format!("/ogc/collections/canary.{of}?f=html"),
            format!("/ogc/collections/canary.{of}/schema"),
            format!("/ogc/collections/canary.{of}/queryables"),
            format!("/ogc/collections/canary.{of}/sortables"),
            format!("{items}?limit=1000"),
            format!("{items}?limit=100&f=html"),
            format!("{items}?bbox=119,26,120,27&limit=100"),
        ] {
            stand.get(who, &path);
        }
    }
    for path in [
        format!("{PERSONS}/export?format=xlsx"),
        format!("{PERSONS}/aggregate?view=ranking"),
        format!("{PERSONS}/aggregate?view=bulletin"),
        // The pages' cursors carry what is sorted by.
        format!("{PERSONS}?sortby=name&limit=3"),
        format!("{PERSONS}?sortby=-address&limit=3"),
        format!("{PERSONS}?sortby=income&limit=3"),
        format!("{PERSONS}?sortby=born&limit=3"),
        format!("{PERSONS}?sortby=memo&limit=3"),
        format!("{PERSONS}?q={}&limit=50", encode("欧阳")),
        format!("{PERSONS}?q={}&limit=50", encode("哨兵")),
        format!("{ITEMS}?sortby=name&limit=3"),
    ] {
        stand.get(who, &path);
    }
}

/// Every record by its id: in filters all of them, alone those of a sample, and each of these by every way.
fn by_id(stand: &Stand, who: &Principal, sample: &[&Person]) {
    for some in stand.persons.chunks(400) {
        let ids: Vec<String> = some.iter().map(|one| format!("'{}'", one.id)).collect();
        // Long addresses are refused somewhere below this.
        for part in ids.chunks(150) {
            let filter = encode(&format!("id IN ({})", part.join(",")));
            stand.get(who, &format!("{PERSONS}?filter={filter}&limit=1000"));
        }
    }
    for person in sample {
        let id = &person.id;
        let one = format!("{PERSONS}/{id}");
        for path in [
            one.clone(),
            format!("{one}?as_of=2099-01-01T00:00:00Z"),
            format!("{one}/history"),
            format!("{ITEMS}/{id}"),
            format!("{ITEMS}/{id}?f=html"),
            format!("/v1/records/canary/notice/{id}"),
        ] {
            stand.get(who, &path);
        }
        let headers = [("if-none-match", "\"1\""), ("range", "bytes=0-9")];
        stand.ask(who, "GET", &one, &headers, None, &[]);
        if !person.file.is_empty() {
            let file = format!("/v1/files/{}", person.file);
            stand.get(who, &file);
            stand.get(who, &format!("{file}?record=canary.person/{id}"));
        }
    }
    for (of, id) in stand.others.iter().take(6) {
        for path in [
            format!("/v1/records/canary/{of}/{id}"),
            format!("/v1/records/canary/{of}/{id}/history"),
            format!("/ogc/collections/canary.{of}/items/{id}"),
        ] {
            stand.get(who, &path);
        }
    }
}

/// More than he may set, and errors of every kind: bad ids, bad bodies, bad versions, bad questions.
fn provoked(stand: &Stand, who: &Principal, person: &Person) {
    let one = format!("{PERSONS}/{}", person.id);
    let mine = |field: Field| Find {
        person: person.index,
        field,
    };
    // Fields that he may not set, to values that he can't know: none of it comes back, none of it is done.
    let forbidden = json!({
        "id": NOTHING, "created_by": NOTHING, "version": 9, "state": "shut", "unit": "U0", "party": "p", "code": "P99999",
        "name": "甲", "number": "350102195001019999", "income": 1, "memo": "x", "remark": [7], "born": "x", "place": [], "paper": {},
    });
    let patch = |body: &Json| {
        let text = body.to_string();
        let body = Some(("application/json", text.as_bytes()));
        stand.ask(who, "PATCH", &one, &[("if-match", "*")], body, &[])
    };
    for (name, value) in forbidden.as_object().unwrap() {
        // What he may set, he may.
        if !(who.writes && ["unit", "party", "code"].contains(&name.as_str())) {
            let answer = patch(&json!({ "fields": { name: value } }));
            if answer.status < 300 {
                stand.fault(|| format!("{} sets {name} of {}: {answer:?}", who.name, person.code));
            }
        }
    }
    patch(&json!({ "fields": {}, "version": 9 }));
    patch(&json!([1]));
    stand.send(who, "POST", PERSONS, &json!({ "fields": forbidden }), &[]);
    let stale = [("if-match", "\"77\"")];
    let body = json!({ "fields": { "line": "x" } }).to_string();
    let json_body = Some(("application/json", body.as_bytes()));
    stand.ask(who, "PATCH", &one, &stale, json_body, &[]);
    stand.ask(who, "PATCH", &one, &[], json_body, &[]);
    stand.ask(who, "PATCH", &one, &stale, Some(("text/plain", b"{")), &[]);
    stand.ask(who, "DELETE", &one, &stale, None, &[]);
    for path in [
        format!("{PERSONS}/{}x", person.id),
        format!("{PERSONS}/{}", person.code),
        format!("{PERSONS}/{}", encode("' OR 1=1 --")),
        format!("{PERSONS}?filter={}", encode("name = ")),
        format!("{PERSONS}?filter={}", encode("name > income")),
        format!("{PERSONS}?filter={}", encode("born = 'x'")),
        format!("{PERSONS}?filter={}", encode("name = address OR code <> ''")),
        format!("{PERSONS}?filter={}", encode("number IS NOT NULL")),
        format!("{PERSONS}?filter={}", encode("memo IS NOT NULL")),
        format!("{PERSONS}?sortby=nothing"),
        format!("{PERSONS}?sortby=number"),
        format!("{PERSONS}?cursor=7b7d"),
        format!("{PERSONS}?limit=x"),
        format!("{PERSONS}?as_of=x"),
        format!("{PERSONS}/export?format=pdf"),
        format!("{PERSONS}/aggregate?view=x"),
        format!("{ITEMS}?bbox=x"),
        format!("{ITEMS}?datetime=x"),
        format!("{ITEMS}?nothing=1"),
        format!("{ITEMS}?filter=%7B&filter-lang=cql2-json"),
        format!("{ITEMS}/x"),
    ] {
        stand.get(who, &path);
    }
    // Whoever sends a number that is there is told so at most, and not whose.
    let number = person.value(Field::Number);
    let sent = json!({ "fields": { "code": "P99998", "name": "乙", "number": number, "unit": "U1", "region": "350102", "line": "x" } });
    stand.send(who, "POST", PERSONS, &sent, &[mine(Field::Number)]);
}

/// An answer to a question by cursor is the reader's own: others' pages give him no more.
fn cursors(stand: &Stand, who: &Principal, cursor: &str) {
    for path in [
        format!("{PERSONS}?limit=2&cursor={cursor}"),
        format!("{PERSONS}?sortby=name&limit=2&cursor={cursor}"),
        format!("{ITEMS}?limit=2&cursor={cursor}"),
    ] {
        stand.get(who, &path);
    }
}

/// The whole walk of one principal.
pub fn crawl(stand: &Stand, who: &Principal, sample: &[&Person], cursor: &str) {
    let hidden = sample
        .iter()
        .find(|person| !(who.sees)(person, Field::Number))
        .or(sample.first())
        .unwrap();
    table(stand, who, hidden);
    around(stand, who);
    many(stand, who);
    by_id(stand, who, sample);
    provoked(stand, who, hidden);
    cursors(stand, who, cursor);
}

/// The next cursor of somebody's list by names.
pub fn cursor(stand: &Stand, who: &Principal) -> String {
    let page: Answer = stand.get(who, &format!("{PERSONS}?sortby=name&limit=2"));
    let next: Json = page.json()["next"].clone();
    next.as_str().unwrap_or_default().to_owned()
}
