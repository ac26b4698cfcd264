//! Engines that read files of packages, as the registry knows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Finding, Problem, SourceFile, World};
use banyan_package::{Installed, Package};
use banyan_registry::Part;
use banyan_rule::Rules;
use banyan_store::Tx;

/// Decisions.
pub struct Decisions(pub Arc<Rules>);

impl Part for Decisions {
    fn check(&self, package: &Package, _: &[SourceFile], _: &Installed) -> Vec<Finding> {
        Rules::check(&World::system().system_ctx(), package)
    }

    fn installed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package) -> Result<(), Problem> {
        self.0.installed(cx, tx, package)
    }

    fn removed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package, _: bool) -> Result<(), Problem> {
        self.0.removed(cx, tx, &package.id)
    }
}

/// Forms: they are read where they are shown, so there is nothing to keep of them.
pub struct Forms;

/// The types that values of forms may come from.
struct Types<'a>(BTreeMap<String, &'a Package>);

impl banyan_form::Known for Types<'_> {
    fn types(&self) -> Vec<String> {
        self.0
            .iter()
            .flat_map(|(id, package)| package.types.iter().map(move |(name, _)| format!("{id}.{name}")))
            .collect()
    }

    fn fields(&self, source: &str) -> Option<Vec<String>> {
        let (package, short) = source.split_once('.')?;
        let mut types = self.0.get(package)?.types.iter();
        let (_, declared) = types.find(|(name, _)| name == short)?;
        Some(declared.fields.iter().map(|(name, _)| name.clone()).collect())
    }
}

/// What is wrong with a package's forms.
pub fn form_findings(package: &Package, installed: &Installed) -> Vec<Finding> {
    let others = installed.packages.iter().map(|(id, other)| (id.clone(), other));
    let mut types = Types(others.collect());
    types.0.insert(package.id.clone(), package);
    let mut findings = Vec::new();
    for source in &package.forms {
        let (form, own) = banyan_form::parse(&source.path, &source.text);
        findings.extend(own);
        findings.extend(form.iter().flat_map(|form| form.check_prefills(&types)));
    }
    findings
}

impl Part for Forms {
    fn check(&self, package: &Package, _: &[SourceFile], installed: &Installed) -> Vec<Finding> {
        form_findings(package, installed)
    }

    fn installed(&self, _: &Ctx, _: &mut Tx<'_>, _: &Package) -> Result<(), Problem> {
        Ok(())
    }

    fn removed(&self, _: &Ctx, _: &mut Tx<'_>, _: &Package, _: bool) -> Result<(), Problem> {
        Ok(())
    }
}
