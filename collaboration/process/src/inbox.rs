//! The inbox: everyone's tasks across packages. A candidate's list is a few index ranges, one for each of his roles at each
//! of his places, merged.

use banyan_base::text::{Term, query_tokens};
use banyan_base::{Ctx, Problem, codes};
use banyan_store::{Tx, Value};
use serde_json::{Map, Value as Json, json};

use crate::task::{COLUMNS, Task, decode, places_of};

/// Whose tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scope {
    Mine,
    Group,
    #[default]
    All,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Sort {
    #[default]
    Due,
    Created,
    Priority,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub scope: Scope,
    pub done: bool,
    pub process: Option<String>,
    pub light: Option<String>,
    pub words: String,
    /// The only tasks that can have the words, where they are few.
    pub among: Option<Vec<String>>,
    pub sort: Sort,
    pub after: Option<(String, String)>,
    pub limit: u32,
}

/// The most that is counted.
const COUNTED: u32 = 10_000;
/// Words of a search.
const WORDS: usize = 8;

impl Sort {
    /// What a task is sorted by, as the cursor has it.
    fn key(self, task: &Task) -> String {
        match self {
            Sort::Due => task.due_at.clone(),
            Sort::Created => String::new(),
            Sort::Priority => format!("{:03}", 100 - task.priority),
        }
    }

    fn candidate(self) -> &'static str {
        match self {
            Sort::Due => "c.due_at",
            Sort::Created => "''",
            Sort::Priority => "c.priority",
        }
    }

    fn own(self) -> &'static str {
        match self {
            Sort::Due => "t.due_at",
            Sort::Created => "''",
            Sort::Priority => "(100 - t.priority)",
        }
    }

    fn value(self, key: &str) -> Value {
        match self {
            Sort::Priority => key.parse::<i64>().unwrap_or(0).into(),
            _ => key.into(),
        }
    }
}

/// Places of values in a statement that is put together.
#[derive(Default)]
struct Params(Vec<Value>);

impl Params {
    fn add(&mut self, value: impl Into<Value>) -> String {
        self.0.push(value.into());
        format!("?{}", self.0.len())
    }
}

fn pairs(cx: &Ctx) -> Vec<(String, String)> {
    let roles: Vec<String> = cx.actor.roles.iter().cloned().collect();
    let places = places_of(&cx.actor);
    roles
        .iter()
        .flat_map(|role| places.iter().map(move |place| (role.clone(), place.clone())))
        .collect()
}

fn lines(cx: &Ctx, params: &mut Params, column: &str) -> String {
    if cx.actor.standing.lines.is_empty() {
        return format!(" AND {column} IS NULL");
    }
    let list: Vec<String> = cx
        .actor
        .standing
        .lines
        .iter()
        .map(|line| params.add(line.as_str()))
        .collect();
    format!(" AND ({column} IS NULL OR {column} IN ({}))", list.join(", "))
}

fn light(params: &mut Params, light: Option<&str>, now: &str, due: &str, warn: &str) -> String {
    match light {
        Some("red") => format!(" AND {due} <= {}", params.add(now)),
        Some("yellow") => {
            let now = params.add(now);
            format!(" AND {due} > {now} AND {warn} <= {now}")
        }
        Some("green") => {
            let now = params.add(now);
            format!(" AND {due} > {now} AND {warn} > {now}")
        }
        _ => String::new(),
    }
}

