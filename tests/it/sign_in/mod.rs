//! Signing in with others' software: an OAuth 2.0 client, an OpenID Connect provider, one that lies; and a look for secrets
//! where none may be.

mod citizens;
mod stand;

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use banyan::platform::Platform;
use banyan_base::World;
use banyan_door::Input;
use banyan_identity::{FirstLogin, Provider, Settings};
use banyan_store::testing::databases;
use serde_json::{Value as Json, json};

use self::stand::{Browser, Program, agent};
use crate::support::Bed;

const SECRET: &str = "upstream-secret-for-tests-only-0123456789";
const GOOD: &str = "correct horse";

/// A served platform over each database, that knows a provider.
fn served(issuer: &str, first: FirstLogin) -> Vec<(Bed, String)> {
    let over = |test: banyan_store::testing::TestDb| {
        let secret_file = test.folder.join("client-secret");
        std::fs::write(&secret_file, SECRET).unwrap();
        let provider = Provider {
            id: "upstream".into(),
            title: "省统一身份认证".into(),
            issuer: issuer.into(),
            client_id: "banyan".into(),
            secret_file: Some(secret_file),
            scopes: vec!["profile".into()],
            first,
            assurance: 2,
            number_claim: "id_number".into(),
        };
        let settings = Settings {
            citizens: first == FirstLogin::Citizen,
            providers: vec![provider],
            ..Settings::new(&test.folder)
        };
        let platform = Platform::with(test.db.clone(), World::system(), settings, &test.folder).unwrap();
        let bed = Bed { platform, test };
        let base = format!("http://{}", bed.serve());
        (bed, base)
    };
    databases().unwrap().into_iter().map(over).collect()
}

