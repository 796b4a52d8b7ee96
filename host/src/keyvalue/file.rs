//! The files of stores. All users of the same file in this process share one store.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::Mutex;
use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError};

use super::error::OpenError;
use super::store::Store;

/// How much of a file is cached in memory, in bytes.
const CACHE: usize = 8 << 20;

/// The first bytes of a file that is not empty (the "magic number" in redb's description of its format).
const MAGIC: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// The permissions of a new file. Others must not read it, because handlers may store secrets of their clients.
const MODE: u32 = 0o600;

/// The stores of this process. If a file is replaced by a different file, the new file has its own store.
static STORES: LazyLock<Mutex<Slots>> = LazyLock::new(Mutex::default);

/// The slots of files, by the device and the inode of each file.
type Slots = HashMap<(u64, u64), Arc<Mutex<Slot>>>;

/// The store of a file, if it is open.
#[derive(Default)]
struct Slot {
    store: Weak<Store>,
    /// The sender of this channel is dropped when the store has been closed.
    closed: Option<Receiver<()>>,
}

impl Slot {
    fn is_closed(&self) -> bool {
        let is_closed =
            |closed: &Receiver<()>| matches!(closed.try_recv(), Err(TryRecvError::Disconnected));
        self.closed.as_ref().is_none_or(is_closed)
    }
}

/// Opens a file as a store. If the file is already open, returns its store. Creates the file if it does not exist.
/// Blocks the thread, because a file is checked when it is opened after a crash.
///
/// # Errors
///
/// [`OpenError`].
pub(crate) fn open(path: &Path) -> Result<Arc<Store>, OpenError> {
    let slot = slot(create(path)?);
    let mut slot = slot.lock();
    if let Some(store) = slot.store.upgrade() {
        return Ok(store);
    }
    if let Some(closed) = slot.closed.take() {
        // The last user has dropped the store, and another thread is closing the file. This waits for that thread.
        let _ = closed.recv();
    }
    let (closing, closed) = sync_channel(0);
    let path = PathBuf::from(path);
    let store = Arc::new(Store::open(move || database(&path), closing)?);
    *slot = Slot { store: Arc::downgrade(&store), closed: Some(closed) };
    Ok(store)
}

/// Checks that a file could be opened as a store, or created. Unlike [`open`], it neither creates nor locks the file,
/// so that it disturbs no process that uses the file.
///
/// # Errors
///
/// [`OpenError`].
pub(crate) fn check(path: &Path) -> Result<(), OpenError> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    if !file.metadata()?.is_file() {
        return Err(OpenError::NotAFile);
    }
    let mut beginning = Vec::new();
    file.by_ref().take(MAGIC.len() as u64).read_to_end(&mut beginning)?;
    // A process that was killed may have left an empty file.
    if !beginning.is_empty() && beginning != MAGIC {
        return Err(OpenError::Foreign("its first bytes are not those of a store".to_owned()));
    }
    Ok(())
}

/// Creates the file unless it exists. Returns its device and inode, which identify it.
fn create(path: &Path) -> Result<(u64, u64), OpenError> {
    let new = OpenOptions::new().write(true).create_new(true).mode(MODE).open(path);
    match new.map(drop) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    let found = std::fs::metadata(path)?;
    match found.is_file() {
        true => Ok((found.dev(), found.ino())),
        false => Err(OpenError::NotAFile),
    }
}

fn slot(file: (u64, u64)) -> Arc<Mutex<Slot>> {
    let mut stores = STORES.lock();
    // If this is the only reference to a slot, no other thread holds its lock. So locking the slot here does not block.
    stores.retain(|_, slot| Arc::strong_count(slot) > 1 || !slot.lock().is_closed());
    Arc::clone(stores.entry(file).or_default())
}

fn database(path: &Path) -> Result<Database, OpenError> {
    let file: File = OpenOptions::new().read(true).write(true).open(path)?;
    let backend = FileBackend::new(file).map_err(open_error)?;
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE);
    builder.create_with_backend(backend).map_err(open_error)
}

fn open_error(error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse,
        DatabaseError::Storage(redb::StorageError::Io(error))
            if error.kind() != io::ErrorKind::InvalidData =>
        {
            OpenError::File(error)
        }
        other => OpenError::Foreign(other.to_string()),
    }
}
