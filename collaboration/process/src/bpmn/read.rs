//! From the tree of a file to the model that is executed. What can't be taken over is said and left out: the other
//! elements are still read.

use std::collections::BTreeMap;

use banyan_base::Severity;

use super::flaw::{Flaw, Rule};
use super::model::{
    Activity, Definitions, Flow, Gateway, GatewayKind, Node, NodeIx, NodeKind, Process, Variable,
    VariableKind, Work,
};
use super::xml::{self, Ix, Tree};

mod activity;
mod event;
mod refs;

/// The file has no definitions of BPMN 2.0.
pub static NO_DEFINITIONS: Rule = Rule {
    id: "BAN-definitions",
    also: &[],
    severity: Severity::Error,
    zh: "不是 BPMN 2.0 文件：根元素是“{0}”",
    en: "this is not a file of BPMN 2.0: its root is `{0}`",
    hint_zh: "根元素必须是命名空间 http://www.omg.org/spec/BPMN/20100524/MODEL 的 definitions。",
    hint_en: "The root must be `definitions` of the namespace http://www.omg.org/spec/BPMN/20100524/MODEL.",
};

/// Something is named that is not in the file.
pub static REFERENCE: Rule = Rule {
    id: "BAN-reference",
    also: &[],
    severity: Severity::Error,
    zh: "{0} 所指的“{1}”不在本文件的合适位置",
    en: "`{0}` names `{1}`, which is not there in this file",
    hint_zh: "请改为本文件同一流程中已有元素的 id。",
    hint_en: "Name the id of an element of the same process in this file.",
};

/// A flow node without an id.
pub static NO_ID: Rule = Rule {
    id: "BAN-id",
    also: &[],
    severity: Severity::Error,
    zh: "元素“{0}”没有 id，或者其 id 已被使用",
    en: "an element `{0}` has no id, or one that is taken",
    hint_zh: "每个流程元素都要有唯一的 id。",
    hint_en: "Every element of a process needs an id of its own.",
};

/// An attribute whose value can't be read.
pub static VALUE: Rule = Rule {
    id: "BAN-value",
    also: &[],
    severity: Severity::Error,
    zh: "{0} 的值“{1}”无效",
    en: "`{1}` is no value of `{0}`",
    hint_zh: "允许的值：{2}。",
    hint_en: "It can be: {2}.",
};

/// An element of another engine's vocabulary.
pub static FOREIGN: Rule = Rule {
    id: "BAN-foreign-extension",
    also: &[],
    severity: Severity::Note,
    zh: "其他引擎的扩展“{0}”不起作用",
    en: "the extension `{0}` of another engine has no effect here",
    hint_zh: "请改用 banyan: 扩展（见 docs/bpmn.md）。",
    hint_en: "Say it with the banyan: extensions (docs/bpmn.md).",
};

/// Reads a file.
pub fn read(xml: &str) -> (Option<Definitions>, Vec<Flaw>) {
    match xml::parse(xml) {
        Ok(tree) => read_tree(&tree),
        Err(flaw) => (None, vec![flaw]),
    }
}

/// Reads a file that was parsed.
pub fn read_tree(tree: &Tree) -> (Option<Definitions>, Vec<Flaw>) {
    if !tree.is(0, "definitions") {
        let name = tree.elements.first().map_or("", |root| root.name.as_str());
        return (None, vec![tree.flaw(&NO_DEFINITIONS, 0, &[name])]);
    }
    let mut flaws = Vec::new();
    let mut definitions = Definitions {
        id: tree.id(0).unwrap_or_default().to_owned(),
        target_namespace: tree
            .attribute(0, "targetNamespace")
            .unwrap_or_default()
            .to_owned(),
        processes: Vec::new(),
    };
    for ix in tree.children(0) {
        let reader = match tree.bpmn_name(ix) {
            Some("process") => Reader::process(tree, ix),
            Some(
                "globalTask"
                | "globalUserTask"
                | "globalManualTask"
                | "globalScriptTask"
                | "globalBusinessRuleTask",
            ) => Reader::global_task(tree, ix),
            _ => continue,
        };
        definitions.processes.push(reader.process);
        flaws.extend(reader.flaws);
    }
    foreign(tree, &mut flaws);
    (Some(definitions), flaws)
}

