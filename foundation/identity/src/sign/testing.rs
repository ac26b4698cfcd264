//! What the tests stand on: accounts and their door over one database, with a clock that is moved.

use std::net::IpAddr;
use std::sync::Arc;

use banyan_base::{Ctx, ManualClock, Problem, World};
use banyan_door::{Authenticator, Caller, Capacity, Credential, Door, Input, Reply};
use banyan_store::testing::TestDb;
use serde_json::{Value, json};

use crate::sign::{Accounts, DEVICE_COOKIE, SESSION_COOKIE, Settings, SignedIn};
use crate::{CedarPolicy, MIGRATIONS};

pub(crate) struct Bed {
    pub(crate) test: TestDb,
    pub(crate) world: World,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) door: Door,
}

/// A browser: what it is called, where it is, its cookies.
#[derive(Clone, Default)]
pub(crate) struct Browser {
    pub(crate) agent: &'static str,
    pub(crate) address: Option<IpAddr>,
    pub(crate) session: Option<String>,
    pub(crate) device: Option<String>,
    /// In what capacity it says that it acts.
    pub(crate) capacity: Capacity,
}

impl Bed {
    pub(crate) fn over(test: TestDb, set: impl FnOnce(&mut Settings)) -> Bed {
        let world = World::new(
            Arc::new(ManualClock::new("2022-03-01T00:00:00Z".parse().unwrap())),
            5,
        );
        test.db
            .migrate(&[&banyan_store::MIGRATIONS, &banyan_door::MIGRATIONS, &MIGRATIONS])
            .unwrap();
        let mut settings = Settings::new(&test.folder);
        set(&mut settings);
        let accounts = Arc::new(Accounts::new(test.db.clone(), world.clone(), settings).unwrap());
        let door = Door::new(
            test.db.clone(),
            world.clone(),
            Arc::new(CedarPolicy::default()),
            Arc::new(banyan_door::LogAudit),
            banyan_door::Metrics::new().unwrap(),
            crate::operations(&accounts),
        )
        .unwrap();
        Bed {
            test,
            world,
            accounts,
            door,
        }
    }

    /// An account made by the platform itself; gives its id.
    pub(crate) fn account(&self, login: &str, password: &str, roles: &[&str]) -> String {
        let body = json!({ "login": login, "name": login, "roles": roles, "password": password });
        let made = self
            .door
            .call(&self.world.system_ctx(), "account.create", Input::json(body))
            .unwrap();
        text(made.as_json().unwrap(), "id")
    }

    /// Calls as a browser does: its session is looked up, its cookies are kept.
    pub(crate) fn act(
        &self,
        browser: &mut Browser,
        operation: &str,
        path: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, Problem> {
        let row = self.door.operation(operation).unwrap();
        let credential = browser
            .session
            .clone()
            .map_or(Credential::None, Credential::Session);
        let actor = match self.accounts.actor(&credential, &browser.capacity) {
            Err(refusal) if row.open && refusal.code == banyan_base::codes::UNAUTHENTICATED => {
                banyan_base::Actor::anonymous()
            }
            other => other?,
        };
        let mut input = body.map_or_else(Input::default, Input::json);
        for (name, value) in path {
            input = input.with_path(name, *value);
        }
        input.base_url = "http://localhost:8080".into();
        input.caller = Caller {
            address: browser.address,
            agent: browser.agent.into(),
            cookies: browser
                .device
                .iter()
                .map(|device| (DEVICE_COOKIE.to_owned(), device.clone()))
                .collect(),
            basic: None,
        };
        let reply = self.door.call(&self.world.ctx(actor), operation, input)?;
        browser.keep(&reply);
        Ok(reply.as_json().cloned().unwrap_or_default())
    }

    pub(crate) fn sign_in(
        &self,
        browser: &mut Browser,
        login: &str,
        password: &str,
    ) -> Result<Value, Problem> {
        let body = json!({ "login": login, "password": password });
        self.act(browser, "session.create", &[], Some(body))
    }

    /// The feed's events as text, and their last words in order.
    pub(crate) fn feed(&self) -> (String, Vec<String>) {
        let db = &self.test.db;
        let all = || {
            let rows = db.query("SELECT count(*) FROM feed", &[]).unwrap();
            usize::try_from(rows[0].get::<i64>(0).unwrap()).unwrap()
        };
        let start = banyan_store::feed::Position::START;
        let read = || {
            db.read(|tx| banyan_store::feed::read(tx, start, "", 1000))
                .unwrap()
        };
        // On PostgreSQL events show when all transactions of the cluster that began before have ended.
        let mut events = read();
        for _ in 0..1_000 {
            if events.len() == all() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(30));
            events = read();
        }
        let verbs = events
            .iter()
            .map(|event| event.kind.rsplit('.').next().unwrap().to_owned());
        let verbs = verbs.collect();
        (serde_json::to_string(&events).unwrap(), verbs)
    }
}

impl Browser {
    pub(crate) fn named(agent: &'static str) -> Browser {
        Browser {
            agent,
            ..Browser::default()
        }
    }

    fn keep(&mut self, reply: &Reply) {
        for (name, value) in &reply.headers {
            let Some((cookie, rest)) = value.split_once('=').filter(|_| name == "Set-Cookie") else {
                continue;
            };
            assert!(rest.contains("HttpOnly; SameSite=Lax; Path=/"), "{value}");
            let value = rest.split(';').next().unwrap().to_owned();
            let value = Some(value).filter(|value| !value.is_empty());
            match cookie {
                SESSION_COOKIE => self.session = value,
                DEVICE_COOKIE => self.device = value,
                other => panic!("an unknown cookie {other}"),
            }
        }
    }
}

pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap().to_owned()
}

/// Signs in without a browser; gives the session's token.
pub(crate) fn signed(accounts: &Accounts, cx: &Ctx, login: &str, password: &str) -> Result<String, Problem> {
    match accounts.sign_in(cx, &Caller::default(), login, password)? {
        SignedIn::Session { opened, .. } => Ok(opened.token),
        SignedIn::Next { step, .. } => panic!("{step} is asked"),
    }
}
