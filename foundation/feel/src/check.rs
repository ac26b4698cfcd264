//! The type checker: names that are not there, members that are not there, operators on what they can't work on, and a
//! result that is not the wanted one. What the declarations do not tell is `Any` and fits everywhere.

use dsntk_feel_parser::AstNode;

use crate::expression::FeelError;
use crate::types::Type;

/// Results of the functions most used; parameters are left to the evaluator.
pub(crate) const FUNCTIONS: &[(&str, Type)] = &[
    ("abs", Type::Number),
    ("all", Type::Boolean),
    ("any", Type::Boolean),
    ("ceiling", Type::Number),
    ("contains", Type::Boolean),
    ("count", Type::Number),
    ("date", Type::Date),
    ("date and time", Type::DateTime),
    ("day of week", Type::Text),
    ("day of year", Type::Number),
    ("decimal", Type::Number),
    ("duration", Type::Duration),
    ("ends with", Type::Boolean),
    ("even", Type::Boolean),
    ("floor", Type::Number),
    ("list contains", Type::Boolean),
    ("lower case", Type::Text),
    ("matches", Type::Boolean),
    ("mean", Type::Number),
    ("modulo", Type::Number),
    ("month of year", Type::Text),
    ("not", Type::Boolean),
    ("number", Type::Number),
    ("odd", Type::Boolean),
    ("replace", Type::Text),
    ("round down", Type::Number),
    ("round half down", Type::Number),
    ("round half up", Type::Number),
    ("round up", Type::Number),
    ("sqrt", Type::Number),
    ("starts with", Type::Boolean),
    ("string", Type::Text),
    ("string join", Type::Text),
    ("string length", Type::Number),
    ("substring", Type::Text),
    ("substring after", Type::Text),
    ("substring before", Type::Text),
    ("sum", Type::Number),
    ("upper case", Type::Text),
    ("week of year", Type::Number),
    ("years and months duration", Type::Duration),
];

/// Functions whose result depends on their arguments, or that are seldom used: known, not typed.
pub(crate) const UNTYPED: &[&str] = &[
    "append",
    "concatenate",
    "context",
    "context merge",
    "context put",
    "distinct values",
    "exp",
    "flatten",
    "get entries",
    "get value",
    "index of",
    "insert before",
    "is",
    "list replace",
    "log",
    "max",
    "median",
    "min",
    "mode",
    "product",
    "remove",
    "reverse",
    "sort",
    "split",
    "stddev",
    "sublist",
    "time",
    "union",
    "before",
    "after",
    "meets",
    "met by",
    "overlaps",
    "during",
    "includes",
    "starts",
    "started by",
    "finishes",
    "finished by",
    "coincides",
];

pub(crate) struct Checker {
    pub(crate) errors: Vec<FeelError>,
    /// Names read from the scope, each once.
    pub(crate) uses: Vec<String>,
    scopes: Vec<(String, Type)>,
    base: usize,
}

impl Checker {
    pub(crate) fn new(names: Vec<(String, Type)>) -> Checker {
        let base = names.len();
        Checker {
            errors: Vec::new(),
            uses: Vec::new(),
            scopes: names,
            base,
        }
    }

    fn error(&mut self, message: String, hint: Option<String>) -> Type {
        self.errors.push(FeelError { message, hint });
        Type::Any
    }

    fn name(&mut self, name: &str) -> Type {
        if let Some(index) = self.scopes.iter().rposition(|(known, _)| known == name) {
            if index < self.base && !self.uses.iter().any(|used| used == name) {
                self.uses.push(name.to_owned());
            }
            return self.scopes.get(index).map_or(Type::Any, |(_, kind)| kind.clone());
        }
        let hint = nearest(name, self.scopes.iter().map(|(known, _)| known.as_str()));
        self.error(format!("there is no `{name}` here"), hint)
    }

    fn wants(&mut self, node: &AstNode, wanted: &Type, place: &str) {
        let found = self.infer(node);
        if !found.fits(wanted) {
            self.error(format!("{place} must be a {wanted}, not a {found}"), None);
        }
    }

