//! `make bench-audit`: what the audit log and its touches add to a small write and to a list of 1,000 persons. The peer is the same
//! act through a door that keeps no log; both take turns, so that what else the machine does meets both.
//!
//! `BANYAN_BENCH_URL` (`sqlite:` in a folder of its own, or `postgres://…`: an empty database whose server syncs commits), `ROUNDS`.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use banyan::platform::Platform;
use banyan_base::{Actor, ActorKind, Ctx, Problem, SourceFile, World};
use banyan_door::{Decision, Door, Input, LogAudit, Metrics, Operation, Policy, ReplyBody, Target};
use banyan_registry::ApplyRequest;
use banyan_store::{Db, Options};
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

const PERSONS: usize = 10_000;
const PACKAGE: &str = "id = \"clinic\"\ntitle = { zh = \"试\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.doctor]\ntitle = { zh = \"医生\" }\n[purposes.care]\ntitle = { zh = \"诊疗\" }\nlegal_basis = \"试\"\nretention = \"P1Y\"\nroles = [\"doctor\"]\n[purposes.care.fields]\npatient = [\"name\", \"phone\"]\n[impact]\nnecessity = \"试\"\nrisks = \"试\"\nsafeguards = \"试\"\nassessed_on = 2022-01-01\nassessed_by = \"省数字办\"\nreview_by = 2023-01-01\n";
const PATIENT: &str = "title = { zh = \"患者\" }\nlabel = \"title\"\nsubject = \"party\"\n[fields.title]\ntype = \"text\"\ntitle = { zh = \"名\" }\n[fields.party]\ntype = \"text\"\ntitle = { zh = \"当事人\" }\n[fields.name]\ntype = \"text\"\npersonal = true\ngrade = \"重要\"\ntitle = { zh = \"姓名\" }\n[fields.phone]\ntype = \"text\"\npersonal = true\ngrade = \"重要\"\ntitle = { zh = \"电话\" }\n";
const POLICY: &str = "permit(principal in Role::\"clinic.doctor\", action, resource);\n";

/// Decides as another door does.
struct As(Door);

impl Policy for As {
    fn decide(&self, cx: &Ctx, target: &Target, operation: &Operation) -> Result<Decision, Problem> {
        self.0.decide(cx, operation.name, target)
    }
}

fn told(problem: Problem) -> Failure {
    problem.to_json("").to_string().into()
}

fn apply(platform: &Platform) -> Result<(), Failure> {
    let file = |path: &str, text: &str| SourceFile {
        path: path.into(),
        bytes: text.as_bytes().to_vec(),
    };
    let request = ApplyRequest {
        packages: vec![vec![
            file("package.toml", PACKAGE),
            file("records/patient.toml", PATIENT),
            file("policy.cedar", POLICY),
        ]],
        allow_loss: false,
    };
    let (registry, cx) = (platform.registry.clone(), platform.world.system_ctx());
    let done = platform
        .db
        .write_exclusive(move |tx| registry.apply(&cx, tx, &request).map(|_| ()));
    // The first look takes the new policies over.
    done.and_then(|()| platform.db.read(|tx| platform.registry.catalog(tx).map(|_| ())))
        .map_err(told)
}

struct Stage {
    platform: Platform,
    bare: Door,
    doctor: Actor,
}

impl Stage {
    fn door(&self, audited: bool) -> &Door {
        if audited { &self.platform.door } else { &self.bare }
    }

    fn act(&self, audited: bool, operation: &str, input: Input) -> Result<Duration, Failure> {
        let mut cx = self.platform.world.ctx(self.doctor.clone());
        cx.purpose = Some("clinic.care".into());
        let input = input.with_path("package", "clinic").with_path("type", "patient");
        let begun = Instant::now();
        let reply = self.door(audited).call(&cx, operation, input).map_err(told)?;
        // As it leaves: a list is text then.
        match reply.body {
            ReplyBody::Json(body) => {
                std::hint::black_box(serde_json::to_vec(&body)?);
            }
            ReplyBody::Stream { write, .. } => write(&mut std::io::sink()).map_err(told)?,
            _ => {}
        }
        Ok(begun.elapsed())
    }

    fn create(&self, audited: bool, number: usize) -> Result<Duration, Failure> {
        let fields = json!({ "title": "件", "party": format!("party-{number}"), "name": "张三李四", "phone": "13905910000" });
        self.act(audited, "record.create", Input::json(json!({ "fields": fields })))
    }

    fn list(&self, audited: bool, limit: &str) -> Result<Duration, Failure> {
        let input = Input {
            query: vec![("limit".into(), limit.into())],
            ..Input::default()
        };
        self.act(audited, "record.list", input)
    }
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort();
    times
        .get(times.len() / 2)
        .map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
}

fn main() -> Result<(), Failure> {
    let folder = std::path::PathBuf::from("target/bench/trail");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let own = format!("sqlite:{}", folder.join("banyan.db").display());
    let url = std::env::var("BANYAN_BENCH_URL").unwrap_or(own);
    let rounds: usize = std::env::var("ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(40);
    let db = Db::open(&url, &Options::default())?;
    let platform = Platform::over(db, World::system(), false, &folder).map_err(told)?;
    apply(&platform)?;
    platform.audit.salts().open().map_err(told_store)?;
    let rows = platform.door.operations().cloned().collect();
    let bare = Door::new(
        platform.db.clone(),
        platform.world.clone(),
        Arc::new(As(platform.door.clone())),
        Arc::new(LogAudit),
        Metrics::new()?,
        rows,
    )
    .map_err(told)?;
    let doctor = Actor {
        id: "doctor-1".into(),
        name: "医生".into(),
        kind: ActorKind::Person,
        roles: ["clinic.doctor".to_owned()].into(),
        ..Actor::anonymous()
    };
    let stage = Stage {
        platform,
        bare,
        doctor,
    };
    for number in 0..PERSONS {
        stage.create(false, number)?;
    }
    let mut out = std::io::stdout().lock();
    let mut report = |what: &str, times: &mut [Vec<Duration>; 2]| -> Result<(), Failure> {
        let [bare, audited] = times;
        let (bare, audited) = (median(bare), median(audited));
        let more = (audited / bare - 1.0) * 100.0;
        writeln!(
            out,
            "{what}: {bare:.2} ms without the log, {audited:.2} ms with it ({more:+.0} %)"
        )?;
        Ok(())
    };
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..rounds * 50 {
        for (audited, times) in [false, true].into_iter().zip(&mut times) {
            times.push(stage.create(audited, PERSONS + round)?);
        }
    }
    report("a small write, median", &mut times)?;
    // First looks make salts; they are what a person's first appearance costs.
    let first = stage.list(true, "1000")?.as_secs_f64() * 1_000.0;
    for limit in ["20", "1000"] {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..rounds * 5 {
            for (audited, times) in [false, true].into_iter().zip(&mut times) {
                times.push(stage.list(audited, limit)?);
            }
        }
        report(&format!("a list of {limit} persons, median"), &mut times)?;
    }
    writeln!(
        out,
        "the first list of 1,000 persons nobody has looked at before: {first:.1} ms"
    )?;
    stage.platform.audit.close();
    stage.platform.db.close();
    Ok(())
}

fn told_store(error: banyan_store::Error) -> Failure {
    error.to_string().into()
}
