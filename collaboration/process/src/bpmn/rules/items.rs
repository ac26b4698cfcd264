//! Data and its types: item definitions, inputs and outputs, associations.

use std::collections::{BTreeMap, BTreeSet};

use super::texts::*;
use super::{Look, is_event};
use crate::bpmn::Rule;
use crate::bpmn::xml::{Ix, Tree};

pub(super) fn check(look: &mut Look<'_>) {
    collections(look);
    tasks(look);
    calls(look);
    multi_instances(look);
    references(look);
    sets(look);
    associations(look);
    events(look);
}

/// The item definition of something that carries data; references to data objects and stores followed.
fn item(tree: &Tree, ix: Ix) -> Option<Ix> {
    for reference in ["dataObjectRef", "dataStoreRef"] {
        if let Some(named) = tree.attribute(ix, reference) {
            return item_of(tree, tree.refer(ix, named)?, "itemSubjectRef");
        }
    }
    item_of(tree, ix, "itemSubjectRef")
}

fn item_of(tree: &Tree, ix: Ix, attribute: &str) -> Option<Ix> {
    let named = tree.attribute(ix, attribute)?;
    tree.refer(ix, named)
        .filter(|found| tree.is(*found, "itemDefinition"))
}

/// Whether two item definitions are the same, or of the same structure.
fn same(tree: &Tree, one: Ix, other: Ix) -> bool {
    let structure = |ix| tree.attribute(ix, "structureRef");
    one == other || (structure(one).is_some() && structure(one) == structure(other))
}

fn collections(look: &mut Look<'_>) {
    let tree = look.tree;
    for name in ["dataObject", "dataInput", "dataOutput"] {
        for ix in tree.all(name) {
            let Some(item) = item_of(tree, ix, "itemSubjectRef") else {
                continue;
            };
            if tree.flag(ix, "isCollection", false) != tree.flag(item, "isCollection", false) {
                look.say(&EXT020, ix, &[]);
            }
        }
    }
}

/// Parts of the ioSpecification of an element.
fn io<'a>(tree: &'a Tree, ix: Ix, name: &'a str) -> impl Iterator<Item = Ix> + 'a {
    tree.kid(ix, "ioSpecification")
        .into_iter()
        .flat_map(move |io| tree.kids(io, name))
}

fn tasks(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("serviceTask") {
        let Some(named) = tree.attribute(ix, "operationRef") else {
            continue;
        };
        if io(tree, ix, "inputSet").count() != 1 {
            look.say(&EXT042, ix, &[]);
        }
        if io(tree, ix, "outputSet").count() > 1 {
            look.say(&EXT043, ix, &[]);
        }
        let operation = tree.refer(ix, named);
        let answer =
            operation.and_then(|operation| tree.refer(ix, &tree.kid_text(operation, "outMessageRef")?));
        if let Some(answer) = answer.and_then(|answer| item_of(tree, answer, "itemRef")) {
            let fits = |output: Ix| item(tree, output).is_some_and(|found| same(tree, found, answer));
            if !io(tree, ix, "dataOutput").any(fits) {
                look.say(&EXT045, ix, &[]);
            }
        }
    }
    let message_tasks = [
        ("sendTask", "dataInput", &EXT048),
        ("receiveTask", "dataOutput", &EXT052),
    ];
    for (name, data, rule) in message_tasks {
        for ix in tree.all(name) {
            if tree.attribute(ix, "messageRef").is_some() {
                if name == "sendTask" && io(tree, ix, "inputSet").count() > 1 {
                    look.say(&EXT046, ix, &[]);
                }
                if name == "receiveTask" && io(tree, ix, "dataOutput").count() > 1 {
                    look.say(&EXT051, ix, &[]);
                }
            }
            let message = tree
                .attribute(ix, "messageRef")
                .and_then(|named| tree.refer(ix, named));
            let wanted = message.and_then(|message| item_of(tree, message, "itemRef"));
            let mut given = io(tree, ix, data).peekable();
            let fits = |found: Ix| {
                item(tree, found)
                    .zip(wanted)
                    .is_some_and(|(found, wanted)| same(tree, found, wanted))
            };
            if given.peek().is_some() && !given.any(fits) {
                look.say(rule, ix, &[]);
            }
        }
    }
}

