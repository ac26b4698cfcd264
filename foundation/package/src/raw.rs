//! The files as serde reads them, after `form` has found and left out what is wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use banyan_base::Title;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::{Mask, Ordered};

/// A table whose order is kept.
pub(crate) fn ordered<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Ordered<T>, D::Error> {
    struct Entries<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
        type Value = Ordered<T>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table")
        }
        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Ordered<T>, M::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    from.deserialize_map(Entries(PhantomData))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPackage {
    pub id: String,
    pub title: Title,
    #[serde(default)]
    pub clause: String,
    pub word: crate::model::Word,
    pub owner: String,
    pub version: String,
    #[serde(default)]
    pub summary: Title,
    #[serde(default)]
    pub needs: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "ordered")]
    pub roles: Ordered<RawRole>,
    #[serde(default, deserialize_with = "ordered")]
    pub purposes: Ordered<RawPurpose>,
    pub impact: Option<crate::model::Impact>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRole {
    pub title: Title,
    #[serde(default)]
    pub about: Title,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPurpose {
    pub title: Title,
    #[serde(default)]
    pub basis: crate::model::Basis,
    pub legal_basis: String,
    pub retention: String,
    pub sunset: Option<String>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<String>>,
    pub consent: Option<crate::model::Consent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawList {
    pub title: Title,
    pub source: Option<String>,
    #[serde(default)]
    pub items: Vec<RawItem>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawItem {
    pub code: String,
    pub title: Title,
    pub from: Option<String>,
    pub until: Option<String>,
    pub color: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRecord {
    pub title: Title,
    #[serde(default)]
    pub about: Title,
    pub label: String,
    #[serde(default)]
    pub key: Vec<String>,
    pub grade: Option<String>,
    pub subject: Option<String>,
    pub retention: Option<String>,
    #[serde(default)]
    pub unique: Vec<Vec<String>>,
    #[serde(default)]
    pub index: Vec<Vec<String>>,
    #[serde(default, deserialize_with = "ordered")]
    pub fields: Ordered<RawField>,
    #[serde(default, deserialize_with = "ordered")]
    pub rules: Ordered<RawRule>,
    pub lifecycle: Option<RawLifecycle>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawField {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: Title,
    pub help: Option<Title>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub unique: bool,
    #[serde(default)]
    pub index: bool,
    #[serde(default)]
    pub search: bool,
    #[serde(default)]
    pub immutable: bool,
    #[serde(default)]
    pub personal: bool,
    pub sealed: Option<bool>,
    pub grade: Option<String>,
    pub mask: Option<Mask>,
    pub retention: Option<String>,
    pub default: Option<String>,
    pub when: Option<String>,
    // What belongs to some types only.
    pub min: Option<serde_json::Value>,
    pub max: Option<serde_json::Value>,
    pub pattern: Option<String>,
    #[serde(default)]
    pub multiline: bool,
    pub measure: Option<String>,
    pub scale: Option<i64>,
    pub list: Option<String>,
    pub registry: Option<String>,
    #[serde(default)]
    pub many: bool,
    #[serde(default)]
    pub levels: Vec<i64>,
    pub at: Option<String>,
    pub to: Option<String>,
    #[serde(default)]
    pub on_delete: crate::model::OnDelete,
    #[serde(default)]
    pub accept: Vec<String>,
    pub max_bytes: Option<i64>,
    #[serde(default)]
    pub kinds: Vec<String>,
    pub result: Option<String>,
    pub feel: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub feel: String,
    pub message: Title,
    pub field: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLifecycle {
    pub initial: String,
    #[serde(deserialize_with = "ordered")]
    pub states: Ordered<RawState>,
    #[serde(default, deserialize_with = "ordered")]
    pub transitions: Ordered<RawTransition>,
    #[serde(default, deserialize_with = "ordered")]
    pub clocks: Ordered<RawClock>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawClock {
    pub state: String,
    pub after: String,
    #[serde(default)]
    pub working_days: bool,
    pub transition: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawState {
    pub title: Title,
    pub color: Option<String>,
    #[serde(default, rename = "final")]
    pub is_final: bool,
    pub editable: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTransition {
    pub title: Title,
    pub from: Vec<String>,
    pub to: String,
    #[serde(default)]
    pub who: Vec<String>,
    pub guard: Option<String>,
    pub refusal: Option<Title>,
    #[serde(default)]
    pub require: Vec<String>,
    #[serde(default)]
    pub input: Vec<String>,
    #[serde(default, deserialize_with = "ordered")]
    pub set: Ordered<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawView {
    pub title: Title,
    pub of: String,
    pub kind: String,
    #[serde(default)]
    pub order: i64,
    #[serde(default)]
    pub roles: Vec<String>,
    pub filter: Option<String>,
    #[serde(default)]
    pub sort: Vec<String>,
    #[serde(default)]
    pub columns: Vec<String>,
    pub group: Option<String>,
    #[serde(default)]
    pub card: Vec<String>,
    #[serde(default, deserialize_with = "ordered")]
    pub sections: Ordered<RawSection>,
    #[serde(default)]
    pub related: Vec<RawRelated>,
    #[serde(default, deserialize_with = "ordered")]
    pub measures: Ordered<RawMeasure>,
    pub order_by: Option<String>,
    #[serde(default)]
    pub intro: Title,
    #[serde(default, deserialize_with = "ordered")]
    pub figures: Ordered<RawMeasure>,
    #[serde(default, deserialize_with = "ordered")]
    pub tables: Ordered<RawTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTable {
    pub title: Title,
    pub of: Option<String>,
    pub filter: Option<String>,
    #[serde(default)]
    pub sort: Vec<String>,
    pub columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSection {
    pub title: Title,
    pub fields: Vec<String>,
    pub when: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRelated {
    pub title: Title,
    pub of: String,
    pub by: String,
    pub columns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMeasure {
    pub title: Title,
    pub of: Option<String>,
    pub filter: Option<String>,
    pub sum: Option<String>,
    pub average: Option<String>,
    pub min: Option<String>,
    pub max: Option<String>,
    pub ratio: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTriggers {
    #[serde(default, deserialize_with = "ordered")]
    pub triggers: Ordered<RawTrigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTrigger {
    pub title: Title,
    pub on: RawOn,
    pub when: Option<String>,
    pub once: Option<String>,
    #[serde(rename = "do")]
    pub action: RawAction,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOn {
    pub event: Option<String>,
    pub daily: Option<String>,
    pub filter: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAction {
    pub create: Option<String>,
    pub update: Option<String>,
    pub transition: Option<String>,
    pub start: Option<String>,
    pub message: Option<String>,
    pub name: Option<String>,
    pub key: Option<String>,
    pub target: Option<String>,
    #[serde(default, deserialize_with = "ordered")]
    pub with: Ordered<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStep {
    pub actions: Vec<RawStepAction>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RawStepAction {
    RenameType {
        from: String,
        to: String,
    },
    RenameField {
        of: String,
        from: String,
        to: String,
    },
    Split {
        of: String,
        from: String,
        #[serde(deserialize_with = "ordered")]
        into: Ordered<String>,
    },
    Backfill {
        of: String,
        field: String,
        feel: String,
        #[serde(default)]
        all: bool,
    },
    Convert {
        of: String,
        field: String,
        feel: String,
    },
    DropField {
        of: String,
        field: String,
    },
    DropType {
        of: String,
    },
}
