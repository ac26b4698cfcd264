//! How many instances a CPU-second carries on durable state: three user tasks, and one service task. `process_bench [finished
//! running]`: how many instances are there before it is measured.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use banyan_base::{Ctx, Problem, World};
use banyan_door::{Decision, Door, Handler, LogAudit, Method, Metrics, Operation, Policy, Reply, Target};
use banyan_process::engine::state::Wait;
use banyan_process::{Engine, Session, Source, Start};
use banyan_store::{Db, Options};
use serde_json::{Map, json};

struct Everyone;

impl Policy for Everyone {
    fn decide(&self, _: &Ctx, _: &Target, _: &Operation) -> Result<Decision, Problem> {
        Ok(Decision::permit())
    }
}

const HEAD: &str = r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:banyan="https://banyan.local/bpmn/1.0"
 id="definitions" targetNamespace="https://banyan.local/bench"><process isExecutable="true""#;

fn chain(id: &str, tasks: &[&str]) -> String {
    let mut text = format!(
        r#"{HEAD} id="{id}" name="{id}"><startEvent id="start"><outgoing>f0</outgoing></startEvent>"#
    );
    let mut from = "start".to_owned();
    for (number, task) in tasks.iter().enumerate() {
        let (name, next) = (format!("t{number}"), number + 1);
        text.push_str(&format!(
            r#"<sequenceFlow id="f{number}" sourceRef="{from}" targetRef="{name}"/><{task} id="{name}" {}><incoming>f{number}</incoming><outgoing>f{next}</outgoing></{task}>"#,
            if *task == "userTask" { r#"name="办理" banyan:roles="clerk""# } else { r#"banyan:operation="bench.work""# },
        ));
        from = name;
    }
    let last = tasks.len();
    text.push_str(&format!(
        r#"<sequenceFlow id="f{last}" sourceRef="{from}" targetRef="end"/><endEvent id="end"><incoming>f{last}</incoming></endEvent></process></definitions>"#
    ));
    text
}

/// CPU time of this process in seconds: user and system, from the kernel's count of hundredths.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

struct Bench {
    db: Db,
    world: World,
    engine: Arc<Engine>,
    door: Door,
}

impl Bench {
    fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Session<'_, '_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (engine, door, cx) = (
            Arc::clone(&self.engine),
            self.door.clone(),
            self.world.system_ctx(),
        );
        self.db.write(move |tx| {
            let mut session = Session::new(&engine, &cx, &door, tx);
            let value = act(&mut session)?;
            session.finish()?;
            Ok(value)
        })
    }

    fn start(&self, process: &str) -> Result<String, Problem> {
        let process = format!("bench.{process}");
        self.act(move |session| {
            session.start(Start {
                process,
                ..Start::default()
            })
        })
    }

    /// The whole life of an instance with user tasks: each completed in a transaction of its own.
    fn live(&self, process: &str) -> Result<(), Problem> {
        let id = self.start(process)?;
        loop {
            let of = id.clone();
            let more = self.act(move |session| {
                let (inst, _) = session.look(&of)?;
                let open = inst
                    .tokens
                    .iter()
                    .find(|(_, token)| token.wait == Wait::Task)
                    .map(|(key, _)| *key);
                let Some(token) = open else { return Ok(false) };
                session.complete_task(&of, token, Map::new())?;
                Ok(true)
            })?;
            if !more {
                return Ok(());
            }
        }
    }
}

fn measure(
    name: &str,
    threads: usize,
    seconds: u64,
    act: &(dyn Fn() -> Result<(), Problem> + Sync),
) -> Result<(), Problem> {
    let done = AtomicU64::new(0);
    let times = std::sync::Mutex::new(Vec::new());
    let failed = std::sync::Mutex::new(None);
    let (began, spent) = (Instant::now(), cpu());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Vec::new();
                while began.elapsed() < Duration::from_secs(seconds) {
                    let from = Instant::now();
                    if let Err(problem) = act() {
                        *failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(problem);
                        return;
                    }
                    own.push(from.elapsed());
                    done.fetch_add(1, Ordering::Relaxed);
                }
                times
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner)
                    .extend(own);
            });
        }
    });
    if let Some(problem) = failed
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        return Err(problem);
    }
    let (wall, cpu) = (began.elapsed().as_secs_f64(), cpu() - spent);
    let mut times = times
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    times.sort_unstable();
    let p99 = times
        .get(times.len().saturating_sub(1) * 99 / 100)
        .copied()
        .unwrap_or_default();
    let count = done.load(Ordering::Relaxed) as f64;
    say(&format!(
        "{name}: {:.0} instances/s, {:.0} per CPU-second, p99 {:.1} ms",
        count / wall,
        count / cpu.max(0.001),
        p99.as_secs_f64() * 1e3
    ));
    Ok(())
}

fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn run() -> Result<(), Problem> {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let (finished, running) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let folder = std::env::temp_dir().join(format!("process-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(Problem::internal)?;
    let url = std::env::var("BANYAN_BENCH_DATABASE")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.join("bench.db").display()));
    let db = Db::open(&url, &Options::default())?;
    db.migrate(&[
        &banyan_store::MIGRATIONS,
        &banyan_door::MIGRATIONS,
        &banyan_process::MIGRATIONS,
    ])?;
    let (world, engine) = (World::system(), Engine::new());
    let mut rows = banyan_process::operations(&engine);
    rows.push(Operation::write(
        "bench.work",
        "工作",
        Method::Post,
        "/v1/bench",
        Handler::inside(|_| Reply::json(json!({ "done": true }))),
    ));
    let metrics = Metrics::new().map_err(Problem::internal)?;
    let door = Door::new(
        db.clone(),
        world.clone(),
        Arc::new(Everyone),
        Arc::new(LogAudit),
        metrics,
        rows,
    )?;
    let bench = Bench {
        db,
        world,
        engine,
        door,
    };
    let sources = vec![
        Source {
            name: "three".into(),
            text: chain("three", &["userTask", "userTask", "userTask"]),
        },
        Source {
            name: "one".into(),
            text: chain("one", &["serviceTask"]),
        },
    ];
    let (deploying, cx) = (Arc::clone(&bench.engine), bench.world.system_ctx());
    bench
        .db
        .write::<_, Problem>(move |tx| deploying.deploy(&cx, tx, "bench", &sources).map(|_| ()))?;
    for (count, process) in [(finished, "one"), (running, "three")] {
        let mut left = count;
        while left > 0 {
            let part = left.min(1_000);
            left -= part;
            bench.act(move |session| {
                for _ in 0..part {
                    session.start(Start {
                        process: format!("bench.{process}"),
                        ..Start::default()
                    })?;
                }
                Ok(())
            })?;
        }
    }
    say(&format!(
        "{finished} finished and {running} running instances are there"
    ));
    measure("one service task", 32, 10, &|| bench.start("one").map(|_| ()))?;
    measure("three user tasks", 32, 10, &|| bench.live("three"))?;
    bench.db.close();
    let _ = std::fs::remove_dir_all(&folder);
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            say(&format!(
                "{problem}: {}",
                problem.internal.as_deref().unwrap_or_default()
            ));
            ExitCode::FAILURE
        }
    }
}
