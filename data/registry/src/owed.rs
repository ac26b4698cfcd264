//! What an act on seen records owes: the names of those whom it showed to the audit log, and to the policy that what it wrote
//! stays within what its writer may see.

use banyan_base::{Problem, codes};
use banyan_door::{Touch, Touches};
use banyan_store::Tx;

use crate::Error;
use crate::catalog::{Column, TypeInfo};
use crate::record::Record;
use crate::seal::subject_of;
use crate::sight::is_there;
use crate::value::Faults;

/// Says in the audit log whose personal data are shown, and which fields.
///
/// # Errors
/// Where the log can't take it; the data must then not be shown.
pub fn touch<'r>(
    touches: &Touches,
    seen: &TypeInfo,
    records: impl IntoIterator<Item = &'r Record>,
) -> Result<(), Problem> {
    let personal = |column: &&Column| column.field.personal && seen.shows(&column.name);
    let fields: Vec<&str> = seen
        .columns
        .iter()
        .filter(personal)
        .map(|column| column.name.as_str())
        .collect();
    if !seen.columns.iter().any(|column| column.field.personal) {
        return Ok(());
    }
    let subjects = records
        .into_iter()
        .map(|record| subject_of(seen, &record.fields, &record.id));
    touches.touched(&Touch::of(&seen.name).fields(fields), subjects)
}

/// Refuses a change after which the record is no longer among those of the act: else it could be given away, or taken.
///
/// # Errors
/// `FORBIDDEN`, or where the database can't be read.
pub fn still_there(tx: &mut Tx<'_>, seen: &TypeInfo, id: &str) -> Result<(), Problem> {
    if seen.is_secured() && !is_there(tx, seen, id)? {
        let text = "按您的权限,不能把记录写成这样;请检查单位、区划和状态等字段。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    Ok(())
}

/// Sent fields that their sender does not see whole are no change where they are as he is shown them (by one of `seers`), and
/// refused otherwise: `seen` is the record as the act sees it.
///
/// # Errors
/// `INVALID` with the fields.
pub fn unseen_fields(
    seen: &Record,
    seers: &[&Record],
    fields: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<(), Problem> {
    let mut faults = Faults::default();
    let hidden = |record: &Record, name: &String| record.masked.contains(name);
    fields.retain(|name, value| {
        let as_shown = seers
            .iter()
            .any(|record| hidden(record, name) && record.fields.get(name) == Some(value));
        if !as_shown && hidden(seen, name) {
            faults.add(name, "masked", "您看不到这个字段的全部内容,不能修改");
        }
        !as_shown
    });
    if faults.0.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(faults.0.len(), faults.0).into())
    }
}
