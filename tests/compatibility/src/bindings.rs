//! Generates the Rust bindings of the contract. `bindings WIT FOLDER` checks that the files in the folder are up to
//! date; `--write` writes them.
//!
//! A macro would generate them in each build of each handler: three quarters of the time of a handler's first build.

#![expect(clippy::print_stdout, reason = "a command-line tool")]

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator as _};
use wit_bindgen_rust::{Opts, Ownership};

/// The exports, each in a module of its own, so that a handler can export any of them: the module's name, the
/// interface, and what else its world imports.
const EXPORTS: [(&str, &str, &str); 8] = [
    ("handler", "handler", ""),
    ("burst", "burst-listener", "import ws-host:socket/burst@0.1.0;"),
    ("lifecycle", "lifecycle", ""),
    ("timers", "timers-listener", ""),
    ("custom", "custom-listener", ""),
    ("drained", "drained-listener", ""),
    ("expiry", "expiry-listener", ""),
    ("stop", "stop-listener", ""),
];

/// The capabilities of WASI, each in a module of its own: the module's name, its package below [`CAPABILITIES`], and the
/// imports of its world. A handler imports only those whose functions it calls.
const CAPABILITY_IMPORTS: [(&str, &str, &str); 2] = [
    ("config", "config", "import wasi:config/store@0.2.0-rc.1;"),
    (
        "keyvalue",
        "keyvalue",
        "import wasi:keyvalue/store@0.2.0-draft2; import wasi:keyvalue/atomics@0.2.0-draft2; \
         import wasi:keyvalue/batch@0.2.0-draft2;",
    ),
];

/// The packages of the capabilities, which `ws-host new` copies into projects in other languages.
const CAPABILITIES: &str = "../host/templates/capabilities/all/wit/deps";

const HEAD: &str = "// Generated from wit/ by `make bindings`.\n\n";

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (wit, folder, writes) = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [wit, folder] => (wit, folder, false),
        [wit, folder, "--write"] => (wit, folder, true),
        _ => anyhow::bail!("usage: bindings WIT FOLDER [--write]"),
    };
    let mut is_up_to_date = true;
    for (name, code) in all(Path::new(wit))? {
        let path = Path::new(folder).join(format!("{name}.rs"));
        if writes {
            std::fs::write(&path, code)?;
        } else if std::fs::read_to_string(&path).unwrap_or_default() != code {
            println!("{} does not match wit/: run `make bindings`", path.display());
            is_up_to_date = false;
        }
    }
    Ok(if is_up_to_date { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Returns the name and the code of each module.
fn all(wit: &Path) -> Result<Vec<(&'static str, String)>> {
    let imports = || Opts {
        ownership: Ownership::Borrowing { duplicate_if_necessary: true },
        ..Opts::default()
    };
    let mut modules = vec![("imports", generate(wit, None, "imports", imports())?)];
    for (name, package, interfaces) in CAPABILITY_IMPORTS {
        let world = format!("{name}-imports");
        let inline = format!("package ws-host:sdk; world {world} {{ {interfaces} }}");
        let package = wit.join(CAPABILITIES).join(package);
        modules.push((name, generate(&package, Some(&inline), &world, imports())?));
    }
    for (name, interface, imports) in EXPORTS {
        let world = format!("{name}-exports");
        let inline = format!(
            "package ws-host:sdk; world {world} {{ {imports} export ws-host:socket/{interface}@0.1.0; }}"
        );
        let options = Opts {
            pub_export_macro: true,
            export_macro_name: Some(format!("export_{name}")),
            ..Opts::default()
        };
        modules.push((name, generate(wit, Some(&inline), &world, options)?));
    }
    Ok(modules)
}

/// Generates the bindings of a world of the package in a folder, or of the package `inline` that uses it.
fn generate(wit: &Path, inline: Option<&str>, world: &str, options: Opts) -> Result<String> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let package = match inline {
        Some(inline) => resolve.push_str("inline", inline)?,
        None => package,
    };
    let world = resolve.select_world(&[package], Some(world))?;
    let mut files = Files::default();
    let options = Opts { format: true, generate_all: true, ..options };
    options.build().generate(&mut resolve, world, &mut files)?;
    let (_, code) = files.iter().next().context("the generator wrote no file")?;
    Ok(HEAD.to_owned() + str::from_utf8(code)?)
}
