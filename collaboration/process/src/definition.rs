//! What is deployed: every version of every process, and what starts them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use banyan_base::{Ctx, Problem, Severity, codes, timestamp_text};
use banyan_store::Tx;
use serde_json::Value as Json;

use crate::bpmn::model::{EventDefinition, Node, NodeKind, Process};
use crate::bpmn::{Flaw, Kind, Known, Presence, check, read, refused};
use crate::desk::Calendar;
use crate::engine::{Compiled, timer};
use crate::{Engine, Error};

/// A file of a package.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name without folder and ending.
    pub name: String,
    pub text: String,
}

/// One version of a process, ready to run.
#[derive(Debug)]
pub struct Definition {
    /// `<package>.<process>`.
    pub id: String,
    pub version: i64,
    pub package: String,
    pub title: String,
    pub compiled: Compiled,
}

/// What a deployment changed: process and its new version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    pub changed: Vec<(String, i64)>,
    pub removed: Vec<String>,
}

/// Definitions that are kept ready.
const KEPT: usize = 500;

/// Installed, and shown.
pub(crate) const LISTED: i64 = 1;
/// Installed, and called by others only.
pub(crate) const CALLED: i64 = 2;

impl Definition {
    /// The id of a node.
    pub fn element(&self, node: usize) -> &str {
        self.compiled.id_of(node)
    }

    pub fn process(&self) -> &Process {
        &self.compiled.process
    }

    /// A name of the package's own, or of another's, in full.
    pub fn qualified(&self, name: &str) -> String {
        qualified(&self.package, name)
    }
}

pub(crate) fn qualified(package: &str, name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("{package}.{name}")
    }
}

