//! The folder that keeps compiled components between runs. Several hosts may use it at the same time.

use std::fs::{DirBuilder, File, Metadata};
use std::io::{Error, ErrorKind, Read, Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

use super::key::Key;
use crate::guest::error::LoadError;

/// Write permission for the group and for all other users.
const OTHERS_WRITE: u32 = 0o022;

/// The two file extensions: one for complete files, and one for files that are still being written.
const COMPLETE: &str = "compiled";
const INCOMPLETE: &str = "part";

/// The maximum total size of the files, in bytes: enough for some 25 components with an interpreter. If the total is
/// larger, the least recently used files are removed.
const MAX_SIZE: u64 = 1 << 30;

/// The age at which an incomplete file counts as abandoned: the host that was writing it has probably been killed.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// The length of the hash at the beginning of each file, in bytes.
const HASH: usize = 32;

/// A folder of compiled components.
pub(super) struct Cache {
    /// The path, with symbolic links resolved.
    directory: PathBuf,
}

impl Cache {
    /// Opens the cache, and creates its folder if it is missing. If that fails, logs why and returns `None`. The server
    /// then works without a cache, and starts more slowly.
    pub(super) fn open(directory: &Path) -> Option<Self> {
        let opened = create(directory)
            .and_then(|()| check_private(&directory.metadata()?))
            .and_then(|()| directory.canonicalize());
        match opened {
            Ok(directory) => Some(Self { directory }),
            Err(error) => {
                tracing::warn!(
                    folder = %directory.display(),
                    "cannot use the compilation cache, so every start compiles the components again: {error}"
                );
                None
            }
        }
    }

    /// Checks the folder again before the cache is used, because it may have been removed or replaced since it was
    /// opened.
    ///
    /// # Errors
    ///
    /// An error if other users can write to the folder now.
    pub(super) fn check_again(&self) -> std::result::Result<(), LoadError> {
        // If this fails, there is no folder. In that case nothing is found in the cache, and nothing is kept in it.
        let _ = create(&self.directory);
        let checked = self.directory.metadata().map_or(Ok(()), |found| check_private(&found));
        checked.map_err(|cause| LoadError::Cache { directory: self.directory.clone(), cause })
    }

    /// Returns a compiled component. A damaged file is removed.
    pub(super) fn read(&self, key: &Key) -> Option<Vec<u8>> {
        let mut file = File::open(self.path(key)).ok()?;
        let mut hash = [0; HASH];
        let mut artifact = Vec::new();
        let complete = file.read_exact(&mut hash).and_then(|()| file.read_to_end(&mut artifact));
        if complete.is_err() || hash_of(&artifact) != hash {
            tracing::debug!(%key, "a file of the compilation cache is damaged: compiling again");
            self.remove(key);
            return None;
        }
        // The modification time records the last use of the file. Eviction removes the least recently used files.
        let _ = file.set_modified(SystemTime::now());
        Some(artifact)
    }

    /// Keeps a compiled component. If this fails, logs why.
    pub(super) fn write(&self, key: &Key, artifact: &[u8]) {
        let written = self.write_file(key, artifact).and_then(|()| self.evict(MAX_SIZE));
        if let Err(error) = written {
            let folder = self.directory.display();
            tracing::warn!(%folder, "a compiled component was not kept in the cache: {error}");
        }
    }

    pub(super) fn remove(&self, key: &Key) {
        let _ = std::fs::remove_file(self.path(key));
    }

    /// Writes the file under another name and then renames it, so that another host never sees an incomplete file.
    fn write_file(&self, key: &Key, artifact: &[u8]) -> Result<()> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{key}-{}-{number}.{INCOMPLETE}", std::process::id());
        let incomplete = self.directory.join(name);
        let written = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&incomplete)
            .and_then(|mut file| {
                file.write_all(&hash_of(artifact))?;
                file.write_all(artifact)
            })
            .and_then(|()| std::fs::rename(&incomplete, self.path(key)));
        if written.is_err() {
            let _ = std::fs::remove_file(&incomplete);
        }
        written
    }

    /// Removes abandoned files. Then removes the least recently used files, until the rest has at most `max` bytes.
    fn evict(&self, max: u64) -> Result<()> {
        let mut complete = Vec::new();
        for entry in self.directory.read_dir()? {
            let path = entry?.path();
            // Another host may have removed the file.
            let Ok(found) = path.symlink_metadata() else { continue };
            let Ok(used) = found.modified() else { continue };
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(COMPLETE) => complete.push((used, found.len(), path)),
                Some(INCOMPLETE) if used.elapsed().is_ok_and(|age| age > ABANDONED) => {
                    remove(&path)?
                }
                _ => {}
            }
        }
        complete.sort();
        let mut size: u64 = complete.iter().map(|(_, size, _)| size).sum();
        for (_, freed, path) in complete {
            if size <= max {
                break;
            }
            remove(&path)?;
            size -= freed;
        }
        Ok(())
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.directory.join(format!("{key}.{COMPLETE}"))
    }
}

fn hash_of(artifact: &[u8]) -> [u8; HASH] {
    Sha256::digest(artifact).into()
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn create(directory: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn check_private(directory: &Metadata) -> Result<()> {
    let is_ours = directory.uid() == rustix::process::geteuid().as_raw();
    if is_ours && directory.mode() & OTHERS_WRITE == 0 {
        Ok(())
    } else {
        Err(Error::other(
            "other users can write to this folder; give a private folder with --cache",
        ))
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::Engine;

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache, [Key; 3]) {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::open(&folder.path().join("cache")).expect("a private folder");
        let key = |component: &[u8]| Key::of(&Engine::default(), component);
        (folder, cache, [key(b"a"), key(b"b"), key(b"c")])
    }

    #[test]
    fn file_that_is_damaged_or_cut_is_not_found_and_removed() {
        let (_folder, cache, [key, ..]) = cache();
        let whole = || {
            cache.write(&key, b"code");
            std::fs::read(cache.path(&key)).expect("it was written")
        };
        assert_eq!(whole().len(), HASH + 4);
        assert_eq!(cache.read(&key).as_deref(), Some(&b"code"[..]));
        for length in 0..HASH + 4 {
            let cut = &whole()[..length];
            std::fs::write(cache.path(&key), cut).expect("a file");
            assert_eq!(cache.read(&key), None, "{length} bytes");
            assert!(!cache.path(&key).exists());
            let mut damaged = whole();
            damaged[length] ^= 1;
            std::fs::write(cache.path(&key), damaged).expect("a file");
            assert_eq!(cache.read(&key), None, "byte {length}");
        }
    }

    #[test]
    fn files_that_were_not_used_for_the_longest_time_are_evicted() -> Result<()> {
        let (_folder, cache, keys) = cache();
        let long_ago = SystemTime::now() - 2 * ABANDONED;
        for (key, minutes) in keys.iter().zip(0..) {
            cache.write(key, b"code");
            let used = long_ago + Duration::from_secs(60 * minutes);
            File::open(cache.path(key))?.set_modified(used)?;
        }
        let abandoned = cache.directory.join(format!("x.{INCOMPLETE}"));
        File::create(&abandoned)?.set_modified(long_ago)?;
        let in_progress = cache.directory.join(format!("y.{INCOMPLETE}"));
        File::create(&in_progress)?;
        assert!(cache.read(&keys[0]).is_some(), "its use counts from now on");
        cache.evict(2 * (HASH as u64 + 4))?;
        assert_eq!(keys.map(|key| cache.path(&key).exists()), [true, false, true]);
        assert!(!abandoned.exists() && in_progress.exists());
        Ok(())
    }
}
