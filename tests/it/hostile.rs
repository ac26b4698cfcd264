//! Bad input over real HTTP on both databases: each gets a clear refusal, nothing is half done, the server lives on.

mod filters;
mod imports;
mod packages;
mod random;
mod requests;
mod strangers;
pub mod wire;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use banyan::config::Config;
use banyan_base::{Actor, Problem};
use banyan_door::Input;
use serde_json::json;

use crate::support::{Bed, beds, files};
use wire::{Answer, Ask, ask};

const PACKAGE: &str = "id = \"bad\"\ntitle = { zh = \"恶意\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n[roles.clerk]\ntitle = { zh = \"经办\" }\n";
const THING: &str = r#"
title = { zh = "物件" }
label = "name"
[fields.name]
type = "text"
title = { zh = "名称" }
required = true
search = true
[fields.number]
type = "integer"
title = { zh = "数" }
[fields.rate]
type = "decimal"
title = { zh = "比率" }
[fields.code]
type = "text"
pattern = "(a+)+b"
max = 5000
title = { zh = "码" }
[fields.more]
type = "json"
title = { zh = "其他" }
[fields.paper]
type = "file"
accept = [".pdf"]
max_bytes = 1000
title = { zh = "附件" }
[fields.place]
type = "geometry"
title = { zh = "位置" }
[fields.twice]
type = "computed"
result = "integer"
feel = "number * 2"
title = { zh = "倍" }
[lifecycle]
initial = "open"
[lifecycle.states.open]
title = { zh = "开" }
[lifecycle.states.shut]
title = { zh = "关" }
[lifecycle.transitions.close]
title = { zh = "关闭" }
from = ["open"]
to = "shut"
"#;
const SECRET: &str = "title = { zh = \"内部\" }\nlabel = \"name\"\n[fields.name]\ntype = \"text\"\ntitle = { zh = \"名称\" }\n";
const POLICY: &str = "permit(principal in Role::\"bad.clerk\", action, resource in Type::\"bad.thing\");\n";

/// A running server with some records, and those who attack it.
pub struct Target {
    pub bed: Bed,
    pub address: SocketAddr,
    pub admin: String,
    pub clerk: String,
    /// A record, at version 1.
    pub id: String,
    /// What was not as it must be; one wrong case hides no other.
    faults: RefCell<Vec<String>>,
}

impl Target {
    fn over(bed: Bed) -> Target {
        let package = files(&[
            ("package.toml", PACKAGE),
            ("records/thing.toml", THING),
            ("records/secret.toml", SECRET),
            ("policy.cedar", POLICY),
        ]);
        bed.apply(package, false).unwrap();
        let mut id = String::new();
        for number in 0..20 {
            let fields = json!({ "name": format!("物件{number}"), "number": number });
            let made = bed.create("bad.thing", &fields);
            id = made.unwrap()["id"].as_str().unwrap().to_owned();
        }
        bed.create("bad.secret", &json!({ "name": "机密" })).unwrap();
        let account = |login: &str, role: &str| {
            let account = json!({ "login": login, "name": login, "roles": [role], "password": "correct horse battery" });
            bed.ask("account.create", Input::json(account)).unwrap();
            let given = Input::json(json!({ "login": login, "password": "correct horse battery" }));
            let anonymous = bed.platform.world.ctx(Actor::anonymous());
            let reply = bed.call(&anonymous, "session.create", given).unwrap();
            let (_, cookie) = reply
                .headers
                .iter()
                .find(|(name, _)| name == "Set-Cookie")
                .unwrap();
            cookie.split(['=', ';']).nth(1).unwrap().to_owned()
        };
        let (admin, clerk) = (account("boss", "admin"), account("clerk", "bad.clerk"));
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".into();
        config.http.timeout_seconds = 8;
        let (sender, receiver) = channel();
        let served = bed.platform.clone();
        std::thread::spawn(move || {
            banyan::serve::serve(&served, &config, &move |address| {
                let _ = sender.send(address);
            })
        });
        let address = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
        Target {
            bed,
            address,
            admin,
            clerk,
            id,
            faults: RefCell::default(),
        }
    }

    pub fn name(&self) -> &'static str {
        self.bed.name()
    }

    /// An attempt as the clerk, who may do everything with one type.
    pub fn clerk(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path).bearer(&self.clerk)
    }

    pub fn admin(&self, method: &str, path: &str) -> Ask {
        Ask::new(method, path).bearer(&self.admin)
    }

    pub fn send(&self, request: &Ask) -> Answer {
        ask(self.address, &request.bytes())
    }

    /// Rows of all tables that hold facts.
    pub fn counts(&self) -> Vec<i64> {
        let tables = [
            "r_bad__thing",
            "r_bad__thing__h",
            "r_bad__secret",
            "feed",
            "account",
            "package_history",
            "blob",
            "saved_filter",
            "import_run",
            "job",
            "idempotency",
        ];
        let count = |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            let row = self
                .bed
                .platform
                .db
                .read::<_, Problem>(|tx| Ok(tx.query_opt(&sql, &[])?));
            row.unwrap().unwrap().get(0).unwrap()
        };
        tables.map(count).into()
    }

    pub fn expect(&self, good: bool, told: impl FnOnce() -> String) {
        if !good {
            self.faults.borrow_mut().push(told());
        }
    }

    /// The request is refused in one of these ways, with a problem that says something; nothing changes.
    pub fn refuses(&self, case: &str, request: &Ask, statuses: &[u16]) {
        let answer = self.survives(case, request);
        self.expect(statuses.contains(&answer.status), || {
            format!("{case}: {answer:?}, not {statuses:?}")
        });
    }

    /// Where refusing and answering are both right: but never a failure, and nothing changes.
    pub fn survives(&self, case: &str, request: &Ask) -> Answer {
        let (before, began) = (self.counts(), Instant::now());
        let answer = self.send(request);
        self.expect(answer.status < 500 && answer.status >= 200, || {
            format!("{case}: {answer:?}")
        });
        self.expect(began.elapsed() < Duration::from_secs(5), || {
            format!("{case} took {:?}: {answer:?}", began.elapsed())
        });
        self.expect(answer.is_told(), || format!("{case} says nothing: {answer:?}"));
        let after = self.counts();
        self.expect(after == before, || {
            format!("{case}: {before:?} became {after:?} by {answer:?}")
        });
        answer
    }

    fn lives(&self) {
        assert_eq!(self.send(&Ask::new("GET", "/readyz")).status, 200);
    }
}

fn everywhere(attack: fn(&Target)) {
    for bed in beds() {
        let target = Target::over(bed);
        attack(&target);
        target.lives();
        let faults = target.faults.borrow();
        assert!(
            faults.is_empty(),
            "{}: {} faults\n{}",
            target.name(),
            faults.len(),
            faults.join("\n")
        );
    }
}

#[test]
fn bodies() {
    everywhere(requests::bodies);
}

#[test]
fn addresses_and_headers() {
    everywhere(requests::addresses_and_headers);
}

#[test]
fn filters() {
    everywhere(filters::filters);
}

#[test]
fn strangers() {
    everywhere(strangers::strangers);
}

#[test]
fn uploads() {
    everywhere(strangers::uploads);
}

#[test]
fn tables() {
    everywhere(imports::tables);
}

#[test]
fn bombs_in_packages() {
    everywhere(packages::bombs);
}

#[test]
fn anything_at_every_operation() {
    everywhere(random::anything);
}
