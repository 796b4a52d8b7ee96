//! Calls the handler for each event, in the same way in a test and in a component.

use crate::{
    Client, CustomMessage, CustomMessages, Disconnection, Drained, Error, Expiry, Handler,
    Handshake, Lifecycle, Rejection, Stop, Timer, Timers, report,
};

pub(crate) fn connected<H: Handler>(handler: &mut H, client: Client) -> bool {
    let mut handshake = Handshake::of(client);
    let Err(rejection) = handler.connected(client, &mut handshake) else {
        return true;
    };
    if let Err(mistake) = handshake.refuse(&rejection) {
        // The rejection is not valid, so it cannot be sent. The reason is logged, and the client gets a plain 500.
        let _ = handshake.refuse(&Rejection::from(mistake));
    }
    false
}

#[inline]
pub(crate) fn received_text<H: Handler>(handler: &mut H, client: Client, message: String) {
    attempt(handler, client, |handler| handler.received_text(client, message));
}

#[inline]
pub(crate) fn received_binary<H: Handler>(handler: &mut H, client: Client, message: Vec<u8>) {
    attempt(handler, client, |handler| handler.received_binary(client, message));
}

pub(crate) fn received_pong<H: Handler>(handler: &mut H, client: Client, payload: Vec<u8>) {
    attempt(handler, client, |handler| handler.received_pong(client, payload));
}

pub(crate) fn disconnected<H: Handler>(handler: &mut H, client: Client) {
    handler.disconnected(client, &Disconnection::of(client));
}

pub(crate) fn resume<H: Lifecycle>(handler: &mut H, state: Option<Vec<u8>>) -> Result<(), String> {
    handler.resume(state).map_err(|error| format!("{error:#}"))
}

pub(crate) fn fired<H: Timers>(handler: &mut H, timer: Timer) {
    if let Err(error) = handler.fired(timer) {
        report::to_log(&timer, &error);
    }
}

pub(crate) fn received_custom<H: CustomMessages>(
    handler: &mut H,
    message: Vec<u8>,
) -> Result<Vec<u8>, String> {
    let about = CustomMessage::current();
    handler.received_custom(message, &about).map_err(|error| format!("{error:#}"))
}

pub(crate) fn drained<H: Drained>(handler: &mut H, client: Client) {
    attempt(handler, client, |handler| handler.drained(client));
}

pub(crate) fn expiring<H: Expiry>(handler: &mut H, client: Client) {
    attempt(handler, client, |handler| handler.expiring(client));
}

pub(crate) fn stopping<H: Stop>(handler: &mut H) {
    if let Err(error) = handler.stopping() {
        report::to_log(&"stopping", &error);
    }
}

/// Runs one event of a client, and passes an error to [`Handler::failed`].
#[inline]
fn attempt<H: Handler>(
    handler: &mut H,
    client: Client,
    act: impl FnOnce(&mut H) -> Result<(), Error>,
) {
    if let Err(error) = act(handler) {
        handler.failed(client, error);
    }
}
