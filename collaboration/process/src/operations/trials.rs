//! `process.try`, `process.simulate`: a process before it is published. Nothing is kept; the clock is a pretended one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use banyan_base::{Ctx, ManualClock, Problem, World, codes, timestamp_text};
use banyan_door::{Access, Audit, Call, Method, Operation, Reply};
use jiff::{SignedDuration, Span, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::{keeper, object_schema, text_schema, with};
use crate::Engine;
use crate::bpmn::model::{Definitions, Work};
use crate::bpmn::{Anything, check, read, refused};
use crate::desk::Calendar;
use crate::engine::space::{Letter, Space};
use crate::engine::state::{On, Wait};
use crate::engine::{Command, Key};
use crate::operations::processes::findings;
use crate::simulate;

/// Moves of one trial.
const MOVES: usize = 1_000;

pub(super) fn rows(engine: &Arc<Engine>) -> Vec<Operation> {
    let post = |name, title, path, act, input: fn() -> Json| Operation {
        input,
        output: object_schema,
        audit: Audit::None,
        access: Access::Read,
        idempotent: false,
        body_limit: 8 << 20,
        ..Operation::write(name, title, Method::Post, path, with(engine, act))
    };
    vec![
        post("process.try", "试走流程", "/v1/processes/try", trial, || {
            json!({
                "type": "object", "required": ["xml"], "additionalProperties": false,
                "properties": {
                    "xml": text_schema(), "process": text_schema(), "variables": { "type": "object" },
                    "answers": { "type": "object" }, "messages": { "type": "array", "items": { "type": "object" } },
                    "until": text_schema(),
                },
            })
        }),
        post(
            "process.simulate",
            "模拟流程",
            "/v1/processes/simulate",
            simulation,
            || {
                json!({
                    "type": "object", "required": ["xml"], "additionalProperties": false,
                    "properties": {
                        "xml": text_schema(), "process": text_schema(), "runs": { "type": "integer", "minimum": 1, "maximum": 2000 },
                        "seed": { "type": "integer" },
                    },
                })
            },
        ),
    ]
}

/// The model of a trial, and which of its processes; or the reply that says what is wrong with it.
fn model(xml: &str, process: Option<&str>) -> Result<(Definitions, String), Problem> {
    let flaws = check(xml, &Anything);
    let (definitions, _) = read(xml);
    let Some(definitions) = definitions.filter(|_| !refused(&flaws)) else {
        return Err(Problem::new(codes::INVALID, "模型有错误,请先改正。").with("findings", findings(&flaws)));
    };
    let chosen = definitions
        .processes
        .iter()
        .find(|one| process.map_or(one.executable, |wanted| one.id == wanted))
        .map(|one| one.id.clone());
    let chosen = chosen.ok_or_else(|| Problem::new(codes::INVALID, "文件里没有这个可执行流程。"))?;
    Ok((definitions, chosen))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    xml: String,
    process: Option<String>,
    #[serde(default)]
    variables: Map<String, Json>,
    #[serde(default)]
    answers: BTreeMap<String, Json>,
    #[serde(default)]
    messages: Vec<Message>,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    name: String,
    key: Option<String>,
    #[serde(default)]
    variables: Map<String, Json>,
}

fn until(text: Option<&str>, start: Timestamp) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let end = match text.parse::<Span>() {
        Ok(span) => banyan_base::ZONE
            .to_datetime(start)
            .checked_add(span)
            .and_then(|end| banyan_base::ZONE.to_timestamp(end))
            .ok(),
        Err(_) => text.parse::<Timestamp>().ok(),
    };
    end.map(Some).ok_or_else(|| {
        Problem::new(codes::INVALID, "until 应是 RFC 3339 时刻或 ISO 8601 时长。").with_error(
            "/until",
            "type",
            "格式不对",
        )
    })
}

/// What answers have been given, and what was answered already.
struct Answers {
    given: BTreeMap<String, Json>,
    used: BTreeMap<String, usize>,
}

impl Answers {
    fn next(&mut self, element: &str) -> Option<Json> {
        match self.given.get(element)? {
            Json::Array(list) => {
                let used = self.used.entry(element.to_owned()).or_default();
                let answer = list.get(*used).cloned();
                *used += 1;
                answer
            }
            one => Some(one.clone()),
        }
    }
}

