//! The time from starting a server to its first echo. ws-host has its component in the compilation
//! cache.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::Instant;

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::client::one_echo;
use crate::servers::Server;
use crate::statistics::Samples;
use crate::workload::Role;

/// How long a server took from its start to its first echo.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// The server.
    pub(crate) server: Server,
    /// The times of its starts, in milliseconds.
    pub(crate) milliseconds: Samples,
}

/// Starts each server `starts` times, after one start that fills the compilation cache and the page
/// cache.
pub(crate) fn measure(servers: &[Server], starts: usize) -> Result<Vec<Start>> {
    servers.iter().map(|server| of_server(server, starts)).collect()
}

fn of_server(server: &Server, starts: usize) -> Result<Start> {
    first_echo(server)?;
    let milliseconds = (0..starts).map(|_| first_echo(server)).collect::<Result<Samples>>()?;
    println!("start-to-first-echo-ms {} {milliseconds}", server.name());
    Ok(Start { server: server.clone(), milliseconds })
}

fn first_echo(server: &Server) -> Result<f64> {
    let command = server.launch(Role::Echo, 1)?.unpinned();
    let began = Instant::now();
    let process = TestServer::spawn(command)?;
    let _connection = one_echo(process.address())?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
