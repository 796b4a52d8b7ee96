//! Fills the outbound buffer of a client with messages of a given length, once (`fill LENGTH`) or whenever there is
//! room again (`refill LENGTH`), and logs it. Says goodbye when the server stops, and then sleeps or panics if the
//! last message was `sleep` or `panic`. Echoes anything else.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::collections::HashMap;
use std::thread::sleep;
use std::time::Duration;

use ws_guest::{Client, Disconnection, Drained, Error, Handler, Lifecycle, Stop, clients};

#[derive(Default)]
struct Filling {
    /// The clients to refill: the length of each message, and how often it was done.
    refilled: HashMap<Client, (usize, u32)>,
    /// What to do at the end.
    last: String,
}

fn fill(client: Client, length: usize) -> usize {
    let message = "x".repeat(length);
    std::iter::from_fn(|| client.send_text(&message).ok()).count()
}

fn id_of(client: Client) -> String {
    client.id().to_string()
}

impl Handler for Filling {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.split_once(' ') {
            Some(("fill", length)) => {
                let accepted = fill(client, length.parse()?);
                println!("{} took {accepted} and no more", id_of(client));
            }
            Some(("refill", length)) => {
                let length = length.parse()?;
                self.refilled.insert(client, (length, 0));
                fill(client, length);
            }
            _ => {
                client.send_text(&message)?;
                self.last = message;
            }
        }
        Ok(())
    }

    fn disconnected(&mut self, client: Client, _: &Disconnection) {
        println!("{} disconnected", id_of(client));
    }
}

impl Drained for Filling {
    fn drained(&mut self, client: Client) -> Result<(), Error> {
        let Some((length, times)) = self.refilled.get_mut(&client) else {
            println!("{} drained: {}", id_of(client), client.send_text("drained").is_ok());
            return Ok(());
        };
        fill(client, *length);
        *times += 1;
        if times.is_power_of_two() {
            println!("{} refilled {times} times", id_of(client));
        }
        Ok(())
    }
}

impl Lifecycle for Filling {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.last.clone().into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        println!("woken");
        self.last = String::from_utf8(state.unwrap_or_default())?;
        Ok(())
    }
}

impl Stop for Filling {
    fn stopping(&mut self) -> Result<(), Error> {
        println!("stopping with {} clients", clients().len());
        for client in clients() {
            client.send_text("goodbye")?;
        }
        match self.last.as_str() {
            "sleep" => sleep(Duration::from_secs(3600)),
            "panic" => panic!("asked to"),
            _ => {}
        }
        Ok(())
    }
}

ws_guest::export!(Filling: Drained, Lifecycle, Stop);
