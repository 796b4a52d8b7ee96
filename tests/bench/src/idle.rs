//! What an idle connection costs the servers in memory.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use anyhow::Result;

use crate::client::one_echo;
use crate::cores::Cores;
use crate::process::{raise_open_files, resident};
use crate::servers::Server;
use crate::workload::Role;

/// What an idle connection costs a server.
#[derive(Clone, Debug)]
pub(crate) struct Idle {
    /// The server.
    pub(crate) server: Server,
    /// Connections that were open.
    pub(crate) connections: usize,
    /// By how much the server's resident memory grew for each, in octets.
    pub(crate) octets: u64,
}

/// Opens connections that have each had one echo of 20 octets, and prints the memory of each.
pub(crate) fn measure(servers: &[Server], connections: usize) -> Result<Vec<Idle>> {
    let allowed = raise_open_files()?;
    let core = Cores::choose()?.server;
    let mut measured = Vec::new();
    for server in servers {
        let needed = server.files(connections);
        if needed <= allowed {
            measured.push(of_server(server, core, connections)?);
            continue;
        }
        println!(
            "left out: {} with {connections} idle connections, which take {needed} open files; a \
             process may have {allowed} (ulimit -Hn, or pass --idle)",
            server.name()
        );
    }
    Ok(measured)
}

fn of_server(server: &Server, core: usize, connections: usize) -> Result<Idle> {
    let process = server.start_on(core, &server.launch(Role::Echo, connections)?)?;
    let _first = one_echo(process.address())?;
    let before = resident(process.process_id())?;
    let open = (0..connections).map(|_| one_echo(process.address())).collect::<Result<Vec<_>>>()?;
    let after = resident(process.process_id())?;
    let octets = after.saturating_sub(before) / open.len() as u64;
    println!("idle-bytes-per-connection {} {connections} {octets}", server.name());
    Ok(Idle { server: server.clone(), connections, octets })
}
