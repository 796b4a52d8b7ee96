//! Admission of a client: first the rules of the protocol, then the limits, then the handler's decision.

use std::sync::{Arc, OnceLock};

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode, Version};
use hyper::ext::Protocol;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use ws_host_protocol::handshake::Rejection;
use ws_host_protocol::handshake::server::{Rules, Upgrade, check, check_draft00, check_http2};

use super::attempt::Attempt;
use super::refusals::{full, no_owner};
use super::refused_origin;
use super::relay::{Relayed, elsewhere, relay};
use crate::clients::{Client, ClientInfo, Headers, HostClose};
use crate::cluster::Unavailable;
use crate::config::{AccessLog, ResourceConfig, UniqueIn};
use crate::connection::{AdmittedClient, ClientPermit, ConnectionEnd};
use crate::guest::{Fault, HandlerAcceptance, HandlerRejection};
use crate::log_rate::{Line, LogRate};
use crate::metrics::Pending;
use crate::resource::Full;
use crate::server::host::HostState;
use crate::server::host::placing::{self, NotHere};
use crate::server::host::request::{Destination, PendingConnection, RequestContext};
use crate::server::host::resources::{PendingHandshake, Route, ServedResource};
use crate::server::response::{Body, rejected, switch_protocols, text, unavailable};

/// Limits the log lines about handlers that accept a client, but with a response that is not valid.
static INVALID_ACCEPTANCE: LogRate = LogRate::new();

/// Limits the log lines about handlers that do not answer a handshake in time.
static TIMED_OUT: LogRate = LogRate::new();

/// Answers a handshake. If the response is a 101, puts the accepted client into `context`. All clones of `context`
/// share the client.
pub(in crate::server) async fn admit(
    state: &Arc<HostState>,
    route: Route,
    request: &Request<()>,
    context: RequestContext,
) -> Response<Body> {
    let Route { served, path, parameters } = route;
    let metrics = Arc::clone(served.resource().code().metrics());
    let mut attempt = Attempt {
        state,
        request,
        context: &context,
        served: &served,
        scheme: context.peer.scheme,
        client: None,
        status: None,
        outcome: Pending::new(&metrics.handshakes),
        began: Instant::now(),
        span: state.context.traces.as_ref().and_then(|traces| traces.handshake(request.headers())),
    };
    let response = decide(&served, path, parameters, &mut attempt, state).await;
    attempt.status = Some(response.status());
    response
}

