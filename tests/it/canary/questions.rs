//! Questions that must not be answers: about a value that one may not see, whether it is there or not, the reply is the same.

use serde_json::{Value as Json, json};

use super::cast::Principal;
use super::crawl::PERSONS;
use super::persons::{Field, Find, OF_PERSON, Person};
use super::stand::{Answer, Sent, Stand, encode};

const ITEMS: &str = "/ogc/collections/canary.person/items";

/// Conditions on one field in CQL2, true of this value; the first is asked by everybody.
fn conditions(person: &Person, field: Field) -> Vec<String> {
    let (name, token) = (field.name(), &person.token[&field]);
    match (field, person.value(field)) {
        (Field::Born, _) => vec![
            format!("{name} = DATE('{token}')"),
            format!("{name} >= DATE('{token}') AND {name} <= DATE('{token}')"),
            format!("{name} BETWEEN DATE('{token}') AND DATE('{token}')"),
            format!("NOT {name} = DATE('{token}')"),
        ],
        (Field::Place, _) => {
            let north: f64 = token.parse().unwrap();
            let (south, north) = (north - 1e-7, north + 1e-7);
            vec![
                format!("S_INTERSECTS({name}, BBOX(119.4, {south:.9}, 119.6, {north:.9}))"),
                format!("S_INTERSECTS({name}, POINT(119.5 {token}))"),
                format!("NOT S_INTERSECTS({name}, POINT(119.5 {token}))"),
            ]
        }
        (_, Json::Number(number)) => vec![
            format!("{name} = {number}"),
            format!("{name} >= {number} AND {name} <= {number}"),
            format!("{name} IN ({number})"),
            format!("{name} <> {number}"),
        ],
        (_, value) => {
            let text = value.as_str().unwrap().to_owned();
            let begin = beginning(&text, token);
            vec![
                format!("{name} = '{text}'"),
                format!("{name} IN ('{text}', 'x')"),
                format!("{name} <> '{text}'"),
                format!("NOT {name} = '{text}'"),
                format!("{name} LIKE '{begin}%'"),
                format!("{name} LIKE '%{token}%'"),
                format!("{name} >= '{text}' AND {name} <= '{text}~'"),
                format!("CASEI({name}) = CASEI('{text}')"),
                format!("code IS NULL OR {name} = '{text}'"),
            ]
        }
    }
}

/// So much of a value that no other begins with it.
fn beginning(text: &str, token: &str) -> String {
    let before = text.find(token).unwrap_or_default();
    text.get(..before + 8).unwrap_or(text).to_owned()
}

/// What the question repeats, in the forms that an answer could repeat it in.
fn asked(person: &Person, field: Field) -> Vec<String> {
    let (token, value) = (person.token[&field].clone(), person.value(field));
    let text = value.as_str().unwrap_or_default().to_owned();
    let begin = beginning(&text, &token);
    let mut all = vec![text.clone(), text.replace('\n', "\\n"), token];
    if field == Field::Place {
        let north: f64 = all[2].parse().unwrap();
        all.extend([format!("{:.9}", north - 1e-7), format!("{:.9}", north + 1e-7)]);
    }
    // As it is asked for with LIKE.
    if !matches!(field, Field::Born | Field::Place | Field::Income) {
        all.push(format!("{begin}%"));
    }
    all.retain(|form| form.len() > 3);
    all
}

/// What it is called, its method, and the address for an id.
type Way = (&'static str, &'static str, Box<dyn Fn(&str) -> String>);

struct Pair<'a> {
    stand: &'a Stand,
    who: &'a Principal,
    /// Which part of the questions is his, where they are dealt out.
    turn: usize,
    /// One who is there, and one who is not.
    two: [&'a Person; 2],
}

