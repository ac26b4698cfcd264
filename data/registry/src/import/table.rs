//! Tables as people send them: CSV and XLSX read row by row, bounded in every direction.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use calamine::{Data, DataRef, Reader, Xlsx};

use super::encoding;

/// The largest number of columns a table may have.
pub const MAX_COLUMNS: usize = 500;
/// The longest cell, in bytes.
pub const MAX_CELL: usize = 1 << 20;
/// What an XLSX file may unpack to in all: a workbook of a million rows stays well below.
pub const MAX_UNPACKED: u64 = 768 << 20;
/// Shared strings are held in memory; this bounds them.
pub const MAX_SHARED_STRINGS: u64 = 256 << 20;

/// Why a table can't be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("读取文件失败:{0}")]
    Io(#[from] std::io::Error),
    #[error("第 {line} 行不是完整的 CSV:{what}")]
    Csv { line: u64, what: String },
    #[error("第 {line} 行开始的引号没有结束,其后的内容会成为一个单元格")]
    Open { line: u64 },
    #[error("不是可读的 XLSX 文件:{0}")]
    Xlsx(String),
    #[error("XLSX 解压后超过 {} MiB,已拒绝(可能是压缩炸弹)", MAX_UNPACKED >> 20)]
    Bomb,
    #[error("工作簿里没有工作表")]
    NoSheet,
    #[error("文件是空的:第一行应为列名")]
    Empty,
    #[error("列数超过 {MAX_COLUMNS}")]
    TooWide,
    #[error("第 {line} 行有单元格超过 {MAX_CELL} 字节")]
    CellTooLong { line: u64 },
}

/// What kind of file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Xlsx,
}

impl Format {
    /// By the first bytes: XLSX is a ZIP archive.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn of(path: &Path) -> std::io::Result<Format> {
        let mut start = [0; 4];
        let count = File::open(path)?.read(&mut start)?;
        Ok(if count == 4 && start == *b"PK\x03\x04" {
            Format::Xlsx
        } else {
            Format::Csv
        })
    }
}

/// One row as sent. `number` is the line people see in their editor or sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    pub number: u64,
    pub cells: Vec<String>,
    /// Cells, by their place, that hold the error of a formula instead of a value.
    pub wrong: Vec<usize>,
}

/// Facts about a table that was read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableInfo {
    pub format: &'static str,
    pub encoding: &'static str,
    pub header: Vec<String>,
    pub rows: u64,
}

/// What to do after a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Go,
    Stop,
}

/// Gives each row after the header to `each`. Empty rows are passed over.
///
/// # Errors
/// Where the file is no table, or is beyond a bound.
pub fn read_rows(
    path: &Path,
    each: &mut dyn FnMut(&[String], TableRow) -> Next,
) -> Result<TableInfo, TableError> {
    match Format::of(path)? {
        Format::Csv => read_csv(path, each),
        // The library that reads workbooks panics on some that nobody's office wrote.
        Format::Xlsx => catch_unwind(AssertUnwindSafe(|| read_xlsx(path, each)))
            .unwrap_or_else(|_| Err(TableError::Xlsx("单元格的位置或内容不合规范".into()))),
    }
}

fn clean_header(cells: Vec<String>) -> Result<Vec<String>, TableError> {
    let mut header: Vec<String> = cells.iter().map(|cell| cell.trim().to_owned()).collect();
    while header.last().is_some_and(String::is_empty) {
        header.pop();
    }
    if header.is_empty() {
        return Err(TableError::Empty);
    }
    if header.len() > MAX_COLUMNS {
        return Err(TableError::TooWide);
    }
    Ok(header)
}

/// The delimiter that occurs most in the first line, outside quotes.
fn delimiter(first_line: &str) -> u8 {
    let count = |delimiter: char| {
        let mut quoted = false;
        first_line
            .chars()
            .filter(|c| {
                quoted ^= *c == '"';
                !quoted && *c == delimiter
            })
            .count()
    };
    let best = [',', '\t', ';']
        .into_iter()
        .max_by_key(|c| (count(*c), *c == ','));
    best.and_then(|c| u8::try_from(c).ok()).unwrap_or(b',')
}

