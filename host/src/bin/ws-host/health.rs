//! `ws-host health ADDR`: asks a running server whether it works. This is for containers, which have no other program
//! that could send the request.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long connecting may take, and how long the response may take. A working server answers within milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// The beginning of the response of a working server.
const HEALTHY: &str = "HTTP/1.1 200 ";

/// Asks a server whether it works, and fails if it does not
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address that answers health checks: that of --health, of --admin, or of --listen without TLS
    #[arg(value_name = "ADDR")]
    address: SocketAddr,
}

/// Asks the server.
///
/// # Errors
///
/// An error if nobody answers in time, or if the status is not 200. The error contains the status.
pub(crate) fn run(args: &Args) -> Result<()> {
    let address = args.address;
    let status = ask(address).with_context(|| format!("the health check at {address} failed"))?;
    if !status.starts_with(HEALTHY) {
        bail!("the server at {address} answers the health check with {:?}", status.trim_end());
    }
    Ok(())
}

/// Returns the first line of the response.
fn ask(address: SocketAddr) -> Result<String> {
    /// More than the length of any health check's status line. If another kind of server answers, no more than this is
    /// read.
    const LONGEST: u64 = 256;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = Vec::new();
    BufReader::new(std::io::Read::take(stream, LONGEST)).read_until(b'\n', &mut status)?;
    Ok(String::from_utf8_lossy(&status).into_owned())
}
