//! Figures of groups, where one person's value could stand for all of them; and filters that are kept.

use banyan_base::{Actor, ActorKind, Ctx};
use banyan_door::Input;
use serde_json::{Value as Json, json};

use super::package;
use super::persons::{Dice, Field, Person, person};
use crate::support::{Bed, beds, document, on};

fn filled() -> Vec<Bed> {
    let beds = beds();
    for bed in &beds {
        bed.apply(package::base(), false).unwrap();
        if let Err(problem) = bed.apply(package::package(), false) {
            panic!("{}", problem.to_json(""));
        }
    }
    beds
}

fn cx(bed: &Bed, role: &str, purpose: &str) -> Ctx {
    let actor = Actor {
        id: format!("account-of-{role}"),
        name: role.into(),
        kind: ActorKind::Person,
        unit: Some("U1".into()),
        roles: [format!("canary.{role}")].into(),
        ..Actor::anonymous()
    };
    Ctx {
        purpose: Some(purpose.into()),
        ..bed.platform.world.ctx(actor)
    }
}

/// What the ranking says of U1.
fn ranked(bed: &Bed) -> Json {
    let mut input = on("canary.person", Input::default());
    input.query = vec![("view".into(), "ranking".into())];
    let cx = cx(bed, "leader", "canary.figures");
    let answer = document(bed.call(&cx, "record.aggregate", input).unwrap());
    let groups = answer["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{answer}");
    groups[0]["values"].clone()
}

/// A group is as large as those in it who have a value: the sum over five of whom one has an income would be that one's.
#[test]
fn a_sum_is_of_those_who_have_a_value() {
    for bed in filled() {
        let mut dice = Dice(5);
        let rich = 654_321_987_654_321_i64;
        for index in 0..6 {
            let made = Person {
                unit: "U1",
                ..person(&mut dice, index)
            };
            let mut fields = made.fields();
            fields["income"] = if index == 3 { rich.into() } else { Json::Null };
            bed.create("canary.person", &fields).unwrap();
        }
        let few = ranked(&bed);
        assert_eq!(few["all"], 6.0, "{}: {few}", bed.name());
        assert_eq!((&few["total"], &few["mean"]), (&Json::Null, &Json::Null), "{few}");
        assert_eq!(few["income"], Json::Null, "{few}");
        for index in 6..10 {
            let mut fields = Person {
                unit: "U1",
                ..person(&mut dice, index)
            }
            .fields();
            fields["income"] = 100.into();
            bed.create("canary.person", &fields).unwrap();
        }
        // Five have one now.
        let many = ranked(&bed);
        assert_eq!(
            (&many["all"], many["total"].is_null()),
            (&json!(10.0), false),
            "{many}"
        );
    }
}

/// A filter asks for a person's value: it lies sealed, and whoever repeats the request is not told it from a kept reply.
#[test]
fn filters_over_persons_are_kept_sealed() {
    for bed in filled() {
        let one = person(&mut Dice(9), 1);
        let phone = &one.token[&Field::Phone];
        let query = format!("{{\"filter\":\"phone = '{phone}'\"}}");
        let clerk = cx(&bed, "clerk", "canary.care");
        let keep = |of: &str, key: &str| {
            let body = json!({ "name": "常用", "type": of, "query": query, "shared": false });
            let mut input = Input::json(body);
            input.idempotency_key = Some(key.into());
            document(bed.call(&clerk, "saved_filter.create", input).unwrap())
        };
        let made = keep("canary.person", "k1");
        assert_eq!(made["query"], query.as_str());
        assert_eq!(keep("canary.person", "k1")["query"], Json::Null, "again");
        let list = || {
            let input = Input {
                query: vec![("type".into(), "canary.person".into())],
                ..Input::default()
            };
            document(bed.call(&clerk, "saved_filter.list", input).unwrap())
        };
        let listed = list();
        assert_eq!(listed["items"][0]["query"], query.as_str(), "{listed}");
        for sql in [
            "SELECT query FROM saved_filter",
            "SELECT reply FROM idempotency",
            "SELECT request_hash FROM idempotency",
        ] {
            let rows = bed.platform.db.query(sql, &[]).unwrap();
            assert_eq!(rows.len(), 1, "{sql}");
            let kept: String = rows[0].get(0).unwrap();
            assert!(!kept.contains(phone.as_str()), "{}: {sql}: {kept}", bed.name());
        }
        // Where the key is gone, so is the filter.
        let destroy = Input::json(json!({ "reason": "erasure", "by": "chief" }));
        let destroy = destroy
            .with_path("domain", "platform.filters")
            .with_path("id", clerk.actor.id.as_str());
        bed.ask("key.destroy", destroy).unwrap();
        assert_eq!(list()["items"], json!([]));
        // Of what is nobody's data it lies as it was sent.
        keep("canary.notice", "k2");
        let sql = "SELECT query FROM saved_filter WHERE type = 'canary.notice'";
        let kept: String = bed.platform.db.query(sql, &[]).unwrap()[0].get(0).unwrap();
        assert_eq!(kept, query);
    }
}
