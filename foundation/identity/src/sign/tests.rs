use std::collections::BTreeSet;

use banyan_base::codes;
use banyan_door::{Authenticator, Capacity};
use banyan_store::testing::databases;
use jiff::SignedDuration;
use serde_json::{Value, json};
use webauthn_authenticator_rs::WebauthnAuthenticator;
use webauthn_authenticator_rs::prelude::{CreationChallengeResponse, RequestChallengeResponse, Url};
use webauthn_authenticator_rs::softpasskey::SoftPasskey;

use crate::sign::testing::{Bed, Browser, text};
use crate::sign::{secret_box::SecretBox, totp, weak};

const GOOD: &str = "correct horse";

fn beds() -> Vec<Bed> {
    databases()
        .unwrap()
        .into_iter()
        .map(|test| Bed::over(test, |_| {}))
        .collect()
}

fn later(bed: &Bed, minutes: i64) {
    bed.world.clock().advance(SignedDuration::from_mins(minutes));
}

#[test]
fn sessions_are_listed_and_ended_one_by_one() {
    for bed in beds() {
        bed.account("zhang", GOOD, &[]);
        let (mut office, mut phone, mut old) = (
            Browser::named("Office"),
            Browser::named("Phone"),
            Browser::named("Old"),
        );
        for browser in [&mut old, &mut phone, &mut office] {
            bed.sign_in(browser, "zhang", GOOD).unwrap();
            later(&bed, 1);
        }
        let list = |browser: &mut Browser| {
            bed.act(browser, "session.list", &[], None).unwrap()["items"]
                .as_array()
                .unwrap()
                .clone()
        };
        let seen: Vec<(String, bool)> = list(&mut phone)
            .iter()
            .map(|one| (text(one, "agent"), one["current"] == true))
            .collect();
        let expected = [("Office", false), ("Phone", true), ("Old", false)];
        assert_eq!(seen, expected.map(|(agent, current)| (agent.to_owned(), current)));
        // No id is a token, and somebody else's id ends nothing.
        let own = text(&list(&mut phone)[1], "id");
        assert_ne!(Some(&own), phone.session.as_ref());
        bed.account("other", GOOD, &[]);
        let mut stranger = Browser::named("Other");
        bed.sign_in(&mut stranger, "other", GOOD).unwrap();
        let refused = bed
            .act(&mut stranger, "session.end", &[("id", &own)], None)
            .unwrap_err();
        assert_eq!(refused.code, codes::NOT_FOUND);
        // One; this one; all others; all.
        let oldest = text(&list(&mut phone)[2], "id");
        bed.act(&mut phone, "session.end", &[("id", &oldest)], None)
            .unwrap();
        assert!(bed.act(&mut old.clone(), "session.view", &[], None).is_err());
        bed.act(&mut phone, "session.delete", &[], None).unwrap();
        assert_eq!(phone.session, None);
        assert_eq!(list(&mut office).len(), 1);
        for browser in [&mut phone, &mut old] {
            browser.session = None;
            bed.sign_in(browser, "zhang", GOOD).unwrap();
        }
        assert_eq!(
            bed.act(&mut office, "session.end_others", &[], None).unwrap()["ended"],
            2
        );
        assert_eq!(list(&mut office).len(), 1);
        bed.sign_in(
            &mut Browser {
                session: None,
                ..phone.clone()
            },
            "zhang",
            GOOD,
        )
        .unwrap();
        assert_eq!(
            bed.act(&mut office.clone(), "session.end_all", &[], None)
                .unwrap()["ended"],
            2
        );
        assert!(bed.act(&mut office, "session.view", &[], None).is_err());
    }
}

