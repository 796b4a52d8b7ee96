//! How long the build of a project takes after a change of its handler.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::build::build;

/// An odd number, so that one of the times is the median.
const CHANGES: usize = 3;

/// What every handler of the template `chat` says of a new client.
const TEXT: &str = " joined";

/// Changes a text in the handler of a chat, whose component was built before, and builds the project. Returns the median
/// of the times.
pub(super) fn median(chat: &Path, component: &Path, handler: &str) -> Result<Duration> {
    let handler = chat.join(handler);
    let source = std::fs::read_to_string(&handler)?;
    ensure!(source.contains(TEXT), "{handler:?} has no {TEXT:?}");
    let mut last = std::fs::read(component)?;
    let mut times = Vec::with_capacity(CHANGES);
    for change in 1..=CHANGES {
        std::fs::write(&handler, source.replace(TEXT, &format!("{TEXT} {change}")))?;
        let began = Instant::now();
        build(chat)?;
        times.push(began.elapsed());
        let before = std::mem::replace(&mut last, std::fs::read(component)?);
        ensure!(last != before, "the build after a change of {handler:?} changed nothing");
    }
    times.sort();
    Ok(times[CHANGES / 2])
}
