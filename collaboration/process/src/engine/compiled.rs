//! A process made ready: what its nodes are found by, and its expressions, compiled once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use banyan_base::Ctx;
use banyan_feel::{Expression, Scope, Type};
use serde_json::{Map, Value as Json};

use crate::bpmn::model::{
    Activity, Event, EventDefinition, FlowIx, GatewayKind, Node, NodeIx, NodeKind, Position, Process,
    VariableKind, Work,
};

/// A definition that instances run by. Shared.
#[derive(Debug)]
pub struct Compiled {
    pub process: Process,
    children: BTreeMap<Option<NodeIx>, Vec<NodeIx>>,
    expressions: RwLock<HashMap<String, Result<Arc<Expression>, String>>>,
    types: Vec<(String, Type)>,
}

/// Expressions of one definition that are kept; a definition has fewer.
const CACHE_BOUND: usize = 2_000;

impl Compiled {
    pub fn new(process: Process) -> Compiled {
        let mut children: BTreeMap<Option<NodeIx>, Vec<NodeIx>> = BTreeMap::new();
        for (index, node) in process.nodes.iter().enumerate() {
            children.entry(node.parent).or_default().push(index);
        }
        let types = process
            .variables
            .iter()
            .map(|variable| {
                let kind = match variable.kind {
                    VariableKind::Date => Type::Date,
                    VariableKind::DateTime => Type::DateTime,
                    _ => Type::Any,
                };
                let kind = if variable.is_collection {
                    Type::List(Box::new(kind))
                } else {
                    kind
                };
                (variable.name.clone(), kind)
            })
            .collect();
        Compiled {
            process,
            children,
            expressions: RwLock::default(),
            types,
        }
    }

    pub fn node(&self, index: NodeIx) -> Option<&Node> {
        self.process.nodes.get(index)
    }

    /// The id of a node; empty where there is none.
    pub fn id_of(&self, index: NodeIx) -> &str {
        self.node(index).map_or("", |node| node.id.as_str())
    }

    /// The nodes directly in a scope.
    pub fn children(&self, scope: Option<NodeIx>) -> &[NodeIx] {
        self.children.get(&scope).map_or(&[], Vec::as_slice)
    }

    pub fn activity(&self, index: NodeIx) -> Option<&Activity> {
        match &self.node(index)?.kind {
            NodeKind::Activity(activity) => Some(activity),
            _ => None,
        }
    }

    pub fn event(&self, index: NodeIx) -> Option<&Event> {
        match &self.node(index)?.kind {
            NodeKind::Event(event) => Some(event),
            _ => None,
        }
    }

