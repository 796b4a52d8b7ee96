//! Embedding: a host inside another program, which accepts the connections itself.

use std::sync::Arc;

use ::http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::host::Host;
use super::host::request::{Peer, RequestContext};
use super::http::respond_with_upgrade;
use super::listen::{Endpoint, serve_connection};
use super::permits::handshake::HandshakePermit;
use super::response::Body;
use super::stream::KeepRegistration;

impl Host {
    /// Serves a stream. Returns once the request has been answered. If the request opens a WebSocket, a separate task
    /// serves the connection until it ends.
    ///
    /// # Cancel safety
    ///
    /// If the request has not been answered yet, dropping the future drops the stream.
    pub async fn serve_stream<S>(&self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let context = RequestContext::new(&self.state, peer);
        let state = Arc::clone(&self.state);
        serve_connection::<_, KeepRegistration>(
            state,
            &Endpoint::UNBOUND,
            stream,
            context,
            HandshakePermit::UNCOUNTED,
        )
        .await;
    }

    /// Responds to a request that another HTTP server has read. The response opens a WebSocket if it is a 101. Over
    /// HTTP/2, it opens one if it is a 200 to an extended CONNECT (RFC 8441). In both cases the other server must write
    /// the response and hand over the stream, as hyper does. From there on, the host serves the connection. Drafts
    /// before 7 are not supported here.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped after the handler has accepted the client, the host calls `disconnected`.
    pub async fn respond<B>(&self, request: Request<B>, peer: Peer) -> Response<Body> {
        let context = RequestContext::new(&self.state, peer);
        respond_with_upgrade(&self.state, request, context, async {}).await
    }
}
