//! The server: HTTP, the triggers' consumer, the daily clock, and a stop that lets running calls end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use banyan_base::Problem;
use banyan_package::model::{Package, Word};
use banyan_store::jobs::Worker;

use crate::config::{Config, Store};
use crate::platform::Platform;
use crate::{listen, upkeep};

/// Serves until told to stop (SIGINT or SIGTERM).
///
/// # Errors
/// Where the address can't be listened on.
pub fn serve(
    platform: &Platform,
    config: &Config,
    ready: &dyn Fn(std::net::SocketAddr),
) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Problem::internal)?;
    // A wrong address is said now, not when the first person's data are shown.
    platform.audit.salts().open()?;
    let stop = Arc::new(AtomicBool::new(false));
    let reactions = react(platform, &config.store, Arc::clone(&stop)).map_err(Problem::internal)?;
    let processes = run_processes(platform, Arc::clone(&stop)).map_err(Problem::internal)?;
    let indexing = index(platform, Arc::clone(&stop)).map_err(Problem::internal)?;
    let witnessing = have_witnessed(platform, Arc::clone(&stop)).map_err(Problem::internal)?;
    let jobs = Worker::start(
        &platform.db,
        &platform.world,
        config.server.job_threads,
        platform.job_handlers(),
    )?;
    let settings = banyan_http::Settings {
        concurrent_calls: config.http.concurrent_calls,
        timeout: Duration::from_secs(config.http.timeout_seconds),
        web_folder: config.http.web_folder.clone().or_else(|| {
            let here = PathBuf::from("web/dist");
            here.join("index.html").is_file().then_some(here)
        }),
        systems: systems(platform),
        public_url: config.server.public_url.clone(),
        cookie: banyan_identity::SESSION_COOKIE,
        trusted_proxies: config.http.trusted_proxies.clone(),
    };
    let auth: Arc<dyn banyan_door::Authenticator> =
        Arc::<banyan_identity::Accounts>::clone(&platform.accounts);
    let result = runtime.block_on(async {
        let listen = |error| Problem::internal(format!("listening on {}: {error}", config.server.listen));
        let listener = tokio::net::TcpListener::bind(&config.server.listen)
            .await
            .map_err(listen)?;
        ready(listener.local_addr().map_err(Problem::internal)?);
        let describe: Arc<dyn banyan_door::Describe> =
            Arc::<banyan_registry::Registry>::clone(&platform.registry);
        let router = banyan_http::router(&platform.door, auth, describe, settings);
        let patience = Duration::from_secs(config.server.stop_seconds);
        listen::serve(listener, router, told_to_stop(), patience).await;
        Ok(())
    });
    stop.store(true, Ordering::SeqCst);
    platform.db.wake();
    let _ = reactions.join();
    let _ = processes.join();
    let _ = indexing.join();
    let _ = witnessing.join();
    jobs.stop();
    runtime.shutdown_timeout(Duration::from_secs(config.server.stop_seconds));
    platform.db.close();
    platform.keys.close();
    platform.audit.close();
    result
}

fn word(word: Word) -> &'static str {
    match word {
        Word::Data => "data",
        Word::Service => "service",
        Word::Governance => "governance",
        Word::Collaboration => "collaboration",
        Word::Decision => "decision",
    }
}

/// The installed packages as the portal tells of them.
fn systems(platform: &Platform) -> banyan_http::Systems {
    let (db, registry) = (platform.db.clone(), Arc::clone(&platform.registry));
    Arc::new(move || {
        let catalog = db.read(|tx| registry.catalog(tx))?;
        let of = |package: &Arc<Package>| banyan_http::System {
            word: word(package.word).to_owned(),
            clause: package.clause.clone(),
            title: package.title.clone(),
            summary: package.summary.clone(),
            owner: package.owner.clone(),
        };
        // A package that only changes others is no system itself.
        let own = catalog
            .packages
            .values()
            .filter(|package| package.overlays.is_empty() || !package.types.is_empty());
        Ok(own.map(of).collect())
    })
}

async fn told_to_stop() {
    let interrupt = tokio::signal::ctrl_c();
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = interrupt.await;
        }
    }
    tracing::info!("stopping: running calls may end, no new ones are taken");
}

