//! What the XML of a model says that the engine below does not keep: places, ids of rules, annotations, extension
//! attributes. And the XML as that engine is given it: without foreign attributes, with the clock of the context.

mod prepare;

use roxmltree::{Document, Node, ParsingOptions};

use crate::limits;

pub use prepare::{asks, bind_clock, prepared, probe_names};

/// Namespace of our extension attributes.
pub const BANYAN: &str = "https://banyan.local/dmn/1.0";

/// A place in a file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub line: u32,
    pub column: u32,
}

/// Why a text is no model that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub rule: &'static str,
    pub place: Place,
    pub message: String,
}

/// One rule of a table as written.
#[derive(Clone, Debug, Default)]
pub struct RuleNote {
    pub id: Option<String>,
    pub place: Place,
    /// Annotations by the name of their column, in order.
    pub annotations: Vec<(String, String)>,
    /// The law article that the rule stands on: `banyan:law`, or an annotation in a column named for it.
    pub law: Option<String>,
    /// Places of the input entries, then of the output entries.
    pub cells: Vec<Place>,
}

/// One decision table as written, in document order within its decision.
#[derive(Clone, Debug, Default)]
pub struct TableNote {
    pub id: Option<String>,
    pub place: Place,
    pub rules: Vec<RuleNote>,
    pub input_places: Vec<Place>,
    /// How many outputs there are.
    pub outputs: usize,
    /// Types written on the input expressions.
    pub input_types: Vec<Option<String>>,
    pub aggregation: Option<String>,
    pub hit_policy: Option<String>,
}

/// A decision, knowledge model, service or input as written.
#[derive(Clone, Debug)]
pub struct ElementNote {
    pub kind: ElementKind,
    pub id: String,
    pub name: String,
    pub place: Place,
    pub law: Option<String>,
    /// Whether its type is one whose values do not grow.
    pub scalar: bool,
    pub tables: Vec<TableNote>,
    /// References of its requirements with their places.
    pub requires: Vec<(String, Place)>,
    /// Names of context entries and of what is iterated over inside.
    pub locals: Vec<String>,
    /// FEEL texts inside, with their places and whether they are unary tests.
    pub texts: Vec<TextNote>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementKind {
    Decision,
    Knowledge,
    Service,
    Input,
    Other,
}

#[derive(Clone, Debug)]
pub struct TextNote {
    pub text: String,
    pub place: Place,
    pub unary: bool,
    /// The name to which the innermost boxed function, or context entry, around it is bound.
    pub owner: Option<String>,
    /// Formal parameters of the boxed functions around it.
    pub parameters: Vec<String>,
    /// Whether it names the function of a boxed invocation.
    pub called: bool,
}

/// What the XML itself says.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    pub namespace: String,
    pub name: String,
    pub title: Option<String>,
    /// The day from which, and the day until which (not included), the model is in force.
    pub effective_from: Option<String>,
    pub effective_until: Option<String>,
    /// Whether every evaluation is kept.
    pub record: bool,
    /// Roles that may ask; none: whoever is signed in.
    pub roles: Vec<String>,
    pub elements: Vec<ElementNote>,
    /// Names that mean something in FEEL texts of this model.
    pub names: Vec<String>,
    /// External functions, refused.
    pub external: Vec<(Place, String)>,
    /// Namespaces and names of imports.
    pub imports: Vec<(String, String, Place)>,
    /// Whether there are boxed functions, iterations or filters.
    pub iterates: bool,
    /// Whether a text reads the clock.
    pub clock: bool,
    /// Whether `DMNDI` is there.
    pub diagram: bool,
}

fn is_dmn(node: Node<'_, '_>) -> bool {
    node.tag_name()
        .namespace()
        .is_some_and(|space| space.starts_with("https://www.omg.org/spec/DMN/") && space.ends_with("/MODEL/"))
}

fn tag(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name && is_dmn(node)
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| tag(*child, name))
}

fn text_of(node: Node<'_, '_>) -> String {
    child(node, "text")
        .map(|text| {
            text.descendants()
                .filter(Node::is_text)
                .map(|part| part.text().unwrap_or_default())
                .collect()
        })
        .unwrap_or_default()
}

/// Places by byte offset.
struct Places {
    starts: Vec<usize>,
}

impl Places {
    fn new(text: &str) -> Places {
        let lines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Places {
            starts: std::iter::once(0).chain(lines.map(|(at, _)| at + 1)).collect(),
        }
    }

