//! Text → form, with everything that is wrong with it.

mod field;
mod shown;

use std::collections::HashSet;

use banyan_base::{Finding, has_errors};
use banyan_feel::{Expression, Scope, Type, compile_open};

use crate::claims::{Claim, Slot, claim};
use crate::finding::{Findings, nearest};
use crate::json::{self, Kind as NodeKind, Node};
use crate::model::{Component, Form, Kind, Place, Rows, Rule};
use crate::prefill::Prefill;
use crate::words::{self, Word};

/// Limits of a form.
const MAX_BYTES: usize = 1 << 20;
const MAX_COMPONENTS: usize = 500;
const MAX_DEPTH: usize = 10;
/// Deepest nesting of the file itself: components stand two levels apart, values and properties a few more.
const MAX_NESTING: usize = 40;
const VERSIONS: std::ops::RangeInclusive<u32> = 16..=19;

const ROOT: &[&str] = &[
    "type",
    "id",
    "schemaVersion",
    "executionPlatform",
    "executionPlatformVersion",
    "versionTag",
    "exporter",
    "components",
];

/// Reads and checks a form. There is one only where no finding is an error.
pub fn parse(file: &str, text: &str) -> (Option<Form>, Vec<Finding>) {
    if text.len() > MAX_BYTES {
        let mut out = Findings::new(file, "");
        let message = format!("the form has {} bytes, at most {MAX_BYTES}", text.len());
        out.error(
            0,
            "form-size",
            message,
            "split it; pictures are better linked than embedded",
        );
        return (None, out.finish());
    }
    let mut out = Findings::new(file, text);
    let root = match json::parse(text) {
        Ok(root) => root,
        Err((at, message)) => {
            out.error(at, "form-json", format!("this is not JSON: {message}"), "");
            return (None, out.finish());
        }
    };
    if !duplicates(&root, 0, &mut out) {
        return (None, out.finish());
    }
    let mut reader = Reader {
        scope: scope(&root),
        out,
        ids: HashSet::new(),
        count: 0,
        slots: Vec::new(),
        prefills: Vec::new(),
    };
    let form = reader.form(file, &root);
    let findings = reader.out.finish();
    (form.filter(|_| !has_errors(&findings)), findings)
}

/// Names that stand twice in one object; false where the file is nested too deeply to go on.
fn duplicates(node: &Node, depth: usize, out: &mut Findings<'_>) -> bool {
    if depth > MAX_NESTING {
        out.error(node.at, "form-depth", "the file is nested too deeply", "");
        return false;
    }
    let mut seen = HashSet::new();
    let mut fine = true;
    for entry in node.entries() {
        if !seen.insert(entry.name.as_str()) {
            let message = format!("`{}` stands here twice", entry.name);
            out.error(entry.at, "form-json-twice", message, "keep one of them");
        }
        fine &= duplicates(&entry.value, depth + 1, out);
    }
    for item in node.items() {
        fine &= duplicates(item, depth + 1, out);
    }
    fine
}

/// What the form's own names are to its expressions. Names that it doesn't bind are of any type.
fn scope(root: &Node) -> Scope {
    fn gather(node: &Node, scope: &mut Scope) {
        for child in node.get("components").map(Node::items).unwrap_or_default() {
            let word = child.get("type").and_then(Node::text).unwrap_or("");
            let name = |property: &str| {
                let name = child.get(property).and_then(Node::text)?;
                (!name.contains('.') && !name.is_empty()).then(|| name.to_owned())
            };
            let known = match word {
                "group" if child.get("path").is_none() || name("path").is_none() => {
                    if child.get("path").and_then(Node::text).unwrap_or("").is_empty() {
                        gather(child, scope);
                    }
                    continue;
                }
                "dynamiclist" => name("path").zip(Some(Type::List(Box::new(Type::Any)))),
                "textfield" | "textarea" | "datetime" => name("key").zip(Some(Type::Text)),
                "number" => {
                    let text = matches!(
                        child.get("serializeToString").map(|node| &node.kind),
                        Some(NodeKind::Bool(true))
                    );
                    name("key").zip(Some(if text { Type::Text } else { Type::Number }))
                }
                "checkbox" => name("key").zip(Some(Type::Boolean)),
                "checklist" | "taglist" => name("key").zip(Some(Type::List(Box::new(Type::Any)))),
                _ => None,
            };
            if let Some((name, kind)) = known
                && !scope.0.iter().any(|(other, _)| *other == name)
            {
                scope.0.push((name, kind));
            }
        }
    }
    let mut scope = Scope::default();
    gather(root, &mut scope);
    scope
}

