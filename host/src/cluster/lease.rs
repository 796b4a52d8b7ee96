//! The thread that keeps the lease of this host. Renewals have their own connection, so that nothing delays them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::components::Components;
use super::differences::Differences;
use super::host_info::HostInfo;
use super::nats::{Nats, NatsRecords};
use super::placement::{
    BootTime, Claim, Directory, ForeignRecords, Holder, Keeper, LeaseId, Placement, PlacementError,
    Term, Timing, sweep_forever,
};
use super::status::HostLease;
use crate::config::{self, WithoutBroker};

/// The longest pause between two attempts to make the first connection.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How many claims are given back concurrently.
const FREEING: usize = 64;

/// The consequence to log when the broker is unavailable for longer than a lease.
const STOPS: &str = "its instances of paths that are unique in the cluster end, and their clients are closed with 1013; \
                     new clients of these paths get 503 until the broker is back";
const CONTINUES: &str = "its instances of paths that are unique in the cluster continue, even though another host may \
                         start instances of the same paths; other such paths get 503 until the broker is back";

/// The lease of this host, as other threads see it.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) timing: Timing,
    /// Set when the first connection is made.
    pub(super) placement: watch::Sender<Option<Arc<Placement<NatsRecords>>>>,
    /// A counter. Each change means that this host must check which of its actors have to end.
    pub(super) ends: watch::Sender<u64>,
    pub(super) lost: AtomicU64,
    /// The components of this host.
    pub(super) components: watch::Sender<Components>,
    pub(super) differences: Differences,
    problem: watch::Sender<Option<String>>,
    replicas: usize,
    longest_state: usize,
    without_broker: WithoutBroker,
    info: HostInfo,
}

impl Lease {
    pub(super) fn new(
        peers: &config::Peers,
        longest_state: usize,
        host: String,
        address: String,
    ) -> Self {
        Self {
            timing: Timing::new(peers.lease),
            placement: watch::Sender::new(None),
            ends: watch::Sender::new(0),
            lost: AtomicU64::new(0),
            components: watch::Sender::default(),
            differences: Differences::new(&host),
            problem: watch::Sender::new(Some("connecting".to_owned())),
            replicas: peers.replicas,
            longest_state,
            without_broker: peers.without_broker,
            info: HostInfo { host, address },
        }
    }

    fn placement(&self) -> Option<Arc<Placement<NatsRecords>>> {
        self.placement.borrow().clone()
    }

    /// Returns the current lease. The lease may have lapsed.
    pub(super) fn term(&self) -> Option<Arc<Term>> {
        self.placement()?.latest_term()
    }

    /// Returns why no actor can be claimed at the moment.
    pub(super) fn problem(&self) -> Option<String> {
        match self.placement() {
            Some(placement) if placement.is_valid() => match placement.is_open() {
                true => None,
                false => Some(
                    "the broker's records are new and may lack the lease of another host, so this host waits until \
                     any such lease has ended"
                        .to_owned(),
                ),
            },
            _ => Some(self.why_none()),
        }
    }

    /// Returns why there is no lease.
    pub(super) fn why_none(&self) -> String {
        let why = self.problem.borrow().clone();
        why.unwrap_or_else(|| "the broker has not confirmed the lease in time".to_owned())
    }

    /// Returns, for each kind of record, how many reads found a record that was not written by a host.
    pub(super) fn foreign_records(&self) -> Vec<(&'static str, u64)> {
        match self.placement() {
            Some(placement) => placement.foreign.all().to_vec(),
            None => ForeignRecords::default().all().to_vec(),
        }
    }

    /// Returns the hosts whose leases were found by the last sweep.
    pub(super) fn hosts(&self) -> Vec<HostLease> {
        let Some(placement) = self.placement() else { return Vec::new() };
        let hosts = placement.hosts().borrow().clone();
        let lease = |(id, Holder { host, components, .. }): (LeaseId, Holder)| HostLease {
            host: host.host,
            address: host.address,
            lease: id.to_string(),
            components,
        };
        hosts.into_iter().map(lease).collect()
    }
}

/// Keeps the lease until `stop` is cancelled, and then gives it back.
pub(super) fn keep_lease(
    lease: &Lease,
    nats: &Nats,
    freed: Receiver<Claim>,
    stop: &CancellationToken,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("this host cannot take a lease: {error}");
            lease.problem.send_replace(Some(error.to_string()));
            return;
        }
    };
    runtime.block_on(run(lease, nats, freed, stop));
    // Dropping the runtime instead would wait for a name lookup that is in progress.
    runtime.shutdown_background();
}

