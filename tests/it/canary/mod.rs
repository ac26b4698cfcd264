//! The canary crawl: persons who don't exist, with values that can be found again, in a package with a rule of every kind. Everybody there
//! could be walks every address there is, and whatever he is told is looked through for every value: one that he may not see is
//! a leak. Then what is left behind is looked through as well: logs, the audit log, the feed, a backup, the database's own files.
//!
//! `CANARY_PERSONS` (500) says how many, `CANARY_IDS` (4) how many of them everybody asks for one by one; with `CANARY_WHOLE` everybody
//! asks every question, else they are dealt out.

mod cast;
mod crawl;
mod groups;
mod package;
mod persons;
mod questions;
mod remains;
mod stand;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use banyan::platform::Platform;
use banyan_base::World;
use banyan_door::{Body, Input, Upload};
use banyan_identity::Settings;
use banyan_store::jobs;
use banyan_store::testing::{TestDb, databases};
use serde_json::{Value as Json, json};

use crate::support::{Bed, document, on};
use cast::Principal;
use crawl::PERSONS;
use persons::{Dice, Field, Find, OF_PERSON, PAPERS, Person};
use stand::Stand;

/// So many of the last are deleted before anybody looks.
const DELETED: usize = 4;

fn setting(name: &str, default: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(default, |text| text.parse().unwrap())
}

/// Puts a table in, as the platform.
fn load(bed: &Bed, of: &str, sheet: String) {
    let mut input = on(of, Input::default());
    input.body = Body::Upload(Upload::memory(
        "text/csv",
        Some("canaries.csv".into()),
        sheet.into_bytes(),
    ));
    let started = bed.ask("import.start", input).unwrap();
    let handlers = bed.platform.job_handlers();
    let id = started["id"].as_str().unwrap();
    loop {
        let kinds = [banyan_registry::IMPORT_JOB];
        let worked = jobs::run_one(&bed.platform.db, &bed.system(), "w", &kinds, &handlers).unwrap();
        let run = bed
            .ask("import.view", Input::default().with_path("id", id))
            .unwrap();
        match run["state"].as_str() {
            Some("queued" | "running") if !worked => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            Some("queued" | "running") => {}
            _ => {
                assert_eq!(
                    (&run["state"], &run["failed"]),
                    (&json!("done"), &json!(0)),
                    "{run}"
                );
                return;
            }
        }
    }
}

/// All records of a type, as the platform sees them.
fn all(bed: &Bed, of: &str) -> Vec<Json> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let mut input = on(of, Input::default());
        input.query = vec![("limit".into(), "1000".into())];
        input
            .query
            .extend(cursor.take().map(|cursor| ("cursor".into(), cursor)));
        let page = bed.ask("record.list", input).unwrap();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return items,
        }
    }
}

/// Everything that is there before anybody crawls.
fn fill(stand: &mut Stand) {
    let bed = &stand.bed;
    load(bed, "canary.person", persons::sheet(&stand.persons));
    let records = all(bed, "canary.person");
    let persons = &mut stand.persons;
    assert_eq!(records.len(), persons.len());
    for record in records {
        let index: usize = record["fields"]["code"].as_str().unwrap()[1..].parse().unwrap();
        persons[index].id = record["id"].as_str().unwrap().to_owned();
    }
    let last = persons.len() - DELETED;
    for person in persons.iter_mut().skip(last) {
        let mut input = on("canary.person", Input::default()).with_path("id", person.id.as_str());
        input.if_match = Some("*".into());
        bed.call(&bed.system(), "record.delete", input).unwrap();
        person.deleted = true;
    }
    for person in persons.iter_mut().take(PAPERS) {
        let text = person.value(Field::Paper);
        let text = text.as_str().unwrap();
        let sent = Upload::memory(
            "text/plain",
            Some(format!("{text}.txt")),
            text.as_bytes().to_vec(),
        );
        let input = Input {
            body: Body::Upload(sent),
            ..Input::default()
        };
        let file = document(bed.call(&bed.system(), "file.create", input).unwrap());
        file["hash"].as_str().unwrap().clone_into(&mut person.file);
        let body = json!({ "fields": { "paper": file } });
        let mut input = on("canary.person", Input::json(body)).with_path("id", person.id.as_str());
        input.if_match = Some("*".into());
        bed.ask("record.update", input).unwrap();
    }
    let (mut visits, mut notices) = ("person,about\n".to_owned(), "person,title\n".to_owned());
    for person in persons.iter().filter(|person| person.seen_by_visit()) {
        let about = person.value(Field::About);
        visits += &format!("{},{}\n", person.id, about.as_str().unwrap());
        notices += &format!("{},通知{}\n", person.id, person.index);
    }
    load(bed, "canary.visit", visits);
    load(bed, "canary.notice", notices);
    for of in ["visit", "notice"] {
        let some = all(bed, &format!("canary.{of}")).into_iter().take(3);
        let some = some.map(|record| (of, record["id"].as_str().unwrap().to_owned()));
        stand.others.extend(some);
    }
    // Things of others, for the operations that take their ids.
    for (noun, table) in [
        ("account", "account"),
        ("session", "session"),
        ("service", "account"),
        ("post", "post"),
        ("delegation", "delegation"),
        ("party_link", "party_link"),
        ("emergency", "emergency"),
        ("import", "import_run"),
        ("job", "job"),
    ] {
        let sql = format!("SELECT CAST(id AS TEXT) FROM {table} ORDER BY id LIMIT 1");
        let rows = stand.bed.platform.db.query(&sql, &[]).unwrap();
        stand.ids.insert(noun, rows[0].get(0).unwrap());
    }
}

