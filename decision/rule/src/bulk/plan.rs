//! What is compiled: the tables that a decision needs, those that others need first, and why one is not.

use std::collections::HashMap;

use dsntk_feel::values::Value;
use dsntk_model::{BuiltinAggregator, DecisionTable, Expression, HitPolicy, NamedElement};
use serde_json::{Map, Value as Json};

use super::lookup::{Lookup, Masks, set, words};
use crate::check::class_of;
use crate::convert::to_json;
use crate::kind::{Base, Kind, Kinds};
use crate::model::{InvocableKind, Model, table_of};
use crate::sfeel::{self, Class, Test};

/// A decision compiled to columns.
#[derive(Debug)]
pub struct Plan {
    pub(super) tables: Vec<Table>,
    /// Inputs by name and type, in the order in which tables ask for them.
    inputs: Vec<(String, Kind)>,
}

/// Where a column of a table comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Input(String),
    /// The result of another table of the plan.
    Table(usize),
}

/// What the rules that match become.
#[derive(Clone, Debug)]
pub(super) enum Becomes {
    /// One rule's output: the first that matches in the order given; what to do with more than one.
    One {
        order: Vec<usize>,
        more: More,
    },
    /// All outputs, in the order given.
    All {
        order: Vec<usize>,
    },
    Count,
    Sum(Vec<i128>),
    /// The least, or the greatest: outputs by rule, and rules from the one that is taken first.
    Extreme {
        order: Vec<usize>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// The first is taken.
    First,
    /// It is null.
    Null,
    /// It is null unless all put out the same.
    Same,
}

#[derive(Debug)]
pub(super) struct Table {
    pub name: String,
    pub rules: usize,
    pub columns: Vec<(Source, Lookup)>,
    pub becomes: Becomes,
    /// Output by rule, and behind them what stands where none matches.
    pub outputs: Vec<Json>,
    /// The same as single values, for other tables' tests.
    pub values: Vec<Value>,
    /// Rules with the same output as this one, as bits.
    pub alike: Vec<Masks>,
}

/// Compiles a decision with all that it requires.
///
/// # Errors
/// Everything for which it is not.
pub fn compile(model: &Model, decision: &str) -> Result<Plan, Vec<String>> {
    let mut builder = Builder {
        model,
        tables: Vec::new(),
        done: HashMap::new(),
        inputs: Vec::new(),
    };
    builder.table(decision, 0)?;
    Ok(Plan {
        tables: builder.tables,
        inputs: builder.inputs,
    })
}

impl Plan {
    pub fn inputs(&self) -> &[(String, Kind)] {
        &self.inputs
    }

    /// Names of the decisions whose tables it holds, those required first.
    pub fn decisions(&self) -> Vec<&str> {
        self.tables.iter().map(|table| table.name.as_str()).collect()
    }
}

struct Builder<'a> {
    model: &'a Model,
    tables: Vec<Table>,
    done: HashMap<String, usize>,
    inputs: Vec<(String, Kind)>,
}

