//! Says when the embedded desk must be taken in anew. It builds nothing: `make web` builds the desk.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    // A folder that isn't there would count as changed at every build.
    let watched = ["../../web/dist", "build.rs"];
    for path in watched.iter().filter(|path| std::path::Path::new(path).exists()) {
        writeln!(out, "cargo:rerun-if-changed={path}")?;
    }
    Ok(())
}
