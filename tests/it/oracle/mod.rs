//! The oracle: whatever way somebody asks, he gets exactly what Cedar, asked about each row by itself, lets him have, and
//! masked exactly where it does not let him see the whole. Policies, actors, purposes and rows are random; `ORACLE_ROUNDS`
//! and `ORACLE_SEED` say how many and which.

mod brute;
mod package;
mod random;

use std::collections::BTreeMap;
use std::sync::Arc;

use banyan::platform::Platform;
use banyan_base::{Actor, Ctx, ManualClock, Problem, World};
use banyan_door::Input;
use banyan_store::testing::databases;
use serde_json::{Map, Value as Json, json};

use crate::support::{Bed, body, document, on};
use brute::{FIELDS, Judge, Row, Seen};
use random::Dice;

const OF: &str = "oracle.item";
const ROWS: usize = 160;
const MOVED: usize = 40;
const START: &str = "2022-03-01T00:00:00Z";
/// Between the rows' making and the changes of some.
const BETWEEN: &str = "2022-03-01T01:00:00.000Z";

/// Rows in the order of their making: as they were made, and as they are now.
struct Stock {
    owners: Vec<Row>,
    first: Vec<Row>,
    now: Vec<Row>,
}

fn bed(test: banyan_store::testing::TestDb) -> (Bed, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(START.parse().unwrap()));
    let world = World::new(Arc::<ManualClock>::clone(&clock), 11);
    let platform = Platform::over(test.db.clone(), world, false, &test.folder).unwrap();
    let bed = Bed { platform, test };
    bed.apply(package::base(), false).unwrap();
    bed.apply(package::package(""), false).unwrap();
    (bed, clock)
}

fn stock(bed: &Bed, clock: &ManualClock, dice: &mut Dice) -> Stock {
    use banyan_base::Clock;
    let mut owners = Vec::new();
    for index in 0..6 {
        let rank = if index % 3 == 0 { Json::Null } else { json!(index) };
        let fields = json!({ "title": format!("主{index}"), "unit": package::UNITS[index].0, "rank": rank });
        let made = bed.create("oracle.owner", &fields).unwrap();
        owners.push(Row {
            id: made["id"].as_str().unwrap().to_owned(),
            fields: fields.as_object().unwrap().clone(),
        });
    }
    let ids: Vec<String> = owners.iter().map(|owner| owner.id.clone()).collect();
    let mut first = Vec::new();
    for index in 0..ROWS {
        let fields = dice.row(index, &ids);
        let made = bed.create(OF, &Json::Object(fields.clone())).unwrap();
        first.push(Row {
            id: made["id"].as_str().unwrap().to_owned(),
            fields,
        });
    }
    clock.set("2022-03-01T02:00:00Z".parse().unwrap());
    let mut now = first.clone();
    for (index, row) in now.iter_mut().enumerate().take(MOVED) {
        row.fields = dice.row(index, &ids);
        let mut input = on(OF, Input::json(json!({ "fields": row.fields }))).with_path("id", row.id.as_str());
        input.if_match = Some("*".into());
        bed.ask("record.update", input).unwrap();
    }
    Stock { owners, first, now }
}

struct Asker<'b> {
    bed: &'b Bed,
    cx: Ctx,
    /// What is asked, for messages.
    about: String,
}

fn query(pairs: &[(&str, &str)]) -> Input {
    let mut input = on(OF, Input::default());
    input.query = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    input
}

/// A record as it came, in the oracle's form.
fn came(item: &Json) -> (String, Seen) {
    let fields = item["fields"].as_object().unwrap();
    let masked = item.get("masked").and_then(Json::as_array);
    let masked = masked
        .into_iter()
        .flatten()
        .map(|name| name.as_str().unwrap().to_owned());
    let shown = FIELDS
        .iter()
        .map(|name| ((*name).to_owned(), fields.get(*name).cloned().unwrap_or_default()));
    let seen = Seen {
        shown: shown.collect(),
        masked: masked.collect(),
    };
    (item["id"].as_str().unwrap().to_owned(), seen)
}