impl Builder<'_> {
    fn table(&mut self, name: &str, depth: usize) -> Result<usize, Vec<String>> {
        if let Some(at) = self.done.get(name) {
            return Ok(*at);
        }
        let why = |text: &str| vec![format!("`{name}` {text}")];
        if depth > 100 {
            return Err(why("requires too many others"));
        }
        let (Some(definitions), Some(notes)) = (self.model.definitions.first(), self.model.notes.first())
        else {
            return Err(why("is not there"));
        };
        let asked = self
            .model
            .find(name)
            .filter(|one| one.model == 0 && one.kind == InvocableKind::Decision);
        let asked = asked
            .ok_or_else(|| why("is no decision of the model itself"))?
            .clone();
        let decisions = definitions.decisions();
        let decision = decisions
            .iter()
            .find(|one| one.name() == name)
            .ok_or_else(|| why("is no decision"))?;
        let table = table_of(decision).ok_or_else(|| why("is no table"))?;
        if !decision.knowledge_requirements().is_empty() {
            return Err(why("calls functions"));
        }
        let kinds = Kinds {
            models: &self.model.definitions,
        };
        let wanted = kinds
            .find(&notes.namespace, decision.variable().type_ref())
            .unwrap_or(Kind::ANY);
        let mut faults = Vec::new();
        let tests: Vec<Vec<Test>> = table
            .rules()
            .map(|rule| {
                rule.input_entries
                    .iter()
                    .map(|entry| sfeel::read(&entry.text))
                    .collect()
            })
            .collect();
        for (at, row) in tests.iter().enumerate() {
            if row.contains(&Test::Other) {
                faults.push(format!(
                    "`{name}`: rule {} has a test that is more than S-FEEL",
                    at + 1
                ));
            }
        }
        let mut columns = Vec::new();
        for (column, clause) in table.input_clauses().enumerate() {
            match self.source(
                &asked.inputs,
                &asked.requires,
                clause.input_expression.trim(),
                depth,
            ) {
                Ok((source, class, allowed)) => {
                    let listed = clause.allowed_input_values.as_deref().map(sfeel::read);
                    let valid = allowed.as_deref().map(sfeel::read);
                    let moments = class == Class::DateTime;
                    if listed == Some(Test::Other) || valid == Some(Test::Other) || moments {
                        faults.push(format!(
                            "`{name}`: column {} allows more than S-FEEL says exactly",
                            column + 1
                        ));
                        continue;
                    }
                    let own: Vec<&Test> = tests.iter().filter_map(|row| row.get(column)).collect();
                    if own.iter().any(|test| {
                        test.pieces()
                            .iter()
                            .any(|piece| piece.class().is_some_and(|own| own != class))
                    }) {
                        faults.push(format!(
                            "`{name}`: column {} is tested for another type",
                            column + 1
                        ));
                    }
                    columns.push((source, Lookup::new(class, &own, valid.as_ref(), listed.as_ref())));
                }
                Err(more) => faults.extend(more),
            }
        }
        let outputs = Outputs::read(table).map_err(|text| why(&text));
        if !faults.is_empty() {
            return Err(faults);
        }
        let outputs = outputs?;
        let becomes = outputs.becomes(table).map_err(|text| why(&text))?;
        let own = table
            .type_ref()
            .as_deref()
            .map(|name| kinds.find(&notes.namespace, name));
        let own = own
            .unwrap_or(Some(Kind::ANY))
            .ok_or_else(|| why("has a type that is not there"))?;
        outputs.fit(&wanted, &own, &becomes).map_err(|text| why(&text))?;
        let rules = tests.len();
        let mut all = outputs
            .rows
            .iter()
            .map(|row| outputs.json(row))
            .collect::<Vec<_>>();
        let alike = all
            .iter()
            .map(|own| {
                let mut mask = vec![0; words(rules)];
                for (at, _) in all.iter().enumerate().filter(|(_, other)| *other == own) {
                    set(&mut mask, at);
                }
                mask
            })
            .collect();
        all.push(
            outputs
                .default
                .as_ref()
                .map_or(Json::Null, |row| outputs.json(row)),
        );
        let nothing = Value::Null(Some("no rules matched".into()));
        let mut values: Vec<Value> = outputs
            .rows
            .iter()
            .map(|row| row.first().cloned().unwrap_or(Value::Null(None)))
            .collect();
        values.push(
            outputs
                .default
                .as_ref()
                .and_then(|row| row.first().cloned())
                .unwrap_or(nothing),
        );
        let place = self.tables.len();
        self.tables.push(Table {
            name: name.to_owned(),
            rules,
            columns,
            becomes,
            outputs: all,
            values,
            alike,
        });
        self.done.insert(name.to_owned(), place);
        Ok(place)
    }

    /// What a column asks for: an input, an entry of one is not; or another table's single result.
    fn source(
        &mut self,
        inputs: &[(dsntk_feel::Name, Kind)],
        requires: &[(String, String)],
        expression: &str,
        depth: usize,
    ) -> Result<(Source, Class, Option<String>), Vec<String>> {
        let required = requires.iter().find_map(|(space, id)| {
            let one = self.model.decision(space, id)?;
            (one.name == expression).then(|| one.name.clone())
        });
        if let Some(name) = required {
            let at = self.table(&name, depth + 1)?;
            let class = self.tables.get(at).and_then(result_class);
            return match class {
                Some(class) => Ok((Source::Table(at), class, None)),
                None => Err(vec![format!("`{name}` has no single result of one type")]),
            };
        }
        let found = inputs.iter().find(|(name, _)| name.to_string() == expression);
        let Some((name, kind)) = found else {
            return Err(vec![format!("`{expression}` is no input by itself")]);
        };
        let class = class_of(&kind.base)
            .ok_or_else(|| vec![format!("the input `{expression}` has no type that columns have")])?;
        let name = name.to_string();
        if !self.inputs.iter().any(|(known, _)| *known == name) {
            self.inputs.push((name.clone(), kind.clone()));
        }
        Ok((Source::Input(name), class, kind.allowed.clone()))
    }
}

