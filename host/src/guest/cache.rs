//! Where compiled components are kept between runs.

use std::fs::{DirBuilder, Metadata};
use std::io::{Error, Result};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use wasmtime::{Cache, CacheConfig};

/// Write permission for the group and for all others.
const OTHERS_WRITE: u32 = 0o022;

/// Opens the cache, or tells the log why there is none: the server starts more slowly then.
pub(super) fn open(folder: &Path) -> Option<Cache> {
    let opened = prepare(folder).map_err(wasmtime::Error::from).and_then(|()| {
        let mut config = CacheConfig::new();
        config.with_directory(folder);
        Cache::new(config)
    });
    opened
        .inspect_err(|error| {
            tracing::warn!(folder = %folder.display(), "no compilation cache: {error:#}");
        })
        .ok()
}

/// What lies in the cache is run as native code: only this user may be able to write to it.
fn prepare(folder: &Path) -> Result<()> {
    create(folder)?;
    private(&folder.metadata()?)
}

/// To be called before anything is looked for there: the folder may have been removed since it was opened.
///
/// # Errors
///
/// Others can write to it now.
pub(super) fn check_again(folder: &Path) -> Result<()> {
    // Where there is none, nothing is found. Compilation goes on without it.
    let _ = create(folder);
    folder.metadata().map_or(Ok(()), |found| private(&found))
}

fn create(folder: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn private(folder: &Metadata) -> Result<()> {
    let is_ours = folder.uid() == rustix::process::geteuid().as_raw();
    if is_ours && folder.mode() & OTHERS_WRITE == 0 {
        Ok(())
    } else {
        Err(Error::other("others can write to this folder; give a private one with --cache"))
    }
}
