//! What the command line offers.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use banyan_base::{Ctx, Finding, Problem, Severity, SourceFile, World, has_errors};
use banyan_registry::{Applied, ApplyRequest};
use banyan_store::{Db, Options};
use clap::{Parser, Subcommand};

use crate::audit_commands::{self, AuditCommand};
use crate::config::{Config, Log, default_file, reference_page};
use crate::keys_commands::{self, KeysCommand};
use crate::platform::Platform;
use crate::policy_commands::{self, PolicyCommand};
use crate::{check, decide_commands, demo, features, folder, keep, logs, serve};

/// Banyan, the operating platform of a digital province.
#[derive(Debug, Parser)]
#[command(name = "banyan", version)]
pub struct Cli {
    /// The configuration file; `banyan.toml` here by default.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve {
        /// Apply these packages first.
        #[arg(long)]
        apply: Vec<PathBuf>,
        /// Make the demonstration accounts of those packages.
        #[arg(long)]
        demo: bool,
        /// Demonstration: the platform's clock runs in this year, e.g. that of the plan.
        #[arg(long)]
        year: Option<i16>,
    },
    /// Check packages: every finding with file, line and column.
    Check { folders: Vec<PathBuf> },
    /// Show what an apply would change.
    Plan { folders: Vec<PathBuf> },
    /// Apply packages to the database, in one transaction; a running server serves them at once.
    Apply {
        folders: Vec<PathBuf>,
        /// Agree to losing what the plan names.
        #[arg(long)]
        allow_loss: bool,
    },
    /// Take a package out whole into a folder: its files, its records, their history, stored files.
    Export {
        id: String,
        /// A folder that is not there yet, or empty.
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// How records are written; CSV is what an import takes. History is JSON Lines always.
        #[arg(long, value_parser = ["jsonl", "csv"], default_value = "jsonl")]
        format: String,
    },
    /// Remove a package with its tables, or an overlay with what it added.
    Remove {
        id: String,
        /// Agree to losing the records; `banyan export` takes them out first.
        #[arg(long)]
        allow_loss: bool,
    },
    /// Copy an SQLite database and the stored files, while the server runs, into a new folder. For PostgreSQL it names the
    /// commands that do it.
    Backup {
        /// A folder that is not there yet, or empty.
        folder: PathBuf,
    },
    /// The change feed.
    Feed {
        #[command(subcommand)]
        what: FeedCommand,
    },
    /// Run the acceptance features of packages, step by step, each scenario on a fresh platform.
    Features {
        folders: Vec<PathBuf>,
        /// Run them by HTTP against the platform at this address instead. What they write stays there.
        #[arg(long, value_name = "URL")]
        against: Option<String>,
        /// The password of `admin` on that platform.
        #[arg(long, env = "BANYAN_ADMIN_PASSWORD", hide_env_values = true)]
        admin_password: Option<String>,
        /// Let the fresh platforms stand on the PostgreSQL server that BANYAN_TEST_POSTGRES names.
        #[arg(long, conflicts_with = "against")]
        postgres: bool,
        /// Look here too for packages that are needed.
        #[arg(long, value_name = "FOLDER")]
        packages: Vec<PathBuf>,
        /// Print the vocabulary of steps.
        #[arg(long)]
        steps: bool,
    },
    /// Check the audit log.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// What policy would say, over package folders.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Decide by a model's file, run cases, or recompute an evaluation that was kept.
    Decide(Box<decide_commands::Decide>),
    /// Keys of personal data: their copy, and new ones in the place of old.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Print a default configuration file, or its reference.
    Config { what: String },
    /// Write the JSON Schemas of package files, for editors.
    Schemas {
        #[arg(long, default_value = "docs/schemas")]
        to: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum FeedCommand {
    /// Once after a PostgreSQL dump was restored into another cluster, before the server starts.
    Renumber,
}

/// Runs a command; the exit code is 1 where something was refused.
pub fn run(cli: Cli) -> ExitCode {
    let result = Config::load(cli.config.as_deref())
        .map_err(|error| error.to_string())
        .and_then(|mut config| match cli.command {
            Command::Serve { apply, demo, year } => {
                // A demonstration shows the public's side too.
                config.sign_in.citizens |= demo;
                server(&config, &apply, demo, year)
            }
            Command::Check { folders } => say_findings(&folders),
            Command::Plan { folders } => change(&config, &folders, false, true),
            Command::Apply { folders, allow_loss } => change(&config, &folders, allow_loss, false),
            Command::Export { id, to, format } => export(&config, &id, &to, &format),
            Command::Remove { id, allow_loss } => remove(&config, &id, allow_loss),
            Command::Backup { folder } => database(&config)
                .and_then(|db| keep::backup(&db, &config, &folder))
                .and_then(|done| say(&done)),
            Command::Feed {
                what: FeedCommand::Renumber,
            } => database(&config)
                .and_then(|db| keep::renumber(&db))
                .and_then(|done| say(&done)),
            Command::Features { steps: true, .. } => say(&features::steps::page()),
            Command::Features {
                folders,
                against,
                admin_password,
                packages,
                postgres,
                steps: false,
            } => acceptance(
                &folders,
                &features::Options {
                    against,
                    admin_password,
                    postgres,
                    packages,
                },
            ),
            Command::Audit { command } => audit_commands::run(&config, command).and_then(|text| say(&text)),
            Command::Policy { command } => policy_commands::run(command).and_then(|text| say(&text)),
            Command::Decide(command) => decide_commands::run(&config, &command).and_then(|text| say(&text)),
            Command::Keys { command } => keys_commands::run(&config, command).and_then(|text| say(&text)),
            Command::Config { what } => match what.as_str() {
                "default" => say(&default_file()),
                "reference" => say(&reference_page()),
                other => Err(format!("there is no `config {other}`: default or reference")),
            },
            Command::Schemas { to } => schemas(&to),
        });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())
}

