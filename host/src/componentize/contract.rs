//! The contract, as the program knows it: the files of `wit/`.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, SourceMap};

use crate::new::embedded;

/// The package of the contract.
pub(super) const PACKAGE: &str = "ws-host:socket";

/// The version of the contract.
pub(super) const VERSION: &str = "0.1.0";

/// Returns the files of the contract, with their names. Released versions are in a folder of their own.
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

/// Adds the types of what a module may import, and of the interfaces that it exports.
///
/// A module that exports only some interfaces becomes a component that exports only these: the host then knows, for
/// example, that it has no state.
pub(super) fn embed(core: &mut Vec<u8>, exported: &BTreeSet<String>) -> Result<()> {
    let mut resolve = resolve()?;
    let world = resolve.push_source("handler.wit", &world(exported)).context("the world")?;
    let world = resolve.select_world(&[world], None)?;
    embed_component_metadata(core, &resolve, world, StringEncoding::UTF8)
}

/// Returns a world of the exported interfaces.
fn world(exported: &BTreeSet<String>) -> String {
    let mut text = format!(
        "package ws-host:handler;\n\nworld handler {{\n  include {PACKAGE}/imports@{VERSION};\n  \
         import {PACKAGE}/burst@{VERSION};\n"
    );
    for interface in exported {
        text += &format!("  export {PACKAGE}/{interface}@{VERSION};\n");
    }
    text + "}\n"
}