impl Pair<'_> {
    /// Asks about both; `what` says how, and gives the path or the body.
    fn ask(
        &self,
        about: &str,
        field: Field,
        forms: &[Vec<String>; 2],
        question: &dyn Fn(&Person) -> (String, String, Option<String>),
    ) {
        let answers = self.two.map(|person| {
            let (method, path, body) = question(person);
            let headers = [("if-match", "*")];
            let sent: Sent<'_> = body.as_ref().map(|text| ("application/json", text.as_bytes()));
            // The asked value may be repeated; he who is not there is in no net.
            let own = [Find {
                person: self.two[0].index,
                field,
            }];
            self.stand.ask(self.who, &method, &path, &headers, sent, &own)
        });
        let both = [
            (&answers[0], forms[0].as_slice()),
            (&answers[1], forms[1].as_slice()),
        ];
        self.stand.alike(self.who, about, both);
    }

    fn get(&self, about: &str, field: Field, path: &dyn Fn(&Person) -> String) {
        let forms = self.two.map(|person| asked(person, field));
        self.ask(about, field, &forms, &|person| ("GET".into(), path(person), None));
    }

    /// By a field of the one that is there, which may not be seen.
    fn by_field(&self, field: Field, thorough: bool) {
        let name = field.name();
        let count = if thorough {
            conditions(self.two[0], field).len()
        } else {
            1
        };
        for at in 0..count {
            if at > 0 && !self.stand.whole && !(at + self.turn).is_multiple_of(4) {
                continue;
            }
            let filter = |person: &Person| encode(&conditions(person, field)[at]);
            let about = format!("filter={}", conditions(self.two[0], field)[at]);
            self.get(&about, field, &|person| {
                format!("{PERSONS}?count=1&limit=3&filter={}", filter(person))
            });
            if thorough && at == 0 {
                self.get(&format!("export, {about}"), field, &|person| {
                    format!("{PERSONS}/export?format=jsonl&filter={}", filter(person))
                });
                self.get(&format!("the past, {about}"), field, &|person| {
                    format!(
                        "{PERSONS}?count=1&limit=3&as_of=2099-01-01T00:00:00Z&filter={}",
                        filter(person)
                    )
                });
                self.get(&format!("OGC, {about}"), field, &|person| {
                    format!("{ITEMS}?limit=3&filter={}", filter(person))
                });
            }
        }
        if field == Field::Place {
            self.get("bbox", field, &|person| {
                let north: f64 = person.token[&field].parse().unwrap();
                format!(
                    "{ITEMS}?limit=3&bbox=119.4,{:.9},119.6,{:.9}",
                    north - 1e-7,
                    north + 1e-7
                )
            });
        } else {
            self.get(&format!("OGC {name}=…"), field, &|person| {
                let value = person.value(field);
                let text = value.as_str().map_or(value.to_string(), str::to_owned);
                format!("{ITEMS}?limit=3&{name}={}", encode(&text))
            });
            if thorough {
                self.get("CQL2 JSON", field, &|person| {
                    let value = match field {
                        Field::Born => json!({ "date": person.token[&field] }),
                        _ => person.value(field),
                    };
                    let filter = json!({ "op": "=", "args": [{ "property": name }, value] });
                    let filter = encode(&filter.to_string());
                    format!("{ITEMS}?limit=3&filter-lang=cql2-json&filter={filter}")
                });
            }
        }
        self.get(&format!("q={name}"), field, &|person| {
            format!("{PERSONS}?count=1&limit=3&q={}", encode(&person.token[&field]))
        });
        // By writing: a guess that is right is refused as one that is wrong.
        let forms = self.two.map(|person| asked(person, field));
        let one = format!("{PERSONS}/{}", self.two[0].id);
        self.ask(&format!("a guess of {name}"), field, &forms, &|person| {
            let body = json!({ "fields": { name: person.value(field) } });
            ("PATCH".into(), one.clone(), Some(body.to_string()))
        });
    }

    /// By the id of a record that may not be seen.
    fn by_id(&self) {
        let forms = self.two.map(|person| vec![person.id.clone()]);
        let (one, nothing) = (|id: &str| format!("{PERSONS}/{id}"), json!({ "fields": {} }));
        let ways: [Way; 9] = [
            ("view", "GET", Box::new(one)),
            (
                "a past view",
                "GET",
                Box::new(move |id| format!("{}?as_of=2099-01-01T00:00:00Z", one(id))),
            ),
            (
                "history",
                "GET",
                Box::new(move |id| format!("{}/history", one(id))),
            ),
            ("update", "PATCH", Box::new(one)),
            ("delete", "DELETE", Box::new(one)),
            (
                "transition",
                "POST",
                Box::new(move |id| format!("{}/transitions/close", one(id))),
            ),
            ("an OGC item", "GET", Box::new(|id| format!("{ITEMS}/{id}"))),
            (
                "a filter by id",
                "GET",
                Box::new(|id| format!("{PERSONS}?count=1&filter={}", encode(&format!("id = '{id}'")))),
            ),
            (
                "a file of a record",
                "GET",
                Box::new(|id| format!("/v1/files/{}?record=canary.person/{id}", "0".repeat(64))),
            ),
        ];
        for (about, method, path) in &ways {
            self.ask(about, Field::Register, &forms, &|person| {
                let body = matches!(*method, "PATCH" | "POST").then(|| nothing.to_string());
                ((*method).to_owned(), path(&person.id), body)
            });
        }
        // Tags open nothing.
        let tagged = self.two.map(|person| {
            let headers = [("if-none-match", "*")];
            self.stand
                .ask(self.who, "GET", &one(&person.id), &headers, None, &[])
        });
        let both = [
            (&tagged[0], forms[0].as_slice()),
            (&tagged[1], forms[1].as_slice()),
        ];
        self.stand.alike(self.who, "a tag", both);
        // To point to: by id, and by the key, which is a number that may not be seen.
        self.ask("a reference", Field::Register, &forms, &|person| {
            let body = json!({ "fields": { "title": "关于", "person": person.id } });
            (
                "POST".into(),
                "/v1/records/canary/notice".into(),
                Some(body.to_string()),
            )
        });
    }

    /// By what must be unique. Of a record that is whole and may be made, see [`taken`].
    fn by_key(&self) {
        let forms = self.two.map(|person| asked(person, Field::Number));
        self.ask("a record that is not whole", Field::Number, &forms, &|person| {
            let number = &person.token[&Field::Number];
            let body =
                json!({ "fields": { "code": "P99997", "number": number, "name": "乙", "unit": "U1" } });
            ("POST".into(), PERSONS.into(), Some(body.to_string()))
        });
        self.ask("a reference by key", Field::Number, &forms, &|person| {
            let body = json!({ "fields": { "title": "关于", "person": person.token[&Field::Number] } });
            (
                "POST".into(),
                "/v1/records/canary/notice".into(),
                Some(body.to_string()),
            )
        });
    }
}

