//! Requests whose connection belongs to an HTTP library, which hands over what becomes of it.

use std::sync::Arc;

use http::{Request, Response};

use super::upgraded_stream::UpgradedStream;
use crate::connection::{Connection, ConnectionEnd};
use crate::server::host;
use crate::server::host::HostState;
use crate::server::host::request::{AcceptedClient, RequestContext};
use crate::server::response::Body;

/// Answers a request. If that lets a client in, it is served as soon as the library hands its stream over, and
/// `afterwards` runs when it has gone.
pub(in crate::server) async fn answer_with_upgrade<B>(
    state: &Arc<HostState>,
    mut request: Request<B>,
    context: RequestContext,
    afterwards: impl Future<Output = ()> + Send + 'static,
) -> Response<Body> {
    let stream = hyper::upgrade::on(&mut request);
    let request = request.map(drop);
    let response = host::answer(state, &request, context.clone()).await.into_response();
    if let Some(AcceptedClient { admitted, settings, .. }) = context.take_accepted() {
        let mode = state.config().mode;
        let actor = Arc::clone(admitted.actor());
        actor.worker().run(async move {
            match stream.await {
                Ok(stream) => {
                    let stream = UpgradedStream::new(stream);
                    Connection::new(admitted, stream, settings, mode).serve(Vec::new()).await;
                }
                Err(error) => {
                    admitted.disconnect(&ConnectionEnd::Lost(std::io::Error::other(error)));
                }
            }
            afterwards.await;
        });
    }
    response
}
