//! Who goes when the memory for what waits runs short: whoever holds the most.

use std::cmp::Reverse;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::site::Site;
use crate::budget::{Budget, STEP};

/// How long memory may be short until the greediest go: clients that only read slowly have caught up by then, and
/// nobody can hold it for long.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is looked whether more must go.
const PAUSE: Duration = Duration::from_millis(100);

/// Closes the greediest clients while memory is short.
///
/// # Cancel safety
///
/// Clients that were closed stay closed.
pub(super) async fn relief(site: Weak<Site>, budget: Arc<Budget>) {
    loop {
        budget.pressed().await;
        sleep(PATIENCE).await;
        while let Some(excess @ 1..) = budget.used().checked_sub(budget.comfortable()) {
            let Some(site) = site.upgrade() else { return };
            close_greediest(&site, excess);
            drop(site);
            sleep(PAUSE).await;
        }
    }
}

/// Closes as many as hold the excess, together with those that are closing already.
fn close_greediest(site: &Site, excess: usize) {
    let served = site.registry.all();
    let clients = served.iter().flat_map(|served| served.resource().clients());
    let mut greedy: Vec<_> =
        clients.map(|client| (client.held(), client)).filter(|(held, _)| *held >= STEP).collect();
    // Those that are closing first: what they hold is free soon.
    greedy.sort_by_key(|(held, client)| (client.is_open(), Reverse(*held)));
    let mut freed = 0;
    for (held, client) in greedy {
        if freed >= excess {
            return;
        }
        client.close_for_room();
        freed += held;
    }
}