fn trial(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    keeper(call.cx)?;
    let sent: Sent = call.input.typed_body()?;
    let (definitions, process) = model(&sent.xml, sent.process.as_deref())?;
    let start = call.cx.now;
    let until = until(sent.until.as_deref(), start)?;
    let world = World::new(Arc::new(ManualClock::new(start)), 1);
    let actor = call.cx.actor.clone();
    let mut host = Calendar {
        engine,
        tx: &mut *call.tx,
    };
    let mut space = Space::of(&definitions);
    let cx = world.ctx(actor.clone());
    space
        .start(&cx, &mut host, &process, sent.variables, None)
        .map_err(|refused| Problem::new(codes::INVALID, format!("流程不能启动:{refused}")))?;
    let mut answers = Answers {
        given: sent.answers,
        used: BTreeMap::new(),
    };
    let mut messages = std::collections::VecDeque::from(sent.messages);
    for _ in 0..MOVES {
        let cx: Ctx = world.ctx(actor.clone());
        if let Some((case, token, answer)) = answered(&space, &mut answers) {
            let element = element(&space, case, token);
            let is_task = space
                .tasks
                .iter()
                .any(|(of, task)| (*of, task.token) == (case, token));
            let command = match (is_task, answer) {
                (true, Json::Object(values)) => Command::TaskDone {
                    token,
                    values,
                    doer: format!("trial:{element}"),
                },
                (true, _) => Command::TaskDone {
                    token,
                    values: Map::new(),
                    doer: format!("trial:{element}"),
                },
                (false, answer) => match answer.get("$error").and_then(Json::as_str) {
                    Some(code) => Command::Failed {
                        token,
                        code: code.to_owned(),
                        message: "试走中给的错误".into(),
                        again: false,
                    },
                    None => Command::Worked {
                        token,
                        result: answer,
                    },
                },
            };
            space
                .tasks
                .retain(|(of, task)| (*of, task.token) != (case, token));
            let _ = space.command(&cx, &mut host, case, command);
            continue;
        }
        if let Some(message) = messages.pop_front() {
            let letter = Letter {
                name: message.name,
                key: message.key,
                variables: message.variables,
            };
            space.publish(&cx, &mut host, letter);
            continue;
        }
        // Without a limit, clocks ring only where nobody is waited for.
        let people = space.cases.iter().any(|case| {
            case.inst
                .tokens
                .values()
                .any(|token| matches!(token.wait, Wait::Task | Wait::Work(_)))
        });
        let Some(due) = space.next_due() else { break };
        if until.map_or(people, |until| due > until) {
            break;
        }
        world.clock().set(due.max(world.now()));
        space.clock(&world.ctx(actor.clone()), &mut host);
    }
    Reply::json(shown(&space))
}

fn element(space: &Space, case: usize, token: Key) -> String {
    space
        .cases
        .get(case)
        .and_then(|case| Some(case.def.id_of(case.inst.tokens.get(&token)?.node).to_owned()))
        .unwrap_or_default()
}

/// The next token that waits for an answer and has one. Operations and decisions that were given none answer nothing.
fn answered(space: &Space, answers: &mut Answers) -> Option<(usize, Key, Json)> {
    for (index, case) in space.cases.iter().enumerate() {
        for (key, token) in &case.inst.tokens {
            if !matches!(token.wait, Wait::Task | Wait::Work(_)) {
                continue;
            }
            let id = case.def.id_of(token.node).to_owned();
            if let Some(answer) = answers.next(&id) {
                return Some((index, *key, answer));
            }
            let inside = case.def.activity(token.node).is_some_and(|activity| {
                matches!(
                    activity.work,
                    Work::Service {
                        operation: Some(_),
                        ..
                    } | Work::Rule { .. }
                )
            });
            if inside && !answers.given.contains_key(&id) {
                return Some((index, *key, Json::Null));
            }
        }
    }
    None
}