fn first_line(path: &Path, encoding: &'static encoding_rs::Encoding) -> std::io::Result<String> {
    let mut start = Vec::new();
    encoding::Transcoder::new(File::open(path)?, encoding)
        .take(64 * 1024)
        .read_to_end(&mut start)?;
    let text = String::from_utf8_lossy(&start);
    Ok(text.lines().next().unwrap_or("").to_owned())
}

/// Passes a table through and follows its quotation marks: the reader behind takes an open one for a cell that goes on
/// to the end of the file, and says nothing.
struct Quotes<R> {
    inner: R,
    delimiter: u8,
    line: u64,
    state: Quoting,
}

#[derive(Clone, Copy)]
enum Quoting {
    /// At the start of a cell.
    Start,
    /// In a cell without marks.
    Bare,
    /// In a cell whose mark stands in this line.
    Quoted(u64),
    /// After a mark in a quoted cell: its end, or the first of a pair.
    Mark(u64),
}

impl<R> Quotes<R> {
    fn new(inner: R, delimiter: u8) -> Quotes<R> {
        Quotes {
            inner,
            delimiter,
            line: 1,
            state: Quoting::Start,
        }
    }

    /// The line of the mark that was never closed.
    fn open(&self) -> Option<u64> {
        match self.state {
            Quoting::Quoted(line) => Some(line),
            _ => None,
        }
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(out)?;
        for byte in out.iter().take(count) {
            let ends = *byte == self.delimiter || matches!(*byte, b'\n' | b'\r');
            self.state = match self.state {
                Quoting::Start if *byte == b'"' => Quoting::Quoted(self.line),
                Quoting::Quoted(line) if *byte == b'"' => Quoting::Mark(line),
                Quoting::Quoted(line) => Quoting::Quoted(line),
                Quoting::Mark(line) if *byte == b'"' => Quoting::Quoted(line),
                _ if ends => Quoting::Start,
                _ => Quoting::Bare,
            };
            self.line += u64::from(*byte == b'\n');
        }
        Ok(count)
    }
}

fn read_csv(path: &Path, each: &mut dyn FnMut(&[String], TableRow) -> Next) -> Result<TableInfo, TableError> {
    let encoding = encoding::detect(File::open(path)?)?;
    let delimiter = delimiter(&first_line(path, encoding)?);
    let source = Quotes::new(encoding::Transcoder::new(File::open(path)?, encoding), delimiter);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(source);
    let mut record = csv::StringRecord::new();
    let mut header: Option<Vec<String>> = None;
    let mut rows = 0;
    loop {
        let line = reader.position().line();
        let more = reader.read_record(&mut record).map_err(|error| TableError::Csv {
            line,
            what: error.to_string(),
        })?;
        if !more {
            break;
        }
        let number = record.position().map_or(line, csv::Position::line);
        if record.iter().any(|cell| cell.len() > MAX_CELL) {
            return Err(TableError::CellTooLong { line: number });
        }
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if cells.len() > MAX_COLUMNS {
            return Err(TableError::TooWide);
        }
        let Some(names) = &header else {
            header = Some(clean_header(cells)?);
            continue;
        };
        if cells.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        rows += 1;
        if each(
            names,
            TableRow {
                number,
                cells,
                wrong: Vec::new(),
            },
        ) == Next::Stop
        {
            break;
        }
    }
    if let Some(line) = reader.get_ref().open() {
        return Err(TableError::Open { line });
    }
    let header = header.ok_or(TableError::Empty)?;
    Ok(TableInfo {
        format: "csv",
        encoding: encoding::name(encoding),
        header,
        rows,
    })
}

