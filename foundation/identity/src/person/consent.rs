//! Consent: what a person agreed to, by purpose and version of its text, given and withdrawn by one act each. Policy lets
//! rows be seen for a purpose that rests on consent only where [`holds`] holds of whom they are about.

use std::collections::BTreeMap;

use banyan_base::{Ctx, Event, Problem, codes};
use banyan_store::{Row, Tx, Value};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::PersonLog;
use super::declared::ConsentAsked;
use crate::people::party::turns;

/// Below this age, in years, a guardian agrees (PIPL, article 31).
const MINOR: i16 = 14;

/// What is sent to agree.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    /// Of the text that was read.
    version: u32,
    /// That the person agrees to the use of sensitive data.
    #[serde(default)]
    sensitive: bool,
}

/// How somebody comes to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Himself,
    Guardian,
}

impl Via {
    fn as_str(self) -> &'static str {
        match self {
            Via::Himself => "self",
            Via::Guardian => "guardian",
        }
    }
}

fn via_title(via: &str) -> &'static str {
    if via == "guardian" { "监护人" } else { "本人" }
}

/// A consent as it is stored.
struct Consent {
    id: String,
    purpose: String,
    version: u32,
    given_at: String,
    via: String,
    withdrawn_at: Option<String>,
}

const COLUMNS: &str = "id, purpose, version, given_at, via, withdrawn_at";

fn decode(row: &Row) -> Result<Consent, Problem> {
    let (id, version): (String, i64) = (row.get(0)?, row.get(2)?);
    let version = u32::try_from(version).map_err(|_| banyan_store::Error::Inconsistent {
        table: "consent".into(),
        column: "version".into(),
        row: id.clone(),
    })?;
    Ok(Consent {
        id,
        purpose: row.get(1)?,
        version,
        given_at: row.get(3)?,
        via: row.get(4)?,
        withdrawn_at: row.get(5)?,
    })
}

fn held(tx: &mut Tx<'_>, party: &str, purpose: &str) -> Result<Option<Consent>, Problem> {
    let lock = if tx.is_read_only() {
        ""
    } else {
        tx.dialect().for_update()
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM consent WHERE party = ?1 AND purpose = ?2 AND withdrawn_at IS NULL{lock}"
    );
    let row = tx.query_opt(&sql, &[party.into(), purpose.into()])?;
    row.as_ref().map(decode).transpose()
}

/// Whether a party agrees to a purpose (`<package>.<purpose>`), by this version of its text or a later one.
///
/// # Errors
/// Where the database can't be read.
pub fn holds(tx: &mut Tx<'_>, party: &str, purpose: &str, version: u32) -> Result<bool, Problem> {
    Ok(held(tx, party, purpose)?.is_some_and(|consent| consent.version >= version))
}

/// Deletes what a person agreed to, where he is erased.
///
/// # Errors
/// Where the database refuses.
pub(super) fn erase(tx: &mut Tx<'_>, party: &str) -> Result<u64, Problem> {
    Ok(tx.execute("DELETE FROM consent WHERE party = ?1", &[party.into()])?)
}

/// Whether the caller may agree for a party: itself, or its guardian. No agent may, whatever he was granted.
fn entitled(person: &PersonLog, cx: &Ctx, tx: &mut Tx<'_>, party: &str) -> Result<Via, Problem> {
    let own = cx.actor.standing.party.as_deref();
    if own == Some(party) {
        return Ok(Via::Himself);
    }
    let guards = match own {
        Some(own) => person.parties.is_guardian(tx, own, party, cx.today())?,
        None => false,
    };
    if guards {
        return Ok(Via::Guardian);
    }
    let text = "同意只能由本人作出和撤回,或由未成年人的监护人作出和撤回;代理人不能代替。";
    Err(Problem::new(codes::FORBIDDEN, text))
}

fn is_minor(person: &PersonLog, cx: &Ctx, tx: &mut Tx<'_>, party: &str) -> Result<bool, Problem> {
    let Some(born) = person.parties.born(tx, party)? else {
        return Ok(false);
    };
    Ok(turns(born, MINOR).is_none_or(|day| cx.today() < day))
}

