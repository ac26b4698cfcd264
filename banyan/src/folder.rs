//! Packages as folders on the disk: read to be applied, written when they are taken out.

use std::path::{Path, PathBuf};

use banyan_base::{Problem, SourceFile};
use banyan_registry::{Archived, Format};

use crate::platform::Platform;

/// Files of a package are at most this many.
const MAX_FILES: usize = 2_000;

/// Reads all files of a package's folder, except hidden ones.
///
/// # Errors
/// Where the folder can't be read.
pub fn read(folder: &Path) -> Result<Vec<SourceFile>, String> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        let entries = std::fs::read_dir(&next).map_err(|error| format!("{}: {error}", next.display()))?;
        for entry in entries {
            let path = entry
                .map_err(|error| format!("{}: {error}", next.display()))?
                .path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            let relative = path
                .strip_prefix(folder)
                .unwrap_or(&path)
                .to_string_lossy()
                .replace('\\', "/");
            files.push(SourceFile {
                path: relative,
                bytes,
            });
            if files.len() > MAX_FILES {
                return Err(format!("{}: more than {MAX_FILES} files", folder.display()));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Takes a package out into a folder ([`banyan_registry::Registry::archive`]).
///
/// # Errors
/// Where there is no such package, or the folder can't be written.
pub fn archive(platform: &Platform, id: &str, format: Format, to: &Path) -> Result<Archived, Problem> {
    let mut open = |path: &str| -> std::io::Result<Box<dyn std::io::Write>> {
        if path.split('/').any(|part| part.is_empty() || part == "..") {
            return Err(std::io::Error::other(format!("{path} leads out of the folder")));
        }
        let path = to.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(Box::new(std::io::BufWriter::new(std::fs::File::create(path)?)))
    };
    platform
        .registry
        .archive(&platform.db, &platform.blobs, id, format, &mut open)
}
