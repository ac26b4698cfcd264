//! Objections: a person says what is wrong with an entry of his, and the unit that owns the system answers within a clock.

use std::collections::BTreeMap;

use banyan_base::{Actor, ActorKind, Ctx, Event, Problem, codes};
use banyan_store::{Db, Row, Tx, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{PersonLog, log};

/// Working days within which an objection is answered.
const DAYS: u32 = 15;
/// Longest reason and answer, in characters.
const LONGEST: usize = 2_000;
/// Objections of one person that may wait for an answer.
const WAITING: i64 = 100;

/// How an objection was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The access should not have been; what is done about it stands in the answer.
    Upheld,
    Partly,
    Rejected,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Outcome::Upheld => "upheld",
            Outcome::Partly => "partly",
            Outcome::Rejected => "rejected",
        }
    }
}

fn title(state: &str) -> &'static str {
    match state {
        "open" => "待答复",
        "upheld" => "异议成立",
        "partly" => "部分成立",
        _ => "不成立",
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewObjection {
    entry: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    outcome: Outcome,
    answer: String,
}

/// An objection as it is stored.
pub(super) struct Objection {
    pub(super) id: String,
    pub(super) party: String,
    entry: String,
    package: String,
    owner: String,
    unit: Option<String>,
    reader: String,
    told: Json,
    reason: String,
    made_at: String,
    due_on: String,
    answered_at: Option<String>,
    outcome: Option<String>,
    answer: Option<String>,
}

const COLUMNS: &str = "id, party, entry, package, owner, unit, reader, told, reason, made_at, due_on, answered_at, outcome, answer";

fn decode(row: &Row) -> Result<Objection, Problem> {
    let (id, told): (String, String) = (row.get(0)?, row.get(7)?);
    let told = serde_json::from_str(&told).map_err(|_| banyan_store::Error::Inconsistent {
        table: "objection".into(),
        column: "told".into(),
        row: id.clone(),
    })?;
    Ok(Objection {
        id,
        party: row.get(1)?,
        entry: row.get(2)?,
        package: row.get(3)?,
        owner: row.get(4)?,
        unit: row.get(5)?,
        reader: row.get(6)?,
        told,
        reason: row.get(8)?,
        made_at: row.get(9)?,
        due_on: row.get(10)?,
        answered_at: row.get(11)?,
        outcome: row.get(12)?,
        answer: row.get(13)?,
    })
}

impl Objection {
    fn state(&self) -> &str {
        self.outcome.as_deref().unwrap_or("open")
    }

    pub(super) fn to_json(&self, cx: &Ctx) -> Json {
        let open = self.outcome.is_none();
        json!({
            "id": self.id, "entry": self.told, "owner": self.owner, "reason": self.reason, "made_at": self.made_at,
            "due_on": self.due_on, "overdue": open && self.due_on < cx.today().to_string(), "state": self.state(),
            "state_title": title(self.state()), "answered_at": self.answered_at, "answer": self.answer,
        })
    }

    /// Whether somebody belongs to those who answer for the system. Without such a unit, administrators do.
    fn is_for(&self, actor: &Actor) -> bool {
        let staff = actor.kind == ActorKind::Person;
        let of = |role: &String| {
            role.split_once('.')
                .is_some_and(|(package, _)| package == self.package)
        };
        let own = self.unit.is_some() && self.unit == actor.unit && actor.roles.iter().any(of);
        actor.is_admin() || (staff && own)
    }
}

fn written(text: &str, pointer: &str, what: &str) -> Result<String, Problem> {
    let text = text.trim();
    let length = text.chars().count();
    if length == 0 || length > LONGEST || text.contains('\0') {
        let message = format!("请写明{what},不超过 {LONGEST} 字。");
        return Err(Problem::new(codes::INVALID, message.clone()).with_error(pointer, "length", &message));
    }
    Ok(text.to_owned())
}

fn tell(cx: &Ctx, tx: &mut Tx<'_>, objection: &Objection, verb: &str) -> Result<(), Problem> {
    // Neither reasons nor answers nor whose: the feed is read by many.
    let data = json!({
        "package": objection.package, "unit": objection.unit, "due_on": objection.due_on, "state": objection.state(),
    });
    let subject = Some(format!("platform.objection/{}", objection.id));
    let kind = format!("banyan.platform.objection.{verb}");
    Ok(tx.emit(&Event::new(cx, "/banyan/platform", &kind, subject, data))?)
}

/// Objects to an entry of one's own.
pub(super) fn create(
    person: &PersonLog,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    party: &str,
    new: &NewObjection,
) -> Result<Objection, Problem> {
    let reason = written(&new.reason, "/reason", "异议理由")?;
    let (told, access) = log::entry(person, cx, tx, party, &new.entry)?;
    if told.get("objection").is_some_and(|other| !other.is_null()) {
        return Err(Problem::new(
            codes::CONFLICT,
            "您已经对这一条提出过异议,可以在“我的异议”里查看答复。",
        ));
    }
    if told.get("objectionable") != Some(&json!(true)) {
        return Err(Problem::new(
            codes::CONFLICT,
            "这一条是您本人或您的代理人查看的,不需要提出异议。",
        ));
    }
    let waiting = tx.query_opt(
        "SELECT COUNT(*) FROM objection WHERE party = ?1 AND answered_at IS NULL",
        &[party.into()],
    )?;
    if waiting.map_or(Ok(0), |row| row.get::<i64>(0))? >= WAITING {
        let text = format!("您已有 {WAITING} 件异议等待答复,请等答复后再提出新的。");
        return Err(Problem::new(codes::CONFLICT, text));
    }
    let of = |name: &str| {
        access
            .entry
            .get(name)
            .and_then(Json::as_str)
            .unwrap_or("")
            .to_owned()
    };
    let package = of("type").split('.').next().unwrap_or("").to_owned();
    let owner = person.declared.owner(tx, &package)?;
    let due = person.declared.working_day(tx, cx.today(), DAYS)?;
    let objection = Objection {
        id: cx.id().into_string(),
        party: party.to_owned(),
        entry: access.id.clone(),
        package,
        unit: owner.as_ref().and_then(|owner| owner.unit.clone()),
        owner: owner.map_or_else(|| "平台管理员".to_owned(), |owner| owner.name),
        reader: of("actor"),
        told,
        reason,
        made_at: cx.now_text(),
        due_on: due.to_string(),
        answered_at: None,
        outcome: None,
        answer: None,
    };
    let text = |text: &str| Value::from(text);
    tx.execute(
        "INSERT INTO objection (id, party, entry, package, owner, unit, reader, told, reason, made_at, made_by, due_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &[
            text(&objection.id),
            text(party),
            text(&objection.entry),
            text(&objection.package),
            text(&objection.owner),
            objection.unit.as_deref().into(),
            text(&objection.reader),
            objection.told.to_string().into(),
            text(&objection.reason),
            text(&objection.made_at),
            text(&cx.actor.id),
            text(&objection.due_on),
        ],
    )?;
    tell(cx, tx, &objection, "created")?;
    Ok(objection)
}

