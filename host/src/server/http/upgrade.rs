//! Upgrades: starting the connection of an accepted client on the worker of its actor.

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
use crate::server::stream::Transfer;

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
            start_websocket_when_ready(state, client, stream, Vec::new(), afterwards);
        }
        Some(Destination::OtherHost(client)) => {
            start_relay_when_ready(client, stream, Vec::new(), afterwards)
        }
    }
    response
}

/// Starts the connection of an accepted client on the worker of its actor. If that is another worker, the stream moves
/// there first. A draining host waits until the client releases its permit.
pub(super) fn start_websocket<S, M: Transfer<S>>(
    state: &HostState,
    stream: S,
    rest: Vec<u8>,
    accepted: PendingConnection,
) where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let actor = Arc::clone(accepted.admitted.actor());
    if !actor.worker().is_current() {
        return start_websocket_when_ready(state, accepted, M::transfer(stream), rest, async {});
    }
    // The stream stays on this worker. So there is nothing to transfer, and the task reserves no memory for a detached
    // stream.
    let PendingConnection { admitted, settings, trailer: _ } = accepted;
    let connection = Connection::new(admitted, M::finish(stream), settings, state.config().mode);
    actor.worker().run(connection.serve(rest));
}

/// Starts the connection of an accepted client on the worker of its actor, once `stream` is available. `first` holds
/// bytes that have already been read from the stream. `afterwards` runs when the connection has ended.
fn start_websocket_when_ready<S>(
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

/// Starts to copy the bytes of a client whose actor lives on another host. If another worker does that, the stream
/// moves there first.
pub(super) fn start_relay<S, M: Transfer<S>>(stream: S, rest: Vec<u8>, client: RelayedClient)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let worker = client.worker();
    if worker.is_current() {
        worker.runtime().spawn(client.run(M::finish(stream), rest));
    } else {
        start_relay_when_ready(client, M::transfer(stream), rest, async {});
    }
}

/// Starts to copy the bytes of a client whose actor lives on another host, once `stream` is available. `first` holds
/// bytes that have already been read from the stream. `afterwards` runs when the connection has ended.
fn start_relay_when_ready<S>(
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
