//! Views of the inbox that people keep for themselves.

use banyan_base::{Ctx, Problem};
use banyan_store::Tx;
use serde_json::{Value as Json, json};

pub(crate) fn list(cx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<Json>, Problem> {
    let rows = tx.query(
        "SELECT id, title, query, created_at FROM process_view WHERE account = ?1 ORDER BY title, id",
        &[cx.actor.id.as_str().into()],
    )?;
    rows.iter()
        .map(|row| {
            let query: Json = serde_json::from_str(&row.get::<String>(2)?).unwrap_or(Json::Null);
            Ok(json!({
                "id": row.get::<String>(0)?, "title": row.get::<String>(1)?, "query": query,
                "created_at": row.get::<String>(3)?,
            }))
        })
        .collect()
}

pub(crate) fn create(cx: &Ctx, tx: &mut Tx<'_>, title: &str, query: &Json) -> Result<Json, Problem> {
    let id = cx.id().into_string();
    tx.execute(
        "INSERT INTO process_view (id, account, title, query, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            id.as_str().into(),
            cx.actor.id.as_str().into(),
            title.into(),
            query.to_string().into(),
            cx.now_text().into(),
        ],
    )?;
    Ok(json!({ "id": id, "title": title, "query": query, "created_at": cx.now_text() }))
}

pub(crate) fn delete(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<bool, Problem> {
    let gone = tx.execute(
        "DELETE FROM process_view WHERE id = ?1 AND account = ?2",
        &[id.into(), cx.actor.id.as_str().into()],
    )?;
    Ok(gone == 1)
}
