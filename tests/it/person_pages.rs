//! The portal's pages of one's own over HTTP: good without scripts, for nobody else, and walked through in a real browser.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use banyan_base::{Actor, Problem};
use banyan_door::{Authenticator, Capacity, Credential, Input, Touch};
use banyan_identity::Accounts;
use serde_json::json;

use crate::person_log::{citizen, officer, sealed, show, stage};
use crate::support::{Bed, root};

/// Lets in whom it knows by token, and besides whoever has an account.
struct Doorkeeper {
    known: BTreeMap<&'static str, Actor>,
    accounts: Arc<Accounts>,
}

impl Authenticator for Doorkeeper {
    fn actor(&self, credential: &Credential, capacity: &Capacity) -> Result<Actor, Problem> {
        match credential {
            Credential::Session(token) if self.known.contains_key(token.as_str()) => {
                Ok(self.known[token.as_str()].clone())
            }
            other => self.accounts.actor(other, capacity),
        }
    }
}

pub fn serve(bed: &Bed) -> SocketAddr {
    let auth = Arc::new(Doorkeeper {
        known: [
            ("citizen-1", citizen("party-1")),
            ("citizen-2", citizen("party-2")),
        ]
        .into(),
        accounts: Arc::clone(&bed.platform.accounts),
    });
    let settings = banyan_http::Settings {
        concurrent_calls: 8,
        timeout: Duration::from_secs(30),
        web_folder: Some(root().join("web/dist")),
        systems: Arc::new(|| Ok(Vec::new())),
        public_url: None,
        cookie: banyan_identity::SESSION_COOKIE,
        trusted_proxies: Vec::new(),
    };
    let describe = Arc::<banyan_registry::Registry>::clone(&bed.platform.registry);
    let router = banyan_http::router(&bed.platform.door, auth, describe, settings);
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap()).unwrap();
            axum::serve(listener, router).await
        })
    });
    receiver.recv_timeout(Duration::from_secs(30)).unwrap()
}

pub struct Browser {
    agent: ureq::Agent,
    base: String,
    token: &'static str,
}