    fn of(&self, text: &str, offset: usize) -> Place {
        let line = self
            .starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let column = text.get(start..offset).map_or(0, |part| part.chars().count());
        Place {
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }
}

/// Reads what the XML says.
///
/// # Errors
/// Where it is no XML, or more of it than is read, or declares a document type.
pub fn read(text: &str) -> Result<Notes, Unread> {
    let refuse = |rule, message: String| Unread {
        rule,
        place: Place { line: 1, column: 1 },
        message,
    };
    if text.len() > limits::MODEL_BYTES {
        let message = format!("the model is larger than {} MiB", limits::MODEL_BYTES >> 20);
        return Err(refuse("model-too-large", message));
    }
    depth(text).map_err(|message| refuse("model-too-deep", message))?;
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: limits::XML_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        Unread {
            rule: "xml",
            place: Place {
                line: at.row,
                column: at.col,
            },
            message: format!("this can't be read as XML: {error}"),
        }
    })?;
    let root = document.root_element();
    if !tag(root, "definitions") {
        let message =
            "this is no DMN 1.3, 1.4 or 1.5 model: its root is not `definitions` of a DMN namespace";
        return Err(refuse("not-dmn", message.into()));
    }
    let places = Places::new(text);
    let place = |node: Node<'_, '_>| places.of(text, node.range().start);
    Ok(notes(root, &place))
}

/// Nesting, before the recursive parser sees it.
fn depth(text: &str) -> Result<(), String> {
    let (mut depth, mut rest) = (0usize, text);
    while let Some(at) = rest.find('<') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if rest.starts_with("!--") {
            rest = rest
                .find("-->")
                .and_then(|end| rest.get(end..))
                .unwrap_or_default();
        } else if rest.starts_with("![CDATA[") {
            rest = rest
                .find("]]>")
                .and_then(|end| rest.get(end..))
                .unwrap_or_default();
        } else if rest.starts_with('/') {
            depth = depth.saturating_sub(1);
        } else if !rest.starts_with(['?', '!']) {
            let end = rest.find('>').unwrap_or(rest.len());
            if !rest.get(..end).is_some_and(|inner| inner.ends_with('/')) {
                depth += 1;
            }
            if depth > limits::XML_DEPTH {
                return Err(format!(
                    "elements are nested more than {} deep",
                    limits::XML_DEPTH
                ));
            }
        }
    }
    Ok(())
}

fn own(node: Node<'_, '_>, name: &str) -> Option<String> {
    let value = node.attribute((BANYAN, name))?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

fn notes(root: Node<'_, '_>, place: &dyn Fn(Node<'_, '_>) -> Place) -> Notes {
    let mut notes = Notes {
        namespace: root.attribute("namespace").unwrap_or_default().to_owned(),
        name: root.attribute("name").unwrap_or_default().to_owned(),
        title: root.attribute("label").map(str::to_owned),
        effective_from: own(root, "effectiveFrom"),
        effective_until: own(root, "effectiveUntil"),
        roles: own(root, "roles").map_or_else(Vec::new, |roles| {
            roles.split_whitespace().map(str::to_owned).collect()
        }),
        record: own(root, "record").as_deref() == Some("true"),
        ..Notes::default()
    };
    for node in root.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        if name == "DMNDI" {
            notes.diagram = true;
        }
        if !is_dmn(node) {
            continue;
        }
        if matches!(
            name,
            "inputData"
                | "decision"
                | "businessKnowledgeModel"
                | "decisionService"
                | "variable"
                | "parameter"
                | "formalParameter"
                | "parameters"
                | "itemComponent"
                | "column"
                | "import"
                | "output"
        ) && let Some(known) = node.attribute("name")
        {
            notes.names.push(known.trim().to_owned());
        }
        notes.iterates |= matches!(
            name,
            "for" | "every" | "some" | "filter" | "functionDefinition" | "encapsulatedLogic"
        );
        if matches!(name, "for" | "every" | "some")
            && let Some(known) = node.attribute("iteratorVariable")
        {
            notes.names.push(known.trim().to_owned());
        }
        if name == "functionDefinition" && node.attribute("kind").is_some_and(|kind| kind != "FEEL") {
            let kind = node.attribute("kind").unwrap_or_default().to_owned();
            notes.external.push((place(node), kind));
        }
        if name == "import" {
            notes.imports.push((
                node.attribute("namespace").unwrap_or_default().to_owned(),
                node.attribute("name").unwrap_or_default().to_owned(),
                place(node),
            ));
        }
    }
    notes.names.sort();
    notes.names.dedup();
    notes.elements = root
        .children()
        .filter(|node| node.is_element() && is_dmn(*node))
        .filter_map(|node| element(node, place))
        .collect();
    let texts = notes.elements.iter().flat_map(|element| &element.texts);
    notes.clock = texts.clone().any(|note| bind_clock(&note.text, "", "").1);
    notes
}

