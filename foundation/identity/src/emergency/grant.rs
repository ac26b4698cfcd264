//! What was opened, by whom, until when; and what somebody else made of it afterwards.

use std::collections::BTreeSet;

use banyan_base::{Actor, ActorKind, Ctx, Emergency, Event, Problem, codes, timestamp_text};
use banyan_store::{Row, Tx};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Emergencies, may_open, oversees};
use crate::approval::{behind, persons};
use crate::people::{list_of, list_text, wrong_text};
use crate::sign::{Accounts, session};

/// The longest it stays open.
pub(crate) const HOURS: i64 = 3;
/// Working days within which it must be judged.
const REVIEW_DAYS: i64 = 3;

/// What is asked for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    package: String,
    /// Types by their short names; absent: all that hold personal data.
    #[serde(default)]
    types: Option<BTreeSet<String>>,
    reason: String,
}

/// What somebody else made of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// `justified` or `unjustified`.
    outcome: String,
    text: String,
}

/// Emergency access as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) unit: Option<String>,
    pub(crate) post: Option<String>,
    pub(crate) on_behalf_of: Option<String>,
    party: Option<String>,
    pub(crate) package: String,
    pub(crate) types: BTreeSet<String>,
    pub(crate) reason: String,
    pub(crate) opened_at: String,
    pub(crate) ends_at: String,
    pub(crate) closed_at: Option<String>,
    pub(crate) closed_by: Option<String>,
    pub(crate) review_by: String,
    pub(crate) outcome: Option<String>,
    pub(crate) review: Option<String>,
    pub(crate) reviewed_by: Option<String>,
    pub(crate) reviewed_name: Option<String>,
    pub(crate) reviewed_at: Option<String>,
}

const COLUMNS: &str = "id, account, name, unit, post, on_behalf_of, party, package, types, reason, opened_at, ends_at, \
     closed_at, closed_by, review_by, outcome, review, reviewed_by, reviewed_name, reviewed_at";

fn decode(row: &Row) -> Result<Grant, Problem> {
    Ok(Grant {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        unit: row.get(3)?,
        post: row.get(4)?,
        on_behalf_of: row.get(5)?,
        party: row.get(6)?,
        package: row.get(7)?,
        types: list_of(&row.get::<String>(8)?)?,
        reason: row.get(9)?,
        opened_at: row.get(10)?,
        ends_at: row.get(11)?,
        closed_at: row.get(12)?,
        closed_by: row.get(13)?,
        review_by: row.get(14)?,
        outcome: row.get(15)?,
        review: row.get(16)?,
        reviewed_by: row.get(17)?,
        reviewed_name: row.get(18)?,
        reviewed_at: row.get(19)?,
    })
}

impl Grant {
    /// When it ended, or will.
    pub(crate) fn end(&self) -> &str {
        self.closed_at
            .as_ref()
            .unwrap_or(&self.ends_at)
            .min(&self.ends_at)
    }

    /// `open`, `due` (for review), `overdue`, `justified` or `unjustified`.
    pub(crate) fn state(&self, cx: &Ctx) -> &str {
        match &self.outcome {
            Some(outcome) => outcome,
            None if self.end() > cx.now_text().as_str() => "open",
            None if self.review_by < cx.today().to_string() => "overdue",
            None => "due",
        }
    }

    pub(crate) fn to_json(&self, cx: &Ctx) -> Json {
        json!({
            "id": self.id, "state": self.state(cx), "mine": self.account == cx.actor.id,
            "account": self.account, "name": self.name, "unit": self.unit, "post": self.post,
            "on_behalf_of": self.on_behalf_of, "package": self.package, "types": self.types, "reason": self.reason,
            "opened_at": self.opened_at, "ends_at": self.ends_at, "closed_at": self.closed_at,
            "closed_by": self.closed_by, "review_by": self.review_by, "outcome": self.outcome, "review": self.review,
            "reviewed_by": self.reviewed_by, "reviewed_name": self.reviewed_name, "reviewed_at": self.reviewed_at,
            "may_review": self.may_review(cx),
        })
    }

    fn may_review(&self, cx: &Ctx) -> bool {
        let theirs = behind(&self.account, self.on_behalf_of.as_deref(), self.party.as_deref());
        cx.actor.kind == ActorKind::Person
            && cx.actor.grant.session.is_some()
            && oversees(&cx.actor, &self.package)
            && persons(&cx.actor).is_disjoint(&theirs)
            && matches!(self.state(cx), "due" | "overdue")
    }
}

