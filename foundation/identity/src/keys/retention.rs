//! The day's work on keys: what expired goes, domains past their sunset are closed, approved requests are carried out to their end.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use banyan_base::{ActorKind, Ctx, Problem, codes};
use banyan_door::{Door, Input};
use banyan_store::Db;
use serde_json::json;

use super::{Keys, hold};

/// A subject of a domain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ended {
    pub domain: String,
    pub subject: String,
}

/// What engines that seal data say of its end.
pub trait Expiring: Send + Sync {
    /// Subjects all of whose data in a domain is beyond its retention, sorted, behind `after`, at most `count`. What is named
    /// must not be written any more; who may still write leaves the subject out.
    ///
    /// # Errors
    /// Where the database refuses.
    fn ended(&self, cx: &Ctx, records: &Db, after: Option<&Ended>, count: u32)
    -> Result<Vec<Ended>, Problem>;

    /// Domains that are past their sunset.
    ///
    /// # Errors
    /// Where the database refuses.
    fn past_sunset(&self, cx: &Ctx, records: &Db) -> Result<Vec<String>, Problem>;

    /// Drops what is left of a subject whose key went: blind indexes, files. Called again after a stop in between.
    ///
    /// # Errors
    /// Where the database refuses.
    fn forget(&self, cx: &Ctx, records: &Db, gone: &Ended) -> Result<(), Problem>;

    /// Drops what is left of a person after a request for erasure by which the last of his keys went. Called again after a stop in
    /// between.
    ///
    /// # Errors
    /// Where a database refuses.
    fn forget_person(&self, _cx: &Ctx, _records: &Db, _party: &str) -> Result<(), Problem> {
        Ok(())
    }
}

/// What the day's work came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// Keys destroyed because retention ended.
    pub expired: u64,
    /// Subjects and domains left because of a legal hold.
    pub held: u64,
    /// Domains closed.
    pub closed: u64,
    /// Requests for erasure carried out to their end.
    pub erasures: u64,
}

/// Erasure, holds and retention: keys, those who hold data, and those who may decide.
pub struct Erasures {
    pub(crate) keys: Arc<Keys>,
    engines: RwLock<Vec<Arc<dyn Expiring>>>,
    officers: BTreeSet<String>,
}

/// Subjects asked of an engine at once.
const BATCH: u32 = 500;

impl Erasures {
    /// `officers`: roles whose holders decide about erasures and holds.
    pub fn new(keys: &Arc<Keys>, officers: BTreeSet<String>) -> Erasures {
        Erasures {
            keys: Arc::clone(keys),
            engines: RwLock::default(),
            officers,
        }
    }

    /// Lets an engine say what ended, and hear what went.
    pub fn join(&self, engine: Arc<dyn Expiring>) {
        self.engines
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(engine);
    }

