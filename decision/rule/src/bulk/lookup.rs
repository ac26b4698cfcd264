//! One column of a table under all its rules' tests: which rules each stretch of values passes, as bits.

use std::collections::HashMap;

use super::frame::{Column, Values, power};
use crate::sfeel::{Class, DECIMALS, Piece, Test};

/// Bits of rules: as many words as they need, one after another.
pub type Masks = Vec<u64>;

/// How many words the bits of so many rules take.
pub fn words(rules: usize) -> usize {
    rules.div_ceil(64).max(1)
}

pub fn set(mask: &mut [u64], rule: usize) {
    if let Some(word) = mask.get_mut(rule / 64) {
        *word |= 1 << (rule % 64);
    }
}

/// What the tests of one column say, for any values.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub class: Class,
    words: usize,
    /// Ends of stretches in order; behind them the masks of: below the first, the first itself, above it, the second itself, …
    ends: Vec<i128>,
    ordered: Masks,
    texts: HashMap<String, Masks>,
    other_text: Masks,
    boolean: [Masks; 2],
    null: Masks,
}

fn masks(tests: &[&Test], words: usize, passes: impl Fn(&Test) -> bool) -> Masks {
    let mut mask = vec![0; words];
    for (rule, test) in tests.iter().enumerate() {
        if passes(test) {
            set(&mut mask, rule);
        }
    }
    mask
}

impl Lookup {
    /// The tests of a column, a rule each. What `valid` does not pass is null to the table; what `listed` does not pass matches
    /// no rule.
    pub fn new(class: Class, tests: &[&Test], valid: Option<&Test>, listed: Option<&Test>) -> Lookup {
        let words = words(tests.len());
        let nothing = vec![0; words];
        let is = |test: Option<&Test>, passes: &dyn Fn(&Test) -> bool| test.is_none_or(passes);
        let null = if is(listed, &Test::passes_null) {
            masks(tests, words, Test::passes_null)
        } else {
            nothing.clone()
        };
        let of = |passes: &dyn Fn(&Test) -> bool| {
            if !is(valid, passes) {
                null.clone()
            } else if !is(listed, passes) {
                nothing.clone()
            } else {
                masks(tests, words, passes)
            }
        };
        let every = || {
            tests
                .iter()
                .copied()
                .chain(valid)
                .chain(listed)
                .flat_map(Test::pieces)
        };
        let mut ends: Vec<i128> = every()
            .filter_map(|piece| match piece {
                Piece::Span(own, low, high) if *own == class => {
                    Some(low.iter().chain(high).map(|(at, _)| *at).collect::<Vec<_>>())
                }
                _ => None,
            })
            .flatten()
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let mut ordered = Vec::new();
        // Twice as fine as the values are, there is always something between two ends.
        let fine = |at: i128, up: bool| if up { at * 2 + 1 } else { at * 2 - 1 };
        let at_fine = |test: &Test, at: i128| halved(test).passes_ordered(class, at);
        match ends.first() {
            None => ordered.extend(of(&|test| at_fine(test, 0))),
            Some(first) => {
                ordered.extend(of(&|test| at_fine(test, fine(*first, false))));
                for end in &ends {
                    ordered.extend(of(&|test| at_fine(test, *end * 2)));
                    ordered.extend(of(&|test| at_fine(test, fine(*end, true))));
                }
            }
        }
        let named = every().filter_map(|piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            _ => None,
        });
        let texts = named.map(|text| {
            let mask = of(&|test| test.passes_text(&text));
            (text, mask)
        });
        Lookup {
            class,
            words,
            texts: texts.collect(),
            other_text: of(&|test| test.passes_text("\u{0}")),
            boolean: [
                of(&|test| test.passes_boolean(false)),
                of(&|test| test.passes_boolean(true)),
            ],
            null,
            ends,
            ordered,
        }
    }

    pub fn null(&self) -> &[u64] {
        &self.null
    }

    /// Which rules a single value passes.
    pub fn ordered(&self, at: i128) -> &[u64] {
        let below = self.ends.partition_point(|end| *end < at);
        let cell = below * 2 + usize::from(self.ends.get(below) == Some(&at));
        self.ordered
            .get(cell * self.words..(cell + 1) * self.words)
            .unwrap_or_default()
    }

    pub fn text(&self, text: &str) -> &[u64] {
        self.texts.get(text).unwrap_or(&self.other_text)
    }

    pub fn boolean(&self, value: bool) -> &[u64] {
        let [no, yes] = &self.boolean;
        if value { yes } else { no }
    }

    /// Made ready for the values of a column.
    ///
    /// # Errors
    /// Where the column holds another type.
    pub fn bind<'a>(&'a self, column: &'a Column) -> Result<Bound<'a>, String> {
        if column.values.class() != self.class {
            let (wanted, got) = (self.class.name(), column.values.class().name());
            return Err(format!(
                "a column of {got} stands where one of {wanted} is tested"
            ));
        }
        let unit = match &column.values {
            Values::Number { decimals, .. } => power(DECIMALS.saturating_sub(usize::from(*decimals))),
            _ => 1,
        };
        // Ends between two values of the column are never met themselves.
        let mut ends = Vec::with_capacity(self.ends.len());
        let mut exact = Vec::with_capacity(self.ends.len());
        for end in &self.ends {
            let floor = i64::try_from(end.div_euclid(unit));
            ends.push(floor.map_err(|_| "a test names a value that columns can't hold".to_owned())?);
            exact.push(end.rem_euclid(unit) == 0);
        }
        let by_code = match &column.values {
            Values::Text { dictionary, .. } => dictionary
                .iter()
                .flat_map(|text| self.text(text).iter().copied())
                .collect(),
            _ => Vec::new(),
        };
        Ok(Bound {
            lookup: self,
            column,
            ends,
            exact,
            by_code,
        })
    }
}

