//! Loading everything that would be served, without serving it.

use std::path::Path;
use std::sync::Arc;

use super::resources::PreparedResource;
use super::state::HostState;
use crate::cluster::relay::Peers;
use crate::config::{self, Grant, ResourceConfig};
use crate::keyvalue;
use crate::platform::Machine;
use crate::server::error::StartError;

/// A resource that could be served.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckedResource {
    /// Its name.
    pub name: String,
    /// Its path, or path pattern.
    pub path: String,
    /// The file of its component.
    pub component: String,
    /// The first digits of the component's SHA-256 hash.
    pub hash: String,
}

/// Loads every component as [`Host::start`](super::Host::start) does. A host that already runs with the same
/// configuration is not disturbed.
///
/// # Errors
///
/// [`StartError`].
pub(in crate::server) async fn check(
    config: config::HostConfig,
) -> Result<Vec<CheckedResource>, StartError> {
    let mut config = config.checked()?;
    let resources = std::mem::take(&mut config.resources);
    load_peers(&config)?;
    // A check does not join the cluster, because the other hosts would see a new host.
    config.cluster = None;
    config.traces = None;
    let state = HostState::new(config, Arc::new(Machine), None, 0).map_err(StartError::Worker)?;
    let mut checked = Vec::with_capacity(resources.len());
    for mut settings in resources {
        check_files(&settings)?;
        settings.grants.retain(|grant| file(grant).is_none());
        let prepared = PreparedResource::load(&state.context, settings).await?;
        checked.push(describe(&prepared));
    }
    Ok(checked)
}

fn describe(resource: &PreparedResource) -> CheckedResource {
    let settings = resource.settings();
    CheckedResource {
        name: settings.name.to_string(),
        path: settings.path.as_str().to_owned(),
        component: settings.component.display().to_string(),
        hash: resource.hash().to_owned(),
    }
}

/// Returns the file that a host opens for a grant. Returns `None` if the grant has no file. Another host may have the
/// file open already.
fn file(grant: &Grant) -> Option<&Path> {
    match grant {
        Grant::Keyvalue(file) | Grant::Timers(file) => Some(file),
        _ => None,
    }
}

fn check_files(settings: &ResourceConfig) -> Result<(), StartError> {
    for file in settings.grants.iter().filter_map(file) {
        let path = file.to_owned();
        keyvalue::check(file)
            .map_err(|cause| StartError::Store { file: path, cause: cause.into() })?;
    }
    Ok(())
}

/// Loads what this host needs to connect to the other hosts of its cluster and to accept their connections. Returns
/// `None` if this host is not in a cluster, or if other hosts are not supposed to reach it.
pub(super) fn load_peers(config: &config::HostConfig) -> Result<Option<Peers>, StartError> {
    let peers = config.cluster.as_ref().map(Peers::load).transpose();
    Ok(peers.map_err(|error| StartError::Certificate(error.into()))?.flatten())
}
