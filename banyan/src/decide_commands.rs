//! `banyan decide …`: a decision from a model's file, without a server; and a kept evaluation recomputed, from the database or,
//! by anybody who has the model and the record, from files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use banyan_base::{Ctx, Problem, World};
use banyan_rule::{Evaluation, Model, Reasons, Undecided, decide, load, replayed};
use clap::Args;
use serde_json::{Map, Value as Json, json};

use crate::commands::{database, explain};
use crate::config::Config;

#[derive(Debug, Args)]
pub struct Decide {
    /// The model, a DMN file. For `--replay` of a file: the model it was made by.
    model: Option<PathBuf>,
    /// The decision, by name; the one on which no other depends by default.
    #[arg(long)]
    decision: Option<String>,
    /// The input, a JSON file.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// A model that it imports; may be named again.
    #[arg(long = "import", value_name = "FILE")]
    imports: Vec<PathBuf>,
    /// Run the cases of this file instead.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["decision", "input"])]
    cases: Option<PathBuf>,
    /// Recompute a kept evaluation and compare: its id in the database, or a file of what `evaluation.view` gave.
    #[arg(long, value_name = "ID|FILE", conflicts_with_all = ["decision", "input", "cases"])]
    replay: Option<String>,
}

/// Runs the command; the text to print.
///
/// # Errors
/// What is wrong, for people; also where a replay comes out otherwise, or a case fails.
pub fn run(config: &Config, command: &Decide) -> Result<String, String> {
    let cx = World::system().system_ctx();
    if let Some(what) = &command.replay {
        return replay(config, &cx, command, what);
    }
    let model = model(command)?;
    if let Some(path) = &command.cases {
        return cases(&cx, &model, path);
    }
    let input: Map<String, Json> = match &command.input {
        Some(path) => {
            serde_json::from_str(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))?
        }
        None => Map::new(),
    };
    let name = match &command.decision {
        Some(name) => name.clone(),
        None => model
            .main()
            .ok_or("the model has several decisions: name one by --decision")?
            .name
            .clone(),
    };
    let outcome = decide(&cx, &model, &name, &input, Reasons::Given).map_err(|error| match error {
        Undecided::NoDecision(name) => {
            format!(
                "there is no decision `{name}`; there are: {}",
                model.decisions().join(", ")
            )
        }
        other => other.to_string(),
    })?;
    if let Some(wrong) = outcome.wrong.first() {
        return Err(format!("{} {}", wrong.pointer, wrong.message));
    }
    pretty(&json!({
        "decision": name, "result": outcome.result, "result_type": outcome.kind, "note": outcome.note,
        "ignored": outcome.unknown, "explanation": { "decisions": outcome.reasons }, "model_hash": model.hash,
    }))
}

fn text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn pretty(json: &Json) -> Result<String, String> {
    serde_json::to_string_pretty(json)
        .map(|text| text + "\n")
        .map_err(|error| error.to_string())
}

fn model(command: &Decide) -> Result<Arc<Model>, String> {
    let path = command.model.as_ref().ok_or("name the model, a DMN file")?;
    let imports: Vec<String> = command
        .imports
        .iter()
        .map(|path| text(path))
        .collect::<Result<_, _>>()?;
    load(&text(path)?, &imports).map(Arc::new).map_err(|refusals| {
        let lines = refusals.iter().map(|one| {
            let (line, column) = (one.place.line, one.place.column);
            format!(
                "{}:{line}:{column}: error[{}]: {}",
                path.display(),
                one.rule,
                one.message
            )
        });
        lines.collect::<Vec<_>>().join("\n")
    })
}

fn cases(cx: &Ctx, model: &Arc<Model>, path: &Path) -> Result<String, String> {
    let cases =
        banyan_rule::cases::read(&text(path)?).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut said = String::new();
    let mut failed = 0;
    for case in &cases {
        let went = banyan_rule::cases::run(cx, model, case);
        let word = if went.passed { "ok" } else { "FAILED" };
        said.push_str(&format!(
            "{word} {}: {} ({})\n",
            went.name,
            went.got,
            went.rules.join(", ")
        ));
        if !went.passed {
            failed += 1;
            let why = went.why.map(|why| format!(": {why}")).unwrap_or_default();
            said.push_str(&format!("    expected {}{why}\n", went.expected));
        }
    }
    said.push_str(&format!("{} cases, {failed} failed\n", cases.len()));
    if failed > 0 { Err(said) } else { Ok(said) }
}

fn replay(config: &Config, cx: &Ctx, command: &Decide, what: &str) -> Result<String, String> {
    let told = |problem: Problem| explain(&problem);
    let answer = if Path::new(what).is_file() {
        let kept: Json =
            serde_json::from_str(&text(Path::new(what))?).map_err(|error| format!("{what}: {error}"))?;
        let kept = Evaluation::of_json(&kept).ok_or_else(|| format!("{what}: this is no evaluation"))?;
        replayed(cx, &model(command)?, &kept).map_err(told)?
    } else {
        let (db, rules, id) = (database(config)?, banyan_rule::Rules::new(), what.to_owned());
        db.read(|tx| rules.replay(cx, tx, &id)).map_err(told)?
    };
    let text = pretty(&answer)?;
    let same: BTreeMap<&str, bool> = ["same_model", "same_result", "same_explanation"]
        .into_iter()
        .map(|key| (key, answer.get(key) == Some(&Json::Bool(true))))
        .collect();
    if same.values().all(|same| *same) {
        return Ok(text);
    }
    let differs: Vec<&str> = same
        .iter()
        .filter(|(_, same)| !**same)
        .map(|(key, _)| key.trim_start_matches("same_"))
        .collect();
    Err(format!("{text}the replay differs: {}", differs.join(", ")))
}
