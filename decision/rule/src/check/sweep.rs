//! Boxes: the rules of a table as products of sets of cells. A column falls into cells by every value that its tests name, the
//! stretches between them, and whatever else there is; within a cell no test tells two values apart.

use std::collections::HashSet;

use serde_json::{Map, Value as Json};

use crate::sfeel::{Class, Piece, Test, shown};

/// One column, or several that ask for the same.
pub struct Axis {
    pub expression: String,
    pub cells: Vec<Cell>,
}

/// A set of values that no test of the column tells apart.
#[derive(Clone, Debug)]
pub enum Cell {
    Ordered(Class, i128),
    Text(String),
    /// Some text that no test names.
    OtherText,
    Boolean(bool),
}

/// Most steps of one question.
const STEPS: usize = 200_000;

/// Sets of cells, a rule each, by axis.
pub struct Boxes {
    pub axes: Vec<Axis>,
    /// By rule, by axis: which cells pass.
    pub rules: Vec<Vec<Vec<bool>>>,
}

/// The cells of a column of a class under all its tests, those that `allowed` leaves.
pub fn cells(class: Class, tests: &[&Test], allowed: Option<&Test>) -> Vec<Cell> {
    let every = || tests.iter().copied().chain(allowed).flat_map(Test::pieces);
    let mut cells: Vec<Cell> = match class {
        Class::Boolean => vec![Cell::Boolean(true), Cell::Boolean(false)],
        Class::Text => {
            let mut texts: Vec<String> = every()
                .filter_map(|piece| match piece {
                    Piece::Text(text) => Some(text.clone()),
                    _ => None,
                })
                .collect();
            texts.sort();
            texts.dedup();
            texts
                .into_iter()
                .map(Cell::Text)
                .chain([Cell::OtherText])
                .collect()
        }
        class => {
            let ends = every().flat_map(|piece| match piece {
                Piece::Span(own, low, high) if *own == class => {
                    low.iter().chain(high).map(|(at, _)| *at).collect::<Vec<_>>()
                }
                _ => Vec::new(),
            });
            let mut ends: Vec<i128> = ends.collect();
            ends.sort_unstable();
            ends.dedup();
            stretches(class, &ends)
        }
    };
    if let Some(allowed) = allowed {
        cells.retain(|cell| cell.passes(allowed));
    }
    cells
}

/// A value of each stretch: the ends themselves, and something before, between and behind them.
fn stretches(class: Class, ends: &[i128]) -> Vec<Cell> {
    let step = match class {
        Class::Number => crate::sfeel::PART,
        Class::DateTime | Class::DayTime => 1_000_000_000,
        _ => 1,
    };
    let mut found = Vec::new();
    let Some((first, last)) = ends.first().zip(ends.last()) else {
        return vec![Cell::Ordered(class, 0)];
    };
    found.push(first - step);
    for (at, end) in ends.iter().enumerate() {
        found.push(*end);
        if let Some(next) = ends.get(at + 1) {
            // Between two days that follow one another there is none; for numbers, between two ends there always is one.
            let between = if next - end > step {
                end + step
            } else {
                end + (next - end) / 2
            };
            if between > *end && between < *next {
                found.push(between);
            }
        }
    }
    found.push(last + step);
    found.into_iter().map(|at| Cell::Ordered(class, at)).collect()
}

impl Cell {
    pub fn passes(&self, test: &Test) -> bool {
        match self {
            Cell::Ordered(class, at) => test.passes_ordered(*class, *at),
            Cell::Text(text) => test.passes_text(text),
            Cell::OtherText => test.passes_text("\u{0}"),
            Cell::Boolean(value) => test.passes_boolean(*value),
        }
    }

    fn shown(&self) -> Json {
        match self {
            Cell::Ordered(class, at) => shown(*class, *at),
            Cell::Text(text) => Json::String(text.clone()),
            Cell::OtherText => Json::String("…".into()),
            Cell::Boolean(value) => Json::Bool(*value),
        }
    }
}

/// What a search says.
pub enum Answer {
    /// A cell of every axis.
    Point(Vec<usize>),
    Nothing,
    /// There is too much to look through.
    TooLarge,
}

impl Boxes {
    /// A point within `inside` (by axis; none: everywhere) that none of these rules covers.
    pub fn uncovered(&self, inside: Option<&[Vec<bool>]>, by: &[usize]) -> Answer {
        let mut search = Search {
            boxes: self,
            inside,
            known: HashSet::new(),
            steps: 0,
        };
        let mut point = Vec::new();
        if search.look(0, by, &mut point) {
            return Answer::Point(point);
        }
        if search.steps > STEPS {
            Answer::TooLarge
        } else {
            Answer::Nothing
        }
    }

    /// A point that both rules cover.
    pub fn common(&self, a: usize, b: usize) -> Option<Vec<usize>> {
        let (a, b) = (self.rules.get(a)?, self.rules.get(b)?);
        let axes = a.iter().zip(b);
        axes.map(|(a, b)| a.iter().zip(b).position(|(a, b)| *a && *b))
            .collect()
    }

    /// An axis on which the rule covers nothing.
    pub fn empty(&self, rule: usize) -> Option<usize> {
        self.rules
            .get(rule)?
            .iter()
            .position(|cells| !cells.contains(&true))
    }

    pub fn example(&self, point: &[usize]) -> Map<String, Json> {
        let axes = self.axes.iter().enumerate();
        axes.map(|(at, axis)| {
            let cell = point.get(at).and_then(|cell| axis.cells.get(*cell));
            // Axes that nothing depends on any more can have any value.
            let cell = cell.or_else(|| axis.cells.first());
            (axis.expression.clone(), cell.map_or(Json::Null, Cell::shown))
        })
        .collect()
    }

    fn covers(&self, rule: usize, axis: usize, cell: usize) -> bool {
        let cells = self.rules.get(rule).and_then(|axes| axes.get(axis));
        cells
            .and_then(|cells| cells.get(cell))
            .is_some_and(|covered| *covered)
    }
}

struct Search<'a> {
    boxes: &'a Boxes,
    inside: Option<&'a [Vec<bool>]>,
    /// Sets of rules that are known to cover everything from an axis on.
    known: HashSet<(usize, Vec<usize>)>,
    steps: usize,
}

impl Search<'_> {
    /// Whether there is a point from this axis on that none of the rules left covers.
    fn look(&mut self, axis: usize, left: &[usize], point: &mut Vec<usize>) -> bool {
        self.steps += 1;
        if self.steps > STEPS {
            return false;
        }
        let Some(cells) = self.boxes.axes.get(axis).map(|axis| axis.cells.len()) else {
            return left.is_empty();
        };
        if self.known.contains(&(axis, left.to_vec())) {
            return false;
        }
        for cell in 0..cells {
            let within = self.inside.is_none_or(|inside| {
                inside
                    .get(axis)
                    .and_then(|cells| cells.get(cell))
                    .is_some_and(|within| *within)
            });
            if !within {
                continue;
            }
            let still: Vec<usize> = left
                .iter()
                .copied()
                .filter(|rule| self.boxes.covers(*rule, axis, cell))
                .collect();
            point.push(cell);
            if self.look(axis + 1, &still, point) {
                return true;
            }
            point.pop();
        }
        self.known.insert((axis, left.to_vec()));
        false
    }
}
