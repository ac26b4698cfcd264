//! What must not be evaluated, found in the syntax tree before anything is: recursion in any form, since a deep one takes the
//! whole server down; functions outside; ranges without end.

use std::collections::{BTreeMap, BTreeSet};

use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_feel::{FeelScope, Name};
use dsntk_feel_parser::AstNode;

use crate::limits;
use crate::xml::{ElementKind, Notes, Place};

/// One reason for which a model is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub rule: &'static str,
    pub element: String,
    pub place: Place,
    pub message: String,
    pub hint: &'static str,
}

/// What the guard found out.
#[derive(Debug, Default)]
pub struct Guarded {
    pub refusals: Vec<Refusal>,
    /// Whether nothing in it can take long: no iterations, functions or regular expressions.
    pub brief: bool,
}

/// Visits every child of a node.
pub fn children(node: &AstNode) -> Vec<&AstNode> {
    use AstNode as N;
    match node {
        N::Add(a, b)
        | N::And(a, b)
        | N::ContextEntry(a, b)
        | N::ContextTypeEntry(a, b)
        | N::Div(a, b)
        | N::Eq(a, b)
        | N::Every(a, b)
        | N::Exp(a, b)
        | N::Filter(a, b)
        | N::For(a, b)
        | N::FormalParameter(a, b)
        | N::FunctionDefinition(a, b)
        | N::FunctionInvocation(a, b)
        | N::FunctionType(a, b)
        | N::Ge(a, b)
        | N::Gt(a, b)
        | N::In(a, b)
        | N::InstanceOf(a, b)
        | N::IterationContextSingle(a, b)
        | N::Le(a, b)
        | N::Lt(a, b)
        | N::Mul(a, b)
        | N::NamedParameter(a, b)
        | N::Nq(a, b)
        | N::Or(a, b)
        | N::Out(a, b)
        | N::Path(a, b)
        | N::QuantifiedContext(a, b)
        | N::Range(a, b)
        | N::Some(a, b)
        | N::Sub(a, b) => vec![&**a, &**b],
        N::Between(a, b, c) | N::If(a, b, c) | N::IterationContextInterval(a, b, c) => {
            vec![&**a, &**b, &**c]
        }
        N::EvaluatedExpression(a)
        | N::FunctionBody(a, _)
        | N::IntervalEnd(a, _)
        | N::IntervalStart(a, _)
        | N::ListType(a)
        | N::Neg(a)
        | N::RangeType(a)
        | N::Satisfies(a)
        | N::UnaryGe(a)
        | N::UnaryGt(a)
        | N::UnaryLe(a)
        | N::UnaryLt(a)
        | N::UnaryEq(a)
        | N::UnaryNe(a) => vec![&**a],
        N::CommaList(list)
        | N::Context(list)
        | N::ContextType(list)
        | N::ExpressionList(list)
        | N::FormalParameters(list)
        | N::IterationContexts(list)
        | N::List(list)
        | N::NamedParameters(list)
        | N::NegatedList(list)
        | N::ParameterTypes(list)
        | N::PositionalParameters(list)
        | N::QualifiedName(list)
        | N::QuantifiedContexts(list) => list.iter().collect(),
        _ => Vec::new(),
    }
}

/// A scope in which all given names are known to the parser.
pub fn names_scope(names: &[String]) -> FeelScope {
    let mut context = FeelContext::new();
    for name in names {
        let name = dsntk_feel_parser::parse_longest_name(name).unwrap_or_else(|_| Name::from(name.as_str()));
        context.set_entry(&name, Value::Null(None));
    }
    FeelScope::from(context)
}

/// Length and nesting of a bare text, before the parser sees it.
///
/// # Errors
/// What is too much of it.
pub fn pre_scan(text: &str) -> Result<(), String> {
    if text.len() > limits::TEXT_BYTES {
        return Err(format!(
            "the expression is longer than {} bytes",
            limits::TEXT_BYTES
        ));
    }
    let (mut depth, mut quoted, mut escaped, mut operators) = (0usize, false, false, 0usize);
    for c in text.chars() {
        if quoted {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '*' | '/' | '-' => operators += 1,
            _ => {}
        }
        if depth > limits::TEXT_DEPTH {
            return Err(format!(
                "brackets are nested more than {} deep",
                limits::TEXT_DEPTH
            ));
        }
    }
    let words = text.split_whitespace();
    operators += words
        .filter(|word| {
            matches!(
                *word,
                "if" | "for" | "some" | "every" | "function" | "or" | "and" | "in"
            )
        })
        .count();
    if operators > 1_000 {
        return Err("the expression has more than 1,000 operators".into());
    }
    Ok(())
}

