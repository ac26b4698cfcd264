//! Fresh platforms: one template database a run, copied for each scenario.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use banyan_base::{Actor, Ctx, ManualClock, Problem, World, ZONE};
use banyan_door::{Input, ReplyBody};
use banyan_registry::ApplyRequest;
use banyan_store::testing::TestDb;
use banyan_store::{Db, Options};
use jiff::civil::{DateTime, date};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;

use super::entrance::{Answer, Entrance, Fault};
use crate::platform::Platform;

/// Every scenario begins on this day, at nine.
pub const FIRST_DAY: &str = "2022-03-01";

/// A folder that goes when this goes.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Folder, Problem> {
        let path = std::env::temp_dir().join(format!("banyan-features-{}", World::system().id()));
        std::fs::create_dir_all(&path).map_err(Problem::internal)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What can't be removed lies in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn morning(hour: i8) -> Result<Timestamp, Problem> {
    moment(date(2022, 3, 1).at(hour, 0, 0, 0))
}

fn moment(at: DateTime) -> Result<Timestamp, Problem> {
    ZONE.to_timestamp(at).map_err(Problem::internal)
}

/// Seeds differ between the template and its copies: their ids must.
fn world(start: Timestamp, seed: u64) -> World {
    World::new(Arc::new(ManualClock::new(start)), seed)
}

fn over(file: &Path, world: World) -> Result<Platform, Problem> {
    let db = Db::open(
        &format!("sqlite:{}", file.display()),
        &Options {
            connections: 2,
            ..Options::default()
        },
    )?;
    Platform::over(db, world, false, file.parent().unwrap_or(file))
}

/// What the copies are made of.
enum Source {
    File(PathBuf),
    Server(TestDb),
}

/// A database with packages, seeds and accounts, to be copied.
pub struct Template {
    folder: Folder,
    source: Source,
    actors: BTreeMap<String, Actor>,
    begun_at: Option<String>,
    copies: u64,
}

impl Template {
    /// Applies the packages, in this order, and makes the administrator and the demonstration accounts.
    pub fn make(packages: &[PathBuf], on: Option<TestDb>) -> Result<Template, Problem> {
        let folder = Folder::make()?;
        let first = world(morning(0)?, 1);
        let platform = match &on {
            Some(test) => Platform::over(test.db.clone(), first, false, &folder.0)?,
            None => over(&folder.0.join("first.db"), first)?,
        };
        let read = packages.iter().map(|path| crate::folder::read(path));
        let request = ApplyRequest {
            packages: read.collect::<Result<_, _>>().map_err(Problem::internal)?,
            allow_loss: false,
        };
        let (registry, cx) = (Arc::clone(&platform.registry), platform.world.system_ctx());
        platform
            .db
            .write_exclusive(move |tx| registry.apply(&cx, tx, &request))?;
        platform.first_administrator()?;
        for package in packages {
            platform.demo_accounts(package)?;
        }
        let mut visit = Visit {
            platform,
            actors: BTreeMap::new(),
            actor: Actor::anonymous(),
            purpose: None,
            begun_at: None,
            _folder: None,
            test: None,
        };
        visit.day()?;
        let mut actors = crate::demo::actors(&visit.platform)?;
        for package in packages {
            let accounts = crate::demo::accounts(package)?;
            actors.extend(accounts.iter().filter_map(crate::demo::citizen));
        }
        let begun_at = super::last_event(&mut visit, None).map_err(told)?;
        let source = match on {
            Some(test) => Source::Server(test),
            None => {
                let file = folder.0.join("template.db");
                visit.platform.db.backup(&file)?;
                Source::File(file)
            }
        };
        visit.platform.db.close();
        Ok(Template {
            folder,
            source,
            actors,
            begun_at,
            copies: 0,
        })
    }

    /// A platform of its own for one scenario.
    pub fn copy(&mut self) -> Result<Visit, Problem> {
        self.copies += 1;
        let own = Folder(self.folder.0.join(self.copies.to_string()));
        std::fs::create_dir_all(&own.0).map_err(Problem::internal)?;
        let world = world(morning(9)?, 1 + self.copies);
        let mut copied = None;
        let platform = match &self.source {
            Source::File(source) => {
                let file = own.0.join("banyan.db");
                std::fs::copy(source, &file).map_err(Problem::internal)?;
                over(&file, world)?
            }
            Source::Server(test) => {
                let test = copied.insert(test.copy()?);
                Platform::over(test.db.clone(), world, false, &own.0)?
            }
        };
        Ok(Visit {
            platform,
            actors: self.actors.clone(),
            actor: Actor::anonymous(),
            purpose: None,
            begun_at: self.begun_at.clone(),
            _folder: Some(own),
            test: copied,
        })
    }
}

