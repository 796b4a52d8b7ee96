//! The admin address: for whoever runs the server, not for its clients.

mod caller;
mod connections;
mod request;
mod responses;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use self::connections::{ConnectionSlot, Connections};
use self::request::{AdminRequest, Closing};
use self::responses::{not_done, reloaded, rolled_back, sent};
use crate::log_rate::{Line, LogRate};
use crate::server::host::{CustomMessage, Host};
use crate::server::reload_config::ConfigReloader;
use crate::server::response::{Body, json, text};

/// The longest message that is taken from outside, in octets.
const MAX_BODY: usize = 1 << 20;

/// What whoever is lost here hears.
const USAGE: &str = "\
There are:
  GET    /healthz
  GET    /metrics
  GET    /resources
  GET    /clients
  POST   /reload
  POST   /rollback                             every resource whose last reload is on trial
  DELETE /resources/NAME
  DELETE /clients/NUMBER
  POST   /resources/NAME/messages              to all instances; ?path=/PATH or ?client=NUMBER: to one
  POST   /resources/NAME/topics/TOPIC          text, or with Content-Type: application/octet-stream
  GET    /resources/NAME/tags/TAG              how many clients have the tag
  POST   /resources/NAME/tags/TAG              to all of them: text, or binary as above
  DELETE /resources/NAME/tags/TAG              closes them; ?code=CODE&reason=REASON
";

/// What a query that is not understood is told.
const NO_SUCH_QUERY: &str = "What stands behind the question mark is not understood here.\n";

const NOT_TEXT: &str =
    "The message is not UTF-8: send it with Content-Type: application/octet-stream.\n";

const NOT_A_KIND: &str = "The Content-Type is not ASCII.\n";

/// Who sends what comes in here, as handlers hear it.
const SENDER: &str = "admin";

/// How long to wait when the system has no file descriptors left.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// Lines on connections that cannot be accepted.
static NOT_ACCEPTED: LogRate = LogRate::new();

/// The admin address and what is served there.
#[derive(Debug)]
pub(super) struct Admin {
    listener: TcpListener,
    service: Arc<AdminService>,
}

#[derive(Debug)]
struct AdminService {
    address: SocketAddr,
    host: Host,
    reloader: ConfigReloader,
    metrics: PrometheusHandle,
}

impl Admin {
    /// Listens, and begins to count.
    ///
    /// # Errors
    ///
    /// What the system says when it does not listen there.
    pub(super) async fn start(
        address: SocketAddr,
        host: Host,
        reloader: ConfigReloader,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("something else in this process counts already");
        }
        Ok(Self { listener, service: Arc::new(AdminService { address, host, reloader, metrics }) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.service.address
    }

    /// Serves for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; requests go on.
    pub(super) async fn serve(self) {
        let connections = Connections::new();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let service = Arc::clone(&self.service);
                    tokio::spawn(service.serve(stream, connections.seat(Instant::now())));
                }
                Err(error) => {
                    if let Some(Line { left_out }) = NOT_ACCEPTED.line(std::time::Instant::now()) {
                        tracing::warn!(left_out, "cannot accept on the admin address: {error}");
                    }
                    sleep(OUT_OF_RESOURCES).await;
                }
            }
        }
    }
}

