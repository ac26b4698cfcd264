//! Engines that read files of packages, as the registry knows them.

use std::sync::Arc;

use banyan_base::{Ctx, Finding, Problem, SourceFile, World};
use banyan_package::{Installed, Package};
use banyan_registry::Part;
use banyan_rule::Rules;
use banyan_store::Tx;

/// Decisions. Cases beside models run by the platform's clock.
pub struct Decisions {
    pub rules: Arc<Rules>,
    pub world: World,
}

impl Part for Decisions {
    fn check(&self, package: &Package, _: &[SourceFile], _: &Installed) -> Vec<Finding> {
        Rules::check(&self.world.system_ctx(), package)
    }

    fn installed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package) -> Result<(), Problem> {
        self.rules.installed(cx, tx, package)
    }

    fn removed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package, _: bool) -> Result<(), Problem> {
        self.rules.removed(cx, tx, &package.id)
    }
}