/// Where a component stands.
#[derive(Clone, Default)]
pub(crate) struct Inside {
    /// The path of the data of its parent.
    path: Vec<String>,
    /// Lengths of the paths of the dynamic lists around it.
    lists: Vec<usize>,
    depth: usize,
}

pub(crate) struct Reader<'a> {
    pub(crate) out: Findings<'a>,
    scope: Scope,
    ids: HashSet<String>,
    count: usize,
    slots: Vec<(String, Slot)>,
    prefills: Vec<Prefill>,
}

impl Reader<'_> {
    fn form(&mut self, file: &str, root: &Node) -> Option<Form> {
        if !matches!(root.kind, NodeKind::Table(_)) {
            let message = format!("a form is an object, not {}", root.word());
            self.out.error(root.at, "form-json", message, "");
            return None;
        }
        self.known(root, ROOT.iter().copied(), "a form");
        if root.get("type").and_then(Node::text) != Some("default") {
            let at = root.get("type").map_or(root.at, |node| node.at);
            let hint = "write `\"type\": \"default\"`";
            self.out
                .error(at, "form-type", "the type of a form is `default`", hint);
        }
        let version = self.whole(root, "schemaVersion");
        let schema_version = version
            .and_then(|version| u32::try_from(version).ok())
            .unwrap_or(0);
        if !VERSIONS.contains(&schema_version) {
            let at = root.get("schemaVersion").map_or(root.at, |node| node.at);
            let message = "schema versions 16 to 19 of form-js are taken";
            let hint = "open and save the form in the studio, or write `\"schemaVersion\": 19`";
            self.out.error(at, "form-version", message, hint);
        }
        let id = self.text(root, "id").map(str::to_owned);
        let components = self.components(root, &Inside::default());
        if root.get("components").is_none() {
            self.out.error(
                root.at,
                "form-empty",
                "the form has no components",
                "add `components`",
            );
        }
        self.circles(&components);
        Some(Form {
            id,
            schema_version,
            components,
            file: file.to_owned(),
            slots: std::mem::take(&mut self.slots),
            prefills: std::mem::take(&mut self.prefills),
        })
    }

    /// Warns of properties that nothing reads.
    pub(crate) fn known(&mut self, node: &Node, known: impl Iterator<Item = &'static str> + Clone, of: &str) {
        for entry in node.entries() {
            if known.clone().any(|name| name == entry.name) {
                continue;
            }
            let hint = match nearest(&entry.name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "leave it out".to_owned(),
            };
            let message = format!("{of} has no property `{}`; it does nothing", entry.name);
            self.out
                .warning(entry.at, "form-unknown-property", message, &hint);
        }
    }

    fn components(&mut self, node: &Node, inside: &Inside) -> Vec<Component> {
        let Some(list) = node.get("components") else {
            return Vec::new();
        };
        if !matches!(list.kind, NodeKind::List(_)) {
            self.wrong(list, "components", "a list");
            return Vec::new();
        }
        list.items()
            .iter()
            .filter_map(|item| self.component(item, inside))
            .collect()
    }

    fn component(&mut self, node: &Node, inside: &Inside) -> Option<Component> {
        self.count += 1;
        if self.count > MAX_COMPONENTS {
            if self.count == MAX_COMPONENTS + 1 {
                let message = format!("the form has more than {MAX_COMPONENTS} components");
                self.out
                    .error(node.at, "form-size", message, "split it into several forms");
            }
            return None;
        }
        if inside.depth >= MAX_DEPTH {
            let message = format!("components stand more than {MAX_DEPTH} deep");
            self.out
                .error(node.at, "form-depth", message, "take groups apart");
            return None;
        }
        let word = self.word(node)?;
        self.known(node, word.properties(), &format!("a `{}`", word.name));
        let id = self.text(node, "id").map(str::to_owned);
        if let Some(id) = &id
            && !self.ids.insert(id.clone())
        {
            let at = node.get("id").map_or(node.at, |node| node.at);
            let message = format!("two components have the id `{id}`");
            self.out.error(
                at,
                "form-id-twice",
                message,
                "give one of them another id, or none",
            );
        }
        for name in ["label", "description", "alt", "dateLabel", "timeLabel"] {
            self.template(node, name);
        }
        let path = self.path(node, word, inside);
        let hide = self.hide(node);
        let kind = self.kind(word, node)?;
        let mut within = inside.clone();
        within.depth += 1;
        within.path.extend(path.iter().cloned());
        if matches!(kind, Kind::Rows(_)) {
            within.lists.push(within.path.len());
        }
        let components = if word.is_container() {
            self.components(node, &within)
        } else {
            Vec::new()
        };
        let disabled = self.disabled(node);
        let component = Component {
            id,
            place: self.out.place(node.at),
            word: word.name,
            label: node.get("label").and_then(Node::text).map(str::to_owned),
            description: node.get("description").and_then(Node::text).map(str::to_owned),
            path,
            hide,
            readonly: self.rule(node, "readonly"),
            disabled,
            required: self.required(word, node, disabled),
            default: self.default(node, &kind),
            first: self.first(word, node),
            kind,
            components,
        };
        self.ours(word, node, &within);
        Some(component)
    }

    fn word(&mut self, node: &Node) -> Option<&'static Word> {
        if !matches!(node.kind, NodeKind::Table(_)) {
            let message = format!("a component is an object, not {}", node.word());
            self.out.error(node.at, "form-component", message, "");
            return None;
        }
        let Some(name) = node.get("type").and_then(Node::text) else {
            self.out.error(
                node.at,
                "form-component-type",
                "the component has no type",
                "add `type`",
            );
            return None;
        };
        let at = node.get("type").map_or(node.at, |node| node.at);
        if let Some(word) = words::find(name) {
            return Some(word);
        }
        if let Some((_, hint)) = words::REFUSED.iter().find(|(refused, _)| *refused == name) {
            let message = format!("components of type `{name}` are not taken");
            self.out.error(at, "form-component-refused", message, hint);
            return None;
        }
        let known = words::WORDS.iter().map(|word| word.name);
        let hint = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are: {}", known.collect::<Vec<_>>().join(", ")),
        };
        let message = format!("there is no component type `{name}`");
        self.out.error(at, "form-component-type", message, &hint);
        None
    }

    /// The path that the component binds, claimed for it.
    fn path(&mut self, node: &Node, word: &Word, inside: &Inside) -> Vec<String> {
        let (property, claimed) = match word.name {
            "group" => ("path", Claim::Open),
            "dynamiclist" => ("path", Claim::Rows),
            name if word.is_input() || name == "expression" => ("key", Claim::Leaf),
            _ => return Vec::new(),
        };
        let text = self.text(node, property).unwrap_or("");
        let at = node.get(property).map_or(node.at, |node| node.at);
        if text.is_empty() {
            if claimed != Claim::Open {
                let message = format!("a `{}` needs a `{property}`", word.name);
                let hint = "name the value in the data, e.g. `amount` or `applicant.name`";
                self.out.error(at, "form-key-missing", message, hint);
            }
            return Vec::new();
        }
        let path: Vec<String> = text.split('.').map(str::to_owned).collect();
        if let Some(wrong) = path.iter().find(|part| !is_name(part)) {
            let message = format!("`{wrong}` is no name of a value");
            let hint =
                "names have letters, digits and `_`, and begin with a letter; parts stand apart by dots";
            self.out.error(at, "form-key", message, hint);
            return Vec::new();
        }
        if inside.path.is_empty()
            && let Some(name) = path
                .first()
                .filter(|name| matches!(name.as_str(), "this" | "parent" | "i"))
        {
            let message = format!("`{name}` has a meaning of its own in expressions");
            self.out
                .warning(at, "form-key-hides", message, "take another name");
        }
        let whole: Vec<String> = inside.path.iter().chain(&path).cloned().collect();
        if !claim(&mut self.slots, &whole, &inside.lists, claimed) {
            let message = format!("`{}` is bound already", whole.join("."));
            let hint = "each value is bound once: take another name, or join both components into one";
            self.out.error(at, "form-key-twice", message, hint);
        }
        path
    }

    fn hide(&mut self, node: &Node) -> Option<Expression> {
        let conditional = self.table(node, "conditional")?;
        self.known(conditional, ["hide"].into_iter(), "`conditional`");
        let hide = conditional.get("hide")?;
        match &hide.kind {
            NodeKind::Bool(false) => None,
            NodeKind::Text(text) if text.is_empty() => None,
            NodeKind::Text(_) => self.feel(hide, &Type::Boolean),
            _ => {
                let message = "`hide` is a condition in FEEL; form-js never hides by anything else";
                self.out.error(
                    hide.at,
                    "form-hide",
                    message,
                    "write e.g. `\"=amount < 100\"`, or take the component out",
                );
                None
            }
        }
    }

    /// FEEL that begins with `=`.
    pub(crate) fn feel(&mut self, node: &Node, expected: &Type) -> Option<Expression> {
        let Some(text) = node.text() else {
            self.wrong(node, "an expression", "a text that begins with `=`");
            return None;
        };
        if !text.starts_with('=') {
            let message = "an expression begins with `=`; form-js takes this for a plain text";
            self.out
                .error(node.at, "form-feel-equals", message, &format!("write `={text}`"));
            return None;
        }
        match compile_open(text, &self.scope, expected) {
            Ok(expression) => Some(expression),
            Err(errors) => {
                for error in errors {
                    let hint = error.hint.unwrap_or_default();
                    self.out.error(node.at, "form-feel", error.message, &hint);
                }
                None
            }
        }
    }

    /// A property that is true, false, or a condition.
    pub(crate) fn rule(&mut self, node: &Node, name: &str) -> Rule {
        let Some(value) = node.get(name) else {
            return Rule::Never;
        };
        match &value.kind {
            NodeKind::Bool(true) => Rule::Always,
            NodeKind::Bool(false) => Rule::Never,
            NodeKind::Text(text) if text.is_empty() => Rule::Never,
            // Where it can't be read the form is refused anyway.
            NodeKind::Text(_) => self.feel(value, &Type::Boolean).map_or(Rule::Always, Rule::When),
            _ => {
                self.wrong(value, name, "true, false or FEEL");
                Rule::Always
            }
        }
    }

    pub(crate) fn wrong(&mut self, node: &Node, what: &str, wanted: &str) {
        let message = format!("`{what}` must be {wanted}, not {}", node.word());
        self.out.error(node.at, "form-property-type", message, "");
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n str> {
        let value = node.get(name)?;
        if value.text().is_none() {
            self.wrong(value, name, "a text");
        }
        value.text()
    }

    pub(crate) fn flag(&mut self, node: &Node, name: &str) -> Option<bool> {
        let value = node.get(name)?;
        match value.kind {
            NodeKind::Bool(flag) => Some(flag),
            _ => {
                self.wrong(value, name, "true or false");
                None
            }
        }
    }

    pub(crate) fn whole(&mut self, node: &Node, name: &str) -> Option<u64> {
        let value = node.get(name)?;
        let number = match &value.kind {
            NodeKind::Number(digits) => digits.parse().ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(value, name, "a whole number");
        }
        number
    }

    pub(crate) fn table<'n>(&mut self, node: &'n Node, name: &str) -> Option<&'n Node> {
        let value = node.get(name)?;
        if !matches!(value.kind, NodeKind::Table(_)) {
            self.wrong(value, name, "an object");
            return None;
        }
        Some(value)
    }

    /// Computed values that read one another in a circle have no value.
    fn circles(&mut self, components: &[Component]) {
        fn gather<'c>(components: &'c [Component], found: &mut Vec<(&'c str, &'c Expression, Place)>) {
            for component in components {
                if let (Kind::Computed(expression), [name]) = (&component.kind, component.path.as_slice()) {
                    found.push((name, expression, component.place));
                }
                if matches!(component.kind, Kind::Group) && component.path.is_empty() {
                    gather(&component.components, found);
                }
            }
        }
        let mut computed = Vec::new();
        gather(components, &mut computed);
        for (name, _, place) in &computed {
            let mut reached: Vec<&str> = Vec::new();
            let mut next = vec![*name];
            while let Some(from) = next.pop() {
                let Some((_, expression, _)) = computed.iter().find(|(other, ..)| *other == from) else {
                    continue;
                };
                for used in expression.uses() {
                    if !reached.contains(&used.as_str()) {
                        reached.push(used);
                        next.push(used);
                    }
                }
            }
            if reached.contains(name) {
                let message = format!("`{name}` is computed from itself");
                let hint = "an expression reads inputs, or what is computed before it";
                self.out.error_at(*place, "form-expression-circle", message, hint);
            }
        }
    }

    /// The rows of a dynamic list.
    pub(crate) fn rows(&mut self, node: &Node) -> Kind {
        if self.flag(node, "isRepeating") == Some(false) {
            let at = node.get("isRepeating").map_or(node.at, |node| node.at);
            let message = "a dynamic list that does not repeat is a group";
            self.out.error(
                at,
                "form-list-repeating",
                message,
                "use `group`, or leave `isRepeating` out",
            );
        }
        let first = self.whole(node, "defaultRepetitions").unwrap_or(1);
        let fixed = self.flag(node, "allowAddRemove") == Some(false);
        self.flag(node, "disableCollapse");
        self.whole(node, "nonCollapsedItems");
        let (min, max) = self.repetitions(node);
        Kind::Rows(Rows {
            min,
            max,
            fixed,
            first: usize::try_from(first).unwrap_or(usize::MAX),
        })
    }
}

/// Whether it can be a name in FEEL and in JSON alike.
fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    first
        && text.len() <= 200
        && text.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !matches!(text, "__proto__" | "constructor" | "prototype")
}
