//! Sends each message to all other clients, and the number of those that accepted it to its sender.

use ws_guest::{Client, Error, Handler, Message, broadcast, clients};

#[derive(Default)]
struct Fanout;

fn others(client: Client) -> impl Iterator<Item = Client> {
    clients().into_iter().filter(move |other| *other != client)
}

/// Returns how many clients accepted the message.
fn send_to_all<'a>(to: &[Client], message: impl Into<Message<'a>>) -> usize {
    to.len() - broadcast(to, message).len()
}

impl Handler for Fanout {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let to: Vec<_> = others(client).collect();
        Ok(client.send_display(send_to_all(&to, &message))?)
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        // A client that never existed does not count.
        let to: Vec<_> = others(client).chain([Client::from_id(u64::MAX)]).collect();
        Ok(client.send_display(send_to_all(&to, &message))?)
    }
}

ws_guest::export!(Fanout);
