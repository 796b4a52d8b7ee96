//! Checks a whole configuration. It may come from a file, the command line or an embedding program.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{At, Checked, ConfigLocation, bounds};
use crate::config::{
    Address, Cluster, Config, Encryption, HostConfig, Listen, ProxyProtocol, ResourceConfig,
    UniqueIn,
};
use crate::pattern::Patterns;

impl Config {
    /// Checks that a server can start with this configuration, and clamps its times.
    ///
    /// # Errors
    ///
    /// The first [`InvalidSetting`](super::InvalidSetting) that is found.
    pub(crate) fn checked(self) -> Checked<Self> {
        let at = At(ConfigLocation::Server);
        check_listen(at, &self.listen)?;
        for listen in &self.listen {
            let Listen { address, encryption, proxy_protocol, .. } = listen;
            if *encryption == Encryption::Tls && self.tls.is_none() {
                return Err(at.invalid("listen", format!("{address} with tls needs a certificate")));
            }
            if *proxy_protocol == ProxyProtocol::Required && self.host.trusted_proxies.is_empty() {
                let why = format!("{address} with proxy-protocol needs trusted-proxies");
                return Err(at.invalid("listen", why));
            }
        }
        match self.admin {
            Some(address) => check_admin(at, address, self.admin_token.is_some())?,
            None if self.admin_token.is_some() => {
                return Err(at.invalid("admin-token", "needs admin, the address that it protects"));
            }
            None => {}
        }
        if let Some(address) =
            self.health.filter(|address| address.port() > 0 && self.admin == Some(*address))
        {
            let why = format!(
                "{address} is the admin address, which answers health checks itself: leave this \
                 setting out, or choose another address"
            );
            return Err(at.invalid("health", why));
        }
        if self.backlog == 0 {
            return Err(at.invalid("backlog", "must be at least 1"));
        }
        for (number, resource) in self.host.resources.iter().enumerate() {
            if let Some(address) = &resource.listen {
                check_address(At(ConfigLocation::Resource(number)), address, &self.listen)?;
            }
        }
        Ok(Self { host: self.host.checked()?, ..self })
    }
}

impl HostConfig {
    /// Checks that a host can start with this configuration, and clamps its times.
    ///
    /// # Errors
    ///
    /// The first [`InvalidSetting`](super::InvalidSetting) that is found.
    pub(crate) fn checked(self) -> Checked<Self> {
        let at = At(ConfigLocation::Server);
        bounds::workers(at, self.workers.get())?;
        let resources = checked_each(self.resources)?;
        check_distinct(&resources)?;
        self.limits.check(at, bounds::min_buffered(&resources))?;
        let timeouts = self.timeouts.checked(at)?;
        let compile = self.compile.checked(at)?;
        if let Some(cluster) = &self.cluster {
            cluster.check(at)?;
        }
        if let Some(traces) = &self.traces {
            traces.check(at)?;
        }
        check_unique(&resources, self.cluster.as_ref())?;
        Ok(Self { resources, timeouts, compile, ..self })
    }
}

/// Checks that a running host with this configuration can serve these resources instead of those that it serves now.
///
/// # Errors
///
/// The first [`InvalidSetting`](super::InvalidSetting) that is found.
pub(crate) fn checked_resources(
    resources: Vec<ResourceConfig>,
    host: &HostConfig,
) -> Checked<Vec<ResourceConfig>> {
    let resources = checked_each(resources)?;
    check_distinct(&resources)?;
    check_unique(&resources, host.cluster.as_ref())?;
    for (number, resource) in resources.iter().enumerate() {
        resource.check_buffered(number, &host.limits)?;
    }
    Ok(resources)
}

fn checked_each(resources: Vec<ResourceConfig>) -> Checked<Vec<ResourceConfig>> {
    let each = resources.into_iter().enumerate();
    each.map(|(number, resource)| resource.checked(At(ConfigLocation::Resource(number)))).collect()
}

/// Checks that no two resources have the same name or conflicting paths.
fn check_distinct(resources: &[ResourceConfig]) -> Checked<()> {
    let mut numbers = BTreeMap::<&str, usize>::new();
    let mut patterns = BTreeMap::<Option<&Address>, Patterns<()>>::new();
    for (number, resource) in resources.iter().enumerate() {
        let at = At(ConfigLocation::Resource(number));
        if let Some(other) = numbers.insert(&resource.name, number) {
            let why = format!(
                "{:?} is the name of two resources, numbers {} and {}: give one of them another `name`",
                resource.name,
                other + 1,
                number + 1
            );
            return Err(at.invalid("name", why));
        }
        let patterns = patterns.entry(resource.listen.as_ref()).or_default();
        patterns
            .insert(&resource.path, ())
            .map_err(|error| at.invalid("path", error.to_string()))?;
    }
    Ok(())
}

/// Checks the resources whose actors are unique in the cluster. They need a cluster whose hosts can reach each other.
fn check_unique(resources: &[ResourceConfig], cluster: Option<&Cluster>) -> Checked<()> {
    let is_unique = |resource: &ResourceConfig| resource.unique_in == UniqueIn::Cluster;
    let Some(number) = resources.iter().position(is_unique) else { return Ok(()) };
    let why = match cluster {
        None => {
            "cluster needs a cluster: in [cluster], set broker (its URL) and listen \
             (the address for other hosts)"
        }
        Some(cluster) if cluster.peers.is_none() => {
            "cluster needs listen in [cluster], the address for other hosts"
        }
        Some(_) => return Ok(()),
    };
    Err(At(ConfigLocation::Resource(number)).invalid("unique-in", why))
}

fn check_listen(at: At, all: &[Listen]) -> Checked<()> {
    if all.is_empty() {
        return Err(at.invalid("listen", "must have at least one address"));
    }
    for (number, listen) in all.iter().enumerate() {
        let is_same = |other: &Listen| {
            other.address == listen.address && !is_port_chosen_by_system(&listen.address)
        };
        if all[..number].iter().any(is_same) {
            return Err(at.invalid("listen", format!("has {} twice", listen.address)));
        }
    }
    Ok(())
}

/// Returns whether the operating system chooses the port of an address. Two such addresses are different even if they
/// look the same.
fn is_port_chosen_by_system(address: &Address) -> bool {
    matches!(address, Address::Tcp(address) if address.port() == 0)
}

/// Checks that the admin address has a token or is a loopback address. Otherwise anyone who can connect to it could
/// manage the server.
fn check_admin(at: At, address: SocketAddr, has_token: bool) -> Checked<()> {
    if has_token || address.ip().is_loopback() {
        return Ok(());
    }
    let why = format!(
        "{address} is not a loopback address, such as 127.0.0.1:9090, so it needs admin-token: without a token, \
         everyone who can connect could manage the server"
    );
    Err(at.invalid("admin", why))
}

/// Checks that a resource's address is one of the server's.
fn check_address(at: At, address: &Address, all: &[Listen]) -> Checked<()> {
    if all.iter().any(|listen| listen.address == *address) {
        return Ok(());
    }
    Err(at.invalid("listen", format!("{address} must be one of the server's addresses")))
}
