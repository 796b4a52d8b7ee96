//! Inspects a core module, and removes its debug sections.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use wasmparser::{Encoding, Parser, Payload};

use super::contract::PACKAGE;

/// The name prefix of the sections that contain the types of imports and exports. These sections are added by
/// `wit-bindgen` and `wasm-tools component embed`.
const TYPES: &str = "component-type";

/// The name prefix of the sections that contain DWARF. They make up most of a C compiler's output. With the C library,
/// they take a megabyte for 30 KB of code.
const DEBUG: &str = ".debug_";

/// The kind of a WebAssembly file.
pub(super) enum Kind {
    /// A core module.
    Module(CoreModule),
    /// A component.
    Component,
}

/// A core module.
pub(super) struct CoreModule {
    /// Whether the module has a section with the types of its imports and exports.
    pub(super) has_types: bool,
    /// Which interfaces of the contract the module exports, such as `timers-listener`.
    pub(super) exported_interfaces: BTreeSet<String>,
}

/// Reads the sections of a module.
///
/// # Errors
///
/// An error if this is not WebAssembly, or if the module is not meant for this server.
pub(super) fn inspect(wasm: &[u8]) -> Result<Kind> {
    if !wasm.starts_with(b"\0asm") {
        bail!("this file is not WebAssembly: it does not start with the bytes 00 61 73 6d");
    }
    let mut module = CoreModule { has_types: false, exported_interfaces: BTreeSet::new() };
    let mut wrong_version = None;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.context("the file is damaged or incomplete")? {
            Payload::Version { encoding: Encoding::Component, .. } => return Ok(Kind::Component),
            Payload::CustomSection(section) if section.name().starts_with(TYPES) => {
                module.has_types = true;
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    match contract_interface(export?.name) {
                        Some((interface, version)) if is_served(version) => {
                            module.exported_interfaces.insert(interface.to_owned());
                        }
                        Some((_, version)) => wrong_version = Some(version.to_owned()),
                        None => {}
                    }
                }
            }
            _ => {}
        }
    }
    if let Some(version) = wrong_version {
        bail!(
            "the module was built for version {version} of the contract, but this ws-host has version \
             {}: rebuild the module with the wit/ and SDK files of this ws-host",
            super::contract::VERSION
        );
    }
    if !module.has_types && !module.exported_interfaces.contains("handler") {
        bail!(
            "the module exports no {PACKAGE}/handler: link the SDK file of ws-host into it, as a \
             project made by `ws-host new` does"
        );
    }
    Ok(Kind::Module(module))
}

/// Returns a copy of the module without the sections that only debuggers read. The names of functions stay, because
/// backtraces in the log show them.
pub(super) fn without_debug_sections(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut module = wasm_encoder::Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload?;
        if matches!(&payload, Payload::CustomSection(section) if section.name().starts_with(DEBUG))
        {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            module.section(&wasm_encoder::RawSection { id, data: &wasm[range] });
        }
    }
    Ok(module.finish())
}

/// Returns the interface and the version in an export's name, such as `ws-host:socket/handler@0.1.0#connected`.
fn contract_interface(export: &str) -> Option<(&str, &str)> {
    let (interface, _) = export.strip_prefix(PACKAGE)?.strip_prefix('/')?.split_once('#')?;
    interface.split_once('@')
}

fn is_served(version: &str) -> bool {
    version == super::contract::VERSION
}
