//! Acceptance features: what a package does and refuses, in Chinese Gherkin, run against a fresh or a running platform.
//!
//! Map: `read`: the files. `steps`: the vocabulary; `acts` and `checks`: what its steps do, `tasks`: those
//! about processes. `stage`: one scenario as it
//! runs. `entrance`: how it enters a platform; `fresh`, `running`: the two ways. `needed`: packages. `report`: output.

mod acts;
mod checks;
mod entrance;
mod fresh;
mod needed;
mod read;
mod report;
mod running;
mod stage;
pub mod steps;
mod tasks;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use banyan_base::Problem;
use banyan_door::Input;

use entrance::{Entrance, Fault};
use fresh::Template;
use read::{FeatureFile, Scenario};
use report::Report;
use running::Remote;
use stage::{Installed, Stage};
use steps::Part;

/// How features are run.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The address of a running platform; absent, each scenario has a fresh one of its own.
    pub against: Option<String>,
    /// The administrator's password on the running platform.
    pub admin_password: Option<String>,
    /// Fresh platforms stand on the PostgreSQL server that `BANYAN_TEST_POSTGRES` names, not on SQLite files.
    pub postgres: bool,
    /// Folders with packages that may be needed, besides the neighbours of those that are run.
    pub packages: Vec<PathBuf>,
}

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    pub features: usize,
    pub passed: usize,
    /// Scenarios that a running platform can't play.
    pub skipped: usize,
    pub steps: usize,
    pub failures: Vec<Failure>,
}

impl Summary {
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }
}

/// One scenario, or file, that did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub file: String,
    pub line: usize,
    /// Empty where the file can't be read.
    pub scenario: String,
    pub message: String,
}

/// Why features can't be run at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Packages(String),
    #[error("准备平台:{0}")]
    Platform(String),
    #[error("writing the report: {0}")]
    Output(#[from] io::Error),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error::Platform(crate::commands::explain(&problem))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Wrong(text) | Fault::Mismatch { found: text, .. } => Error::Platform(text),
        }
    }
}

/// Runs the features of package folders, writing step by step what happens. Files that can't be read and steps that are
/// not in the vocabulary are told before anything runs.
///
/// # Errors
/// Where the packages can't be read or applied, the running platform can't be reached, or `out` can't be written to.
pub fn run(folders: &[PathBuf], options: &Options, out: &mut dyn Write) -> Result<Summary, Error> {
    let started = Instant::now();
    let mut report = Report::new(out);
    let mut summary = Summary::default();
    let mut files = Vec::new();
    for (path, shown) in feature_files(folders)? {
        match read::read(&path, &shown) {
            Ok(file) => {
                summary.failures.extend(unknown_steps(&file));
                files.push(file);
            }
            Err(fault) => summary.failures.push(Failure {
                file: fault.file,
                line: fault.line,
                scenario: String::new(),
                message: fault.message,
            }),
        }
    }
    summary.features = files.len();
    if !summary.is_success() {
        report.not_run(&summary)?;
        return Ok(summary);
    }
    let packages = needed::gather(folders, &options.packages).map_err(Error::Packages)?;
    let mut play = match &options.against {
        None if options.postgres => {
            let test = banyan_store::testing::postgres().map_err(Problem::from)?;
            let test = test.ok_or_else(|| {
                let variable = banyan_store::testing::POSTGRES_VARIABLE;
                Error::Platform(format!("没有可用的 PostgreSQL:请设置 {variable}"))
            })?;
            Play::Fresh(Template::make(&packages, Some(test))?)
        }
        None => Play::Fresh(Template::make(&packages, None)?),
        Some(url) => {
            let mut passwords = needed::passwords(&packages)?;
            passwords.extend(options.admin_password.clone().map(|word| ("admin".into(), word)));
            Play::Running(Box::new(Remote::new(url, passwords)?))
        }
    };
    let mut installed = Installed::new();
    for file in &files {
        report.feature(file)?;
        for scenario in &file.scenarios {
            play.scenario(file, scenario, &mut installed, &mut report, &mut summary)?;
        }
    }
    report.totals(&summary, started.elapsed())?;
    Ok(summary)
}

/// The feature files of the folders, in the order of their names, and how they are shown.
fn feature_files(folders: &[PathBuf]) -> Result<Vec<(PathBuf, String)>, Error> {
    let mut all = Vec::new();
    for folder in folders {
        let place = folder.join("features");
        let entries = std::fs::read_dir(&place)
            .map_err(|error| Error::Packages(format!("{}:{error}", place.display())))?;
        let mut own: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|ending| ending == "feature"))
            .collect();
        if own.is_empty() {
            return Err(Error::Packages(format!("{}:没有 .feature 文件", place.display())));
        }
        own.sort();
        all.extend(own.into_iter().map(|path| {
            let shown = path.display().to_string();
            (path, shown)
        }));
    }
    Ok(all)
}

