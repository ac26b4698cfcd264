use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use banyan_base::{Ctx, Grant, Problem, World, codes};
use banyan_store::{Db, Tx};

use crate::approval::{Approvals, Asked, NoApprovals, required};
use crate::hooks::{AuditLog, AuditStart, AuditTicket, Decision, Obligations, Outcome, Policy};
use crate::idempotency::once;
use crate::{
    Access, Audit, Call, Handler, Input, Method, Metrics, Operation, Outside, Reply, ReplyBody, Target,
    Touches,
};

/// The one door. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Door {
    inner: Arc<Inner>,
}

struct Inner {
    db: Db,
    world: World,
    policy: Arc<dyn Policy>,
    audit: Arc<dyn AuditLog>,
    approvals: OnceLock<Arc<dyn Approvals>>,
    metrics: Metrics,
    operations: BTreeMap<&'static str, Arc<Operation>>,
}

impl Door {
    /// Puts the tables of all engines together.
    ///
    /// # Errors
    /// Where two rows have one name, or one method and path.
    pub fn new(
        db: Db,
        world: World,
        policy: Arc<dyn Policy>,
        audit: Arc<dyn AuditLog>,
        metrics: Metrics,
        rows: Vec<Operation>,
    ) -> Result<Door, Problem> {
        let mut operations = BTreeMap::new();
        let mut faces = BTreeMap::new();
        for row in rows {
            if let Some(other) = faces.insert((row.method, row.path), row.name) {
                return Err(Problem::internal(format!(
                    "{} and {other} share {} {}",
                    row.name,
                    row.method.as_str(),
                    row.path
                )));
            }
            let name = row.name;
            if operations.insert(name, Arc::new(row)).is_some() {
                return Err(Problem::internal(format!("two operations are named {name}")));
            }
        }
        Ok(Door {
            inner: Arc::new(Inner {
                db,
                world,
                policy,
                audit,
                approvals: OnceLock::new(),
                metrics,
                operations,
            }),
        })
    }

    /// The same door, with somebody who keeps what needs two persons; without one it is refused. The first counts.
    #[must_use]
    pub fn approved_by(self, approvals: Arc<dyn Approvals>) -> Door {
        let _ = self.inner.approvals.set(approvals);
        self
    }