/// Accepts, relays or refuses a client, and records the outcome in `attempt`.
async fn decide(
    served: &Arc<ServedResource>,
    path: String,
    parameters: Vec<(String, String)>,
    attempt: &mut Attempt<'_>,
    state: &Arc<HostState>,
) -> Response<Body> {
    let (request, context) = (attempt.request, attempt.context);
    let settings = served.settings();
    let forwarded = context.forwarded(state, request);
    let mut rules = Rules::new(&settings.origins, &state.config().versions);
    rules.host = forwarded.host.as_deref();
    rules.scheme = forwarded.scheme.unwrap_or(context.peer.scheme);
    attempt.scheme = rules.scheme;
    let upgrade = match (request.version(), context.challenge) {
        (Version::HTTP_2, _) => {
            let protocol = request.extensions().get::<Protocol>().map(Protocol::as_str);
            check_http2(request, protocol, &rules)
        }
        (_, Some(challenge)) => check_draft00(request, challenge, &rules),
        (_, None) => check(request, &rules),
    };
    let mut upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let (peer, connection) = (context.peer.address, context.connection.0);
            tracing::debug!(connection, %peer, "handshake refused: {rejection}");
            attempt.end("invalid");
            if rejection == Rejection::OriginNotAllowed {
                attempt.end("origin");
                refused_origin::warn(state, served.name(), request, context, rules.host);
            }
            return rejected(rejection, request, &state.config().versions);
        }
    };
    if state.is_draining() || served.is_stopped() {
        attempt.end("stopping");
        return stopping(context, settings.unique_in);
    }
    let id = state.next_id();
    attempt.client = Some(id);
    let mut handshake = None;
    let leased = match settings.unique_in {
        UniqueIn::Host => {
            let max_clients = settings.limits.max_clients;
            served.resource().lease(id, &path, None, max_clients).map_err(NotHere::from)
        }
        UniqueIn::Cluster => {
            // The actor may have no owner for a while. This permit limits how many handshakes wait for an owner.
            handshake = served.try_handshake(state.max_handshakes());
            if handshake.is_none() {
                return full(served, attempt, "handshakes");
            }
            // Boxed to keep the futures of other handshakes small.
            Box::pin(placing::lease(state, served, id, &path, context.deadline)).await
        }
    };
    let leased = match leased {
        Err(NotHere::Elsewhere(owner)) if context.edge.is_none() => {
            let look_again = || placing::lease(state, served, id, &path, context.deadline);
            let relaying = relay(state, served, request, context, owner, look_again);
            match Box::pin(relaying).await {
                Relayed::Responded(response, outcome) => {
                    attempt.end(outcome);
                    return response;
                }
                Relayed::Full => return full(served, attempt, "clients"),
                Relayed::Found(leased) => leased,
            }
        }
        leased => leased,
    };
    let lease = match leased {
        Ok(lease) => lease,
        Err(NotHere::Full(Full::Clients)) => return full(served, attempt, "clients"),
        Err(NotHere::Full(Full::Actors)) => return full(served, attempt, "actors"),
        Err(NotHere::Stopped) => {
            attempt.end("stopping");
            return stopping(context, settings.unique_in);
        }
        // The client was relayed to this host, and a relayed client is not relayed again. All other clients were
        // answered above.
        Err(NotHere::Elsewhere(_)) => {
            attempt.end("no-owner");
            return elsewhere();
        }
        Err(NotHere::Unavailable(why)) => return no_owner(served, attempt, &why),
    };
    let actor_metrics = lease.actor().metrics().clone();
    let Some(permit) = state.client_permit(lease).await else {
        return full(served, attempt, "clients");
    };
    let Some(handshake) = handshake.or_else(|| served.try_handshake(state.max_handshakes())) else {
        return full(served, attempt, "handshakes");
    };
    let info = ClientInfo {
        resource: Arc::clone(&settings.name),
        path,
        query: request.uri().query().map(str::to_owned),
        parameters,
        headers: Headers::of(request),
        subprotocols: upgrade.subprotocols().to_vec(),
        origin: upgrade.origin().map(str::to_owned),
        version: upgrade.version(),
        // Compression is agreed on before the handler is called, because the handler may send messages at once.
        deflate: settings.compression.and_then(|wanted| upgrade.accept_deflate(&wanted)),
        address: forwarded.address,
        scheme: rules.scheme,
        peer: context.peer.address,
        connection: context.connection,
        local: context.peer.local,
        http_version: context.http_version(request),
        server_name: context.server_name.clone(),
        certificate: context.certificate.clone(),
        url: None,
        edge: context.edge.as_ref().map(|edge| Arc::clone(&edge.name)),
        trace: attempt
            .span
            .as_ref()
            .map(|span| span.client(&settings.name, context.connection.0, id.0)),
        agreed: OnceLock::new(),
    };
    let budget = &state.context.budget;
    let on_full = settings.on_full.into();
    let max_outbound = settings.limits.max_outbound;
    let client = Client::new(id, info, max_outbound, on_full, budget, actor_metrics);
    if state.config().access_log == AccessLog::On {
        client.keep_totals(attempt.began);
    }
    let client = Arc::new(client);
    let decision = ask_handler(client, permit, handshake, Arc::clone(&settings));
    match timeout_at(context.deadline, decision).await {
        Ok(Ok(Decision::Accepted(admitted, acceptance))) => {
            let response = accept(state, served, context, &upgrade, admitted, acceptance, settings);
            attempt.end(if response.status().is_server_error() { "failed" } else { "accepted" });
            response
        }
        Ok(Ok(Decision::Refused(rejection))) => {
            attempt.end("refused");
            refuse(rejection)
        }
        Ok(Ok(Decision::Faulted(Fault::NoInstance(_)))) => full(served, attempt, "instances"),
        Ok(Ok(Decision::Faulted(Fault::NotOwner(why)))) => {
            no_owner(served, attempt, &Unavailable::new(why.to_string()))
        }
        Ok(Ok(Decision::Faulted(_))) => {
            attempt.end("failed");
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
        Ok(Err(_)) | Err(_) => {
            attempt.end("timeout");
            if let Some(Line { left_out }) = TIMED_OUT.line(Instant::now()) {
                tracing::warn!(
                    connection = context.connection.0,
                    client = id.0,
                    resource = served.name(),
                    peer = %context.peer.address,
                    left_out,
                    "the handler did not answer a handshake in time"
                );
            }
            unavailable("The handler did not answer in time.\n")
        }
    }
}

/// The handler's decision about a client.
enum Decision {
    Accepted(AdmittedClient, HandlerAcceptance),
    Refused(HandlerRejection),
    Faulted(Fault),
}

