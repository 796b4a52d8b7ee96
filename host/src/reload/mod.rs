//! Hot reload: from a new file, or the wish of somebody, to new code in every actor.

mod watch;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::watch::Watch;
use crate::actor::Swaps;
use crate::guest::{self, LoadError, Runtime, Source, Template};
use crate::resource::Resource;

/// How long a file may stay broken before that is an error and not somebody who is still writing.
const HALF_WRITTEN: Duration = Duration::from_secs(1);

/// How many wishes may wait for the reload that is under way. More are refused.
const MAX_WISHES: usize = 16;

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reload {
    /// The file is what is served already.
    Unchanged {
        /// The beginning of its SHA-256.
        hash: String,
    },
    /// New code is served.
    Replaced(Replaced),
}

/// What changed with a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replaced {
    /// The beginning of the SHA-256 of the component that was served before.
    pub old: String,
    /// The same of the one that is served now.
    pub new: String,
    /// Instances that were replaced.
    pub swapped: usize,
    /// Instances that go on with the old code, because the new could not take their state.
    pub kept: usize,
    /// Instances that failed in the middle: their next event meets a fresh one.
    pub lost: usize,
    /// For how long one of them served nobody, at most.
    pub longest_pause: Duration,
    /// From reading the file to the last instance.
    pub took: Duration,
}

/// Why nothing was reloaded. What was served before still is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The component cannot be served.
    #[error("{0}")]
    Component(String),
    /// Too many ask at once.
    #[error("a reload is under way, and enough wait for the next one")]
    Busy,
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
}

/// Asks a server to reload.
#[derive(Clone, Debug)]
pub struct Reloader {
    wishes: mpsc::Sender<Wish>,
}

type Wish = oneshot::Sender<Result<Reload, ReloadError>>;

/// Reloads a resource, one time after the other.
pub(crate) struct Reloads {
    pub(crate) resource: Arc<Resource>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) component: PathBuf,
    pub(crate) limits: guest::Limits,
    wishes: mpsc::Receiver<Wish>,
    watch: Option<Watch>,
}

impl Reloader {
    /// Reads the component again, and serves it if it changed.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; what was served before still is.
    ///
    /// # Cancel safety
    ///
    /// The reload goes on when the future is dropped.
    pub async fn reload(&self) -> Result<Reload, ReloadError> {
        let (answer_to, answer) = oneshot::channel();
        self.wishes.try_send(answer_to).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReloadError::Busy,
            mpsc::error::TrySendError::Closed(_) => ReloadError::Stopped,
        })?;
        answer.await.unwrap_or(Err(ReloadError::Stopped))
    }
}

impl Reloads {
    pub(crate) fn new(
        resource: Arc<Resource>,
        runtime: Arc<Runtime>,
        component: PathBuf,
        limits: guest::Limits,
    ) -> (Self, Reloader) {
        let (sender, wishes) = mpsc::channel(MAX_WISHES);
        let reloads = Self { resource, runtime, component, limits, wishes, watch: None };
        (reloads, Reloader { wishes: sender })
    }

    /// Reloads from now on whenever the file changes. If the system does not tell of changes, the log
    /// says so.
    pub(crate) fn watch(&mut self) {
        match Watch::start(&self.component) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => tracing::warn!(
                "changes of {} go unnoticed, SIGHUP reloads it: {error}",
                self.component.display()
            ),
        }
    }

    /// Reloads whenever it is to be, for ever.
    ///
    /// # Cancel safety
    ///
    /// A reload that is under way may be left in the middle: some actors swapped, others before their
    /// next event.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                wish = self.wishes.recv() => {
                    let Some(answer_to) = wish else { return self.follow_file_alone().await };
                    let outcome = self.reload().await;
                    tell(&outcome);
                    // Nobody may wait for it any more.
                    let _ = answer_to.send(outcome);
                }
                () = changed(&self.watch) => self.follow().await,
            }
        }
    }

    async fn follow_file_alone(&mut self) {
        loop {
            changed(&self.watch).await;
            self.follow().await;
        }
    }

    /// The file has changed. While it is being written it may be broken, or not be there.
    async fn follow(&mut self) {
        loop {
            let outcome = self.reload().await;
            let Err(error) = &outcome else { return tell(&outcome) };
            tracing::debug!("perhaps the component is still being written: {error}");
            if timeout(HALF_WRITTEN, changed(&self.watch)).await.is_err() {
                // Nothing has happened to it for a while: so this is how it is meant.
                return tell(&self.reload().await);
            }
        }
    }

    async fn reload(&self) -> Result<Reload, ReloadError> {
        let began = Instant::now();
        let old = self.resource.code().template();
        let path = self.component.clone();
        let source = off_the_workers(move || Source::read(&path)).await?;
        if source.hash() == old.hash() {
            return Ok(Reload::Unchanged { hash: old.hash().to_owned() });
        }
        let (runtime, limits) = (Arc::clone(&self.runtime), self.limits);
        let new = off_the_workers(move || Template::compile(&runtime, source, limits)).await?;
        new.try_out().await.map_err(|error| told(&error))?;
        if old.has_lifecycle() && !new.has_lifecycle() {
            tracing::warn!(
                component = new.name(),
                "the new component has no `lifecycle`: it begins without the state of the old one"
            );
        }
        self.resource.code().replace(Arc::clone(&new));
        self.resource.refresh().await;
        let Swaps { swapped, kept, lost, longest_pause } = self.resource.code().swaps();
        let (old, new) = (old.hash().to_owned(), new.hash().to_owned());
        let took = began.elapsed();
        Ok(Reload::Replaced(Replaced { old, new, swapped, kept, lost, longest_pause, took }))
    }
}

/// Never, if nobody watches.
async fn changed(watch: &Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Files and compilation take long: on a thread where nobody else waits.
async fn off_the_workers<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LoadError> + Send + 'static,
) -> Result<T, ReloadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|error| told(&error)),
        Err(error) => Err(ReloadError::Component(error.to_string())),
    }
}

/// An error with its causes.
fn told(error: &dyn std::error::Error) -> ReloadError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    ReloadError::Component(text)
}

fn tell(outcome: &Result<Reload, ReloadError>) {
    let name = match outcome {
        Ok(Reload::Unchanged { hash }) => {
            tracing::info!(hash, "the component has not changed");
            "unchanged"
        }
        Ok(Reload::Replaced(replaced)) => {
            let Replaced { old, new, swapped, kept, lost, longest_pause, took } = replaced;
            tracing::info!(
                old,
                new,
                swapped,
                kept,
                lost,
                ?longest_pause,
                ?took,
                "reloaded the component"
            );
            "replaced"
        }
        Err(error) => {
            tracing::error!("not reloaded, and what was served before still is: {error}");
            "failed"
        }
    };
    metrics::counter!("ws_host_reloads_total", "outcome" => name).increment(1);
}