/// Notes extensions of other engines, once per element and name.
fn foreign(tree: &Tree, flaws: &mut Vec<Flaw>) {
    let engines = |uri: &str| {
        ["zeebe", "camunda", "activiti", "flowable"]
            .iter()
            .any(|name| uri.contains(name))
    };
    let uri = |ix: Option<usize>| {
        ix.and_then(|ix| tree.namespaces.get(ix))
            .map_or("", String::as_str)
    };
    for (ix, element) in tree.elements.iter().enumerate() {
        let Some(parent) = element.parent else { continue };
        if tree.is(parent, "extensionElements") && engines(uri(element.namespace)) {
            flaws.push(tree.flaw(&FOREIGN, ix, &[&element.name]));
        }
        if tree.bpmn_name(ix).is_none() {
            continue;
        }
        if let Some(foreign) = element
            .attributes
            .iter()
            .find(|attribute| engines(uri(attribute.namespace)))
        {
            flaws.push(tree.flaw(&FOREIGN, ix, &[&foreign.name]));
        }
    }
}

/// Names of flow nodes, by what they become.
pub(crate) fn is_activity(name: &str) -> bool {
    matches!(
        name,
        "task"
            | "serviceTask"
            | "sendTask"
            | "receiveTask"
            | "userTask"
            | "manualTask"
            | "scriptTask"
            | "businessRuleTask"
            | "callActivity"
    ) || is_sub_process(name)
}

pub(crate) fn is_sub_process(name: &str) -> bool {
    matches!(name, "subProcess" | "transaction" | "adHocSubProcess")
}

pub(crate) fn is_gateway(name: &str) -> bool {
    matches!(
        name,
        "exclusiveGateway" | "parallelGateway" | "inclusiveGateway" | "eventBasedGateway" | "complexGateway"
    )
}

pub(crate) fn is_event(name: &str) -> bool {
    matches!(
        name,
        "startEvent" | "endEvent" | "intermediateCatchEvent" | "intermediateThrowEvent" | "boundaryEvent"
    )
}

pub(crate) fn is_flow_node(name: &str) -> bool {
    is_activity(name) || is_gateway(name) || is_event(name)
}

/// One process while it is read.
struct Reader<'a> {
    tree: &'a Tree,
    process: Process,
    /// Element of each node, in the order of the nodes.
    elements: Vec<Ix>,
    /// Node of each id.
    by_id: BTreeMap<&'a str, NodeIx>,
    /// Names that references to data objects give them, by the objects' ids.
    named: BTreeMap<&'a str, String>,
    /// What associations link each id to, in either direction.
    linked: BTreeMap<&'a str, Vec<&'a str>>,
    flaws: Vec<Flaw>,
}

