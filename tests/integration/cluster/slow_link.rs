//! A link to the broker that is slower than the states that a host saves.
//!
//! The relay gives each connection its turn. So these tests show that renewals of the lease do not wait behind states in
//! the same connection.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ws_host_test_support::FaultProxy;

use super::durable::saves;
use super::members::{Shared, join, placement};

/// A renewal may take a quarter of it.
const LEASE: Duration = Duration::from_secs(2);

const ROOMS: u64 = 16;

/// The length of the state of each room.
const STATE: u64 = 500_000;

/// With this, saving all rooms once takes twice as long as a renewal may take.
const BYTES_PER_SECOND: u32 = 8_000_000;

#[test]
#[expect(clippy::print_stdout, reason = "how much is saved depends on the machine")]
fn lease_is_renewed_while_states_fill_the_link_to_the_broker() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let flags = ["--durable", "--save-every", "20ms"];
    let host = shared.starting("guest-keeper", &proxy.url(), LEASE, &flags)?;
    host.wait_until_ready()?;
    let rooms = (0..ROOMS).map(|room| join(&host, &format!("/room/{room}")));
    let mut clients = rooms.collect::<Result<Vec<_>>>()?;
    for client in &mut clients {
        assert_eq!(client.ask(&format!("ballast {STATE}"))?, "heavy");
    }
    proxy.limit(BYTES_PER_SECOND);
    // Returns how many states were saved in this time, and how many times that failed.
    let mut save_for = |time: Duration| {
        let outcomes =
            || Ok::<_, anyhow::Error>((saves(&host, "saved")?, saves(&host, "unavailable")?));
        let (before, began) = (outcomes()?, Instant::now());
        while began.elapsed() < time {
            // Each room has something to save.
            for client in &mut clients {
                client.ask("count")?;
            }
            ensure!(placement(&host)?["lost_leases"] == 0, "the lease was lost");
        }
        let after = outcomes()?;
        let (saved, failed) = (after.0 - before.0, after.1 - before.1);
        println!("{saved} states in {:.1?}, and {failed} failed", began.elapsed());
        Ok::<_, anyhow::Error>((saved, failed))
    };
    // At first, the host sends more than the link carries in time.
    save_for(LEASE * 3)?;
    let (saved, failed) = save_for(LEASE * 2)?;
    // After that, much of what the link carries is saved.
    let carried = (LEASE * 2).as_secs_f64() * f64::from(BYTES_PER_SECOND) / STATE as f64;
    ensure!(saved as f64 > carried / 4.0, "{saved} states, and not {carried}");
    ensure!(failed < saved, "{saved} states were saved, and {failed} were not");
    assert_eq!(placement(&host)?["lease"], "valid");
    Ok(())
}