    /// The type of a node, noting what is wrong inside it.
    pub(crate) fn infer(&mut self, node: &AstNode) -> Type {
        use AstNode as N;
        match node {
            N::Boolean(_) => Type::Boolean,
            N::Numeric(..) => Type::Number,
            N::String(_) => Type::Text,
            N::At(text) if text.len() == 10 => Type::Date,
            N::At(text) if text.starts_with(['P', '-']) => Type::Duration,
            N::Name(name) => self.name(&name.to_string()),
            N::QualifiedName(_) => Type::Any,
            N::Add(a, b) | N::Sub(a, b) => {
                let (left, right) = (self.infer(a), self.infer(b));
                self.arithmetic(matches!(node, N::Add(..)), &left, &right)
            }
            N::Mul(a, b) | N::Div(a, b) | N::Exp(a, b) => {
                let (left, right) = (self.infer(a), self.infer(b));
                match (&left, &right) {
                    (Type::Number, Type::Number) => Type::Number,
                    (Type::Duration, Type::Number) | (Type::Number, Type::Duration) => Type::Duration,
                    (Type::Any, _) | (_, Type::Any) => Type::Any,
                    _ => self.error(
                        format!("a {left} and a {right} can't be multiplied or divided"),
                        None,
                    ),
                }
            }
            N::Neg(inner) => self.infer(inner),
            N::And(a, b) | N::Or(a, b) => {
                self.wants(a, &Type::Boolean, "each side of `and` and `or`");
                self.wants(b, &Type::Boolean, "each side of `and` and `or`");
                Type::Boolean
            }
            N::Eq(a, b) | N::Nq(a, b) | N::Lt(a, b) | N::Le(a, b) | N::Gt(a, b) | N::Ge(a, b) => {
                self.comparison(a, b);
                Type::Boolean
            }
            N::Between(a, b, c) => {
                self.comparison(a, b);
                self.comparison(a, c);
                Type::Boolean
            }
            N::In(a, _) | N::InstanceOf(a, _) => {
                self.infer(a);
                Type::Boolean
            }
            N::If(condition, then, otherwise) => {
                self.wants(condition, &Type::Boolean, "the condition of `if`");
                let (then, otherwise) = (self.infer(then), self.infer(otherwise));
                if then == otherwise || otherwise == Type::Any {
                    then
                } else {
                    Type::Any
                }
            }
            N::Path(base, member) => self.path(base, member),
            N::FunctionInvocation(function, arguments) => self.invocation(function, arguments),
            N::List(items) => {
                let kinds: Vec<Type> = items.iter().map(|item| self.infer(item)).collect();
                let first = kinds.first().cloned().unwrap_or(Type::Any);
                let same = kinds.iter().all(|kind| *kind == first);
                Type::List(Box::new(if same { first } else { Type::Any }))
            }
            N::Filter(base, _) => match self.infer(base) {
                list @ Type::List(_) => match list {
                    Type::List(item) => Type::List(item),
                    other => other,
                },
                _ => Type::Any,
            },
            N::For(contexts, body) => {
                let depth = self.scopes.len();
                self.iterate(contexts);
                let item = match &**body {
                    N::EvaluatedExpression(inner) => self.infer(inner),
                    other => self.infer(other),
                };
                self.scopes.truncate(depth);
                Type::List(Box::new(item))
            }
            N::Some(contexts, body) | N::Every(contexts, body) => {
                let depth = self.scopes.len();
                self.iterate(contexts);
                let body = match &**body {
                    N::Satisfies(inner) => inner,
                    _ => body,
                };
                self.wants(body, &Type::Boolean, "what follows `satisfies`");
                self.scopes.truncate(depth);
                Type::Boolean
            }
            _ => Type::Any,
        }
    }

    fn iterate(&mut self, contexts: &AstNode) {
        let (AstNode::IterationContexts(list) | AstNode::QuantifiedContexts(list)) = contexts else {
            return;
        };
        for context in list {
            let (name, kind) = match context {
                AstNode::IterationContextSingle(name, source) | AstNode::QuantifiedContext(name, source) => {
                    let kind = match self.infer(source) {
                        Type::List(item) => *item,
                        _ => Type::Any,
                    };
                    (name, kind)
                }
                AstNode::IterationContextInterval(name, _, _) => (name, Type::Number),
                _ => continue,
            };
            if let AstNode::Name(name) | AstNode::ParameterName(name) = &**name {
                self.scopes.push((name.to_string(), kind));
            }
        }
        self.scopes.push(("partial".into(), Type::Any));
    }

    fn arithmetic(&mut self, plus: bool, left: &Type, right: &Type) -> Type {
        use Type as T;
        match (left, right) {
            (T::Any, _) | (_, T::Any) => T::Any,
            (T::Number, T::Number) => T::Number,
            (T::Text, T::Text) if plus => T::Text,
            (T::Duration, T::Duration) => T::Duration,
            (T::Date, T::Date) | (T::DateTime, T::DateTime) if !plus => T::Duration,
            (T::Date, T::Duration) => T::Date,
            (T::DateTime, T::Duration) => T::DateTime,
            (T::Duration, T::Date | T::DateTime) if plus => right.clone(),
            _ => {
                let hint = (*left == T::Text || *right == T::Text)
                    .then(|| "convert with string(…) or number(…)".to_owned());
                let word = if plus { "added to" } else { "subtracted from" };
                self.error(format!("a {right} can't be {word} a {left}"), hint)
            }
        }
    }