fn shown(space: &Space) -> Json {
    let trace: Vec<Json> = space
        .trace
        .iter()
        .take(10_000)
        .filter_map(|(at, case, entry)| {
            let def = &space.cases.get(*case)?.def;
            let element = match (entry.node, entry.kind.as_str(), entry.data.as_u64()) {
                (Some(node), _, _) => Some(def.id_of(node).to_owned()),
                (None, "flow", Some(flow)) => usize::try_from(flow)
                    .ok()
                    .and_then(|flow| def.process.flows.get(flow))
                    .map(|flow| flow.id.clone()),
                _ => None,
            };
            Some(json!({ "at": timestamp_text(*at), "case": case, "element": element, "kind": entry.kind, "what": entry.data }))
        })
        .collect();
    let (mut tokens, mut waiting) = (Vec::new(), Vec::new());
    for (index, case) in space.cases.iter().enumerate() {
        for (key, token) in &case.inst.tokens {
            let id = case.def.id_of(token.node);
            tokens.push(json!({ "case": index, "id": key.to_string(), "element": id }));
            let kind = match &token.wait {
                Wait::Task => "task",
                Wait::Work(_) => "work",
                Wait::Incident(_) => "incident",
                Wait::Event => "event",
                _ => continue,
            };
            let message = match &token.wait {
                Wait::Incident(trouble) => Some(trouble.message.clone()),
                _ => None,
            };
            let name = case.def.node(token.node).and_then(|node| node.name.clone());
            waiting.push(
                json!({ "case": index, "element": id, "kind": kind, "title": name, "message": message }),
            );
        }
        for sub in case.inst.subs.values() {
            if let On::Timer(clock) = &sub.on {
                waiting.push(json!({
                    "case": index, "element": case.def.id_of(sub.node), "kind": "timer", "due_at": clock.due.map(timestamp_text),
                }));
            }
        }
    }
    let main = space.cases.first();
    json!({
        "trace": trace, "tokens": tokens, "waiting": waiting,
        "variables": main.map(|case| case.inst.variables()).unwrap_or_default(),
        "ended": main.is_some_and(|case| !case.inst.is_running()),
        "state": main.map(|case| case.inst.standing),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Runs {
    xml: String,
    process: Option<String>,
    runs: Option<u32>,
    seed: Option<u64>,
}

fn simulation(engine: &Engine, call: &mut Call<'_, '_>) -> Result<Reply, Problem> {
    keeper(call.cx)?;
    let sent: Runs = call.input.typed_body()?;
    let (definitions, process) = model(&sent.xml, sent.process.as_deref())?;
    let runs = sent.runs.unwrap_or(200).clamp(1, 2_000);
    let calendar = Calendar {
        engine,
        tx: &mut *call.tx,
    };
    let found = simulate::run(
        call.cx,
        &definitions,
        &process,
        runs,
        sent.seed.unwrap_or(1),
        calendar,
    );
    let text = |length: Option<SignedDuration>| length.map(|length| length.to_string());
    let main = definitions.processes.iter().find(|one| one.id == process);
    let nodes = main.map_or(0, |one| one.nodes.len());
    let flows = main.map_or(0, |one| one.flows.len());
    let dead: BTreeSet<&str> = main
        .into_iter()
        .flat_map(|one| one.nodes.iter().enumerate())
        .filter(|(index, _)| !found.nodes.contains_key(index))
        .map(|(_, node)| node.id.as_str())
        .collect();
    let visits: BTreeMap<&str, u32> = main
        .into_iter()
        .flat_map(|one| {
            let nodes = one
                .nodes
                .iter()
                .enumerate()
                .map(|(index, node)| (node.id.as_str(), found.nodes.get(&index)));
            let flows = one
                .flows
                .iter()
                .enumerate()
                .map(|(index, flow)| (flow.id.as_str(), found.flows.get(&index)));
            nodes.chain(flows)
        })
        .map(|(id, times)| (id, times.copied().unwrap_or(0)))
        .collect();
    let share = |part: usize, whole: usize| {
        if whole == 0 {
            1.0
        } else {
            part as f64 / whole as f64
        }
    };
    Reply::json(json!({
        "runs": found.runs,
        "coverage": { "elements": share(found.nodes.len(), nodes), "flows": share(found.flows.len(), flows) },
        "visits": visits, "dead": dead, "stuck": found.stuck, "completed": found.lengths.len(),
        "clock": {
            "worst": text(found.lengths.last().copied()), "p50": text(found.percentile(50)), "p95": text(found.percentile(95)),
        },
    }))
}
