//! A page of the inbox and a search in it, with many tasks there: `inbox_bench [done [open [readers]]]`.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use banyan_base::{Actor, ActorKind, Ctx, Problem, World};
use banyan_door::{Decision, Door, Input, LogAudit, Metrics, Operation, Policy, Target};
use banyan_process::Engine;
use banyan_store::{Db, Options, Tx};

struct Everyone;

impl Policy for Everyone {
    fn decide(&self, _: &Ctx, _: &Target, _: &Operation) -> Result<Decision, Problem> {
        Ok(Decision::permit())
    }
}

/// Roles and units among which the tasks are spread.
const ROLES: u64 = 50;
const UNITS: u64 = 200;
const WORDS: [&str; 8] = ["审批", "核验", "登记", "复核", "补正", "踏勘", "签发", "归档"];
const THINGS: [&str; 8] = [
    "取水许可",
    "道路占用",
    "食品经营",
    "出租汽车",
    "医疗机构",
    "建设用地",
    "社会团体",
    "网约房",
];

fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn pick(list: &[&'static str; 8], number: u64) -> &'static str {
    list.get(usize::try_from(number % 8).unwrap_or(0))
        .copied()
        .unwrap_or("")
}

/// Tasks `from` to `to`, as the engine stores them; the first `done` of all are done.
fn fill(tx: &mut Tx<'_>, from: u64, to: u64, done: u64) -> Result<(), Problem> {
    for number in from..to {
        let id = format!("01000000-0000-7000-8000-{number:012}");
        let finished = number < done;
        let (role, unit) = (number % ROLES, (number / ROLES) % UNITS);
        let title = format!(
            "{}{} {number}",
            pick(&WORDS, number / 7),
            pick(&THINGS, number / 3)
        );
        let due = format!(
            "20{:02}-{:02}-{:02}T09:00:00.000Z",
            20 + number % 9,
            1 + number % 12,
            1 + number % 28
        );
        tx.execute(
            "INSERT INTO process_task (id, instance, token, process, version, element, title, state, roles, unit, excluded, assignee,
             created_at, due_at, warn_at, priority, batch, done_by, data) VALUES (?1, ?1, 1, 'demo.case', 1, 'do', ?2, ?3, ?4, ?5, '',
             ?6, '2022-03-01T00:00:00.000Z', ?7, ?7, ?8, 0, ?6, 'null')",
            &[
                id.as_str().into(),
                title.as_str().into(),
                if finished { "done" } else { "open" }.into(),
                format!("demo.role-{role}").into(),
                format!("U{unit}").into(),
                finished.then(|| format!("person-{}", number % 10_000)).into(),
                due.as_str().into(),
                i64::try_from(number % 101).unwrap_or(50).into(),
            ],
        )?;
        if finished {
            continue;
        }
        tx.execute(
            "INSERT INTO process_candidate (role, place, due_at, task, warn_at, line, priority, process)
             VALUES (?1, ?2, ?3, ?4, ?3, NULL, ?5, 'demo.case')",
            &[
                format!("demo.role-{role}").into(),
                format!("u:U{unit}").into(),
                due.as_str().into(),
                id.as_str().into(),
                i64::try_from(number % 101).unwrap_or(50).into(),
            ],
        )?;
        for word in banyan_base::text::index_tokens(&title) {
            tx.execute(
                "INSERT INTO process_word (word, task) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                &[word.into(), id.as_str().into()],
            )?;
        }
    }
    Ok(())
}

fn clerk(number: u64) -> Actor {
    Actor {
        id: format!("person-{number}"),
        name: "某".into(),
        kind: ActorKind::Person,
        unit: Some(format!("U{}", number % UNITS)),
        roles: (0..4)
            .map(|step| format!("demo.role-{}", (number + step * 11) % ROLES))
            .collect(),
        ..Actor::anonymous()
    }
}

fn measure(
    name: &str,
    readers: u64,
    door: &Door,
    world: &World,
    input: &(dyn Fn(u64) -> Input + Sync),
) -> Result<(), Problem> {
    let times = Mutex::new(Vec::new());
    let failed = Mutex::new(None);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for reader in 0..readers {
            let (times, failed) = (&times, &failed);
            scope.spawn(move || {
                let mut turn = reader;
                while began.elapsed() < Duration::from_secs(10) {
                    turn += readers;
                    let cx = world.ctx(clerk(turn));
                    let from = Instant::now();
                    if let Err(problem) = door.call(&cx, "task.list", input(turn)) {
                        *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(problem);
                        return;
                    }
                    times
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(from.elapsed());
                }
            });
        }
    });
    if let Some(problem) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(problem);
    }
    let mut times = times.into_inner().unwrap_or_else(PoisonError::into_inner);
    times.sort_unstable();
    let at = |percent: usize| {
        let place = times.len().saturating_sub(1) * percent / 100;
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    say(&format!(
        "{name}: {:.0}/s, p50 {:.1} ms, p95 {:.1} ms",
        times.len() as f64 / began.elapsed().as_secs_f64(),
        at(50),
        at(95)
    ));
    Ok(())
}

fn run() -> Result<(), Problem> {
    let mut numbers = std::env::args()
        .skip(1)
        .filter_map(|text| text.parse::<u64>().ok());
    let done = numbers.next().unwrap_or(90_000);
    let open = numbers.next().unwrap_or(10_000);
    let readers = numbers.next().unwrap_or(1);
    let folder = std::env::temp_dir().join(format!("inbox-bench-{}", std::process::id()));
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
    let (deploying, cx) = (Arc::clone(&engine), world.system_ctx());
    let source = banyan_process::Source {
        name: "case".into(),
        text: r#"<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" id="definitions" targetNamespace="https://banyan.local/bench">
            <process id="case" name="case" isExecutable="true"><startEvent id="start"><outgoing>f</outgoing></startEvent>
            <sequenceFlow id="f" sourceRef="start" targetRef="end"/><endEvent id="end"><incoming>f</incoming></endEvent></process></definitions>"#
            .into(),
    };
    db.write::<_, Problem>(move |tx| deploying.deploy(&cx, tx, "demo", &[source]).map(|_| ()))?;
    let mut at = 0;
    while at < done + open {
        let to = (at + 5_000).min(done + open);
        db.write::<_, Problem>(move |tx| fill(tx, at, to, done))?;
        at = to;
    }
    say(&format!("{done} tasks are done, {open} open; {readers} readers"));
    let metrics = Metrics::new().map_err(Problem::internal)?;
    let rows = banyan_process::operations(&engine);
    let door = Door::new(
        db.clone(),
        world.clone(),
        Arc::new(Everyone),
        Arc::new(LogAudit),
        metrics,
        rows,
    )?;
    let query = |list: &[(&str, &str)]| Input {
        query: list
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ..Input::default()
    };
    measure("page by due", readers, &door, &world, &|_| {
        query(&[("scope", "all")])
    })?;
    measure("page of done", readers, &door, &world, &|_| {
        query(&[("state", "done")])
    })?;
    measure("page of red", readers, &door, &world, &|_| {
        query(&[("light", "red"), ("sort", "priority")])
    })?;
    measure("search", readers, &door, &world, &|turn| {
        query(&[("q", &format!("{}{}", pick(&WORDS, turn), pick(&THINGS, turn / 5)))])
    })?;
    measure("search by number", readers, &door, &world, &|turn| {
        query(&[("q", &format!("{}", done + turn % open.max(1)))])
    })?;
    db.close();
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