/// Unpacks every part once, counting: what the archive says of its own sizes is not to be believed.
fn check_unpacked(file: &mut File) -> Result<(), TableError> {
    let mut archive =
        zip::ZipArchive::new(BufReader::new(&mut *file)).map_err(|e| TableError::Xlsx(e.to_string()))?;
    if archive.len() > 10_000 {
        return Err(TableError::Bomb);
    }
    let mut total = 0;
    for index in 0..archive.len() {
        let part = archive
            .by_index(index)
            .map_err(|e| TableError::Xlsx(e.to_string()))?;
        let bound = if part.name().is_ok_and(|name| name.ends_with("sharedStrings.xml")) {
            MAX_SHARED_STRINGS
        } else {
            MAX_UNPACKED
        };
        let bound = bound.min(MAX_UNPACKED - total);
        let unpacked = std::io::copy(&mut part.take(bound + 1), &mut std::io::sink())?;
        if unpacked > bound {
            return Err(TableError::Bomb);
        }
        total += unpacked;
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(())
}

fn read_xlsx(
    path: &Path,
    each: &mut dyn FnMut(&[String], TableRow) -> Next,
) -> Result<TableInfo, TableError> {
    let mut file = File::open(path)?;
    check_unpacked(&mut file)?;
    let mut workbook: Xlsx<_> =
        Xlsx::new(BufReader::new(file)).map_err(|e| TableError::Xlsx(e.to_string()))?;
    let sheet = workbook
        .sheet_names()
        .first()
        .cloned()
        .ok_or(TableError::NoSheet)?;
    let mut cells = workbook
        .worksheet_cells_reader(&sheet)
        .map_err(|e| TableError::Xlsx(e.to_string()))?;
    let mut header: Option<Vec<String>> = None;
    let mut rows = 0;
    let mut current: Option<(u32, Vec<String>)> = None;
    let mut wrong = Vec::new();
    loop {
        let cell = cells.next_cell().map_err(|e| TableError::Xlsx(e.to_string()))?;
        let position = cell.as_ref().map(calamine::Cell::get_position);
        let same_row = matches!((&current, position), (Some((row, _)), Some((next, _))) if *row == next);
        if !same_row && let Some((row, row_cells)) = current.take() {
            let number = u64::from(row) + 1;
            let wrong = std::mem::take(&mut wrong);
            match &header {
                None => header = Some(clean_header(row_cells)?),
                Some(_) if row_cells.iter().all(|text| text.trim().is_empty()) => {}
                Some(names) => {
                    rows += 1;
                    if each(
                        names,
                        TableRow {
                            number,
                            cells: row_cells,
                            wrong,
                        },
                    ) == Next::Stop
                    {
                        break;
                    }
                }
            }
        }
        let (Some(cell), Some((row, column))) = (cell, position) else {
            break;
        };
        let column = column as usize;
        if column >= MAX_COLUMNS {
            if matches!(cell.get_value(), DataRef::Empty) {
                continue;
            }
            return Err(TableError::TooWide);
        }
        if matches!(cell.get_value(), DataRef::Error(_)) {
            wrong.push(column);
        }
        let text = cell_text(cell.get_value());
        if text.len() > MAX_CELL {
            return Err(TableError::CellTooLong {
                line: u64::from(row) + 1,
            });
        }
        let (_, row_cells) = current.get_or_insert_with(|| (row, Vec::new()));
        if row_cells.len() <= column {
            row_cells.resize(column + 1, String::new());
        }
        if let Some(slot) = row_cells.get_mut(column) {
            *slot = text;
        }
    }
    let header = header.ok_or(TableError::Empty)?;
    Ok(TableInfo {
        format: "xlsx",
        encoding: "",
        header,
        rows,
    })
}

/// A cell as the text that a CSV of the same sheet would hold: dates in ISO form, whole numbers without a point.
fn cell_text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(value) => value.to_string(),
        DataRef::Int(value) => value.to_string(),
        // Display of f64 gives the shortest text that reads back the same, without an exponent.
        DataRef::Float(value) => value.to_string(),
        DataRef::DateTime(moment) => {
            serial_date(moment.as_f64()).unwrap_or_else(|| moment.as_f64().to_string())
        }
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(error) => Data::Error(error.clone()).to_string(),
    }
}

/// Excel's serial day (1900 system, with its leap-day mistake) as ISO date, or local date-time where it has a time.
fn serial_date(serial: f64) -> Option<String> {
    if !(1.0..2_958_466.0).contains(&serial) {
        return None;
    }
    let day = serial.trunc() as i64;
    let seconds = (serial.fract() * 86_400.0).round() as i64;
    let start = jiff::civil::date(1899, 12, 30);
    let date = start.checked_add(jiff::Span::new().try_days(day).ok()?).ok()?;
    if seconds == 0 {
        return Some(date.to_string());
    }
    let moment = date
        .at(0, 0, 0, 0)
        .checked_add(jiff::Span::new().try_seconds(seconds).ok()?)
        .ok()?;
    Some(format!("{moment}+08:00"))
}
