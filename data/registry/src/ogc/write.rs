//! Features written straight from the rows of the database: the same text that `items::feature` gives by way of values.

use banyan_base::Problem;
use banyan_store::{Row, Value};

use super::describe::geometry;
use crate::catalog::{Stored, TypeInfo};
use crate::record::fields_at;

/// Most digits behind the point that a decimal is written with here; finer ones go by way of a float.
const MAX_SCALE: u8 = 9;

/// Names of a type's properties as JSON writes them, with what stands around them.
pub struct Writer<'i> {
    info: &'i TypeInfo,
    primary: Option<usize>,
    /// `"name":` of each column.
    names: Vec<String>,
}

/// A text as JSON writes it.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut clean = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(text.get(clean..at).unwrap_or_default());
        clean = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            other => out.push_str(&format!("\\u{other:04x}")),
        }
    }
    out.push_str(text.get(clean..).unwrap_or_default());
    out.push('"');
}

fn decimal(out: &mut String, value: i64, scale: u8) {
    use std::fmt::Write as _;
    if scale > MAX_SCALE || value.unsigned_abs() > 9_000_000_000_000_000 {
        let number = value as f64 / 10f64.powi(i32::from(scale));
        out.push_str(&serde_json::json!(number).to_string());
        return;
    }
    if value < 0 {
        out.push('-');
    }
    let unit = 10u64.pow(u32::from(scale));
    let (whole, part) = (value.unsigned_abs() / unit, value.unsigned_abs() % unit);
    // Writing to a string does not fail.
    let _ = write!(out, "{whole}");
    if part > 0 {
        let start = out.len();
        let _ = write!(out, ".{part:0width$}", width = usize::from(scale));
        let kept = out
            .get(start..)
            .map_or(0, |text| text.trim_end_matches('0').len());
        out.truncate(start + kept);
    }
}

impl<'i> Writer<'i> {
    pub fn new(info: &'i TypeInfo) -> Writer<'i> {
        let primary = geometry(info).map(|column| column.name.as_str());
        let named = info.columns.iter().map(|column| {
            let mut text = String::new();
            quote(&mut text, &column.name);
            text.push(':');
            text
        });
        Writer {
            info,
            primary: info
                .columns
                .iter()
                .position(|column| Some(column.name.as_str()) == primary),
            names: named.collect(),
        }
    }

    /// Appends the feature of a row of `select_list`.
    pub fn feature(&self, out: &mut String, row: &Row) -> Result<(), Problem> {
        use std::fmt::Write as _;
        let text = |at: usize| row.value(at).as_text().unwrap_or_default();
        out.push_str("{\"type\":\"Feature\",\"id\":");
        quote(out, text(1));
        let start = fields_at(self.info);
        out.push_str(",\"geometry\":");
        match self.primary.map(|at| row.value(start + at)) {
            Some(Value::Text(shape)) => out.push_str(shape),
            _ => out.push_str("null"),
        }
        out.push_str(",\"properties\":{");
        for (at, (column, name)) in self.info.columns.iter().zip(&self.names).enumerate() {
            if self.primary == Some(at) {
                continue;
            }
            out.push_str(name);
            match (column.stored, row.value(start + at)) {
                (Stored::Text, Value::Text(text)) => quote(out, text),
                // Kept as JSON wrote it.
                (Stored::Json, Value::Text(json)) => out.push_str(json),
                (Stored::Integer, Value::Int(value)) => {
                    let _ = write!(out, "{value}");
                }
                (Stored::Scaled(scale), Value::Int(value)) => decimal(out, *value, scale),
                (Stored::Boolean, Value::Int(value)) => {
                    out.push_str(if *value != 0 { "true" } else { "false" })
                }
                _ => out.push_str("null"),
            }
            out.push(',');
        }
        if self.info.has_state() {
            out.push_str("\"state\":");
            quote(out, text(9));
            out.push(',');
        }
        out.push_str("\"created_at\":");
        quote(out, text(3));
        out.push_str(",\"updated_at\":");
        quote(out, text(5));
        let version: i64 = row.get(2)?;
        let _ = write!(out, ",\"version\":{version}}}}}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{decimal, quote};

    #[test]
    fn texts_are_written_as_serde_writes_them() {
        for text in ["", "榕", "a\"b\\c", "\u{1}\u{8}\u{c}\n\r\t\u{1f}\u{7f}", "末\n"] {
            let mut out = String::new();
            quote(&mut out, text);
            assert_eq!(out, serde_json::Value::from(text).to_string());
        }
    }

    #[test]
    fn decimals_are_written_as_numbers_are() {
        for (value, scale, wanted) in [
            (0, 2, "0"),
            (-5, 2, "-0.05"),
            (12_340, 2, "123.4"),
            (12_300, 2, "123"),
            (-12_345, 3, "-12.345"),
            (7, 0, "7"),
        ] {
            let mut out = String::new();
            decimal(&mut out, value, scale);
            assert_eq!(out, wanted);
        }
    }
}