#[test]
fn sessions_end_by_themselves() {
    for test in databases().unwrap() {
        let bed = Bed::over(test, |settings| {
            settings.idle = SignedDuration::from_mins(30);
            settings.whole = SignedDuration::from_hours(2);
        });
        bed.account("zhang", GOOD, &[]);
        let mut browser = Browser::named("A");
        bed.sign_in(&mut browser, "zhang", GOOD).unwrap();
        for _ in 0..5 {
            later(&bed, 20);
            bed.act(&mut browser, "session.view", &[], None).unwrap();
        }
        // Used all the time, and still over after two hours.
        later(&bed, 20);
        assert!(bed.act(&mut browser, "session.view", &[], None).is_err());
        bed.sign_in(&mut browser, "zhang", GOOD).unwrap();
        later(&bed, 31);
        let over = bed.act(&mut browser, "session.view", &[], None).unwrap_err();
        assert_eq!(over.code, codes::UNAUTHENTICATED);
    }
}

#[test]
fn guessing_slows_down_and_never_locks_the_owner_out() {
    for bed in beds() {
        bed.account("zhang", GOOD, &[]);
        let mut owner = Browser::named("Owner");
        bed.sign_in(&mut owner, "zhang", GOOD).unwrap();
        let try_as = |login: &str, password: &str| bed.sign_in(&mut Browser::named("Thief"), login, password);
        // A login that nobody has answers like one that somebody has, try after try.
        let mut waits = 0;
        for _ in 0..40 {
            let (one, other) = (
                try_as("zhang", "wrong").unwrap_err(),
                try_as("nobody", "wrong").unwrap_err(),
            );
            assert_eq!(one, other);
            if one.code == codes::TOO_MANY {
                waits += 1;
                later(&bed, 1);
            }
        }
        assert!(waits > 15, "{waits}");
        // The right password does not help a stranger who must wait …
        while try_as("zhang", "wrong").unwrap_err().code != codes::TOO_MANY {}
        assert_eq!(try_as("zhang", GOOD).unwrap_err().code, codes::TOO_MANY);
        // … but the owner's own browser is let in at once, and its failures are its own.
        owner.session = None;
        bed.sign_in(&mut owner, "zhang", GOOD).unwrap();
        for _ in 0..5 {
            assert_eq!(
                bed.sign_in(&mut owner, "zhang", "wrong").unwrap_err().code,
                codes::UNAUTHENTICATED
            );
        }
        assert_eq!(
            bed.sign_in(&mut owner, "zhang", GOOD).unwrap_err().code,
            codes::TOO_MANY
        );
        // The longest wait is a quarter of an hour.
        later(&bed, 16);
        try_as("zhang", GOOD).unwrap();
        // In four hours the thief has four tries more and then one a quarter: nineteen, a hundred a day.
        for _ in 0..5 {
            try_as("zhang", "wrong").unwrap_err();
        }
        let mut tries = 0;
        for _ in 0..4 * 60 {
            later(&bed, 1);
            tries += i32::from(try_as("zhang", "wrong").unwrap_err().code == codes::UNAUTHENTICATED);
        }
        assert_eq!(tries, 19);
    }
}

#[test]
fn an_address_that_fails_too_often_waits() {
    let bed = beds().remove(0);
    bed.account("zhang", GOOD, &[]);
    let from = |address: &str| Browser {
        address: Some(address.parse().unwrap()),
        ..Browser::named("A")
    };
    for login in 0..40 {
        let refused = bed
            .sign_in(&mut from("2001:db8::7"), &format!("u{login}"), "wrong")
            .unwrap_err();
        assert_eq!(refused.code, codes::UNAUTHENTICATED);
    }
    // The same subscriber by another address of his, the right password and all.
    let refused = bed.sign_in(&mut from("2001:db8::9"), "zhang", GOOD).unwrap_err();
    assert_eq!(refused.code, codes::TOO_MANY);
    bed.sign_in(&mut from("2001:db8:0:1::9"), "zhang", GOOD).unwrap();
    later(&bed, 1);
    bed.sign_in(&mut from("2001:db8::9"), "zhang", GOOD).unwrap();
}

#[test]
fn weak_passwords_are_named() {
    let cases = [
        ("li", "short", true),
        ("li", "aaaaaaaaaaaa", true),
        ("zhang", "my-zhang-secret", true),
        ("li", "password123", true),
        ("li", "qwertyuiop", true),
        ("li", "1234567890", true),
        ("li", "P@ssw0rd123", true),
        ("li", "woaini1314", true),
        ("li", "fujian2022", true),
        ("li", "iloveyou123", true),
        ("li", "correct horse", false),
        ("li", "banyan-demo-2022", false),
        ("li", "榕树下有三间旧书店和茶", false),
    ];
    for (login, password, expected) in cases {
        assert_eq!(
            weak(login, password).is_some(),
            expected,
            "{password}: {:?}",
            weak(login, password)
        );
    }
}

