//! Over HTTP/1.1: the stream is upgraded (RFC 6455 §4.1).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ws_host_protocol::handshake::client::{Handshake, HandshakeError};

use super::refusal::refusal;
use super::{Established, MAX_HEAD, Opened};
use crate::error::ConnectError;
use crate::http_version::HttpVersion;
use crate::options::Options;
use crate::sniff::Sniffed;
use crate::stream::Stream;
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
    let mut exchange = Exchange { connection, is_over: false };
    let answer = pin!(sender.send_request(request(&handshake, options)?));
    let answer = exchange.drive(answer).await.map_err(no_answer)?;
    let accepted = match handshake.check(&answer) {
        Ok(accepted) => accepted,
        Err(HandshakeError::Status(_)) => return Err(exchange.drive(pin!(refusal(answer))).await),
        Err(error) => return Err(error.into()),
    };
    let opened = Opened::new(accepted, answer.into_parts().0);
    let (stream, early) = exchange.into_stream().await;
    Ok(Established { stream, early, opened })
}

fn request(
    handshake: &Handshake,
    options: &Options,
) -> Result<Request<Empty<Bytes>>, ConnectError> {
    let request = handshake
        .request(&options.url.host_header(), options.url.resource())
        .map_err(|error| ConnectError::Http(Arc::new(error)))?;
    let mut request = request.map(|()| Empty::new());
    request.headers_mut().extend(options.headers.clone());
    Ok(request)
}

/// The HTTP connection of the handshake, driven by whoever waits for something of it.
struct Exchange {
    connection: http1::Connection<TokioIo<Sniffed>, Empty<Bytes>>,
    is_over: bool,
}

impl Exchange {
    async fn drive<T>(&mut self, mut wait: Pin<&mut impl Future<Output = T>>) -> T {
        poll_fn(|context| {
            let _ = self.poll(context);
            wait.as_mut().poll(context)
        })
        .await
    }

    /// After the answer 101: the stream, and what was read of it behind the answer.
    async fn into_stream(mut self) -> (Box<dyn Stream>, Vec<u8>) {
        poll_fn(|context| self.poll(context)).await;
        let parts = self.connection.into_parts();
        (parts.io.into_inner().into_inner(), parts.read_buf.into())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_over {
            // An error comes out at what is waited for, too.
            self.is_over = self.connection.poll_without_shutdown(context).is_ready();
        }
        if self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}
