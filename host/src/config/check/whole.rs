//! Settings as a whole, once they are made: what a file, the command line and another program have in common.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::{At, Checked, ConfigLocation, bounds};
use crate::config::{
    Address, Config, Encryption, Host, HostLimits, Listen, ProxyProtocol, Resource,
};
use crate::pattern::Patterns;

impl Config {
    /// The same, with which a server can start.
    ///
    /// # Errors
    ///
    /// The first [`Wrong`](super::Wrong) that is found.
    pub(crate) fn checked(self) -> Checked<Self> {
        let at = At(ConfigLocation::Server);
        check_listen(at, &self.listen)?;
        for listen in &self.listen {
            let Listen { address, encryption, proxy_protocol, .. } = listen;
            if *encryption == Encryption::Tls && self.tls.is_none() {
                return Err(at.wrong("listen", format!("{address} with tls needs a certificate")));
            }
            if *proxy_protocol == ProxyProtocol::Required && self.host.trusted_proxies.is_empty() {
                let why = format!("{address} with proxy-protocol needs trusted-proxies");
                return Err(at.wrong("listen", why));
            }
        }
        if let Some(address) = self.admin {
            check_admin(at, address)?;
        }
        if self.backlog == 0 {
            return Err(at.wrong("backlog", "must be at least 1"));
        }
        for (number, resource) in self.host.resources.iter().enumerate() {
            if let Some(address) = &resource.listen {
                check_address(At(ConfigLocation::Resource(number)), address, &self.listen)?;
            }
        }
        Ok(Self { host: self.host.checked()?, ..self })
    }
}

impl Host {
    /// The same, with which a host can start.
    ///
    /// # Errors
    ///
    /// The first [`Wrong`](super::Wrong) that is found.
    pub(crate) fn checked(self) -> Checked<Self> {
        let at = At(ConfigLocation::Server);
        bounds::workers(at, self.workers.get())?;
        let resources = checked_each(self.resources)?;
        check_apart(&resources)?;
        self.limits.check(at, bounds::least_buffered(&resources))?;
        let timeouts = self.timeouts.checked(at)?;
        Ok(Self { resources, timeouts, ..self })
    }
}

/// Resources that a host with these limits can serve in the place of those it has.
///
/// # Errors
///
/// The first [`Wrong`](super::Wrong) that is found.
pub(crate) fn checked_resources(
    resources: Vec<Resource>,
    host: &HostLimits,
) -> Checked<Vec<Resource>> {
    let resources = checked_each(resources)?;
    check_apart(&resources)?;
    for (number, resource) in resources.iter().enumerate() {
        resource.check_room(number, host)?;
    }
    Ok(resources)
}

fn checked_each(resources: Vec<Resource>) -> Checked<Vec<Resource>> {
    let each = resources.into_iter().enumerate();
    each.map(|(number, resource)| resource.checked(At(ConfigLocation::Resource(number)))).collect()
}

/// No two resources of one name, nor of paths between which nothing decides.
fn check_apart(resources: &[Resource]) -> Checked<()> {
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
            return Err(at.wrong("name", why));
        }
        let there = patterns.entry(resource.listen.as_ref()).or_default();
        there.insert(&resource.path, ()).map_err(|error| at.wrong("path", error.to_string()))?;
    }
    Ok(())
}

fn check_listen(at: At, all: &[Listen]) -> Checked<()> {
    if all.is_empty() {
        return Err(at.wrong("listen", "must be at least one address"));
    }
    for (place, listen) in all.iter().enumerate() {
        let is_same = |other: &Listen| other.address == listen.address && !chooses(&listen.address);
        if all[..place].iter().any(is_same) {
            return Err(at.wrong("listen", format!("has {} twice", listen.address)));
        }
    }
    Ok(())
}

/// Whether the system chooses the port, so that two of it are two.
fn chooses(address: &Address) -> bool {
    matches!(address, Address::Tcp(address) if address.port() == 0)
}

/// Whoever reaches the admin address may reload.
fn check_admin(at: At, address: SocketAddr) -> Checked<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    let why = format!(
        "{address} must be an address of this machine alone, such as 127.0.0.1:9090: it asks nobody \
         who they are"
    );
    Err(at.wrong("admin", why))
}

/// Whether a resource's address is one of the server's.
fn check_address(at: At, address: &Address, all: &[Listen]) -> Checked<()> {
    if all.iter().any(|listen| listen.address == *address) {
        return Ok(());
    }
    Err(at.wrong("listen", format!("{address} must be one of the server's addresses")))
}
