//! The log has one line for each change of the link and of the lease, however long a change lasts.

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{FaultProxy, wait_until};

use super::members::{LEASE, Shared, is_ready, outlast, placement};

/// The lines of a host that has lost the broker for longer than a lease, and found it again, in the order of the first
/// appearance. Each stands for one change.
const CHANGES: [&str; 7] = [
    "connected to the broker",
    "this host has a lease",
    "this host now serves the paths that are unique in the cluster",
    "the connection to the broker was lost",
    "the lease of this host has ended",
    "reconnected to the broker",
    "the lease of this host is valid again",
];

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
    // What is said of the lease and of the link at the end of the outage may come in any order.
    places.truncate(CHANGES.len() - 2);
    assert!(places[2..].is_sorted(), "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("WARN")).count(), 2, "{log}");
    Ok(())
}
