use std::sync::Arc;
use std::time::Instant;

use banyan_base::{Problem, codes};
use banyan_door::{Authenticator, Capacity, Credential, Input};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::party_tests::{acting_for, beds, clerk, confirm, days, join, number, standing};
use crate::PartyRegister;
use crate::person::Parties;
use crate::sign::testing::{Bed, Browser, text};

/// A credit code with a good check character.
const COMPANY: &str = "91350100M000100Y43";

fn register(bed: &Bed, clerk: &mut Browser, kind: &str, name: &str, number: &str) -> String {
    let body = json!({ "kind": kind, "name": name, "number": number, "evidence": "查验证照" });
    text(
        &bed.act(clerk, "party.register", &[], Some(body)).unwrap(),
        "party",
    )
}

fn asked(way: &str, name: &str, number: &str) -> Value {
    json!({ "way": way, "name": name, "number": number, "packages": ["health-code"], "from": "2022-03-01", "until": "2022-03-31",
        "reason": "行动不便" })
}

fn links(bed: &Bed, browser: &Browser) -> Vec<Value> {
    let list = bed
        .act(&mut browser.clone(), "party_link.list", &[], None)
        .unwrap();
    list["items"].as_array().unwrap().clone()
}

fn on(bed: &Bed, browser: &Browser, operation: &str, id: &str) -> Result<Value, Problem> {
    bed.act(&mut browser.clone(), operation, &[("id", id)], None)
}

