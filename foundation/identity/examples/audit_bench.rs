//! `make bench-audit`: how many entries a second become durable, by threads that each wait for their batch.
//!
//! For comparison: Tessera, the tlog-tiles server of the Go ecosystem, publishes 10,567 entries a second on 7 cores.

use std::io::Write;
use std::time::Instant;

use banyan_identity::audit::{Log, Signer, Suite};

/// Bytes of an entry as the door writes it, more or less.
const ENTRY: usize = 300;
const ENTRIES: usize = 200_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "target/bench/audit".into());
    let mut out = std::io::stdout().lock();
    for suite in [Suite::International, Suite::Sm] {
        for (threads, batch) in [(1, 1), (1, 100), (8, 100), (32, 1), (32, 100)] {
            let folder = std::path::Path::new(&folder).join(format!("{suite:?}-{threads}-{batch}"));
            if folder.exists() {
                std::fs::remove_dir_all(&folder)?;
            }
            let signer = Signer::new("bench", suite, &[7; 32]).ok_or("no key")?;
            let log = Log::open(&folder, "bench", suite, signer)?;
            // Single waits are slow: fewer of them say as much.
            let whole = if batch == 1 { ENTRIES / 20 } else { ENTRIES };
            let each = whole / threads;
            let begun = Instant::now();
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    let log = log.clone();
                    std::thread::spawn(move || -> Result<(), banyan_identity::audit::LogError> {
                        let mut left = each;
                        while left > 0 {
                            let mut last = None;
                            for _ in 0..batch.min(left) {
                                last = Some(log.append(vec![b'x'; ENTRY])?);
                            }
                            left -= batch.min(left);
                            if let Some(ticket) = last {
                                ticket.wait()?;
                            }
                        }
                        Ok(())
                    })
                })
                .collect();
            for worker in workers {
                worker.join().map_err(|_| "a thread failed")??;
            }
            let seconds = begun.elapsed().as_secs_f64();
            log.close();
            let sealed = begun.elapsed().as_secs_f64();
            let rate = (each * threads) as f64 / seconds;
            writeln!(
                out,
                "{suite:?}: {threads} threads, waits for {batch}: {rate:.0} durable entries/s; all in signed tiles {:.2} s later",
                sealed - seconds
            )?;
        }
    }
    Ok(())
}
