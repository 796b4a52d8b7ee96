//! Hot reload: from a new file, or the wish of somebody, to new code in every actor.

mod trial;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant as Deadline, sleep_until, timeout};

use crate::config::{self, Trial};
use crate::guest::{ComponentSpec, LoadError, Runtime, Source, Template};
use crate::resource::Resource;
use crate::watch::Watch;
use crate::worker::Workers;

/// How long a file may stay broken before that is an error and not somebody who is still writing.
pub(crate) const HALF_WRITTEN: Duration = Duration::from_secs(1);

/// How many wishes may wait for the reload that is under way. More are refused.
const MAX_WISHES: usize = 16;

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadOutcome {
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
    /// Instances that sleep: the new code takes their state over when they wake, or else the old code
    /// goes on. One of them, if there were any, was woken, and is counted as swapped or kept.
    pub asleep: usize,
    /// Instances that get the new code when the trial is over.
    pub waiting: usize,
    /// For how long the old code may come back.
    pub trial: Option<Duration>,
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
    /// The component was tried, failed, and was rolled back.
    #[error(
        "{hash} has failed on trial, and what was served before it is served again: the log says why. It is \
         loaded again when its file changes"
    )]
    RolledBack {
        /// The beginning of its SHA-256.
        hash: String,
    },
    /// There is nothing to return to.
    #[error("there is nothing to roll back: no reload is on trial")]
    NoTrial,
    /// Too many ask at once.
    #[error("a reload is under way, and enough wait for the next one")]
    Busy,
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
}

/// Asks a server to reload.
#[derive(Clone)]
pub(crate) struct ReloadHandle {
    wishes: mpsc::Sender<Command>,
    trial: Arc<Mutex<Option<Trial>>>,
}

type Answer<T> = oneshot::Sender<Result<T, ReloadError>>;

enum Command {
    /// Read the file again.
    Reload(Answer<ReloadOutcome>),
    /// Go on with this.
    Replace(Box<Loaded>, Answer<Replaced>),
    /// Go back to what was before.
    RollBack(Answer<Replaced>),
}

/// A component that is ready to be served, how it was made, and who tells when its file changes.
pub(crate) struct Loaded {
    recipe: ComponentSpec,
    pub(crate) template: Arc<Template>,
    watch: Option<Watch>,
}

/// Reloads a resource, one time after the other.
pub(crate) struct ReloadTask {
    resource: Arc<Resource>,
    runtime: Arc<Runtime>,
    recipe: ComponentSpec,
    wishes: mpsc::Receiver<Command>,
    watch: Option<Watch>,
    trial: Arc<Mutex<Option<Trial>>>,
    /// When the new code stays for good.
    trial_over: Option<Deadline>,
}

/// Reads, compiles and tries a component out, where nobody waits for the thread.
///
/// # Errors
///
/// [`ReloadError::Component`].
pub(crate) async fn load(
    runtime: &Arc<Runtime>,
    workers: &Workers,
    recipe: ComponentSpec,
    watching: config::Watch,
) -> Result<Loaded, ReloadError> {
    // Before it is read: what changes meanwhile is told.
    let watch = match watching {
        config::Watch::On => Some(Watch::start([&*recipe.component]).await),
        config::Watch::Off => None,
    };
    let path = recipe.component.clone();
    let source = off_the_workers(move || Source::read(&path)).await?;
    let template = compile(runtime, workers, source, &recipe).await?;
    Ok(Loaded { recipe, template, watch })
}

async fn compile(
    runtime: &Arc<Runtime>,
    workers: &Workers,
    source: Source,
    recipe: &ComponentSpec,
) -> Result<Arc<Template>, ReloadError> {
    let (runtime, recipe) = (Arc::clone(runtime), recipe.clone());
    let template = off_the_workers(move || Template::compile(&runtime, source, &recipe)).await?;
    // Its code runs where the code of guests does.
    let reception = workers.assign_handshake();
    let tried = Arc::clone(&template);
    let tried = reception.worker().runtime().spawn(async move { tried.try_out().await }).await;
    tried.map_err(|error| next_change(&error))?.map_err(|error| next_change(&error))?;
    Ok(template)
}

