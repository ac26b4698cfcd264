//! Keeping the data: the feed after a restore.

use banyan_store::{Db, feed};

/// Renumbers the feed after a dump was restored into another cluster; gives what was done, in words.
///
/// # Errors
/// Where the database refuses.
pub fn renumber(db: &Db) -> Result<String, String> {
    let count = feed::renumber(db).map_err(|error| error.to_string())?;
    Ok(match count {
        Some(count) => format!(
            "{count} events renumbered; consumers are where they were. Positions that readers of /v1/events kept are void.\n"
        ),
        None => "SQLite: there is nothing to renumber\n".to_owned(),
    })
}
