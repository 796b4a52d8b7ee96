//! Connections to granted servers.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::{Service, ServiceExt};

use super::error::RequestError;
use super::resolver::Resolver;
use super::stream::Stream;
use super::tls::Tls;
use crate::grant::HttpServer;

/// Connects to granted servers.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) servers: Arc<[HttpServer]>,
    pub(super) tls: Arc<Tls>,
    /// The limit on the total time of name lookup, TCP and TLS.
    pub(super) timeout: Duration,
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = RequestError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, RequestError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), RequestError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let connecting = connector.connect(uri);
            timeout(connector.timeout, connecting)
                .await
                .unwrap_or(Err(RequestError::ConnectTimeout))
        })
    }
}

impl Connector {
    async fn connect(&self, uri: Uri) -> Result<Stream, RequestError> {
        let server = self.servers.iter().find(|server| server.serves(&uri));
        // The guest's request has been checked before. This check is a second line of defence.
        let Some(server) = server else {
            return Err(RequestError::NoAddress("the server is not granted".to_owned()));
        };
        let is_tls = server.is_encrypted();
        let name = ServerName::try_from(server.host.clone());
        // If the server is given by its address, there is no lookup, so the resolver does not check the address. The
        // grant of this address is enough.
        let mut http = HttpConnector::new_with_resolver(Resolver { reach: server.reach });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(self.timeout));
        let socket: TokioIo<TcpStream> =
            http.oneshot(uri).await.map_err(|error| RequestError::connecting(&error))?;
        if !is_tls {
            return Ok(Stream::Plain(socket));
        }
        let name = name.map_err(|error| RequestError::Tls(error.to_string()))?;
        let settings = self.tls.settings().await;
        let settings = settings.map_err(|error| RequestError::Tls(error.to_string()))?;
        let connector = TlsConnector::from(settings);
        let stream = connector.connect(name, socket.into_inner()).await;
        let stream = stream.map_err(|error| RequestError::tls(&error))?;
        Ok(Stream::Tls(Box::new(TokioIo::new(stream))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This cannot be tested with a handler, because a handler's requests are checked earlier.
    #[tokio::test]
    async fn server_that_is_not_granted_is_never_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let grant = format!("http://127.0.0.1:{port}").parse().expect("a grant");
        let crate::grant::Grant::Http(server) = grant else { panic!("a grant of HTTP") };
        let (tls, timeout) = (Arc::default(), Duration::from_secs(5));
        let connector = Connector { servers: [server].into(), tls, timeout };
        for (url, is_granted) in [
            (format!("http://127.0.0.1:{port}/"), true),
            (format!("http://localhost:{port}/"), false),
            (format!("ws://127.0.0.1:{port}/"), false),
            ("http://127.0.0.1:9/".to_owned(), false),
        ] {
            let connected = connector.connect(url.parse().expect("a URL")).await;
            let is_refused = matches!(connected, Err(RequestError::NoAddress(_)));
            assert_eq!((connected.is_ok(), is_refused), (is_granted, !is_granted), "{url}");
        }
    }
}
