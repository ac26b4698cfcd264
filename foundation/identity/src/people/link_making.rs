//! How links come to be: one side asks the other, or a clerk makes one by evidence.

use std::collections::BTreeSet;

use banyan_base::{Ctx, Problem, codes, timestamp_text};
use banyan_store::Tx;
use jiff::{SignedDuration, ToSpan};
use serde::Deserialize;
use serde_json::{Value, json};

use super::link::{LinkKind, Words, side, tell};
use super::party::{self, Kind, Named, PROVED};
use super::{day, list_text, wrong_text};
use crate::sign::secret_box::SecretBox;
use crate::sign::session;

/// What one person may ask for in 24 hours.
const MOST_ASKED: i64 = 20;
/// The longest link between two, both days included.
const MOST_DAYS: i32 = 366;

/// Which way a link goes that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Way {
    /// The other may act for me (or for the organisation that I act for).
    Give,
    /// I may act for the other.
    Ask,
}

/// A link that one side asks for.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    way: Way,
    name: String,
    number: String,
    packages: BTreeSet<String>,
    from: String,
    until: String,
    reason: String,
}

/// A link that a clerk makes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Granted {
    kind: LinkKind,
    party: String,
    person: String,
    /// Absent: all.
    #[serde(default)]
    packages: Option<BTreeSet<String>>,
    from: String,
    #[serde(default)]
    until: Option<String>,
    evidence: String,
}

impl Granted {
    /// The two that it is about.
    pub(crate) fn parties(&self) -> [&str; 2] {
        [&self.party, &self.person]
    }
}

/// What is wrong with packages, if anything.
fn wrong_package(packages: &BTreeSet<String>) -> Option<String> {
    if packages.is_empty() || packages.len() > 50 {
        return Some("请选 1 到 50 类事项(包)".into());
    }
    let fits = |id: &String| {
        (1..=31).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    let wrong = packages.iter().find(|id| !fits(id));
    wrong.map(|_| "事项应为包的编号,如 health-code".into())
}

/// Adds what is wrong with the days from `from` to `until`.
fn check_days(
    cx: &Ctx,
    mut wrong: Problem,
    from: &str,
    until: Option<&str>,
    longest: Option<i32>,
) -> Problem {
    let days = (
        day("/from", from),
        until.map(|text| day("/until", text)).transpose(),
    );
    match days {
        (Ok(first), Ok(last)) => {
            if last.is_some_and(|last| last < first || last < cx.today()) {
                wrong = wrong.with_error("/until", "range", "止期不能早于起期和今天");
            }
            let most = longest.and_then(|days| first.max(cx.today()).checked_add((days - 1).days()).ok());
            if let (Some(last), Some(most)) = (last, most)
                && last > most
            {
                let days = longest.unwrap_or_default();
                wrong = wrong.with_error("/until", "range", format!("最长 {days} 天"));
            }
        }
        (first, last) => {
            for problem in [first.err(), last.err()].into_iter().flatten() {
                wrong.errors.extend(problem.errors);
            }
        }
    }
    wrong
}

/// The other side as it was written: a person, or an organisation where that can be.
fn other(cx: &Ctx, asked: &Asked) -> Result<Named, Problem> {
    let person = Named::read(Kind::Person, &asked.name, &asked.number, cx.today());
    match (person, asked.way) {
        (Err(problem), Way::Ask) => {
            Named::read(Kind::Organisation, &asked.name, &asked.number, cx.today()).map_err(|_| problem)
        }
        (person, _) => person,
    }
}

/// Asks for a link. Whether anybody has that name and number makes no difference to what is done, but for one id that is
/// kept or is not.
pub(crate) fn ask(cx: &Ctx, tx: &mut Tx<'_>, secrets: &SecretBox, asked: &Asked) -> Result<Value, Problem> {
    // Links let others act in one's name: never by a token that may have been lost.
    session::own(cx)?;
    let side = side(cx, tx)?;
    if asked.way == Way::Ask && side.party != side.person {
        let text = "请以本人身份申请代人办事。";
        return Err(Problem::new(codes::FORBIDDEN, text));
    }
    let mut wrong = Problem::new(codes::INVALID, "授权不符合要求。");
    let named = other(cx, asked);
    if let Err(problem) = &named {
        wrong.errors.extend(problem.errors.iter().cloned());
    }
    if let Some(message) = wrong_package(&asked.packages) {
        wrong = wrong.with_error("/packages", "pattern", message);
    }
    if let Some(message) = wrong_text(&asked.reason, 200) {
        wrong = wrong.with_error("/reason", "length", message);
    }
    wrong = check_days(cx, wrong, &asked.from, Some(&asked.until), Some(MOST_DAYS));
    let named = match named {
        Ok(named) if wrong.errors.is_empty() => named,
        _ => return Err(wrong),
    };
    // The person's row keeps two that come at once apart, so that the count is right.
    let lock = format!("SELECT id FROM party WHERE id = ?1{}", tx.dialect().for_update());
    tx.query(&lock, &[side.person.as_str().into()])?;
    let since = timestamp_text(cx.now - SignedDuration::from_hours(24));
    let row = tx.query_opt(
        "SELECT count(*) FROM party_link WHERE asker = ?1 AND created_at > ?2",
        &[side.person.as_str().into(), since.into()],
    )?;
    if row.map(|row| row.get::<i64>(0)).transpose()?.unwrap_or(0) >= MOST_ASKED {
        let text = format!("24 小时内最多提出 {MOST_ASKED} 次授权,请明天再办。");
        return Err(Problem::new(codes::TOO_MANY, text));
    }
    let found = party::proved(tx, &named.pair_index(secrets))?;
    if found.as_ref() == Some(&side.person) || found.as_ref() == Some(&side.party) {
        return Err(wrong.with_error("/number", "self", "不能授权给自己"));
    }
    let (party, person) = match asked.way {
        Way::Give => (Some(side.party.clone()), found),
        Way::Ask => (found, Some(side.person.clone())),
    };
    let words = Words {
        name: named.name,
        number: party::masked(&named.number),
        reason: asked.reason.trim().to_owned(),
    };
    let link = New {
        kind: LinkKind::Agent,
        party,
        person,
        asker: Some(side.person),
        from_party: asked.way == Way::Give,
        packages: Some(&asked.packages),
        words: &words,
        from: &asked.from,
        until: Some(&asked.until),
        agreed: false,
    };
    let id = insert(cx, tx, secrets, &link)?;
    let account = crate::admin::view(tx, &cx.actor.id)?;
    crate::admin::tell_more(cx, tx, &account, "link_asked", json!({ "link": id }))?;
    Ok(json!({ "id": id, "state": "asked" }))
}

struct New<'a> {
    kind: LinkKind,
    party: Option<String>,
    person: Option<String>,
    asker: Option<String>,
    from_party: bool,
    packages: Option<&'a BTreeSet<String>>,
    words: &'a Words,
    from: &'a str,
    until: Option<&'a str>,
    agreed: bool,
}