#[test]
fn a_password_set_by_another_is_good_for_changing_it_only() {
    for bed in beds() {
        bed.account("chief", GOOD, &["admin"]);
        let mut chief = Browser::named("Chief");
        bed.sign_in(&mut chief, "chief", GOOD).unwrap();
        let body = json!({ "login": "li", "name": "李", "roles": ["wp.unit"], "password": "first of many" });
        let id = text(
            &bed.act(&mut chief, "account.create", &[], Some(body)).unwrap(),
            "id",
        );
        let mut li = Browser::named("Li");
        assert_eq!(
            bed.sign_in(&mut li, "li", "first of many").unwrap()["due"],
            "password"
        );
        for operation in ["account.list", "session.end_others", "totp.view"] {
            let refused = bed.act(&mut li, operation, &[], None).unwrap_err();
            assert_eq!(refused.code, codes::FORBIDDEN, "{operation}");
            assert!(refused.detail.contains("改成自己的密码"));
        }
        assert_eq!(
            bed.act(&mut li, "session.view", &[], None).unwrap()["due"],
            "password"
        );
        let change = |old: &str, new: &str| Some(json!({ "old": old, "new": new }));
        let weak = bed
            .act(
                &mut li,
                "password.change",
                &[],
                change("first of many", "1234567890"),
            )
            .unwrap_err();
        assert_eq!(weak.errors[0].pointer, "/new");
        bed.act(
            &mut li,
            "password.change",
            &[],
            change("first of many", "my own river"),
        )
        .unwrap();
        assert!(
            bed.act(&mut li, "session.view", &[], None).is_err(),
            "all sessions end"
        );
        assert_eq!(
            bed.sign_in(&mut li, "li", "my own river").unwrap()["due"],
            Value::Null
        );
        bed.act(&mut li, "totp.view", &[], None).unwrap();
        // Another reset, and the same again.
        bed.act(
            &mut chief,
            "account.reset_password",
            &[("id", &id)],
            Some(json!({ "password": "second of many" })),
        )
        .unwrap();
        assert!(bed.act(&mut li, "session.view", &[], None).is_err());
        assert_eq!(
            bed.sign_in(&mut li, "li", "second of many").unwrap()["due"],
            "password"
        );
    }
}

/// RFC 6238, appendix B, SHA-1 (its eight digits end in these six).
#[test]
fn codes_are_those_of_the_standard() {
    let code = totp::totp(b"12345678901234567890").unwrap();
    for (seconds, expected) in [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_234_567_890, "005924"),
        (20_000_000_000, "353130"),
    ] {
        assert_eq!(code.generate(seconds).to_string(), expected);
    }
}

fn code_of(bed: &Bed, secret: &str) -> String {
    let seed = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let now = u64::try_from(bed.world.now().as_second()).unwrap();
    totp::totp(&seed).unwrap().generate(now).to_string()
}

/// Enrols one-time codes; gives the seed and the recovery codes.
fn enrol(bed: &Bed, browser: &mut Browser) -> (String, Vec<String>) {
    let started = bed.act(browser, "totp.start", &[], None).unwrap();
    let secret = text(&started, "secret");
    assert!(text(&started, "uri").contains(&secret) && text(&started, "qr").contains("<svg"));
    let confirm = |code: String| Some(json!({ "enrolment": started["enrolment"], "code": code }));
    let wrong = bed
        .act(browser, "totp.confirm", &[], confirm("000000".into()))
        .unwrap_err();
    assert_eq!(wrong.errors[0].pointer, "/code");
    let done = bed
        .act(browser, "totp.confirm", &[], confirm(code_of(bed, &secret)))
        .unwrap();
    let codes = done["recovery_codes"].as_array().unwrap().iter();
    (
        secret,
        codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
    )
}

