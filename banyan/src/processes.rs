//! The process engine among the others: it reads the processes of packages, and is given the calendar and people's names.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use banyan_base::{Ctx, Finding, Problem, SourceFile, codes};
use banyan_door::Door;
use banyan_package::{Installed, Package};
use banyan_process::bpmn::{Kind, Known, Presence, check};
use banyan_process::{Engine, Forms, Ports, Prefilled, Source};
use banyan_registry::{Part, ReadyForm, Registry, prefilled};
use banyan_rule::Rules;
use banyan_store::Tx;
use serde_json::{Map, Value as Json};

/// Names of the door's operations, once there is a door.
pub(crate) type Operations = Arc<OnceLock<BTreeSet<&'static str>>>;

/// The engine as a reader of packages.
pub(crate) struct Processes {
    pub engine: Arc<Engine>,
    pub operations: Operations,
}

/// What a package's processes may name.
struct Around<'a> {
    package: &'a Package,
    installed: &'a Installed,
    operations: &'a Operations,
}

impl Around<'_> {
    fn package_of<'n>(&self, name: &'n str) -> (Option<&Package>, &'n str) {
        match name.split_once('.') {
            Some((package, short)) if package == self.package.id => (Some(self.package), short),
            Some((package, short)) => (self.installed.packages.get(package), short),
            None => (Some(self.package), name),
        }
    }
}

fn presence(found: bool) -> Presence {
    if found {
        Presence::Here
    } else {
        Presence::Missing(None)
    }
}

impl Known for Around<'_> {
    fn look_up(&self, kind: Kind, name: &str) -> Presence {
        match kind {
            Kind::Operation => match self.operations.get() {
                Some(known) => presence(known.contains(name)),
                None => Presence::Unknown,
            },
            Kind::Script => Presence::Missing(None),
            // Roles of the platform itself.
            Kind::Role if matches!(name, "admin" | "designer" | "citizen") => Presence::Here,
            Kind::Role => {
                let (package, short) = self.package_of(name);
                presence(package.is_some_and(|package| package.roles.iter().any(|(role, _)| role == short)))
            }
            Kind::Form => {
                let (package, short) = self.package_of(name);
                presence(package.is_some_and(|package| package.forms.iter().any(|form| form.name == short)))
            }
            Kind::Decision => {
                let model = name.split_once('#').map_or(name, |(model, _)| model);
                let (package, short) = self.package_of(model);
                presence(package.is_some_and(|package| package.decisions.iter().any(|one| one.name == short)))
            }
            Kind::Process => {
                let (package, short) = self.package_of(name);
                let named = format!("id=\"{short}\"");
                presence(
                    package
                        .is_some_and(|package| package.processes.iter().any(|one| one.text.contains(&named))),
                )
            }
        }
    }
}

impl Part for Processes {
    fn check(&self, package: &Package, _: &[SourceFile], installed: &Installed) -> Vec<Finding> {
        findings(package, installed, &self.operations)
    }

    fn installed(&self, cx: &Ctx, tx: &mut Tx<'_>, package: &Package) -> Result<(), Problem> {
        let sources: Vec<Source> = package
            .processes
            .iter()
            .map(|source| Source {
                name: source.name.clone(),
                text: source.text.clone(),
            })
            .collect();
        self.engine.deploy(cx, tx, &package.id, &sources).map(|_| ())
    }

    fn removed(&self, _: &Ctx, tx: &mut Tx<'_>, package: &Package, allow_loss: bool) -> Result<(), Problem> {
        self.engine.withdraw(tx, &package.id, allow_loss)
    }
}

/// What is wrong with a package's processes. `operations`: those that service tasks may call, once they are known.
pub(crate) fn findings(package: &Package, installed: &Installed, operations: &Operations) -> Vec<Finding> {
    let around = Around {
        package,
        installed,
        operations,
    };
    package
        .processes
        .iter()
        .flat_map(|source| {
            check(&source.text, &around)
                .into_iter()
                .map(|flaw| flaw.finding(&source.path, "zh-CN"))
        })
        .collect()
}

/// What the engine asks of others.
pub(crate) fn ports(registry: &Arc<Registry>, rules: &Arc<Rules>) -> Ports {
    let (calendar, holding) = (Arc::clone(registry), Arc::clone(registry));
    let rules = Arc::clone(rules);
    Ports {
        decide: Some(Box::new(move |cx, tx, of, input| rules.decide(cx, tx, of, input))),
        working_day: Some(Box::new(move |tx, from, days| {
            calendar.working_day(tx, from, days)
        })),
        names: Some(Box::new(banyan_identity::account_names)),
        personal: Some(Box::new(move |tx, package| {
            let catalog = holding.catalog(tx)?;
            let package = catalog.packages.get(package);
            let mut fields = package.into_iter().flat_map(|package| &package.types);
            Ok(fields.any(|(_, of)| of.fields.iter().any(|(_, field)| field.personal)))
        })),
        colleague: Some(Box::new(banyan_identity::colleague)),
        forms: Some(Box::new(TaskForms(Arc::clone(registry)))),
        ..Ports::default()
    }
}

/// The forms of installed packages.
struct TaskForms(Arc<Registry>);

impl TaskForms {
    fn found(&self, tx: &mut Tx<'_>, name: &str) -> Result<Arc<ReadyForm>, Problem> {
        let form = self.0.form(tx, name)?;
        form.ok_or_else(|| Problem::new(codes::NOT_FOUND, format!("没有名为 {name} 的表单。")))
    }
}

impl Forms for TaskForms {
    fn schema(&self, tx: &mut Tx<'_>, form: &str) -> Result<Option<Json>, Problem> {
        Ok(self.0.form(tx, form)?.map(|ready| ready.schema.clone()))
    }

    fn prefilled(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        door: &Door,
        form: &str,
        data: Map<String, Json>,
    ) -> Result<Prefilled, Problem> {
        prefilled(&*self.found(tx, form)?, cx, tx, door, &data)
    }

    fn check(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        form: &str,
        values: &Map<String, Json>,
        data: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Problem> {
        let checked = self.found(tx, form)?.form.validate(cx, values, data);
        checked.map_err(|errors| {
            let mut refusal = Problem::new(codes::INVALID, "填写的内容不符合表单的要求。");
            refusal.errors = errors;
            refusal
        })
    }
}
