//! A client's opening handshake over an in-memory stream.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ws_host_protocol::Deflate;
use ws_host_protocol::handshake::client::{Accepted, Handshake};

/// The name of the host in a client's request.
const HOST: &str = "localhost";

/// The maximum number of bytes of a response, and the maximum number of its headers.
const MAX_RESPONSE: u64 = 1 << 20;
const MAX_HEADERS: usize = 128;

/// A request to connect. It has a path with a query, and everything else that a client may ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    pub(super) to: String,
    headers: Vec<(String, String)>,
    subprotocols: Vec<String>,
    compression: bool,
    pub(super) address: IpAddr,
    pub(super) within: Duration,
}

impl Connect {
    /// Asks for a path with a query, such as `/room/1?name=Ada`.
    pub fn to(path: impl Into<String>) -> Self {
        Self {
            to: path.into(),
            headers: Vec::new(),
            subprotocols: Vec::new(),
            compression: false,
            address: Ipv4Addr::LOCALHOST.into(),
            within: Duration::ZERO,
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Offers a subprotocol. The one that is offered first is the preferred one.
    pub fn subprotocol(mut self, name: impl Into<String>) -> Self {
        self.subprotocols.push(name.into());
        self
    }

    /// Offers compression.
    pub fn compression(mut self) -> Self {
        self.compression = true;
        self
    }

    /// Connects from this address instead of `127.0.0.1`.
    pub fn from(mut self, address: impl Into<IpAddr>) -> Self {
        self.address = address.into();
        self
    }

    /// Gives the handler up to this much time to answer, on the test's clock. By default, the clock stands still.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }
}

impl<T: Into<String>> From<T> for Connect {
    fn from(path: T) -> Self {
        Self::to(path)
    }
}

/// An HTTP response that refuses a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Refused {
    /// Returns the body as text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {} with the body {:?}", self.status.as_u16(), self.text())
    }
}

/// Why a client could not connect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The host or the handler refused the client.
    #[error("the client was refused: {0}")]
    Refused(Box<Refused>),
    /// There is no response yet. The handler waits for something, and more time must pass than [`Connect::within`]
    /// allows.
    #[error(
        "the handler has not answered the handshake, and the test's clock has stopped: set a longer `within` to let \
         more time pass"
    )]
    Unanswered,
    /// The connection was closed without a response, or with a response that does not open a WebSocket.
    #[error("the handshake failed: {0}")]
    Failed(String),
    /// The request cannot be made.
    #[error("{0}")]
    Invalid(String),
}

/// The result of a handshake that the host has accepted.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) accepted: Accepted,
    pub(super) headers: HeaderMap,
    /// Bytes that were read after the response.
    pub(super) early: Vec<u8>,
}

/// Sends the request to open a WebSocket, and reads the response.
pub(super) async fn open(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    connect: &Connect,
    key: [u8; 16],
) -> Result<Opened, ConnectError> {
    let mut handshake = Handshake::new(key, connect.subprotocols.clone());
    if connect.compression {
        handshake = handshake.offer_deflate(Deflate::default());
    }
    let request = encode(&handshake, connect)?;
    let failed = |error: std::io::Error| ConnectError::Failed(error.to_string());
    stream.write_all(&request).await.map_err(failed)?;
    let (response, mut rest) = read_head(stream).await?;
    let status = response.status();
    match handshake.check(&response) {
        Ok(accepted) => {
            Ok(Opened { accepted, headers: response.into_parts().0.headers, early: rest })
        }
        Err(error) if status == StatusCode::SWITCHING_PROTOCOLS => {
            Err(ConnectError::Failed(error.to_string()))
        }
        Err(_) => {
            // The read ends, because the host closes the connection after a refusal.
            stream.take(MAX_RESPONSE).read_to_end(&mut rest).await.map_err(failed)?;
            let headers = response.into_parts().0.headers;
            Err(ConnectError::Refused(Box::new(Refused { status, headers, body: rest })))
        }
    }
}

fn encode(handshake: &Handshake, connect: &Connect) -> Result<Vec<u8>, ConnectError> {
    let invalid = |what: String| ConnectError::Invalid(what);
    let to = &connect.to;
    let uri =
        Uri::try_from(to).ok().filter(|uri| to.starts_with('/') && uri.path_and_query().is_some());
    let uri = uri.ok_or_else(|| {
        invalid(format!("{to:?} is not a path: write one such as \"/room/1?name=Ada\""))
    })?;
    let mut request = handshake.request(HOST, uri).map_err(|_| {
        invalid(format!("the subprotocols {:?} are not valid in a header", connect.subprotocols))
    })?;
    for (name, value) in &connect.headers {
        let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(parsed), Ok(value)) = parsed else {
            return Err(invalid(format!("{name:?}: {value:?} is not a valid header")));
        };
        request.headers_mut().append(parsed, value);
    }
    let mut bytes = format!("GET {to} HTTP/1.1\r\n").into_bytes();
    for (name, value) in request.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    Ok(bytes)
}

/// Reads the head of the response. Returns the head, and the bytes that were read after the head.
async fn read_head(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<(Response<()>, Vec<u8>), ConnectError> {
    let failed = |what: String| ConnectError::Failed(what);
    let mut bytes = Vec::new();
    loop {
        let read = stream.read_buf(&mut bytes).await.map_err(|error| failed(error.to_string()))?;
        if read == 0 || bytes.len() as u64 > MAX_RESPONSE {
            return Err(failed("the host closed the connection without a response".into()));
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut headers);
        match parsed.parse(&bytes) {
            Ok(httparse::Status::Complete(length)) => {
                let mut response = Response::builder().status(parsed.code.unwrap_or_default());
                for header in parsed.headers {
                    response = response.header(header.name, header.value);
                }
                let response = response.body(()).map_err(|error| failed(error.to_string()))?;
                return Ok((response, bytes.split_off(length)));
            }
            Ok(httparse::Status::Partial) => {}
            Err(error) => return Err(failed(format!("the host's response is not HTTP: {error}"))),
        }
    }
}