#[test]
fn a_second_step_takes_each_code_once() {
    for bed in beds() {
        bed.account("zhang", GOOD, &[]);
        let mut browser = Browser::named("A");
        bed.sign_in(&mut browser, "zhang", GOOD).unwrap();
        let (secret, recovery) = enrol(&bed, &mut browser);
        assert_eq!(recovery.iter().collect::<BTreeSet<_>>().len(), 10);
        let second = |browser: &mut Browser, code: &str| {
            browser.session = None;
            let first = bed.sign_in(browser, "zhang", GOOD).unwrap();
            assert_eq!((first["step"].as_str(), &browser.session), (Some("totp"), &None));
            let body = json!({ "challenge": first["challenge"], "code": code });
            let answer = bed.act(browser, "session.second", &[], Some(body.clone()));
            // The step is good once, whatever came of it.
            assert_eq!(
                bed.act(&mut browser.clone(), "session.second", &[], Some(body))
                    .unwrap_err()
                    .code,
                codes::CONFLICT
            );
            answer
        };
        // The code that enrolled is used up; the next one is good once.
        let used = code_of(&bed, &secret);
        assert_eq!(
            second(&mut browser, &used).unwrap_err().code,
            codes::UNAUTHENTICATED
        );
        later(&bed, 1);
        let next = code_of(&bed, &secret);
        second(&mut browser, &next).unwrap();
        bed.act(&mut browser, "session.view", &[], None).unwrap();
        assert!(second(&mut browser, &next).is_err());
        // So is each recovery code, written as people write.
        second(&mut browser, &recovery[0].to_uppercase().replace('-', " ")).unwrap();
        assert_eq!(
            bed.act(&mut browser, "totp.view", &[], None).unwrap(),
            json!({ "enrolled": true, "recovery_codes": 9 })
        );
        assert!(second(&mut browser, &recovery[0]).is_err());
        // A step waits five minutes.
        let first = bed.sign_in(&mut browser, "zhang", GOOD).unwrap();
        later(&bed, 6);
        let body = json!({ "challenge": first["challenge"], "code": recovery[1] });
        assert_eq!(
            bed.act(&mut browser, "session.second", &[], Some(body))
                .unwrap_err()
                .code,
            codes::CONFLICT
        );
        // Wrong codes slow down like wrong passwords.
        let mut thief = Browser::named("Thief");
        let refusals: Vec<u16> = (0..7)
            .map(|_| match bed.sign_in(&mut thief, "zhang", GOOD) {
                Ok(first) => {
                    let body = json!({ "challenge": first["challenge"], "code": "123456" });
                    bed.act(&mut thief, "session.second", &[], Some(body))
                        .unwrap_err()
                        .code
                        .status
                }
                Err(problem) => problem.code.status,
            })
            .collect();
        assert_eq!(refusals, [401, 401, 401, 401, 401, 429, 429]);
        // Taken away with the password only.
        second(&mut browser, &recovery[1]).unwrap();
        let sent = |password: &str| Some(json!({ "password": password }));
        assert_eq!(
            bed.act(&mut browser, "totp.remove", &[], sent("wrong"))
                .unwrap_err()
                .code,
            codes::INVALID
        );
        bed.act(&mut browser, "totp.remove", &[], sent(GOOD)).unwrap();
        bed.sign_in(&mut browser, "zhang", GOOD).unwrap();
        // The seed is nowhere in clear.
        let rows = bed
            .test
            .db
            .read::<_, banyan_base::Problem>(|tx| Ok(tx.query("SELECT content FROM sign_in_step", &[])?))
            .unwrap();
        assert!(
            rows.iter()
                .all(|row| !row.get::<String>(0).unwrap().contains(&secret))
        );
        let (feed, verbs) = bed.feed();
        assert!(!feed.contains(&secret) && !feed.contains(&recovery[0]));
        assert!(verbs.contains(&"totp_enrolled".to_owned()) && verbs.contains(&"totp_removed".to_owned()));
    }
}

