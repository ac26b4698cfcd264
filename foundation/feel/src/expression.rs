use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use banyan_base::Ctx;
use dsntk_feel::context::FeelContext;
use dsntk_feel::values::Value;
use dsntk_feel::{Evaluator, FeelScope, Name};
use serde_json::{Map, Value as Json};

use crate::check::Checker;
use crate::convert::{context, to_feel, to_json};
use crate::types::{Scope, Type};
use crate::{free, guard};

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FeelError {
    pub message: String,
    pub hint: Option<String>,
}

/// Why an evaluation gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    #[error("the expression `{text}` could not be evaluated: {why}")]
    Failed { text: String, why: String },
}

/// An expression that was parsed, guarded and checked. Cheap to clone, free to share between threads.
#[derive(Clone)]
pub struct Expression {
    inner: Arc<Inner>,
}

struct Inner {
    text: String,
    scope: Type,
    uses: Vec<String>,
    daily: bool,
    result: Type,
    evaluator: Evaluator,
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.inner.text)
    }
}

/// A context in which every name is known to the parser, with an example of its type.
fn sample(kind: &Type) -> Value {
    match kind {
        Type::Context(entries) => {
            let mut context = FeelContext::new();
            for (name, kind) in entries {
                context.set_entry(&Name::from(name.as_str()), sample(kind));
            }
            Value::Context(context)
        }
        _ => Value::Null(None),
    }
}

/// Parses, guards and type-checks `text` over `scope`; its result must fit `expected`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile(text: &str, scope: &Scope, expected: &Type) -> Result<Expression, Vec<FeelError>> {
    build(text, scope, &[], expected)
}

/// `functions` are known to the parser alone: as names of the scope they would hide the functions when it is evaluated.
fn build(
    text: &str,
    scope: &Scope,
    functions: &[&str],
    expected: &Type,
) -> Result<Expression, Vec<FeelError>> {
    let one = |message: String| vec![FeelError { message, hint: None }];
    guard::pre_scan(text).map_err(one)?;
    let (bound, daily) = guard::bind_clock(text);
    let mut names = scope.0.clone();
    names.push((guard::TODAY.into(), Type::Date));
    names.push((guard::NOW.into(), Type::DateTime));
    let kind = Type::Context(names.clone());
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let parsing = match sample(&kind) {
            Value::Context(mut context) => {
                for name in functions {
                    context.set_entry(&Name::from(*name), Value::Null(None));
                }
                FeelScope::from(context)
            }
            _ => FeelScope::new(),
        };
        dsntk_feel_parser::parse_expression(&parsing, &bound, false).map_err(|error| error.to_string())
    }));
    let node = match parsed {
        Ok(Ok(node)) => node,
        Ok(Err(message)) => return Err(one(format!("this is not FEEL: {message}"))),
        Err(_) => return Err(one("this is not FEEL".into())),
    };
    guard::post_scan(&node).map_err(one)?;
    let mut checker = Checker::new(names);
    let result = checker.infer(&node);
    if !result.fits(expected) {
        let message = format!("the result must be a {expected}, not a {result}");
        checker.errors.push(FeelError { message, hint: None });
    }
    if !checker.errors.is_empty() {
        return Err(checker.errors);
    }
    let uses = checker
        .uses
        .into_iter()
        .filter(|name| name != guard::TODAY && name != guard::NOW)
        .collect();
    let evaluator = catch_unwind(AssertUnwindSafe(|| dsntk_feel_evaluator::prepare(&node)))
        .map_err(|_| one("the expression can't be prepared".into()))?;
    let inner = Inner {
        text: text.to_owned(),
        scope: kind,
        uses,
        daily,
        result,
        evaluator,
    };
    Ok(Expression {
        inner: Arc::new(inner),
    })
}

/// As [`compile`], over names that are not all known beforehand: those of `scope` have their types, every other name that
/// the text reads is of any type, and null where no value is given for it. A leading `=` is allowed and means nothing.
///
/// # Errors
/// Everything that is wrong with it.
pub fn compile_open(text: &str, scope: &Scope, expected: &Type) -> Result<Expression, Vec<FeelError>> {
    let text = text.trim_start();
    let text = text.strip_prefix('=').unwrap_or(text);
    // Before the names are looked for: the text may be endless.
    guard::pre_scan(text).map_err(|message| vec![FeelError { message, hint: None }])?;
    let mut scope = scope.clone();
    let free = free::names(text);
    for name in free.variables {
        if !scope.0.iter().any(|(known, _)| known == name) {
            scope.0.push((name.to_owned(), Type::Any));
        }
    }
    build(text, &scope, &free.functions, expected)
}

impl Expression {
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// Names of the scope that it reads.
    pub fn uses(&self) -> &[String] {
        &self.inner.uses
    }

    /// Whether it reads `today()` or `now()`, so that its value changes by itself.
    pub fn is_daily(&self) -> bool {
        self.inner.daily
    }

    pub fn result(&self) -> &Type {
        &self.inner.result
    }

    /// The value for these names, as JSON. A FEEL null is `Json::Null`.
    ///
    /// # Errors
    /// Where the evaluator itself fails.
    pub fn evaluate(&self, cx: &Ctx, values: &Map<String, Json>) -> Result<Json, EvalError> {
        self.run(cx, values).map(|value| to_json(&value))
    }

    /// True only where the result is true; null and false are not.
    ///
    /// # Errors
    /// As [`Expression::evaluate`].
    pub fn holds(&self, cx: &Ctx, values: &Map<String, Json>) -> Result<bool, EvalError> {
        Ok(matches!(self.run(cx, values)?, Value::Boolean(true)))
    }

    fn run(&self, cx: &Ctx, values: &Map<String, Json>) -> Result<Value, EvalError> {
        let run = || {
            let mut given = context(values, &self.inner.scope);
            if self.inner.daily {
                let today = Json::String(cx.today().to_string());
                given.set_entry(&Name::from(guard::TODAY), to_feel(&today, &Type::Date));
                given.set_entry(
                    &Name::from(guard::NOW),
                    to_feel(&Json::String(cx.now_text()), &Type::DateTime),
                );
            }
            (self.inner.evaluator)(&FeelScope::from(given))
        };
        catch_unwind(AssertUnwindSafe(run)).map_err(|_| EvalError::Failed {
            text: self.inner.text.clone(),
            why: "the evaluator failed inside".into(),
        })
    }
}
