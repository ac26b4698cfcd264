//! SQL in every place that takes a text, with a table that says whether any of it ran.

use std::time::{Duration, Instant};

use banyan_base::Problem;

use super::stand::{Answer, Stand};

const MARK: &str = "哨兵表未动";
/// What SQL injection is tried with: ends of texts and identifiers, second statements, unions, waits, both dialects' own.
const TRIED: &[&str] = &[
    "' OR '1'='1",
    "x'; DROP TABLE sentinel; --",
    "x'); DELETE FROM sentinel; --",
    "1; UPDATE sentinel SET mark = 'x'",
    "name\"; DROP TABLE sentinel; --",
    "name = 'x' UNION SELECT mark, mark FROM sentinel",
    "0 UNION ALL SELECT mark FROM sentinel --",
    "(SELECT mark FROM sentinel)",
    "name,(SELECT mark FROM sentinel)",
    "+(CASE WHEN (SELECT 1)=1 THEN name ELSE phone END)",
    "1 OR pg_sleep(9) IS NULL",
    "'||(SELECT mark FROM sentinel)||'",
    "x' AND randomblob(900000000) IS NOT NULL AND 'a'='a",
    "$1; DROP TABLE sentinel",
    "?1); ATTACH DATABASE '/tmp/x' AS x; --",
    "\u{ff07} OR 1=1",
    "{\"op\":\"=\",\"args\":[{\"property\":\"name' OR '1'='1\"},\"x\"]}",
    "\\'; COPY sentinel TO PROGRAM 'id'; --",
];

/// What only the inside of the server says.
const INSIDE: &[&str] = &[
    "sqlite",
    "postgres",
    "rusqlite",
    "syntax error",
    "no such column",
    "no such table",
    "does not exist",
    "sqlstate",
    "r_people__",
    "_updated_at",
    "_created_by",
    "select ",
    "insert into",
    "where ",
    ".rs:",
    "panicked",
    "backtrace",
    "/src/",
    "stack",
    "thread '",
    "sentinel_",
];

