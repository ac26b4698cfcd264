//! The two ways a scenario enters a platform: by the door of a fresh one, or by HTTP to a running one.

use std::time::Duration;

use banyan_base::Problem;
use banyan_door::Input;
use jiff::civil::DateTime;
use serde_json::Value as Json;

/// Why a step did not pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Something else was found than was expected.
    Mismatch { expected: String, found: String },
    /// The step could not be carried out.
    Wrong(String),
}

impl Fault {
    pub fn wrong(text: impl Into<String>) -> Fault {
        Fault::Wrong(text.into())
    }

    pub fn mismatch(expected: impl Into<String>, found: impl Into<String>) -> Fault {
        Fault::Mismatch {
            expected: expected.into(),
            found: found.into(),
        }
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Fault {
        Fault::Wrong(problem.internal.unwrap_or(problem.detail))
    }
}

/// What an operation answered.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// The JSON body, of a refusal its problem document.
    pub body: Json,
    /// The body of what is not JSON: exports.
    pub text: String,
}

impl Answer {
    pub fn refused(&self) -> bool {
        self.status >= 400
    }

    /// The reasons of a refusal: the whole, then field by field.
    pub fn reasons(&self) -> Vec<String> {
        let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or("").to_owned();
        let mut reasons = vec![text(self.body.get("detail"))];
        for error in self.errors() {
            reasons.push(format!(
                "{} {}",
                text(error.get("pointer")),
                text(error.get("message"))
            ));
        }
        reasons
    }

    pub fn errors(&self) -> &[Json] {
        self.body
            .get("errors")
            .and_then(Json::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// In one line, for messages.
    pub fn told(&self) -> String {
        if self.refused() {
            format!("被拒绝({}):{}", self.status, self.reasons().join(";"))
        } else {
            format!("成功({})", self.status)
        }
    }

    /// The records of a list.
    pub fn items(&self) -> &[Json] {
        self.body
            .get("items")
            .and_then(Json::as_array)
            .map_or(&[], Vec::as_slice)
    }
}

/// A platform as a scenario sees it.
pub trait Entrance {
    /// Later calls are made by this account.
    fn sign_in(&mut self, login: &str) -> Result<(), Fault>;
    /// Later calls are made for this purpose, until somebody else signs in.
    fn purpose(&mut self, name: &str);
    /// Later calls are made by nobody.
    fn sign_out(&mut self);
    /// Calls an operation as whoever has signed in, and lets the triggers run that it sets off.
    fn call(&mut self, operation: &str, input: Input) -> Result<Answer, Fault>;
    /// Calls an operation as the one who checks: sees everything, changes nothing.
    fn look(&mut self, operation: &str, input: Input) -> Result<Answer, Fault>;
    /// Sets the clock (time of the platform's zone) and does the work of that day.
    fn set_clock(&mut self, to: DateTime) -> Result<(), Fault>;
    /// Lets days pass, doing the work of each.
    fn pass_days(&mut self, days: u32) -> Result<(), Fault>;
    /// The position in the feed where the scenario began.
    fn begun_at(&self) -> Option<String>;
    /// How long what is checked may take to come true: on a running platform triggers run beside us.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}
