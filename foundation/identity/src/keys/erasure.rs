//! Requests for erasure (PIPL 47): the person asks, or a clerk for him; an officer who is somebody else approves, and the keys are
//! destroyed at once.

use std::collections::BTreeSet;

use banyan_base::{Actor, Ctx, Event, Problem, codes};
use banyan_door::{Input, Outside};
use banyan_store::{Row, Tx, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::hold;
use super::retention::{Ended, Erasures, other_person, stated};

/// A request as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Erasure {
    pub id: String,
    /// Whose data; forgotten when it is done.
    pub subject: Option<String>,
    /// Domains asked for, or approved of; none: all where the subject has data.
    pub domains: BTreeSet<String>,
    pub reason: String,
    /// `waiting approved done refused`.
    pub state: String,
    pub asked_at: String,
    pub asked_by: String,
    #[serde(skip)]
    pub asked_party: Option<String>,
    pub decided_at: Option<String>,
    pub decided_by: Option<String>,
    pub note: Option<String>,
    pub done_at: Option<String>,
    /// Keys destroyed.
    pub destroyed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewErasure {
    /// Absent: whoever asks.
    subject: Option<String>,
    #[serde(default)]
    domains: BTreeSet<String>,
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Approval {
    /// Where not all that was asked may go: what may.
    domains: Option<BTreeSet<String>>,
    note: Option<String>,
}

const COLUMNS: &str = "id, subject, domains, reason, state, asked_at, asked_by, asked_party, decided_at, decided_by, note, \
                       done_at, destroyed";

fn read(row: &Row) -> Result<Erasure, banyan_store::Error> {
    let domains: String = row.get(2)?;
    Ok(Erasure {
        id: row.get(0)?,
        subject: row.get(1)?,
        domains: domains.split_whitespace().map(str::to_owned).collect(),
        reason: row.get(3)?,
        state: row.get(4)?,
        asked_at: row.get(5)?,
        asked_by: row.get(6)?,
        asked_party: row.get(7)?,
        decided_at: row.get(8)?,
        decided_by: row.get(9)?,
        note: row.get(10)?,
        done_at: row.get(11)?,
        destroyed: row.get(12)?,
    })
}

fn list_text(domains: &BTreeSet<String>) -> String {
    domains.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

fn well_named(domains: &BTreeSet<String>) -> Result<(), Problem> {
    match domains
        .iter()
        .find(|domain| domain.is_empty() || domain.contains(char::is_whitespace))
    {
        Some(_) => Err(
            Problem::new(codes::INVALID, "目的写作“包.目的”,不含空格。").with_error(
                "/domains",
                "pattern",
                "写作“包.目的”",
            ),
        ),
        None => Ok(()),
    }
}

/// Never with the subject: the feed has many readers.
fn tell(cx: &Ctx, tx: &mut Tx<'_>, erasure: &Erasure, verb: &str) -> Result<(), Problem> {
    let data = json!({
        "id": erasure.id, "domains": erasure.domains, "state": erasure.state, "asked_by": erasure.asked_by,
        "decided_by": erasure.decided_by, "destroyed": erasure.destroyed,
    });
    let kind = format!("banyan.platform.erasure.{verb}");
    let subject = format!("platform.erasure/{}", erasure.id);
    tx.emit(&Event::new(cx, "/banyan/platform", &kind, Some(subject), data))?;
    Ok(())
}

pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Erasure, Problem> {
    let lock = if tx.is_read_only() {
        ""
    } else {
        tx.dialect().for_update()
    };
    let row = tx.query_opt(
        &format!("SELECT {COLUMNS} FROM erasure WHERE id = ?1{lock}"),
        &[id.into()],
    )?;
    let row = row.ok_or_else(|| Problem::new(codes::NOT_FOUND, "没有这项申请。"))?;
    Ok(read(&row)?)
}

fn keep(tx: &mut Tx<'_>, erasure: &Erasure) -> Result<(), Problem> {
    let values: Vec<Value> = vec![
        erasure.id.as_str().into(),
        erasure.subject.clone().into(),
        list_text(&erasure.domains).into(),
        erasure.state.as_str().into(),
        erasure.decided_at.clone().into(),
        erasure.decided_by.clone().into(),
        erasure.note.clone().into(),
        erasure.done_at.clone().into(),
        i64::try_from(erasure.destroyed).unwrap_or(i64::MAX).into(),
    ];
    tx.execute(
        "UPDATE erasure SET subject = ?2, domains = ?3, state = ?4, decided_at = ?5, decided_by = ?6, note = ?7, done_at = ?8,
            destroyed = ?9 WHERE id = ?1",
        &values,
    )?;
    Ok(())
}

impl Erasures {
    /// Takes a request, by the person himself or by an officer for him.
    pub(crate) fn request(&self, cx: &Ctx, tx: &mut Tx<'_>, new: NewErasure) -> Result<Erasure, Problem> {
        let own = cx.actor.standing.party.clone();
        let subject = match new.subject {
            Some(subject) if Some(&subject) != own.as_ref() => {
                self.officer(cx)?;
                subject
            }
            Some(subject) => subject,
            None => own.ok_or_else(|| {
                Problem::new(codes::INVALID, "请写明是谁的数据。").with_error("/subject", "required", "必填")
            })?,
        };
        well_named(&new.domains)?;
        let erasure = Erasure {
            id: cx.id().into_string(),
            subject: Some(subject),
            domains: new.domains,
            reason: stated(&new.reason)?,
            state: "waiting".into(),
            asked_at: cx.now_text(),
            asked_by: cx.actor.id.clone(),
            asked_party: cx.actor.standing.party.clone(),
            decided_at: None,
            decided_by: None,
            note: None,
            done_at: None,
            destroyed: 0,
        };
        let values: Vec<Value> = vec![
            erasure.id.as_str().into(),
            erasure.subject.clone().into(),
            list_text(&erasure.domains).into(),
            erasure.reason.as_str().into(),
            erasure.state.as_str().into(),
            erasure.asked_at.as_str().into(),
            erasure.asked_by.as_str().into(),
            erasure.asked_party.clone().into(),
        ];
        tx.execute(
            "INSERT INTO erasure (id, subject, domains, reason, state, asked_at, asked_by, asked_party, destroyed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
            &values,
        )?;
        tell(cx, tx, &erasure, "asked")?;
        Ok(erasure)
    }

    /// Requests, newest first: all for officers, his own for everybody else.
    pub(crate) fn requests(&self, cx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<Erasure>, Problem> {
        let sql = format!("SELECT {COLUMNS} FROM erasure");
        let rows = if self.officer(cx).is_ok() {
            tx.query(&format!("{sql} ORDER BY id DESC LIMIT 500"), &[])?
        } else {
            let party = cx.actor.standing.party.clone();
            tx.query(
                &format!("{sql} WHERE asked_by = ?1 OR subject = ?2 ORDER BY id DESC LIMIT 500"),
                &[cx.actor.id.as_str().into(), party.into()],
            )?
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Refuses a request, with a reason that the person sees.
    pub(crate) fn refuse(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        id: &str,
        reason: &str,
    ) -> Result<Erasure, Problem> {
        self.officer(cx)?;
        let mut erasure = find(tx, id)?;
        if erasure.state != "waiting" {
            return Err(settled());
        }
        erasure.state = "refused".into();
        erasure.note = Some(stated(reason)?);
        erasure.decided_at = Some(cx.now_text());
        erasure.decided_by = Some(cx.actor.id.clone());
        keep(tx, &erasure)?;
        tell(cx, tx, &erasure, "refused")?;
        Ok(erasure)
    }

    /// Approves a request and destroys the keys. Approved, it is carried out whatever happens: by a second call, or by the day's work.
    pub(crate) fn approve(
        &self,
        call: &Outside<'_>,
        id: &str,
        approval: Approval,
    ) -> Result<Erasure, Problem> {
        self.officer(call.cx)?;
        let erasure = call.db.read(|tx| find(tx, id))?;
        if let Some(domains) = &approval.domains {
            well_named(domains)?;
            let more = domains.iter().find(|domain| !erasure.domains.contains(*domain));
            if let Some(domain) = more.filter(|_| !erasure.domains.is_empty()) {
                return Err(Problem::new(codes::INVALID, format!("申请里没有“{domain}”。")));
            }
        }
        let named = approval.domains.unwrap_or(erasure.domains);
        let subject = erasure.subject.clone().unwrap_or_default();
        let domains = match named.is_empty() {
            true => self
                .keys
                .domains_of(&subject)
                .map_err(Problem::from)?
                .into_iter()
                .collect(),
            false => named,
        };
        let (cx, id, note) = (call.cx.clone(), id.to_owned(), approval.note);
        let approved = call.db.write(move |tx| {
            let mut erasure = find(tx, &id)?;
            if erasure.state != "waiting" {
                // Approved already, and not carried out yet: go on.
                return if erasure.state == "approved" {
                    Ok(erasure)
                } else {
                    Err(settled())
                };
            }
            other_person(&cx, &erasure.asked_by, erasure.asked_party.as_deref())?;
            if cx.actor.standing.party.is_some() && cx.actor.standing.party == erasure.subject {
                return Err(Problem::new(
                    codes::FORBIDDEN,
                    "不能批准销毁自己的数据,须由他人批准。",
                ));
            }
            for domain in &domains {
                if let Some(kept) =
                    hold::keeping(&cx, tx, domain, erasure.subject.as_deref().unwrap_or_default())?
                {
                    return Err(Problem::new(
                        codes::CONFLICT,
                        format!(
                            "“{domain}”下的数据正在依法保全,至 {};保全解除后再批准。",
                            kept.until
                        ),
                    ));
                }
            }
            erasure.domains = domains;
            erasure.state = "approved".into();
            erasure.note = note;
            erasure.decided_at = Some(cx.now_text());
            erasure.decided_by = Some(cx.actor.id.clone());
            keep(tx, &erasure)?;
            tell(&cx, tx, &erasure, "approved")?;
            Ok(erasure)
        })?;
        self.carry_out(call.cx, call.db, call.door, approved)
    }

    /// Destroys what an approved request names, and closes it.
    pub(crate) fn carry_out(
        &self,
        cx: &Ctx,
        db: &banyan_store::Db,
        door: &banyan_door::Door,
        erasure: Erasure,
    ) -> Result<Erasure, Problem> {
        let system = Ctx {
            actor: Actor::system(),
            ..cx.clone()
        };
        let by = erasure.decided_by.clone().unwrap_or_default();
        let subject = erasure.subject.clone().unwrap_or_default();
        for domain in &erasure.domains {
            let input = Input::json(json!({ "reason": "erasure", "by": by }))
                .with_path("domain", domain.as_str())
                .with_path("id", subject.as_str());
            door.call(&system, "key.destroy", input)?;
            let gone = Ended {
                domain: domain.clone(),
                subject: subject.clone(),
            };
            for engine in self.engines() {
                engine.forget(cx, db, &gone)?;
            }
        }
        if self.keys.domains_of(&subject).map_err(Problem::from)?.is_empty() {
            for engine in self.engines() {
                engine.forget_person(cx, db, &subject)?;
            }
        }
        self.keys.scrub().map_err(Problem::from)?;
        let hashes: Vec<(String, String)> = erasure
            .domains
            .iter()
            .map(|domain| (domain.clone(), self.keys.hash(domain, &subject)))
            .collect();
        let cx = cx.clone();
        db.write(move |tx| {
            let mut erasure = find(tx, &erasure.id)?;
            if erasure.state != "approved" {
                return Ok(erasure);
            }
            for (domain, hash) in &hashes {
                let sql = "SELECT COUNT(*) FROM key_destruction WHERE domain = ?1 AND subject = ?2 AND key_id IS NOT NULL AND at >= ?3";
                let since = erasure.decided_at.clone();
                let row = tx.query_opt(sql, &[domain.as_str().into(), hash.as_str().into(), since.into()])?;
                erasure.destroyed += row.map_or(Ok(0), |row| row.get(0))?;
            }
            erasure.state = "done".into();
            erasure.done_at = Some(cx.now_text());
            // What is left says that somebody's data went, and not whose.
            erasure.subject = None;
            keep(tx, &erasure)?;
            tell(&cx, tx, &erasure, "done")?;
            Ok(erasure)
        })
    }

    /// Requests that were approved and not carried out to their end.
    pub(crate) fn left_over(tx: &mut Tx<'_>) -> Result<Vec<Erasure>, Problem> {
        let sql = format!("SELECT {COLUMNS} FROM erasure WHERE state = 'approved' ORDER BY id");
        Ok(tx.query(&sql, &[])?.iter().map(read).collect::<Result<_, _>>()?)
    }
}

fn settled() -> Problem {
    Problem::new(codes::CONFLICT, "这项申请已经处理过,请刷新后再看。")
}
