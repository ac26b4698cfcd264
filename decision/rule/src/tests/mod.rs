//! Tests of the engine by itself; packages and HTTP are tested in tests/it.

mod bulk;
mod checks;
mod guards;
mod reasons;
mod tables;

use std::sync::Arc;

use banyan_base::{Ctx, World};

use crate::model::{Model, load};

fn cx() -> Ctx {
    World::system().system_ctx()
}

fn model(xml: &str) -> Arc<Model> {
    Arc::new(load(xml, &[]).unwrap_or_else(|refusals| panic!("{refusals:#?}\n{xml}")))
}

/// A model around elements.
fn definitions(inner: &str) -> String {
    format!(
        "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" xmlns:banyan=\"https://banyan.local/dmn/1.0\" \
         namespace=\"https://banyan.local/test\" name=\"test\">{inner}</definitions>"
    )
}

fn input(name: &str, kind: &str) -> String {
    format!(
        "<inputData id=\"_{name}\" name=\"{name}\"><variable name=\"{name}\" typeRef=\"{kind}\"/></inputData>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A decision whose logic is given, with what it requires.
fn decision(name: &str, kind: &str, inputs: &[&str], decisions: &[&str], logic: &str) -> String {
    let needs = |word: &str, names: &[&str]| -> String {
        let all = names.iter();
        all.map(|name| {
            format!("<informationRequirement><required{word} href=\"#_{name}\"/></informationRequirement>")
        })
        .collect()
    };
    let kind = if kind.is_empty() {
        String::new()
    } else {
        format!(" typeRef=\"{kind}\"")
    };
    format!(
        "<decision id=\"_{name}\" name=\"{name}\"><variable name=\"{name}\"{kind}/>{}{}{logic}</decision>",
        needs("Input", inputs),
        needs("Decision", decisions),
    )
}

fn literal(text: &str) -> String {
    format!(
        "<literalExpression><text>{}</text></literalExpression>",
        escaped(text)
    )
}

/// A table: attributes, columns, outputs (name, values), rules of as many cells.
fn table(attributes: &str, columns: &[&str], outputs: &[(&str, &str)], rules: &[Vec<String>]) -> String {
    let mut xml = format!("<decisionTable {attributes}>");
    for column in columns {
        xml += &format!(
            "<input><inputExpression><text>{}</text></inputExpression></input>",
            escaped(column)
        );
    }
    for (name, values) in outputs {
        let name = if name.is_empty() {
            String::new()
        } else {
            format!(" name=\"{name}\"")
        };
        let values = if values.is_empty() {
            String::new()
        } else {
            format!("<outputValues><text>{}</text></outputValues>", escaped(values))
        };
        xml += &format!("<output{name}>{values}</output>");
    }
    for (at, cells) in rules.iter().enumerate() {
        xml += &format!("<rule id=\"rule-{}\">", at + 1);
        for (column, cell) in cells.iter().enumerate() {
            let entry = if column < columns.len() {
                "inputEntry"
            } else {
                "outputEntry"
            };
            xml += &format!("<{entry}><text>{}</text></{entry}>", escaped(cell));
        }
        xml += "</rule>";
    }
    xml + "</decisionTable>"
}

fn rows(rules: &[&[&str]]) -> Vec<Vec<String>> {
    rules
        .iter()
        .map(|rule| rule.iter().map(|cell| (*cell).to_owned()).collect())
        .collect()
}
