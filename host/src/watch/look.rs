//! Looking at files: where they are now, and whether they are others than before.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::inotify::Inotify;
use super::resolve::{Folders, folders};

/// How often a look begins again because the way to a file has changed under its eyes. After that it is
/// somebody who goes on, and another look is taken in a while.
const ATTEMPTS: usize = 5;

/// Files, as they were when they were looked at last.
pub(super) struct Look {
    files: Vec<PathBuf>,
    seen: Vec<Option<Identity>>,
    listen: fn() -> std::io::Result<Inotify>,
    inotify: Option<Inotify>,
    /// Why not every change is told at once, if so.
    blind: Option<String>,
}

/// What a look has brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    pub(super) is_changed: bool,
    /// The way to the files was the same before and after the folders on it were watched.
    pub(super) is_stable: bool,
}

/// What tells a file from another one, and from itself after it was written to. The time of the last change
/// is beside that of the last writing for whoever sets the latter, and for permissions.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    length: u64,
    written: (i64, i64),
    changed: (i64, i64),
}

impl Look {
    /// At these files; `listen` asks the kernel for a queue.
    pub(super) fn new(files: Vec<PathBuf>, listen: fn() -> std::io::Result<Inotify>) -> Self {
        Self { files, seen: Vec::new(), listen, inotify: None, blind: None }
    }

    /// What tells of changes, if anything does.
    pub(super) fn inotify(&self) -> Option<&Inotify> {
        self.inotify.as_ref()
    }

    /// Why not every change is told at once, if so.
    #[cfg(test)]
    pub(super) fn blind(&self) -> Option<&str> {
        self.blind.as_deref()
    }

    /// Looks again, on a thread where nobody waits: a file system on a network may take long. `None` if the
    /// runtime ends.
    pub(super) async fn again(mut self) -> Option<(Self, Looked)> {
        let heard = self.listen();
        let look = move || {
            let looked = self.look(heard);
            (self, looked)
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(done) => Some(done),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => None,
        }
    }

    /// Asks for a queue, if there is none yet.
    fn listen(&mut self) -> Result<(), String> {
        if self.inotify.is_none() {
            let inotify = (self.listen)().map_err(|error| {
                format!(
                    "the system gives no inotify instance ({error}); raise the sysctl \
                     fs.inotify.max_user_instances, or the limit of open files"
                )
            })?;
            self.inotify = Some(inotify);
        }
        Ok(())
    }

    fn look(&mut self, listening: Result<(), String>) -> Looked {
        let mut way = folders(&self.files);
        let mut watched = Ok(());
        let mut is_stable = false;
        for _ in 0..ATTEMPTS {
            watched = self.watch(&way);
            // What was replaced before its folder was watched.
            let now = folders(&self.files);
            is_stable = now == way;
            // If there was no room for all: those that are not wanted any more have made some.
            if is_stable && watched.is_ok() {
                break;
            }
            way = now;
        }
        self.tell(listening.and(watched).err());
        let seen: Vec<_> = self.files.iter().map(|file| Identity::of(file)).collect();
        let is_changed = seen != self.seen;
        self.seen = seen;
        Looked { is_changed, is_stable }
    }

    fn watch(&mut self, way: &Folders) -> Result<(), String> {
        let Some(inotify) = &mut self.inotify else { return Ok(()) };
        inotify.watch(way).map_err(|(folder, error)| {
            let advice = match error {
                Errno::NOSPC => "; raise the sysctl fs.inotify.max_user_watches",
                Errno::ACCESS => "; the user of the server must be allowed to read this folder",
                _ => "",
            };
            format!("{} cannot be watched ({error}){advice}", folder.display())
        })
    }

    /// Says once that changes are not noticed at once, and once that they are again.
    fn tell(&mut self, blind: Option<String>) {
        if self.blind == blind {
            return;
        }
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let files = files.join(", ");
        match &blind {
            Some(why) => tracing::warn!(
                "changes of {files} may be noticed late, within {} seconds or with SIGHUP: {why}",
                super::LOOK.as_secs()
            ),
            None => tracing::info!("changes of {files} are noticed at once again"),
        }
        self.blind = blind;
    }
}

impl Identity {
    /// Nothing, if there is no such file. A pipe cannot be read again.
    fn of(file: &Path) -> Option<Self> {
        let found = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some(Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}
