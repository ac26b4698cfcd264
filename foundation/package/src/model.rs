//! The package language as checked data: what a folder of files means. Plain data, no positions, no I/O.
//!
//! Names: package ids are `[a-z][a-z0-9-]{1,23}`; type, field, state, transition, role, view and list names are
//! `[a-z][a-z0-9_]{0,30}`. A type is named `<package>.<type>` from outside.

mod files;

use std::collections::BTreeMap;

use banyan_base::Title;
use serde::{Deserialize, Serialize};

pub use files::{Seed, Source, Step, StepAction};

/// Declarations keep the order of the file: it is the order of the form and of the list.
pub type Ordered<T> = Vec<(String, T)>;

/// One package, checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Package {
    pub id: String,
    pub title: Title,
    /// Clause of the plan, e.g. `1.0`.
    pub clause: String,
    pub word: Word,
    /// Unit that owns the system, by name.
    pub owner: String,
    pub version: String,
    /// Package id → lowest version.
    pub needs: BTreeMap<String, String>,
    /// What changes it here, in the order in which it is merged.
    #[serde(default, deserialize_with = "or_default")]
    pub overlays: Vec<Overlay>,
    /// Lines shown on the package's home page.
    pub summary: Title,
    pub purposes: Ordered<Purpose>,
    /// Must be there where a field is personal.
    #[serde(default)]
    pub impact: Option<Impact>,
    pub roles: Ordered<Role>,
    pub lists: Ordered<CodeList>,
    pub types: Ordered<RecordType>,
    pub views: Ordered<View>,
    pub triggers: Ordered<Trigger>,
    /// Text of policy.cedar.
    pub policy: String,
    /// Locale → message key → text.
    pub messages: BTreeMap<String, BTreeMap<String, String>>,
    /// Seed files in the order of their names.
    pub seeds: Vec<Seed>,
    /// Steps in the order of their numbers.
    pub steps: Vec<Step>,
    /// `processes/<name>.bpmn`, `decisions/<name>.dmn`, `decisions/<name>.cases.json`, `forms/<name>.form.json`: engines
    /// read and check them.
    #[serde(default)]
    pub processes: Vec<Source>,
    #[serde(default)]
    pub decisions: Vec<Source>,
    #[serde(default)]
    pub decision_cases: Vec<Source>,
    #[serde(default)]
    pub forms: Vec<Source>,
    /// Paths of the feature files.
    pub features: Vec<String>,
    /// SHA-256 over paths and bytes of all files, hex.
    pub hash: String,
}

/// A package that is merged into another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overlay {
    pub id: String,
    pub title: Title,
    pub version: String,
    /// SHA-256 over paths and bytes of its files, hex.
    pub hash: String,
}

/// Packages stored before there were overlays hold `null` here.
fn or_default<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Overlay>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The five words the platform is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    #[default]
    Data,
    Service,
    Governance,
    Collaboration,
    Decision,
}

/// On what ground personal data may be processed (PIPL, article 13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The person agreed; may be withdrawn.
    Consent,
    /// A contract with the person, or the management of staff.
    Contract,
    /// A duty or power that the law gives.
    #[default]
    Duty,
    /// Public health, or life and property in danger: always with a sunset.
    Emergency,
    /// News and supervision in the public interest.
    PublicInterest,
    /// Made public by the person or lawfully.
    Published,
    /// Another law says so.
    OtherLaw,
}

/// The assessment that must be made before personal data are processed (PIPL, articles 55 and 56).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Why aims and means are lawful, proper and necessary.
    pub necessity: String,
    /// What it may do to persons, and the risks.
    pub risks: String,
    /// What is done about them, and why that is lawful, effective and fits the risk.
    pub safeguards: String,
    /// ISO date and unit.
    pub assessed_on: String,
    pub assessed_by: String,
    /// ISO date by which it is made anew.
    pub review_by: String,
    /// Why some personal fields are kept in the clear (`sealed = false`), and what guards them instead.
    #[serde(default)]
    pub unsealed: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Purpose {
    pub title: Title,
    #[serde(default)]
    pub basis: Basis,
    /// The law and its article.
    pub legal_basis: String,
    /// ISO 8601 duration, e.g. `P5Y`.
    pub retention: String,
    /// Last day, ISO date.
    pub sunset: Option<String>,
    pub roles: Vec<String>,
    /// Personal fields that the purpose needs: type → fields. What is not named is not shown for it.
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<String>>,
    /// What persons agree to, where the basis is consent.
    #[serde(default)]
    pub consent: Option<Consent>,
}

/// What a person agrees to (PIPL, articles 14 to 17 and 29 to 31).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Raised with every change of the text: consents to earlier ones count no more.
    pub version: u32,
    pub text: Title,
    /// Whether the data are sensitive (PIPL, article 28): then a person confirms that apart.
    #[serde(default)]
    pub sensitive: bool,
    /// Why sensitive data are needed, and what it does to the person (PIPL, article 30).
    #[serde(default)]
    pub effects: Option<Title>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Role {
    pub title: Title,
    /// What the role is for, shown to those who grant it.
    pub about: Title,
}

