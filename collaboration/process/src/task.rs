//! People's tasks: rows, who may do them, how they change hands.

use std::collections::BTreeSet;

use banyan_base::text::index_tokens;
use banyan_base::{Actor, ActorKind, Ctx, Problem, timestamp_text};
use banyan_store::{Row, Tx, Value};
use serde_json::{Map, Value as Json, json};

use crate::Error;
use crate::bpmn::model::{UserTask, Work};
use crate::definition::Definition;
use crate::engine::{Key, NewTask};
use crate::instance::{self, Record};

/// Stands for no moment: after every other.
pub(crate) const NEVER: &str = "9999";

/// A task as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub id: String,
    pub instance: String,
    pub token: Key,
    pub process: String,
    pub version: i64,
    pub element: String,
    pub title: String,
    pub state: String,
    pub roles: BTreeSet<String>,
    pub unit: Option<String>,
    pub region: Option<String>,
    pub line: Option<String>,
    pub excluded: BTreeSet<String>,
    pub assignee: Option<String>,
    pub delegated_from: Option<String>,
    pub created_at: String,
    pub due_at: String,
    pub warn_at: String,
    pub priority: i64,
    pub form: Option<String>,
    pub about: Option<String>,
    pub business_key: Option<String>,
    pub batch: bool,
    pub note: Option<String>,
    pub done_at: Option<String>,
    pub done_by: Option<String>,
}

/// What the feed is told of a task.
pub(crate) struct Told {
    pub id: String,
    pub instance: String,
    pub element: String,
}

pub(crate) const COLUMNS: &str = "t.id, t.instance, t.token, t.process, t.version, t.element, t.title, t.state, t.roles, t.unit, \
     t.region, t.line, t.excluded, t.assignee, t.delegated_from, t.created_at, t.due_at, t.warn_at, t.priority, t.form, t.about, \
     t.business_key, t.batch, t.note, t.done_at, t.done_by";

fn set(text: &str) -> BTreeSet<String> {
    text.split(' ')
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

pub(crate) fn decode(row: &Row) -> Result<Task, banyan_store::Error> {
    Ok(Task {
        id: row.get(0)?,
        instance: row.get(1)?,
        token: row.get(2)?,
        process: row.get(3)?,
        version: row.get(4)?,
        element: row.get(5)?,
        title: row.get(6)?,
        state: row.get(7)?,
        roles: set(&row.get::<String>(8)?),
        unit: row.get(9)?,
        region: row.get(10)?,
        line: row.get(11)?,
        excluded: set(&row.get::<String>(12)?),
        assignee: row.get(13)?,
        delegated_from: row.get(14)?,
        created_at: row.get(15)?,
        due_at: row.get(16)?,
        warn_at: row.get(17)?,
        priority: row.get(18)?,
        form: row.get(19)?,
        about: row.get(20)?,
        business_key: row.get(21)?,
        batch: row.get(22)?,
        note: row.get(23)?,
        done_at: row.get(24)?,
        done_by: row.get(25)?,
    })
}

impl Task {
    pub fn told(&self) -> Told {
        Told {
            id: self.id.clone(),
            instance: self.instance.clone(),
            element: self.element.clone(),
        }
    }

    /// `red` beyond its time, `yellow` where it should be warned of, else `green`.
    pub fn light(&self, now: &str) -> &'static str {
        if self.due_at.as_str() <= now {
            "red"
        } else if self.warn_at.as_str() <= now {
            "yellow"
        } else {
            "green"
        }
    }

    /// Whether somebody may take it: by role, jurisdiction and line, and not excluded.
    pub fn fits(&self, actor: &Actor) -> bool {
        if self.excluded.contains(&actor.id) || actor.kind == ActorKind::Anonymous {
            return false;
        }
        let place = place_of(self.unit.as_deref(), self.region.as_deref());
        self.roles.iter().any(|role| actor.has_role(role))
            && places_of(actor).iter().any(|mine| place.contains(mine))
            && self
                .line
                .as_ref()
                .is_none_or(|line| actor.standing.lines.contains(line))
    }
}

/// A code of a region without what is below: 350100 is 3501.
fn significant(region: &str) -> &str {
    let digits = region.trim();
    for length in [2_usize, 4, 6, 9] {
        if let (Some(head), Some(tail)) = (digits.get(..length), digits.get(length..))
            && tail.bytes().all(|byte| byte == b'0')
        {
            return head;
        }
    }
    digits
}

