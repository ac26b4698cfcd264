//! `banyan policy …`: what policy would say, over package folders, without a server.

use std::collections::BTreeSet;
use std::path::PathBuf;

use banyan_base::World;
use banyan_identity::CedarPolicy;
use banyan_identity::simulate::{self, Supposed, TypeLabel};
use banyan_package::Package;
use clap::{Args, Subcommand};

use crate::{check, folder};

#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// What somebody with these roles could see and do, and why, by the policies as they stand in the folders.
    Simulate(Box<Simulate>),
    /// Print the Cedar schema that a package's policies are checked against.
    Schema {
        /// The package's folder; overlays of it and packages that it points to behind it.
        #[arg(required = true)]
        folders: Vec<PathBuf>,
    },
}

#[derive(Debug, Args)]
pub struct Simulate {
    /// The package's folder; named again for its overlays and the packages that it points to.
    #[arg(long = "package", value_name = "FOLDER", required = true)]
    folders: Vec<PathBuf>,
    /// A role, as `<package>.<role>` or a role of the package; may be named again.
    #[arg(long = "role")]
    roles: Vec<String>,
    /// One type only, by its short name.
    #[arg(long = "type")]
    of: Option<String>,
    /// Code of the unit.
    #[arg(long)]
    unit: Option<String>,
    /// A region of the jurisdiction; may be named again.
    #[arg(long = "region")]
    regions: Vec<String>,
    /// A line of work of the jurisdiction; may be named again.
    #[arg(long = "line")]
    lines: Vec<String>,
    /// person, citizen, service or anonymous.
    #[arg(long, default_value = "person")]
    kind: String,
    /// Real-name assurance, 0 to 3.
    #[arg(long, default_value_t = 0)]
    level: u8,
    /// The party that this is.
    #[arg(long)]
    party: Option<String>,
    /// The party acted for.
    #[arg(long)]
    represents: Option<String>,
    /// The purpose: one of the package's, `self` or `emergency`.
    #[arg(long)]
    purpose: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The types of a package by the names that people know.
pub fn labels(package: &Package) -> Vec<TypeLabel> {
    let types = package.types.iter();
    types
        .map(|(name, record)| TypeLabel {
            name: format!("{}.{name}", package.id),
            title: record.title.zh.clone(),
            fields: record
                .fields
                .iter()
                .map(|(name, field)| (name.clone(), field.title.zh.clone()))
                .collect(),
        })
        .collect()
}

/// The packages of the folders, the first one first.
fn packages(folders: &[PathBuf]) -> Result<Vec<Package>, String> {
    let files = folders
        .iter()
        .map(|path| folder::read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let found = check::read(folders, &files);
    if found.is_empty() {
        return Err("there is no package in these folders that can be read; `banyan check` tells why".into());
    }
    Ok(found)
}

/// Runs a command; gives what to print.
pub fn run(command: PolicyCommand) -> Result<String, String> {
    match command {
        PolicyCommand::Schema { folders } => schema(&folders),
        PolicyCommand::Simulate(wanted) => simulated(*wanted),
    }
}

fn schema(folders: &[PathBuf]) -> Result<String, String> {
    let found = packages(folders)?;
    let first = found
        .first()
        .map(|package| package.id.clone())
        .unwrap_or_default();
    let shapes: Vec<_> = found
        .iter()
        .flat_map(|package| banyan_package::rules(package).shapes)
        .collect();
    banyan_policy::schema_text(&first, &shapes)
}

fn simulated(wanted: Simulate) -> Result<String, String> {
    let found = packages(&wanted.folders)?;
    let rules: Vec<_> = found.iter().map(banyan_package::rules).collect();
    let Some(package) = found.first() else {
        return Err("name the package's folder".into());
    };
    let some = |list: Vec<String>| list.into_iter().collect::<BTreeSet<String>>();
    let supposed = Supposed {
        package: package.id.clone(),
        of: wanted.of,
        roles: some(wanted.roles),
        unit: wanted.unit,
        regions: some(wanted.regions),
        lines: some(wanted.lines),
        kind: Some(wanted.kind),
        level: wanted.level,
        party: wanted.party,
        represents: wanted.represents,
        purpose: wanted.purpose,
        count: false,
    };
    for role in supposed
        .roles
        .iter()
        .filter(|role| !role.contains('.') && *role != "admin")
    {
        if !package.roles.iter().any(|(name, _)| name == role) {
            return Err(format!("the package {} has no role `{role}`", package.id));
        }
    }
    let labels = labels(package);
    if let Some(of) = &supposed.of
        && !package.types.iter().any(|(name, _)| name == of)
    {
        return Err(format!("the package {} has no type `{of}`", package.id));
    }
    let policy = CedarPolicy::default();
    policy.set(1, &rules);
    let seen = simulate::simulate(&policy, &World::system(), &supposed, &labels)
        .map_err(|problem| problem.internal.unwrap_or(problem.detail))?;
    if wanted.json {
        let text = serde_json::to_string_pretty(&seen).map_err(|error| error.to_string())?;
        return Ok(format!("{text}\n"));
    }
    Ok(simulate::text(&seen))
}
