//! Over HTTP/1.1: the stream is upgraded (RFC 6455 §4.1).

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

/// Opens a WebSocket on a connection of its own.
///
/// # Cancel safety
///
/// Dropping the future closes the connection.
pub(crate) async fn open(
    transport: Transport,
    options: &Options,
) -> Result<Established, ConnectError> {
    let Transport { stream, scent, .. } = transport;
    // §4.1: 16 octets chosen at random for each connection.
    let mut handshake = Handshake::new(rand::random(), options.subprotocols.clone());
    if let Some(settings) = options.compression {
        handshake = handshake.offer_deflate(settings);
    }
    let no_answer = |error| transport::no_answer(options, HttpVersion::Http1, &scent, error);
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD as usize)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(no_answer)?;
    let mut exchange = Exchange::new(connection);
    let answer = pin!(sender.send_request(request(&handshake, options)?));
    let answer = exchange.drive(answer).await.map_err(no_answer)?;
    let accepted = match handshake.check(&answer) {
        Ok(accepted) => accepted,
        Err(HandshakeError::Status(_)) => return Err(exchange.drive(pin!(refusal(answer))).await),
        Err(error) => return Err(error.into()),
    };
    let opened = Opened::new(accepted, answer.into_parts().0);
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
