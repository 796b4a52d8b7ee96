//! Finds the host that owns an actor that is unique in the cluster. This module is the interface between placement and
//! the rest of the program.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::components::{Components, bounded};
use super::lease::{Lease, keep_lease};
use super::located::{Durability, Located, Owner, Unavailable};
use super::nats::Nats;
use super::owned::{Owned, OwnedActors};
use super::placement::{ActorName, Location, locate_until};
use super::status::{LeaseState, PlacementStatus};
use crate::config;
use crate::metrics::Exposition;
use crate::metrics::catalog::{CLAIMS, FOREIGN_RECORDS, LEASE_LOST, OWNED_ACTORS};
use crate::ownership::{Ownership, SaveError};

/// How long a stopping host may take to give back its lease.
const MAX_LEAVE: Duration = Duration::from_secs(1);

/// The maximum number of claims that wait to be given back. Any further claim stays with this host until the host's
/// lease ends. Until then, clients of the claimed path are relayed to this host, which starts the actor again.
const MAX_ENDED: usize = 1 << 16;

/// If the ownership of an actor is being dropped, the actor is looked up again after this pause.
const ENDING: Duration = Duration::from_millis(1);

/// The owners of the actors of a cluster. Dropping this gives back the lease of this host.
#[derive(Debug)]
pub(super) struct Owners {
    lease: Arc<Lease>,
    owned: Arc<OwnedActors>,
    address: String,
    claimed: AtomicU64,
    elsewhere: AtomicU64,
    unavailable: AtomicU64,
    stop: CancellationToken,
    stopped: CancellationToken,
    _stop: DropGuard,
}

/// The place of an actor whose state has not been taken over yet.
enum Found {
    Here(Arc<Owned>),
    There(Owner),
}

impl Owners {
    /// Starts the thread that keeps the lease of this host. `address` is where other hosts reach this host.
    /// `longest_state` is the length of the longest durable state, in bytes.
    ///
    /// # Errors
    ///
    /// The error of the operating system if it cannot start a thread.
    pub(super) fn start(
        config: &config::Cluster,
        peers: &config::Peers,
        longest_state: usize,
        host: String,
        address: String,
    ) -> std::io::Result<Self> {
        let (ended, freed) = tokio::sync::mpsc::channel(MAX_ENDED);
        let lease = Arc::new(Lease::new(peers, longest_state, host, address.clone()));
        let owned = Arc::new(OwnedActors::new(peers.without_broker, ended, lease.ends.clone()));
        let (stop, stopped) = (CancellationToken::new(), CancellationToken::new());
        let (kept, nats, stopping) = (Arc::clone(&lease), Nats::new(config), stop.clone());
        let done = stopped.clone().drop_guard();
        std::thread::Builder::new().name("ws-host-lease".into()).spawn(move || {
            let _done = done;
            keep_lease(&kept, &nats, freed, &stopping);
        })?;
        Ok(Self {
            lease,
            owned,
            address,
            claimed: AtomicU64::new(0),
            elsewhere: AtomicU64::new(0),
            unavailable: AtomicU64::new(0),
            _stop: stop.clone().drop_guard(),
            stop,
            stopped,
        })
    }

