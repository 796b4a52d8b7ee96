//! The memory that a server uses for an idle connection.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use anyhow::Result;

use crate::client::one_echo;
use crate::cores::Cores;
use crate::process::{raise_open_files, resident};
use crate::servers::Server;
use crate::workload::Role;

/// The memory of an idle connection on one server.
#[derive(Clone, Debug)]
pub(crate) struct Idle {
    /// The server.
    pub(crate) server: Server,
    /// Connections that were open.
    pub(crate) connections: usize,
    /// Growth of the server's resident memory per connection, in bytes.
    pub(crate) bytes: u64,
}

/// Opens connections, has one message of 20 bytes echoed on each, and prints the memory per
/// connection.
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
            "left out: {}: {connections} idle connections need {needed} open files, and a process may have \
             {allowed}; raise the limit (ulimit -Hn) or pass a smaller --idle",
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
    let bytes = after.saturating_sub(before) / open.len() as u64;
    println!("idle-bytes-per-connection {} {connections} {bytes}", server.name());
    Ok(Idle { server: server.clone(), connections, bytes })
}