fn insert(cx: &Ctx, tx: &mut Tx<'_>, secrets: &SecretBox, new: &New<'_>) -> Result<String, Problem> {
    let id = cx.id().into_string();
    let words = serde_json::to_vec(new.words).map_err(Problem::internal)?;
    let agreed = new.agreed.then(|| (cx.now_text(), cx.actor.id.clone()));
    let (agreed_at, agreed_by) = agreed.unzip();
    tx.execute(
        "INSERT INTO party_link (id, kind, party, person, asker, from_party, packages, words, starts_on, ends_on, created_at,
         agreed_at, agreed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        &[
            id.as_str().into(),
            new.kind.as_str().into(),
            new.party.as_deref().into(),
            new.person.as_deref().into(),
            new.asker.as_deref().into(),
            i64::from(new.from_party).into(),
            new.packages.map(list_text).transpose()?.into(),
            secrets.seal(&format!("link/{id}"), &words)?.into(),
            new.from.into(),
            new.until.into(),
            cx.now_text().into(),
            agreed_at.into(),
            agreed_by.into(),
        ],
    )?;
    Ok(id)
}

/// Makes the link of a legal representative or a guardian, by a clerk's evidence.
pub(crate) fn grant(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    granted: &Granted,
) -> Result<Value, Problem> {
    let mut wrong = Problem::new(codes::INVALID, "授权不符合要求。");
    if let Some(message) = wrong_text(&granted.evidence, 200) {
        wrong = wrong.with_error("/evidence", "length", message);
    }
    if let Some(message) = granted.packages.as_ref().and_then(wrong_package) {
        wrong = wrong.with_error("/packages", "pattern", message);
    }
    let until = granted.until.as_deref().filter(|text| !text.is_empty());
    wrong = check_days(cx, wrong, &granted.from, until, None);
    if granted.kind == LinkKind::Agent {
        wrong = wrong.with_error("/kind", "enum", "代理由双方自己约定,窗口不代办");
    }
    let wanted = match granted.kind {
        LinkKind::Legal => Kind::Organisation,
        _ => Kind::Person,
    };
    let party = party::find(tx, secrets, &granted.party)?.filter(|party| party.kind == wanted);
    let person = party::find(tx, secrets, &granted.person)?.filter(|person| person.kind == Kind::Person);
    for (pointer, found) in [("/party", &party), ("/person", &person)] {
        if found.as_ref().is_none_or(|found| found.level < PROVED) {
            wrong = wrong.with_error(pointer, "reference", "没有核实过的这一方;请先登记");
        }
    }
    if granted.party == granted.person {
        wrong = wrong.with_error("/person", "self", "两方不能是同一人");
    }
    let mut last = until.map(str::to_owned);
    if granted.kind == LinkKind::Guardian {
        let end = party::last_minor_day(tx, secrets, &granted.party)?.unwrap_or(jiff::civil::Date::MIN);
        if end < cx.today() || day("/from", &granted.from).is_ok_and(|first| end < first) {
            wrong = wrong.with_error("/party", "age", "已满十八岁,不能设监护人");
        }
        // It ends by itself at eighteen.
        let end = end.to_string();
        last = Some(match last {
            Some(last) => last.min(end),
            None => end,
        });
    }
    if !wrong.errors.is_empty() {
        return Err(wrong);
    }
    let words = Words {
        name: String::new(),
        number: String::new(),
        reason: granted.evidence.trim().to_owned(),
    };
    let link = New {
        kind: granted.kind,
        party: Some(granted.party.clone()),
        person: Some(granted.person.clone()),
        asker: None,
        from_party: true,
        packages: granted.packages.as_ref(),
        words: &words,
        from: &granted.from,
        until: last.as_deref(),
        agreed: true,
    };
    let id = insert(cx, tx, secrets, &link)?;
    let both = [Some(granted.party.as_str()), Some(granted.person.as_str())];
    tell(cx, tx, both, &id, "link_granted")?;
    Ok(json!({ "id": id, "state": "standing", "until": last }))
}