fn element(node: Node<'_, '_>, place: &dyn Fn(Node<'_, '_>) -> Place) -> Option<ElementNote> {
    let kind = match node.tag_name().name() {
        "decision" => ElementKind::Decision,
        "businessKnowledgeModel" => ElementKind::Knowledge,
        "decisionService" => ElementKind::Service,
        "inputData" => ElementKind::Input,
        "itemDefinition" => ElementKind::Other,
        _ => return None,
    };
    let name = node.attribute("name").unwrap_or_default().trim().to_owned();
    let mut note = ElementNote {
        kind,
        id: node.attribute("id").unwrap_or_default().to_owned(),
        name,
        place: place(node),
        law: own(node, "law"),
        scalar: child(node, "variable")
            .and_then(|variable| crate::kind::built_in(variable.attribute("typeRef")?))
            .is_some_and(|base| !matches!(base, crate::kind::Base::Any | crate::kind::Base::Text)),
        tables: Vec::new(),
        requires: Vec::new(),
        locals: Vec::new(),
        texts: Vec::new(),
    };
    for inner in node
        .descendants()
        .filter(|inner| inner.is_element() && is_dmn(*inner))
    {
        match inner.tag_name().name() {
            "decisionTable" => note.tables.push(table(inner, place)),
            "requiredDecision"
            | "requiredInput"
            | "requiredKnowledge"
            | "inputDecision"
            | "outputDecision"
            | "encapsulatedDecision" => {
                if let Some(href) = inner.attribute("href") {
                    note.requires.push((href.to_owned(), place(inner)));
                }
            }
            "for" | "every" | "some" => {
                note.locals.extend(
                    inner
                        .attribute("iteratorVariable")
                        .map(|name| name.trim().to_owned()),
                );
            }
            "contextEntry" => {
                let variable = child(inner, "variable").and_then(|variable| variable.attribute("name"));
                note.locals.extend(variable.map(|name| name.trim().to_owned()));
            }
            "text" => {
                let parent = inner
                    .parent_element()
                    .map_or("", |parent| parent.tag_name().name());
                if parent == "annotationEntry" {
                    continue;
                }
                let text = inner.parent_element().map(text_of).unwrap_or_default();
                let unary = matches!(
                    parent,
                    "inputEntry" | "inputValues" | "outputValues" | "allowedValues" | "defaultOutputEntry"
                );
                note.texts.push(TextNote {
                    text,
                    place: place(inner),
                    unary,
                    owner: owner(inner),
                    parameters: parameters(inner),
                    called: inner
                        .parent_element()
                        .and_then(|parent| parent.parent_element())
                        .is_some_and(|parent| tag(parent, "invocation")),
                });
            }
            _ => {}
        }
    }
    Some(note)
}

fn owner(node: Node<'_, '_>) -> Option<String> {
    let entry = node.ancestors().find(|above| tag(*above, "contextEntry"))?;
    child(entry, "variable")?
        .attribute("name")
        .map(|name| name.trim().to_owned())
}

fn parameters(node: Node<'_, '_>) -> Vec<String> {
    let around = node
        .ancestors()
        .filter(|above| tag(*above, "functionDefinition") || tag(*above, "encapsulatedLogic"));
    around
        .flat_map(|function| function.children().filter(|child| tag(*child, "formalParameter")))
        .filter_map(|parameter| parameter.attribute("name").map(|name| name.trim().to_owned()))
        .collect()
}

/// Words of a column's name by which it holds law articles.
const LAW: &[&str] = &["依据", "法条", "法规", "law", "legal", "article"];

fn table(node: Node<'_, '_>, place: &dyn Fn(Node<'_, '_>) -> Place) -> TableNote {
    let named = |name: &'static str| node.children().filter(move |child| tag(*child, name));
    let columns: Vec<String> = named("annotation")
        .map(|column| column.attribute("name").unwrap_or_default().to_owned())
        .collect();
    let rules = named("rule").map(|rule| {
        let mut annotations: Vec<(String, String)> = rule
            .children()
            .filter(|child| tag(*child, "annotationEntry"))
            .enumerate()
            .map(|(at, entry)| {
                let column = columns.get(at).cloned().unwrap_or_default();
                (column, text_of(entry).trim().to_owned())
            })
            .filter(|(_, text)| !text.is_empty())
            .collect();
        // Modelers without annotation columns write into the rule's description.
        if let Some(text) = child(rule, "description").and_then(|node| node.text())
            && !text.trim().is_empty()
        {
            annotations.push(("description".into(), text.trim().to_owned()));
        }
        let law = own(rule, "law").or_else(|| {
            let mut found = annotations.iter().filter(|(column, _)| {
                let column = column.to_lowercase();
                LAW.iter().any(|word| column.contains(word))
            });
            found.next().map(|(_, text)| text.clone())
        });
        let cells = rule
            .children()
            .filter(|child| tag(*child, "inputEntry") || tag(*child, "outputEntry"));
        RuleNote {
            id: rule.attribute("id").map(str::to_owned),
            place: place(rule),
            annotations,
            law,
            cells: cells.map(place).collect(),
        }
    });
    let expressions = named("input").map(|input| child(input, "inputExpression"));
    TableNote {
        id: node.attribute("id").map(str::to_owned),
        place: place(node),
        rules: rules.collect(),
        outputs: named("output").count(),
        input_places: named("input").map(place).collect(),
        input_types: expressions
            .map(|node| node.and_then(|node| node.attribute("typeRef").map(str::to_owned)))
            .collect(),
        aggregation: node.attribute("aggregation").map(str::to_owned),
        hit_policy: node.attribute("hitPolicy").map(str::to_owned),
    }
}
