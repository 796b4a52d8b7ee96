//! Holds the public API of the published crates to the listings in `docs/api`, so that nobody changes it unawares.
//!
//! Without arguments it compares; with `--write` it writes.

#![expect(clippy::print_stdout, reason = "it says what has changed")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

const PACKAGES: [&str; 4] = ["ws-host-protocol", "ws-host-client", "ws-host", "ws-guest"];

/// What is done with a listing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    Compare,
    Write,
}

fn main() -> Result<ExitCode> {
    let task = match std::env::args().nth(1).as_deref() {
        None => Task::Compare,
        Some("--write") => Task::Write,
        Some(other) => bail!("{other:?} is not --write"),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut is_as_listed = true;
    for package in PACKAGES {
        let (now, file) = (api(&root, package)?, root.join(format!("docs/api/{package}.txt")));
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
        "api: if that is meant, run `make api`, commit docs/api, and tell of it in CHANGELOG.md"
    );
    Ok(ExitCode::FAILURE)
}

/// Every public item, a line each.
fn api(root: &Path, package: &str) -> Result<String> {
    let json = document(root, package)?;
    let api = public_api::Builder::from_rustdoc_json(&json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .build()
        .with_context(|| format!("{}: is public-api of this rustc's version?", json.display()))?;
    Ok(api.items().map(|item| format!("{item}\n")).collect())
}

/// The package's documentation as JSON.
fn document(root: &Path, package: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), PathBuf::from);
    let documented = Command::new(cargo)
        .args(["rustdoc", "--quiet", "--lib", "--package", package])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .args(["--cap-lints", "allow"])
        .env("RUSTDOC", root.join("tests/api/rustdoc"))
        .current_dir(root)
        .status()
        .context("cargo does not start")?;
    ensure!(documented.success(), "cargo rustdoc --package {package}: {documented}");
    Ok(target.join("doc").join(package.replace('-', "_")).with_extension("json"))
}

/// Tells which lines are there no more, and which are new.
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
