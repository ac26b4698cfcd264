//! Random runs of a process: which elements are ever reached, where a token gets stuck, how long it takes. Conditions fall
//! as the dice do, people and the outside take their time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use banyan_base::{Ctx, ManualClock, World};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::bpmn::model::{Definitions, EventDefinition, NodeKind, Repeat};
use crate::desk::Calendar;
use crate::engine::compiled::plain;
use crate::engine::space::Space;
use crate::engine::state::{On, Wait};
use crate::engine::{Command, Host, Key, OperationCall, Performed, Standing};

/// Moves of one run.
const MOVES: usize = 2_000;
/// How long all runs may take together.
const PATIENCE: Duration = Duration::from_secs(10);
/// Places where runs got stuck that are told.
const TOLD: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Runs that were made, perhaps fewer than asked for.
    pub runs: u32,
    /// How often each element was reached, and each flow taken.
    pub nodes: BTreeMap<usize, u32>,
    pub flows: BTreeMap<usize, u32>,
    pub stuck: Vec<Json>,
    /// How long the runs took that ended, shortest first.
    pub lengths: Vec<SignedDuration>,
}

impl Found {
    pub fn percentile(&self, percent: usize) -> Option<SignedDuration> {
        let last = self.lengths.len().checked_sub(1)?;
        self.lengths.get(last * percent / 100).copied()
    }
}

/// Random numbers that are the same for the same seed (xorshift).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn under(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn coin(&mut self) -> bool {
        self.next() & 0x100 != 0
    }
}

struct Stage<'a, 't> {
    dice: Dice,
    /// Texts whose value is a throw of the dice.
    conditions: BTreeSet<String>,
    calendar: Calendar<'a, 't>,
}

impl Host for Stage<'_, '_> {
    fn operation(&mut self, _: &OperationCall<'_>) -> Performed {
        Performed::Later
    }

    fn decision(&mut self, _: &str, _: &Map<String, Json>) -> Performed {
        Performed::Later
    }

    fn script(&mut self, _: &str, _: &str, _: &Map<String, Json>) -> Performed {
        Performed::Later
    }

    fn expression(&mut self, text: &str, _: &Map<String, Json>) -> Option<Result<Json, String>> {
        self.conditions
            .contains(plain(text))
            .then(|| Ok(Json::Bool(self.dice.coin())))
    }

    fn working_day(&mut self, from: Date, days: i64) -> Result<Date, String> {
        self.calendar.working_day(from, days)
    }
}

fn conditions(definitions: &Definitions) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mut add = |text: &Option<String>| {
        if let Some(text) = text {
            all.insert(plain(text).to_owned());
        }
    };
    for process in &definitions.processes {
        for flow in &process.flows {
            add(&flow.condition);
        }
        for node in &process.nodes {
            match &node.kind {
                NodeKind::Activity(activity) => {
                    if let Some(Repeat::Loop { condition, .. }) = &activity.repeat {
                        add(condition);
                    }
                }
                NodeKind::Event(event) => {
                    for definition in &event.definitions {
                        if let EventDefinition::Conditional { condition } = definition {
                            add(&Some(condition.clone()));
                        }
                    }
                }
                NodeKind::Gateway(_) => {}
            }
        }
    }
    all
}

/// Something that will happen: a person or the outside acts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Act {
    Token(usize, Key),
    Arrival(usize, Key),
}

/// Makes the runs.
pub(crate) fn run(
    cx: &Ctx,
    definitions: &Definitions,
    process: &str,
    runs: u32,
    seed: u64,
    calendar: Calendar<'_, '_>,
) -> Found {
    let mut stage = Stage {
        dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        conditions: conditions(definitions),
        calendar,
    };
    let mut found = Found::default();
    let began = Instant::now();
    let mut places: BTreeSet<String> = BTreeSet::new();
    for _ in 0..runs {
        if began.elapsed() > PATIENCE {
            break;
        }
        found.runs += 1;
        one(cx, definitions, process, &mut stage, &mut found, &mut places);
    }
    found.lengths.sort_unstable();
    found
}

