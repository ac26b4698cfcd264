//! What waits for somebody else, and what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{ActorKind, Ctx, Event, Problem, codes, timestamp_text};
use banyan_door::{Asked, Body, Decision, Door, Obligations, Target};
use banyan_store::{Row, Tx, Value};
use data_encoding::BASE64;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::{Approvals, behind, persons};

/// How long an approval is good once it is given.
const GOOD_HOURS: i64 = 24;
/// How long a request waits for one.
const WAITS_DAYS: i64 = 7;
/// After so many days nothing of what was sent is left.
pub(crate) const KEPT_DAYS: i64 = 30;
/// Requests of one account that wait at the same time.
const MOST_WAITING: i64 = 50;
/// The largest upload that can wait.
const MOST_BYTES: u64 = 8 << 20;

/// What was sent, as it lies sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) if_match: Option<String>,
    pub(crate) body: Option<Json>,
    pub(crate) file: Option<SentFile>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SentFile {
    pub(crate) name: Option<String>,
    pub(crate) content_type: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

/// A request as it stands; what was sent is unsealed when it is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) unit: Option<String>,
    pub(crate) post: Option<String>,
    pub(crate) on_behalf_of: Option<String>,
    party: Option<String>,
    represents: Option<String>,
    pub(crate) operation: String,
    action: String,
    pub(crate) resource: String,
    pub(crate) transition: Option<String>,
    pub(crate) purpose: Option<String>,
    pub(crate) reason: String,
    pub(crate) why: String,
    pub(crate) digest: String,
    obligations: String,
    sealed: Option<String>,
    pub(crate) asked_at: String,
    pub(crate) expires_at: String,
    pub(crate) decided_by: Option<String>,
    pub(crate) decided_name: Option<String>,
    pub(crate) decided_for: Option<String>,
    pub(crate) decided_reason: Option<String>,
    pub(crate) decided_at: Option<String>,
    pub(crate) used_at: Option<String>,
}

const COLUMNS: &str = "id, state, account, name, unit, post, on_behalf_of, party, represents, operation, action, resource, \
     transition, purpose, reason, why, digest, obligations, sealed, asked_at, expires_at, decided_by, decided_name, \
     decided_for, decided_reason, decided_at, used_at";

fn decode(row: &Row) -> Result<Request, Problem> {
    Ok(Request {
        id: row.get(0)?,
        state: row.get(1)?,
        account: row.get(2)?,
        name: row.get(3)?,
        unit: row.get(4)?,
        post: row.get(5)?,
        on_behalf_of: row.get(6)?,
        party: row.get(7)?,
        represents: row.get(8)?,
        operation: row.get(9)?,
        action: row.get(10)?,
        resource: row.get(11)?,
        transition: row.get(12)?,
        purpose: row.get(13)?,
        reason: row.get(14)?,
        why: row.get(15)?,
        digest: row.get(16)?,
        obligations: row.get(17)?,
        sealed: row.get(18)?,
        asked_at: row.get(19)?,
        expires_at: row.get(20)?,
        decided_by: row.get(21)?,
        decided_name: row.get(22)?,
        decided_for: row.get(23)?,
        decided_reason: row.get(24)?,
        decided_at: row.get(25)?,
        used_at: row.get(26)?,
    })
}

impl Request {
    /// What it comes to now: what nobody decided or used in time is `expired`.
    pub(crate) fn standing(&self, now: &str) -> &str {
        match self.state.as_str() {
            "waiting" | "approved" if self.expires_at.as_str() <= now => "expired",
            state => state,
        }
    }

    fn persons(&self) -> std::collections::BTreeSet<String> {
        behind(
            &self.account,
            self.on_behalf_of.as_deref(),
            [&self.party, &self.represents]
                .into_iter()
                .flatten()
                .map(String::as_str),
        )
    }

    pub(crate) fn sent(&self, approvals: &Approvals) -> Result<Option<Sent>, Problem> {
        let Some(sealed) = &self.sealed else {
            return Ok(None);
        };
        let text = approvals.accounts.secrets.unseal(&seal_of(&self.id), sealed)?;
        serde_json::from_slice(&text).map(Some).map_err(Problem::internal)
    }

    fn target(&self) -> Target {
        Target {
            action: self.action.clone(),
            resource: self.resource.clone(),
            transition: self.transition.clone(),
        }
    }
}

fn seal_of(id: &str) -> String {
    format!("approval/{id}")
}