/// Scans all texts of a set of models.
pub fn scan(all: &[Notes]) -> Guarded {
    let mut found = Guarded {
        refusals: Vec::new(),
        brief: true,
    };
    let names: Vec<String> = all.iter().flat_map(|notes| notes.names.iter().cloned()).collect();
    let mut calls = Calls::default();
    for notes in all {
        for (place, kind) in &notes.external {
            found.refusals.push(external(&notes.name, *place, kind));
        }
        found.brief &= !notes.iterates;
        for element in &notes.elements {
            if element.kind == ElementKind::Knowledge {
                found.brief = false;
                calls.functions.insert(element.name.clone());
            }
            for note in &element.texts {
                let text = note.text.trim();
                let mut refuse = |rule, message: String, hint| {
                    found.refusals.push(Refusal {
                        rule,
                        element: element.name.clone(),
                        place: note.place,
                        message,
                        hint,
                    });
                };
                if let Err(message) = pre_scan(text) {
                    refuse("feel-too-large", message, "split it over several decisions");
                    continue;
                }
                let scope = names_scope(&names);
                let parsed = crate::worker::inline(|| {
                    if note.unary {
                        dsntk_feel_parser::parse_unary_tests(&scope, text, false)
                    } else {
                        dsntk_feel_parser::parse_expression(&scope, text, false)
                    }
                });
                let Ok(Ok(node)) = parsed else {
                    // The engine will say what is wrong with it, with the names it has there; what the guard can't read is bounded by
                    // what it has: no function of its own, and so nothing that could call itself but knowledge models.
                    if text.contains("function") && text.contains('(') {
                        refuse(
                            "feel-unreadable",
                            format!("this is not FEEL: {text}"),
                            "write the function so that it can be read by itself",
                        );
                    }
                    calls.mention_words(note.owner.as_ref().unwrap_or(&element.name), text);
                    found.brief = false;
                    continue;
                };
                let several = matches!(&node, AstNode::ExpressionList(items) if items.len() > 1);
                if note.unary && several && crate::xml::asks(text) {
                    let message = "a test with `?` must stand alone, not among others".to_owned();
                    refuse(
                        "test-mixed",
                        message,
                        "join the tests by `or`, or write two rules",
                    );
                }
                let parameters: BTreeSet<String> = note.parameters.iter().cloned().collect();
                if note.called && parameters.contains(text) {
                    let message = format!("`{text}` is a parameter: calling it could recur without end");
                    refuse("recursion", message, "call a function of the model by its name");
                }
                let owner = note.owner.clone().unwrap_or_else(|| element.name.clone());
                if !note.parameters.is_empty() || holds_function(&node) {
                    calls.functions.insert(owner.clone());
                    // Whoever reaches the element reaches the functions in it.
                    calls.functions.insert(element.name.clone());
                    if owner != element.name {
                        calls.mention(&element.name, &owner);
                    }
                }
                let mut scan = Scan {
                    refusals: Vec::new(),
                    brief: true,
                    calls: &mut calls,
                    owner,
                    parameters: vec![parameters],
                };
                scan.node(&node, 1, 0);
                let (refusals, brief) = (scan.refusals, scan.brief);
                found.brief &= brief;
                for (rule, message, hint) in refusals {
                    refuse(rule, message, hint);
                }
            }
        }
    }
    for cycle in calls.cycles() {
        let element = all
            .iter()
            .flat_map(|notes| &notes.elements)
            .find(|element| element.name == cycle.0);
        found.refusals.push(Refusal {
            rule: "recursion",
            element: cycle.0.clone(),
            place: element.map_or_else(Place::default, |element| element.place),
            message: format!("`{}` calls itself, by way of {}", cycle.0, cycle.1.join(" → ")),
            hint: "write it as an iteration over a list",
        });
    }
    found.refusals.extend(required(all));
    found
}

fn external(element: &str, place: Place, kind: &str) -> Refusal {
    Refusal {
        rule: "external-function",
        element: element.to_owned(),
        place,
        message: format!("functions in {kind} are not run here"),
        hint: "write the function in FEEL, or call a service from the process",
    }
}

/// Which function mentions which names.
#[derive(Default)]
struct Calls {
    functions: BTreeSet<String>,
    mentions: BTreeMap<String, BTreeSet<String>>,
}

impl Calls {
    fn mention(&mut self, from: &str, name: &str) {
        self.mentions
            .entry(from.to_owned())
            .or_default()
            .insert(name.to_owned());
    }

