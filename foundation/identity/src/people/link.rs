//! Links: that a person may act for a party, within some packages and for a while. Between two it stands when both have
//! agreed; for legal representatives and guardians a clerk makes it, by evidence. Either side ends it at once.
//!
//! Whoever asks by name and number learns nothing by asking: what is asked of nobody is kept and told like what is asked of
//! somebody who has not answered, and a refusal is not told.

use std::collections::BTreeSet;

use banyan_base::{Ctx, Grant, Problem, codes};
use banyan_store::{Row, Tx};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::party::{self, PROVED};
use super::{citizen, list_of};
use crate::sign::secret_box::SecretBox;
use crate::sign::session;

/// Days within which the other side must agree.
const ASKED_DAYS: i64 = 14;
/// Operations that somebody who acts for a party by a link needs besides the packages of the link.
const BESIDES: &[&str] = &[
    "session.view",
    "session.delete",
    "party.mine",
    "party_link.ask",
    "party_link.list",
    "party_link.agree",
    "party_link.revoke",
    "file.create",
    "file.view",
];

/// Why somebody may act for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkKind {
    /// Legal representative (法定代表人): a person for an organisation.
    Legal,
    /// Agent (代理人), by agreement.
    Agent,
    /// Guardian (监护人): a person for a minor.
    Guardian,
}

impl LinkKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            LinkKind::Legal => "legal",
            LinkKind::Agent => "agent",
            LinkKind::Guardian => "guardian",
        }
    }

    fn of(text: &str) -> LinkKind {
        match text {
            "legal" => LinkKind::Legal,
            "guardian" => LinkKind::Guardian,
            _ => LinkKind::Agent,
        }
    }
}

/// What is kept of the asker's own words.
#[derive(Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) name: String,
    pub(super) number: String,
    pub(super) reason: String,
}

/// Said to whoever says that he acts for a party, and may not; it tells nothing about the party.
pub(crate) fn refused() -> Problem {
    let text =
        "您现在不能代这一方办事:没有授权,或授权已到期、已撤销。请到“我的身份与授权”查看,或请对方授权。";
    Problem::new(codes::FORBIDDEN, text)
}

/// That a link `l` stands on the day of this parameter.
fn stands(day: &str) -> String {
    format!(
        "l.agreed_at IS NOT NULL AND l.revoked_at IS NULL AND l.starts_on <= {day} AND (l.ends_on IS NULL OR l.ends_on >= {day})"
    )
}

/// The packages in which a person may act for a party today; `Some(None)`: all; `None`: not at all.
pub(crate) fn standing(
    tx: &mut Tx<'_>,
    party: &str,
    person: &str,
    today: &str,
) -> Result<Option<Option<BTreeSet<String>>>, Problem> {
    let sql = format!(
        "SELECT l.packages FROM party_link l WHERE l.party = ?1 AND l.person = ?2 AND {} LIMIT 1000",
        stands("?3")
    );
    let rows = tx.query(&sql, &[party.into(), person.into(), today.into()])?;
    let mut all = BTreeSet::new();
    for row in &rows {
        match row.get::<Option<String>>(0)? {
            None => return Ok(Some(None)),
            Some(packages) => all.extend(list_of(&packages)?),
        }
    }
    Ok((!rows.is_empty()).then_some(Some(all)))
}

/// Whether a person is a party's guardian on a day.
pub(crate) fn guards(tx: &mut Tx<'_>, person: &str, party: &str, day: &str) -> Result<bool, Problem> {
    let sql = format!(
        "SELECT 1 FROM party_link l WHERE l.party = ?1 AND l.person = ?2 AND l.kind = 'guardian' AND {} LIMIT 1",
        stands("?3")
    );
    let row = tx.query_opt(&sql, &[party.into(), person.into(), day.into()])?;
    Ok(row.is_some())
}

/// Narrows what a caller is let do to the packages of his link.
///
/// # Errors
/// `FORBIDDEN` where a token leaves none of them.
pub(crate) fn narrow(grant: &mut Grant, packages: Option<BTreeSet<String>>) -> Result<(), Problem> {
    let Some(packages) = packages else { return Ok(()) };
    let linked = packages.iter().map(|package| format!("package:{package}"));
    let scopes = match &grant.scopes {
        None => linked
            .chain(BESIDES.iter().map(|name| format!("operation:{name}")))
            .collect(),
        // What a session must do first, it does for nobody else.
        Some(_) if grant.session.is_some() => return Ok(()),
        Some(scopes) => {
            let named = scopes.iter().any(|scope| scope.contains(':'));
            let mut both: BTreeSet<String> =
                linked.filter(|scope| !named || scopes.contains(scope)).collect();
            if both.is_empty() {
                return Err(refused());
            }
            both.extend(scopes.get("read").cloned());
            both
        }
    };
    grant.scopes = Some(scopes);
    grant.reason = "对方没有授权您代办这一类事项;需要的话请对方另行授权。".into();
    Ok(())
}

/// Who speaks here: a proved person, for himself or, as its legal representative, for an organisation.
pub(super) struct Side {
    /// The person.
    pub(super) person: String,
    /// For whom he speaks.
    pub(super) party: String,
}

