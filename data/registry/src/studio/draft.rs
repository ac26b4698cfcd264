//! Drafts as they are kept.

use std::collections::BTreeMap;

use banyan_base::{Ctx, Problem, codes};
use banyan_store::{Row, Tx, Value};
use serde_json::json;

/// Files by path.
pub(super) type Files = BTreeMap<String, String>;

/// A change of a package that is being made.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) package: String,
    pub(super) title: String,
    pub(super) files: Files,
    /// The files of these paths as they were installed when the draft took them up; paths that were not there are left out.
    pub(super) base: Files,
    /// `open submitted published rejected`.
    pub(super) state: String,
    pub(super) version: i64,
    pub(super) author: String,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) note: Option<String>,
    pub(super) submitted_at: Option<String>,
    pub(super) reviewer: Option<String>,
    pub(super) review_note: Option<String>,
    pub(super) reviewed_at: Option<String>,
    /// Id and version of the overlay it was published in.
    pub(super) published: Option<String>,
}

const COLUMNS: &str = "id, package, title, files, base, state, version, author, created_at, updated_at, note, \
                       submitted_at, reviewer, review_note, reviewed_at, published";

fn decode(row: &Row) -> Result<Draft, Problem> {
    let files = |text: String| -> Result<Files, Problem> {
        serde_json::from_str(&text)
            .map_err(|error| Problem::internal(format!("the files of a draft can't be read: {error}")))
    };
    Ok(Draft {
        id: row.get(0)?,
        package: row.get(1)?,
        title: row.get(2)?,
        files: files(row.get(3)?)?,
        base: files(row.get(4)?)?,
        state: row.get(5)?,
        version: row.get(6)?,
        author: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        note: row.get(10)?,
        submitted_at: row.get(11)?,
        reviewer: row.get(12)?,
        review_note: row.get(13)?,
        reviewed_at: row.get(14)?,
        published: row.get(15)?,
    })
}

/// Drafts, the youngest first; of one package and state where given.
pub(super) fn list(
    tx: &mut Tx<'_>,
    package: &str,
    state: &str,
    before: &str,
    limit: u32,
) -> Result<Vec<Draft>, Problem> {
    let sql = format!(
        "SELECT {COLUMNS} FROM package_draft WHERE (?1 = '' OR package = ?1) AND (?2 = '' OR state = ?2)
         AND (?3 = '' OR id < ?3) ORDER BY id DESC LIMIT ?4"
    );
    tx.query(&sql, &[package.into(), state.into(), before.into(), limit.into()])?
        .iter()
        .map(decode)
        .collect()
}

/// A draft by its id.
pub(super) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Draft, Problem> {
    let row = tx.query_opt(
        &format!("SELECT {COLUMNS} FROM package_draft WHERE id = ?1"),
        &[id.into()],
    )?;
    match row {
        Some(row) => decode(&row),
        None => Err(Problem::new(
            codes::NOT_FOUND,
            format!("没有编号为 {id} 的设计草稿。"),
        )),
    }
}

pub(super) fn insert(tx: &mut Tx<'_>, draft: &Draft) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO package_draft (id, package, title, files, base, state, version, author, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?8)",
        &[
            draft.id.as_str().into(),
            draft.package.as_str().into(),
            draft.title.as_str().into(),
            text(&draft.files),
            text(&draft.base),
            draft.state.as_str().into(),
            draft.author.as_str().into(),
            draft.created_at.as_str().into(),
        ],
    )?;
    Ok(())
}

fn text(files: &Files) -> Value {
    json!(files).to_string().into()
}

/// Writes a draft over the version that was read. Somebody else may have been faster: then nothing changes.
pub(super) fn update(cx: &Ctx, tx: &mut Tx<'_>, draft: &mut Draft) -> Result<(), Problem> {
    draft.updated_at = cx.now_text();
    let optional = |value: &Option<String>| Value::from(value.as_deref());
    let changed = tx.execute(
        "UPDATE package_draft SET title = ?3, files = ?4, base = ?5, state = ?6, version = version + 1, updated_at = ?7,
         note = ?8, submitted_at = ?9, reviewer = ?10, review_note = ?11, reviewed_at = ?12, published = ?13
         WHERE id = ?1 AND version = ?2",
        &[
            draft.id.as_str().into(),
            draft.version.into(),
            draft.title.as_str().into(),
            text(&draft.files),
            text(&draft.base),
            draft.state.as_str().into(),
            draft.updated_at.as_str().into(),
            optional(&draft.note),
            optional(&draft.submitted_at),
            optional(&draft.reviewer),
            optional(&draft.review_note),
            optional(&draft.reviewed_at),
            optional(&draft.published),
        ],
    )?;
    if changed == 0 {
        let text = "这份草稿刚被别人改过,请重新打开再改。";
        return Err(Problem::new(codes::PRECONDITION_FAILED, text));
    }
    draft.version += 1;
    Ok(())
}

pub(super) fn delete(tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    tx.execute("DELETE FROM package_draft WHERE id = ?1", &[id.into()])?;
    Ok(())
}
