//! What the engine needs of each element. Whatever it can't execute is refused here.

use super::own_texts::*;
use super::{Kind, Known, Look, Presence, is_activity, is_flow_node};
use crate::bpmn::xml::Ix;

/// Elements that stand directly in a process or sub-process without being executed, and mean nothing by that.
const SILENT: &[&str] = &[
    "sequenceFlow",
    "dataObject",
    "dataObjectReference",
    "dataStoreReference",
    "property",
    "laneSet",
    "association",
    "group",
    "textAnnotation",
    "documentation",
    "extensionElements",
    "ioSpecification",
    "ioBinding",
    "incoming",
    "outgoing",
    "auditing",
    "monitoring",
    "resourceRole",
    "performer",
    "humanPerformer",
    "potentialOwner",
    "dataInputAssociation",
    "dataOutputAssociation",
    "standardLoopCharacteristics",
    "multiInstanceLoopCharacteristics",
    "completionCondition",
    "supportedInterfaceRef",
    "supports",
    "correlationSubscription",
    "artifact",
    // Refused by the standard's rules.
    "choreographyTask",
    "subChoreography",
    "callChoreography",
];

pub(super) fn check(look: &mut Look<'_>, known: &dyn Known) {
    let tree = look.tree;
    scopes(look);
    for name in ["choreography", "globalChoreographyTask", "globalConversation"] {
        for ix in tree.all(name) {
            look.say(&NOT_EXECUTED, ix, &[name]);
        }
    }
    for ix in tree.all("import") {
        look.say(&IMPORT, ix, &[tree.attribute(ix, "location").unwrap_or_default()]);
    }
    let tasks = [
        "globalTask",
        "globalUserTask",
        "globalManualTask",
        "globalScriptTask",
        "globalBusinessRuleTask",
    ];
    let tasks: Vec<Ix> = tasks.iter().flat_map(|name| tree.all(name)).collect();
    for ix in look.nodes.clone().into_iter().chain(tasks) {
        let name = look.name(ix);
        if !look.counts(ix) {
            continue;
        }
        if is_activity(name) || name.starts_with("global") {
            activity(look, known, ix, name);
        } else if name == "eventBasedGateway" {
            let parallel = tree.attribute(ix, "eventGatewayType") == Some("Parallel");
            if parallel && !tree.flag(ix, "instantiate", false) {
                look.say(&GATEWAY_PARALLEL, ix, &[]);
            }
        } else if super::is_event(name) {
            event(look, ix, name);
            if let Some(form) = tree.own(ix, "form").filter(|_| name == "startEvent") {
                there(look, known, ix, Kind::Form, form);
            }
        }
    }
    for line in look.flows.clone() {
        let source = line.source.map(|source| look.name(source)).unwrap_or_default();
        let decides = is_activity(source)
            || matches!(source, "exclusiveGateway" | "inclusiveGateway" | "complexGateway");
        // After an event gateway the standard has a rule of its own.
        if !look.counts(line.ix) {
            continue;
        }
        if !decides
            && is_flow_node(source)
            && source != "eventBasedGateway"
            && tree.kid(line.ix, "conditionExpression").is_some()
        {
            look.say(&CONDITION_IGNORED, line.ix, &[source]);
        }
    }
}

fn scopes(look: &mut Look<'_>) {
    let tree = look.tree;
    let executable: Vec<Ix> = tree
        .all("process")
        .filter(|ix| tree.flag(*ix, "isExecutable", false))
        .collect();
    if executable.is_empty() {
        look.say(&NOTHING, tree.all("process").next().unwrap_or(0), &[]);
    }
    let subs = ["subProcess", "transaction", "adHocSubProcess"];
    let subs: Vec<Ix> = subs
        .iter()
        .flat_map(|name| tree.all(name))
        .filter(|ix| look.counts(*ix))
        .collect();
    for ix in executable.into_iter().chain(subs) {
        for child in tree.children(ix) {
            if let Some(name) = tree
                .bpmn_name(child)
                .filter(|name| !is_flow_node(name) && !SILENT.contains(name))
            {
                look.say(&ELEMENT, child, &[name]);
            }
        }
        let nodes: Vec<Ix> = tree
            .children(ix)
            .filter(|child| is_flow_node(look.name(*child)))
            .collect();
        let id = tree.named(ix).unwrap_or_default();
        // An ad-hoc sub-process without activities is refused by the standard.
        if nodes.is_empty() && look.name(ix) != "adHocSubProcess" {
            look.say(&EMPTY, ix, &[id]);
        }
        let starts = |node: &Ix| {
            look.entering(*node).is_empty()
                && look.name(*node) != "boundaryEvent"
                && !tree.flag(*node, "isForCompensation", false)
        };
        if !nodes.is_empty() && !nodes.iter().any(starts) {
            look.say(&NO_START, ix, &[id]);
        }
    }
}

