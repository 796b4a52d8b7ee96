//! Checks whether files have changed since the last check.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::inotify::Inotify;
use super::resolve::{Folders, folders_on_paths};

/// The maximum number of attempts in a check. Another attempt is made if a path changed during the last one, or if a
/// folder could not be watched. If a path changes during every attempt, something must be changing the paths all the
/// time, and the caller checks again later.
const MAX_ATTEMPTS: usize = 5;

/// The watched files, as they were at the last check.
pub(super) struct Checker {
    files: Vec<PathBuf>,
    seen: Vec<Option<Identity>>,
    start_inotify: fn() -> std::io::Result<Inotify>,
    inotify: Option<Inotify>,
    /// The reason why some changes are noticed late, if there is one.
    degraded: Option<String>,
}

/// The result of a check.
#[derive(Clone, Copy, Debug)]
pub(super) struct CheckResult {
    pub(super) is_changed: bool,
    /// Whether the paths resolved to the same folders before and after the folders were watched.
    pub(super) is_stable: bool,
}

/// The metadata that a check compares to detect that a file was replaced or written to.
///
/// The change time (ctime) reveals a change of permissions. It also reveals a write if the modification time (mtime)
/// was reset afterwards.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Checker {
    /// Creates a checker for these files. It calls `start_inotify` when it needs an inotify instance.
    pub(super) fn new(
        files: Vec<PathBuf>,
        start_inotify: fn() -> std::io::Result<Inotify>,
    ) -> Self {
        Self { files, seen: Vec::new(), start_inotify, inotify: None, degraded: None }
    }

    /// Returns the inotify instance, if the kernel provided one.
    pub(super) fn inotify(&self) -> Option<&Inotify> {
        self.inotify.as_ref()
    }

    /// Returns why some changes are noticed late, if there is a reason.
    #[cfg(test)]
    pub(super) fn degraded(&self) -> Option<&str> {
        self.degraded.as_deref()
    }

    /// Checks the files on a blocking thread, because a network file system may be slow. Returns `None` if the runtime
    /// is shutting down.
    pub(super) async fn check(mut self) -> Option<(Self, CheckResult)> {
        let started = self.ensure_inotify();
        let check = move || {
            let result = self.check_blocking(started);
            (self, result)
        };
        match tokio::task::spawn_blocking(check).await {
            Ok(done) => Some(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }

    /// Creates the inotify instance unless it exists.
    fn ensure_inotify(&mut self) -> Result<(), String> {
        if self.inotify.is_none() {
            let inotify = (self.start_inotify)().map_err(|error| {
                format!(
                    "cannot create an inotify instance ({error}); raise the sysctl \
                     fs.inotify.max_user_instances, or the limit on open files"
                )
            })?;
            self.inotify = Some(inotify);
        }
        Ok(())
    }

    fn check_blocking(&mut self, started: Result<(), String>) -> CheckResult {
        let mut folders = folders_on_paths(&self.files);
        let mut watched = Ok(());
        let mut is_stable = false;
        for _ in 0..MAX_ATTEMPTS {
            watched = self.watch(&folders);
            // A part of a path may have been replaced before its folder was watched.
            let current = folders_on_paths(&self.files);
            is_stable = current == folders;
            // If watching failed, the next attempt may succeed, because this attempt has released watches that are no
            // longer needed.
            if is_stable && watched.is_ok() {
                break;
            }
            folders = current;
        }
        self.set_degraded(started.and(watched).err());
        let seen: Vec<_> = self.files.iter().map(|file| Identity::of(file)).collect();
        let is_changed = seen != self.seen;
        self.seen = seen;
        CheckResult { is_changed, is_stable }
    }

    fn watch(&mut self, folders: &Folders) -> Result<(), String> {
        let Some(inotify) = &mut self.inotify else { return Ok(()) };
        inotify.watch(folders).map_err(|(folder, error)| {
            let advice = match error {
                Errno::NOSPC => "; raise the sysctl fs.inotify.max_user_watches",
                Errno::ACCESS => "; allow the user of the server to read this folder",
                _ => "",
            };
            format!("{} cannot be watched ({error}){advice}", folder.display())
        })
    }

    /// Sets the reason why some changes may be noticed late, if there is one. Logs a warning if the reason is new. Logs
    /// a line if there is no longer a reason.
    fn set_degraded(&mut self, degraded: Option<String>) {
        if self.degraded == degraded {
            return;
        }
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let files = files.join(", ");
        match &degraded {
            Some(why) => tracing::warn!(
                "changes to {files} may be noticed late, after up to {} seconds or on SIGHUP: {why}",
                super::CHECK_INTERVAL.as_secs()
            ),
            None => tracing::info!("changes to {files} are noticed without delay again"),
        }
        self.degraded = degraded;
    }
}

impl Identity {
    /// Returns the identity of a file. Returns `None` if there is no regular file. Pipes are not supported, because
    /// they cannot be read twice.
    fn of(file: &Path) -> Option<Self> {
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}