fn one(
    cx: &Ctx,
    definitions: &Definitions,
    process: &str,
    stage: &mut Stage<'_, '_>,
    found: &mut Found,
    places: &mut BTreeSet<String>,
) {
    let start = cx.now;
    let world = World::new(Arc::new(ManualClock::new(start)), 1);
    let mut space = Space::of(definitions);
    let started = {
        let cx = world.ctx(cx.actor.clone());
        let direct = space.start(&cx, stage, process, Map::new(), None);
        match direct {
            Ok(_) => Ok(()),
            // It is started by something from outside: any of that.
            Err(refused) => {
                let triggers = space
                    .defs
                    .get(process)
                    .map(|def| def.triggers())
                    .unwrap_or_default();
                let pick = stage.dice.under(triggers.len() as u64);
                match triggers.get(usize::try_from(pick).unwrap_or(0)) {
                    Some((node, _)) => space
                        .start(&cx, stage, process, Map::new(), Some(*node))
                        .map(|_| ()),
                    None => Err(refused),
                }
            }
        }
    };
    let mut planned: BTreeMap<Act, Timestamp> = BTreeMap::new();
    let mut tries = 0;
    let mut moves = 0;
    while started.is_ok() && moves < MOVES && space.cases.first().is_some_and(|case| case.inst.is_running()) {
        moves += 1;
        let now = world.now();
        // An exclusive choice without a way out by the dice is thrown again.
        let stuck = space.cases.iter().enumerate().find_map(|(index, case)| {
            let mut troubles = case.inst.troubles();
            troubles
                .find(|(_, _, trouble)| trouble.kind == "no_flow")
                .map(|(token, _, _)| (index, token))
        });
        if let Some((case, token)) = stuck
            && tries < 50
        {
            tries += 1;
            let again = Command::Retry {
                token,
                variables: Map::new(),
            };
            let _ = space.command(&world.ctx(cx.actor.clone()), stage, case, again);
            continue;
        }
        plan(&space, stage, now, &mut planned);
        let act = planned
            .iter()
            .min_by_key(|(_, at)| **at)
            .map(|(act, at)| (*act, *at));
        let due = space.next_due();
        match (act, due) {
            (None, None) => break,
            (Some((_, at)), Some(due)) if due <= at => ring(&world, cx, &mut space, stage, due),
            (None, Some(due)) => ring(&world, cx, &mut space, stage, due),
            (Some((act, at)), _) => {
                planned.remove(&act);
                world.clock().set(at.max(now));
                let (case, command) = doing(&space, stage, act);
                if let Act::Token(case, token) = act {
                    space
                        .tasks
                        .retain(|(of, task)| (*of, task.token) != (case, token));
                }
                let _ = space.command(&world.ctx(cx.actor.clone()), stage, case, command);
            }
        }
    }
    let Some(main) = space.cases.first() else { return };
    for (_, case, entry) in &space.trace {
        if *case != 0 {
            continue;
        }
        if let Some(node) = entry.node {
            let arrived = matches!(entry.kind.as_str(), "entered" | "caught");
            *found.nodes.entry(node).or_default() += u32::from(arrived);
        }
        if entry.kind == "flow"
            && let Some(flow) = entry.data.as_u64().and_then(|flow| usize::try_from(flow).ok())
        {
            *found.flows.entry(flow).or_default() += 1;
        }
    }
    match main.inst.standing {
        Standing::Running => {
            let elements: BTreeSet<&str> = main
                .inst
                .tokens
                .values()
                .map(|token| main.def.id_of(token.node))
                .collect();
            let place = elements.iter().copied().collect::<Vec<_>>().join(" ");
            if places.len() < TOLD && places.insert(place) {
                let trace: Vec<&str> = space
                    .trace
                    .iter()
                    .filter(|(_, case, entry)| *case == 0 && entry.kind == "entered")
                    .filter_map(|(_, _, entry)| entry.node.map(|node| main.def.id_of(node)))
                    .take(200)
                    .collect();
                let why: Vec<String> = main
                    .inst
                    .troubles()
                    .map(|(_, _, trouble)| trouble.message.clone())
                    .collect();
                found
                    .stuck
                    .push(json!({ "elements": elements, "trace": trace, "why": why }));
            }
        }
        _ => found.lengths.push(world.now().duration_since(start)),
    }
}

