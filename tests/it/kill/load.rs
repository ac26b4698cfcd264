//! Those who write while the server is killed, and what they were told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value as Json, json};

/// Rows of a file that is imported, and how many of them are faulty.
pub const ROWS: usize = 300;
pub const FAULTY: usize = 3;
const IMPORTS: usize = 6;

/// What a record is known to be, as its last acknowledged answer said.
#[derive(Clone, Debug)]
pub struct Item {
    pub id: String,
    pub code: String,
    pub number: i64,
    pub version: i64,
    pub state: String,
    pub deleted: bool,
}

/// A request that can be sent again.
#[derive(Clone, Debug)]
pub struct Sent {
    method: &'static str,
    path: String,
    key: String,
    if_match: Option<String>,
    body: Vec<u8>,
    content_type: &'static str,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub etag: Option<String>,
    pub body: Json,
    pub replayed: bool,
}

/// All that was acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    pub items: Vec<Item>,
    /// Codes of creates whose answer was lost and never asked for again: they may be there once, or not.
    pub open: Vec<String>,
    pub imports: Vec<(String, String)>,
    /// Acknowledged requests with their answers, to be asked again.
    answered: Vec<(Sent, Answer)>,
    pub acknowledged: usize,
    pub lost_answers: usize,
    pub replayed: usize,
    /// What was answered wrongly while running.
    pub faults: Vec<String>,
}

/// Where the server is now, for all who write.
#[derive(Default)]
struct Place {
    address: Mutex<Option<SocketAddr>>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Place {
    /// Waits for a server; patience is for one that never comes.
    fn now(&self) -> SocketAddr {
        let guard = self.address.lock().unwrap();
        let (guard, _) = self
            .changed
            .wait_timeout_while(guard, Duration::from_secs(60), |address| address.is_none())
            .unwrap();
        guard.expect("no server came back")
    }
}

pub struct Load {
    place: Arc<Place>,
    writers: Vec<std::thread::JoinHandle<Ledger>>,
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .new_agent()
}

/// Sends once. `None` where no whole answer came.
fn send(agent: &ureq::Agent, address: SocketAddr, token: &str, sent: &Sent) -> Option<Answer> {
    let mut request = ureq::http::Request::builder()
        .method(sent.method)
        .uri(format!("http://{address}{}", sent.path))
        .header("authorization", format!("Bearer {token}"))
        .header("idempotency-key", &sent.key);
    if let Some(tag) = &sent.if_match {
        request = request.header("if-match", tag);
    }
    let response = if sent.body.is_empty() {
        agent.run(request.body(()).unwrap())
    } else {
        let request = request.header("content-type", sent.content_type);
        agent.run(request.body(&sent.body[..]).unwrap())
    };
    let mut response = response.ok()?;
    let text = response.body_mut().read_to_string().ok()?;
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    Some(Answer {
        status: response.status().as_u16(),
        etag: header("etag"),
        body: serde_json::from_str(&text).unwrap_or_default(),
        replayed: header("idempotency-replayed").is_some(),
    })
}

struct Writer {
    name: String,
    token: String,
    place: Arc<Place>,
    agent: ureq::Agent,
    random: StdRng,
    ledger: Ledger,
    count: usize,
}

impl Load {
    pub fn start(token: &str, seed: u64, writers: usize) -> Load {
        let place = Arc::new(Place::default());
        let start = |number: usize| {
            let mut writer = Writer {
                name: format!("w{number}"),
                token: token.to_owned(),
                place: Arc::clone(&place),
                agent: agent(),
                random: StdRng::seed_from_u64(seed.wrapping_add(number as u64 + 1)),
                ledger: Ledger::default(),
                count: 0,
            };
            std::thread::spawn(move || {
                // The last one imports; the others write records.
                if number == writers {
                    writer.import_all();
                } else {
                    while !writer.place.stop.load(Ordering::SeqCst) {
                        writer.act();
                    }
                }
                writer.ledger
            })
        };
        Load {
            writers: (0..=writers).map(start).collect(),
            place,
        }
    }

    /// Tells the writers where the server is, or that there is none.
    pub fn meet(&self, address: Option<SocketAddr>) {
        *self.place.address.lock().unwrap() = address;
        self.place.changed.notify_all();
    }

    /// Lets everyone come to the end of what he does: a server must be running.
    pub fn finish(self) -> Ledger {
        self.place.stop.store(true, Ordering::SeqCst);
        let mut whole = Ledger::default();
        for writer in self.writers {
            let part = writer.join().unwrap();
            whole.items.extend(part.items);
            whole.open.extend(part.open);
            whole.imports.extend(part.imports);
            whole.answered.extend(part.answered);
            whole.faults.extend(part.faults);
            whole.acknowledged += part.acknowledged;
            whole.lost_answers += part.lost_answers;
            whole.replayed += part.replayed;
        }
        whole
    }
}

impl Ledger {
    /// Every kept request sent once more is answered as it was.
    pub fn replay(&self, address: SocketAddr, token: &str) {
        let agent = agent();
        for (sent, answer) in &self.answered {
            let again = send(&agent, address, token, sent).expect("the last server lives");
            let want = Answer {
                replayed: true,
                ..answer.clone()
            };
            assert_eq!(again, want, "{sent:?}");
        }
    }
}

impl Writer {
    fn request(&mut self, method: &'static str, path: &str, if_match: Option<i64>, body: &Json) -> Sent {
        self.count += 1;
        Sent {
            method,
            path: format!("/v1/records/kill/{path}"),
            key: format!("{}-{}", self.name, self.count),
            if_match: if_match.map(|version| format!("\"{version}\"")),
            body: if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            },
            content_type: "application/json",
        }
    }

