//! What the kernel tells of folders: `inotify(7)`.

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

/// Octets that are read at once: events of names of usual length, some dozens.
const BUFFER: usize = 4 << 10;

/// For how long events are collected. A busy folder, such as `/tmp` may be, wakes nobody more often.
const COLLECTED: Duration = Duration::from_millis(10);

/// What is told of every folder: that something in it comes, goes or is replaced, or it goes itself.
const STRUCTURE: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    // A folder that is watched already, by this path or another one, is told of as before.
    .union(WatchFlags::MASK_ADD);

/// What is told of the folder of a file, too.
const CONTENT: WatchFlags = WatchFlags::MODIFY.union(WatchFlags::CLOSE_WRITE);

/// A queue of the kernel's, and the folders that it tells of.
pub(super) struct Inotify {
    queue: AsyncFd<OwnedFd>,
    /// The names that matter, by the number that the kernel has given the folder.
    watched: HashMap<i32, BTreeSet<OsString>>,
}

/// What has happened. The later one says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Heard {
    /// Something on the way to a file is another one, perhaps.
    Structure,
    /// A file was written to. Its time may not tell: file systems count it in steps.
    Content,
}

impl Inotify {
    /// # Errors
    ///
    /// What the system says, if it has no queue for us.
    pub(super) fn start() -> std::io::Result<Self> {
        let queue = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` is open for as long as it lives, and always the same one.
        #[expect(unsafe_code, reason = "tokio registers descriptors in no other way")]
        let queue = unsafe { AsyncFd::register(queue) }?;
        Ok(Self { queue, watched: HashMap::new() })
    }

    /// Is told of these folders from now on, and of no others.
    ///
    /// # Errors
    ///
    /// The first folder that should be watched and cannot be. The others are.
    pub(super) fn watch<'a>(&mut self, folders: &'a Folders) -> Result<(), (&'a Path, Errno)> {
        let mut watched: HashMap<i32, BTreeSet<OsString>> = HashMap::new();
        let mut first = Ok(());
        // If there is not room for all, those that matter most are told of.
        let mut wanted: Vec<_> = folders.iter().collect();
        wanted.sort_by_key(|(_, folder)| Reverse(folder.role));
        for (path, folder) in wanted {
            let told = if folder.role == Role::Parent { STRUCTURE | CONTENT } else { STRUCTURE };
            match inotify::add_watch(&self.queue, path, told) {
                // The same folder may have two paths: one is mounted from the other.
                Ok(number) => {
                    watched.entry(number).or_default().extend(folder.names.iter().cloned())
                }
                // It went meanwhile, and whoever resolves the path again sees that.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                // Some may be passed through and not be listed: that is usual above a home.
                Err(Errno::ACCESS) if folder.role == Role::Ancestor => {}
                Err(error) => first = first.and(Err((path.as_path(), error))),
            }
        }
        let old = std::mem::replace(&mut self.watched, watched);
        for number in old.keys().filter(|number| !self.watched.contains_key(number)) {
            // The kernel does so itself when the folder goes.
            let _ = inotify::remove_watch(&self.queue, *number);
        }
        first
    }

    /// Waits until something happens that matters.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped: it waits before it reads, and not afterwards.
    pub(super) async fn hear(&self) -> Heard {
        loop {
            let Ok(mut ready) = self.queue.readable().await else {
                // The runtime ends.
                return std::future::pending().await;
            };
            sleep(COLLECTED).await;
            let heard = self.read();
            ready.clear_ready();
            if let Some(heard) = heard {
                return heard;
            }
        }
    }

    /// Empties the queue.
    fn read(&self) -> Option<Heard> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = Reader::new(&self.queue, &mut buffer);
        let mut heard = None;
        loop {
            match reader.next() {
                Ok(event) => heard = heard.max(self.heard(&event)),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return heard,
                // Nothing that is known of. Whoever looks sees what there is.
                Err(_) => return Some(Heard::Content),
            }
        }
    }

    fn heard(&self, event: &Event<'_>) -> Option<Heard> {
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Heard::Content);
        }
        let names = self.watched.get(&event.wd())?;
        match event.file_name() {
            None => Some(Heard::Structure),
            Some(name) if !names.contains(OsStr::from_bytes(name.to_bytes())) => None,
            Some(_) if event.events().contains(ReadFlags::MODIFY) => Some(Heard::Content),
            Some(_) => Some(Heard::Structure),
        }
    }
}
