//! The handshake over HTTP/1.1: the connection is upgraded (RFC 6455 §4.1).

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ws_host_protocol::handshake::client::{Handshake, HandshakeError};

use super::refusal::refusal;
use super::{Established, Exchange, MAX_HEAD, Opened};
use crate::error::ConnectError;
use crate::http_version::HttpVersion;
use crate::options::Options;
use crate::transport::{self, Transport};

/// Opens a WebSocket on a new connection.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub(crate) async fn open(
    transport: Transport,
    options: &Options,
) -> Result<Established, ConnectError> {
    let Transport { stream, probe, .. } = transport;
    // §4.1: 16 random bytes for each connection.
    let mut handshake = Handshake::new(rand::random(), options.subprotocols.clone());
    if let Some(settings) = options.compression {
        handshake = handshake.offer_deflate(settings);
    }
    let response_error =
        |error| transport::response_error(options, HttpVersion::Http1, &probe, error);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD as usize)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(response_error)?;
    let mut exchange = Exchange::new(connection);
    let response = pin!(sender.send_request(request(&handshake, options)?));
    let response = exchange.drive(response).await.map_err(response_error)?;
    let accepted = match handshake.check(&response) {
        Ok(accepted) => accepted,
        Err(HandshakeError::Status(_)) => {
            return Err(exchange.drive(pin!(refusal(response))).await);
        }
        Err(error) => return Err(error.into()),
    };
    let opened = Opened::new(accepted, response.into_parts().0);
    let (stream, early) = exchange.into_stream().await;
    Ok(Established { stream: stream.into_inner(), early, opened })
}

fn request(
    handshake: &Handshake,
    options: &Options,
) -> Result<Request<Empty<Bytes>>, ConnectError> {
    let request = handshake
        .request(&options.authority(), options.url.resource())
        .map_err(|error| ConnectError::Http(Arc::new(error)))?;
    let mut request = request.map(|()| Empty::new());
    request.headers_mut().extend(options.headers());
    Ok(request)
}
