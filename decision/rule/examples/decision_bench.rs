//! What decisions cost: `make bench-decision`. One processor unless it says otherwise; times are of the thread's own processor time
//! where the kernel gives it, so that neighbours count less.
//!
//! - a 4-rule table, one case at a time: the engine below alone, with reasons, and compiled;
//! - a 20-rule policy over columns with reasons, on one and on two threads, and row by row;
//! - equality of both on 10,000 random rows, before anything is timed.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use banyan_base::{Ctx, World};
use banyan_rule::bulk::{Column, Frame, Values, compile, decide_rows};
use banyan_rule::{Model, Reasons, decide, load};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value as Json, json};

const HEAD: &str = "<definitions xmlns=\"https://www.omg.org/spec/DMN/20230324/MODEL/\" namespace=\"https://banyan.local/bench\" name=\"bench\">";

fn input(name: &str, kind: &str) -> String {
    format!(
        "<inputData id=\"_{name}\" name=\"{name}\"><variable name=\"{name}\" typeRef=\"{kind}\"/></inputData>"
    )
}

fn model(policy: &str, columns: &[(&str, &str)], rules: &[Vec<String>]) -> Result<Arc<Model>, String> {
    let escape = |text: &str| text.replace('<', "&lt;").replace('>', "&gt;");
    let inputs: String = columns.iter().map(|(name, kind)| input(name, kind)).collect();
    let needs: String = columns
        .iter()
        .map(|(name, _)| {
            format!("<informationRequirement><requiredInput href=\"#_{name}\"/></informationRequirement>")
        })
        .collect();
    let clauses: String = columns
        .iter()
        .map(|(name, _)| format!("<input><inputExpression><text>{name}</text></inputExpression></input>"))
        .collect();
    let rules: String = rules
        .iter()
        .map(|cells| {
            let cells: String = cells
                .iter()
                .enumerate()
                .map(|(at, cell)| {
                    let entry = if at < columns.len() {
                        "inputEntry"
                    } else {
                        "outputEntry"
                    };
                    format!("<{entry}><text>{}</text></{entry}>", escape(cell))
                })
                .collect();
            format!("<rule>{cells}</rule>")
        })
        .collect();
    let xml = format!(
        "{HEAD}{inputs}<decision id=\"_d\" name=\"d\"><variable name=\"d\"/>{needs}<decisionTable hitPolicy=\"{policy}\">{clauses}\
         <output/>{rules}</decisionTable></decision></definitions>"
    );
    load(&xml, &[])
        .map(Arc::new)
        .map_err(|refusals| format!("{refusals:?}"))
}

/// The table of the notes: four rules over two columns.
fn small() -> Result<Arc<Model>, String> {
    let rules: &[[&str; 3]] = &[
        ["> 18", "\"low\"", "\"approved\""],
        ["> 18", "\"high\"", "\"declined\""],
        ["<= 18", "\"low\"", "\"ask\""],
        ["<= 18", "\"high\"", "\"declined\""],
    ];
    let rules: Vec<Vec<String>> = rules
        .iter()
        .map(|rule| rule.iter().map(|cell| (*cell).to_owned()).collect())
        .collect();
    model("UNIQUE", &[("age", "number"), ("risk", "string")], &rules)
}

const COLUMNS: [(&str, &str); 6] = [
    ("age", "number"),
    ("income", "number"),
    ("region", "string"),
    ("insured", "boolean"),
    ("since", "date"),
    ("members", "number"),
];

/// A policy of twenty rules over six columns: who gets which subsidy.
fn policy() -> Result<Arc<Model>, String> {
    let mut rules = Vec::new();
    for at in 0..20 {
        let low = at * 4;
        rules.push(vec![
            format!("[{low}..{})", low + 30),
            format!("< {}.50", 1000 + at * 150),
            if at % 3 == 0 {
                "-".into()
            } else {
                format!("\"r{}\", \"r{}\"", at % 5, (at + 1) % 5)
            },
            if at % 4 == 0 { "true".into() } else { "-".into() },
            format!(">= date(\"20{:02}-01-01\")", 5 + at % 15),
            if at % 2 == 0 {
                format!("> {}", at % 6)
            } else {
                "-".into()
            },
            format!("\"grant {at}\""),
        ]);
    }
    model("COLLECT", &COLUMNS, &rules)
}

struct Rows {
    age: Vec<i64>,
    income: Vec<i64>,
    region: Vec<u32>,
    insured: Vec<bool>,
    since: Vec<i32>,
    members: Vec<i64>,
}

fn random(count: usize) -> Rows {
    let mut rng = StdRng::seed_from_u64(7);
    let rng = &mut rng;
    let mut rows = Rows {
        age: Vec::with_capacity(count),
        income: Vec::with_capacity(count),
        region: Vec::with_capacity(count),
        insured: Vec::with_capacity(count),
        since: Vec::with_capacity(count),
        members: Vec::with_capacity(count),
    };
    for _ in 0..count {
        rows.age.push(rng.random_range(0..100));
        rows.income.push(rng.random_range(0..600_000));
        rows.region.push(rng.random_range(0..6));
        rows.insured.push(rng.random_range(0..2) == 0);
        rows.since.push(rng.random_range(10_000..20_000));
        rows.members.push(rng.random_range(1..8));
    }
    rows
}

impl Rows {
    fn frame(&self) -> Result<Frame, String> {
        let whole = |values: &[i64], decimals| Values::Number {
            scaled: values.to_vec(),
            decimals,
        };
        let mut frame = Frame::new(self.age.len());
        let dictionary = (0..6).map(|at| format!("r{at}")).collect();
        let columns = [
            ("age", whole(&self.age, 0)),
            ("income", whole(&self.income, 2)),
            (
                "region",
                Values::Text {
                    codes: self.region.clone(),
                    dictionary,
                },
            ),
            ("insured", Values::Boolean(self.insured.clone())),
            ("since", Values::Date(self.since.clone())),
            ("members", whole(&self.members, 0)),
        ];
        for (name, values) in columns {
            frame.add(name, Column { values, nulls: None })?;
        }
        Ok(frame)
    }

