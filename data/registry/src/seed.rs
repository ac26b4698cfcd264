//! Seeds: records that come with a package. A seed that is already there is updated only while nobody has edited it.

use banyan_base::{Ctx, Problem, SourceFile, codes};
use banyan_package::read_seed;
use banyan_store::Tx;
use serde_json::{Map, Value as Json};

use crate::catalog::{Catalog, TypeInfo};
use crate::record::{self, Change};
use crate::reference;

/// Loads one seed file; returns how many records were made and changed.
pub fn load(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    info: &TypeInfo,
    file: &SourceFile,
) -> Result<(u64, u64), Problem> {
    let (rows, findings) = read_seed(file, &info.declared);
    if let Some(finding) = findings.first() {
        return Err(Problem::new(codes::PACKAGE_REFUSED, finding.to_string()));
    }
    let (mut created, mut changed) = (0, 0);
    for row in rows {
        let mut state = None;
        let mut fields = Map::new();
        for (name, text) in row.cells {
            if name == "state" {
                state = Some(text);
            } else {
                fields.insert(name, Json::String(text));
            }
        }
        let placed = |problem: Problem| {
            let errors: Vec<String> = problem
                .errors
                .iter()
                .map(|error| format!("{} {}", error.pointer, error.message))
                .collect();
            let what = if errors.is_empty() {
                problem.detail.clone()
            } else {
                errors.join(";")
            };
            Problem::new(
                codes::PACKAGE_REFUSED,
                format!("{} 第 {} 行:{what}", file.path, row.line),
            )
        };
        let existing = match reference::key_of(info, &fields) {
            Some(key) => reference::resolve(tx, info, &key)?,
            None => None,
        };
        let change = |verb| Change {
            fields: &fields,
            state: state.clone(),
            verb,
            note: None,
            unrestricted: true,
            eyes: None,
        };
        match existing {
            None => {
                record::create(cx, tx, catalog, info, &change("created")).map_err(placed)?;
                created += 1;
            }
            Some(id) => {
                let before = record::get_for_change(tx, info, &id, Some("*"))?;
                if before.updated_by == "system" && before.verb != "updated"
                    || before.version == 1 && before.created_by == "system"
                {
                    // The life of a seeded record is its own: a changed seed does not set its state back.
                    let change = Change {
                        state: None,
                        ..change("seeded")
                    };
                    let after = record::update(cx, tx, catalog, info, &before, &change).map_err(placed)?;
                    changed += u64::from(after.version != before.version);
                }
            }
        }
    }
    Ok((created, changed))
}
