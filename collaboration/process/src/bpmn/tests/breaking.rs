//! Models that break the standard's rules, a folder per rule: each is refused with just that rule.

use std::collections::BTreeMap;

use super::{files, name, shared};
use banyan_base::Severity;

use crate::bpmn::rules::standard;
use crate::bpmn::{Flaw, xml};

/// Models that are not refused at all with the rule of their folder. It may only shrink.
const NOT_REFUSED: &[(&str, &str)] = &[];

/// Models that are refused with the rule of their folder and with others, each with why. It may only shrink.
const WITH_OTHERS: &[(&str, &str)] = &[
    (
        "EXT026/EXT026_1_fail_activity.bpmn",
        "the flow is listed as outgoing of an element that it does not leave: EXT023",
    ),
    (
        "EXT026/EXT026_2_fail_gateway.bpmn",
        "the same; and so two flows enter a diverging gateway: EXT018",
    ),
    (
        "EXT058/EXT058_2_fail_twoStartEvents.bpmn",
        "a message event without a message stands in it too: EXT127",
    ),
    (
        "EXT152/EXT152_2_fail_2.bpmn",
        "the flow that leaves the inside is missing at the sub-process: EXT151",
    ),
];

#[test]
fn models_that_break_a_rule_are_refused_with_it() {
    let Some(folder) = shared("betsy/rule-breaking") else {
        return;
    };
    let (mut missed, mut others) = (BTreeMap::new(), BTreeMap::new());
    let models = files(&folder, "bpmn");
    assert_eq!(models.len(), 190);
    for path in &models {
        let rule = name(path.parent().unwrap());
        let tree = xml::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        let flaws = standard(&tree);
        let is_it = |flaw: &&Flaw| flaw.rule == rule || flaw.also.contains(&rule.as_str());
        let rest: Vec<&str> = flaws
            .iter()
            .filter(|flaw| !is_it(flaw))
            .map(|flaw| flaw.rule)
            .collect();
        let file = format!("{rule}/{}", name(path));
        match flaws.iter().find(is_it) {
            None => drop(missed.insert(file, rest)),
            Some(flaw) => {
                assert!(
                    flaw.severity == Severity::Error && flaw.place.line > 1,
                    "{file}: {flaw:?}"
                );
                if !rest.is_empty() {
                    others.insert(file, rest);
                }
            }
        }
    }
    let check = |found: &BTreeMap<String, Vec<&str>>, expected: &[(&str, &str)]| {
        let expected: Vec<&str> = expected.iter().map(|(file, _)| *file).collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected, "{found:#?}");
    };
    check(&missed, NOT_REFUSED);
    check(&others, WITH_OTHERS);
}

#[test]
fn executable_models_break_no_rule() {
    let Some(folder) = shared("betsy/executable") else {
        return;
    };
    for path in files(&folder, "bpmn") {
        let tree = xml::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(standard(&tree), [], "{}", name(&path));
    }
}
