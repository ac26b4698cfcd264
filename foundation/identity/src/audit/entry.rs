//! What the door writes: the start of each act before it, and its end.

use banyan_base::{Problem, codes};
use banyan_door::{AuditLog, AuditStart, AuditTicket, Outcome};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

use super::log::{Log, LogError};

/// The door's audit log over a [`Log`].
pub struct AuditTrail {
    log: Log,
    /// Without it nobody can tell what record a keyed hash stands for.
    key: [u8; 32],
}

/// What stands in an entry for the thing acted on: 128 bits of a keyed hash, so that who knows the id and the key finds all
/// entries about it, and who has the log alone learns nothing.
pub fn subject_key(key: &[u8; 32], resource: &str, id: &str) -> String {
    // Any length will do for a key of HMAC; there is no other error.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(resource.as_bytes());
    mac.update(b"/");
    mac.update(id.as_bytes());
    mac.finalize()
        .into_bytes()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn refused(error: &LogError) -> Problem {
    let mut problem = Problem::new(
        codes::BUSY,
        "审计日志暂时写不进去,操作没有进行;请稍后再试,仍不行请联系管理员。",
    );
    problem.internal = Some(error.to_string());
    problem
}

impl AuditTrail {
    pub fn new(log: Log, key: [u8; 32]) -> AuditTrail {
        AuditTrail { log, key }
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    fn common(&self, kind: &str, at: String, entry: &AuditStart<'_>) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("kind".into(), json!(kind));
        fields.insert("at".into(), json!(at));
        fields.insert("trace".into(), json!(entry.cx.trace));
        fields.insert("operation".into(), json!(entry.operation.name));
        fields
    }
}

impl AuditLog for AuditTrail {
    fn start(&self, entry: &AuditStart<'_>) -> Result<AuditTicket, Problem> {
        let (cx, target) = (entry.cx, entry.target);
        let mut fields = self.common("start", cx.now_text(), entry);
        fields.insert("action".into(), json!(target.action));
        fields.insert("actor".into(), json!(cx.actor.id));
        fields.insert("actor_kind".into(), json!(cx.actor.kind));
        if let Some(unit) = &cx.actor.unit {
            fields.insert("unit".into(), json!(unit));
        }
        if let Some(purpose) = &cx.purpose {
            fields.insert("purpose".into(), json!(purpose));
        }
        if let Some(id) = entry.subject {
            fields.insert(
                "subject".into(),
                json!(subject_key(&self.key, &target.resource, id)),
            );
        }
        let entry = Value::Object(fields).to_string().into_bytes();
        let ticket = self.log.append(entry).map_err(|error| refused(&error))?;
        Ok(AuditTicket::new(move || {
            ticket.wait().map_err(|error| refused(&error))
        }))
    }

    fn finish(&self, entry: &AuditStart<'_>, outcome: Outcome) {
        let at = banyan_base::timestamp_text(entry.cx.world.now());
        let mut fields = self.common("end", at, entry);
        fields.insert("outcome".into(), json!(outcome.as_str()));
        // The start tells that it was done; an end that can't be kept shows as an act that did not end.
        if let Err(error) = self.log.append(Value::Object(fields).to_string().into_bytes()) {
            tracing::error!(trace = %entry.cx.trace, %error, "the end of an act is not in the audit log");
        }
    }
}