fn marks(stand: &Stand) -> Vec<String> {
    let db = &stand.bed.platform.db;
    let rows = db.read::<_, Problem>(|tx| Ok(tx.query("SELECT mark FROM sentinel ORDER BY mark", &[])?));
    rows.unwrap()
        .iter()
        .map(|row| row.get::<String>(0).unwrap())
        .collect()
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// An error says what to do, and nothing of what is inside.
fn proper(stand: &Stand, case: &str, tried: &str, answer: &Answer) {
    stand.expect(answer.status < 500, || format!("{case}: {answer:?}"));
    if answer.status < 400 {
        return;
    }
    let kind = answer.header("content-type");
    stand.expect(
        kind.starts_with("application/problem+json") || kind.starts_with("application/json"),
        || format!("{case}: {kind}"),
    );
    // What was sent may be said back; what else stands there is ours.
    let said = answer
        .json()
        .to_string()
        .replace(
            &serde_json::json!(tried).to_string().trim_matches('"').to_owned(),
            "",
        )
        .to_lowercase();
    let folder = stand.bed.test.folder.display().to_string().to_lowercase();
    for word in INSIDE.iter().copied().chain([folder.as_str()]) {
        stand.expect(
            !said.contains(word) || tried.to_lowercase().contains(word.trim()),
            || format!("{case} says {word}: {answer:?}"),
        );
    }
}

pub fn everywhere(stand: &Stand) {
    let db = &stand.bed.platform.db;
    db.write::<(), Problem>(|tx| {
        tx.batch(&format!(
            "CREATE TABLE sentinel (mark TEXT NOT NULL); INSERT INTO sentinel VALUES ('{MARK}');"
        ))?;
        Ok(())
    })
    .unwrap();
    let schema = banyan_store::testing::schema_lines(db).unwrap();
    let ask = |case: &str,
               tried: &str,
               method: &str,
               path: &str,
               headers: &[(&str, &str)],
               body: Option<(&str, &[u8])>| {
        let began = Instant::now();
        // Persons are the clerk's, the platform is the administrator's.
        let who = if path.contains("people") { "clerk" } else { "boss" };
        let answer = stand.call(who, method, path, headers, body);
        let case = format!("{case}: {method} {path}");
        stand.expect(began.elapsed() < Duration::from_secs(4), || {
            format!("{case} took {:?}", began.elapsed())
        });
        stand.expect(!answer.whole().contains(MARK), || {
            format!("{case} tells the sentinel: {answer:?}")
        });
        proper(stand, &case, tried, &answer);
        answer
    };
    for operation in stand.bed.platform.door.operations() {
        let (method, path) = (operation.method.as_str(), stand.place(operation));
        // Ends of sessions are no place for SQL, and would end the attack.
        if operation.name.starts_with("session.end") || operation.name == "session.delete" {
            continue;
        }
        for tried in TRIED {
            let encoded = encode(tried);
            if method == "GET" {
                for (name, _) in operation.query {
                    ask(
                        name,
                        tried,
                        method,
                        &format!("{path}?{name}={encoded}"),
                        &[],
                        None,
                    );
                }
            }
        }
        // In the path, one part after another, and in headers: the ways in are few, so one text of each kind.
        for tried in [TRIED[0], TRIED[1], TRIED[5], TRIED[7]] {
            let encoded = encode(tried);
            for part in operation.path.split('/').filter(|part| part.starts_with('{')) {
                let filled: Vec<String> = operation
                    .path
                    .split('/')
                    .zip(path.split('/'))
                    .map(|(name, value)| {
                        if name == part {
                            encoded.clone()
                        } else {
                            value.to_owned()
                        }
                    })
                    .collect();
                let body =
                    (method != "GET" && method != "DELETE").then_some(("application/json", b"{}".as_slice()));
                ask(
                    "path",
                    tried,
                    method,
                    &filled.join("/"),
                    &[("if-match", "\"1\"")],
                    body,
                );
            }
            for header in [
                "if-match",
                "if-none-match",
                "idempotency-key",
                "accept-language",
                "x-file-name",
                "user-agent",
                "x-forwarded-for",
                "accept",
                "cookie",
            ] {
                let body = (method == "POST" && operation.name.starts_with("record.create"))
                    .then_some(("application/json", b"{\"fields\":{}}".as_slice()));
                if method == "GET" || body.is_some() {
                    ask(header, tried, method, &path, &[(header, tried)], body);
                }
            }
        }
    }
    // In bodies: as a value it is kept as it is, as a name of a field it is refused.
    for tried in TRIED {
        let value = serde_json::json!({ "fields": { "name": tried } }).to_string();
        let made = ask(
            "value",
            tried,
            "POST",
            "/v1/records/people/counter",
            &[],
            Some(("application/json", value.as_bytes())),
        );
        stand.expect(
            made.status == 201 && made.json()["fields"]["name"] == tried.trim(),
            || format!("{tried}: {made:?}"),
        );
        let name = serde_json::json!({ "fields": { "name": "x", *tried: "x" } }).to_string();
        let refused = ask(
            "name",
            tried,
            "POST",
            "/v1/records/people/counter",
            &[],
            Some(("application/json", name.as_bytes())),
        );
        stand.expect(refused.status == 422, || format!("{tried}: {refused:?}"));
        let login = serde_json::json!({ "login": tried, "password": tried }).to_string();
        let refused = stand.call(
            "",
            "POST",
            "/v1/session",
            &[],
            Some(("application/json", login.as_bytes())),
        );
        proper(stand, "login", tried, &refused);
        stand.expect(matches!(refused.status, 401 | 422 | 429), || {
            format!("{tried}: {refused:?}")
        });
    }
    stand.expect(marks(stand) == [MARK], || {
        format!("the sentinel is {:?}", marks(stand))
    });
    let after = banyan_store::testing::schema_lines(db).unwrap();
    stand.expect(after == schema, || "the schema changed".into());
}