/// The class of a table's results, where there is one.
fn result_class(table: &Table) -> Option<Class> {
    match &table.becomes {
        Becomes::One { .. } => {
            let mut classes = table.values.iter().filter_map(value_class);
            let first = classes.next()?;
            let plain = table
                .values
                .iter()
                .all(|value| value.is_null() || value_class(value).is_some());
            (plain
                && classes.all(|class| class == first)
                && table.outputs.iter().all(|output| !output.is_object()))
            .then_some(first)
        }
        _ => None,
    }
}

pub(super) fn value_class(value: &Value) -> Option<Class> {
    match value {
        Value::String(_) => Some(Class::Text),
        Value::Boolean(_) => Some(Class::Boolean),
        value => sfeel::key(value).map(|(class, _)| class),
    }
}

/// The outputs of a table, which must be literals.
struct Outputs {
    names: Vec<String>,
    /// By rule, by output.
    rows: Vec<Vec<Value>>,
    default: Option<Vec<Value>>,
    /// Output values of all outputs, one after another: by them the engine ranks.
    ranks: Vec<Value>,
}

fn literal(text: &str) -> Option<Value> {
    let scope = dsntk_feel::FeelScope::default();
    let parsed = crate::worker::inline(|| dsntk_feel_parser::parse_expression(&scope, text.trim(), false));
    sfeel::constant(&parsed.ok()?.ok()?)
}

/// A list of literals, as output values are written.
fn literals(text: &str) -> Option<Vec<Value>> {
    let scope = dsntk_feel::FeelScope::default();
    let parsed = crate::worker::inline(|| dsntk_feel_parser::parse_unary_tests(&scope, text.trim(), false));
    match parsed.ok()?.ok()? {
        dsntk_feel_parser::AstNode::ExpressionList(items) => items.iter().map(sfeel::constant).collect(),
        _ => None,
    }
}

impl Outputs {
    fn read(table: &DecisionTable) -> Result<Outputs, String> {
        let clauses: Vec<_> = table.output_clauses().collect();
        let mut outputs = Outputs {
            names: clauses
                .iter()
                .map(|clause| clause.name.clone().unwrap_or_default())
                .collect(),
            rows: Vec::new(),
            default: None,
            ranks: Vec::new(),
        };
        let mut allowed = Vec::new();
        for clause in &clauses {
            let values = clause.allowed_output_values.as_deref().map(|text| {
                literals(text).ok_or_else(|| "has output values that are no literals".to_owned())
            });
            let values = values.transpose()?;
            outputs.ranks.extend(values.iter().flatten().cloned());
            allowed.push(values);
        }
        let defaults: Vec<_> = clauses
            .iter()
            .filter_map(|clause| clause.default_output_entry.as_deref())
            .collect();
        if !defaults.is_empty() {
            if defaults.len() != clauses.len() {
                return Err("has default outputs for some outputs only".into());
            }
            let values: Option<Vec<Value>> = defaults.iter().map(|text| literal(text)).collect();
            outputs.default = Some(values.ok_or("has default outputs that are no literals")?);
        }
        if clauses.len() > 1 && outputs.names.iter().any(String::is_empty) {
            return Err("has outputs without names".into());
        }
        for (at, rule) in table.rules().enumerate() {
            let mut row = Vec::new();
            for (entry, allowed) in rule.output_entries.iter().zip(&allowed) {
                let value = literal(&entry.text)
                    .ok_or_else(|| format!("puts out what is no literal in rule {}", at + 1))?;
                if !value.is_null() && matches!(&allowed, Some(allowed) if !allowed.contains(&value)) {
                    return Err(format!(
                        "puts out what is not among its output values in rule {}",
                        at + 1
                    ));
                }
                if !value.is_null() && value_class(&value).is_none() {
                    return Err(format!("puts out what columns can't hold in rule {}", at + 1));
                }
                row.push(value);
            }
            outputs.rows.push(row);
        }
        Ok(outputs)
    }

