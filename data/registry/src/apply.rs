//! Apply: packages from files to tables, in one transaction, while the server runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Event, Finding, Problem, SourceFile, codes};
use banyan_package::model::RecordType;
use banyan_package::{Package, Plan, diff, renamed};
use banyan_store::{Tx, Value};
use serde::Serialize;
use serde_json::json;

use crate::catalog::{self, Catalog};
use crate::layers::{self, Ready};
use crate::{Registry, clock, migrate, seed};

/// Packages to be applied together, each as its files.
#[derive(Clone, Debug, Default)]
pub struct ApplyRequest {
    pub packages: Vec<Vec<SourceFile>>,
    pub allow_loss: bool,
}

/// What one package came to.
#[derive(Clone, Debug, Serialize)]
pub struct Applied {
    pub package: String,
    pub version: String,
    /// False where it was installed already, unchanged.
    pub changed: bool,
    pub plan: Plan,
    pub seeds_created: u64,
    pub seeds_changed: u64,
    pub findings: Vec<Finding>,
}

impl Registry {
    /// What [`Registry::apply`] would do.
    ///
    /// # Errors
    /// Where the packages do not pass their checks.
    pub fn plan(&self, tx: &mut Tx<'_>, request: &ApplyRequest) -> Result<Vec<Applied>, Problem> {
        let catalog = self.catalog(tx)?;
        let mut all = Vec::new();
        for ready in layers::prepare(tx, &catalog, self.parts(), &request.packages, None)? {
            let old = catalog.packages.get(&ready.package.id);
            let done = layers::steps_done(tx, &ready.package.id)?;
            let changed = old.is_none_or(|old| old.hash != ready.package.hash);
            let plan = diff(old.map(|old| &**old), &ready.package, &done);
            all.push(Applied {
                package: ready.package.id,
                version: ready.package.version,
                changed,
                plan,
                seeds_created: 0,
                seeds_changed: 0,
                findings: ready.findings,
            });
        }
        Ok(all)
    }

    /// Applies packages. The caller's transaction must be alone; on an error nothing of it may stay.
    ///
    /// # Errors
    /// Where the checks fail, data would be lost without leave, or existing records do not fit.
    pub fn apply(&self, cx: &Ctx, tx: &mut Tx<'_>, request: &ApplyRequest) -> Result<Vec<Applied>, Problem> {
        let catalog = self.catalog(tx)?;
        let readies = layers::prepare(tx, &catalog, self.parts(), &request.packages, None)?;
        self.install(cx, tx, catalog, readies, request.allow_loss)
    }

    fn install(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        mut catalog: Arc<Catalog>,
        readies: Vec<Ready>,
        allow_loss: bool,
    ) -> Result<Vec<Applied>, Problem> {
        let mut all = Vec::new();
        for ready in readies {
            let package = &ready.package;
            let old = catalog.packages.get(&package.id).cloned();
            let done = layers::steps_done(tx, &package.id)?;
            let mut applied = Applied {
                package: package.id.clone(),
                version: package.version.clone(),
                changed: old.as_ref().is_none_or(|old| old.hash != package.hash),
                plan: diff(old.as_deref(), package, &done),
                seeds_created: 0,
                seeds_changed: 0,
                findings: ready.findings.clone(),
            };
            if applied.changed {
                permitted(&applied.plan, allow_loss)?;
                let old = old.map(|old| renamed(&old, package, &done).0);
                catalog = self.change(cx, tx, old.as_ref(), &ready, allow_loss, &mut applied)?;
            }
            layers::store(cx, tx, package, &ready.sent)?;
            all.push(applied);
        }
        Ok(all)
    }

    fn change(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        old: Option<&Package>,
        ready: &Ready,
        allow_loss: bool,
        applied: &mut Applied,
    ) -> Result<Arc<Catalog>, Problem> {
        let (package, files) = (&ready.package, &ready.files);
        let rechecks = migrate::tables(cx, tx, old, package, (&applied.plan, &self.vault()), allow_loss)?;
        store(cx, tx, package, files, &applied.plan)?;
        let generation = catalog::generation(tx)? + 1;
        tx.execute(
            "INSERT INTO catalog_generation (one, n) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET n = excluded.n",
            &[generation.into()],
        )?;
        tx.forget_statements();
        // Others see the new generation, and this process its catalogue, only after the commit.
        let fresh = Arc::new(catalog::load(tx, generation, &self.vault())?);
        for (of, what) in &rechecks {
            migrate::recheck(cx, tx, &fresh, &format!("{}.{of}", package.id), what)?;
        }
        for (name, declared) in &package.types {
            let clocks = |record: &RecordType| {
                record
                    .lifecycle
                    .as_ref()
                    .map(|lifecycle| lifecycle.clocks.clone())
            };
            let before = old.and_then(|old| old.record_type(name)).and_then(clocks);
            if old.is_some() && before.unwrap_or_default() != clocks(declared).unwrap_or_default() {
                clock::rewind(tx, &fresh, &*fresh.find(&format!("{}.{name}", package.id))?)?;
            }
        }
        for declared in &package.seeds {
            let info = fresh.find(&format!("{}.{}", package.id, declared.of))?;
            if let Some(file) = files.iter().find(|file| file.path == declared.path) {
                let (created, changed) = seed::load(cx, tx, &fresh, &info, file)?;
                applied.seeds_created += created;
                applied.seeds_changed += changed;
            }
        }
        self.parts().installed(cx, tx, package)?;
        let data = json!({ "package": package.id, "version": package.version, "hash": package.hash });
        tx.emit(&Event::new(
            cx,
            "/banyan/platform",
            "banyan.platform.package.applied",
            Some(package.id.clone()),
            data,
        ))?;
        Ok(fresh)
    }

