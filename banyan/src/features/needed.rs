//! Which packages a run needs: those whose features are run, and what they need, found beside them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use banyan_base::Problem;
use banyan_package::Head;

use super::name_of;
use crate::demo;

/// The folders of all packages that are needed, sorted: an apply orders them by their needs itself.
pub fn gather(folders: &[PathBuf], elsewhere: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut known = BTreeMap::new();
    let parents: BTreeSet<PathBuf> = folders
        .iter()
        .filter_map(|folder| folder.canonicalize().ok()?.parent().map(Path::to_path_buf))
        .collect();
    for place in parents.iter().chain(elsewhere) {
        let Ok(entries) = std::fs::read_dir(place) else {
            return Err(format!("{}:读不到这个文件夹", name_of(place)));
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if let Some(id) = id(&path) {
                known.entry(id).or_insert(path);
            }
        }
    }
    let mut open: Vec<PathBuf> = folders.to_vec();
    let mut taken = BTreeMap::new();
    while let Some(folder) = open.pop() {
        let package = head(&folder)?;
        if taken.contains_key(&package.id) {
            continue;
        }
        for need in package.needs.keys().chain(&package.overlays) {
            match known.get(need) {
                Some(path) => open.push(path.clone()),
                None => {
                    return Err(format!(
                        "{} 需要包 {need},旁边没有;请用 --packages 指出它所在的文件夹",
                        name_of(&folder)
                    ));
                }
            }
        }
        taken.insert(package.id, folder);
    }
    Ok(taken.into_values().collect())
}

fn head(folder: &Path) -> Result<Head, String> {
    let files = crate::folder::read(folder)?;
    let (head, findings) = banyan_package::head(&files);
    head.ok_or_else(|| {
        let findings: Vec<String> = findings.iter().map(|finding| format!("\n{finding}")).collect();
        format!("{}:不是可用的包{}", name_of(folder), findings.concat())
    })
}

/// The id in a folder's package.toml, if it is a package.
fn id(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join("package.toml")).ok()?;
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("id")?.as_str()?.to_owned())
}

/// The passwords of the packages' demonstration accounts.
pub fn passwords(packages: &[PathBuf]) -> Result<BTreeMap<String, String>, Problem> {
    let mut passwords = BTreeMap::new();
    for package in packages {
        for account in demo::accounts(package)? {
            passwords.insert(account.login, account.password);
        }
    }
    Ok(passwords)
}
