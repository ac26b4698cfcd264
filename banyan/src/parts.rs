//! Engines that read files of packages, as the registry knows them.

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
