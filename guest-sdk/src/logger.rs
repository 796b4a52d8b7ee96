//! Sends the log lines of the crate `log` to the host's log. With the feature `tracing`, also sends the events of
//! `tracing`.

use log::{Level, LevelFilter, Log, Metadata, Record};

use crate::sys::log as host;

/// The prefix of the targets under which `tracing` reports spans. `tracing` uses them when a span without fields is
/// opened, and when any span is entered, left or closed. None of this belongs in the log.
const SPANS: &str = "tracing::span";

struct HostLog;

/// Installs the logger, unless the handler has installed another logger. The level is the most verbose one that the
/// host shows.
pub(crate) fn install() {
    if log::set_logger(&HostLog).is_ok() {
        log::set_max_level(max_level());
    }
}

#[cfg(target_arch = "wasm32")]
fn max_level() -> LevelFilter {
    let is_shown = |level: &Level| host::enabled(name(*level));
    Level::iter().filter(is_shown).max().map_or(LevelFilter::Off, |level| level.to_level_filter())
}

/// A test shows the lines of all levels.
#[cfg(not(target_arch = "wasm32"))]
fn max_level() -> LevelFilter {
    LevelFilter::Trace
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    }
}

impl Log for HostLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && !metadata.target().starts_with(SPANS)
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            host::write(name(record.level()), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}