fn sent_by(asked: &Asked<'_>) -> Result<(Sent, Option<Vec<u8>>), Problem> {
    let input = asked.input;
    let mut sent = Sent {
        path: input.path.clone(),
        query: input.query.clone(),
        if_match: input.if_match.clone(),
        body: None,
        file: None,
    };
    let mut content = None;
    match &input.body {
        Body::None => {}
        Body::Json(body) => sent.body = Some(body.clone()),
        Body::Upload(upload) if upload.size > MOST_BYTES => {
            let text = format!("须经另一人同意的文件不能超过 {} MiB。", MOST_BYTES >> 20);
            return Err(Problem::new(codes::TOO_LARGE, text));
        }
        Body::Upload(upload) => {
            sent.file = Some(SentFile {
                name: upload.file_name.clone(),
                content_type: upload.content_type.clone(),
                size: upload.size,
                sha256: upload.digest()?,
            });
            content = Some(upload.read_all().map_err(Problem::internal)?);
        }
    }
    Ok((sent, content))
}

/// Records a call that needs somebody else, in a transaction of its own; gives the request's id, that of the same call where
/// it waits already.
pub(crate) fn ask(approvals: &Approvals, asked: &Asked<'_>) -> Result<String, Problem> {
    let (cx, secrets) = (asked.cx.clone(), &approvals.accounts.secrets);
    if !matches!(
        cx.actor.kind,
        ActorKind::Person | ActorKind::Citizen | ActorKind::Service
    ) {
        return Err(banyan_door::required(asked));
    }
    let id = cx.id().into_string();
    let digest = asked.digest()?;
    let (sent, content) = sent_by(asked)?;
    let sealed = secrets.seal(
        &seal_of(&id),
        &serde_json::to_vec(&sent).map_err(Problem::internal)?,
    )?;
    let sealed_file = content
        .map(|content| secrets.seal(&seal_of(&id), BASE64.encode(&content).as_bytes()))
        .transpose()?;
    let standing = &cx.actor.standing;
    let expires = timestamp_text(cx.now + SignedDuration::from_hours(24 * WAITS_DAYS));
    let values: Vec<Value> = vec![
        id.as_str().into(),
        cx.actor.id.as_str().into(),
        cx.actor.name.as_str().into(),
        cx.actor.unit.as_deref().into(),
        standing.post.as_deref().into(),
        standing.on_behalf_of.as_deref().into(),
        standing.party.as_deref().into(),
        standing.represents.as_deref().into(),
        asked.operation.name.into(),
        asked.target.action.as_str().into(),
        asked.target.resource.as_str().into(),
        asked.target.transition.as_deref().into(),
        cx.purpose.as_deref().into(),
        asked.input.reason.as_deref().unwrap_or("").into(),
        asked.obligations.two_person.as_deref().unwrap_or("").into(),
        digest.as_str().into(),
        serde_json::to_string(&**asked.obligations)
            .map_err(Problem::internal)?
            .into(),
        sealed.into(),
        sealed_file.into(),
        cx.now_text().into(),
        expires.into(),
    ];
    approvals.accounts.db.write(move |tx| {
        let now = cx.now_text();
        // What waited too long makes room for the same call.
        tx.execute(
            "UPDATE approval SET state = 'expired' WHERE digest = ?1 AND state = 'waiting' AND expires_at <= ?2",
            &[digest.as_str().into(), now.as_str().into()],
        )?;
        let count = tx.query_opt(
            "SELECT COUNT(*) FROM approval WHERE account = ?1 AND state = 'waiting' AND expires_at > ?2",
            &[cx.actor.id.as_str().into(), now.as_str().into()],
        )?;
        let waiting: i64 = count.map_or(Ok(0), |row| row.get(0))?;
        let made = if waiting < MOST_WAITING {
            tx.execute(
                "INSERT INTO approval (id, state, account, name, unit, post, on_behalf_of, party, represents, operation, action,
                 resource, transition, purpose, reason, why, digest, obligations, sealed, sealed_file, asked_at, expires_at)
                 VALUES (?1, 'waiting', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
                 ON CONFLICT (digest) WHERE state = 'waiting' DO NOTHING",
                &values,
            )?
        } else {
            0
        };
        if made == 1 {
            let request = view(tx, &id)?;
            tell(&cx, tx, &request, "asked")?;
            return Ok(id);
        }
        let same = tx.query_opt(
            "SELECT id FROM approval WHERE digest = ?1 AND state = 'waiting'",
            &[digest.as_str().into()],
        )?;
        let busy = || {
            let text = format!("您已有 {MOST_WAITING} 项申请在等待批准;请先等它们办结或撤回几项。");
            Problem::new(codes::TOO_MANY, text)
        };
        Ok(same.ok_or_else(busy)?.get::<String>(0)?)
    })
}

