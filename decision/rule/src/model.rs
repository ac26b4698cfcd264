//! A model, read, guarded and ready: what it decides, what each decision needs, and its evaluation.

mod inputs;

use std::sync::{Arc, Mutex, PoisonError};

use banyan_base::{Ctx, FieldError};
use dsntk_feel::Name;
use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_model::{Definitions, DmnElement, ExpressionInstance, NamedElement};
use dsntk_model_evaluator::ModelEvaluator;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use crate::convert;
use crate::guard::{self, Refusal};
use crate::kind::{Base, Kind};
use crate::limits;
use crate::worker::{self, Stopped};
use crate::xml::{self, Notes, Place};

/// A model in force or on trial. Free to share between threads.
pub struct Model {
    /// SHA-256 over the model and what it imports, in hex.
    pub hash: String,
    /// The model first, then what it imports.
    pub notes: Vec<Notes>,
    pub definitions: Vec<Definitions>,
    pub invocables: Vec<Invocable>,
    sources: Vec<String>,
    /// Whether it is evaluated on the caller's thread.
    brief: bool,
    /// Whether the probes could be built.
    probed: bool,
    clock: bool,
    built: Mutex<Built>,
}

/// The evaluator, for the moment whose clock is in it.
struct Built {
    at: (String, String),
    evaluator: Arc<ModelEvaluator>,
}

/// Something that can be asked for by name.
#[derive(Clone, Debug)]
pub struct Invocable {
    pub name: String,
    pub kind: InvocableKind,
    /// What may be given, by name and type.
    pub inputs: Vec<(Name, Kind)>,
    /// Place among the decisions of the model, by which its probes are named.
    pub number: usize,
    /// Decisions that it requires, directly, with their models.
    pub requires: Vec<(String, String)>,
    /// Names of what it requires, decisions and inputs, in order.
    pub required: Vec<String>,
    pub model: usize,
    pub id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvocableKind {
    Decision,
    Service,
    Knowledge,
}

impl InvocableKind {
    pub fn name(self) -> &'static str {
        match self {
            InvocableKind::Decision => "decision",
            InvocableKind::Service => "decision_service",
            InvocableKind::Knowledge => "business_knowledge_model",
        }
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Model({}, {})",
            self.notes.first().map_or("", |notes| &notes.name),
            self.hash
        )
    }
}

