//! A proxy as seen by a client on another address.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::request::Builder;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use ws_host_test_support::Client;

use super::certificate::{Certificate, NAME};
use super::network::{Network, bridged, wait};

/// The client's address. The server sees the proxy itself at 127.0.0.1.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

// The key and the accept value of RFC 6455 §1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The version of HTTP that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Http {
    One,
    Two,
}

/// The address of a proxy, and how to connect to it.
#[derive(Clone)]
pub(super) struct Front {
    address: SocketAddr,
    http: Http,
    tls: Arc<ClientConfig>,
    network: Handle,
}

/// The result of a handshake.
pub(super) enum Opened {
    WebSocket(Client<UnixStream>),
    Refused(TextResponse),
}

/// The response to a request.
#[derive(Debug)]
pub(super) struct TextResponse {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Front {
    pub(super) fn new(
        port: u16,
        http: Http,
        certificate: &Certificate,
        network: &Network,
    ) -> Result<Self> {
        let protocol: &[u8] = match http {
            Http::One => b"http/1.1",
            Http::Two => b"h2",
        };
        Ok(Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            http,
            tls: certificate.client(protocol)?,
            network: network.handle(),
        })
    }

    /// Returns host and port, as a client writes them.
    pub(super) fn authority(&self) -> String {
        format!("{NAME}:{}", self.address.port())
    }

    /// Returns the origin of the pages that are served here.
    pub(super) fn own_origin(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// Requests a WebSocket with additional headers.
    pub(super) fn open(&self, path: &str, headers: &[(&str, &str)]) -> Result<Opened> {
        let (front, method, url) = (self.clone(), self.http.method(), self.url(path));
        let mut request = Request::builder().method(method).uri(url);
        request = match self.http {
            Http::One => request
                .header(HOST, self.authority())
                .header(UPGRADE, "websocket")
                .header(CONNECTION, "Upgrade")
                .header(SEC_WEBSOCKET_KEY, KEY),
            Http::Two => request.extension(Protocol::from_static("websocket")),
        };
        request = request.header(SEC_WEBSOCKET_VERSION, "13");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::new())?;
        wait(&self.network, async move { front.handshake(request).await })
    }

    /// Opens a WebSocket, which must be accepted.
    pub(super) fn open_accepted(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Client<UnixStream>> {
        match self.open(path, headers)? {
            Opened::WebSocket(client) => Ok(client),
            Opened::Refused(TextResponse { status, body }) => {
                bail!("refused with {status}: {}", body.trim())
            }
        }
    }

    /// Opens a WebSocket like a client that is not a browser.
    pub(super) fn connect(&self, path: &str) -> Result<Client<UnixStream>> {
        self.open_accepted(path, &[])
    }

    /// Requests a WebSocket like a page of this origin.
    pub(super) fn open_from(&self, origin: &str, headers: &[(&str, &str)]) -> Result<Opened> {
        self.open("/echo", &[headers, &[(ORIGIN.as_str(), origin)]].concat())
    }

    /// Requests the same path `times` times, one after the other, on one connection.
    pub(super) fn get(&self, path: &str, times: usize) -> Result<Vec<TextResponse>> {
        let front = self.clone();
        let path = path.to_owned();
        wait(&self.network, async move { front.requests(&path, times).await })
    }

    /// Returns the URL of a request. HTTP/1.1 has the authority in `Host`, HTTP/2 in `:authority`.
    fn url(&self, path: &str) -> String {
        match self.http {
            Http::One => path.to_owned(),
            Http::Two => format!("https://{}{path}", self.authority()),
        }
    }

    async fn handshake(&self, request: Request<Empty<Bytes>>) -> Result<Opened> {
        let mut sender = self.sender().await?;
        if self.http == Http::Two {
            // The server says whether it supports WebSockets before its first response (RFC 8441
            // §3).
            sender.send(self.request("/healthz")?).await?.into_body().collect().await?;
        }
        let response = sender.send(request).await?;
        if response.status() != self.http.granted() {
            return Ok(Opened::Refused(read_body(response).await?));
        }
        if self.http == Http::One {
            let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT);
            ensure!(
                accept.is_some_and(|accept| accept == ACCEPT),
                "the accept value is wrong: {accept:?}"
            );
        }
        let upgraded = hyper::upgrade::on(response).await?;
        Ok(Opened::WebSocket(Client::on(bridged(TokioIo::new(upgraded))?)))
    }

    async fn requests(&self, path: &str, times: usize) -> Result<Vec<TextResponse>> {
        let mut sender = self.sender().await?;
        let mut responses = Vec::new();
        for number in 1..=times {
            let response = sender.send(self.request(path)?).await;
            let response = read_body(response.with_context(|| format!("request {number}"))?).await;
            responses.push(response.with_context(|| format!("the body of response {number}"))?);
        }
        Ok(responses)
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>> {
        let request: Builder = Request::get(self.url(path));
        Ok(match self.http {
            Http::One => request.header(HOST, self.authority()).body(Empty::new())?,
            Http::Two => request.body(Empty::new())?,
        })
    }

    async fn sender(&self) -> Result<Sender> {
        let stream = TokioIo::new(self.stream().await?);
        Ok(match self.http {
            Http::One => {
                let (sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection.with_upgrades());
                Sender::One(sender)
            }
            Http::Two => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, stream).await?;
                tokio::spawn(connection);
                Sender::Two(sender)
            }
        })
    }

    async fn stream(&self) -> Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((CLIENT, 0).into())?;
        let stream = socket.connect(self.address).await.context("cannot reach the proxy")?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        connector
            .connect(ServerName::try_from(NAME)?, stream)
            .await
            .context("the TLS handshake with the proxy failed")
    }
}

impl Http {
    fn method(self) -> Method {
        match self {
            Self::One => Method::GET,
            Self::Two => Method::CONNECT,
        }
    }

    /// Returns the status of an accepted handshake.
    fn granted(self) -> StatusCode {
        match self {
            Self::One => StatusCode::SWITCHING_PROTOCOLS,
            Self::Two => StatusCode::OK,
        }
    }
}

/// Sends requests on one connection.
enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    async fn send(&mut self, request: Request<Empty<Bytes>>) -> Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await.context("the proxy closed the connection after a response")?;
                Ok(sender.send_request(request).await?)
            }
            Self::Two(sender) => {
                sender.ready().await.context("the proxy closed the connection after a response")?;
                Ok(sender.send_request(request).await?)
            }
        }
    }
}

async fn read_body(response: Response<Incoming>) -> Result<TextResponse> {
    let status = response.status();
    let body = response.into_body().collect().await?.to_bytes();
    Ok(TextResponse { status, body: String::from_utf8_lossy(&body).into_owned() })
}