impl Browser {
    pub fn new(address: SocketAddr, token: &'static str) -> Browser {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0);
        Browser {
            agent: config.build().new_agent(),
            base: format!("http://{address}"),
            token,
        }
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], form: &str) -> (u16, String) {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("accept-language", "zh-CN")
            .header("content-type", "application/x-www-form-urlencoded");
        if !self.token.is_empty() {
            request = request.header("cookie", format!("banyan_session={}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(form.to_owned()).unwrap()).unwrap();
        let location = response
            .headers()
            .get("location")
            .map(|value| value.to_str().unwrap().to_owned());
        let text = response.body_mut().read_to_string().unwrap();
        (response.status().as_u16(), location.unwrap_or(text))
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        self.send("GET", path, &[], "")
    }
}

fn fill(bed: &Bed) {
    let doctor = officer("doctor-1", "FJ011", &["health.doctor"]);
    let case = Touch::of("health.case").fields(["name", "phone"]);
    show(bed, &doctor, "record.view", &case, &["party-1"]);
    let emergency = Touch {
        emergency: Some("glass-1".into()),
        ..case.clone()
    };
    show(bed, &doctor, "record.view", &emergency, &["party-1"]);
    show(bed, &Actor::system(), "record.update", &case, &["party-1"]);
    let clerk = officer("clerk-1", "FJ010", &["health.doctor"]);
    let many: Vec<String> = (1..=40).map(|number| format!("party-{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    show(bed, &clerk, "record.export", &case, &many);
    show(bed, &citizen("party-1"), "record.view", &case, &["party-1"]);
    sealed(bed);
}

#[test]
fn the_pages_are_ones_own_and_forms_come_from_here() {
    for bed in stage() {
        fill(&bed);
        let address = serve(&bed);
        let base = format!("http://{address}");
        let mine = Browser::new(address, "citizen-1");
        let (status, page) = mine.get("/my/access");
        assert_eq!(status, 200, "{page}");
        for text in [
            "市疾控中心",
            "省卫健委",
            "系统自动处理",
            "您本人",
            "应急访问",
            "39 位其他人",
        ] {
            assert!(page.contains(text), "{text} is missing from {page}");
        }
        assert!(!page.contains("<script"));
        let (status, page) = mine.get("/my/access?unit=FJ010&lang=en");
        assert_eq!((status, page.matches("<article>").count()), (200, 1));
        assert!(page.contains("Who saw my data"));
        assert_eq!(mine.get("/my/access?from=x").0, 400);
        let (_, page) = mine.get("/my/access?unit=FJ011");
        let link = page.split("href=\"/my/access/").nth(1).unwrap();
        let entry = link.split('"').next().unwrap();
        // Nobody else's: neither the entry nor an objection to it.
        let other = Browser::new(address, "citizen-2");
        assert_eq!(other.get(&format!("/my/access/{entry}")).0, 404);
        assert!(!other.get("/my/access").1.contains("应急访问"));
        for path in [
            "/my/access",
            "/my/access.csv",
            "/my/objections",
            &format!("/my/access/{entry}"),
        ] {
            let (status, page) = Browser::new(address, "").get(path);
            assert_eq!(status, 401, "{path}");
            assert!(page.contains("请先登录") && page.contains("href=\"/desk/\""));
        }
        // A form counts from our own pages alone.
        let form = format!("entry={entry}&reason=%E4%B8%8D%E5%AF%B9%3Cb%3E%0D%0A%E8%AF%B7%E6%9F%A5");
        let elsewhere = [("origin", "http://evil.example")];
        let lying = [("origin", base.as_str()), ("sec-fetch-site", "cross-site")];
        for headers in [&[][..], &elsewhere, &lying] {
            assert_eq!(
                mine.send("POST", "/my/objections", headers, &form).0,
                403,
                "{headers:?}"
            );
        }
        let own = [("origin", base.as_str())];
        assert_eq!(other.send("POST", "/my/objections", &own, &form).0, 404);
        let empty = format!("entry={entry}&reason=");
        let (status, page) = mine.send("POST", "/my/objections", &own, &empty);
        assert_eq!(status, 422);
        assert!(page.contains("请写明异议理由") && page.contains(entry));
        let sent = mine.send("POST", "/my/objections", &own, &form);
        assert_eq!(sent, (303, "/my/objections".to_owned()));
        let (_, page) = mine.get("/my/objections");
        assert!(
            page.contains("不对&lt;b&gt;\n请查") && page.contains("待答复"),
            "{page}"
        );
        assert_eq!(mine.send("POST", "/my/objections", &own, &form).0, 409);
        let (kind, table) = (mine.get("/my/access.csv").0, mine.get("/my/access.csv").1);
        assert_eq!(kind, 200);
        assert_eq!(table.lines().count(), 6);
    }
}

#[test]
fn a_person_objects_in_a_browser_and_reads_the_answer() {
    let script = root().join("web/e2e/person-log.mjs");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
    let there = root().join("web/node_modules/playwright-core").exists()
        && root().join("web/dist/index.html").exists()
        && std::path::Path::new(&chromium).exists();
    if !there {
        assert!(
            std::env::var_os("CI").is_none(),
            "no browser or no desk: CI must have them"
        );
        eprintln!("SKIPPED: no browser or no built desk; scripts/web.sh builds it");
        return;
    }
    let bed = stage().remove(0);
    fill(&bed);
    let address = serve(&bed);
    let account = json!({
        "login": "chief", "name": "赵主任", "unit": "FJ010", "roles": ["health.doctor"],
        "password": "correct-horse-battery-1", "must_change": false,
    });
    let cx = bed.platform.world.system_ctx();
    bed.call(&cx, "account.create", Input::json(account)).unwrap();
    let sent = Input::json(json!({ "login": "chief", "password": "correct-horse-battery-1" }));
    let reply = bed.call(&cx, "session.create", sent).unwrap();
    let cookie = reply
        .headers
        .iter()
        .find(|(name, _)| name == "Set-Cookie")
        .unwrap();
    let token = cookie.1.split(['=', ';']).nth(1).unwrap();
    let run = std::process::Command::new("node")
        .arg(script)
        .args([&format!("http://{address}"), "citizen-1", token])
        .current_dir(root().join("web"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(
        run.status.success(),
        "{}\n{said}",
        String::from_utf8_lossy(&run.stdout)
    );
}
