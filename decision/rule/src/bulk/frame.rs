//! Columns.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use crate::convert::same_name;
use crate::kind::{Base, Kind};
use crate::sfeel::{self, Class, DECIMALS};

/// One bit a row.
#[derive(Clone, Debug, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    pub fn new(rows: usize) -> Bits {
        Bits(vec![0; rows.div_ceil(64)])
    }

    pub fn set(&mut self, row: usize) {
        if let Some(word) = self.0.get_mut(row / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub fn get(&self, row: usize) -> bool {
        self.0
            .get(row / 64)
            .is_some_and(|word| word >> (row % 64) & 1 == 1)
    }
}

/// The values of a column.
#[derive(Clone, Debug)]
pub enum Values {
    /// Numbers as whole ones: `12.30` at two decimals is 1230.
    Number {
        scaled: Vec<i64>,
        decimals: u8,
    },
    /// Texts by their place in a dictionary.
    Text {
        codes: Vec<u32>,
        dictionary: Vec<String>,
    },
    Boolean(Vec<bool>),
    /// Days since 1970.
    Date(Vec<i32>),
    /// Durations in months.
    Months(Vec<i32>),
    /// Durations in nanoseconds.
    Nanos(Vec<i64>),
}

impl Values {
    pub fn class(&self) -> Class {
        match self {
            Values::Number { .. } => Class::Number,
            Values::Text { .. } => Class::Text,
            Values::Boolean(_) => Class::Boolean,
            Values::Date(_) => Class::Date,
            Values::Months(_) => Class::YearMonth,
            Values::Nanos(_) => Class::DayTime,
        }
    }

    fn len(&self) -> usize {
        match self {
            Values::Number { scaled, .. } => scaled.len(),
            Values::Text { codes, .. } => codes.len(),
            Values::Boolean(values) => values.len(),
            Values::Date(values) | Values::Months(values) => values.len(),
            Values::Nanos(values) => values.len(),
        }
    }
}

/// A column with the rows that have no value.
#[derive(Clone, Debug)]
pub struct Column {
    pub values: Values,
    pub nulls: Option<Bits>,
}

/// Columns of the same length, by name.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub rows: usize,
    columns: HashMap<String, Column>,
}

impl Frame {
    pub fn new(rows: usize) -> Frame {
        Frame {
            rows,
            columns: HashMap::new(),
        }
    }

    /// Adds a column.
    ///
    /// # Errors
    /// Where it has another length.
    pub fn add(&mut self, name: &str, column: Column) -> Result<(), String> {
        if column.values.len() != self.rows {
            return Err(format!(
                "the column {name} has {} rows, not {}",
                column.values.len(),
                self.rows
            ));
        }
        self.columns.insert(name.to_owned(), column);
        Ok(())
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.get(name)
    }

    /// Columns of rows, by the types of the inputs.
    ///
    /// # Errors
    /// What does not fit a column.
    pub fn of_rows(inputs: &[(String, Kind)], rows: &[Map<String, Json>]) -> Result<Frame, String> {
        let mut frame = Frame::new(rows.len());
        for (name, kind) in inputs {
            let dsntk = dsntk_feel::Name::from(name.as_str());
            let cells: Vec<&Json> = rows
                .iter()
                .map(|row| {
                    let found = row.get(name).or_else(|| {
                        row.iter()
                            .find(|(key, _)| same_name(&dsntk, key))
                            .map(|(_, value)| value)
                    });
                    found.unwrap_or(&Json::Null)
                })
                .collect();
            frame.add(name, column(name, kind, &cells)?)?;
        }
        Ok(frame)
    }
}

fn column(name: &str, kind: &Kind, cells: &[&Json]) -> Result<Column, String> {
    let misfit = |cell: &Json| format!("{cell} does not fit the column {name}");
    let mut nulls = Bits::new(cells.len());
    let mut any = false;
    for (row, _) in cells.iter().enumerate().filter(|(_, cell)| cell.is_null()) {
        nulls.set(row);
        any = true;
    }
    let ordered = |class: Class| -> Result<Vec<i128>, String> {
        let place = |cell: &&Json| match *cell {
            Json::Null => Ok(0),
            Json::Number(number) if class == Class::Number => {
                sfeel::parts(&number.to_string()).ok_or_else(|| misfit(cell))
            }
            Json::String(text) if class != Class::Number => {
                let mut wrong = Vec::new();
                let value = crate::convert::to_feel(&Json::String(text.clone()), kind, "", &mut wrong);
                sfeel::key(&value).map(|(_, at)| at).ok_or_else(|| misfit(cell))
            }
            other => Err(misfit(other)),
        };
        cells.iter().map(place).collect()
    };
    let small = |places: Vec<i128>| -> Result<Vec<i32>, String> {
        let fit = places
            .into_iter()
            .map(|at| i32::try_from(at).map_err(|_| format!("{at} does not fit the column {name}")));
        fit.collect()
    };
    let values = match kind.base {
        Base::Number => {
            let parts = ordered(Class::Number)?;
            // As many decimals as the finest value needs.
            let mut decimals = 0u8;
            while parts
                .iter()
                .any(|at| at % power(DECIMALS - usize::from(decimals)) != 0)
            {
                decimals += 1;
            }
            let unit = power(DECIMALS - usize::from(decimals));
            let scaled: Result<Vec<i64>, _> = parts.into_iter().map(|at| i64::try_from(at / unit)).collect();
            let scaled =
                scaled.map_err(|_| format!("numbers of the column {name} are too large for columns"))?;
            Values::Number { scaled, decimals }
        }
        Base::Text => {
            let (mut codes, mut dictionary, mut known) =
                (Vec::with_capacity(cells.len()), Vec::new(), HashMap::new());
            for cell in cells {
                let text = match cell {
                    Json::Null => "",
                    Json::String(text) => text.as_str(),
                    other => return Err(misfit(other)),
                };
                let next = u32::try_from(dictionary.len()).map_err(|_| misfit(cell))?;
                let code = *known.entry(text).or_insert_with(|| {
                    dictionary.push(text.to_owned());
                    next
                });
                codes.push(code);
            }
            Values::Text { codes, dictionary }
        }
        Base::Boolean => {
            let place = |cell: &&Json| match *cell {
                Json::Null => Ok(false),
                Json::Bool(value) => Ok(*value),
                other => Err(misfit(other)),
            };
            Values::Boolean(cells.iter().map(place).collect::<Result<_, _>>()?)
        }
        Base::Date => Values::Date(small(ordered(Class::Date)?)?),
        Base::YearMonth => Values::Months(small(ordered(Class::YearMonth)?)?),
        Base::DayTime => {
            let fit = ordered(Class::DayTime)?
                .into_iter()
                .map(|at| i64::try_from(at).map_err(|_| name.to_owned()));
            Values::Nanos(fit.collect::<Result<_, _>>()?)
        }
        _ => return Err(format!("the column {name} has no type that columns have")),
    };
    Ok(Column {
        values,
        nulls: any.then_some(nulls),
    })
}

/// A power of ten.
pub fn power(exponent: usize) -> i128 {
    (0..exponent).fold(1, |power, _| power * 10)
}