fn asked(person: &PersonLog, tx: &mut Tx<'_>, purpose: &str) -> Result<Option<ConsentAsked>, Problem> {
    let all = person.declared.consents(tx)?;
    Ok(all.into_iter().find(|asked| asked.name == purpose))
}

fn unknown(purpose: &str) -> Problem {
    Problem::new(codes::NOT_FOUND, format!("没有需要您同意的用途“{purpose}”。"))
}

fn tell(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    id: &str,
    (purpose, version): (&str, u32),
    verb: &str,
) -> Result<(), Problem> {
    // Not whose: the feed is read by many.
    let data = json!({ "purpose": purpose, "version": version });
    let subject = Some(format!("platform.consent/{id}"));
    let kind = format!("banyan.platform.consent.{verb}");
    Ok(tx.emit(&Event::new(cx, "/banyan/platform", &kind, subject, data))?)
}

fn end(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    tx.execute(
        "UPDATE consent SET withdrawn_at = ?2, withdrawn_by = ?3 WHERE id = ?1",
        &[id.into(), cx.now_text().into(), cx.actor.id.as_str().into()],
    )?;
    Ok(())
}

/// What was agreed to, as it was told.
fn told(asked: &ConsentAsked) -> Json {
    json!({
        "title": asked.title, "system": asked.system, "owner": asked.owner, "legal_basis": asked.legal_basis,
        "retention": asked.retention, "sunset": asked.sunset, "text": asked.text, "effects": asked.effects,
        "sensitive": asked.sensitive, "fields": asked.fields,
    })
}

/// Agrees to a purpose. Whoever agrees to the same text again has agreed already.
pub(super) fn give(
    person: &PersonLog,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    (party, purpose): (&str, &str),
    sent: &Given,
) -> Result<Json, Problem> {
    let via = entitled(person, cx, tx, party)?;
    let asked = asked(person, tx, purpose)?.ok_or_else(|| unknown(purpose))?;
    if via == Via::Himself && is_minor(person, cx, tx, party)? {
        let text = format!("未满 {MINOR} 周岁的,由监护人同意;请您的父母或其他监护人登录后办理。");
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    if asked.is_over(cx.today()) {
        return Err(Problem::new(codes::CONFLICT, "这一用途已经终止,不再需要同意。"));
    }
    if sent.version != asked.version {
        let text = format!(
            "同意书现在是第 {} 版,您读的是第 {} 版;请读过新的再决定。",
            asked.version, sent.version
        );
        return Err(Problem::new(codes::CONFLICT, text));
    }
    if asked.sensitive && !sent.sensitive {
        let text = "这是敏感个人信息,须单独同意:请确认您知道并同意处理敏感个人信息。";
        return Err(Problem::new(codes::INVALID, text).with_error("/sensitive", "confirm", text));
    }
    let before = held(tx, party, purpose)?;
    if before
        .as_ref()
        .is_none_or(|consent| consent.version != asked.version)
    {
        if let Some(before) = before {
            end(cx, tx, &before.id)?;
        }
        let id = cx.id().into_string();
        let text = |text: &str| Value::from(text);
        let made = tx.execute(
            "INSERT INTO consent (id, party, purpose, version, given_at, given_by, via) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (party, purpose) WHERE withdrawn_at IS NULL DO NOTHING",
            &[
                text(&id),
                text(party),
                text(purpose),
                i64::from(asked.version).into(),
                cx.now_text().into(),
                text(&cx.actor.id),
                text(via.as_str()),
            ],
        )?;
        tx.execute(
            "INSERT INTO consent_text (purpose, version, told) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            &[
                text(purpose),
                i64::from(asked.version).into(),
                told(&asked).to_string().into(),
            ],
        )?;
        // None where the same was sent twice at once.
        if made > 0 {
            tell(cx, tx, &id, (purpose, asked.version), "given")?;
        }
    }
    one(person, cx, tx, party, purpose)
}

/// Withdraws a consent, with effect at once. Whoever has none to withdraw has withdrawn it.
pub(super) fn withdraw(
    person: &PersonLog,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    party: &str,
    purpose: &str,
) -> Result<Json, Problem> {
    entitled(person, cx, tx, party)?;
    if let Some(consent) = held(tx, party, purpose)? {
        end(cx, tx, &consent.id)?;
        tell(cx, tx, &consent.id, (purpose, consent.version), "withdrawn")?;
    }
    one(person, cx, tx, party, purpose)
}

