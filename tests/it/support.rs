//! What the tests stand on: a platform over each database, acts through its door, and a server in a thread.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use banyan::config::Config;
use banyan::platform::Platform;
use banyan_base::{Actor, Ctx, Problem, SourceFile, World};
use banyan_door::{Input, Reply, ReplyBody};
use banyan_registry::{Applied, ApplyRequest};
use banyan_store::testing::{TestDb, databases};
use serde_json::{Value as Json, json};

/// A platform with a database of its own, gone when dropped.
pub struct Bed {
    pub platform: Platform,
    pub test: TestDb,
}

/// An empty platform over each database that can be had.
pub fn beds() -> Vec<Bed> {
    beds_in(&World::system)
}

/// The same in worlds of their own: with a clock that is moved by hand, say.
pub fn beds_in(world: &dyn Fn() -> World) -> Vec<Bed> {
    let over = |test: TestDb| {
        let platform = Platform::over(test.db.clone(), world(), false, &test.folder).unwrap();
        Bed { platform, test }
    };
    databases().unwrap().into_iter().map(over).collect()
}

/// The folder that holds the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The package of tests/fixtures with this name.
pub fn fixture(name: &str) -> Vec<SourceFile> {
    banyan::folder::read(&root().join("tests/fixtures").join(name)).unwrap()
}

/// Files of a package, as they come from a folder.
pub fn files(texts: &[(&str, &str)]) -> Vec<SourceFile> {
    let file = |(path, text): &(&str, &str)| SourceFile {
        path: (*path).into(),
        bytes: text.as_bytes().to_vec(),
    };
    texts.iter().map(file).collect()
}

impl Bed {
    /// Which database this is, for messages.
    pub fn name(&self) -> &'static str {
        self.test.name
    }

    /// The platform itself as actor: everything is allowed to it.
    pub fn system(&self) -> Ctx {
        self.platform.world.system_ctx()
    }

    pub fn apply(&self, package: Vec<SourceFile>, allow_loss: bool) -> Result<Vec<Applied>, Problem> {
        let request = ApplyRequest {
            packages: vec![package],
            allow_loss,
        };
        let (registry, cx) = (self.platform.registry.clone(), self.system());
        let db = &self.platform.db;
        let applied = db.write_exclusive(move |tx| registry.apply(&cx, tx, &request))?;
        // Policy is asked before a call's transaction looks at the catalogue: the first call would meet the one before.
        db.read(|tx| self.platform.registry.catalog(tx))?;
        Ok(applied)
    }

    pub fn call(&self, cx: &Ctx, operation: &str, input: Input) -> Result<Reply, Problem> {
        self.platform.door.call(cx, operation, input)
    }

    /// The call's answer as JSON, acting as the system.
    pub fn ask(&self, operation: &str, input: Input) -> Result<Json, Problem> {
        self.call(&self.system(), operation, input).map(document)
    }

    pub fn create(&self, of: &str, fields: &Json) -> Result<Json, Problem> {
        self.ask("record.create", on(of, Input::json(json!({ "fields": fields }))))
    }

    /// Makes an account and signs it in: its id, and the token of its session.
    pub fn account(&self, login: &str, roles: &[&str]) -> (String, String) {
        let password = "correct horse battery";
        let account = json!({ "login": login, "name": login, "roles": roles, "password": password });
        let made = self.ask("account.create", Input::json(account)).unwrap();
        let given = Input::json(json!({ "login": login, "password": password }));
        let anonymous = self.platform.world.ctx(Actor::anonymous());
        let reply = self.call(&anonymous, "session.create", given).unwrap();
        let mut cookies = reply.headers.iter().filter(|(name, _)| name == "Set-Cookie");
        let token = cookies.find_map(|(_, cookie)| cookie.strip_prefix("banyan_session="));
        let token = token.unwrap().split(';').next().unwrap();
        (made["id"].as_str().unwrap().to_owned(), token.to_owned())
    }

    /// Serves on a port of its own until the process ends.
    pub fn serve(&self) -> SocketAddr {
        let mut config = Config::default();
        config.server.listen = "127.0.0.1:0".into();
        // The desk as it was built last, not as it was when this program was.
        let desk = root().join("web/dist");
        config.http.web_folder = desk.join("index.html").is_file().then_some(desk);
        let (sender, receiver) = channel();
        let served = self.platform.clone();
        std::thread::spawn(move || {
            banyan::serve::serve(&served, &config, &move |address| {
                let _ = sender.send(address);
            })
        });
        receiver.recv_timeout(Duration::from_secs(30)).unwrap()
    }
}

/// The input of an act on a type, named as `package.type`.
pub fn on(of: &str, input: Input) -> Input {
    let (package, name) = of.split_once('.').unwrap();
    input.with_path("package", package).with_path("type", name)
}

/// A reply's bytes, with their type.
pub fn body(reply: Reply) -> (String, Vec<u8>) {
    match reply.body {
        ReplyBody::Bytes { content_type, data } => (content_type, data),
        ReplyBody::Json(json) => ("application/json".into(), json.to_string().into_bytes()),
        ReplyBody::Stream { content_type, write } => {
            let mut data = Vec::new();
            write(&mut data).unwrap();
            (content_type, data)
        }
        ReplyBody::Empty => (String::new(), Vec::new()),
    }
}

pub fn document(reply: Reply) -> Json {
    serde_json::from_slice(&body(reply).1).unwrap()
}

/// Runs an outside client of tests/clients in the venv that scripts/setup-tests.sh makes; gives what it printed. Where there is
/// no venv the test is skipped aloud, but not in CI.
///
/// # Panics
/// Where the client is not content.
pub fn outside(script: &str, args: &[&str]) -> Option<String> {
    let python = root().join(".venv/bin/python");
    if !python.exists() {
        assert!(std::env::var_os("CI").is_none(), "no .venv: CI must have it");
        eprintln!("SKIPPED: no .venv; scripts/setup-tests.sh makes it");
        return None;
    }
    let run = std::process::Command::new(&python)
        .arg(root().join("tests/clients").join(script))
        .args(args)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    println!("{said}");
    assert!(
        run.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    Some(said)
}
