//! Rows through a plan: which rules fired, table by table, and what came of it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::frame::Frame;
use super::lookup::{Bound, Lookup, Masks, words};
use super::plan::{Becomes, More, Plan, Source, Table};
use crate::sfeel;
use dsntk_feel::values::Value;

/// Rows worked on together: their masks stay near the processor.
const CHUNK: usize = 4_096;

/// Rules of a decision that matched a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub decision: String,
    /// From 1.
    pub rules: Vec<usize>,
}

/// What came of the rows of a frame.
pub struct Outcomes<'a> {
    plan: &'a Plan,
    pub rows: usize,
    /// By table: the bits of the rules that matched, row after row.
    masks: Vec<Masks>,
    /// By table of single results: the rule whose output it is; behind the last: none matched; behind that: null.
    taken: Vec<Vec<u16>>,
}

impl Plan {
    /// Evaluates all rows, on so many threads.
    ///
    /// # Errors
    /// Where a column is missing or holds another type.
    pub fn run(&self, frame: &Frame, threads: usize) -> Result<Outcomes<'_>, String> {
        let mut bound = Vec::new();
        for table in &self.tables {
            if table.rules >= usize::from(u16::MAX) - 1 {
                return Err(format!("`{}` has too many rules", table.name));
            }
            let mut columns = Vec::new();
            for (source, lookup) in &table.columns {
                columns.push(match source {
                    Source::Input(name) => {
                        let column = frame
                            .column(name)
                            .ok_or_else(|| format!("there is no column {name}"))?;
                        Feed::Column(lookup.bind(column)?)
                    }
                    Source::Table(at) => {
                        let other = self.tables.get(*at).ok_or("a table is missing")?;
                        Feed::Table(*at, by_taken(other, lookup))
                    }
                });
            }
            bound.push(columns);
        }
        let mut outcomes = Outcomes {
            plan: self,
            rows: frame.rows,
            masks: self
                .tables
                .iter()
                .map(|table| vec![0; frame.rows * words(table.rules)])
                .collect(),
            taken: self.tables.iter().map(|_| vec![0; frame.rows]).collect(),
        };
        let share = frame.rows.div_ceil(threads.max(1)).max(1).next_multiple_of(CHUNK);
        let mut parts: Vec<Part<'_>> = Vec::new();
        for (mask, (taken, table)) in outcomes
            .masks
            .iter_mut()
            .zip(outcomes.taken.iter_mut().zip(&self.tables))
        {
            let words = words(table.rules);
            let slices = mask.chunks_mut(share * words).zip(taken.chunks_mut(share));
            for (at, (mask, taken)) in slices.enumerate() {
                if parts.len() <= at {
                    parts.push(Part {
                        from: at * share,
                        tables: Vec::new(),
                    });
                }
                if let Some(part) = parts.get_mut(at) {
                    part.tables.push((mask, taken));
                }
            }
        }
        let bound = &bound;
        std::thread::scope(|scope| {
            let mut parts = parts.into_iter();
            let own = parts.next();
            for part in parts {
                scope.spawn(move || self.part(bound, part));
            }
            if let Some(part) = own {
                self.part(bound, part);
            }
        });
        Ok(outcomes)
    }

    fn part(&self, bound: &[Vec<Feed<'_>>], mut part: Part<'_>) {
        let rows = part.tables.first().map_or(0, |(_, taken)| taken.len());
        let mut start = 0;
        while start < rows {
            let end = (start + CHUNK).min(rows);
            for (at, (table, columns)) in self.tables.iter().zip(bound).enumerate() {
                let words = words(table.rules);
                let (before, own) = part.tables.split_at_mut(at);
                let Some((masks, taken)) = own.first_mut() else {
                    continue;
                };
                let Some(masks) = masks.get_mut(start * words..end * words) else {
                    continue;
                };
                fill(masks, table.rules, words);
                for column in columns {
                    match column {
                        Feed::Column(bound) => bound.narrow(part.from + start, masks),
                        Feed::Table(other, by) => {
                            let results = before.get(*other).and_then(|(_, taken)| taken.get(start..end));
                            for (mask, code) in masks.chunks_exact_mut(words).zip(results.unwrap_or_default())
                            {
                                let code = usize::from(*code) * words;
                                let by = by.get(code..code + words).unwrap_or_default();
                                for (word, by) in mask.iter_mut().zip(by) {
                                    *word &= by;
                                }
                            }
                        }
                    }
                }
                if let Some(taken) = taken.get_mut(start..end) {
                    take(table, masks, words, taken);
                }
            }
            start = end;
        }
    }
}

/// The rows of one thread.
struct Part<'a> {
    from: usize,
    tables: Vec<(&'a mut [u64], &'a mut [u16])>,
}

enum Feed<'a> {
    Column(Bound<'a>),
    Table(usize, Masks),
}

/// All rules, before the columns take some out.
fn fill(masks: &mut [u64], rules: usize, words: usize) {
    for (at, word) in masks.iter_mut().enumerate() {
        let first = (at % words) * 64;
        let count = rules.saturating_sub(first).min(64);
        *word = if count == 64 {
            u64::MAX
        } else {
            (1u64 << count) - 1
        };
    }
}

