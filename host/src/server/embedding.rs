//! A host as part of another program, which accepts the connections.

use std::sync::Arc;

use ::http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};

use super::host::Host;
use super::host::request::{Peer, RequestContext};
use super::http::answer_with_upgrade;
use super::listen::{Endpoint, serve_connection};
use super::permits::handshake::HandshakePermit;
use super::response::Body;
use super::stream::NoTransfer;

impl Host {
    /// Serves a stream, from the request of its client to the end of the connection if that is a
    /// WebSocket. Returns when the request is answered; the connection goes on by itself.
    ///
    /// # Cancel safety
    ///
    /// A stream whose request was not answered yet is dropped with the future.
    pub async fn serve_stream<S>(&self, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let context = RequestContext::new(&self.state, peer);
        let state = Arc::clone(&self.state);
        serve_connection::<_, NoTransfer>(
            state,
            &Endpoint::UNBOUND,
            stream,
            context,
            HandshakePermit::UNCOUNTED,
        )
        .await;
    }

    /// Answers a request of another program's HTTP server. If that is with 101, or over HTTP/2 with 200 to
    /// an extended CONNECT (RFC 8441), the connection is served when the server has written the answer and
    /// hands the stream over, as hyper does. Drafts before 7 cannot come in this way.
    ///
    /// # Cancel safety
    ///
    /// A client that was let in meanwhile is told to its handler as gone.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Body> {
        let context = RequestContext::new(&self.state, peer);
        answer_with_upgrade(&self.state, request, context, async {}).await
    }
}