/// Uses an approval up in the act's own transaction.
pub(crate) fn take(asked: &Asked<'_>, tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    let (cx, digest) = (asked.cx, asked.digest()?);
    let used = tx.execute(
        "UPDATE approval SET state = 'used', used_at = ?5, used_trace = ?6
         WHERE id = ?1 AND account = ?2 AND digest = ?3 AND state = 'approved' AND expires_at > ?4",
        &[
            id.into(),
            cx.actor.id.as_str().into(),
            digest.as_str().into(),
            cx.now_text().into(),
            cx.now_text().into(),
            cx.trace.as_str().into(),
        ],
    )?;
    if used == 1 {
        let request = view(tx, id)?;
        return tell(cx, tx, &request, "used");
    }
    // Others' requests are nobody's business.
    let found = find(tx, id)?.filter(|request| request.account == cx.actor.id);
    let text = match &found {
        None => "没有这个编号的批准。",
        Some(request) if request.digest != digest => {
            "这次请求与批准的不一致:岗位、用途、地址、参数、内容和 If-Match 都须与申请时相同。"
        }
        Some(request) => match request.standing(&cx.now_text()) {
            "waiting" => "这项申请还没有人批准。",
            "rejected" => "这项申请没有被批准。",
            "withdrawn" => "这项申请已经撤回。",
            "used" => "这项批准已经用过;再办一次须另行申请。",
            _ => "这项申请或批准已经过期;请重新申请。",
        },
    };
    let refusal = Problem::new(codes::APPROVAL_REQUIRED, text);
    Err(match found {
        Some(_) => refusal.with("approval", id),
        None => refusal,
    })
}

pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Request>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM approval WHERE id = ?1");
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(&row))
        .transpose()
}

pub(crate) fn view(tx: &mut Tx<'_>, id: &str) -> Result<Request, Problem> {
    find(tx, id)?.ok_or_else(none)
}

pub(crate) fn none() -> Problem {
    Problem::new(codes::NOT_FOUND, "没有这项申请,或者您不能查看它。")
}

/// An account's own requests, the newest first; those that still wait, of all accounts, where none is named.
pub(crate) fn list(tx: &mut Tx<'_>, account: Option<&str>, now: &str) -> Result<Vec<Request>, Problem> {
    let which = match account {
        Some(_) => "account = ?1 AND ?2 <> ''",
        None => "?1 = '' AND state = 'waiting' AND expires_at > ?2",
    };
    let sql = format!("SELECT {COLUMNS} FROM approval WHERE {which} ORDER BY id DESC LIMIT 200");
    tx.query(&sql, &[account.unwrap_or("").into(), now.into()])?
        .iter()
        .map(decode)
        .collect()
}

/// Content of an uploaded file.
pub(crate) fn file(approvals: &Approvals, tx: &mut Tx<'_>, id: &str) -> Result<Option<Vec<u8>>, Problem> {
    let row = tx.query_opt("SELECT sealed_file FROM approval WHERE id = ?1", &[id.into()])?;
    let sealed: Option<String> = row.map_or(Ok(None), |row| row.get(0))?;
    let Some(sealed) = sealed else { return Ok(None) };
    let text = approvals.accounts.secrets.unseal(&seal_of(id), &sealed)?;
    BASE64.decode(&text).map(Some).map_err(Problem::internal)
}

/// Whether somebody may decide on a request: another person, who may do the same himself. Gives whom the record is about,
/// where it is one record.
pub(crate) fn judge(
    approvals: &Approvals,
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    request: &Request,
) -> Result<Option<Judge>, Problem> {
    // The way of a person who is here himself: no token, no machine.
    let here = cx.actor.kind == ActorKind::Person && cx.actor.grant.session.is_some();
    if !here || !persons(&cx.actor).is_disjoint(&request.persons()) {
        return Ok(None);
    }
    let acting = Ctx {
        purpose: request.purpose.clone(),
        ..cx.clone()
    };
    let Decision::Permit(own) = door.decide(&acting, &request.operation, &request.target())? else {
        return Ok(None);
    };
    let theirs: Obligations = serde_json::from_str(&request.obligations).map_err(Problem::internal)?;
    let Some(sent) = request.sent(approvals)? else {
        return Ok(None);
    };
    let record = match sent.path.get("id") {
        Some(id) if request.resource != "platform" => (approvals.reach)(tx, &own, &request.resource, id)?,
        _ => None,
    };
    // Of one record: it is among his. Of many, or a new one: he has all the rows that the asker has.
    let same = own.rows.is_always() || own.rows == theirs.rows;
    let may = record.is_some() || (same && (request.resource == "platform" || !sent.path.contains_key("id")));
    Ok(may.then_some(Judge {
        sent,
        subject: record,
        obligations: own,
    }))
}

