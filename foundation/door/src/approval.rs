//! The two-person rule: an act that somebody else must agree to first is kept with all that was asked, and done when he has
//! and the same call comes again.

use std::sync::Arc;

use banyan_base::{Ctx, Problem, codes};
use banyan_store::Tx;
use sha2::{Digest, Sha256};

use crate::{Body, Input, Obligations, Operation, Target};

/// A call that somebody else must agree to.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub cx: &'a Ctx,
    pub operation: &'a Operation,
    pub target: &'a Target,
    pub input: &'a Input,
    pub obligations: &'a Arc<Obligations>,
}

impl Asked<'_> {
    /// SHA-256 over who asks in what capacity, and over all that is asked: what was agreed to is this and nothing else.
    ///
    /// # Errors
    /// Where what was sent can't be read.
    pub fn digest(&self) -> Result<String, Problem> {
        let mut hasher = Sha256::new();
        // Lengths keep parts apart: no text can pass for two.
        let mut put = |part: Option<&str>| {
            let length = part.map_or(-1, |part| i64::try_from(part.len()).unwrap_or(i64::MAX));
            hasher.update(length.to_be_bytes());
            hasher.update(part.unwrap_or("").as_bytes());
        };
        let (actor, standing) = (&self.cx.actor, &self.cx.actor.standing);
        for part in [
            Some(&actor.id),
            standing.post.as_ref(),
            standing.on_behalf_of.as_ref(),
            standing.party.as_ref(),
            standing.represents.as_ref(),
            self.cx.purpose.as_ref(),
            Some(&self.target.action),
            Some(&self.target.resource),
            self.target.transition.as_ref(),
            self.input.if_match.as_ref(),
        ] {
            put(part.map(String::as_str));
        }
        put(Some(self.operation.name));
        let path = self.input.path.iter();
        let query = self.input.query.iter().map(|(name, value)| (name, value));
        for (kind, pairs) in [("path", path.collect::<Vec<_>>()), ("query", query.collect())] {
            put(Some(&format!("{kind} {}", pairs.len())));
            for (name, value) in pairs {
                put(Some(name));
                put(Some(value));
            }
        }
        match &self.input.body {
            Body::None => put(None),
            Body::Json(value) => put(Some(&value.to_string())),
            Body::Upload(upload) => {
                put(Some(&upload.content_type));
                put(upload.file_name.as_deref());
                put(Some(&upload.digest()?));
            }
        }
        Ok(hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect())
    }
}

/// Keeps what waits for somebody else.
pub trait Approvals: Send + Sync {
    /// Records the call durably, or finds the same one that waits already; gives the refusal that names it by `approval`.
    fn ask(&self, asked: &Asked<'_>) -> Problem;

    /// Uses an approval up in the transaction of the act itself, so that it counts once.
    ///
    /// # Errors
    /// `APPROVAL_REQUIRED` where it is not for this caller and this very call, not given, out of time or used.
    fn take(&self, asked: &Asked<'_>, tx: &mut Tx<'_>, id: &str) -> Result<(), Problem>;
}

/// Where nobody keeps approvals, what needs one is refused.
#[derive(Debug, Default)]
pub struct NoApprovals;

impl Approvals for NoApprovals {
    fn ask(&self, asked: &Asked<'_>) -> Problem {
        required(asked)
    }

    fn take(&self, asked: &Asked<'_>, _tx: &mut Tx<'_>, _id: &str) -> Result<(), Problem> {
        Err(required(asked))
    }
}

/// The refusal of an act that needs somebody else, with the policy's own reason.
pub fn required(asked: &Asked<'_>) -> Problem {
    let why = asked.obligations.two_person.as_deref().unwrap_or("");
    let text = format!("“{}”须经另一人同意:{why}。", asked.operation.title);
    Problem::new(codes::APPROVAL_REQUIRED, text)
}
