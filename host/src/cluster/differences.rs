//! Compares the components of this host with those of the other hosts.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::components::Components;
use super::placement::Holder;
use super::status::ComponentDifference;
use crate::log_rate::{Line, LogRate, Quoted};

/// The maximum number of differences that are listed and logged.
const MAX_LISTED: usize = 256;

/// Limits the log lines. In a rolling deploy, each host may have to log one line per resource for every other host.
static CHANGED: LogRate = LogRate::per_second(10);

/// The resources whose component on another host differs from the one on this host.
#[derive(Debug)]
pub(super) struct Differences {
    /// The name of this host. The hosts to compare include this host, sometimes with an earlier lease. This host is
    /// skipped.
    host: String,
    /// The hashes of both components, keyed by the names of the resource and of the other host.
    known: Mutex<BTreeMap<(String, String), Hashes>>,
}

/// The first digits of the hashes of two components.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hashes {
    here: String,
    there: String,
}

impl Differences {
    pub(super) fn new(host: &str) -> Self {
        Self { host: host.to_owned(), known: Mutex::default() }
    }

    /// Compares this host's components with those of the other hosts. Logs what has changed.
    pub(super) fn update<'a>(&self, own: &Components, hosts: impl Iterator<Item = &'a Holder>) {
        let mut found = BTreeMap::new();
        for holder in hosts.filter(|holder| holder.host.host != self.host) {
            for (resource, there) in &holder.components {
                let Some(here) = own.get(resource).filter(|here| *here != there) else { continue };
                if found.len() < MAX_LISTED {
                    let hashes = Hashes { here: here.clone(), there: there.clone() };
                    found.insert((resource.clone(), holder.host.host.clone()), hashes);
                }
            }
        }
        let mut known = self.known.lock();
        for ((resource, host), hashes) in &found {
            let place = (resource.clone(), host.clone());
            if known.get(&place) != Some(hashes) {
                log_difference(resource, host, hashes);
            }
        }
        let resources = |all: &BTreeMap<(String, String), Hashes>| -> BTreeSet<String> {
            all.keys().map(|(resource, _)| resource.clone()).collect()
        };
        for resource in resources(&known).difference(&resources(&found)) {
            log_end(resource);
        }
        *known = found;
    }

    pub(super) fn list(&self) -> Vec<ComponentDifference> {
        let known = self.known.lock().clone();
        let listed = known.into_iter().map(|((resource, host), Hashes { here, there })| {
            ComponentDifference { resource, host, here, there }
        });
        listed.collect()
    }
}

fn log_difference(resource: &str, host: &str, Hashes { here, there }: &Hashes) {
    if let Some(Line { left_out }) = CHANGED.line(Instant::now()) {
        tracing::warn!(
            resource,
            left_out,
            "the host {} has another component for this resource (its hash there: {}, here: {here}): a path runs the \
             component of the host that owns it, and when it moves, the other component resumes from its state; this \
             is normal while a new version is rolled out, but if it stays so, give all hosts the same component",
            Quoted(host.as_bytes()),
            Quoted(there.as_bytes())
        );
    }
}

fn log_end(resource: &str) {
    if let Some(Line { left_out }) = CHANGED.line(Instant::now()) {
        tracing::info!(
            resource,
            left_out,
            "the other hosts no longer have a different component for this resource"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cluster::HostInfo;

    fn components(list: &[(&str, &str)]) -> Components {
        list.iter().map(|(name, hash)| ((*name).to_owned(), (*hash).to_owned())).collect()
    }

    fn holder(host: &str, list: &[(&str, &str)]) -> Holder {
        let info = HostInfo { host: host.to_owned(), address: format!("{host}:1") };
        Holder::new(info, Duration::from_secs(1), components(list))
    }

    #[test]
    fn only_other_hosts_with_another_component_for_the_same_resource_are_listed() {
        let differences = Differences::new("a");
        let own = components(&[("chat", "1"), ("rooms", "1")]);
        let hosts = [
            // This host, with an earlier lease.
            holder("a", &[("rooms", "0")]),
            holder("b", &[("rooms", "1"), ("chat", "1")]),
            holder("c", &[("rooms", "2"), ("elsewhere", "2")]),
            // An older version, which publishes nothing.
            holder("d", &[]),
        ];
        differences.update(&own, hosts.iter());
        let [only] = &differences.list()[..] else { panic!("{:?}", differences.list()) };
        let all = [&*only.resource, &only.host, &only.here, &only.there];
        assert_eq!(all, ["rooms", "c", "1", "2"]);
        differences.update(&components(&[("rooms", "2")]), hosts[2..].iter());
        assert_eq!(differences.list(), []);
    }

    #[test]
    fn list_is_bounded() {
        let names: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let hosts: Vec<Holder> = names.iter().map(|name| holder(name, &[("rooms", "2")])).collect();
        let differences = Differences::new("a");
        differences.update(&components(&[("rooms", "1")]), hosts.iter());
        assert_eq!(differences.list().len(), MAX_LISTED);
    }
}