    /// All rows, by name.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.inner.operations.values().map(|row| &**row)
    }

    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.inner.operations.get(name).map(|row| &**row)
    }

    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    pub fn world(&self) -> &World {
        &self.inner.world
    }

    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Carries out an operation for `cx`. What it changed is durable when this returns `Ok`.
    ///
    /// # Errors
    /// Whatever the door or the engine refuses; never a panic.
    pub fn call(&self, cx: &Ctx, operation: &str, input: Input) -> Result<Reply, Problem> {
        let row = self.find(operation)?;
        self.enter(cx, &row, input, None)
    }

    /// Enters again inside a running transaction (triggers, transitions): the same steps, the caller's transaction.
    ///
    /// # Errors
    /// As [`Door::call`]; besides, operations that need a transaction of their own are refused.
    pub fn call_within(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &str,
        input: Input,
    ) -> Result<Reply, Problem> {
        let row = self.find(operation)?;
        if matches!(row.access, Access::Alone | Access::Outside) {
            return Err(Problem::internal(format!(
                "{operation} can't run inside another transaction"
            )));
        }
        self.enter(cx, &row, input, Some(tx))
    }

    /// What policy says about an act, without doing it: for interfaces that show only what is possible.
    ///
    /// # Errors
    /// Where no decision can be reached.
    pub fn decide(&self, cx: &Ctx, operation: &str, target: &Target) -> Result<Decision, Problem> {
        let row = self.find(operation)?;
        self.inner.policy.decide(cx, target, &row)
    }

    /// For handlers that open their own transaction: acts in `tx` under the call's `Idempotency-Key`, if it has one. A
    /// repeated request gets the reply of the first.
    ///
    /// # Errors
    /// What `act` gives, or where the key was used for another request.
    pub fn once(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        operation: &str,
        input: &Input,
        act: impl FnOnce(&mut Tx<'_>) -> Result<Reply, Problem>,
    ) -> Result<Reply, Problem> {
        let row = self.find(operation)?;
        once(cx, tx, &row, input, act)
    }

    fn find(&self, operation: &str) -> Result<Arc<Operation>, Problem> {
        self.inner
            .operations
            .get(operation)
            .cloned()
            .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有名为 {operation} 的操作。")))
    }

    fn enter(
        &self,
        cx: &Ctx,
        row: &Arc<Operation>,
        input: Input,
        tx: Option<&mut Tx<'_>>,
    ) -> Result<Reply, Problem> {
        let started = Instant::now();
        let target = row.target_of(&input);
        let subject = input.path.get("id").cloned();
        let entry = AuditStart {
            cx,
            operation: row,
            target: &target,
            subject: subject.as_deref(),
        };
        let audited = row.audit != Audit::None;
        let begun = if audited {
            self.inner.audit.start(&entry)
        } else {
            Ok(AuditTicket::at_once())
        };
        let mut result = begun.and_then(|ticket| {
            let kept = Kept {
                ticket,
                touches: Touches::new(&self.inner.audit, row, &entry),
                target: target.clone(),
            };
            let done = self.permit(cx, row, &target).and_then(|obligations| {
                self.agreed(&asked(cx, row, &target, &input, &obligations), tx.is_some())?;
                self.run(cx, row, input, obligations, &kept, tx)
            });
            // A refusal too is an answer, and what was asked must be known before it leaves.
            kept.ticket.wait().and(done)
        });
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(problem) if matches!(problem.code.status, 401 | 403) => Outcome::Denied,
            Err(problem) if problem.code.status < 500 => Outcome::Refused,
            Err(_) => Outcome::Failed,
        };
        if audited {
            self.inner.audit.finish(&entry, outcome);
        }
        let metrics = &self.inner.metrics;
        metrics
            .operations
            .with_label_values(&[row.name, outcome.as_str()])
            .inc();
        metrics
            .seconds
            .with_label_values(&[row.name])
            .observe(started.elapsed().as_secs_f64());
        if let Err(problem) = &mut result
            && let Some(cause) = problem.internal.take()
        {
            tracing::error!(operation = row.name, trace = %cx.trace, code = problem.code.name, cause = %cause, "operation failed");
        }
        result
    }

    fn permit(&self, cx: &Ctx, row: &Operation, target: &Target) -> Result<Arc<Obligations>, Problem> {
        if !within(&cx.actor.grant, row, target) {
            return Err(Problem::new(codes::FORBIDDEN, cx.actor.grant.reason.clone()));
        }
        match self.inner.policy.decide(cx, target, row)? {
            Decision::Permit(obligations) => Ok(obligations),
            // Perhaps by policies that another server has replaced. What they permitted is asked again by the engine.
            _ => {
                self.inner.policy.refresh()?;
                self.inner.policy.decide(cx, target, row)?.permitted(cx)
            }
        }
    }

    fn approvals(&self) -> &dyn Approvals {
        self.inner.approvals.get().map_or(&NoApprovals, |kept| &**kept)
    }

    /// Refuses an act that needs somebody else where no approval is named; the call is then kept for him.
    fn agreed(&self, asked: &Asked<'_>, nested: bool) -> Result<(), Problem> {
        match (&asked.obligations.two_person, &asked.input.approval) {
            (None, _) => Ok(()),
            // Part of another act, which goes back as a whole: nothing could be kept of it.
            (Some(_), _) if nested => {
                let mut refusal = required(asked);
                refusal.detail.push_str("它是另一个操作的一部分,请先单独办理。");
                Err(refusal)
            }
            (Some(_), None) => Err(self.approvals().ask(asked)),
            (Some(_), Some(_)) => Ok(()),
        }
    }

    /// Uses the approval up, where the act needs one.
    fn take(&self, asked: &Asked<'_>, tx: &mut Tx<'_>) -> Result<(), Problem> {
        match (&asked.obligations.two_person, &asked.input.approval) {
            (None, _) => Ok(()),
            (Some(_), Some(id)) => self.approvals().take(asked, tx, id),
            (Some(_), None) => Err(required(asked)),
        }
    }

    fn run(
        &self,
        cx: &Ctx,
        row: &Arc<Operation>,
        input: Input,
        obligations: Arc<Obligations>,
        kept: &Kept,
        tx: Option<&mut Tx<'_>>,
    ) -> Result<Reply, Problem> {
        if let Some(tx) = tx {
            return self.inside(cx, row, &input, &obligations, kept, tx);
        }
        if let Handler::Outside(handler) = &row.handler {
            // It commits by itself, at a time only it knows.
            kept.ticket.wait()?;
            if obligations.two_person.is_some() {
                // Used before the first byte leaves: an act that fails then has used it up.
                let (door, cx, row, input, obligations) = (
                    self.clone(),
                    cx.clone(),
                    Arc::clone(row),
                    input.clone(),
                    Arc::clone(&obligations),
                );
                self.inner.db.write(move |tx| {
                    let target = row.target_of(&input);
                    door.take(&asked(&cx, &row, &target, &input, &obligations), tx)
                })?;
            }
            let call = Outside {
                cx,
                db: &self.inner.db,
                input: &input,
                operation: row,
                target: &kept.target,
                obligations: &obligations,
                door: self,
                touches: &kept.touches,
            };
            let reply = guarded(|| handler(&call))?;
            kept.touches.settle()?;
            return Ok(watched(reply, &kept.touches));
        }
        // What uses an approval up writes, whatever else it does.
        let uses = obligations.two_person.is_some();
        // The writer is another thread: what it runs owns all it needs.
        let work = {
            let (door, cx, row, kept) = (self.clone(), cx.clone(), Arc::clone(row), kept.clone());
            move |tx: &mut Tx<'_>| door.inside(&cx, &row, &input, &obligations, &kept, tx)
        };
        match row.access {
            Access::Read if !uses => guarded(|| self.inner.db.read(work)),
            Access::Read | Access::Write => self.inner.db.write(work),
            Access::Alone => self.inner.db.write_exclusive(work),
            Access::Outside => Err(Problem::internal(format!(
                "{} is outside but its handler is not",
                row.name
            ))),
        }
    }

    fn inside(
        &self,
        cx: &Ctx,
        row: &Operation,
        input: &Input,
        obligations: &Arc<Obligations>,
        kept: &Kept,
        tx: &mut Tx<'_>,
    ) -> Result<Reply, Problem> {
        let Handler::Inside(handler) = &row.handler else {
            return Err(Problem::internal(format!(
                "{} needs no transaction and was given one",
                row.name
            )));
        };
        let reply = once(cx, tx, row, input, |tx| {
            self.take(&asked(cx, row, &row.target_of(input), input, obligations), tx)?;
            handler(&mut Call {
                cx,
                tx,
                input,
                operation: row,
                target: &kept.target,
                obligations,
                door: self,
                touches: &kept.touches,
            })
        })?;
        // Both share a group of the log where they can. The first became durable while the handler ran, mostly; nothing is
        // committed, and nothing shown, before both are.
        kept.touches.hand_over()?;
        kept.ticket.wait()?;
        kept.touches.settle()?;
        Ok(watched(reply, &kept.touches))
    }
}