impl Asker<'_> {
    fn ask(&self, operation: &str, input: Input) -> Result<Json, Problem> {
        self.bed.call(&self.cx, operation, input).map(document)
    }

    fn list(&self, pairs: &[(&str, &str)]) -> Result<(Vec<(String, Seen)>, Json), Problem> {
        let mut pairs = pairs.to_vec();
        pairs.push(("limit", "1000"));
        let answer = self.ask("record.list", query(&pairs))?;
        let items = answer["items"].as_array().unwrap().iter().map(came).collect();
        Ok((items, answer["matched"].clone()))
    }

    fn same<T: PartialEq + std::fmt::Debug>(&self, what: &str, got: T, wanted: T) {
        assert!(
            got == wanted,
            "{}: {what}\n{}\ngot    {got:?}\nwanted {wanted:?}",
            self.bed.name(),
            self.about
        );
    }
}

/// A filter, the field it is about, and whether a value that is seen meets it.
type Filter = (String, &'static str, fn(&Json) -> bool);

fn filters(dice: &mut Dice) -> Vec<Filter> {
    let all: [Filter; 16] = [
        ("name = '林榕'".into(), "name", |v| v == "林榕"),
        ("name <> '林榕'".into(), "name", |v| {
            v.is_string() && v != "林榕"
        }),
        ("phone LIKE '139%'".into(), "phone", |v| {
            v.as_str().is_some_and(|v| v.starts_with("139"))
        }),
        ("phone LIKE '%7'".into(), "phone", |v| {
            v.as_str().is_some_and(|v| v.ends_with('7'))
        }),
        ("secret > 50".into(), "secret", |v| {
            v.as_i64().is_some_and(|v| v > 50)
        }),
        ("NOT secret > 50".into(), "secret", |v| {
            v.as_i64().is_some_and(|v| v <= 50)
        }),
        ("birth < DATE('1980-01-01')".into(), "birth", |v| {
            v.as_str().is_some_and(|v| v < "1980-01-01")
        }),
        ("code IS NULL".into(), "code", Json::is_null),
        ("note IS NOT NULL".into(), "note", |v| !v.is_null()),
        ("area IN ('35', '350102')".into(), "area", |v| {
            v == "35" || v == "350102"
        }),
        // What is sealed is found by equality, and only where it is seen whole.
        ("number = '350'".into(), "number", |v| v == "350"),
        ("number <> '350'".into(), "number", |v| {
            v.is_string() && v != "350"
        }),
        ("number IN ('3', '号码')".into(), "number", |v| {
            v == "3" || v == "号码"
        }),
        ("NOT number IN ('3', '号码')".into(), "number", |v| {
            v.is_string() && v != "3" && v != "号码"
        }),
        ("number IS NULL".into(), "number", Json::is_null),
        ("wechat = 'w1'".into(), "wechat", |v| v == "w1"),
    ];
    let start = usize::try_from(dice.number(16)).unwrap();
    (0..5).map(|step| all[(start + step * 3) % 16].clone()).collect()
}

fn rows_of<'s>(stock: &'s [Row], seen: &BTreeMap<String, Seen>) -> Vec<&'s Row> {
    stock.iter().filter(|row| seen.contains_key(&row.id)).collect()
}