/// What is open for somebody now, for whom it is still his to open: looked up at every call that uses it.
pub(crate) fn open(accounts: &Accounts, actor: &Actor) -> Result<Vec<Emergency>, Problem> {
    if actor.kind != ActorKind::Person {
        return Ok(Vec::new());
    }
    let sql =
        format!("SELECT {COLUMNS} FROM emergency WHERE account = ?1 AND ends_at > ?2 AND closed_at IS NULL");
    let now = timestamp_text(accounts.world.now());
    let mut open = Vec::new();
    for row in accounts.db.query(&sql, &[actor.id.as_str().into(), now.into()])? {
        let grant = decode(&row)?;
        let until: Timestamp = grant.ends_at.parse().map_err(Problem::internal)?;
        if may_open(&accounts.settings, actor, &grant.package) {
            let (id, types) = (grant.id, grant.types);
            open.push(Emergency { id, types, until });
        }
    }
    Ok(open)
}

/// Opens it.
pub(crate) fn create(
    all: &Emergencies,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    wanted: &Wanted,
) -> Result<Grant, Problem> {
    let refuse = |text: &str| Problem::new(codes::FORBIDDEN, text.to_owned());
    // A token may have been lost, and a machine has no emergencies.
    session::own(cx).map_err(|_| refuse("应急访问须本人登录后打开,不能用令牌。"))?;
    if cx.actor.kind != ActorKind::Person || !may_open(&all.accounts.settings, &cx.actor, &wanted.package) {
        return Err(refuse(
            "您的角色不能打开这个系统的应急访问;需要的话请联系管理员授予它的“emergency”角色。",
        ));
    }
    let mut wrong = Problem::new(codes::INVALID, "应急访问不符合要求。");
    let personal = all.policy.personal_types(&wanted.package).unwrap_or_default();
    if personal.is_empty() {
        wrong = wrong.with_error("/package", "reference", "没有这个系统,或者它没有个人信息");
    }
    let named = wanted.types.iter().flatten();
    let named: BTreeSet<String> = named.map(|name| format!("{}.{name}", wanted.package)).collect();
    if let Some(other) = named.difference(&personal).next() {
        wrong = wrong.with_error("/types", "reference", format!("“{other}”不是含有个人信息的类型"));
    }
    if let Some(message) = wrong_text(&wanted.reason, 500) {
        wrong = wrong.with_error("/reason", "length", message);
    } else if wanted.reason.trim().chars().count() < 5 {
        wrong = wrong.with_error(
            "/reason",
            "length",
            "请写明发生了什么、为什么等不及平常的途径(至少 5 个字)",
        );
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    let me = cx.actor.id.as_str();
    // One at a time: two that come at once wait for each other here.
    let lock = format!(
        "SELECT id FROM account WHERE id = ?1{}",
        tx.dialect().for_update()
    );
    tx.query(&lock, &[me.into()])?;
    for before in of_account(tx, me)? {
        match before.state(cx) {
            "overdue" => {
                let text = format!(
                    "您 {} 打开的应急访问到 {} 还没有复核;复核之前不能再打开。请找主管复核。",
                    before.opened_at, before.review_by
                );
                return Err(Problem::new(codes::CONFLICT, text).with("emergency", before.id));
            }
            "open" if before.package == wanted.package => {
                let text = "这个系统的应急访问已经打开;要改范围请先关闭它。";
                return Err(Problem::new(codes::CONFLICT, text).with("emergency", before.id));
            }
            _ => {}
        }
    }
    let standing = &cx.actor.standing;
    let grant = Grant {
        id: cx.id().into_string(),
        account: me.to_owned(),
        name: cx.actor.name.clone(),
        unit: cx.actor.unit.clone(),
        post: standing.post.clone(),
        on_behalf_of: standing.on_behalf_of.clone(),
        party: standing.party.clone(),
        package: wanted.package.clone(),
        types: if wanted.types.is_some() { named } else { personal },
        reason: wanted.reason.trim().to_owned(),
        opened_at: cx.now_text(),
        ends_at: timestamp_text(cx.now + SignedDuration::from_hours(HOURS)),
        closed_at: None,
        closed_by: None,
        review_by: (all.workdays)(tx, cx.today(), REVIEW_DAYS)?.to_string(),
        outcome: None,
        review: None,
        reviewed_by: None,
        reviewed_name: None,
        reviewed_at: None,
    };
    tx.execute(
        "INSERT INTO emergency (id, account, name, unit, post, on_behalf_of, party, package, types, reason, opened_at, ends_at,
         review_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            grant.id.as_str().into(),
            grant.account.as_str().into(),
            grant.name.as_str().into(),
            grant.unit.as_deref().into(),
            grant.post.as_deref().into(),
            grant.on_behalf_of.as_deref().into(),
            grant.party.as_deref().into(),
            grant.package.as_str().into(),
            list_text(&grant.types)?.into(),
            grant.reason.as_str().into(),
            grant.opened_at.as_str().into(),
            grant.ends_at.as_str().into(),
            grant.review_by.as_str().into(),
        ],
    )?;
    tell(cx, tx, &grant, "opened")?;
    Ok(grant)
}

