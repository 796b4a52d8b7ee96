//! Letting a client in: the rules of the protocol, the limits, then the handler's own word.

use std::sync::Arc;
use std::time::Instant;

use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, StatusCode, Version};
use hyper::ext::Protocol;
use tokio::sync::oneshot;
use tokio::time::timeout_at;
use ws_host_protocol::CloseCode;
use ws_host_protocol::handshake::forwarded::{self, Forwarded};
use ws_host_protocol::handshake::server::{Rules, Upgrade, check, check_draft00, check_http2};
use ws_host_protocol::handshake::{Rejection, fields};

use super::answer::{Body, rejected, switch_protocols, text, unavailable};
use super::refused_origin;
use super::registry::Route;
use super::served::{Handshake, Served};
use super::site::Site;
use super::visit::{Entrance, Visit};
use crate::clients::{Client, Known};
use crate::config::{self, belongs_to_handshake};
use crate::connection::{Admitted, End, Place};
use crate::guest::{Acceptance, Fault, Refusal};
use crate::log_rate::{Line, LogRate};
use crate::resource::Full;

/// Lines on clients that found no place.
static FULL: LogRate = LogRate::new();

/// Lines on handlers that answer handshakes with what is no answer.
static WRONG: LogRate = LogRate::new();

/// Lines on handlers that let a client wait for too long.
static LATE: LogRate = LogRate::new();

/// Answers a handshake. If that is with 101, the client is left with the visit.
pub(super) async fn admit(
    site: &Arc<Site>,
    route: Route,
    request: &Request<()>,
    visit: Visit,
) -> Response<Body> {
    let Route { served, path, parameters } = route;
    let settings = served.settings();
    let forwarded = forwarded(site, request, &visit);
    let rules = Rules {
        origins: &settings.origins,
        versions: &site.config().versions,
        host: forwarded.host.as_deref(),
        scheme: forwarded.scheme.unwrap_or(visit.peer.scheme),
    };
    let upgrade = match (request.version(), visit.challenge) {
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
            tracing::debug!(peer = %visit.peer.address, "handshake refused: {rejection}");
            if rejection == Rejection::OriginNotAllowed {
                refused_origin::warn(site, served.name(), request, &visit, rules.host);
            }
            return rejected(rejection, request, &site.config().versions);
        }
    };
    if site.is_draining() || served.is_stopped() {
        return unavailable("The server stops.\n");
    }
    let id = site.next_id();
    let stay = match served.resource().stay(id, &path, settings.limits.max_clients) {
        Ok(stay) => stay,
        Err(Full::Clients) => return full(&served, "clients"),
        Err(Full::Actors) => return full(&served, "actors"),
    };
    let Some(place) = site.place(stay).await else { return full(&served, "clients") };
    let Some(handshake) = served.try_handshake(site.max_handshakes()) else {
        return full(&served, "handshakes");
    };
    let known = Known {
        resource: Arc::clone(&settings.name),
        path,
        query: request.uri().query().map(str::to_owned),
        parameters,
        headers: fields(request).collect(),
        subprotocols: upgrade.subprotocols().to_vec(),
        origin: upgrade.origin().map(str::to_owned),
        version: upgrade.version(),
        // Agreed before the handler is asked, as it may send at once.
        deflate: settings.compression.and_then(|wanted| upgrade.accept_deflate(&wanted)),
        address: forwarded.address,
        scheme: rules.scheme,
        peer: visit.peer.address,
        certificate: visit.certificate.clone(),
    };
    let budget = &site.ground.budget;
    let client = Arc::new(Client::new(id, known, settings.limits.max_outbound, budget));
    let answer = ask_handler(client, place, handshake);
    match timeout_at(visit.deadline, answer).await {
        Ok(Ok(Answer::Accepted(admitted, acceptance))) => {
            let accepted = Accepted { admitted, acceptance, settings };
            accept(site, &served, &visit, &upgrade, accepted)
        }
        Ok(Ok(Answer::Refused(refusal))) => refuse(&refusal),
        Ok(Ok(Answer::Faulted(Fault::NoInstance(_)))) => full(&served, "instances"),
        Ok(Ok(Answer::Faulted(_))) => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
        Ok(Err(_)) | Err(_) => {
            if let Some(Line { left_out }) = LATE.line(Instant::now()) {
                tracing::warn!(
                    resource = served.name(),
                    peer = %visit.peer.address,
                    left_out,
                    "the handler did not answer a handshake in time"
                );
            }
            unavailable("The handler did not answer in time.\n")
        }
    }
}

/// Who the client is, whatever is between it and us.
fn forwarded(site: &Site, request: &Request<()>, visit: &Visit) -> Forwarded {
    let peer = visit.peer.address.ip();
    let convention = site.config().forwarded_by;
    forwarded::client(request, peer, convention, |address| visit.believes(site, address))
}

