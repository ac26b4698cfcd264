//! Entries that are durable but not in tiles yet: files of records, each with its index and a check sum.
//!
//! A file that is no longer needed becomes the next one, and is written over from its start: a write within a file costs
//! the disk one turn, a write that makes it longer two. What still stands behind the new records has lower indexes, which
//! whoever reads passes over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// One file of the journal, open for writing at its end.
pub(crate) struct Journal {
    pub(crate) path: PathBuf,
    file: File,
    buffer: Vec<u8>,
}

const HEAD: usize = 16;
/// Bytes of a new file.
const ROOM: usize = 256 << 10;
/// The file that will be the next one.
const SPARE: &str = "spare-journal";

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
        let mut options = OpenOptions::new();
        let options = options.write(true);
        let file = match fs::rename(folder.join(SPARE), &path) {
            Ok(()) => options.open(&path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let mut file = options.create(true).truncate(true).open(&path)?;
                file.write_all(&vec![0; ROOM])?;
                file.sync_all()?;
                file.seek(SeekFrom::Start(0))?;
                file
            }
            Err(error) => return Err(error),
        };
        File::open(folder)?.sync_all()?;
        Ok(Journal {
            path,
            file,
            buffer: Vec::new(),
        })
    }

    /// Writes records from `index` on behind those before; they are durable when this returns.
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

/// Gives up a file whose records are in tiles: it will be the next one, if none is kept for that yet.
pub(crate) fn release(path: &Path) -> io::Result<()> {
    match path.parent().map(|folder| folder.join(SPARE)) {
        Some(spare) if !spare.exists() => fs::rename(path, spare),
        _ => fs::remove_file(path),
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

#[cfg(test)]
mod tests {
    use super::{Journal, files, read, release};

    #[test]
    fn what_stands_behind_the_new_records_is_older() {
        let folder = tempfile::tempdir().unwrap();
        let entry = |n: u8| vec![n; 100];
        let mut first = Journal::begin(folder.path(), 10).unwrap();
        first.append(10, &[entry(1), entry(2)]).unwrap();
        first.append(12, &[entry(3)]).unwrap();
        release(&first.path).unwrap();
        assert!(files(folder.path()).unwrap().is_empty());

        // Records of one length meet those before at their borders.
        let mut second = Journal::begin(folder.path(), 13).unwrap();
        second.append(13, &[entry(4)]).unwrap();
        let found = read(&second.path).unwrap();
        let indexes: Vec<u64> = found.iter().map(|(index, _)| *index).collect();
        assert_eq!(indexes, [13, 11, 12]);
        // Records of another length do not.
        second.append(14, &[vec![5; 7]]).unwrap();
        let found = read(&second.path).unwrap();
        assert_eq!(found, [(13, entry(4)), (14, vec![5; 7])]);
    }
}
