//! The interfaces that the host provides, by their names.

use std::collections::BTreeSet;

use super::Provision;
use super::sections::ImportedItem;

/// The version of the contract that this host serves.
pub(super) const SERVED: &str = "0.1.0";

/// The prefix of the contract's interface names.
const CONTRACT: &str = "ws-host:socket/";

/// The prefix of the versions that this host can serve (`guest/contract.rs`).
const COMPATIBLE: &str = "0.1.";

/// The worlds of the contract. They name all of its interfaces except [`TYPES`].
const WORLDS: &str = include_str!("../../workspace/wit/world.wit");

/// The interface of the contract that is missing in [`WORLDS`], because worlds do not have to name it.
const TYPES: &str = "types";

/// The prefix of WASI interface names, and the versions that this host provides.
const WASI: &str = "wasi:";
const WASI_VERSIONS: &str = "0.2.";

/// The packages of WASI that any handler may use.
const WASI_PACKAGES: [&str; 4] = ["cli", "clocks", "io", "random"];

/// The packages of WASI that need a grant. Any handler can be linked to them, but calls to a package are refused unless
/// the resource grants it (docs/capabilities.md).
const WASI_CAPABILITIES: [&str; 3] = ["config", "filesystem", "http"];

/// The package of WASI that no grant allows. Any handler can be linked to it, and all calls are refused.
const WASI_DENIED: &str = "sockets";

/// The interface of the contract that needs a grant.
const OUTGOING: &str = "outgoing";

/// The interface of the contract in which one function needs a grant, and this function.
const TIMERS: &str = "timers";
const SET_DURABLE: &str = "set-durable";

/// The interfaces of the key-value store. Only this version of them can be linked.
const KEYVALUE: [&str; 3] = ["store", "atomics", "batch"];
const KEYVALUE_VERSION: &str = "0.2.0-draft2";

/// Returns what the host does with an import.
pub(super) fn provision(import: &ImportedItem) -> Provision {
    let (name, version) = import.name.split_once('@').unwrap_or((&import.name, ""));
    if let Some(interface) = name.strip_prefix(CONTRACT) {
        return if !version.starts_with(COMPATIBLE) || !is_in_contract(interface) {
            Provision::Unknown
        } else if needs_grant(interface, &import.members) {
            Provision::Capability
        } else {
            Provision::Contract
        };
    }
    if let Some(interface) = name.strip_prefix("wasi:keyvalue/") {
        let is_provided = version == KEYVALUE_VERSION && KEYVALUE.contains(&interface);
        return if is_provided { Provision::Capability } else { Provision::Unknown };
    }
    let package = name.strip_prefix(WASI).and_then(|name| name.split('/').next());
    match package.filter(|_| version.starts_with(WASI_VERSIONS)) {
        Some(package) if WASI_PACKAGES.contains(&package) => Provision::Wasi,
        Some(package) if WASI_CAPABILITIES.contains(&package) => Provision::Capability,
        Some(WASI_DENIED) => Provision::Denied,
        _ => Provision::Unknown,
    }
}

/// Returns the versions of the contract in these names. Each version occurs once.
pub(super) fn contract_versions<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<String> {
    let versions = names.into_iter().filter_map(|name| {
        let (_, version) = name.strip_prefix(CONTRACT)?.split_once('@')?;
        Some(version.to_owned())
    });
    BTreeSet::from_iter(versions).into_iter().collect()
}

/// Returns whether an interface of the contract needs a grant, or one of these functions of it.
fn needs_grant(interface: &str, functions: &[String]) -> bool {
    interface == OUTGOING
        || interface == TIMERS && functions.iter().any(|function| function == SET_DURABLE)
}

fn is_in_contract(interface: &str) -> bool {
    let declared = |line: &str| {
        let line = line.trim();
        let name = line.strip_prefix("import ").or_else(|| line.strip_prefix("export "));
        name.and_then(|name| name.strip_suffix(';')) == Some(interface)
    };
    interface == TYPES || WORLDS.lines().any(declared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_distinguished_by_package_and_version() {
        for (import, expected) in [
            ("ws-host:socket/clients@0.1.0", Provision::Contract),
            ("ws-host:socket/burst@0.1.7", Provision::Contract),
            ("ws-host:socket/types@0.1.0", Provision::Contract),
            ("ws-host:socket/outgoing@0.1.0", Provision::Capability),
            ("ws-host:socket/weather@0.1.0", Provision::Unknown),
            ("ws-host:socket/clients@0.2.0", Provision::Unknown),
            ("ws-host:socket/clients", Provision::Unknown),
            ("wasi:cli/stdout@0.2.9", Provision::Wasi),
            ("wasi:http/types@0.2.12", Provision::Capability),
            ("wasi:sockets/tcp@0.2.12", Provision::Denied),
            ("wasi:config/store@0.2.0-rc.1", Provision::Capability),
            ("wasi:keyvalue/atomics@0.2.0-draft2", Provision::Capability),
            ("wasi:keyvalue/store@0.2.0-draft", Provision::Unknown),
            ("wasi:keyvalue/watcher@0.2.0-draft2", Provision::Unknown),
            ("wasi:cli/stdout@0.3.0", Provision::Unknown),
            ("wasi:nn/tensor@0.2.0", Provision::Unknown),
            ("env", Provision::Unknown),
        ] {
            let imported = ImportedItem { name: import.to_owned(), members: Vec::new() };
            assert_eq!(provision(&imported), expected, "{import}");
        }
    }

    #[test]
    fn timers_need_a_grant_only_if_they_are_durable() {
        for (function, expected) in
            [("set", Provision::Contract), ("set-durable", Provision::Capability)]
        {
            let name = "ws-host:socket/timers@0.1.0".to_owned();
            let timers = ImportedItem { name, members: vec!["cancel".into(), function.into()] };
            assert_eq!(provision(&timers), expected, "{function}");
        }
    }

    #[test]
    fn versions_of_the_contract_are_listed_once() {
        let names = [
            "ws-host:socket/a@0.1.0",
            "ws-host:socket/b@0.1.0",
            "ws-host:socket/c@0.2.0",
            "wasi:io/poll@0.2.0",
        ];
        assert_eq!(contract_versions(&names.map(str::to_owned)), ["0.1.0", "0.2.0"]);
    }
}
