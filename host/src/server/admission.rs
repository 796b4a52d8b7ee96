//! Letting a client in: the rules of the protocol, the limits, then the handler's own word.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use ws_host_protocol::handshake::VERSION;
use ws_host_protocol::handshake::server::{Upgrade, check};

use super::answer::{Body, rejected, switch_protocols, text};
use super::site::Site;
use crate::clients::{Client, Known};
use crate::connection::{Admitted, End, Place};
use crate::guest::{Acceptance, Fault, Refusal};

/// After how many seconds a client that found no place may try again.
const RETRY_SECONDS: &str = "5";

/// What a request needs to know of its connection.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) peer: SocketAddr,
    /// Until when the handshake must have been answered.
    pub(super) deadline: Instant,
    /// Where the client is left when it was let in.
    pub(super) admitted: Arc<Mutex<Option<Admitted>>>,
}

/// Answers a handshake. If that is with 101, the client is left with the visit.
pub(super) async fn admit(
    site: &Arc<Site>,
    request: &Request<Incoming>,
    parameters: Vec<(String, String)>,
    visit: Visit,
) -> Response<Body> {
    let upgrade = match check(request, &site.config.origins) {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            tracing::debug!(peer = %visit.peer, "handshake refused: {rejection}");
            return rejected(rejection, site.config.path.as_str());
        }
    };
    if site.is_draining() {
        return unavailable("The server stops.\n");
    }
    let id = site.next_id();
    let path = request.uri().path();
    let Ok(stay) = site.resource.stay(id, path) else {
        tracing::warn!("a client found no room for its actor: --max-clients, --max-instances");
        return full("actors");
    };
    let Some(place) = site.try_place(stay) else {
        tracing::warn!(
            limit = site.config.limits.max_clients,
            "a client found no place: --max-clients"
        );
        return full("clients");
    };
    let known = known(request, &upgrade, &visit, parameters);
    let client = Arc::new(Client::new(id, known, site.config.limits.max_outbound));
    let answer = ask_handler(site, client, place);
    match timeout_at(visit.deadline, answer).await {
        Ok(Ok(Answer::Accepted(admitted, acceptance))) => {
            accept(site, &visit, &upgrade, admitted, acceptance)
        }
        Ok(Ok(Answer::Refused(refusal))) => refuse(&refusal),
        Ok(Ok(Answer::Faulted(Fault::NoInstance(_)))) => full("instances"),
        Ok(Ok(Answer::Faulted(_))) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
        Ok(Err(_)) | Err(_) => {
            tracing::warn!(peer = %visit.peer, "the handler did not answer a handshake in time");
            unavailable("The handler did not answer in time.\n")
        }
    }
}

/// What the handler says of a client.
enum Answer {
    Accepted(Admitted, Acceptance),
    Refused(Refusal),
    Faulted(Fault),
}

/// Calls `connected` in a task of its own: the request may be dropped, a running call must not be.
fn ask_handler(site: &Arc<Site>, client: Arc<Client>, place: Place) -> oneshot::Receiver<Answer> {
    let (answer_to, answer) = oneshot::channel();
    let actor = Arc::clone(place.stay.actor());
    let home = actor.home().runtime().clone();
    let asking = async move {
        let turn = actor.turn().await;
        if answer_to.is_closed() {
            return;
        }
        actor.clients().insert(Arc::clone(&client));
        let connected = turn.connected(&client).await;
        if !matches!(connected, Ok(Ok(_))) {
            actor.clients().remove(client.id());
        }
        let answer = match connected {
            Ok(Ok(acceptance)) => Answer::Accepted(Admitted::new(client, place), acceptance),
            Ok(Err(refusal)) => Answer::Refused(refusal),
            Err(fault) => {
                actor.tell_fault(Some(client.id()), &fault);
                Answer::Faulted(fault)
            }
        };
        // If nobody waits any more, the handler hears of it when an admitted client is dropped.
        let _ = answer_to.send(answer);
    };
    site.tasks.spawn_on(asking, &home);
    answer
}

fn accept(
    site: &Arc<Site>,
    visit: &Visit,
    upgrade: &Upgrade,
    admitted: Admitted,
    acceptance: Acceptance,
) -> Response<Body> {
    match response(upgrade, acceptance) {
        Ok(response) => {
            *visit.admitted.lock() = Some(admitted);
            if site.is_draining() {
                site.send_all_away();
            }
            switch_protocols(response)
        }
        Err(mistake) => {
            tracing::error!(client = %admitted.client().id(), "the handler let a client in wrongly: {mistake}");
            site.tasks.spawn(async move { admitted.disconnect(&End::Refused).await });
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
    }
}

fn response(upgrade: &Upgrade, acceptance: Acceptance) -> Result<Response<()>, String> {
    let mut response = upgrade
        .response(acceptance.subprotocol.as_deref())
        .map_err(|not_offered| not_offered.to_string())?;
    for (name, value) in acceptance.headers {
        let invalid = || format!("{name:?} is not a header that a handler can set");
        let name = HeaderName::try_from(&name).map_err(|_| invalid())?;
        if belongs_to_handshake(&name) {
            return Err(invalid());
        }
        let value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

fn belongs_to_handshake(name: &HeaderName) -> bool {
    [CONNECTION, UPGRADE, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
        || name.as_str().starts_with("sec-websocket-")
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    match StatusCode::from_u16(refusal.status) {
        Ok(status) if (300..600).contains(&refusal.status) => text(status, refusal.body.clone()),
        _ => {
            tracing::error!(
                status = refusal.status,
                "the handler refused a client with a status that is none"
            );
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
    }
}

/// What a client hears that came too late, because there are as many of something as there may be.
fn full(of: &'static str) -> Response<Body> {
    metrics::counter!("ws_host_refused_total", "full" => of).increment(1);
    unavailable("There is no place for one more client.\n")
}

fn unavailable(why: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    response
}

fn known(
    request: &Request<Incoming>,
    upgrade: &Upgrade,
    visit: &Visit,
    parameters: Vec<(String, String)>,
) -> Known {
    let headers = request.headers();
    let origin = headers.get(http::header::ORIGIN).and_then(|origin| origin.to_str().ok());
    Known {
        path: request.uri().path().to_owned(),
        query: request.uri().query().map(str::to_owned),
        parameters,
        headers: headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
        subprotocols: upgrade.subprotocols().to_vec(),
        origin: origin.map(str::to_owned),
        version: VERSION,
        peer: visit.peer,
    }
}
