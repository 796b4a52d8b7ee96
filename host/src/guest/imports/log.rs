//! The interface `log`.

use tracing::Level;
use wasmtime::Result;
use wasmtime::component::Linker;

use super::text::Text;
use super::{State, Store, check_ownership};
use crate::guest::log_line::{MAX_LINE, is_shown};

const LOG: &str = "ws-host:socket/log@0.1.0";

/// How many bytes of a message are written. The limit keeps a call from occupying the worker with text that nobody
/// reads.
const MAX_MESSAGE: usize = 64 << 10;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut log = linker.instance(LOG)?;
    log.func_wrap("write", write)?;
    log.func_wrap("enabled", |store: Store<'_>, (level,): (Text,)| {
        Ok((is_shown(parse(&level.to_str(&store)?)),))
    })
}

fn write(store: Store<'_>, (level, message): (Text, Text)) -> Result<()> {
    check_ownership(&store)?;
    let level = parse(&level.to_str(&store)?);
    let message = message.to_str(&store)?;
    if !is_shown(level) {
        return Ok(());
    }
    let shown = &message.as_bytes()[..message.floor_char_boundary(MAX_MESSAGE)];
    for line in shown.split(|byte| *byte == b'\n') {
        // An empty line has no chunks, but must be written too.
        for piece in line.chunks(MAX_LINE).chain(line.is_empty().then_some(line)) {
            store.data().log_line(level, piece);
        }
    }
    match message.len() - shown.len() {
        0 => {}
        rest => {
            let note = format!("{rest} more bytes of this message were left out");
            store.data().log_line(level, note.as_bytes());
        }
    }
    Ok(())
}

fn parse(level: &str) -> Level {
    match level {
        "trace" => Level::TRACE,
        "debug" => Level::DEBUG,
        "warn" => Level::WARN,
        "error" => Level::ERROR,
        _ => Level::INFO,
    }
}
