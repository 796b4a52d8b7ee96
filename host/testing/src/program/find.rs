//! Finds the scripts.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The folder with the scripts of a project.
const FOLDER: &str = "tests";

/// Returns the given scripts, and the scripts in the given folders. If none are given, returns the scripts of the
/// project.
pub(super) fn scripts(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    if given.is_empty() {
        let found = in_folder(Path::new(FOLDER)).unwrap_or_default();
        if found.is_empty() {
            bail!(
                "there are no test scripts ({FOLDER}/*.toml) in this folder: run `ws-host test` in the folder of a \
                 project, or name the scripts on the command line"
            );
        }
        return Ok(found);
    }
    let mut scripts = Vec::new();
    for path in given {
        if path.is_dir() {
            let found = in_folder(path)?;
            if found.is_empty() {
                bail!("there are no test scripts (*.toml) in {}", path.display());
            }
            scripts.extend(found);
        } else {
            scripts.push(path.clone());
        }
    }
    Ok(scripts)
}

/// Returns the TOML files in a folder, sorted.
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = folder.read_dir().with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot read {}", folder.display()))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
