//! Each decision table of a model, and the names that decisions use.

use banyan_base::Severity;
use dsntk_model::{BuiltinAggregator, DecisionTable, DrgElement, HitPolicy, NamedElement, RequiredVariable};

use super::Found;
use super::names::{columns, names};
use super::sweep::{Answer, Axis, Boxes, cells};
use crate::kind::{Base, Kind, Kinds};
use crate::model::{InvocableKind, Model, table_of};
use crate::sfeel::{self, Class, Test};
use crate::xml::{ElementKind, ElementNote, Place, TableNote};

/// Everything about the decisions of the model itself.
pub fn check(model: &Model) -> Vec<Found> {
    let mut all = Vec::new();
    let (Some(definitions), Some(notes)) = (model.definitions.first(), model.notes.first()) else {
        return all;
    };
    let kinds = Kinds {
        models: &model.definitions,
    };
    for element in definitions.drg_elements() {
        match element {
            DrgElement::Decision(decision) => {
                let note = notes
                    .elements
                    .iter()
                    .find(|note| note.kind == ElementKind::Decision && note.name == decision.name());
                let asked = model.invocables.iter().find(|one| {
                    one.model == 0 && one.kind == InvocableKind::Decision && one.name == decision.name()
                });
                let (Some(note), Some(asked)) = (note, asked) else {
                    continue;
                };
                all.extend(types(
                    &kinds,
                    note,
                    decision.variable().type_ref(),
                    &notes.namespace,
                ));
                all.extend(names(model, note, asked));
                if let (Some(table), Some(written)) = (table_of(decision), note.tables.first()) {
                    let output = kinds.find(&notes.namespace, decision.variable().type_ref());
                    let one = Table {
                        name: decision.name(),
                        table,
                        written,
                        columns: columns(&kinds, &notes.namespace, asked, table, written),
                        output: output.unwrap_or(Kind::ANY),
                    };
                    all.extend(one.check(note.law.is_some()));
                } else if decision.decision_logic().is_none() {
                    let message = "the decision has no logic: it is always null".to_owned();
                    all.push(Found::new(
                        Severity::Warning,
                        "logic-missing",
                        decision.name(),
                        note.place,
                        message,
                    ));
                }
            }
            DrgElement::InputData(input) => {
                let note = notes.elements.iter().find(|note| note.name == input.name());
                if let Some(note) = note {
                    all.extend(types(&kinds, note, input.variable().type_ref(), &notes.namespace));
                }
            }
            _ => {}
        }
    }
    all
}

fn types(kinds: &Kinds<'_>, note: &ElementNote, name: &str, namespace: &str) -> Option<Found> {
    if kinds.find(namespace, name).is_some() {
        return None;
    }
    let message = format!("there is no type `{name}`");
    Some(
        Found::new(Severity::Error, "type-unknown", &note.name, note.place, message)
            .hint("use a built-in type, or define an item of that name"),
    )
}

/// The class of a type, where it has an order or a few values.
pub fn class_of(base: &Base) -> Option<Class> {
    Some(match base {
        Base::Number => Class::Number,
        Base::Text => Class::Text,
        Base::Boolean => Class::Boolean,
        Base::Date => Class::Date,
        Base::DateTime => Class::DateTime,
        Base::DayTime => Class::DayTime,
        Base::YearMonth => Class::YearMonth,
        _ => return None,
    })
}

struct Table<'a> {
    name: &'a str,
    table: &'a DecisionTable,
    written: &'a TableNote,
    columns: Vec<Kind>,
    output: Kind,
}

