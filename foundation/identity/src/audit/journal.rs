//! Entries that are durable but not in tiles yet: append-only files of records, each with its index and a check sum.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// One file of the journal, open for appending.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

const HEAD: usize = 16;

fn sum(index: u64, entry: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&index.to_be_bytes());
    sum.update(entry);
    sum.finalize()
}

impl Journal {
    /// Begins a file whose first record will have this index.
    pub(crate) fn begin(folder: &Path, first: u64) -> io::Result<Journal> {
        let path = folder.join(format!("journal-{first:020}"));
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        // A torn record may stand here from before: what follows it would never be read.
        file.set_len(0)?;
        File::open(folder)?.sync_all()?;
        Ok(Journal {
            path,
            file,
            buffer: Vec::new(),
        })
    }

    /// Appends records from `index` on; they are durable when this returns.
    pub(crate) fn append(&mut self, index: u64, entries: &[Vec<u8>]) -> io::Result<()> {
        self.buffer.clear();
        for (index, entry) in (index..).zip(entries) {
            let length = u32::try_from(entry.len()).map_err(io::Error::other)?;
            self.buffer.extend_from_slice(&length.to_be_bytes());
            self.buffer.extend_from_slice(&sum(index, entry).to_be_bytes());
            self.buffer.extend_from_slice(&index.to_be_bytes());
            self.buffer.extend_from_slice(entry);
        }
        self.file.write_all(&self.buffer)?;
        self.file.sync_data()
    }
}

/// The journal's files, oldest first.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("journal-") {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// The records of a file up to the first that is torn or false: those after it were never acknowledged.
pub(crate) fn read(path: &Path) -> io::Result<Vec<(u64, Vec<u8>)>> {
    let data = fs::read(path)?;
    let (mut rest, mut records) = (data.as_slice(), Vec::new());
    while let Some((head, tail)) = rest.split_first_chunk::<HEAD>() {
        let [a, b, c, d, e, f, g, h, index @ ..] = *head;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        let index = u64::from_be_bytes(index);
        let Some((entry, tail)) = tail.split_at_checked(length) else {
            break;
        };
        if sum(index, entry) != u32::from_be_bytes([e, f, g, h]) {
            break;
        }
        records.push((index, entry.to_vec()));
        rest = tail;
    }
    Ok(records)
}