/// What somebody who may decide is shown.
pub(crate) struct Judge {
    pub(crate) sent: Sent,
    /// Whom the record is about.
    pub(crate) subject: Option<String>,
    pub(crate) obligations: Arc<Obligations>,
}

/// Decides on a request that waits.
pub(crate) fn decide(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    request: &Request,
    approved: bool,
    reason: &str,
) -> Result<Request, Problem> {
    let (state, expires) = if approved {
        let until = timestamp_text(cx.now + SignedDuration::from_hours(GOOD_HOURS));
        ("approved", until)
    } else {
        ("rejected", request.expires_at.clone())
    };
    let standing = &cx.actor.standing;
    let changed = tx.execute(
        "UPDATE approval SET state = ?2, expires_at = ?3, decided_by = ?4, decided_name = ?5, decided_post = ?6,
         decided_for = ?7, decided_reason = ?8, decided_at = ?9
         WHERE id = ?1 AND state = 'waiting' AND expires_at > ?9 AND sealed IS NOT NULL",
        &[
            request.id.as_str().into(),
            state.into(),
            expires.into(),
            cx.actor.id.as_str().into(),
            cx.actor.name.as_str().into(),
            standing.post.as_deref().into(),
            standing.on_behalf_of.as_deref().into(),
            reason.into(),
            cx.now_text().into(),
        ],
    )?;
    settled(cx, tx, &request.id, changed, state)
}

/// Takes a request, or an approval that was not used, back.
pub(crate) fn withdraw(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Request, Problem> {
    find(tx, id)?
        .filter(|request| request.account == cx.actor.id)
        .ok_or_else(none)?;
    let changed = tx.execute(
        "UPDATE approval SET state = 'withdrawn' WHERE id = ?1 AND state IN ('waiting', 'approved')",
        &[id.into()],
    )?;
    settled(cx, tx, id, changed, "withdrawn")
}

fn settled(cx: &Ctx, tx: &mut Tx<'_>, id: &str, changed: u64, verb: &str) -> Result<Request, Problem> {
    let request = view(tx, id)?;
    if changed != 1 {
        let text = match request.standing(&cx.now_text()) {
            "used" => "这项批准已经用过。",
            "expired" => "这项申请已经过期。",
            "withdrawn" => "这项申请已经撤回。",
            _ => "这项申请已经有了结果。",
        };
        return Err(Problem::new(codes::CONFLICT, text));
    }
    tell(cx, tx, &request, verb)?;
    Ok(request)
}

/// Tells it on the feed: never what was sent.
fn tell(cx: &Ctx, tx: &mut Tx<'_>, request: &Request, verb: &str) -> Result<(), Problem> {
    tx.emit(&Event::new(
        cx,
        "/banyan/platform",
        &format!("banyan.platform.approval.{verb}"),
        Some(format!("platform.approval/{}", request.id)),
        json!({
            "id": request.id, "state": request.state, "account": request.account, "unit": request.unit,
            "on_behalf_of": request.on_behalf_of, "operation": request.operation, "type": request.resource,
            "purpose": request.purpose, "why": request.why, "digest": request.digest, "decided_by": request.decided_by,
        }),
    ))?;
    Ok(())
}

/// Wipes what was sent more than [`KEPT_DAYS`] days ago; returns of how many requests.
///
/// # Errors
/// Where the database refuses.
pub fn tidy(cx: &Ctx, tx: &mut Tx<'_>) -> Result<u64, Problem> {
    let before = timestamp_text(cx.now - SignedDuration::from_hours(24 * KEPT_DAYS));
    Ok(tx.execute(
        "UPDATE approval SET sealed = NULL, sealed_file = NULL, reason = '' WHERE asked_at < ?1 AND sealed IS NOT NULL",
        &[before.into()],
    )?)
}
