//! Models made by others, and models made to hurt.

mod breaking;
mod checking;
mod documented;
mod executable;
mod hostile;
mod round_trip;

use std::path::{Path, PathBuf};

/// A folder of the shared data, which stands beside the project and is not part of it. Without the shared data at all
/// the tests that need it are left out, and say so; a part that is missing is a failure.
fn shared(folder: &str) -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.exists() {
        eprintln!("SKIPPED: there is no shared data at {}", data.display());
        return None;
    }
    let folder = data.join(folder);
    assert!(folder.is_dir(), "{} is missing", folder.display());
    Some(folder)
}

/// Files of that ending under a folder, by name.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
