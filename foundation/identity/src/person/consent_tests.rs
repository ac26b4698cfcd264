//! Who may agree for whom: minors, their guardians, and nobody else, on every database.

use std::collections::BTreeSet;
use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, ManualClock, Problem, Title, World};
use banyan_store::Tx;
use banyan_store::testing::{TestDb, databases};
use jiff::civil::Date;
use serde_json::{Value as Json, json};

use super::consent::{give, list, withdraw};
use super::{ConsentAsked, Declared, Named, Owner, Parties, PersonLog, PurposeTold, TypeTold};
use crate::audit::{AuditSettings, AuditTrail, Suite};

const PURPOSE: &str = "school.meals";

struct School;

impl Declared for School {
    fn of_type(&self, _: &mut Tx<'_>, _: &str) -> Result<Option<TypeTold>, Problem> {
        Ok(None)
    }
    fn purpose(&self, _: &mut Tx<'_>, _: &str) -> Result<Option<PurposeTold>, Problem> {
        Ok(None)
    }
    fn consents(&self, _: &mut Tx<'_>) -> Result<Vec<ConsentAsked>, Problem> {
        Ok(vec![ConsentAsked {
            name: PURPOSE.into(),
            version: 1,
            text: Title::zh("学校为配餐使用过敏信息。"),
            sunset: Some("2022-12-31".into()),
            ..ConsentAsked::default()
        }])
    }
    fn units(&self, _: &mut Tx<'_>, _: &BTreeSet<String>) -> Result<Named, Problem> {
        Ok(Named::new())
    }
    fn owner(&self, _: &mut Tx<'_>, _: &str) -> Result<Option<Owner>, Problem> {
        Ok(None)
    }
    fn working_day(&self, _: &mut Tx<'_>, from: Date, _: u32) -> Result<Date, Problem> {
        Ok(from)
    }
}

/// A child, of 13 until 2 September 2022, its mother, and her friend.
struct Family;

impl Parties for Family {
    fn born(&self, _: &mut Tx<'_>, party: &str) -> Result<Option<Date>, Problem> {
        Ok((party == "child").then(|| "2008-09-02".parse().unwrap()))
    }
    fn is_guardian(&self, _: &mut Tx<'_>, person: &str, party: &str, _: Date) -> Result<bool, Problem> {
        Ok((person, party) == ("mother", "child"))
    }
}

fn log(test: &TestDb) -> Arc<PersonLog> {
    test.db
        .migrate(&[&banyan_store::MIGRATIONS, &super::MIGRATIONS])
        .unwrap();
    let folder = test.folder.join("audit");
    let settings = AuditSettings {
        salts: AuditSettings::salts_beside(&folder, &test.url),
        folder,
        origin: "test.log".into(),
        suite: Suite::International,
        names_shown: false,
        witnesses: Vec::new(),
        witness: None,
    };
    Arc::new(PersonLog {
        trail: Arc::new(AuditTrail::open(&settings, &World::system()).unwrap()),
        declared: Box::new(School),
        parties: Box::new(Family),
        names_shown: false,
    })
}

fn cx(world: &World, day: &str, own: &str, of: &str) -> Ctx {
    let start = format!("{day}T02:00:00Z").parse().unwrap();
    assert!(world.clock().set(start));
    let mut actor = Actor {
        id: format!("account-of-{own}"),
        kind: ActorKind::Citizen,
        ..Actor::system()
    };
    actor.standing.party = Some(own.into());
    actor.standing.represents = (own != of).then(|| of.into());
    world.ctx(actor)
}

fn state(result: Result<Json, Problem>) -> String {
    match result {
        Ok(item) => item["state"].as_str().unwrap().to_owned(),
        Err(problem) => problem.code.status.to_string(),
    }
}

#[test]
fn guardians_agree_for_those_under_fourteen() {
    for test in databases().unwrap() {
        let log = log(&test);
        let start = "2022-09-01T00:00:00Z".parse().unwrap();
        let world = World::new(Arc::new(ManualClock::new(start)), 3);
        // Each in turn: the day, who acts for whom, what he does, and what comes of it.
        for (day, own, of, verb, wanted) in [
            ("2022-09-01", "child", "child", "give", "403"),
            ("2022-09-01", "friend", "child", "give", "403"),
            ("2022-09-01", "mother", "child", "give", "given"),
            ("2022-09-01", "friend", "child", "withdraw", "403"),
            // What a child does not want, it can stop.
            ("2022-09-01", "child", "child", "withdraw", "withdrawn"),
            ("2022-09-01", "child", "child", "give", "403"),
            ("2022-09-02", "child", "child", "give", "given"),
            ("2022-09-02", "mother", "child", "withdraw", "withdrawn"),
            ("2022-09-02", "mother", "mother", "give", "given"),
            ("2022-12-31", "friend", "friend", "give", "given"),
            ("2023-01-01", "child", "child", "give", "409"),
            ("2023-01-01", "mother", "mother", "withdraw", "over"),
        ] {
            let cx = cx(&world, day, own, of);
            let sent = serde_json::from_value(json!({ "version": 1 })).unwrap();
            let log = Arc::clone(&log);
            let result = test.db.write(move |tx| match verb {
                "give" => give(&log, &cx, tx, (of, PURPOSE), &sent),
                _ => withdraw(&log, &cx, tx, of, PURPOSE),
            });
            let said = format!("{} {day} {own} for {of}: {verb}", test.name);
            assert_eq!(state(result), wanted, "{said}");
        }
        let items = test
            .db
            .read(|tx| list(&log, &cx(&world, "2022-09-03", "child", "child"), tx, "child"))
            .unwrap();
        let history = items[0]["history"].as_array().unwrap();
        let via: Vec<&str> = history.iter().map(|one| one["via"].as_str().unwrap()).collect();
        assert_eq!(via, ["self", "guardian"], "{}", test.name);
        // What has ended asks nobody any more.
        let nobody = cx(&world, "2023-01-01", "other", "other");
        assert!(
            test.db
                .read(|tx| list(&log, &nobody, tx, "other"))
                .unwrap()
                .is_empty()
        );
    }
}