/// `codes/<name>.toml`: a code list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeList {
    pub title: Title,
    /// The standard or document the codes come from.
    pub source: Option<String>,
    pub items: Vec<CodeItem>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeItem {
    pub code: String,
    pub title: Title,
    /// First and last day on which the code may be used newly.
    pub from: Option<String>,
    pub until: Option<String>,
    /// Colour word for boards and lights: `green yellow red blue grey`.
    pub color: Option<String>,
}

/// `records/<name>.toml`: a type of record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordType {
    pub title: Title,
    /// What a record of this type is, for help texts and OpenAPI.
    pub about: Title,
    /// Field (or computed field) shown as the record's name.
    pub label: String,
    /// Natural key: unique together, usable in imports, seeds and `ref` values. May be empty.
    pub key: Vec<String>,
    pub grade: Grade,
    /// Field that holds the party id of the person or organisation the record is about; `None`: the record is its own.
    #[serde(default)]
    pub subject: Option<String>,
    /// ISO 8601 duration after which records may be destroyed; `None`: kept.
    pub retention: Option<String>,
    pub fields: Ordered<Field>,
    pub unique: Vec<Vec<String>>,
    pub index: Vec<Vec<String>>,
    /// FEEL conditions over the whole record that must hold: name → rule.
    pub rules: Ordered<RecordRule>,
    pub lifecycle: Option<Lifecycle>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordRule {
    /// Must be true; false or null refuses the record.
    pub feel: String,
    pub message: Title,
    /// Field the message is shown at.
    pub field: Option<String>,
}

/// 一般 / 重要 / 核心 by GB/T 43697; the stricter wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    #[default]
    General,
    Important,
    Core,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub title: Title,
    pub help: Option<Title>,
    pub kind: FieldKind,
    pub required: bool,
    pub unique: bool,
    pub index: bool,
    /// Part of full-text search.
    pub search: bool,
    /// Set once, at creation.
    pub immutable: bool,
    pub grade: Grade,
    pub personal: bool,
    /// Kept as a sealed text; settled when the package is read, so that one applied before there was sealing stays as it is.
    #[serde(default)]
    pub sealed: Option<bool>,
    /// How it is shown to those who may not see it whole.
    pub mask: Option<Mask>,
    pub retention: Option<String>,
    /// FEEL giving the value where none was sent, at creation.
    pub default: Option<String>,
    /// FEEL: the field is asked for only where this is true.
    pub when: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// Nothing is shown.
    Hide,
    /// First and last character stay.
    Middle,
    /// The last four characters stay.
    Tail,
    /// Only the year of a date, only the city of a region.
    Coarse,
}

