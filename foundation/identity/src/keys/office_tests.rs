//! Erasure, holds and retention through the door.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use banyan_base::{Actor, ActorKind, Ctx, Problem, World, codes};
use banyan_door::{Decision, Door, Input, LogAudit, Metrics, Operation, Policy, Target};
use banyan_store::{Db, feed};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::tests::{DOMAIN, Stand, stands};
use super::*;

/// Permits everything: the rows guard themselves.
struct Everybody;

impl Policy for Everybody {
    fn decide(&self, _: &Ctx, _: &Target, _: &Operation) -> Result<Decision, Problem> {
        Ok(Decision::Permit(Arc::default()))
    }
}

/// An engine with data that ended; it hears what went.
#[derive(Default)]
struct Engine {
    ended: Mutex<BTreeSet<Ended>>,
    sunset: Mutex<Vec<String>>,
    forgotten: Mutex<Vec<String>>,
}

impl Expiring for Engine {
    fn ended(&self, _: &Ctx, _: &Db, after: Option<&Ended>, count: u32) -> Result<Vec<Ended>, Problem> {
        let ended = self.ended.lock().unwrap();
        let rest = ended.iter().filter(|one| after.is_none_or(|after| *one > after));
        Ok(rest.take(count as usize).cloned().collect())
    }

    fn past_sunset(&self, _: &Ctx, _: &Db) -> Result<Vec<String>, Problem> {
        Ok(self.sunset.lock().unwrap().clone())
    }

    fn forget(&self, _: &Ctx, _: &Db, gone: &Ended) -> Result<(), Problem> {
        self.forgotten
            .lock()
            .unwrap()
            .push(format!("{} {}", gone.domain, gone.subject));
        Ok(())
    }
}

struct Office {
    stand: Stand,
    keys: Arc<Keys>,
    erasures: Arc<Erasures>,
    engine: Arc<Engine>,
    door: Door,
}

fn offices() -> Vec<Office> {
    let office = |mut stand: Stand| {
        let clock = banyan_base::ManualClock::new("2022-03-01T08:00:00Z".parse().unwrap());
        stand.world = World::new(Arc::new(clock), 7);
        stand
            .test
            .db
            .migrate(&[
                &banyan_store::MIGRATIONS,
                &banyan_door::MIGRATIONS,
                &ERASURE_MIGRATIONS,
            ])
            .unwrap();
        let keys = Arc::new(stand.keys());
        let erasures = Arc::new(Erasures::new(&keys, ["admin".to_owned()].into()));
        let engine = Arc::new(Engine::default());
        erasures.join(Arc::<Engine>::clone(&engine));
        let door = Door::new(
            stand.test.db.clone(),
            stand.world.clone(),
            Arc::new(Everybody),
            Arc::new(LogAudit),
            Metrics::new().unwrap(),
            operations(&erasures),
        )
        .unwrap();
        Office {
            stand,
            keys,
            erasures,
            engine,
            door,
        }
    };
    stands().into_iter().map(office).collect()
}

fn person(id: &str, roles: &[&str], party: Option<&str>) -> Actor {
    Actor {
        id: id.into(),
        name: id.into(),
        kind: ActorKind::Person,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        standing: banyan_base::Standing {
            party: party.map(str::to_owned),
            ..Default::default()
        },
        ..Actor::anonymous()
    }
}

impl Office {
    fn act(&self, actor: &Actor, operation: &str, id: &str, body: Value) -> Result<Value, Problem> {
        let input = Input::json(body).with_path("id", id);
        let reply = self
            .door
            .call(&self.stand.world.ctx(actor.clone()), operation, input)?;
        Ok(reply.as_json().cloned().unwrap_or_default())
    }

    fn refused(&self, actor: &Actor, operation: &str, id: &str, body: Value, code: codes::Code, what: &str) {
        let problem = self.act(actor, operation, id, body).unwrap_err();
        assert_eq!(
            (problem.code, problem.detail.contains(what)),
            (code, true),
            "{operation}: {problem}"
        );
    }

