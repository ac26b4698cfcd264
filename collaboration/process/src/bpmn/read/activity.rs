//! Activities: what they do and how they repeat.

use super::event::Side;
use super::{Reader, VALUE, name};
use crate::bpmn::model::{
    Activity, AdHoc, Behavior, MultiInstance, NodeKind, Repeat, UserTask, Vote, VoteRule, Work,
};
use crate::bpmn::xml::Ix;

impl Reader<'_> {
    pub(super) fn activity(&mut self, ix: Ix, element: &str) -> NodeKind {
        let tree = self.tree;
        NodeKind::Activity(Box::new(Activity {
            work: self.work(ix, element),
            repeat: self.repeat(ix),
            boundary: Vec::new(),
            for_compensation: tree.flag(ix, "isForCompensation", false),
            default: None,
            start_quantity: self.number(ix, "startQuantity").unwrap_or(1),
            completion_quantity: self.number(ix, "completionQuantity").unwrap_or(1),
            inputs: self.mappings(ix, "input"),
            outputs: self.mappings(ix, "output"),
        }))
    }

    fn work(&mut self, ix: Ix, element: &str) -> Work {
        let tree = self.tree;
        match element {
            "serviceTask" => Work::Service {
                operation: self.owned(ix, "operation"),
                topic: self.owned(ix, "topic"),
                purpose: self.owned(ix, "purpose"),
                retries: self.own_number(ix, "retries").unwrap_or(3),
            },
            "sendTask" => Work::Send {
                message: self.message(ix),
            },
            "receiveTask" => Work::Receive {
                message: self.message(ix),
                instantiate: tree.flag(ix, "instantiate", false),
            },
            "userTask" | "globalUserTask" => Work::User(Box::new(self.user_task(ix))),
            "scriptTask" | "globalScriptTask" => Work::Script {
                format: tree
                    .attribute(
                        ix,
                        if element == "scriptTask" {
                            "scriptFormat"
                        } else {
                            "scriptLanguage"
                        },
                    )
                    .unwrap_or_default()
                    .trim()
                    .to_owned(),
                script: tree.kid_text(ix, "script").unwrap_or_default(),
                result: self.owned(ix, "result"),
            },
            "businessRuleTask" | "globalBusinessRuleTask" => Work::Rule {
                decision: self.owned(ix, "decision").unwrap_or_default(),
                result: self.owned(ix, "result"),
            },
            "callActivity" => {
                let named = tree.attribute(ix, "calledElement").unwrap_or_default().trim();
                let same_file = tree.refer(ix, named).and_then(|found| tree.id(found));
                Work::Call {
                    process: same_file.unwrap_or(named).to_owned(),
                    pass_all: match self.choice(ix, "passAll", &["false", "true"]) {
                        Some(chosen) => chosen == 1,
                        None => self.mappings(ix, "input").is_empty(),
                    },
                }
            }
            "subProcess" | "transaction" | "adHocSubProcess" => Work::SubProcess {
                triggered_by_event: tree.flag(ix, "triggeredByEvent", false),
                transaction: element == "transaction",
                ad_hoc: (element == "adHocSubProcess").then(|| AdHoc {
                    sequential: tree.attribute(ix, "ordering") == Some("Sequential"),
                    completion: tree.kid_text(ix, "completionCondition"),
                    cancel_remaining: tree.flag(ix, "cancelRemainingInstances", true),
                    active: self.owned(ix, "active"),
                }),
            },
            _ => Work::Pass,
        }
    }

    fn user_task(&mut self, ix: Ix) -> UserTask {
        let words = |value: Option<String>| {
            let value = value.unwrap_or_default();
            value
                .split(|c: char| c.is_whitespace() || c == ',')
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        UserTask {
            roles: words(self.owned(ix, "roles")),
            assignee: self.owned(ix, "assignee"),
            unit: self.owned(ix, "unit"),
            region: self.owned(ix, "region"),
            line: self.owned(ix, "line"),
            excluded: self.owned(ix, "excluded"),
            not_doers_of: words(self.owned(ix, "notDoersOf")),
            form: self.owned(ix, "form"),
            due: self.owned(ix, "due"),
            due_working: self.choice(ix, "dueDays", &["calendar", "working"]) == Some(1),
            warn: self.owned(ix, "warn"),
            priority: self.owned(ix, "priority"),
            batch: self.choice(ix, "batch", &["false", "true"]) == Some(1),
            title: self.owned(ix, "title"),
            about: self.owned(ix, "about"),
        }
    }

    fn repeat(&mut self, ix: Ix) -> Option<Repeat> {
        let tree = self.tree;
        if let Some(element) = tree.kid(ix, "standardLoopCharacteristics") {
            return Some(Repeat::Loop {
                condition: tree.kid_text(element, "loopCondition"),
                maximum: self.number(element, "loopMaximum"),
                test_before: tree.flag(element, "testBefore", false),
            });
        }
        let element = tree.kid(ix, "multiInstanceLoopCharacteristics")?;
        let behavior = match tree.attribute(element, "behavior") {
            Some("One") => Behavior::One,
            Some("None") => Behavior::None,
            Some("Complex") => Behavior::Complex,
            _ => Behavior::All,
        };
        let event = match behavior {
            Behavior::One => self.thrown(element, "oneBehaviorEventRef"),
            Behavior::None => self.thrown(element, "noneBehaviorEventRef"),
            _ => None,
        };
        let mut complex = Vec::new();
        for definition in tree
            .kids(element, "complexBehaviorDefinition")
            .collect::<Vec<_>>()
        {
            let condition = tree.kid_text(definition, "condition").unwrap_or_default();
            for event in tree.kids(definition, "event").collect::<Vec<_>>() {
                let thrown = self.definitions(event, Side::Throw);
                complex.extend(thrown.into_iter().map(|thrown| (condition.clone(), thrown)));
            }
        }
        let item = tree
            .kid(element, "inputDataItem")
            .and_then(|item| name(tree, item).or_else(|| tree.id(item).map(str::to_owned)));
        Some(Repeat::Multi(Box::new(MultiInstance {
            sequential: tree.flag(element, "isSequential", false),
            cardinality: tree.kid_text(element, "loopCardinality"),
            collection: self
                .owned(element, "collection")
                .or_else(|| self.data(element, "loopDataInputRef")),
            element: self.owned(element, "element").or(item),
            output_element: self.owned(element, "outputElement"),
            output_collection: self.owned(element, "outputCollection"),
            completion: tree.kid_text(element, "completionCondition"),
            behavior,
            event,
            complex,
            vote: self.vote(element),
        })))
    }

    /// The event definition of the root that an attribute names.
    fn thrown(&mut self, ix: Ix, attribute: &str) -> Option<crate::bpmn::model::EventDefinition> {
        let named = self.tree.attribute(ix, attribute)?;
        let found = self
            .tree
            .refer(ix, named)
            .and_then(|found| self.definition(found, ix, Side::Throw));
        if found.is_none() {
            self.flaw(&super::REFERENCE, ix, &[attribute, named]);
        }
        found
    }

    /// The variable that a reference to data means: a data object, a property, or a data input filled from one.
    fn data(&mut self, ix: Ix, element: &str) -> Option<String> {
        let tree = self.tree;
        let mut at = tree.refer(ix, &tree.kid_text(ix, element)?)?;
        if tree.is(at, "dataInput") {
            let id = tree.id(at)?;
            let filled = tree
                .all("dataInputAssociation")
                .find(|filled| tree.kid_text(*filled, "targetRef").as_deref() == Some(id));
            at = tree.refer(ix, &tree.kid_text(filled?, "sourceRef")?)?;
        }
        if let Some(object) = tree.attribute(at, "dataObjectRef") {
            at = tree.refer(at, object)?;
        }
        let id = tree.id(at)?;
        let known = self.process.variables.iter().find(|variable| variable.id == id);
        known.map(|variable| variable.name.clone())
    }

    fn vote(&mut self, ix: Ix) -> Option<Vote> {
        let said = self.owned(ix, "vote")?;
        let rule = match said.as_str() {
            "all" => Some(VoteRule::All),
            "any" => Some(VoteRule::Any),
            other => other
                .strip_prefix("ratio:")
                .and_then(|share| share.trim().parse::<f64>().ok())
                .filter(|share| *share > 0.0 && *share <= 1.0)
                .map(VoteRule::Ratio),
        };
        let Some(rule) = rule else {
            self.flaw(&VALUE, ix, &["banyan:vote", &said, "all, any, ratio:0.67"]);
            return None;
        };
        Some(Vote {
            rule,
            variable: self.owned(ix, "voteVariable").unwrap_or_else(|| "agree".into()),
            result: self.owned(ix, "voteResult").unwrap_or_else(|| "carried".into()),
        })
    }

    /// A whole number of BPMN's own attributes.
    fn number(&mut self, ix: Ix, attribute: &str) -> Option<u32> {
        let value = self.tree.attribute(ix, attribute)?;
        let number = value.trim().parse().ok();
        if number.is_none() {
            self.flaw(&VALUE, ix, &[attribute, value, "0, 1, 2, …"]);
        }
        number
    }

    /// A whole number of our own attributes.
    fn own_number(&mut self, ix: Ix, attribute: &str) -> Option<u32> {
        let value = self.tree.own(ix, attribute)?;
        let number = value.parse().ok();
        if number.is_none() {
            self.flaw(&VALUE, ix, &[attribute, value, "0, 1, 2, …"]);
        }
        number
    }

    /// Which of the words one of our own attributes is.
    pub(super) fn choice(&mut self, ix: Ix, attribute: &str, words: &[&str]) -> Option<usize> {
        let value = self.tree.own(ix, attribute)?;
        let found = words.iter().position(|word| *word == value);
        if found.is_none() {
            self.flaw(
                &VALUE,
                ix,
                &[&format!("banyan:{attribute}"), value, &words.join(", ")],
            );
        }
        found
    }
}
