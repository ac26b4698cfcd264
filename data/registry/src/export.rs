//! Exports: the whole answer to a query as CSV, XLSX or JSON Lines, in constant memory.

use std::io::{self, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::sync::Arc;

use banyan_base::{Problem, codes};
use banyan_door::{Outside, Reply, Touches};
use banyan_store::Db;
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use serde_json::Map;

use crate::catalog::TypeInfo;
use crate::cell;
use crate::owed::touch;
use crate::query::{Query, check, stream};
use crate::record::Record;

/// What a worksheet can hold, header included.
const MAX_SHEET_ROWS: u32 = 1_048_576;

const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

fn failed(error: &dyn std::fmt::Display) -> Problem {
    Problem::internal(format!("writing an export: {error}"))
}

/// A reply that streams what the query finds.
///
/// # Errors
/// Where the format is unknown or the query can't be understood.
pub fn export(call: &Outside<'_>, info: Arc<TypeInfo>, query: Query, format: &str) -> Result<Reply, Problem> {
    call.db.read(|tx| check(tx, &info, &query))?;
    let db = call.db.clone();
    let touches = call.touches.clone();
    let file = format!("attachment; filename=\"{}.{format}\"", info.short);
    let reply = match format {
        "csv" => Reply::stream(
            "text/csv; charset=utf-8",
            Box::new(move |out| {
                csv_table(&names(&info), out, &mut |put| {
                    rows(&db, &touches, &info, &query, put)
                })
            }),
        ),
        "jsonl" => Reply::stream(
            "application/x-ndjson",
            Box::new(move |out| json_lines(&db, &touches, &info, &query, out)),
        ),
        "xlsx" => Reply::stream(XLSX, Box::new(move |out| xlsx(&db, &touches, &info, &query, out))),
        other => {
            return Err(Problem::new(
                codes::NOT_ACCEPTABLE,
                format!("不支持导出为 {other};可用 csv、xlsx、jsonl。"),
            ));
        }
    };
    Ok(reply.with_header("Content-Disposition", file))
}

/// Column names: the id, the state, then the fields by their names, which an import knows again.
pub(crate) fn names(info: &TypeInfo) -> Vec<String> {
    let state = info.has_state().then(|| "state".to_owned());
    std::iter::once("id".to_owned())
        .chain(state)
        .chain(info.columns.iter().map(|column| column.name.clone()))
        .collect()
}

pub(crate) fn cells(info: &TypeInfo, record: &Record) -> Vec<String> {
    let state = info.has_state().then(|| record.state.clone().unwrap_or_default());
    let fields = info
        .columns
        .iter()
        .map(|column| cell::write(&column.field.kind, record.fields.get(&column.name)));
    std::iter::once(record.id.clone())
        .chain(state)
        .chain(fields)
        .collect()
}

/// Gives every row the query finds, as cells.
fn rows(
    db: &Db,
    touches: &Touches,
    info: &TypeInfo,
    query: &Query,
    put: &mut PutRow<'_>,
) -> Result<(), Problem> {
    db.read(|tx| {
        stream(tx, info, query, &mut |record| {
            touch(touches, info, [&record])?;
            put(&cells(info, &record))?;
            Ok(ControlFlow::Continue(()))
        })
    })
}

fn json_lines(
    db: &Db,
    touches: &Touches,
    info: &TypeInfo,
    query: &Query,
    out: &mut dyn Write,
) -> Result<(), Problem> {
    db.read(|tx| {
        stream(tx, info, query, &mut |record| {
            touch(touches, info, [&record])?;
            let line = format!("{}\n", record.into_json(info, Map::new()));
            out.write_all(line.as_bytes()).map_err(|e| failed(&e))?;
            Ok(ControlFlow::Continue(()))
        })
    })
}

fn xlsx(
    db: &Db,
    touches: &Touches,
    info: &TypeInfo,
    query: &Query,
    out: &mut dyn Write,
) -> Result<(), Problem> {
    let titles = std::iter::once("id".to_owned())
        .chain(info.has_state().then(|| "状态".to_owned()))
        .chain(info.columns.iter().map(|column| column.field.title.zh.clone()))
        .collect::<Vec<_>>();
    sheet(&info.declared.title.zh, &titles, out, &mut |put| {
        rows(db, touches, info, query, put)
    })
}

/// A CSV file that office software takes for UTF-8.
pub fn csv_table(
    header: &[String],
    out: &mut dyn Write,
    rows: &mut dyn FnMut(&mut PutRow<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    out.write_all("\u{feff}".as_bytes()).map_err(|e| failed(&e))?;
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(header).map_err(|e| failed(&e))?;
    rows(&mut |cells| writer.write_record(cells).map_err(|e| failed(&e)))?;
    writer.flush().map_err(|e| failed(&e))
}

/// Puts one row into a table.
pub type PutRow<'a> = dyn FnMut(&[String]) -> Result<(), Problem> + 'a;

/// A workbook of one sheet with a header; rows go to a temporary file as they come, so memory stays constant.
pub fn sheet(
    title: &str,
    header: &[String],
    out: &mut dyn Write,
    rows: &mut dyn FnMut(&mut PutRow<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut book = Workbook::new();
    let wrong = |error: XlsxError| failed(&error);
    let sheet = book.add_worksheet_with_constant_memory().map_err(wrong)?;
    // A sheet's name has at most 31 characters and none of these.
    let name: String = title
        .chars()
        .filter(|c| !"[]:*?/\\'".contains(*c))
        .take(31)
        .collect();
    sheet.set_name(&name).map_err(wrong)?;
    sheet.set_freeze_panes(1, 0).map_err(wrong)?;
    let bold = Format::new().set_bold();
    for (column, text) in (0u16..).zip(header) {
        sheet
            .write_string_with_format(0, column, text, &bold)
            .map_err(wrong)?;
    }
    let mut line = 1;
    rows(&mut |cells| {
        if line >= MAX_SHEET_ROWS {
            return Err(Problem::new(
                codes::TOO_LARGE,
                format!("超过一张工作表能容纳的 {MAX_SHEET_ROWS} 行;请加筛选条件,或导出为 CSV。"),
            ));
        }
        for (column, text) in (0u16..).zip(cells) {
            if !text.is_empty() {
                // Cells have a bound of their own; texts are kept as texts, never as formulas.
                let short: String = text.chars().take(32_767).collect();
                sheet.write_string(line, column, short).map_err(wrong)?;
            }
        }
        line += 1;
        Ok(())
    })?;
    // The archive is put together in a file without a name, then sent: the writer must be able to change threads.
    let mut file = tempfile::tempfile().map_err(|e| failed(&e))?;
    book.save_to_writer(&file).map_err(wrong)?;
    file.seek(SeekFrom::Start(0)).map_err(|e| failed(&e))?;
    io::copy(&mut file, out).map_err(|e| failed(&e))?;
    Ok(())
}
