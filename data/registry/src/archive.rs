//! A package taken out whole: its files and those of its overlays, every record with its history, every stored file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::ops::ControlFlow;

use banyan_base::{Problem, codes};
use banyan_package::model::FieldKind;
use banyan_store::{Blobs, Db, Row, Tx};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::Registry;
use crate::catalog::{Catalog, TypeInfo};
use crate::export::{cells, csv_table, names};
use crate::layers;
use crate::record::{Record, decode, select_list};

/// How records are written. History is JSON Lines always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One record a line, with who changed it when.
    #[default]
    JsonLines,
    /// As an import takes it.
    Csv,
}

/// What was taken out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Archived {
    pub sources: u64,
    /// Type → live records and superseded versions.
    pub records: BTreeMap<String, (u64, u64)>,
    pub files: u64,
}

/// Opens a file of the archive to be written, by its path with `/`.
pub type Open<'a> = dyn FnMut(&str) -> io::Result<Box<dyn Write>> + 'a;

fn failed(error: io::Error) -> Problem {
    Problem::internal(format!("writing an archive: {error}"))
}

impl Registry {
    /// Takes a package out, as of one moment: `package/…`, `overlays/<id>/…`, `records/<type>.jsonl` (or `.csv`),
    /// `history/<type>.jsonl`, `files/<hash>`.
    ///
    /// # Errors
    /// Where there is no such package, or something can't be written.
    pub fn archive(
        &self,
        db: &Db,
        blobs: &Blobs,
        id: &str,
        format: Format,
        open: &mut Open<'_>,
    ) -> Result<Archived, Problem> {
        db.read(|tx| {
            let catalog = self.catalog(tx)?;
            if !catalog.packages.contains_key(id) {
                let text = format!("没有安装名为 {id} 的包。");
                return Err(Problem::new(codes::NOT_FOUND, text));
            }
            let mut archived = Archived {
                sources: sources(tx, id, open)?,
                ..Archived::default()
            };
            let mut hashes = BTreeSet::new();
            for info in types(&catalog, id) {
                let live = live(tx, info, format, open, &mut hashes)?;
                let superseded = superseded(tx, info, open, &mut hashes)?;
                archived.records.insert(info.short.clone(), (live, superseded));
            }
            for hash in hashes {
                if let Some(mut content) = blobs.get(&hash)? {
                    let mut out = open(&format!("files/{hash}")).map_err(failed)?;
                    io::copy(&mut content, &mut out).map_err(failed)?;
                    archived.files += 1;
                }
            }
            Ok(archived)
        })
    }
}

fn types<'c>(catalog: &'c Catalog, id: &'c str) -> impl Iterator<Item = &'c TypeInfo> {
    let all = catalog.types.values().map(|info| &**info);
    all.filter(move |info| info.package == id)
}

/// The files as they were applied.
fn sources(tx: &mut Tx<'_>, id: &str, open: &mut Open<'_>) -> Result<u64, Problem> {
    let mut count = 0;
    for source in layers::stored(tx, id)? {
        let place = match &source.overlays {
            None => "package".to_owned(),
            Some(_) => format!("overlays/{}", source.id),
        };
        for file in source.files {
            let mut out = open(&format!("{place}/{}", file.path)).map_err(failed)?;
            out.write_all(&file.bytes)
                .and_then(|()| out.flush())
                .map_err(failed)?;
            count += 1;
        }
    }
    Ok(count)
}

/// Hashes of the stored files that a record holds.
fn held(info: &TypeInfo, record: &Record, hashes: &mut BTreeSet<String>) {
    let files = info
        .columns
        .iter()
        .filter(|column| matches!(column.field.kind, FieldKind::File { .. }));
    for value in files.filter_map(|column| record.fields.get(&column.name)) {
        let all = match value {
            Json::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        let texts = all
            .into_iter()
            .filter_map(|file| file.get("hash").and_then(Json::as_str));
        hashes.extend(texts.map(str::to_owned));
    }
}

fn line(info: &TypeInfo, record: &Record) -> Map<String, Json> {
    let mut line = match record.clone().into_json(info, Map::new()) {
        Json::Object(line) => line,
        _ => Map::new(),
    };
    line.remove("labels");
    line.remove("etag");
    line.insert("verb".into(), json!(record.verb));
    line.insert("note".into(), json!(record.note));
    line
}

/// Gives each row of a table in its order.
fn each(
    tx: &mut Tx<'_>,
    sql: &str,
    mut take: impl FnMut(&Row) -> Result<(), Problem>,
) -> Result<u64, Problem> {
    let mut count = 0;
    let mut wrong = None;
    tx.stream(sql, &[], &mut |row| {
        if let Err(problem) = take(&row) {
            wrong = Some(problem);
            return Ok(ControlFlow::Break(()));
        }
        count += 1;
        Ok(ControlFlow::Continue(()))
    })?;
    wrong.map_or(Ok(count), Err)
}

fn live(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    format: Format,
    open: &mut Open<'_>,
    hashes: &mut BTreeSet<String>,
) -> Result<u64, Problem> {
    let sql = format!("SELECT {} FROM {} ORDER BY _seq", select_list(info), info.table);
    let ending = match format {
        Format::JsonLines => "jsonl",
        Format::Csv => "csv",
    };
    let mut out = open(&format!("records/{}.{ending}", info.short)).map_err(failed)?;
    let mut count = 0;
    match format {
        Format::JsonLines => {
            count = each(tx, &sql, |row| {
                let record = decode(info, row)?;
                held(info, &record, hashes);
                writeln!(out, "{}", Json::Object(line(info, &record))).map_err(failed)
            })?;
        }
        Format::Csv => csv_table(&names(info), &mut out, &mut |put| {
            count = each(tx, &sql, |row| {
                let record = decode(info, row)?;
                held(info, &record, hashes);
                put(&cells(info, &record))
            })?;
            Ok(())
        })?,
    }
    out.flush().map_err(failed)?;
    Ok(count)
}

fn superseded(
    tx: &mut Tx<'_>,
    info: &TypeInfo,
    open: &mut Open<'_>,
    hashes: &mut BTreeSet<String>,
) -> Result<u64, Problem> {
    let list = select_list(info);
    let sql = format!(
        "SELECT {list}, _superseded_at, _gone FROM {} ORDER BY _seq",
        info.history
    );
    let mut out = open(&format!("history/{}.jsonl", info.short)).map_err(failed)?;
    let count = each(tx, &sql, |row| {
        let record = decode(info, row)?;
        held(info, &record, hashes);
        let mut line = line(info, &record);
        let at = row.len() - 2;
        line.insert("superseded_at".into(), json!(row.get::<String>(at)?));
        line.insert("deleted".into(), json!(row.get::<bool>(at + 1)?));
        writeln!(out, "{}", Json::Object(line)).map_err(failed)
    })?;
    out.flush().map_err(failed)?;
    Ok(count)
}
