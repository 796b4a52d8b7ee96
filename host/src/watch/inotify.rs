//! Receives events about changes in folders from the kernel: `inotify(7)`.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, Event, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;

use super::resolve::{Folders, Role};

/// How many bytes are read at once. This is enough for a few dozen events with names of usual length.
const BUFFER_SIZE: usize = 4 << 10;

/// How long events are collected before they are read. Even a busy folder such as `/tmp` wakes the task at most once in
/// this time.
const BATCH_TIME: Duration = Duration::from_millis(10);

/// The events that are watched in every folder: an entry appears, disappears or is replaced, or the folder itself is
/// removed or moved.
const STRUCTURE_EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    // If the folder is already watched, by this path or another one, this adds to the events that are already watched.
    .union(WatchFlags::MASK_ADD);

/// The additional events of a folder that contains a watched file.
const CONTENT_EVENTS: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::CLOSE_WRITE);

/// An inotify instance, and the folders that it watches.
pub(super) struct Inotify {
    queue: AsyncFd<OwnedFd>,
    /// The names to watch for in each folder, by watch descriptor.
    watched: HashMap<i32, BTreeSet<OsString>>,
}

/// The kind of a change. The kinds are ordered. Several changes count as one change of the highest kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    /// An entry on the path to a file may have been replaced.
    Structure,
    /// A file was written to. Its modification time may be the same as before, because file systems store it in coarse
    /// steps.
    Content,
}

impl Inotify {
    /// Creates an inotify instance that watches nothing yet.
    ///
    /// # Errors
    ///
    /// The error of the system call, for example if the limit on instances is reached.
    pub(super) fn start() -> std::io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` keeps its descriptor open for as long as it lives, and always returns the same one.
        #[expect(unsafe_code, reason = "tokio has no safe way to register a descriptor")]
        let queue = unsafe { AsyncFd::register(queue) }?;
        Ok(Self { queue, watched: HashMap::new() })
    }

    /// Watches these folders from now on, and no other folders.
    ///
    /// # Errors
    ///
    /// An error for the first folder that cannot be watched. Folders that have disappeared, and unreadable ancestors,
    /// cause no error. Even after an error, the other folders are watched.
    pub(super) fn watch<'a>(&mut self, folders: &'a Folders) -> Result<(), (&'a Path, Errno)> {
        let mut watched: HashMap<i32, BTreeSet<OsString>> = HashMap::new();
        let mut result = Ok(());
        // The most important folders come first, so that they are watched even if the limit on watches is reached.
        let mut wanted: Vec<_> = folders.iter().collect();
        wanted.sort_by_key(|(_, folder)| Reverse(folder.role));
        for (path, folder) in wanted {
            let events = match folder.role {
                Role::FileParent => STRUCTURE_EVENTS | CONTENT_EVENTS,
                Role::Ancestor | Role::LinkParent => STRUCTURE_EVENTS,
            };
            match inotify::add_watch(&self.queue, path, events) {
                // Two paths may have the same descriptor, because a folder may be mounted in two places.
                Ok(descriptor) => {
                    watched.entry(descriptor).or_default().extend(folder.names.iter().cloned())
                }
                // The folder has disappeared in the meantime. The caller resolves the path again, and notices that.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                // Some folders can be traversed but not read. Usually they are above a home directory.
                Err(Errno::ACCESS) if folder.role == Role::Ancestor => {}
                Err(error) => result = result.and(Err((path.as_path(), error))),
            }
        }
        let old = std::mem::replace(&mut self.watched, watched);
        for descriptor in old.keys().filter(|key| !self.watched.contains_key(key)) {
            // This fails if the folder is gone. The kernel has then removed the watch.
            let _ = inotify::remove_watch(&self.queue, *descriptor);
        }
        result
    }

    /// Waits for a change on the path to a watched file.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped, because all waiting happens before the read.
    pub(super) async fn next_change(&self) -> Change {
        loop {
            let Ok(mut ready) = self.queue.readable().await else {
                // The runtime is shutting down.
                return std::future::pending().await;
            };
            sleep(BATCH_TIME).await;
            let change = self.read_events();
            ready.clear_ready();
            if let Some(change) = change {
                return change;
            }
        }
    }

    /// Reads all events in the queue. Returns the most significant kind of change among them.
    fn read_events(&self) -> Option<Change> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER_SIZE];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut change = None;
        loop {
            match reader.next() {
                Ok(event) => change = change.max(self.classify(&event)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return change,
                // No other error is expected. The change that is returned here makes the caller check all files.
                Err(_) => return Some(Change::Content),
            }
        }
    }

    /// Returns the kind of change that an event reports. Returns `None` if the event concerns none of the watched
    /// names.
    fn classify(&self, event: &Event<'_>) -> Option<Change> {
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Change::Content);
        }
        let names = self.watched.get(&event.wd())?;
        match event.file_name() {
            None => Some(Change::Structure),
            Some(name) if !names.contains(OsStr::from_bytes(name.to_bytes())) => None,
            Some(_) if event.events().contains(ReadFlags::MODIFY) => Some(Change::Content),
            Some(_) => Some(Change::Structure),
        }
    }
}
