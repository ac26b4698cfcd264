//! A running server with persons in it, and readers with more and less rights.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::sync::LazyLock;

use banyan_door::Operation;
use serde_json::{Value as Json, json};

use crate::support::{Bed, beds, fixture};

/// Personal values that can be found again wherever they leak.
pub const NAME: &str = "欧阳哨兵甲";
pub const NUMBER: &str = "350102199003074419";
pub const PHONE: &str = "13950417417";
pub const ADDRESS: &str = "哨兵路四一七号";
pub const ABOUT: &str = "哨兵来访事由";
pub const PAPER: &str = "%PDF-1.7 sentinel paper 417";
pub const SECRETS: [&str; 6] = [NAME, NUMBER, PHONE, ADDRESS, ABOUT, PAPER];

/// The ids of what there is.
#[derive(Default)]
pub struct Ids {
    pub person: String,
    pub visit: String,
    pub counter: String,
    pub file: String,
    pub boss: String,
    pub clerk: String,
    pub service: String,
    pub session: String,
    pub token: String,
    pub import: String,
    pub filter: String,
}

pub struct Stand {
    pub bed: Bed,
    pub address: SocketAddr,
    pub ids: Ids,
    tokens: Vec<(&'static str, String)>,
    faults: RefCell<Vec<String>>,
    pub asked: Cell<u32>,
}

pub struct Answer {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> String {
        let all = self.headers.iter().filter(|(known, _)| known == name);
        all.map(|(_, value)| value.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Body and headers: all in which something could leak.
    pub fn whole(&self) -> String {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"));
        headers.collect::<String>() + self.text().as_str()
    }

    /// What it says, without what differs each time.
    pub fn said(&self) -> (u16, Json) {
        let mut body = self.json();
        if let Some(object) = body.as_object_mut() {
            object.remove("trace");
        }
        (self.status, body)
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = self.text().chars().take(400).collect();
        write!(f, "{} {text}", self.status)
    }
}

static AGENT: LazyLock<ureq::Agent> = LazyLock::new(|| {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    config
        .max_redirects(0)
        .max_idle_connections(0)
        .build()
        .new_agent()
});

impl Stand {
    fn over(bed: Bed) -> Stand {
        bed.apply(fixture("people"), false).unwrap();
        let mut tokens = vec![("", String::new()), ("garbage", "x".into())];
        let mut ids = Ids::default();
        for (who, roles) in [
            ("boss", &["admin"] as &[&str]),
            ("clerk", &["people.clerk"]),
            ("reader", &["people.reader"]),
            ("nobody", &[]),
        ] {
            let (id, token) = bed.account(who, roles);
            match who {
                "boss" => ids.boss = id,
                "clerk" => ids.clerk = id,
                _ => {}
            }
            tokens.push((who, token));
        }
        let address = bed.serve();
        let mut stand = Stand {
            bed,
            address,
            ids,
            tokens,
            faults: RefCell::default(),
            asked: Cell::default(),
        };
        stand.fill();
        stand
    }

    fn fill(&mut self) {
        let id = |answer: &Answer| {
            let made = answer.json();
            let id = [&made["id"], &made["account"]["id"], &made["client_id"]];
            let id = id.iter().find_map(|id| id.as_str());
            id.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
        };
        let post = |who: &str, path: &str, body: Json| self.send(who, "POST", path, Some(&body));
        let sent = self.call(
            "clerk",
            "POST",
            "/v1/files",
            &[("x-file-name", "a.pdf")],
            Some(("application/pdf", PAPER.as_bytes())),
        );
        let file = sent.json()["hash"].as_str().unwrap().to_owned();
        let paper =
            json!({ "hash": file, "name": "a.pdf", "size": PAPER.len(), "content_type": "application/pdf" });
        let person = json!({ "fields": {
            "name": NAME, "number": NUMBER, "phone": PHONE, "address": ADDRESS, "born": "1990-03-07", "owner": "u1", "party": "p1",
            "place": { "type": "Point", "coordinates": [119.417, 26.417] }, "paper": paper,
        } });
        let person = id(&post("clerk", "/v1/records/people/person", person));
        let visit = json!({ "fields": { "person": person, "about": ABOUT } });
        let visit = id(&post("clerk", "/v1/records/people/visit", visit));
        let counter = json!({ "fields": { "name": "一号窗口" } });
        let counter = id(&post("clerk", "/v1/records/people/counter", counter));
        let token = json!({ "name": "t", "scopes": ["read"], "days": 1 });
        let token = id(&post("clerk", "/v1/tokens", token));
        let service = json!({ "login": "meter", "name": "表" });
        let service = id(&post("boss", "/v1/services", service));
        let filter =
            json!({ "name": "x", "type": "people.person", "query": format!("filter=name='{NAME}'") });
        let filter = id(&post("clerk", "/v1/saved-filters", filter));
        let sheet = format!("name,number\n{NAME},{NUMBER}\n");
        let import = id(&self.call(
            "clerk",
            "POST",
            "/v1/records/people/person/imports?dry_run=1",
            &[],
            Some(("text/csv", sheet.as_bytes())),
        ));
        let sessions = self.send("clerk", "GET", "/v1/sessions", None).json();
        let session = sessions["items"][0]["id"].as_str().unwrap_or_default().to_owned();
        assert!(!session.is_empty(), "{sessions}");
        let known = std::mem::take(&mut self.ids);
        self.ids = Ids {
            person,
            visit,
            counter,
            file,
            service,
            session,
            token,
            import,
            filter,
            ..known
        };
    }

