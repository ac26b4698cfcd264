//! What the crawl left behind: logs, the audit log, the feed, metrics, a backup, the files of the database.

use std::path::{Path, PathBuf};

use banyan::config::Config;
use banyan::keep;

use super::persons::{Net, SEALED};
use super::stand::Stand;

pub fn files_under(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Bytes that were looked through.
#[derive(Default)]
pub struct Searched {
    pub files: u64,
    pub bytes: u64,
}

fn look(stand: &Stand, net: &Net, place: &str, bytes: &[u8], searched: &mut Searched) {
    searched.files += 1;
    searched.bytes += bytes.len() as u64;
    let finds = net.finds(bytes);
    if let Some(find) = finds.first() {
        let (name, code) = (find.field.name(), &stand.persons[find.person].code);
        stand
            .figures
            .leaks
            .fetch_add(finds.len() as u64, std::sync::atomic::Ordering::Relaxed);
        stand.fault(|| {
            let at = stand.persons[find.person].token[&find.field].as_bytes();
            let start = bytes.windows(at.len()).position(|part| part == at).unwrap_or(0);
            let around = &bytes[start.saturating_sub(120)..(start + 60).min(bytes.len())];
            let around = String::from_utf8_lossy(around).into_owned();
            format!(
                "{place} holds {} values, the {name} of {code} first: {around}",
                finds.len()
            )
        });
    }
}

fn one(stand: &Stand, sql: &str) -> String {
    stand.bed.platform.db.query(sql, &[]).unwrap()[0]
        .get::<String>(0)
        .unwrap()
}

/// Looks through everything; `log` is what the server logged.
pub fn remains(stand: &Stand, log: &[u8]) -> Searched {
    let mut searched = Searched::default();
    let bed = &stand.bed;
    assert!(
        String::from_utf8_lossy(log).contains("record.list"),
        "nothing was logged"
    );
    look(stand, &stand.net, "the server's log", log, &mut searched);
    // The audit log whole, and what is kept beside the records about them.
    crate::audit::entries(bed);
    let mut files = Vec::new();
    files_under(&bed.test.folder.join("audit"), &mut files);
    files_under(&bed.test.folder.join("keys"), &mut files);
    assert!(files.len() > 5, "{files:?}");
    for path in &files {
        let Ok(bytes) = std::fs::read(path) else { continue };
        let place = path.display().to_string();
        look(stand, &stand.net, &place, &bytes, &mut searched);
    }
    let metrics = bed.platform.door.metrics();
    metrics.look(&bed.platform.db).unwrap();
    look(
        stand,
        &stand.net,
        "/metrics",
        metrics.text().as_bytes(),
        &mut searched,
    );
    for (table, columns) in [
        ("feed", "CAST(data AS TEXT)"),
        ("idempotency", "request_hash || reply"),
        ("import_run", "file_name || coalesce(message, '')"),
    ] {
        let Ok(rows) = bed
            .platform
            .db
            .query(&format!("SELECT {columns} FROM {table}"), &[])
        else {
            stand.fault(|| format!("{table} can't be read"));
            continue;
        };
        let lines: Vec<String> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        let all = lines.join("\n");
        look(stand, &stand.net, table, all.as_bytes(), &mut searched);
    }
    // What is sealed stands in the clear nowhere.
    let sealed = Net::over(&stand.persons, Some(&SEALED));
    on_disk(stand, &sealed, &mut searched);
    searched
}

/// The database, its log, a backup, and what lies beside it.
pub fn on_disk(stand: &Stand, net: &Net, searched: &mut Searched) {
    let bed = &stand.bed;
    let mut files = Vec::new();
    if bed.name() == "sqlite" {
        let mut config = Config::default();
        config.store.folder = bed.test.folder.clone();
        let target = bed.test.folder.join(format!("copy-{}", searched.files));
        keep::backup(&bed.platform.db, &config, &target).unwrap();
    } else {
        bed.platform
            .db
            .write::<(), banyan_store::Error>(|tx| tx.batch("CHECKPOINT"))
            .unwrap();
        let data = PathBuf::from(one(stand, "SHOW data_directory"));
        let oid = one(
            stand,
            "SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()",
        );
        files_under(&data.join("base").join(oid), &mut files);
        files_under(&data.join("pg_wal"), &mut files);
        // As scripts/postgres.sh lays it down: of refused rows it holds the error, and not the values.
        if let Ok(bytes) = std::fs::read(data.with_file_name("log")) {
            assert!(String::from_utf8_lossy(&bytes).contains("duplicate key"));
            look(stand, &stand.net, "PostgreSQL's log", &bytes, searched);
        }
    }
    files_under(&bed.test.folder, &mut files);
    assert!(files.len() > 10, "{files:?}");
    for path in files {
        // Files of the server come and go.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        look(stand, net, &path.display().to_string(), &bytes, searched);
    }
}