/// One actor for one purpose under one policy, by every way there is; gives the number of cases that were compared.
fn compare(asker: &Asker<'_>, judge: &Judge, stock: &Stock, dice: &mut Dice) -> usize {
    let now = judge.entities(&stock.now, "system");
    let see = |verb: &str| -> BTreeMap<String, Seen> {
        let seen = |row: &Row| Some((row.id.clone(), judge.see(&now, row, verb)?));
        stock.now.iter().filter_map(seen).collect()
    };
    let listed = see("list");
    let wanted: Vec<(String, Seen)> = rows_of(&stock.now, &listed)
        .into_iter()
        .map(|row| (row.id.clone(), listed[&row.id].clone()))
        .collect();
    let got = match asker.list(&[("count", "1")]) {
        Ok((items, matched)) => {
            asker.same("count", matched, json!(wanted.len()));
            items
        }
        // Who may see no row at all is told so; nothing is shown.
        Err(problem) => {
            assert!(
                problem.code.status == 403 || problem.code.status == 401,
                "{problem:?}"
            );
            asker.same(&format!("refused: {problem:?}"), Vec::new(), wanted.clone());
            return ROWS * (FIELDS.len() + 1);
        }
    };
    let mut cases = ROWS * (FIELDS.len() + 1);
    asker.same("list", got, wanted.clone());

    for (text, field, meets) in filters(dice) {
        let wanted: Vec<&String> = wanted
            .iter()
            .filter(|(_, seen)| meets(&seen.value(field)))
            .map(|(id, _)| id)
            .collect();
        let (items, matched) = asker.list(&[("filter", &text), ("count", "1")]).unwrap();
        asker.same(&text, items.iter().map(|(id, _)| id).collect(), wanted.clone());
        asker.same(&format!("count of {text}"), matched, json!(wanted.len()));
        cases += ROWS;
    }

    // Ranges, patterns and orders would give away what is sealed.
    for refused in [
        ("filter", "number > '3'"),
        ("filter", "number LIKE '35%'"),
        ("filter", "CASEI(number) = CASEI('a')"),
        ("filter", "number BETWEEN '3' AND '4'"),
        ("filter", "number = wechat"),
        ("sortby", "number"),
        ("sortby", "-wechat"),
    ] {
        let problem = asker.list(&[refused]).unwrap_err();
        asker.same(&format!("{refused:?}"), problem.code.name, "bad-filter");
    }

    let by = dice.one_of(&["phone", "secret", "birth", "name"]);
    let key = |(at, (_, seen)): &(usize, &(String, Seen))| {
        let value = seen.value(by);
        let number = value.as_i64().unwrap_or(0);
        (
            value.is_null(),
            value.as_str().unwrap_or("").to_owned(),
            number,
            *at,
        )
    };
    let mut sorted: Vec<(usize, &(String, Seen))> = wanted.iter().enumerate().collect();
    sorted.sort_by_key(key);
    let (items, _) = asker.list(&[("sortby", by)]).unwrap();
    let ids: Vec<&String> = items.iter().map(|(id, _)| id).collect();
    asker.same(
        &format!("sorted by {by}"),
        ids,
        sorted.iter().map(|(_, (id, _))| id).collect(),
    );
    cases += ROWS;

    let word = dice.one_of(&["榕", "欧阳", "陈小榕"]);
    let found: Vec<&String> = wanted
        .iter()
        .filter(|(_, seen)| {
            seen.value("name")
                .as_str()
                .is_some_and(|name| name.contains(word))
        })
        .map(|(id, _)| id)
        .collect();
    let (items, _) = asker.list(&[("q", word)]).unwrap();
    asker.same(
        &format!("search for {word}"),
        items.iter().map(|(id, _)| id).collect(),
        found,
    );
    cases += ROWS;

    // As it was before some were changed.
    let then = judge.entities(&stock.first, "system");
    let seen_then: Vec<(String, Seen)> = stock
        .first
        .iter()
        .filter_map(|row| Some((row.id.clone(), judge.see(&then, row, "list")?)))
        .collect();
    let mut items = asker.list(&[("as_of", BETWEEN)]).unwrap().0;
    items.sort_by(|a, b| a.0.cmp(&b.0));
    let mut sorted = seen_then;
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    asker.same("as of", items, sorted);
    cases += ROWS * (FIELDS.len() + 1);

    cases
        + exported(asker, stock, &see("export"))
        + outside(asker, stock, &listed)
        + singly(asker, judge, stock, dice)
}

fn exported(asker: &Asker<'_>, stock: &Stock, wanted: &BTreeMap<String, Seen>) -> usize {
    let reply = asker
        .bed
        .call(&asker.cx, "record.export", query(&[("format", "jsonl")]));
    let got: Vec<(String, Seen)> = match reply {
        Ok(reply) => String::from_utf8(body(reply).1)
            .unwrap()
            .lines()
            .map(|line| came(&serde_json::from_str(line).unwrap()))
            .collect(),
        Err(_) => Vec::new(),
    };
    let wanted: Vec<(String, Seen)> = rows_of(&stock.now, wanted)
        .into_iter()
        .map(|row| (row.id.clone(), wanted[&row.id].clone()))
        .collect();
    asker.same("export", got, wanted);
    ROWS * (FIELDS.len() + 1)
}