fn asked<'a>(
    cx: &'a Ctx,
    operation: &'a Operation,
    target: &'a Target,
    input: &'a Input,
    obligations: &'a Arc<Obligations>,
) -> Asked<'a> {
    Asked {
        cx,
        operation,
        target,
        input,
        obligations,
    }
}

/// What the audit log holds of a running act.
#[derive(Clone)]
struct Kept {
    ticket: AuditTicket,
    touches: Touches,
    target: Target,
}

/// A reply whose stream lets no byte go before the log has those whom it tells of.
fn watched(mut reply: Reply, touches: &Touches) -> Reply {
    if let ReplyBody::Stream { content_type, write } = reply.body {
        let touches = touches.clone();
        reply.body = ReplyBody::Stream {
            content_type,
            write: Box::new(move |out| {
                let mut guard = touches.guard(out);
                let written = write(&mut guard);
                guard.end(written)
            }),
        };
    }
    reply
}

/// Whether an act lies within what the actor's grant leaves of its rights.
fn within(grant: &Grant, row: &Operation, target: &Target) -> bool {
    let Some(scopes) = &grant.scopes else { return true };
    let reads = row.method == Method::Get || row.access == Access::Read;
    if scopes.contains("read") && !reads {
        return false;
    }
    let package = target.resource.split('.').next().unwrap_or("");
    let mut named = scopes.iter().filter_map(|scope| scope.split_once(':')).peekable();
    // Only `read`: every package. Nothing at all: nothing.
    if named.peek().is_none() {
        return scopes.contains("read");
    }
    named.any(|(kind, name)| match kind {
        "package" => name == package,
        "operation" => name == row.name,
        _ => false,
    })
}

fn guarded<T>(f: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a handler panicked".to_owned());
        Err(Problem::internal(text))
    })
}
