//! Python: `bytes` that are sent stay in the memory of the instance. docs/languages/python.md says what helps.

use anyhow::{Result, ensure};

use super::faults::serve;
use crate::build::Components;

super::scenarios! { hibernation_frees_the_bytes_that_were_sent }

/// Each round sends 8 MiB. An instance has 64 MiB at most.
const ROUNDS: usize = 10;
const MESSAGES: usize = 8;

fn hibernation_frees_the_bytes_that_were_sent(components: &Components) -> Result<()> {
    let arguments = ["--hibernate-after", "100ms", "--max-memory", "64MiB"];
    let (mut server, mut client) = serve(components, &arguments)?;
    for _ in 0..ROUNDS {
        for _ in 0..MESSAGES {
            client.send_text("leak")?;
            let size = client.receive()?.payload.len();
            ensure!(size == 1 << 20, "{size}");
        }
        server.wait_for_log("hibernated")?;
    }
    // The state has outlived all of the instances.
    assert_eq!(client.ask("count")?, (ROUNDS * MESSAGES + 2).to_string());
    Ok(())
}
