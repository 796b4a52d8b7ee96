//! Builds a project whenever its sources have changed, one build at a time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;
use ws_host::ConfigReloader;

use super::command::{self, Failure, Outcome};
use super::project::Project;
use super::sources::{Compare, Sources};
use super::watcher::Watcher;
use crate::log::Log;

/// The file in which a project says what its build needs.
const README: &str = "README.md";

/// A project that is built repeatedly.
pub(super) struct Builder {
    project: Project,
    sources: Sources,
    watcher: Watcher,
    log: Log,
    stop: CancellationToken,
    /// Whether an earlier build is being served. If so, it continues to be served when the next build fails.
    is_served: bool,
    /// Whether a build has succeeded. If so, everything that the build needs is installed.
    has_built: bool,
    is_configuration_changed: bool,
    /// The sources that changed while the last build ran.
    changed_meanwhile: Vec<PathBuf>,
}

/// How a build ended. A success or failure has already been reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuildEnd {
    Succeeded,
    Failed,
    /// The program is about to exit.
    Stopped,
}

impl Builder {
    /// Opens the project in a folder, and watches its sources from now on.
    ///
    /// # Errors
    ///
    /// An error if the configuration is missing or invalid.
    pub(super) async fn open(folder: &Path, log: Log, stop: CancellationToken) -> Result<Self> {
        let project = Project::open(folder)?;
        for path in project.watched.iter().filter(|path| !path.exists()) {
            tracing::warn!(
                "`watch` in the table [dev] names {}, which does not exist yet",
                path.display()
            );
        }
        let mut builder = Self {
            project,
            sources: Sources::default(),
            watcher: Watcher::start(),
            log,
            stop,
            is_served: false,
            has_built: false,
            is_configuration_changed: false,
            changed_meanwhile: Vec::new(),
        };
        builder.refresh(Compare::Writes).await;
        if builder.sources.is_cut_off {
            tracing::warn!(
                "the project has too many files to watch all of them: in {}, set `watch` in the table [dev] to the \
                 files and folders of the sources",
                builder.project.file.display()
            );
        }
        Ok(builder)
    }

    /// Returns the configuration file.
    pub(super) fn configuration(&self) -> &Path {
        &self.project.file
    }

    /// Builds the project. Reports in one line how the build ended.
    pub(super) async fn build(&mut self) -> BuildEnd {
        self.build_because("").await
    }

    /// Waits until sources have changed, and builds the project. If sources changed while the last build ran, this
    /// function builds at once.
    pub(super) async fn build_after_change(&mut self) -> BuildEnd {
        let mut changed = std::mem::take(&mut self.changed_meanwhile);
        loop {
            if changed.contains(&self.project.file) && !self.read_configuration().await {
                // The sources can still be built with the old configuration.
                changed.retain(|path| *path != self.project.file);
            }
            if let Some(first) = changed.first() {
                let first = first.strip_prefix(&self.project.folder).unwrap_or(first);
                let change = format!(", after a change to {}", first.display());
                return self.build_because(&change).await;
            }
            tokio::select! {
                () = self.watcher.next() => {}
                () = self.stop.cancelled() => return BuildEnd::Stopped,
            }
            changed = self.refresh(Compare::Writes).await;
        }
    }

    /// Builds after every change, until the program is about to exit. A changed configuration is applied when the build
    /// has succeeded.
    pub(super) async fn keep_building(mut self, reloader: ConfigReloader) {
        self.is_served = true;
        loop {
            match self.build_after_change().await {
                BuildEnd::Stopped => return,
                BuildEnd::Failed => {}
                BuildEnd::Succeeded if std::mem::take(&mut self.is_configuration_changed) => {
                    // The reloader logs the outcome itself.
                    let _ = reloader.reload().await;
                }
                BuildEnd::Succeeded => {}
            }
        }
    }

    /// Writes a line to the terminal.
    pub(super) fn report(&self, text: &str) {
        self.log.report("INFO", text);
    }

    async fn build_because(&mut self, change: &str) -> BuildEnd {
        self.report(&format!("building{change}"));
        self.flush_log().await;
        let outcome = command::build(&self.project, &self.stop).await;
        // A build that rewrites a source file with the same content must not trigger another build. So during a build,
        // only changed contents count. Between builds, every save of a file triggers a build, even if the content stays
        // the same.
        self.changed_meanwhile = self.refresh(Compare::Contents).await;
        match outcome {
            Outcome::Stopped => BuildEnd::Stopped,
            Outcome::Built(took) => {
                self.has_built = true;
                self.report(&format!("built in {}{change}", seconds(took)));
                BuildEnd::Succeeded
            }
            Outcome::Failed(took, failure) => {
                let advice = self.advice(&failure);
                let why = failure.why;
                let next = if self.is_served {
                    "the last good build is still served"
                } else {
                    "save a file to build again"
                };
                let took = seconds(took);
                self.report(&format!("build failed in {took}{change}: {why}{advice}; {next}"));
                BuildEnd::Failed
            }
        }
    }

    /// Returns what to do about a failed build, if its output may not say so.
    fn advice(&self, failure: &Failure) -> &'static str {
        if failure.is_tool_missing {
            ": the project's README.md says what to install"
        } else if !self.has_built && self.project.folder.join(README).is_file() {
            " (the project's README.md says what the build needs)"
        } else {
            ""
        }
    }

    /// Reads a changed configuration. If it is invalid, reports that and returns false.
    async fn read_configuration(&mut self) -> bool {
        match Project::open(&self.project.folder) {
            Ok(project) => {
                self.project = project;
                self.is_configuration_changed = true;
                // The new configuration may name other files.
                self.refresh(Compare::Writes).await;
                true
            }
            Err(error) => {
                self.report(&format!("{error:#}"));
                false
            }
        }
    }

    /// Checks all sources on a blocking thread, and watches the folders that are new. Returns the files that have
    /// changed.
    async fn refresh(&mut self, compare: Compare) -> Vec<PathBuf> {
        let (mut sources, project) = (std::mem::take(&mut self.sources), self.project.clone());
        let refresh = move || {
            let changed = sources.refresh(&project, compare);
            (sources, changed)
        };
        match spawn_blocking(refresh).await {
            Ok((sources, changed)) => {
                self.sources = sources;
                self.watcher.watch(&self.sources.folders);
                changed
            }
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down, so the result does not matter.
            Err(_) => Vec::new(),
        }
    }

    /// Waits until the log is written, so that the output of the build comes after the log lines.
    async fn flush_log(&self) {
        let log = self.log.clone();
        // This fails only if the runtime is shutting down.
        let _ = spawn_blocking(move || log.finish()).await;
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
