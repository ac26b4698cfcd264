use std::sync::Arc;

use banyan_base::{Actor, ManualClock, World};
use banyan_door::{Authenticator, Capacity, Credential, Input};
use banyan_store::testing::databases;
use serde_json::json;

use crate::sign::testing::{Bed, signed};

pub(crate) fn world() -> World {
    World::new(
        Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
        5,
    )
}

/// What an administrator does, over the operations' own handlers: (change, tag sent, status, field named).
#[test]
fn administrators_change_accounts() {
    for test in databases().unwrap() {
        let bed = Bed::over(test, |_| {});
        let (world, accounts, door, test) = (&bed.world, &bed.accounts, &bed.door, &bed.test);
        let create = |login: &str, roles: &[&str]| {
            let body = json!({ "login": login, "name": login, "unit": "FJ001", "roles": roles, "password": "correct horse" });
            let made = door
                .call(&world.system_ctx(), "account.create", Input::json(body))
                .unwrap();
            made.as_json().unwrap()["id"].as_str().unwrap().to_owned()
        };
        let (chief, clerk) = (create("chief", &["admin"]), create("clerk_li", &["wp.unit"]));
        let actor = Actor {
            id: chief.clone(),
            roles: ["admin".to_owned()].into(),
            ..Actor::system()
        };
        let admin = world.ctx(actor);
        let change = |id: &str, body: serde_json::Value, tag: Option<&str>| {
            let input = Input {
                if_match: tag.map(str::to_owned),
                ..Input::json(body).with_path("id", id)
            };
            door.call(&admin, "account.update", input)
        };
        let token = signed(accounts, &admin, "clerk_li", "correct horse").unwrap();
        let session = Credential::Session(token);
        for (id, body, tag, status, pointer) in [
            (&clerk, json!({ "name": "李" }), None, 428, ""),
            (&clerk, json!({ "name": "李" }), Some("\"7\""), 412, ""),
            (&clerk, json!({ "name": "" }), Some("\"1\""), 422, "/name"),
            (&clerk, json!({ "roles": ["root"] }), Some("\"1\""), 422, "/roles"),
            (&clerk, json!({ "login": "x" }), Some("\"1\""), 422, ""),
            (
                &chief,
                json!({ "disabled": true }),
                Some("\"1\""),
                422,
                "/disabled",
            ),
            (&chief, json!({ "roles": [] }), Some("\"1\""), 422, "/roles"),
        ] {
            let problem = change(id, body.clone(), tag).unwrap_err();
            assert_eq!(problem.code.status, status, "{body}");
            let first = problem.errors.first().map_or("", |error| error.pointer.as_str());
            assert_eq!(first, pointer, "{body}");
        }
        let renamed = change(&clerk, json!({ "name": "李四", "unit": "" }), Some("\"1\"")).unwrap();
        assert_eq!(renamed.etag.as_deref(), Some("\"2\""));
        assert_eq!(
            accounts.actor(&session, &Capacity::default()).unwrap().name,
            "李四"
        );
        change(&clerk, json!({ "disabled": true }), Some("\"2\"")).unwrap();
        assert!(accounts.actor(&session, &Capacity::default()).is_err());
        assert!(signed(accounts, &admin, "clerk_li", "correct horse").is_err());
        change(&clerk, json!({ "disabled": false }), Some("\"3\"")).unwrap();
        let reset = |password: &str| {
            let input = Input::json(json!({ "password": password })).with_path("id", clerk.as_str());
            door.call(&admin, "account.reset_password", input)
        };
        assert_eq!(reset("short").unwrap_err().errors[0].pointer, "/password");
        reset("another horse").unwrap();
        assert!(signed(accounts, &admin, "clerk_li", "another horse").is_ok());
        // Found by what stands in login, name or unit; `_` and `%` are letters like others; page after page.
        let find = |query: &[(&str, &str)]| {
            let query = query
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let input = Input {
                query: query.collect(),
                ..Input::default()
            };
            let reply = door.call(&admin, "account.list", input).unwrap();
            let body = reply.as_json().unwrap().clone();
            let items = body["items"].as_array().unwrap().iter();
            let logins: Vec<String> = items
                .map(|item| item["login"].as_str().unwrap().to_owned())
                .collect();
            (logins, body["next"].clone())
        };
        assert_eq!(find(&[("q", "李")]).0, ["clerk_li"]);
        assert_eq!(find(&[("q", "k_l")]).0, ["clerk_li"]);
        assert!(find(&[("q", "h_ef")]).0.is_empty() && find(&[("q", "%")]).0.is_empty());
        let (first, next) = find(&[("limit", "1")]);
        assert_eq!((first, &next), (vec!["chief".to_owned()], &json!("chief")));
        assert_eq!(
            find(&[("cursor", "chief")]),
            (vec!["clerk_li".to_owned()], json!(null))
        );
        // Each change is on the feed, and no secret is.
        let events = test
            .db
            .read(|tx| banyan_store::feed::read(tx, banyan_store::feed::Position::START, "", 100))
            .unwrap();
        let verbs: Vec<&str> = events
            .iter()
            .map(|event| event.kind.rsplit('.').next().unwrap())
            .collect();
        let expected = [
            "created",
            "created",
            "signed_in",
            "updated",
            "updated",
            "updated",
            "password_reset",
            "signed_in",
        ];
        assert_eq!(verbs, expected);
        assert!(!serde_json::to_string(&events).unwrap().contains("horse"));
    }
}
