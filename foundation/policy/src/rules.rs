use std::collections::{BTreeMap, BTreeSet};

use crate::TypeShape;

/// What a package lays down about who may see what: its policies, and what its declarations say of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackageRules {
    pub package: String,
    /// Text of policy.cedar.
    pub text: String,
    pub shapes: Vec<TypeShape>,
    /// By `<package>.<type>`.
    pub types: BTreeMap<String, TypeRules>,
    /// By `<package>.<purpose>`.
    pub purposes: BTreeMap<String, PurposeRules>,
}

/// What a type's declaration says of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeRules {
    /// Fields that are personal.
    pub personal: BTreeSet<String>,
    /// Fields that are masked for those who may not see them whole.
    pub masked: BTreeSet<String>,
    /// Field with the party id of whom the record is about.
    pub subject: Option<String>,
}

/// A declared purpose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PurposeRules {
    /// In Chinese.
    pub title: String,
    pub legal_basis: String,
    /// Roles that may act for it, as `<package>.<role>`.
    pub roles: BTreeSet<String>,
    /// Last day, ISO date.
    pub sunset: Option<String>,
    /// Only for persons who agreed, to at least this version of the text; `None`: whether they agree or not.
    pub consent: Option<u32>,
    /// Personal fields that are shown for it, by `<package>.<type>`.
    pub fields: BTreeMap<String, BTreeSet<String>>,
}
