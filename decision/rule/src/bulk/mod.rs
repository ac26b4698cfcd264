//! The same tables over columns: decision tables, and graphs of them, are compiled to look-ups over whole columns, with the
//! rules that fired for every row. What can't be compiled says why and is evaluated row by row. (A lake of columns is not here
//! yet; the columns are plain vectors.)
//!
//! Each column of a table is cut by the values its tests name; every stretch knows, as bits, which rules it passes. So a row
//! costs one search and one `and` a column, whatever the number of rules.
//!
//! Map: `frame`: columns. `plan`: what is compiled, and why not. `lookup`: one column's stretches. `run`: rows through a plan.

mod frame;
mod lookup;
mod plan;
mod run;

use std::sync::Arc;

use banyan_base::Ctx;
use serde_json::{Map, Value as Json};

use crate::explain::{Reasons, Undecided, decide};
use crate::model::Model;

pub use frame::{Bits, Column, Frame, Values};
pub use plan::{Plan, compile};
pub use run::{Outcomes, Reason};

/// What came of many rows.
pub struct Rows {
    /// Why they were evaluated one by one; none: they were not.
    pub why: Vec<String>,
    pub results: Vec<Json>,
    /// Rules that fired, row by row, as decision and numbers.
    pub reasons: Vec<Vec<Reason>>,
}

/// Decides about rows given as JSON: by columns where the decision can be compiled and the rows fit columns, row by row else.
///
/// # Errors
/// Where there is no such decision, or a row can't be evaluated.
pub fn decide_rows(
    cx: &Ctx,
    model: &Arc<Model>,
    decision: &str,
    rows: &[Map<String, Json>],
) -> Result<Rows, Undecided> {
    let compiled = compile(model, decision).and_then(|plan| {
        let frame = Frame::of_rows(plan.inputs(), rows).map_err(|why| vec![why])?;
        let outcomes = plan.run(&frame, 1).map_err(|why| vec![why])?;
        Ok((0..rows.len())
            .map(|row| (outcomes.result(row), outcomes.reasons(row)))
            .unzip())
    });
    match compiled {
        Ok((results, reasons)) => Ok(Rows {
            why: Vec::new(),
            results,
            reasons,
        }),
        Err(why) => {
            let mut all = Rows {
                why,
                results: Vec::new(),
                reasons: Vec::new(),
            };
            for row in rows {
                let outcome = decide(cx, model, decision, row, Reasons::Given)?;
                let reasons = outcome.reasons.iter();
                all.reasons.push(
                    reasons
                        .filter(|reason| reason.hit_policy.is_some())
                        .map(|reason| Reason {
                            decision: reason.name.clone(),
                            rules: reason.matched.iter().map(|fired| fired.rule).collect(),
                        })
                        .collect(),
                );
                all.results.push(outcome.result);
            }
            Ok(all)
        }
    }
}
