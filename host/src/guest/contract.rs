//! Checks which version of the contract a component was built for.
//!
//! Compatible versions work together. A component built for 0.1.0 runs on a host that serves 0.1.7. A component built
//! for 0.1.7 runs on a host that serves 0.1.0, if it uses nothing that is newer than 0.1.0.

use std::path::Path;

use wasmtime::component::Component;
use wasmtime::{Engine, Error};

use super::error::LoadError;

/// The prefix of the contract's interface names.
const INTERFACES: &str = "ws-host:socket/";

/// The prefix of compatible versions (Semantic Versioning 2.0.0, §4, with Cargo's rule for versions below 1.0).
const COMPATIBLE: &str = "0.1.";

/// Refuses a component that was built for an incompatible version. Must be called before the functions are checked.
/// Otherwise the error would be about a function and not about the version.
///
/// # Errors
///
/// [`LoadError::OtherVersion`].
pub(super) fn check_version(
    engine: &Engine,
    component: &Component,
    path: &Path,
) -> Result<(), LoadError> {
    let ty = component.component_type();
    let mut names = ty.exports(engine).chain(ty.imports(engine)).map(|(name, _)| name);
    match names.find_map(other_version) {
        None => Ok(()),
        Some(found) => Err(LoadError::OtherVersion { path: path.into(), found }),
    }
}

/// Returns the latest version of the contract that a component names in its imports and exports.
pub(super) fn latest_version(engine: &Engine, component: &Component) -> String {
    let ty = component.component_type();
    let names = ty.exports(engine).chain(ty.imports(engine)).map(|(name, _)| name);
    let versions = names.filter_map(|name| name.strip_prefix(INTERFACES)?.split_once('@'));
    let patch =
        |version: &str| version.strip_prefix(COMPATIBLE).and_then(|it| it.parse::<u64>().ok());
    let latest = versions.map(|(_, version)| version).max_by_key(|version| patch(version));
    format!("ws-host:socket@{}", latest.unwrap_or_default())
}

/// Returns whether an error of the linker is about one of the contract's interfaces.
pub(super) fn is_named_in(error: &Error) -> bool {
    error.to_string().contains(INTERFACES)
}

/// Returns the package and version of an interface, if the interface belongs to an incompatible version of the
/// contract.
fn other_version(interface: &str) -> Option<String> {
    let name = interface.strip_prefix(INTERFACES)?;
    match name.split_once('@') {
        None => Some("ws-host:socket without a version".into()),
        Some((_, version)) => {
            let patch = version.strip_prefix(COMPATIBLE).filter(|patch| !patch.contains('-'));
            patch.is_none().then(|| format!("ws-host:socket@{version}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compatible_by_cargos_rules() {
        for version in ["0.1.0", "0.1.7", "0.1.70+build"] {
            assert_eq!(other_version(&format!("ws-host:socket/handler@{version}")), None);
        }
        for version in ["0.2.0", "0.10.0", "1.1.0", "0.1.0-rc.1"] {
            let found = other_version(&format!("ws-host:socket/handler@{version}"));
            assert_eq!(found, Some(format!("ws-host:socket@{version}")));
        }
        assert!(other_version("ws-host:socket/handler").is_some());
        assert_eq!(other_version("wasi:http/types@0.3.0"), None);
    }
}
