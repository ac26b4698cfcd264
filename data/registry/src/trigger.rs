//! Reactions: triggers on events, a consumer of the feed. Those of the clock begin in `daily`.
//! What a trigger does is an operation that enters by the door, as the platform itself.

use std::sync::Arc;

use banyan_base::{Ctx, Event, Problem};
use banyan_door::{Door, Input};
use banyan_package::model::{TriggerAction, TriggerOn};
use banyan_store::{Db, Tx, feed};
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, ReadyTrigger, qualified};
use crate::lifecycle::names;
use crate::record::{self, Record};
use crate::{Registry, history};

/// The name of the feed's consumer that runs triggers.
pub const CONSUMER: &str = "triggers";

/// Runs the triggers of the next events; returns how many events there were.
///
/// # Errors
/// Where the database refuses. A trigger that fails is logged and left: it never holds back the others.
pub fn run_events(registry: &Arc<Registry>, door: &Door, db: &Db, cx: &Ctx) -> Result<usize, Problem> {
    let (registry, door, acting) = (Arc::clone(registry), door.clone(), cx.clone());
    feed::consume::<Problem>(db, cx, CONSUMER, 50, move |tx, event| {
        let catalog = registry.catalog(tx)?;
        let kind = event.kind.strip_prefix("banyan.").unwrap_or("").to_owned();
        for trigger in &catalog.triggers {
            if matches!(&trigger.declared.on, TriggerOn::Event(wanted) if *wanted == kind)
                && let Err(problem) =
                    tx.savepoint(|tx| on_event(&door, &acting, tx, &catalog, trigger, event))
            {
                let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
                tracing::error!(trigger = %trigger.name, event = %event.id, cause, "a trigger failed");
            }
        }
        Ok(())
    })
}

fn on_event(
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    catalog: &Catalog,
    trigger: &ReadyTrigger,
    event: &Event,
) -> Result<(), Problem> {
    let id = event
        .subject
        .as_deref()
        .and_then(|subject| subject.rsplit_once('/'))
        .map_or("", |(_, id)| id);
    let info = catalog.find(&trigger.of)?;
    let found = if event.kind.ends_with(".deleted") {
        history::last(tx, &info, id)?
    } else {
        record::find(tx, &info, id)?
    };
    // Deleted since, and its deletion is an event of its own.
    let Some(record) = found else {
        return Ok(());
    };
    let mut before = record.names();
    for (name, value) in event
        .data
        .get("before")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        before.insert(name.clone(), value.clone());
    }
    if let Some(state) = event.data.get("before_state") {
        before.insert("state".into(), state.clone());
    }
    act(door, cx, tx, trigger, &record, &before)
}

/// Does what a trigger does about a record, if its condition holds and it has not done so under the same `once`.
pub(crate) fn act(
    door: &Door,
    cx: &Ctx,
    tx: &mut Tx<'_>,
    trigger: &ReadyTrigger,
    record: &Record,
    before: &Map<String, Json>,
) -> Result<(), Problem> {
    let names = names(cx, record, Some(before), &Map::new());
    if let Some(when) = &trigger.when
        && !when.holds(cx, &names).map_err(Problem::internal)?
    {
        return Ok(());
    }
    if let Some(once) = &trigger.once {
        let key = once.evaluate(cx, &names).map_err(Problem::internal)?;
        let first = tx.execute(
            "INSERT INTO trigger_done (trigger_name, done_key, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            &[trigger.name.as_str().into(), key.as_str().unwrap_or("").into(), cx.now_text().into()],
        )?;
        if first == 0 {
            return Ok(());
        }
    }
    let mut fields = Map::new();
    for (field, expression) in &trigger.with {
        fields.insert(
            field.clone(),
            expression.evaluate(cx, &names).map_err(Problem::internal)?,
        );
    }
    let key = || match &trigger.target {
        Some(key) => Ok(key.evaluate(cx, &names).map_err(Problem::internal)?),
        None => Ok::<_, Problem>(Json::Null),
    };
    let (of, operation, transition) = match &trigger.declared.action {
        TriggerAction::Create { of, .. } => (of, "record.create", None),
        TriggerAction::Update { of, .. } => (of, "record.update", None),
        TriggerAction::Transition { of, name, .. } => (of, "record.transition", Some(name)),
        TriggerAction::Start { process, .. } => {
            let sent = json!({ "variables": fields, "business_key": key()? });
            let input = Input::json(sent).with_path("id", qualified(&trigger.package, process));
            return door.call_within(cx, tx, "process.start", input).map(|_| ());
        }
        TriggerAction::Message { name, .. } => {
            let sent = json!({ "name": name, "key": key()?, "variables": fields });
            let input = Input::json(sent);
            return door.call_within(cx, tx, "message.publish", input).map(|_| ());
        }
    };
    let target = match &trigger.target {
        Some(target) => target
            .evaluate(cx, &names)
            .map_err(Problem::internal)?
            .as_str()
            .unwrap_or("")
            .to_owned(),
        None => record.id.clone(),
    };
    let of = qualified(&trigger.package, of);
    let (package, short) = of.split_once('.').unwrap_or(("", &of));
    let note = format!("自动:{}", trigger.declared.title.zh);
    let mut input = Input::json(json!({ "fields": fields, "note": note }))
        .with_path("package", package)
        .with_path("type", short);
    if operation != "record.create" {
        input = input.with_path("id", target);
        input.if_match = Some("*".into());
    }
    if let Some(name) = transition {
        input = input.with_path("name", name.as_str());
    }
    door.call_within(cx, tx, operation, input).map(|_| ())
}
