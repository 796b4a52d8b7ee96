//! Notices every kind of change to a file: a write, a replacement by a rename, a switched symbolic link on its path,
//! and the removal, recreation or exchange of a folder on its path.
//!
//! After every inotify event, each path is resolved again, and every folder on the path is watched.

mod check;
mod inotify;
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

use self::check::{CheckResult, Checker};
use self::inotify::{Change, Inotify};

/// A file counts as completely written when it has not changed for this long.
const QUIET_PERIOD: Duration = Duration::from_millis(50);

/// A file that keeps changing is checked after this time. The time must be shorter than `reload::WRITE_GRACE_PERIOD`,
/// so that a reload that waits for a slowly growing file is still notified.
const MAX_DELAY: Duration = Duration::from_millis(500);

/// How often files are checked even if there is no event. Network file systems report only changes that are made by
/// this machine, and after an error no changes are reported. A check costs a few system calls. With this interval, a
/// replaced file is noticed in about the time that a restart would take.
const CHECK_INTERVAL: Duration = Duration::from_secs(30);

/// Watches files until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    changes: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

/// A change that may not be complete yet.
#[derive(Clone, Copy)]
struct Unsettled {
    first: Instant,
    last: Instant,
    /// The highest kind of change so far.
    change: Change,
}

impl Watch {
    /// Begins to watch. If a file changes after its content was read, [`Watch::changed`] reports it. If the kernel
    /// cannot report changes, logs a warning.
    ///
    /// # Cancel safety
    ///
    /// Nothing is watched when the future is dropped.
    pub(crate) async fn start<'a>(files: impl IntoIterator<Item = &'a Path>) -> Self {
        Self::with_interval(CHECK_INTERVAL, Inotify::start, files).await
    }

    async fn with_interval<'a>(
        interval: Duration,
        start_inotify: fn() -> std::io::Result<Inotify>,
        files: impl IntoIterator<Item = &'a Path>,
    ) -> Self {
        let changes = Arc::new(Notify::new());
        let files = files.into_iter().map(PathBuf::from).collect();
        let first_check = Checker::new(files, start_inotify).check().await;
        let task = notify_of_changes(first_check, interval, Arc::clone(&changes));
        Self { changes, _task: AbortOnDropHandle::new(tokio::spawn(task)) }
    }

    /// Waits until one of the files has changed and the change has settled. Returns at once if a change has settled
    /// since the last call.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped, because the next call reports it.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
    }
}

/// Checks the files after every event and at every interval. Notifies of changes since the last check. Never ends.
async fn notify_of_changes(
    first_check: Option<(Checker, CheckResult)>,
    interval: Duration,
    changes: Arc<Notify>,
) {
    // There is no result if the runtime is shutting down.
    let Some((mut checker, result)) = first_check else { return };
    let mut unsettled = result.unsettled();
    let mut next = Instant::now() + interval;
    loop {
        let due = unsettled.map_or(next, |unsettled| unsettled.due().min(next));
        tokio::select! {
            change = next_change(checker.inotify()) => {
                let now = Instant::now();
                let before = unsettled.unwrap_or(Unsettled { first: now, last: now, change });
                unsettled = Some(Unsettled { last: now, change: before.change.max(change), ..before });
            }
            () = sleep_until(due) => {
                let Some((same, result)) = checker.check().await else { return };
                checker = same;
                let is_written = unsettled.is_some_and(|unsettled| unsettled.change == Change::Content);
                if is_written || result.is_changed {
                    changes.notify_one();
                }
                unsettled = result.unsettled();
                next = Instant::now() + interval;
            }
        }
    }
}

/// Waits for a change. Waits forever without inotify.
async fn next_change(inotify: Option<&Inotify>) -> Change {
    match inotify {
        Some(inotify) => inotify.next_change().await,
        None => pending().await,
    }
}

impl Unsettled {
    /// Returns when to check the files.
    fn due(&self) -> Instant {
        (self.last + QUIET_PERIOD).min(self.first + MAX_DELAY)
    }
}

impl CheckResult {
    /// If a path changed during this check, returns a change that triggers another check.
    fn unsettled(&self) -> Option<Unsettled> {
        let now = Instant::now();
        (!self.is_stable).then_some(Unsettled { first: now, last: now, change: Change::Structure })
    }
}
