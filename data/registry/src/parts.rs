//! The port of engines that read files of packages: processes, decisions, forms. They check what they read before a package
//! is applied, and take it over in the transaction that applies it.

use std::sync::Arc;

use banyan_base::{Ctx, Finding, Problem, SourceFile};
use banyan_package::{Installed, Package};
use banyan_store::Tx;

use crate::check;

/// An engine that reads files of packages.
pub trait Part: Send + Sync {
    /// What is wrong with the files of `package` that are the engine's. `installed` holds it too, and all that will be there
    /// beside it.
    fn check(&self, package: &Package, files: &[SourceFile], installed: &Installed) -> Vec<Finding>;

    /// The package has been applied, or another version of it.
    ///
    /// # Errors
    /// Where the engine can't take it over; nothing is applied then.
    fn installed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package) -> Result<(), Problem>;

    /// The package goes.
    ///
    /// # Errors
    /// Where something would be lost, and `allow_loss` is false; nothing is removed then.
    fn removed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package, allow_loss: bool) -> Result<(), Problem>;
}

/// All of them.
#[derive(Default)]
pub(crate) struct Parts(pub(crate) Vec<Arc<dyn Part>>);

impl Parts {
    pub(crate) fn check(
        &self,
        package: &Package,
        files: &[SourceFile],
        installed: &Installed,
    ) -> Vec<Finding> {
        let mut findings = check(package, files, installed);
        for part in &self.0 {
            findings.extend(part.check(package, files, installed));
        }
        findings
    }

    pub(crate) fn installed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package) -> Result<(), Problem> {
        self.0.iter().try_for_each(|part| part.installed(cx, tx, package))
    }

    pub(crate) fn removed(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        package: &Package,
        allow_loss: bool,
    ) -> Result<(), Problem> {
        let mut parts = self.0.iter();
        parts.try_for_each(|part| part.removed(cx, tx, package, allow_loss))
    }
}
