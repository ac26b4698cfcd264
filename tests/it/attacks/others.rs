//! Others' things by their ids, and more in a body than a caller may set.

use serde_json::{Value as Json, json};

use super::Stand;
use super::stand::good;
use crate::client::standing;

/// What anybody who has signed in may do with what is his own.
fn own(name: &str) -> bool {
    let nouns = [
        "session",
        "totp",
        "passkey",
        "password",
        "identity",
        "token",
        "saved_filter",
    ];
    nouns.iter().any(|noun| name.split('.').next() == Some(noun))
}

pub fn by_id(stand: &Stand) {
    let ids = &stand.ids;
    let all = [
        &ids.person,
        &ids.visit,
        &ids.counter,
        &ids.file,
        &ids.boss,
        &ids.clerk,
        &ids.service,
        &ids.session,
        &ids.token,
        &ids.import,
        &ids.filter,
    ];
    let before = standing(&stand.bed);
    for operation in stand.bed.platform.door.operations() {
        let braces: Vec<&str> = operation
            .path
            .split('/')
            .filter(|part| part.starts_with('{'))
            .collect();
        let takes_id = braces
            .iter()
            .any(|part| matches!(*part, "{id}" | "{hash}" | "{key}"));
        if !takes_id || operation.open && !operation.name.starts_with("ogc.") {
            continue;
        }
        for who in ["nobody", "reader"] {
            for id in all {
                let mut path = operation.path.to_owned();
                for (name, value) in [
                    ("{id}", id.as_str()),
                    ("{hash}", id),
                    ("{key}", id),
                    ("{name}", "close"),
                    ("{package}", "people"),
                    ("{type}", "person"),
                    ("{collection}", "people.person"),
                ] {
                    path = path.replace(name, value);
                }
                let method = operation.method.as_str();
                // A good body: the refusal is for who asks.
                let sent = good(&(operation.input)()).to_string();
                let body =
                    (method != "GET" && method != "DELETE").then_some(("application/json", sent.as_bytes()));
                let answer = stand.call(who, method, &path, &[("if-match", "\"1\"")], body);
                let case = format!("{who}: {} {path}", operation.name);
                stand.expect(
                    matches!(answer.status, 400 | 401 | 403 | 404 | 409 | 415 | 422),
                    || format!("{case}: {answer:?}"),
                );
                // Before anything is said of the body, the door says no.
                stand.expect(
                    own(operation.name) || matches!(answer.status, 401 | 403 | 404),
                    || format!("{case}: {answer:?}"),
                );
                stand.tells_nothing(&case, &answer);
            }
        }
    }
    stand.expect(standing(&stand.bed) == before, || "something was changed".into());
    // Those who were attacked still have what they had.
    for (path, id) in [
        ("/v1/sessions", &ids.session),
        ("/v1/tokens", &ids.token),
        ("/v1/saved-filters?type=people.person", &ids.filter),
        ("/v1/imports", &ids.import),
    ] {
        let answer = stand.get("clerk", path);
        stand.expect(answer.text().contains(id.as_str()), || {
            format!("the clerk's {path} lost {id}: {answer:?}")
        });
        for who in ["nobody", "reader", "boss"] {
            let answer = stand.get(who, path);
            let seen = answer.text().contains(id.as_str());
            // An administrator sees all imports; the rest is each one's own.
            stand.expect(!seen || who == "boss" && path == "/v1/imports", || {
                format!("{who} is listed the clerk's {path}: {answer:?}")
            });
        }
    }
    // By reference: a file of another's record, through one's own record or none.
    for path in [
        format!("/v1/files/{}", ids.file),
        format!("/v1/files/{}?record=people.person/{}", ids.file, ids.person),
        format!("/v1/files/{}?record=people.counter/{}", ids.file, ids.counter),
    ] {
        for who in ["nobody", "reader", "boss"] {
            let answer = stand.get(who, &path);
            stand.expect(matches!(answer.status, 403 | 404), || {
                format!("{who} {path}: {answer:?}")
            });
        }
    }
    let own = format!("/v1/files/{}?record=people.person/{}", ids.file, ids.person);
    stand.expect(stand.get("clerk", &own).status == 200, || {
        "the clerk has no file".into()
    });
}