impl ReloadHandle {
    /// Reads the component again, and serves it if it changed.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]; what was served before still is.
    ///
    /// # Cancel safety
    ///
    /// The reload goes on when the future is dropped.
    pub(crate) async fn reload(&self) -> Result<ReloadOutcome, ReloadError> {
        let (answer_to, answer) = oneshot::channel();
        self.wishes.try_send(Command::Reload(answer_to)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReloadError::Busy,
            mpsc::error::TrySendError::Closed(_) => ReloadError::Stopped,
        })?;
        answer.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// Puts another component, or the same one with other settings, in the place of what is served,
    /// after the reloads that were asked for before.
    pub(crate) async fn replace(&self, by: Loaded) -> Result<Replaced, ReloadError> {
        let (answer_to, answer) = oneshot::channel();
        let wish = Command::Replace(Box::new(by), answer_to);
        self.wishes.send(wish).await.map_err(|_| ReloadError::Stopped)?;
        answer.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// Lets the old code come back while the new is on trial.
    pub(crate) async fn roll_back(&self) -> Result<Replaced, ReloadError> {
        let (answer_to, answer) = oneshot::channel();
        let wish = Command::RollBack(answer_to);
        self.wishes.send(wish).await.map_err(|_| ReloadError::Stopped)?;
        answer.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// How reloads are tried out from now on.
    pub(crate) fn set_trial(&self, trial: Option<Trial>) {
        *self.trial.lock() = trial;
    }
}

impl ReloadTask {
    /// Reloads of a resource that was made of this component.
    pub(crate) fn new(
        resource: Arc<Resource>,
        runtime: Arc<Runtime>,
        loaded: Loaded,
    ) -> (Self, ReloadHandle) {
        let (sender, wishes) = mpsc::channel(MAX_WISHES);
        let Loaded { recipe, watch, .. } = loaded;
        let trial = Arc::new(Mutex::new(None));
        let reloader = ReloadHandle { wishes: sender, trial: Arc::clone(&trial) };
        (Self { resource, runtime, recipe, wishes, watch, trial, trial_over: None }, reloader)
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
                biased;
                () = self.resource.code().rolled_back() => drop(self.finish_rollback().await),
                () = reached(self.trial_over) => self.end_trial().await,
                wish = self.wishes.recv() => {
                    // Whoever could ask is gone, and with them what this would be for.
                    let Some(wish) = wish else { return };
                    self.execute(wish).await;
                }
                () = changed(&self.watch) => self.follow().await,
            }
        }
    }

    /// Nobody may wait for the answer any more.
    async fn execute(&mut self, wish: Command) {
        match wish {
            Command::Reload(answer_to) => {
                let outcome = self.reload().await;
                self.log_outcome(&outcome);
                let _ = answer_to.send(outcome);
            }
            Command::Replace(by, answer_to) => {
                let Loaded { recipe, template, watch } = *by;
                self.recipe = recipe;
                self.watch = watch;
                let replaced = self.take_over(template, Instant::now()).await;
                match &replaced {
                    Ok(replaced) => self.log_replaced(replaced),
                    Err(error) => self.log_error(error),
                }
                let _ = answer_to.send(replaced);
            }
            Command::RollBack(answer_to) => {
                let _ = answer_to.send(self.roll_back().await);
            }
        }
    }

    /// The file has changed. While it is being written it may be broken, or not be there.
    async fn follow(&mut self) {
        loop {
            let outcome = self.reload().await;
            let Err(error) = &outcome else { return self.log_outcome(&outcome) };
            tracing::debug!("perhaps the component is still being written: {error}");
            if timeout(HALF_WRITTEN, changed(&self.watch)).await.is_err() {
                // Nothing has happened to it for a while: so this is how it is meant.
                let outcome = self.reload().await;
                return self.log_outcome(&outcome);
            }
        }
    }

    async fn reload(&mut self) -> Result<ReloadOutcome, ReloadError> {
        let began = Instant::now();
        let old = self.resource.code().newest();
        let path = self.recipe.component.clone();
        let source = off_the_workers(move || Source::read(&path)).await?;
        if source.hash() == old.hash() {
            return Ok(ReloadOutcome::Unchanged { hash: old.hash().to_owned() });
        }
        if self.resource.code().has_failed(source.hash()) {
            return Err(ReloadError::RolledBack { hash: source.hash().to_owned() });
        }
        let workers = self.resource.workers();
        let new = compile(&self.runtime, workers, source, &self.recipe).await?;
        self.take_over(new, began).await.map(ReloadOutcome::Replaced)
    }

    fn log_outcome(&self, outcome: &Result<ReloadOutcome, ReloadError>) {
        match outcome {
            Ok(ReloadOutcome::Unchanged { hash }) => {
                let resource = self.resource.code().resource();
                tracing::info!(resource, hash, "the component has not changed");
                self.count("unchanged");
            }
            Ok(ReloadOutcome::Replaced(replaced)) => self.log_replaced(replaced),
            Err(error) => self.log_error(error),
        }
    }

    fn log_replaced(&self, replaced: &Replaced) {
        let Replaced { old, new, swapped, kept, lost, asleep, waiting, trial, longest_pause, took } =
            replaced;
        tracing::info!(
            resource = self.resource.code().resource(),
            old,
            new,
            swapped,
            kept,
            lost,
            asleep,
            waiting,
            ?trial,
            ?longest_pause,
            ?took,
            "reloaded the component"
        );
        self.count("replaced");
    }

    fn log_error(&self, error: &ReloadError) {
        let resource = self.resource.code().resource();
        tracing::error!(resource, "not reloaded, and what was served before still is: {error}");
        self.count("failed");
    }

    fn count(&self, outcome: &'static str) {
        let resource = self.resource.code().resource().to_owned();
        metrics::counter!("ws_host_reloads_total", "resource" => resource, "outcome" => outcome)
            .increment(1);
    }
}

/// Never, if there is no such time.
async fn reached(time: Option<Deadline>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
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
        Ok(done) => done.map_err(|error| next_change(&error)),
        Err(error) => Err(ReloadError::Component(error.to_string())),
    }
}

/// An error with its causes.
fn next_change(error: &dyn std::error::Error) -> ReloadError {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    ReloadError::Component(text)
}
