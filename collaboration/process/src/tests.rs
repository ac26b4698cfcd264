//! The engine over both databases.

mod mending;
mod people;
mod restart;

use std::sync::Arc;

use banyan_base::{Actor, ActorKind, Ctx, ManualClock, Problem, World};
use banyan_door::{Decision, Door, Input, LogAudit, Metrics, Operation, Policy, Reply, Target};
use banyan_store::Db;
use banyan_store::testing::{TestDb, databases};
use jiff::Timestamp;
use serde_json::Value as Json;

use crate::{Engine, Ports, Source};

struct Everyone;

impl Policy for Everyone {
    fn decide(&self, _: &Ctx, target: &Target, _: &Operation) -> Result<Decision, Problem> {
        // No package's policy lets anybody in beside those whom its processes name.
        let by_package = target.action.ends_with(".start") || target.action.ends_with(".watch");
        Ok(if by_package && target.resource != "platform" {
            Decision::Deny {
                reason: String::new(),
            }
        } else {
            Decision::permit()
        })
    }
}

/// A platform of nothing but the engine, and rows of the test's own.
pub(crate) struct Stage {
    pub name: &'static str,
    pub test: TestDb,
    pub db: Db,
    pub world: World,
    pub door: Door,
    pub engine: Arc<Engine>,
}

pub(crate) fn stages(ports: impl Fn() -> Ports, rows: impl Fn() -> Vec<Operation>) -> Vec<Stage> {
    let all = databases().unwrap();
    all.into_iter().map(|test| stage(test, ports(), rows())).collect()
}

fn stage(test: TestDb, ports: Ports, rows: Vec<Operation>) -> Stage {
    let db = test.db.clone();
    db.migrate(&[
        &banyan_store::MIGRATIONS,
        &banyan_door::MIGRATIONS,
        &crate::MIGRATIONS,
    ])
    .unwrap();
    let start: Timestamp = "2022-03-01T00:00:00Z".parse().unwrap();
    let world = World::new(Arc::new(ManualClock::new(start)), 7);
    let (engine, door) = opened(&db, &world, ports, rows);
    Stage {
        name: test.name,
        test,
        db,
        world,
        door,
        engine,
    }
}

/// The engine anew, as after a restart.
pub(crate) fn opened(db: &Db, world: &World, ports: Ports, rows: Vec<Operation>) -> (Arc<Engine>, Door) {
    let engine = Engine::new();
    engine.connect(ports);
    let mut all = crate::operations(&engine);
    all.extend(rows);
    let door = Door::new(
        db.clone(),
        world.clone(),
        Arc::new(Everyone),
        Arc::new(LogAudit),
        Metrics::new().unwrap(),
        all,
    )
    .unwrap();
    (engine, door)
}

impl Stage {
    pub fn deploy(&self, package: &str, name: &str, xml: &str) {
        self.deploying(package, name, xml).unwrap();
    }

    pub fn deploying(&self, package: &str, name: &str, xml: &str) -> Result<(), Problem> {
        let (engine, cx) = (Arc::clone(&self.engine), self.world.system_ctx());
        let (package, source) = (
            package.to_owned(),
            Source {
                name: name.into(),
                text: xml.into(),
            },
        );
        self.db
            .write::<_, Problem>(move |tx| engine.deploy(&cx, tx, &package, &[source]).map(|_| ()))
    }

    pub fn call(&self, actor: &Actor, operation: &str, input: Input) -> Result<Json, Problem> {
        let cx = self.world.ctx(actor.clone());
        let reply: Reply = self.door.call(&cx, operation, input)?;
        Ok(reply.as_json().cloned().unwrap_or_default())
    }

    pub fn advance(&self, seconds: i64) {
        self.world
            .clock()
            .advance(jiff::SignedDuration::from_secs(seconds));
        let cx = self.world.system_ctx();
        while crate::run_due(&self.engine, &self.door, &self.db, &cx).unwrap() > 0 {}
    }
}

pub(crate) fn person(id: &str, roles: &[&str]) -> Actor {
    Actor {
        id: id.into(),
        name: id.into(),
        kind: ActorKind::Person,
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        ..Actor::anonymous()
    }
}

/// A file of one process; `inside`: its elements, without the lists of their flows, which are added here.
pub(crate) fn file(id: &str, attributes: &str, inside: &str) -> String {
    let mut text = inside.replace(
        "<conditionExpression>",
        r#"<conditionExpression xsi:type="tFormalExpression">"#,
    );
    let value = |tag: &str, name: &str| -> String {
        let from = tag.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        tag[from..].split('"').next().unwrap().to_owned()
    };
    let flows: Vec<(String, String, String)> = inside
        .split("<sequenceFlow ")
        .skip(1)
        .map(|rest| {
            let tag = format!(" {}", rest.split('>').next().unwrap());
            (
                value(&tag, " id"),
                value(&tag, "sourceRef"),
                value(&tag, "targetRef"),
            )
        })
        .collect();
    let mut lists: std::collections::BTreeMap<String, (String, String)> = Default::default();
    for (flow, source, target) in flows {
        lists
            .entry(source)
            .or_default()
            .1
            .push_str(&format!("<outgoing>{flow}</outgoing>"));
        lists
            .entry(target)
            .or_default()
            .0
            .push_str(&format!("<incoming>{flow}</incoming>"));
    }
    for (element, (incoming, outgoing)) in lists {
        let list = format!("{incoming}{outgoing}");
        let place = text.find(&format!(" id=\"{element}\"")).unwrap();
        let open = text[..place].rfind('<').unwrap();
        let close = open + text[open..].find('>').unwrap();
        let name = text[open + 1..].split(' ').next().unwrap().to_owned();
        if text[..close].ends_with('/') {
            text.replace_range(close - 1..=close, &format!(">{list}</{name}>"));
        } else {
            let end = "</extensionElements>";
            let after = match text[close + 1..].trim_start().starts_with("<extensionElements>") {
                true => close + text[close..].find(end).unwrap() + end.len(),
                false => close + 1,
            };
            text.insert_str(after, &list);
        }
    }
    format!(
        r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:banyan="https://banyan.local/bpmn/1.0"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="definitions" targetNamespace="https://banyan.local/test">
        <process id="{id}" name="{id}" isExecutable="true" {attributes}>{text}</process></definitions>"#
    )
}
