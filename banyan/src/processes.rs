//! The process engine among the others: it reads the processes of packages, and is given the calendar, people's names,
//! decisions and forms.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use banyan_base::{Ctx, Finding, Problem, SourceFile, codes};
use banyan_package::model::Source as FormSource;
use banyan_package::{Installed, Package};
use banyan_process::bpmn::{Kind, Known, Presence, check};
use banyan_process::{Engine, Forms, Ports, Source};
use banyan_registry::{Part, Registry};
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

/// What the engine asks of others: the calendar, people's names, decisions, forms.
pub(crate) fn ports(registry: &Arc<Registry>, rules: &Arc<Rules>) -> Ports {
    let (calendar, rules) = (Arc::clone(registry), Arc::clone(rules));
    Ports {
        working_day: Some(Box::new(move |tx, from, days| {
            calendar.working_day(tx, from, days)
        })),
        names: Some(Box::new(banyan_identity::account_names)),
        decide: Some(Box::new(move |cx, tx, decision, input| {
            rules.decide(cx, tx, decision, &Json::Object(input.clone()))
        })),
        forms: Some(Box::new(TaskForms(Arc::clone(registry)))),
        ..Ports::default()
    }
}

/// The forms of tasks, as the installed packages have them.
struct TaskForms(Arc<Registry>);

impl TaskForms {
    fn source(&self, tx: &mut Tx<'_>, form: &str) -> Result<Option<FormSource>, Problem> {
        let catalog = self.0.catalog(tx)?;
        let Some((package, name)) = form.split_once('.') else {
            return Ok(None);
        };
        let package = catalog.packages.get(package);
        let mut sources = package.iter().flat_map(|package| &package.forms);
        Ok(sources.find(|source| source.name == name).cloned())
    }
}

impl Forms for TaskForms {
    fn schema(&self, tx: &mut Tx<'_>, form: &str) -> Result<Option<Json>, Problem> {
        let Some(source) = self.source(tx, form)? else {
            return Ok(None);
        };
        serde_json::from_str(&source.text)
            .map(Some)
            .map_err(Problem::internal)
    }

    fn check(
        &self,
        cx: &Ctx,
        tx: &mut Tx<'_>,
        form: &str,
        values: &Map<String, Json>,
        data: &Map<String, Json>,
    ) -> Result<Map<String, Json>, Problem> {
        let missing = || Problem::internal(format!("the form {form} of a task is not installed"));
        let source = self.source(tx, form)?.ok_or_else(missing)?;
        let (form, _) = banyan_form::parse(&source.path, &source.text);
        let form = form.ok_or_else(missing)?;
        form.validate(cx, values, data).map_err(|errors| {
            let mut problem = Problem::new(codes::INVALID, "表单填写有误,请按提示改正。");
            for error in errors {
                problem = problem.with_error(format!("/values{}", error.pointer), &error.code, error.message);
            }
            problem
        })
    }
}
