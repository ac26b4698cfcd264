//! `cargo run -p banyan-package --example schemas -- docs/schemas`: writes the JSON Schemas for editors.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "docs/schemas".into());
    std::fs::create_dir_all(&folder)?;
    for (name, schema) in banyan_package::schemas() {
        let text = serde_json::to_string_pretty(&schema)?;
        writeln!(std::fs::File::create(format!("{folder}/{name}.json"))?, "{text}")?;
    }
    Ok(())
}
