//! What a running instance asks of the platform: operations by the door, decisions, the calendar.

use banyan_base::{Actor, Ctx, Problem};
use banyan_door::{Body, Door, Input};
use banyan_store::Tx;
use jiff::civil::{Date, Weekday};
use serde_json::{Map, Value as Json};

use crate::Engine;
use crate::engine::{Host, OperationCall, Performed};

/// The host of an instance within a transaction.
pub(crate) struct Desk<'a, 't> {
    pub engine: &'a Engine,
    pub cx: &'a Ctx,
    pub door: &'a Door,
    pub tx: &'a mut Tx<'t>,
}

/// Only the calendar: where nothing else may be asked.
pub(crate) struct Calendar<'a, 't> {
    pub engine: &'a Engine,
    pub tx: &'a mut Tx<'t>,
}

/// What an operation refused, with each field that is wrong: whoever mends it knows the place.
pub(crate) fn told(problem: &Problem) -> String {
    let mut text = problem.detail.clone();
    for error in problem.errors.iter().take(10) {
        text.push_str(&format!("\n{}:{}", error.pointer, error.message));
    }
    text
}

fn failed(problem: &Problem) -> Performed {
    Performed::Failed {
        code: problem.code.name.to_owned(),
        message: told(problem),
        // What the platform is to blame for may go better later; what was refused will be refused again.
        again: problem.code.status >= 500 || problem.code.status == 429,
    }
}

fn refuse(code: &str, message: impl Into<String>) -> Performed {
    Performed::Failed {
        code: code.to_owned(),
        message: message.into(),
        again: false,
    }
}

/// What a value looks like in a path or a query.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => String::new(),
        other => other.to_string(),
    }
}

/// The door's input from a task's: `path.X`, `query.X`, `body` or `body.X`, `if_match`.
fn input(inputs: &Map<String, Json>) -> Input {
    let mut made = Input::default();
    let mut body: Option<Json> = None;
    for (name, value) in inputs {
        if let Some(name) = name.strip_prefix("path.") {
            made.path.insert(name.to_owned(), plain(value));
        } else if let Some(name) = name.strip_prefix("query.") {
            made.query.push((name.to_owned(), plain(value)));
        } else if name == "if_match" {
            made.if_match = Some(plain(value));
        } else if name == "body" {
            body = Some(value.clone());
        } else if let Some(path) = name.strip_prefix("body.") {
            let mut at = body.get_or_insert_with(|| Json::Object(Map::new()));
            let mut parts = path.split('.').peekable();
            while let Some(part) = parts.next() {
                if !at.is_object() {
                    *at = Json::Object(Map::new());
                }
                let Some(entries) = at.as_object_mut() else { break };
                if parts.peek().is_none() {
                    entries.insert(part.to_owned(), value.clone());
                    break;
                }
                at = entries
                    .entry(part.to_owned())
                    .or_insert_with(|| Json::Object(Map::new()));
            }
        }
    }
    if let Some(body) = body {
        made.body = Body::Json(body);
    }
    made
}

impl Host for Desk<'_, '_> {
    fn operation(&mut self, call: &OperationCall<'_>) -> Performed {
        let mut cx = self.cx.clone();
        cx.actor = Actor::system();
        cx.purpose = call.purpose.map(str::to_owned);
        let mut input = input(call.inputs);
        if input.if_match.is_none()
            && self
                .door
                .operation(call.operation)
                .is_some_and(|row| row.if_match)
        {
            input.if_match = Some("*".into());
        }
        let door = self.door.clone();
        let operation = call.operation.to_owned();
        // What a failing call began is taken back; the step itself goes on.
        let done = self
            .tx
            .savepoint(|tx| door.call_within(&cx, tx, &operation, input));
        match done {
            Ok(reply) => Performed::Done(reply.as_json().cloned().unwrap_or(Json::Null)),
            Err(problem) => failed(&problem),
        }
    }

    fn decision(&mut self, decision: &str, input: &Map<String, Json>) -> Performed {
        let Some(decide) = self.engine.ports().and_then(|ports| ports.decide.as_ref()) else {
            return refuse("no-decisions", "这个平台没有决策引擎,业务规则任务不能执行");
        };
        let cx = self.cx;
        match self.tx.savepoint(|tx| decide(cx, tx, decision, input)) {
            Ok(value) => Performed::Done(value),
            Err(problem) => failed(&problem),
        }
    }

    fn script(&mut self, format: &str, script: &str, variables: &Map<String, Json>) -> Performed {
        let language = self.engine.ports().and_then(|ports| ports.language.as_ref());
        if let Some(performed) = language.and_then(|language| language.script(format, script, variables)) {
            return performed;
        }
        refuse("script-format", format!("不支持“{format}”脚本,请改用 FEEL"))
    }

    fn expression(&mut self, text: &str, variables: &Map<String, Json>) -> Option<Result<Json, String>> {
        let language = self.engine.ports()?.language.as_ref()?;
        language.expression(text, variables)
    }

    fn working_day(&mut self, from: Date, days: i64) -> Result<Date, String> {
        Calendar {
            engine: self.engine,
            tx: self.tx,
        }
        .working_day(from, days)
    }
}

impl Host for Calendar<'_, '_> {
    fn operation(&mut self, _: &OperationCall<'_>) -> Performed {
        Performed::Later
    }

    fn decision(&mut self, _: &str, _: &Map<String, Json>) -> Performed {
        Performed::Later
    }

    fn script(&mut self, _: &str, _: &str, _: &Map<String, Json>) -> Performed {
        Performed::Later
    }

    fn working_day(&mut self, from: Date, days: i64) -> Result<Date, String> {
        match self.engine.ports().and_then(|ports| ports.working_day.as_ref()) {
            Some(port) => port(self.tx, from, days).map_err(|problem| problem.detail),
            None => weekdays(from, days),
        }
    }
}

/// Working days where nothing tells of holidays: Monday to Friday.
pub(crate) fn weekdays(from: Date, days: i64) -> Result<Date, String> {
    let (mut day, mut left) = (from, days.clamp(0, 10_000));
    while left > 0 {
        day = day.tomorrow().map_err(|error| error.to_string())?;
        left -= i64::from(!matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday));
    }
    Ok(day)
}