#[test]
fn an_agent_acts_while_both_agree() {
    for bed in beds() {
        let (fang, lin, chen) = (
            number("35010219800101001"),
            number("35010219800101002"),
            number("35010219800101003"),
        );
        let mut clerk = clerk(&bed);
        let (a, b, c) = (
            join(&bed, "fang", "方明", &fang),
            join(&bed, "lin", "林芳", &lin),
            join(&bed, "chen", "陈宁", &chen),
        );
        let ask =
            |browser: &Browser, body: Value| bed.act(&mut browser.clone(), "party_link.ask", &[], Some(body));
        // Who is not proved to be anybody gives nothing and gets nothing.
        assert_eq!(
            ask(&a, asked("give", "林芳", &lin)).unwrap_err().code,
            codes::FORBIDDEN
        );
        let fang_id = text(
            &confirm(&bed, &mut clerk, "fang", "方明", &fang).unwrap(),
            "party",
        );
        let lin_id = text(&confirm(&bed, &mut clerk, "lin", "林芳", &lin).unwrap(), "party");
        for (more, pointer) in [
            (json!({ "packages": [] }), "/packages"),
            (json!({ "packages": ["a b"] }), "/packages"),
            (json!({ "until": "2022-02-28" }), "/until"),
            (json!({ "until": "2023-03-02" }), "/until"),
            (json!({ "from": "soon" }), "/from"),
            (json!({ "reason": "" }), "/reason"),
            (json!({ "number": "1" }), "/number"),
            (json!({ "number": fang, "name": "方明" }), "/number"),
        ] {
            let mut body = asked("give", "林芳", &lin);
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            assert_eq!(ask(&a, body).unwrap_err().errors[0].pointer, pointer, "{more}");
        }
        for more in [
            json!({ "party": lin_id }),
            json!({ "kind": "legal" }),
            json!({ "agreed": true }),
        ] {
            let mut body = asked("ask", "林芳", &lin);
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            assert_eq!(ask(&a, body).unwrap_err().code, codes::INVALID);
        }
        let id = text(&ask(&a, asked("give", "林芳", &lin)).unwrap(), "id");
        let for_fang = acting_for(&b, &fang_id);
        assert!(standing(&bed, &for_fang).is_err(), "not before it is agreed");
        // Only the side that was asked agrees: not the asker, not a third, not by token.
        for browser in [&a, &c] {
            assert!(on(&bed, browser, "party_link.agree", &id).is_err());
        }
        let waiting = links(&bed, &b);
        assert_eq!(
            (&waiting[0]["state"], &waiting[0]["way"]),
            (&json!("waiting"), &json!("received"))
        );
        assert_eq!(
            waiting[0]["other"],
            json!({ "id": null, "name": "方明", "number": null })
        );
        on(&bed, &b, "party_link.agree", &id).unwrap();
        let acting = standing(&bed, &for_fang).unwrap();
        assert_eq!(
            (&acting["represents"], &acting["party"]),
            (&json!(fang_id), &json!(lin_id))
        );
        // Within the packages of the link, and nothing of the other's own affairs.
        let session = Credential::Session(b.session.clone().unwrap());
        let actor = bed.accounts.actor(&session, &for_fang.capacity).unwrap();
        let scopes = actor.grant.scopes.unwrap();
        assert!(scopes.contains("package:health-code") && scopes.iter().all(|one| one != "read"));
        for operation in ["token.list", "session.list", "totp.view"] {
            let refused = bed.act(&mut for_fang.clone(), operation, &[], None).unwrap_err();
            assert_eq!(refused.code, codes::FORBIDDEN, "{operation}");
        }
        // Not passed on; not revoked by a third.
        assert_eq!(
            ask(&for_fang, asked("give", "陈宁", &chen)).unwrap_err().code,
            codes::FORBIDDEN
        );
        assert!(on(&bed, &for_fang, "party_link.revoke", &id).is_err());
        confirm(&bed, &mut clerk, "chen", "陈宁", &chen).unwrap();
        assert_eq!(
            on(&bed, &c, "party_link.revoke", &id).unwrap_err().code,
            codes::NOT_FOUND
        );
        assert_eq!(
            on(&bed, &c, "party_link.agree", &id).unwrap_err().code,
            codes::NOT_FOUND
        );
        assert!(links(&bed, &c).is_empty());
        let texts: Vec<String> = [fang_id.as_str(), "no-such-party", ""]
            .map(|party| standing(&bed, &acting_for(&c, party)).unwrap_err().detail)
            .into();
        assert!(texts.iter().all(|one| *one == texts[0]));
        assert!(
            standing(&bed, &acting_for(&a, &lin_id)).is_err(),
            "not the other way round"
        );
        assert!(
            standing(&bed, &acting_for(&clerk, &fang_id)).is_err(),
            "nor a civil servant"
        );
        // A token with other packages does not act for him; one with these does.
        for (scopes, good) in [
            (json!(["package:health-code", "read"]), true),
            (json!(["read"]), true),
            (json!(["package:other"]), false),
            (json!(["operation:session.view"]), false),
        ] {
            let body = json!({ "name": "t", "scopes": scopes, "days": 1 });
            let token = bed.act(&mut b.clone(), "token.create", &[], Some(body)).unwrap();
            let actor = bed
                .accounts
                .actor(&Credential::Bearer(text(&token, "token")), &for_fang.capacity);
            assert_eq!(actor.is_ok(), good, "{scopes}");
            if let Ok(actor) = actor {
                let kept = actor.grant.scopes.clone().unwrap();
                assert!(kept.contains("read") && kept.contains("package:health-code") && kept.len() == 2);
                let body = Input::json(asked("give", "陈宁", &chen));
                let refused = bed.door.call(&bed.world.ctx(actor), "party_link.ask", body);
                assert_eq!(refused.unwrap_err().code, codes::FORBIDDEN);
            }
        }
        // Revoked in mid-session, by either side; and its last day.
        on(&bed, &a, "party_link.revoke", &id).unwrap();
        assert_eq!(standing(&bed, &for_fang).unwrap_err().code, codes::FORBIDDEN);
        let id = text(&ask(&b, asked("ask", "方明", &fang)).unwrap(), "id");
        on(&bed, &a, "party_link.agree", &id).unwrap();
        assert!(standing(&bed, &for_fang).is_ok());
        on(&bed, &b, "party_link.revoke", &id).unwrap();
        assert!(standing(&bed, &for_fang).is_err());
        assert_eq!(
            on(&bed, &a, "party_link.agree", &id).unwrap_err().code,
            codes::CONFLICT
        );
        assert!(standing(&bed, &for_fang).is_err());
        let id = text(&ask(&b, asked("ask", "方明", &fang)).unwrap(), "id");
        days(&bed, 15);
        assert_eq!(
            on(&bed, &a, "party_link.agree", &id).unwrap_err().code,
            codes::CONFLICT
        );
        let mut body = asked("give", "陈宁", &chen);
        body["until"] = json!("2022-03-20");
        let id = text(&ask(&a, body).unwrap(), "id");
        on(&bed, &c, "party_link.agree", &id).unwrap();
        let by_chen = acting_for(&c, &fang_id);
        days(&bed, 4);
        assert!(standing(&bed, &by_chen).is_ok(), "the last day");
        days(&bed, 1);
        assert!(standing(&bed, &by_chen).is_err());
        assert_eq!(links(&bed, &c)[0]["state"], "ended");
    }
}

