//! What installed packages and the registry of units call things: the port by which a person's log speaks plain Chinese.

use std::collections::{BTreeMap, BTreeSet};

use banyan_base::{Problem, Title};
use banyan_store::Tx;
use jiff::civil::Date;

/// A type as people call it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeTold {
    pub title: String,
    /// The package's title.
    pub system: String,
    /// Titles of its fields, by name.
    pub fields: BTreeMap<String, String>,
    /// Its personal fields, by name.
    pub personal: BTreeSet<String>,
}

/// A purpose as people call it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurposeTold {
    pub title: String,
    pub legal_basis: String,
}

/// A purpose that rests on consent, as persons are told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsentAsked {
    /// `<package>.<purpose>`.
    pub name: String,
    pub title: String,
    pub legal_basis: String,
    /// The package's title.
    pub system: String,
    /// Name of the unit that answers for it.
    pub owner: String,
    /// ISO 8601 duration.
    pub retention: String,
    /// Last day, ISO date.
    pub sunset: Option<String>,
    pub version: u32,
    pub text: Title,
    pub effects: Option<Title>,
    /// Whether a person confirms apart that the data are sensitive.
    pub sensitive: bool,
    /// Titles of the personal fields that are used.
    pub fields: Vec<String>,
}

impl ConsentAsked {
    /// Whether the purpose has ended.
    pub(super) fn is_over(&self, today: Date) -> bool {
        self.sunset
            .as_deref()
            .is_some_and(|day| today.to_string().as_str() > day)
    }
}

/// The unit that answers for a package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    pub name: String,
    /// Code in `base.unit`; `None` where no unit of that name is there.
    pub unit: Option<String>,
}

/// Units by code, and accounts by id.
pub type Named = BTreeMap<String, String>;

/// Told by whoever knows what is installed; in the reader's transaction.
pub trait Declared: Send + Sync {
    /// A type by `<package>.<type>`; `None` where it is not installed (any more).
    ///
    /// # Errors
    /// Where it can't be read; so below.
    fn of_type(&self, tx: &mut Tx<'_>, name: &str) -> Result<Option<TypeTold>, Problem>;

    /// A purpose by `<package>.<purpose>`.
    ///
    /// # Errors
    /// As above.
    fn purpose(&self, tx: &mut Tx<'_>, name: &str) -> Result<Option<PurposeTold>, Problem>;

    /// All purposes that rest on consent, by package.
    ///
    /// # Errors
    /// As above.
    fn consents(&self, tx: &mut Tx<'_>) -> Result<Vec<ConsentAsked>, Problem>;

    /// Names of units by code, as far as they are known.
    ///
    /// # Errors
    /// As above.
    fn units(&self, tx: &mut Tx<'_>, codes: &BTreeSet<String>) -> Result<Named, Problem>;

    /// Who answers for a package.
    ///
    /// # Errors
    /// As above.
    fn owner(&self, tx: &mut Tx<'_>, package: &str) -> Result<Option<Owner>, Problem>;

    /// The last of so many working days after `from`.
    ///
    /// # Errors
    /// As above.
    fn working_day(&self, tx: &mut Tx<'_>, from: Date, count: u32) -> Result<Date, Problem>;
}

/// What consent needs to know of persons, told by whoever keeps the register of parties; in the caller's transaction.
pub trait Parties: Send + Sync {
    /// The day of a person's birth; `None` where it is not known.
    ///
    /// # Errors
    /// Where it can't be read; so below.
    fn born(&self, tx: &mut Tx<'_>, party: &str) -> Result<Option<Date>, Problem>;

    /// Whether a person is, on a day, the guardian of a party.
    ///
    /// # Errors
    /// As above.
    fn is_guardian(&self, tx: &mut Tx<'_>, person: &str, party: &str, on: Date) -> Result<bool, Problem>;
}

/// What the platform itself has of persons.
pub(super) fn own_type(name: &str) -> Option<TypeTold> {
    let (title, fields): (&str, &[(&str, &str)]) = match name {
        "platform.access_log" => ("本人信息的查看记录", &[]),
        "platform.consent" => ("对使用个人信息的同意", &[]),
        "platform.objection" => (
            "异议",
            &[
                ("entry", "所异议的记录"),
                ("reason", "异议理由"),
                ("answer", "答复"),
            ],
        ),
        _ => return None,
    };
    Some(TypeTold {
        title: title.into(),
        system: "榕平台".into(),
        fields: fields
            .iter()
            .map(|(name, title)| ((*name).into(), (*title).into()))
            .collect(),
        personal: BTreeSet::new(),
    })
}

/// For what the platform itself reads of persons.
pub(super) fn own_purpose(name: &str) -> Option<PurposeTold> {
    let (title, legal_basis) = match name {
        ACCESS => ("查阅本人信息的使用情况", "《个人信息保护法》第四十四、四十五条"),
        CONSENT => ("作出或撤回同意", "《个人信息保护法》第十四、十五、三十一条"),
        OBJECTION => ("受理和答复个人信息异议", "《个人信息保护法》第五十条"),
        _ => return None,
    };
    Some(PurposeTold {
        title: title.into(),
        legal_basis: legal_basis.into(),
    })
}

pub(super) const ACCESS: &str = "platform.access";
pub(super) const CONSENT: &str = "platform.consent";
pub(super) const OBJECTION: &str = "platform.objection";
