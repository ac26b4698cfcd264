//! What is only shown: texts, HTML, images, tables, buttons; and the templates in them.

use banyan_feel::Type;

use super::Reader;
use crate::html;
use crate::json::{Kind as NodeKind, Node};
use crate::words::Word;

impl Reader<'_> {
    pub(crate) fn shown(&mut self, word: &Word, node: &Node) {
        match word.name {
            // Markdown may hold HTML too.
            "text" => {
                self.template(node, "text");
                self.clean(node, word.name, "text");
            }
            "html" => {
                self.template(node, "content");
                self.clean(node, word.name, "content");
            }
            "image" => self.image(node),
            "table" => self.columns(node),
            "button" => {
                if let Some(action) = self.text(node, "action")
                    && !matches!(action, "submit" | "reset")
                {
                    let at = node.get("action").map_or(node.at, |node| node.at);
                    let message = format!("`action` is `submit` or `reset`, not `{action}`");
                    self.out.error(at, "form-property-value", message, "");
                }
            }
            _ => {}
        }
    }

    fn clean(&mut self, node: &Node, word: &str, name: &str) {
        let Some(value) = node.get(name) else {
            return;
        };
        let text = value.text().unwrap_or("");
        if text.starts_with('=') {
            return;
        }
        let markdown = word == "text";
        let plain = if markdown {
            html::without_addresses(text)
        } else {
            text.to_owned()
        };
        let links = if markdown {
            html::check_links(text)
        } else {
            Vec::new()
        };
        for wrong in html::check(&plain).into_iter().chain(links) {
            self.out.error(value.at, wrong.rule, wrong.message, wrong.hint);
        }
    }

    fn image(&mut self, node: &Node) {
        self.template(node, "source");
        let Some(value) = node.get("source") else {
            let hint = "add `source`";
            self.out
                .warning(node.at, "form-image", "the image has no source", hint);
            return;
        };
        let source = value.text().unwrap_or("");
        if !source.starts_with('=') && !html::is_safe_address(source, true) {
            let message = "`source` is no address of a picture";
            let hint = "begin with https: or data:image/png;base64, or give it by FEEL";
            self.out.error(value.at, "form-image", message, hint);
        }
    }

    fn columns(&mut self, node: &Node) {
        let list = Type::List(Box::new(Type::Any));
        match node.get("dataSource") {
            Some(value) if value.text().is_some_and(|text| text.starts_with('=')) => {
                self.feel(value, &list);
            }
            Some(value) if value.text().is_some() => {}
            Some(value) => self.wrong(value, "dataSource", "a name or FEEL"),
            None => {
                let hint = "add `dataSource`, e.g. `\"=rows\"`";
                self.out
                    .error(node.at, "form-table", "the table shows no data", hint);
            }
        }
        match (node.get("columns"), node.get("columnsExpression")) {
            (Some(columns), None) => {
                for column in columns.items() {
                    let key = self.text(column, "key").unwrap_or("");
                    if key.is_empty() {
                        let hint = "write `{ \"label\": \"…\", \"key\": \"…\" }`";
                        self.out
                            .error(column.at, "form-table", "a column needs a key", hint);
                    }
                }
            }
            (None, Some(expression)) => {
                self.feel(expression, &list);
            }
            _ => {
                let message = "a table has either `columns` or `columnsExpression`";
                self.out
                    .error(node.at, "form-table", message, "keep exactly one of them");
            }
        }
        self.whole(node, "rowCount");
    }

    /// A text in which `{{…}}` stands for values, or FEEL as a whole. A wrong one shows wrongly and does no harm: a warning.
    pub(crate) fn template(&mut self, node: &Node, name: &str) {
        let Some(value) = node.get(name) else {
            return;
        };
        let NodeKind::Text(text) = &value.kind else {
            self.wrong(value, name, "a text");
            return;
        };
        if text.starts_with('=') {
            self.feel(value, &Type::Any);
            return;
        }
        for part in text.split("{{").skip(1) {
            let Some((inside, _)) = part.split_once("}}") else {
                let hint = "close it with `}}`";
                self.out
                    .warning(value.at, "form-template", "a `{{` is not closed", hint);
                return;
            };
            let inside = inside.trim();
            let inside = ["#if ", "#loop "]
                .into_iter()
                .find_map(|word| inside.strip_prefix(word))
                .unwrap_or(inside);
            if inside.starts_with('/') || inside == "else" {
                continue;
            }
            // What is shown may be of any type, and members of other rows stand there too.
            if let Err(errors) = banyan_feel::compile_open(inside, &banyan_feel::Scope::default(), &Type::Any)
            {
                let why = errors.first().map_or("", |error| error.message.as_str());
                let message = format!("`{{{{{inside}}}}}` can't be shown: {why}");
                self.out.warning(value.at, "form-template", message, "");
            }
        }
    }
}
