//! A server killed again and again under a write load, on both databases: what it acknowledged is there, once.
//!
//! The server is this very test binary, started anew in another mode ([`child`]) and killed with SIGKILL at moments drawn
//! by chance. Each start moves its clock ahead by more than a job's lease, so that what the dead one held is free again.

mod approval;
mod audit;
mod load;
mod process;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use banyan::config::Config;
use banyan::platform::Platform;
use banyan_base::{Clock, Problem, SystemClock, World};
use banyan_door::Input;
use banyan_store::testing::TestDb;
use banyan_store::{Db, Options, feed};
use jiff::{SignedDuration, Timestamp};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

use crate::support::{Bed, beds, files};

const KILLS: usize = 100;
const WRITERS: usize = 6;
const DATABASE: &str = "BANYAN_KILL_DATABASE";
const FOLDER: &str = "BANYAN_KILL_FOLDER";
const AHEAD: &str = "BANYAN_KILL_AHEAD_SECONDS";
const SEED: &str = "BANYAN_KILL_SEED";
const ANSWER: &str = "kill-child-listens ";
/// More than a job's lease.
const STEP: u64 = 130;

const PACKAGE: &str =
    "id = \"kill\"\ntitle = { zh = \"断电\" }\nword = \"data\"\nowner = \"省数字办\"\nversion = \"1.0.0\"\n";
const ITEM: &str = r#"
title = { zh = "物品" }
label = "code"
[fields.code]
type = "text"
title = { zh = "编号" }
required = true
search = true
[fields.number]
type = "integer"
title = { zh = "数" }
required = true
[lifecycle]
initial = "open"
[lifecycle.states.open]
title = { zh = "开" }
[lifecycle.states.done]
title = { zh = "结" }
[lifecycle.transitions.finish]
title = { zh = "办结" }
from = ["open"]
to = "done"
"#;
const ECHO: &str = r#"
title = { zh = "回声" }
label = "item"
[fields.item]
type = "text"
title = { zh = "物品" }
required = true
[fields.what]
type = "text"
title = { zh = "何事" }
required = true
"#;
const ROW: &str = r#"
title = { zh = "行" }
label = "code"
[fields.code]
type = "text"
title = { zh = "编号" }
required = true
[fields.number]
type = "integer"
title = { zh = "数" }
required = true
"#;
const TRIGGERS: &str = r#"
[triggers.made]
title = { zh = "新建" }
on = { event = "kill.item.created" }
do = { create = "echo", with = { item = "record.id", what = '"made"' } }
[triggers.done]
title = { zh = "办结" }
on = { event = "kill.item.finish" }
do = { create = "echo", with = { item = "record.id", what = '"done"' } }
[triggers.first]
title = { zh = "初改" }
on = { event = "kill.item.updated" }
once = "record.id"
do = { create = "echo", with = { item = "record.id", what = '"first"' } }
"#;

/// The machine's clock, some time ahead.
#[derive(Debug)]
struct AheadClock(SignedDuration);

impl Clock for AheadClock {
    fn now(&self) -> Timestamp {
        SystemClock.now() + self.0
    }
}

