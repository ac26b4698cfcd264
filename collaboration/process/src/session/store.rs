//! The end of a session: what is told to the feed, and the storing of everything.

use std::collections::BTreeMap;

use banyan_base::{ActorKind, Event, Problem, codes, timestamp_text};
use serde_json::json;

use super::Session;
use crate::definition::Definition;
use crate::engine::Key;
use crate::{instance, task};

impl Session<'_, '_> {
    pub(super) fn tell_instance(&mut self, id: &str, verb: &str) -> Result<(), Problem> {
        let Some(loaded) = self.loaded.get(id) else {
            return Ok(());
        };
        let process = &loaded.record.process;
        let package = &loaded.definition.package;
        let event = Event::new(
            self.cx,
            &format!("/banyan/{package}"),
            &format!("banyan.{process}.{verb}"),
            Some(format!("{process}/{id}")),
            json!({ "instance": id, "process": process, "version": loaded.record.version }),
        );
        Ok(self.tx.emit(&event)?)
    }

    /// Tells the feed of a task: never what it is about, nor who does it.
    pub(crate) fn tell_task(
        &mut self,
        definition: &Definition,
        task: &task::Told,
        verb: &str,
    ) -> Result<(), Problem> {
        let process = &definition.id;
        let event = Event::new(
            self.cx,
            &format!("/banyan/{}", definition.package),
            &format!("banyan.{process}.task.{verb}"),
            Some(format!("{process}/{}", task.instance)),
            json!({ "task": task.id, "instance": task.instance, "process": process, "element": task.element }),
        );
        Ok(self.tx.emit(&event)?)
    }

    /// Stores everything.
    ///
    /// # Errors
    /// `BUSY` where somebody else changed an instance meanwhile; nothing is then stored.
    pub fn finish(mut self) -> Result<(), Problem> {
        self.settle()?;
        let cx = self.cx;
        for (id, mut loaded) in std::mem::take(&mut self.loaded) {
            if !loaded.dirty {
                continue;
            }
            let stuck: BTreeMap<Key, _> = loaded
                .inst
                .troubles()
                .map(|(token, state, trouble)| (token, (state.node, trouble.clone())))
                .collect();
            let record = &mut loaded.record;
            record.state = instance::standing(loaded.inst.standing).into();
            record.incidents = i64::try_from(stuck.len()).unwrap_or(i64::MAX);
            match loaded.stored {
                None => {
                    instance::insert(self.tx, record, &loaded.inst)?;
                    if cx.actor.kind != ActorKind::System {
                        instance::party(self.tx, &record.started_by, &id)?;
                    }
                }
                Some(revision) => {
                    record.revision = revision + 1;
                    if !instance::update(self.tx, record, &loaded.inst, revision)? {
                        return Err(Problem::new(
                            codes::BUSY,
                            "流程实例刚刚被别人改动,什么也没有做。请重试。",
                        ));
                    }
                }
            }
            for token in loaded.stuck.iter().filter(|token| !stuck.contains_key(token)) {
                self.tx.execute(
                    "DELETE FROM process_incident WHERE instance = ?1 AND token = ?2",
                    &[id.as_str().into(), (*token).into()],
                )?;
            }
            for (token, (node, trouble)) in &stuck {
                self.tx.execute(
                    "INSERT INTO process_incident (instance, token, process, version, element, kind, message, opened_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (instance, token) DO UPDATE SET
                     version = excluded.version, element = excluded.element, kind = excluded.kind, message = excluded.message",
                    &[
                        id.as_str().into(),
                        (*token).into(),
                        record.process.as_str().into(),
                        record.version.into(),
                        loaded.definition.element(*node).into(),
                        trouble.kind.as_str().into(),
                        trouble.message.as_str().into(),
                        timestamp_text(cx.now).into(),
                    ],
                )?;
            }
            let entries = serde_json::to_value(&loaded.history).map_err(Problem::internal)?;
            instance::remember(self.tx, record, &cx.now_text(), &cx.actor.id, &entries)?;
        }
        Ok(())
    }
}
