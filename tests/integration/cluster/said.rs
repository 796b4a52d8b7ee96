//! The log has one line for each change of the link and of the lease, however long a change lasts.

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{FaultProxy, wait_until};

use super::members::{LEASE, Shared, is_ready, outlast, placement};

/// The lines of a host that has lost the broker for longer than a lease, and found it again. Each stands for one change.
const CHANGES: [&str; 7] = [
    "connected to the broker",
    "this host has a lease",
    "this host now serves the paths that are unique in the cluster",
    "the connection to the broker was lost",
    "the lease of this host has ended",
    "reconnected to the broker",
    "the lease of this host is valid again",
];

/// Which of them are about the link, and which about the lease.
const LINK: [usize; 3] = [0, 3, 5];
const OF_LEASE: [usize; 4] = [1, 2, 4, 6];

#[test]
fn each_change_of_link_and_lease_is_one_line() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let host = shared.host_behind(&proxy, &[])?;
    proxy.cut();
    wait_until(|| Ok(placement(&host)?["lease"] == "lapsed" && !host.is_up()?))?;
    // Renewals and attempts to connect go on failing.
    outlast(LEASE);
    proxy.heal();
    wait_until(|| Ok(host.is_up()? && is_ready(&host)?))?;
    host.server.signal(Signal::TERM)?;
    let log = host.server.wait()?.log;
    let mut places = Vec::new();
    for change in CHANGES {
        // `reconnected` contains `connected`.
        let change = format!(" {change}");
        let found: Vec<usize> = log.match_indices(&change).map(|(at, _)| at).collect();
        assert_eq!(found.len(), 1, "{change:?}: {log}");
        places.extend(found);
    }
    // The link and the lease have connections of their own, so only the lines of each have an order.
    let in_order = |changes: &[usize]| changes.is_sorted_by_key(|change| places[*change]);
    assert!(in_order(&LINK) && in_order(&OF_LEASE), "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("WARN")).count(), 2, "{log}");
    Ok(())
}
