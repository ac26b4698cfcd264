//! Keeping the data: backups, and the feed after a restore.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use banyan_store::{Db, feed};

use crate::config::Config;

/// From now on, what this process writes is its owner's alone: files 600, folders 700, backups among them.
pub fn private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Copies an SQLite database and the stored files, while the server runs, into a new folder that can stand as
/// `store.folder`. Database first: a file is always there before the record that names it. Gives what was copied, in words.
///
/// # Errors
/// On PostgreSQL, with the commands that do it; where the folder is there and not empty, or something can't be copied.
pub fn backup(db: &Db, config: &Config, target: &Path) -> Result<String, String> {
    let blobs = config.store.folder.join("blobs");
    if db.file().is_none() {
        return Err(format!(
            "PostgreSQL is backed up with its own tools (the password by ~/.pgpass or PGPASSWORD), then the stored files:\n  \
             pg_dump -Fc -d '{}' -f '{}'\n  rsync -a '{}/' '{}'\nAfter restoring into another cluster: banyan feed renumber",
            without_password(db.url()),
            target.join("banyan.dump").display(),
            blobs.display(),
            target.join("blobs").display()
        ));
    }
    let told = |error: io::Error| format!("{}: {error}", target.display());
    fs::create_dir_all(target).map_err(told)?;
    if fs::read_dir(target).map_err(told)?.next().is_some() {
        return Err(format!("{}: the folder is not empty", target.display()));
    }
    db.backup(&target.join("banyan.db"))
        .map_err(|error| error.to_string())?;
    let files = copy_blobs(&blobs, &target.join("blobs")).map_err(told)?;
    File::open(target)
        .and_then(|folder| folder.sync_all())
        .map_err(told)?;
    Ok(format!(
        "{}: the database and {files} stored files. To restore, stop the server and put this folder in the place of store.folder.\n\
         The audit log is not in it; copy {} too.\n\
         Keys are not in it, on purpose: what was erased must not come back with a backup. `banyan keys backup` makes their copy.\n",
        target.display(),
        config.audit_settings().folder.display()
    ))
}

/// Copies `ab/cdef…`; what is still coming in (`incoming/`) belongs to no record.
fn copy_blobs(from: &Path, to: &Path) -> io::Result<u64> {
    fs::create_dir_all(to)?;
    let mut count = 0;
    let folders = match fs::read_dir(from) {
        Ok(folders) => folders,
        // Nothing was ever stored.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    for folder in folders {
        let folder = folder?;
        if folder.file_name().len() != 2 {
            continue;
        }
        let target = to.join(folder.file_name());
        fs::create_dir_all(&target)?;
        for file in fs::read_dir(folder.path())? {
            let file = file?;
            let copy = target.join(file.file_name());
            fs::copy(file.path(), &copy)?;
            File::open(&copy)?.sync_all()?;
            count += 1;
        }
        File::open(&target)?.sync_all()?;
    }
    Ok(count)
}

/// `postgres://user:secret@host/db` without the secret.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((user, host)) => {
            let user = user.split(':').next().unwrap_or(user);
            format!("{scheme}://{user}@{host}")
        }
        None => url.to_owned(),
    }
}

/// Renumbers the feed after a dump was restored into another cluster; gives what was done, in words.
///
/// # Errors
/// Where the database refuses.
pub fn renumber(db: &Db) -> Result<String, String> {
    let count = feed::renumber(db).map_err(|error| error.to_string())?;
    Ok(match count {
        Some(count) => format!(
            "{count} events renumbered; consumers are where they were. Positions that readers of /v1/events kept are void.\n"
        ),
        None => "SQLite: there is nothing to renumber\n".to_owned(),
    })
}