    fn comparison(&mut self, a: &AstNode, b: &AstNode) {
        use AstNode as N;
        let (left, right) = (self.infer(a), self.infer(b));
        // The parser takes `a == 3` for a comparison with the test `= 3`, which gives null.
        if matches!(
            b,
            N::UnaryEq(_) | N::UnaryNe(_) | N::UnaryLt(_) | N::UnaryLe(_) | N::UnaryGt(_) | N::UnaryGe(_)
        ) {
            let hint = "equality is one `=`".to_owned();
            self.error("two comparisons stand side by side".into(), Some(hint));
            return;
        }
        if matches!(a, AstNode::Null) || matches!(b, AstNode::Null) {
            return;
        }
        if !left.fits(&right) {
            let hint = (left == Type::Date && right == Type::Text)
                .then(|| "write dates as date(\"2022-03-01\")".to_owned());
            self.error(format!("a {left} is compared with a {right}"), hint);
        }
    }

    fn path(&mut self, base: &AstNode, member: &AstNode) -> Type {
        let kind = self.infer(base);
        let AstNode::Name(member) = member else {
            return Type::Any;
        };
        let member = member.to_string();
        match &kind {
            Type::Context(entries) => {
                if let Some((_, kind)) = entries.iter().find(|(name, _)| *name == member) {
                    return kind.clone();
                }
                let hint = nearest(&member, entries.iter().map(|(name, _)| name.as_str()));
                self.error(format!("there is no member `{member}` here"), hint)
            }
            Type::Date | Type::DateTime | Type::Duration => match member.as_str() {
                "year" | "month" | "day" | "weekday" | "hour" | "minute" | "second" | "days" | "hours"
                | "minutes" | "seconds" | "years" | "months" => Type::Number,
                "time offset" => Type::Duration,
                "timezone" => Type::Text,
                _ => self.error(format!("a {kind} has no member `{member}`"), None),
            },
            Type::Any | Type::List(_) => Type::Any,
            other => self.error(format!("a {other} has no members, so no `{member}`"), None),
        }
    }

    fn invocation(&mut self, function: &AstNode, arguments: &AstNode) -> Type {
        match arguments {
            AstNode::PositionalParameters(list) => list.iter().for_each(|item| {
                self.infer(item);
            }),
            AstNode::NamedParameters(list) => list.iter().for_each(|item| {
                if let AstNode::NamedParameter(_, value) = item {
                    self.infer(value);
                }
            }),
            _ => {}
        }
        let AstNode::Name(name) = function else {
            if matches!(function, AstNode::Path(..)) {
                let hint = "write the value as an argument: `contains(text, \"a\")`".to_owned();
                return self.error("values have no functions of their own".into(), Some(hint));
            }
            return Type::Any;
        };
        let name = name.to_string();
        if let Some(hint) = without_effect(&name, arguments) {
            let message = format!("`{name}` gives null when it is called so");
            return self.error(message, Some(hint.to_owned()));
        }
        if let Some((_, kind)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
            return kind.clone();
        }
        if UNTYPED.contains(&name.as_str()) {
            return Type::Any;
        }
        let known = FUNCTIONS
            .iter()
            .map(|(known, _)| *known)
            .chain(UNTYPED.iter().copied());
        let hint = nearest(&name, known);
        self.error(format!("there is no function `{name}`"), hint)
    }
}

/// What the evaluator takes without complaint and answers with null, with what to write instead.
fn without_effect(name: &str, arguments: &AstNode) -> Option<&'static str> {
    let count = match arguments {
        AstNode::PositionalParameters(list) | AstNode::NamedParameters(list) => list.len(),
        _ => 0,
    };
    match name {
        // Not of DMN 1.5: the evaluator doesn't have it.
        "coalesce" => Some("write `if a != null then a else b`"),
        "number" if count != 3 => {
            Some("name the separators of thousands and decimals too: `number(text, \",\", \".\")`")
        }
        _ => None,
    }
}

/// "did you mean …" for the nearest of the known names, where one is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    known
        .map(|other| (distance(name, other), other))
        .filter(|(distance, other)| *distance <= 1 + other.chars().count() / 4)
        .min()
        .map(|(_, other)| format!("did you mean `{other}`?"))
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((to, up_left), up) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            next.push((up_left + usize::from(from != *to)).min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
