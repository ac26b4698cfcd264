//! Anything at all at every operation of the table: never a failure.

use std::time::Duration;

use banyan_base::World;
use banyan_door::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value as Json, json};

use super::Target;
use super::wire::encode;

/// Requests by operation.
const TRIES: usize = 60;
/// Those that would end the test's own session or account.
const LEFT_OUT: &[&str] = &["session.delete", "password.change"];
const SEED: &str = "BANYAN_HOSTILE_SEED";

const TEXTS: &[&str] = &[
    "",
    "bad",
    "thing",
    "secret",
    "name",
    "number",
    "fields",
    "place",
    "close",
    "x",
    "0",
    "-1",
    "1",
    "true",
    "null",
    "admin",
    "*",
    "%",
    "'",
    "\"",
    "\\",
    ";",
    "--",
    "../..",
    "\u{0}",
    "\u{202e}",
    "\u{fffd}",
    "𠀀",
    "name = 'x'",
    "number > 1",
    "2022-01-01",
    "9223372036854775807",
    "-9223372036854775808",
    "1e308",
    "0-0",
    "csv",
    "xlsx",
    "jsonl",
    "cql2-json",
    "bad.thing",
    "{\"op\":\"=\",\"args\":[{\"property\":\"number\"},1]}",
    "\"1\"",
    "W/\"1\"",
    "0,0,1,1",
    "../2022-01-01T00:00:00Z",
    "POINT(0 0)",
];

fn text(random: &mut StdRng, id: &str) -> String {
    match random.random_range(0..10) {
        0 => id.to_owned(),
        1 => (0..random.random_range(0..40))
            .map(|_| random.random::<char>())
            .collect(),
        2 => TEXTS[random.random_range(0..TEXTS.len())].repeat(random.random_range(1..60)),
        _ => TEXTS[random.random_range(0..TEXTS.len())].to_owned(),
    }
}

fn value(random: &mut StdRng, id: &str, depth: u32) -> Json {
    match random.random_range(0..if depth > 3 { 6 } else { 9 }) {
        0 => Json::Null,
        1 => json!(random.random::<bool>()),
        2 => json!(random.random::<i64>()),
        3 => json!(random.random_range(-3..4)),
        4 => json!(f64::from_bits(random.random())),
        5 => json!(text(random, id)),
        6 => (0..random.random_range(0..4))
            .map(|_| value(random, id, depth + 1))
            .collect(),
        _ => {
            let entries =
                (0..random.random_range(0..5)).map(|_| (text(random, id), value(random, id, depth + 1)));
            Json::Object(entries.collect())
        }
    }
}

/// A body near what the operation wants, or far from it.
fn body(random: &mut StdRng, id: &str, members: &[String]) -> Vec<u8> {
    match random.random_range(0..8) {
        0 => (0..random.random_range(0..200))
            .map(|_| random.random())
            .collect(),
        1 => {
            let mut bytes = value(random, id, 0).to_string().into_bytes();
            let at = random.random_range(0..=bytes.len());
            bytes.insert(at, random.random());
            bytes
        }
        2 => value(random, id, 0).to_string().into_bytes(),
        _ => {
            let entry = |name: &String| (name.clone(), value(random, id, 0));
            Json::Object(members.iter().map(entry).collect())
                .to_string()
                .into_bytes()
        }
    }
}

pub fn anything(target: &Target) {
    let seed = std::env::var(SEED).map_or_else(
        |_| u64::from_le_bytes(World::system().secret()),
        |text| text.parse().unwrap(),
    );
    println!("{}: seed {seed} ({SEED} repeats it)", target.name());
    let mut random = StdRng::seed_from_u64(seed);
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .new_agent();
    let (mut sent, mut done) = (0, 0);
    for operation in target.bed.platform.door.operations() {
        if LEFT_OUT.contains(&operation.name) {
            continue;
        }
        let schema = (operation.input)();
        let members = schema["properties"]
            .as_object()
            .map(|known| known.keys().cloned().collect::<Vec<_>>())
            .unwrap_or_default();
        for _ in 0..TRIES {
            let mut path = String::new();
            for part in operation.path.split('/').skip(1) {
                path.push('/');
                match part.strip_prefix('{') {
                    // Mostly what is there, so that more than the first look is tried.
                    Some("package}") if random.random_range(0..4) > 0 => path.push_str("bad"),
                    Some("type}") if random.random_range(0..4) > 0 => path.push_str("thing"),
                    Some("id}") if operation.name.starts_with("record") && random.random_range(0..2) > 0 => {
                        path.push_str(&target.id)
                    }
                    Some("collection}" | "collectionId}") if random.random_range(0..4) > 0 => {
                        path.push_str("bad.thing")
                    }
                    Some(_) => path.push_str(&encode(&text(&mut random, &target.id))),
                    None => path.push_str(part),
                }
            }
            for (index, (name, _)) in operation.query.iter().enumerate() {
                if random.random_range(0..3) == 0 {
                    let mark = if path.contains('?') { '&' } else { '?' };
                    path.push_str(&format!(
                        "{mark}{name}={}",
                        encode(&text(&mut random, &target.id))
                    ));
                }
                let _ = index;
            }
            let token = match random.random_range(0..10) {
                0 => "x",
                1..3 => &target.clerk,
                _ => &target.admin,
            };
            let mut request = ureq::http::Request::builder()
                .method(operation.method.as_str())
                .uri(format!("http://{}{path}", target.address))
                .header("authorization", format!("Bearer {token}"));
            if random.random_range(0..2) == 0 {
                let tag = ["*", "\"1\"", "W/\"1\"", "\"", "1", ","][random.random_range(0..6)];
                request = request.header("if-match", tag);
            }
            if random.random_range(0..5) == 0 {
                request = request.header("idempotency-key", format!("k{}", random.random_range(0..3)));
            }
            let bytes = body(&mut random, &target.id, &members);
            let answer = if matches!(operation.method, Method::Get | Method::Delete) {
                agent.run(request.body(()).unwrap())
            } else {
                let kinds = [
                    "application/json",
                    "application/json",
                    "application/json",
                    "text/csv",
                    "application/octet-stream",
                ];
                let request = request.header("content-type", kinds[random.random_range(0..kinds.len())]);
                agent.run(request.body(&bytes[..]).unwrap())
            };
            let told = format!(
                "{} seed {seed} {} {path} {}",
                target.name(),
                operation.name,
                String::from_utf8_lossy(&bytes)
            );
            let mut answer = answer.unwrap_or_else(|error| panic!("{error}: {told}"));
            let status = answer.status().as_u16();
            let text = answer.body_mut().read_to_vec().unwrap_or_default();
            assert!(status < 500, "{status} {} {told}", String::from_utf8_lossy(&text));
            if status >= 400 {
                // What OAuth 2.0 itself refuses has the form that its clients know (RFC 6749, 5.2).
                let oauth =
                    operation.name == "oauth.token" && text.windows(8).any(|part| part == b"\"error\":");
                let kind = if oauth {
                    "application/json"
                } else {
                    "application/problem+json"
                };
                assert_eq!(answer.headers()["content-type"], kind, "{told}");
            }
            sent += 1;
            done += usize::from(status < 400);
        }
    }
    println!(
        "{}: {sent} requests of chance, {done} of them done, none failed",
        target.name()
    );
    assert!(sent > 1_000 && done > 20);
}
