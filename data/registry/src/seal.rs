//! Sealed fields: texts that stand in the tables as ciphertext under the key of their subject, beside a blind index by which
//! equal ones are found. The key gone, they read as nothing, here and in every backup.
//!
//! Bound to each text are its domain (`<package>.<purpose>`), its subject and its place: type, field and record.

use std::fmt;
use std::sync::Arc;

use banyan_base::Problem;
use banyan_identity::keys::{At, Keys};
use banyan_package::model::{FieldKind, Mask, Package};
use banyan_store::{Row, Value};
use serde_json::{Map, Value as Json};

use crate::catalog::{Column, TypeInfo, bounds_columns};
use crate::record::{Record, fields_at};
use crate::value;

/// Where the texts of a sealed field belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub domain: String,
    /// `<package>.<type>.<field>`, as they were called when it was sealed.
    pub place: String,
}

/// The keys of a platform; none where packages are only read and checked.
#[derive(Clone, Default)]
pub struct Vault(pub Option<Arc<Keys>>);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// # Errors
    /// Where there are none.
    pub fn keys(&self) -> Result<&Keys, Problem> {
        let none = || Problem::internal("sealed fields need the keys, and there are none here");
        self.0.as_deref().ok_or_else(none)
    }
}

/// How a field of a type is sealed; `None`: it is not.
pub fn seal_of(package: &Package, of: &str, field: &str) -> Option<Seal> {
    if !package.record_type(of)?.is_sealed(field) {
        return None;
    }
    let purpose = package.purpose_of(of, field)?;
    Some(Seal {
        domain: format!("{}.{purpose}", package.id),
        place: format!("{}.{of}.{field}", package.id),
    })
}

/// The column of a sealed field's blind index.
pub fn blind_column(column: &str) -> String {
    format!("{column}__b")
}

/// The column by which a field is compared for equality, and made unique.
pub fn compared(column: &Column) -> String {
    match column.seal {
        Some(_) => blind_column(&column.column),
        None => column.column.clone(),
    }
}

/// Whose data a record is: the party that its subject field names, else its own id.
pub fn subject_of<'r>(info: &TypeInfo, fields: &'r Map<String, Json>, id: &'r str) -> &'r str {
    let subject = info.declared.subject.as_deref();
    let party = subject.and_then(|name| fields.get(name)).and_then(Json::as_str);
    party.filter(|party| !party.is_empty()).unwrap_or(id)
}

/// The same in SQL, over the rows of `alias` (`b.` or nothing).
pub fn subject_sql(info: &TypeInfo, alias: &str) -> String {
    let subject = info.declared.subject.as_deref();
    match subject.and_then(|name| info.column(name)) {
        Some(column) => format!("COALESCE(NULLIF({alias}{}, ''), {alias}_id)", column.column),
        None => format!("{alias}_id"),
    }
}

/// What stands for a value of a sealed field where it is compared.
///
/// # Errors
/// Where the keys do not answer.
pub fn blind(vault: &Vault, seal: &Seal, text: &str) -> Result<String, Problem> {
    match &vault.0 {
        Some(keys) => Ok(keys.blind(&seal.domain, &seal.place, text)?),
        // Only checked, never run.
        None => Ok(String::new()),
    }
}

