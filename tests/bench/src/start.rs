//! From starting the host to the first echo, with the component compiled before.

#![expect(clippy::print_stdout, reason = "the figure is the purpose")]

use std::time::Instant;

use anyhow::Result;
use ws_host_test_support::TestServer;

use crate::client::one_echo;
use crate::statistics::Samples;

/// Starts the host so often, after one start that fills the compilation cache.
pub(crate) fn measure(starts: usize) -> Result<()> {
    first_echo()?;
    let mut milliseconds = Samples::default();
    for _ in 0..starts {
        milliseconds.push(first_echo()?);
    }
    println!("start-to-first-echo-ms {milliseconds}");
    Ok(())
}

fn first_echo() -> Result<f64> {
    let began = Instant::now();
    let server = TestServer::serving("echo")?;
    let _connection = one_echo(server.address())?;
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
