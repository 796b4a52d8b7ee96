//! Notices that something may have changed in the folders of the sources: `inotify(7)`.
//!
//! Which files have changed is found out by looking at all of them (`sources.rs`), so an event carries no information,
//! and a lost one does no harm.

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

/// Files are looked at after this long without an event: an editor that saves all of its files, or a `git checkout`,
/// leads to one build.
const QUIET_PERIOD: Duration = Duration::from_millis(50);

/// Files are looked at after this time even if events continue.
const MAX_DELAY: Duration = Duration::from_millis(500);

/// How often files are looked at without an event: there are none for files on network file systems and in shared
/// folders of virtual machines, or after a limit of the system is reached.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// How many bytes are read at once: a few dozen events with names of usual length.
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
                "the kernel provides no inotify instance ({error}); raise the sysctl \
                 fs.inotify.max_user_instances"
            )),
        }
        watcher
    }

    /// Watches these folders in addition to those before. Folders that do not exist any more are no longer watched.
    pub(super) fn watch(&mut self, folders: &BTreeSet<PathBuf>) {
        let Some(queue) = self.queue.clone() else { return };
        for folder in folders {
            match inotify::add_watch(&queue, folder, EVENTS) {
                // A folder that was removed just now: its parent reports that.
                Ok(_) | Err(rustix::io::Errno::NOENT) => {}
                Err(error) => self.warn(&format!(
                    "{} cannot be watched ({error}); raise the sysctl fs.inotify.max_user_watches",
                    folder.display()
                )),
            }
        }
    }

    /// Waits until files should be looked at.
    ///
    /// # Cancel safety
    ///
    /// No event is lost unless the quiet period had begun.
    pub(super) async fn next(&self) {
        if timeout(CHECK_INTERVAL, self.events.notified()).await.is_err() {
            return;
        }
        let deadline = Instant::now() + MAX_DELAY;
        while Instant::now() < deadline
            && timeout(QUIET_PERIOD, self.events.notified()).await.is_ok()
        {
            // A busy folder wakes this task no more often than this.
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn warn(&mut self, why: &str) {
        if !self.is_warned {
            let seconds = CHECK_INTERVAL.as_secs();
            tracing::warn!("saved files may be noticed late, after up to {seconds} seconds: {why}");
            self.is_warned = true;
        }
    }
}

/// Starts the thread. It notifies of events until reading fails, which happens only if the kernel has no memory.
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
