//! Which resources there are, and which of them serves a path.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::RwLock;

use super::served::ServedResource;
use crate::config::Address;
use crate::pattern::{Found, Patterns, normalized};

/// The resources of a host, by name and by path. Replaced as a whole when one comes or goes.
#[derive(Default)]
pub(in crate::server) struct Registry {
    table: RwLock<Arc<Table>>,
    /// Held by whoever changes it, from looking at what there is to the change.
    pub(in crate::server) changing: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Table {
    by_name: BTreeMap<Arc<str>, Arc<ServedResource>>,
    /// Those of every address.
    everywhere: Patterns<Arc<ServedResource>>,
    /// Those of one address alone.
    at_address: HashMap<Address, Patterns<Arc<ServedResource>>>,
}

/// The resource of a path.
pub(in crate::server) struct Route {
    pub(in crate::server) served: Arc<ServedResource>,
    /// The path in its normal form: instances, handlers and management know it by this one.
    pub(in crate::server) path: String,
    /// What the parameters of its pattern stand for.
    pub(in crate::server) parameters: Vec<(String, String)>,
}

impl Registry {
    /// The resource that serves a path at an address, however the path is written.
    pub(in crate::server) fn find(&self, address: Option<&Address>, path: &str) -> Option<Route> {
        let table = self.table();
        let path = normalized(path);
        let here = address.and_then(|address| table.at_address.get(address)?.find(&path));
        let Found { value, parameters } = here.or_else(|| table.everywhere.find(&path))?;
        Some(Route { served: Arc::clone(value), path: path.into_owned(), parameters })
    }

    pub(in crate::server) fn named(&self, name: &str) -> Option<Arc<ServedResource>> {
        self.table().by_name.get(name).cloned()
    }

    /// All of them, by name.
    pub(in crate::server) fn all(&self) -> Vec<Arc<ServedResource>> {
        self.table().by_name.values().cloned().collect()
    }

    pub(in crate::server) fn count(&self) -> usize {
        self.table().by_name.len()
    }

    /// How many clients are connected.
    pub(in crate::server) fn clients(&self) -> usize {
        self.all().iter().map(|served| served.resource().clients().len()).sum()
    }

    /// Serves these from now on, and no others. Of two with paths between which nothing decides the
    /// first one is served; the configuration has been checked for that.
    pub(in crate::server) fn replace(&self, resources: Vec<Arc<ServedResource>>) {
        let mut table = Table::default();
        for served in resources {
            let settings = served.settings();
            let there = match &settings.listen {
                Some(address) => table.at_address.entry(address.clone()).or_default(),
                None => &mut table.everywhere,
            };
            if let Err(conflict) = there.insert(&settings.path, Arc::clone(&served)) {
                tracing::error!(resource = served.name(), "not served: {conflict}");
            }
            table.by_name.insert(served.name().into(), served);
        }
        *self.table.write() = Arc::new(table);
    }

    fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read())
    }
}
