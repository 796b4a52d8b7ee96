//! Compares the public API of the published crates with the listings in `docs/api`, so that nobody changes it by
//! accident.
//!
//! With `--write`, it writes the listings instead.

#![expect(clippy::print_stdout, reason = "it prints the changes")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

const PACKAGES: [&str; 5] =
    ["ws-host-protocol", "ws-host-client", "ws-host", "ws-host-testing", "ws-guest"];

/// The features that add to the API. `ws-host-testing` is a part of `ws-host`.
const FEATURES: &str = "ws-host/testing,ws-guest/json,ws-guest/serde,ws-guest/testing";

/// What to do with a listing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Compare,
    Write,
}

fn main() -> Result<ExitCode> {
    let task = match std::env::args().nth(1).as_deref() {
        None => Task::Compare,
        Some("--write") => Task::Write,
        Some(other) => bail!("unknown argument {other:?}: the only one is --write"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let documentation = document(&root)?;
    let mut is_as_listed = true;
    for package in PACKAGES {
        let json = documentation.join(package.replace('-', "_")).with_extension("json");
        let (now, file) = (api(&json)?, root.join(format!("docs/api/{package}.txt")));
        match task {
            Task::Write => {
                std::fs::write(&file, &now).with_context(|| file.display().to_string())?;
            }
            Task::Compare => {
                let listed = std::fs::read_to_string(&file).unwrap_or_default();
                is_as_listed &= compare(package, &listed, &now);
            }
        }
    }
    if is_as_listed {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "api: the public API has changed; if that is intended, run `make api`, commit docs/api, and describe the \
         change in CHANGELOG.md"
    );
    Ok(ExitCode::FAILURE)
}

/// Returns a line for every public item.
fn api(json: &Path) -> Result<String> {
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .with_context(|| {
            format!("cannot read {}: does the version of public-api match rustc's?", json.display())
        })?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// Writes the documentation of the workspace as JSON and returns its folder.
///
/// One call of cargo documents all packages. With a call for each package, or for some of them, dependencies would have
/// other features, and cargo would check them once more. The example is named for the same reason (`make lint`).
fn document(root: &Path) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let documented = Command::new(cargo)
        .args(["doc", "--quiet", "--workspace", "--no-deps", "--lib", "--example", "alarming"])
        .args(["--features", FEATURES])
        .env("RUSTDOC", root.join("tests/api/rustdoc"))
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json --cap-lints allow")
        .current_dir(root)
        .status()
        .context("cannot start cargo")?;
    ensure!(documented.success(), "cargo doc failed with {documented}");
    Ok(target.join("doc"))
}

/// Prints the lines that were removed and added. Returns whether there are none.
fn compare(package: &str, listed: &str, now: &str) -> bool {
    let [before, after] = [listed, now].map(|text| text.lines().collect::<BTreeSet<_>>());
    for line in before.difference(&after) {
        println!("{package}: - {line}");
    }
    for line in after.difference(&before) {
        println!("{package}: + {line}");
    }
    before == after
}
