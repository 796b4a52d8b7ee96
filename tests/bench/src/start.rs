//! From starting the host to the first echo, with the component compiled before.

use std::io::{Read, Write};
use std::time::Instant;

use anyhow::{Result, ensure};
use ws_host_test_support::TestServer;

use crate::load::{echo_frames, handshake};
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
    let mut stream = handshake(server.address())?;
    let (request, answer) = echo_frames(0, 20);
    stream.write_all(&request)?;
    let mut received = vec![0; answer.len()];
    stream.read_exact(&mut received)?;
    ensure!(received == answer, "an echo is not what was sent");
    Ok(began.elapsed().as_secs_f64() * 1000.0)
}