fn account(bed: &Bed, login: &str, roles: &[&str]) -> String {
    let body = json!({ "login": login, "name": login, "roles": roles, "password": GOOD });
    bed.ask("account.create", Input::json(body)).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn sign_in(browser: &mut Browser, base: &str, login: &str) -> Json {
    let body = json!({ "login": login, "password": GOOD });
    browser
        .send("POST", &format!("{base}/v1/session"), Some(&body))
        .json()
}

#[test]
fn machines_get_tokens_by_an_outside_client() {
    for (bed, base) in served("http://127.0.0.1:1", FirstLogin::Refuse) {
        let made = bed
            .ask(
                "service.create",
                Input::json(json!({ "login": "meter-7", "name": "七号机" })),
            )
            .unwrap();
        let id = made["account"]["id"].as_str().unwrap();
        let task =
            json!({ "base": base, "id": made["client_id"], "secret": made["client_secret"] }).to_string();
        let mut machine = Program::start("machine.mjs", &[("TASK", &task)]);
        let jwk: Json = serde_json::from_str(&machine.line()).unwrap();
        let key = |jwk: &Json| {
            bed.ask(
                "service.add_key",
                Input::json(json!({ "name": "甲", "jwk": jwk })).with_path("id", id),
            )
        };
        let mut private = jwk.clone();
        private["d"] = json!("x");
        assert_eq!(key(&private).unwrap_err().errors[0].pointer, "/jwk");
        key(&jwk).unwrap();
        machine.say("registered");
        let results: Json = serde_json::from_str(&machine.line()).unwrap();
        for name in ["basic", "post", "signed"] {
            let one = &results[name];
            let came = (&one["view"], &one["accounts"], &one["expires_in"], &one["scope"]);
            assert_eq!(
                came,
                (&json!(200), &json!(403), &json!(900), &Json::Null),
                "{name}: {one}"
            );
        }
        let scoped = &results["scoped"];
        assert_eq!(
            (&scoped["view"], &scoped["scope"]),
            (&json!(200), &json!("operation:session.view read"))
        );
        for name in ["good", "to its endpoint"] {
            assert_eq!(results[name]["token_type"], "Bearer", "{name}: {}", results[name]);
        }
        let refused = [
            ("wrong secret", 401, "invalid_client"),
            ("wrong scope", 400, "invalid_scope"),
            ("replayed", 401, "invalid_client"),
            ("forged", 401, "invalid_client"),
            ("for another", 401, "invalid_client"),
            ("expired", 401, "invalid_client"),
            ("good for a day", 401, "invalid_client"),
            ("of the future", 401, "invalid_client"),
            ("by another", 401, "invalid_client"),
            ("without a name", 401, "invalid_client"),
            ("shared", 401, "invalid_client"),
            ("unsigned", 401, "invalid_client"),
            ("other grant", 400, "unsupported_grant_type"),
            ("twice", 400, "invalid_request"),
        ];
        for (name, status, error) in refused {
            let came = (&results[name]["status"], &results[name]["error"]);
            assert_eq!(came, (&json!(status), &json!(error)), "{name}: {}", results[name]);
        }
        // A new secret ends the old one's tokens.
        bed.ask("service.renew_secret", Input::default().with_path("id", id))
            .unwrap();
        let token = results["basic"]["token"].as_str().unwrap();
        let request = ureq::http::Request::builder().uri(format!("{base}/v1/session"));
        let request = request
            .header("authorization", format!("Bearer {token}"))
            .body(())
            .unwrap();
        assert_eq!(agent().run(request).unwrap().status().as_u16(), 401);
    }
}

#[test]
fn people_come_by_an_upstream_provider() {
    for first in [FirstLogin::Refuse, FirstLogin::Create] {
        let mut upstream = Program::start("provider.mjs", &[("CLIENT_SECRET", SECRET)]);
        let issuer = upstream.line();
        let become_user = |user: &str| {
            assert_eq!(
                Browser::default().get(&format!("{issuer}/as?user={user}")).status,
                200
            )
        };
        for (bed, base) in served(&issuer, first) {
            let start = format!("{base}/v1/session/oidc/upstream/start?to=/desk/p/x");
            let ways = Browser::default().get(&format!("{base}/v1/session/ways")).json();
            assert_eq!(
                ways,
                json!({ "providers": [{ "id": "upstream", "title": "省统一身份认证" }], "citizens": false })
            );
            // Somebody who is unknown here.
            become_user("alice");
            let mut alice = Browser::default();
            let came = alice.walk(&start);
            if first == FirstLogin::Refuse {
                assert_eq!(came.location, format!("{base}/desk/?sign_in=unknown"));
                assert_eq!(alice.get(&format!("{base}/v1/session")).status, 401);
            } else {
                assert_eq!(came.location, format!("{base}/desk/p/x"));
                let me = alice.get(&format!("{base}/v1/session")).json();
                assert_eq!(
                    (&me["account"]["login"], &me["account"]["roles"]),
                    (&json!("alice"), &json!([]))
                );
                // The same one again, and local sign-out.
                let again = alice.walk(&start);
                assert_eq!(again.location, format!("{base}/desk/p/x"));
                assert_eq!(
                    alice.get(&format!("{base}/v1/session")).json()["account"]["id"],
                    me["account"]["id"]
                );
                assert_eq!(
                    alice.send("DELETE", &format!("{base}/v1/session"), None).status,
                    204
                );
                assert_eq!(alice.get(&format!("{base}/v1/session")).status, 401);
            }
            // An account that was here links itself; then its owner comes by the provider.
            account(&bed, "wang", &[]);
            let mut wang = Browser::default();
            sign_in(&mut wang, &base, "wang");
            become_user("wang-upstream");
            assert_eq!(wang.link(&base), format!("{base}/desk/p/x"));
            let mut other_place = Browser::default();
            other_place.walk(&start);
            let me = other_place.get(&format!("{base}/v1/session")).json();
            assert_eq!(me["account"]["login"], "wang");
            let sessions = other_place.get(&format!("{base}/v1/sessions")).json();
            assert_eq!(sessions["items"][0]["method"], "oidc:upstream");
            // Somebody else can't take that identity; linking needs a session.
            account(&bed, "zhao", &[]);
            let mut zhao = Browser::default();
            sign_in(&mut zhao, &base, "zhao");
            assert_eq!(zhao.link(&base), format!("{base}/desk/?sign_in=linked"));
            assert_eq!(
                Browser::default()
                    .send("POST", &format!("{base}/v1/session/oidc/upstream/link"), None)
                    .status,
                401
            );
            // The provider refuses; another browser's answer; an answer that comes twice; an open redirect.
            become_user("no-one");
            assert_eq!(
                Browser::default().walk(&start).location,
                format!("{base}/desk/?sign_in=refused")
            );
            become_user("wang-upstream");
            let mut victim = Browser::default();
            let mut thief = Browser::default();
            let mut answer = thief.get(&start);
            while !answer.location.contains("/callback?") {
                answer = thief.get(&answer.location.clone());
            }
            assert_eq!(
                victim.get(&answer.location).status,
                403,
                "no visit began in this browser"
            );
            assert_eq!(thief.get(&answer.location).status, 303);
            assert_eq!(thief.get(&answer.location).status, 403, "a code is good once");
            let mut astray = Browser::default();
            let elsewhere = format!("{base}/v1/session/oidc/upstream/start?to=//evil.example/desk/");
            assert_eq!(astray.walk(&elsewhere).location, format!("{base}/desk/"));
            // Unlinked, unknown again.
            let id = wang.get(&format!("{base}/v1/session/identities")).json()["items"][0]["id"]
                .as_str()
                .unwrap()
                .to_owned();
            assert_eq!(
                wang.send("DELETE", &format!("{base}/v1/session/identities/{id}"), None)
                    .status,
                204
            );
            // A disabled account is not let in.
            if first == FirstLogin::Create {
                become_user("alice");
                let all = bed
                    .ask(
                        "account.list",
                        Input {
                            query: vec![("q".into(), "alice".into())],
                            ..Input::default()
                        },
                    )
                    .unwrap();
                let (id, version) = (
                    all["items"][0]["id"].as_str().unwrap(),
                    all["items"][0]["version"].as_i64().unwrap(),
                );
                let input = Input {
                    if_match: Some(format!("\"{version}\"")),
                    ..Input::json(json!({ "disabled": true })).with_path("id", id)
                };
                bed.ask("account.update", input).unwrap();
                assert_eq!(
                    Browser::default().walk(&start).location,
                    format!("{base}/desk/?sign_in=unknown")
                );
            }
        }
    }
}

#[test]
fn forged_id_tokens_are_refused() {
    let mut forger = Program::start("forger.mjs", &[("CLIENT_SECRET", SECRET)]);
    let issuer = forger.line();
    for (_bed, base) in served(&issuer, FirstLogin::Create) {
        let cases = [
            ("nothing", true),
            ("skewed", true),
            ("nonce", false),
            ("no_nonce", false),
            ("audience", false),
            ("issuer", false),
            ("expired", false),
            ("future", false),
            ("key", false),
            ("unsigned", false),
            ("shared", false),
        ];
        for (forge, good) in cases {
            let mut browser = Browser::default();
            let url = browser
                .get(&format!("{base}/v1/session/oidc/upstream/start"))
                .location;
            let asked = |name: &str| {
                let query = url.split_once('?').unwrap().1.split('&');
                query
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(key, _)| *key == name)
                    .unwrap()
                    .1
                    .to_owned()
            };
            assert_eq!(
                (
                    asked("code_challenge_method").as_str(),
                    asked("response_type").as_str()
                ),
                ("S256", "code")
            );
            let code = json!({ "forge": forge, "nonce": asked("nonce") }).to_string();
            let code: String = code.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let back = format!(
                "{base}/v1/session/oidc/upstream/callback?code={code}&state={}",
                asked("state")
            );
            let came = browser.get(&back).location;
            let expected = if good {
                format!("{base}/desk/")
            } else {
                format!("{base}/desk/?sign_in=refused")
            };
            assert_eq!(came, expected, "{forge}");
            let status = browser.get(&format!("{base}/v1/session")).status;
            assert_eq!(status, if good { 200 } else { 401 }, "{forge}");
        }
        // A state that is not ours.
        let mut browser = Browser::default();
        browser.get(&format!("{base}/v1/session/oidc/upstream/start"));
        assert_eq!(
            browser
                .get(&format!(
                    "{base}/v1/session/oidc/upstream/callback?code=x&state=y"
                ))
                .status,
            403
        );
    }
}