    fn json(&self, row: &[Value]) -> Json {
        match row {
            [one] => to_json(one),
            many => {
                let entries = self.names.iter().zip(many);
                let mut entries: Vec<(String, Json)> = entries
                    .map(|(name, value)| (name.clone(), to_json(value)))
                    .collect();
                entries.sort_by(|a, b| a.0.cmp(&b.0));
                Json::Object(entries.into_iter().collect::<Map<_, _>>())
            }
        }
    }

    fn becomes(&self, table: &DecisionTable) -> Result<Becomes, String> {
        let plain: Vec<usize> = (0..self.rows.len()).collect();
        let ranked = || {
            let mut order = plain.clone();
            let rank = |value: &Value| {
                self.ranks
                    .iter()
                    .position(|own| own == value)
                    .unwrap_or(usize::MAX)
            };
            order.sort_by_key(|rule| {
                self.rows
                    .get(*rule)
                    .map(|row| row.iter().map(rank).collect::<Vec<_>>())
            });
            order
        };
        let single = self.names.len() == 1;
        Ok(match table.hit_policy() {
            HitPolicy::Unique => Becomes::One {
                order: plain,
                more: More::Null,
            },
            HitPolicy::Any => Becomes::One {
                order: plain,
                more: More::Same,
            },
            HitPolicy::First => Becomes::One {
                order: plain,
                more: More::First,
            },
            HitPolicy::Priority => Becomes::One {
                order: ranked(),
                more: More::First,
            },
            HitPolicy::RuleOrder | HitPolicy::Collect(BuiltinAggregator::List) => {
                Becomes::All { order: plain }
            }
            HitPolicy::OutputOrder => Becomes::All { order: ranked() },
            HitPolicy::Collect(BuiltinAggregator::Count) => Becomes::Count,
            HitPolicy::Collect(_) if !single => return Err("aggregates several outputs".into()),
            HitPolicy::Collect(aggregator) => {
                let numbers = self.rows.iter().map(|row| match row.first() {
                    Some(value @ Value::Number(_)) => sfeel::key(value).map(|(_, at)| at),
                    _ => None,
                });
                let numbers: Option<Vec<i128>> = numbers.collect();
                let numbers = numbers.ok_or("aggregates what are no numbers")?;
                match aggregator {
                    BuiltinAggregator::Sum => Becomes::Sum(numbers),
                    aggregator => {
                        let mut order = plain;
                        order.sort_by_key(|rule| numbers.get(*rule).copied());
                        if matches!(aggregator, BuiltinAggregator::Max) {
                            order.reverse();
                        }
                        Becomes::Extreme { order }
                    }
                }
            }
        })
    }

    /// The engine makes what is not of the declared type null, lists of one into their item; only what stays as it is, is compiled.
    fn fit(&self, wanted: &Kind, own: &Kind, becomes: &Becomes) -> Result<(), String> {
        for base in [&wanted.base, &own.base] {
            let item = match (base, becomes) {
                (Base::Any, _) => continue,
                (Base::Number, Becomes::Count | Becomes::Sum(_) | Becomes::Extreme { .. }) => continue,
                (Base::List(item), Becomes::All { .. }) => &item.base,
                (base, Becomes::One { .. }) => base,
                _ => return Err("puts out another type than is declared".into()),
            };
            let rows = self.rows.iter().chain(&self.default);
            for row in rows {
                let fits = match (item, row.as_slice()) {
                    (Base::Any, _) => true,
                    (Base::Context(entries), many) if many.len() > 1 => entries.iter().all(|(name, kind)| {
                        let at = self.names.iter().position(|own| *own == name.to_string());
                        let value = at.and_then(|at| many.get(at));
                        value.is_some_and(|value| {
                            value.is_null() || value_class(value) == class_of(&kind.base)
                        })
                    }),
                    (base, [one]) => {
                        one.is_null() || (class_of(base).is_some() && value_class(one) == class_of(base))
                    }
                    _ => false,
                };
                if !fits {
                    return Err("puts out another type than is declared".into());
                }
            }
            if matches!(becomes, Becomes::All { .. }) && self.default.is_some() {
                return Err("has a default beside a list".into());
            }
        }
        Ok(())
    }
}