    fn seal(&self, domain: &str, subject: &str) -> String {
        self.keys
            .seal(
                &At {
                    domain,
                    subject,
                    place: "p.a",
                },
                "x",
            )
            .unwrap()
    }

    fn opens(&self, domain: &str, subject: &str, sealed: &str) -> bool {
        self.keys
            .unseal(
                &At {
                    domain,
                    subject,
                    place: "p.a",
                },
                sealed,
            )
            .unwrap()
            .is_some()
    }

    fn feed(&self) -> Vec<String> {
        let db = &self.stand.test.db;
        banyan_store::testing::events_show(db).unwrap();
        let events = db
            .read(|tx| feed::read(tx, feed::Position::START, "", 1000))
            .unwrap();
        let text = serde_json::to_string(&events).unwrap();
        assert!(!text.contains("party-"), "{text}");
        events
            .iter()
            .map(|event| event.kind.trim_start_matches("banyan.platform.").to_owned())
            .collect()
    }
}

#[test]
fn a_person_asks_and_another_approves() {
    for office in offices() {
        let (own, clerk, chief) = (
            person("citizen", &[], Some("party-1")),
            person("clerk", &["admin"], Some("party-8")),
            person("chief", &["admin"], Some("party-9")),
        );
        let sealed = [
            ("base.service", office.seal("base.service", "party-1")),
            ("base.other", office.seal("base.other", "party-1")),
        ];
        let kept = office.seal("base.service", "party-2");
        office.refused(
            &own,
            "erasure.request",
            "",
            json!({ "subject": "party-2", "reason": "r" }),
            codes::FORBIDDEN,
            "负责人",
        );
        office.refused(
            &own,
            "erasure.request",
            "",
            json!({ "reason": " " }),
            codes::INVALID,
            "理由",
        );
        office.refused(
            &person("x", &[], None),
            "erasure.request",
            "",
            json!({ "reason": "r" }),
            codes::INVALID,
            "谁的数据",
        );
        let asked = office
            .act(&own, "erasure.request", "", json!({ "reason": "不再使用" }))
            .unwrap();
        let id = asked["id"].as_str().unwrap();
        office.refused(&own, "erasure.approve", id, json!({}), codes::FORBIDDEN, "负责人");
        office.refused(
            &Actor::system(),
            "erasure.approve",
            id,
            json!({}),
            codes::FORBIDDEN,
            "负责人",
        );
        let same_person = person("second account", &["admin"], Some("party-1"));
        office.refused(
            &same_person,
            "erasure.approve",
            id,
            json!({}),
            codes::FORBIDDEN,
            "另一人",
        );
        assert!(
            sealed
                .iter()
                .all(|(domain, text)| office.opens(domain, "party-1", text))
        );
        let done = office
            .act(&chief, "erasure.approve", id, json!({ "note": "同意" }))
            .unwrap();
        assert_eq!(
            (&done["state"], &done["destroyed"], &done["subject"]),
            (&json!("done"), &json!(2), &Value::Null)
        );
        assert!(
            sealed
                .iter()
                .all(|(domain, text)| !office.opens(domain, "party-1", text))
        );
        assert!(office.opens("base.service", "party-2", &kept));
        assert_eq!(
            *office.engine.forgotten.lock().unwrap(),
            ["base.other party-1", "base.service party-1"]
        );
        office.refused(
            &chief,
            "erasure.approve",
            id,
            json!({}),
            codes::CONFLICT,
            "处理过",
        );
        // A clerk asks for somebody, for one domain; the clerk himself can't approve.
        let body = json!({ "subject": "party-2", "domains": ["base.service"], "reason": "窗口代办" });
        let asked = office.act(&clerk, "erasure.request", "", body).unwrap();
        let id = asked["id"].as_str().unwrap();
        office.refused(
            &clerk,
            "erasure.approve",
            id,
            json!({}),
            codes::FORBIDDEN,
            "另一人",
        );
        office.refused(
            &chief,
            "erasure.approve",
            id,
            json!({ "domains": ["base.more"] }),
            codes::INVALID,
            "base.more",
        );
        let refused = office
            .act(
                &chief,
                "erasure.refuse",
                id,
                json!({ "reason": "法定保存期未满" }),
            )
            .unwrap();
        assert_eq!(refused["state"], "refused");
        office.refused(
            &chief,
            "erasure.approve",
            id,
            json!({}),
            codes::CONFLICT,
            "处理过",
        );
        assert!(office.opens("base.service", "party-2", &kept));
        // Who sees what.
        let seen = |actor: &Actor| {
            office.act(actor, "erasure.list", "", json!({})).unwrap()["items"]
                .as_array()
                .unwrap()
                .len()
        };
        assert_eq!(
            (
                seen(&own),
                seen(&clerk),
                seen(&person("stranger", &[], Some("party-3")))
            ),
            (1, 2, 0)
        );
        let counts = office
            .act(&Actor::anonymous(), "destruction.counts", "", json!({}))
            .unwrap();
        assert_eq!(counts["total"], 2);
        assert_eq!(
            counts["items"][0],
            json!({ "domain": "base.other", "reason": "erasure", "month": "2022-03", "count": 1 })
        );
        assert_eq!(
            office.feed(),
            [
                "erasure.asked",
                "erasure.approved",
                "key.destroyed",
                "key.destroyed",
                "erasure.done",
                "erasure.asked",
                "erasure.refused"
            ]
        );
    }
}