/// A client that its handler lets in.
struct Accepted {
    admitted: Admitted,
    acceptance: Acceptance,
    settings: Arc<config::Resource>,
}

/// What the handler says of a client.
enum Answer {
    Accepted(Admitted, Acceptance),
    Refused(Refusal),
    Faulted(Fault),
}

/// Calls `connected` in a task of its own: the request may be dropped, a running call must not be.
fn ask_handler(
    client: Arc<Client>,
    place: Place,
    handshake: Handshake,
) -> oneshot::Receiver<Answer> {
    let (mut answer_to, answer) = oneshot::channel();
    let actor = Arc::clone(place.stay.actor());
    let asked = Arc::clone(&actor);
    actor.home().run(async move {
        let _handshake = handshake;
        let turn = tokio::select! {
            biased;
            // The client has left, or its time is over: its places are for others. A call that runs keeps them.
            () = answer_to.closed() => return,
            turn = asked.turn() => turn,
        };
        // Forgotten again on every way that does not let it in.
        let presence = asked.enter(&client);
        let answer = match turn.connected(&client).await {
            Ok(Ok(acceptance)) => {
                Answer::Accepted(Admitted::new(client, presence, place), acceptance)
            }
            Ok(Err(refusal)) => Answer::Refused(refusal),
            Err(fault) => {
                asked.tell_fault(Some(client.id()), &fault);
                Answer::Faulted(fault)
            }
        };
        // If nobody waits any more, the handler hears of it when an admitted client is dropped.
        let _ = answer_to.send(answer);
    });
    answer
}

fn accept(
    site: &Arc<Site>,
    served: &Served,
    visit: &Visit,
    upgrade: &Upgrade,
    accepted: Accepted,
) -> Response<Body> {
    let Accepted { admitted, acceptance, settings } = accepted;
    match response(upgrade, acceptance, &settings) {
        Ok(response) => {
            let client = Arc::clone(admitted.client());
            let trailer = upgrade.trailer().to_vec();
            visit.leave_entrance(Entrance { admitted, settings, trailer });
            // Whoever sends all away has not seen this one, perhaps.
            if site.is_draining() || served.is_stopped() {
                client.close_by_host(CloseCode::GOING_AWAY, "the server stops");
            }
            switch_protocols(response)
        }
        Err(mistake) => {
            let client = admitted.client().id();
            let resource = served.name();
            if let Some(Line { left_out }) = WRONG.line(Instant::now()) {
                tracing::error!(
                    resource,
                    %client,
                    left_out,
                    "the handler let a client in wrongly: {mistake}"
                );
            }
            admitted.disconnect(&End::Refused);
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
    }
}

fn response(
    upgrade: &Upgrade,
    acceptance: Acceptance,
    settings: &config::Resource,
) -> Result<Response<()>, String> {
    let subprotocol = acceptance.subprotocol.as_ref().or_else(|| {
        let is_known = |offered: &&String| settings.subprotocols.contains(offered);
        upgrade.subprotocols().iter().find(is_known)
    });
    let mut response = upgrade
        .response(subprotocol.map(String::as_str))
        .map_err(|not_offered| not_offered.to_string())?;
    let headers = response.headers_mut();
    for (name, value) in &settings.headers {
        headers.append(name, value.clone());
    }
    for (name, value) in acceptance.headers {
        let invalid = || format!("{name:?} is not a header that a handler can set");
        let name = HeaderName::try_from(&name).map_err(|_| invalid())?;
        if belongs_to_handshake(&name) {
            return Err(invalid());
        }
        let value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        headers.append(name, value);
    }
    Ok(response)
}

fn refuse(refusal: &Refusal) -> Response<Body> {
    match StatusCode::from_u16(refusal.status) {
        Ok(status) if (300..600).contains(&refusal.status) => text(status, refusal.body.clone()),
        _ => {
            if let Some(Line { left_out }) = WRONG.line(Instant::now()) {
                tracing::error!(
                    status = refusal.status,
                    left_out,
                    "the handler refused a client with a status that is none"
                );
            }
            text(StatusCode::INTERNAL_SERVER_ERROR, "The handler failed.\n")
        }
    }
}

/// What a client hears that came too late, because there are as many of something as there may be.
fn full(served: &Served, of: &'static str) -> Response<Body> {
    let resource = served.name();
    if let Some(Line { left_out }) = FULL.line(Instant::now()) {
        tracing::warn!(
            resource,
            left_out,
            "a client found no place: there are as many {of} as there may be"
        );
    }
    let resource = resource.to_owned();
    metrics::counter!("ws_host_refused_total", "resource" => resource, "full" => of).increment(1);
    unavailable("There is no place for one more client.\n")
}