/// Conditions that a task has all words, on the column of its id.
fn words(params: &mut Params, text: &str, column: &str) -> String {
    let mut sql = String::new();
    let mut left = WORDS;
    for term in query_tokens(text) {
        let tokens = match term {
            Term::Phrase(tokens) => tokens,
            Term::Prefix(prefix) => {
                if left > 0 {
                    left -= 1;
                    let from = params.add(prefix.as_str());
                    let to = params.add(format!("{prefix}\u{10ffff}"));
                    sql.push_str(&format!(
                        " AND EXISTS (SELECT 1 FROM process_word w WHERE w.task = {column} AND w.word >= {from} AND w.word < {to})"
                    ));
                }
                continue;
            }
        };
        for token in tokens {
            if left == 0 {
                break;
            }
            left -= 1;
            let word = params.add(token);
            sql.push_str(&format!(
                " AND EXISTS (SELECT 1 FROM process_word w WHERE w.word = {word} AND w.task = {column})"
            ));
        }
    }
    sql
}

/// Hits of one word up to which a search goes from the word to its tasks; of a more frequent one, tasks are gone through in
/// their order and asked for it: some are found soon.
const RARE: u32 = 500;

/// The tasks of the first of the words that is rare.
fn narrowed(tx: &mut Tx<'_>, text: &str) -> Result<Option<Vec<String>>, Problem> {
    // A word, or all words from one to before another.
    let mut words: Vec<(String, Option<String>)> = Vec::new();
    for term in query_tokens(text) {
        match term {
            Term::Phrase(tokens) => words.extend(tokens.into_iter().map(|token| (token, None))),
            Term::Prefix(prefix) => {
                let end = format!("{prefix}\u{10ffff}");
                words.push((prefix, Some(end)));
            }
        }
    }
    for (from, to) in words.into_iter().take(WORDS) {
        let (sql, params): (&str, Vec<Value>) = match to {
            None => (
                "SELECT task FROM process_word WHERE word = ?1 LIMIT ?2",
                vec![from.into(), (RARE + 1).into()],
            ),
            Some(to) => (
                "SELECT task FROM process_word WHERE word >= ?1 AND word < ?2 LIMIT ?3",
                vec![from.into(), to.into(), (RARE + 1).into()],
            ),
        };
        let rows = tx.query(sql, &params)?;
        if rows.len() <= usize::try_from(RARE).unwrap_or(usize::MAX) {
            return Ok(Some(rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?));
        }
    }
    Ok(None)
}

fn among(params: &mut Params, query: &Query, column: &str) -> String {
    let Some(tasks) = &query.among else {
        return String::new();
    };
    let list: Vec<String> = tasks.iter().map(|task| params.add(task.as_str())).collect();
    format!(" AND {column} IN ({})", list.join(", "))
}

fn group(cx: &Ctx, tx: &mut Tx<'_>, query: &Query) -> Result<Vec<Task>, Problem> {
    let pairs = pairs(cx);
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut params = Params::default();
    let sort = query.sort.candidate();
    let more = {
        let mut more = lines(cx, &mut params, "c.line");
        more.push_str(&light(
            &mut params,
            query.light.as_deref(),
            &cx.now_text(),
            "c.due_at",
            "c.warn_at",
        ));
        if let Some(process) = &query.process {
            more.push_str(&format!(" AND c.process = {}", params.add(process.as_str())));
        }
        if let Some((key, id)) = &query.after {
            let id = params.add(id.as_str());
            if query.sort == Sort::Created {
                more.push_str(&format!(" AND c.task < {id}"));
            } else {
                let key = params.add(query.sort.value(key));
                more.push_str(&format!(" AND ({sort}, c.task) > ({key}, {id})"));
            }
        }
        more.push_str(&among(&mut params, query, "c.task"));
        more.push_str(&words(&mut params, &query.words, "c.task"));
        more
    };
    // Some may be excluded: a few more are fetched.
    let limit = params.add(query.limit + 20);
    let order = |prefix: &str| match query.sort {
        Sort::Created => format!("{prefix}task DESC"),
        _ => format!("{prefix}k, {prefix}task"),
    };
    let inner_order = match query.sort {
        Sort::Created => "c.task DESC".to_owned(),
        _ => format!("{sort}, c.task"),
    };
    let branches: Vec<String> = pairs
        .into_iter()
        .map(|(role, place)| {
            let (role, place) = (params.add(role), params.add(place));
            format!(
                "SELECT * FROM (SELECT {sort} AS k, c.task AS task FROM process_candidate c WHERE c.role = {role}
                 AND c.place = {place}{more} ORDER BY {inner_order} LIMIT {limit}) AS b"
            )
        })
        .collect();
    let sql = format!(
        "SELECT {COLUMNS} FROM (SELECT DISTINCT k, task FROM ({}) AS every ORDER BY {} LIMIT {limit}) AS page
         JOIN process_task t ON t.id = page.task ORDER BY {}",
        branches.join(" UNION ALL "),
        order(""),
        order("page."),
    );
    let rows = tx.query(&sql, &params.0)?;
    let tasks = rows.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
    Ok(tasks
        .into_iter()
        .filter(|task| !task.excluded.contains(&cx.actor.id))
        .collect())
}

