//! The handshake over HTTP/2: a stream of a connection becomes the WebSocket (RFC 8441 §5).

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::ext::Protocol;
use ws_host_protocol::handshake::Scheme as HttpScheme;
use ws_host_protocol::handshake::client::{HandshakeError, Http2Handshake};

use super::refusal::refusal;
use super::{Established, Opened};
use crate::error::ConnectError;
use crate::http2::Http2Connection;
use crate::options::Options;
use crate::upgraded_stream::UpgradedStream;
use crate::url::Scheme;

/// Opens a WebSocket on a connection that may carry other WebSockets.
///
/// # Cancel safety
///
/// Dropping the future resets the stream.
pub(crate) async fn open(
    connection: &Http2Connection,
    options: &Options,
) -> Result<Established, ConnectError> {
    if !connection.is_to(&options.url) {
        return Err(ConnectError::AnotherServer);
    }
    let mut handshake = Http2Handshake::new(options.subprotocols.clone());
    if let Some(settings) = options.compression {
        handshake = handshake.offer_deflate(settings);
    }
    let response_error = |error| ConnectError::Http(Arc::new(error));
    let request = request(&handshake, options)?;
    let mut response = connection.send(request).await.map_err(response_error)?;
    let accepted = match handshake.check(&response) {
        Ok(accepted) => accepted,
        Err(HandshakeError::Status(_)) => return Err(refusal(response).await),
        Err(error) => return Err(error.into()),
    };
    let upgraded = hyper::upgrade::on(&mut response).await.map_err(response_error)?;
    let stream = UpgradedStream::new(upgraded, connection.guard());
    let opened = Opened::new(accepted, response.into_parts().0);
    Ok(Established { stream: Box::new(stream), early: Vec::new(), opened })
}

fn request(
    handshake: &Http2Handshake,
    options: &Options,
) -> Result<Request<Empty<Bytes>>, ConnectError> {
    let scheme = match options.url.scheme {
        Scheme::Ws => HttpScheme::Http,
        Scheme::Wss => HttpScheme::Https,
    };
    let request = handshake
        .request(scheme, &options.authority(), options.url.resource())
        .map_err(|error| ConnectError::Http(Arc::new(error)))?;
    let mut request = request.map(|()| Empty::new());
    request.headers_mut().extend(options.headers());
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    Ok(request)
}
