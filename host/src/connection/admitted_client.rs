//! A client between its acceptance by the handler and its last event.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ConnectionEnd;
use super::closing::ConnectionGuard;
use crate::access_log;
use crate::actor::Actor;
use crate::actor_resources::Registration;
use crate::clients::Client;
use crate::guest::Fault;
use crate::metrics::code_label;
use crate::resource::ActorLease;

/// How long a client's last event may wait for an instance's permit. After that the event is lost.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The time between two attempts to deliver the last event.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// A client that the handler has accepted, and whose last event, `disconnected`, is not being delivered yet.
///
/// The handler gets the last event exactly once, no matter how the connection ends. If this value is dropped without a
/// call of `disconnect`, for example because the request was cut off, the drop delivers the event. The event is lost
/// only in three cases: no instance can be started for it, the actor backs off after failed starts, or the call itself
/// fails.
pub(crate) struct AdmittedClient {
    client: Arc<Client>,
    actor: Arc<Actor>,
    guard: Arc<ConnectionGuard>,
    /// `None` once the last event is being delivered.
    registered: Option<(Registration, Option<ActorLease>)>,
}

/// A client's lease of its actor, and its permit from the server.
pub(crate) struct ClientPermit {
    /// Keeps the actor until it has handled the client's last event.
    pub(crate) lease: ActorLease,
    /// Holds the client's permit until the last event is handled and the connection is closed.
    pub(crate) guard: Arc<ConnectionGuard>,
}

impl AdmittedClient {
    pub(crate) fn new(
        client: Arc<Client>,
        registration: Registration,
        permit: ClientPermit,
    ) -> Self {
        let ClientPermit { lease, guard } = permit;
        Self {
            client,
            actor: Arc::clone(lease.actor()),
            guard,
            registered: Some((registration, Some(lease))),
        }
    }

    /// Returns a connection that the handler opens. It keeps its actor alive, but does not count as a client.
    pub(crate) fn outgoing(
        client: Arc<Client>,
        registration: Registration,
        actor: Arc<Actor>,
        guard: Arc<ConnectionGuard>,
    ) -> Self {
        Self { client, actor, guard, registered: Some((registration, None)) }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// Begins to deliver the last event. The connection may stay open for a while. It holds its permit until the caller
    /// drops the guard.
    pub(crate) fn disconnect(mut self, end: &ConnectionEnd) -> Arc<ConnectionGuard> {
        self.unregister(end);
        Arc::clone(&self.guard)
    }

    pub(super) fn report_fault(&self, fault: &Fault) {
        self.actor.report_fault(Some(&self.client), fault);
    }

    fn unregister(&mut self, end: &ConnectionEnd) {
        let Some((registration, lease)) = self.registered.take() else { return };
        let client = Arc::clone(&self.client);
        let (sent, totals) = {
            let mut outbound = client.outbound();
            client.count_traffic(&mut outbound);
            (outbound.frames.close_code(), outbound.traffic.take_totals())
        };
        let disconnection = end.disconnection(sent, client.cause());
        let cause = disconnection.cause.as_str();
        let (code, sent) = (disconnection.code, disconnection.sent_code);
        let connection = client.info().connection.0;
        tracing::debug!(
            connection,
            client = client.id().0,
            resource = &*client.info().resource,
            cause,
            code,
            sent,
            "disconnected: {end}"
        );
        // A client whose handshake got an invalid response counts as refused.
        if let Some(totals) = totals
            && !matches!(end, ConnectionEnd::InvalidAcceptance)
        {
            access_log::ended(&client, &totals, &disconnection);
        }
        // Only clients have a lease. Outgoing connections have none.
        if lease.is_some() {
            let metrics = &client.metrics().resource;
            metrics.disconnections.count(cause);
            metrics.received_codes.count(code_label(code));
            if let Some(sent) = sent {
                metrics.sent_codes.count(code_label(sent));
            }
        }
        // The client is unregistered before the event gets its turn, so that nothing can find the client any more.
        drop(registration);
        let (actor, guard) = (Arc::clone(&self.actor), Arc::clone(&self.guard));
        // The worker exists as long as the host and its guests, so this task is sure to run.
        self.actor.worker().run(async move {
            let mut deadline = None;
            loop {
                let called = actor.turn().await.call_disconnected(&client, &disconnection).await;
                let Err(fault) = called else { break };
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + MAX_WAIT);
                if !matches!(fault, Fault::NoInstance(_)) || Instant::now() >= deadline {
                    actor.report_fault(Some(&client), &fault);
                    break;
                }
                // The task sleeps without holding the turn, so that other events can get an instance.
                sleep(RETRY_INTERVAL).await;
            }
            drop((client, lease, guard));
        });
    }
}

impl Drop for AdmittedClient {
    fn drop(&mut self) {
        self.unregister(&ConnectionEnd::EndOfStream);
    }
}