/// By OGC API Features, whose features say what is shown, not what is masked.
fn outside(asker: &Asker<'_>, stock: &Stock, wanted: &BTreeMap<String, Seen>) -> usize {
    let mut input = Input::default().with_path("collection", OF);
    input.query = vec![("limit".into(), "1000".into())];
    let answer = asker.ask("ogc.items", input).unwrap();
    let shown = |properties: &Map<String, Json>| -> BTreeMap<String, Json> {
        FIELDS
            .iter()
            .map(|name| {
                (
                    (*name).to_owned(),
                    properties.get(*name).cloned().unwrap_or_default(),
                )
            })
            .collect()
    };
    let got: Vec<(String, BTreeMap<String, Json>)> = answer["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|feature| {
            let id = feature["id"].as_str().unwrap().to_owned();
            (id, shown(feature["properties"].as_object().unwrap()))
        })
        .collect();
    let wanted: Vec<_> = rows_of(&stock.now, wanted)
        .into_iter()
        .map(|row| (row.id.clone(), wanted[&row.id].shown.clone()))
        .collect();
    asker.same("OGC", got, wanted);
    ROWS * (FIELDS.len() + 1)
}

/// Rows by their ids, with their histories.
fn singly(asker: &Asker<'_>, judge: &Judge, stock: &Stock, dice: &mut Dice) -> usize {
    let now = judge.entities(&stock.now, "system");
    let then = judge.entities(&stock.first, "system");
    for _ in 0..6 {
        let at = usize::try_from(dice.number(i64::try_from(ROWS).unwrap())).unwrap();
        let row = &stock.now[at];
        let input = || on(OF, Input::default()).with_path("id", row.id.as_str());
        let wanted = judge.see(&now, row, "view");
        let got = asker.ask("record.view", input()).ok().map(|item| came(&item).1);
        asker.same("view", got, wanted.clone());
        let versions = [
            at < MOVED && judge.see(&then, &stock.first[at], "view").is_some(),
            wanted.is_some(),
        ];
        let wanted = versions.iter().filter(|seen| **seen).count();
        let history = asker.ask("record.history", input());
        let got = history.map_or(0, |answer| answer["items"].as_array().unwrap().len());
        asker.same("history", got, wanted);
    }
    6 * (FIELDS.len() + 2)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[test]
fn what_is_seen_is_what_each_row_by_itself_lets_be_seen() {
    let rounds = number("ORACLE_ROUNDS", 38);
    let seed = number("ORACLE_SEED", 2022);
    let all = databases().unwrap();
    let threads: Vec<_> = all
        .into_iter()
        .map(|test| std::thread::spawn(move || asked(test, rounds, seed)))
        .collect();
    for thread in threads {
        let (name, cases, seen) = thread.join().unwrap();
        println!("{name}: {cases} cases, {seen} of them showed a row, 0 differences");
        assert!(seen > 0);
    }
}

fn asked(test: banyan_store::testing::TestDb, rounds: u64, seed: u64) -> (&'static str, usize, usize) {
    let (bed, clock) = bed(test);
    let mut dice = Dice::new(seed);
    let stock = stock(&bed, &clock, &mut dice);
    let (mut cases, mut shown) = (0, 0);
    for _ in 0..rounds {
        let policy = dice.policy();
        if let Err(problem) = bed.apply(package::package(&policy), false) {
            panic!("{policy}\n{}", problem.to_json(""));
        }
        for index in 0..5 {
            let actor: Actor = dice.actor(index);
            let purpose = dice.one_of(&[
                Some("oracle.care"),
                Some("oracle.care"),
                Some("oracle.count"),
                Some("self"),
                None,
            ]);
            let cx = Ctx {
                purpose: purpose.map(str::to_owned),
                ..bed.platform.world.ctx(actor.clone())
            };
            let about = format!("{actor:?}\n{purpose:?}\n{policy}");
            let asker = Asker { bed: &bed, cx, about };
            let judge = Judge::new(&policy, &actor, purpose, &stock.owners);
            let found = compare(&asker, &judge, &stock, &mut dice);
            cases += found;
            shown += usize::from(judge.has_ground()) * found;
        }
    }
    (bed.name(), cases, shown)
}
