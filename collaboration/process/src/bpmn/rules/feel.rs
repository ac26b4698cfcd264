//! Every expression must be FEEL that compiles, with a result of the wanted kind.

use banyan_feel::{Scope, Type, compile_open};

use super::Look;
use super::own_texts::{FEEL, LANGUAGE};
use crate::bpmn::model::{Process, VariableKind};
use crate::bpmn::time;
use crate::bpmn::xml::Ix;

/// Most declared variables whose types are checked.
const MAX_VARIABLES: usize = 200;

/// Elements whose text is an expression, with what they must give.
const ELEMENTS: &[(&str, &str, Type)] = &[
    ("sequenceFlow", "conditionExpression", Type::Boolean),
    ("conditionalEventDefinition", "condition", Type::Boolean),
    ("complexBehaviorDefinition", "condition", Type::Boolean),
    ("standardLoopCharacteristics", "loopCondition", Type::Boolean),
    (
        "multiInstanceLoopCharacteristics",
        "completionCondition",
        Type::Boolean,
    ),
    (
        "multiInstanceLoopCharacteristics",
        "loopCardinality",
        Type::Number,
    ),
    ("adHocSubProcess", "completionCondition", Type::Boolean),
    ("complexGateway", "activationCondition", Type::Boolean),
];

/// Attributes of our own that hold expressions.
const ATTRIBUTES: &[(&str, Type)] = &[
    ("businessKey", Type::Any),
    ("assignee", Type::Any),
    ("unit", Type::Any),
    ("region", Type::Any),
    ("line", Type::Any),
    ("excluded", Type::Any),
    ("priority", Type::Number),
    ("title", Type::Any),
    ("about", Type::Any),
    ("correlation", Type::Any),
    ("key", Type::Any),
    ("active", Type::Any),
    ("collection", Type::Any),
    ("outputElement", Type::Any),
    ("pausedWhile", Type::Boolean),
];

/// The declared variables of all processes; of any type where two declare one name differently.
pub(super) fn scope(processes: &[Process]) -> Scope {
    let mut scope = Scope::default();
    // More declared ones than that are as good as open: each expression is compiled over all of them.
    for variable in processes
        .iter()
        .flat_map(|process| &process.variables)
        .take(MAX_VARIABLES)
    {
        let one = match variable.kind {
            VariableKind::Any => Type::Any,
            VariableKind::Text => Type::Text,
            VariableKind::Number => Type::Number,
            VariableKind::Boolean => Type::Boolean,
            VariableKind::Date => Type::Date,
            VariableKind::DateTime => Type::DateTime,
        };
        let kind = if variable.is_collection {
            Type::List(Box::new(one))
        } else {
            one
        };
        match scope.0.iter_mut().find(|(known, _)| *known == variable.name) {
            Some((_, known)) if *known != kind => *known = Type::Any,
            Some(_) => {}
            None => scope.0.push((variable.name.clone(), kind)),
        }
    }
    scope
}

pub(super) fn check(look: &mut Look<'_>, scope: &Scope) {
    let tree = look.tree;
    for (holder, name, wanted) in ELEMENTS {
        for ix in tree.all(holder) {
            for expression in tree.kids(ix, name) {
                language(look, expression);
                let text = tree.text(expression);
                if !text.is_empty() {
                    one(look, scope, ix, name, &text, wanted);
                }
            }
        }
    }
    for ix in tree.all("timerEventDefinition") {
        for name in ["timeDate", "timeDuration", "timeCycle"] {
            let Some(text) = tree.kid_text(ix, name) else {
                continue;
            };
            // What is no time and no FEEL either is said by the standard's rules.
            if !time::literal(name, &text) && time::plausible(name, &text) {
                one(look, scope, ix, name, &text, &Type::Any);
            }
        }
    }
    for ix in 0..tree.elements.len() {
        if tree.bpmn_name(ix).is_some() {
            attributes(look, scope, ix);
        } else if let Some(kind @ ("input" | "output")) = tree.banyan_name(ix)
            && let Some(text) = tree.attribute(ix, "feel").or_else(|| tree.own(ix, "feel"))
            && !text.trim().is_empty()
        {
            one(look, scope, ix, kind, text, &Type::Any);
        }
    }
    for name in ["scriptTask", "globalScriptTask"] {
        for ix in tree.all(name) {
            if super::engine::is_feel_script(look, ix)
                && let Some(text) = tree.kid_text(ix, "script")
            {
                one(look, scope, ix, "script", &text, &Type::Any);
            }
        }
    }
}

fn attributes(look: &mut Look<'_>, scope: &Scope, ix: Ix) {
    let tree = look.tree;
    for (name, wanted) in ATTRIBUTES {
        if let Some(text) = tree.own(ix, name) {
            one(look, scope, ix, &format!("banyan:{name}"), text, wanted);
        }
    }
    for name in ["due", "warn"] {
        if let Some(text) = tree.own(ix, name).filter(|text| !time::is_duration(text)) {
            one(look, scope, ix, &format!("banyan:{name}"), text, &Type::Any);
        }
    }
    if let Some(text) = tree.own(ix, "ttl").filter(|text| !time::is_duration(text)) {
        look.say(&crate::bpmn::read::VALUE, ix, &["banyan:ttl", text, "P1D, PT30M"]);
    }
}

/// An expression that says it is of another language.
fn language(look: &mut Look<'_>, ix: Ix) {
    if !look.counts(ix) {
        return;
    }
    let named = look
        .tree
        .attribute(ix, "language")
        .map(str::trim)
        .filter(|named| !named.is_empty());
    if let Some(named) = named.filter(|named| !named.to_ascii_lowercase().contains("feel")) {
        look.say(&LANGUAGE, ix, &[named]);
    }
}

fn one(look: &mut Look<'_>, scope: &Scope, ix: Ix, place: &str, text: &str, wanted: &Type) {
    if !look.counts(ix) {
        return;
    }
    let Err(errors) = compile_open(text, scope, wanted) else {
        return;
    };
    for error in errors {
        // The parser answers over several lines.
        let message = error.message.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = text.chars().take(80).collect();
        look.say(
            &FEEL,
            ix,
            &[place, &message, error.hint.as_deref().unwrap_or(&shown)],
        );
    }
}
