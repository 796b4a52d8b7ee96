//! The registry of resources, and the lookup of the resource that serves a path.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use super::served::ServedResource;
use crate::config::Address;
use crate::pattern::{Found, Patterns, normalized};

/// The resources of a host, by name and by path. The whole table is replaced when a resource is added or removed.
#[derive(Default)]
pub(in crate::server) struct Registry {
    table: RwLock<Arc<Table>>,
    /// The lock on changes. Each change acquires the lock before it reads the current resources, and holds the lock
    /// until the resources have been replaced.
    pub(in crate::server) changing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Table {
    by_name: BTreeMap<Arc<str>, Arc<ServedResource>>,
    /// Resources served at every address.
    everywhere: Patterns<Arc<ServedResource>>,
    /// Resources served at a single address only.
    at_address: HashMap<Address, Patterns<Arc<ServedResource>>>,
}

/// The error for a name that no resource has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no resource {0:?}")]
pub struct NoResource(pub String);

/// The resource that serves a path.
pub(in crate::server) struct Route {
    pub(in crate::server) served: Arc<ServedResource>,
    /// The normalized path, which actors, handlers and the admin address use.
    pub(in crate::server) path: String,
    /// The names and values of the pattern's parameters.
    pub(in crate::server) parameters: Vec<(String, String)>,
}

impl Registry {
    /// Returns the resource that serves a path at an address. The path need not be normalized.
    pub(in crate::server) fn find(&self, address: Option<&Address>, path: &str) -> Option<Route> {
        let table = self.table();
        let path = normalized(path);
        let here = address.and_then(|address| table.at_address.get(address)?.find(&path));
        let Found { value, parameters } = here.or_else(|| table.everywhere.find(&path))?;
        Some(Route { served: Arc::clone(value), path: path.into_owned(), parameters })
    }

    /// Returns the resource with this name, if it serves the path at any address. The path need not be normalized.
    pub(in crate::server) fn find_named(&self, name: &str, path: &str) -> Option<Route> {
        let served = self.named(name)?;
        let path = normalized(path);
        let mut pattern = Patterns::default();
        // This cannot fail: the set has no other pattern with which this pattern could conflict.
        let _ = pattern.insert(&served.settings().path, ());
        let Found { parameters, .. } = pattern.find(&path)?;
        Some(Route { served, path: path.into_owned(), parameters })
    }

    pub(in crate::server) fn named(&self, name: &str) -> Option<Arc<ServedResource>> {
        self.table().by_name.get(name).cloned()
    }

    /// Returns all resources, sorted by name.
    pub(in crate::server) fn all(&self) -> Vec<Arc<ServedResource>> {
        self.table().by_name.values().cloned().collect()
    }

    pub(in crate::server) fn count(&self) -> usize {
        self.table().by_name.len()
    }

    /// Returns the number of connected clients.
    pub(in crate::server) fn clients(&self) -> usize {
        self.all().iter().map(|served| served.resource().clients().len()).sum()
    }

    /// Replaces all resources with `resources`. If the paths of two resources conflicted, only the first would be
    /// served. The configuration check has already ruled out such conflicts.
    pub(in crate::server) fn set_resources(&self, resources: Vec<Arc<ServedResource>>) {
        let mut table = Table::default();
        for served in resources {
            let settings = served.settings();
            let patterns = match &settings.listen {
                Some(address) => table.at_address.entry(address.clone()).or_default(),
                None => &mut table.everywhere,
            };
            if let Err(conflict) = patterns.insert(&settings.path, Arc::clone(&served)) {
                tracing::error!(resource = served.name(), "the resource is not served: {conflict}");
            }
            table.by_name.insert(served.name().into(), served);
        }
        *self.table.write() = Arc::new(table);
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read())
    }
}