    pub fn token(&self, who: &str) -> &str {
        let found = self.tokens.iter().find(|(known, _)| *known == who);
        &found.unwrap_or_else(|| panic!("nobody is called {who}")).1
    }

    /// Asks as somebody: `""` has not signed in, `garbage` holds a token of nothing.
    pub fn call(
        &self,
        who: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, &[u8])>,
    ) -> Answer {
        self.asked.set(self.asked.get() + 1);
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        let token = self.token(who);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if who == "clerk" {
            request = request.header("banyan-purpose", "people.handling");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some((kind, bytes)) => AGENT.run(request.header("content-type", kind).body(bytes).unwrap()),
            None => AGENT.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let named = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        };
        Answer {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(named).collect(),
            body: response.body_mut().read_to_vec().unwrap(),
        }
    }

    /// The same with JSON.
    pub fn send(&self, who: &str, method: &str, path: &str, body: Option<&Json>) -> Answer {
        let text = body.map(Json::to_string);
        let body = text.as_ref().map(|text| ("application/json", text.as_bytes()));
        self.call(who, method, path, &[], body)
    }

    pub fn get(&self, who: &str, path: &str) -> Answer {
        self.call(who, "GET", path, &[], None)
    }

    /// The address of an operation on things that are there.
    pub fn place(&self, operation: &Operation) -> String {
        let noun = operation.name.split('.').next().unwrap_or_default();
        let ids = &self.ids;
        let id = match noun {
            "record" | "ogc" => &ids.person,
            "account" => &ids.boss,
            "service" => &ids.service,
            "session" => &ids.session,
            "token" => &ids.token,
            "import" => &ids.import,
            "saved_filter" => &ids.filter,
            _ => &ids.person,
        };
        let known = [
            ("{package}", "people"),
            ("{type}", "person"),
            ("{collection}", "people.person"),
            ("{hash}", &ids.file),
            ("{name}", "close"),
            ("{*path}", "0/000"),
            ("{id}", if noun == "package" { "people" } else { id }),
        ];
        let mut path = operation.path.to_owned();
        for (name, value) in known {
            path = path.replace(name, value);
        }
        // What is left names something that need not be there.
        let parts = path.split('/');
        let parts: Vec<&str> = parts
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        parts.join("/")
    }

    pub fn expect(&self, good: bool, told: impl FnOnce() -> String) {
        if !good {
            self.faults.borrow_mut().push(told());
        }
    }

    /// Nothing personal stands in an answer.
    pub fn tells_nothing(&self, case: &str, answer: &Answer) {
        let whole = answer.whole();
        for secret in SECRETS {
            self.expect(!whole.contains(secret), || {
                format!("{case} tells {secret}: {answer:?}")
            });
        }
    }
}

/// The least that a schema takes.
pub fn good(schema: &Json) -> Json {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("object") => {
            let names = schema["required"].as_array().into_iter().flatten();
            let names = names.filter_map(Json::as_str);
            let members = names.map(|name| (name.to_owned(), good(&schema["properties"][name])));
            Json::Object(members.collect())
        }
        Some("array") => json!([]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(false),
        _ if schema["format"] == "date" => json!("2022-03-01"),
        Some(_) => json!("some text"),
        None => json!({}),
    }
}

/// The attack on a server over each database; one wrong case hides no other.
pub fn each(attack: fn(&Stand)) {
    for bed in beds() {
        let stand = Stand::over(bed);
        attack(&stand);
        assert_eq!(stand.get("", "/readyz").status, 200, "the server lives");
        let faults = stand.faults.borrow();
        let name = stand.bed.name();
        assert!(
            faults.is_empty(),
            "{name}: {} faults\n{}",
            faults.len(),
            faults.join("\n")
        );
        println!("{name}: {} requests", stand.asked.get());
    }
}
