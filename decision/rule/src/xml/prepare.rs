//! The XML as the engine below is given it: without foreign attributes, with the clock of the context, with what it does not
//! know written as what it does, and with probes.

use roxmltree::{Document, Node};

use super::{child, tag};

/// The XML for the engine below: foreign attributes and elements are blanked, which keeps every place, and `today()` and
/// `now()` are the given literals. With `probes`, see [`probe`].
///
/// # Errors
/// Where it is no XML.
pub fn prepared(text: &str, today: &str, now: &str, probes: bool) -> Result<String, String> {
    let text = plain(text, today, now)?;
    if !probes {
        return Ok(text);
    }
    let document = Document::parse(&text).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let decisions = root.children().filter(|node| tag(*node, "decision"));
    let made: String = decisions
        .enumerate()
        .map(|(at, node)| probe(&text, node, at))
        .collect();
    let end = text
        .get(..root.range().end)
        .and_then(|whole| whole.rfind("</"))
        .unwrap_or(text.len());
    let (before, after) = text.split_at(end);
    Ok(format!("{before}{made}{after}"))
}

fn plain(text: &str, today: &str, now: &str) -> Result<String, String> {
    let document = Document::parse(text).map_err(|error| error.to_string())?;
    let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut skip_until = 0;
    for node in document.descendants().filter(Node::is_element) {
        let range = node.range();
        if range.start < skip_until {
            continue;
        }
        let space = node.tag_name().namespace().unwrap_or_default();
        if !space.starts_with("https://www.omg.org/spec/DMN/")
            && !space.starts_with("http://www.omg.org/spec/DMN/")
        {
            skip_until = range.end;
            edits.push((range, String::new()));
            continue;
        }
        for attribute in node.attributes() {
            if attribute
                .namespace()
                .is_some_and(|space| !space.starts_with("http://www.w3.org/"))
            {
                edits.push((attribute.range(), String::new()));
            }
        }
        for name in ["typeRef", "outputTypeRef"] {
            let attribute = node.attribute_node(name);
            if let Some((attribute, short)) = attribute.and_then(|one| Some((one, short_type(one.value())?)))
            {
                edits.push((attribute.range_value(), short.to_owned()));
            }
        }
        if tag(node, "typeRef")
            && let Some((content, short)) = node
                .first_child()
                .and_then(|one| Some((one, short_type(one.text()?)?)))
        {
            edits.push((content.range(), short.to_owned()));
        }
        if tag(node, "text") {
            let whole = text.get(range.clone()).unwrap_or_default();
            let (mut bound, mut changed) = bind_clock(whole, today, now);
            if let Some(written) = question(node, &bound, text) {
                bound = written;
                changed = true;
            }
            if changed {
                skip_until = range.end;
                edits.push((range, bound));
            }
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for (range, replacement) in edits {
        if range.start < at {
            continue;
        }
        out.push_str(text.get(at..range.start).unwrap_or_default());
        out.push_str(&replacement);
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Ok(out)
}

/// A test that says `?` is nothing to the engine. It is written so that it is: a list of the value where the test is true, and
/// an empty one where it is not.
fn question(node: Node<'_, '_>, bound: &str, text: &str) -> Option<String> {
    let entry = node
        .parent_element()
        .filter(|parent| tag(*parent, "inputEntry"))?;
    let open = bound.find('>')? + 1;
    let close = bound.rfind("</")?;
    let inner = bound.get(open..close)?;
    if !asks(inner) {
        return None;
    }
    let rule = entry.parent_element()?;
    let column = rule
        .children()
        .filter(|child| tag(*child, "inputEntry"))
        .position(|child| child == entry)?;
    let table = rule.parent_element()?;
    let clause = table
        .children()
        .filter(|child| tag(*child, "input"))
        .nth(column)?;
    let expression = child(child(clause, "inputExpression")?, "text")?;
    let raw = text.get(expression.range())?;
    let value = raw.get(raw.find('>')? + 1..raw.rfind("</")?)?.trim();
    let mut test = String::new();
    split_quoted(inner, |piece, quoted| {
        test.push_str(&if quoted {
            piece.to_owned()
        } else {
            piece.replace('?', &format!("({value})"))
        });
    });
    let (before, after) = (bound.get(..open)?, bound.get(close..)?);
    Some(format!(
        "{before}if ({}) then [({value})] else []{after}",
        test.trim()
    ))
}

/// Whether a test says `?` outside of quoted texts.
pub fn asks(test: &str) -> bool {
    let mut found = false;
    split_quoted(test, |piece, quoted| found |= !quoted && piece.contains('?'));
    found
}

/// Pieces outside and inside of quotation marks, in order.
fn split_quoted(text: &str, mut piece: impl FnMut(&str, bool)) {
    let (mut start, mut quoted, mut at) = (0, false, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let mark = ["&quot;", "&#34;", "\""]
            .into_iter()
            .find(|mark| rest.starts_with(mark));
        let escaped = quoted && text.get(..at).is_some_and(|before| before.ends_with('\\'));
        let step = match mark {
            Some(mark) if !escaped => {
                let end = if quoted { at + mark.len() } else { at };
                piece(text.get(start..end).unwrap_or_default(), quoted);
                start = end;
                quoted = !quoted;
                mark.len()
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += step;
    }
    piece(text.get(start..).unwrap_or_default(), quoted);
}

/// The engine knows the built-in types by their names in DMN, not by those in FEEL: to it such a value is null.
fn short_type(name: &str) -> Option<&'static str> {
    match name.trim() {
        "date and time" => Some("dateTime"),
        "days and time duration" => Some("dayTimeDuration"),
        "years and months duration" => Some("yearMonthDuration"),
        _ => None,
    }
}

/// Names of the probes of the decision at that place among the decisions of its model: of the rules that match, and of what
/// it was given.
pub fn probe_names(at: usize) -> (String, String) {
    (format!("banyanRules{at}"), format!("banyanInputs{at}"))
}

/// The engine does not tell which rules matched. So beside each decision stand two more with the same requirements, evaluated
/// by the same engine in the same scope: the same table, giving the numbers of the rules that match; and the values of what
/// the decision requires and of its input expressions.
fn probe(text: &str, decision: Node<'_, '_>, at: usize) -> String {
    let raw = |node: Node<'_, '_>| text.get(node.range()).unwrap_or_default().to_owned();
    let own = raw(decision);
    // Names of elements are written with the prefix of the decision's own.
    let prefix = own
        .trim_start_matches('<')
        .split(|c: char| c.is_whitespace() || c == '>')
        .next()
        .and_then(|name| name.strip_suffix("decision"))
        .unwrap_or_default()
        .to_owned();
    let p = prefix.as_str();
    let (rules_name, inputs_name) = probe_names(at);
    let requirements: String = decision
        .children()
        .filter(|child| tag(*child, "informationRequirement") || tag(*child, "knowledgeRequirement"))
        .map(raw)
        .collect();
    let head = |name: &str| {
        format!("<{p}decision id=\"_{name}\" name=\"{name}\"><{p}variable name=\"{name}\"/>{requirements}")
    };
    let entry = |name: &str, value: &str| {
        format!(
            "<{p}contextEntry><{p}variable name=\"{name}\"/><{p}literalExpression>{value}</{p}literalExpression></{p}contextEntry>"
        )
    };
    let root = decision.document().root_element();
    let mut values: Vec<String> = required_names(root, decision)
        .iter()
        .enumerate()
        .map(|(number, name)| {
            entry(
                &format!("r{number}"),
                &format!("<{p}text>{}</{p}text>", escaped(name)),
            )
        })
        .collect();
    let mut made = String::new();
    if let Some(table) = child(decision, "decisionTable") {
        let inputs: Vec<Node<'_, '_>> = table.children().filter(|node| tag(*node, "input")).collect();
        for (number, input) in inputs.iter().enumerate() {
            let expression = child(*input, "inputExpression").and_then(|node| child(node, "text"));
            if let Some(expression) = expression {
                values.push(entry(&format!("i{number}"), &raw(expression)));
            }
        }
        let columns: String = inputs.iter().copied().map(raw).collect();
        let rules: String = table
            .children()
            .filter(|node| tag(*node, "rule"))
            .enumerate()
            .map(|(number, rule)| {
                let cells = |name: &'static str| {
                    rule.children().filter(move |node| tag(*node, name)).map(raw).collect::<String>()
                };
                let (inputs, outputs, number) = (cells("inputEntry"), cells("outputEntry"), number + 1);
                format!(
                    "<{p}rule>{inputs}<{p}outputEntry><{p}text>{number}</{p}text></{p}outputEntry>{outputs}</{p}rule>"
                )
            })
            .collect();
        let outputs = table.children().filter(|node| tag(*node, "output")).count();
        let outputs: String = (0..outputs)
            .map(|number| format!("<{p}output name=\"o{number}\"/>"))
            .collect();
        let head = head(&rules_name);
        made.push_str(&format!(
            "{head}<{p}decisionTable hitPolicy=\"RULE ORDER\">{columns}<{p}output name=\"rule\"/>{outputs}{rules}</{p}decisionTable></{p}decision>"
        ));
    }
    let head = head(&inputs_name);
    made.push_str(&format!(
        "{head}<{p}context>{}</{p}context></{p}decision>",
        values.concat()
    ));
    made
}

/// Names in FEEL under which a decision sees what it requires, in the order of its requirements.
fn required_names(root: Node<'_, '_>, decision: Node<'_, '_>) -> Vec<String> {
    let references = decision
        .children()
        .filter(|child| tag(*child, "informationRequirement"))
        .flat_map(|requirement| requirement.children())
        .filter(|child| tag(*child, "requiredDecision") || tag(*child, "requiredInput"))
        .filter_map(|reference| reference.attribute("href"));
    references
        .map(|href| {
            let id = href.rsplit_once('#').map_or(href, |(_, id)| id);
            let local = root.children().find(|node| node.attribute("id") == Some(id));
            local
                .and_then(|node| {
                    child(node, "variable")
                        .and_then(|variable| variable.attribute("name"))
                        .or_else(|| node.attribute("name"))
                })
                .unwrap_or("null")
                .trim()
                .to_owned()
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Replaces `today()` and `now()` outside of quoted texts; quotation marks may be written as entities.
pub fn bind_clock(text: &str, today: &str, now: &str) -> (String, bool) {
    let (mut out, mut rest, mut quoted, mut changed) = (String::new(), text, false, false);
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let quote = ["&quot;", "&#34;", "\""]
            .into_iter()
            .find(|mark| rest.starts_with(mark));
        let step = if let Some(mark) = quote {
            quoted = !(quoted && before != '\\');
            mark.len()
        } else if !quoted && !before.is_alphanumeric() && before != '_' {
            match call(rest) {
                Some((word, length)) => {
                    out.push_str(if word == "today" { today } else { now });
                    changed = true;
                    rest = rest.get(length..).unwrap_or_default();
                    before = ')';
                    continue;
                }
                None => first.len_utf8(),
            }
        } else {
            first.len_utf8()
        };
        out.push_str(rest.get(..step).unwrap_or_default());
        rest = rest.get(step..).unwrap_or_default();
        before = first;
    }
    (out, changed)
}

/// `today ( )` or `now ( )` at the start of a text, and its length.
fn call(text: &str) -> Option<(&'static str, usize)> {
    let word = ["today", "now"].into_iter().find(|word| text.starts_with(word))?;
    let after = text
        .get(word.len()..)?
        .trim_start()
        .strip_prefix('(')?
        .trim_start();
    let after = after.strip_prefix(')')?;
    Some((word, text.len() - after.len()))
}
