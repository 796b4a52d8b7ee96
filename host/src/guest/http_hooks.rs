//! How `wasi:http` sends requests: through the [`HttpClient`] of the component.

use std::sync::Arc;

use http::uri::Uri;
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::state::Setup;
use crate::outgoing::{HttpClient, HttpSettings, RequestError};
use crate::ownership::Ownership;

/// How many requests an instance may have at once. A request counts until the handler has dropped its response.
const MAX_REQUESTS: usize = 16;

/// How many writes to a request's body may be buffered, and how many bytes each write may have. The second number is
/// also the limit of one call of `blocking-write-and-flush`.
const MAX_WRITES: usize = 4;
const MAX_WRITE: usize = 4 << 10;

/// Limits the bodies of HTTP requests, and sends requests.
pub(super) struct HttpHooks {
    setup: Arc<Setup>,
    /// The right to run the actor, if the actor is unique in the cluster.
    ownership: Option<Arc<dyn Ownership>>,
    /// The permits for the instance's requests. Created for the first request, because most instances send none.
    requests: Option<Arc<Semaphore>>,
}

/// The result of a request, as `wasi:http` expects it: the response, and a future for the rest of the exchange.
type Exchange = Result<(http::Response<WasiBody>, Transfer), Error>;
type Transfer = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl HttpHooks {
    pub(super) fn new(setup: Arc<Setup>, ownership: Option<Arc<dyn Ownership>>) -> Self {
        Self { setup, ownership, requests: None }
    }
}

impl WasiHttpHooks for HttpHooks {
    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        MAX_WRITES
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        MAX_WRITE
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Exchange> + Send> {
        let setup = Arc::clone(&self.setup);
        let requests = self.requests.get_or_insert_with(|| Arc::new(Semaphore::new(MAX_REQUESTS)));
        let permit = Arc::clone(requests).try_acquire_owned();
        let is_owner = self.ownership.as_ref().is_none_or(|owner| owner.is_held());
        Box::new(async move {
            // Here only the request fails. The guest itself is interrupted at its next import.
            if !is_owner {
                return Err(Error::ConnectionTerminated);
            }
            let Some(client) = setup.grants.http() else { return Err(Error::HttpRequestDenied) };
            let server = server(request.uri());
            let sent = match permit {
                Ok(permit) => client.send(request, limits(client, options), permit).await,
                Err(_) => Err(RequestError::TooMany),
            };
            let failed = move |error: RequestError| {
                setup.grants.log_failed(&setup.source, &server, &error);
                code(&error)
            };
            let response = match sent {
                Ok(response) => response.map(|body| body.map_err(failed).boxed_unsync()),
                Err(error) => return Err(failed(error)),
            };
            // The connection pool does the rest of the exchange.
            Ok((response, Box::new(std::future::ready(Ok(()))) as Transfer))
        })
    }
}

/// Returns the configured limits, with the handler's timeouts where those are shorter.
fn limits(client: &HttpClient<WasiBody>, options: Option<RequestOptions>) -> HttpSettings {
    let options = options.unwrap_or_default();
    let HttpSettings { connect_timeout, first_byte_timeout, between_bytes_timeout, max_response } =
        client.settings();
    HttpSettings {
        connect_timeout: options.connect_timeout.unwrap_or(connect_timeout).min(connect_timeout),
        first_byte_timeout: options
            .first_byte_timeout
            .unwrap_or(first_byte_timeout)
            .min(first_byte_timeout),
        between_bytes_timeout: options
            .between_bytes_timeout
            .unwrap_or(between_bytes_timeout)
            .min(between_bytes_timeout),
        max_response,
    }
}

/// Returns the part of a URL that the log may show. The rest may contain secrets.
fn server(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or_default();
    format!("{scheme}://{}", uri.authority().map_or("", |authority| authority.as_str()))
}

/// Returns the error that the handler gets.
fn code(error: &RequestError) -> Error {
    match error {
        RequestError::NoAddress(_) => {
            Error::DnsError { rcode: Some("no address".to_owned()), info_code: None }
        }
        RequestError::Prohibited(_) => Error::DestinationIpProhibited,
        RequestError::ConnectTimeout => Error::ConnectionTimeout,
        RequestError::Connect(_) => Error::ConnectionRefused,
        RequestError::Certificate(_) => Error::TlsCertificateError,
        RequestError::Tls(_) => Error::TlsProtocolError,
        RequestError::FirstByteTimeout | RequestError::BetweenBytesTimeout => {
            Error::ConnectionReadTimeout
        }
        RequestError::TooLong => Error::HttpResponseBodySize(None),
        RequestError::TooMany => Error::ConnectionLimitReached,
        RequestError::Incomplete(_) => Error::HttpResponseIncomplete,
        RequestError::Protocol(_) | RequestError::Refused(_) => Error::HttpProtocolError,
    }
}