#[test]
fn roles_can_demand_a_second_factor() {
    for test in databases().unwrap() {
        let bed = Bed::over(test, |settings| {
            settings.second_factor_roles = ["admin".to_owned()].into()
        });
        let (chief, clerk) = (
            bed.account("chief", GOOD, &["admin"]),
            bed.account("clerk", GOOD, &[]),
        );
        let (mut one, mut two) = (Browser::named("One"), Browser::named("Two"));
        assert_eq!(bed.sign_in(&mut two, "clerk", GOOD).unwrap()["due"], Value::Null);
        assert_eq!(
            bed.sign_in(&mut one, "chief", GOOD).unwrap()["due"],
            "second_factor"
        );
        let refused = bed.act(&mut one, "account.list", &[], None).unwrap_err();
        assert_eq!(
            (refused.code, refused.detail.contains("第二重验证")),
            (codes::FORBIDDEN, true)
        );
        enrol(&bed, &mut one);
        bed.act(&mut one, "account.list", &[], None).unwrap();
        // Lost: another administrator takes it away, and everything ends.
        bed.door
            .call(
                &bed.world.system_ctx(),
                "account.reset_second_factor",
                banyan_door::Input::default().with_path("id", chief.as_str()),
            )
            .unwrap();
        assert!(bed.act(&mut one, "session.view", &[], None).is_err());
        assert_eq!(
            bed.sign_in(&mut one, "chief", GOOD).unwrap()["due"],
            "second_factor"
        );
        // A clerk can't do it.
        assert_eq!(
            bed.act(&mut two, "account.reset_second_factor", &[("id", &clerk)], None)
                .unwrap_err()
                .code,
            codes::FORBIDDEN
        );
    }
}

/// Registers a passkey in software; gives the authenticator and the credential's id.
fn passkey(bed: &Bed, browser: &mut Browser) -> (SoftPasskey, Value) {
    let mut device = SoftPasskey::new(true);
    let started = bed.act(browser, "passkey.start", &[], None).unwrap();
    assert_eq!(
        started["options"]["publicKey"]["authenticatorSelection"]["residentKey"],
        "required"
    );
    // A software authenticator finds its keys by their ids only: it is told them below.
    let mut options = started["options"].clone();
    options["publicKey"]["authenticatorSelection"]["requireResidentKey"] = json!(false);
    let options: CreationChallengeResponse = serde_json::from_value(options).unwrap();
    let made = device.do_registration(origin(), options).unwrap();
    let body = json!({ "registration": started["registration"], "name": "办公室电脑", "credential": made });
    bed.act(browser, "passkey.create", &[], Some(body)).unwrap();
    (device, serde_json::to_value(&made).unwrap()["rawId"].clone())
}

fn origin() -> Url {
    Url::parse("http://localhost:8080").unwrap()
}

/// Signs in with a passkey of the account `user`.
fn show(
    bed: &Bed,
    browser: &mut Browser,
    device: &mut SoftPasskey,
    key: &Value,
    user: &str,
) -> Result<Value, banyan_base::Problem> {
    let started = bed.act(browser, "session.passkey_start", &[], None)?;
    let mut options = started["options"].clone();
    assert_eq!(options["publicKey"]["userVerification"], "required");
    options["publicKey"]["allowCredentials"] = json!([{ "type": "public-key", "id": key }]);
    let options: RequestChallengeResponse = serde_json::from_value(options).unwrap();
    let shown = device.do_authentication(origin(), options).unwrap();
    let mut shown = serde_json::to_value(&shown).unwrap();
    let handle = webauthn_rs::prelude::Uuid::parse_str(user).unwrap();
    shown["response"]["userHandle"] = json!(data_encoding::BASE64URL_NOPAD.encode(handle.as_bytes()));
    let body = json!({ "challenge": started["challenge"], "credential": shown });
    let answer = bed.act(browser, "session.passkey", &[], Some(body.clone()));
    // What was shown once is worth nothing.
    assert_eq!(
        bed.act(&mut browser.clone(), "session.passkey", &[], Some(body))
            .unwrap_err()
            .code,
        codes::CONFLICT
    );
    answer
}

