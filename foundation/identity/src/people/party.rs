//! The party register: natural persons and organisations, by ids that say nothing. Names and numbers are sealed under the key
//! file; a number that is proved is found again by a keyed hash, and is one party's only.

use banyan_base::{Ctx, Problem, cn, codes};
use banyan_door::Touch;
use banyan_store::Tx;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::citizen::{self, Tie};
use crate::sign::secret_box::SecretBox;

/// Level from which on somebody is known to be who he says.
pub(crate) const PROVED: u8 = 2;

/// What the register is called in the audit log, and the purpose for which it is read.
pub(crate) const TYPE: &str = "platform.party";
pub(crate) const PURPOSE: &str = "platform.identity";

/// That these fields of parties were shown.
pub(crate) fn touch<'a>(fields: impl IntoIterator<Item = &'a str>) -> Touch {
    Touch {
        purpose: Some(PURPOSE.to_owned()),
        ..Touch::of(TYPE).fields(fields)
    }
}

/// What a party is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Person,
    Organisation,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::Organisation => "organisation",
        }
    }
}

/// A party as it stands; its number only as it may be shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Party {
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// All but the first and the last character hidden.
    pub(crate) number: Option<String>,
    pub(crate) level: u8,
    pub(crate) version: i64,
}

/// A name and a number that somebody wrote: trimmed, and the number good by its check digit.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) number: String,
}

impl Named {
    /// # Errors
    /// `INVALID` at `/name` and `/number`; never with what was written.
    pub(crate) fn read(kind: Kind, name: &str, number: &str, today: Date) -> Result<Named, Problem> {
        let (name, number) = (name.trim(), number.trim().to_ascii_uppercase());
        let mut wrong = Problem::new(codes::INVALID, "姓名(名称)或号码不符合要求。");
        if let Some(message) = super::wrong_text(name, 60) {
            wrong = wrong.with_error("/name", "length", message);
        }
        let checked = match kind {
            Kind::Person => cn::check_person_number(&number, today),
            Kind::Organisation => cn::check_credit_code(&number),
        };
        if let Err(fault) = checked {
            wrong = wrong.with_error("/number", fault.code(), fault.message());
        }
        if !wrong.errors.is_empty() {
            return Err(wrong);
        }
        Ok(Named {
            kind,
            name: name.to_owned(),
            number,
        })
    }

    fn number_index(&self, secrets: &SecretBox) -> String {
        secrets.blind(
            "party/number",
            &format!("{}\u{0}{}", self.kind.as_str(), self.number),
        )
    }

    /// Number and name together: whoever knows but one of them finds nothing.
    pub(crate) fn pair_index(&self, secrets: &SecretBox) -> String {
        secrets.blind(
            "party/pair",
            &format!("{}\u{0}{}\u{0}{}", self.kind.as_str(), self.number, self.name),
        )
    }
}

/// A number as it may be shown to whoever wrote it.
pub(crate) fn masked(number: &str) -> String {
    let count = number.chars().count();
    let edge = |at: usize| at == 0 || at + 1 == count;
    let shown = number.chars().enumerate();
    shown.map(|(at, c)| if edge(at) { c } else { '*' }).collect()
}

/// A name as it stands where it lies about in clear: the first character only.
pub(crate) fn masked_name(name: &str) -> String {
    let hidden = name.chars().count().saturating_sub(1).min(3);
    name.chars()
        .take(1)
        .chain(std::iter::repeat_n('*', hidden))
        .collect()
}

/// The day of birth that a person's number says.
fn birth(number: &str) -> Option<Date> {
    let part = |from: usize, to: usize| number.get(from..to);
    let month = part(10, 12)?.parse().ok()?;
    Date::new(part(6, 10)?.parse().ok()?, month, part(12, 14)?.parse().ok()?).ok()
}

fn place(id: &str, what: &str) -> String {
    format!("party/{id}/{what}")
}

fn unsealed(secrets: &SecretBox, id: &str, what: &str, sealed: &str) -> Result<String, Problem> {
    String::from_utf8(secrets.unseal(&place(id, what), sealed)?).map_err(Problem::internal)
}

