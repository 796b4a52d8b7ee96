//! Uses `inotify(7)` to notice that something may have changed in the source folders.
//!
//! `sources.rs` checks all files to find out which of them have changed. So the content of an event does not matter,
//! and a lost event does no harm.

use std::collections::BTreeSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Files are checked when there has been no event for this long. So if an editor saves all of its files, or `git
/// checkout` writes many, there is only one build.
const QUIET_PERIOD: Duration = Duration::from_millis(50);

/// The maximum time from the first event until the files are checked, even if events keep arriving.
const MAX_DELAY: Duration = Duration::from_millis(500);

/// How often files are checked even if there are no events. There are no events for files on network file systems and
/// in shared folders of virtual machines. There are also none when a limit of the system is reached.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// How many bytes are read at once. This is enough for a few dozen events with names of usual length.
const BUFFER_SIZE: usize = 4 << 10;

const EVENTS: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::ONLYDIR);

/// Watches folders until the program exits.
pub(super) struct Watcher {
    queue: Option<Arc<OwnedFd>>,
    events: Arc<Notify>,
    is_warned: bool,
}

impl Watcher {
    /// Starts a thread that waits for events.
    pub(super) fn start() -> Self {
        let events = Arc::new(Notify::new());
        let queue = start_thread(Arc::clone(&events));
        let mut watcher = Self { queue: None, events, is_warned: false };
        match queue {
            Ok(queue) => watcher.queue = Some(queue),
            Err(error) => watcher.warn(&format!(
                "cannot create an inotify instance ({error}); raise the sysctl \
                 fs.inotify.max_user_instances, or the limit on open files"
            )),
        }
        watcher
    }

    /// Watches these folders in addition to the earlier ones. Folders that no longer exist are no longer watched.
    pub(super) fn watch(&mut self, folders: &BTreeSet<PathBuf>) {
        let Some(queue) = self.queue.clone() else { return };
        for folder in folders {
            match inotify::add_watch(&queue, folder, EVENTS) {
                // If a folder has just been removed, an event for its parent folder reports the removal.
                Ok(_) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => self.warn(&format!(
                    "cannot watch {} ({error}); raise the sysctl fs.inotify.max_user_watches",
                    folder.display()
                )),
            }
        }
    }

    /// Waits until the files should be checked.
    ///
    /// # Cancel safety
    ///
    /// No event is lost, unless the quiet period has already begun.
    pub(super) async fn next(&self) {
        if timeout(CHECK_INTERVAL, self.events.notified()).await.is_err() {
            return;
        }
        let deadline = Instant::now() + MAX_DELAY;
        while Instant::now() < deadline
            && timeout(QUIET_PERIOD, self.events.notified()).await.is_ok()
        {
            // With this pause, a busy folder does not wake the task more than once a millisecond.
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn warn(&mut self, why: &str) {
        if !self.is_warned {
            let seconds = CHECK_INTERVAL.as_secs();
            tracing::warn!("a changed file may be noticed up to {seconds} seconds late: {why}");
            self.is_warned = true;
        }
    }
}

/// Starts the thread that reports events. It ends when reading fails, which happens only if the kernel is out of
/// memory.
fn start_thread(events: Arc<Notify>) -> io::Result<Arc<OwnedFd>> {
    let queue = Arc::new(inotify::init(CreateFlags::CLOEXEC)?);
    let ours = Arc::clone(&queue);
    let notify = move || {
        let mut buffer = [MaybeUninit::uninit(); BUFFER_SIZE];
        let mut reader = Reader::new(&*ours, &mut buffer);
        while reader.next().is_ok() {
            events.notify_one();
        }
    };
    std::thread::Builder::new().name("watch".into()).spawn(notify)?;
    Ok(queue)
}
