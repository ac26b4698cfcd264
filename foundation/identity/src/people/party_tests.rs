use std::net::IpAddr;

use banyan_base::{ActorKind, Problem, codes};
use banyan_door::{Authenticator, Capacity, Credential, Input};
use banyan_store::testing::databases;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::sign::testing::{Bed, Browser, text};

const GOOD: &str = "correct horse";
/// A person's number with a good check character.
pub(super) fn number(body: &str) -> String {
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let digits = body.bytes().map(|byte| usize::from(byte - b'0'));
    let sum: usize = digits.zip(weights).map(|(digit, weight)| digit * weight).sum();
    format!("{body}{}", char::from(b"10X98765432"[sum % 11]))
}

pub(super) fn beds() -> Vec<Bed> {
    let over = |test| {
        Bed::over(test, |settings| {
            settings.citizens = true;
            settings.clerk_roles = ["base.clerk".to_owned()].into();
            settings.idle = SignedDuration::from_hours(24 * 9999);
            settings.whole = settings.idle;
        })
    };
    databases().unwrap().into_iter().map(over).collect()
}

pub(super) fn days(bed: &Bed, count: i64) {
    bed.world.clock().advance(SignedDuration::from_hours(24 * count));
}

/// Signs up from an address of one's own.
pub(super) fn join(bed: &Bed, login: &'static str, name: &str, number: &str) -> Browser {
    let mut browser = Browser::named(login);
    let address = login
        .bytes()
        .fold(0u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    browser.address = Some(IpAddr::from(address.to_be_bytes()));
    let body = json!({ "login": login, "password": GOOD, "name": name, "number": number });
    bed.act(&mut browser, "citizen.sign_up", &[], Some(body)).unwrap();
    browser
}

pub(super) fn clerk(bed: &Bed) -> Browser {
    let body = json!({ "login": "clerk", "name": "窗口", "roles": ["base.clerk"], "password": GOOD, "must_change": false });
    bed.door
        .call(&bed.world.system_ctx(), "account.create", Input::json(body))
        .unwrap();
    let mut clerk = Browser::named("clerk");
    bed.sign_in(&mut clerk, "clerk", GOOD).unwrap();
    clerk
}

pub(super) fn confirm(
    bed: &Bed,
    clerk: &mut Browser,
    login: &str,
    name: &str,
    number: &str,
) -> Result<Value, Problem> {
    let body = json!({ "login": login, "name": name, "number": number, "evidence": "查验身份证原件" });
    bed.act(clerk, "party.confirm", &[], Some(body))
}

pub(super) fn standing(bed: &Bed, browser: &Browser) -> Result<Value, Problem> {
    let view = bed.act(&mut browser.clone(), "session.view", &[], None)?;
    Ok(view["acting"]["standing"].clone())
}

pub(super) fn acting_for(browser: &Browser, party: &str) -> Browser {
    let capacity = Capacity {
        post: None,
        party: Some(party.to_owned()),
        ..Capacity::default()
    };
    Browser {
        capacity,
        ..browser.clone()
    }
}

#[test]
fn whoever_signs_up_is_nobody_in_particular() {
    for bed in beds() {
        let (fang, lin) = (number("35010219800101001"), number("35010219800101002"));
        let mut browser = join(&bed, "fang", "方明", &fang);
        let session = Credential::Session(browser.session.clone().unwrap());
        let actor = bed.accounts.actor(&session, &Capacity::default()).unwrap();
        assert_eq!((actor.kind, actor.standing.level), (ActorKind::Citizen, 1));
        assert!(actor.roles.is_empty() && actor.unit.is_none() && actor.standing.party.is_some());
        let mine = bed.act(&mut browser, "party.mine", &[], None).unwrap();
        assert_eq!((&mine["name"], &mine["level"]), (&json!("方明"), &json!(1)));
        let shown = mine["number"].as_str().unwrap();
        assert!(
            shown.starts_with("3****************") && shown.len() == 18,
            "{shown}"
        );
        // The number lets nobody in; nor is it a login, nor in a password.
        let refused = bed.sign_in(&mut Browser::default(), &fang, GOOD).unwrap_err();
        assert_eq!(refused.code, codes::UNAUTHENTICATED);
        let join = |more: Value| {
            let mut body = json!({ "login": "lin", "password": GOOD, "name": "林芳", "number": lin });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            bed.act(&mut Browser::default(), "citizen.sign_up", &[], Some(body))
        };
        for (more, pointer) in [
            (json!({ "login": lin }), "/login"),
            (json!({ "login": fang }), "/login"),
            (json!({ "login": "fang" }), "/login"),
            (json!({ "login": "l n" }), "/login"),
            (json!({ "password": format!("x{lin}y") }), "/password"),
            (json!({ "password": "password123" }), "/password"),
            (json!({ "name": " " }), "/name"),
            (json!({ "number": "350102198001010020" }), "/number"),
            (json!({ "number": "3501021980010100" }), "/number"),
            (json!({ "number": number("35010220300101002") }), "/number"),
        ] {
            let problem = join(more.clone()).unwrap_err();
            assert_eq!(problem.errors[0].pointer, pointer, "{more} {problem:?}");
            assert!(!format!("{problem:?}").contains("350102"), "{problem:?}");
        }
        // What he is is not his to say, and what he sends does not come back in a refusal.
        for more in [
            json!({ "kind": "person" }),
            json!({ "level": 3 }),
            json!({ "party": actor.standing.party }),
            json!({ "roles": ["admin"] }),
            json!({ "unit": "FJ001" }),
            json!({ "must_change": false }),
            json!({ "number": 350_102_198_001_010_020_i64 }),
        ] {
            let problem = join(more.clone()).unwrap_err();
            assert_eq!(problem.code, codes::INVALID, "{more}");
            assert!(!format!("{problem:?}").contains("350102"), "{problem:?}");
        }
        join(json!({})).unwrap();
        // He confirms nobody, and nobody gives him roles.
        for (operation, body) in [
            (
                "party.confirm",
                json!({ "login": "fang", "name": "方明", "number": fang, "evidence": "x" }),
            ),
            (
                "party.register",
                json!({ "kind": "person", "name": "方明", "number": fang, "evidence": "x" }),
            ),
            (
                "party_link.grant",
                json!({ "kind": "legal", "party": "a", "person": "b", "from": "2022-03-01", "evidence": "x" }),
            ),
            ("account.list", json!({})),
        ] {
            let refused = bed
                .act(&mut browser.clone(), operation, &[], Some(body))
                .unwrap_err();
            assert_eq!(refused.code, codes::FORBIDDEN, "{operation}");
        }
        let update = |change: Value| {
            let input = Input {
                if_match: Some("\"1\"".into()),
                ..Input::json(change).with_path("id", actor.id.as_str())
            };
            bed.door.call(&bed.world.system_ctx(), "account.update", input)
        };
        for change in [
            json!({ "roles": ["base.clerk"] }),
            json!({ "unit": "FJ001" }),
            json!({ "name": "别人" }),
        ] {
            assert_eq!(update(change).unwrap_err().errors[0].pointer, "/roles");
        }
        let post = json!({ "account": actor.id, "unit": "FJ001", "title": "处长", "from": "2022-01-01" });
        let refused = bed
            .door
            .call(&bed.world.system_ctx(), "post.create", Input::json(post));
        assert_eq!(refused.unwrap_err().errors[0].pointer, "/account");
        // Not everybody from one place, and not where it is closed.
        let mut crowd = Browser::named("crowd");
        crowd.address = Some("10.0.0.1".parse().unwrap());
        let mut last = Ok(json!({}));
        for one in 0..11 {
            let body =
                json!({ "login": format!("c{one}x"), "password": GOOD, "name": "林芳", "number": lin });
            last = bed.act(&mut crowd.clone(), "citizen.sign_up", &[], Some(body));
            assert_eq!(last.is_ok(), one < 10, "{one}");
        }
        assert_eq!(last.unwrap_err().code, codes::TOO_MANY);
    }
    for test in databases().unwrap() {
        let bed = Bed::over(test, |_| {});
        let body = json!({ "login": "fang", "password": GOOD, "name": "方明", "number": number("35010219800101001") });
        let refused = bed.act(&mut Browser::default(), "citizen.sign_up", &[], Some(body));
        assert_eq!(refused.unwrap_err().code, codes::FORBIDDEN);
    }
}

#[test]
fn a_number_is_proved_for_one() {
    for bed in beds() {
        let (fang, lin) = (number("35010219800101001"), number("35010219800101002"));
        let mut clerk = clerk(&bed);
        // A thief claims the number first; it gives him nothing, then or later.
        let thief = join(&bed, "thief", "方明", &fang);
        let owner = join(&bed, "fang", "方明", &fang);
        let before = standing(&bed, &owner).unwrap();
        let proved = confirm(&bed, &mut clerk, "fang", "方明", &fang).unwrap();
        assert_eq!(
            proved["party"], before["party"],
            "what he claimed becomes what is proved"
        );
        assert_eq!(standing(&bed, &owner).unwrap()["level"], json!(3), "at once");
        let left = standing(&bed, &thief).unwrap();
        assert!(
            left["level"] == json!(1) && left["party"] != proved["party"],
            "{left}"
        );
        assert_eq!(
            standing(&bed, &acting_for(&thief, proved["party"].as_str().unwrap()))
                .unwrap_err()
                .code,
            codes::FORBIDDEN
        );
        // Another account of his is him too; an account is never somebody else afterwards.
        let second = join(&bed, "fang2", "方名", &fang);
        let again = confirm(&bed, &mut clerk, "fang2", "方明", &fang).unwrap();
        assert_eq!(again["party"], proved["party"]);
        assert_eq!(standing(&bed, &second).unwrap()["party"], proved["party"]);
        for other in [&lin, &number("35010219800101003")] {
            let refused = confirm(&bed, &mut clerk, "fang", "方明", other).unwrap_err();
            assert_eq!(refused.code, codes::CONFLICT);
        }
        // A name changes only by what is seen in person.
        let renamed = confirm(&bed, &mut clerk, "fang", "方大明", &fang).unwrap();
        assert_eq!(renamed["party"], proved["party"]);
        let mine = bed.act(&mut second.clone(), "party.mine", &[], None).unwrap();
        assert_eq!(mine["name"], "方大明");
        for (login, name, given, pointer) in [
            ("nobody", "方明", fang.as_str(), "/login"),
            ("clerk", "方明", fang.as_str(), "/login"),
            ("fang", "", fang.as_str(), "/name"),
            ("fang", "方明", "1", "/number"),
        ] {
            let refused = confirm(&bed, &mut clerk, login, name, given).unwrap_err();
            assert_eq!(refused.errors[0].pointer, pointer);
        }
        let without = json!({ "login": "fang", "name": "方明", "number": fang, "evidence": " " });
        let refused = bed
            .act(&mut clerk, "party.confirm", &[], Some(without))
            .unwrap_err();
        assert_eq!(refused.errors[0].pointer, "/evidence");
        // A clerk's token does not confirm.
        let body = json!({ "name": "t", "scopes": ["operation:party.confirm"], "days": 1 });
        let token = bed.act(&mut clerk, "token.create", &[], Some(body)).unwrap();
        let bearer = Credential::Bearer(text(&token, "token"));
        let actor = bed.accounts.actor(&bearer, &Capacity::default()).unwrap();
        let body = json!({ "login": "thief", "name": "方明", "number": fang, "evidence": "x" });
        let refused = bed
            .door
            .call(&bed.world.ctx(actor), "party.confirm", Input::json(body));
        assert_eq!(refused.unwrap_err().code, codes::FORBIDDEN);
        // Numbers and names lie nowhere in clear.
        let (feed, verbs) = bed.feed();
        assert_eq!(verbs.iter().filter(|verb| *verb == "identity_proved").count(), 5);
        let mut kept = feed;
        for sql in [
            "SELECT name, coalesce(number, '') FROM party",
            "SELECT number_index, pair_index FROM party_number",
            "SELECT name, login FROM account",
            "SELECT evidence, way FROM party_proof",
        ] {
            for row in bed.test.db.query(sql, &[]).unwrap() {
                kept.push_str(&format!(
                    "{} {}\n",
                    row.get::<String>(0).unwrap(),
                    row.get::<String>(1).unwrap()
                ));
            }
        }
        for secret in [fang.as_str(), lin.as_str(), "方明", "方大明", "查验身份证"] {
            assert!(!kept.contains(secret), "{secret}");
        }
    }
}