#[test]
fn nobody_destroys_a_key_by_himself() {
    for office in offices() {
        let sealed = office.seal(DOMAIN, "party-1");
        for actor in [person("clerk", &["admin"], None), Actor::anonymous()] {
            office.refused(
                &actor,
                "key.destroy",
                "party-1",
                json!({ "reason": "expiry", "by": "x" }),
                codes::FORBIDDEN,
                "系统",
            );
            office.refused(&actor, "key.close", DOMAIN, json!({}), codes::FORBIDDEN, "系统");
        }
        assert!(office.opens(DOMAIN, "party-1", &sealed));
    }
}

#[test]
fn a_hold_by_two_persons_stops_destruction_for_a_time() {
    for office in offices() {
        let (one, two) = (person("one", &["admin"], None), person("two", &["admin"], None));
        let sealed = ["party-1", "party-2", "party-3"].map(|subject| office.seal(DOMAIN, subject));
        let until =
            |days: i64| (office.stand.world.now() + SignedDuration::from_hours(24 * days)).to_string();
        let body =
            |subject: &str, days| json!({ "subject": subject, "reason": "诉讼", "until": until(days) });
        office.refused(
            &one,
            "hold.request",
            "",
            body("party-1", 400),
            codes::INVALID,
            "期限",
        );
        office.refused(
            &person("x", &[], None),
            "hold.request",
            "",
            body("party-1", 30),
            codes::FORBIDDEN,
            "负责人",
        );
        let held = office.act(&one, "hold.request", "", body("party-1", 30)).unwrap();
        let id = held["id"].as_str().unwrap();
        // Asked for only, it holds nothing; nor does it by the same person's approval.
        office.refused(&one, "hold.approve", id, json!({}), codes::FORBIDDEN, "另一人");
        office.act(&two, "hold.approve", id, json!({})).unwrap();
        office.act(&one, "hold.request", "", body("party-2", 30)).unwrap();
        let ended = |subject: &str| Ended {
            domain: DOMAIN.into(),
            subject: subject.into(),
        };
        office
            .engine
            .ended
            .lock()
            .unwrap()
            .extend([ended("party-1"), ended("party-2")]);
        office.engine.sunset.lock().unwrap().push(DOMAIN.into());
        let day = || {
            office
                .erasures
                .run_day(&office.stand.cx(), &office.door, &office.stand.test.db)
                .unwrap()
        };
        assert_eq!(
            day(),
            Retired {
                expired: 1,
                held: 2,
                closed: 0,
                erasures: 0
            }
        );
        let opens = || [0, 1, 2].map(|n| office.opens(DOMAIN, &format!("party-{}", n + 1), &sealed[n]));
        assert_eq!(opens(), [true, false, true]);
        let erasure = office
            .act(
                &one,
                "erasure.request",
                "",
                json!({ "subject": "party-1", "reason": "r" }),
            )
            .unwrap();
        office.refused(
            &two,
            "erasure.approve",
            erasure["id"].as_str().unwrap(),
            json!({}),
            codes::CONFLICT,
            "保全",
        );
        // Its time is over: nobody need do anything.
        assert!(
            office
                .stand
                .world
                .clock()
                .advance(SignedDuration::from_hours(24 * 31))
        );
        assert_eq!(
            day(),
            Retired {
                expired: 1,
                held: 0,
                closed: 1,
                erasures: 0
            }
        );
        assert_eq!(opens(), [false, false, false]);
        assert_eq!(day(), Retired::default());
        let counts = office
            .act(&Actor::anonymous(), "destruction.counts", "", json!({}))
            .unwrap();
        let told: Vec<String> = counts["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        assert_eq!(counts["total"], 3, "{told:?}");
    }
}

#[test]
fn a_hold_is_released_by_hand() {
    for office in offices() {
        let (one, two) = (person("one", &["admin"], None), person("two", &["admin"], None));
        office.seal(DOMAIN, "party-1");
        let until = (office.stand.world.now() + SignedDuration::from_hours(48)).to_string();
        let body = json!({ "subject": "party-1", "domain": DOMAIN, "reason": "审计", "until": until });
        let held = office.act(&one, "hold.request", "", body).unwrap();
        let id = held["id"].as_str().unwrap();
        office.act(&two, "hold.approve", id, json!({})).unwrap();
        // Not even the platform may, while it stands.
        let order = Input::json(json!({ "reason": "expiry", "by": "system" }));
        let order = order.with_path("domain", DOMAIN).with_path("id", "party-1");
        let problem = office
            .door
            .call(&office.stand.cx(), "key.destroy", order)
            .unwrap_err();
        assert_eq!(problem.code, codes::CONFLICT);
        office.act(&one, "hold.release", id, json!({})).unwrap();
        office.refused(&two, "hold.approve", id, json!({}), codes::CONFLICT, "处理过");
        office.engine.ended.lock().unwrap().insert(Ended {
            domain: DOMAIN.into(),
            subject: "party-1".into(),
        });
        let day = office
            .erasures
            .run_day(&office.stand.cx(), &office.door, &office.stand.test.db)
            .unwrap();
        assert_eq!((day.expired, day.held), (1, 0));
    }
}

/// Stopped between approval and destruction, between destruction and telling: the next day ends it, once.
#[test]
fn what_was_cut_off_is_carried_out() {
    for office in offices() {
        let chief = person("chief", &["admin"], None);
        let sealed = office.seal(DOMAIN, "party-1");
        let asked = office
            .act(
                &person("citizen", &[], Some("party-1")),
                "erasure.request",
                "",
                json!({ "reason": "r" }),
            )
            .unwrap();
        let id = asked["id"].as_str().unwrap().to_owned();
        let db = &office.stand.test.db;
        let approved = id.clone();
        db.write::<_, Problem>(move |tx| {
            tx.execute(
                "UPDATE erasure SET state = 'approved', domains = 'base.service', decided_by = 'chief',
                    decided_at = '2022-03-01T08:00:00.000Z' WHERE id = ?1",
                &[approved.into()],
            )?;
            Ok(())
        })
        .unwrap();
        // The key went, and nobody was told.
        office
            .keys
            .destroy(&office.stand.cx(), DOMAIN, "party-1", Reason::Erasure, "chief")
            .unwrap()
            .unwrap();
        let cx = office.stand.cx();
        let day = office.erasures.run_day(&cx, &office.door, db).unwrap();
        assert_eq!(day.erasures, 1);
        assert_eq!(
            office.erasures.run_day(&cx, &office.door, db).unwrap(),
            Retired::default()
        );
        assert!(!office.opens(DOMAIN, "party-1", &sealed));
        let listed = office.act(&chief, "erasure.list", "", json!({})).unwrap();
        assert_eq!(
            (&listed["items"][0]["state"], &listed["items"][0]["destroyed"]),
            (&json!("done"), &json!(1))
        );
        assert_eq!(office.feed(), ["erasure.asked", "key.destroyed", "erasure.done"]);
    }
}
