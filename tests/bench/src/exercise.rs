//! Runs every workload against the host without measuring, to collect a profile for the compiler.
//!
//! The host is shut down gracefully, because it writes its profile when it exits.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::TestServer;

use crate::certificate::Certificate;
use crate::process::end;
use crate::servers::Server;
use crate::workload::Workload;

/// Lets the host serve each workload in turn, for `counted` each.
pub(crate) fn exercise(workloads: &[Workload], counted: Duration) -> Result<()> {
    let certificate = Certificate::make()?;
    for workload in workloads {
        let messages = serve(*workload, &certificate, counted).context(workload.name)?;
        ensure!(messages > 0, "{}: no message came back", workload.name);
        println!("{}: {messages} {}", workload.name, workload.unit());
    }
    Ok(())
}

fn serve(workload: Workload, certificate: &Certificate, counted: Duration) -> Result<u64> {
    let Workload { channel, connections, .. } = workload;
    let launch = Server::HOST.launch_over(channel, workload.role(), connections, certificate)?;
    let server = TestServer::spawn(launch.unpinned())?;
    let mut load = workload.connect(server.address(), certificate)?;
    let counted = load.run(counted)?;
    drop(load);
    let ended = end(server)?;
    ensure!(ended.status.success(), "the host ended with {}: {}", ended.status, ended.log);
    Ok(counted.messages)
}