    /// Sends until a whole answer comes that says yes or no; `None` where it gave up after a lost one.
    fn insist(&mut self, sent: &Sent, give_up: bool) -> Option<Answer> {
        let mut tries = 0;
        loop {
            let address = self.place.now();
            match send(&self.agent, address, &self.token, sent) {
                Some(answer) if answer.status == 503 => {}
                Some(answer) => {
                    self.ledger.acknowledged += 1;
                    self.ledger.replayed += usize::from(answer.replayed);
                    if self.random.random_range(0..40) == 0 && answer.status < 300 {
                        self.ledger.answered.push((sent.clone(), answer.clone()));
                    }
                    // Now and then the same again, as those do who did not believe it.
                    if self.random.random_range(0..10) == 0
                        && let Some(again) = send(&self.agent, address, &self.token, sent)
                    {
                        let want = Answer {
                            replayed: true,
                            ..answer.clone()
                        };
                        if answer.status < 300 && again != want && again.status != 503 {
                            self.ledger
                                .faults
                                .push(format!("{sent:?}: {answer:?}, then {again:?}"));
                        }
                    }
                    return Some(answer);
                }
                None => {
                    self.ledger.lost_answers += 1;
                    if give_up {
                        return None;
                    }
                    // A killed server's address may still stand for a moment.
                    std::thread::sleep(Duration::from_millis(2));
                }
            }
            tries += 1;
            assert!(tries < 2_000, "no answer to {sent:?}");
        }
    }

    fn act(&mut self) {
        let open: Vec<usize> = (0..self.ledger.items.len())
            .rev()
            .filter(|at| !self.ledger.items[*at].deleted)
            .take(40)
            .collect();
        let choice = self.random.random_range(0..100);
        if open.is_empty() || choice < 45 {
            return self.create();
        }
        let at = open[self.random.random_range(0..open.len())];
        let item = self.ledger.items[at].clone();
        match choice {
            45..80 => {
                let number = item.number + 1;
                let body = json!({ "fields": { "number": number } });
                let sent = self.request("PATCH", &format!("item/{}", item.id), Some(item.version), &body);
                let want = Item {
                    number,
                    version: item.version + 1,
                    ..item
                };
                self.change(at, &sent, want);
            }
            80..95 if item.state == "open" => {
                let path = format!("item/{}/transitions/finish", item.id);
                let sent = self.request("POST", &path, Some(item.version), &json!({ "fields": {} }));
                let want = Item {
                    state: "done".into(),
                    version: item.version + 1,
                    ..item
                };
                self.change(at, &sent, want);
            }
            _ => {
                let sent = self.request(
                    "DELETE",
                    &format!("item/{}", item.id),
                    Some(item.version),
                    &Json::Null,
                );
                let answer = self.insist(&sent, false).unwrap();
                if answer.status == 204 {
                    self.ledger.items[at].deleted = true;
                } else {
                    self.ledger.faults.push(format!("{sent:?}: {answer:?}"));
                }
            }
        }
    }

    fn create(&mut self) {
        let code = format!("{}-{}", self.name, self.count);
        let number = self.random.random_range(0..1_000_000);
        let body = json!({ "fields": { "code": code, "number": number } });
        let sent = self.request("POST", "item", None, &body);
        let give_up = self.random.random_range(0..4) == 0;
        let Some(answer) = self.insist(&sent, give_up) else {
            self.ledger.open.push(code);
            return;
        };
        let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
        let item = Item {
            id,
            code,
            number,
            version: 1,
            state: "open".into(),
            deleted: false,
        };
        self.expect(&sent, &answer, 201, &item);
        self.ledger.items.push(item);
    }

    fn change(&mut self, at: usize, sent: &Sent, want: Item) {
        let answer = self.insist(sent, false).unwrap();
        self.expect(sent, &answer, 200, &want);
        self.ledger.items[at] = want;
    }

    /// The answer says what it must, also where it is the kept one.
    fn expect(&mut self, sent: &Sent, answer: &Answer, status: u16, want: &Item) {
        let body = &answer.body;
        let good = answer.status == status
            && body["version"] == want.version
            && body["fields"]["code"] == json!(want.code)
            && body["fields"]["number"] == want.number
            && body["state"] == json!(want.state);
        if !good {
            self.ledger.faults.push(format!("{sent:?}: {answer:?}"));
        }
    }

    fn import_all(&mut self) {
        for number in 0..IMPORTS {
            let file = format!("f{number}");
            let mut text = String::from("编号,数\n");
            for line in 0..ROWS {
                let value = if line % (ROWS / FAULTY) == 7 {
                    "?".to_owned()
                } else {
                    line.to_string()
                };
                text.push_str(&format!("{file}-{line},{value}\n"));
            }
            let sent = Sent {
                method: "POST",
                path: "/v1/records/kill/row/imports".into(),
                key: format!("import-{number}"),
                if_match: None,
                body: text.into_bytes(),
                content_type: "text/csv",
            };
            let answer = self.insist(&sent, false).unwrap();
            if answer.status != 202 {
                self.ledger.faults.push(format!("{sent:?}: {answer:?}"));
            }
            let id = answer.body["id"].as_str().unwrap_or_default().to_owned();
            self.ledger.imports.push((file, id));
            // Spread over the kills.
            for _ in 0..40 {
                if self.place.stop.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