/// All that this process logs, at the finest level of our own code.
pub fn log() -> Arc<Mutex<Vec<u8>>> {
    static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();
    struct Sink(Arc<Mutex<Vec<u8>>>);
    impl Write for Sink {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(data);
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let kept = LOG.get_or_init(|| {
        let kept: Arc<Mutex<Vec<u8>>> = Arc::default();
        let sink = Arc::clone(&kept);
        tracing_subscriber::fmt()
            .with_env_filter("info,banyan=trace,banyan_identity=trace,banyan_door=trace,banyan_http=trace,banyan_store=trace,access=trace,audit=trace")
            .with_writer(move || Sink(Arc::clone(&sink)))
            .init();
        kept
    });
    Arc::clone(kept)
}

#[test]
fn secrets_appear_nowhere() {
    let log = log();
    let mut upstream = Program::start("provider.mjs", &[("CLIENT_SECRET", SECRET)]);
    let issuer = upstream.line();
    for (bed, base) in served(&issuer, FirstLogin::Create) {
        let mut secrets = vec![
            SECRET.to_owned(),
            GOOD.to_owned(),
            "not the password".to_owned(),
            "my own river".to_owned(),
        ];
        let mut errors = Vec::new();
        let own = |value: &Json, name: &str| value[name].as_str().unwrap().to_owned();
        account(&bed, "zhang", &["admin"]);
        let mut browser = Browser::default();
        let session = format!("{base}/v1/session");
        errors.push(browser.send(
            "POST",
            &session,
            Some(&json!({ "login": "zhang", "password": "not the password" })),
        ));
        errors.push(browser.send(
            "POST",
            &session,
            Some(&json!({ "login": "zhang", "password": GOOD, "more": GOOD })),
        ));
        sign_in(&mut browser, &base, "zhang");
        // One-time codes, a token, a service, an upstream identity.
        let started = browser
            .send("POST", &format!("{session}/totp/start"), None)
            .json();
        secrets.extend([own(&started, "secret"), own(&started, "enrolment")]);
        errors.push(browser.send(
            "POST",
            &format!("{session}/totp"),
            Some(&json!({ "enrolment": started["enrolment"], "code": "000000" })),
        ));
        let made = browser
            .send(
                "POST",
                &format!("{base}/v1/tokens"),
                Some(&json!({ "name": "t", "scopes": ["read"], "days": 1 })),
            )
            .json();
        secrets.push(own(&made, "token"));
        let service = browser
            .send(
                "POST",
                &format!("{base}/v1/services"),
                Some(&json!({ "login": "meter", "name": "机" })),
            )
            .json();
        secrets.push(own(&service, "client_secret"));
        for secret in [own(&service, "client_secret"), "not the secret".to_owned()] {
            let form = format!("grant_type=client_credentials&client_id=meter&client_secret={secret}");
            let request = ureq::http::Request::post(format!("{base}/oauth/token"))
                .header("content-type", "application/x-www-form-urlencoded");
            let mut answer = agent().run(request.body(form).unwrap()).unwrap();
            let body: Json = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
            secrets.extend(body["access_token"].as_str().map(str::to_owned));
        }
        for bearer in [own(&made, "token"), format!("{}x", own(&made, "token"))] {
            let request = ureq::http::Request::builder()
                .uri(format!("{base}/v1/accounts"))
                .header("authorization", format!("Bearer {bearer}"));
            agent().run(request.body(()).unwrap()).unwrap();
        }
        let mut stranger = Browser::default();
        let mut answer = stranger.get(&format!("{session}/oidc/upstream/start"));
        while !answer.location.contains("/desk/") {
            if let Some((_, rest)) = answer.location.split_once("callback?code=") {
                secrets.push(rest.split('&').next().unwrap().to_owned());
            }
            answer = stranger.get(&answer.location.clone());
        }
        let changed = browser.send(
            "PUT",
            &format!("{session}/password"),
            Some(&json!({ "old": GOOD, "new": "my own river" })),
        );
        assert_eq!(changed.status, 204, "{}", changed.text);
        for one in [&browser, &stranger] {
            secrets.extend(
                one.cookies
                    .iter()
                    .filter(|((place, _), _)| *place == base)
                    .map(|(_, value)| value.clone()),
            );
        }
        assert!(
            secrets.len() >= 12 && secrets.iter().all(|secret| secret.len() >= 12),
            "{}",
            secrets.len()
        );
        // In the log, in what refused, in the feed, in every column of every table, in the database's own files.
        let mut places = vec![("the log", log.lock().unwrap().clone())];
        for answer in &errors {
            assert!(answer.status >= 400, "{}", answer.text);
            places.push(("a refusal", answer.text.clone().into_bytes()));
        }
        for (table, text) in tables(&bed) {
            places.push((table, text.into_bytes()));
        }
        if bed.name() == "sqlite" {
            for file in std::fs::read_dir(&bed.test.folder).unwrap() {
                let path = file.unwrap().path();
                if path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("test.db"))
                {
                    places.push(("the database file", std::fs::read(path).unwrap()));
                }
            }
        }
        let access = String::from_utf8_lossy(&places[0].1).contains("session.oidc_callback");
        assert!(access, "the log was not kept");
        for (place, bytes) in &places {
            for secret in &secrets {
                let found = bytes
                    .windows(secret.len())
                    .any(|window| window == secret.as_bytes());
                assert!(!found, "{}: {place} holds {}…", bed.name(), &secret[..4]);
            }
        }
    }
}

/// The tables that signing in touches, whole, as text.
fn tables(bed: &Bed) -> Vec<(&'static str, String)> {
    let names = [
        ("account", "login || password || roles"),
        ("session", "token_hash || id || agent || method"),
        ("device", "token_hash || account"),
        ("sign_in_step", "token_hash || kind || content"),
        ("totp", "account || seed"),
        (
            "token",
            "token_hash || id || name || prefix || COALESCE(scopes, '')",
        ),
        ("service_secret", "account || secret_hash"),
        ("external_identity", "id || issuer || subject"),
        (
            "idempotency",
            "actor || operation || request_key || request_hash || reply",
        ),
        ("feed", "CAST(data AS TEXT)"),
    ];
    let read = |(table, columns): &(&'static str, &str)| {
        let rows = bed.platform.db.read::<_, banyan_base::Problem>(|tx| {
            Ok(tx.query(&format!("SELECT {columns} FROM {table}"), &[])?)
        });
        let lines = rows
            .unwrap()
            .iter()
            .map(|row| row.get::<String>(0).unwrap())
            .collect::<Vec<_>>();
        (*table, lines.join("\n"))
    };
    names.iter().map(read).collect()
}