/// Whether a list has them in this order when it is sorted by the field.
fn before(stand: &Stand, who: &Principal, field: Field, sign: &str, a: &Person, b: &Person) -> Option<bool> {
    let filter = encode(&format!("code IN ('{}', '{}')", a.code, b.code));
    let path = format!("{PERSONS}?filter={filter}&sortby={sign}{}", field.name());
    let answer: Answer = stand.get(who, &path);
    let page = answer.json();
    let items = page["items"].as_array()?;
    (items.len() == 2).then(|| items[0]["id"] == a.id.as_str())
}

/// The order of a list tells nothing of what it is sorted by: whichever of two is greater, they come in the same order.
fn orders(stand: &Stand, who: &Principal, rows: &[&Person], field: Field) {
    let key = |person: &Person| {
        let number = person.token[&field].parse::<f64>().ok();
        (
            number.map(|number| number.to_bits()),
            person.token[&field].clone(),
        )
    };
    let pair = |rising: bool| rows.windows(2).find(|two| (key(two[0]) < key(two[1])) == rising);
    // Days of birth rise with the persons: there is no other pair.
    let (Some(up), Some(down)) = (pair(true), pair(false)) else {
        return;
    };
    for sign in ["", "-"] {
        stand
            .figures
            .compared
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let first = before(stand, who, field, sign, up[0], up[1]);
        let other = before(stand, who, field, sign, down[0], down[1]);
        if first != other {
            stand.fault(|| {
                let name = field.name();
                format!("{} sees by the order which {name} is greater", who.name)
            });
        }
    }
}