#[test]
fn asking_tells_nothing() {
    for bed in beds() {
        let (fang, lin) = (number("35010219800101001"), number("35010219800101002"));
        let mut clerk = clerk(&bed);
        let (a, b) = (join(&bed, "fang", "方明", &fang), join(&bed, "lin", "林芳", &lin));
        confirm(&bed, &mut clerk, "fang", "方明", &fang).unwrap();
        confirm(&bed, &mut clerk, "lin", "林芳", &lin).unwrap();
        // Somebody who only claims a number is nobody that can be asked.
        let claimed = number("35010219800101004");
        let other = join(&bed, "wu", "吴安", &claimed);
        let cases = [
            ("林芳", lin.clone()),
            ("林方", lin.clone()),
            ("林芳", number("35010219800101003")),
            ("吴安", claimed.clone()),
        ];
        let mut replies = Vec::new();
        for way in ["give", "ask"] {
            for (name, number) in &cases {
                let mut reply = bed
                    .act(
                        &mut a.clone(),
                        "party_link.ask",
                        &[],
                        Some(asked(way, name, number)),
                    )
                    .unwrap();
                reply["id"] = json!("");
                replies.push(reply);
            }
        }
        assert!(replies.iter().all(|one| *one == replies[0]), "{replies:?}");
        assert!(links(&bed, &other).is_empty());
        let hits = links(&bed, &b);
        assert_eq!(hits.len(), 2, "only name and number together");
        // A refusal is not told either: the asker's list stays as it was, whoever was asked.
        let told = links(&bed, &a);
        for hit in &hits {
            on(&bed, &b, "party_link.revoke", hit["id"].as_str().unwrap()).unwrap();
        }
        assert_eq!(links(&bed, &a), told);
        for one in &told {
            assert_eq!(
                (&one["state"], &one["other"]["id"]),
                (&json!("asked"), &json!(null))
            );
            assert!(one["other"]["number"].as_str().unwrap().contains("****"), "{one}");
        }
        days(&bed, 15);
        let states: Vec<Value> = links(&bed, &a).iter().map(|one| one["state"].clone()).collect();
        assert!(states.iter().all(|state| *state == json!("lapsed")), "{states:?}");
        // Nor does it take longer: half of many each, interleaved; the shortest is what the work itself takes.
        let mut took = [Vec::new(), Vec::new()];
        for round in 0..80 {
            if round % 20 == 0 {
                days(&bed, 2);
            }
            let (name, number) = &cases[if round % 2 == 0 { 0 } else { 2 }];
            let mut body = asked("give", name, number);
            body["until"] = json!("2022-04-20");
            let started = Instant::now();
            bed.act(&mut a.clone(), "party_link.ask", &[], Some(body))
                .unwrap();
            took[round % 2].push(started.elapsed());
        }
        let least = took.map(|times| times.into_iter().min().unwrap().as_secs_f64());
        let ratio = least[0] / least[1];
        assert!((0.5..2.0).contains(&ratio), "{least:?}");
        // Twenty a day, found or not, good for nobody's list.
        days(&bed, 2);
        let mut count = 0;
        let refused = loop {
            let number = number(&format!("350102198001{:05}", 1100 + count));
            let mut body = asked("give", "某人", &number);
            body["until"] = json!("2022-04-20");
            match bed.act(&mut a.clone(), "party_link.ask", &[], Some(body)) {
                Ok(_) => count += 1,
                Err(problem) => break problem,
            }
        };
        assert_eq!((count, refused.code), (20, codes::TOO_MANY));
        let (feed, _) = bed.feed();
        assert!(!feed.contains(&lin) && !feed.contains("林芳"));
    }
}

