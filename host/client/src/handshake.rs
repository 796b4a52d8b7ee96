//! The opening handshake over HTTP/1.1 (RFC 6455 §4.1).

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, LOCATION};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use ws_host_protocol::PerMessageDeflate;
use ws_host_protocol::handshake::client::{Handshake, HandshakeError};

use crate::error::ConnectError;
use crate::options::Options;
use crate::stream::Stream;

/// How much of a refusal's text is kept, in octets: more than a person reads.
const MAX_BODY: usize = 64 << 10;

/// How long the text of a refusal may take. The status says the most, and is known by then.
const BODY_TIME: Duration = Duration::from_secs(1);

/// The longest head of an answer, in octets: four times what servers commonly allow a request.
const MAX_HEAD: usize = 64 << 10;

/// What the server agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Opened {
    /// The subprotocol that it chose, one of those that were offered.
    pub subprotocol: Option<String>,
    /// How messages are compressed, if the server agreed to that.
    pub compression: Option<PerMessageDeflate>,
    /// All headers of its answer.
    pub headers: HeaderMap,
}

/// Opens a WebSocket on a stream: gives the stream back, and what followed the server's answer.
///
/// # Cancel safety
///
/// Dropping the future drops the stream.
pub(crate) async fn open(
    stream: Box<dyn Stream>,
    options: &Options,
) -> Result<(Box<dyn Stream>, Vec<u8>, Opened), ConnectError> {
    // §4.1: 16 octets chosen at random for each connection.
    let mut handshake = Handshake::new(rand::random(), options.subprotocols.clone());
    if let Some(settings) = options.compression {
        handshake = handshake.offer_deflate(settings);
    }
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(no_answer)?;
    let mut exchange = Exchange { connection, is_over: false };
    let answer = pin!(sender.send_request(request(&handshake, options)?));
    let answer = exchange.drive(answer).await.map_err(no_answer)?;
    let accepted = match handshake.check(&answer) {
        Ok(accepted) => accepted,
        Err(HandshakeError::Status(_)) => return Err(refusal(exchange, answer).await),
        Err(error) => return Err(error.into()),
    };
    let opened = Opened {
        subprotocol: accepted.subprotocol,
        compression: accepted.deflate,
        headers: answer.into_parts().0.headers,
    };
    let (stream, early) = exchange.into_stream().await;
    Ok((stream, early, opened))
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

fn no_answer(error: hyper::Error) -> ConnectError {
    ConnectError::Http(Arc::new(error))
}

/// What a server says that does not switch protocols.
async fn refusal(mut exchange: Exchange, answer: Response<Incoming>) -> ConnectError {
    let status = answer.status();
    if status.is_redirection() {
        let location = answer.headers().get(LOCATION);
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        return ConnectError::Redirected { status, location };
    }
    let mut body = Vec::new();
    {
        let reading = pin!(read_body(answer.into_body(), &mut body));
        // However it ends: what has come by then is the text.
        let _ = tokio::time::timeout(BODY_TIME, exchange.drive(reading)).await;
    }
    body.truncate(MAX_BODY);
    ConnectError::Refused { status, body: String::from_utf8_lossy(&body).into_owned() }
}

async fn read_body(mut body: Incoming, text: &mut Vec<u8>) {
    while text.len() < MAX_BODY
        && let Some(Ok(frame)) = body.frame().await
    {
        text.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
    }
}

/// The HTTP connection of the handshake, driven by whoever waits for something of it.
struct Exchange {
    connection: http1::Connection<TokioIo<Box<dyn Stream>>, Empty<Bytes>>,
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
        (parts.io.into_inner(), parts.read_buf.into())
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.is_over {
            // An error comes out at what is waited for, too.
            self.is_over = self.connection.poll_without_shutdown(context).is_ready();
        }
        if self.is_over { Poll::Ready(()) } else { Poll::Pending }
    }
}
