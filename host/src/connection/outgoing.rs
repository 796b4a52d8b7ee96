//! Outgoing connections while they are being opened.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use super::ConnectionEnd;
use crate::clients::Client;

/// Waits until an outgoing connection is open. Stops waiting when the handler or the host closes the connection.
///
/// # Errors
///
/// The [`ConnectionEnd`], if the connection could not be opened, or if the handler or the host has closed it.
///
/// # Cancel safety
///
/// The future is as cancel safe as `connect`.
pub(crate) async fn opened<T, E: std::fmt::Display>(
    client: &Client,
    connect: impl Future<Output = Result<T, E>>,
) -> Result<T, ConnectionEnd> {
    let mut connect = pin!(connect);
    poll_fn(|context| {
        let is_wanted = {
            let mut outbound = client.outbound();
            outbound.register_waker(context);
            outbound.is_open()
        };
        if !is_wanted {
            return Poll::Ready(Err(ConnectionEnd::Aborted));
        }
        let opened = connect.as_mut().poll(context);
        opened.map_err(|error| ConnectionEnd::NotOpened(error.to_string()))
    })
    .await
}
