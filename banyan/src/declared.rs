//! What a person's log needs to know of the installed packages and of the registry of units: the port filled from the
//! registry's catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::Problem;
use banyan_identity::person::{ConsentAsked, Declared, Named, Owner, PurposeTold, TypeTold};
use banyan_package::model::Basis;
use banyan_registry::{Registry, TypeInfo};
use banyan_store::{Tx, Value};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};

const LOCALE: &str = "zh-CN";
const UNITS: &str = "base.unit";
/// Days that are not as their weekday says: `date`, and whether it is `off`.
const HOLIDAYS: &str = "base.holiday";

/// The installed packages, as persons are told of them.
pub(crate) struct Installed(pub(crate) Arc<Registry>);

fn column<'a>(info: &'a TypeInfo, name: &str) -> Option<&'a str> {
    let found = info.columns.iter().find(|column| column.name == name)?;
    Some(&found.column)
}

impl Installed {
    /// Code and name of the units whose `by` is one of `values`.
    fn units_by(
        &self,
        tx: &mut Tx<'_>,
        by: &str,
        values: &BTreeSet<String>,
    ) -> Result<Vec<(String, String)>, Problem> {
        let catalog = self.0.catalog(tx)?;
        let mut found = Vec::new();
        let Some(info) = catalog.types.get(UNITS) else {
            return Ok(found);
        };
        let (Some(code), Some(name), Some(by)) =
            (column(info, "code"), column(info, "name"), column(info, by))
        else {
            return Ok(found);
        };
        let sql = format!("SELECT {code}, {name} FROM {} WHERE {by} = ?1", info.table);
        for value in values {
            if let Some(row) = tx.query_opt(&sql, &[value.into()])? {
                found.push((row.get(0)?, row.get(1)?));
            }
        }
        Ok(found)
    }
}

impl Declared for Installed {
    fn of_type(&self, tx: &mut Tx<'_>, name: &str) -> Result<Option<TypeTold>, Problem> {
        let catalog = self.0.catalog(tx)?;
        let Some(info) = catalog.types.get(name) else {
            return Ok(None);
        };
        let system = catalog.packages.get(&info.package);
        let fields = &info.declared.fields;
        Ok(Some(TypeTold {
            title: info.declared.title.in_locale(LOCALE).to_owned(),
            system: system.map_or_else(String::new, |package| package.title.in_locale(LOCALE).to_owned()),
            fields: fields
                .iter()
                .map(|(name, field)| (name.clone(), field.title.in_locale(LOCALE).to_owned()))
                .collect(),
            personal: fields
                .iter()
                .filter(|(_, field)| field.personal)
                .map(|(name, _)| name.clone())
                .collect(),
        }))
    }

    fn purpose(&self, tx: &mut Tx<'_>, name: &str) -> Result<Option<PurposeTold>, Problem> {
        let catalog = self.0.catalog(tx)?;
        let found = name.split_once('.').and_then(|(package, purpose)| {
            let purposes = &catalog.packages.get(package)?.purposes;
            let (_, purpose) = purposes.iter().find(|(name, _)| name == purpose)?;
            Some(PurposeTold {
                title: purpose.title.in_locale(LOCALE).to_owned(),
                legal_basis: purpose.legal_basis.clone(),
            })
        });
        Ok(found)
    }

    fn consents(&self, tx: &mut Tx<'_>) -> Result<Vec<ConsentAsked>, Problem> {
        let catalog = self.0.catalog(tx)?;
        let mut asked = Vec::new();
        for package in catalog.packages.values() {
            for (name, purpose) in &package.purposes {
                let Some(consent) = purpose
                    .consent
                    .as_ref()
                    .filter(|_| purpose.basis == Basis::Consent)
                else {
                    continue;
                };
                let mut fields = Vec::new();
                for (of, names) in &purpose.fields {
                    let record = package.record_type(of);
                    for name in names {
                        let title = record
                            .and_then(|record| record.field(name))
                            .map(|field| &field.title);
                        let title = title.map_or(name.as_str(), |title| title.in_locale(LOCALE));
                        if !fields.iter().any(|known| known == title) {
                            fields.push(title.to_owned());
                        }
                    }
                }
                asked.push(ConsentAsked {
                    name: format!("{}.{name}", package.id),
                    title: purpose.title.in_locale(LOCALE).to_owned(),
                    legal_basis: purpose.legal_basis.clone(),
                    system: package.title.in_locale(LOCALE).to_owned(),
                    owner: package.owner.clone(),
                    retention: purpose.retention.clone(),
                    sunset: purpose.sunset.clone(),
                    version: consent.version,
                    text: consent.text.clone(),
                    effects: consent.effects.clone(),
                    sensitive: consent.sensitive,
                    fields,
                });
            }
        }
        Ok(asked)
    }

    fn units(&self, tx: &mut Tx<'_>, codes: &BTreeSet<String>) -> Result<Named, Problem> {
        Ok(self.units_by(tx, "code", codes)?.into_iter().collect())
    }

    fn owner(&self, tx: &mut Tx<'_>, package: &str) -> Result<Option<Owner>, Problem> {
        let catalog = self.0.catalog(tx)?;
        let Some(name) = catalog.packages.get(package).map(|package| package.owner.clone()) else {
            return Ok(None);
        };
        let unit = self.units_by(tx, "name", &BTreeSet::from([name.clone()]))?;
        let unit = unit.into_iter().next().map(|(code, _)| code);
        Ok(Some(Owner { name, unit }))
    }

    fn working_day(&self, tx: &mut Tx<'_>, from: Date, count: u32) -> Result<Date, Problem> {
        // Of any fortnight at least four days are worked, the longest holidays of the year included.
        let span = i64::from(count).saturating_mul(4).saturating_add(40).min(20_000);
        let last = from.checked_add(span.days()).map_err(Problem::internal)?;
        let catalog = self.0.catalog(tx)?;
        let mut exceptions: BTreeMap<String, bool> = BTreeMap::new();
        if let Some(info) = catalog.types.get(HOLIDAYS)
            && let (Some(date), Some(off)) = (column(info, "date"), column(info, "off"))
        {
            let sql = format!(
                "SELECT {date}, {off} FROM {} WHERE {date} > ?1 AND {date} <= ?2",
                info.table
            );
            let values: [Value; 2] = [from.to_string().into(), last.to_string().into()];
            for row in tx.query(&sql, &values)? {
                exceptions.insert(row.get(0)?, row.get(1)?);
            }
        }
        let (mut day, mut left) = (from, count);
        while left > 0 && day < last {
            day = day.tomorrow().map_err(Problem::internal)?;
            let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
            if !exceptions.get(&day.to_string()).copied().unwrap_or(weekend) {
                left -= 1;
            }
        }
        Ok(day)
    }
}