/// Nobody changed anything of anybody.
fn unchanged(stand: &Stand) {
    let records = all(&stand.bed, "canary.person");
    if records.len() != stand.persons.len() - DELETED {
        stand.fault(|| format!("there are {} persons now", records.len()));
    }
    for record in records {
        let fields = &record["fields"];
        let found = stand
            .persons
            .iter()
            .find(|person| record["id"] == person.id.as_str());
        let Some(person) = found else {
            stand.fault(|| format!("somebody made {record}"));
            continue;
        };
        let own = person.fields();
        for (name, value) in own.as_object().unwrap() {
            if fields[name] != *value {
                stand.fault(|| format!("the {name} of {} is {} now", person.code, fields[name]));
            }
        }
    }
}

/// A list that two persons let out: before it is approved nothing, then names and numbers and no more.
fn handed_over(stand: &Stand, cast: &[Principal]) {
    let one = |name: &str| cast.iter().find(|one| one.name == name).unwrap();
    let (asker, other) = (one("an exporter on his own"), one("another exporter"));
    let path = format!("{PERSONS}/export?format=jsonl");
    let reason = [("banyan-reason", "%E7%A7%BB%E4%BA%A4")];
    let refused = stand.ask(asker, "GET", &path, &reason, None, &[]);
    let id = refused.json()["approval"].as_str().unwrap_or_default().to_owned();
    assert!(!id.is_empty(), "{refused:?}");
    for who in cast {
        stand.get(who, &format!("/v1/approvals/{id}"));
        stand.get(who, &format!("/v1/approvals/{id}/file"));
    }
    let text = json!({ "reason": "已核对" });
    stand.must(other, "POST", &format!("/v1/approvals/{id}/approve"), &text);
    // Another's approval opens nothing.
    for who in cast.iter().filter(|who| who.name != asker.name) {
        let headers = [("banyan-approval", id.as_str())];
        stand.ask(who, "GET", &path, &headers, None, &[]);
    }
    let released = Principal {
        headers: asker.headers.clone(),
        ..Principal::new("an exporter whom another let", "").sees(&[Field::Name, Field::Number], |_| true)
    };
    let headers = [("banyan-approval", id.as_str())];
    let answer = stand.ask(&released, "GET", &path, &headers, None, &[]);
    let shown = stand.shown(&released).len();
    if shown != 2 * (stand.persons.len() - DELETED) {
        stand.fault(|| format!("the approved list shows {shown} values: {answer:?}"));
    }
}

/// What lists show is all that may be seen: where the crawl finds nothing, it has looked.
fn reached(stand: &Stand, who: &Principal) -> (usize, usize) {
    let wanted: Vec<Find> = stand
        .persons
        .iter()
        .filter(|person| !person.deleted)
        .flat_map(|person| {
            let index = person.index;
            OF_PERSON.iter().map(move |field| Find {
                person: index,
                field: *field,
            })
        })
        .filter(|find| (who.sees)(&stand.persons[find.person], find.field))
        .collect();
    let shown = stand.shown(who);
    let missing: Vec<&Find> = wanted.iter().filter(|find| !shown.contains(find)).collect();
    if who.whole && !missing.is_empty() {
        stand.fault(|| {
            format!(
                "{} was not shown {} of {} values, {:?} first",
                who.name,
                missing.len(),
                wanted.len(),
                missing[0]
            )
        });
    }
    (shown.len(), wanted.len())
}

/// The crawl can fail: who is expected to see less than he does is found, in lists, by questions and on disk.
fn planted(stand: &mut Stand, cast: &[Principal]) {
    stand.whole = true;
    let stand = &*stand;
    let clerk = cast.iter().find(|one| one.name == "a clerk").unwrap();
    let narrow = Principal {
        headers: clerk.headers.clone(),
        ..Principal::new("a clerk of whom less is thought", "")
            .sees(&[Field::Name, Field::Number], |person| person.unit == "U1")
    };
    let found = stand.aside(|| {
        stand.get(&narrow, &format!("{PERSONS}?limit=5"));
    });
    let told = found.join("\n");
    for name in [
        "phone", "address", "note", "born", "income", "place", "remark", "memo",
    ] {
        assert!(told.contains(&format!("tells the {name} of P")), "{name}: {told}");
    }
    assert!(!told.contains("tells the name") && !told.contains("tells the number"));
    let own = stand.persons.iter().find(|person| person.unit == "U1").unwrap();
    let not = persons::person(&mut Dice(7), stand.persons.len() + 400);
    let blind = Principal {
        headers: clerk.headers.clone(),
        ..Principal::new("a clerk who is thought to see nobody", "")
    };
    let found = stand.aside(|| questions::questions(stand, &blind, 0, own, &not));
    for about in [
        "filter=phone =",
        "filter=number =",
        "q=name",
        "bbox",
        "view",
        "history",
        "OGC",
    ] {
        assert!(
            found
                .iter()
                .any(|fault| fault.contains("can tell by") && fault.contains(about)),
            "{about}: {}",
            found.join("\n")
        );
    }
    let open = persons::Net::over(&stand.persons, Some(&[Field::Remark]));
    let found = stand.aside(|| remains::on_disk(stand, &open, &mut remains::Searched::default()));
    assert!(found.iter().any(|fault| fault.contains("holds")), "{found:?}");
}

