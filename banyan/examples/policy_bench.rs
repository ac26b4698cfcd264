//! `make bench-policy`: what row conditions and masks cost a list. The peer is the same question, over the same records on the
//! same machine, asked by the platform itself, to which nothing is withheld.
//!
//! `ROWS` (1,000,000) and `BANYAN_BENCH_URL` (`sqlite:` in a folder of its own, or `postgres://…`: an empty database).

use std::io::Write;
use std::time::{Duration, Instant};

use banyan::platform::Platform;
use banyan_base::{Actor, ActorKind, Ctx, SourceFile, World};
use banyan_door::{Input, ReplyBody};
use banyan_registry::ApplyRequest;
use banyan_store::{Db, Options};

type Failure = Box<dyn std::error::Error>;

const UNITS: usize = 60;
const HEAD: &str = "title = { zh = \"试\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const PURPOSE: &str = "[roles.clerk]\ntitle = { zh = \"经办\" }\n[purposes.care]\ntitle = { zh = \"办理\" }\nlegal_basis = \"试\"\nretention = \"P1Y\"\nroles = [\"clerk\"]\n[purposes.care.fields]\ncase = [\"name\", \"phone\"]\n[impact]\nnecessity = \"试\"\nrisks = \"试\"\nsafeguards = \"试\"\nassessed_on = 2022-01-01\nassessed_by = \"省数字办\"\nreview_by = 2023-01-01\nunsealed = \"试\"\n";
const UNIT: &str = "title = { zh = \"单位\" }\nlabel = \"code\"\nkey = [\"code\"]\n[fields.code]\ntype = \"text\"\ntitle = { zh = \"代码\" }\nrequired = true\n[fields.parent]\ntype = \"unit\"\ntitle = { zh = \"上级\" }\n";
const REGION: &str = "title = { zh = \"区划\" }\nlabel = \"code\"\n[fields.code]\ntype = \"text\"\ntitle = { zh = \"代码\" }\n";
const CASE: &str = "title = { zh = \"件\" }\nlabel = \"title\"\nindex = [[\"unit\", \"due\"]]\n[fields.title]\ntype = \"text\"\ntitle = { zh = \"名\" }\nrequired = true\n[fields.unit]\ntype = \"unit\"\nindex = true\ntitle = { zh = \"单位\" }\nrequired = true\n[fields.region]\ntype = \"region\"\nindex = true\ntitle = { zh = \"区划\" }\n[fields.due]\ntype = \"date\"\nindex = true\ntitle = { zh = \"期限\" }\n[fields.kind]\ntype = \"text\"\nindex = true\ntitle = { zh = \"类\" }\n[fields.name]\ntype = \"text\"\npersonal = true\ngrade = \"重要\"\nsealed = false\nmask = \"middle\"\ntitle = { zh = \"姓名\" }\n[fields.phone]\ntype = \"text\"\npersonal = true\ngrade = \"重要\"\nsealed = false\nmask = \"tail\"\ntitle = { zh = \"电话\" }\n";

/// Name and row condition; all see the telephone masked unless the case is of their own unit.
const POLICIES: &[(&str, &str)] = &[
    ("all rows, masked", "true"),
    (
        "own unit (1 of 60)",
        "principal has unit && resource.unit == principal.unit",
    ),
    (
        "own region (1 of 9)",
        "resource has region && resource.region in principal.regions",
    ),
    ("units below (1 in 6)", "resource.unit in Unit::\"U1\""),
    (
        "unit or kind",
        "(principal has unit && resource.unit == principal.unit) || (resource has kind && resource.kind == \"k3\")",
    ),
    (
        "all but closed",
        "!(resource has kind && resource.kind == \"k1\")",
    ),
];

const QUESTIONS: &[(&str, &[(&str, &str)])] = &[
    ("first page", &[]),
    ("sorted by due", &[("sortby", "due")]),
    (
        "own unit's, by due",
        &[("filter", "unit = 'U7'"), ("sortby", "due")],
    ),
    (
        "one kind, newest due",
        &[("filter", "kind = 'k3'"), ("sortby", "-due")],
    ),
    ("page of 1,000", &[("limit", "1000")]),
];

fn file(path: &str, text: String) -> SourceFile {
    SourceFile {
        path: path.into(),
        bytes: text.into_bytes(),
    }
}

fn apply(platform: &Platform, files: Vec<SourceFile>) -> Result<(), Failure> {
    let request = ApplyRequest {
        packages: vec![files],
        allow_loss: false,
    };
    let (registry, cx) = (platform.registry.clone(), platform.world.system_ctx());
    platform
        .db
        .write_exclusive(move |tx| registry.apply(&cx, tx, &request).map(|_| ()))
        .and_then(|()| platform.db.read(|tx| platform.registry.catalog(tx).map(|_| ())))
        .map_err(|problem| problem.to_json("").to_string().into())
}

fn package(condition: &str) -> Vec<SourceFile> {
    let policy = format!(
        "permit(principal in Role::\"cases.clerk\", action, resource is cases::case) when {{ action != Action::\"cases.case.reveal\" && ({condition}) }};\n\
         permit(principal in Role::\"cases.clerk\", action in [Action::\"reveal\"], resource is cases::case) when {{ principal has unit && resource.unit == principal.unit }};\n"
    );
    vec![
        file(
            "package.toml",
            format!("id = \"cases\"\n{HEAD}[needs]\nbase = \"1.0.0\"\n{PURPOSE}"),
        ),
        file("records/case.toml", CASE.into()),
        file("policy.cedar", policy),
    ]
}

fn fill(platform: &Platform, rows: usize) -> Result<(), Failure> {
    let mut units = String::from("code,parent\n");
    for unit in 0..UNITS {
        let parent = if unit % 6 == 1 && unit > 1 { "U1" } else { "" };
        units.push_str(&format!("U{unit},{parent}\n"));
    }
    let base = vec![
        file("package.toml", format!("id = \"base\"\n{HEAD}")),
        file("records/unit.toml", UNIT.into()),
        file("records/region.toml", REGION.into()),
        file("seeds/01-unit.csv", units),
    ];
    apply(platform, base)?;
    apply(platform, package("true"))?;
    let series = if platform.db.dialect().is_postgres() {
        format!("generate_series(1, {rows}) AS s(n)")
    } else {
        format!(
            "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {rows}) SELECT n FROM s) AS s"
        )
    };
    // Scattered, each column by itself, and the same in both databases.
    let mixed = |below: usize, factor: usize| {
        format!("CAST(CAST(n AS BIGINT) * {factor} % 1000003 % {below} AS TEXT)")
    };
    let stamp = "'2022-03-01T00:00:00.000Z'";
    let sql = format!(
        "INSERT INTO r_cases__case (_id, _version, _created_at, _created_by, _updated_at, _updated_by, _verb, f_title, f_unit,
         f_region, f_due, f_kind, f_name, f_phone)
         SELECT 'id-' || n, 1, {stamp}, 'system', {stamp}, 'system', 'created', '件' || n, 'U' || {unit}, '350' || (1 + CAST({city} AS BIGINT)) || '02',
         '2022-0' || (1 + CAST({month} AS BIGINT)) || '-1' || {day}, 'k' || {kind}, '张三李四', '1390591' || {phone} FROM {series}",
        unit = mixed(UNITS, 654435),
        city = mixed(9, 271829),
        month = mixed(9, 577217),
        day = mixed(10, 314161),
        kind = mixed(20, 161803),
        phone = mixed(10_000, 141421),
    );
    platform.db.write::<_, banyan_base::Problem>(move |tx| {
        tx.execute(&sql, &[])?;
        let count = i64::try_from(rows).unwrap_or(0);
        tx.execute(
            "INSERT INTO record_count (type, shard, n, changes) VALUES ('cases.case', 0, ?1, 1)",
            &[count.into()],
        )?;
        tx.batch("ANALYZE")?;
        Ok(())
    })?;
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Median of the time to answer, and how many records came.
fn time(platform: &Platform, cx: &Ctx, question: &[(&str, &str)]) -> Result<(Duration, usize), Failure> {
    let mut times = Vec::new();
    let mut count = 0;
    let begun = Instant::now();
    while times.len() < 40 && (times.len() < 5 || begun.elapsed() < Duration::from_secs(6)) {
        let mut input = Input::default()
            .with_path("package", "cases")
            .with_path("type", "case");
        input.query = question
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let at = Instant::now();
        let reply = platform
            .door
            .call(cx, "record.list", input)
            .map_err(|problem| problem.to_json("").to_string())?;
        let ReplyBody::Json(answer) = reply.body else {
            return Err("no JSON".into());
        };
        let text = serde_json::to_string(&answer)?;
        times.push(at.elapsed());
        count = answer
            .get("items")
            .and_then(|items| items.as_array())
            .map_or(0, Vec::len);
        if text.is_empty() {
            return Err("nothing".into());
        }
    }
    Ok((median(times), count))
}

fn main() -> Result<(), Failure> {
    let rows: usize = std::env::var("ROWS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1_000_000);
    let folder = std::path::PathBuf::from("target/bench/policy");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;
    let url = std::env::var("BANYAN_BENCH_URL")
        .unwrap_or_else(|_| format!("sqlite:{}", folder.join("banyan.db").display()));
    let db = Db::open(&url, &Options::default())?;
    let platform =
        Platform::over(db, World::system(), false, &folder).map_err(|problem| format!("{problem:?}"))?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{rows} records in {}",
        if url.starts_with("sqlite") {
            "SQLite"
        } else {
            "PostgreSQL"
        }
    )?;
    fill(&platform, rows)?;
    let system = platform.world.system_ctx();
    let mut clerk = Actor::anonymous();
    clerk.id = "clerk".into();
    clerk.kind = ActorKind::Person;
    clerk.unit = Some("U7".into());
    clerk.roles.insert("cases.clerk".into());
    clerk.standing.regions.insert("3502".into());
    let mut worst: f64 = 0.0;
    for (name, condition) in POLICIES {
        apply(&platform, package(condition))?;
        let cx = Ctx {
            purpose: Some("cases.care".into()),
            ..platform.world.ctx(clerk.clone())
        };
        for (question, pairs) in QUESTIONS {
            let (free, all) = time(&platform, &system, pairs)?;
            let (bound, seen) = time(&platform, &cx, pairs)?;
            let ratio = bound.as_secs_f64() / free.as_secs_f64();
            worst = worst.max(ratio);
            writeln!(
                out,
                "{name:22} {question:22} {:9.2} ms of {seen:4} against {:9.2} ms of {all:4}: {ratio:5.2} x",
                bound.as_secs_f64() * 1e3,
                free.as_secs_f64() * 1e3,
            )?;
        }
    }
    writeln!(
        out,
        "the dearest costs {worst:.2} x the unfiltered list (goal: at most 1.5)"
    )?;
    Ok(())
}