impl Table<'_> {
    fn say(&self, severity: Severity, rule: &str, place: Place, message: String) -> Found {
        Found::new(severity, rule, self.name, place, message)
    }

    fn place(&self, rule: usize) -> Place {
        self.written
            .rules
            .get(rule)
            .map_or(self.written.place, |note| note.place)
    }

    fn cell(&self, rule: usize, column: usize) -> Place {
        let note = self.written.rules.get(rule);
        note.and_then(|note| note.cells.get(column))
            .copied()
            .unwrap_or_else(|| self.place(rule))
    }

    fn check(&self, law: bool) -> Vec<Found> {
        let mut all = self.policy();
        all.extend(self.outputs());
        if !law {
            all.extend(self.laws());
        }
        let tests: Vec<Vec<Test>> = self
            .table
            .rules()
            .map(|rule| {
                rule.input_entries
                    .iter()
                    .map(|entry| sfeel::read(&entry.text))
                    .collect()
            })
            .collect();
        let wrong = self.inputs(&tests);
        let fit = wrong.is_empty();
        all.extend(wrong);
        if fit {
            all.extend(self.boxes(&tests));
        }
        all
    }

    /// Hit policies that can't mean what they say.
    fn policy(&self) -> Vec<Found> {
        let mut all = Vec::new();
        let outputs = self.table.output_clauses().count();
        let values = self
            .table
            .output_clauses()
            .any(|clause| clause.allowed_output_values.is_some());
        let policy = self.table.hit_policy();
        let here = self.written.place;
        if matches!(policy, HitPolicy::Priority | HitPolicy::OutputOrder) && !values {
            let message = format!("the hit policy {policy} needs output values: their order is the priority");
            all.push(
                self.say(Severity::Error, "priority-without-values", here, message)
                    .hint("list the output values, the most important first"),
            );
        }
        let aggregated = match policy {
            HitPolicy::Collect(aggregator) => !matches!(aggregator, BuiltinAggregator::List),
            _ => false,
        };
        if aggregated && outputs > 1 {
            let message = format!("the aggregation {policy} takes one output, there are {outputs}");
            all.push(self.say(Severity::Error, "aggregation-outputs", here, message));
        }
        if self.written.aggregation.is_some() && !matches!(policy, HitPolicy::Collect(_)) {
            let message = format!("the aggregation is not used: the hit policy is {policy}");
            all.push(
                self.say(Severity::Error, "aggregation-unused", here, message)
                    .hint("take the hit policy COLLECT, or the aggregation out"),
            );
        }
        if let HitPolicy::Collect(BuiltinAggregator::Sum) = policy {
            for (at, rule) in self.table.rules().enumerate() {
                let text = rule.output_entries.first().map_or("", |entry| entry.text.trim());
                if literal_class(text)
                    .is_some_and(|class| !matches!(class, Class::Number | Class::DayTime | Class::YearMonth))
                {
                    let message = format!("the sum can't take {text}");
                    all.push(
                        self.say(Severity::Error, "aggregation-type", self.place(at), message)
                            .rules(&[at + 1]),
                    );
                }
            }
        }
        all
    }

    /// Outputs that are not of the decision's type, or not among its values.
    fn outputs(&self) -> Vec<Found> {
        let mut all = Vec::new();
        let single = self.table.output_clauses().count() == 1;
        let listed = matches!(
            self.table.hit_policy(),
            HitPolicy::RuleOrder | HitPolicy::OutputOrder | HitPolicy::Collect(_)
        );
        let inputs = self.table.input_clauses().count();
        for (column, clause) in self.table.output_clauses().enumerate() {
            let declared = clause
                .type_ref
                .as_deref()
                .and_then(crate::kind::built_in)
                .filter(|base| *base != Base::Any);
            let base = match (&self.output.base, single && !listed) {
                (Base::Context(entries), _) => {
                    let name = clause.name.as_deref().unwrap_or_default();
                    let entry = entries.iter().find(|(own, _)| own.to_string() == name);
                    entry.map(|(_, kind)| kind.base.clone())
                }
                (base, true) if *base != Base::Any => Some(base.clone()),
                _ => None,
            };
            let wanted = base.or(declared).as_ref().and_then(class_of);
            let values = clause
                .allowed_output_values
                .as_deref()
                .map(sfeel::read)
                .filter(|test| *test != Test::Other);
            for (at, rule) in self.table.rules().enumerate() {
                let Some(text) = rule.output_entries.get(column).map(|entry| entry.text.trim()) else {
                    continue;
                };
                let place = self.cell(at, inputs + column);
                let class = literal_class(text);
                if let (Some(wanted), Some(class)) = (wanted, class)
                    && wanted != class
                {
                    let message = format!("the output {text} is a {}, not a {}", class.name(), wanted.name());
                    all.push(
                        self.say(Severity::Error, "output-type", place, message)
                            .rules(&[at + 1]),
                    );
                } else if values.as_ref().is_some_and(|values| !among(values, text)) {
                    let message = format!("the output {text} is not among the output values");
                    all.push(
                        self.say(Severity::Error, "output-value", place, message)
                            .hint("such an output becomes null")
                            .rules(&[at + 1]),
                    );
                }
            }
        }
        all
    }

    fn laws(&self) -> Option<Found> {
        let rules = self.written.rules.iter().enumerate();
        let missing: Vec<usize> = rules
            .filter(|(_, rule)| rule.law.is_none())
            .map(|(at, _)| at + 1)
            .collect();
        let first = *missing.first()?;
        let message = format!("no article of law is given for rules {}", list(&missing));
        Some(
            self.say(Severity::Note, "law-missing", self.place(first - 1), message)
                .hint("add an annotation column 依据, or banyan:law on the decision")
                .rules(&missing),
        )
    }

    /// Tests that are about another type than their column.
    fn inputs(&self, tests: &[Vec<Test>]) -> Vec<Found> {
        let mut all = Vec::new();
        for (at, row) in tests.iter().enumerate() {
            for (column, test) in row.iter().enumerate() {
                let wanted = self.columns.get(column).and_then(|kind| class_of(&kind.base));
                let wrong = test
                    .pieces()
                    .iter()
                    .filter_map(crate::sfeel::Piece::class)
                    .find(|class| Some(*class) != wanted);
                if let (Some(wanted), Some(class)) = (wanted, wrong) {
                    let message = format!(
                        "the test is about a {}, the column is a {}",
                        class.name(),
                        wanted.name()
                    );
                    all.push(
                        self.say(Severity::Error, "input-type", self.cell(at, column), message)
                            .rules(&[at + 1]),
                    );
                }
            }
        }
        all
    }

    fn boxes(&self, tests: &[Vec<Test>]) -> Vec<Found> {
        let clauses: Vec<_> = self.table.input_clauses().collect();
        // Columns that ask for the same are one axis.
        let mut expressions: Vec<&str> = Vec::new();
        let mut axis_of = Vec::new();
        for clause in &clauses {
            let text = clause.input_expression.trim();
            let known = expressions.iter().position(|known| *known == text);
            axis_of.push(known.unwrap_or_else(|| {
                expressions.push(text);
                expressions.len() - 1
            }));
        }
        let mut axes = Vec::new();
        for (axis, expression) in expressions.iter().enumerate() {
            let own: Vec<usize> = (0..clauses.len())
                .filter(|column| axis_of.get(*column) == Some(&axis))
                .collect();
            let column_tests: Vec<&Test> = tests
                .iter()
                .flat_map(|row| own.iter().filter_map(|column| row.get(*column)))
                .collect();
            let kind = own.first().and_then(|column| self.columns.get(*column));
            let mut classes = column_tests
                .iter()
                .flat_map(|test| test.pieces())
                .filter_map(crate::sfeel::Piece::class);
            let class = kind
                .and_then(|kind| class_of(&kind.base))
                .or_else(|| classes.next());
            let allowed = own
                .iter()
                .find_map(|column| clauses.get(*column)?.allowed_input_values.clone());
            let allowed = allowed.or_else(|| kind.and_then(|kind| kind.allowed.clone()));
            let allowed = allowed
                .map(|text| sfeel::read(&text))
                .filter(|test| *test != Test::Other);
            let cells = class.map(|class| cells(class, &column_tests, allowed.as_ref()));
            axes.push(Axis {
                expression: (*expression).to_owned(),
                // A column that only says `-`, of no known type, is one cell.
                cells: cells.unwrap_or_else(|| vec![super::sweep::Cell::OtherText]),
            });
        }
        let rules = tests
            .iter()
            .map(|row| {
                let mut sets: Vec<Vec<bool>> = axes.iter().map(|axis| vec![true; axis.cells.len()]).collect();
                for (column, test) in row.iter().enumerate() {
                    let axis = axis_of.get(column).copied().unwrap_or_default();
                    if let (Some(set), Some(axis)) = (sets.get_mut(axis), axes.get(axis)) {
                        for (covered, cell) in set.iter_mut().zip(&axis.cells) {
                            *covered &= cell.passes(test);
                        }
                    }
                }
                sets
            })
            .collect();
        let boxes = Boxes { axes, rules };
        let opaque: Vec<usize> = tests
            .iter()
            .enumerate()
            .filter(|(_, row)| row.contains(&Test::Other))
            .map(|(at, _)| at)
            .collect();
        let clear: Vec<usize> = (0..tests.len()).filter(|rule| !opaque.contains(rule)).collect();
        let mut all = Vec::new();
        if let Some(first) = opaque.first() {
            let numbers: Vec<usize> = opaque.iter().map(|rule| rule + 1).collect();
            let message = format!(
                "rules {} are not analysed: their tests are more than S-FEEL",
                list(&numbers)
            );
            all.push(
                self.say(Severity::Note, "not-analysed", self.place(*first), message)
                    .hint("gaps, overlaps and dead rules of these must be looked for by hand")
                    .rules(&numbers),
            );
        }
        all.extend(self.gap(&boxes, &clear, opaque.is_empty()));
        all.extend(self.overlaps(&boxes, &clear));
        all.extend(self.dead(&boxes, &clear));
        all
    }

    fn gap(&self, boxes: &Boxes, clear: &[usize], whole: bool) -> Option<Found> {
        let default = self
            .table
            .output_clauses()
            .all(|clause| clause.default_output_entry.is_some());
        if default || clear.is_empty() {
            return None;
        }
        let severity = match (self.table.hit_policy(), whole) {
            // Collecting nothing is often meant.
            (HitPolicy::Collect(_) | HitPolicy::RuleOrder | HitPolicy::OutputOrder, _) | (_, false) => {
                Severity::Note
            }
            _ => Severity::Warning,
        };
        match boxes.uncovered(None, clear) {
            Answer::Point(point) => {
                let message = if whole {
                    "no rule matches some inputs, which get null"
                } else {
                    "no rule that could be analysed matches some inputs"
                };
                Some(
                    self.say(severity, "gap", self.written.place, message.to_owned())
                        .hint("add a rule, or a default output")
                        .example(boxes.example(&point)),
                )
            }
            Answer::Nothing => None,
            Answer::TooLarge => {
                let message = "the table is too large to look for gaps".to_owned();
                Some(self.say(Severity::Note, "not-analysed", self.written.place, message))
            }
        }
    }

    fn overlaps(&self, boxes: &Boxes, clear: &[usize]) -> Vec<Found> {
        let mut all = Vec::new();
        let policy = self.table.hit_policy();
        if !matches!(policy, HitPolicy::Unique | HitPolicy::Any | HitPolicy::Collect(_)) {
            return all;
        }
        let outputs: Vec<Vec<&str>> = self
            .table
            .rules()
            .map(|rule| {
                rule.output_entries
                    .iter()
                    .map(|entry| entry.text.trim())
                    .collect()
            })
            .collect();
        for (at, a) in clear.iter().enumerate() {
            for b in clear.iter().skip(at + 1) {
                let same = outputs.get(*a) == outputs.get(*b);
                let numbers = [a + 1, b + 1];
                let Some(point) = boxes.common(*a, *b) else {
                    continue;
                };
                let (severity, rule, message) = match policy {
                    HitPolicy::Unique => {
                        let text = format!("rules {} both match some inputs, which get null", list(&numbers));
                        (Severity::Error, "overlap", text)
                    }
                    HitPolicy::Any if !same => {
                        let text = format!(
                            "rules {} match the same inputs with other outputs",
                            list(&numbers)
                        );
                        (Severity::Error, "overlap", text)
                    }
                    HitPolicy::Collect(_) if same && boxes.rules.get(*a) == boxes.rules.get(*b) => {
                        let text = format!("rules {} are the same", list(&numbers));
                        (Severity::Warning, "rule-twice", text)
                    }
                    _ => continue,
                };
                let one = self.say(severity, rule, self.place(*b), message);
                all.push(one.rules(&numbers).example(boxes.example(&point)));
                if all.len() >= 100 {
                    return all;
                }
            }
        }
        all
    }

    fn dead(&self, boxes: &Boxes, clear: &[usize]) -> Vec<Found> {
        let mut all = Vec::new();
        for rule in clear {
            if let Some(axis) = boxes.empty(*rule) {
                let expression = boxes.axes.get(axis).map_or("", |axis| axis.expression.as_str());
                let message = format!(
                    "rule {} never matches: no allowed value of `{expression}` passes",
                    rule + 1
                );
                all.push(
                    self.say(Severity::Warning, "rule-dead", self.place(*rule), message)
                        .rules(&[rule + 1]),
                );
                continue;
            }
            let before: Vec<usize> = match self.table.hit_policy() {
                HitPolicy::First => clear.iter().copied().filter(|other| other < rule).collect(),
                HitPolicy::Priority => self.before(*rule, clear),
                _ => continue,
            };
            if before.is_empty() {
                continue;
            }
            if let Answer::Nothing = boxes.uncovered(boxes.rules.get(*rule).map(Vec::as_slice), &before) {
                let message = format!(
                    "rule {} never decides: others come before it for all its inputs",
                    rule + 1
                );
                all.push(
                    self.say(Severity::Warning, "rule-dead", self.place(*rule), message)
                        .hint("move it up, narrow the others, or take it out")
                        .rules(&[rule + 1]),
                );
            }
        }
        all
    }

    /// Rules that come before one by priority: the order of the values of the first output that differs.
    fn before(&self, rule: usize, clear: &[usize]) -> Vec<usize> {
        let rules: Vec<_> = self.table.rules().collect();
        let values: Vec<Vec<&str>> = self
            .table
            .output_clauses()
            .map(|clause| {
                let values = clause.allowed_output_values.as_deref().unwrap_or_default();
                values.split(',').map(str::trim).collect()
            })
            .collect();
        let place = |rule: usize| -> Vec<usize> {
            let outputs = rules.get(rule).into_iter().flat_map(|rule| &rule.output_entries);
            outputs
                .zip(&values)
                .map(|(entry, values)| {
                    values
                        .iter()
                        .position(|value| *value == entry.text.trim())
                        .unwrap_or(usize::MAX)
                })
                .collect()
        };
        let own = place(rule);
        clear
            .iter()
            .copied()
            .filter(|other| {
                let theirs = place(*other);
                *other != rule && (theirs < own || (theirs == own && *other < rule))
            })
            .collect()
    }
}

/// The class of an output that is a literal.
fn literal_class(text: &str) -> Option<Class> {
    match sfeel::read(text) {
        Test::In(pieces) => match pieces.as_slice() {
            [piece] => piece
                .class()
                .filter(|_| !text.trim_start().starts_with(['<', '>', '[', '(', ']', '='])),
            _ => None,
        },
        _ => None,
    }
}

fn among(values: &Test, text: &str) -> bool {
    match sfeel::read(text) {
        Test::In(pieces) => match pieces.as_slice() {
            [crate::sfeel::Piece::Text(text)] => values.passes_text(text),
            [crate::sfeel::Piece::Boolean(value)] => values.passes_boolean(*value),
            [crate::sfeel::Piece::Span(class, Some((at, _)), Some((end, _)))] if at == end => {
                values.passes_ordered(*class, *at)
            }
            _ => true,
        },
        _ => true,
    }
}

fn list(numbers: &[usize]) -> String {
    let texts: Vec<String> = numbers.iter().map(usize::to_string).collect();
    texts.join(", ")
}
