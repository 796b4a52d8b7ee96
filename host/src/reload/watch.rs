//! Noticing that a file has changed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::event::EventKind;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::timeout;

/// For how long nothing may happen to a file before it counts as written.
const SETTLED: Duration = Duration::from_millis(50);

/// How often in a row it may change before it is looked at all the same.
const MAX_CHANGES: usize = 40;

/// Watches files, however they are replaced: written, renamed onto, or behind a symbolic link.
pub(crate) struct Watch {
    changes: Arc<Notify>,
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// # Errors
    ///
    /// What the system says if it does not tell of changes.
    pub(crate) fn start<'a>(files: impl IntoIterator<Item = &'a Path>) -> notify::Result<Self> {
        let changes = Arc::new(Notify::new());
        // The files of these names, and what they are links to.
        let both = |file: &Path| [Some(file.to_owned()), file.canonicalize().ok()];
        let files: Vec<PathBuf> = files.into_iter().flat_map(both).flatten().collect();
        let names: BTreeSet<OsString> =
            files.iter().filter_map(|file| Some(file.file_name()?.to_owned())).collect();
        let notified = Arc::clone(&changes);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_change(&event, &names)) {
                notified.notify_one();
            }
        })?;
        // The folders and not the files, which may be replaced by others of their names.
        let folders: BTreeSet<PathBuf> = files.iter().map(|file| folder(file)).collect();
        for folder in folders {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
        }
        Ok(Self { changes, _watcher: watcher })
    }

    /// Waits until one of the files has changed and nothing more happens to them.
    ///
    /// # Cancel safety
    ///
    /// A change that was seen may be forgotten when the future is dropped.
    pub(crate) async fn changed(&self) {
        self.changes.notified().await;
        for _ in 0..MAX_CHANGES {
            if timeout(SETTLED, self.changes.notified()).await.is_err() {
                return;
            }
        }
    }
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn is_change(event: &Event, names: &BTreeSet<OsString>) -> bool {
    !matches!(event.kind, EventKind::Access(_))
        && event.paths.iter().any(|path| path.file_name().is_some_and(|name| names.contains(name)))
}