    pub(crate) fn engines(&self) -> Vec<Arc<dyn Expiring>> {
        self.engines
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Refuses whoever does not decide about erasures: two persons do, so the platform itself never.
    pub(crate) fn officer(&self, cx: &Ctx) -> Result<(), Problem> {
        let person = cx.actor.kind == ActorKind::Person;
        match person && cx.actor.roles.iter().any(|role| self.officers.contains(role)) {
            true => Ok(()),
            false => Err(Problem::new(
                codes::FORBIDDEN,
                "这件事由个人信息保护负责人办理;您没有这项职责。",
            )),
        }
    }

    /// Does the day's work. What fails is done again the next day.
    ///
    /// # Errors
    /// Where a database does not answer.
    pub fn run_day(&self, cx: &Ctx, door: &Door, records: &Db) -> Result<Retired, Problem> {
        let mut retired = Retired::default();
        for erasure in records.read(Erasures::left_over)? {
            self.carry_out(cx, records, door, erasure)?;
            retired.erasures += 1;
        }
        for engine in self.engines() {
            self.expire(cx, door, records, &*engine, &mut retired)?;
            self.close(cx, door, records, &*engine, &mut retired)?;
        }
        self.keys.belong(records)?;
        self.keys.tell(cx, records)?;
        self.keys.scrub_or_warn();
        tracing::info!(
            expired = retired.expired,
            held = retired.held,
            closed = retired.closed,
            erasures = retired.erasures,
            "retention done"
        );
        Ok(retired)
    }

    fn expire(
        &self,
        cx: &Ctx,
        door: &Door,
        records: &Db,
        engine: &dyn Expiring,
        retired: &mut Retired,
    ) -> Result<(), Problem> {
        let mut after: Option<Ended> = None;
        loop {
            let ended = engine.ended(cx, records, after.as_ref(), BATCH)?;
            let Some(last) = ended.last().cloned() else {
                return Ok(());
            };
            for gone in ended {
                let kept = records.read(|tx| hold::keeping(cx, tx, &gone.domain, &gone.subject))?;
                if kept.is_some() {
                    retired.held += 1;
                    continue;
                }
                let input = Input::json(json!({ "reason": "expiry", "by": "system" }))
                    .with_path("domain", gone.domain.as_str())
                    .with_path("id", gone.subject.as_str());
                let reply = door.call(cx, "key.destroy", input)?;
                let destroyed = reply.as_json().is_some_and(|reply| reply["destroyed"] == true);
                retired.expired += u64::from(destroyed);
                engine.forget(cx, records, &gone)?;
            }
            if after.as_ref() >= Some(&last) {
                return Err(Problem::internal("an engine named what ended in no order"));
            }
            after = Some(last);
        }
    }

    fn close(
        &self,
        cx: &Ctx,
        door: &Door,
        records: &Db,
        engine: &dyn Expiring,
        retired: &mut Retired,
    ) -> Result<(), Problem> {
        for domain in engine.past_sunset(cx, records)? {
            if self.held(cx, records, &domain)? {
                retired.held += 1;
                continue;
            }
            let reply = door.call(cx, "key.close", Input::json(json!({})).with_path("id", domain))?;
            let closed = reply.as_json().is_some_and(|reply| reply["closed"] == true);
            retired.closed += u64::from(closed);
        }
        Ok(())
    }

    /// Whether a legal hold keeps anything in a domain.
    pub(crate) fn held(&self, cx: &Ctx, records: &Db, domain: &str) -> Result<bool, Problem> {
        for hold in records.read(|tx| hold::standing(cx, tx))? {
            let held = match &hold.domain {
                Some(named) => named == domain,
                None => {
                    let domains = self.keys.domains_of(&hold.subject).map_err(Problem::from)?;
                    domains.iter().any(|held| held == domain)
                }
            };
            if held {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Refuses whoever decides on what he asked for himself, by whichever account or delegation.
pub(crate) fn other_person(cx: &Ctx, asked_by: &str, asked_party: Option<&str>) -> Result<(), Problem> {
    let standing = &cx.actor.standing;
    let same_party = asked_party.is_some() && standing.party.as_deref() == asked_party;
    let same = cx.actor.id == asked_by || standing.on_behalf_of.as_deref() == Some(asked_by) || same_party;
    match same {
        true => Err(Problem::new(
            codes::FORBIDDEN,
            "须由另一人批准:申请人不能批准自己的申请。",
        )),
        false => Ok(()),
    }
}

/// A reason that somebody gave, trimmed; an empty one is refused.
pub(crate) fn stated(reason: &str) -> Result<String, Problem> {
    let reason = reason.trim();
    match (1..=1000).contains(&reason.chars().count()) {
        true => Ok(reason.to_owned()),
        false => Err(
            Problem::new(codes::INVALID, "请写明理由,不超过 1000 字。").with_error(
                "/reason",
                "required",
                "必填,不超过 1000 字",
            ),
        ),
    }
}