#[test]
fn clerks_register_representatives_and_guardians() {
    for bed in beds() {
        let (fang, lin) = (number("35010219800101001"), number("35010219800101002"));
        // Of age on 2 April 2022.
        let child = number("35010220040402001");
        let mut clerk = clerk(&bed);
        let (a, b) = (join(&bed, "fang", "方明", &fang), join(&bed, "lin", "林芳", &lin));
        let fang_id = text(
            &confirm(&bed, &mut clerk, "fang", "方明", &fang).unwrap(),
            "party",
        );
        let lin_id = text(&confirm(&bed, &mut clerk, "lin", "林芳", &lin).unwrap(), "party");
        let company = register(&bed, &mut clerk, "organisation", "福州某公司", COMPANY);
        assert_eq!(
            register(&bed, &mut clerk, "organisation", "福州某公司", COMPANY),
            company
        );
        let minor = register(&bed, &mut clerk, "person", "方小", &child);
        let mut grant = |kind: &str, party: &str, person: &str, more: Value| {
            let mut body = json!({ "kind": kind, "party": party, "person": person, "from": "2022-03-01", "evidence": "查验营业执照、户口簿" });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            bed.act(&mut clerk, "party_link.grant", &[], Some(body))
        };
        for (kind, party, person, more, pointer) in [
            ("agent", &company, &fang_id, json!({}), "/kind"),
            ("legal", &minor, &fang_id, json!({}), "/party"),
            ("legal", &company, &company, json!({}), "/person"),
            ("guardian", &company, &fang_id, json!({}), "/party"),
            ("guardian", &lin_id, &fang_id, json!({}), "/party"),
            (
                "legal",
                &company,
                &fang_id,
                json!({ "evidence": "" }),
                "/evidence",
            ),
            (
                "legal",
                &company,
                &fang_id,
                json!({ "until": "2022-02-01" }),
                "/until",
            ),
        ] {
            let refused = grant(kind, party, person, more).unwrap_err();
            assert_eq!(refused.errors[0].pointer, pointer, "{kind} {refused:?}");
        }
        let legal = text(&grant("legal", &company, &fang_id, json!({})).unwrap(), "id");
        let guard = grant("guardian", &minor, &fang_id, json!({ "until": "2030-01-01" })).unwrap();
        assert_eq!(guard["until"], "2022-04-01", "it ends by itself at eighteen");
        let (for_company, for_child) = (acting_for(&a, &company), acting_for(&a, &minor));
        assert_eq!(
            standing(&bed, &for_company).unwrap()["represents"],
            json!(company)
        );
        assert_eq!(standing(&bed, &for_child).unwrap()["represents"], json!(minor));
        // What consent asks the register: only guardians agree for others, and for minors alone.
        let register = PartyRegister(Arc::clone(&bed.accounts));
        let day: Date = "2022-03-01".parse().unwrap();
        for (person, party, on, wanted) in [
            (&fang_id, &minor, day, true),
            (&lin_id, &minor, day, false),
            (&fang_id, &company, day, false),
            (&fang_id, &minor, "2022-04-02".parse().unwrap(), false),
        ] {
            let guards = bed.test.db.read(|tx| register.is_guardian(tx, person, party, on));
            assert_eq!(guards.unwrap(), wanted, "{on}");
        }
        for (party, wanted) in [(&minor, Some("2004-04-02")), (&company, None)] {
            let born = bed.test.db.read(|tx| register.born(tx, party)).unwrap();
            assert_eq!(born, wanted.map(|day| day.parse().unwrap()));
        }
        // The legal representative lets an agent act for the company; a guardian passes nothing on.
        let give = |browser: &Browser| {
            let body = asked("give", "林芳", &lin);
            bed.act(&mut browser.clone(), "party_link.ask", &[], Some(body))
        };
        assert_eq!(give(&for_child).unwrap_err().code, codes::FORBIDDEN);
        let agent = text(&give(&for_company).unwrap(), "id");
        assert_eq!(links(&bed, &b)[0]["other"]["name"], "福州某公司");
        on(&bed, &b, "party_link.agree", &agent).unwrap();
        let agent_of = acting_for(&b, &company);
        assert!(standing(&bed, &agent_of).is_ok());
        assert_eq!(links(&bed, &for_company).len(), 2);
        assert_eq!(links(&bed, &agent_of), links(&bed, &b), "not the company's");
        assert_eq!(links(&bed, &for_child), links(&bed, &a));
        // An agent neither passes on nor ends another's link, nor does the company's representative end his own guardianship for it.
        assert!(give(&agent_of).is_err());
        assert!(on(&bed, &agent_of, "party_link.revoke", &legal).is_err());
        on(&bed, &for_company, "party_link.revoke", &agent).unwrap();
        assert!(standing(&bed, &agent_of).is_err());
        days(&bed, 31);
        assert!(standing(&bed, &for_child).is_ok(), "the day before he is of age");
        days(&bed, 1);
        assert!(standing(&bed, &for_child).is_err());
        // A clerk ends what he made; who lost it can't act in mid-session.
        on(&bed, &clerk, "party_link.revoke", &legal).unwrap();
        assert!(standing(&bed, &for_company).is_err());
        let list = |browser: &Browser, party: &str| {
            let actor = bed.accounts.actor(
                &Credential::Session(browser.session.clone().unwrap()),
                &Capacity::default(),
            );
            let input = Input {
                query: vec![("party".into(), party.into())],
                ..Input::default()
            };
            bed.door
                .call(&bed.world.ctx(actor.unwrap()), "party_link.list", input)
        };
        assert_eq!(list(&b, &fang_id).unwrap_err().code, codes::FORBIDDEN);
        let all = list(&clerk, &fang_id).unwrap();
        assert_eq!(all.as_json().unwrap()["items"].as_array().unwrap().len(), 2);
    }
}
