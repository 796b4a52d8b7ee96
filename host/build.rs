//! Finds out which commit is built, and embeds the files that `ws-host new` writes: the templates, the contract, and the SDK for Rust.
//!
//! The folders are listed here rather than by a macro such as `include_dir!`, because cargo then notices new files as
//! well: on a stable compiler, a macro can only report the files that it has read.

use std::fmt::Write;
use std::fs;
use std::io::Result;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Folders that builds leave behind.
const BUILD_OUTPUT: [&str; 4] = ["__pycache__", "build", "node_modules", "target"];

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    tell_commit();
    // The library alone has no use for the files.
    if std::env::var_os("CARGO_FEATURE_CLI").is_none() {
        return Ok(());
    }
    let host = variable("CARGO_MANIFEST_DIR");
    let root = host.parent().expect("this package is below the root of the repository");
    let mut list = String::from("&[\n");
    embed(root, &host.join("templates"), &mut list)?;
    embed(root, &root.join("wit"), &mut list)?;
    embed(root, &root.join("guest-sdk"), &mut list)?;
    // The SDK inherits settings from the workspace.
    embed(root, &root.join("Cargo.toml"), &mut list)?;
    list += "]\n";
    fs::write(variable("OUT_DIR").join("embedded_files.rs"), list)
}

/// Tells the crate its commit, if it is known: the variable `WS_HOST_COMMIT`, or what `cargo package` has recorded. Git is
/// not asked: each commit would then compile everything again.
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

/// Adds a file, or all files below a folder, in the order of their names.
fn embed(root: &Path, path: &Path, list: &mut String) -> Result<()> {
    println!("cargo::rerun-if-changed={}", path.display());
    add(root, path, list)
}

fn add(root: &Path, path: &Path, list: &mut String) -> Result<()> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        let mut entries: Vec<PathBuf> =
            fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        entries.sort();
        return entries
            .iter()
            .filter(|entry| is_source(entry))
            .try_for_each(|entry| add(root, entry, list));
    }
    let name = path.strip_prefix(root).expect("every file is below the root");
    let is_executable = metadata.permissions().mode() & 0o100 != 0;
    writeln!(
        list,
        "EmbeddedFile {{ path: {:?}, is_executable: {is_executable}, content: include_bytes!({:?}) }},",
        name.to_str().expect("names of files are UTF-8"),
        path.to_str().expect("the path of the repository is UTF-8"),
    )
    .expect("a string takes everything");
    Ok(())
}

/// Files that begin with a dot are stored as `dot-NAME`, so those that do are left over from a build or an editor.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_output = path.is_dir() && BUILD_OUTPUT.contains(&name);
    !name.starts_with('.') && !is_output
}
