//! An actor: one guest, the clients that it serves, and the order in which it sees their events.
//!
//! There is no mailbox. A connection's task takes its [`Turn`] and calls the guest itself, on the
//! thread that read the messages, with all that it has read. A task that waits for its turn does not read from
//! its client: that is backpressure.
//!
//! ```text
//!            first event           reload: suspend, resume
//!   Unused ──────────────▶ Live ◀─────────────────────────┐
//!                         │ ▲ │ └──────────────────────────┘
//!             hibernation │ │ │ fault, or a call that was dropped
//!               suspend   ▼ │ ▼
//!                    Asleep ┴ Lost      the next event: a fresh instance, resume
//! ```

mod checkpoint;
mod code;
mod fair_mutex;
mod replacement;
mod resume;
mod saved_state;
mod slot;
mod trial;
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::time::{sleep_until, timeout};

pub(crate) use code::{Code, Limits, SwapCounts};
use fair_mutex::FairMutex;
use saved_state::SavedState;
use slot::{ActorSlot, Failures};
pub(crate) use trial::Rollout;
pub use trial::TrialState;
pub(crate) use turn::{ClientEvent, Turn};

use crate::actor_resources::{ActorResources, Registration};
use crate::clients::{Client, ClientId, Clients, HostClose};
use crate::guest::Fault;
use crate::log_rate::Line;
use crate::running::Running;
use crate::topics::Topics;
use crate::worker::WorkerHandle;

/// One guest and its clients. The clients outlive the guest.
pub(crate) struct Actor {
    name: Box<str>,
    code: Arc<Code>,
    worker: WorkerHandle,
    resources: Arc<ActorResources>,
    slot: FairMutex<ActorSlot>,
    /// While new code is on trial: what the old code handed over to it.
    handed_over: Mutex<Option<Box<SavedState>>>,
    /// Whether an event came since somebody asked last.
    is_active: AtomicBool,
    /// Whether an instance was made here that wants to hear of clients that have read on.
    wants_drained: AtomicBool,
    /// Whether an instance was made here that wants to hear that the end is near, until one has.
    wants_stopping: AtomicBool,
}

impl Actor {
    /// An actor without an instance: its first event makes one.
    pub(crate) fn new(
        name: Box<str>,
        code: Arc<Code>,
        topics: Arc<Topics>,
        worker: WorkerHandle,
    ) -> Self {
        let belongings = Arc::new(ActorResources::new(topics));
        let (turns, handed_over) = (FairMutex::default(), Mutex::default());
        let is_active = AtomicBool::new(true);
        let (hears_drained, hears_stopping) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            name,
            code,
            worker,
            resources: belongings,
            slot: turns,
            handed_over,
            is_active,
            wants_drained: hears_drained,
            wants_stopping: hears_stopping,
        }
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.resources.clients
    }

    /// From now on the guest can send to this client, as long as the answer is kept.
    pub(crate) fn register(&self, client: &Arc<Client>) -> Registration {
        self.resources.register(client)
    }

    /// The worker that it lives on, with all its connections.
    pub(crate) fn worker(&self) -> &WorkerHandle {
        &self.worker
    }

    /// Whether there was an event since this was asked last.
    pub(crate) fn take_activity(&self) -> bool {
        self.is_active.swap(false, Ordering::Relaxed)
    }

    /// Whether it may have an instance that wants to hear of clients that have read on.
    pub(crate) fn wants_drained(&self) -> bool {
        self.wants_drained.load(Ordering::Relaxed)
    }

    /// Closes all its clients, as the resource is served no longer. A handler that wants to hear of that is told
    /// before, in what is begun here; whatever becomes of it, the clients wait for it no longer than they may.
    pub(crate) fn stop(
        self: &Arc<Self>,
        why: HostClose<'static>,
        patience: Duration,
    ) -> Option<Running<()>> {
        if !self.wants_stopping.swap(false, Ordering::Relaxed) {
            self.close_clients(why);
            return None;
        }
        let actor = Arc::clone(self);
        Some(self.worker.run(async move {
            let told = Arc::clone(&actor);
            let stopping = actor.worker.run(async move {
                if let Err(fault) = told.turn().await.stopping(why).await {
                    told.report_fault(None, &fault);
                }
            });
            // The call goes on.
            let _ = timeout(patience, stopping).await;
            actor.close_clients(why);
        }))
    }

    fn close_clients(&self, why: HostClose<'_>) {
        for client in self.clients().all() {
            client.close_by_host(why);
        }
    }

    /// Old code will not come back any more.
    pub(crate) fn forget_handed_over(&self) {
        self.handed_over.lock().take();
    }

    /// Nobody will need it any more.
    pub(crate) fn end(&self) {
        self.resources.timers.end();
    }

    /// Tells the log of a fault of the handler in an event, of a client perhaps.
    pub(crate) fn report_fault(&self, client: Option<ClientId>, fault: &Fault) {
        let template = self.code.template();
        let (component, resource, actor) = (template.name(), self.code.resource(), &*self.name);
        if let Some(Line { left_out }) = self.code.faults().line(Instant::now()) {
            let client = client.map(tracing::field::display);
            match fault {
                Fault::NoInstance(_) => {
                    tracing::warn!(component, resource, actor, client, left_out, "{fault}");
                }
                _ => tracing::error!(component, resource, actor, client, left_out, "{fault}"),
            }
            // It takes long to write.
            if tracing::enabled!(tracing::Level::DEBUG)
                && let Some(backtrace) = fault.backtrace()
            {
                tracing::debug!(component, resource, actor, client, "{backtrace}");
            }
        }
        metrics::counter!(
            "ws_host_faults_total", "resource" => resource.to_owned(), "kind" => fault.name()
        )
        .increment(1);
    }

    /// The turn, if nobody has it now and nobody has waited for it for long.
    pub(crate) fn try_turn(self: &Arc<Self>) -> Option<Turn<'_>> {
        Some(Turn::new(self, self.slot.try_lock()?))
    }

    /// The turn, as soon as it is free.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the line.
    pub(crate) async fn turn(self: &Arc<Self>) -> Turn<'_> {
        Turn::new(self, self.slot.lock().await)
    }

    /// Asked after every turn, whatever came of it: the guest may have set its first timer.
    #[inline]
    fn start_timers(self: &Arc<Self>) {
        if self.resources.timers.take_unattended() {
            self.worker.run(Arc::clone(self).run_timers());
        }
    }

    /// Brings timers to the guest when they are due, until none is set; so long it keeps the actor. A guest that sets
    /// its timer anew whenever it failed in one must not fail all the time: its timers wait, and nobody else does.
    async fn run_timers(self: Arc<Self>) {
        let mut failures = Failures::default();
        while self.resources.timers.wait().await {
            match self.turn().await.fired().await {
                Ok(()) => failures.forget(),
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
