//! The documents as plain pages: links, then what the document holds. Everything that comes from data is escaped.

use serde_json::Value as Json;

const STYLE: &str = "body{font:16px/1.6 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
table{border-collapse:collapse;display:block;overflow-x:auto}th,td{border:1px solid #bbb;padding:.25rem .5rem;\
text-align:left;vertical-align:top}nav a{margin-right:1rem}h1{font-size:1.5rem}";

/// Text as HTML.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

fn text(value: &Json, name: &str) -> String {
    escape(value.get(name).and_then(Json::as_str).unwrap_or(""))
}

fn links(document: &Json) -> String {
    let all = document.get("links").and_then(Json::as_array);
    let items: Vec<String> = all
        .into_iter()
        .flatten()
        .map(|link| {
            let title = text(link, "title");
            format!(
                "<a href=\"{}\" rel=\"{}\" type=\"{}\">{}</a>",
                text(link, "href"),
                text(link, "rel"),
                text(link, "type"),
                if title.is_empty() {
                    text(link, "rel")
                } else {
                    title
                }
            )
        })
        .collect();
    if items.is_empty() {
        String::new()
    } else {
        format!("<nav aria-label=\"链接\">{}</nav>", items.join(" "))
    }
}

fn value(found: &Json, depth: usize) -> String {
    match found {
        Json::Null => String::new(),
        Json::String(text) => escape(text),
        Json::Object(_) if found.get("coordinates").is_some() || depth > 6 => {
            format!("<code>{}</code>", escape(&found.to_string()))
        }
        Json::Object(members) => {
            let rows: Vec<String> = members
                .iter()
                .filter(|(name, _)| *name != "links")
                .map(|(name, member)| {
                    format!(
                        "<tr><th scope=\"row\">{}</th><td>{}</td></tr>",
                        escape(name),
                        value(member, depth + 1)
                    )
                })
                .collect();
            format!("{}<table>{}</table>", links(found), rows.concat())
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_string()) => {
            let items: Vec<String> = items
                .iter()
                .map(|item| format!("<li>{}</li>", value(item, depth + 1)))
                .collect();
            format!("<ul>{}</ul>", items.concat())
        }
        other => escape(&other.to_string()),
    }
}

/// Features as one table.
fn features(document: &Json) -> String {
    let all = document
        .get("features")
        .and_then(Json::as_array)
        .map_or(&[][..], Vec::as_slice);
    let names: Vec<&String> = all
        .first()
        .and_then(|first| first.get("properties"))
        .and_then(Json::as_object)
        .map(|properties| properties.keys().collect())
        .unwrap_or_default();
    let place = document
        .get("links")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .find(|link| link.get("rel").and_then(Json::as_str) == Some("collection"))
        .map(|link| text(link, "href"))
        .unwrap_or_default();
    let head: Vec<String> = names
        .iter()
        .map(|name| format!("<th scope=\"col\">{}</th>", escape(name)))
        .collect();
    let rows: Vec<String> = all
        .iter()
        .map(|feature| {
            let cells: Vec<String> = names
                .iter()
                .map(|name| {
                    let found = feature
                        .get("properties")
                        .and_then(|properties| properties.get(*name));
                    format!("<td>{}</td>", value(found.unwrap_or(&Json::Null), 1))
                })
                .collect();
            let id = text(feature, "id");
            format!(
                "<tr><td><a href=\"{place}/items/{id}?f=html\">{id}</a></td>{}<td>{}</td></tr>",
                cells.concat(),
                value(feature.get("geometry").unwrap_or(&Json::Null), 1)
            )
        })
        .collect();
    let counted = |name: &str| document.get(name).map(|count| count.to_string());
    format!(
        "<p>共 {} 个,本页 {} 个。</p><table><thead><tr><th scope=\"col\">id</th>{}<th scope=\"col\">geometry</th></tr></thead><tbody>{}</tbody></table>",
        counted("numberMatched").unwrap_or_else(|| "很多".into()),
        counted("numberReturned").unwrap_or_default(),
        head.concat(),
        rows.concat()
    )
}

/// A document as a page.
pub fn page(title: &str, document: &Json) -> String {
    let title = escape(title);
    let body = if document.get("features").is_some() {
        format!("{}{}", links(document), features(document))
    } else {
        value(document, 0)
    };
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{body}</main></body></html>"
    )
}
