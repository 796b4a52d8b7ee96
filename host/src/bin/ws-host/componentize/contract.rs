//! The contract that is embedded in the program: the files of `wit/`.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use crate::new::embedded;

/// The package of the contract.
pub(super) const PACKAGE: &str = "ws-host:socket";

/// The version of the contract.
pub(super) const VERSION: &str = "0.1.0";

/// Returns the files of the contract, with their names. Released versions are in a separate folder.
fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = embedded::below("wit").filter(|(name, _)| is_file_of_contract(name));
    files.filter_map(|(name, file)| Some((name, std::str::from_utf8(file.content).ok()?)))
}

fn is_file_of_contract(name: &str) -> bool {
    name.ends_with(".wit") && !name.contains('/')
}

/// Returns the contract.
pub(super) fn resolve() -> Result<Resolve> {
    let mut contract = SourceMap::new();
    for (name, text) in files() {
        contract.push_str(name, text);
    }
    let group = contract.parse().map_err(|(_, error)| anyhow::Error::new(error))?;
    let mut resolve = Resolve::default();
    resolve.push_group(group).context("the contract")?;
    Ok(resolve)
}

/// The folder with the WIT of [`CAPABILITIES`], with one file for each package. Projects in JavaScript, TypeScript and
/// Python contain the same files.
const CAPABILITIES_FOLDER: &str = "host/templates/capabilities/all/wit/deps";

/// The WASI interfaces outside WASI 0.2 that a module may import. The interfaces of WASI 0.2 are in the adapter.
pub(super) const CAPABILITIES: [&str; 4] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:keyvalue/store@0.2.0-draft2",
    "wasi:keyvalue/atomics@0.2.0-draft2",
    "wasi:keyvalue/batch@0.2.0-draft2",
];

/// Adds the packages of [`CAPABILITIES`].
pub(super) fn add_capabilities(resolve: &mut Resolve) -> Result<()> {
    for (name, file) in embedded::below(CAPABILITIES_FOLDER) {
        let text = std::str::from_utf8(file.content).context(name)?;
        resolve.push_source(name, text).context(name)?;
    }
    Ok(())
}

/// Adds the types of everything that a module may import, and of the interfaces that it exports.
///
/// If a module exports only some interfaces, the component exports only these. So the host can tell, for example, that
/// the component has no state.
pub(super) fn embed(core: &mut Vec<u8>, exported: &BTreeSet<String>) -> Result<()> {
    let mut resolve = resolve()?;
    add_capabilities(&mut resolve)?;
    let world = resolve.push_source("handler.wit", &world(exported)).context("the world")?;
    let world = resolve.select_world(&[world], None)?;
    embed_component_metadata(core, &resolve, world, StringEncoding::UTF8)
}

/// Returns the WIT of a world with the exported interfaces.
fn world(exported: &BTreeSet<String>) -> String {
    let mut text = format!(
        "package ws-host:handler;\n\nworld handler {{\n  include {PACKAGE}/imports@{VERSION};\n  \
         import {PACKAGE}/burst@{VERSION};\n"
    );
    for interface in CAPABILITIES {
        text += &format!("  import {interface};\n");
    }
    for interface in exported {
        text += &format!("  export {PACKAGE}/{interface}@{VERSION};\n");
    }
    text + "}\n"
}