    fn json(&self, row: usize) -> Option<Map<String, Json>> {
        let day = jiff::Span::new().try_days(*self.since.get(row)?).ok()?;
        let day = jiff::civil::date(1970, 1, 1).checked_add(day).ok()?;
        let income = *self.income.get(row)?;
        let value = json!({
            "age": self.age.get(row)?, "income": (income as f64) / 100.0, "region": format!("r{}", self.region.get(row)?),
            "insured": self.insured.get(row)?, "since": day.to_string(), "members": self.members.get(row)?,
        });
        value.as_object().cloned()
    }
}

fn said(what: &str, count: usize, seconds: f64) {
    let rate = count as f64 / seconds;
    println!("{what:<66} {count:>9} in {seconds:>7.3} s  {rate:>12.0}/s");
}

/// Seconds of processor time of this thread, where the kernel tells; of the clock on the wall else.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let spent = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        text.split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
            .map(|nanos| nanos / 1e9)
    };
    let (before, start) = (spent(), Instant::now());
    let value = work();
    let wall = start.elapsed().as_secs_f64();
    let own = before.zip(spent()).map(|(before, after)| after - before);
    (value, own.filter(|own| *own > 0.0).unwrap_or(wall))
}

fn one_by_one(cx: &Ctx) -> Result<(), String> {
    let model = small()?;
    let rows: Vec<Map<String, Json>> = (0..1_000)
        .filter_map(|at| {
            json!({ "age": at % 90, "risk": if at % 2 == 0 { "low" } else { "high" } })
                .as_object()
                .cloned()
        })
        .collect();
    for (reasons, what, rounds) in [
        (Reasons::LeftOut, "4-rule table, JSON in and out", 200),
        (Reasons::Given, "4-rule table, with the rules that fired", 60),
    ] {
        let (result, seconds) = timed(|| {
            for _ in 0..rounds {
                for row in &rows {
                    black_box(decide(cx, &model, "d", row, reasons).map_err(|error| error.to_string())?);
                }
            }
            Ok::<(), String>(())
        });
        result?;
        said(what, rows.len() * rounds, seconds);
    }
    let rounds = 100;
    let (result, seconds) = timed(|| {
        for _ in 0..rounds {
            black_box(decide_rows(cx, &model, "d", &rows).map_err(|error| error.to_string())?);
        }
        Ok::<(), String>(())
    });
    result?;
    said(
        "4-rule table, JSON rows in batches of 1,000, with rules",
        rows.len() * rounds,
        seconds,
    );
    Ok(())
}

fn over_columns(cx: &Ctx) -> Result<(), String> {
    let model = policy()?;
    let plan = compile(&model, "d").map_err(|why| why.join("; "))?;
    let sample = random(10_000);
    let frame = sample.frame()?;
    let outcomes = plan.run(&frame, 1)?;
    let (mut fired, mut checked) = (0, 0);
    let ((), seconds) = timed(|| {
        for row in 0..10_000 {
            let Some(input) = sample.json(row) else { continue };
            let Ok(outcome) = decide(cx, &model, "d", &input, Reasons::Given) else {
                continue;
            };
            let rules: Vec<usize> = outcome
                .reasons
                .iter()
                .flat_map(|reason| reason.matched.iter().map(|fired| fired.rule))
                .collect();
            let own: Vec<usize> = outcomes
                .reasons(row)
                .into_iter()
                .flat_map(|reason| reason.rules)
                .collect();
            if outcome.result == outcomes.result(row) && rules == own {
                checked += 1;
            }
            fired += rules.len();
        }
    });
    println!(
        "20-rule policy: {checked} of 10,000 random rows are the same by columns and row by row; {fired} rules fired"
    );
    if checked != 10_000 {
        return Err("columns and rows differ".into());
    }
    said("20-rule policy, row by row, with rules", 10_000, seconds);
    let (result, seconds) = timed(|| {
        for row in 0..3_000 {
            let Some(input) = sample.json(row) else { continue };
            black_box(decide(cx, &model, "d", &input, Reasons::LeftOut).map_err(|error| error.to_string())?);
        }
        Ok::<(), String>(())
    });
    result?;
    said(
        "20-rule policy, row by row, the engine below alone",
        3_000,
        seconds,
    );
    let count = 10_000_000;
    let frame = random(count).frame()?;
    let (outcomes, seconds) = timed(|| plan.run(&frame, 1).map(|outcomes| black_box(outcomes).rows));
    outcomes?;
    said(
        "20-rule policy over columns, with rules, one thread",
        count,
        seconds,
    );
    let start = Instant::now();
    let outcomes = plan.run(&frame, 2)?;
    said(
        "20-rule policy over columns, with rules, two threads (wall)",
        count,
        start.elapsed().as_secs_f64(),
    );
    let start = Instant::now();
    let rules: usize = (0..count)
        .map(|row| {
            outcomes
                .reasons(row)
                .iter()
                .map(|reason| reason.rules.len())
                .sum::<usize>()
        })
        .sum();
    said(
        "  and every row's rules read out as numbers (wall)",
        count,
        start.elapsed().as_secs_f64(),
    );
    println!("  {rules} rules fired");
    Ok(())
}

fn main() -> Result<(), String> {
    let cx = World::system().system_ctx();
    one_by_one(&cx)?;
    over_columns(&cx)
}