fn one(person: &PersonLog, cx: &Ctx, tx: &mut Tx<'_>, party: &str, purpose: &str) -> Result<Json, Problem> {
    let all = list(person, cx, tx, party)?;
    let found = all
        .into_iter()
        .find(|item| item.get("purpose").and_then(Json::as_str) == Some(purpose));
    found.ok_or_else(|| unknown(purpose))
}

/// What was told with a version, where it was ever agreed to.
fn texts(tx: &mut Tx<'_>, purpose: &str) -> Result<BTreeMap<u32, Json>, Problem> {
    let rows = tx.query(
        "SELECT version, told FROM consent_text WHERE purpose = ?1 ORDER BY version",
        &[purpose.into()],
    )?;
    let mut texts = BTreeMap::new();
    for row in &rows {
        let (version, told): (i64, String) = (row.get(0)?, row.get(1)?);
        let wrong = |column: &str| banyan_store::Error::Inconsistent {
            table: "consent_text".into(),
            column: column.into(),
            row: format!("{purpose}/{version}"),
        };
        let number = u32::try_from(version).map_err(|_| wrong("version"))?;
        texts.insert(number, serde_json::from_str(&told).map_err(|_| wrong("told"))?);
    }
    Ok(texts)
}

/// All purposes that ask for a person's consent, and all that he agreed to: by system, with the history of each, newest first.
pub(super) fn list(person: &PersonLog, cx: &Ctx, tx: &mut Tx<'_>, party: &str) -> Result<Vec<Json>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM consent WHERE party = ?1 ORDER BY given_at DESC, id DESC");
    let mut given: BTreeMap<String, Vec<Consent>> = BTreeMap::new();
    for row in tx.query(&sql, &[party.into()])? {
        let consent = decode(&row)?;
        given.entry(consent.purpose.clone()).or_default().push(consent);
    }
    let mut items = Vec::new();
    for asked in person.declared.consents(tx)? {
        let history = given.remove(&asked.name).unwrap_or_default();
        if asked.is_over(cx.today()) && history.is_empty() {
            continue;
        }
        items.push(item(tx, (&asked.name, Some(&asked), cx), &history)?);
    }
    // Of packages that are no longer here.
    for (purpose, history) in &given {
        items.push(item(tx, (purpose, None, cx), history)?);
    }
    Ok(items)
}

fn item(
    tx: &mut Tx<'_>,
    (purpose, asked, cx): (&str, Option<&ConsentAsked>, &Ctx),
    history: &[Consent],
) -> Result<Json, Problem> {
    let texts = if history.is_empty() {
        BTreeMap::new()
    } else {
        texts(tx, purpose)?
    };
    let current = history.iter().find(|consent| consent.withdrawn_at.is_none());
    let over = asked.is_none_or(|asked| asked.is_over(cx.today()));
    let state = match (current, asked) {
        _ if over => "over",
        (Some(consent), Some(asked)) if consent.version < asked.version => "outdated",
        (Some(_), _) => "given",
        (None, _) if history.is_empty() => "none",
        (None, _) => "withdrawn",
    };
    let title = match state {
        "given" => "已同意",
        "outdated" => "同意书已更新,原来的同意不再有效",
        "withdrawn" => "已撤回",
        "over" => "用途已终止",
        _ => "未同意",
    };
    let past: Vec<Json> = history
        .iter()
        .map(|consent| {
            json!({
                "version": consent.version, "given_at": consent.given_at, "via": consent.via,
                "via_title": via_title(&consent.via), "withdrawn_at": consent.withdrawn_at,
                "told": texts.get(&consent.version),
            })
        })
        .collect();
    let last = history.first().and_then(|consent| texts.get(&consent.version));
    Ok(json!({
        "purpose": purpose, "state": state, "state_title": title,
        "version": asked.map(|asked| asked.version), "told": asked.map(told).or_else(|| last.cloned()),
        "given_at": current.map(|consent| &consent.given_at), "history": past,
    }))
}