pub fn mass_assignment(stand: &Stand) {
    let refused = |case: &str, who: &str, method: &str, path: &str, body: &Json| {
        let text = body.to_string();
        let answer = stand.call(
            who,
            method,
            path,
            &[("if-match", "\"1\"")],
            Some(("application/json", text.as_bytes())),
        );
        stand.expect(matches!(answer.status, 401 | 403 | 404 | 422), || {
            format!("{case}: {answer:?}")
        });
    };
    let own = [
        "id",
        "type",
        "version",
        "etag",
        "state",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "labels",
        "actions",
        "_id",
        "_seq",
        "_version",
        "_state",
        "_created_by",
        "unit",
        "__proto__",
    ];
    let one = format!("/v1/records/people/person/{}", stand.ids.person);
    let before = stand.get("clerk", &one).json();
    let accounts = stand.get("boss", "/v1/accounts").json();
    for name in own {
        let value = json!("00000000-0000-7000-8000-000000000000");
        let fields = json!({ "fields": { "name": "x", name: value } });
        refused(name, "clerk", "POST", "/v1/records/people/counter", &fields);
        refused(
            name,
            "clerk",
            "PATCH",
            &one,
            &json!({ "fields": { name: value } }),
        );
        if name != "type" {
            refused(
                name,
                "clerk",
                "PATCH",
                &one,
                &json!({ "fields": {}, name: value }),
            );
            refused(
                name,
                "clerk",
                "POST",
                &format!("{one}/transitions/close"),
                &json!({ "fields": {}, name: value }),
            );
        }
        refused(
            name,
            "clerk",
            "POST",
            &format!("{one}/transitions/close"),
            &json!({ "fields": { name: value } }),
        );
    }
    // Who one is, and what one may.
    let account = json!({ "login": "evil", "name": "x", "password": "correct horse battery" });
    for (name, value) in [
        ("id", json!("x")),
        ("version", json!(9)),
        ("kind", json!("service")),
        ("password_hash", json!("x")),
        ("created_at", json!("2022-01-01T00:00:00Z")),
        ("party", json!("p1")),
        ("level", json!("L3")),
    ] {
        let mut body = account.clone();
        body[name] = value.clone();
        refused(
            &format!("account with {name}"),
            "boss",
            "POST",
            "/v1/accounts",
            &body,
        );
        refused(
            &format!("account's {name}"),
            "boss",
            "PATCH",
            &format!("/v1/accounts/{}", stand.ids.clerk),
            &json!({ name: value }),
        );
    }
    let mine = stand.get("reader", "/v1/session").json()["account"]["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    for who in ["reader", "clerk", "nobody"] {
        refused(
            "own roles",
            who,
            "PATCH",
            &format!("/v1/accounts/{mine}"),
            &json!({ "roles": ["admin"] }),
        );
        refused("an account", who, "POST", "/v1/accounts", &account);
        refused(
            "a service with rights",
            who,
            "POST",
            "/v1/services",
            &json!({ "login": "evil", "name": "x", "roles": ["admin"] }),
        );
    }
    refused(
        "roles with a password",
        "reader",
        "PUT",
        "/v1/session/password",
        &json!({ "old": "correct horse battery", "new": "a river in the morning", "roles": ["admin"] }),
    );
    // A token gives its owner's rights and no more, whatever it is said to be for.
    let token =
        json!({ "name": "t", "scopes": ["read", "package:people", "operation:account.list"], "days": 1 });
    let made = stand.send("reader", "POST", "/v1/tokens", Some(&token));
    if made.status == 201 {
        let secret = made.json()["token"].as_str().unwrap_or_default().to_owned();
        let header = format!("Bearer {secret}");
        for path in [
            "/v1/accounts",
            "/v1/records/people/person",
            "/v1/jobs",
            "/v1/events",
        ] {
            let answer = stand.call("", "GET", path, &[("authorization", &header)], None);
            stand.expect(answer.status == 403 || answer.status == 404, || {
                format!("by a token {path}: {answer:?}")
            });
        }
    }
    // A sheet's columns are fields and nothing else.
    for column in ["version", "created_by", "state", "_seq", "_created_by"] {
        let sheet = format!("name,{column}\n表列{column},9\n");
        let path = "/v1/records/people/counter/imports";
        let answer = stand.call("clerk", "POST", path, &[], Some(("text/csv", sheet.as_bytes())));
        let id = answer.json()["id"].as_str().unwrap_or_default().to_owned();
        if answer.status < 300 && !id.is_empty() {
            for _ in 0..200 {
                let run = stand.get("clerk", &format!("/v1/imports/{id}")).json();
                if !matches!(run["state"].as_str(), Some("waiting" | "running" | "queued")) {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
        }
    }
    let counters = stand.get("clerk", "/v1/records/people/counter?limit=100").json();
    for item in counters["items"].as_array().into_iter().flatten() {
        stand.expect(
            item["version"] == 1 && item["created_by"] == stand.ids.clerk.as_str(),
            || format!("set by a sheet: {item}"),
        );
    }
    stand.expect(stand.get("clerk", &one).json() == before, || {
        "the person was changed".into()
    });
    stand.expect(stand.get("boss", "/v1/accounts").json() == accounts, || {
        "the accounts were changed".into()
    });
}