/// The places at which a task is found: its unit, or its region and all around it, or anywhere.
pub(crate) fn place_of(unit: Option<&str>, region: Option<&str>) -> Vec<String> {
    match (unit, region) {
        (Some(unit), _) => vec![format!("u:{unit}")],
        (None, Some(region)) => {
            let own = significant(region);
            let mut places: Vec<String> = [2_usize, 4, 6, 9]
                .iter()
                .filter(|length| **length < own.len())
                .filter_map(|length| own.get(..*length))
                .map(|around| format!("r:{around}"))
                .collect();
            places.push(format!("r:{own}"));
            places
        }
        (None, None) => vec![String::new()],
    }
}

/// The places where somebody looks: anywhere, his unit, the regions of his jurisdiction.
pub(crate) fn places_of(actor: &Actor) -> Vec<String> {
    let mut places = vec![String::new()];
    places.extend(actor.unit.iter().map(|unit| format!("u:{unit}")));
    places.extend(
        actor
            .standing
            .regions
            .iter()
            .map(|region| format!("r:{}", significant(region))),
    );
    places
}

fn user_task(definition: &Definition, node: usize) -> Option<&UserTask> {
    match &definition.compiled.activity(node)?.work {
        Work::User(user) => Some(user),
        _ => None,
    }
}

/// The form of a user task.
pub(crate) fn form(definition: &Definition, node: usize) -> Option<String> {
    let form = user_task(definition, node)?.form.as_ref()?;
    Some(definition.qualified(form))
}

/// Opens a task.
pub(crate) fn open(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    record: &Record,
    definition: &Definition,
    new: &NewTask,
) -> Result<Told, Problem> {
    let user = user_task(definition, new.node);
    let mut roles: BTreeSet<String> = user
        .map(|user| {
            user.roles
                .iter()
                .map(|role| {
                    if role == "admin" || role == "citizen" {
                        role.clone()
                    } else {
                        definition.qualified(role)
                    }
                })
                .collect()
        })
        .unwrap_or_default();
    if roles.is_empty() && new.assignee.is_none() {
        // Nobody is named: whoever keeps the platform finds it.
        roles.insert("admin".into());
    }
    let task = Task {
        id: cx.id().into_string(),
        instance: record.id.clone(),
        token: new.token,
        process: record.process.clone(),
        version: record.version,
        element: definition.element(new.node).to_owned(),
        title: new.title.chars().take(200).collect(),
        state: if new.assignee.is_some() { "claimed" } else { "open" }.into(),
        roles,
        unit: new.unit.clone(),
        region: new.region.clone(),
        line: new.line.clone(),
        excluded: new.excluded.iter().cloned().collect(),
        assignee: new.assignee.clone(),
        delegated_from: None,
        created_at: cx.now_text(),
        due_at: new.due.map_or_else(|| NEVER.to_owned(), timestamp_text),
        warn_at: new.warn.map_or_else(|| NEVER.to_owned(), timestamp_text),
        priority: new.priority,
        form: user
            .and_then(|user| user.form.as_ref())
            .map(|form| definition.qualified(form)),
        about: new.about.clone(),
        business_key: record.business_key.clone(),
        batch: user.is_some_and(|user| user.batch),
        note: None,
        done_at: None,
        done_by: None,
    };
    let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    // Only what the activity's inputs name is kept with the task; the rest is read from the instance.
    let data = if definition
        .compiled
        .activity(new.node)
        .is_some_and(|activity| activity.inputs.is_empty())
    {
        Json::Null
    } else {
        Json::Object(new.data.clone())
    };
    tx.execute(
        "INSERT INTO process_task (id, instance, token, process, version, element, title, state, roles, unit, region, line, excluded,
         assignee, delegated_from, created_at, due_at, warn_at, priority, form, about, business_key, batch, data)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, NULL, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)",
        &[
            task.id.as_str().into(),
            task.instance.as_str().into(),
            task.token.into(),
            task.process.as_str().into(),
            task.version.into(),
            task.element.as_str().into(),
            task.title.as_str().into(),
            task.state.as_str().into(),
            join(&task.roles).into(),
            task.unit.as_deref().into(),
            task.region.as_deref().into(),
            task.line.as_deref().into(),
            join(&task.excluded).into(),
            task.assignee.as_deref().into(),
            task.created_at.as_str().into(),
            task.due_at.as_str().into(),
            task.warn_at.as_str().into(),
            task.priority.into(),
            task.form.as_deref().into(),
            task.about.as_deref().into(),
            task.business_key.as_deref().into(),
            task.batch.into(),
            Value::Text(data.to_string()),
        ],
    )?;
    let mut words: BTreeSet<String> = index_tokens(&task.title).into_iter().collect();
    words.extend(index_tokens(task.business_key.as_deref().unwrap_or("")));
    for word in words.iter().take(64) {
        let word: String = word.chars().take(64).collect();
        tx.execute(
            "INSERT INTO process_word (word, task) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            &[word.into(), task.id.as_str().into()],
        )?;
    }
    if task.assignee.is_none() {
        offer(tx, &task)?;
    } else if let Some(assignee) = &task.assignee {
        instance::party(tx, assignee, &task.instance)?;
    }
    Ok(task.told())
}