/// Calls `connected` in a task of its own. The request may be dropped at any time, but a running call must finish.
fn ask_handler(
    client: Arc<Client>,
    permit: ClientPermit,
    handshake: PendingHandshake,
    settings: Arc<ResourceConfig>,
) -> oneshot::Receiver<Decision> {
    let (mut decide, decision) = oneshot::channel();
    let actor = Arc::clone(permit.lease.actor());
    Arc::clone(&actor).worker().run(async move {
        let _handshake = handshake;
        let turn = tokio::select! {
            biased;
            // The receiver is dropped when the client has left or the handshake has timed out. Returning here releases
            // the permits. Once the call has begun, they are kept until it returns.
            () = decide.closed() => return,
            turn = actor.turn() => turn,
        };
        // If the client is not accepted, this guard is dropped, which undoes the registration.
        let registration = actor.register(&client);
        let decided = match turn.call_connected(&client).await {
            Ok(Ok(acceptance)) => {
                // The subprotocol is agreed on here, so that the handler can ask for it in its next event.
                agree(client.info(), &acceptance, &settings);
                Decision::Accepted(AdmittedClient::new(client, registration, permit), acceptance)
            }
            Ok(Err(rejection)) => Decision::Refused(rejection),
            Err(fault) => {
                actor.report_fault(Some(&client), &fault);
                Decision::Faulted(fault)
            }
        };
        // If the request is gone, dropping the admitted client here calls `disconnected`.
        let _ = decide.send(decided);
    });
    decision
}

/// Agrees on the subprotocol that the handler chose. If the handler chose none, agrees on the first subprotocol in the
/// client's list that the configuration also contains.
fn agree(info: &ClientInfo, acceptance: &HandlerAcceptance, settings: &ResourceConfig) {
    match &acceptance.subprotocol {
        Some(chosen) => info.agree(|offered| offered == chosen),
        None => info.agree(|offered| settings.subprotocols.iter().any(|wanted| wanted == offered)),
    }
}

fn accept(
    state: &Arc<HostState>,
    served: &ServedResource,
    context: &RequestContext,
    upgrade: &Upgrade,
    admitted: AdmittedClient,
    acceptance: HandlerAcceptance,
    settings: Arc<ResourceConfig>,
) -> Response<Body> {
    match response(upgrade, admitted.client().info(), acceptance, &settings) {
        Ok(response) => {
            let client = Arc::clone(admitted.client());
            tracing::debug!(
                connection = context.connection.0,
                client = client.id().0,
                resource = served.name(),
                peer = %context.peer.address,
                "accepted"
            );
            let trailer = upgrade.trailer().to_vec();
            let pending = PendingConnection { admitted, settings, trailer };
            context.put_accepted(Destination::ThisHost(pending));
            // A drain that has already begun may not have seen this client.
            if state.is_draining() || served.is_stopped() {
                client.close_by_host(HostClose::Stopping);
            }
            switch_protocols(response)
        }
        Err(error) => {
            let client = admitted.client().id().0;
            let (resource, connection) = (served.name(), context.connection.0);
            if let Some(Line { left_out }) = INVALID_ACCEPTANCE.line(Instant::now()) {
                tracing::error!(
                    connection,
                    client,
                    resource,
                    left_out,
                    "the handler accepted a client, but its response is invalid: {error}"
                );
            }
            admitted.disconnect(&ConnectionEnd::InvalidAcceptance);
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
    }
}

fn response(
    upgrade: &Upgrade,
    info: &ClientInfo,
    acceptance: HandlerAcceptance,
    settings: &ResourceConfig,
) -> Result<Response<()>, String> {
    // This fails if the handler has chosen a subprotocol that the client did not offer.
    let subprotocol = acceptance.subprotocol.as_deref().or_else(|| info.subprotocol());
    let mut response =
        upgrade.response(subprotocol).map_err(|not_offered| not_offered.to_string())?;
    let headers = response.headers_mut();
    for (name, value) in &settings.headers {
        headers.append(name, value.clone());
    }
    append_headers(headers, acceptance.headers);
    Ok(response)
}

fn refuse(rejection: HandlerRejection) -> Response<Body> {
    let HandlerRejection { status, headers, body } = rejection;
    let mut response = match body {
        None => text(status, ""),
        Some((content_type, body)) => {
            let mut response = text(status, body);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
    };
    append_headers(response.headers_mut(), headers);
    response
}

fn append_headers(headers: &mut HeaderMap, added: Vec<(HeaderName, HeaderValue)>) {
    for (name, value) in added {
        headers.append(name, value);
    }
}

/// The text of the response while the server or the resource stops.
const STOPPING: &str = "The server is stopping.\n";

/// Refuses a client while the server or the resource stops. If another host relays the client, that host then looks for
/// the next owner of the actor.
fn stopping(context: &RequestContext, unique_in: UniqueIn) -> Response<Body> {
    match (&context.edge, unique_in) {
        (Some(_), UniqueIn::Cluster) => elsewhere(),
        (Some(_), UniqueIn::Host) | (None, _) => unavailable(STOPPING),
    }
}
