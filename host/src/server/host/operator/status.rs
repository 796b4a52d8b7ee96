//! The state of the host, for monitoring: the response to `GET /status`, which the live page shows.
//!
//! The lists are bounded, so the response is small even if there are many clients.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::about;
use crate::actor::{Actor, InstanceStatus, TrialState};
use crate::clients::Client;
use crate::config::Address;
use crate::metrics::{BOUNDS, Occurrence, Totals, catalog};
use crate::server::host::resources::ServedResource;
use crate::server::host::{Host, HostState};

/// How many clients, instances and occurrences are listed. Together the lists take some 50 KiB, and nobody reads more
/// than that.
const LISTED: usize = 100;

/// The present state of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ResourceStatus {
    /// The name of the resource.
    pub name: String,
    /// The path of the resource, or its path pattern.
    pub path: String,
    /// The address at which the server serves the resource, as configured. `None`: all addresses of the server.
    pub listen: Option<Address>,
    /// The file of the resource's component.
    pub component: String,
    /// The first digits of the component's SHA-256 hash.
    pub hash: String,
    /// Whether the component is on trial, or was restored by a rollback.
    pub trial: TrialState,
    /// How many clients are connected.
    pub clients: usize,
}

/// The current state of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ClientStatus {
    /// The number of the client.
    pub id: u64,
    /// The name of the client's resource.
    pub resource: String,
    /// The path that the client requested.
    pub path: String,
    /// The client's address. If there is a trusted proxy, this is the address that the proxy reports.
    pub address: String,
    /// The address of the other end of the connection: the client or a proxy.
    pub peer: SocketAddr,
    /// The version of the protocol that the client speaks.
    pub version: u16,
    /// The number of bytes that wait to be written to the client.
    pub buffered: usize,
}

/// What a watcher asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct StatusQuery {
    /// The number of the last occurrence that the watcher has seen.
    pub(in crate::server) since: u64,
    /// Limits the list to clients whose number is this text, or whose resource, path or address contains it.
    pub(in crate::server) find: String,
}

/// The state of the host. Times are integers, so that JSON parsers keep all digits.
#[derive(Debug, Serialize)]
pub(in crate::server) struct WatchedHost {
    version: &'static str,
    /// When the host was started, in milliseconds since 1970. The numbering of occurrences restarts at that time.
    started: u64,
    workers: usize,
    workers_stuck: usize,
    busy_nanoseconds: u64,
    buffered_bytes: usize,
    max_buffered_bytes: usize,
    /// The upper bounds of `buckets`. `buckets` has one more item, for the calls that took longer than the last bound.
    bounds_nanoseconds: &'static [u64],
    resources: Vec<WatchedResource>,
    /// The instances with the most clients.
    instances: Vec<WatchedInstance>,
    /// The newest clients.
    clients: Vec<ClientStatus>,
    occurrences: Vec<WatchedOccurrence>,
}

