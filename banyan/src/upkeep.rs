//! What a server tidies once a day: events, jobs and kept replies beyond their time. Work is done in small pieces, so
//! that writers never wait long; a piece that is cut off is done again the next day.

use banyan_base::{Ctx, Problem, timestamp_text};
use banyan_store::{Db, feed, jobs};
use jiff::SignedDuration;

use crate::config::Store;

/// How much was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    pub events: u64,
    pub jobs: u64,
    pub replies: u64,
    /// Requests for approval of whose content nothing is left.
    pub approvals: u64,
}

fn days_ago(cx: &Ctx, days: u32) -> String {
    timestamp_text(cx.now - SignedDuration::from_hours(24 * i64::from(days)))
}

/// Drops events that are older than `feed_days` and that every consumer has seen, jobs that ended more than `job_days`
/// ago, replies kept for repeated requests beyond their day, and what was sent with old requests for approval. 0 days keeps for ever.
///
/// # Errors
/// Where the database refuses.
pub fn run(db: &Db, cx: &Ctx, keep: &Store) -> Result<Dropped, Problem> {
    let mut dropped = Dropped::default();
    if keep.feed_days > 0 {
        loop {
            let before = days_ago(cx, keep.feed_days);
            let events = db.write::<u64, Problem>(move |tx| Ok(feed::prune(tx, &before)?))?;
            dropped.events += events;
            if events == 0 {
                break;
            }
        }
    }
    if keep.job_days > 0 {
        let before = days_ago(cx, keep.job_days);
        dropped.jobs = db.write::<u64, Problem>(move |tx| Ok(jobs::prune(tx, &before)?))?;
    }
    let acting = cx.clone();
    dropped.replies = db.write::<u64, Problem>(move |tx| banyan_door::prune(&acting, tx))?;
    let acting = cx.clone();
    dropped.approvals = db.write::<u64, Problem>(move |tx| banyan_identity::approval::tidy(&acting, tx))?;
    tracing::info!(
        approvals = dropped.approvals,
        events = dropped.events,
        jobs = dropped.jobs,
        replies = dropped.replies,
        "upkeep done"
    );
    Ok(dropped)
}