fn calls(look: &mut Look<'_>) {
    let tree = look.tree;
    let mut expected: BTreeMap<Ix, [usize; 6]> = BTreeMap::new();
    for ix in tree.all("callActivity") {
        let Some(called) = tree
            .attribute(ix, "calledElement")
            .and_then(|named| tree.refer(ix, named))
        else {
            continue;
        };
        let counts = |of: Ix| {
            let refs = |set: &str, name: &str| -> usize {
                io(tree, of, set).map(|set| tree.kids(set, name).count()).sum()
            };
            [
                io(tree, of, "dataInput").count(),
                io(tree, of, "dataOutput").count(),
                io(tree, of, "inputSet").count(),
                io(tree, of, "outputSet").count(),
                refs("inputSet", "dataInputRefs"),
                refs("outputSet", "dataOutputRefs"),
            ]
        };
        let fits = |name: &str| {
            let items = |of: Ix| io(tree, of, name).filter_map(|data| item(tree, data));
            let found: BTreeSet<Ix> = items(called).collect();
            let structures: BTreeSet<&str> = found
                .iter()
                .filter_map(|item| tree.attribute(*item, "structureRef"))
                .collect();
            items(ix).all(|item| {
                found.contains(&item)
                    || tree
                        .attribute(item, "structureRef")
                        .is_some_and(|name| structures.contains(name))
            })
        };
        let wanted = *expected.entry(called).or_insert_with(|| counts(called));
        if counts(ix) != wanted || !fits("dataInput") || !fits("dataOutput") {
            look.say(&EXT063, ix, &[]);
        }
    }
    for name in [
        "process",
        "globalTask",
        "globalUserTask",
        "globalManualTask",
        "globalScriptTask",
        "globalBusinessRuleTask",
    ] {
        for ix in tree.all(name) {
            if tree.kid(ix, "supportedInterfaceRef").is_some() && tree.kid(ix, "ioBinding").is_none() {
                look.say(&EXT064, ix, &[]);
            }
        }
    }
}

fn multi_instances(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("multiInstanceLoopCharacteristics") {
        if !look.executable(ix) {
            continue;
        }
        let named = tree.kid_text(ix, "loopDataInputRef");
        if named.is_none()
            && tree.kid(ix, "loopCardinality").is_none()
            && tree.own(ix, "collection").is_none()
        {
            look.say(&EXT067, ix, &[]);
        }
        let (Some(named), Some(activity)) = (named, tree.parent(ix)) else {
            continue;
        };
        let found = tree.refer(ix, &named);
        if look.name(activity) != "subProcess"
            && !io(tree, activity, "dataInput").any(|input| Some(input) == found)
        {
            look.say(&EXT068, ix, &[]);
        }
        let (Some(one), Some(list)) = (tree.kid(ix, "inputDataItem"), found) else {
            continue;
        };
        if let (Some(of_one), Some(of_list)) = (item(tree, one), item(tree, list))
            && (tree.flag(one, "isCollection", false)
                || tree.flag(of_one, "isCollection", false)
                || !same(tree, of_one, of_list))
        {
            look.say(&EXT070, ix, &[]);
        }
    }
}

fn references(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in tree.all("dataObjectReference") {
        let object = tree
            .attribute(ix, "dataObjectRef")
            .and_then(|named| tree.refer(ix, named));
        // Modelling tools name the references alone; two names have to go together.
        let (Some(name), Some(base)) = (
            tree.attribute(ix, "name"),
            object.and_then(|object| tree.attribute(object, "name")),
        ) else {
            continue;
        };
        let state = tree
            .kid(ix, "dataState")
            .and_then(|state| tree.attribute(state, "name"));
        let expected = match state {
            Some(state) => format!("{base} [{state}]"),
            None => base.to_owned(),
        };
        if name.trim() != expected.trim() {
            look.say(&EXT076, ix, &[name]);
        }
    }
}

