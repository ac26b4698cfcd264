//! A package as policy sees it.

use std::collections::BTreeMap;

use banyan_policy::{
    Attribute, AttributeKind, DECISION_VERBS, PROCESS_VERBS, PackageRules, PurposeRules, TypeRules,
    TypeShape, VERBS,
};

use crate::model::{Basis, ComputedType, FieldKind, Package, RecordType, Source};

fn qualified(package: &str, name: &str) -> String {
    if name.contains('.') {
        name.to_owned()
    } else {
        format!("{package}.{name}")
    }
}

/// Names of what every record has, which a field of that name doesn't hide.
const OWN: &[&str] = &["id", "created_by", "updated_by", "version"];

fn kind(package: &str, kind: &FieldKind) -> Option<AttributeKind> {
    Some(match kind {
        FieldKind::Integer { .. } | FieldKind::Money { .. } => AttributeKind::Number,
        FieldKind::Boolean => AttributeKind::Flag,
        FieldKind::Code { many: true, .. } => AttributeKind::Texts,
        FieldKind::Unit { many: true } => AttributeKind::Units,
        FieldKind::Unit { many: false } => AttributeKind::Unit,
        FieldKind::Region { .. } => AttributeKind::Region,
        FieldKind::Ref { to, .. } => AttributeKind::Link(qualified(package, to)),
        FieldKind::Computed { result, .. } => match result {
            ComputedType::Integer | ComputedType::Money => AttributeKind::Number,
            ComputedType::Boolean => AttributeKind::Flag,
            ComputedType::Decimal { .. } => return None,
            _ => AttributeKind::Text,
        },
        // Nothing in Cedar compares with these.
        FieldKind::Decimal { .. } | FieldKind::File { .. } | FieldKind::Geometry { .. } | FieldKind::Json => {
            return None;
        }
        _ => AttributeKind::Text,
    })
}

/// A type as policies see it.
fn shape(package: &str, name: &str, record: &RecordType) -> TypeShape {
    let mut attributes = Vec::new();
    for (name, field) in &record.fields {
        let Some(kind) = kind(package, &field.kind).filter(|_| !OWN.contains(&name.as_str())) else {
            continue;
        };
        // What is sealed, the database can't compare.
        if record.is_sealed(name) {
            continue;
        }
        attributes.push(Attribute {
            name: name.clone(),
            kind,
            required: field.required && field.when.is_none(),
        });
    }
    if record.lifecycle.is_some() {
        attributes.push(Attribute {
            name: "state".into(),
            kind: AttributeKind::Text,
            required: true,
        });
    }
    TypeShape {
        name: format!("{package}.{name}"),
        attributes,
        verbs: VERBS,
    }
}

/// A process or a decision model as policies see it: whatever it is about, it has no attributes to go by.
fn bare(package: &str, name: &str, verbs: &'static [&'static str]) -> TypeShape {
    TypeShape {
        name: format!("{package}.{name}"),
        attributes: Vec::new(),
        verbs,
    }
}

/// All types of a package that policies can speak of, its processes and decision models included.
pub fn shapes(package: &Package) -> Vec<TypeShape> {
    let records = package.types.iter();
    let mut all: Vec<TypeShape> = records
        .map(|(name, record)| shape(&package.id, name, record))
        .collect();
    let of = |sources: &[Source], verbs| -> Vec<TypeShape> {
        let sources = sources.iter();
        sources.map(|one| bare(&package.id, &one.name, verbs)).collect()
    };
    all.extend(of(&package.processes, PROCESS_VERBS));
    all.extend(of(&package.decisions, DECISION_VERBS));
    all
}

/// All that a package lays down about who may see what.
pub fn rules(package: &Package) -> PackageRules {
    let mut types = BTreeMap::new();
    for (name, record) in &package.types {
        let some = |wanted: fn(&crate::model::Field) -> bool| {
            record
                .fields
                .iter()
                .filter(move |(_, field)| wanted(field))
                .map(|(name, _)| name.clone())
                .collect()
        };
        types.insert(
            format!("{}.{name}", package.id),
            TypeRules {
                personal: some(|field| field.personal),
                masked: some(|field| field.mask.is_some()),
                subject: record.subject.clone(),
            },
        );
    }
    let others = package.processes.iter().chain(&package.decisions);
    types.extend(others.map(|one| (format!("{}.{}", package.id, one.name), TypeRules::default())));
    let mut purposes = BTreeMap::new();
    for (name, purpose) in &package.purposes {
        let fields = purpose
            .fields
            .iter()
            .map(|(of, fields)| (qualified(&package.id, of), fields.iter().cloned().collect()));
        purposes.insert(
            format!("{}.{name}", package.id),
            PurposeRules {
                title: purpose.title.zh.clone(),
                legal_basis: purpose.legal_basis.clone(),
                roles: purpose
                    .roles
                    .iter()
                    .map(|role| qualified(&package.id, role))
                    .collect(),
                sunset: purpose.sunset.clone(),
                consent: (purpose.basis == Basis::Consent)
                    .then(|| purpose.consent.as_ref().map_or(1, |consent| consent.version)),
                fields: fields.collect(),
            },
        );
    }
    PackageRules {
        package: package.id.clone(),
        text: package.policy.clone(),
        shapes: shapes(package),
        types,
        purposes,
    }
}