#[test]
fn passkeys_sign_in_and_count_as_both_factors() {
    for test in databases().unwrap() {
        let bed = Bed::over(test, |settings| {
            settings.second_factor_roles = ["admin".to_owned()].into()
        });
        let (chief, other) = (
            bed.account("chief", GOOD, &["admin"]),
            bed.account("other", GOOD, &[]),
        );
        let mut browser = Browser::named("A");
        bed.sign_in(&mut browser, "chief", GOOD).unwrap();
        let (mut device, key) = passkey(&bed, &mut browser);
        bed.act(&mut browser, "account.list", &[], None).unwrap();
        let items = bed.act(&mut browser, "passkey.list", &[], None).unwrap()["items"].clone();
        assert_eq!(
            (items[0]["name"].as_str(), &items[0]["used_at"]),
            (Some("办公室电脑"), &Value::Null)
        );
        // The password alone does not do any more.
        let mut fresh = Browser::named("B");
        assert_eq!(bed.sign_in(&mut fresh, "chief", GOOD).unwrap()["step"], "passkey");
        assert_eq!(fresh.session, None);
        let answer = show(&bed, &mut fresh, &mut device, &key, &chief).unwrap();
        assert_eq!(
            (answer["account"]["login"].as_str(), &answer["due"]),
            (Some("chief"), &Value::Null)
        );
        bed.act(&mut fresh, "account.list", &[], None).unwrap();
        // Not for somebody else; not by an authenticator that was not enrolled; not once it is removed.
        assert_eq!(
            show(&bed, &mut Browser::named("C"), &mut device, &key, &other)
                .unwrap_err()
                .code,
            codes::UNAUTHENTICATED
        );
        let mut second = Browser::named("Other");
        bed.sign_in(&mut second, "other", GOOD).unwrap();
        let (mut theirs, their_key) = passkey(&bed, &mut second);
        assert!(show(&bed, &mut Browser::named("C"), &mut theirs, &their_key, &chief).is_err());
        let id = text(&items[0], "id");
        assert_eq!(
            bed.act(&mut second, "passkey.remove", &[("id", &id)], None)
                .unwrap_err()
                .code,
            codes::NOT_FOUND
        );
        bed.act(&mut browser, "passkey.remove", &[("id", &id)], None)
            .unwrap();
        assert!(show(&bed, &mut Browser::named("C"), &mut device, &key, &chief).is_err());
        assert!(bed.feed().1.contains(&"passkey_removed".to_owned()));
    }
}

#[test]
fn secrets_open_under_their_key_and_purpose_only() {
    use std::os::unix::fs::PermissionsExt;
    let test = banyan_store::testing::sqlite().unwrap();
    let world = banyan_base::World::system();
    let file = test.folder.join("keys/one.key");
    let one = SecretBox::open(&world, &file).unwrap();
    assert_eq!(
        std::fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let sealed = one.seal("totp/1", b"secret").unwrap();
    assert_ne!(sealed, one.seal("totp/1", b"secret").unwrap());
    let again = SecretBox::open(&world, &file).unwrap();
    assert_eq!(again.unseal("totp/1", &sealed).unwrap(), b"secret");
    assert!(again.unseal("totp/2", &sealed).is_err());
    let other = SecretBox::open(&world, &test.folder.join("keys/two.key")).unwrap();
    assert!(other.unseal("totp/1", &sealed).is_err());
    let mut changed = sealed.into_bytes();
    *changed.last_mut().unwrap() ^= 1;
    assert!(
        again
            .unseal("totp/1", std::str::from_utf8(&changed).unwrap())
            .is_err()
    );
    std::fs::write(&file, "c2hvcnQ=").unwrap();
    let refused = SecretBox::open(&world, &file).err().unwrap();
    assert!(refused.internal.unwrap().contains("one.key"));
}

#[test]
fn nobody_comes_in_with_what_is_no_session() {
    let bed = beds().remove(0);
    for credential in [
        banyan_door::Credential::Session("x".into()),
        banyan_door::Credential::Bearer(String::new()),
        banyan_door::Credential::Basic,
    ] {
        assert_eq!(
            bed.accounts
                .actor(&credential, &Capacity::default())
                .unwrap_err()
                .code,
            codes::UNAUTHENTICATED
        );
    }
}
