//! Events and what they wait for or throw.

use super::{REFERENCE, Reader};
use crate::bpmn::model::{Event, EventDefinition, MessageRef, NodeIx, NodeKind, Position, Timer, TimerKind};
use crate::bpmn::xml::Ix;

/// Where an event stands, as far as its definitions care.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Catch,
    Throw,
    Boundary,
}

impl Reader<'_> {
    pub(super) fn event(&mut self, ix: Ix, name: &str) -> NodeKind {
        let tree = self.tree;
        let (position, side) = match name {
            "startEvent" => {
                let interrupting = tree.flag(ix, "isInterrupting", true);
                (Position::Start { interrupting }, Side::Catch)
            }
            "endEvent" => (Position::End, Side::Throw),
            "intermediateThrowEvent" => (Position::Throw, Side::Throw),
            "boundaryEvent" => match self.attached(ix) {
                Some(attached_to) => {
                    let interrupting = tree.flag(ix, "cancelActivity", true);
                    (
                        Position::Boundary {
                            attached_to,
                            interrupting,
                        },
                        Side::Boundary,
                    )
                }
                None => (Position::Catch, Side::Boundary),
            },
            _ => (Position::Catch, Side::Catch),
        };
        NodeKind::Event(Event {
            position,
            definitions: self.definitions(ix, side),
            parallel_multiple: tree.flag(ix, "parallelMultiple", false),
            outputs: self.mappings(ix, "output"),
            inputs: self.mappings(ix, "input"),
        })
    }

    fn attached(&mut self, ix: Ix) -> Option<NodeIx> {
        let named = self.tree.attribute(ix, "attachedToRef").unwrap_or_default();
        let found = self.refer(named);
        if found.is_none() {
            self.flaw(&REFERENCE, ix, &["attachedToRef", named]);
        }
        found
    }

    /// Event definitions of an element, its own and those of the root it refers to, in the order of the file.
    pub(super) fn definitions(&mut self, ix: Ix, side: Side) -> Vec<EventDefinition> {
        let tree = self.tree;
        let mut found = Vec::new();
        for child in tree.children(ix).collect::<Vec<_>>() {
            match tree.bpmn_name(child) {
                Some("eventDefinitionRef") => {
                    let named = tree.text(child);
                    let definition = tree
                        .refer(ix, &named)
                        .and_then(|root| self.definition(root, ix, side));
                    match definition {
                        Some(definition) => found.push(definition),
                        None => self.flaw(&REFERENCE, ix, &["eventDefinitionRef", &named]),
                    }
                }
                Some(_) => found.extend(self.definition(child, ix, side)),
                None => {}
            }
        }
        found
    }

    /// One event definition of the event `event`; none where the element is no event definition.
    pub(super) fn definition(&mut self, ix: Ix, event: Ix, side: Side) -> Option<EventDefinition> {
        let tree = self.tree;
        Some(match tree.bpmn_name(ix)? {
            "timerEventDefinition" => EventDefinition::Timer(self.timer(ix)),
            "messageEventDefinition" => {
                let mut message = self.message(ix).unwrap_or_else(|| MessageRef {
                    name: String::new(),
                    correlation: None,
                    time_to_live: None,
                    key: None,
                });
                // Said on the event itself, it holds too.
                let own = |name: &str| tree.own(event, name).map(str::to_owned);
                message.correlation = message.correlation.or_else(|| own("correlation"));
                message.key = message.key.or_else(|| own("key"));
                message.time_to_live = message.time_to_live.or_else(|| own("ttl"));
                EventDefinition::Message(message)
            }
            "signalEventDefinition" => {
                let signal = self.root(ix, "signalRef", "signal");
                EventDefinition::Signal {
                    name: signal.map(|signal| self.called(signal)).unwrap_or_default(),
                }
            }
            "errorEventDefinition" => {
                let error = self.root(ix, "errorRef", "error");
                EventDefinition::Error {
                    code: error.map(|error| self.code(error, "errorCode")),
                }
            }
            "escalationEventDefinition" => {
                let escalation = self.root(ix, "escalationRef", "escalation");
                EventDefinition::Escalation {
                    code: escalation.map(|escalation| self.code(escalation, "escalationCode")),
                }
            }
            "conditionalEventDefinition" => EventDefinition::Conditional {
                condition: tree.kid_text(ix, "condition").unwrap_or_default(),
            },
            "linkEventDefinition" => EventDefinition::Link {
                name: tree.attribute(ix, "name").unwrap_or_default().trim().to_owned(),
            },
            "compensateEventDefinition" => EventDefinition::Compensation {
                activity: match side {
                    Side::Boundary => self.handler(event),
                    _ => self.undone(ix),
                },
                wait: tree.flag(ix, "waitForCompletion", true),
            },
            "cancelEventDefinition" => EventDefinition::Cancel,
            "terminateEventDefinition" => EventDefinition::Terminate,
            _ => return None,
        })
    }

    /// The code of an error or escalation; its name or id where it has none, so that it never means "all".
    fn code(&self, ix: Ix, attribute: &str) -> String {
        let code = self
            .tree
            .attribute(ix, attribute)
            .map(str::trim)
            .filter(|code| !code.is_empty());
        code.map_or_else(|| self.called(ix), str::to_owned)
    }

    /// The activity that a thrown compensation undoes.
    fn undone(&mut self, ix: Ix) -> Option<NodeIx> {
        let named = self.tree.attribute(ix, "activityRef")?;
        let found = self.refer(named);
        if found.is_none() {
            self.flaw(&REFERENCE, ix, &["activityRef", named]);
        }
        found
    }

    /// The activity that undoes, linked to a boundary event by an association in either direction.
    fn handler(&mut self, event: Ix) -> Option<NodeIx> {
        let tree = self.tree;
        let id = tree.id(event)?;
        self.linked.get(id)?.iter().find_map(|other| {
            let node = self.refer(other)?;
            let element = self.elements.get(node).copied()?;
            tree.flag(element, "isForCompensation", false).then_some(node)
        })
    }

    fn timer(&mut self, ix: Ix) -> Timer {
        let tree = self.tree;
        let kinds = [
            ("timeDate", TimerKind::Date),
            ("timeDuration", TimerKind::Duration),
            ("timeCycle", TimerKind::Cycle),
        ];
        let found = kinds
            .iter()
            .find_map(|(name, kind)| Some((*kind, tree.kid(ix, name)?)));
        let (kind, value) = match found {
            Some((kind, element)) => (kind, tree.text(element)),
            None => (TimerKind::Duration, String::new()),
        };
        Timer {
            kind,
            value,
            working: self.choice(ix, "days", &["calendar", "working"]) == Some(1),
            paused_while: self.owned(ix, "pausedWhile"),
        }
    }

    /// Lets each activity know the boundary events on it.
    pub(super) fn boundaries(&mut self) {
        let attached: Vec<(NodeIx, NodeIx)> = self
            .process
            .nodes
            .iter()
            .enumerate()
            .filter_map(|(at, node)| match &node.kind {
                NodeKind::Event(event) => match event.position {
                    Position::Boundary { attached_to, .. } => Some((at, attached_to)),
                    _ => None,
                },
                _ => None,
            })
            .collect();
        for (event, activity) in attached {
            match self.process.nodes.get_mut(activity).map(|node| &mut node.kind) {
                Some(NodeKind::Activity(activity)) => activity.boundary.push(event),
                _ => {
                    let named = self
                        .process
                        .nodes
                        .get(activity)
                        .map(|node| node.id.clone())
                        .unwrap_or_default();
                    if let Some(element) = self.elements.get(event).copied() {
                        self.flaw(&REFERENCE, element, &["attachedToRef", &named]);
                    }
                }
            }
        }
    }
}
