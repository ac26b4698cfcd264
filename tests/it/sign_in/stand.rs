//! A program that runs beside the tests, and a browser over HTTP.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use serde_json::Value as Json;

use crate::support::root;

/// A program of tests/clients/sign-in, ended when dropped.
pub struct Program {
    child: Child,
    input: Option<ChildStdin>,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Program {
    pub fn start(script: &str, variables: &[(&str, &str)]) -> Program {
        let folder = root().join("tests/clients/sign-in");
        assert!(
            folder.join("node_modules").is_dir(),
            "run scripts/setup-tests.sh first"
        );
        let mut child = Command::new("node")
            .arg(script)
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Program {
            input: child.stdin.take(),
            child,
            lines,
        }
    }

    pub fn line(&mut self) -> String {
        self.lines.next().expect("the program ended early").unwrap()
    }

    pub fn say(&mut self, text: &str) {
        writeln!(self.input.as_mut().unwrap(), "{text}").unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A browser over HTTP: cookies by server, redirects one by one.
#[derive(Default)]
pub struct Browser {
    pub cookies: BTreeMap<(String, String), String>,
}

pub struct Answer {
    pub status: u16,
    pub location: String,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{} {}", self.status, self.text))
    }
}

pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .build()
        .into()
}

impl Browser {
    pub fn send(&mut self, method: &str, url: &str, body: Option<&Json>) -> Answer {
        let place = url.split('/').take(3).collect::<Vec<_>>().join("/");
        let own: Vec<String> = self
            .cookies
            .iter()
            .filter(|((of, _), _)| *of == place)
            .map(|((_, name), value)| format!("{name}={value}"))
            .collect();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(url)
            .header("x-banyan", "1")
            .header("user-agent", "Test")
            .header("cookie", own.join("; "));
        let answer = match body {
            Some(body) => agent().run(
                request
                    .header("content-type", "application/json")
                    .body(body.to_string())
                    .unwrap(),
            ),
            None => agent().run(request.body(()).unwrap()),
        };
        let (parts, mut body) = answer.unwrap().into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let key = (place.clone(), name.to_owned());
            if value.is_empty() {
                self.cookies.remove(&key);
            } else {
                self.cookies.insert(key, value.to_owned());
            }
        }
        let location = parts
            .headers
            .get("location")
            .map_or("", |to| to.to_str().unwrap());
        Answer {
            status: parts.status.as_u16(),
            location: if location.starts_with('/') {
                format!("{place}{location}")
            } else {
                location.to_owned()
            },
            text: body.read_to_string().unwrap(),
        }
    }

    pub fn get(&mut self, url: &str) -> Answer {
        self.send("GET", url, None)
    }

    /// Links whoever is signed in to somebody of the provider; where that ends.
    pub fn link(&mut self, base: &str) -> String {
        let begun = self.send(
            "POST",
            &format!("{base}/v1/session/oidc/upstream/link?to=/desk/p/x"),
            None,
        );
        self.walk(begun.json()["url"].as_str().unwrap()).location
    }

    /// Follows redirects until there is none, or the desk.
    pub fn walk(&mut self, url: &str) -> Answer {
        let mut answer = self.get(url);
        for _ in 0..20 {
            if answer.location.is_empty() || answer.location.contains("/desk/") {
                break;
            }
            answer = self.get(&answer.location.clone());
        }
        answer
    }
}