fn select(tx: &mut Tx<'_>, rest: &str, values: &[Value]) -> Result<Vec<Objection>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM objection {rest}");
    tx.query(&sql, values)?.iter().map(decode).collect()
}

/// A person's objections, newest first.
pub(super) fn of_person(tx: &mut Tx<'_>, party: &str) -> Result<Vec<Objection>, Problem> {
    select(
        tx,
        "WHERE party = ?1 ORDER BY made_at DESC, id DESC LIMIT 1000",
        &[party.into()],
    )
}

/// A person's objections by entry: what an entry shows of them.
pub(super) fn by_entry(tx: &mut Tx<'_>, party: &str) -> Result<BTreeMap<String, Json>, Problem> {
    let all = of_person(tx, party)?;
    let short = |one: &Objection| json!({ "id": one.id, "state": one.state(), "state_title": title(one.state()), "due_on": one.due_on });
    Ok(all.iter().map(|one| (one.entry.clone(), short(one))).collect())
}

/// What somebody has to answer: by due day, then what was answered, newest first.
pub(super) fn queue(tx: &mut Tx<'_>, actor: &Actor, open: Option<bool>) -> Result<Vec<Objection>, Problem> {
    let state = match open {
        Some(true) => "answered_at IS NULL",
        Some(false) => "answered_at IS NOT NULL",
        None => "1 = 1",
    };
    let order = "ORDER BY answered_at IS NOT NULL, CASE WHEN answered_at IS NULL THEN due_on END, answered_at DESC, id LIMIT 500";
    let found = if actor.is_admin() {
        select(tx, &format!("WHERE {state} {order}"), &[])?
    } else {
        let Some(unit) = actor.unit.as_deref() else {
            return Ok(Vec::new());
        };
        select(
            tx,
            &format!("WHERE unit = ?1 AND {state} {order}"),
            &[unit.into()],
        )?
    };
    Ok(found.into_iter().filter(|one| one.is_for(actor)).collect())
}