#[derive(Debug, Serialize)]
struct WatchedResource {
    name: String,
    path: String,
    hash: String,
    trial: TrialState,
    clients: usize,
    instances_live: usize,
    instances_hibernated: usize,
    received_messages: u64,
    received_bytes: u64,
    sent_messages: u64,
    sent_bytes: u64,
    waiting_bytes: usize,
    memory_bytes: usize,
    faults: u64,
    calls: u64,
    call_nanoseconds: u64,
    cpu_nanoseconds: u64,
    /// The number of calls in each bucket. A bucket counts the calls that took longer than the previous bucket's bound,
    /// up to and including its own bound.
    buckets: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct WatchedInstance {
    resource: String,
    /// The name of the instance in its resource: the path, client or number that it is for.
    name: String,
    state: &'static str,
    clients: usize,
    timers: usize,
    memory_bytes: Option<usize>,
    /// An estimate of the number of calls into the instance since its creation, and of the time they took.
    calls: Option<u64>,
    call_nanoseconds: Option<u64>,
}

#[derive(Debug, Serialize)]
struct WatchedOccurrence {
    resource: String,
    #[serde(flatten)]
    occurrence: Occurrence,
}

/// Returns the state of a host. Must not run on a worker, because a search looks at every client. In a build without
/// optimisation, this took 13 ms for 15,000 clients.
fn status(state: &HostState, query: &StatusQuery) -> WatchedHost {
    let context = &state.context;
    let workers = context.workers.all();
    let busy: u128 = workers.iter().map(|worker| worker.busy_time().as_nanos()).sum();
    let mut watched = WatchedHost {
        version: about::VERSION,
        started: started(context.metrics.started),
        workers: workers.len(),
        workers_stuck: context.workers.stuck().len(),
        busy_nanoseconds: u64::try_from(busy).unwrap_or(u64::MAX),
        buffered_bytes: context.budget.used(),
        max_buffered_bytes: context.budget.limit(),
        bounds_nanoseconds: &BOUNDS,
        resources: Vec::new(),
        instances: Vec::new(),
        clients: Vec::new(),
        occurrences: Vec::new(),
    };
    let (mut actors, mut clients) = (Vec::new(), Vec::new());
    for served in state.registry.all() {
        let of_resource = served.resource().actors();
        watched.resources.push(resource(&served, &of_resource));
        for actor in &of_resource {
            clients.extend(found(&served, actor, &query.find));
        }
        keep_largest(&mut clients, |(_, client)| client.id());
        let count = |actor: Arc<Actor>| (Arc::clone(&served), actor.clients().len(), actor);
        actors.extend(of_resource.into_iter().map(count));
        keep_largest(&mut actors, |(_, clients, _)| *clients);
        let recent = served.resource().code().metrics().recent.since(query.since);
        let with_name =
            |occurrence| WatchedOccurrence { resource: served.name().to_owned(), occurrence };
        watched.occurrences.extend(recent.into_iter().map(with_name));
    }
    keep_largest(&mut watched.occurrences, |one| one.occurrence.number);
    watched.clients =
        clients.iter().map(|(served, client)| client_status(served.name(), client)).collect();
    watched.instances =
        actors.iter().map(|(served, clients, actor)| instance(served, *clients, actor)).collect();
    watched
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of milliseconds below 2^53"
)]
fn started(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

/// Keeps the items with the largest keys, largest first.
fn keep_largest<T, K: Ord>(items: &mut Vec<T>, key: impl Fn(&T) -> K) {
    if items.len() > LISTED {
        items.select_nth_unstable_by_key(LISTED, |item| Reverse(key(item)));
        items.truncate(LISTED);
    }
    items.sort_unstable_by_key(|item| Reverse(key(item)));
}

/// Returns the newest clients of an actor that match the searched text.
fn found(
    served: &Arc<ServedResource>,
    actor: &Arc<Actor>,
    text: &str,
) -> Vec<(Arc<ServedResource>, Arc<Client>)> {
    let with_resource = |client| (Arc::clone(served), client);
    if text.is_empty() || served.name().contains(text) {
        return actor.clients().newest(LISTED).into_iter().map(with_resource).collect();
    }
    let is_found = |client: &Arc<Client>| {
        let info = client.info();
        info.path.contains(text)
            || client.id().0.to_string() == text
            || info.address.to_string().contains(text)
    };
    let clients = actor.clients().all().into_iter().rev().filter(is_found);
    clients.take(LISTED).map(with_resource).collect()
}

fn resource(served: &ServedResource, actors: &[Arc<Actor>]) -> WatchedResource {
    let (settings, code) = (served.settings(), served.resource().code());
    let metrics = code.metrics();
    let (mut sums, mut waiting) = ([0; 5], 0);
    let (mut time, mut cpu) = (Totals::default(), Totals::default());
    for worker in metrics.workers() {
        waiting += worker.waiting();
        for (sum, count) in sums.iter_mut().zip(worker.traffic()) {
            *sum += count;
        }
        for event in 0..catalog::EVENTS.len() {
            time.add(&worker.event(event).time);
            cpu.add(&worker.event(event).cpu);
        }
    }
    let [received_messages, received_bytes, sent_messages, sent_bytes, _] = sums;
    let (mut clients, mut live, mut hibernated) = (0, 0, 0);
    for actor in actors {
        clients += actor.clients().len();
        match actor.status().instance {
            InstanceStatus::Live => live += 1,
            InstanceStatus::Hibernated => hibernated += 1,
            InstanceStatus::None => {}
        }
    }
    WatchedResource {
        name: served.name().to_owned(),
        path: settings.path.as_str().to_owned(),
        hash: code.template().hash().to_owned(),
        trial: code.trial_state(),
        clients,
        instances_live: live,
        instances_hibernated: hibernated,
        received_messages,
        received_bytes,
        sent_messages,
        sent_bytes,
        waiting_bytes: waiting,
        memory_bytes: metrics.instance_memory.get(),
        faults: metrics.faults.all().map(|(_, count)| count).sum(),
        calls: time.count(),
        call_nanoseconds: time.nanoseconds(),
        cpu_nanoseconds: cpu.nanoseconds(),
        buckets: time.buckets().to_vec(),
    }
}

fn instance(served: &ServedResource, clients: usize, actor: &Actor) -> WatchedInstance {
    let status = actor.status();
    WatchedInstance {
        resource: served.name().to_owned(),
        name: actor.name().to_owned(),
        state: match status.instance {
            InstanceStatus::Live => "live",
            InstanceStatus::Hibernated => "hibernated",
            InstanceStatus::None => "none",
        },
        clients,
        timers: status.timers,
        memory_bytes: status.memory,
        calls: status.calls.map(|calls| calls.count),
        call_nanoseconds: status.calls.map(|calls| calls.nanoseconds),
    }
}

impl Host {
    /// Returns all resources, sorted by name.
    pub fn resources(&self) -> Vec<ResourceStatus> {
        let status = |served: &Arc<ServedResource>| {
            let settings = served.settings();
            ResourceStatus {
                name: served.name().to_owned(),
                path: settings.path.as_str().to_owned(),
                listen: settings.listen.clone(),
                component: settings.component.display().to_string(),
                hash: served.resource().code().template().hash().to_owned(),
                trial: served.resource().code().trial_state(),
                clients: served.resource().clients().len(),
            }
        };
        self.state.registry.all().iter().map(status).collect()
    }

    /// Returns all connected clients, in no particular order.
    pub fn clients(&self) -> Vec<ClientStatus> {
        let mut all = Vec::new();
        for served in self.state.registry.all() {
            let clients = served.resource().clients();
            all.extend(clients.iter().map(|client| client_status(served.name(), client)));
        }
        all
    }

    /// Returns the state of the host, for monitoring. Must not be called on a worker.
    pub(in crate::server) fn watched(&self, query: &StatusQuery) -> WatchedHost {
        status(&self.state, query)
    }
}

fn client_status(resource: &str, client: &Client) -> ClientStatus {
    let info = client.info();
    ClientStatus {
        id: client.id().0,
        resource: resource.to_owned(),
        path: info.path.clone(),
        address: info.address.to_string(),
        peer: info.peer,
        version: info.version.number(),
        buffered: client.buffered(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn largest_hundred_are_kept_in_order() {
        let mut items: Vec<u64> = (0..1000).map(|number| number * 7 % 1000).collect();
        keep_largest(&mut items, |item| *item);
        assert_eq!(items, (900..1000).rev().collect::<Vec<_>>());
    }
}
