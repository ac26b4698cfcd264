//! Log lines: text for people or JSON for collectors, on the standard error stream.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::{Format, Log};

/// Lines as configured, to `writer`; `colour` only where people look at a terminal, for in a file its codes are noise.
pub fn subscriber<W>(config: &Log, writer: W, colour: bool) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(colour)
        .with_writer(writer);
    match config.format {
        Format::Json => Box::new(lines.json().finish()),
        Format::Text => Box::new(lines.finish()),
    }
}

/// Starts logging for the whole process. A second start (tests) keeps the first.
pub fn start(config: &Log) {
    use tracing_subscriber::util::SubscriberInitExt;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = subscriber(config, std::io::stderr, colour).try_init();
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(data)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn files_get_no_colour_codes() {
        for (format, colour, coded) in [
            (Format::Text, true, true),
            (Format::Text, false, false),
            (Format::Json, false, false),
        ] {
            let kept = Kept::default();
            let writer = kept.clone();
            let config = Log {
                format,
                ..Log::default()
            };
            let lines = subscriber(&config, move || writer.clone(), colour);
            tracing::subscriber::with_default(lines, || tracing::warn!(place = 1, "a line"));
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert!(text.contains("a line"), "{format:?} {text}");
            assert_eq!(text.contains('\u{1b}'), coded, "{format:?} {text}");
        }
    }
}
