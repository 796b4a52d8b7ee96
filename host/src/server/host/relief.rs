//! Who goes when the memory for what waits runs short: whoever holds the most.

use std::cmp::Reverse;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::HostState;
use crate::budget::{Budget, STEP};
use crate::clients::{Cause, Client};

/// How long memory may be short until the greediest go: clients that only read slowly have caught up by then, and
/// nobody can hold it for long. As long those who have been closed may take what waits for them.
const PATIENCE: Duration = Duration::from_secs(3);

/// Closes the greediest clients while memory is short.
///
/// # Cancel safety
///
/// Clients that were closed stay closed.
pub(in crate::server) async fn relief(state: Weak<HostState>, budget: Arc<Budget>) {
    loop {
        budget.pressed().await;
        sleep(PATIENCE).await;
        while let Some(excess @ 1..) = budget.used().checked_sub(budget.comfortable()) {
            let Some(state) = state.upgrade() else { return };
            let closed = close_greediest(&state, excess);
            drop(state);
            sleep(PATIENCE).await;
            for client in closed.iter().filter(|client| client.held() >= STEP) {
                // The only error is that it was done before.
                let _ = client.abort(Cause::NoRoom);
            }
        }
    }
}

/// Closes as many as hold the excess, together with those that are closing already, and tells which.
fn close_greediest(state: &HostState, excess: usize) -> Vec<Arc<Client>> {
    let served = state.registry.all();
    let connected = served.iter().flat_map(|served| served.resource().clients());
    let clients = connected.chain(state.closing.clients());
    let mut greedy: Vec<_> =
        clients.map(|client| (client.held(), client)).filter(|(held, _)| *held >= STEP).collect();
    // Those that are closing first: what they hold is free soon.
    greedy.sort_by_cached_key(|(held, client)| (client.is_open(), Reverse(*held)));
    let (mut freed, mut closed) = (0, Vec::new());
    for (held, client) in greedy {
        if freed >= excess {
            break;
        }
        client.close_to_make_room();
        freed += held;
        closed.push(client);
    }
    closed
}
