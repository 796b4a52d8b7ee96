//! The admin address: for whoever runs the server, not for its clients.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::ORIGIN;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::answer::{Body, text};
use crate::reload::{Reload, ReloadError, Reloader, Replaced};

/// Requests that are served at once. More wait.
const MAX_REQUESTS: usize = 16;

/// How long a request and its answer may take, apart from what they ask for.
const MAX_TIME: Duration = Duration::from_secs(60);

/// How long to wait when the system has no file descriptors left.
const OUT_OF_RESOURCES: Duration = Duration::from_millis(100);

/// The admin address and what is served there.
pub(super) struct Admin {
    listener: TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
}

struct Desk {
    reloader: Reloader,
    metrics: PrometheusHandle,
}

impl Admin {
    /// Listens, and begins to count.
    ///
    /// # Errors
    ///
    /// What the system says when it does not listen there.
    pub(super) async fn start(address: SocketAddr, reloader: Reloader) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::debug!("something else in this process counts already");
        }
        Ok(Self { listener, address, desk: Arc::new(Desk { reloader, metrics }) })
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
            async move { Ok::<_, Infallible>(desk.answer(&request).await) }
        });
        http1::Builder::new()
            .keep_alive(false)
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service)
            .await
    }

    async fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        // A page in a browser of this machine is not whom this is for.
        if request.headers().contains_key(ORIGIN) {
            return text(StatusCode::FORBIDDEN, "The admin address is not for web pages.\n");
        }
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/reload") => self.reload().await,
            (&Method::GET, "/metrics") => text(StatusCode::OK, self.metrics.render()),
            (_, "/reload") => text(StatusCode::METHOD_NOT_ALLOWED, "Reload with POST.\n"),
            (_, "/metrics") => text(StatusCode::METHOD_NOT_ALLOWED, "Read with GET.\n"),
            _ => text(StatusCode::NOT_FOUND, "There are POST /reload and GET /metrics.\n"),
        }
    }

    async fn reload(&self) -> Response<Body> {
        match self.reloader.reload().await {
            Ok(Reload::Unchanged { hash }) => text(StatusCode::OK, format!("unchanged {hash}\n")),
            Ok(Reload::Replaced(replaced)) => text(StatusCode::OK, told(&replaced)),
            Err(error @ ReloadError::Component(_)) => {
                text(StatusCode::UNPROCESSABLE_ENTITY, format!("{error}\n"))
            }
            Err(error) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
        }
    }
}

fn told(replaced: &Replaced) -> String {
    let Replaced { old, new, swapped, kept, lost, longest_pause, took } = replaced;
    format!(
        "replaced {old} by {new}: {swapped} instances swapped, {kept} kept, {lost} lost, longest \
         pause {longest_pause:?}, took {took:?}\n"
    )
}
