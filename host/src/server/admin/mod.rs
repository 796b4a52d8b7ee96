//! The admin address: for whoever runs the server, not for its clients.

mod told;
mod wish;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, ORIGIN};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use self::told::{reloaded, sent};
use self::wish::Wish;
use super::answer::{Body, json, text};
use super::host::Host;
use super::renewal::Renewer;

/// Requests that are served at once. More wait.
const MAX_REQUESTS: usize = 16;

/// How long a request and its answer may take, apart from what they ask for.
const MAX_TIME: Duration = Duration::from_secs(60);

/// The longest message that is taken from outside, in octets.
const MAX_BODY: usize = 1 << 20;

/// What whoever is lost here hears.
const WHAT_THERE_IS: &str = "\
There are:
  GET    /metrics
  GET    /resources
  GET    /clients
  POST   /reload
  DELETE /resources/NAME
  DELETE /clients/NUMBER
  POST   /resources/NAME/messages              to all instances; ?path=/PATH or ?client=NUMBER: to one
  POST   /resources/NAME/topics/TOPIC          text, or with Content-Type: application/octet-stream
";

const NOT_TEXT: &str =
    "The message is not UTF-8: send it with Content-Type: application/octet-stream.\n";

/// How long to wait when the system has no file descriptors left.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// The admin address and what is served there.
#[derive(Debug)]
pub(super) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    host: Host,
    renewer: Renewer,
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
        renewer: Renewer,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("something else in this process counts already");
        }
        Ok(Self { listener, address, desk: Arc::new(Desk { host, renewer, metrics }) })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting; requests go on.
    pub(super) async fn serve(self) {
        let requests = Arc::new(Semaphore::new(MAX_REQUESTS));
        while let Ok(permit) = Arc::clone(&requests).acquire_owned().await {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let desk = Arc::clone(&self.desk);
                    tokio::spawn(async move {
                        // Neither an error nor the end of the time leaves anything more to do.
                        let _ = timeout(MAX_TIME, desk.serve(stream)).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!("cannot accept on the admin address: {error}");
                    sleep(OUT_OF_RESOURCES).await;
                }
            }
        }
    }
}

impl Desk {
    async fn serve(self: Arc<Self>, stream: TcpStream) -> hyper::Result<()> {
        let service = service_fn(|request| {
            let desk = Arc::clone(&self);
            async move { Ok::<_, Infallible>(desk.answer(request).await) }
        });
        http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .await
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        // A page in a browser of this machine is not whom this is for.
        if request.headers().contains_key(ORIGIN) {
            return text(StatusCode::FORBIDDEN, "The admin address is not for web pages.\n");
        }
        let Some(wish) = Wish::parse(request.method(), request.uri()) else {
            let methods = [Method::GET, Method::POST, Method::DELETE];
            let is_there =
                methods.iter().any(|method| Wish::parse(method, request.uri()).is_some());
            let status =
                if is_there { StatusCode::METHOD_NOT_ALLOWED } else { StatusCode::NOT_FOUND };
            return text(status, WHAT_THERE_IS);
        };
        self.fulfil(wish, request).await.unwrap_or_else(|refusal| refusal)
    }

    async fn fulfil(
        &self,
        wish: Wish,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Response<Body>> {
        match wish {
            Wish::Metrics => Ok(text(StatusCode::OK, self.metrics.render())),
            Wish::Resources => Ok(json(StatusCode::OK, &self.host.resources())),
            Wish::Clients => Ok(json(StatusCode::OK, &self.host.clients())),
            Wish::Reload => Ok(reloaded(self.renewer.renew().await)),
            Wish::Remove { resource } => match self.host.remove(&resource).await {
                Ok(()) => Ok(text(StatusCode::OK, format!("removed {resource}\n"))),
                Err(error) => Err(text(StatusCode::NOT_FOUND, format!("{error}\n"))),
            },
            Wish::Close { client } => match self.host.close_client(client) {
                true => Ok(text(StatusCode::OK, format!("closed client {client}\n"))),
                false => Err(text(StatusCode::NOT_FOUND, "No such client is connected.\n")),
            },
            Wish::Send { resource, to } => {
                let message = body(request).await?;
                Ok(sent(self.host.send_custom(&resource, to, &message).await))
            }
            Wish::Publish { resource, topic } => {
                let is_binary = is_binary(&request);
                let message = body(request).await?;
                let published = if is_binary {
                    self.host.publish_binary(&resource, &topic, &message)
                } else {
                    let words = std::str::from_utf8(&message)
                        .map_err(|_| text(StatusCode::BAD_REQUEST, NOT_TEXT))?;
                    self.host.publish_text(&resource, &topic, words)
                };
                match published {
                    Ok(clients) => {
                        Ok(text(StatusCode::OK, format!("published to {clients} clients\n")))
                    }
                    Err(error) => Err(text(StatusCode::NOT_FOUND, format!("{error}\n"))),
                }
            }
        }
    }
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Response<Body>> {
    match Limited::new(request.into_body(), MAX_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(text(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("A message has {MAX_BODY} octets at most, and must come whole.\n"),
        )),
    }
}

fn is_binary(request: &Request<Incoming>) -> bool {
    request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/octet-stream")
}