/// Steps that are not in the vocabulary, each place once, though an outline or a background repeats it.
fn unknown_steps(file: &FeatureFile) -> Vec<Failure> {
    let mut unknown: Vec<Failure> = Vec::new();
    for scenario in &file.scenarios {
        for step in &scenario.steps {
            let known = steps::find(&step.text).is_some();
            if known || unknown.iter().any(|failure| failure.line == step.line) {
                continue;
            }
            let mut message = format!("没有这样的步骤:{}", step.text);
            for form in steps::nearest(&step.text) {
                message.push_str(&format!("\n相近的有:{form}"));
            }
            unknown.push(Failure {
                file: file.file.clone(),
                line: step.line,
                scenario: scenario.name.clone(),
                message,
            });
        }
    }
    unknown
}

enum Play {
    Fresh(Template),
    Running(Box<Remote>),
}

impl Play {
    fn scenario(
        &mut self,
        file: &FeatureFile,
        scenario: &Scenario,
        installed: &mut Installed,
        report: &mut Report<'_>,
        summary: &mut Summary,
    ) -> Result<(), Error> {
        report.scenario(file, scenario)?;
        let failure = match self {
            Play::Fresh(template) => {
                let mut visit = template.copy()?;
                play(&mut visit, file, scenario, installed, report, summary)?
            }
            Play::Running(_) if moves_the_clock(scenario) => {
                summary.skipped += 1;
                return Ok(report.skipped("正在运行的平台的时钟拨不动")?);
            }
            Play::Running(remote) => {
                remote.begin()?;
                play(&mut **remote, file, scenario, installed, report, summary)?
            }
        };
        match failure {
            Some(failure) => summary.failures.push(failure),
            None => summary.passed += 1,
        }
        Ok(())
    }
}

fn moves_the_clock(scenario: &Scenario) -> bool {
    let mut steps = scenario.steps.iter().filter_map(|step| steps::find(&step.text));
    steps.any(|step| step.part == Part::Time)
}

/// Plays a scenario to its end or its first failing step.
fn play(
    entrance: &mut dyn Entrance,
    file: &FeatureFile,
    scenario: &Scenario,
    installed: &mut Installed,
    report: &mut Report<'_>,
    summary: &mut Summary,
) -> Result<Option<Failure>, Error> {
    let mut stage = Stage::new(entrance, installed);
    let mut failure: Option<Failure> = None;
    let failed = |line: usize, fault: &Fault| Failure {
        file: file.file.clone(),
        line,
        scenario: scenario.name.clone(),
        message: report::explain(fault),
    };
    // Where the last refusal came from that no step has named.
    let mut unsaid_at = None;
    for step in &scenario.steps {
        if failure.is_some() {
            report.step_left_out(step)?;
            continue;
        }
        summary.steps += 1;
        let result = steps::run(&mut stage, step);
        report.step(file, step, &result)?;
        if let Err(fault) = result {
            failure = Some(failed(step.line, &fault));
        } else if stage.unsaid().is_none() {
            unsaid_at = None;
        } else if unsaid_at.is_none() {
            unsaid_at = Some(step.line);
        }
    }
    if failure.is_none()
        && let (Some(line), Some(refusal)) = (unsaid_at, stage.unsaid())
    {
        let fault = Fault::wrong(format!(
            "这一步{refusal}。若本应如此,请在它之后写明“被拒绝,原因包含…”"
        ));
        report.afterwards(file, line, &fault)?;
        failure = Some(failed(line, &fault));
    }
    Ok(failure)
}

/// The position of the feed's last event, reading on from `after`.
fn last_event(entrance: &mut dyn Entrance, mut after: Option<String>) -> Result<Option<String>, Fault> {
    loop {
        let mut input = Input::default();
        input.query.push(("limit".into(), "1000".into()));
        input
            .query
            .extend(after.clone().map(|after| ("after".into(), after)));
        let answer = entrance.look("event.list", input)?;
        if answer.refused() {
            return Err(Fault::wrong(format!("读取事件:{}", answer.told())));
        }
        match answer.body.get("next").and_then(serde_json::Value::as_str) {
            Some(next) if !answer.items().is_empty() => after = Some(next.to_owned()),
            _ => return Ok(after),
        }
    }
}

/// A folder and its name for messages.
fn name_of(folder: &Path) -> String {
    folder.display().to_string()
}
