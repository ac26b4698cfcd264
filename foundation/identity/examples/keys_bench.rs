//! `make bench-keys`: how many texts a second are sealed and opened, in both suites, with keys in memory and without.

use std::io::Write;
use std::num::NonZeroUsize;
use std::time::Instant;

use banyan_base::World;
use banyan_identity::audit::Suite;
use banyan_identity::keys::{At, KeySettings, Keys};

/// An ID number, more or less.
const TEXT: &str = "11010519491231002X";
const SUBJECTS: usize = 50_000;
/// Rows of a page, two sealed fields each.
const PAGE: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::path::PathBuf::from("target/bench/keys");
    let mut out = std::io::stdout().lock();
    for suite in [Suite::International, Suite::Sm] {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        let settings = KeySettings {
            master: folder.join("master.key"),
            database: match std::env::args().nth(1) {
                Some(url) => url,
                None => format!("sqlite:{}", folder.join("keys.db").display()),
            },
            suite,
            cached: NonZeroUsize::new(SUBJECTS).ok_or("no bound")?,
        };
        let world = World::system();
        let keys = Keys::open(&settings, &world)?;
        // Another run may have left its subjects in a database that was named.
        let run = world.id();
        let subjects: Vec<String> = (0..SUBJECTS).map(|number| format!("{run}-{number}")).collect();
        let at = |subject| At {
            domain: "bench.keys",
            subject,
            place: "person.id_number",
        };
        let texts: Vec<(At<'_>, &str)> = subjects.iter().map(|subject| (at(subject), TEXT)).collect();
        let rate = |count: usize, begun: Instant| count as f64 / begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let mut sealed = Vec::new();
        for part in texts.chunks(PAGE) {
            sealed.extend(keys.seal_many(part)?);
        }
        writeln!(
            out,
            "{suite:?}: {:.0} new keys made, durable and sealed with /s",
            rate(SUBJECTS, begun)
        )?;
        let begun = Instant::now();
        for part in texts.chunks(PAGE) {
            keys.seal_many(part)?;
        }
        writeln!(
            out,
            "{suite:?}: {:.0} seals/s with keys in memory, 1,000 a call",
            rate(SUBJECTS, begun)
        )?;
        let begun = Instant::now();
        for (at, text) in texts.iter().take(10_000) {
            keys.seal(at, text)?;
        }
        writeln!(out, "{suite:?}: {:.0} seals/s, one a call", rate(10_000, begun))?;
        let items: Vec<(At<'_>, &str)> = texts
            .iter()
            .zip(&sealed)
            .map(|((at, _), sealed)| (*at, sealed.as_str()))
            .collect();
        let fresh = Keys::open(&settings, &world)?;
        for what in ["from the store", "in memory"] {
            let begun = Instant::now();
            for part in items.chunks(PAGE) {
                fresh.unseal_many(part)?;
            }
            writeln!(
                out,
                "{suite:?}: {:.0} unseals/s with keys {what}, 1,000 a call",
                rate(SUBJECTS, begun)
            )?;
        }
        let page: Vec<(At<'_>, &str)> = items.iter().take(PAGE).flat_map(|item| [*item, *item]).collect();
        let begun = Instant::now();
        for _ in 0..20 {
            fresh.unseal_many(&page)?;
        }
        let each = begun.elapsed().as_secs_f64() * 1000.0 / 20.0;
        writeln!(
            out,
            "{suite:?}: {each:.1} ms for a page of 1,000 rows with two sealed fields"
        )?;
        let begun = Instant::now();
        for text in texts.iter().take(20_000) {
            fresh.blind("bench.keys", text.0.place, text.1)?;
        }
        writeln!(out, "{suite:?}: {:.0} blind indexes/s", rate(20_000, begun))?;
    }
    Ok(())
}
