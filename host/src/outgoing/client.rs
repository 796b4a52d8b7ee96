//! The HTTP client of a resource's handlers.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, Uri};
use hyper::body::Body;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::connector::Connector;
use super::error::RequestError;
use super::response_body::ResponseBody;
use super::tls::Tls;
use crate::grant::HttpServer;

/// How many requests all instances of a component may have at once. Each takes a file descriptor of the process.
const MAX_REQUESTS: usize = 1024;

/// How many idle connections to a server each worker keeps, and for how long.
const MAX_IDLE: usize = 8;
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);

/// The buffer of a connection, in bytes. The head of a response must fit into it. It is not larger, because a handler
/// may keep the heads of a thousand responses.
const BUFFER: usize = 32 << 10;

/// The limits on each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HttpSettings {
    /// From the name lookup to the end of the TLS handshake.
    pub(crate) connect_timeout: Duration,
    /// From when the connection is established until the head of the response has arrived.
    pub(crate) first_byte_timeout: Duration,
    /// How long a handler waits for more of a body.
    pub(crate) between_bytes_timeout: Duration,
    /// The maximum length of a response body, in bytes.
    pub(crate) max_response: u64,
}

/// The HTTP client of a component's instances. `B` is the type of the request bodies.
pub(crate) struct HttpClient<B> {
    connector: Connector,
    settings: HttpSettings,
    /// The connection pools. Each worker has its own, so that no request waits for another thread.
    pools: Mutex<HashMap<Id, Client<Connector, B>>>,
    requests: Arc<Semaphore>,
}

impl<B> HttpClient<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(servers: Vec<HttpServer>, settings: HttpSettings) -> Self {
        let connector = Connector {
            servers: servers.into(),
            tls: Arc::new(Tls::default()),
            timeout: settings.connect_timeout,
        };
        let requests = Arc::new(Semaphore::new(MAX_REQUESTS));
        Self { connector, settings, pools: Mutex::default(), requests }
    }

    /// Returns whether requests to this URL are granted.
    pub(crate) fn grants(&self, uri: &Uri) -> bool {
        self.connector.servers.iter().any(|server| server.serves(uri))
    }

    pub(crate) fn settings(&self) -> HttpSettings {
        self.settings
    }

    /// Sends a request, and returns the response as soon as its head is complete. `permit` counts towards the
    /// instance's limit.
    ///
    /// # Errors
    ///
    /// [`RequestError`] if there is no response.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    pub(crate) async fn send(
        &self,
        mut request: Request<B>,
        limits: HttpSettings,
        permit: OwnedSemaphorePermit,
    ) -> Result<Response<ResponseBody>, RequestError> {
        let all = Arc::clone(&self.requests).try_acquire_owned();
        let permits = [permit, all.map_err(|_| RequestError::TooMany)?];
        let mut connection = capture_connection(&mut request);
        let mut response = pin!(self.pool().request(request));
        let connected = async { drop(connection.wait_for_connection_metadata().await) };
        let early = tokio::select! {
            biased;
            response = &mut response => Some(response),
            connected = timeout(limits.connect_timeout, connected) => match connected {
                Ok(()) => None,
                Err(_) => return Err(RequestError::ConnectTimeout),
            },
        };
        let response = match early {
            Some(response) => response,
            None => match timeout(limits.first_byte_timeout, response).await {
                Ok(response) => response,
                Err(_) => return Err(RequestError::FirstByteTimeout),
            },
        };
        let response = response.map_err(|error| failed(&error))?;
        let (max_length, max_silence) = (limits.max_response, limits.between_bytes_timeout);
        Ok(response.map(|body| ResponseBody::new(body, max_length, max_silence, permits)))
    }

    /// Returns the pool of the current worker.
    fn pool(&self) -> Client<Connector, B> {
        let mut pools = self.pools.lock();
        let pool = pools.entry(Handle::current().id()).or_insert_with(|| {
            Builder::new(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .timer(TokioTimer::new())
                .pool_idle_timeout(MAX_IDLE_TIME)
                .pool_max_idle_per_host(MAX_IDLE)
                .http1_max_buf_size(BUFFER)
                .build(self.connector.clone())
        });
        pool.clone()
    }
}

fn failed(error: &hyper_util::client::legacy::Error) -> RequestError {
    match error.is_connect() {
        true => RequestError::connecting(error),
        false => RequestError::connected(error),
    }
}
