//! The clocks of a life cycle: their states, lengths and transitions.

use super::Checker;
use crate::model::Lifecycle;

impl Checker<'_> {
    pub(super) fn clocks(&mut self, path: &str, lifecycle: &Lifecycle) {
        for (name, clock) in &lifecycle.clocks {
            let keys = ["lifecycle", "clocks", name];
            let at = |key| [keys[0], keys[1], keys[2], key];
            match lifecycle.state(&clock.state) {
                None => self.error(
                    path,
                    &at("state"),
                    "state-missing",
                    format!("the state `{}` is not declared", clock.state),
                ),
                Some(state) if state.is_final => self.error(
                    path,
                    &at("state"),
                    "state-final",
                    format!(
                        "records stay in the final state `{}`: no clock runs there",
                        clock.state
                    ),
                ),
                Some(_) => {}
            }
            if let Some(message) = wrong_length(&clock.after, clock.working_days) {
                self.error(path, &at("after"), "duration", message);
            }
            let Some(wanted) = &clock.transition else { continue };
            match lifecycle.transition(wanted) {
                None => self.error(
                    path,
                    &at("transition"),
                    "transition-missing",
                    format!("there is no transition `{wanted}`"),
                ),
                Some(transition) if !transition.from.contains(&clock.state) => self.error(
                    path,
                    &at("transition"),
                    "transition-missing",
                    format!("`{wanted}` does not lead out of `{}`", clock.state),
                ),
                Some(transition) if !transition.require.is_empty() => self.error(
                    path,
                    &at("transition"),
                    "transition-missing",
                    format!("`{wanted}` needs fields to be filled, which a clock can't do"),
                ),
                Some(_) => {}
            }
        }
    }
}

/// What is wrong with a clock's length, if anything.
fn wrong_length(after: &str, working_days: bool) -> Option<String> {
    let Ok(span) = after.parse::<jiff::Span>() else {
        return Some(format!("`{after}` is no duration; write e.g. P5D or PT4H"));
    };
    if !span.is_positive() {
        return Some(format!("`{after}` is no time at all"));
    }
    let days = span.get_days();
    if working_days && span.fieldwise() != jiff::Span::new().days(days).fieldwise() {
        return Some(format!(
            "`{after}`: working days are counted in whole days; write e.g. P5D"
        ));
    }
    // A thousand working days are four years: more is a mistake.
    (working_days && days > 1_000).then(|| format!("`{after}` is longer than a thousand working days"))
}
