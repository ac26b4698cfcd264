use banyan_base::{Actor, Problem, codes};
use banyan_door::{Authenticator, Capacity, Credential, Handler, Input, Operation, Reply, Target};
use banyan_store::testing::databases;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::sign::testing::{Bed, Browser, text};

const GOOD: &str = "correct horse";

/// Makes a token; gives it as a credential, and its id.
fn make(bed: &Bed, browser: &mut Browser, scopes: &[&str], days: i64) -> (Credential, String) {
    let body = json!({ "name": "同步", "scopes": scopes, "days": days });
    let made = bed.act(browser, "token.create", &[], Some(body)).unwrap();
    assert!(text(&made, "token").starts_with(&format!("{}_", text(&made, "prefix"))));
    (Credential::Bearer(text(&made, "token")), text(&made, "id"))
}

fn call(bed: &Bed, credential: &Credential, operation: &str, body: Option<Value>) -> Result<Reply, Problem> {
    let actor = bed.accounts.actor(credential, &Capacity::default())?;
    let input = body.map_or_else(Input::default, Input::json).with_path("id", "x");
    bed.door.call(&bed.world.ctx(actor), operation, input)
}

#[test]
fn tokens_do_what_their_scopes_say_and_no_more() {
    for test in databases().unwrap() {
        let bed = Bed::over(test, |_| {});
        bed.account("chief", GOOD, &["admin"]);
        bed.account("clerk", GOOD, &[]);
        let (mut chief, mut clerk) = (Browser::named("A"), Browser::named("B"));
        bed.sign_in(&mut chief, "chief", GOOD).unwrap();
        bed.sign_in(&mut clerk, "clerk", GOOD).unwrap();
        let new = || Some(json!({ "login": "li", "name": "李", "password": "many a river" }));
        // Scopes, the operation, what comes of it.
        let cases: &[(&[&str], &str, u16)] = &[
            (&["read"], "account.list", 200),
            (&["read"], "account.create", 403),
            (&["read"], "session.end_all", 403),
            (&["operation:account.create"], "account.list", 403),
            (&["operation:account.create", "read"], "account.create", 403),
            (&["operation:account.list", "package:wp"], "account.list", 200),
            (&["package:wp"], "account.list", 403),
            // Nobody grants himself more by a token: acts on how one signs in need a session.
            (&["operation:token.create"], "token.create", 403),
            (&["operation:password.change"], "password.change", 403),
            (&["operation:totp.start"], "totp.start", 403),
            (&["operation:passkey.start"], "passkey.start", 403),
            (&["operation:account.create"], "account.create", 201),
        ];
        for (scopes, operation, status) in cases {
            let (credential, _) = make(&bed, &mut chief, scopes, 1);
            let body = match *operation {
                "account.create" => new(),
                "token.create" => Some(json!({ "name": "x", "scopes": ["read"], "days": 1 })),
                "password.change" => Some(json!({ "old": GOOD, "new": "my own river" })),
                _ => None,
            };
            let came = call(&bed, &credential, operation, body)
                .map_or_else(|problem| problem.code.status, |reply| reply.status);
            assert_eq!(came, *status, "{scopes:?} {operation}");
        }
        // Only what its owner may.
        let (credential, _) = make(&bed, &mut clerk, &["operation:account.list", "read"], 1);
        assert_eq!(
            call(&bed, &credential, "account.list", None).unwrap_err().code,
            codes::FORBIDDEN
        );
        // What can't be made is named.
        for (scopes, days, pointer) in [
            (json!([]), 1, "/scopes"),
            (json!(["everything"]), 1, "/scopes"),
            (json!(["operation:none.such"]), 1, "/scopes"),
            (json!(["package:A B"]), 1, "/scopes"),
            (json!(["read"]), 0, "/days"),
            (json!(["read"]), 367, "/days"),
        ] {
            let body = json!({ "name": "x", "scopes": scopes, "days": days });
            let problem = bed.act(&mut clerk, "token.create", &[], Some(body)).unwrap_err();
            assert_eq!(problem.errors[0].pointer, pointer);
        }
    }
}