fn of_account(tx: &mut Tx<'_>, account: &str) -> Result<Vec<Grant>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM emergency WHERE account = ?1 AND outcome IS NULL ORDER BY id");
    tx.query(&sql, &[account.into()])?.iter().map(decode).collect()
}

pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Grant, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM emergency WHERE id = ?1");
    let row = tx.query_opt(&sql, &[id.into()])?.ok_or_else(none)?;
    decode(&row)
}

pub(crate) fn none() -> Problem {
    Problem::new(codes::NOT_FOUND, "没有这次应急访问,或者您不能查看它。")
}

/// Those that somebody may know: his own, and those he oversees; the newest first, the ones to review only where asked.
pub(crate) fn list(cx: &Ctx, tx: &mut Tx<'_>, which: &str) -> Result<Vec<Grant>, Problem> {
    let me = cx.actor.id.as_str();
    let wanted = match which {
        "mine" => "account = ?1",
        "review" => "outcome IS NULL AND ?1 <> ''",
        _ => "?1 <> ''",
    };
    let sql = format!("SELECT {COLUMNS} FROM emergency WHERE {wanted} ORDER BY id DESC LIMIT 500");
    let mut all: Vec<Grant> = tx
        .query(&sql, &[me.into()])?
        .iter()
        .map(decode)
        .collect::<Result<_, _>>()?;
    all.retain(|grant| grant.account == me || oversees(&cx.actor, &grant.package));
    if which == "review" {
        all.retain(|grant| grant.account != me);
    }
    Ok(all)
}

/// Ends it before its time.
pub(crate) fn close(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Grant, Problem> {
    let grant = find(tx, id)?;
    if grant.account != cx.actor.id && !oversees(&cx.actor, &grant.package) {
        return Err(none());
    }
    let closed = tx.execute(
        "UPDATE emergency SET closed_at = ?2, closed_by = ?3 WHERE id = ?1 AND closed_at IS NULL AND ends_at > ?2",
        &[id.into(), cx.now_text().into(), cx.actor.id.as_str().into()],
    )?;
    let grant = find(tx, id)?;
    if closed == 1 {
        tell(cx, tx, &grant, "closed")?;
    }
    Ok(grant)
}

/// Judges it.
pub(crate) fn review(cx: &Ctx, tx: &mut Tx<'_>, id: &str, review: &Review) -> Result<Grant, Problem> {
    let grant = find(tx, id)?;
    if grant.account != cx.actor.id && !oversees(&cx.actor, &grant.package) {
        return Err(none());
    }
    let mut wrong = Problem::new(codes::INVALID, "复核不符合要求。");
    if !matches!(review.outcome.as_str(), "justified" | "unjustified") {
        wrong = wrong.with_error("/outcome", "code", "应为 justified(正当)或 unjustified(不正当)");
    }
    if let Some(message) = wrong_text(&review.text, 1_000) {
        wrong = wrong.with_error("/text", "length", message);
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    if !grant.may_review(cx) {
        return Err(match grant.state(cx) {
            "open" => Problem::new(codes::CONFLICT, "它还开着;结束以后再复核。"),
            "due" | "overdue" => Problem::new(
                codes::FORBIDDEN,
                "复核须由另一人(主管或管理员)本人登录办理:不是打开的人,也不替他或同一岗位的人办事。",
            ),
            _ => Problem::new(codes::CONFLICT, "它已经复核过。"),
        });
    }
    let done = tx.execute(
        "UPDATE emergency SET outcome = ?2, review = ?3, reviewed_by = ?4, reviewed_name = ?5, reviewed_at = ?6
         WHERE id = ?1 AND outcome IS NULL",
        &[
            id.into(),
            review.outcome.as_str().into(),
            review.text.trim().into(),
            cx.actor.id.as_str().into(),
            cx.actor.name.as_str().into(),
            cx.now_text().into(),
        ],
    )?;
    if done != 1 {
        return Err(Problem::new(codes::CONFLICT, "它刚被别人复核过。"));
    }
    let grant = find(tx, id)?;
    tell(cx, tx, &grant, "reviewed")?;
    Ok(grant)
}

/// Tells the supervisors on the feed.
fn tell(cx: &Ctx, tx: &mut Tx<'_>, grant: &Grant, verb: &str) -> Result<(), Problem> {
    tx.emit(&Event::new(
        cx,
        "/banyan/platform",
        &format!("banyan.platform.emergency.{verb}"),
        Some(format!("platform.emergency/{}", grant.id)),
        json!({
            "id": grant.id, "account": grant.account, "unit": grant.unit, "on_behalf_of": grant.on_behalf_of,
            "package": grant.package, "types": grant.types, "reason": grant.reason, "opened_at": grant.opened_at,
            "ends_at": grant.end(), "review_by": grant.review_by, "outcome": grant.outcome,
        }),
    ))?;
    Ok(())
}
