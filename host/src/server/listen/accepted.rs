//! A connection that has been accepted, but is not served yet.

use std::sync::Arc;

use tokio::net::{TcpStream, UnixStream};

use super::listener::Stream;
use super::{Endpoint, serve_connection};
use crate::server::host::HostState;
use crate::server::host::request::RequestContext;
use crate::server::permits::handshake::HandshakePermit;
use crate::server::stream::SocketTransfer;
use crate::worker::Worker;

/// An accepted connection that is not served yet.
pub(super) struct AcceptedConnection {
    pub(super) state: Arc<HostState>,
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) stream: Stream,
    pub(super) context: RequestContext,
    pub(super) permit: HandshakePermit,
}

impl AcceptedConnection {
    /// Picks the worker with the least load to serve the connection, and adds the connection to its load.
    pub(super) fn assign_worker(self) -> (Self, Arc<Worker>) {
        let handshake_worker = self.state.context.workers.assign_handshake();
        let worker = handshake_worker.worker();
        (Self { permit: self.permit.assigned_to(handshake_worker), ..self }, worker)
    }

    /// Serves the connection on the current runtime.
    pub(super) async fn serve(self) {
        let Self { state, endpoint, stream, context, permit } = self;
        let (peer, connection) = (context.peer.address, context.connection.0);
        let error = match stream {
            Stream::Tcp(stream) => match register(stream) {
                Ok(stream) => {
                    return serve_connection::<_, SocketTransfer>(
                        state, &endpoint, stream, context, permit,
                    )
                    .await;
                }
                Err(error) => error,
            },
            Stream::Unix(stream) => match UnixStream::from_std(stream) {
                Ok(stream) => {
                    return serve_connection::<_, SocketTransfer>(
                        state, &endpoint, stream, context, permit,
                    )
                    .await;
                }
                Err(error) => error,
            },
        };
        tracing::debug!(connection, %peer, "connection lost before it was served: {error}");
    }
}

fn register(stream: std::net::TcpStream) -> std::io::Result<TcpStream> {
    // Nagle's algorithm would delay small messages, and latency matters.
    stream.set_nodelay(true)?;
    TcpStream::from_std(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_task_reserves_no_memory_for_what_few_connections_use() {
        fn size<F>(_: impl Fn(AcceptedConnection) -> F) -> usize {
            size_of::<F>()
        }
        let bytes = size(AcceptedConnection::serve);
        // This is enough for a request over HTTP/1.1 or the start of HTTP/2. If TLS were not boxed, a task would need
        // 12,500 bytes.
        assert!(bytes <= 5000, "{bytes}");
    }
}