    /// Removes a package with its tables, or an overlay with what it added: then the package is as its own files say.
    ///
    /// # Errors
    /// Where others need the package or overlays change it, or something would be lost and `allow_loss` is false.
    pub fn remove(&self, cx: &Ctx, tx: &mut Tx<'_>, id: &str, allow_loss: bool) -> Result<(), Problem> {
        let catalog = self.catalog(tx)?;
        if let Some(package) = layers::overlaid(tx, id)? {
            let readies = layers::prepare(tx, &catalog, self.parts(), &[], Some((&package, id)))?;
            self.install(cx, tx, catalog, readies, allow_loss)?;
            tx.execute("DELETE FROM package_source WHERE id = ?1", &[id.into()])?;
            return Ok(());
        }
        let Some(package) = catalog.packages.get(id) else {
            return Err(Problem::new(
                codes::NOT_FOUND,
                format!("没有安装名为 {id} 的包。"),
            ));
        };
        if let Some(other) = catalog
            .packages
            .values()
            .find(|other| other.needs.contains_key(id))
        {
            return Err(Problem::new(
                codes::IN_USE,
                format!("“{}”需要这个包,请先移除它。", other.title.zh),
            ));
        }
        if !package.overlays.is_empty() {
            let overlays: Vec<String> = package
                .overlays
                .iter()
                .map(|overlay| format!("{}({})", overlay.id, overlay.title.zh))
                .collect();
            return Err(Problem::new(
                codes::IN_USE,
                format!("这个包还有本地修改:{}。请先移除它们。", overlays.join("、")),
            ));
        }
        for (name, declared) in &package.types {
            let info = catalog.find(&format!("{id}.{name}"))?;
            let any = tx.query_opt(&format!("SELECT 1 FROM {} LIMIT 1", info.table), &[])?;
            if any.is_some() && !allow_loss {
                let text = format!(
                    "“{}”里还有记录。请先导出(banyan export {id} --to 文件夹),再带 allow_loss 移除。",
                    declared.title.zh
                );
                return Err(Problem::new(codes::LOSS_REFUSED, text));
            }
            migrate::drop_type(tx, &info)?;
        }
        self.parts().removed(cx, tx, package, allow_loss)?;
        tx.execute("DELETE FROM package WHERE id = ?1", &[id.into()])?;
        tx.execute("DELETE FROM package_source WHERE id = ?1", &[id.into()])?;
        tx.execute("UPDATE catalog_generation SET n = n + 1 WHERE one = 1", &[])?;
        let data = json!({ "package": id });
        tx.emit(&Event::new(
            cx,
            "/banyan/platform",
            "banyan.platform.package.removed",
            Some(id.into()),
            data,
        ))?;
        Ok(())
    }
}

/// Refuses what can't be done, and what would lose something without leave.
fn permitted(plan: &Plan, allow_loss: bool) -> Result<(), Problem> {
    if !plan.problems.is_empty() {
        return Err(Problem::new(codes::PACKAGE_REFUSED, plan.problems.join(" ")));
    }
    if plan.losses.is_empty() || allow_loss {
        return Ok(());
    }
    let text = format!(
        "这次变更会丢失:{}。确实要丢弃,请加 allow_loss。",
        plan.losses.join(";")
    );
    Err(Problem::new(codes::LOSS_REFUSED, text).with("losses", json!(plan.losses)))
}

fn store(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    package: &Package,
    files: &[SourceFile],
    plan: &Plan,
) -> Result<(), Problem> {
    let compiled = serde_json::to_string(package).map_err(Problem::internal)?;
    let own = package.steps.iter().filter(|step| step.overlay.is_none());
    let step = own.map(|step| step.number).max().unwrap_or(0);
    // Seeds are data and are kept as records; the texts that declare are kept whole.
    let declaring = files
        .iter()
        .filter(|file| !file.path.starts_with("seeds/") && !file.path.starts_with("demo/"));
    let sources: BTreeMap<&str, String> = declaring
        .map(|file| {
            (
                file.path.as_str(),
                String::from_utf8_lossy(&file.bytes).into_owned(),
            )
        })
        .collect();
    let sources = serde_json::to_string(&sources).map_err(Problem::internal)?;
    let text = |text: &str| Value::Text(text.to_owned());
    let common = [text(&package.id), text(&package.version), text(&package.hash)];
    let mut values: Vec<Value> = common.to_vec();
    values.extend([
        Value::Text(compiled),
        step.into(),
        cx.now_text().into(),
        text(&cx.actor.id),
    ]);
    tx.execute(
        "INSERT INTO package (id, version, hash, compiled, step, applied_at, applied_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET version = excluded.version, hash = excluded.hash, compiled = excluded.compiled,
         step = excluded.step, applied_at = excluded.applied_at, applied_by = excluded.applied_by",
        &values,
    )?;
    let changes: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    let mut values: Vec<Value> = common.to_vec();
    values.extend([
        json!(changes).to_string().into(),
        Value::Text(sources),
        cx.now_text().into(),
        text(&cx.actor.id),
    ]);
    tx.execute(
        "INSERT INTO package_history (package, version, hash, changes, sources, applied_at, applied_by)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &values,
    )?;
    Ok(())
}