fn ring(world: &World, cx: &Ctx, space: &mut Space, stage: &mut Stage<'_, '_>, due: Timestamp) {
    world.clock().set(due.max(world.now()));
    space.clock(&world.ctx(cx.actor.clone()), stage);
}

/// Says when everything that is waited for will happen, where that is not said yet; and forgets what is waited for no more.
fn plan(space: &Space, stage: &mut Stage<'_, '_>, now: Timestamp, planned: &mut BTreeMap<Act, Timestamp>) {
    const HOUR: i64 = 3_600_000;
    let mut open: BTreeSet<Act> = BTreeSet::new();
    for (index, case) in space.cases.iter().enumerate() {
        for (key, token) in &case.inst.tokens {
            let longest = match token.wait {
                Wait::Task => {
                    let due = space
                        .tasks
                        .iter()
                        .find(|(of, task)| (*of, task.token) == (index, *key))
                        .and_then(|(_, task)| task.due);
                    let given = due.map_or(24 * HOUR, |due| due.as_millisecond() - now.as_millisecond());
                    // One in five is late.
                    if stage.dice.under(5) == 0 {
                        given * 2
                    } else {
                        given
                    }
                }
                Wait::Work(_) => HOUR / 60,
                _ => continue,
            };
            let act = Act::Token(index, *key);
            open.insert(act);
            planned
                .entry(act)
                .or_insert_with(|| later(now, &mut stage.dice, longest));
        }
        for (key, sub) in &case.inst.subs {
            if matches!(sub.on, On::Message { .. } | On::Signal(_)) {
                let act = Act::Arrival(index, *key);
                open.insert(act);
                planned
                    .entry(act)
                    .or_insert_with(|| later(now, &mut stage.dice, 7 * 24 * HOUR));
            }
        }
    }
    planned.retain(|act, _| open.contains(act));
}

fn later(now: Timestamp, dice: &mut Dice, longest: i64) -> Timestamp {
    let bound = u64::try_from(longest.max(1)).unwrap_or(1);
    let wait = i64::try_from(dice.under(bound)).unwrap_or(0);
    now.checked_add(SignedDuration::from_millis(wait)).unwrap_or(now)
}

fn doing(space: &Space, stage: &mut Stage<'_, '_>, act: Act) -> (usize, Command) {
    match act {
        Act::Arrival(case, sub) => (
            case,
            Command::Arrived {
                sub,
                variables: Map::new(),
            },
        ),
        Act::Token(index, token) => {
            let case = space.cases.get(index);
            let node = case
                .and_then(|case| case.inst.tokens.get(&token))
                .map(|token| token.node);
            let activity = case.zip(node).and_then(|(case, node)| case.def.activity(node));
            let is_task = case.is_some_and(|case| {
                case.inst
                    .tokens
                    .get(&token)
                    .is_some_and(|token| token.wait == Wait::Task)
            });
            let mut values = Map::new();
            if let Some(Repeat::Multi(multi)) = activity.and_then(|activity| activity.repeat.as_ref())
                && let Some(vote) = &multi.vote
            {
                values.insert(vote.variable.clone(), Json::Bool(stage.dice.coin()));
            }
            if is_task {
                let doer = format!("person-{}", stage.dice.under(1_000));
                return (index, Command::TaskDone { token, values, doer });
            }
            let code =
                case.zip(activity).and_then(|(case, activity)| {
                    activity.boundary.iter().find_map(|boundary| {
                        case.def.event(*boundary)?.definitions.iter().find_map(
                            |definition| match definition {
                                EventDefinition::Error { code } => {
                                    Some(code.clone().unwrap_or_else(|| "error".into()))
                                }
                                _ => None,
                            },
                        )
                    })
                });
            match code {
                Some(code) if stage.dice.under(4) == 0 => (
                    index,
                    Command::Failed {
                        token,
                        code,
                        message: String::new(),
                        again: false,
                    },
                ),
                _ => (
                    index,
                    Command::Worked {
                        token,
                        result: Json::Object(values),
                    },
                ),
            }
        }
    }
}
