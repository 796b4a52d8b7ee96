//! An actor: one instance at a time, the clients that it serves, and the order of their events.
//!
//! There is no mailbox. A connection task takes a [`Turn`] and calls the instance with the messages that it has read.
//! The task runs on the actor's worker. For an HTTP/1.1 connection, the same thread also reads the socket. The stream
//! of an HTTP/2 or embedded connection may be read on another thread. A task that waits for its turn does not read from
//! its client, which causes backpressure.
//!
//! The states of the instance, with a diagram, are in `slot.rs` (`InstanceState`).

mod checkpoint;
mod code;
mod durable;
mod fair_mutex;
mod resume;
mod saved_state;
mod slot;
mod status;
mod transitions;
mod trial;
mod turn;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until, timeout};

pub(crate) use code::{ActorLimits, Code, SwapCounts};
use durable::Saves;
use fair_mutex::FairMutex;
use saved_state::SavedState;
use slot::{ActorSlot, Failures};
pub(crate) use status::{ActorStatus, InstanceStatus};
pub(crate) use trial::Rollout;
pub use trial::TrialState;
pub(crate) use turn::Turn;

use crate::actor_resources::{ActorResources, Registration};
use crate::clients::{Client, Clients, HostClose, Pace};
use crate::dialer::Dialer;
use crate::guest::Fault;
use crate::log_rate::Line;
use crate::metrics::ActorMetrics;
use crate::ownership::Ownership;
use crate::running::Running;
use crate::timers::SavedTimer;
use crate::topics::Topics;
use crate::worker::WorkerHandle;

/// One instance at a time, and its clients. The clients outlive the instance.
pub(crate) struct Actor {
    code: Arc<Code>,
    worker: WorkerHandle,
    resources: Arc<ActorResources>,
    slot: FairMutex<ActorSlot>,
    /// The last state of the old code, kept for a rollback while new code is on trial.
    rollback_state: Mutex<Option<Box<SavedState>>>,
    /// The states that wait to be saved for the next owner. Created for the first save, because few actors are durable.
    saves: OnceLock<Box<Mutex<Saves>>>,
    /// Whether there has been an event since the last sweep for quiet actors (`resource/sweep.rs`).
    is_active: AtomicBool,
    /// Whether any instance of this actor exported `drained`.
    exports_drained: AtomicBool,
    /// Whether any instance of this actor exported `stopping`. Reset when `stopping` is called.
    exports_stopping: AtomicBool,
}

impl Actor {
    /// Returns an actor without an instance. The first event creates the instance.
    pub(crate) fn new(
        name: Box<str>,
        code: Arc<Code>,
        topics: Arc<Topics>,
        worker: WorkerHandle,
        ownership: Option<Arc<dyn Ownership>>,
    ) -> Self {
        let metrics = code.metrics().on_worker(worker.id());
        Self {
            code,
            worker,
            resources: Arc::new(ActorResources::new(name, topics, metrics).owned_by(ownership)),
            slot: FairMutex::default(),
            rollback_state: Mutex::default(),
            saves: OnceLock::new(),
            is_active: AtomicBool::new(true),
            exports_drained: AtomicBool::new(false),
            exports_stopping: AtomicBool::new(false),
        }
    }

    /// Returns the name of the actor in its resource.
    pub(crate) fn name(&self) -> &str {
        &self.resources.name
    }

    /// Returns the metrics of the actor's resource.
    pub(crate) fn metrics(&self) -> &ActorMetrics {
        &self.resources.metrics
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.resources.clients
    }

    /// Returns all clients and outgoing connections.
    pub(crate) fn clients_and_outgoing(&self) -> Vec<Arc<Client>> {
        let mut all = self.resources.clients.all();
        all.extend(self.resources.outgoing.all());
        all
    }

    /// Returns the number of clients and outgoing connections.
    pub(crate) fn connection_count(&self) -> usize {
        self.resources.clients.len() + self.resources.outgoing.len()
    }

    /// Returns how many WebSockets the handler has opened.
    pub(crate) fn outgoing_connections(&self) -> usize {
        self.resources.outgoing.len()
    }

    /// Sets the dialer, which opens the connections of the handler. Must be called once, before the first event.
    pub(crate) fn set_dialer(&self, dialer: Arc<dyn Dialer>) {
        let _ = self.resources.dialer.set(dialer);
    }

    /// Registers a client. The guest can send to the client until the returned guard is dropped.
    pub(crate) fn register(&self, client: &Arc<Client>) -> Registration {
        self.resources.register(client)
    }

    /// Returns the worker on which the actor and all its connections live.
    pub(crate) fn worker(&self) -> &WorkerHandle {
        &self.worker
    }

    /// Returns whether there has been an event since the last call of this function.
    pub(crate) fn take_activity(&self) -> bool {
        self.is_active.swap(false, Ordering::Relaxed)
    }

    /// Returns whether the actor may have an instance that exports `drained`.
    pub(crate) fn exports_drained(&self) -> bool {
        self.exports_drained.load(Ordering::Relaxed)
    }

