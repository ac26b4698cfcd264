//! Who comes in without a key, from another site, or through somebody else's cache.

use super::Stand;
use super::stand::SECRETS;
use crate::support::root;

/// What answers those who have not signed in, and why. A new one must be written here.
const OPEN: &[(&str, &str)] = &[
    ("audit.checkpoint", "anybody may hold us to the log"),
    ("audit.consistency", "hashes only"),
    ("audit.cosigned", "hashes and signatures only"),
    ("audit.inclusion", "hashes only"),
    ("audit.key", "the public key"),
    ("audit.tile", "hashes only"),
    ("audit.witness", "C2SP tlog-witness: the log's signature counts"),
    ("audit.witness_key", "the public key"),
    ("citizen.sign_up", "how citizens come to an account"),
    (
        "destruction.counts",
        "how much was destroyed is published, without whose",
    ),
    ("oauth.metadata", "RFC 8414"),
    ("oauth.token", "how machines sign in"),
    ("ogc.api", "what is public"),
    ("ogc.collection", "policy decides by collection"),
    ("ogc.collections", "those that policy lets the public list"),
    ("ogc.conformance", "classes of the standard"),
    ("ogc.item", "policy decides by collection"),
    ("ogc.items", "policy decides by collection"),
    ("ogc.landing", "links"),
    ("ogc.queryables", "policy decides by collection"),
    ("ogc.root", "links"),
    ("ogc.schema", "policy decides by collection"),
    ("ogc.sortables", "policy decides by collection"),
    ("session.create", "how people sign in"),
    ("session.oidc_callback", "how people sign in"),
    ("session.oidc_start", "how people sign in"),
    ("session.passkey", "how people sign in"),
    ("session.passkey_start", "how people sign in"),
    ("session.second", "how people sign in"),
    ("session.ways", "how people sign in"),
];

pub fn without_sign_in(stand: &Stand) {
    let mut open = Vec::new();
    for operation in stand.bed.platform.door.operations() {
        if operation.open {
            open.push(operation.name);
        }
        let path = stand.place(operation);
        let method = operation.method.as_str();
        let body = (method != "GET").then_some(("application/json", b"{}".as_slice()));
        let version = ("if-match", "\"1\"");
        // A record's own operations take public types: these are asked for one that is not.
        let by_policy = operation.name.starts_with("record.") || operation.name.starts_with("ogc.");
        let stale = [("cookie", "banyan_session=x"), ("x-banyan", "1"), version];
        for (who, headers) in [
            ("", &[version][..]),
            ("garbage", &[version][..]),
            ("", &stale[..]),
        ] {
            let answer = stand.call(who, method, &path, headers, body);
            let case = format!("{} {path} as {who:?} {headers:?}", operation.name);
            stand.tells_nothing(&case, &answer);
            let refused = matches!(answer.status, 401) || by_policy && matches!(answer.status, 403 | 404);
            stand.expect(operation.open || refused, || format!("{case}: {answer:?}"));
            let personal = by_policy && path.contains("person");
            stand.expect(!personal || answer.status >= 400, || {
                format!("{case}: {answer:?}")
            });
        }
    }
    open.sort_unstable();
    let meant: Vec<&str> = OPEN.iter().map(|(name, _)| *name).collect();
    stand.expect(open == meant, || {
        format!("open are {open:?}, meant are {meant:?}")
    });
    // What is no operation.
    for path in [
        "/",
        "/desk/",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/ogc/collections",
        "/robots.txt",
        "/.env",
        "/.git/config",
    ] {
        let answer = stand.get("", path);
        stand.tells_nothing(path, &answer);
        let text = answer.text();
        for word in [
            "boss",
            "people.person",
            "people.visit",
            &stand.ids.person,
            &stand.ids.boss,
        ] {
            stand.expect(!text.contains(word), || format!("{path} names {word}"));
        }
    }
    // The fixture is what it is taken for: the public sees the counter, the clerk the person.
    let counter = stand.get("", "/v1/records/people/counter");
    stand.expect(counter.text().contains("一号窗口"), || format!("{counter:?}"));
    let person = stand
        .get(
            "clerk",
            &format!("/v1/records/people/person/{}", stand.ids.person),
        )
        .text();
    stand.expect(SECRETS[..4].iter().all(|secret| person.contains(secret)), || {
        person.clone()
    });
}

pub fn other_sites(stand: &Stand) {
    for operation in stand.bed.platform.door.operations() {
        let path = stand.place(operation);
        let asked = [
            ("origin", "https://evil.example"),
            ("access-control-request-method", operation.method.as_str()),
            ("access-control-request-headers", "authorization, content-type"),
        ];
        for method in ["OPTIONS", "GET", "HEAD"] {
            for origin in ["https://evil.example", "null"] {
                let headers = [("origin", origin), asked[1], asked[2]];
                let answer = stand.call("boss", method, &path, &headers, None);
                let told = answer
                    .headers
                    .iter()
                    .find(|(name, _)| name.starts_with("access-control-"));
                stand.expect(told.is_none(), || format!("{method} {path}: {told:?}"));
                stand.expect(method != "OPTIONS" || answer.status >= 400, || {
                    format!("{method} {path}: {answer:?}")
                });
            }
        }
    }
    // And no page of ours may be framed by another or send forms there.
    let policy = stand.get("", "/").header("content-security-policy");
    stand.expect(
        policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
        || policy.clone(),
    );
}

pub fn caches(stand: &Stand) {
    let kept = |answer: &str| answer.contains("no-store") || answer.contains("private");
    for operation in stand.bed.platform.door.operations() {
        let path = stand.place(operation);
        for who in ["clerk", "boss", "nobody"] {
            if operation.method.as_str() != "GET" {
                continue;
            }
            let answer = stand.get(who, &path);
            let told = answer.header("cache-control");
            stand.expect(kept(&told), || format!("{path} as {who}: Cache-Control: {told}"));
        }
    }
    for path in [
        "/openapi.json",
        "/v1/records/people/person/export?format=xlsx",
        "/v1/records/people/person/export?format=jsonl",
    ] {
        let told = stand.get("clerk", path).header("cache-control");
        stand.expect(kept(&told), || format!("{path}: Cache-Control: {told}"));
    }
    // A tag that one reader was given opens nothing to another.
    let one = format!("/v1/records/people/person/{}", stand.ids.person);
    let tag = stand.get("clerk", &one).header("etag");
    stand.expect(!tag.is_empty(), || "a record has no ETag".into());
    for who in ["reader", "nobody", ""] {
        for tag in [tag.as_str(), "*"] {
            let answer = stand.call(who, "GET", &one, &[("if-none-match", tag)], None);
            stand.expect(matches!(answer.status, 401 | 403 | 404), || {
                format!("{who} with {tag}: {answer:?}")
            });
            stand.expect(answer.header("etag").is_empty(), || {
                format!("{who} is given a tag")
            });
        }
    }
    let file = format!("/v1/files/{}", stand.ids.file);
    for who in ["reader", "nobody", ""] {
        let answer = stand.call(
            who,
            "GET",
            &file,
            &[("if-none-match", "*"), ("range", "bytes=0-9")],
            None,
        );
        stand.expect(matches!(answer.status, 401 | 403 | 404), || {
            format!("{who}'s file: {answer:?}")
        });
    }
    // The desk's own files are everybody's: nothing of a reader is in them.
    stand.expect(root().join("web/index.html").exists(), || "no desk".into());
}