impl AdminService {
    /// Serves a connection until it ends, or gives way to another.
    async fn serve(self: Arc<Self>, stream: TcpStream, seat: ConnectionSlot) {
        let service = service_fn(|request| {
            let (service, seat) = (&self, &seat);
            async move {
                let response = service.answer(request, seat).await;
                seat.rest(Instant::now());
                Ok::<_, Infallible>(response)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // The seat has one time for everything that is waited for.
            .header_read_timeout(None)
            .title_case_headers(true)
            // Whoever closes their side behind a request still gets the answer.
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        tokio::select! {
            // An error leaves nothing more to do.
            _ = connection => {}
            () = seat.over() => {}
        }
    }

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        seat: &ConnectionSlot,
    ) -> Response<Body> {
        if let Err(stranger) = caller::check(&request, self.address) {
            return text(stranger.status(), format!("{stranger}\n"));
        }
        // RFC 9110 §9.3.2: the library leaves the body out.
        let method = match *request.method() {
            Method::HEAD => &Method::GET,
            ref method => method,
        };
        let Some(wish) = AdminRequest::parse(method, request.uri()) else {
            return no_such_wish(method, request.uri());
        };
        // Whoever measures never waits for those who do something.
        let answer = match wish.takes_time() {
            false => self.handle(wish, request.headers(), &[]).await,
            true => self.work_on(wish, request, seat).await,
        };
        answer.unwrap_or_else(|refusal| refusal)
    }

    /// Fulfils a wish in a task of its own: whoever asked may go, what was begun goes on.
    async fn work_on(
        self: &Arc<Self>,
        wish: AdminRequest,
        request: Request<Incoming>,
        seat: &ConnectionSlot,
    ) -> Result<Response<Body>, Response<Body>> {
        seat.wait(Instant::now());
        let (head, incoming) = request.into_parts();
        let message = body(incoming).await?;
        let Some(turn) = seat.turn().await else {
            let why = "Others came, and this connection gives way to them.\n";
            return Err(text(StatusCode::SERVICE_UNAVAILABLE, why));
        };
        let service = Arc::clone(self);
        let work =
            tokio::spawn(
                async move { (service.handle(wish, &head.headers, &message).await, turn) },
            );
        let failed =
            |_| text(StatusCode::INTERNAL_SERVER_ERROR, "That failed; the log says why.\n");
        let (done, turn) = work.await.map_err(failed)?;
        // In this order, so that no more are in work than may be.
        seat.rest(Instant::now());
        drop(turn);
        done
    }

    async fn handle(
        &self,
        wish: AdminRequest,
        headers: &HeaderMap,
        message: &[u8],
    ) -> Result<Response<Body>, Response<Body>> {
        match wish {
            AdminRequest::Health => Ok(self.host.state.health()),
            AdminRequest::Metrics => {
                self.host.measure();
                Ok(text(StatusCode::OK, self.metrics.render()))
            }
            AdminRequest::Resources => Ok(json(StatusCode::OK, &self.host.resources())),
            AdminRequest::Clients => Ok(json(StatusCode::OK, &self.host.clients())),
            AdminRequest::Reload => Ok(reloaded(self.reloader.renew().await)),
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
                    Some(Err(_)) => return Err(text(StatusCode::BAD_REQUEST, NOT_A_KIND)),
                    None => message,
                };
                Ok(sent(self.host.send_custom(&resource, to, message).await))
            }
            AdminRequest::Publish { resource, topic } => {
                let published = match Message::of(headers, message).ok_or_else(not_text)? {
                    Message::Binary(bytes) => {
                        self.host.publish_binary(&resource, &topic, bytes).await
                    }
                    Message::Text(words) => self.host.publish_text(&resource, &topic, words).await,
                };
                match published {
                    Ok(clients) => {
                        Ok(text(StatusCode::OK, format!("published to {clients} clients\n")))
                    }
                    Err(error) => Err(text(StatusCode::NOT_FOUND, format!("{error}\n"))),
                }
            }
            AdminRequest::CountTagged { resource, tag } => {
                let clients = self.host.count_tagged(&resource, &tag).map_err(not_done)?;
                Ok(json(StatusCode::OK, &BTreeMap::from([("clients", clients)])))
            }
            AdminRequest::SendTagged { resource, tag } => {
                let sent = match Message::of(headers, message).ok_or_else(not_text)? {
                    Message::Binary(bytes) => {
                        self.host.send_tagged_binary(&resource, &tag, bytes).await
                    }
                    Message::Text(words) => {
                        self.host.send_tagged_text(&resource, &tag, words).await
                    }
                };
                let clients = sent.map_err(not_done)?;
                Ok(text(StatusCode::OK, format!("sent to {clients} clients\n")))
            }
            AdminRequest::CloseTagged { resource, tag, with: Closing { code, reason } } => {
                let closed = self.host.close_tagged(&resource, &tag, code, &reason).await;
                let clients = closed.map_err(not_done)?;
                Ok(text(StatusCode::OK, format!("closed {clients} clients\n")))
            }
        }
    }
}

fn not_text() -> Response<Body> {
    text(StatusCode::BAD_REQUEST, NOT_TEXT)
}

/// The body of a request, as it goes to clients.
enum Message<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Message<'a> {
    /// `None` for a text that is none.
    fn of(headers: &HeaderMap, body: &'a [u8]) -> Option<Self> {
        if is_binary(headers) {
            return Some(Self::Binary(body));
        }
        std::str::from_utf8(body).ok().map(Self::Text)
    }
}

/// Somebody who is lost hears what there is.
fn no_such_wish(method: &Method, uri: &Uri) -> Response<Body> {
    let path: Uri = uri.path().parse().unwrap_or_default();
    let methods = [Method::GET, Method::POST, Method::DELETE];
    let there: Vec<&str> = methods
        .iter()
        .filter(|method| AdminRequest::parse(method, &path).is_some())
        .map(Method::as_str)
        .collect();
    if there.is_empty() {
        return text(StatusCode::NOT_FOUND, USAGE);
    }
    if there.contains(&method.as_str()) {
        return text(StatusCode::BAD_REQUEST, format!("{NO_SUCH_QUERY}{USAGE}"));
    }
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, USAGE);
    // RFC 9110 §15.5.6.
    if let Ok(allowed) = HeaderValue::from_str(&there.join(", ")) {
        response.headers_mut().insert(ALLOW, allowed);
    }
    response
}

async fn body(incoming: Incoming) -> Result<Bytes, Response<Body>> {
    match Limited::new(incoming, MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(text(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("A message has {MAX_BODY} octets at most, and must come whole.\n"),
        )),
    }
}

fn is_binary(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream")
}
