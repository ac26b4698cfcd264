//! Apply: packages from files to tables, in one transaction, while the server runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan_base::{Ctx, Event, Finding, Problem, SourceFile, codes, has_errors};
use banyan_package::{Change, Installed, Package, Plan, check, diff, read};
use banyan_store::{Tx, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::catalog::{self, Catalog, TypeInfo, column_name, stored, table_name, type_info};
use crate::record::{self, decode, select_list};
use crate::value::to_column;
use crate::{Registry, ddl, seed};

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

struct Ready {
    package: Package,
    files: Vec<SourceFile>,
    findings: Vec<Finding>,
}

fn refused(findings: &[Finding]) -> Problem {
    let count = findings
        .iter()
        .filter(|finding| finding.severity == banyan_base::Severity::Error)
        .count();
    let text = format!("包检查有 {count} 处错误,什么也没有改动。");
    let list = serde_json::to_value(findings).unwrap_or_default();
    Problem::new(codes::PACKAGE_REFUSED, text).with("findings", list)
}

/// Reads and checks all, against each other and what is installed; sorted so that what is needed comes first.
fn prepare(catalog: &Catalog, request: &ApplyRequest) -> Result<Vec<Ready>, Problem> {
    let mut readies = Vec::new();
    let mut broken = Vec::new();
    for files in &request.packages {
        let (package, findings) = read(files);
        match package {
            Some(package) => readies.push(Ready {
                package,
                files: files.clone(),
                findings,
            }),
            None => broken.extend(findings),
        }
    }
    let mut installed = Installed::default();
    for (id, package) in &catalog.packages {
        installed.packages.insert(id.clone(), (**package).clone());
    }
    for ready in &readies {
        installed
            .packages
            .insert(ready.package.id.clone(), ready.package.clone());
    }
    for ready in &mut readies {
        ready
            .findings
            .extend(check(&ready.package, &ready.files, &installed));
        if has_errors(&ready.findings) {
            broken.extend(ready.findings.clone());
        }
    }
    if !broken.is_empty() {
        return Err(refused(&broken));
    }
    let mut sorted: Vec<Ready> = Vec::new();
    while !readies.is_empty() {
        let waiting: Vec<String> = readies.iter().map(|ready| ready.package.id.clone()).collect();
        let free = readies
            .iter()
            .position(|ready| !ready.package.needs.keys().any(|id| waiting.contains(id)));
        let Some(free) = free else {
            return Err(Problem::new(
                codes::PACKAGE_REFUSED,
                format!("这些包互相需要:{}", waiting.join("、")),
            ));
        };
        sorted.push(readies.remove(free));
    }
    Ok(sorted)
}

fn installed_step(tx: &mut Tx<'_>, id: &str) -> Result<u32, Problem> {
    let row = tx.query_opt("SELECT step FROM package WHERE id = ?1", &[id.into()])?;
    Ok(row.map(|row| row.get(0)).transpose()?.unwrap_or(0))
}

impl Registry {
    /// What [`Registry::apply`] would do.
    ///
    /// # Errors
    /// Where the packages do not pass their checks.
    pub fn plan(&self, tx: &mut Tx<'_>, request: &ApplyRequest) -> Result<Vec<Applied>, Problem> {
        let catalog = self.catalog(tx)?;
        let mut all = Vec::new();
        for ready in prepare(&catalog, request)? {
            let old = catalog.packages.get(&ready.package.id);
            let step = installed_step(tx, &ready.package.id)?;
            let changed = old.is_none_or(|old| old.hash != ready.package.hash);
            let plan = diff(old.map(|old| &**old), &ready.package, step);
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
        let mut catalog = self.catalog(tx)?;
        let mut all = Vec::new();
        for ready in prepare(&catalog, request)? {
            let Ready {
                package,
                files,
                findings,
            } = ready;
            let old = catalog.packages.get(&package.id).cloned();
            let step = installed_step(tx, &package.id)?;
            let plan = diff(old.as_deref(), &package, step);
            let changed = old.as_ref().is_none_or(|old| old.hash != package.hash);
            let mut applied = Applied {
                package: package.id.clone(),
                version: package.version.clone(),
                changed,
                plan,
                seeds_created: 0,
                seeds_changed: 0,
                findings,
            };
            if changed {
                if !applied.plan.problems.is_empty() {
                    return Err(Problem::new(
                        codes::PACKAGE_REFUSED,
                        applied.plan.problems.join(" "),
                    ));
                }
                if !applied.plan.losses.is_empty() && !request.allow_loss {
                    let text = format!(
                        "这次变更会丢失:{}。确实要丢弃,请加 allow_loss。",
                        applied.plan.losses.join(";")
                    );
                    return Err(
                        Problem::new(codes::LOSS_REFUSED, text).with("losses", json!(applied.plan.losses))
                    );
                }
                catalog = self.change(cx, tx, &catalog, old.as_deref(), &package, &files, &mut applied)?;
            }
            all.push(applied);
        }
        Ok(all)
    }

    fn change(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        catalog: &Catalog,
        old: Option<&Package>,
        package: &Package,
        files: &[SourceFile],
        applied: &mut Applied,
    ) -> Result<Arc<Catalog>, Problem> {
        let rechecks = tables(cx, tx, catalog, old, package, &applied.plan)?;
        store(cx, tx, package, files, &applied.plan)?;
        let generation = catalog::generation(tx)? + 1;
        tx.execute(
            "INSERT INTO catalog_generation (one, n) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET n = excluded.n",
            &[generation.into()],
        )?;
        tx.forget_statements();
        // Others see the new generation, and this process its catalogue, only after the commit.
        let fresh = Arc::new(catalog::load(tx, generation)?);
        for of in rechecks {
            recheck(cx, tx, &fresh, &format!("{}.{of}", package.id))?;
        }
        for declared in &package.seeds {
            let info = fresh.find(&format!("{}.{}", package.id, declared.of))?;
            if let Some(file) = files.iter().find(|file| file.path == declared.path) {
                let (created, changed) = seed::load(cx, tx, &fresh, &info, file)?;
                applied.seeds_created += created;
                applied.seeds_changed += changed;
            }
        }
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

    /// Removes a package with its tables.
    ///
    /// # Errors
    /// Where others need it, or it holds records and `allow_loss` is false.
    pub fn remove(&self, cx: &Ctx, tx: &mut Tx<'_>, id: &str, allow_loss: bool) -> Result<(), Problem> {
        let catalog = self.catalog(tx)?;
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
        for (name, declared) in &package.types {
            let info = catalog.find(&format!("{id}.{name}"))?;
            let any = tx.query_opt(&format!("SELECT 1 FROM {} LIMIT 1", info.table), &[])?;
            if any.is_some() && !allow_loss {
                let text = format!(
                    "“{}”里还有记录。请先导出,再带 allow_loss 移除。",
                    declared.title.zh
                );
                return Err(Problem::new(codes::LOSS_REFUSED, text));
            }
            ddl::drop(tx, &info.table)?;
            tx.execute(
                "DELETE FROM record_count WHERE type = ?1",
                &[info.name.as_str().into()],
            )?;
        }
        tx.execute("DELETE FROM package WHERE id = ?1", &[id.into()])?;
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

/// Makes the changes of a plan to the tables; returns the types whose records must be checked against new rules.
fn tables(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    old: Option<&Package>,
    package: &Package,
    plan: &Plan,
) -> Result<Vec<String>, Problem> {
    let mut infos: BTreeMap<String, TypeInfo> = BTreeMap::new();
    for (name, declared) in &package.types {
        infos.insert(name.clone(), type_info(package, name, declared)?);
    }
    let mut rechecks = Vec::new();
    let find = |of: &str| {
        infos
            .get(of)
            .ok_or_else(|| Problem::internal(format!("the plan names a type {of} that is not there")))
    };
    for change in &plan.changes {
        match change {
            Change::RenameType { from, to } => {
                let (a, b) = (table_name(&package.id, from), table_name(&package.id, to));
                ddl::rename_table(tx, &a, &b)?;
                tx.execute(
                    "UPDATE record_count SET type = ?2 WHERE type = ?1",
                    &[
                        format!("{}.{from}", package.id).into(),
                        format!("{}.{to}", package.id).into(),
                    ],
                )?;
                ddl::indexes(tx, find(to)?)?;
            }
            Change::RenameField { of, from, to } => {
                ddl::rename_column(
                    tx,
                    &table_name(&package.id, of),
                    &column_name(from),
                    &column_name(to),
                )?;
            }
            Change::CreateType { of, .. } => ddl::create(tx, find(of)?)?,
            Change::AddField { of, field, .. } => {
                let info = find(of)?;
                if let Some(column) = info.column(field) {
                    ddl::add_column(tx, info, column)?;
                }
                rechecks.push(of.clone());
            }
            Change::Split { of, from, into } => {
                for (target, feel) in into {
                    fill(cx, tx, find(of)?, target, feel, Some((old, from)), true)?;
                }
            }
            Change::Backfill { of, field, feel, all } => fill(cx, tx, find(of)?, field, feel, None, *all)?,
            Change::Convert { of, field, feel } => convert(cx, tx, old, find(of)?, field, feel)?,
            Change::Recheck { of, .. } => rechecks.push(of.clone()),
            Change::DropField { of, field } => {
                let info = find(of)?;
                ddl::drop_column(tx, info, &column_name(field))?;
                ddl::indexes(tx, info)?;
            }
            Change::DropType { of } => {
                if catalog.types.contains_key(&format!("{}.{of}", package.id)) {
                    ddl::drop(tx, &table_name(&package.id, of))?;
                }
            }
            Change::Indexes { of } => ddl::indexes(tx, find(of)?)?,
            Change::Declarations { .. } => {}
        }
    }
    rechecks.sort();
    rechecks.dedup();
    Ok(rechecks)
}

/// The old fields a step may read, as columns of the table as it stands: those of the new type and, while a step moves it,
/// the one that goes.
fn reading(info: &TypeInfo, old: Option<(Option<&Package>, &str)>) -> TypeInfo {
    let mut reading = info.clone();
    if let Some((Some(package), from)) = old
        && let Some(field) = package
            .record_type(&info.short)
            .and_then(|record| record.field(from))
        && reading.column(from).is_none()
    {
        reading.columns.push(catalog::Column {
            name: from.to_owned(),
            column: column_name(from),
            stored: stored(&field.kind),
            field: field.clone(),
        });
    }
    reading
}

/// Fills one field of every record by FEEL over the record.
fn fill(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    field: &str,
    feel: &str,
    from: Option<(Option<&Package>, &str)>,
    all: bool,
) -> Result<(), Problem> {
    let reading = reading(info, from);
    let scope = banyan_feel::Scope(
        reading
            .columns
            .iter()
            .map(|column| (column.name.clone(), banyan_package::field_type(&column.field)))
            .collect(),
    );
    let wrong = |what: String| {
        Problem::new(
            codes::PACKAGE_REFUSED,
            format!("步骤 {}.{field}:{what}", info.short),
        )
    };
    let expression = banyan_feel::compile(feel, &scope, &banyan_feel::Type::Any)
        .map_err(|errors| wrong(errors.first().map(ToString::to_string).unwrap_or_default()))?;
    let Some(column) = info.column(field) else {
        return Err(wrong("没有这个字段".into()));
    };
    // Superseded versions are filled alike, so that history keeps what the old field said.
    for table in [&info.table, &info.history] {
        let empty = if all {
            String::new()
        } else {
            format!(" AND {} IS NULL", column.column)
        };
        let mut last = 0i64;
        loop {
            let sql = format!(
                "SELECT {} FROM {table} WHERE _seq > ?1{empty} ORDER BY _seq LIMIT 500",
                select_list(&reading)
            );
            let rows = tx.query(&sql, &[last.into()])?;
            let Some(end) = rows.last() else { break };
            last = end.get(0)?;
            for row in &rows {
                let record = decode(&reading, row)?;
                let value = expression
                    .evaluate(cx, &record.fields)
                    .map_err(Problem::internal)?;
                let sql = format!("UPDATE {table} SET {} = ?2 WHERE _seq = ?1", column.column);
                tx.execute(&sql, &[record.seq.into(), to_column(column, &value)])?;
                if matches!(
                    column.field.kind,
                    banyan_package::model::FieldKind::Geometry { .. }
                ) {
                    let [a, b, c, d] = catalog::bounds_columns(&column.column);
                    let mut values = vec![record.seq.into()];
                    values.extend(crate::value::bounds(&value));
                    let sql =
                        format!("UPDATE {table} SET {a} = ?2, {b} = ?3, {c} = ?4, {d} = ?5 WHERE _seq = ?1");
                    tx.execute(&sql, &values)?;
                }
            }
        }
    }
    Ok(())
}

/// A field of another type: a new column is filled from the old one and takes its name.
fn convert(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    old: Option<&Package>,
    info: &TypeInfo,
    field: &str,
    feel: &str,
) -> Result<(), Problem> {
    let before = old
        .and_then(|package| package.record_type(&info.short))
        .and_then(|record| record.field(field));
    let (Some(before), Some(column)) = (before, info.column(field)) else {
        return Ok(());
    };
    let target = format!("{}__new", column.column);
    let mut reading = info.clone();
    for known in &mut reading.columns {
        if known.name == field {
            known.field = before.clone();
            known.stored = stored(&before.kind);
        }
    }
    let mut filled = info.clone();
    filled.columns.clone_from(&reading.columns);
    let new = catalog::Column {
        column: target.clone(),
        ..column.clone()
    };
    ddl::add_column(tx, info, &new)?;
    let renamed = catalog::Column {
        name: "converted".into(),
        ..new
    };
    filled.columns.push(renamed);
    fill(cx, tx, &filled, "converted", feel, None, true)?;
    ddl::drop_column(tx, info, &column.column)?;
    ddl::rename_column(tx, &info.table, &target, &column.column)?;
    ddl::indexes(tx, info)
}

/// Every record of a type against its rules as they are now, computed fields made anew. The first that do not fit are named.
fn recheck(cx: &Ctx, tx: &mut Tx<'_>, catalog: &Catalog, of: &str) -> Result<(), Problem> {
    let info = catalog.find(of)?;
    let mut last = 0i64;
    let mut wrong: Vec<String> = Vec::new();
    loop {
        let sql = format!(
            "SELECT {} FROM {} WHERE _seq > ?1 ORDER BY _seq LIMIT 500",
            select_list(&info),
            info.table
        );
        let rows = tx.query(&sql, &[last.into()])?;
        let Some(end) = rows.last() else { break };
        last = end.get(0)?;
        for row in &rows {
            let before = decode(&info, row)?;
            let fields: Map<String, Json> = [].into_iter().collect();
            let change = record::Change {
                fields: &fields,
                state: None,
                verb: "migrated",
                note: None,
                unrestricted: true,
            };
            if let Err(problem) = record::update(cx, tx, catalog, &info, &before, &change) {
                let what: Vec<&str> = problem
                    .errors
                    .iter()
                    .map(|error| error.message.as_str())
                    .collect();
                wrong.push(format!("{}({})", before.id, what.join(";")));
                if wrong.len() >= 10 {
                    break;
                }
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let text = format!(
        "“{}”已有的记录不符合新的声明,什么也没有改动:{}",
        info.declared.title.zh,
        wrong.join("、")
    );
    Err(Problem::new(codes::PACKAGE_REFUSED, text))
}

fn store(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    package: &Package,
    files: &[SourceFile],
    plan: &Plan,
) -> Result<(), Problem> {
    let compiled = serde_json::to_string(package).map_err(Problem::internal)?;
    let step = package.steps.iter().map(|step| step.number).max().unwrap_or(0);
    // Seeds are data and are kept as records; the texts that declare are kept whole.
    let declaring = files.iter().filter(|file| !file.path.starts_with("seeds/"));
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