    /// Finds the owner of an actor. If the actor has no owner, this host becomes its owner. While that is not possible,
    /// tries again until `deadline`.
    ///
    /// # Errors
    ///
    /// The reason why no host owns the actor.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, this host may own the actor nevertheless. The next call finds that out.
    pub(super) async fn locate(
        &self,
        resource: &Arc<str>,
        path: &str,
        durability: Durability,
        deadline: Instant,
    ) -> Result<Located, Unavailable> {
        let actor = ActorName { resource: Arc::clone(resource), path: path.into() };
        if let Some(owned) = self.owned.find(&actor) {
            return self.here(owned, durability, deadline).await;
        }
        let located = match self.look_up(&actor, deadline).await {
            Ok(Found::Here(owned)) => self.here(owned, durability, deadline).await,
            Ok(Found::There(host)) => Ok(Located::There(host)),
            Err(why) => Err(why),
        };
        let counter = match &located {
            Ok(Located::Here(_)) => &self.claimed,
            Ok(Located::There(_)) => &self.elsewhere,
            Err(_) => &self.unavailable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        located
    }

    /// Takes over the state of an actor, if it is durable. This must happen before the actor's first event.
    async fn here(
        &self,
        owned: Arc<Owned>,
        durability: Durability,
        deadline: Instant,
    ) -> Result<Located, Unavailable> {
        if durability == Durability::Durable {
            let pause = self.lease.timing.retry();
            loop {
                let why = match timeout_at(deadline, owned.open_state()).await {
                    Ok(Ok(())) => break,
                    Ok(Err(error @ SaveError::Fenced)) => {
                        owned.end();
                        return Err(Unavailable::new(error.to_string()));
                    }
                    Ok(Err(error @ (SaveError::Foreign(_) | SaveError::TooLong { .. }))) => {
                        return Err(unreadable(&error.to_string()));
                    }
                    Ok(Err(error @ SaveError::Unavailable(_))) => error.to_string(),
                    Err(_) => "the broker does not answer".to_owned(),
                };
                if Instant::now() + pause >= deadline {
                    return Err(unreadable(&why));
                }
                sleep(pause).await;
            }
        }
        Ok(Located::Here(owned))
    }

    async fn look_up(&self, actor: &ActorName, deadline: Instant) -> Result<Found, Unavailable> {
        let mut placements = self.lease.placement.subscribe();
        let placement = match timeout_at(deadline, placements.wait_for(Option::is_some)).await {
            Ok(Ok(placement)) => placement.clone(),
            Ok(Err(_)) | Err(_) => None,
        };
        let Some(placement) = placement else {
            return Err(Unavailable::new(self.lease.why_none()));
        };
        let pause = self.lease.timing.retry();
        loop {
            match locate_until(&*placement, actor, pause, deadline).await {
                Ok(Location::There(host)) => return Ok(Found::There(host)),
                Ok(Location::Here(claim)) => {
                    if let Some(owned) = self.owned.own(claim, &placement) {
                        return Ok(Found::Here(owned));
                    }
                }
                Err(error) => return Err(Unavailable::new(error.to_string())),
            }
            if Instant::now() >= deadline {
                return Err(Unavailable::new("this host is ending the instance"));
            }
            sleep(ENDING).await;
        }
    }

    /// Returns a counter that changes when actors may have to end, because the lease has ended or was lost.
    pub(super) fn ends(&self) -> watch::Receiver<u64> {
        self.lease.ends.subscribe()
    }

    /// Returns why no actor can be claimed at the moment.
    pub(super) fn problem(&self) -> Option<String> {
        self.lease.problem()
    }

    pub(super) fn status(&self) -> PlacementStatus {
        let lease = match self.lease.term() {
            None => LeaseState::None,
            Some(term) if term.is_valid() => LeaseState::Valid,
            Some(_) => LeaseState::Lapsed,
        };
        PlacementStatus {
            address: self.address.clone(),
            lease,
            lease_name: self.lease.term().map(|term| term.id().to_string()),
            problem: self.problem(),
            owned_actors: self.owned.count(),
            lost_leases: self.lease.lost.load(Ordering::Relaxed),
            hosts: self.lease.hosts(),
            differences: self.lease.differences.list(),
        }
    }

    /// Sets which components this host publishes to the other hosts.
    pub(super) fn set_components(&self, components: Components) {
        let components = bounded(components);
        self.lease.components.send_if_modified(|known| {
            let has_changed = *known != components;
            *known = components;
            has_changed
        });
    }

    pub(super) fn scrape(&self, exposition: &mut Exposition) {
        for (kind, count) in self.lease.foreign_records() {
            exposition.sample(&FOREIGN_RECORDS, &[kind], count);
        }
        exposition.sample(&OWNED_ACTORS, &[], self.owned.count());
        exposition.sample(&LEASE_LOST, &[], self.lease.lost.load(Ordering::Relaxed));
        for (outcome, count) in [
            ("claimed", &self.claimed),
            ("elsewhere", &self.elsewhere),
            ("unavailable", &self.unavailable),
        ] {
            exposition.sample(&CLAIMS, &[outcome], count.load(Ordering::Relaxed));
        }
    }

    /// Gives back the lease, so that other hosts can take over all actors of this host at once.
    pub(super) async fn leave(&self) {
        self.stop.cancel();
        // If this takes longer, other hosts have to wait before they may take over the actors.
        let _ = timeout(MAX_LEAVE, self.stopped.cancelled()).await;
    }
}

fn unreadable(why: &str) -> Unavailable {
    Unavailable::new(format!("the saved state of the instance cannot be read: {why}"))
}