    /// What can happen at a node: an event's definitions, or the message of a receive task.
    pub fn definitions(&self, index: NodeIx) -> Vec<EventDefinition> {
        match self.node(index).map(|node| &node.kind) {
            Some(NodeKind::Event(event)) => event.definitions.clone(),
            Some(NodeKind::Activity(activity)) => match &activity.work {
                Work::Receive {
                    message: Some(message),
                    ..
                } => vec![EventDefinition::Message(message.clone())],
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn start_events(&self, scope: Option<NodeIx>) -> impl Iterator<Item = (NodeIx, &Event)> {
        self.children(scope).iter().filter_map(|index| {
            let event = self.event(*index)?;
            matches!(event.position, Position::Start { .. }).then_some((*index, event))
        })
    }

    /// The start event without a trigger; of a sub-process, any.
    pub fn none_start(&self, scope: Option<NodeIx>) -> Option<NodeIx> {
        let mut starts = self.start_events(scope);
        starts
            .find(|(_, event)| event.definitions.is_empty())
            .map(|(index, _)| index)
    }

    /// Where a scope without a start event begins: everything that nothing leads to.
    pub fn roots(&self, scope: Option<NodeIx>) -> Vec<NodeIx> {
        let free = |index: &NodeIx| match self.node(*index) {
            Some(node) if node.incoming.is_empty() => match &node.kind {
                NodeKind::Activity(activity) => {
                    !activity.for_compensation
                        && !matches!(
                            activity.work,
                            Work::SubProcess {
                                triggered_by_event: true,
                                ..
                            }
                        )
                        && !matches!(
                            activity.work,
                            Work::Receive {
                                instantiate: true,
                                ..
                            }
                        )
                }
                NodeKind::Gateway(gateway) => !matches!(
                    gateway.kind,
                    GatewayKind::EventBased {
                        instantiate: true,
                        ..
                    }
                ),
                NodeKind::Event(event) => {
                    matches!(event.position, Position::Throw | Position::Catch)
                        && !event
                            .definitions
                            .iter()
                            .any(|definition| matches!(definition, EventDefinition::Link { .. }))
                }
            },
            _ => false,
        };
        self.children(scope).iter().copied().filter(free).collect()
    }

    /// The event sub-processes of a scope, each with its start event.
    pub fn event_sub_processes(&self, scope: Option<NodeIx>) -> Vec<(NodeIx, NodeIx)> {
        self.children(scope)
            .iter()
            .filter_map(|index| match &self.activity(*index)?.work {
                Work::SubProcess {
                    triggered_by_event: true,
                    ..
                } => Some((*index, self.start_events(Some(*index)).next()?.0)),
                _ => None,
            })
            .collect()
    }

    /// What starts an instance from outside: node and definition, none for the none start event.
    pub fn triggers(&self) -> Vec<(NodeIx, Option<EventDefinition>)> {
        let mut all = Vec::new();
        for (index, event) in self.start_events(None) {
            if event.definitions.is_empty() {
                all.push((index, None));
            }
            for definition in &event.definitions {
                all.push((index, Some(definition.clone())));
            }
        }
        for index in self.children(None) {
            match self.node(*index).map(|node| &node.kind) {
                Some(NodeKind::Activity(activity))
                    if matches!(
                        activity.work,
                        Work::Receive {
                            instantiate: true,
                            ..
                        }
                    ) =>
                {
                    all.extend(
                        self.definitions(*index)
                            .into_iter()
                            .map(|definition| (*index, Some(definition))),
                    );
                }
                Some(NodeKind::Gateway(gateway))
                    if matches!(
                        gateway.kind,
                        GatewayKind::EventBased {
                            instantiate: true,
                            ..
                        }
                    ) =>
                {
                    for target in self.targets(*index) {
                        all.extend(
                            self.definitions(target)
                                .into_iter()
                                .map(|definition| (target, Some(definition))),
                        );
                    }
                }
                _ => {}
            }
        }
        all
    }

    /// The nodes to which a node's flows lead.
    pub fn targets(&self, index: NodeIx) -> Vec<NodeIx> {
        let flows = self.node(index).map_or(&[][..], |node| node.outgoing.as_slice());
        flows
            .iter()
            .filter_map(|flow| self.process.flows.get(*flow).map(|flow| flow.target))
            .collect()
    }

    /// The nodes from which the flow can come to one of `flows` without passing `barrier`.
    pub(crate) fn upstream(&self, flows: &BTreeSet<FlowIx>, barrier: NodeIx) -> BTreeSet<NodeIx> {
        let mut found = BTreeSet::new();
        let mut look: Vec<NodeIx> = flows
            .iter()
            .filter_map(|flow| self.process.flows.get(*flow).map(|flow| flow.source))
            .collect();
        while let Some(index) = look.pop() {
            if index == barrier || !found.insert(index) {
                continue;
            }
            let Some(node) = self.node(index) else { continue };
            for flow in &node.incoming {
                look.extend(self.process.flows.get(*flow).map(|flow| flow.source));
            }
            if let NodeKind::Event(event) = &node.kind {
                if let Position::Boundary { attached_to, .. } = event.position {
                    look.push(attached_to);
                }
                if event.position == Position::Catch {
                    for definition in &event.definitions {
                        if let EventDefinition::Link { name } = definition {
                            look.extend(self.links(node.parent, name, &Position::Throw));
                        }
                    }
                }
            }
        }
        found
    }

    /// The link events of a name in a scope.
    pub(crate) fn links(&self, scope: Option<NodeIx>, name: &str, position: &Position) -> Vec<NodeIx> {
        let named = |definition: &EventDefinition| matches!(definition, EventDefinition::Link { name: other } if other == name);
        self.children(scope)
            .iter()
            .copied()
            .filter(|index| {
                self.event(*index)
                    .is_some_and(|event| event.position == *position && event.definitions.iter().any(named))
            })
            .collect()
    }

    /// The activity that undoes another: what its compensation boundary event names.
    pub(crate) fn handler(&self, activity: &Activity) -> Option<NodeIx> {
        activity.boundary.iter().find_map(|boundary| {
            let event = self.event(*boundary)?;
            event.definitions.iter().find_map(|definition| match definition {
                EventDefinition::Compensation { activity, .. } => *activity,
                _ => None,
            })
        })
    }

    /// The event sub-process by which a sub-process is undone.
    pub(crate) fn undoing_sub_process(&self, scope: NodeIx) -> Option<NodeIx> {
        let undoes = |start: NodeIx| {
            self.event(start).is_some_and(|event| {
                event
                    .definitions
                    .iter()
                    .any(|definition| matches!(definition, EventDefinition::Compensation { .. }))
            })
        };
        self.event_sub_processes(Some(scope))
            .into_iter()
            .find(|(_, start)| undoes(*start))
            .map(|(index, _)| index)
    }

    fn expression(&self, text: &str) -> Result<Arc<Expression>, String> {
        if let Some(known) = self
            .expressions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(text)
        {
            return known.clone();
        }
        let scope = Scope(self.types.clone());
        let made = banyan_feel::compile_open(text, &scope, &Type::Any)
            .map(Arc::new)
            .map_err(|errors| {
                let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
                format!("`{text}`: {}", all.join("; "))
            });
        let mut cache = self.expressions.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= CACHE_BOUND {
            cache.clear();
        }
        cache.insert(text.to_owned(), made.clone());
        made
    }

    /// The value of an expression. Names that are not there are null.
    ///
    /// # Errors
    /// Where it is no FEEL or can't be evaluated, said for people.
    pub fn evaluate(&self, cx: &Ctx, text: &str, variables: &Map<String, Json>) -> Result<Json, String> {
        let text = plain(text);
        let expression = self.expression(text)?;
        expression
            .evaluate(cx, variables)
            .map_err(|error| error.to_string())
    }
}

/// An expression without the `=` that some modelers write before it.
pub fn plain(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('=').map_or(text, str::trim)
}
