//! Values as people write them in tables, both ways: what an export writes, an import reads.

use banyan_base::Money;
use banyan_package::model::FieldKind;
use serde_json::Value as Json;

/// A cell of an export: money in yuan, several values joined with `;`. What a spreadsheet would run as a formula is
/// made text.
pub fn write(kind: &FieldKind, value: Option<&Json>) -> String {
    match (kind, value) {
        (_, None | Some(Json::Null)) => String::new(),
        (FieldKind::Money { .. }, Some(Json::Number(fen))) => {
            Money(fen.as_i64().unwrap_or_default()).to_string()
        }
        (FieldKind::Boolean, Some(Json::Bool(value))) => if *value { "是" } else { "否" }.to_owned(),
        (_, Some(Json::String(text))) if formula(text) => format!("'{text}"),
        (_, Some(Json::String(text))) => text.clone(),
        (_, Some(Json::Array(items))) if items.iter().all(Json::is_string) => items
            .iter()
            .filter_map(Json::as_str)
            .collect::<Vec<_>>()
            .join(";"),
        (_, Some(other)) => other.to_string(),
    }
}

/// Whether a spreadsheet would run the text. A minus is only that before what is no number.
fn formula(text: &str) -> bool {
    text.starts_with(['=', '+', '@', '\t', '\r']) || text.starts_with('-') && text.parse::<f64>().is_err()
}

/// A cell of an import as it would be sent in JSON; what can't be read is left as text for the field's own check to refuse.
pub fn read(kind: &FieldKind, text: &str) -> Json {
    let text = text.trim();
    // The apostrophe that an export puts before what looks like a formula.
    let text = match text.strip_prefix('\'') {
        Some(rest) if formula(rest) => rest,
        _ => text,
    };
    match kind {
        FieldKind::Money { .. } => match Money::parse_yuan(text) {
            Some(money) => Json::from(money.0),
            None => Json::String(text.to_owned()),
        },
        FieldKind::DateTime if !text.is_empty() => {
            let plain = text.replace('/', "-");
            let moment = plain
                .parse::<jiff::Timestamp>()
                .map(|_| plain.clone())
                .or_else(|_| {
                    plain
                        .replace(' ', "T")
                        .parse::<jiff::civil::DateTime>()
                        .map(|civil| format!("{civil}+08:00"))
                });
            Json::String(moment.unwrap_or_else(|_| text.to_owned()))
        }
        FieldKind::Json | FieldKind::Geometry { .. } | FieldKind::File { .. } => {
            serde_json::from_str(text).unwrap_or_else(|_| Json::String(text.to_owned()))
        }
        _ => Json::String(text.to_owned()),
    }
}
