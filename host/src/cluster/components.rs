//! The components of the resources whose paths are unique in the cluster. A path moves from host to host, so all hosts
//! should have the same component for its resource.

use std::collections::BTreeMap;

/// The maximum length of all names and hashes that a host publishes, in bytes. They are in the host's lease, which all
/// hosts read often. There is room for about a hundred resources. Resources that do not fit are not compared.
#[cfg(feature = "nats")]
const MAX_BYTES: usize = 4 << 10;

/// The resources, each with the first digits of its component's SHA-256 hash.
pub(crate) type Components = BTreeMap<String, String>;

/// Returns the components that a host publishes: the first ones by resource name, up to [`MAX_BYTES`] in total.
#[cfg(feature = "nats")]
pub(super) fn bounded(mut components: Components) -> Components {
    let mut bytes = 0;
    components.retain(|resource, hash| {
        bytes += resource.len() + hash.len();
        bytes <= MAX_BYTES
    });
    components
}

#[cfg(all(test, feature = "nats"))]
mod tests {
    use super::*;

    #[test]
    fn more_components_than_a_lease_has_room_for_are_left_out() {
        let names = (0..1000).map(|number| (format!("resource-{number:03}"), "0".repeat(12)));
        let published = bounded(names.collect());
        assert_eq!(published.len(), MAX_BYTES / 24);
        let long = Components::from([("a".repeat(MAX_BYTES + 1), String::new())]);
        assert_eq!(bounded(long), Components::new());
    }
}