/// The same test with all places doubled.
fn halved(test: &Test) -> Test {
    let double = |piece: &Piece| match piece {
        Piece::Span(class, low, high) => {
            let twice = |end: &Option<(i128, bool)>| end.map(|(at, closed)| (at * 2, closed));
            Piece::Span(*class, twice(low), twice(high))
        }
        piece => piece.clone(),
    };
    let all = |pieces: &[Piece]| pieces.iter().map(double).collect();
    match test {
        Test::In(pieces) => Test::In(all(pieces)),
        Test::Not(pieces) => Test::Not(all(pieces)),
        Test::Unequal(piece) => Test::Unequal(double(piece)),
        test => test.clone(),
    }
}

/// A column with its look-up.
pub struct Bound<'a> {
    lookup: &'a Lookup,
    column: &'a Column,
    ends: Vec<i64>,
    exact: Vec<bool>,
    by_code: Masks,
}

impl Bound<'_> {
    /// Takes what this column does not pass out of the masks of rows `from`…
    pub fn narrow(&self, from: usize, masks: &mut [u64]) {
        let words = self.lookup.words;
        let rows = masks.len() / words;
        let and = |row: usize, masks: &mut [u64], by: &[u64]| {
            if let Some(mask) = masks.get_mut(row * words..(row + 1) * words) {
                for (word, by) in mask.iter_mut().zip(by) {
                    *word &= by;
                }
            }
        };
        let nulls = self.column.nulls.as_ref();
        let null = |row: usize| nulls.is_some_and(|nulls| nulls.get(from + row));
        match &self.column.values {
            Values::Number { scaled, .. } => {
                self.ordered(slice(scaled, from, rows), &null, masks, |value| *value)
            }
            Values::Nanos(values) => self.ordered(slice(values, from, rows), &null, masks, |value| *value),
            Values::Date(values) | Values::Months(values) => {
                self.ordered(slice(values, from, rows), &null, masks, |value| i64::from(*value));
            }
            Values::Text { codes, .. } => {
                for (row, code) in slice(codes, from, rows).iter().enumerate() {
                    let at = *code as usize * words;
                    let by = if null(row) {
                        &self.lookup.null[..]
                    } else {
                        self.by_code.get(at..at + words).unwrap_or_default()
                    };
                    and(row, masks, by);
                }
            }
            Values::Boolean(values) => {
                for (row, value) in slice(values, from, rows).iter().enumerate() {
                    let by = if null(row) {
                        self.lookup.null()
                    } else {
                        self.lookup.boolean(*value)
                    };
                    and(row, masks, by);
                }
            }
        }
    }

    fn ordered<T>(
        &self,
        values: &[T],
        null: &dyn Fn(usize) -> bool,
        masks: &mut [u64],
        place: impl Fn(&T) -> i64,
    ) {
        let words = self.lookup.words;
        let any_null = self.column.nulls.is_some();
        for ((row, value), mask) in values.iter().enumerate().zip(masks.chunks_exact_mut(words)) {
            let by = if any_null && null(row) {
                self.lookup.null()
            } else {
                let cell = self.cell(place(value));
                self.lookup
                    .ordered
                    .get(cell * words..(cell + 1) * words)
                    .unwrap_or_default()
            };
            for (word, by) in mask.iter_mut().zip(by) {
                *word &= by;
            }
        }
    }

    fn cell(&self, value: i64) -> usize {
        // Few ends are counted faster than they are searched.
        let below = if self.ends.len() <= 16 {
            self.ends.iter().map(|end| usize::from(*end < value)).sum()
        } else {
            self.ends.partition_point(|end| *end < value)
        };
        let met = self.ends.get(below) == Some(&value) && self.exact.get(below) == Some(&true);
        below * 2 + usize::from(met)
    }
}

fn slice<T>(values: &[T], from: usize, rows: usize) -> &[T] {
    values
        .get(from..(from + rows).min(values.len()))
        .unwrap_or_default()
}
