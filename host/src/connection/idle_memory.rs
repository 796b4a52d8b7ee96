//! What an idle connection gives back.

use std::cell::Cell;
use std::time::{Duration, Instant};

use ws_host_protocol::release_memory;

use crate::clients::Client;

/// How often the memory that a thread keeps for long messages is freed at most: many idle connections must
/// not free it all the time for one that is busy.
const INTERVAL: Duration = Duration::from_secs(1);

thread_local! {
    static RELEASED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Nothing came from a client for a while: memory that a burst needed is given back.
pub(super) fn release_idle_memory(client: &Client) {
    let outbound = &mut client.outgoing().outbound;
    outbound.release_memory();
    outbound.release_context();
    if RELEASED.get().is_none_or(|released| released.elapsed() >= INTERVAL) {
        RELEASED.set(Some(Instant::now()));
        release_memory();
    }
}