async fn run(lease: &Lease, nats: &Nats, freed: Receiver<Claim>, stop: &CancellationToken) {
    // Everything except renewals uses the second connection, because states may be so long that they fill it.
    let opening = async {
        (open_records(lease, nats, "lease").await, open_records(lease, nats, "paths").await)
    };
    let Some((of_lease, of_paths)) = stop.run_until_cancelled(opening).await else { return };
    let consequence = match lease.without_broker {
        WithoutBroker::Stop => STOPS,
        WithoutBroker::Continue => CONTINUES,
    };
    let keeper = Keeper::new(Arc::new(of_lease), lease.timing, lease.info.clone())
        .with_components(lease.components.subscribe())
        .with_problem(lease.problem.clone(), consequence);
    let placement = Arc::new(Placement::new(Arc::new(of_paths), lease.timing, keeper.terms()));
    lease.placement.send_replace(Some(Arc::clone(&placement)));
    tokio::select! {
        () = keeper.run(stop.clone()) => {}
        () = sweep_forever(&*placement) => {}
        () = open(&placement, lease.timing) => {}
        () = free(&placement, freed) => {}
        () = watch_ends(lease, &placement, stop) => {}
        () = compare(lease, &placement) => {}
    }
}

/// Makes a connection to the records. `purpose` becomes part of the name of the connection.
async fn open_records(lease: &Lease, nats: &Nats, purpose: &str) -> NatsRecords {
    let name = format!("ws-host {} {purpose}", lease.info.host);
    let (mut pause, mut said) = (lease.timing.retry(), String::new());
    loop {
        let Lease { timing, replicas, longest_state, .. } = *lease;
        match nats.records(&name, timing, replicas, longest_state).await {
            Ok(records) => return records,
            Err(why) => {
                if why != said {
                    tracing::warn!(
                        "this host has no lease, because it cannot connect to the broker: {why}; paths that are unique in \
                         the cluster get 503 until it can"
                    );
                }
                lease.problem.send_replace(Some(format!("cannot connect to the broker: {why}")));
                said = why;
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

/// Repeats [`Placement::open`] for each new lease until the records can be relied on.
async fn open(placement: &Placement<NatsRecords>, timing: Timing) {
    let mut terms = placement.terms();
    let mut has_said = false;
    loop {
        match placement.open().await {
            // The current lease has passed the check. If there is a new lease, the check is repeated for it.
            Ok(()) => {
                if std::mem::take(&mut has_said) {
                    tracing::info!("this host now serves the paths that are unique in the cluster");
                }
                if terms.changed().await.is_err() {
                    return;
                }
            }
            Err(PlacementError::ClaimWait(rest)) => {
                if !std::mem::replace(&mut has_said, true) {
                    tracing::info!(
                        "the broker's records are new and may lack the lease of another host: this host waits \
                         {:.1} s, until any such lease has ended, before it serves paths that are unique in the cluster",
                        rest.as_secs_f64()
                    );
                }
                sleep(rest).await;
            }
            Err(_) => sleep(timing.retry()).await,
        }
    }
}

/// Compares the components of this host with those of the other hosts. Repeats the comparison after every change on
/// either side.
async fn compare(lease: &Lease, placement: &Placement<NatsRecords>) {
    let (mut hosts, mut own) = (placement.hosts(), lease.components.subscribe());
    loop {
        lease.differences.update(&own.borrow_and_update(), hosts.borrow_and_update().values());
        let changed = tokio::select! {
            changed = hosts.changed() => changed,
            changed = own.changed() => changed,
        };
        if changed.is_err() {
            return std::future::pending().await;
        }
    }
}

/// Gives back the claims of actors that have ended. Runs until it is dropped.
async fn free(placement: &Arc<Placement<NatsRecords>>, mut freed: Receiver<Claim>) {
    let mut claims = Vec::new();
    while freed.recv_many(&mut claims, FREEING).await > 0 {
        let mut freeing = JoinSet::new();
        for claim in claims.drain(..) {
            let placement = Arc::clone(placement);
            freeing.spawn(async move { placement.free(claim).await });
        }
        freeing.join_all().await;
    }
    // Nothing refers to the owners any more. The lease still has to be given back.
    std::future::pending().await
}

/// Changes `ends` whenever actors may have to end: when the lease is not renewed in time, and when it is lost for good.
async fn watch_ends(lease: &Lease, placement: &Placement<NatsRecords>, stop: &CancellationToken) {
    let mut terms = placement.terms();
    let end = || lease.ends.send_modify(|number| *number += 1);
    loop {
        let Ok(term) = terms.wait_for(Option::is_some).await.map(|term| term.clone()) else {
            return;
        };
        let Some(term) = term else { continue };
        let lapses = async {
            loop {
                lapsed(&term).await;
                end();
                renewed(&term, lease.timing).await;
            }
        };
        tokio::select! {
            () = term.lost() => {}
            () = lapses => {}
        }
        if stop.is_cancelled() {
            // The lease was lost because the host gives it back, so the loss is not counted.
            return std::future::pending().await;
        }
        lease.lost.fetch_add(1, Ordering::Relaxed);
        end();
        let is_another = |latest: &Option<Arc<Term>>| {
            latest.as_ref().is_none_or(|latest| latest.id() != term.id())
        };
        if terms.wait_for(is_another).await.is_err() {
            return;
        }
    }
}

/// Waits until a lease has ended because it was not renewed.
async fn lapsed(term: &Term) {
    loop {
        let left = term.valid_until().since(BootTime::now());
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

async fn renewed(term: &Term, timing: Timing) {
    while !term.is_valid() {
        sleep(timing.retry()).await;
    }
}