/// The type of a field with what belongs to it. Stored forms are in docs/storage.md.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldKind {
    Text {
        /// Characters; default 200.
        max: u32,
        min: u32,
        /// Anchored on both ends by the checker.
        pattern: Option<String>,
        multiline: bool,
    },
    Integer {
        min: Option<i64>,
        max: Option<i64>,
        /// Unit of measure shown after the value.
        measure: Option<String>,
    },
    /// Exact decimal with `scale` digits after the point (0 to 6), at most 15 significant digits.
    Decimal {
        scale: u8,
        min: Option<f64>,
        max: Option<f64>,
        measure: Option<String>,
    },
    /// Integer 分.
    Money {
        min: Option<i64>,
        max: Option<i64>,
    },
    Boolean,
    Date {
        min: Option<String>,
        max: Option<String>,
    },
    DateTime,
    /// One code of a list: `list` is a name here or `<package>.<list>`; or of a registry: `registry` is a type whose single key is the code.
    Code {
        list: Option<String>,
        registry: Option<String>,
        many: bool,
    },
    /// GB/T 2260 and below, checked against `base.region`.
    Region {
        /// Allowed levels, by number of digits: 2 4 6 9 12; empty: all.
        levels: Vec<u8>,
        /// The date field on whose day the code must be valid; `None`: the day of entry.
        at: Option<String>,
    },
    /// A unit of `base.unit`, by code.
    Unit {
        many: bool,
    },
    PersonNumber,
    CreditCode,
    Phone,
    Ref {
        /// `<type>` here or `<package>.<type>`.
        to: String,
        on_delete: OnDelete,
    },
    /// One stored file; `accept` are file name endings, `max_bytes` default 20 MiB.
    File {
        accept: Vec<String>,
        max_bytes: u64,
        many: bool,
    },
    /// GeoJSON geometry in EPSG:4490.
    Geometry {
        kinds: Vec<String>,
    },
    Json,
    /// Always derived: FEEL over the other fields. `daily` when it reads today() or now(), so that the clock refreshes it.
    Computed {
        feel: String,
        result: ComputedType,
        daily: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComputedType {
    Text,
    Integer,
    Decimal {
        scale: u8,
    },
    Money,
    Boolean,
    Date,
    DateTime,
    /// A code of this list.
    Code {
        list: String,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDelete {
    #[default]
    Refuse,
    Clear,
    Cascade,
}

/// States a record goes through. The state is stored in the implied code field `state`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Lifecycle {
    pub initial: String,
    pub states: Ordered<State>,
    pub transitions: Ordered<Transition>,
    pub clocks: Ordered<StateClock>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub title: Title,
    pub color: Option<String>,
    /// Nothing leads out, fields are frozen.
    pub is_final: bool,
    /// Fields that may still be edited in this state; `None`: all.
    pub editable: Option<Vec<String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    pub title: Title,
    pub from: Vec<String>,
    pub to: String,
    /// Roles that may, as `role` of this package or `package.role`; empty: whoever may update.
    pub who: Vec<String>,
    /// FEEL over record, actor and input; must be true.
    pub guard: Option<String>,
    /// What is said when the guard is not true.
    pub refusal: Option<Title>,
    /// Fields that must be filled, in the record or with the transition.
    pub require: Vec<String>,
    /// Fields the form of the transition offers.
    pub input: Vec<String>,
    /// Field → FEEL, set by the transition.
    pub set: Ordered<String>,
}

/// Something that happens when a state lasts too long.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StateClock {
    pub state: String,
    /// ISO 8601 duration (`P5D`); days are working days where `working_days`.
    pub after: String,
    pub working_days: bool,
    /// Transition to make; `None`: only the event `<package>.<type>.clock_<name>` is sent, for triggers.
    pub transition: Option<String>,
}

/// `views/<name>.toml`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    pub title: Title,
    /// Type the view is over, `<package>.<type>`.
    pub of: String,
    /// Place in the package's menu, ascending.
    pub order: i64,
    /// Roles that are shown the view; empty: all.
    pub roles: Vec<String>,
    /// CQL2 text that always applies. `{month_start}` and `{month_end}` stand for the days of the chosen month, `{me_unit}` for the reader's unit.
    pub filter: Option<String>,
    /// Fields, `-` for descending.
    pub sort: Vec<String>,
    pub kind: ViewKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ViewKind {
    List {
        columns: Vec<String>,
    },
    /// Cards in columns by the values of `group` (a code field, or `state`).
    Board {
        group: String,
        card: Vec<String>,
    },
    /// Fields by section, and lists of types that refer to this one.
    Detail {
        sections: Ordered<DetailSection>,
        related: Vec<Related>,
    },
    /// One row a group, with measures; each drills to its records.
    Ranking {
        group: String,
        measures: Ordered<Measure>,
        order_by: String,
    },
    /// A page of a month that prints: numbers, then tables.
    Bulletin {
        intro: Title,
        figures: Ordered<Measure>,
        tables: Ordered<BulletinTable>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetailSection {
    pub title: Title,
    pub fields: Vec<String>,
    /// FEEL over the record: the section is shown where this is true.
    pub when: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Related {
    pub title: Title,
    pub of: String,
    /// The ref field of that type that points here.
    pub by: String,
    pub columns: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measure {
    pub title: Title,
    /// Type counted, if not the view's own.
    pub of: Option<String>,
    /// CQL2 text: which records count.
    pub filter: Option<String>,
    pub what: MeasureKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    Count,
    Sum(String),
    Average(String),
    Min(String),
    Max(String),
    /// Percentage: one measure of this view over another.
    Ratio(String, String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulletinTable {
    pub title: Title,
    pub of: String,
    pub filter: Option<String>,
    pub sort: Vec<String>,
    pub columns: Vec<String>,
}

/// `triggers.toml`: on an event (or on the clock, for each record) when FEEL do an operation with FEEL inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub title: Title,
    pub on: TriggerOn,
    /// FEEL over `record`, `before` (events), `event`, `today`.
    pub when: Option<String>,
    pub action: TriggerAction,
    /// FEEL giving a text: the same text never acts twice.
    pub once: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOn {
    /// `<package>.<type>.<verb>`.
    Event(String),
    /// Each day just after midnight, for each record of the type that matches the CQL2 text.
    Daily { of: String, filter: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerAction {
    /// Create a record of the type; field → FEEL.
    Create { of: String, with: Ordered<String> },
    /// Change fields of the record that the trigger is about, or of the one whose id the FEEL `target` gives.
    Update {
        of: String,
        target: Option<String>,
        with: Ordered<String>,
    },
    /// Make a transition of that record.
    Transition {
        of: String,
        target: Option<String>,
        name: String,
        with: Ordered<String>,
    },
    /// Start an instance of a process, with these variables; `key` gives its business key.
    Start {
        process: String,
        key: Option<String>,
        with: Ordered<String>,
    },
    /// Publish a message to instances that wait for it; `key` is what they are told apart by.
    Message {
        name: String,
        key: Option<String>,
        with: Ordered<String>,
    },
}

impl Package {
    pub fn record_type(&self, name: &str) -> Option<&RecordType> {
        self.types.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }
}

impl RecordType {
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, f)| f)
    }
}

impl Lifecycle {
    pub fn state(&self, name: &str) -> Option<&State> {
        self.states.iter().find(|(n, _)| n == name).map(|(_, s)| s)
    }

    pub fn transition(&self, name: &str) -> Option<&Transition> {
        self.transitions.iter().find(|(n, _)| n == name).map(|(_, t)| t)
    }
}