/// Whether a person is a party's legal representative today.
fn speaks_for(cx: &Ctx, tx: &mut Tx<'_>, party: &str, person: &str) -> Result<bool, Problem> {
    let sql = format!(
        "SELECT l.id FROM party_link l WHERE l.party = ?1 AND l.person = ?2 AND l.kind = 'legal' AND {} LIMIT 1",
        stands("?3")
    );
    let values = [party.into(), person.into(), cx.today().to_string().into()];
    Ok(tx.query_opt(&sql, &values)?.is_some())
}

/// Whose links the caller sees: his own, or those of the organisation that he speaks for here. What an agent's or a guardian's
/// party has agreed with others is not his to see.
pub(crate) fn seen(cx: &Ctx, tx: &mut Tx<'_>) -> Result<Option<String>, Problem> {
    let standing = &cx.actor.standing;
    let (Some(person), Some(party)) = (&standing.party, &standing.represents) else {
        return Ok(standing.party.clone());
    };
    let whole = speaks_for(cx, tx, party, person)?;
    Ok(Some(if whole { party.clone() } else { person.clone() }))
}

/// # Errors
/// `FORBIDDEN` for whoever is not proved to be somebody, and for who acts for another in less than its full name.
pub(super) fn side(cx: &Ctx, tx: &mut Tx<'_>) -> Result<Side, Problem> {
    let standing = &cx.actor.standing;
    let person = standing
        .party
        .clone()
        .filter(|_| standing.level >= PROVED)
        .ok_or_else(|| {
            let text = "授权办事须先核实身份:请通过省统一身份认证登录一次,或持证件到窗口核实。";
            Problem::new(codes::FORBIDDEN, text)
        })?;
    let party = match &standing.represents {
        None => person.clone(),
        Some(party) if speaks_for(cx, tx, party, &person)? => party.clone(),
        Some(_) => {
            let text = "只有法定代表人能替单位授权;代理人和监护人不能再转授权。";
            return Err(Problem::new(codes::FORBIDDEN, text));
        }
    };
    Ok(Side { person, party })
}

/// Tells the accounts of parties.
pub(super) fn tell(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    parties: [Option<&str>; 2],
    link: &str,
    verb: &str,
) -> Result<(), Problem> {
    for party in parties.into_iter().flatten() {
        for account in citizen::accounts_of(tx, party)? {
            crate::admin::tell_more(cx, tx, &account, verb, json!({ "link": link }))?;
        }
    }
    Ok(())
}

/// A link as it is kept.
struct Link {
    id: String,
    kind: LinkKind,
    party: Option<String>,
    person: Option<String>,
    asker: Option<String>,
    from_party: bool,
    packages: Option<BTreeSet<String>>,
    words: String,
    from: String,
    until: Option<String>,
    created_at: String,
    agreed_at: Option<String>,
    revoked_at: Option<String>,
    revoked_by: Option<String>,
}

const SELECT: &str =
    "SELECT id, kind, party, person, asker, from_party, packages, words, starts_on, ends_on, created_at,
     agreed_at, revoked_at, revoked_by FROM party_link";

fn decode(row: &Row) -> Result<Link, Problem> {
    let packages: Option<String> = row.get(6)?;
    Ok(Link {
        id: row.get(0)?,
        kind: LinkKind::of(&row.get::<String>(1)?),
        party: row.get(2)?,
        person: row.get(3)?,
        asker: row.get(4)?,
        from_party: row.get(5)?,
        packages: packages.as_deref().map(list_of).transpose()?,
        words: row.get(7)?,
        from: row.get(8)?,
        until: row.get(9)?,
        created_at: row.get(10)?,
        agreed_at: row.get(11)?,
        revoked_at: row.get(12)?,
        revoked_by: row.get(13)?,
    })
}

impl Link {
    /// The side that asked, and the side that is asked.
    fn asking(&self) -> (Option<&str>, Option<&str>) {
        let (party, person) = (self.party.as_deref(), self.person.as_deref());
        if self.from_party {
            (party, person)
        } else {
            (person, party)
        }
    }

    /// Until when the other side may agree.
    fn open_until(&self) -> Option<jiff::Timestamp> {
        let asked: jiff::Timestamp = self.created_at.parse().ok()?;
        Some(asked + SignedDuration::from_hours(24 * ASKED_DAYS))
    }

    fn lapsed(&self, cx: &Ctx) -> bool {
        self.open_until().is_none_or(|end| end < cx.now)
            || self
                .until
                .as_ref()
                .is_some_and(|last| *last < cx.today().to_string())
    }

    /// How it stands, as this side may know: that the other refused is not told.
    fn state(&self, cx: &Ctx, side: &str) -> &'static str {
        let today = cx.today().to_string();
        if self.agreed_at.is_none() {
            let mine = self.asking().0 == Some(side);
            let (by_asker, refused) = match &self.revoked_by {
                Some(by) => (self.asking().0 == Some(by.as_str()), true),
                None => (false, false),
            };
            return match (mine, self.lapsed(cx)) {
                (true, _) if by_asker => "revoked",
                (false, _) if refused => "revoked",
                (_, true) => "lapsed",
                (true, false) => "asked",
                (false, false) => "waiting",
            };
        }
        match (&self.revoked_at, &self.until) {
            (Some(_), _) => "revoked",
            (None, Some(last)) if *last < today => "ended",
            _ if self.from > today => "coming",
            _ => "standing",
        }
    }
}

fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Link>, Problem> {
    let sql = format!("{SELECT} WHERE id = ?1");
    tx.query_opt(&sql, &[id.into()])?
        .map(|row| decode(&row))
        .transpose()
}

fn none() -> Problem {
    Problem::new(codes::NOT_FOUND, "没有这项授权。")
}

/// Agrees to what the other side asked for; only the side that was asked can.
pub(crate) fn agree(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    session::own(cx)?;
    let side = side(cx, tx)?;
    let link = find(tx, id)?.filter(|link| link.asking().1 == Some(side.party.as_str()));
    let link = link.ok_or_else(none)?;
    if link.revoked_at.is_none() && link.agreed_at.is_some() {
        return Ok(());
    }
    if link.revoked_at.is_some() || link.lapsed(cx) {
        return Err(Problem::new(
            codes::CONFLICT,
            "这项申请已撤回、已拒绝或已过期;需要的话请对方重新提出。",
        ));
    }
    let agreed = tx.execute(
        "UPDATE party_link SET agreed_at = ?2, agreed_by = ?3 WHERE id = ?1 AND agreed_at IS NULL AND revoked_at IS NULL",
        &[id.into(), cx.now_text().into(), cx.actor.id.as_str().into()],
    )?;
    if agreed == 1 {
        tell(
            cx,
            tx,
            [link.party.as_deref(), link.person.as_deref()],
            id,
            "link_agreed",
        )?;
    }
    Ok(())
}

/// Ends a link, or refuses what was asked, at once. Either side may, and a clerk; for others there is none.
pub(crate) fn revoke(cx: &Ctx, tx: &mut Tx<'_>, id: &str, clerk: bool) -> Result<(), Problem> {
    let by = if clerk { None } else { Some(side(cx, tx)?.party) };
    let link = find(tx, id)?.filter(|link| {
        let (asking, asked) = link.asking();
        clerk || asking == by.as_deref() || asked == by.as_deref()
    });
    let link = link.ok_or_else(none)?;
    let ended = tx.execute(
        "UPDATE party_link SET revoked_at = ?2, revoked_by = ?3 WHERE id = ?1 AND revoked_at IS NULL",
        &[
            id.into(),
            cx.now_text().into(),
            by.as_deref().unwrap_or(&cx.actor.id).into(),
        ],
    )?;
    // That it was refused is not told to whoever asked.
    if ended == 1 && link.agreed_at.is_some() {
        tell(
            cx,
            tx,
            [link.party.as_deref(), link.person.as_deref()],
            id,
            "link_revoked",
        )?;
    }
    Ok(())
}

/// A party's links as it may see them, the newest first, at most a thousand; and the other parties that are shown by name.
pub(crate) fn list(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    side: &str,
) -> Result<(Vec<Value>, BTreeSet<String>), Problem> {
    let sql = format!("{SELECT} WHERE party = ?1 OR person = ?1 ORDER BY id DESC LIMIT 1000");
    let rows = tx.query(&sql, &[side.into()])?;
    let (mut items, mut shown) = (Vec::new(), BTreeSet::new());
    for row in &rows {
        let link = decode(row)?;
        let given = link.party.as_deref() == Some(side);
        let words: Words =
            serde_json::from_slice(&secrets.unseal(&format!("link/{}", link.id), &link.words)?)
                .map_err(Problem::internal)?;
        let asked_by_me = link.asker.is_some() && link.asking().0 == Some(side);
        let other = if given { &link.person } else { &link.party };
        // Before it is agreed the asker sees what he wrote, and nothing of who that is.
        let (id, name, number) = if asked_by_me && link.agreed_at.is_none() {
            (None, words.name, Some(words.number))
        } else {
            let found = other
                .as_ref()
                .map(|id| party::find(tx, secrets, id))
                .transpose()?;
            let found = found.flatten();
            shown.extend(found.as_ref().map(|party| party.id.clone()));
            let name = found.as_ref().map(|party| party.name.clone()).unwrap_or_default();
            let agreed = found.filter(|_| link.agreed_at.is_some());
            (agreed.map(|party| party.id), name, None)
        };
        let state = link.state(cx, side);
        let hidden = link.agreed_at.is_none() && asked_by_me && state != "revoked";
        items.push(json!({
            "id": link.id, "kind": link.kind, "way": if given { "given" } else { "received" }, "state": state,
            "other": { "id": id, "name": name, "number": number }, "packages": link.packages, "reason": words.reason,
            "from": link.from, "until": link.until, "created_at": link.created_at, "agreed_at": link.agreed_at,
            "revoked_at": link.revoked_at.filter(|_| !hidden),
        }));
    }
    Ok((items, shown))
}