/// The same text has the same hash on every machine (FNV-1a, 64 bits, twice): it tells versions apart, and is no seal.
fn hash(text: &str) -> String {
    let fnv = |seed: u64| {
        text.bytes().fold(seed, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        fnv(0xcbf2_9ce4_8422_2325),
        fnv(0x6c62_272e_07bb_0142)
    )
}

/// The surroundings of a model that is deployed.
struct Around {
    foreign: bool,
}

impl Known for Around {
    fn look_up(&self, kind: Kind, _: &str) -> Presence {
        match kind {
            Kind::Script if !self.foreign => Presence::Missing(None),
            _ => Presence::Unknown,
        }
    }
}

impl Engine {
    /// Takes over the processes of a package, within the transaction that applies it: what changed becomes a new version,
    /// what is gone can no longer be started. Running instances go on by the version they have.
    ///
    /// # Errors
    /// `PACKAGE_REFUSED` with what is wrong where, or where the database refuses.
    pub fn deploy(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        package: &str,
        sources: &[Source],
    ) -> Result<Deployed, Problem> {
        let mut found: BTreeMap<String, (Process, &Source)> = BTreeMap::new();
        for source in sources {
            let flaws = self.flaws(&source.text);
            let (definitions, _) = read(&source.text);
            if refused(&flaws) {
                let mut problem = Problem::new(
                    codes::PACKAGE_REFUSED,
                    format!("流程文件 {}.bpmn 不能部署。", source.name),
                );
                for flaw in flaws.iter().filter(|flaw| flaw.severity == Severity::Error) {
                    let place = format!("{}:{}", flaw.place.line, flaw.place.column);
                    problem = problem.with_error(place, flaw.rule, flaw.message.zh.clone());
                }
                return Err(problem);
            }
            for process in definitions
                .into_iter()
                .flat_map(|definitions| definitions.processes)
            {
                let id = qualified(package, &process.id);
                let never = |node: &&Node| matches!(&node.kind, NodeKind::Activity(activity) if activity.completion_quantity == 0);
                if let Some(node) = process.nodes.iter().find(never) {
                    return Err(Problem::new(
                        codes::PACKAGE_REFUSED,
                        format!("流程文件 {}.bpmn 不能部署。", source.name),
                    )
                    .with_error(
                        &node.id,
                        "BAN-quantity",
                        "completionQuantity 须不小于 1",
                    ));
                }
                if found.insert(id.clone(), (process, source)).is_some() {
                    return Err(Error::Definition {
                        process: id,
                        what: "在两个文件里都有".into(),
                    }
                    .into());
                }
            }
        }
        let mut deployed = Deployed::default();
        let rows = tx.query(
            "SELECT id, version, hash FROM process_definition WHERE package = ?1 AND installed > 0",
            &[package.into()],
        )?;
        let mut known: BTreeMap<String, (i64, String)> = BTreeMap::new();
        for row in rows {
            known.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
        }
        for id in known.keys().filter(|id| !found.contains_key(*id)) {
            take_down(tx, id)?;
            deployed.removed.push(id.clone());
        }
        for (id, (process, source)) in found {
            let now = hash(&source.text);
            if known.get(&id).is_some_and(|(_, hash)| *hash == now) {
                continue;
            }
            take_down(tx, &id)?;
            let last = tx.query_opt(
                "SELECT COALESCE(MAX(version), 0) FROM process_definition WHERE id = ?1",
                &[id.as_str().into()],
            )?;
            let version = last.map_or(Ok(0), |row| row.get::<i64>(0))? + 1;
            let title = process.name.clone().unwrap_or_else(|| process.id.clone());
            let installed = if process.executable { LISTED } else { CALLED };
            tx.execute(
                "INSERT INTO process_definition (id, version, package, process, file, title, hash, xml, installed, deployed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                &[
                    id.as_str().into(),
                    version.into(),
                    package.into(),
                    process.id.as_str().into(),
                    source.name.as_str().into(),
                    title.as_str().into(),
                    now.into(),
                    source.text.as_str().into(),
                    installed.into(),
                    cx.now_text().into(),
                ],
            )?;
            // Not kept: this transaction may yet fail, and another text become this version.
            let definition = Definition {
                id: id.clone(),
                version,
                package: package.to_owned(),
                title,
                compiled: Compiled::new(process),
            };
            if installed == LISTED {
                self.starts(cx, tx, &definition)?;
            }
            deployed.changed.push((id, version));
        }
        Ok(deployed)
    }

    /// What is wrong with a model. What it names beyond its file was checked with its package.
    fn flaws(&self, text: &str) -> Vec<Flaw> {
        let foreign = self.ports().is_some_and(|ports| ports.language.is_some());
        let mut flaws = check(text, &Around { foreign });
        if foreign {
            // Its expressions may be in that language.
            flaws.retain(|flaw| flaw.rule != "BAN-feel");
        }
        flaws
    }

    /// Notes what starts a process from outside.
    fn starts(&self, cx: &Ctx, tx: &mut Tx<'_>, definition: &Definition) -> Result<(), Problem> {
        let triggers = definition.compiled.triggers();
        for (place, (node, what)) in triggers.into_iter().enumerate() {
            let (kind, name, due, clock) = match what {
                Some(EventDefinition::Message(message)) => ("message", message.name, None, None),
                Some(EventDefinition::Signal { name }) => ("signal", name, None, None),
                Some(EventDefinition::Timer(timer)) => {
                    let wrong = |what| Error::Definition {
                        process: definition.id.clone(),
                        what,
                    };
                    let mut calendar = Calendar {
                        engine: self,
                        tx: &mut *tx,
                    };
                    let text = match timer::literal(&timer.value) {
                        Some(text) => text.to_owned(),
                        None => match definition
                            .compiled
                            .evaluate(cx, &timer.value, &Default::default())
                        {
                            Ok(Json::String(text)) => text,
                            Ok(_) => return Err(wrong("开始事件的计时没有得到时刻或周期".into()).into()),
                            Err(what) => return Err(wrong(what).into()),
                        },
                    };
                    let clock =
                        timer::clock(cx, timer.kind, &text, timer.working, &mut calendar).map_err(wrong)?;
                    // What is past when it is deployed does not start: it did, or nobody wanted it.
                    let due = clock.due.filter(|due| *due > cx.now || clock.again.is_some());
                    (
                        "timer",
                        String::new(),
                        due.map(timestamp_text),
                        serde_json::to_string(&clock).ok(),
                    )
                }
                _ => continue,
            };
            tx.execute(
                "INSERT INTO process_start (process, node, definition, kind, name, due_at, clock) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                &[
                    definition.id.as_str().into(),
                    i64::try_from(node).unwrap_or(i64::MAX).into(),
                    i64::try_from(place).unwrap_or(i64::MAX).into(),
                    kind.into(),
                    name.into(),
                    due.into(),
                    clock.into(),
                ],
            )?;
        }
        Ok(())
    }

    /// Takes all processes of a package out, within the transaction that removes it.
    ///
    /// # Errors
    /// `IN_USE` where instances run and loss is not allowed; they are cancelled by whoever removes first.
    pub fn withdraw(&self, tx: &mut Tx<'_>, package: &str, allow_loss: bool) -> Result<(), Problem> {
        let rows = tx.query(
            "SELECT DISTINCT id FROM process_definition WHERE package = ?1 AND installed > 0",
            &[package.into()],
        )?;
        for row in rows {
            let id: String = row.get(0)?;
            let running = tx.query_opt(
                "SELECT id FROM process_instance WHERE process = ?1 AND state = 'running' LIMIT 1",
                &[id.as_str().into()],
            )?;
            if running.is_some() && !allow_loss {
                return Err(Problem::new(
                    codes::IN_USE,
                    format!("流程“{id}”还有实例在运行。请先办结或取消它们。"),
                ));
            }
            take_down(tx, &id)?;
        }
        Ok(())
    }

    fn keep(&self, definition: Definition) -> Arc<Definition> {
        let definition = Arc::new(definition);
        let mut kept = self.definitions.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(
            (definition.id.clone(), definition.version),
            Arc::clone(&definition),
        );
        definition
    }

    /// A version of a process, whether it is still installed or not.
    ///
    /// # Errors
    /// Where there is none, or it can't be read.
    pub fn definition(&self, tx: &mut Tx<'_>, id: &str, version: i64) -> Result<Arc<Definition>, Problem> {
        let kept = self
            .definitions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(id.to_owned(), version))
            .cloned();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let row = tx
            .query_opt(
                "SELECT package, process, title, xml FROM process_definition WHERE id = ?1 AND version = ?2",
                &[id.into(), version.into()],
            )?
            .ok_or_else(|| Error::NoProcess(id.to_owned()))?;
        let (package, process, title, xml): (String, String, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let (definitions, _) = read(&xml);
        let process = definitions
            .into_iter()
            .flat_map(|definitions| definitions.processes)
            .find(|one| one.id == process)
            .ok_or_else(|| Error::Inconsistent {
                table: "process_definition",
                row: format!("{id} {version}"),
                cause: "the process is not in its file".into(),
            })?;
        Ok(self.keep(Definition {
            id: id.to_owned(),
            version,
            package,
            title,
            compiled: Compiled::new(process),
        }))
    }

    /// The version by which new instances begin; none where the process is not installed.
    ///
    /// # Errors
    /// Where the database can't be read.
    pub fn current(&self, tx: &mut Tx<'_>, id: &str) -> Result<Option<i64>, Problem> {
        let row = tx.query_opt(
            "SELECT version FROM process_definition WHERE id = ?1 AND installed > 0 ORDER BY version DESC LIMIT 1",
            &[id.into()],
        )?;
        Ok(row.map(|row| row.get(0)).transpose()?)
    }
}

fn take_down(tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    tx.execute(
        "UPDATE process_definition SET installed = 0 WHERE id = ?1 AND installed > 0",
        &[id.into()],
    )?;
    tx.execute("DELETE FROM process_start WHERE process = ?1", &[id.into()])?;
    Ok(())
}
