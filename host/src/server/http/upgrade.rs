//! Upgrades: starting the connection of an accepted client on the worker of its actor. If that is the current worker,
//! `start_websocket` in `final_response.rs` starts the connection itself.

use std::io::{Error, Result};
use std::sync::Arc;

use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use ws_host_client::UpgradedStream;

use crate::connection::{Connection, ConnectionEnd};
use crate::server::host;
use crate::server::host::HostState;
use crate::server::host::relayed::RelayedClient;
use crate::server::host::request::{Destination, PendingConnection, RequestContext};
use crate::server::response::Body;

/// Responds to a request of a connection that hyper owns. If a client is accepted, its connection starts as soon as
/// hyper hands over the stream. `afterwards` runs when the client's connection has ended.
pub(in crate::server) async fn respond_with_upgrade<B>(
    state: &Arc<HostState>,
    mut request: Request<B>,
    context: RequestContext,
    afterwards: impl Future<Output = ()> + Send + 'static,
) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    let request = request.map(drop);
    let response = host::handle_request(state, &request, context.clone()).await.into_response();
    let stream = async {
        let upgraded = upgrade.await.map_err(Error::other)?;
        Ok(UpgradedStream::new(upgraded, ()))
    };
    match context.take_accepted() {
        None => {}
        Some(Destination::ThisHost(client)) => {
            serve_websocket(state, client, stream, Vec::new(), afterwards);
        }
        Some(Destination::OtherHost(client)) => {
            serve_relayed(client, stream, Vec::new(), afterwards)
        }
    }
    response
}

/// Serves an accepted client on the worker of its actor, once `stream` is available. `first` holds bytes that have
/// already been read from the stream. `afterwards` runs when the connection has ended.
pub(super) fn serve_websocket<S>(
    state: &HostState,
    accepted: PendingConnection,
    stream: impl Future<Output = Result<S>> + Send + 'static,
    first: Vec<u8>,
    afterwards: impl Future<Output = ()> + Send + 'static,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let PendingConnection { admitted, settings, trailer: _ } = accepted;
    let actor = Arc::clone(admitted.actor());
    let mode = state.config().mode;
    actor.worker().run(async move {
        match stream.await {
            Ok(stream) => Connection::new(admitted, stream, settings, mode).serve(first).await,
            Err(error) => drop(admitted.disconnect(&ConnectionEnd::Lost(error))),
        }
        afterwards.await;
    });
}

/// Copies the bytes of a client whose actor lives on another host, once `stream` is available. `first` holds bytes that
/// have already been read from the stream. `afterwards` runs when the connection has ended.
pub(super) fn serve_relayed<S>(
    client: RelayedClient,
    stream: impl Future<Output = Result<S>> + Send + 'static,
    first: Vec<u8>,
    afterwards: impl Future<Output = ()> + Send + 'static,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let worker = client.worker();
    worker.runtime().spawn(async move {
        // If the client has gone, the connection to the owner is dropped.
        if let Ok(stream) = stream.await {
            client.run(stream, first).await;
        }
        afterwards.await;
    });
}
