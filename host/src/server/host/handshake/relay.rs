//! Relaying a handshake to the host that owns its actor.
//!
//! # From the edge to the owner
//!
//! 1. `admit` (`admission.rs`) asks for a lease of the actor (`placing.rs`). If the cluster's records name another host
//!    (`cluster/owners.rs`), `admit` calls [`relay`].
//! 2. [`relay`] connects to the owner (`cluster/relay/dial.rs`), and sends the facts about the client, together with
//!    the head of the client's request. If that host is not the owner (any more), [`relay`] looks the owner up again.
//! 3. On the owner, `serve_peer` (`server/listen/peers.rs`) checks the peer (`cluster/relay/accept.rs`), puts the facts
//!    into the context of the request, and serves the request like any other, up to `admit`.
//! 4. If the owner accepts the client, the edge passes on the owner's response (`server/http/final_response.rs`).
//!    [`RelayedClient::run`] then copies the bytes (`connection/relay.rs`) until one side ends.

use std::sync::Arc;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Request, Response, StatusCode, Uri, Version};
use rand::Rng;
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use ws_host_protocol::handshake::Scheme;
use ws_host_protocol::handshake::client::Handshake;

use crate::cluster::Owner;
use crate::cluster::relay::{
    self as wire, Opening, Origin, OwnerResponse, OwnerStream, Peers, RelayError, ResponseError,
    dial, read_response,
};
use crate::log_rate::{Line, LogRate};
use crate::resource::ActorLease;
use crate::server::host::HostState;
use crate::server::host::placing::NotHere;
use crate::server::host::relayed::{self, RelayedClient};
use crate::server::host::request::{Destination, OnBehalfOf, RequestContext};
use crate::server::host::resources::ServedResource;
use crate::server::response::{Body, passed_on, text, unavailable};

/// After a failed attempt to reach the owner, the host pauses before it looks up the owner again. These are the first
/// and the longest pause. Each pause is twice as long as the one before. Pauses help because the owner may change soon:
/// a dead owner will be fenced, and a living one may be ending the actor. Once the actor's clients have closed, another
/// host can own the actor.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// The time left before the deadline is divided into this many parts. One attempt to connect to the owner may take one
/// part.
const PARTS: u32 = 3;

/// The header of responses that are meant for the relaying host, not for its client.
const TO_PEER: HeaderName = HeaderName::from_static("ws-host-peer");

/// The values of [`TO_PEER`]: the responding host does not own the path, or it refused the peer.
pub(in crate::server) const ELSEWHERE: &str = "elsewhere";
pub(in crate::server) const REFUSED: &str = "refused";

/// Limits the log lines about clients that could not be relayed.
static FAILED: LogRate = LogRate::new();

