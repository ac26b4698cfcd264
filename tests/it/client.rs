//! Somebody at a server's HTTP face, and packages as texts.

use std::net::SocketAddr;

use banyan_store::testing::schema_lines;
use serde_json::{Value as Json, json};

use crate::support::Bed;

/// Somebody at a server's HTTP face.
pub struct Client {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

impl Client {
    pub fn anonymous(address: SocketAddr) -> Client {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        Client {
            agent: config.build().new_agent(),
            base: format!("http://{address}"),
            token: None,
        }
    }

    /// The first administrator, signed in.
    pub fn administrator(bed: &Bed, address: SocketAddr) -> Client {
        let password = bed.platform.first_administrator().unwrap().unwrap();
        let mut client = Client::anonymous(address);
        client.sign_in("admin", &password);
        client
    }

    /// Signs in by password; it comes with its session's token from now on.
    pub fn sign_in(&mut self, login: &str, password: &str) {
        let body = json!({ "login": login, "password": password }).to_string();
        let request = ureq::http::Request::post(format!("{}/v1/session", self.base));
        let request = request
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let response = self.agent.run(request).unwrap();
        let cookie = response.headers().get("set-cookie").unwrap().to_str().unwrap();
        let token = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
        self.token = Some(token.to_owned());
    }

    /// Somebody with a token.
    pub fn with_token(address: SocketAddr, token: &str) -> Client {
        Client {
            token: Some(token.to_owned()),
            ..Client::anonymous(address)
        }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Status and body; `Null` where the body is no JSON.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Json>,
    ) -> (u16, Json) {
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut response = response.unwrap();
        let text = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_to_string()
            .unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or_default(),
        )
    }

    /// A body that is no JSON; status and what came back.
    pub fn upload(&self, path: &str, headers: &[(&str, &str)], data: &[u8]) -> (u16, Vec<u8>) {
        let method = if data.is_empty() { "GET" } else { "POST" };
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = self.agent.run(request.body(data.to_vec()).unwrap()).unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_vec().unwrap(),
        )
    }

    /// What is there; fails where nothing is.
    pub fn get(&self, path: &str) -> Json {
        let (status, body) = self.send("GET", path, &[], None);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    pub fn post(&self, path: &str, body: &Json) -> (u16, Json) {
        self.send("POST", path, &[], Some(body))
    }

    /// A record made of fields.
    pub fn create(&self, of: &str, fields: Json) -> Json {
        let (package, name) = of.split_once('.').unwrap();
        let path = format!("/v1/records/{package}/{name}");
        let (status, body) = self.post(&path, &json!({ "fields": fields }));
        assert_eq!(status, 201, "{body}");
        body
    }

    pub fn packages(&self, verb: &str, packages: &[&Texts], allow_loss: bool) -> (u16, Json) {
        let packages: Vec<Json> = packages.iter().map(|texts| json!(texts)).collect();
        let body = json!({ "packages": packages, "allow_loss": allow_loss });
        self.post(&format!("/v1/packages/{verb}"), &body)
    }

    pub fn apply(&self, package: &Texts) -> Json {
        let (status, body) = self.packages("apply", &[package], false);
        assert_eq!(status, 200, "{body:#}");
        body["items"][0].clone()
    }
}

/// A package: path → text.
pub type Texts = std::collections::BTreeMap<String, String>;

pub fn texts(list: &[(&str, &str)]) -> Texts {
    list.iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
        .collect()
}

/// The package with texts of one of its files replaced.
pub fn replaced(package: &Texts, file: &str, pairs: &[(&str, &str)]) -> Texts {
    let mut package = package.clone();
    let text = package.get_mut(file).unwrap();
    for (from, to) in pairs {
        assert!(text.contains(from), "{file} has no {from}");
        *text = text.replace(from, to);
    }
    package
}

/// Everything a refused change must leave as it was: the schema, the packages, every row of every table of records.
pub fn standing(bed: &Bed) -> String {
    let db = &bed.platform.db;
    let schema = schema_lines(db).unwrap();
    let mut tables: Vec<String> = schema
        .iter()
        .filter_map(|line| line.split_once('.'))
        .map(|(table, _)| table.to_owned())
        .collect();
    tables.dedup();
    let kept = [
        "package",
        "package_history",
        "package_source",
        "catalog_generation",
        "record_count",
    ];
    let mut all = schema.clone();
    for table in tables
        .iter()
        .filter(|table| kept.contains(&table.as_str()) || table.starts_with("r_") && !table.contains("__fts"))
    {
        let columns = schema
            .iter()
            .filter_map(|line| line.strip_prefix(&format!("{table}.")));
        let columns: Vec<&str> = columns.filter(|column| *column != "_fts").collect();
        let order: Vec<String> = (1..=columns.len()).map(|column| column.to_string()).collect();
        let sql = format!(
            "SELECT {} FROM {table} ORDER BY {}",
            columns.join(", "),
            order.join(", ")
        );
        let rows = db.read(|tx| tx.query(&sql, &[])).unwrap();
        all.extend(rows.iter().map(|row| format!("{table} {row:?}")));
    }
    all.join("\n")
}