fn activity(look: &mut Look<'_>, known: &dyn Known, ix: Ix, name: &str) {
    let tree = look.tree;
    match name {
        "serviceTask" => match (tree.own(ix, "operation"), tree.own(ix, "topic")) {
            (None, None) => look.say(&WORK, ix, &[]),
            (Some(_), Some(_)) => look.say(&WORK_TWICE, ix, &[]),
            (Some(operation), None) => there(look, known, ix, Kind::Operation, operation),
            (None, Some(_)) => {}
        },
        "sendTask" | "receiveTask" => {
            if tree.attribute(ix, "messageRef").is_none() && tree.attribute(ix, "operationRef").is_none() {
                look.say(&MESSAGE, ix, &[]);
            } else if name == "receiveTask" && !tree.flag(ix, "instantiate", false) {
                correlation(look, ix, ix);
            }
        }
        "userTask" | "globalUserTask" => user_task(look, known, ix),
        "scriptTask" | "globalScriptTask" => script(look, known, ix),
        "businessRuleTask" | "globalBusinessRuleTask" => {
            let decision = tree.own(ix, "decision").unwrap_or_default();
            let formed = decision.split_once('#').is_some_and(|(model, name)| {
                !name.is_empty()
                    && model
                        .split_once('.')
                        .is_some_and(|(package, model)| !package.is_empty() && !model.is_empty())
            });
            match formed {
                true => there(look, known, ix, Kind::Decision, decision),
                false => look.say(&DECISION, ix, &[decision]),
            }
        }
        "callActivity" => call(look, known, ix),
        _ => {}
    }
    repeat(look, ix);
    if tree.kid(ix, "ioSpecification").is_some() && !crate::bpmn::read::is_sub_process(name) {
        look.say(&IO_IGNORED, ix, &[]);
    }
    if tree.flag(ix, "isForCompensation", false)
        && (!look.entering(ix).is_empty() || !look.leaving(ix).is_empty())
    {
        look.say(&COMPENSATION_FLOW, ix, &[]);
    }
}

/// Says so where a name is not there.
fn there(look: &mut Look<'_>, known: &dyn Known, ix: Ix, kind: Kind, name: &str) {
    let Presence::Missing(near) = known.look_up(kind, name) else {
        return;
    };
    let (zh, en) = kind.title();
    let mut flaw = look.tree.flaw(&UNKNOWN, ix, &[zh, name, ""]);
    let english = look.tree.flaw(&UNKNOWN, ix, &[en, name, ""]);
    flaw.message.en = english.message.en;
    (flaw.hint.zh, flaw.hint.en) = match near {
        Some(near) => (
            format!("是否指“{near}”？"),
            Some(format!("Did you mean `{near}`?")),
        ),
        None => (
            "安装提供它的包，或改正名称。".into(),
            Some("Install the package that has it, or correct the name.".into()),
        ),
    };
    look.flaws.push(flaw);
}

fn user_task(look: &mut Look<'_>, known: &dyn Known, ix: Ix) {
    let tree = look.tree;
    let words = |name: &str| -> Vec<&str> {
        let text = tree.own(ix, name).unwrap_or_default();
        text.split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .collect()
    };
    let roles = words("roles");
    if roles.is_empty() && tree.own(ix, "assignee").is_none() {
        look.say(&NOBODY, ix, &[]);
    }
    for role in roles {
        there(look, known, ix, Kind::Role, role);
    }
    if let Some(form) = tree.own(ix, "form") {
        there(look, known, ix, Kind::Form, form);
    }
    for named in words("notDoersOf") {
        if !tree.by_id(named).is_some_and(|found| tree.is(found, "userTask")) {
            look.say(&NOT_DOERS, ix, &[named]);
        }
    }
}

pub(super) fn is_feel_script(look: &Look<'_>, ix: Ix) -> bool {
    let attribute = if look.name(ix) == "scriptTask" {
        "scriptFormat"
    } else {
        "scriptLanguage"
    };
    let format = look
        .tree
        .attribute(ix, attribute)
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    format.is_empty() || format.contains("feel")
}

fn script(look: &mut Look<'_>, known: &dyn Known, ix: Ix) {
    let tree = look.tree;
    if tree.kid_text(ix, "script").is_none() {
        look.say(&SCRIPT, ix, &[]);
    }
    if !is_feel_script(look, ix) {
        let format = tree
            .attribute(ix, "scriptFormat")
            .or_else(|| tree.attribute(ix, "scriptLanguage"))
            .unwrap_or_default();
        if known.look_up(Kind::Script, format) != Presence::Here {
            look.say(&SCRIPT_FORMAT, ix, &[format]);
        }
    } else if tree.own(ix, "result").is_none() {
        look.say(&NO_EFFECT, ix, &[]);
    }
}

