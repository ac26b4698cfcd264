//! Files by the hash of their content, beside the database.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use banyan_base::Ctx;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Error, Tx};

/// The folder of stored files. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    folder: PathBuf,
}

/// A stored file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobInfo {
    /// SHA-256 of the content, hex.
    pub hash: String,
    pub size: u64,
}

impl Blobs {
    /// # Errors
    /// Where the folder can't be made.
    pub fn open(folder: &Path) -> Result<Blobs, Error> {
        fs::create_dir_all(folder.join("incoming"))?;
        Ok(Blobs {
            folder: folder.to_path_buf(),
        })
    }

    fn path(&self, hash: &str) -> Option<PathBuf> {
        let fits = hash.len() == 64 && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (start, rest) = hash.split_at_checked(2).filter(|_| fits)?;
        Some(self.folder.join(start).join(rest))
    }

    /// Where a stored file is, for readers that need a path; `None` where there is none of that hash.
    pub fn path_of(&self, hash: &str) -> Option<PathBuf> {
        self.path(hash).filter(|path| path.is_file())
    }

    /// Stores what `content` gives, at most `limit` bytes; the same content is stored once. The file is on the disk when
    /// this returns. `None` where there is more than `limit`.
    ///
    /// # Errors
    /// Where reading or writing fails.
    pub fn put(&self, cx: &Ctx, content: &mut dyn Read, limit: u64) -> Result<Option<BlobInfo>, Error> {
        let temporary = self.folder.join("incoming").join(cx.id().as_str());
        let stored = self.put_through(&temporary, content, limit);
        if !matches!(stored, Ok(Some(_))) {
            // What could not be stored must not stay; that it is not there is fine.
            let _ = fs::remove_file(&temporary);
        }
        stored
    }

    fn put_through(
        &self,
        temporary: &Path,
        content: &mut dyn Read,
        limit: u64,
    ) -> Result<Option<BlobInfo>, Error> {
        let mut file = File::create(temporary)?;
        let mut hasher = Sha256::new();
        let mut size = 0;
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let count = content.read(&mut chunk)?;
            let part = chunk.get(..count).unwrap_or_default();
            if part.is_empty() {
                break;
            }
            size += part.len() as u64;
            if size > limit {
                return Ok(None);
            }
            hasher.update(part);
            file.write_all(part)?;
        }
        file.sync_all()?;
        let hash: String = hasher
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        if let Some(target) = self.path(&hash)
            && let Some(folder) = target.parent()
        {
            if !folder.is_dir() {
                fs::create_dir_all(folder)?;
                File::open(&self.folder)?.sync_all()?;
            }
            fs::rename(temporary, &target)?;
            // The name is durable once its folder is.
            File::open(folder)?.sync_all()?;
        }
        Ok(Some(BlobInfo { hash, size }))
    }

    /// Opens a stored file; `None` where there is none of that hash.
    ///
    /// # Errors
    /// Where it can't be opened.
    pub fn get(&self, hash: &str) -> Result<Option<File>, Error> {
        let Some(path) = self.path(hash) else {
            return Ok(None);
        };
        match File::open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// Notes a stored file in the database, in the caller's transaction.
///
/// # Errors
/// Where the database refuses.
pub fn register(tx: &mut Tx<'_>, cx: &Ctx, blob: &BlobInfo) -> Result<(), Error> {
    tx.execute(
        "INSERT INTO blob (hash, size, created_at, created_by) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (hash) DO NOTHING",
        &[
            blob.hash.as_str().into(),
            i64::try_from(blob.size).unwrap_or(i64::MAX).into(),
            cx.now_text().into(),
            cx.actor.id.as_str().into(),
        ],
    )?;
    tx.execute(
        "INSERT INTO blob_holder (hash, actor, at) VALUES (?1, ?2, ?3) ON CONFLICT (hash, actor) DO NOTHING",
        &[
            blob.hash.as_str().into(),
            cx.actor.id.as_str().into(),
            cx.now_text().into(),
        ],
    )?;
    Ok(())
}

/// Whether someone has sent this content himself: several may have sent the same.
///
/// # Errors
/// Where the database can't be read.
pub fn is_sent_by(tx: &mut Tx<'_>, hash: &str, actor: &str) -> Result<bool, Error> {
    let sql = "SELECT 1 FROM blob WHERE hash = ?1 AND created_by = ?2
               UNION ALL SELECT 1 FROM blob_holder WHERE hash = ?1 AND actor = ?2";
    Ok(tx.query_opt(sql, &[hash.into(), actor.into()])?.is_some())
}

/// Size and first uploader of a registered file.
///
/// # Errors
/// Where the database can't be read.
pub fn find(tx: &mut Tx<'_>, hash: &str) -> Result<Option<(u64, String)>, Error> {
    let row = tx.query_opt(
        "SELECT size, created_by FROM blob WHERE hash = ?1",
        &[hash.into()],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}