/// Shows a task to those who may take it.
pub(crate) fn offer(tx: &mut Tx<'_>, task: &Task) -> Result<(), Problem> {
    for role in &task.roles {
        for place in place_of(task.unit.as_deref(), task.region.as_deref()) {
            tx.execute(
                "INSERT INTO process_candidate (role, place, due_at, task, warn_at, line, priority, process)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                &[
                    role.as_str().into(),
                    place.into(),
                    task.due_at.as_str().into(),
                    task.id.as_str().into(),
                    task.warn_at.as_str().into(),
                    task.line.as_deref().into(),
                    // Greater first, in an order that rises.
                    (100 - task.priority).into(),
                    task.process.as_str().into(),
                ],
            )?;
        }
    }
    Ok(())
}

pub(crate) fn hide(tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    tx.execute("DELETE FROM process_candidate WHERE task = ?1", &[id.into()])?;
    Ok(())
}

/// What only open tasks have is forgotten.
fn forget(tx: &mut Tx<'_>, id: &str) -> Result<(), Problem> {
    hide(tx, id)?;
    tx.execute("DELETE FROM process_word WHERE task = ?1", &[id.into()])?;
    tx.execute("DELETE FROM process_draft WHERE task = ?1", &[id.into()])?;
    Ok(())
}

/// The open task of a token is no longer wanted.
pub(crate) fn close(cx: &Ctx, tx: &mut Tx<'_>, instance: &str, token: Key) -> Result<(), Problem> {
    let rows = tx.query(
        "SELECT id FROM process_task WHERE instance = ?1 AND token = ?2 AND state IN ('open', 'claimed')",
        &[instance.into(), token.into()],
    )?;
    for row in rows {
        let id: String = row.get(0)?;
        tx.execute(
            "UPDATE process_task SET state = 'cancelled', done_at = ?2 WHERE id = ?1",
            &[id.as_str().into(), cx.now_text().into()],
        )?;
        forget(tx, &id)?;
    }
    Ok(())
}

pub(crate) fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Task>, Problem> {
    let sql = format!("SELECT {COLUMNS} FROM process_task t WHERE t.id = ?1");
    let row = tx.query_opt(&sql, &[id.into()])?;
    Ok(row.map(|row| decode(&row)).transpose()?)
}

/// What was given to a task when it was opened; null: what the instance has.
pub(crate) fn data(tx: &mut Tx<'_>, id: &str) -> Result<Json, Problem> {
    let row = tx.query_opt("SELECT data FROM process_task WHERE id = ?1", &[id.into()])?;
    let text: String = row.map_or(Ok("null".into()), |row| row.get(0))?;
    Ok(serde_json::from_str(&text).unwrap_or(Json::Null))
}

/// The task, for somebody who may see it: whoever has it, had it, did it, may take it, or keeps the platform.
///
/// # Errors
/// As if it were not there, for all others.
pub(crate) fn visible(cx: &Ctx, tx: &mut Tx<'_>, id: &str) -> Result<Task, Problem> {
    let missing = || Problem::from(Error::NoTask(id.to_owned()));
    let task = find(tx, id)?.ok_or_else(missing)?;
    let me = Some(cx.actor.id.as_str());
    let mine = [&task.assignee, &task.delegated_from, &task.done_by]
        .into_iter()
        .any(|who| who.as_deref() == me);
    let free = task.state == "open" && task.fits(&cx.actor);
    if mine || free || cx.actor.is_admin() {
        Ok(task)
    } else {
        Err(missing())
    }
}

