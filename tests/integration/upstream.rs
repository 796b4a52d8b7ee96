//! An HTTP server to which handlers send requests.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::task::{Context as TaskContext, Poll};

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::watch;
use ws_host_test_support::DEADLINE;

type BoxedResponse = Response<UnsyncBoxBody<Bytes, Infallible>>;

/// More requests than any test sends.
const MAX_REQUESTS: usize = 1 << 16;

/// A server on a free port, in a thread of its own. It ends when it is dropped.
pub(crate) struct Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    requests: Receiver<String>,
    /// Ends the wait of `/wait`, and the server when it is dropped.
    released: watch::Sender<bool>,
}

impl Upstream {
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, requests) = sync_channel(MAX_REQUESTS);
        let (released, watched) = watch::channel(false);
        let counter = Arc::clone(&connections);
        let mut end = watched.clone();
        let accept = async move {
            while let Ok((socket, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                let (sender, watched) = (sender.clone(), watched.clone());
                let service = service_fn(move |request: Request<Incoming>| {
                    let _ = sender.try_send(request.uri().to_string());
                    answer(request, watched.clone())
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(socket), service));
            }
        };
        std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept => {}
                    // Ends when the sender is dropped.
                    () = async { while end.changed().await.is_ok() {} } => {}
                }
            });
        });
        Ok(Self { address, connections, requests, released })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns how many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Waits for the next request, and returns what it asked for.
    pub(crate) fn next_request(&self) -> Result<String> {
        self.requests.recv_timeout(DEADLINE).context("no request")
    }

    /// Lets the responses to `/wait` go.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }
}

async fn answer(
    request: Request<Incoming>,
    mut released: watch::Receiver<bool>,
) -> Result<BoxedResponse, Infallible> {
    let text = |text: String| Response::new(Full::from(text).boxed_unsync());
    let path = request.uri().path().to_owned();
    Ok(match path.as_str() {
        "/echo" => match request.into_body().collect().await {
            Ok(body) => Response::new(Full::from(body.to_bytes()).boxed_unsync()),
            Err(error) => text(error.to_string()),
        },
        "/host" => {
            let host = request.headers().get("host").map(|host| host.as_bytes().to_vec());
            text(String::from_utf8_lossy(&host.unwrap_or_default()).into_owned())
        }
        "/wait" => {
            // Fails if the test is over.
            let _ = released.wait_for(|is_released| *is_released).await;
            text("released".to_owned())
        }
        "/later" => {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
            text("later".to_owned())
        }
        "/stall" => std::future::pending().await,
        "/half" => Response::new(Half(Some("half".into())).boxed_unsync()),
        "/long" => text("x".repeat(1 << 20)),
        "/moved" => {
            let mut response = text("elsewhere".to_owned());
            *response.status_mut() = StatusCode::FOUND;
            let elsewhere = "http://127.0.0.1:9/".parse().expect("a header");
            response.headers_mut().insert("location", elsewhere);
            response
        }
        path => text(format!("{} {path}", request.method())),
    })
}

/// A body that never ends after its first part.
struct Half(Option<Bytes>);

impl Body for Half {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.0.take() {
            Some(part) => Poll::Ready(Some(Ok(Frame::data(part)))),
            None => Poll::Pending,
        }
    }
}