/// A party by id.
pub(crate) fn find(tx: &mut Tx<'_>, secrets: &SecretBox, id: &str) -> Result<Option<Party>, Problem> {
    let sql = "SELECT kind, name, number, level, version FROM party WHERE id = ?1";
    let Some(row) = tx.query_opt(sql, &[id.into()])? else {
        return Ok(None);
    };
    let number: Option<String> = row.get(2)?;
    let number = number
        .map(|sealed| unsealed(secrets, id, "number", &sealed))
        .transpose()?;
    Ok(Some(Party {
        id: id.to_owned(),
        kind: if row.get::<String>(0)? == Kind::Organisation.as_str() {
            Kind::Organisation
        } else {
            Kind::Person
        },
        name: unsealed(secrets, id, "name", &row.get::<String>(1)?)?,
        number: number.as_deref().map(masked),
        level: level(row.get(3)?)?,
        version: row.get(4)?,
    }))
}

pub(crate) fn level(stored: i64) -> Result<u8, Problem> {
    u8::try_from(stored).map_err(Problem::internal)
}

/// The day on which somebody reaches an age. Who is born on 29 February does on 1 March.
pub(crate) fn turns(born: Date, years: i16) -> Option<Date> {
    match born.checked_add(jiff::Span::new().years(years)).ok()? {
        day if day.day() == born.day() => Some(day),
        day => day.tomorrow().ok(),
    }
}

/// The day of a person's birth; `None`: his number is not known, or the party is no person.
pub(crate) fn born(tx: &mut Tx<'_>, secrets: &SecretBox, id: &str) -> Result<Option<Date>, Problem> {
    let sql = "SELECT number FROM party WHERE id = ?1 AND kind = 'person' AND number IS NOT NULL";
    let Some(row) = tx.query_opt(sql, &[id.into()])? else {
        return Ok(None);
    };
    let number = unsealed(secrets, id, "number", &row.get::<String>(0)?)?;
    Ok(birth(&number))
}

/// The day before a person's 18th birthday; `None`: his number is not known, or the party is no person.
pub(crate) fn last_minor_day(
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    id: &str,
) -> Result<Option<Date>, Problem> {
    let of_age = born(tx, secrets, id)?.and_then(|born| turns(born, 18));
    Ok(of_age.and_then(|day| day.yesterday().ok()))
}

/// The party for which name and number are proved. One look-up, whether there is one or not.
pub(crate) fn proved(tx: &mut Tx<'_>, pair: &str) -> Result<Option<String>, Problem> {
    let row = tx.query_opt(
        "SELECT party FROM party_number WHERE pair_index = ?1",
        &[pair.into()],
    )?;
    Ok(row.map(|row| row.get(0)).transpose()?)
}

/// Makes a party of what somebody says of himself.
pub(crate) fn claim(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    name: &str,
    number: Option<&str>,
) -> Result<String, Problem> {
    let id = cx.id().into_string();
    insert(cx, tx, secrets, &id, (Kind::Person, name, number, 1))?;
    Ok(id)
}

fn insert(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    id: &str,
    (kind, name, number, level): (Kind, &str, Option<&str>, u8),
) -> Result<(), Problem> {
    let number = number
        .map(|number| secrets.seal(&place(id, "number"), number.as_bytes()))
        .transpose()?;
    tx.execute(
        "INSERT INTO party (id, kind, name, number, level, version, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)",
        &[
            id.into(),
            kind.as_str().into(),
            secrets.seal(&place(id, "name"), name.as_bytes())?.into(),
            number.into(),
            i64::from(level).into(),
            cx.now_text().into(),
        ],
    )?;
    Ok(())
}

/// How name and number were proved.
pub(crate) struct Proof<'a> {
    pub(crate) named: Named,
    /// 2 or 3.
    pub(crate) level: u8,
    /// `clerk` or `oidc:<provider>`.
    pub(crate) way: &'a str,
    /// What was seen, in the clerk's words.
    pub(crate) evidence: &'a str,
}

fn set(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    id: &str,
    named: &Named,
    level: u8,
) -> Result<(), Problem> {
    tx.execute(
        "UPDATE party SET name = ?2, number = ?3, level = ?4, version = version + 1, updated_at = ?5 WHERE id = ?1",
        &[
            id.into(),
            secrets.seal(&place(id, "name"), named.name.as_bytes())?.into(),
            secrets
                .seal(&place(id, "number"), named.number.as_bytes())?
                .into(),
            i64::from(level).into(),
            cx.now_text().into(),
        ],
    )?;
    Ok(())
}

