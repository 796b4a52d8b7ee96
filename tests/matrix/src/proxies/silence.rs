//! A client that says nothing for longer than proxies wait, and is kept by the server's pings.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use ws_host_test_support::DEADLINE;

use super::front::Front;

/// The name of the scenario.
pub(super) const SILENCE: &str = "80 s of silence";

/// Longer than the 60 s after which many proxies drop a connection, and than the 75 s in our configurations.
const TIME: Duration = Duration::from_secs(80);

/// A client that keeps silent on a thread.
pub(super) struct Silent(JoinHandle<Result<()>>);

impl Silent {
    /// Begins.
    pub(super) fn begin(front: &Front) -> Result<Self> {
        let mut client = front.connect("/echo")?;
        client.stream().set_read_timeout(Some(TIME + DEADLINE))?;
        let end = Instant::now() + TIME;
        let thread = std::thread::Builder::new().name("silence".to_owned()).spawn(move || {
            let mut pings = 0;
            while Instant::now() < end {
                let frame = client.receive().context(format!("after {pings} pings"))?;
                ensure!(frame.first == 0x89, "expected a ping, got {frame:?}");
                pings += 1;
                // As every browser does by itself.
                client.send_frame(0x8a, &frame.payload)?;
            }
            ensure!(client.ask("still here")? == "still here", "another answer");
            client.close()
        })?;
        Ok(Self(thread))
    }

    /// Waits for the end.
    pub(super) fn end(self) -> Result<()> {
        self.0.join().map_err(|_| anyhow!("the client panicked"))?
    }
}
