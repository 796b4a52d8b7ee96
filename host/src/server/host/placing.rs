//! Actors that are unique in the cluster. This module finds the host that has such an actor, and ends the actors that
//! this host no longer owns.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep};

use super::HostState;
use super::resources::ServedResource;
use crate::clients::ClientId;
use crate::cluster::{Durability, Located, Owner, Unavailable};
use crate::config::UniqueIn;
use crate::resource::{ActorLease, Full, NoLease};

/// Why a client gets no lease of an actor on this host.
pub(in crate::server) enum NotHere {
    Full(Full),
    /// The actor lives on another host.
    Elsewhere(Owner),
    /// No host owns the actor.
    Unavailable(Unavailable),
    /// The resource is no longer served.
    Stopped,
}

impl From<NoLease> for NotHere {
    fn from(error: NoLease) -> Self {
        match error {
            NoLease::Full(full) => Self::Full(full),
            NoLease::Stopped => Self::Stopped,
            NoLease::NotOwner => Self::Unavailable(Unavailable::new("the instance is ending")),
        }
    }
}

/// The pause before another attempt while an instance on this host is ending.
const ENDING: Duration = Duration::from_millis(5);

/// The time between two checks of this host's components. A reload may change the components at any time.
const COMPONENTS: Duration = Duration::from_secs(1);

/// Returns a lease of a path's actor if this host owns the actor. The path must be unique in the cluster. While no host
/// owns the actor, tries again until `deadline`.
pub(in crate::server) async fn lease(
    state: &HostState,
    served: &ServedResource,
    id: ClientId,
    path: &str,
    deadline: Instant,
) -> Result<ActorLease, NotHere> {
    let settings = served.settings();
    loop {
        let ownership =
            match locate(state, served, path, deadline).await.map_err(NotHere::Unavailable)? {
                Located::Here(ownership) => ownership,
                Located::There(host) => return Err(NotHere::Elsewhere(host)),
            };
        let max_clients = settings.limits.max_clients;
        match served.resource().lease(id, path, Some(&ownership), max_clients) {
            Ok(lease) => return Ok(lease),
            Err(NoLease::Full(full)) => return Err(NotHere::Full(full)),
            Err(NoLease::Stopped) => return Err(NotHere::Stopped),
            // This ownership was used for an actor that has just ended. It is dropped, so that this host can own the
            // path again.
            Err(NoLease::NotOwner) => drop(ownership),
        }
        if Instant::now() >= deadline {
            let why = "this host is ending the instance";
            return Err(NotHere::Unavailable(Unavailable::new(why)));
        }
        sleep(ENDING).await;
    }
}

/// Finds the host that owns the actor of a path, or makes this host its owner.
pub(super) async fn locate(
    state: &HostState,
    served: &ServedResource,
    path: &str,
    deadline: Instant,
) -> Result<Located, Unavailable> {
    #[cfg(test)]
    if let Some(located) = state.relayed.scripted_owners.next() {
        return Ok(located);
    }
    let settings = served.settings();
    let durability = match settings.save_every {
        Some(_) => Durability::Durable,
        None => Durability::Lost,
    };
    match &state.context.cluster {
        Some(cluster) => cluster.locate(&settings.name, path, durability, deadline).await,
        // The configuration check has refused unique paths without a cluster.
        None => Err(Unavailable::new("this host is not in a cluster")),
    }
}

/// Tells the other hosts which components this host has for the resources whose paths are unique in the cluster.
pub(super) async fn publish_components(state: Weak<HostState>) {
    let mut ticks = interval(COMPONENTS);
    loop {
        ticks.tick().await;
        let Some(state) = state.upgrade() else { return };
        let Some(cluster) = &state.context.cluster else { return };
        let all = state.registry.all();
        let unique = all.iter().filter(|served| served.settings().unique_in == UniqueIn::Cluster);
        let component = |served: &Arc<ServedResource>| {
            let template = served.resource().code().template();
            (served.name().to_owned(), template.hash().to_owned())
        };
        cluster.set_components(unique.map(component).collect());
    }
}

/// Ends the actors that this host no longer owns. Checks them whenever `ends` changes.
pub(super) async fn end_unowned(state: Weak<HostState>, mut ends: watch::Receiver<u64>) {
    while ends.changed().await.is_ok() {
        let Some(state) = state.upgrade() else { return };
        for served in state.registry.all() {
            served.resource().end_unowned();
        }
    }
}
