//! The cache that keeps compiled components between runs.

use std::fs::{DirBuilder, Metadata};
use std::io::{Error, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use wasmtime::{Cache, CacheConfig};

/// Write permission for the group and for all other users.
const OTHERS_WRITE: u32 = 0o022;

/// Opens the cache. If that fails, logs why and returns `None`: the server then starts more slowly.
pub(super) fn open(directory: &Path) -> Option<Cache> {
    let opened = prepare(directory).map_err(wasmtime::Error::from).and_then(|()| {
        let mut config = CacheConfig::new();
        config.with_directory(directory);
        Cache::new(config)
    });
    opened
        .inspect_err(|error| {
            tracing::warn!(folder = %directory.display(), "no compilation cache: {error:#}");
        })
        .ok()
}

/// Creates the directory if it is missing. Its content is run as native code, so only this user may be able to write
/// to it.
fn prepare(directory: &Path) -> Result<()> {
    create(directory)?;
    check_private(&directory.metadata()?)
}

/// Checks the directory again before the cache is used: it may have been removed or replaced since it was opened.
///
/// # Errors
///
/// Other users can write to the directory now.
pub(super) fn check_again(directory: &Path) -> Result<()> {
    // Without a directory, the cache finds nothing, and compilation works without a cache.
    let _ = create(directory);
    directory.metadata().map_or(Ok(()), |found| check_private(&found))
}

fn create(directory: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn check_private(directory: &Metadata) -> Result<()> {
    let is_ours = directory.uid() == rustix::process::geteuid().as_raw();
    if is_ours && directory.mode() & OTHERS_WRITE == 0 {
        Ok(())
    } else {
        Err(Error::other("others can write to this folder; give a private one with --cache"))
    }
}
