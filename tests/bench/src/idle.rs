//! What an idle connection costs the host.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Result, ensure};

use crate::load::{echo_frames, handshake};
use crate::process::{raise_open_files, resident};
use crate::servers::{self, OURS};

/// Opens connections that have each had one echo of 20 octets, and prints the memory of each.
pub(crate) fn measure(connections: usize) -> Result<()> {
    raise_open_files()?;
    let server = servers::start(OURS)?;
    let _first = used_connection(server.address(), 0)?;
    let before = resident(server.process_id())?;
    let open = (1..=connections)
        .map(|index| used_connection(server.address(), index))
        .collect::<Result<Vec<_>>>()?;
    let after = resident(server.process_id())?;
    let each = after.saturating_sub(before) / open.len() as u64;
    println!("idle-bytes-per-connection {connections} {each}");
    Ok(())
}

fn used_connection(server: SocketAddr, index: usize) -> Result<TcpStream> {
    let mut stream = handshake(server)?;
    let (request, answer) = echo_frames(index, 20);
    stream.write_all(&request)?;
    let mut received = vec![0; answer.len()];
    stream.read_exact(&mut received)?;
    ensure!(received == answer, "an echo is not what was sent");
    Ok(stream)
}
