//! How large a result can grow. A dozen expressions that each join the one before ten times would fill any memory, in no time
//! at all; so what texts and lists can grow to is estimated on the syntax tree, and refused where it is absurd.

use std::collections::{BTreeMap, HashMap};

use dsntk_feel_parser::AstNode;

use crate::guard::{Refusal, children, names_scope};
use crate::limits;
use crate::xml::{ElementKind, Notes};

/// What stands of a name: its texts, parsed.
#[derive(Default)]
struct Named {
    nodes: Vec<AstNode>,
    /// Names of its entries.
    parts: Vec<String>,
    function: bool,
}

/// What grows too large.
pub fn scan(all: &[Notes]) -> Vec<Refusal> {
    let names: Vec<String> = all.iter().flat_map(|notes| notes.names.iter().cloned()).collect();
    let mut sizes = Sizes::default();
    for notes in all {
        for element in &notes.elements {
            match element.kind {
                ElementKind::Input if element.scalar => sizes.fixed(&element.name, SCALAR),
                ElementKind::Input => sizes.fixed(&element.name, limits::INPUT_GUESS),
                _ if element.scalar => sizes.fixed(&element.name, SCALAR),
                _ => {}
            }
            let own = sizes.named.entry(element.name.clone()).or_default();
            own.function |= element.kind == ElementKind::Knowledge;
            let scope = names_scope(&names);
            for note in element.texts.iter().filter(|note| !note.unary) {
                let parsed = crate::worker::inline(|| {
                    dsntk_feel_parser::parse_expression(&scope, note.text.trim(), false)
                });
                let Ok(Ok(node)) = parsed else { continue };
                let owner = note.owner.clone().filter(|owner| *owner != element.name);
                if let Some(owner) = &owner {
                    sizes
                        .named
                        .entry(element.name.clone())
                        .or_default()
                        .parts
                        .push(owner.clone());
                }
                let named = sizes
                    .named
                    .entry(owner.unwrap_or_else(|| element.name.clone()))
                    .or_default();
                named.function |= !note.parameters.is_empty();
                named.nodes.push(node);
            }
        }
    }
    let mut refusals = Vec::new();
    for notes in all {
        for element in &notes.elements {
            let size = sizes.of(&element.name, 0);
            if size > limits::RESULT && !element.scalar && element.kind != ElementKind::Input {
                refusals.push(Refusal {
                    rule: "result-too-large",
                    element: element.name.clone(),
                    place: element.place,
                    message: format!("`{}` could grow to more than {} MiB", element.name, limits::RESULT >> 20),
                    hint: "declare types that don't grow (number, date, boolean), or join fewer texts and lists",
                });
            }
        }
    }
    refusals
}

/// A number, a date.
const SCALAR: u64 = 16;

#[derive(Default)]
struct Sizes {
    named: BTreeMap<String, Named>,
    known: HashMap<String, u64>,
}

impl Sizes {
    fn fixed(&mut self, name: &str, size: u64) {
        self.known.insert(name.to_owned(), size);
    }

    fn of(&mut self, name: &str, depth: usize) -> u64 {
        if let Some(size) = self.known.get(name) {
            return *size;
        }
        // Built-in names, parameters; and what would come back to itself, which is refused elsewhere.
        let Some(named) = self.named.remove(name).filter(|_| depth < 300) else {
            return SCALAR;
        };
        let mut size = 0u64;
        for node in &named.nodes {
            let mut local = HashMap::new();
            size = size.saturating_add(self.node(node, &mut local, depth + 1));
        }
        for part in &named.parts {
            size = size.saturating_add(self.of(part, depth + 1));
        }
        self.known.insert(name.to_owned(), size);
        self.named.insert(name.to_owned(), named);
        size
    }

    fn node(&mut self, node: &AstNode, local: &mut HashMap<String, u64>, depth: usize) -> u64 {
        use AstNode as N;
        if depth > 1_000 {
            return u64::MAX;
        }
        match node {
            N::String(text) => text.len() as u64,
            N::Name(name) => {
                let name = name.to_string();
                local
                    .get(&name)
                    .copied()
                    .unwrap_or_else(|| self.of(&name, depth + 1))
            }
            N::If(_, yes, no) => self
                .node(yes, local, depth + 1)
                .max(self.node(no, local, depth + 1)),
            N::And(..)
            | N::Or(..)
            | N::Eq(..)
            | N::Nq(..)
            | N::Lt(..)
            | N::Le(..)
            | N::Gt(..)
            | N::Ge(..)
            | N::In(..)
            | N::Between(..)
            | N::Every(..)
            | N::Some(..)
            | N::InstanceOf(..)
            | N::Mul(..)
            | N::Div(..)
            | N::Exp(..)
            | N::Sub(..)
            | N::Neg(_) => SCALAR,
            N::Filter(left, _) | N::Path(left, _) => self.node(left, local, depth + 1),
            N::Context(entries) => {
                let mut sum = 0u64;
                for entry in entries {
                    let N::ContextEntry(key, value) = entry else {
                        continue;
                    };
                    let size = self.node(value, local, depth + 1);
                    if let N::ContextEntryKey(name) = &**key {
                        local.insert(name.to_string(), size);
                    }
                    sum = sum.saturating_add(size);
                }
                sum
            }
            N::FunctionInvocation(callee, arguments) => self.call(callee, arguments, local, depth),
            node => {
                let mut sum = SCALAR;
                for child in children(node) {
                    sum = sum.saturating_add(self.node(child, local, depth + 1));
                }
                sum
            }
        }
    }

    fn call(
        &mut self,
        callee: &AstNode,
        arguments: &AstNode,
        local: &mut HashMap<String, u64>,
        depth: usize,
    ) -> u64 {
        let given: Vec<u64> = children(arguments)
            .into_iter()
            .map(|argument| self.node(argument, local, depth + 1))
            .collect();
        let sum = given.iter().fold(0u64, |sum, size| sum.saturating_add(*size));
        let AstNode::Name(name) = callee else {
            // A function of an expression: its size, as often as it could say its arguments.
            return self
                .node(callee, local, depth + 1)
                .max(SCALAR)
                .saturating_mul(sum.max(1))
                / SCALAR;
        };
        let name = name.to_string();
        match name.as_str() {
            "replace" => given
                .iter()
                .fold(1u64, |product, size| product.saturating_mul((*size).max(1))),
            "count" | "sum" | "min" | "max" | "mean" | "string length" | "contains" | "number" => SCALAR,
            _ => {
                let function =
                    local.contains_key(&name) || self.named.get(&name).is_some_and(|named| named.function);
                if !function {
                    return sum.saturating_add(self.known.get(&name).copied().unwrap_or(0));
                }
                let body = local
                    .get(&name)
                    .copied()
                    .unwrap_or_else(|| self.of(&name, depth + 1));
                (body / SCALAR).max(1).saturating_mul(sum.max(SCALAR))
            }
        }
    }
}