/// Which rules of a look-up the results of another table pass, by what was taken.
fn by_taken(other: &Table, lookup: &Lookup) -> Masks {
    let of = |value: &Value| match value {
        Value::String(text) => lookup.text(text),
        Value::Boolean(value) => lookup.boolean(*value),
        value => sfeel::key(value).map_or(lookup.null(), |(_, at)| lookup.ordered(at)),
    };
    let all = other.values.iter().flat_map(|value| of(value).iter().copied());
    all.chain(lookup.null().iter().copied()).collect()
}

fn first_in(order: &[usize], mask: &[u64]) -> Option<usize> {
    order.iter().copied().find(|rule| has(mask, *rule))
}

fn has(mask: &[u64], rule: usize) -> bool {
    mask.get(rule / 64)
        .is_some_and(|word| word >> (rule % 64) & 1 == 1)
}

fn lowest(mask: &[u64]) -> Option<usize> {
    let word = mask.iter().position(|word| *word != 0)?;
    Some(word * 64 + mask.get(word)?.trailing_zeros() as usize)
}

fn count(mask: &[u64]) -> u32 {
    mask.iter().map(|word| word.count_ones()).sum()
}

/// The rule whose output is the result of each row.
fn take(table: &Table, masks: &[u64], words: usize, taken: &mut [u16]) {
    let Becomes::One { order, more } = &table.becomes else {
        return;
    };
    let none = table.rules;
    let sorted = order.iter().enumerate().all(|(at, rule)| at == *rule);
    for (mask, taken) in masks.chunks_exact(words).zip(taken) {
        let first = if sorted {
            lowest(mask)
        } else {
            first_in(order, mask)
        };
        let code = match first {
            None => none,
            Some(rule) => match more {
                More::First => rule,
                More::Null if count(mask) > 1 => none + 1,
                More::Null => rule,
                More::Same => {
                    let alike = table.alike.get(rule).map(Vec::as_slice).unwrap_or_default();
                    let same = mask.iter().zip(alike).all(|(word, alike)| word & !alike == 0);
                    if same { rule } else { none + 1 }
                }
            },
        };
        *taken = u16::try_from(code).unwrap_or(u16::MAX);
    }
}

impl Outcomes<'_> {
    /// The result of a row: that of the decision asked for.
    pub fn result(&self, row: usize) -> Json {
        let last = self.plan.tables.len().saturating_sub(1);
        let Some(table) = self.plan.tables.get(last) else {
            return Json::Null;
        };
        let output = |rule: usize| table.outputs.get(rule).cloned().unwrap_or(Json::Null);
        let mask = self.mask(last, row);
        let none = || output(table.rules);
        if let Becomes::One { .. } = &table.becomes {
            let code = self
                .taken
                .get(last)
                .and_then(|taken| taken.get(row))
                .copied()
                .unwrap_or(u16::MAX);
            return output(usize::from(code));
        }
        if count(mask) == 0 {
            return none();
        }
        match &table.becomes {
            Becomes::One { .. } => Json::Null,
            Becomes::All { order } => order
                .iter()
                .filter(|rule| has(mask, **rule))
                .map(|rule| output(*rule))
                .collect(),
            Becomes::Count => Json::from(count(mask)),
            Becomes::Sum(numbers) => {
                let sum = numbers
                    .iter()
                    .enumerate()
                    .filter(|(rule, _)| has(mask, *rule))
                    .map(|(_, at)| *at)
                    .sum();
                sfeel::shown(sfeel::Class::Number, sum)
            }
            Becomes::Extreme { order } => first_in(order, mask).map_or(Json::Null, output),
        }
    }

    /// The rules that matched a row, by decision, those required first.
    pub fn reasons(&self, row: usize) -> Vec<Reason> {
        let tables = self.plan.tables.iter().enumerate();
        tables
            .map(|(at, table)| {
                let mask = self.mask(at, row);
                Reason {
                    decision: table.name.clone(),
                    rules: (0..table.rules)
                        .filter(|rule| has(mask, *rule))
                        .map(|rule| rule + 1)
                        .collect(),
                }
            })
            .collect()
    }

    /// How many rows took the output of each rule of the decision asked for; behind the last: no rule; behind that: null.
    pub fn counts(&self) -> Vec<u64> {
        let Some((table, taken)) = self.plan.tables.last().zip(self.taken.last()) else {
            return Vec::new();
        };
        let mut counts = vec![0; table.rules + 2];
        for code in taken {
            if let Some(count) = counts.get_mut(usize::from(*code)) {
                *count += 1;
            }
        }
        counts
    }

    fn mask(&self, table: usize, row: usize) -> &[u64] {
        let rules = self.plan.tables.get(table).map_or(0, |table| table.rules);
        let words = words(rules);
        let masks = self.masks.get(table);
        masks
            .and_then(|masks| masks.get(row * words..(row + 1) * words))
            .unwrap_or_default()
    }
}
