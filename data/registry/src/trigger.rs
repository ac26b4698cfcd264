//! Reactions: triggers on events (a consumer of the feed) and on the clock (each day, for each record that matches).
//! What a trigger does is an operation that enters by the door, as the platform itself.

use std::sync::Arc;

use banyan_base::{Ctx, Event, Limit, Problem};
use banyan_door::{Door, Input};
use banyan_package::model::{TriggerAction, TriggerOn};
use banyan_store::{Db, Tx, feed};
use serde_json::{Map, Value as Json, json};

use crate::catalog::{Catalog, ReadyTrigger, qualified};
use crate::lifecycle::names;
use crate::query::{Query, list};
use crate::record::{self, Record};
use crate::{Registry, history};

/// The name of the feed's consumer that runs triggers.
pub const CONSUMER: &str = "triggers";

/// Stands for the name of a trigger where the whole day's work is noted as done; no trigger's name has a blank.
const DAY: &str = "the day";

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

/// Does what the day asks for ([`run_daily`]) unless it was done: once a day, however many servers there are and however
/// often one is started. False where it was done before.
///
/// # Errors
/// Where the database refuses.
pub fn run_day(registry: &Arc<Registry>, door: &Door, db: &Db, cx: &Ctx) -> Result<bool, Problem> {
    let (registry, door, acting) = (Arc::clone(registry), door.clone(), cx.clone());
    db.write(move |tx| {
        // Of two servers the second waits here until the first has done the work, or failed.
        let first = tx.execute(
            "INSERT INTO trigger_done (trigger_name, done_key, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            &[DAY.into(), acting.today().to_string().into(), acting.now_text().into()],
        )?;
        if first == 1 {
            daily(&registry, &door, &acting, tx)?;
        }
        Ok(first == 1)
    })
}

/// Does what a day asks for: computed fields that read the clock are made anew, then daily triggers run.
///
/// # Errors
/// Where the database refuses.
pub fn run_daily(registry: &Arc<Registry>, door: &Door, db: &Db, cx: &Ctx) -> Result<u64, Problem> {
    let (registry, door, acting) = (Arc::clone(registry), door.clone(), cx.clone());
    db.write(move |tx| daily(&registry, &door, &acting, tx))
}

fn daily(registry: &Arc<Registry>, door: &Door, acting: &Ctx, tx: &mut Tx<'_>) -> Result<u64, Problem> {
    let catalog = registry.catalog(tx)?;
    let mut touched = 0;
    for info in catalog.types.values() {
        if info.computed.iter().any(|(_, expression)| expression.is_daily()) {
            each(tx, info, &Query::default(), &mut |tx, record| {
                let result = tx.savepoint(|tx| record::recount(acting, tx, &catalog, info, record));
                match result {
                    Ok(changed) => touched += u64::from(changed),
                    // One record that no longer fits its rules must not hold up the day of all others.
                    Err(problem) => {
                        let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
                        tracing::error!(of = %info.name, record = %record.id, cause, "a record can't be computed for the day");
                    }
                }
                Ok(())
            })?;
        }
    }
    for trigger in &catalog.triggers {
        let TriggerOn::Daily { filter, .. } = &trigger.declared.on else {
            continue;
        };
        let info = catalog.find(&trigger.of)?;
        let query = Query::read(filter.as_deref(), None)?;
        each(tx, &info, &query, &mut |tx, record| {
            let before = record.names();
            let result = tx.savepoint(|tx| act(door, acting, tx, trigger, record, &before));
            if let Err(problem) = result {
                let cause = problem.internal.as_deref().unwrap_or(&problem.detail);
                tracing::error!(trigger = %trigger.name, record = %record.id, cause, "a daily trigger failed");
            }
            Ok(())
        })?;
    }
    Ok(touched)
}

type Each<'a> = &'a mut dyn FnMut(&mut Tx<'_>, &Record) -> Result<(), Problem>;

fn each(tx: &mut Tx<'_>, info: &crate::TypeInfo, query: &Query, f: Each<'_>) -> Result<(), Problem> {
    let mut query = Query {
        limit: Limit::new(Limit::MAX).unwrap_or(Limit::DEFAULT),
        ..query.clone()
    };
    loop {
        let page = list(tx, info, &query)?.page;
        for record in &page.items {
            f(tx, record)?;
        }
        match page.next {
            Some(next) => query.cursor = Some(next.0),
            None => return Ok(()),
        }
    }
}

fn act(
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
    let target = match &trigger.target {
        Some(target) => target
            .evaluate(cx, &names)
            .map_err(Problem::internal)?
            .as_str()
            .unwrap_or("")
            .to_owned(),
        None => record.id.clone(),
    };
    let (of, operation, transition) = match &trigger.declared.action {
        TriggerAction::Create { of, .. } => (of, "record.create", None),
        TriggerAction::Update { of, .. } => (of, "record.update", None),
        TriggerAction::Transition { of, name, .. } => (of, "record.transition", Some(name)),
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
