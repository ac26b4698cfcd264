//! A running platform, entered by HTTP.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use banyan_door::{Body, Input, Method};
use banyan_registry::Registry;
use jiff::civil::DateTime;
use serde_json::{Value as Json, json};
use ureq::http::{Request, Response};

use super::entrance::{Answer, Entrance, Fault};

/// The account that checks what happened.
const CHECKER: &str = "admin";

/// Accounts are looked up to hand tasks over; their operations stand behind a database, which is not here.
const ACCOUNTS: (&str, (Method, &str)) = ("account.list", (Method::Get, "/v1/accounts"));

/// A platform at an address.
pub struct Remote {
    agent: ureq::Agent,
    base: String,
    /// The method and path of each operation that steps call.
    operations: BTreeMap<&'static str, (Method, &'static str)>,
    passwords: BTreeMap<String, String>,
    tokens: BTreeMap<String, String>,
    login: Option<String>,
    purpose: Option<String>,
    begun_at: Option<String>,
}

impl Remote {
    /// `passwords` by login; the administrator's is needed, for the checks.
    pub fn new(url: &str, passwords: BTreeMap<String, String>) -> Result<Remote, Fault> {
        if !url.starts_with("http://") {
            return Err(Fault::wrong(format!(
                "{url}:地址应以 http:// 开头(https 请在平台本机上运行)"
            )));
        }
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .new_agent();
        // The same table of operations as the server's, for methods and paths; no engine stands behind it here.
        let mut rows = banyan_registry::operations(&Registry::new(Arc::new(|_, _| {})));
        rows.extend(banyan_process::operations(&banyan_process::Engine::new()));
        let rows = rows.into_iter().map(|row| (row.name, (row.method, row.path)));
        let mut remote = Remote {
            agent,
            base: url.trim_end_matches('/').to_owned(),
            operations: rows.chain([ACCOUNTS]).collect(),
            passwords,
            tokens: BTreeMap::new(),
            login: None,
            purpose: None,
            begun_at: None,
        };
        remote.token(CHECKER)?;
        Ok(remote)
    }

    /// A new scenario begins.
    pub fn begin(&mut self) -> Result<(), Fault> {
        self.sign_out();
        let before = self.begun_at.clone();
        self.begun_at = super::last_event(self, before)?;
        Ok(())
    }

    fn token(&mut self, login: &str) -> Result<String, Fault> {
        if let Some(token) = self.tokens.get(login) {
            return Ok(token.clone());
        }
        let Some(password) = self.passwords.get(login) else {
            let known: Vec<&str> = self.passwords.keys().map(String::as_str).collect();
            let how = if login == CHECKER {
                ";请用 --admin-password 或环境变量 BANYAN_ADMIN_PASSWORD 给出"
            } else {
                ""
            };
            return Err(Fault::wrong(format!(
                "不知道账号“{login}”的密码{how};知道的是 {}",
                known.join("、")
            )));
        };
        let body = json!({ "login": login, "password": password });
        let (response, text) = self.send("POST", "/v1/session", None, &Input::json(body))?;
        let cookie = response
            .headers()
            .get("set-cookie")
            .and_then(|cookie| cookie.to_str().ok());
        let prefix = format!("{}=", banyan_identity::SESSION_COOKIE);
        let token = cookie
            .and_then(|cookie| cookie.strip_prefix(prefix.as_str()))
            .and_then(|rest| rest.split(';').next());
        let Some(token) = token else {
            return Err(Fault::wrong(format!(
                "账号“{login}”没有登录成功:{} {text}",
                response.status()
            )));
        };
        self.tokens.insert(login.to_owned(), token.to_owned());
        Ok(token.to_owned())
    }

    fn send(
        &self,
        method: &str,
        target: &str,
        token: Option<&str>,
        input: &Input,
    ) -> Result<(Response<()>, String), Fault> {
        let failed = |error: &dyn std::fmt::Display| Fault::wrong(format!("{}{target}:{error}", self.base));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(tag) = &input.if_match {
            request = request.header("if-match", tag);
        }
        let response = match &input.body {
            Body::Json(body) => {
                let request = request
                    .header("content-type", "application/json")
                    .body(body.to_string())
                    .map_err(|error| failed(&error))?;
                self.agent.run(request)
            }
            _ => {
                let request = request.body(()).map_err(|error| failed(&error))?;
                self.agent.run(request)
            }
        };
        let (parts, mut body) = response.map_err(|error| failed(&error))?.into_parts();
        let text = body.read_to_string().map_err(|error| failed(&error))?;
        Ok((Response::from_parts(parts, ()), text))
    }

    fn enter(&mut self, login: Option<&str>, operation: &str, input: &Input) -> Result<Answer, Fault> {
        let token = login.map(|login| self.token(login)).transpose()?;
        let (method, path) = self
            .operations
            .get(operation)
            .ok_or_else(|| Fault::wrong(format!("没有名为 {operation} 的操作")))?;
        let mut target = (*path).to_owned();
        for (name, value) in &input.path {
            target = target.replace(&format!("{{{name}}}"), &encode(value));
        }
        let query = input
            .query
            .iter()
            .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let query: Vec<String> = query.collect();
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let (response, text) = self.send(method.as_str(), &target, token.as_deref(), input)?;
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("");
        let status = response.status().as_u16();
        if kind.starts_with("application/json") || kind.starts_with("application/problem+json") {
            let body: Json = serde_json::from_str(&text)
                .map_err(|error| Fault::wrong(format!("{target} 的回答不是 JSON:{error}")))?;
            return Ok(Answer {
                status,
                body,
                text: String::new(),
            });
        }
        Ok(Answer {
            status,
            body: Json::Null,
            text,
        })
    }
}

/// Percent-encodes all but unreserved characters (RFC 3986).
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl Entrance for Remote {
    fn sign_in(&mut self, login: &str) -> Result<(), Fault> {
        self.token(login)?;
        self.login = Some(login.to_owned());
        self.purpose = None;
        Ok(())
    }

    fn purpose(&mut self, name: &str) {
        self.purpose = Some(name.to_owned());
    }

    fn sign_out(&mut self) {
        self.login = None;
        self.purpose = None;
    }

    fn call(&mut self, operation: &str, mut input: Input) -> Result<Answer, Fault> {
        let login = self.login.clone();
        if let Some(purpose) = &self.purpose {
            input.query.push(("banyan-purpose".into(), purpose.clone()));
        }
        self.enter(login.as_deref(), operation, &input)
    }

    fn look(&mut self, operation: &str, input: Input) -> Result<Answer, Fault> {
        self.enter(Some(CHECKER), operation, &input)
    }

    fn set_clock(&mut self, _to: DateTime) -> Result<(), Fault> {
        Err(Fault::wrong("正在运行的平台用自己的时钟,不能拨动"))
    }

    fn pass_days(&mut self, _days: u32) -> Result<(), Fault> {
        Err(Fault::wrong("正在运行的平台用自己的时钟,不能拨动"))
    }

    fn begun_at(&self) -> Option<String> {
        self.begun_at.clone()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(3)
    }
}