/// One objection, for those whom it concerns; to others it is not there.
pub(super) fn find(tx: &mut Tx<'_>, cx: &Ctx, party: Option<&str>, id: &str) -> Result<Objection, Problem> {
    let lock = if tx.is_read_only() {
        ""
    } else {
        tx.dialect().for_update()
    };
    let found = select(tx, &format!("WHERE id = ?1{lock}"), &[id.into()])?;
    let mine = |one: &Objection| party == Some(one.party.as_str());
    found
        .into_iter()
        .find(|one| mine(one) || one.is_for(&cx.actor))
        .ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有编号为 {id} 的异议。")))
}

/// Answers an objection.
pub(super) fn answer(tx: &mut Tx<'_>, cx: &Ctx, id: &str, sent: &Answer) -> Result<Objection, Problem> {
    let text = written(&sent.answer, "/answer", "答复")?;
    let mut objection = find(tx, cx, None, id)?;
    if objection.reader == cx.actor.id {
        return Err(Problem::new(
            codes::FORBIDDEN,
            "这件异议针对的是您本人的查看,应由同单位的其他人答复。",
        ));
    }
    if objection.outcome.is_some() {
        return Err(Problem::new(codes::CONFLICT, "这件异议已经答复过。"));
    }
    let at = cx.now_text();
    tx.execute(
        "UPDATE objection SET answered_at = ?2, answered_by = ?3, outcome = ?4, answer = ?5 WHERE id = ?1",
        &[
            id.into(),
            at.as_str().into(),
            cx.actor.id.as_str().into(),
            sent.outcome.as_str().into(),
            text.as_str().into(),
        ],
    )?;
    objection.answered_at = Some(at);
    objection.outcome = Some(sent.outcome.as_str().to_owned());
    objection.answer = Some(text);
    tell(cx, tx, &objection, "answered")?;
    Ok(objection)
}

/// Tells on the feed, once each, which objections have not been answered in time: a part of the day's work. Gives how many.
///
/// # Errors
/// Where the database refuses.
pub fn overdue(db: &Db, cx: &Ctx) -> Result<u64, Problem> {
    let cx = cx.clone();
    db.write(move |tx| {
        let today = cx.today().to_string();
        let late = select(
            tx,
            "WHERE answered_at IS NULL AND overdue_at IS NULL AND due_on < ?1 ORDER BY due_on, id LIMIT 1000",
            &[today.into()],
        )?;
        for objection in &late {
            tx.execute(
                "UPDATE objection SET overdue_at = ?2 WHERE id = ?1",
                &[objection.id.as_str().into(), cx.now_text().into()],
            )?;
            tell(&cx, tx, objection, "overdue")?;
        }
        Ok(late.len() as u64)
    })
}

/// Deletes a person's objections, where he is erased.
///
/// # Errors
/// Where the database refuses.
pub(super) fn erase(tx: &mut Tx<'_>, party: &str) -> Result<u64, Problem> {
    Ok(tx.execute("DELETE FROM objection WHERE party = ?1", &[party.into()])?)
}