fn sets(look: &mut Look<'_>) {
    let tree = look.tree;
    let kinds: [(&str, &str, [(&str, &Rule); 2]); 2] = [
        (
            "inputSet",
            "dataInputRefs",
            [
                ("optionalInputRefs", &EXT085),
                ("whileExecutingInputRefs", &EXT086),
            ],
        ),
        (
            "outputSet",
            "dataOutputRefs",
            [
                ("optionalOutputRefs", &EXT089),
                ("whileExecutingOutputRefs", &EXT090),
            ],
        ),
    ];
    for (set, all, parts) in kinds {
        for ix in tree.all(set) {
            let listed: BTreeSet<String> = tree.kids(ix, all).map(|kid| tree.text(kid)).collect();
            for (part, rule) in parts {
                for kid in tree.kids(ix, part) {
                    let named = tree.text(kid);
                    if !listed.contains(&named) {
                        look.say(rule, ix, &[&named]);
                    }
                }
            }
        }
    }
    for (data, all, rule) in [
        ("dataInput", "dataInputRefs", &EXT084),
        ("dataOutput", "dataOutputRefs", &EXT088),
    ] {
        let listed: BTreeSet<(Option<Ix>, String)> = tree
            .all(all)
            .map(|kid| (tree.parent(kid).and_then(|set| tree.parent(set)), tree.text(kid)))
            .collect();
        for ix in tree.all(data) {
            let Some(id) = tree.id(ix) else { continue };
            if !listed.contains(&(tree.parent(ix), id.to_owned())) {
                look.say(rule, ix, &[]);
            }
        }
    }
}

fn associations(look: &mut Look<'_>) {
    let tree = look.tree;
    let kinds = [
        ("dataOutputAssociation", "targetRef", "dataInput", &EXT080),
        ("dataInputAssociation", "sourceRef", "dataOutput", &EXT082),
    ];
    for (name, end, wrong, rule) in kinds {
        for ix in tree.all(name) {
            let other = tree.kid_text(ix, end).and_then(|named| tree.refer(ix, &named));
            if other.is_some_and(|other| tree.is(other, wrong)) {
                look.say(rule, ix, &[]);
            }
            if tree.kid(ix, "transformation").is_some() {
                continue;
            }
            if tree.kids(ix, "sourceRef").count() > 1 {
                look.say(&EXT092, ix, &[]);
                continue;
            }
            let at = |name: &str| item(tree, tree.refer(ix, &tree.kid_text(ix, name)?)?);
            if let (Some(source), Some(target)) = (at("sourceRef"), at("targetRef"))
                && !same(tree, source, target)
            {
                look.say(&EXT091, ix, &[]);
            }
        }
    }
}

/// Data of an event belongs to its definitions in their order.
fn events(look: &mut Look<'_>) {
    let tree = look.tree;
    for ix in look.nodes.clone() {
        if !is_event(look.name(ix)) {
            continue;
        }
        let carried = |(kind, definition): &(&str, Ix)| {
            let (reference, attribute) = match *kind {
                "message" => ("messageRef", "itemRef"),
                "error" => ("errorRef", "structureRef"),
                "escalation" => ("escalationRef", "structureRef"),
                "signal" => ("signalRef", "structureRef"),
                _ => return None,
            };
            let named = tree.attribute(*definition, reference)?;
            Some(item_of(tree, tree.refer(*definition, named)?, attribute))
        };
        let carried: Vec<Option<Ix>> = look.definitions(ix).iter().filter_map(carried).collect();
        let data: Vec<Ix> = tree
            .children(ix)
            .filter(|child| tree.is(*child, "dataInput") || tree.is(*child, "dataOutput"))
            .collect();
        for (carried, data) in carried.into_iter().zip(data) {
            if let (Some(carried), Some(data)) = (carried, item(tree, data))
                && !same(tree, carried, data)
            {
                look.say(&EXT094, ix, &[]);
                break;
            }
        }
    }
}
