//! Freeing the memory of idle connections.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::clients::Client;

/// The shortest time between two releases of the memory that a thread keeps for long messages. Without this limit, many
/// idle connections would free that memory again and again while one busy connection needs it.
const INTERVAL: Duration = Duration::from_secs(1);

thread_local! {
    static LAST_RELEASE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Frees memory that a burst needed. Called when a client has sent nothing for a while.
pub(super) fn release_idle_memory(client: &Client) {
    let frames = &mut client.outbound().frames;
    frames.release_memory();
    frames.release_context();
    if LAST_RELEASE.get().is_none_or(|released| released.elapsed() >= INTERVAL) {
        LAST_RELEASE.set(Some(Instant::now()));
        frames.release_buffers();
    }
}
