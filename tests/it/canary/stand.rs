//! A running server full of canaries, and questions to it whose every answer is looked through.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value as Json;

use super::cast::Principal;
use super::persons::{Find, Net, Person};
use crate::support::Bed;

/// Told in full; what is beyond is counted.
const TOLD: usize = 20_000;

#[derive(Default)]
pub struct Figures {
    pub requests: AtomicU64,
    /// Answers that were given (2xx).
    pub given: AtomicU64,
    pub bytes: AtomicU64,
    /// Values seen by those who may see them, again and again.
    pub allowed: AtomicU64,
    pub leaks: AtomicU64,
    /// Questions asked twice: for a value that is there, and one that is not.
    pub compared: AtomicU64,
}

pub struct Stand {
    pub bed: Bed,
    pub address: SocketAddr,
    pub persons: Vec<Person>,
    /// Whether everybody asks everything, or the questions are dealt out among them.
    pub whole: bool,
    pub net: Net,
    /// Ids of what there is, by the noun of its operations.
    pub ids: BTreeMap<&'static str, String>,
    /// Of visits and notices.
    pub others: Vec<(&'static str, String)>,
    pub figures: Figures,
    faults: Mutex<Vec<String>>,
    /// Which values each principal was shown.
    shown: Mutex<BTreeMap<&'static str, BTreeSet<Find>>>,
    agent: ureq::Agent,
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// `{"h":"` as a cursor spells it.
const FINGERPRINT: &str = "7b2268223a22";

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What it says about a question, so that two can be held against each other: without what differs each time, and with the
    /// asked values all called the same.
    pub fn said(&self, asked: &[String]) -> String {
        let mut text = format!("{}\n", self.status);
        for (name, value) in &self.headers {
            // The length follows the asked value's, which a refusal may repeat.
            if !matches!(name.as_str(), "date" | "content-length" | "content-disposition") {
                text += &format!("{name}: {value}\n");
            }
        }
        let mut body = self.json();
        if body.is_object() {
            for name in ["trace", "timeStamp"] {
                body.as_object_mut().unwrap().remove(name);
            }
            text += &body.to_string();
        } else {
            text += &self.text();
        }
        for one in asked {
            for form in [one.clone(), encode(one), encode(one).to_lowercase()] {
                text = text.replace(&form, "⟨asked⟩");
            }
        }
        // A cursor begins with the fingerprint of its query (`{"h":"…`), 16 digits.
        let (mut rest, mut same) = (text.as_str(), String::new());
        while let Some(at) = rest.find(FINGERPRINT) {
            let (before, after) = rest.split_at(at + FINGERPRINT.len());
            same += before;
            rest = after.get(32..).unwrap_or_default();
        }
        same + rest
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(600).collect();
        write!(f, "{} {text}", self.status)
    }
}

pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A body: its type and its bytes.
pub type Sent<'a> = Option<(&'a str, &'a [u8])>;

impl Stand {
    pub fn new(bed: Bed, address: SocketAddr, persons: Vec<Person>) -> Stand {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Stand {
            net: Net::over(&persons, None),
            bed,
            address,
            persons,
            whole: true,
            ids: BTreeMap::new(),
            others: Vec::new(),
            figures: Figures::default(),
            faults: Mutex::default(),
            shown: Mutex::default(),
            agent: config.max_redirects(0).build().new_agent(),
        }
    }

    pub fn fault(&self, told: impl FnOnce() -> String) {
        let mut faults = self.faults.lock().unwrap();
        let text = if faults.len() < TOLD {
            told()
        } else {
            String::new()
        };
        faults.push(text);
    }

    pub fn faults(&self) -> Vec<String> {
        self.faults.lock().unwrap().clone()
    }

    /// What is found by this is no fault, but what was looked for.
    pub fn aside(&self, ask: impl FnOnce()) -> Vec<String> {
        let leaks = self.figures.leaks.load(Ordering::Relaxed);
        let kept = std::mem::take(&mut *self.faults.lock().unwrap());
        ask();
        self.figures.leaks.store(leaks, Ordering::Relaxed);
        std::mem::replace(&mut *self.faults.lock().unwrap(), kept)
    }

    pub fn shown(&self, who: &Principal) -> BTreeSet<Find> {
        self.shown
            .lock()
            .unwrap()
            .get(who.name)
            .cloned()
            .unwrap_or_default()
    }

    /// Asks without looking at what comes back.
    pub fn quietly(
        &self,
        who: &Principal,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Sent<'_>,
    ) -> Answer {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        let own = who
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let response = match body {
            Some((kind, bytes)) => self
                .agent
                .run(request.header("content-type", kind).body(bytes).unwrap()),
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let named = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(named).collect(),
            body: response
                .body_mut()
                .with_config()
                .limit(1 << 30)
                .read_to_vec()
                .unwrap(),
        }
    }

