//! `cargo run -p banyan-package --example check -- apps/*`: prints the findings of package folders, checked together.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::Path;
use std::process::ExitCode;

use banyan_base::{SourceFile, has_errors};
use banyan_package::{Installed, check, read};

fn files(root: &Path, folder: &Path, into: &mut Vec<SourceFile>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(root, &path, into)?;
        } else if let Ok(inside) = path.strip_prefix(root) {
            let inside = inside.to_string_lossy().replace('\\', "/");
            into.push(SourceFile {
                path: inside,
                bytes: std::fs::read(&path)?,
            });
        }
    }
    Ok(())
}

fn main() -> std::io::Result<ExitCode> {
    let mut packages = Vec::new();
    let mut bad = false;
    for folder in std::env::args().skip(1) {
        let root = Path::new(&folder);
        let mut sources = Vec::new();
        files(root, root, &mut sources)?;
        let (package, findings) = read(&sources);
        packages.push((folder, package, sources, findings));
    }
    let installed = Installed {
        packages: packages
            .iter()
            .filter_map(|(_, package, ..)| package.clone())
            .map(|package| (package.id.clone(), package))
            .collect(),
    };
    for (folder, package, sources, mut findings) in packages {
        if let Some(package) = &package {
            findings.extend(check(package, &sources, &installed));
        }
        bad |= has_errors(&findings);
        for finding in &findings {
            println!("{folder}/{finding}");
        }
        println!("{folder}: {} findings", findings.len());
    }
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