impl<'a> Reader<'a> {
    fn new(tree: &'a Tree, ix: Ix) -> Reader<'a> {
        let process = Process {
            id: tree.id(ix).unwrap_or_default().to_owned(),
            name: name(tree, ix),
            executable: tree.flag(ix, "isExecutable", false),
            business_key: tree.own(ix, "businessKey").map(str::to_owned),
            starters: tree
                .own(ix, "starters")
                .map(|roles| roles.split_whitespace().map(str::to_owned).collect())
                .unwrap_or_default(),
            ..Process::default()
        };
        Reader {
            tree,
            process,
            elements: Vec::new(),
            by_id: BTreeMap::new(),
            named: BTreeMap::new(),
            linked: BTreeMap::new(),
            flaws: Vec::new(),
        }
    }

    fn process(tree: &'a Tree, ix: Ix) -> Reader<'a> {
        let mut reader = Reader::new(tree, ix);
        for reference in tree.all("dataObjectReference") {
            if let (Some(object), Some(name)) =
                (tree.attribute(reference, "dataObjectRef"), name(tree, reference))
            {
                reader.named.entry(object).or_insert(name);
            }
        }
        for association in tree.all("association") {
            let end = |name: &str| tree.attribute(association, name).map(xml::local);
            if let (Some(source), Some(target)) = (end("sourceRef"), end("targetRef")) {
                reader.linked.entry(source).or_default().push(target);
                reader.linked.entry(target).or_default().push(source);
            }
        }
        let plain = |start: &Ix| tree.is(*start, "startEvent");
        reader.process.start_form = tree
            .children(ix)
            .filter(plain)
            .find_map(|start| tree.own(start, "form").map(str::to_owned));
        reader.collect(ix, None);
        reader.kinds();
        reader.flows(ix);
        reader.boundaries();
        reader
    }

    fn global_task(tree: &'a Tree, ix: Ix) -> Reader<'a> {
        let mut reader = Reader::new(tree, ix);
        reader.process.executable = false;
        reader.node(ix, None);
        reader.kinds();
        reader
    }

    fn flaw(&mut self, rule: &Rule, ix: Ix, with: &[&str]) {
        self.flaws.push(self.tree.flaw(rule, ix, with));
    }

    fn owned(&self, ix: Ix, name: &str) -> Option<String> {
        self.tree.own(ix, name).map(str::to_owned)
    }

    /// Notes the nodes and variables of a scope, and of the scopes in it. As deep as the file, which is bounded.
    fn collect(&mut self, scope: Ix, parent: Option<NodeIx>) {
        for ix in self.tree.children(scope).collect::<Vec<_>>() {
            match self.tree.bpmn_name(ix) {
                Some(name) if is_flow_node(name) => {
                    let node = self.node(ix, parent);
                    if let (Some(node), true) = (node, is_sub_process(name)) {
                        self.collect(ix, Some(node));
                    }
                }
                Some("dataObject" | "property") => self.variable(ix, parent),
                _ => {}
            }
        }
    }

    fn node(&mut self, ix: Ix, parent: Option<NodeIx>) -> Option<NodeIx> {
        let tree = self.tree;
        let at = self.process.nodes.len();
        let Some(id) = tree
            .id(ix)
            .filter(|id| !id.is_empty() && !self.by_id.contains_key(id))
        else {
            let element = tree.bpmn_name(ix).unwrap_or_default();
            self.flaw(&NO_ID, ix, &[element]);
            return None;
        };
        self.by_id.insert(id, at);
        self.elements.push(ix);
        self.process.nodes.push(Node {
            id: id.to_owned(),
            name: name(tree, ix),
            parent,
            incoming: Vec::new(),
            outgoing: Vec::new(),
            kind: NodeKind::Activity(Box::new(Activity {
                work: Work::Pass,
                repeat: None,
                boundary: Vec::new(),
                for_compensation: false,
                default: None,
                start_quantity: 1,
                completion_quantity: 1,
                inputs: Vec::new(),
                outputs: Vec::new(),
            })),
        });
        Some(at)
    }

    fn variable(&mut self, ix: Ix, scope: Option<NodeIx>) {
        let tree = self.tree;
        let id = tree.id(ix).unwrap_or_default();
        // Modelling tools name the reference, and leave the object itself without a name.
        let name = name(tree, ix)
            .or_else(|| self.named.get(id).cloned())
            .unwrap_or_else(|| id.to_owned());
        if name.is_empty() {
            return;
        }
        let item = tree
            .attribute(ix, "itemSubjectRef")
            .and_then(|item| tree.refer(ix, item));
        let structure = item
            .and_then(|item| tree.attribute(item, "structureRef"))
            .unwrap_or_default();
        self.process.variables.push(Variable {
            id: id.to_owned(),
            name,
            scope,
            kind: kind_of(structure),
            is_collection: tree.flag(ix, "isCollection", false)
                || item.is_some_and(|item| tree.flag(item, "isCollection", false)),
        });
    }

    /// Fills in what each node is. All ids are known by now.
    fn kinds(&mut self) {
        for at in 0..self.elements.len() {
            let Some(ix) = self.elements.get(at).copied() else {
                continue;
            };
            let kind = match self.tree.bpmn_name(ix) {
                Some(name) if is_gateway(name) => self.gateway(ix, name),
                Some(name) if is_event(name) => self.event(ix, name),
                Some(name) => self.activity(ix, name),
                None => continue,
            };
            if let Some(node) = self.process.nodes.get_mut(at) {
                node.kind = kind;
            }
        }
    }

    fn gateway(&mut self, ix: Ix, name: &str) -> NodeKind {
        let tree = self.tree;
        let kind = match name {
            "parallelGateway" => GatewayKind::Parallel,
            "inclusiveGateway" => GatewayKind::Inclusive,
            "eventBasedGateway" => GatewayKind::EventBased {
                instantiate: tree.flag(ix, "instantiate", false),
                parallel: tree.attribute(ix, "eventGatewayType") == Some("Parallel"),
            },
            "complexGateway" => GatewayKind::Complex {
                activation: tree.kid_text(ix, "activationCondition"),
            },
            _ => GatewayKind::Exclusive,
        };
        NodeKind::Gateway(Gateway { kind, default: None })
    }

    /// Sequence flows of every scope, in the order of the file; then the default flows, which name them.
    fn flows(&mut self, process: Ix) {
        let tree = self.tree;
        let mut flows: BTreeMap<&str, usize> = BTreeMap::new();
        let scopes: Vec<Ix> = std::iter::once(process)
            .chain(self.elements.iter().copied())
            .collect();
        for scope in scopes {
            for ix in tree.kids(scope, "sequenceFlow").collect::<Vec<_>>() {
                let (Some(source), Some(target)) = (self.end(ix, "sourceRef"), self.end(ix, "targetRef"))
                else {
                    continue;
                };
                let at = self.process.flows.len();
                flows.insert(tree.id(ix).unwrap_or_default(), at);
                self.process.flows.push(Flow {
                    id: tree.id(ix).unwrap_or_default().to_owned(),
                    name: name(tree, ix),
                    source,
                    target,
                    condition: tree.kid_text(ix, "conditionExpression"),
                });
                if let Some(node) = self.process.nodes.get_mut(source) {
                    node.outgoing.push(at);
                }
                if let Some(node) = self.process.nodes.get_mut(target) {
                    node.incoming.push(at);
                }
            }
        }
        for at in 0..self.elements.len() {
            let Some(ix) = self.elements.get(at).copied() else {
                continue;
            };
            let Some(named) = tree.attribute(ix, "default") else {
                continue;
            };
            let found = flows.get(named.trim()).copied().filter(|flow| {
                self.process
                    .flows
                    .get(*flow)
                    .is_some_and(|flow| flow.source == at)
            });
            if found.is_none() {
                self.flaw(&REFERENCE, ix, &["default", named]);
            }
            match self.process.nodes.get_mut(at).map(|node| &mut node.kind) {
                Some(NodeKind::Activity(activity)) => activity.default = found,
                Some(NodeKind::Gateway(gateway)) => gateway.default = found,
                _ => {}
            }
        }
    }

    /// One end of a sequence flow.
    fn end(&mut self, flow: Ix, end: &str) -> Option<NodeIx> {
        let named = self.tree.attribute(flow, end).unwrap_or_default();
        let found = self.refer(named);
        if found.is_none() {
            self.flaw(&REFERENCE, flow, &[end, named]);
        }
        found
    }

    /// The node that a QName names.
    fn refer(&self, named: &str) -> Option<NodeIx> {
        let named = named.trim();
        self.by_id
            .get(named)
            .or_else(|| self.by_id.get(xml::local(named)))
            .copied()
    }
}

fn name(tree: &Tree, ix: Ix) -> Option<String> {
    let name = tree.attribute(ix, "name")?.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The type of a structure, by the names of XML Schema and what tools write for them.
fn kind_of(structure: &str) -> VariableKind {
    match xml::local(structure.trim()).to_ascii_lowercase().as_str() {
        "string" | "java.lang.string" => VariableKind::Text,
        "int" | "integer" | "long" | "short" | "decimal" | "double" | "float" | "number"
        | "java.lang.integer" => VariableKind::Number,
        "boolean" | "bool" | "java.lang.boolean" => VariableKind::Boolean,
        "date" => VariableKind::Date,
        "datetime" => VariableKind::DateTime,
        _ => VariableKind::Any,
    }
}
