//! Finds out which commit is built, and embeds the files that `ws-host new` writes: the templates, the contract, and the
//! SDK for Rust.
//!
//! `workspace/` has links to what is outside this package. `cargo package` puts the files themselves into the archive, but
//! leaves out each folder that contains a `Cargo.toml`. So a manifest has the name `manifest.toml` here, and its real name
//! in the program.
//!
//! The folders are listed here and not by a macro such as `include_dir!`. On a stable compiler, a macro can report to
//! cargo only the files that it has read, so cargo would not notice new files.

use std::fmt::Write;
use std::fs;
use std::io::Result;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Folders that builds leave behind.
const BUILD_OUTPUT: [&str; 4] = ["__pycache__", "build", "node_modules", "target"];

/// The name of a manifest in this package, and its name in the program.
const MANIFEST: &str = "manifest.toml";
const CARGO_MANIFEST: &str = "Cargo.toml";

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    tell_commit();
    // The library alone has no use for the files.
    if std::env::var_os("CARGO_FEATURE_CLI").is_none() {
        return Ok(());
    }
    let host = variable("CARGO_MANIFEST_DIR");
    let mut list = String::from("&[\n");
    embed(&host.join("templates"), "host/templates", &mut list)?;
    // With the manifest of the workspace, from which the SDK inherits settings.
    for name in ["wit", "guest-sdk", MANIFEST] {
        embed(&host.join("workspace").join(name), name, &mut list)?;
    }
    list += "]\n";
    fs::write(variable("OUT_DIR").join("embedded_files.rs"), list)
}

/// Tells the crate its commit, if it is known: the variable `WS_HOST_COMMIT`, or what `cargo package` has recorded. Git is
/// not asked, because everything would then be compiled again after each commit.
fn tell_commit() {
    const RECORD: &str = ".cargo_vcs_info.json";
    println!("cargo::rerun-if-env-changed=WS_HOST_COMMIT");
    let commit = std::env::var("WS_HOST_COMMIT").ok().or_else(|| {
        let record = fs::read_to_string(variable("CARGO_MANIFEST_DIR").join(RECORD)).ok()?;
        let (_, rest) = record.split_once("\"sha1\"")?;
        rest.split('"').nth(1).map(str::to_owned)
    });
    let is_plain = |commit: &String| {
        !commit.is_empty()
            && commit.chars().all(|letter| letter.is_ascii_alphanumeric() || "-+.".contains(letter))
    };
    if let Some(commit) = commit.filter(is_plain) {
        println!("cargo::rustc-env=WS_HOST_BUILT_COMMIT={commit}");
    }
}

fn variable(name: &str) -> PathBuf {
    std::env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}")).into()
}

/// Adds a file, or all files below a folder, in the order of their names. `name` is the name under which the program
/// finds the file or folder.
fn embed(path: &Path, name: &str, list: &mut String) -> Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    add(path, name, list)
}

fn add(path: &Path, name: &str, list: &mut String) -> Result<()> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        entries.sort();
        return entries
            .iter()
            .filter(|entry| is_source(entry))
            .try_for_each(|entry| add(entry, &format!("{name}/{}", last_name(entry)), list));
    }
    let name = match name.strip_suffix(MANIFEST) {
        Some(folder) => format!("{folder}{CARGO_MANIFEST}"),
        None => name.to_owned(),
    };
    let is_executable = metadata.permissions().mode() & 0o100 != 0;
    writeln!(
        list,
        "EmbeddedFile {{ path: {name:?}, is_executable: {is_executable}, content: include_bytes!({:?}) }},",
        path.to_str().expect("the path of the repository is UTF-8"),
    )
    .expect("writing to a string cannot fail");
    Ok(())
}

fn last_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).expect("names of files are UTF-8")
}

/// Returns whether this is a source file or folder. The name of a source file never begins with a dot, because `.NAME`
/// is stored as `dot-NAME`. A file whose name begins with a dot is left over from a build or an editor.
fn is_source(path: &Path) -> bool {
    let name = last_name(path);
    let is_output = path.is_dir() && BUILD_OUTPUT.contains(&name);
    !name.starts_with('.') && !is_output
}
