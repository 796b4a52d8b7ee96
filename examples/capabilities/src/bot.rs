//! Questions to other servers, over WebSockets: the handler is their client.

use ws_guest::{Cause, Client, CloseCode, Disconnection, Error, connect};

/// Sends a question to a server, whose answer goes to the client that asks.
pub(crate) fn ask(asker: Client, url: &str, question: &str) -> Result<(), Error> {
    let server = connect(url)?;
    // Kept by the host, so that the answer finds its client even after a reload.
    server.attach(asker.id().to_le_bytes())?;
    // Sent as soon as the connection is open.
    Ok(server.send_text(question)?)
}

/// Passes the answer of a server on.
pub(crate) fn answered(server: Client, url: &str, answer: &str) -> Result<(), Error> {
    if let Some(asker) = asker(server) {
        asker.send_text(format!("{url} says: {answer}"))?;
    }
    Ok(server.close(CloseCode::Normal, "")?)
}

/// Tells the client that asks that there will be no answer.
pub(crate) fn ended(server: Client, how: &Disconnection) {
    if let (Some(asker), true) = (asker(server), how.cause() == Cause::NotOpened) {
        // It fails only if the client has gone.
        let _ = asker.send_text(format!("no answer: {}", how.reason()));
    }
}

fn asker(server: Client) -> Option<Client> {
    let id = server.attachment()?.try_into().ok()?;
    Some(Client::from_id(u64::from_le_bytes(id)))
}