/// The result of relaying a handshake.
pub(super) enum Relayed {
    /// The response to the client, and the outcome of its handshake.
    Responded(Response<Body>, &'static str),
    /// This host has no room for a relayed client.
    Full,
    /// The last lookup of the owner did not lead to another host, or there was no further lookup because this host or
    /// the resource is stopping. The `Err` is never [`NotHere::Elsewhere`].
    Found(Result<ActorLease, NotHere>),
}

/// Returns the result for a client that gets the owner's response.
fn from_owner(response: Response<Body>) -> Relayed {
    Relayed::Responded(response, "relayed")
}

/// Returns the result for a client that does not get an owner's response.
fn no_owner(response: Response<Body>) -> Relayed {
    Relayed::Responded(response, "no-owner")
}

/// Returns the response to a relayed handshake whose path this host does not own. The relaying host then looks up the
/// owner again.
pub(super) fn elsewhere() -> Response<Body> {
    let mut response = text(StatusCode::MISDIRECTED_REQUEST, "This host does not own the path.\n");
    response.headers_mut().insert(TO_PEER, HeaderValue::from_static(ELSEWHERE));
    response
}

/// Relays a handshake to the owner of its actor. If that host does not own the actor or cannot be reached, looks up the
/// owner again, until the deadline of the handshake.
pub(super) async fn relay<L>(
    state: &Arc<HostState>,
    served: &ServedResource,
    request: &Request<()>,
    context: &RequestContext,
    mut owner: Owner,
    look_again: impl Fn() -> L,
) -> Relayed
where
    L: Future<Output = Result<ActorLease, NotHere>>,
{
    if context.challenge.is_some() {
        return no_owner(unavailable(
            "This path is served by another host, to which clients of draft 00 are not relayed.\n",
        ));
    }
    let Some(peers) = state.relayed.peers() else {
        return no_owner(unavailable("This host does not relay clients to other hosts.\n"));
    };
    let Some(guard) = state.connection_guard().await else {
        return Relayed::Full;
    };
    let handshake = Translated::new(request);
    let origin = origin(peers, served, request, context);
    let opening =
        Arc::new(Opening { request: wire::Request::Relay(origin), head: handshake.head() });
    let mut pause = PAUSES.0;
    loop {
        let address = owner.address.clone();
        let worker = state.context.workers.assign_relay();
        let entry = state.relayed.add(&address);
        let deadlines = Deadlines {
            until_sent: part_of(context.deadline, PARTS),
            until_response: context.deadline,
        };
        let asking = ask(Arc::clone(peers), address.clone(), Arc::clone(&opening), deadlines);
        // A task on the runtime of `worker` will copy the bytes, so the owner's socket is opened there too. If the
        // request is dropped, the attempt is aborted.
        let asking = AbortOnDropHandle::new(worker.worker().runtime().spawn(asking));
        let responded = match asking.await {
            Ok(responded) => responded,
            Err(_) => Err(RelayError::Late(address.clone())),
        };
        let error = match responded {
            Ok((stream, response)) if response.status == StatusCode::SWITCHING_PROTOCOLS => {
                let Some(translated) = handshake.translate(&response) else {
                    return no_owner(refuse(
                        served,
                        context,
                        &RelayError::Invalid(
                            address,
                            "it does not complete the WebSocket handshake",
                        ),
                    ));
                };
                if state.is_draining() {
                    // The drain may have asked the owner to close the clients of this host too early: at that time, the
                    // owner did not have this client yet. So the owner is asked again.
                    tokio::spawn(relayed::close(Arc::clone(peers), address, Duration::ZERO));
                }
                let OwnerResponse { head, body: early, .. } = response;
                let (peer, connection) = (context.peer.address, context.connection);
                let client = RelayedClient {
                    owner: stream,
                    fenced: owner.fenced,
                    head,
                    early,
                    worker,
                    guard,
                    entry,
                    settings: served.settings(),
                    peer,
                    connection,
                };
                context.put_accepted(Destination::OtherHost(client));
                return from_owner(translated);
            }
            Ok((_, response)) => match response.headers.get(TO_PEER) {
                Some(value) if value == ELSEWHERE => RelayError::Misdirected(address.clone()),
                Some(_) => RelayError::Refused(address.clone()),
                None => return from_owner(pass_on(response)),
            },
            Err(error) => error,
        };
        // The pause is random, so that the clients of an actor do not all try again at the same moment.
        let again = Instant::now() + pause.mul_f64(rand::random_range(0.5..1.0));
        if !error.is_worth_another_look() || again >= context.deadline {
            return no_owner(refuse(served, context, &error));
        }
        tracing::debug!(
            resource = served.name(),
            "looking up the owner of the path again: {error}"
        );
        sleep_until(again).await;
        pause = (pause * 2).min(PAUSES.1);
        if state.is_draining() || served.is_stopped() {
            return Relayed::Found(Err(NotHere::Stopped));
        }
        match look_again().await {
            Err(NotHere::Elsewhere(other)) => owner = other,
            found => return Relayed::Found(found),
        }
    }
}

const UNREACHABLE: &str = "The host that serves this path cannot be reached.\n";

/// Divides the time left before the deadline into equal parts, and returns the end of the first part.
fn part_of(deadline: Instant, parts: u32) -> Instant {
    let now = Instant::now();
    now + deadline.saturating_duration_since(now) / parts
}

#[derive(Clone, Copy)]
struct Deadlines {
    until_sent: Instant,
    until_response: Instant,
}

/// Sends the opening to the owner, and reads its response.
async fn ask(
    peers: Arc<Peers>,
    address: String,
    opening: Arc<Opening>,
    deadlines: Deadlines,
) -> Result<(OwnerStream, OwnerResponse), RelayError> {
    let dialed = timeout_at(deadlines.until_sent, dial(&peers, &address, &opening)).await;
    let mut stream = dialed.unwrap_or_else(|_| {
        Err(RelayError::failed(&address, std::io::ErrorKind::TimedOut.into()))
    })?;
    match timeout_at(deadlines.until_response, read_response(&mut stream)).await {
        Ok(Ok(response)) => Ok((stream, response)),
        Ok(Err(ResponseError::Io(cause))) => Err(RelayError::failed(&address, cause)),
        Ok(Err(ResponseError::Invalid(why))) => Err(RelayError::Invalid(address, why)),
        Err(_) => Err(RelayError::Late(address)),
    }
}

fn origin(
    peers: &Peers,
    served: &ServedResource,
    request: &Request<()>,
    context: &RequestContext,
) -> Origin {
    let peer = &context.peer;
    let certificate = context.certificate.as_deref().map(|certificate| certificate.der());
    let mut origin = Origin::new(&peers.host, served.name(), peer.address, peer.local)
        .with_certificate(certificate);
    origin.encrypted = peer.scheme == Scheme::Https;
    origin.proxied = context.on_behalf_of == OnBehalfOf::Client;
    origin.http2 = request.version() == Version::HTTP_2;
    origin.server_name = context.server_name.as_deref().map(str::to_owned);
    origin
}

/// Refuses a client that cannot be relayed.
fn refuse(served: &ServedResource, context: &RequestContext, error: &RelayError) -> Response<Body> {
    if let Some(Line { left_out }) = FAILED.line(Instant::now()) {
        let (resource, connection) = (served.name(), context.connection.0);
        if error.is_misconfiguration() {
            tracing::error!(
                connection,
                resource,
                left_out,
                "a client was refused, because it cannot be relayed: {error}; all hosts of a cluster need the same \
                 `secret`, or certificates of the same `ca`"
            );
        } else {
            tracing::warn!(
                connection,
                resource,
                left_out,
                "a client was refused, because it cannot be relayed: {error}"
            );
        }
    }
    // Clients must not learn the addresses of other hosts.
    unavailable(match error {
        RelayError::Unreachable { .. } => UNREACHABLE,
        RelayError::Misdirected(_) | RelayError::OtherCluster(..) => {
            "The host that serves this path keeps changing.\n"
        }
        RelayError::Unproven(..) | RelayError::Refused(_) => {
            "The host that serves this path and this host do not trust each other.\n"
        }
        RelayError::Invalid(..) => "The host that serves this path sent an invalid response.\n",
        RelayError::Late(_) => "The host that serves this path did not answer in time.\n",
    })
}

/// Returns the owner's response without the headers of the connection between the hosts.
fn pass_on(response: OwnerResponse) -> Response<Body> {
    let OwnerResponse { status, mut headers, body, .. } = response;
    for name in [CONNECTION, CONTENT_LENGTH, DATE, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    passed_on(status, headers, body)
}

/// A client's handshake in the form that is sent to the owner. A handshake over HTTP/1.1 is sent unchanged. A handshake
/// over HTTP/2 is replaced by an HTTP/1.1 handshake that this host makes.
struct Translated<'a> {
    request: &'a Request<()>,
    /// If the client uses HTTP/2: the handshake that this host made, and the headers of that handshake.
    own: Option<(Handshake, HeaderMap)>,
}

impl<'a> Translated<'a> {
    fn new(request: &'a Request<()>) -> Self {
        let own = (request.version() == Version::HTTP_2).then(|| {
            let mut key = [0; 16];
            rand::rng().fill_bytes(&mut key);
            let handshake = Handshake::new(key, Vec::new());
            let host = request.uri().authority().map_or("", |authority| authority.as_str());
            let headers = handshake.request(host, Uri::default()).map(Request::into_parts);
            // This cannot fail: the authority comes from a valid URI.
            let headers = headers.map(|(head, ())| head.headers).unwrap_or_default();
            (handshake, headers)
        });
        Self { request, own }
    }