/// What the columns of a record hold, by their names in SQL: sealed fields with their blind indexes, geometries with their bounds.
///
/// # Errors
/// `GONE` where something is sealed for a subject whose key was destroyed for good; where the keys do not answer.
pub fn cells<'c>(
    vault: &Vault,
    (subject, id): (&str, &str),
    columns: impl Iterator<Item = &'c Column>,
    fields: &Map<String, Json>,
) -> Result<Vec<(String, Value)>, Problem> {
    let null = Json::Null;
    let mut cells = Vec::new();
    let mut sealed = Vec::new();
    for column in columns {
        let value = fields.get(&column.name).unwrap_or(&null);
        let plain = value::to_column(column, value);
        if let Some(seal) = &column.seal {
            let text = match plain {
                Value::Text(text) => Some(text),
                _ => None,
            };
            let at = cells.len();
            cells.push((column.column.clone(), Value::Null));
            cells.push((blind_column(&column.column), Value::Null));
            if let Some(text) = text {
                sealed.push((at, seal, format!("{}/{id}", seal.place), text));
            }
            continue;
        }
        cells.push((column.column.clone(), plain));
        if matches!(column.field.kind, FieldKind::Geometry { .. }) {
            cells.extend(
                bounds_columns(&column.column)
                    .into_iter()
                    .zip(value::bounds(value)),
            );
        }
    }
    if sealed.is_empty() {
        return Ok(cells);
    }
    let keys = vault.keys()?;
    let texts: Vec<(At<'_>, &str)> = sealed
        .iter()
        .map(|(_, seal, place, text)| {
            let domain = seal.domain.as_str();
            (
                At {
                    domain,
                    subject,
                    place,
                },
                text.as_str(),
            )
        })
        .collect();
    for ((at, seal, _, text), secret) in sealed.iter().zip(keys.seal_many(&texts)?) {
        if let Some((_, cell)) = cells.get_mut(*at) {
            *cell = Value::Text(secret);
        }
        let blind = keys.blind(&seal.domain, &seal.place, text)?;
        if let Some((_, cell)) = cells.get_mut(at + 1) {
            *cell = Value::Text(blind);
        }
    }
    Ok(cells)
}

/// Opens what is sealed in records that were read from these rows, and masks what is not shown whole. Their keys are fetched
/// together.
///
/// # Errors
/// Where something does not open at its place, or the keys do not answer.
pub fn open(info: &TypeInfo, rows: &[&Row], records: &mut [Record]) -> Result<(), Problem> {
    let sealed: Vec<(usize, &Column, &Seal)> = info
        .columns
        .iter()
        .enumerate()
        .filter_map(|(at, column)| Some((at, column, column.seal.as_ref()?)))
        .collect();
    if sealed.is_empty() {
        return Ok(());
    }
    let start = fields_at(info);
    let subject_at = start + info.columns.len() + usize::from(info.is_secured());
    let mut found = Vec::new();
    for (which, (row, record)) in rows.iter().zip(records.iter_mut()).enumerate() {
        for (at, column, seal) in &sealed {
            if let Value::Text(text) = row.value(start + at) {
                let subject = row.value(subject_at).as_text().unwrap_or_default();
                let place = format!("{}/{}", seal.place, record.id);
                found.push((which, *column, *seal, subject, place, text.as_str()));
            }
            record.fields.insert(column.name.clone(), Json::Null);
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let texts: Vec<(At<'_>, &str)> = found
        .iter()
        .map(|(_, _, seal, subject, place, text)| {
            let at = At {
                domain: &seal.domain,
                subject,
                place,
            };
            (at, *text)
        })
        .collect();
    let opened = info.vault.keys()?.unseal_many(&texts)?;
    for ((which, column, ..), text) in found.iter().zip(opened) {
        let Some(record) = records.get_mut(*which) else {
            continue;
        };
        let Some(text) = text else {
            record.erased.push(column.name.clone());
            continue;
        };
        let value = if record.masked.contains(&column.name) {
            shaded(column, &text)
        } else {
            value::from_column(column, &Value::Text(text))
        };
        record.fields.insert(column.name.clone(), value);
    }
    Ok(())
}

/// What is shown of a value instead of it: the same that [`crate::sight`] says in SQL of fields that are not sealed.
fn shaded(column: &Column, text: &str) -> Json {
    let letters: Vec<char> = text.chars().collect();
    let end = |count: usize| -> String { letters.iter().skip(letters.len().saturating_sub(count)).collect() };
    let start = |count: usize| -> String { letters.iter().take(count).collect() };
    match (column.field.mask, letters.len()) {
        (Some(Mask::Hide) | None, _) | (_, 0) => Json::Null,
        (Some(Mask::Middle), 1) => "*".into(),
        (Some(Mask::Middle), 2) => format!("{}*", start(1)).into(),
        (Some(Mask::Middle), _) => format!("{}***{}", start(1), end(1)).into(),
        (Some(Mask::Tail), 1..=4) => "***".into(),
        (Some(Mask::Tail), _) => format!("***{}", end(4)).into(),
        (Some(Mask::Coarse), _) => start(4).into(),
    }
}