fn walked(test: TestDb, count: usize, ids: usize) {
    let name = test.name;
    let log = crate::sign_in::log();
    let began = Instant::now();
    let settings = Settings {
        citizens: true,
        ..Settings::new(&test.folder)
    };
    let platform = Platform::with(test.db.clone(), World::system(), settings, &test.folder).unwrap();
    let bed = Bed { platform, test };
    bed.apply(package::base(), false).unwrap();
    if let Err(problem) = bed.apply(package::package(), false) {
        panic!("{}", problem.to_json(""));
    }
    let address = bed.serve();
    let (mut stand, cast) = cast::cast(bed, address, persons::persons(count));
    assert!(cast.len() >= 30, "{}", cast.len());
    stand.whole = std::env::var_os("CANARY_WHOLE").is_some();
    fill(&mut stand);
    banyan_store::testing::events_show(&stand.bed.platform.db).unwrap();
    println!("{name}: {count} persons in after {:.1?}", began.elapsed());
    let mut dice = Dice(3);
    let mut sample: Vec<&Person> = stand.persons.iter().take(10.min(ids / 2)).collect();
    sample.push(&stand.persons[count - 1]);
    while sample.len() < ids {
        let at = usize::try_from(dice.below(count as u64)).unwrap();
        sample.push(&stand.persons[at]);
    }
    let not = Person {
        id: "01900000-0000-7000-8000-00000000c0de".into(),
        ..persons::person(&mut Dice(7), count + 400)
    };
    let cursor = crawl::cursor(&stand, cast.iter().find(|one| one.name == "a clerk").unwrap());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(who) = cast.get(turn) else { break };
                    let began = Instant::now();
                    crawl::crawl(&stand, who, &sample, &cursor);
                    let walked = began.elapsed();
                    // About one whom few can see, and one who is deleted.
                    let about = [count / 2 + 1, count - 1];
                    for at in about.into_iter().take(if stand.whole { 2 } else { 1 }) {
                        questions::questions(&stand, who, turn, &stand.persons[at], &not);
                    }
                    let (shown, wanted) = reached(&stand, who);
                    println!(
                        "{name}: {}: shown {shown}, of persons {wanted}; {walked:.1?} + {:.1?}",
                        who.name,
                        began.elapsed() - walked
                    );
                }
            });
        }
    });
    let intake = cast.iter().find(|one| one.name == "an intake clerk").unwrap();
    questions::taken(&stand, intake, [&stand.persons[12], &stand.persons[18]]);
    handed_over(&stand, &cast);
    unchanged(&stand);
    let crawled = began.elapsed();
    std::thread::sleep(std::time::Duration::from_millis(500));
    let written = log.lock().unwrap().clone();
    let searched = remains::remains(&stand, &written);
    let faults = stand.faults();
    assert!(
        faults.is_empty(),
        "{name}: {} faults\n{}",
        faults.len(),
        faults.iter().take(60).cloned().collect::<Vec<_>>().join("\n")
    );
    planted(&mut stand, &cast);
    let figure = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    let figures = &stand.figures;
    println!(
        "{name}: {count} persons, {} principals, {} values looked for; {} requests, {} answered with success, {} bytes searched, \
         {} pairs compared, {} finds allowed, {} leaks; behind it {} files and logs, {} bytes; {crawled:.0?} + {:.0?}",
        cast.len(),
        stand
            .persons
            .iter()
            .map(|person| person.token.len())
            .sum::<usize>(),
        figure(&figures.requests),
        figure(&figures.given),
        figure(&figures.bytes),
        figure(&figures.compared),
        figure(&figures.allowed),
        figure(&figures.leaks),
        searched.files,
        searched.bytes,
        began.elapsed() - crawled
    );
}

#[test]
fn nobody_is_told_of_anybody_what_is_not_his_to_know() {
    let (count, ids) = (setting("CANARY_PERSONS", 500), setting("CANARY_IDS", 4));
    let threads: Vec<_> = databases()
        .unwrap()
        .into_iter()
        .map(|test| std::thread::spawn(move || walked(test, count, ids)))
        .collect();
    let wrong = threads.into_iter().map(|thread| thread.join().is_err());
    assert_eq!(wrong.filter(|wrong| *wrong).count(), 0, "see above");
}
