//! Relief when the memory for buffered data runs short: the clients that hold the most memory are closed.

use std::cmp::Reverse;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::HostState;
use crate::budget::{Budget, STEP};
use crate::clients::{Cause, Client};

/// How long memory may be scarce before clients are closed. During this time, clients that are merely slow can catch
/// up. But the time is limited, so that no client can occupy the memory for long. A closed client has the same time to
/// read what is buffered for it.
const GRACE_PERIOD: Duration = Duration::from_secs(3);

/// Closes the clients that hold the most memory, while memory is scarce.
///
/// # Cancel safety
///
/// When the future is dropped, clients that it has closed stay closed.
pub(in crate::server) async fn relief(state: Weak<HostState>, budget: Arc<Budget>) {
    loop {
        budget.under_pressure().await;
        sleep(GRACE_PERIOD).await;
        while let Some(excess @ 1..) = budget.used().checked_sub(budget.pressure_threshold()) {
            let Some(state) = state.upgrade() else { return };
            let closed = close_largest_holders(&state, excess);
            drop(state);
            sleep(GRACE_PERIOD).await;
            for client in closed.iter().filter(|client| client.held() >= STEP) {
                // This fails only if the client has already been aborted.
                let _ = client.abort(Cause::NoRoom);
            }
        }
    }
}

/// Closes the clients that hold the most memory, until all closing clients together hold `excess` bytes. Returns these
/// clients.
fn close_largest_holders(state: &HostState, excess: usize) -> Vec<Arc<Client>> {
    let served = state.registry.all();
    let connected = served.iter().flat_map(|served| served.resource().clients_and_outgoing());
    let clients = connected.chain(state.context.closing.clients());
    let mut holders: Vec<_> =
        clients.map(|client| (client.held(), client)).filter(|(held, _)| *held >= STEP).collect();
    // Clients that are already closing come first, because they release their memory soon.
    holders.sort_by_cached_key(|(held, client)| (client.is_open(), Reverse(*held)));
    let (mut freed, mut closed) = (0, Vec::new());
    for (held, client) in holders {
        if freed >= excess {
            break;
        }
        client.close_to_make_room();
        freed += held;
        closed.push(client);
    }
    closed
}
