//! Seeds: records as CSV, with the place of every cell.

use banyan_base::{Finding, Severity, SourceFile};

use crate::model::RecordType;

/// One seed: field → text, in the order of the columns. Empty cells are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRow {
    pub line: u32,
    pub cells: Vec<(String, String)>,
}

/// Reads a seed file against its type.
pub fn read_seed(file: &SourceFile, record: &RecordType) -> (Vec<SeedRow>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut add = |line: u32, column: usize, rule: &str, message: String| {
        findings.push(Finding {
            severity: Severity::Error,
            rule: rule.into(),
            file: file.path.clone(),
            line,
            column: u32::try_from(column + 1).unwrap_or(1),
            message,
            hint: None,
        });
    };
    let mut reader = csv::ReaderBuilder::new()
        .flexible(false)
        .from_reader(file.bytes.as_slice());
    let header: Vec<String> = match reader.headers() {
        Ok(header) => header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned())
            .collect(),
        Err(error) => {
            add(1, 0, "seed-form", error.to_string());
            return (Vec::new(), findings);
        }
    };
    for (column, name) in header.iter().enumerate() {
        if name != "state" && record.field(name).is_none() {
            add(
                1,
                column,
                "seed-column",
                format!("the type has no field `{name}`"),
            );
        }
    }
    let mut rows = Vec::new();
    for result in reader.records() {
        match result {
            Ok(record) => {
                let line = record
                    .position()
                    .map_or(0, |position| u32::try_from(position.line()).unwrap_or(0));
                let cells = header
                    .iter()
                    .zip(record.iter())
                    .filter(|(_, cell)| !cell.is_empty());
                rows.push(SeedRow {
                    line,
                    cells: cells
                        .map(|(name, cell)| (name.clone(), cell.to_owned()))
                        .collect(),
                });
            }
            Err(error) => {
                let line = error
                    .position()
                    .map_or(1, |position| u32::try_from(position.line()).unwrap_or(1));
                add(line, 0, "seed-form", error.to_string());
            }
        }
    }
    (rows, findings)
}