/// One thread that runs triggers as events come, and once a day what the day asks for.
fn react(
    platform: &Platform,
    keep: &Store,
    stop: Arc<AtomicBool>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let (platform, keep) = (platform.clone(), keep.clone());
    std::thread::Builder::new()
        .name("reactions".into())
        .spawn(move || {
            let mut seen = 0;
            let mut day = None;
            while !stop.load(Ordering::SeqCst) {
                let cx = platform.world.system_ctx();
                if day != Some(cx.today()) {
                    let work =
                        banyan_registry::run_day(&platform.registry, &platform.door, &platform.db, &cx);
                    let work =
                        work.and_then(|_| platform.erasures.run_day(&cx, &platform.door, &platform.db));
                    let work = work.and_then(|_| banyan_identity::person::overdue(&platform.db, &cx));
                    match work.and_then(|_| upkeep::run(&platform.db, &cx, &keep)) {
                        Ok(_) => day = Some(cx.today()),
                        Err(problem) => report("the day's work failed", &problem),
                    }
                }
                match banyan_registry::run_clocks(&platform.registry, &platform.door, &platform.db, &cx) {
                    Ok(_) => {}
                    Err(problem) => report("running the clocks of states failed", &problem),
                }
                match banyan_registry::run_events(&platform.registry, &platform.door, &platform.db, &cx) {
                    Ok(0) => seen = platform.db.wait_events(seen, Duration::from_millis(500)),
                    Ok(_) => {}
                    Err(problem) => {
                        report("running triggers failed", &problem);
                        std::thread::sleep(Duration::from_secs(1));
                    }
                }
            }
        })
}

/// How long the clocks of processes are not looked at where nothing happens: what is due is late by no more.
const CLOCKS_EVERY: Duration = Duration::from_millis(200);

/// One thread that lets the clocks of processes ring.
fn run_processes(platform: &Platform, stop: Arc<AtomicBool>) -> std::io::Result<std::thread::JoinHandle<()>> {
    let platform = platform.clone();
    std::thread::Builder::new()
        .name("processes".into())
        .spawn(move || {
            let mut day = None;
            while !stop.load(Ordering::SeqCst) {
                let cx = platform.world.system_ctx();
                if day != Some(cx.today()) {
                    match banyan_process::tidy(&platform.db, &cx) {
                        Ok(_) => day = Some(cx.today()),
                        Err(problem) => report("tidying messages of processes failed", &problem),
                    }
                }
                match banyan_process::run_due(&platform.processes, &platform.door, &platform.db, &cx) {
                    Ok(0) => std::thread::sleep(CLOCKS_EVERY),
                    Ok(_) => {}
                    Err(problem) => {
                        report("running the clocks of processes failed", &problem);
                        std::thread::sleep(Duration::from_secs(1));
                    }
                }
            }
        })
}

/// One thread that keeps the index of who saw what in step with the audit log.
fn index(platform: &Platform, stop: Arc<AtomicBool>) -> std::io::Result<std::thread::JoinHandle<()>> {
    let platform = platform.clone();
    std::thread::Builder::new()
        .name("audit-index".into())
        .spawn(move || {
            let mut told = String::new();
            while !stop.load(Ordering::SeqCst) {
                if let Err(problem) = platform.audit.catch_up() {
                    // What stays wrong is told once.
                    let what = problem.internal.clone().unwrap_or_default();
                    if what != told {
                        report("the index of who saw what is behind the audit log", &problem);
                        told = what;
                    }
                }
                std::thread::sleep(Duration::from_millis(500));
            }
        })
}

/// How often checkpoints are sent to witnesses.
const WITNESSED_EVERY: Duration = Duration::from_secs(10);

/// One thread that has the audit log's checkpoints cosigned by others' witnesses.
fn have_witnessed(
    platform: &Platform,
    stop: Arc<AtomicBool>,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    let platform = platform.clone();
    std::thread::Builder::new()
        .name("audit-witness".into())
        .spawn(move || {
            let mut told = String::new();
            while !stop.load(Ordering::SeqCst) && !platform.audit.witnesses().is_empty() {
                let wrong = match platform.audit.have_cosigned() {
                    Ok(wrong) => wrong
                        .iter()
                        .map(ToString::to_string)
                        .collect::<Vec<_>>()
                        .join("; "),
                    Err(problem) => problem.internal.unwrap_or(problem.detail),
                };
                // What stays wrong is told once.
                if wrong != told && !wrong.is_empty() {
                    tracing::error!(
                        cause = wrong,
                        "the audit log's checkpoint is not cosigned by all its witnesses"
                    );
                }
                told = wrong;
                let until = std::time::Instant::now() + WITNESSED_EVERY;
                while std::time::Instant::now() < until && !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        })
}

fn report(what: &str, problem: &Problem) {
    tracing::error!(
        cause = problem.internal.as_deref().unwrap_or(&problem.detail),
        "{what}"
    );
}