fn schemas(to: &std::path::Path) -> Result<(), String> {
    std::fs::create_dir_all(to).map_err(|error| error.to_string())?;
    for (name, schema) in banyan_package::schemas() {
        let text = serde_json::to_string_pretty(&schema).map_err(|error| error.to_string())?;
        std::fs::write(to.join(format!("{name}.json")), format!("{text}\n"))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// A problem as the command line tells it: the cause inside, and every finding at its place.
pub(crate) fn explain(problem: &Problem) -> String {
    let mut text = problem.internal.clone().unwrap_or_else(|| problem.detail.clone());
    if let Some(findings) = problem.extra.get("findings")
        && let Ok(findings) = serde_json::from_value::<Vec<Finding>>(findings.clone())
    {
        for finding in findings {
            text.push_str(&format!("\n{finding}"));
        }
    }
    for error in &problem.errors {
        text.push_str(&format!("\n{} {}", error.pointer, error.message));
    }
    text
}

fn read_all(folders: &[PathBuf]) -> Result<Vec<Vec<SourceFile>>, String> {
    if folders.is_empty() {
        return Err("name at least one package folder, e.g. apps/0-base".into());
    }
    folders.iter().map(|path| folder::read(path)).collect()
}

fn say_findings(folders: &[PathBuf]) -> Result<(), String> {
    let findings = check::packages(folders, &read_all(folders)?);
    let mut text = String::new();
    for finding in &findings {
        text.push_str(&format!("{finding}\n"));
    }
    let errors = findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    text.push_str(&format!(
        "{} packages, {errors} errors, {} other findings\n",
        folders.len(),
        findings.len() - errors
    ));
    say(&text)?;
    if has_errors(&findings) {
        Err("the packages do not pass".into())
    } else {
        Ok(())
    }
}

/// The database alone, as it is: without bringing it up to date, and where a platform would refuse to start.
pub(crate) fn database(config: &Config) -> Result<Db, String> {
    let url = config.database_url();
    if let Some(path) = url.strip_prefix("sqlite:")
        && !std::path::Path::new(path).is_file()
    {
        return Err(format!("{path}: there is no database"));
    }
    Db::open(&url, &Options::default()).map_err(|error| error.to_string())
}

fn platform(config: &Config) -> Result<Platform, String> {
    in_world(config, World::system())
}

fn in_world(config: &Config, world: World) -> Result<Platform, String> {
    Platform::open(config, world).map_err(|problem| explain(&problem))
}

fn tell(applied: &[Applied], would: bool) -> String {
    let mut text = String::new();
    for one in applied {
        let word = match (one.changed, would) {
            (false, _) => "unchanged",
            (true, true) => "would change",
            (true, false) => "applied",
        };
        text.push_str(&format!("{} {}: {word}\n", one.package, one.version));
        if one.changed {
            for change in &one.plan.changes {
                text.push_str(&format!("  {change}\n"));
            }
            for loss in &one.plan.losses {
                text.push_str(&format!("  ! loses {loss}\n"));
            }
            for problem in &one.plan.problems {
                text.push_str(&format!("  ! {problem}\n"));
            }
            if !would {
                text.push_str(&format!(
                    "  seeds: {} new, {} changed\n",
                    one.seeds_created, one.seeds_changed
                ));
            }
        }
    }
    text
}

fn apply(
    platform: &Platform,
    cx: Ctx,
    folders: &[PathBuf],
    allow_loss: bool,
) -> Result<Vec<Applied>, String> {
    let request = ApplyRequest {
        packages: read_all(folders)?,
        allow_loss,
    };
    let registry = std::sync::Arc::clone(&platform.registry);
    platform
        .db
        .write_exclusive(move |tx| registry.apply(&cx, tx, &request))
        .map_err(|problem| explain(&problem))
}

fn change(config: &Config, folders: &[PathBuf], allow_loss: bool, only_plan: bool) -> Result<(), String> {
    let platform = platform(config)?;
    let applied = if only_plan {
        let request = ApplyRequest {
            packages: read_all(folders)?,
            allow_loss,
        };
        platform
            .db
            .read(|tx| platform.registry.plan(tx, &request))
            .map_err(|problem| explain(&problem))?
    } else {
        apply(&platform, platform.world.system_ctx(), folders, allow_loss)?
    };
    say(&tell(&applied, only_plan))
}

fn export(config: &Config, id: &str, to: &std::path::Path, format: &str) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", to.display());
    std::fs::create_dir_all(to).map_err(told)?;
    if std::fs::read_dir(to).map_err(told)?.next().is_some() {
        return Err(format!("{}: the folder is not empty", to.display()));
    }
    let platform = platform(config)?;
    let format = match format {
        "csv" => banyan_registry::Format::Csv,
        _ => banyan_registry::Format::JsonLines,
    };
    let archived = folder::archive(&platform, id, format, to).map_err(|problem| explain(&problem))?;
    let mut text = format!(
        "{id}: exported to {}\n  {} source files\n",
        to.display(),
        archived.sources
    );
    for (name, (live, superseded)) in &archived.records {
        text.push_str(&format!(
            "  {name}: {live} records, {superseded} superseded versions\n"
        ));
    }
    text.push_str(&format!("  {} stored files\n", archived.files));
    say(&text)
}

fn remove(config: &Config, id: &str, allow_loss: bool) -> Result<(), String> {
    let platform = platform(config)?;
    let (registry, cx, owned) = (
        std::sync::Arc::clone(&platform.registry),
        platform.world.system_ctx(),
        id.to_owned(),
    );
    platform
        .db
        .write_exclusive(move |tx| registry.remove(&cx, tx, &owned, allow_loss))
        .map_err(|problem: Problem| explain(&problem))?;
    say(&format!("{id}: removed\n"))
}

fn acceptance(folders: &[PathBuf], options: &features::Options) -> Result<(), String> {
    if folders.is_empty() {
        return Err("name at least one package folder, e.g. apps/0-base".into());
    }
    // What fails inside the platform, a trigger say, is told only there.
    logs::start(&Log {
        filter: "error".into(),
        ..Log::default()
    });
    let summary =
        features::run(folders, options, &mut std::io::stdout().lock()).map_err(|error| error.to_string())?;
    match summary.failures.len() {
        0 => Ok(()),
        count => Err(format!("{count} 个场景没有通过")),
    }
}

fn server(config: &Config, packages: &[PathBuf], demo: bool, year: Option<i16>) -> Result<(), String> {
    logs::start(&config.log);
    std::fs::create_dir_all(&config.store.folder)
        .map_err(|error| format!("{}: {error}", config.store.folder.display()))?;
    let world = match year {
        Some(year) => World::shifted(year),
        None => World::system(),
    };
    let platform = in_world(config, world)?;
    let refused = |problem: Problem| explain(&problem);
    let new = platform.is_new().map_err(refused)?;
    if !packages.is_empty() {
        say("· applying packages\n")?;
        let cx = match demo && new {
            true => demo::opening(&platform).map_err(refused)?,
            false => platform.world.system_ctx(),
        };
        say(&tell(&apply(&platform, cx, packages, false)?, false))?;
    }
    let mut lines = String::new();
    if let Some(password) = platform.first_administrator().map_err(refused)? {
        let path = config.store.folder.join("initial-password");
        keep_secret(&path, &password)?;
        lines.push_str(&format!(
            "  管理员 admin  初始密码 {password}(也在 {};请登录后修改)\n",
            path.display()
        ));
    }
    if demo {
        lines.push_str(&demonstrate(&platform, packages, new).map_err(refused)?);
    }
    let ready = |address: std::net::SocketAddr| {
        let _ = say(&format!(
            "\n榕 已就绪:http://{address}/  工作台 http://{address}/desk/\n{lines}\n"
        ));
    };
    serve::serve(&platform, config, &ready).map_err(refused)
}

/// Makes the demonstration of the packages; gives what to print about it.
fn demonstrate(platform: &Platform, packages: &[PathBuf], new: bool) -> Result<String, Problem> {
    let mut lines = String::new();
    for package in packages {
        platform.demo_accounts(package)?;
        for account in demo::accounts(package)?.iter().filter(|one| one.party.is_none()) {
            lines.push_str(&format!(
                "  演示账号 {:<8} 密码 {}  {}\n",
                account.login, account.password, account.name
            ));
        }
    }
    for package in packages.iter().filter(|_| new) {
        match demo::play(platform, package)? {
            0 => {}
            acts => lines.push_str(&format!(
                "  已按 {}/demo/acts.toml 演示办理 {acts} 次;都不是实际进展\n",
                package.display()
            )),
        }
    }
    Ok(lines)
}

/// Writes a file that only its owner may read.
fn keep_secret(path: &std::path::Path, text: &str) -> Result<(), String> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| error.to_string())?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| error.to_string())
}