/// Takes a proof: the party that has this number, which the account, if one is meant, is from now on. What others only
/// claimed stays a claim.
///
/// # Errors
/// `CONFLICT` where the account is known to be somebody else, or the number is proved under another name that this proof can't
/// change.
pub(crate) fn prove(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    account: Option<&str>,
    proof: &Proof<'_>,
) -> Result<String, Problem> {
    let named = &proof.named;
    let indexes = (named.number_index(secrets), named.pair_index(secrets));
    let tie = account.map_or(Ok(None), |account| citizen::tie(tx, account))?;
    let party = match &tie {
        Some(tie) if tie.level >= PROVED => meet(cx, tx, secrets, proof, &indexes)?,
        _ => first(cx, tx, secrets, proof, &indexes, tie.as_ref())?,
    };
    if let Some(account) = account {
        citizen::set_tie(tx, account, tie.as_ref(), &party, proof.level)?;
        tx.execute(
            "UPDATE account SET name = ?2 WHERE id = ?1",
            &[account.into(), masked_name(&named.name).into()],
        )?;
    }
    let id = cx.id().into_string();
    let sealed = secrets.seal(&format!("proof/{id}"), proof.evidence.trim().as_bytes())?;
    tx.execute(
        "INSERT INTO party_proof (id, party, account, level, way, by_account, evidence, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            id.into(),
            party.as_str().into(),
            account.into(),
            i64::from(proof.level).into(),
            proof.way.into(),
            cx.actor.id.as_str().into(),
            sealed.into(),
            cx.now_text().into(),
        ],
    )?;
    Ok(party)
}

/// A number that may be nobody's yet: then it is that of the party which only claimed one, or of a new one.
fn first(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    proof: &Proof<'_>,
    indexes: &(String, String),
    claimed: Option<&Tie>,
) -> Result<String, Problem> {
    let named = &proof.named;
    let id = claimed.map_or_else(|| cx.id().into_string(), |tie| tie.party.clone());
    if claimed.is_none() {
        insert(cx, tx, secrets, &id, (named.kind, &named.name, None, 1))?;
    }
    // Of two that prove one number at once the second waits here, and then meets the first one's party.
    let taken = tx.execute(
        "INSERT INTO party_number (number_index, pair_index, party) VALUES (?1, ?2, ?3) ON CONFLICT (number_index) DO NOTHING",
        &[indexes.0.as_str().into(), indexes.1.as_str().into(), id.as_str().into()],
    )?;
    if taken == 1 {
        set(cx, tx, secrets, &id, named, proof.level)?;
        return Ok(id);
    }
    if claimed.is_none() {
        tx.execute("DELETE FROM party WHERE id = ?1", &[id.into()])?;
    }
    meet(cx, tx, secrets, proof, indexes)
}

/// The party that has this number already: its name is brought up to date by what was seen in person.
fn meet(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    secrets: &SecretBox,
    proof: &Proof<'_>,
    (number_index, pair_index): &(String, String),
) -> Result<String, Problem> {
    let row = tx.query_opt(
        "SELECT n.party, n.pair_index, p.level FROM party_number n JOIN party p ON p.id = n.party WHERE n.number_index = ?1",
        &[number_index.as_str().into()],
    )?;
    // Nobody has it, and the account is already known to be somebody: with another number, so somebody else.
    let row = row.ok_or_else(another)?;
    let (id, pair, before): (String, String, u8) = (row.get(0)?, row.get(1)?, level(row.get(2)?)?);
    if pair != *pair_index {
        if proof.level < 3 {
            let text = "这个号码登记的是另一个姓名;姓名有变请持证件到窗口核实。";
            return Err(Problem::new(codes::CONFLICT, text));
        }
        tx.execute(
            "UPDATE party_number SET pair_index = ?2 WHERE number_index = ?1",
            &[number_index.as_str().into(), pair_index.as_str().into()],
        )?;
    }
    if pair != *pair_index || before < proof.level {
        set(cx, tx, secrets, &id, &proof.named, before.max(proof.level))?;
    }
    Ok(id)
}

/// Said where an account is known to be somebody, and is now said to be somebody else.
pub(crate) fn another() -> Problem {
    let text = "这个账号已核实为另一个人,不能改为别人;请本人用自己的账号。";
    Problem::new(codes::CONFLICT, text)
}
