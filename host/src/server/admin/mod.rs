//! The admin address: management and metrics for the operator, not for clients.

mod accept;
mod caller;
mod connections;
mod health;
mod page;
mod request;
mod responses;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use parking_lot::RwLock;
use tokio::net::TcpListener;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::Instant;

use self::accept::{Caller, Service, accept};
use self::connections::ConnectionSlot;
pub(super) use self::health::HealthAddress;
use self::request::{AdminRequest, CloseParameters};
use self::responses::{method_not_allowed, reloaded, rolled_back, sent, tagged_error};
use crate::config::AdminToken;
use crate::server::host::{CustomMessage, Host, StatusQuery};
use crate::server::reload_config::ConfigReloader;
use crate::server::response::{Body, json, text};

/// The maximum length of a request's body, in bytes.
const MAX_BODY: usize = 1 << 20;

/// The list of known requests. It is the response to an unknown request.
const USAGE: &str = "\
Available requests:
  GET    /                                     the live page, for a browser (Accept: text/html)
  GET    /status                               what the page shows; ?since=NUMBER&find=TEXT
  GET    /healthz
  GET    /readyz
  GET    /metrics
  GET    /resources
  GET    /clients
  GET    /cluster
  POST   /reload
  POST   /rollback                             all resources whose last reload is on trial
  DELETE /resources/NAME
  DELETE /clients/NUMBER
  POST   /resources/NAME/messages              to all instances; to one with ?path=/PATH or ?client=NUMBER
  POST   /resources/NAME/topics/TOPIC          text; binary with Content-Type: application/octet-stream
  GET    /resources/NAME/tags/TAG              the number of clients with the tag
  POST   /resources/NAME/tags/TAG              to all clients with the tag: text, or binary as above
  DELETE /resources/NAME/tags/TAG              closes the clients with the tag; ?code=CODE&reason=REASON
";

/// The content type of metrics.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The response to a request whose query is invalid.
const INVALID_QUERY: &str = "The query of this URL is not valid for the request.\n";

const NOT_TEXT: &str =
    "The message is not UTF-8: send it with Content-Type: application/octet-stream.\n";

const NO_CLUSTER: &str = "This host is not in a cluster: set one with --cluster or [cluster].\n";

const INVALID_KIND: &str = "The Content-Type is not ASCII.\n";

/// The sender that handlers see in messages from the admin address.
const SENDER: &str = "admin";

/// The admin address and the service behind it.
#[derive(Debug)]
pub(super) struct Admin {
    listener: TcpListener,
    service: Arc<AdminService>,
}

#[derive(Debug)]
struct AdminService {
    address: SocketAddr,
    token: Option<Arc<RwLock<AdminToken>>>,
    host: Host,
    reloader: ConfigReloader,
}

impl Admin {
    /// Creates the service of the admin address. `listener` is the socket that listens on this address.
    ///
    /// # Errors
    ///
    /// The error of the operating system if the socket has no address.
    pub(super) fn new(
        listener: TcpListener,
        token: Option<Arc<RwLock<AdminToken>>>,
        host: Host,
        reloader: ConfigReloader,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { listener, service: Arc::new(AdminService { address, token, host, reloader }) })
    }

    /// Returns the listening socket.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// Serves forever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; connections that are already accepted continue.
    pub(super) async fn serve(self) {
        accept(self.listener, self.service).await;
    }
}

impl Service for AdminService {
    async fn handle_request(
        self: &Arc<Self>,
        http_request: Request<Incoming>,
        Caller { address, slot }: Caller<'_>,
    ) -> Response<Body> {
        let token = self.token.as_ref().map(|token| token.read().clone());
        if let Err(rejected) = caller::check(&http_request, self.address, token.as_ref()) {
            return rejected.response(address);
        }
        // RFC 9110 §9.3.2: HEAD is like GET, but the response has no body. hyper omits the body.
        let method = match *http_request.method() {
            Method::HEAD => &Method::GET,
            ref method => method,
        };
        if let Some(file) = page::file(method, &http_request) {
            return file;
        }
        let Some(request) = AdminRequest::parse(method, http_request.uri()) else {
            return unknown_request(method, http_request.uri());
        };
        // Short requests need no permit, so that reading metrics never waits for a long request.
        let response = match request.is_long() {
            false => self.handle(request, http_request.headers(), &[]).await,
            true => self.handle_long(request, http_request, slot).await,
        };
        response.unwrap_or_else(|refusal| refusal)
    }
}

