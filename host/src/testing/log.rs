//! The log of a test's host.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::field::{Field, Visit};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber, span};

/// The maximum number of lines that are kept. If there are more, the oldest ones are dropped.
const MAX_LINES: usize = 10_000;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// The time since the host started.
    pub at: Duration,
    /// The level.
    pub level: Level,
    /// Whether the handler has written the line. Otherwise the host has.
    pub is_from_handler: bool,
    /// The text of the line. In a line of the host, the text ends with the fields of the `tracing` event.
    pub text: String,
}

/// Records the log.
pub(super) struct Log {
    lines: Arc<Mutex<VecDeque<LogLine>>>,
    dispatch: Dispatch,
}

struct Recorder {
    started: Instant,
    lines: Arc<Mutex<VecDeque<LogLine>>>,
}

/// The target of the lines that handlers write.
const HANDLER: &str = "guest";

impl Log {
    pub(super) fn new(started: Instant) -> Self {
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let dispatch = Dispatch::new(Recorder { started, lines: Arc::clone(&lines) });
        Self { lines, dispatch }
    }

    /// Records what `work` logs on this thread.
    pub(super) fn record<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }

    pub(super) fn lines(&self) -> Vec<LogLine> {
        self.lines.lock().iter().cloned().collect()
    }
}

impl Subscriber for Recorder {
    /// Records everything that an operator sees by default, and also the backtraces of handlers.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let max = match target.starts_with("ws_host::actor") {
            true => Level::DEBUG,
            false => Level::INFO,
        };
        metadata.is_event()
            && *metadata.level() <= max
            && (target == HANDLER || target.starts_with("ws_host"))
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let is_from_handler = event.metadata().target() == HANDLER;
        let mut text = Text::default();
        event.record(&mut text);
        let line = LogLine {
            at: self.started.elapsed(),
            level: *event.metadata().level(),
            is_from_handler,
            text: if is_from_handler { text.message } else { text.message + &text.fields },
        };
        let mut lines = self.lines.lock();
        if lines.len() == MAX_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message += value,
            name => self.fields += &format!(" {name}={value:?}"),
        }
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, level, is_from_handler, text } = self;
        let whose = if *is_from_handler { "handler" } else { "host" };
        write!(f, "{:>9} {level:>5} {whose}: {text}", format!("{:.3}s", at.as_secs_f64()))
    }
}
