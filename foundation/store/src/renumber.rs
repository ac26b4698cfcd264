//! The feed after a restore into another PostgreSQL cluster. A dump carries the transaction ids of the old cluster; where
//! they lie above what the new one counts, new events would sort before the consumers' cursors and never be read.

use crate::{Db, Error, Tx};

/// Puts all events before everything that this cluster will ever write, in their order, and moves the cursors along.
const RENUMBER: &str = "
    CREATE TEMP TABLE renumbered ON COMMIT DROP AS
        SELECT xid, seq, row_number() OVER (ORDER BY xid, seq) AS n FROM feed;
    UPDATE feed_cursor c SET xid = 0,
        seq = coalesce((SELECT max(n) FROM renumbered r WHERE (r.xid, r.seq) <= (c.xid, c.seq)), 0);
    UPDATE feed f SET xid = 0, seq = -r.n FROM renumbered r WHERE r.seq = f.seq;
    UPDATE feed SET seq = -seq;
    SELECT setval(pg_get_serial_sequence('feed', 'seq'), (SELECT coalesce(max(seq), 0) + 1 FROM feed), false);
";

/// Renumbers the feed; gives how many events there are. Every consumer is where it was: it has read what it had read, and
/// reads the rest. Positions that readers outside kept are void. `None` on SQLite, whose feed needs nothing.
///
/// # Errors
/// Where the database refuses; then nothing is changed.
pub fn renumber(db: &Db) -> Result<Option<u64>, Error> {
    if !db.dialect().is_postgres() {
        return Ok(None);
    }
    db.write_exclusive(|tx| {
        tx.batch(RENUMBER)?;
        let count = tx.query_opt("SELECT COUNT(*) FROM feed", &[])?;
        count.map(|row| row.get(0)).transpose()
    })
}

/// What of the feed lies above the transaction ids of this cluster, in words: events or cursors that came with a dump.
/// `None` where all is well.
///
/// # Errors
/// Where the database can't be read.
pub fn ahead(tx: &mut Tx<'_>) -> Result<Option<String>, Error> {
    if !tx.dialect().is_postgres() {
        return Ok(None);
    }
    // What is visible was written by transactions below the snapshot's end.
    let sql = "SELECT what, xid, pg_snapshot_xmax(pg_current_snapshot())::text::bigint FROM (
            SELECT 'the newest event' AS what, max(xid) AS xid FROM feed
            UNION ALL SELECT 'the cursor of ' || consumer, xid FROM feed_cursor) AS places
        WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint ORDER BY xid DESC LIMIT 1";
    let row = tx.query_opt(sql, &[])?;
    row.map(|row| {
        let (what, xid, now): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(format!(
            "{what} is of transaction {xid}, and this cluster is at {now}"
        ))
    })
    .transpose()
}