impl AdminService {
    /// Handles a long request in a task of its own, which continues if the connection is dropped.
    async fn handle_long(
        self: &Arc<Self>,
        request: AdminRequest,
        http_request: Request<Incoming>,
        slot: &ConnectionSlot,
    ) -> Result<Response<Body>, Response<Body>> {
        slot.set_waiting(Instant::now());
        let (head, incoming) = http_request.into_parts();
        let message = body(incoming).await?;
        let Some(permit) = slot.acquire().await else {
            let why = "The connection was evicted to make room for another one.\n";
            return Err(text(StatusCode::SERVICE_UNAVAILABLE, why));
        };
        let service = Arc::clone(self);
        let work = tokio::spawn(async move {
            (service.handle(request, &head.headers, &message).await, permit)
        });
        let (done, permit) = work.await.map_err(failed)?;
        // The state changes before the permit is released. So there are never more connections in the state `Working`
        // than permits.
        slot.set_idle(Instant::now());
        drop(permit);
        done
    }

    /// Collects the metrics on a blocking thread, because this takes a while with many actors. The current thread must
    /// stay free: it accepts clients while the first worker is busy.
    async fn metrics(&self) -> Result<Response<Body>, Response<Body>> {
        let host = self.host.clone();
        let metrics = spawn_blocking(move || host.metrics()).await.map_err(failed)?;
        Ok(metrics_text(metrics))
    }

    /// Collects the state on a blocking thread, for the same reason as the metrics.
    async fn status(&self, query: StatusQuery) -> Result<Response<Body>, Response<Body>> {
        let host = self.host.clone();
        let status = spawn_blocking(move || host.watched(&query)).await.map_err(failed)?;
        Ok(json(StatusCode::OK, &status))
    }

