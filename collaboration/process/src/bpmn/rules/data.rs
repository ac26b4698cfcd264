//! Expressions: formal ones where a process is executed, and not empty.

use super::Look;
use super::texts::*;
use crate::bpmn::xml::{Ix, XSI, local};
use banyan_feel::{Scope, Type, compile_open};

/// Elements that hold expressions, with the elements that hold them.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("adHocSubProcess", "completionCondition"),
    ("assignment", "from"),
    ("assignment", "to"),
    ("complexGateway", "activationCondition"),
    ("multiInstanceLoopCharacteristics", "loopCardinality"),
    ("multiInstanceLoopCharacteristics", "completionCondition"),
    ("sequenceFlow", "conditionExpression"),
    ("standardLoopCharacteristics", "loopCondition"),
    ("timerEventDefinition", "timeDate"),
    ("timerEventDefinition", "timeDuration"),
    ("timerEventDefinition", "timeCycle"),
];

pub(super) fn check(look: &mut Look<'_>) {
    let tree = look.tree;
    for (holder, name) in EXPRESSIONS {
        for ix in tree.all(holder) {
            for expression in tree.kids(ix, name) {
                if look.executable(ix) && !is_formal(look, expression) {
                    look.say(&EXT012, expression, &[name]);
                } else if is_formal(look, expression) && tree.text(expression).is_empty() {
                    look.say(&EXT013, expression, &[name]);
                }
            }
        }
    }
    // Formal by their type, without saying so.
    for name in ["messagePath", "dataPath", "transformation"] {
        for ix in tree.all(name) {
            if tree.text(ix).is_empty() {
                look.say(&EXT013, ix, &[name]);
            }
        }
    }
    for ix in tree.all("complexBehaviorDefinition") {
        if let Some(condition) = tree
            .kid(ix, "condition")
            .filter(|condition| tree.text(*condition).is_empty())
        {
            look.say(&EXT013, condition, &["condition"]);
        }
    }
    for ix in tree.all("conditionalEventDefinition") {
        let condition = tree.kid(ix, "condition");
        let formal =
            condition.is_some_and(|condition| is_formal(look, condition) && !tree.text(condition).is_empty());
        // Where it can't stand at all (EXT149, EXT146), what it says does not matter.
        let catches = tree
            .parent(ix)
            .is_some_and(|event| !matches!(look.name(event), "intermediateThrowEvent" | "endEvent"));
        if catches && look.executable(ix) && !formal {
            look.say(&EXT123, ix, &[]);
        }
    }
    for ix in tree.all("multiInstanceLoopCharacteristics") {
        let Some(condition) = tree.kid(ix, "completionCondition") else {
            continue;
        };
        let found = compile_open(&tree.text(condition), &Scope::default(), &Type::Any);
        match found.as_ref().map(|expression| expression.result()) {
            Ok(Type::Boolean | Type::Any) | Err(_) => {}
            Ok(other) => look.say(&EXT071, condition, &[&other.to_string()]),
        }
    }
}

/// Whether its `xsi:type` is the standard's formal expression.
fn is_formal(look: &Look<'_>, ix: Ix) -> bool {
    let Some(element) = look.tree.elements.get(ix) else {
        return false;
    };
    element.attributes.iter().any(|attribute| {
        let namespace = attribute.namespace.and_then(|ix| look.tree.namespaces.get(ix));
        namespace.is_some_and(|uri| uri == XSI)
            && local(&attribute.name) == "type"
            && local(attribute.value.trim()) == "tFormalExpression"
    })
}
