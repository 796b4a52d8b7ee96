//! Noticing that files are replaced, however that is done: written, renamed onto, behind links that are
//! switched, in folders that are removed, made anew or exchanged.
//!
//! A path is resolved again after every event, and every folder on its way is watched.

mod inotify;
mod look;
mod resolve;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use self::inotify::{Heard, Inotify};
use self::look::{Look, Looked};

/// For how long nothing may happen to a file before it counts as written.
const SETTLED: Duration = Duration::from_millis(50);

/// For how long it may go on changing before it is looked at all the same. Shorter than what a reload waits
/// for the rest of a file, so that the reload hears of a file that grows slowly.
const UNSETTLED: Duration = Duration::from_millis(500);

/// How often files are looked at where nothing tells of changes: on network file systems, which tell of
/// changes by this machine alone, and after an error. A few system calls that often cost nothing, and
/// whoever replaces a file there waits no longer than for a restart.
const LOOK: Duration = Duration::from_secs(30);

/// Watches files. It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    changes: Arc<Notify>,
    _following: AbortOnDropHandle<()>,
}

/// Something has happened and may go on.
#[derive(Clone, Copy)]
struct Unsettled {
    since: Instant,
    last: Instant,
    /// The most that was heard of it.
    heard: Heard,
}

impl Watch {
    /// Watches from now on: whatever is read of the files afterwards is either current, or told as changed.
    /// If the system does not tell of changes, the log says so.
    ///
    /// # Cancel safety
    ///
    /// Nobody watches when the future is dropped.
    pub(crate) async fn start<'a>(files: impl IntoIterator<Item = &'a Path>) -> Self {
        Self::looking_every(LOOK, Inotify::start, files).await
    }

    async fn looking_every<'a>(
        interval: Duration,
        listen: fn() -> std::io::Result<Inotify>,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let changes = Arc::new(Notify::new());
        let look = Look::new(files.into_iter().map(PathBuf::from).collect(), listen);
        let first = look.again().await;
        let following = follow(first, interval, Arc::clone(&changes));
        Self { changes, _following: AbortOnDropHandle::new(tokio::spawn(following)) }
    }

    /// Waits until one of the files has changed and nothing more happens to them. What changed while
    /// nobody waited is told at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is forgotten when the future is dropped: the next call tells it.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
    }
}

/// Tells of changes, for ever. The first look has been taken, and is what changes are compared with.
async fn follow(first: Option<(Look, Looked)>, interval: Duration, changes: Arc<Notify>) {
    // Without one the runtime ends.
    let Some((mut look, looked)) = first else { return };
    let mut unsettled = looked.unsettled();
    let mut next = Instant::now() + interval;
    loop {
        let due = unsettled.map_or(next, |unsettled| unsettled.over().min(next));
        tokio::select! {
            heard = hear(look.inotify()) => {
                let now = Instant::now();
                let before = unsettled.unwrap_or(Unsettled { since: now, last: now, heard });
                unsettled = Some(Unsettled { last: now, heard: before.heard.max(heard), ..before });
            }
            () = sleep_until(due) => {
                let Some((same, looked)) = look.again().await else { return };
                look = same;
                let is_written = unsettled.is_some_and(|unsettled| unsettled.heard == Heard::Content);
                if is_written || looked.is_changed {
                    changes.notify_one();
                }
                unsettled = looked.unsettled();
                next = Instant::now() + interval;
            }
        }
    }
}

/// Never, where the system tells nothing.
async fn hear(inotify: Option<&Inotify>) -> Heard {
    match inotify {
        Some(inotify) => inotify.hear().await,
        None => pending().await,
    }
}

impl Unsettled {
    fn over(&self) -> Instant {
        (self.last + SETTLED).min(self.since + UNSETTLED)
    }
}

impl Looked {
    /// What was replaced while it was looked at is looked at again.
    fn unsettled(&self) -> Option<Unsettled> {
        let now = Instant::now();
        (!self.is_stable).then_some(Unsettled { since: now, last: now, heard: Heard::Structure })
    }
}