/// Gives an open task to somebody, if nobody has it: whoever comes first.
pub(crate) fn claim(tx: &mut Tx<'_>, task: &Task, account: &str) -> Result<bool, Problem> {
    let changed = tx.execute(
        "UPDATE process_task SET state = 'claimed', assignee = ?2 WHERE id = ?1 AND state = 'open'",
        &[task.id.as_str().into(), account.into()],
    )?;
    if changed == 1 {
        hide(tx, &task.id)?;
        instance::party(tx, account, &task.instance)?;
    }
    Ok(changed == 1)
}

/// Puts a task that somebody has back; false where he no longer has it.
pub(crate) fn release(tx: &mut Tx<'_>, task: &Task, account: &str) -> Result<bool, Problem> {
    let changed = tx.execute(
        "UPDATE process_task SET state = 'open', assignee = NULL, delegated_from = NULL, note = NULL
         WHERE id = ?1 AND state = 'claimed' AND assignee = ?2",
        &[task.id.as_str().into(), account.into()],
    )?;
    if changed == 1 {
        offer(tx, task)?;
    }
    Ok(changed == 1)
}

/// Hands a task over. `back`: it returns to whoever gave it.
pub(crate) fn hand(
    tx: &mut Tx<'_>,
    task: &Task,
    from: &str,
    to: &str,
    note: &str,
    back: bool,
) -> Result<bool, Problem> {
    let giver = if back { None } else { Some(from) };
    let changed = tx.execute(
        "UPDATE process_task SET assignee = ?3, delegated_from = ?4, note = ?5
         WHERE id = ?1 AND state = 'claimed' AND assignee = ?2",
        &[
            task.id.as_str().into(),
            from.into(),
            to.into(),
            giver.into(),
            note.into(),
        ],
    )?;
    if changed == 1 {
        instance::party(tx, to, &task.instance)?;
    }
    Ok(changed == 1)
}

/// Marks a task done; false where it is not this person's to do any more.
pub(crate) fn done(cx: &Ctx, tx: &mut Tx<'_>, task: &Task) -> Result<bool, Problem> {
    let changed = tx.execute(
        "UPDATE process_task SET state = 'done', done_at = ?2, done_by = ?3 WHERE id = ?1 AND state = 'claimed' AND assignee = ?3",
        &[
            task.id.as_str().into(),
            cx.now_text().into(),
            cx.actor.id.as_str().into(),
        ],
    )?;
    if changed == 1 {
        forget(tx, &task.id)?;
    }
    Ok(changed == 1)
}

/// Marks the open task of a token done, whoever has it.
pub(crate) fn finish(cx: &Ctx, tx: &mut Tx<'_>, instance: &str, token: Key) -> Result<Option<Told>, Problem> {
    let row = tx.query_opt(
        "SELECT id, element FROM process_task WHERE instance = ?1 AND token = ?2 AND state IN ('open', 'claimed')",
        &[instance.into(), token.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let told = Told {
        id: row.get(0)?,
        instance: instance.to_owned(),
        element: row.get(1)?,
    };
    tx.execute(
        "UPDATE process_task SET state = 'done', done_at = ?2, done_by = ?3 WHERE id = ?1",
        &[
            told.id.as_str().into(),
            cx.now_text().into(),
            cx.actor.id.as_str().into(),
        ],
    )?;
    forget(tx, &told.id)?;
    Ok(Some(told))
}

pub(crate) fn draft(tx: &mut Tx<'_>, task: &str, account: &str) -> Result<Json, Problem> {
    let row = tx.query_opt(
        "SELECT form_values, saved_at FROM process_draft WHERE task = ?1 AND account = ?2",
        &[task.into(), account.into()],
    )?;
    let Some(row) = row else { return Ok(Json::Null) };
    let (text, at): (String, String) = (row.get(0)?, row.get(1)?);
    let values: Json = serde_json::from_str(&text).unwrap_or(Json::Null);
    Ok(json!({ "values": values, "saved_at": at }))
}

pub(crate) fn keep_draft(
    cx: &Ctx,
    tx: &mut Tx<'_>,
    task: &str,
    values: &Map<String, Json>,
) -> Result<(), Problem> {
    tx.execute(
        "INSERT INTO process_draft (task, account, form_values, saved_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (task, account) DO UPDATE SET form_values = excluded.form_values, saved_at = excluded.saved_at",
        &[
            task.into(),
            cx.actor.id.as_str().into(),
            Value::Text(Json::Object(values.clone()).to_string()),
            cx.now_text().into(),
        ],
    )?;
    Ok(())
}