/// The server that is killed: it runs only where the environment names its database.
#[test]
fn child() {
    let Ok(url) = std::env::var(DATABASE) else {
        return;
    };
    let ahead: i64 = std::env::var(AHEAD).unwrap().parse().unwrap();
    let mut config = Config::default();
    config.server.listen = "127.0.0.1:0".into();
    config.store.url = Some(url);
    config.store.folder = std::env::var(FOLDER).unwrap().into();
    let seed = u64::from_le_bytes(World::system().secret());
    let world = World::new(
        std::sync::Arc::new(AheadClock(SignedDuration::from_secs(ahead))),
        seed,
    );
    let platform = Platform::open(&config, world.clone()).unwrap();
    let db = platform.db.clone();
    std::thread::spawn(move || {
        loop {
            let seen = feed::consume::<Problem>(&db, &world.system_ctx(), "witness", 20, |tx, event| {
                let sql = "INSERT INTO kill_seen (event) VALUES (?1)";
                Ok(tx.execute(sql, &[event.id.as_str().into()]).map(|_| ())?)
            });
            if !matches!(seen, Ok(count) if count > 0) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    banyan::serve::serve(&platform, &config, &|address| println!("\n{ANSWER}{address}")).unwrap();
}

/// A server in a process of its own, killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    fn start(url: &str, folder: &Path, ahead: u64) -> Server {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::child", "--nocapture", "--test-threads", "1"])
            .env(DATABASE, url)
            .env(FOLDER, folder)
            .env(AHEAD, ahead.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (sender, receiver) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(address) = line.strip_prefix(ANSWER) {
                    let _ = sender.send(address.parse::<SocketAddr>().unwrap());
                }
            }
        });
        let Ok(address) = receiver.recv_timeout(Duration::from_secs(30)) else {
            let _ = child.kill();
            panic!("the server did not start: {:?}", child.wait());
        };
        Server { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL: nothing of it runs on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Installs the package and an administrator; gives a token.
fn prepare(bed: &Bed) -> String {
    let package = files(&[
        ("package.toml", PACKAGE),
        ("records/item.toml", ITEM),
        ("records/echo.toml", ECHO),
        ("records/row.toml", ROW),
        ("triggers.toml", TRIGGERS),
    ]);
    bed.apply(package, false).unwrap();
    let password = bed.platform.first_administrator().unwrap().unwrap();
    let given = Input::json(json!({ "login": "admin", "password": password }));
    let anonymous = bed.platform.world.ctx(banyan_base::Actor::anonymous());
    let reply = bed.call(&anonymous, "session.create", given).unwrap();
    let (_, cookie) = reply
        .headers
        .iter()
        .find(|(name, _)| name == "Set-Cookie")
        .unwrap();
    let token = cookie.split(['=', ';']).nth(1).unwrap().to_owned();
    // No key: an event seen twice must be seen to be.
    bed.platform
        .db
        .write::<_, Problem>(|tx| Ok(tx.batch("CREATE TABLE kill_seen (event TEXT NOT NULL)")?))
        .unwrap();
    token
}

#[test]
fn nothing_acknowledged_is_lost_or_doubled_by_kill_9() {
    let seed = std::env::var(SEED).map_or_else(
        |_| u64::from_le_bytes(World::system().secret()),
        |text| text.parse().unwrap(),
    );
    println!("seed {seed} ({SEED} repeats it)");
    for bed in beds() {
        one_database(bed, seed);
    }
}

fn one_database(bed: Bed, seed: u64) {
    let token = prepare(&bed);
    let Bed { platform, test } = bed;
    let TestDb {
        name, url, folder, ..
    } = &test;
    // What was open here would keep SQLite from recovering its log as after a power cut.
    platform.db.close();
    drop(platform);
    let mut random = StdRng::seed_from_u64(seed);
    let load = load::Load::start(&token, seed, WRITERS);
    let began = Instant::now();
    let (mut slowest, mut starting) = (Duration::ZERO, Duration::ZERO);
    for kill in 0..KILLS {
        let start = Instant::now();
        let server = Server::start(url, folder, kill as u64 * STEP);
        starting += start.elapsed();
        slowest = slowest.max(start.elapsed());
        load.meet(Some(server.address));
        // Mostly short, now and then long enough for what takes longer.
        let longest = if random.random_range(0..10) == 0 { 600 } else { 150 };
        std::thread::sleep(Duration::from_millis(random.random_range(10..longest)));
        drop(server);
        load.meet(None);
    }
    let killing = began.elapsed();
    let server = Server::start(url, folder, KILLS as u64 * STEP);
    load.meet(Some(server.address));
    let ledger = load.finish();
    ledger.replay(server.address, &token);
    audit::drain(server.address, &token);
    drop(server);
    let db = Db::open(url, &Options::default()).unwrap();
    let found = audit::audit(&db, &ledger);
    db.close();
    println!(
        "{name}: {KILLS} kills in {:.1} s (start-up {:.0} ms on average, {:.0} ms at most)\n{name}: {found}",
        killing.as_secs_f64(),
        starting.as_secs_f64() * 1000.0 / KILLS as f64,
        slowest.as_secs_f64() * 1000.0,
    );
    assert!(found.faults.is_empty(), "{name}: {:#?}", found.faults);
    assert!(found.acknowledged > KILLS, "{name}: hardly any load");
}