    /// Asks, and looks for every canary in headers and body. `own` are the canaries that stand in the question: whoever knows them
    /// may be told them again.
    pub fn ask(
        &self,
        who: &Principal,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Sent<'_>,
        own: &[Find],
    ) -> Answer {
        let answer = self.quietly(who, method, path, headers, body);
        let case = || format!("{} {method} {path}", who.name);
        self.look(who, &answer, own, &case);
        answer
    }

    fn look(&self, who: &Principal, answer: &Answer, own: &[Find], case: &dyn Fn() -> String) {
        let add = |counter: &AtomicU64, by: usize| counter.fetch_add(by as u64, Ordering::Relaxed);
        add(&self.figures.requests, 1);
        add(&self.figures.bytes, answer.body.len());
        add(
            &self.figures.given,
            usize::from((200..300).contains(&answer.status)),
        );
        if answer.status >= 500 {
            self.fault(|| format!("{}: {answer:?}", case()));
        }
        let mut finds = self.net.deep(&answer.body);
        for (name, value) in &answer.headers {
            let inside = self.net.deep(value.as_bytes());
            add(&self.figures.bytes, name.len() + value.len());
            finds.extend(inside);
        }
        let mut allowed = BTreeSet::new();
        for find in finds.into_iter().filter(|find| !own.contains(find)) {
            let person = &self.persons[find.person];
            if (who.sees)(person, find.field) {
                allowed.insert(find);
                continue;
            }
            add(&self.figures.leaks, 1);
            self.fault(|| {
                let name = find.field.name();
                format!(
                    "{} tells the {name} of {} (unit {}, {}): {answer:?}",
                    case(),
                    person.code,
                    person.unit,
                    person.region
                )
            });
        }
        add(&self.figures.allowed, allowed.len());
        if !allowed.is_empty() {
            let mut shown = self.shown.lock().unwrap();
            shown.entry(who.name).or_default().extend(allowed);
        }
    }

    pub fn get(&self, who: &Principal, path: &str) -> Answer {
        self.ask(who, "GET", path, &[], None, &[])
    }

    pub fn send(&self, who: &Principal, method: &str, path: &str, body: &Json, own: &[Find]) -> Answer {
        let text = body.to_string();
        let headers = [("if-match", "\"1\"")];
        let body = Some(("application/json", text.as_bytes()));
        self.ask(who, method, path, &headers, body, own)
    }

    /// What the question is called where all that counts is that it succeeds.
    pub fn must(&self, who: &Principal, method: &str, path: &str, body: &Json) -> Json {
        let text = body.to_string();
        let answer = self.quietly(
            who,
            method,
            path,
            &[],
            Some(("application/json", text.as_bytes())),
        );
        assert!(answer.status < 300, "{} {method} {path}: {answer:?}", who.name);
        answer.json()
    }

    /// The same question about a value that is there and one that is not must have the same answer.
    pub fn alike(&self, who: &Principal, about: &str, answers: [(&Answer, &[String]); 2]) {
        self.figures.compared.fetch_add(1, Ordering::Relaxed);
        let [there, not] = answers.map(|(answer, asked)| answer.said(asked));
        if there != not {
            self.figures.leaks.fetch_add(1, Ordering::Relaxed);
            self.fault(|| {
                let same = there.chars().zip(not.chars()).take_while(|(a, b)| a == b);
                let from = same.count().saturating_sub(100);
                let cut = |text: &str| text.chars().skip(from).take(300).collect::<String>();
                format!(
                    "{} can tell by {about}:\n  there: {}\n  not:   {}",
                    who.name,
                    cut(&there),
                    cut(&not)
                )
            });
        }
    }

    /// Sends a table; the run, once it has ended.
    pub fn import(&self, who: &Principal, path: &str, sheet: &str, own: &[Find]) -> Json {
        let answer = self.ask(who, "POST", path, &[], Some(("text/csv", sheet.as_bytes())), own);
        assert!(answer.status < 300, "{answer:?}");
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        for _ in 0..1_200 {
            let run = self.ask(who, "GET", &format!("/v1/imports/{id}"), &[], None, own);
            if matches!(
                run.json()["state"].as_str(),
                Some("done" | "failed" | "cancelled")
            ) {
                self.ask(who, "GET", &format!("/v1/imports/{id}/errors"), &[], None, own);
                return run.json();
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("an import does not end");
    }
}