    /// If the handler exports `stopping`, starts a task and returns it. The task calls `stopping` and then closes all
    /// clients at this pace. After `max_wait` it closes them even if `stopping` is still running.
    pub(crate) fn stop(
        self: &Arc<Self>,
        why: HostClose<'static>,
        max_wait: Duration,
        pace: &Arc<Pace>,
    ) -> Option<Running<()>> {
        if !self.exports_stopping.swap(false, Ordering::Relaxed) {
            return None;
        }
        let (actor, pace) = (Arc::clone(self), Arc::clone(pace));
        Some(self.worker.run(async move {
            let stopping = actor.worker.run({
                let (actor, pace) = (Arc::clone(&actor), Arc::clone(&pace));
                async move {
                    if let Err(fault) = actor.turn().await.call_stopping(why, &pace).await {
                        actor.report_fault(None, &fault);
                    }
                }
            });
            // The call of `stopping` continues even if it exceeds the timeout.
            let _ = timeout(max_wait, stopping).await;
            pace.close(actor.clients_and_outgoing(), why).await;
        }))
    }

    /// Closes all clients at once.
    pub(crate) fn close_clients(&self, why: HostClose<'_>) {
        for client in self.clients_and_outgoing() {
            client.close_by_host(why);
        }
    }

    /// Returns the right to run the actor, if the actor is unique in the cluster.
    pub(crate) fn ownership(&self) -> Option<&Arc<dyn Ownership>> {
        self.resources.ownership.as_ref()
    }

    /// Ends an actor that is unique in the cluster, because this host may no longer run it. An event that is running is
    /// interrupted, and the handler gets no more events.
    pub(crate) fn end_ownership(&self, why: HostClose<'_>) {
        if let Some(ownership) = &self.resources.ownership {
            ownership.end();
        }
        self.close_clients(why);
        self.cancel_timers();
    }

    /// Discards the state kept for a rollback, because a rollback is no longer possible.
    pub(crate) fn discard_rollback_state(&self) {
        self.rollback_state.lock().take();
    }

    /// Ends what would keep an unneeded actor alive: its timers and outgoing connections.
    pub(crate) fn end(&self) {
        self.cancel_timers();
        for connection in self.resources.outgoing.all() {
            connection.close_by_host(HostClose::ActorEnds);
        }
    }

    /// Cancels all timers, because the actor is no longer needed.
    pub(crate) fn cancel_timers(&self) {
        self.resources.timers.end();
    }

    /// Logs and counts a fault. `client` is the client of the event, if the event has one.
    pub(crate) fn report_fault(&self, client: Option<&Client>, fault: &Fault) {
        let template = self.code.template();
        let (component, hash) = (template.name(), template.hash());
        let (resource, actor) = (self.code.resource(), self.name());
        let connection = client.map(|client| client.info().connection.0);
        let client = client.map(|client| client.id().0);
        if let Some(Line { left_out }) = self.code.faults().line(Instant::now()) {
            let (event, stderr) = (fault.event(), fault.stderr());
            match fault {
                Fault::NoInstance(_) => {
                    tracing::warn!(
                        component, hash, resource, actor, connection, client, left_out, "{fault}"
                    );
                }
                // The reason is logged elsewhere, once for all actors.
                Fault::NotOwner(_) => {
                    tracing::debug!(
                        component, hash, resource, actor, connection, client, left_out, "{fault}"
                    );
                }
                _ => {
                    tracing::error!(
                        component, hash, resource, actor, event, connection, client, stderr,
                        left_out, "{fault}"
                    );
                }
            }
            // The backtrace is formatted only if it is shown, because formatting is slow.
            if tracing::enabled!(tracing::Level::DEBUG)
                && let Some(backtrace) = fault.backtrace()
            {
                tracing::debug!(
                    component,
                    hash,
                    resource,
                    actor,
                    event,
                    connection,
                    client,
                    "{backtrace}"
                );
            }
        }
        let metrics = self.code.metrics();
        metrics.faults.count(fault.name());
        metrics.recent.fault(fault.name(), fault.event(), actor);
    }

    /// Returns a turn. Returns `None` if another task has a turn now, or if another task has been waiting for a turn
    /// for a long time.
    pub(crate) fn try_turn(self: &Arc<Self>) -> Option<Turn<'_>> {
        Some(Turn::new(self, self.slot.try_lock()?))
    }

    /// Waits for a turn.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future removes the caller from the queue.
    pub(crate) async fn turn(self: &Arc<Self>) -> Turn<'_> {
        Turn::new(self, self.slot.lock().await)
    }

    /// Sets the durable timers that an earlier run of the host left behind.
    pub(crate) async fn restore_timers(self: &Arc<Self>, saved: Vec<SavedTimer>) {
        self.turn().await.restore_timers(saved).await;
    }

    /// Starts the timer task if it is needed and not already running. Must be called after every turn, even if the
    /// turn's event failed, because the guest may have set its first timer.
    #[inline]
    fn start_timers(self: &Arc<Self>) {
        if self.resources.timers.take_needs_task() {
            self.worker.run(Arc::clone(self).run_timers());
        }
    }

    /// Delivers timers when they are due, until no timer is set. The task keeps the actor alive until then. After
    /// repeated failures the task backs off, because a guest may set a new timer each time its `fired` fails. The
    /// backoff delays only timers.
    async fn run_timers(self: Arc<Self>) {
        let mut failures = Failures::default();
        while self.resources.timers.wait().await {
            match self.turn().await.call_fired().await {
                Ok(()) => failures.reset(),
                Err(fault) => {
                    self.report_fault(None, &fault);
                    failures.count();
                    if let Some(until) = failures.not_before() {
                        sleep_until(until).await;
                    }
                }
            }
        }
    }
}