/// All questions of one principal about `there`, and somebody who is not.
pub fn questions(stand: &Stand, who: &Principal, turn: usize, there: &Person, not: &Person) {
    let lists = stand.get(who, &format!("{PERSONS}?limit=1")).status == 200;
    let pair = Pair {
        stand,
        who,
        turn,
        two: [there, not],
    };
    let seen = |person: &Person| OF_PERSON.iter().any(|field| (who.sees)(person, *field));
    for field in OF_PERSON {
        if !(who.sees)(there, field) {
            pair.by_field(field, lists);
        }
    }
    if !seen(there) {
        pair.by_id();
    }
    if !(who.sees)(there, Field::Number) {
        pair.by_key();
    }
    if lists {
        for field in OF_PERSON {
            let rows: Vec<&Person> = stand
                .persons
                .iter()
                .filter(|person| !person.deleted && seen(person) && !(who.sees)(person, field))
                .take(12)
                .collect();
            orders(stand, who, &rows, field);
        }
    }
}

/// The one question that must have an answer: who may make records learns that a number is taken. He does not learn by whom: the
/// refusal is the same whoever has it, and changes nothing. Each try is in the audit log, and what is not refused is made.
pub fn taken(stand: &Stand, intake: &Principal, holders: [&Person; 2]) {
    let fields = |number: &str, code: &str| json!({ "fields": { "code": code, "name": "乙", "number": number, "unit": "U1", "region": "350102", "line": "health" } });
    let forms = holders.map(|person| asked(person, Field::Number));
    let own = holders.map(|person| Find {
        person: person.index,
        field: Field::Number,
    });
    let answers = holders.map(|person| {
        let body = fields(&person.token[&Field::Number], "P99996");
        stand.send(intake, "POST", PERSONS, &body, &own)
    });
    for (answer, holder) in answers.iter().zip(holders) {
        if answer.status != 422 || answer.text().contains(&holder.id) {
            stand.fault(|| format!("a number that is taken: {answer:?}"));
        }
    }
    stand.alike(
        intake,
        "whose a number is",
        [
            (&answers[0], forms[0].as_slice()),
            (&answers[1], forms[1].as_slice()),
        ],
    );
    // What is unique and not sealed: the database's own log must not hold it either (`remains`).
    let remarks = holders.map(|person| Find {
        person: person.index,
        field: Field::Remark,
    });
    let free = super::persons::person(&mut super::persons::Dice(11), stand.persons.len() + 500);
    let mut body = fields(&free.token[&Field::Number], "P99996");
    body["fields"]["remark"] = holders[0].value(Field::Remark);
    let answer = stand.send(intake, "POST", PERSONS, &body, &remarks);
    if answer.status != 422 {
        stand.fault(|| format!("a remark that is taken: {answer:?}"));
    }
    // By a table, tried or in earnest: a record that he may not see is not changed by its key.
    let sheet = holders.iter().enumerate().fold(
        "code,name,number,unit,region,line\n".to_owned(),
        |sheet, (at, person)| {
            let number = &person.token[&Field::Number];
            sheet + format!("P9999{at},丙,{number},U1,350102,health\n").as_str()
        },
    );
    for query in [
        "dry_run=true",
        "dry_run=true&mode=upsert",
        "mode=upsert",
        "mode=create",
    ] {
        let run = stand.import(intake, &format!("{PERSONS}/imports?{query}"), &sheet, &own);
        let done = (&run["created"], &run["updated"], &run["failed"]);
        if done != (&json!(0), &json!(0), &json!(2)) {
            stand.fault(|| format!("a table of others' numbers, {query}: {run}"));
        }
        let messages = run["first_errors"].as_array().cloned().unwrap_or_default();
        let messages: Vec<&Json> = messages.iter().map(|one| &one["message"]).collect();
        if messages.len() != 2 || messages[0] != messages[1] {
            stand.fault(|| format!("the errors differ by holder, {query}: {run}"));
        }
    }
}
