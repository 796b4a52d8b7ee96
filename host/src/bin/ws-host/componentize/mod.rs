//! `ws-host component CORE.wasm -o COMPONENT.wasm`: makes a component from a core module.
//!
//! Compilers for C, C++ and Go produce core modules. A core module needs two things to become a component. One is the
//! types of its imports and exports, which are in the contract. The other is an adapter from WASI 0.1, which these
//! compilers target, to WASI 0.2. This program contains both, so an author of handlers needs only a compiler.

mod contract;
mod core_module;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_component::ComponentEncoder;

use self::core_module::Kind;

/// Makes a component from a core module, as produced by compilers for C, C++ and Go
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The core module, compiled for wasm32-wasi (GOOS=wasip1 in Go)
    #[arg(value_name = "FILE")]
    core: PathBuf,

    /// Where to write the component
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Reads the core module and writes the component. An existing component is replaced atomically, so that a server that
/// watches the file never reads an incomplete component.
///
/// # Errors
///
/// An error if a file cannot be read or written, or if the module does not fit the contract. The error says what to do.
pub(crate) fn run(args: &Args) -> Result<()> {
    let core = std::fs::read(&args.core)
        .with_context(|| format!("cannot read the core module {}", args.core.display()))?;
    let component = componentize(&core).with_context(|| args.core.display().to_string())?;
    replace(&args.output, &component)
        .with_context(|| format!("cannot write the component {}", args.output.display()))
}

/// Returns the component.
fn componentize(core: &[u8]) -> Result<Vec<u8>> {
    let module = match core_module::inspect(core)? {
        Kind::Module(module) => module,
        Kind::Component => {
            bail!("this file is a component already; serve it with ws-host --component")
        }
    };
    let mut core = core_module::without_debug_sections(core)?;
    if !module.has_types {
        contract::embed(&mut core, &module.exported_interfaces)?;
    }
    ComponentEncoder::default()
        .validate(true)
        .module(&core)
        .context("the module does not fit the contract that it was built for")?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
        .context("cannot add the adapter from WASI 0.1 to WASI 0.2")?
        .encode()
        .context("the module does not fit the contract of this version of ws-host")
}

fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