#[test]
fn tokens_end_and_are_found_by_their_beginning() {
    for test in databases().unwrap() {
        let bed = Bed::over(test, |_| {});
        let id = bed.account("clerk", GOOD, &[]);
        bed.account("chief", GOOD, &["admin"]);
        let (mut chief, mut clerk) = (Browser::named("A"), Browser::named("B"));
        bed.sign_in(&mut chief, "chief", GOOD).unwrap();
        bed.sign_in(&mut clerk, "clerk", GOOD).unwrap();
        let (short, _) = make(&bed, &mut clerk, &["read"], 1);
        let (long, long_id) = make(&bed, &mut clerk, &["read"], 30);
        let (lost, _) = make(&bed, &mut clerk, &["read"], 30);
        assert!(call(&bed, &short, "session.view", None).is_ok());
        bed.world.clock().advance(SignedDuration::from_hours(25));
        assert_eq!(
            call(&bed, &short, "session.view", None).unwrap_err().code,
            codes::UNAUTHENTICATED
        );
        bed.sign_in(&mut clerk, "clerk", GOOD).unwrap();
        bed.sign_in(&mut chief, "chief", GOOD).unwrap();
        // Found by its beginning, by its owner and by an administrator; never with its secret.
        let Credential::Bearer(secret) = &lost else {
            panic!()
        };
        let list = |browser: &mut Browser, operation: &str, prefix: &str| {
            let credential = Credential::Session(browser.session.clone().unwrap());
            let input = Input {
                query: vec![("prefix".into(), prefix.into())],
                ..Input::default()
            };
            let actor = bed.accounts.actor(&credential, &Capacity::default()).unwrap();
            let reply = bed.door.call(&bed.world.ctx(actor), operation, input)?;
            Ok::<Vec<Value>, Problem>(reply.as_json().unwrap()["items"].as_array().unwrap().clone())
        };
        let all = list(&mut clerk, "token.list", "").unwrap();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(
            all.iter()
                .all(|one| one["login"] == "clerk" && one["scopes"] == json!(["read"]))
        );
        let found = list(&mut chief, "account.list_tokens", &secret[..12]).unwrap();
        assert_eq!(found.len(), 1);
        assert!(
            !json!(found)
                .to_string()
                .contains(secret.rsplit('_').next().unwrap())
        );
        assert!(list(&mut chief, "token.list", "").unwrap().is_empty());
        assert_eq!(
            list(&mut clerk, "account.list_tokens", "").unwrap_err().code,
            codes::FORBIDDEN
        );
        // Revoked by its owner, by an administrator, by nobody else.
        assert_eq!(
            bed.act(&mut chief, "token.revoke", &[("id", &long_id)], None)
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        bed.act(
            &mut chief,
            "account.revoke_token",
            &[("id", &text(&found[0], "id"))],
            None,
        )
        .unwrap();
        assert!(
            bed.accounts.actor(&lost, &Capacity::default()).is_err()
                && bed.accounts.actor(&long, &Capacity::default()).is_ok()
        );
        // A new password by an administrator ends what may be in wrong hands.
        bed.act(
            &mut chief,
            "account.reset_password",
            &[("id", &id)],
            Some(json!({ "password": "another horse" })),
        )
        .unwrap();
        assert!(bed.accounts.actor(&long, &Capacity::default()).is_err());
        let (feed, verbs) = bed.feed();
        assert!(verbs.contains(&"token_revoked".to_owned()) && !feed.contains(secret.as_str()));
    }
}

/// The door itself narrows: whatever policy says.
#[test]
fn the_door_keeps_to_packages() {
    let test = banyan_store::testing::sqlite().unwrap();
    let row = |name, path: &'static str, target: fn(&Input) -> Target| {
        Operation::read(name, "看", path, Handler::inside(|_| Ok(Reply::empty()))).on(target)
    };
    let rows = vec![
        row("one.view", "/one", |_| Target::records("one.task", "view")),
        row("two.view", "/two", |_| Target::records("two.task", "view")),
    ];
    let world = banyan_base::World::system();
    let door = banyan_door::Door::new(
        test.db.clone(),
        world.clone(),
        std::sync::Arc::new(crate::CedarPolicy::default()),
        std::sync::Arc::new(banyan_door::LogAudit),
        banyan_door::Metrics::new().unwrap(),
        rows,
    )
    .unwrap();
    let narrowed = |scopes: &[&str]| {
        let mut actor = Actor::system();
        actor.grant.scopes = Some(scopes.iter().map(|scope| (*scope).to_owned()).collect());
        world.ctx(actor)
    };
    for (scopes, one, two) in [
        (&["package:one"][..], true, false),
        (&["package:one", "operation:two.view"], true, true),
        (&["package:on"], false, false),
        (&["read"], true, true),
        (&[], false, false),
        (&["read", "package:two"], false, true),
    ] {
        let cx = narrowed(scopes);
        assert_eq!(
            door.call(&cx, "one.view", Input::default()).is_ok(),
            one,
            "{scopes:?}"
        );
        assert_eq!(
            door.call(&cx, "two.view", Input::default()).is_ok(),
            two,
            "{scopes:?}"
        );
    }
}
