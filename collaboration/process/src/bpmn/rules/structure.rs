//! What holds what: ids, sub-processes, participants, resources.

use std::collections::BTreeSet;

use super::texts::*;
use super::{Look, is_activity, is_flow_node};

pub(super) fn check(look: &mut Look<'_>) {
    sub_processes(look);
    participants(look);
    choreographies(look);
    activities(look);
    formats(look);
}

pub(super) fn ids(look: &mut Look<'_>) {
    let tree = look.tree;
    let mut seen = BTreeSet::new();
    for ix in 0..tree.elements.len() {
        let Some(name) = tree.bpmn_name(ix) else { continue };
        match tree.id(ix).filter(|id| !id.trim().is_empty()) {
            Some(id) if !seen.insert(id) => look.say(&EXT002, ix, &[id]),
            None if is_flow_node(name) || matches!(name, "process" | "sequenceFlow" | "participant") => {
                look.say(&EXT003, ix, &[name]);
            }
            _ => {}
        }
    }
}

fn sub_processes(look: &mut Look<'_>) {
    let tree = look.tree;
    for name in ["process", "subProcess", "transaction", "adHocSubProcess"] {
        for ix in tree.all(name) {
            for child in tree.children(ix) {
                let rule = if name == "process" { &EXT036 } else { &EXT056 };
                if let Some(kind @ ("choreographyTask" | "subChoreography" | "callChoreography")) =
                    tree.bpmn_name(child)
                {
                    look.say(rule, child, &[kind]);
                }
            }
            if name != "process" && tree.kid(ix, "ioSpecification").is_some() {
                look.say(&EXT079, ix, &[]);
            }
        }
    }
    for ix in tree
        .all("subProcess")
        .filter(|ix| tree.flag(*ix, "triggeredByEvent", false))
    {
        if !look.entering(ix).is_empty() || !look.leaving(ix).is_empty() {
            look.say(&EXT057, ix, &[]);
        }
        let starts: Vec<_> = tree.kids(ix, "startEvent").collect();
        match starts.as_slice() {
            [start] => event_start(look, *start),
            _ => look.say(&EXT058, ix, &[]),
        }
    }
    for ix in tree.all("adHocSubProcess") {
        if !tree
            .children(ix)
            .any(|child| tree.bpmn_name(child).is_some_and(is_activity))
        {
            look.say(&EXT061, ix, &[]);
        }
        if tree
            .kid(ix, "startEvent")
            .or_else(|| tree.kid(ix, "endEvent"))
            .is_some()
        {
            look.say(&EXT062, ix, &[]);
        }
    }
    for ix in tree.all("transaction") {
        if let Some(method) = tree.attribute(ix, "method").filter(|method| !is_uri(method)) {
            look.say(&EXT060, ix, &[method]);
        }
    }
}

fn event_start(look: &mut Look<'_>, start: usize) {
    let definitions = look.definitions(start);
    if definitions.is_empty() {
        look.say(&EXT059, start, &["none"]);
    }
    let interrupting = look.tree.flag(start, "isInterrupting", true);
    for (kind, _) in definitions {
        let wrong = matches!(kind, "link" | "cancel" | "terminate")
            || (!interrupting && matches!(kind, "compensate" | "error"));
        if wrong {
            look.say(&EXT059, start, &[kind]);
        }
    }
}

fn participants(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("participantMultiplicity") {
        let number = |name: &str| {
            tree.attribute(ix, name)
                .and_then(|value| value.trim().parse::<i64>().ok())
        };
        // As the schema has them where they are not given.
        let (minimum, maximum) = (number("minimum").unwrap_or(0), number("maximum").unwrap_or(1));
        if minimum < 0 {
            look.say(&EXT029, ix, &[]);
        }
        if maximum < 1 || maximum < minimum {
            look.say(&EXT030, ix, &[]);
        }
    }
}

fn choreographies(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("choreography").chain(tree.all("globalConversation")) {
        if tree.kid(ix, "choreographyRef").is_some() {
            look.say(&EXT027, ix, &[]);
        }
    }
    for ix in tree.all("globalConversation") {
        for child in tree.children(ix) {
            let held = matches!(
                tree.bpmn_name(child),
                Some(
                    "conversationNode"
                        | "conversation"
                        | "subConversation"
                        | "callConversation"
                        | "participantAssociation"
                        | "messageFlowAssociation"
                        | "conversationAssociation"
                        | "association"
                        | "group"
                        | "textAnnotation"
                )
            );
            if held {
                look.say(&EXT032, ix, &[tree.bpmn_name(child).unwrap_or_default()]);
            }
        }
    }
    for ix in tree.all("collaboration") {
        let Some(named) = tree.kid_text(ix, "choreographyRef") else {
            continue;
        };
        let other = tree
            .refer(ix, &named)
            .filter(|other| tree.is(*other, "choreography"));
        if other.is_some_and(|other| tree.flag(ix, "isClosed", false) != tree.flag(other, "isClosed", false))
        {
            look.say(&EXT033, ix, &[]);
        }
    }
}

fn activities(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in look.nodes.clone() {
        if !is_activity(look.name(ix)) {
            continue;
        }
        if tree
            .attribute(ix, "startQuantity")
            .is_some_and(|value| value.trim().parse::<i64>().is_ok_and(|n| n < 1))
        {
            look.say(&EXT037, ix, &[]);
        }
        if tree.kid(ix, "standardLoopCharacteristics").is_some()
            && tree.kid(ix, "multiInstanceLoopCharacteristics").is_some()
        {
            look.say(&EXT054, ix, &[]);
        }
    }
    for name in ["resourceRole", "performer", "humanPerformer", "potentialOwner"] {
        for ix in tree.all(name) {
            let named = tree.kid(ix, "resourceRef").is_some();
            if named && tree.kid(ix, "resourceAssignmentExpression").is_some() {
                look.say(&EXT039, ix, &[]);
            }
            if !named && tree.kid(ix, "resourceParameterBinding").is_some() {
                look.say(&EXT040, ix, &[]);
            }
        }
    }
}

fn formats(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("textAnnotation") {
        if let Some(format) = tree.attribute(ix, "textFormat").filter(|format| !is_mime(format)) {
            look.say(&EXT010, ix, &[format]);
        }
    }
    for (element, attribute) in [
        ("scriptTask", "scriptFormat"),
        ("globalScriptTask", "scriptLanguage"),
    ] {
        for ix in tree.all(element) {
            let format = tree
                .attribute(ix, attribute)
                .map(str::trim)
                .filter(|format| !format.is_empty());
            if let Some(format) =
                format.filter(|format| !format.eq_ignore_ascii_case("feel") && !is_mime(format))
            {
                look.say(&EXT145, ix, &[format]);
            }
        }
    }
}

fn is_mime(text: &str) -> bool {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))
    };
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence
        .split_once('/')
        .is_some_and(|(kind, sub)| token(kind) && token(sub))
}

/// RFC 3986, as far as characters go; and the standard's own `##Compensate`, `##Image`, `##Store`.
fn is_uri(text: &str) -> bool {
    let mut rest = text.trim().trim_start_matches("##").chars();
    while let Some(c) = rest.next() {
        let good = match c {
            '%' => {
                rest.next().is_some_and(|c| c.is_ascii_hexdigit())
                    && rest.next().is_some_and(|c| c.is_ascii_hexdigit())
            }
            c => c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=".contains(c),
        };
        if !good {
            return false;
        }
    }
    true
}