    /// What stands before an opening bracket in a text that can't be parsed.
    fn mention_words(&mut self, from: &str, text: &str) {
        for piece in text.split('(') {
            let name = piece
                .rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == ' '))
                .next()
                .unwrap_or_default()
                .trim();
            if !name.is_empty() {
                self.mention(from, name);
            }
        }
    }

    /// Functions from which one comes back to themselves.
    fn cycles(&self) -> Vec<(String, Vec<String>)> {
        let mut cycles = Vec::new();
        for start in &self.functions {
            let mut seen = BTreeSet::new();
            let mut open: Vec<(String, Vec<String>)> = vec![(start.clone(), Vec::new())];
            'search: while let Some((at, way)) = open.pop() {
                for next in self.mentions.get(&at).into_iter().flatten() {
                    let mut way = way.clone();
                    way.push(next.clone());
                    if next == start {
                        cycles.push((start.clone(), way));
                        break 'search;
                    }
                    if self.functions.contains(next) && seen.insert(next.clone()) {
                        open.push((next.clone(), way));
                    }
                }
            }
        }
        cycles
    }
}

struct Scan<'a> {
    refusals: Vec<(&'static str, String, &'static str)>,
    brief: bool,
    calls: &'a mut Calls,
    /// Name of the function, or of the element, in which the node stands.
    owner: String,
    /// Formal parameters of the functions around, innermost last.
    parameters: Vec<BTreeSet<String>>,
}