fn mine(cx: &Ctx, tx: &mut Tx<'_>, query: &Query) -> Result<Vec<Task>, Problem> {
    let mut params = Params::default();
    let me = params.add(cx.actor.id.as_str());
    let sort = query.sort.own();
    let mut more = light(
        &mut params,
        query.light.as_deref(),
        &cx.now_text(),
        "t.due_at",
        "t.warn_at",
    );
    if let Some(process) = &query.process {
        more.push_str(&format!(" AND t.process = {}", params.add(process.as_str())));
    }
    if let Some((key, id)) = &query.after {
        let id = params.add(id.as_str());
        if query.sort == Sort::Created {
            more.push_str(&format!(" AND t.id < {id}"));
        } else {
            let key = params.add(query.sort.value(key));
            more.push_str(&format!(" AND ({sort}, t.id) > ({key}, {id})"));
        }
    }
    more.push_str(&among(&mut params, query, "t.id"));
    more.push_str(&words(&mut params, &query.words, "t.id"));
    let order = match query.sort {
        Sort::Created => "t.id DESC".to_owned(),
        _ => format!("{sort}, t.id"),
    };
    let limit = params.add(query.limit + 1);
    let sql = format!(
        "SELECT {COLUMNS} FROM process_task t WHERE t.assignee = {me} AND t.state = 'claimed'{more} ORDER BY {order} LIMIT {limit}"
    );
    let rows = tx.query(&sql, &params.0)?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

/// What somebody did, newest first.
fn done(cx: &Ctx, tx: &mut Tx<'_>, query: &Query) -> Result<Vec<Task>, Problem> {
    let mut params = Params::default();
    let me = params.add(cx.actor.id.as_str());
    let mut more = String::new();
    if let Some(process) = &query.process {
        more.push_str(&format!(" AND t.process = {}", params.add(process.as_str())));
    }
    if let Some((_, id)) = &query.after {
        more.push_str(&format!(" AND t.id < {}", params.add(id.as_str())));
    }
    if !query.words.trim().is_empty() {
        more.push_str(&format!(
            " AND t.business_key = {}",
            params.add(query.words.trim())
        ));
    }
    let limit = params.add(query.limit + 1);
    let sql = format!(
        "SELECT {COLUMNS} FROM process_task t WHERE t.done_by = {me} AND t.state = 'done'{more} ORDER BY t.id DESC LIMIT {limit}"
    );
    let rows = tx.query(&sql, &params.0)?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

/// One page, and where the next begins.
pub(crate) fn page(cx: &Ctx, tx: &mut Tx<'_>, query: &Query) -> Result<(Vec<Task>, Option<String>), Problem> {
    let newest = query.done || query.sort == Sort::Created;
    let mut narrow = query.clone();
    if !query.done && !query.words.trim().is_empty() {
        narrow.among = narrowed(tx, &query.words)?;
        if narrow.among.as_ref().is_some_and(Vec::is_empty) {
            return Ok((Vec::new(), None));
        }
    }
    let query = &narrow;
    let mut tasks = if query.done {
        done(cx, tx, query)?
    } else {
        let mut tasks = Vec::new();
        if query.scope != Scope::Group {
            tasks.extend(mine(cx, tx, query)?);
        }
        if query.scope != Scope::Mine {
            tasks.extend(group(cx, tx, query)?);
        }
        tasks
    };
    if newest {
        tasks.sort_by(|a, b| b.id.cmp(&a.id));
    } else {
        tasks.sort_by(|a, b| (query.sort.key(a), &a.id).cmp(&(query.sort.key(b), &b.id)));
    }
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let next = if tasks.len() > limit {
        tasks.truncate(limit);
        tasks
            .last()
            .map(|last| format!("{}|{}", query.sort.key(last), last.id))
    } else {
        None
    };
    Ok((tasks, next))
}

pub(crate) fn cursor(text: &str) -> Result<(String, String), Problem> {
    text.rsplit_once('|')
        .map(|(key, id)| (key.to_owned(), id.to_owned()))
        .ok_or_else(|| Problem::new(codes::BAD_CURSOR, "翻页标记无效,请从第一页重新开始。"))
}

/// How many tasks there are by light, up to a bound, and by process.
pub(crate) fn counts(cx: &Ctx, tx: &mut Tx<'_>) -> Result<Json, Problem> {
    let now = cx.now_text();
    let rows = tx.query(
        "SELECT due_at, warn_at, process FROM process_task WHERE assignee = ?1 AND state = 'claimed' ORDER BY due_at LIMIT ?2",
        &[cx.actor.id.as_str().into(), COUNTED.into()],
    )?;
    let mut mine = Lights::default();
    let mut by_process: Map<String, Json> = Map::new();
    let mut note = |process: &str| {
        let count = by_process.get(process).and_then(Json::as_u64).unwrap_or(0);
        by_process.insert(process.to_owned(), json!(count + 1));
    };
    for row in &rows {
        mine.add(&row.get::<String>(0)?, &row.get::<String>(1)?, &now);
        note(&row.get::<String>(2)?);
    }
    let mut group = Lights::default();
    let pairs = pairs(cx);
    if !pairs.is_empty() {
        let mut params = Params::default();
        let more = lines(cx, &mut params, "c.line");
        let limit = params.add(COUNTED);
        let branches: Vec<String> = pairs
            .into_iter()
            .map(|(role, place)| {
                let (role, place) = (params.add(role), params.add(place));
                format!(
                    "SELECT * FROM (SELECT c.due_at AS due_at, c.warn_at AS warn_at, c.process AS process, c.task AS task
                     FROM process_candidate c WHERE c.role = {role} AND c.place = {place}{more} ORDER BY c.due_at LIMIT {limit}) AS b"
                )
            })
            .collect();
        let sql = format!(
            "SELECT DISTINCT due_at, warn_at, process, task FROM ({}) AS every LIMIT {limit}",
            branches.join(" UNION ALL ")
        );
        for row in tx.query(&sql, &params.0)? {
            group.add(&row.get::<String>(0)?, &row.get::<String>(1)?, &now);
            note(&row.get::<String>(2)?);
        }
    }
    let by_process: Vec<Json> = by_process
        .into_iter()
        .map(|(id, count)| json!({ "id": id, "count": count }))
        .collect();
    Ok(json!({ "mine": mine.shown(), "group": group.shown(), "by_process": by_process, "bound": COUNTED }))
}

#[derive(Default)]
struct Lights {
    green: u64,
    yellow: u64,
    red: u64,
}

impl Lights {
    fn add(&mut self, due: &str, warn: &str, now: &str) {
        if due <= now {
            self.red += 1;
        } else if warn <= now {
            self.yellow += 1;
        } else {
            self.green += 1;
        }
    }

    fn shown(&self) -> Json {
        json!({ "green": self.green, "yellow": self.yellow, "red": self.red })
    }
}