fn told(fault: Fault) -> Problem {
    match fault {
        Fault::Wrong(text) => Problem::internal(text),
        Fault::Mismatch { found, .. } => Problem::internal(found),
    }
}

/// One scenario's platform.
pub struct Visit {
    platform: Platform,
    actors: BTreeMap<String, Actor>,
    actor: Actor,
    purpose: Option<String>,
    begun_at: Option<String>,
    _folder: Option<Folder>,
    test: Option<TestDb>,
}

impl Visit {
    fn enter(&self, cx: &Ctx, operation: &str, input: Input) -> Result<Answer, Fault> {
        let reply = match self.platform.door.call(cx, operation, input) {
            Ok(reply) => reply,
            Err(problem) => {
                return Ok(Answer {
                    status: problem.code.status,
                    body: problem.to_json(&cx.trace),
                    text: String::new(),
                });
            }
        };
        let mut bytes = Vec::new();
        let body = match reply.body {
            ReplyBody::Json(value) => value,
            ReplyBody::Empty => Json::Null,
            ReplyBody::Bytes { data, .. } => {
                bytes = data;
                Json::Null
            }
            ReplyBody::Stream { write, .. } => {
                write(&mut bytes)?;
                Json::Null
            }
        };
        Ok(Answer {
            status: reply.status,
            body,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }

    /// Runs the triggers of all events that wait, and lets the clocks of processes ring; what they do may set off more.
    fn settle(&self) -> Result<(), Problem> {
        let Platform {
            registry,
            processes,
            door,
            db,
            world,
            ..
        } = &self.platform;
        loop {
            let cx = world.system_ctx();
            let events = banyan_registry::run_events(registry, door, db, &cx)?;
            let rang = banyan_process::run_due(processes, door, db, &cx)?;
            if events == 0 && rang == 0 {
                return Ok(());
            }
        }
    }

    /// What the server does when a day begins.
    fn day(&self) -> Result<(), Problem> {
        let Platform {
            registry,
            door,
            db,
            world,
            ..
        } = &self.platform;
        banyan_registry::run_daily(registry, door, db, &world.system_ctx())?;
        while banyan_registry::run_clocks(registry, door, db, &world.system_ctx())? > 0 {}
        self.settle()
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.platform.db.close();
    }
}

impl Entrance for Visit {
    fn sign_in(&mut self, login: &str) -> Result<(), Fault> {
        let Some(actor) = self.actors.get(login) else {
            let known: Vec<&str> = self.actors.keys().map(String::as_str).collect();
            return Err(Fault::wrong(format!(
                "没有账号“{login}”;有的是 {}",
                known.join("、")
            )));
        };
        self.actor = actor.clone();
        self.purpose = None;
        Ok(())
    }

    fn purpose(&mut self, name: &str) {
        self.purpose = Some(name.to_owned());
    }

    fn sign_out(&mut self) {
        self.actor = Actor::anonymous();
        self.purpose = None;
    }

    fn call(&mut self, operation: &str, input: Input) -> Result<Answer, Fault> {
        let mut cx = self.platform.world.ctx(self.actor.clone());
        cx.purpose.clone_from(&self.purpose);
        let answer = self.enter(&cx, operation, input)?;
        self.settle()?;
        Ok(answer)
    }

    fn look(&mut self, operation: &str, input: Input) -> Result<Answer, Fault> {
        if self.test.is_some() {
            self.settle()?;
        }
        self.enter(&self.platform.world.system_ctx(), operation, input)
    }

    fn set_clock(&mut self, to: DateTime) -> Result<(), Fault> {
        let (now, to) = (self.platform.world.now(), moment(to)?);
        if to < now {
            return Err(Fault::wrong(format!(
                "时钟只能往前走:现在已是 {},场景从 {FIRST_DAY} 开始",
                ZONE.to_datetime(now)
            )));
        }
        self.platform.world.clock().set(to);
        Ok(self.day()?)
    }

    fn pass_days(&mut self, days: u32) -> Result<(), Fault> {
        for _ in 0..days {
            self.platform
                .world
                .clock()
                .advance(SignedDuration::from_hours(24));
            self.day()?;
        }
        Ok(())
    }

    /// On a server that others use too, an event is read only when the transactions that began before it have ended, be
    /// they in other databases (docs/decisions/0003): what it sets off may come a little later.
    fn patience(&self) -> Duration {
        match self.test {
            Some(_) => Duration::from_secs(30),
            None => Duration::ZERO,
        }
    }

    fn begun_at(&self) -> Option<String> {
        self.begun_at.clone()
    }
}