    async fn handle(
        &self,
        request: AdminRequest,
        headers: &HeaderMap,
        message: &[u8],
    ) -> Result<Response<Body>, Response<Body>> {
        match request {
            AdminRequest::Status(query) => self.status(query).await,
            AdminRequest::Health => Ok(self.host.state.health()),
            AdminRequest::Readiness => Ok(self.host.state.readiness()),
            AdminRequest::Metrics => self.metrics().await,
            AdminRequest::Resources => Ok(json(StatusCode::OK, &self.host.resources())),
            AdminRequest::Clients => Ok(json(StatusCode::OK, &self.host.clients())),
            AdminRequest::Cluster => match self.host.cluster() {
                Some(status) => Ok(json(StatusCode::OK, &status)),
                None => Err(text(StatusCode::NOT_FOUND, NO_CLUSTER)),
            },
            AdminRequest::Reload => Ok(reloaded(self.reloader.reload().await)),
            AdminRequest::RollBack => {
                let mut outcomes = Vec::new();
                for resource in self.host.resources() {
                    let outcome = self.host.rollback(&resource.name).await;
                    outcomes.push((resource.name, outcome));
                }
                Ok(rolled_back(outcomes))
            }
            AdminRequest::Remove { resource } => match self.host.remove(&resource).await {
                Ok(()) => Ok(text(StatusCode::OK, format!("removed {resource}\n"))),
                Err(error) => Err(text(StatusCode::NOT_FOUND, format!("{error}\n"))),
            },
            AdminRequest::Close { client } => match self.host.close_client(client) {
                true => Ok(text(StatusCode::OK, format!("closed client {client}\n"))),
                false => Err(text(StatusCode::NOT_FOUND, "No such client is connected.\n")),
            },
            AdminRequest::Send { resource, to } => {
                let message = CustomMessage::new(message).sender(SENDER);
                let message = match headers.get(CONTENT_TYPE).map(HeaderValue::to_str) {
                    Some(Ok(kind)) => message.kind(kind),
                    Some(Err(_)) => return Err(text(StatusCode::BAD_REQUEST, INVALID_KIND)),
                    None => message,
                };
                Ok(sent(self.host.send_custom(&resource, to, message).await))
            }
            AdminRequest::Publish { resource, topic } => {
                let published = match Message::of(headers, message).ok_or_else(not_text)? {
                    Message::Binary(bytes) => {
                        self.host.publish_binary(&resource, &topic, bytes).await
                    }
                    Message::Text(text) => self.host.publish_text(&resource, &topic, text).await,
                };
                match published {
                    Ok(clients) => {
                        Ok(text(StatusCode::OK, format!("published to {clients} clients\n")))
                    }
                    Err(error) => Err(text(StatusCode::NOT_FOUND, format!("{error}\n"))),
                }
            }
            AdminRequest::CountTagged { resource, tag } => {
                let clients = self.host.count_tagged(&resource, &tag).map_err(tagged_error)?;
                Ok(json(StatusCode::OK, &BTreeMap::from([("clients", clients)])))
            }
            AdminRequest::SendTagged { resource, tag } => {
                let sent = match Message::of(headers, message).ok_or_else(not_text)? {
                    Message::Binary(bytes) => {
                        self.host.send_tagged_binary(&resource, &tag, bytes).await
                    }
                    Message::Text(text) => self.host.send_tagged_text(&resource, &tag, text).await,
                };
                let clients = sent.map_err(tagged_error)?;
                Ok(text(StatusCode::OK, format!("sent to {clients} clients\n")))
            }
            AdminRequest::CloseTagged { resource, tag, with: CloseParameters { code, reason } } => {
                let closed = self.host.close_tagged(&resource, &tag, code, &reason).await;
                let clients = closed.map_err(tagged_error)?;
                Ok(text(StatusCode::OK, format!("closed {clients} clients\n")))
            }
        }
    }
}

/// Returns the response with all metrics.
fn metrics_text(metrics: String) -> Response<Body> {
    let mut response = text(StatusCode::OK, metrics);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
    response
}

fn not_text() -> Response<Body> {
    text(StatusCode::BAD_REQUEST, NOT_TEXT)
}

/// Returns the response to a request whose task has panicked.
fn failed(_: JoinError) -> Response<Body> {
    text(StatusCode::INTERNAL_SERVER_ERROR, "The request failed; the log says why.\n")
}

/// The body of a request, as a message to clients.
enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Returns the message. Returns `None` if the message should be text but is not UTF-8.
    fn of(headers: &HeaderMap, body: &'a [u8]) -> Option<Self> {
        if is_binary(headers) {
            return Some(Self::Binary(body));
        }
        std::str::from_utf8(body).ok().map(Self::Text)
    }
}

/// Returns the response to an unknown request: 404, 405 or 400, with the list of requests.
fn unknown_request(method: &Method, uri: &Uri) -> Response<Body> {
    let path: Uri = uri.path().parse().unwrap_or_default();
    let methods = [Method::GET, Method::POST, Method::DELETE];
    let allowed: Vec<&str> = methods
        .iter()
        .filter(|method| AdminRequest::parse(method, &path).is_some())
        .map(Method::as_str)
        .collect();
    if allowed.is_empty() {
        return text(StatusCode::NOT_FOUND, USAGE);
    }
    if allowed.contains(&method.as_str()) {
        return text(StatusCode::BAD_REQUEST, format!("{INVALID_QUERY}{USAGE}"));
    }
    method_not_allowed(&allowed, USAGE)
}

async fn body(incoming: Incoming) -> Result<Bytes, Response<Body>> {
    match Limited::new(incoming, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(text(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body must be complete, and have at most {MAX_BODY} bytes.\n"),
        )),
    }
}

fn is_binary(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream")
}
