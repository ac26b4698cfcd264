//! Walking a list in its order. A page in the order of an index, of rows that a filter or policy narrows: the database would
//! rather find all rows that match, by an index of the condition, and sort them, for it takes every condition as rare and
//! can't stop half-way. So the first rows of the order are looked at instead, a bounded number, and mostly they hold the page.
//! Where they don't, nothing is lost but that look: the whole question is asked, and what was learnt of how many rows match
//! is kept, for the next page.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::ast::{Expr, Op, Side};
use crate::catalog::TypeInfo;
use crate::ddl;

/// Rows looked at for each that is wanted, while nothing is known.
const AT_FIRST: u32 = 16;
/// Rows looked at at the most: so many, or this part of all rows (asking the whole question costs more the more there are),
/// and more only where a page itself is long.
const MOST: u32 = 2_000;
const PART: u64 = 64;
/// So often a list is asked whole before walking is tried again: records change.
const PATIENCE: u32 = 200;
/// Kinds of lists remembered of one type.
const KEPT: usize = 2_000;

#[derive(Clone, Copy, Debug)]
struct Known {
    /// Of the rows looked at, how many matched.
    share: f64,
    asked_whole: u32,
}

/// What is known of the lists of one type as somebody sees it.
#[derive(Debug, Default)]
pub struct Walks(Mutex<HashMap<u64, Known>>);

/// What tells one kind of list from another: of what, by which filter, in which order.
pub fn key(what: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

fn most(wanted: u32, all: u64) -> u32 {
    let part = u32::try_from(all / PART).unwrap_or(u32::MAX);
    MOST.max(wanted.saturating_mul(4)).max(part)
}

impl Walks {
    /// How many of `all` rows are worth looking at for so many that match; `None`: ask the whole question.
    pub fn rows(&self, key: u64, wanted: u32, all: u64) -> Option<u32> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = kept.get_mut(&key) else {
            return Some(wanted.saturating_mul(AT_FIRST).min(most(wanted, all)));
        };
        // Half as many again: matches do not lie evenly.
        let needed = f64::from(wanted) / known.share.max(1e-6) * 1.5;
        if needed <= f64::from(most(wanted, all)) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "positive, and at most what fits"
            )]
            return Some((needed as u32).max(wanted));
        }
        known.asked_whole += 1;
        if known.asked_whole > PATIENCE {
            kept.remove(&key);
        }
        None
    }

    /// Too few of so many rows matched.
    pub fn fell_short(&self, key: u64, walked: u32, matched: u32) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        let known = Known {
            share: f64::from(matched) / f64::from(walked.max(1)),
            asked_whole: 0,
        };
        kept.insert(key, known);
    }
}

/// Columns that a filter fixes to one value.
fn fixed(filter: Option<&Expr>) -> Vec<&str> {
    match filter {
        Some(Expr::And(parts)) => parts.iter().flat_map(|part| fixed(Some(part))).collect(),
        Some(Expr::Compare {
            left: Side::Property(name, false),
            op: Op::Eq,
            right: Side::Given(..),
        }) => vec![&name.name],
        _ => Vec::new(),
    }
}

/// Whether an index gives the rows in the order of these columns, all in one direction, with nothing masked among them, and
/// no other index serves the filter and the order both.
pub fn suits(info: &TypeInfo, filter: Option<&Expr>, order: &[(String, bool)]) -> bool {
    let masked = |name: &str| {
        let secured = info.secured.as_ref();
        secured.is_some_and(|secured| secured.masked.iter().any(|one| one == name))
    };
    let first = order.first().map(|(_, descending)| *descending);
    if order
        .iter()
        .any(|(name, descending)| Some(*descending) != first || masked(name))
    {
        return false;
    }
    let column = |name: &str| match name {
        "state" => Some("state".to_owned()),
        name => info.column(name).map(|column| column.column.clone()),
    };
    let Some(columns) = order
        .iter()
        .map(|(name, _)| column(name))
        .collect::<Option<Vec<_>>>()
    else {
        return false;
    };
    let indexes: Vec<Vec<String>> = ddl::wanted(info)
        .into_iter()
        .filter(|(_, _, unique)| !unique)
        .map(|(_, columns, _)| columns)
        .collect();
    let both = fixed(filter).into_iter().filter_map(column).any(|fixed| {
        let together: Vec<&String> = std::iter::once(&fixed).chain(&columns).collect();
        indexes
            .iter()
            .any(|index| index.iter().eq(together.iter().copied()))
    });
    !both && (columns.is_empty() || indexes.contains(&columns))
}

#[cfg(test)]
mod tests {
    use super::Walks;

    #[test]
    fn what_a_look_tells_is_minded_and_forgotten() {
        let walks = Walks::default();
        assert_eq!(walks.rows(1, 21, 1_000), Some(336));
        // One in nine: half as many again as are needed.
        walks.fell_short(1, 180, 20);
        assert_eq!(walks.rows(1, 21, 1_000), Some(283));
        // One in a thousand is too rare among few rows, not among many.
        walks.fell_short(1, 2_000, 2);
        assert_eq!(walks.rows(1, 21, 1_000), None);
        assert_eq!(walks.rows(1, 21, 10_000_000), Some(31_500));
        // None at all: the whole question, until it is time to look again.
        walks.fell_short(1, 2_000, 0);
        let asked = (0..500).find(|_| walks.rows(1, 21, 1_000_000).is_some());
        assert_eq!(asked, Some(201));
    }
}