/// A hash in hex.
pub fn hash_of(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn refusal(rule: &'static str, element: &str, place: Place, message: String, hint: &'static str) -> Refusal {
    Refusal {
        rule,
        element: element.to_owned(),
        place,
        message,
        hint,
    }
}

/// Reads a model with what it imports.
///
/// # Errors
/// Everything for which it is refused.
pub fn load(text: &str, imports: &[String]) -> Result<Model, Vec<Refusal>> {
    let mut all = vec![text.to_owned()];
    all.extend(imports.iter().cloned());
    let mut notes = Vec::new();
    let mut refusals = Vec::new();
    for source in &all {
        match xml::read(source) {
            Ok(one) => notes.push(one),
            Err(error) => refusals.push(refusal(error.rule, "", error.place, error.message, "")),
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let guarded = guard::scan(&notes);
    refusals.extend(guarded.refusals);
    refusals.extend(references(&notes));
    if refusals.is_empty() {
        refusals.extend(crate::size::scan(&notes));
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    // The parser walks the tree by recursion: on a thread with room for it.
    let sources = all.clone();
    let first = (
        "date(\"2000-01-01\")".to_owned(),
        "date and time(\"2000-01-01T00:00:00Z\")".to_owned(),
    );
    let at = first.clone();
    let read = worker::guarded(limits::TIME * 4, move || {
        let plain = definitions(&sources, &at, false)?;
        match definitions(&sources, &at, true).and_then(|probed| evaluator(&probed)) {
            Ok(evaluator) => Ok((plain, evaluator, true)),
            Err(_) => evaluator(&plain).map(|evaluator| (plain, evaluator, false)),
        }
    });
    let (definitions, evaluator, probed) = match read {
        Ok(Ok(read)) => read,
        Ok(Err(message)) => {
            let place = Place { line: 1, column: 1 };
            return Err(vec![refusal("dmn", "", place, message, "")]);
        }
        Err(stopped) => {
            let place = Place { line: 1, column: 1 };
            return Err(vec![refusal("dmn", "", place, stopped.to_string(), "")]);
        }
    };
    let invocables = inputs::invocables(&definitions, &notes);
    let texts: Vec<&str> = all.iter().map(String::as_str).collect();
    Ok(Model {
        hash: hash_of(&texts),
        clock: notes.iter().any(|notes| notes.clock),
        notes,
        definitions,
        invocables,
        sources: all,
        brief: guarded.brief,
        probed,
        built: Mutex::new(Built { at: first, evaluator }),
    })
}

/// Every reference must lead somewhere: to the engine, a missing one is only a null.
fn references(all: &[Notes]) -> Vec<Refusal> {
    let known = |key: &(String, String)| {
        all.iter()
            .any(|notes| notes.namespace == key.0 && notes.elements.iter().any(|element| element.id == key.1))
    };
    let mut refusals = Vec::new();
    for notes in all {
        for element in &notes.elements {
            for table in &element.tables {
                let columns = table.input_places.len() + table.outputs;
                for (at, rule) in table
                    .rules
                    .iter()
                    .enumerate()
                    .filter(|(_, rule)| rule.cells.len() != columns)
                {
                    let message = format!(
                        "rule {} of `{}` has {} entries for {columns} columns",
                        at + 1,
                        element.name,
                        rule.cells.len()
                    );
                    refusals.push(refusal(
                        "rule-shape",
                        &element.name,
                        rule.place,
                        message,
                        "give every column an entry",
                    ));
                }
            }
            for (href, place) in &element.requires {
                if !known(&guard::target(&notes.namespace, href)) {
                    refusals.push(refusal(
                        "reference-missing",
                        &element.name,
                        *place,
                        format!("`{}` requires `{href}`, which is not there", element.name),
                        "draw the requirement anew, or add the model that is imported",
                    ));
                }
            }
        }
    }
    refusals
}

fn definitions(sources: &[String], at: &(String, String), probes: bool) -> Result<Vec<Definitions>, String> {
    // What is imported must be known before what imports it; for the same reason it comes first below.
    let mut read = Vec::new();
    for source in sources {
        let text = xml::prepared(source, &at.0, &at.1, probes)?;
        read.push(dsntk_model::parse(&text).map_err(|error| error.to_string())?);
    }
    Ok(read)
}

fn evaluator(definitions: &[Definitions]) -> Result<Arc<ModelEvaluator>, String> {
    // The engine resolves references of a model by the imports it has seen so far, its own among them.
    ModelEvaluator::new(definitions).map_err(|error| error.to_string())
}

/// Whether a decision's logic is a table, and which.
pub fn table_of(decision: &dsntk_model::Decision) -> Option<&dsntk_model::DecisionTable> {
    match decision.decision_logic() {
        Some(ExpressionInstance::DecisionTable(table)) => Some(table),
        _ => None,
    }
}

/// What an evaluation was given, as the engine takes it.
pub struct Given {
    pub context: FeelContext,
    /// What does not fit its type.
    pub wrong: Vec<FieldError>,
    /// Names that the decision does not know; they are left out, so that nobody overrides a decision by its name.
    pub unknown: Vec<String>,
}

impl Model {
    pub fn name(&self) -> &str {
        self.notes.first().map_or("", |notes| &notes.name)
    }

    /// What is asked for by name, in the model itself before what it imports.
    pub fn find(&self, name: &str) -> Option<&Invocable> {
        let decisions = self.invocables.iter().filter(|one| one.name == name);
        decisions.min_by_key(|one| (one.model, one.kind != InvocableKind::Decision))
    }

    /// The decision of that id in that model.
    pub fn decision(&self, namespace: &str, id: &str) -> Option<&Invocable> {
        self.invocables.iter().find(|one| {
            one.kind == InvocableKind::Decision
                && one.id == id
                && self
                    .definitions
                    .get(one.model)
                    .is_some_and(|model| model.namespace() == namespace)
        })
    }

    /// Names of its decisions, in order.
    pub fn decisions(&self) -> Vec<String> {
        let own = self
            .invocables
            .iter()
            .filter(|one| one.model == 0 && one.kind == InvocableKind::Decision);
        own.map(|one| one.name.clone()).collect()
    }

    /// The decision on which no other of the model depends, where there is exactly one.
    pub fn main(&self) -> Option<&Invocable> {
        let own = || {
            self.invocables
                .iter()
                .filter(|one| one.model == 0 && one.kind == InvocableKind::Decision)
        };
        let mut free =
            own().filter(|one| !own().any(|other| other.requires.iter().any(|(_, id)| *id == one.id)));
        let first = free.next()?;
        free.next().is_none().then_some(first)
    }

    /// Takes JSON for what is asked.
    ///
    /// # Errors
    /// Where it is too large.
    pub fn given(&self, asked: &Invocable, input: &Map<String, Json>) -> Result<Given, String> {
        input.values().try_for_each(|value| convert::bounded(value, 0))?;
        let (mut known, mut unknown) = (Map::new(), Vec::new());
        for (key, value) in input {
            if asked.inputs.iter().any(|(name, _)| convert::same_name(name, key)) {
                known.insert(key.clone(), value.clone());
            } else if !hand_down(&asked.inputs, key, value, &mut known) {
                unknown.push(key.clone());
            }
        }
        let mut wrong = Vec::new();
        let context = convert::context(&known, &asked.inputs, "/input", &mut wrong);
        Ok(Given {
            context,
            wrong,
            unknown,
        })
    }

    /// Evaluates. Whatever the model, the caller comes back.
    ///
    /// # Errors
    /// Where the engine fails inside or does not come to an end.
    pub fn evaluate(
        self: &Arc<Model>,
        cx: &Ctx,
        asked: &Invocable,
        context: &FeelContext,
    ) -> Result<Value, Stopped> {
        self.run(cx, asked.model, &asked.name, context)
    }

    /// Numbers of the rules of the decision's own table that match, from 1, and the values of what it requires and of its
    /// input expressions.
    ///
    /// # Errors
    /// As [`Model::evaluate`].
    pub fn probe(
        self: &Arc<Model>,
        cx: &Ctx,
        asked: &Invocable,
        context: &FeelContext,
    ) -> Result<Probe, Stopped> {
        if !self.probed {
            return Ok(Probe::default());
        }
        let (rules, inputs) = xml::probe_names(asked.number);
        let matched = match self.run(cx, asked.model, &rules, context)? {
            Value::List(items) => items.iter().filter_map(hit).collect(),
            _ => Vec::new(),
        };
        let (mut required, mut columns) = (Vec::new(), Vec::new());
        if let Value::Context(values) = self.run(cx, asked.model, &inputs, context)? {
            for at in 0..asked.required.len() {
                required.push(values.get_entry(&Name::from(format!("r{at}"))).cloned());
            }
            let column = |at: usize| values.get_entry(&Name::from(format!("i{at}"))).cloned();
            columns = (0..).map_while(column).collect();
        }
        Ok(Probe {
            known: true,
            matched,
            required,
            columns,
        })
    }

    fn run(
        self: &Arc<Model>,
        cx: &Ctx,
        model: usize,
        name: &str,
        context: &FeelContext,
    ) -> Result<Value, Stopped> {
        let evaluator = self.evaluator(cx)?;
        let Some(definitions) = self.definitions.get(model) else {
            return Ok(Value::Null(None));
        };
        if self.brief {
            return worker::inline(|| {
                evaluator.evaluate_invocable(definitions.namespace(), definitions.name(), name, context)
            });
        }
        let (model, name, context) = (Arc::clone(self), name.to_owned(), context.clone());
        let at = model
            .definitions
            .iter()
            .position(|one| std::ptr::eq(one, definitions))
            .unwrap_or(0);
        worker::guarded(limits::TIME, move || {
            let Some(definitions) = model.definitions.get(at) else {
                return Value::Null(None);
            };
            evaluator.evaluate_invocable(definitions.namespace(), definitions.name(), &name, &context)
        })
    }

    /// The evaluator with the clock of the context, where a text reads it.
    fn evaluator(&self, cx: &Ctx) -> Result<Arc<ModelEvaluator>, Stopped> {
        if !self.clock {
            let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(Arc::clone(&built.evaluator));
        }
        let now = banyan_base::ZONE.to_datetime(cx.now);
        let now = format!("date and time(\"{}+08:00\")", now.strftime("%Y-%m-%dT%H:%M:%S"));
        let at = (format!("date(\"{}\")", cx.today()), now);
        {
            let built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
            if built.at == at {
                return Ok(Arc::clone(&built.evaluator));
            }
        }
        let (sources, probed, moment) = (self.sources.clone(), self.probed, at.clone());
        let evaluator = worker::guarded(limits::TIME, move || {
            definitions(&sources, &moment, probed).and_then(|read| evaluator(&read))
        })?
        .map_err(Stopped::Failed)?;
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        *built = Built {
            at,
            evaluator: Arc::clone(&evaluator),
        };
        Ok(evaluator)
    }
}

/// What the probes say.
#[derive(Default)]
pub struct Probe {
    /// Whether there were any.
    pub known: bool,
    /// Numbers of rules that match, with what they put out.
    pub matched: Vec<(usize, Vec<Value>)>,
    pub required: Vec<Option<Value>>,
    pub columns: Vec<Value>,
}

fn hit(value: &Value) -> Option<(usize, Vec<Value>)> {
    let Value::Context(entries) = value else {
        return None;
    };
    let Some(Value::Number(number)) = entries.get_entry(&Name::from("rule")) else {
        return None;
    };
    let output = |at: usize| entries.get_entry(&Name::from(format!("o{at}"))).cloned();
    Some((usize::try_from(number).ok()?, (0..).map_while(output).collect()))
}

/// Puts a value that is known only inside of imported models into each of them.
fn hand_down(inputs: &[(Name, Kind)], key: &str, value: &Json, into: &mut Map<String, Json>) -> bool {
    let mut found = false;
    for (name, kind) in inputs {
        let Base::Context(entries) = &kind.base else {
            continue;
        };
        let mut inner = match into.get(&name.to_string()) {
            Some(Json::Object(inner)) => inner.clone(),
            _ => Map::new(),
        };
        let here = entries.iter().any(|(name, _)| convert::same_name(name, key));
        if here {
            inner.insert(key.to_owned(), value.clone());
        }
        if here || hand_down(entries, key, value, &mut inner) {
            into.insert(name.to_string(), Json::Object(inner));
            found = true;
        }
    }
    found
}