impl Scan<'_> {
    fn node(&mut self, node: &AstNode, steps: i64, depth: usize) {
        if depth > limits::TEXT_DEPTH * 6 {
            let message = "the expression is nested too deeply".to_owned();
            self.refusals
                .push(("feel-too-large", message, "split it over several decisions"));
            return;
        }
        let mut steps = steps;
        match node {
            AstNode::Name(name) => self.named(&name.to_string()),
            AstNode::QualifiedNameSegment(name) => self.named(&name.to_string()),
            AstNode::FunctionBody(_, true) => {
                self.refusals.push((
                    "external-function",
                    "external functions are not run here".to_owned(),
                    "write the function in FEEL, or call a service from the process",
                ));
                return;
            }
            AstNode::FunctionDefinition(parameters, body) => {
                self.brief = false;
                self.function(parameters, body, steps, depth);
                return;
            }
            AstNode::ContextEntry(key, value) => {
                let name = match &**key {
                    AstNode::ContextEntryKey(name) => name.to_string(),
                    _ => String::new(),
                };
                self.bound(&name, value, steps, depth);
                return;
            }
            AstNode::FunctionInvocation(callee, arguments) => self.invocation(callee, arguments),
            AstNode::For(contexts, _) | AstNode::Some(contexts, _) | AstNode::Every(contexts, _) => {
                self.brief = false;
                let spans = children(contexts).into_iter().filter_map(span);
                steps = spans.fold(steps, i64::saturating_mul);
                if steps > limits::RANGE_STEPS {
                    let most = limits::RANGE_STEPS;
                    let message = format!(
                        "iterations over ranges take at most {most} steps, those inside one another multiplied"
                    );
                    self.refusals
                        .push(("range-too-long", message, "iterate over a list instead"));
                }
            }
            AstNode::Filter(..) => self.brief = false,
            _ => {}
        }
        for child in children(node) {
            self.node(child, steps, depth + 1);
        }
    }

    fn named(&mut self, name: &str) {
        if !self.parameters.iter().any(|names| names.contains(name)) {
            let owner = self.owner.clone();
            self.calls.mention(&owner, name);
        }
    }

    /// A value that has a name: where it is a function, the name is how it would call itself.
    fn bound(&mut self, name: &str, value: &AstNode, steps: i64, depth: usize) {
        if !name.is_empty() && holds_function(value) {
            self.calls.functions.insert(name.to_owned());
            let owner = std::mem::replace(&mut self.owner, name.to_owned());
            self.node(value, steps, depth + 1);
            self.owner = owner;
        } else {
            self.node(value, steps, depth + 1);
        }
    }

    fn function(&mut self, parameters: &AstNode, body: &AstNode, steps: i64, depth: usize) {
        let names = children(parameters)
            .into_iter()
            .filter_map(|parameter| match parameter {
                AstNode::FormalParameter(name, _) => match &**name {
                    AstNode::ParameterName(name) => Some(name.to_string()),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        self.parameters.push(names);
        self.node(body, steps, depth + 1);
        self.parameters.pop();
    }

    /// A function that is given itself could call itself under the name of its parameter: whoever calls a parameter must not
    /// hand on a parameter.
    fn invocation(&mut self, callee: &AstNode, arguments: &AstNode) {
        let mut called = BTreeSet::new();
        names_in(callee, &mut called);
        if matches!(callee, AstNode::Name(name) if matches!(name.to_string().as_str(), "matches" | "replace" | "split" | "sort"))
        {
            self.brief = false;
        }
        let parameter = |name: &String| self.parameters.iter().any(|names| names.contains(name));
        if !called.iter().any(parameter) {
            return;
        }
        self.brief = false;
        let mut given = BTreeSet::new();
        names_in(arguments, &mut given);
        if given.iter().any(parameter) {
            let message = "a function that calls its parameter must not hand a parameter on to it: that can recur without end";
            self.refusals.push((
                "recursion",
                message.to_owned(),
                "call a function of the model by its name",
            ));
        }
    }
}

fn holds_function(node: &AstNode) -> bool {
    matches!(node, AstNode::FunctionDefinition(..)) || children(node).into_iter().any(holds_function)
}

fn names_in(node: &AstNode, names: &mut BTreeSet<String>) {
    if let AstNode::Name(name) | AstNode::QualifiedNameSegment(name) = node {
        names.insert(name.to_string());
    }
    for child in children(node) {
        names_in(child, names);
    }
}

/// How many steps an iteration over a range of constant ends takes.
fn span(context: &AstNode) -> Option<i64> {
    match context {
        AstNode::IterationContextInterval(_, from, to) => {
            let span = whole(to)?.saturating_sub(whole(from)?);
            Some(span.saturating_abs().saturating_add(1))
        }
        _ => None,
    }
}

fn whole(node: &AstNode) -> Option<i64> {
    match node {
        AstNode::Numeric(whole, _, _, _) => Some(whole.parse().unwrap_or(i64::MAX)),
        AstNode::Neg(inner) => whole(inner).map(i64::saturating_neg),
        _ => None,
    }
}

/// Requirements must not come back to where they began, and not branch into more evaluations than are allowed: the engine
/// evaluates what is required once for every way there is to it.
fn required(all: &[Notes]) -> Vec<Refusal> {
    let mut graph: BTreeMap<(String, String), Vec<(String, String)>> = BTreeMap::new();
    let mut owners = BTreeMap::new();
    for notes in all {
        for element in &notes.elements {
            let key = (notes.namespace.clone(), element.id.clone());
            owners.insert(key.clone(), (element.name.clone(), element.place));
            let requires = element
                .requires
                .iter()
                .map(|(href, _)| target(&notes.namespace, href));
            graph.insert(key, requires.collect());
        }
    }
    let mut refusals = Vec::new();
    let mut costs: BTreeMap<(String, String), Option<u64>> = BTreeMap::new();
    for key in graph.keys() {
        let (name, place) = owners.get(key).cloned().unwrap_or_default();
        match cost(&graph, key, &mut costs, 0) {
            None => refusals.push(Refusal {
                rule: "requirement-cycle",
                element: name.clone(),
                place,
                message: format!("`{name}` requires itself, by way of what it requires"),
                hint: "take one of the requirements out",
            }),
            Some(cost) if cost > limits::EVALUATIONS => refusals.push(Refusal {
                rule: "too-many-evaluations",
                element: name.clone(),
                place,
                message: format!("`{name}` takes more than {} evaluations", limits::EVALUATIONS),
                hint: "let fewer decisions require the same ones",
            }),
            Some(_) => {}
        }
    }
    refusals
}

/// Where a reference leads: `#id`, or `namespace#id`.
pub fn target(namespace: &str, href: &str) -> (String, String) {
    match href.rsplit_once('#') {
        Some(("", id)) => (namespace.to_owned(), id.to_owned()),
        Some((space, id)) => (space.to_owned(), id.to_owned()),
        None => (namespace.to_owned(), href.to_owned()),
    }
}

type Key = (String, String);

fn cost(
    graph: &BTreeMap<Key, Vec<Key>>,
    key: &Key,
    known: &mut BTreeMap<Key, Option<u64>>,
    depth: usize,
) -> Option<u64> {
    if let Some(cost) = known.get(key) {
        return *cost;
    }
    if depth > 200 {
        return None;
    }
    // While it is being looked at, coming back to it is a cycle.
    known.insert(key.clone(), None);
    let mut sum = 1u64;
    for next in graph.get(key).into_iter().flatten() {
        sum = sum.saturating_add(cost(graph, next, known, depth + 1)?);
    }
    known.insert(key.clone(), Some(sum));
    Some(sum)
}
