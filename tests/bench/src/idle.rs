//! What an idle connection costs the host.

#![expect(clippy::print_stdout, reason = "the figure is the purpose")]

use anyhow::{Result, ensure};

use crate::client::one_echo;
use crate::cores::Cores;
use crate::process::{raise_open_files, resident};
use crate::servers::Server;

/// Open files that a process has beside its connections, generously.
const OTHER_FILES: u64 = 100;

/// Opens connections that have each had one echo of 20 octets, and prints the memory of each.
pub(crate) fn measure(connections: usize) -> Result<()> {
    let needed = connections as u64 + OTHER_FILES;
    let allowed = raise_open_files()?;
    ensure!(
        allowed >= needed,
        "{connections} idle connections need {needed} open files, but only {allowed} are allowed: \
         raise the hard limit (`ulimit -Hn`) or pass --idle"
    );
    let server = Server::Host.start_on(Cores::choose()?.server)?;
    let _first = one_echo(server.address())?;
    let before = resident(server.process_id())?;
    let open = (0..connections).map(|_| one_echo(server.address())).collect::<Result<Vec<_>>>()?;
    let after = resident(server.process_id())?;
    let each = after.saturating_sub(before) / open.len() as u64;
    println!("idle-bytes-per-connection {connections} {each}");
    Ok(())
}
