//! The template `echo` under load.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer};

use crate::build::Components;

super::scenarios! { concurrent_echoes_come_back_unchanged }

const CLIENTS: usize = 50;

/// How many messages each client sends, and how many of them before it reads.
const ROUNDS: usize = 20;
const AT_ONCE: usize = 4;

/// Enough for several runs of most garbage collectors: 4,000 messages of 3 KiB to 4 KiB. Each client sends several
/// messages before it reads, so that the host can pass them in one call.
fn concurrent_echoes_come_back_unchanged(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.echo, &["--max-memory", "128MiB"])?;
    let mut clients = Client::connect_many(&server, CLIENTS)?;
    for round in 0..ROUNDS {
        for (number, client) in clients.iter_mut().enumerate() {
            for message in 0..AT_ONCE {
                client.send_text(&text(number, round, message))?;
            }
        }
        for (number, client) in clients.iter_mut().enumerate() {
            for message in 0..AT_ONCE {
                let (got, sent) = (client.receive_text()?, text(number, round, message));
                let length = got.len();
                ensure!(
                    got == sent,
                    "client {number}: message {message} of round {round} came \
                                      back changed ({length} bytes)"
                );
            }
        }
    }
    Ok(())
}

/// Returns a text that no other message has.
fn text(client: usize, round: usize, message: usize) -> String {
    format!("{client} {round} {message};").repeat(512)
}