fn call(look: &mut Look<'_>, known: &dyn Known, ix: Ix) {
    let tree = look.tree;
    let named = tree.attribute(ix, "calledElement").unwrap_or_default().trim();
    if named.is_empty() {
        look.say(&CALL, ix, &[]);
        return;
    }
    let Some(called) = tree.refer(ix, named) else {
        there(look, known, ix, Kind::Process, named);
        return;
    };
    let name = look.name(called);
    if name == "process" {
        if !tree.flag(called, "isExecutable", false) {
            look.say(&CALL_DRAWN, ix, &[named]);
        }
        let mut starts = tree.kids(called, "startEvent").peekable();
        // Without any start event, what has no incoming flow starts.
        if starts.peek().is_some() && !starts.any(|start| look.definitions(start).is_empty()) {
            look.say(&CALL_START, ix, &[named]);
        }
    } else if !name.starts_with("global") {
        look.say(&CALL, ix, &[]);
    }
}

fn repeat(look: &mut Look<'_>, ix: Ix) {
    let tree = look.tree;
    if let Some(element) = tree.kid(ix, "standardLoopCharacteristics")
        && tree.kid_text(element, "loopCondition").is_none()
        && tree.attribute(element, "loopMaximum").is_none()
    {
        look.say(&LOOP, ix, &[]);
    }
    let Some(element) = tree.kid(ix, "multiInstanceLoopCharacteristics") else {
        return;
    };
    let listed = tree.own(element, "collection").is_some() || tree.kid(element, "loopDataInputRef").is_some();
    if tree.kid(element, "loopCardinality").is_some() && listed {
        look.say(&MULTI, ix, &[]);
    }
    if tree.own(element, "outputElement").is_some() != tree.own(element, "outputCollection").is_some() {
        look.say(&OUTPUT, ix, &[]);
    }
    if tree.own(element, "vote").is_some() && tree.kid_text(element, "completionCondition").is_some() {
        look.say(&VOTE, ix, &[]);
    }
    let needed = match tree.attribute(element, "behavior") {
        Some("One") => "oneBehaviorEventRef",
        Some("None") => "noneBehaviorEventRef",
        Some("Complex") if tree.kid(element, "complexBehaviorDefinition").is_none() => {
            look.say(&BEHAVIOR, ix, &["Complex", "complexBehaviorDefinition"]);
            return;
        }
        _ => return,
    };
    if tree.attribute(element, needed).is_none() {
        look.say(
            &BEHAVIOR,
            ix,
            &[tree.attribute(element, "behavior").unwrap_or_default(), needed],
        );
    }
}

fn event(look: &mut Look<'_>, ix: Ix, name: &str) {
    let tree = look.tree;
    let definitions = look.definitions(ix);
    let throws = matches!(name, "endEvent" | "intermediateThrowEvent");
    let top = tree.parent(ix).is_some_and(|scope| tree.is(scope, "process"));
    for (kind, definition) in definitions.iter().copied() {
        match kind {
            "timer"
                if ["timeDate", "timeDuration", "timeCycle"]
                    .iter()
                    .all(|name| tree.kid_text(definition, name).is_none()) =>
            {
                look.say(&TIMER, ix, &[]);
            }
            // In a process that is to be executed, the standard has a rule of its own.
            "message" if tree.attribute(definition, "messageRef").is_none() && !look.executable(ix) => {
                look.say(&MESSAGE, ix, &[])
            }
            // What starts an instance belongs to none yet.
            "message" if !(throws || (name == "startEvent" && top)) => correlation(look, ix, definition),
            "signal" if tree.attribute(definition, "signalRef").is_none() => look.say(&SIGNAL, ix, &[]),
            "error" | "escalation"
                if throws && tree.attribute(definition, &format!("{kind}Ref")).is_none() =>
            {
                look.say(&CODE, ix, &[kind]);
            }
            "conditional" if tree.kid_text(definition, "condition").is_none() => {
                look.say(&CONDITION, ix, &[])
            }
            "conditional" if name == "startEvent" && top => look.say(&CONDITIONAL_START, ix, &[]),
            "link" => {
                let named = tree
                    .attribute(definition, "name")
                    .is_some_and(|name| !name.trim().is_empty());
                if !named || definitions.len() > 1 {
                    look.say(&LINK, ix, &[]);
                }
            }
            "compensate" if name != "intermediateThrowEvent" && definitions.len() > 1 => {
                look.say(&ALONE, ix, &[kind])
            }
            // Each ends its scope: the second would never happen.
            "error" | "cancel" | "terminate" if throws && definitions.len() > 1 => {
                let ending = definitions
                    .iter()
                    .filter(|(kind, _)| matches!(*kind, "error" | "cancel" | "terminate"));
                if ending.count() > 1 {
                    look.say(&ALONE, ix, &[kind]);
                }
            }
            _ => {}
        }
    }
}

/// A message waited for without a key.
fn correlation(look: &mut Look<'_>, ix: Ix, definition: Ix) {
    let tree = look.tree;
    let message = tree
        .attribute(definition, "messageRef")
        .and_then(|named| tree.refer(definition, named));
    let said = [Some(ix), Some(definition), message]
        .into_iter()
        .flatten()
        .any(|at| tree.own(at, "correlation").is_some());
    if !said {
        look.say(&CORRELATION, ix, &[]);
    }
}
