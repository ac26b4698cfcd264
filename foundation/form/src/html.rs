//! What may stand in the HTML of a form. form-js cleans HTML in the browser; here what it would take away is refused, so
//! that an author learns of it, and nothing rests on the browser alone.

use html5gum::{Token, Tokenizer};

/// Elements that only say how text looks.
const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "address",
    "article",
    "b",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "u",
    "ul",
    "var",
    "wbr",
];

/// Elements that run or load something.
const ACTIVE: &[&str] = &[
    "applet", "base", "embed", "frame", "frameset", "iframe", "link", "meta", "noscript", "object", "portal",
    "script", "template",
];

/// Attributes that only say how something looks, or what it is.
const ATTRIBUTES: &[&str] = &[
    "align", "alt", "class", "colspan", "datetime", "dir", "height", "href", "id", "lang", "name", "open",
    "rel", "reversed", "rowspan", "scope", "src", "start", "style", "target", "title", "type", "valign",
    "width",
];

pub(crate) struct Wrong {
    pub(crate) rule: &'static str,
    pub(crate) message: String,
    pub(crate) hint: &'static str,
}

const LINK: &str = "begin with https:, http:, mailto:, tel:, `/` or `#`, written out and not by a value";
const PLAIN: &str = "leave it out; HTML in forms only says how text looks";

/// Everything that must not stand there.
pub(crate) fn check(text: &str) -> Vec<Wrong> {
    let mut found = Vec::new();
    let mut styles = false;
    for token in Tokenizer::new(text) {
        let Ok(token) = token;
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                styles = name == "style";
                if ACTIVE.contains(&name.as_str()) {
                    found.push(Wrong {
                        rule: "form-html-active",
                        message: format!("`<{name}>` must not stand in a form"),
                        hint: PLAIN,
                    });
                } else if !ELEMENTS.contains(&name.as_str()) {
                    found.push(Wrong {
                        rule: "form-html-element",
                        message: format!("`<{name}>` is not taken in a form"),
                        hint: "use elements that only say how text looks; for inputs use components",
                    });
                }
                for (attribute, value) in &tag.attributes {
                    let attribute = String::from_utf8_lossy(attribute).into_owned();
                    let value = String::from_utf8_lossy(value).into_owned();
                    found.extend(wrong_attribute(&name, &attribute, &value));
                }
            }
            Token::String(text) if styles => {
                let text = String::from_utf8_lossy(&text).into_owned();
                found.extend(loads(&text).then(|| style_wrong("style")));
            }
            Token::EndTag(_) => styles = false,
            _ => {}
        }
    }
    found
}

fn style_wrong(place: &str) -> Wrong {
    Wrong {
        rule: "form-html-style",
        message: format!("`{place}` loads something or hides what it does"),
        hint: "leave `url(…)`, `@import`, `expression(…)` and `\\` out",
    }
}

fn loads(style: &str) -> bool {
    let lower = style.to_lowercase();
    ["url(", "@import", "expression(", "\\", "image-set("]
        .iter()
        .any(|part| lower.contains(part))
}

fn wrong_attribute(element: &str, name: &str, value: &str) -> Option<Wrong> {
    if name.starts_with("on") {
        return Some(Wrong {
            rule: "form-html-active",
            message: format!("`{name}` of `<{element}>` runs a script"),
            hint: PLAIN,
        });
    }
    let harmless = ATTRIBUTES.contains(&name) || name.starts_with("aria-") || name.starts_with("data-");
    if !harmless {
        return Some(Wrong {
            rule: "form-html-attribute",
            message: format!("the attribute `{name}` of `<{element}>` is not taken in a form"),
            hint: PLAIN,
        });
    }
    if name == "style" && loads(value) {
        return Some(style_wrong("style=…"));
    }
    if matches!(name, "href" | "src") && !is_safe_address(value, name == "src") {
        return Some(Wrong {
            rule: "form-html-link",
            message: format!("`{name}` of `<{element}>` is no address that may be opened"),
            hint: LINK,
        });
    }
    None
}

/// Markdown without its `<https://…>`, which are no elements.
pub(crate) fn without_addresses(markdown: &str) -> String {
    markdown
        .replace("<https://", "https://")
        .replace("<http://", "http://")
        .replace("<mailto:", "mailto:")
}

/// The links and pictures of Markdown, `[text](address)`.
pub(crate) fn check_links(markdown: &str) -> Vec<Wrong> {
    let address = |part: &str| {
        let part = part.trim_start().trim_start_matches('<');
        part.split([')', ' ', '>']).next().unwrap_or("").to_owned()
    };
    markdown
        .split("](")
        .skip(1)
        .map(address)
        .filter(|address| !is_safe_address(address, false))
        .map(|address| Wrong {
            rule: "form-html-link",
            message: format!("`{address}` is no address that may be opened"),
            hint: LINK,
        })
        .collect()
}

/// Whether an address leads to a page or a picture and runs nothing.
pub(crate) fn is_safe_address(address: &str, picture: bool) -> bool {
    // Browsers skip these when they look for the scheme.
    let bare: String = address
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    let bare = bare.to_lowercase();
    let schemes: &[&str] = if picture {
        &[
            "https://",
            "http://",
            "data:image/png",
            "data:image/jpeg",
            "data:image/gif",
            "data:image/webp",
        ]
    } else {
        &["https://", "http://", "mailto:", "tel:"]
    };
    if schemes.iter().any(|scheme| bare.starts_with(scheme)) {
        return true;
    }
    let head = bare.split(['/', '?', '#']).next().unwrap_or("");
    !head.contains(':') && !head.contains("{{") && !head.contains('&') && !bare.starts_with("//")
}
