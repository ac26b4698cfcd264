//! Whose data an act showed: gathered while it runs, in the audit log before any of it leaves.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use banyan_base::{Ctx, Problem};

use crate::hooks::{AuditLog, AuditStart, AuditTicket};
use crate::{Operation, Target};

/// Subjects that wait for their entry at the most: an entry holds about so many, and a long stream needs no memory.
const WAITING: usize = 2_000;
/// Bytes of a stream that are held back until those whom they tell of are in the log.
const HELD: usize = 64 * 1024;

/// What was shown of somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// Type of the records, `<package>.<type>`.
    pub resource: String,
    /// Fields that were shown, by name, masked ones too; none: all that the type has.
    pub fields: BTreeSet<String>,
    /// Purpose, `<package>.<purpose>`, where it is not that of the act as a whole.
    pub purpose: Option<String>,
    /// Id of the emergency access (应急访问) that let it through, where one did.
    pub emergency: Option<String>,
}

impl Touch {
    /// Records of a type, for the act's own purpose.
    pub fn of(resource: &str) -> Touch {
        Touch {
            resource: resource.to_owned(),
            ..Touch::default()
        }
    }

    /// The same with the fields that were shown.
    pub fn fields<'a>(self, fields: impl IntoIterator<Item = &'a str>) -> Touch {
        Touch {
            fields: fields.into_iter().map(str::to_owned).collect(),
            ..self
        }
    }
}

#[derive(Default)]
struct Pending {
    groups: Vec<(Touch, BTreeSet<String>)>,
    count: usize,
    /// Entries that are taken and perhaps not durable yet.
    tickets: Vec<AuditTicket>,
}

struct Act {
    audit: Arc<dyn AuditLog>,
    cx: Ctx,
    operation: Arc<Operation>,
    target: Target,
    subject: Option<String>,
    pending: Mutex<Pending>,
}

/// Gathers whose data one act shows. Cheap to clone; a stream takes a clone along. The door writes what was gathered when
/// the handler is done, and before each piece of a stream leaves; nobody else need.
#[derive(Clone)]
pub struct Touches(Arc<Act>);

impl Touches {
    pub(crate) fn new(
        audit: &Arc<dyn AuditLog>,
        operation: &Arc<Operation>,
        entry: &AuditStart<'_>,
    ) -> Touches {
        Touches(Arc::new(Act {
            audit: Arc::clone(audit),
            cx: entry.cx.clone(),
            operation: Arc::clone(operation),
            target: entry.target.clone(),
            subject: entry.subject.map(str::to_owned),
            pending: Mutex::default(),
        }))
    }

    /// Says whose data are about to be shown: `subjects` are data subjects by id (party, or record where its type names no
    /// party). The same subject again in one act costs nothing.
    ///
    /// # Errors
    /// Where an entry can't be taken; the data must then not be shown.
    pub fn touched<S: AsRef<str>>(
        &self,
        touch: &Touch,
        subjects: impl IntoIterator<Item = S>,
    ) -> Result<(), Problem> {
        // What emergency access lets through says so, whoever tells of it.
        let through = self.0.cx.emergency(&touch.resource).map(|through| Touch {
            emergency: Some(through.id.clone()),
            ..touch.clone()
        });
        let touch = through.as_ref().unwrap_or(touch);
        let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for subject in subjects {
            let known = pending.groups.iter().position(|(other, _)| other == touch);
            if known.is_none() {
                pending.groups.push((touch.clone(), BTreeSet::new()));
            }
            let last = pending.groups.len().saturating_sub(1);
            let Some((_, group)) = pending.groups.get_mut(known.unwrap_or(last)) else {
                continue;
            };
            if !group.contains(subject.as_ref()) && group.insert(subject.as_ref().to_owned()) {
                pending.count += 1;
            }
            if pending.count >= WAITING {
                self.append(&mut pending)?;
            }
        }
        Ok(())
    }

    fn append(&self, pending: &mut Pending) -> Result<(), Problem> {
        let act = &*self.0;
        let entry = AuditStart {
            cx: &act.cx,
            operation: &act.operation,
            target: &act.target,
            subject: act.subject.as_deref(),
        };
        pending.count = 0;
        for (touch, subjects) in std::mem::take(&mut pending.groups) {
            let subjects: Vec<String> = subjects.into_iter().collect();
            let ticket = act.audit.touch(&entry, &touch, &subjects)?;
            pending.tickets.push(ticket);
        }
        Ok(())
    }

    /// Hands over what was gathered; it is durable when the ticket says so.
    pub(crate) fn hand_over(&self) -> Result<(), Problem> {
        self.append(&mut self.0.pending.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns when all that was gathered is durable.
    pub(crate) fn settle(&self) -> Result<(), Problem> {
        let tickets = {
            let mut pending = self.0.pending.lock().unwrap_or_else(PoisonError::into_inner);
            self.append(&mut pending)?;
            std::mem::take(&mut pending.tickets)
        };
        tickets.iter().try_for_each(AuditTicket::wait)
    }

    /// A writer over `out` that lets no byte through before those whose data were gathered are in the log.
    pub(crate) fn guard<'a>(&'a self, out: &'a mut dyn Write) -> Guard<'a> {
        Guard {
            touches: self,
            out,
            held: Vec::new(),
            refused: None,
        }
    }
}

impl std::fmt::Debug for Touches {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Whose data they are belongs in no debug line.
        f.debug_struct("Touches").finish_non_exhaustive()
    }
}

pub(crate) struct Guard<'a> {
    touches: &'a Touches,
    out: &'a mut dyn Write,
    held: Vec<u8>,
    /// Why the log refused: an `io::Error` can't carry it whole.
    refused: Option<Problem>,
}

impl Guard<'_> {
    fn release(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        if let Err(problem) = self.touches.settle() {
            let text = io::Error::other("the audit log does not take what a stream shows");
            self.refused = Some(problem);
            return Err(text);
        }
        let held = std::mem::take(&mut self.held);
        self.out.write_all(&held)
    }

    /// Lets the rest through, where the writing went well; the log's refusal comes before what the writer made of it.
    pub(crate) fn end(mut self, written: Result<(), Problem>) -> Result<(), Problem> {
        let written = written.and_then(|()| self.release().map_err(Problem::internal));
        match self.refused.take() {
            Some(refused) => Err(refused),
            None => written,
        }
    }
}

impl Write for Guard<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(data);
        if self.held.len() >= HELD {
            self.release()?;
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.release()?;
        self.out.flush()
    }
}