    /// Returns the head of the request that is sent to the owner.
    fn head(&self) -> Vec<u8> {
        let uri = self.request.uri();
        let mut bytes = Vec::with_capacity(1024);
        match &self.own {
            None => bytes.extend_from_slice(format!("GET {uri} HTTP/1.1\r\n").as_bytes()),
            Some((_, headers)) => {
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                bytes.extend_from_slice(format!("GET {path} HTTP/1.1\r\n").as_bytes());
                push(&mut bytes, headers.iter());
            }
        }
        const OWN: [HeaderName; 5] =
            [HOST, CONNECTION, UPGRADE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION];
        let is_passed = |name: &HeaderName| self.own.is_none() || !OWN.contains(name);
        push(&mut bytes, self.request.headers().iter().filter(|(name, _)| is_passed(name)));
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Returns the response to the client. `None`: the owner's response does not match the request.
    fn translate(&self, response: &OwnerResponse) -> Option<Response<Body>> {
        let mut headers = response.headers.clone();
        let Some((handshake, _)) = &self.own else {
            return Some(passed_on(response.status, headers, Vec::new()));
        };
        // The client offered the extensions and subprotocols, so the client itself checks which of them were accepted.
        let mut checked = Response::new(());
        *checked.status_mut() = response.status;
        *checked.headers_mut() = headers.clone();
        checked.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
        checked.headers_mut().remove(SEC_WEBSOCKET_PROTOCOL);
        handshake.check(&checked).ok()?;
        for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
            headers.remove(name);
        }
        Some(passed_on(StatusCode::OK, headers, Vec::new()))
    }
}

fn push<'h>(bytes: &mut Vec<u8>, headers: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>) {
    for (name, value) in headers {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
}
