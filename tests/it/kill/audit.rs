//! What must hold after the kills, read from the tables themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use banyan_store::{Db, Error, Row, Value, feed};
use serde_json::Value as Json;

use super::load::{FAULTY, Ledger, ROWS};

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    pub acknowledged: usize,
    lost_answers: usize,
    replayed: usize,
    records: usize,
    events: usize,
    effects: usize,
    lost: usize,
    doubled: usize,
    pub faults: Vec<String>,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} facts acknowledged ({} answers lost, {} answered from the kept reply), {} records, {} events, {} trigger effects: \
             {} lost, {} doubled, {} other faults",
            self.acknowledged,
            self.lost_answers,
            self.replayed,
            self.records,
            self.events,
            self.effects,
            self.lost,
            self.doubled,
            self.faults.len() - self.lost - self.doubled,
        )
    }
}

fn ask(address: SocketAddr, token: &str, method: &str, path: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("http://{address}{path}"))
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .unwrap();
    let mut response = agent.run(request).unwrap();
    (
        response.status().as_u16(),
        response.body_mut().read_to_string().unwrap(),
    )
}

/// Waits until every job has ended and every consumer has seen every event. A job that was killed on each of its tries
/// was put aside; an administrator gives it new ones.
pub fn drain(address: SocketAddr, token: &str) {
    let began = Instant::now();
    loop {
        let (_, dead) = ask(address, token, "GET", "/v1/jobs?state=dead");
        let dead: Json = serde_json::from_str(&dead).unwrap();
        for job in dead["items"].as_array().unwrap() {
            assert_eq!(job["error"], "the worker died on the last try", "{job}");
            let path = format!("/v1/jobs/{}/requeue", job["id"].as_str().unwrap());
            assert_eq!(ask(address, token, "POST", &path).0, 200);
        }
        let (_, metrics) = ask(address, token, "GET", "/metrics");
        let figure = |name: &str| {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            lines
                .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
                .sum::<f64>()
        };
        let behind = figure("banyan_feed_lag_events{")
            + figure("banyan_jobs{state=\"waiting\"}")
            + figure("banyan_jobs{state=\"running\"}")
            + figure("banyan_jobs{state=\"dead\"}");
        if metrics.contains("banyan_feed_lag_events{consumer=\"triggers\"}") && behind == 0.0 {
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "never drained:\n{metrics}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn rows(db: &Db, sql: &str, params: &[Value]) -> Vec<Row> {
    db.read::<_, Error>(|tx| tx.query(sql, params)).unwrap()
}

fn text(row: &Row, at: usize) -> String {
    row.get(at).unwrap()
}

fn number(db: &Db, sql: &str) -> i64 {
    rows(db, sql, &[])[0].get(0).unwrap()
}

/// One version of a record, or of what it was.
#[derive(Debug)]
struct Version {
    code: String,
    number: i64,
    state: String,
    version: i64,
    /// In the history, as the last one of a deleted record.
    gone: bool,
}

pub fn audit(db: &Db, ledger: &Ledger) -> Found {
    let mut found = Found {
        acknowledged: ledger.acknowledged,
        lost_answers: ledger.lost_answers,
        replayed: ledger.replayed,
        faults: ledger.faults.clone(),
        ..Found::default()
    };
    let items = versions(db);
    acknowledged(&items, ledger, &mut found);
    let events = feed_agrees(db, &items, &mut found);
    effects(db, &items, &events, &mut found);
    imports(db, ledger, &mut found);
    consumers(db, &mut found);
    counters(db, &mut found);
    found
}

/// Every version of every item: those in the table last.
fn versions(db: &Db) -> BTreeMap<String, Vec<Version>> {
    let mut all: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    let history = "SELECT _id, f_code, f_number, state, _version, _gone FROM r_kill__item__h";
    let current = "SELECT _id, f_code, f_number, state, _version, 0 FROM r_kill__item";
    for (sql, past) in [(history, true), (current, false)] {
        for row in rows(db, sql, &[]) {
            let version = Version {
                code: text(&row, 1),
                number: row.get(2).unwrap(),
                state: text(&row, 3),
                version: row.get(4).unwrap(),
                gone: past && row.get::<i64>(5).unwrap() != 0,
            };
            all.entry(text(&row, 0)).or_default().push(version);
        }
    }
    for versions in all.values_mut() {
        versions.sort_by_key(|version| version.version);
    }
    all
}

fn acknowledged(items: &BTreeMap<String, Vec<Version>>, ledger: &Ledger, found: &mut Found) {
    found.records = items.len();
    let mut codes: BTreeMap<&str, usize> = BTreeMap::new();
    for versions in items.values() {
        *codes.entry(versions[0].code.as_str()).or_default() += 1;
    }
    let mut known: BTreeSet<&str> = ledger.open.iter().map(String::as_str).collect();
    for item in &ledger.items {
        known.insert(&item.code);
        let last = items.get(&item.id).and_then(|versions| versions.last());
        let there = last.is_some_and(|last| {
            last.version == item.version
                && last.code == item.code
                && last.number == item.number
                && last.state == item.state
                && last.gone == item.deleted
        });
        if !there {
            found.lost += 1;
            found.faults.push(format!("lost: {item:?}, found {last:?}"));
        }
    }
    for (code, count) in codes {
        if count > 1 {
            found.doubled += 1;
            found
                .faults
                .push(format!("doubled: {code} is there {count} times"));
        }
        if !known.contains(code) {
            found.faults.push(format!("nobody made {code}"));
        }
    }
    for (id, versions) in items {
        let run: Vec<i64> = versions.iter().map(|version| version.version).collect();
        if run != (1..=versions.len() as i64).collect::<Vec<_>>() {
            found.faults.push(format!("versions of {id}: {run:?}"));
        }
    }
}

/// Each version has its one event, in order, and each event its version. Gives the kinds of events by record.
fn feed_agrees(
    db: &Db,
    items: &BTreeMap<String, Vec<Version>>,
    found: &mut Found,
) -> BTreeMap<String, Vec<String>> {
    let mut told: BTreeMap<String, Vec<(String, i64)>> = BTreeMap::new();
    let sql = "SELECT subject, kind, data FROM feed WHERE subject LIKE 'kill.item/%' ORDER BY xid, seq";
    for row in rows(db, sql, &[]) {
        let data: Json = serde_json::from_str(&text(&row, 2)).unwrap();
        let id = text(&row, 0).split_once('/').unwrap().1.to_owned();
        let kind = text(&row, 1).rsplit('.').next().unwrap().to_owned();
        told.entry(id)
            .or_default()
            .push((kind, data["version"].as_i64().unwrap()));
    }
    for (id, versions) in items {
        let last = versions.last().unwrap();
        let mut want: Vec<i64> = (1..=last.version).collect();
        want.extend(last.gone.then_some(last.version));
        let heard: Vec<i64> = told
            .get(id)
            .into_iter()
            .flatten()
            .map(|(_, version)| *version)
            .collect();
        if heard != want {
            found
                .faults
                .push(format!("feed of {id}: {heard:?} instead of {want:?}"));
        }
    }
    for id in told.keys().filter(|id| !items.contains_key(*id)) {
        found.faults.push(format!("events of {id}, which is nowhere"));
    }
    let kinds = |events: Vec<(String, i64)>| events.into_iter().map(|(kind, _)| kind).collect();
    told.into_iter().map(|(id, events)| (id, kinds(events))).collect()
}

/// What triggers did: once for each event, or once for each record; never for one, where it was deleted before.
fn effects(
    db: &Db,
    items: &BTreeMap<String, Vec<Version>>,
    events: &BTreeMap<String, Vec<String>>,
    found: &mut Found,
) {
    let mut done: BTreeMap<(String, String), usize> = BTreeMap::new();
    let sql = "SELECT f_item, f_what FROM r_kill__echo";
    for row in rows(db, sql, &[]) {
        *done.entry((text(&row, 0), text(&row, 1))).or_default() += 1;
        found.effects += 1;
    }
    for (id, versions) in items {
        let heard = &events[id];
        let count = |kind: &str| heard.iter().filter(|known| *known == kind).count();
        let wanted = [
            ("made", count("created")),
            ("done", count("finish")),
            ("first", count("updated").min(1)),
        ];
        for (what, want) in wanted {
            let got = done.remove(&(id.clone(), what.to_owned())).unwrap_or(0);
            let gone = versions.last().unwrap().gone;
            if got > want {
                found.doubled += 1;
                found
                    .faults
                    .push(format!("doubled: {what} of {id}, {got} times for {want}"));
            } else if got < want && !gone {
                found.lost += 1;
                found
                    .faults
                    .push(format!("lost: {what} of {id}, {got} times for {want}"));
            }
        }
    }
    if !done.is_empty() {
        found.faults.push(format!("effects on nothing: {done:?}"));
    }
}

fn imports(db: &Db, ledger: &Ledger, found: &mut Found) {
    let runs = rows(
        db,
        "SELECT id, state, total, done, created, failed FROM import_run",
        &[],
    );
    let jobs = number(db, "SELECT COUNT(*) FROM job WHERE state = 'done'");
    if runs.len() != ledger.imports.len() || jobs != ledger.imports.len() as i64 {
        found.faults.push(format!(
            "{} runs and {jobs} jobs for {} imports",
            runs.len(),
            ledger.imports.len()
        ));
    }
    for (file, id) in &ledger.imports {
        let got = runs.iter().find(|row| text(row, 0) == *id).map(|row| {
            let figures = (2..6).map(|at| row.get::<i64>(at).unwrap()).collect::<Vec<_>>();
            (text(row, 1), figures)
        });
        let (rows_in, faulty) = (ROWS as i64, FAULTY as i64);
        if got != Some(("done".into(), vec![rows_in, rows_in, rows_in - faulty, faulty])) {
            found.faults.push(format!("import {file} {id}: {got:?}"));
        }
        let lines = rows(
            db,
            "SELECT f_code FROM r_kill__row WHERE f_code LIKE ?1",
            &[format!("{file}-%").into()],
        );
        let distinct: BTreeSet<String> = lines.iter().map(|row| text(row, 0)).collect();
        if distinct.len() != ROWS - FAULTY {
            found.lost += 1;
            found
                .faults
                .push(format!("lost: {file} has {} rows", distinct.len()));
        }
        if lines.len() != distinct.len() {
            found.doubled += 1;
            found.faults.push(format!(
                "doubled: {file} has {} rows, {} of them different",
                lines.len(),
                distinct.len()
            ));
        }
    }
}

fn consumers(db: &Db, found: &mut Found) {
    let (end, lags) = db
        .read::<_, Error>(|tx| Ok((feed::end(tx)?, feed::lags(tx)?)))
        .unwrap();
    let mut names = Vec::new();
    for (consumer, at, behind) in lags {
        if at != end || behind != 0 {
            found
                .faults
                .push(format!("{consumer} is at {at}, {behind} before the end {end}"));
        }
        names.push(consumer);
    }
    if names != ["triggers", "witness"] {
        found.faults.push(format!("consumers {names:?}"));
    }
    let events = number(db, "SELECT COUNT(*) FROM feed");
    found.events = usize::try_from(events).unwrap();
    let seen = number(db, "SELECT COUNT(*) FROM kill_seen");
    let known = number(
        db,
        "SELECT COUNT(*) FROM feed WHERE id IN (SELECT event FROM kill_seen)",
    );
    if (seen, known) != (events, events) {
        found.faults.push(format!(
            "the witness saw {seen} events, {known} of the {events} there are"
        ));
    }
}

fn counters(db: &Db, found: &mut Found) {
    for kind in ["item", "echo", "row"] {
        let count = number(db, &format!("SELECT COUNT(*) FROM r_kill__{kind}"));
        let kept = number(
            db,
            &format!(
                "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM record_count WHERE type = 'kill.{kind}'"
            ),
        );
        if count != kept {
            found.faults.push(format!("{kept} {kind} counted, {count} there"));
        }
    }
    let half = number(db, "SELECT COUNT(*) FROM idempotency WHERE status = 0");
    if half != 0 {
        found.faults.push(format!("{half} keys without a reply"));
    }
    if !db.dialect().is_postgres() {
        let check = text(&rows(db, "PRAGMA integrity_check", &[])[0], 0);
        let indexed = number(db, "SELECT COUNT(*) FROM r_kill__item__fts");
        let items = number(db, "SELECT COUNT(*) FROM r_kill__item");
        if check != "ok" || indexed != items {
            found
                .faults
                .push(format!("integrity {check}; {indexed} of {items} indexed"));
        }
    }
}
