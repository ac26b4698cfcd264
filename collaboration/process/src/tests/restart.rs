//! The betsy suite again, stored: after every command the state is in the database, and at a step of each model everything in
//! memory is thrown away and read anew.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use banyan_base::Problem;
use banyan_store::{Db, Options};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use super::{Stage, opened, stages};
use crate::engine::state::Wait;
use crate::engine::tests::betsy::{FAILING, Model, Seen, StepOf, variables, verdict};
use crate::engine::tests::shared;
use crate::engine::{Command, Host, Performed};
use crate::instance;
use crate::session::Start;
use crate::{Language, Ports, Session};

/// The vocabulary of the suite, as a language of the platform.
struct Words(Arc<Mutex<Seen>>);

impl Language for Words {
    fn script(&self, format: &str, script: &str, variables: &Map<String, Json>) -> Option<Performed> {
        Some(self.0.lock().unwrap().script(format, script, variables))
    }

    fn expression(&self, text: &str, variables: &Map<String, Json>) -> Option<Result<Json, String>> {
        self.0.lock().unwrap().expression(text, variables)
    }
}

fn ports(seen: &Arc<Mutex<Seen>>) -> Ports {
    Ports {
        language: Some(Box::new(Words(Arc::clone(seen)))),
        ..Ports::default()
    }
}

fn clear(db: &Db) {
    db.write::<_, Problem>(|tx| {
        for table in [
            "process_definition",
            "process_start",
            "process_instance",
            "process_history",
            "process_task",
            "process_candidate",
            "process_subscription",
            "process_letter",
            "process_work",
            "process_incident",
        ] {
            tx.execute(&format!("DELETE FROM {table}"), &[])?;
        }
        Ok(())
    })
    .unwrap();
}

struct Theatre {
    db: Db,
    stage: Stage,
    seen: Arc<Mutex<Seen>>,
    url: String,
    /// After so many commands, all that is in memory goes.
    restart_after: usize,
    commands: usize,
}

impl Theatre {
    fn act(&mut self, act: impl FnOnce(&mut Session<'_, '_>) -> Result<(), Problem> + Send + 'static) {
        let (engine, door, cx) = (
            Arc::clone(&self.stage.engine),
            self.stage.door.clone(),
            self.stage.world.system_ctx(),
        );
        self.db
            .write::<_, Problem>(move |tx| {
                let mut session = Session::new(&engine, &cx, &door, tx);
                act(&mut session)?;
                session.finish()
            })
            .unwrap();
        self.step();
    }

    fn step(&mut self) {
        self.commands += 1;
        if self.commands == self.restart_after {
            let db = Db::open(&self.url, &Options::default()).unwrap();
            let (engine, door) = opened(&db, &self.stage.world, ports(&self.seen), Vec::new());
            self.db = db;
            self.stage.engine = engine;
            self.stage.door = door;
        }
    }

    fn slow(&self) -> Vec<(String, u32, Timestamp)> {
        let mut all = Vec::new();
        for (record, inst) in self.instances() {
            for (key, token) in &inst.tokens {
                if matches!(token.wait, Wait::Work(_)) {
                    all.push((record.clone(), *key, token.since));
                }
            }
        }
        all
    }

    fn instances(&self) -> Vec<(String, crate::engine::Instance)> {
        self.db
            .read::<_, Problem>(|tx| {
                let rows = tx.query("SELECT id FROM process_instance ORDER BY id", &[])?;
                let mut all = Vec::new();
                for row in rows {
                    let id: String = row.get(0)?;
                    if let Some((record, inst)) = instance::find(tx, &id)? {
                        all.push((record.id, inst));
                    }
                }
                Ok(all)
            })
            .unwrap()
    }

    fn run(&mut self, model: &str, steps: &[StepOf]) -> Result<(), String> {
        let start = self.stage.world.now();
        let ten = SignedDuration::from_secs(10);
        let mut first = vec![(model.trim_end_matches(".bpmn").to_owned(), variables(steps))];
        if steps.iter().any(|step| step.step == "useParallelProcess") {
            first.insert(0, ("ParallelProcess".into(), Map::new()));
        }
        for (process, variables) in first {
            self.act(move |session| {
                session
                    .start(Start {
                        process: format!("betsy.{process}"),
                        variables,
                        ..Start::default()
                    })
                    .map(|_| ())
            });
        }
        let mut parallel = false;
        loop {
            let waiting = self.slow();
            parallel |= waiting.len() > 1;
            let worked = waiting.iter().map(|(_, _, since)| *since + ten).min();
            let due = self
                .instances()
                .iter()
                .filter_map(|(_, inst)| inst.next_due())
                .min();
            let Some(next) = [due, worked].into_iter().flatten().min() else {
                break;
            };
            if next > start + SignedDuration::from_secs(200) {
                break;
            }
            self.stage.world.clock().set(next);
            let cx = self.stage.world.system_ctx();
            while crate::run_due(&self.stage.engine, &self.stage.door, &self.db, &cx).unwrap() > 0 {}
            self.step();
            for (instance, token, since) in self.slow() {
                if since + ten <= next {
                    self.act(move |session| {
                        session.command(
                            &instance,
                            Command::Worked {
                                token,
                                result: Json::Null,
                            },
                        )
                    });
                }
            }
        }
        let instances: Vec<_> = self.instances().into_iter().map(|(_, inst)| inst).collect();
        let seen = self.seen.lock().unwrap();
        verdict(&seen, &instances.iter().collect::<Vec<_>>(), parallel, steps)
    }
}

#[test]
fn betsy_models_go_on_after_a_restart_at_any_step() {
    let Some(folder) = shared("betsy") else { return };
    let models: Vec<Model> =
        serde_json::from_str(&std::fs::read_to_string(folder.join("cases.json")).unwrap()).unwrap();
    let seen = Arc::new(Mutex::new(Seen::default()));
    for stage in stages(|| ports(&seen), Vec::new) {
        let url = stage.test.url.clone();
        let mut theatre = Theatre {
            db: stage.db.clone(),
            url,
            stage,
            seen: Arc::clone(&seen),
            restart_after: 0,
            commands: 0,
        };
        let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (place, model) in models.iter().enumerate() {
            let xml = std::fs::read_to_string(folder.join("executable").join(&model.model)).unwrap();
            for (number, steps) in model.cases.iter().enumerate() {
                clear(&theatre.db);
                *seen.lock().unwrap() = Seen::default();
                theatre.commands = 0;
                theatre.restart_after = 1 + (place + number) % 3;
                theatre.stage.db = theatre.db.clone();
                if let Err(refused) = theatre.stage.deploying("betsy", "model", &xml) {
                    let wanted = steps.iter().any(|step| step.step == "assertGenericError");
                    assert!(
                        wanted && refused.errors.iter().all(|one| one.code.starts_with("BAN-")),
                        "{refused:?}"
                    );
                    continue;
                }
                if let Err(why) = theatre.run(&model.model, steps) {
                    wrong
                        .entry(model.model.clone())
                        .or_default()
                        .push(format!("case {number}: {why}"));
                }
            }
        }
        let failing: Vec<&str> = wrong.keys().map(String::as_str).collect();
        assert_eq!(failing, FAILING, "{}: {wrong:#?}", theatre.stage.name);
    }
}
