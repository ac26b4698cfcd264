//! Legal holds: what somebody must be able to look into is not destroyed, for a limited time. One officer asks, another
//! approves; both are in the audit log and on the feed.

use banyan_base::{Ctx, Event, Problem, codes, timestamp_text};
use banyan_store::{Row, Tx, Value};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::retention::{Erasures, other_person, stated};

/// A hold ends by itself after at most so many days; who needs longer asks again.
const LONGEST: i64 = 366;

/// A hold as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hold {
    pub id: String,
    pub subject: String,
    /// `None`: every domain.
    pub domain: Option<String>,
    pub reason: String,
    /// RFC 3339: until when.
    pub until: String,
    /// `waiting standing released`.
    pub state: String,
    pub asked_at: String,
    pub asked_by: String,
    #[serde(skip)]
    pub asked_party: Option<String>,
    pub decided_at: Option<String>,
    pub decided_by: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewHold {
    subject: String,
    domain: Option<String>,
    reason: String,
    until: Timestamp,
}

const COLUMNS: &str =
    "id, subject, domain, reason, until, state, asked_at, asked_by, asked_party, decided_at, decided_by";

fn read(row: &Row) -> Result<Hold, banyan_store::Error> {
    Ok(Hold {
        id: row.get(0)?,
        subject: row.get(1)?,
        domain: row.get(2)?,
        reason: row.get(3)?,
        until: row.get(4)?,
        state: row.get(5)?,
        asked_at: row.get(6)?,
        asked_by: row.get(7)?,
        asked_party: row.get(8)?,
        decided_at: row.get(9)?,
        decided_by: row.get(10)?,
    })
}

/// Never with the subject: the feed has many readers.
fn tell(cx: &Ctx, tx: &mut Tx<'_>, hold: &Hold, verb: &str) -> Result<(), Problem> {
    let data = json!({
        "id": hold.id, "domain": hold.domain, "until": hold.until, "asked_by": hold.asked_by, "decided_by": hold.decided_by,
    });
    let (kind, subject) = (
        format!("banyan.platform.hold.{verb}"),
        format!("platform.hold/{}", hold.id),
    );
    tx.emit(&Event::new(cx, "/banyan/platform", &kind, Some(subject), data))?;
    Ok(())
}

/// Holds, newest first.
pub(crate) fn list(tx: &mut Tx<'_>) -> Result<Vec<Hold>, Problem> {
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM legal_hold ORDER BY id DESC LIMIT 500"),
        &[],
    )?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Holds that stand now.
pub(crate) fn standing(cx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<Hold>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM legal_hold WHERE state = 'standing' AND until > ?1");
    let rows = tx.query(&sql, &[cx.now_text().into()])?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// The hold that keeps a subject's key in a domain, if one does.
pub(crate) fn keeping(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    domain: &str,
    subject: &str,
) -> Result<Option<Hold>, Problem> {
    let sql = format!(
        "SELECT {COLUMNS} FROM legal_hold WHERE subject = ?1 AND state = 'standing' AND until > ?2
            AND (domain IS NULL OR domain = ?3) LIMIT 1"
    );
    let row = tx.query_opt(&sql, &[subject.into(), cx.now_text().into(), domain.into()])?;
    Ok(row.as_ref().map(read).transpose()?)
}

fn find(tx: &mut Tx<'_>, id: &str) -> Result<Hold, Problem> {
    let lock = tx.dialect().for_update();
    let sql = format!("SELECT {COLUMNS} FROM legal_hold WHERE id = ?1{lock}");
    let row = tx.query_opt(&sql, &[id.into()])?;
    let row = row.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这项保全。"))?;
    Ok(read(&row)?)
}

impl Erasures {
    /// Asks for a hold; it does not stand before another officer approves.
    pub(crate) fn hold(&self, cx: &Ctx, tx: &mut Tx<'_>, new: NewHold) -> Result<Hold, Problem> {
        self.officer(cx)?;
        let reason = stated(&new.reason)?;
        if new.until <= cx.now || new.until > cx.now + SignedDuration::from_hours(24 * LONGEST) {
            let message = format!("期限须在今后 {LONGEST} 天以内;到期仍需要的,另行申请。");
            return Err(Problem::new(codes::INVALID, message.clone()).with_error("/until", "range", message));
        }
        let hold = Hold {
            id: cx.id().into_string(),
            subject: new.subject,
            domain: new.domain,
            reason,
            until: timestamp_text(new.until),
            state: "waiting".into(),
            asked_at: cx.now_text(),
            asked_by: cx.actor.id.clone(),
            asked_party: cx.actor.standing.party.clone(),
            decided_at: None,
            decided_by: None,
        };
        let values: Vec<Value> = vec![
            hold.id.as_str().into(),
            hold.subject.as_str().into(),
            hold.domain.clone().into(),
            hold.reason.as_str().into(),
            hold.until.as_str().into(),
            hold.state.as_str().into(),
            hold.asked_at.as_str().into(),
            hold.asked_by.as_str().into(),
            hold.asked_party.clone().into(),
        ];
        tx.execute(
            "INSERT INTO legal_hold (id, subject, domain, reason, until, state, asked_at, asked_by, asked_party)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &values,
        )?;
        tell(cx, tx, &hold, "asked")?;
        Ok(hold)
    }

    /// Lets a hold stand.
    pub(crate) fn approve_hold(&self, cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Hold, Problem> {
        self.officer(cx)?;
        let hold = find(tx, id)?;
        other_person(cx, &hold.asked_by, hold.asked_party.as_deref())?;
        self.decide_hold(cx, tx, hold, "waiting", "standing", "approved")
    }

    /// Ends a hold, or a request for one.
    pub(crate) fn release_hold(&self, cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Hold, Problem> {
        self.officer(cx)?;
        let hold = find(tx, id)?;
        let from = if hold.state == "waiting" {
            "waiting"
        } else {
            "standing"
        };
        self.decide_hold(cx, tx, hold, from, "released", "released")
    }

    fn decide_hold(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        mut hold: Hold,
        from: &str,
        to: &str,
        verb: &str,
    ) -> Result<Hold, Problem> {
        if hold.state != from {
            return Err(Problem::new(codes::CONFLICT, "这项保全已经处理过,请刷新后再看。"));
        }
        hold.state = to.into();
        hold.decided_at = Some(cx.now_text());
        hold.decided_by = Some(cx.actor.id.clone());
        tx.execute(
            "UPDATE legal_hold SET state = ?2, decided_at = ?3, decided_by = ?4 WHERE id = ?1",
            &[
                hold.id.as_str().into(),
                to.into(),
                hold.decided_at.clone().into(),
                hold.decided_by.clone().into(),
            ],
        )?;
        tell(cx, tx, &hold, verb)?;
        Ok(hold)
    }
}
