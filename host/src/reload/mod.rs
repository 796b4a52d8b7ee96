//! Hot reload: a changed file or a request brings new code to every actor.
//!
//! # From a changed file to the next message
//!
//! 1. [`Watch::changed`] reports that the file has changed and that the change has settled.
//! 2. [`ReloadTask::run`] calls [`follow`](ReloadTask::follow), which calls [`reload`](ReloadTask::reload). A request
//!    ([`ReloadHandle::reload`]) skips `follow`. A changed configuration ([`ReloadHandle::load`]) brings its own
//!    template, and continues at step 4.
//! 3. `reload` reads the file. It ends here if the content has not changed, or if this code was rolled back before.
//!    Otherwise [`compile`] compiles the component ([`Template::compile`]). In the program, a separate process does
//!    this unless `--no-compiler-process` is given. `compile` then creates a first instance, to check that the
//!    component starts ([`Template::check_start`]). If the file is broken, `follow` tries again whenever the file
//!    changes. Once the file has not changed for a second, `follow` tries a last time.
//! 4. [`ReloadTask::deploy`] (`deploy.rs`) makes the new template the current one, and raises the version of the
//!    resource's code (in `actor/trial.rs`: [`Code::install`], or [`Code::begin_trial`] for a trial; both call
//!    `set_template`). From now on, an instance with an older version gets no more events. A canary trial does not
//!    raise the version (see below).
//! 5. [`Resource::apply_reload`] starts a `Maintenance` (`resource/maintenance.rs`). On each worker, it visits one
//!    actor at a time, and leaves busy actors to the end. It calls [`Turn::apply_reload`] in each actor.
//! 6. In an actor with an instance, `apply_reload` calls [`Turn::make_instance`] (`actor/transitions.rs`), which calls
//!    [`Turn::replace_instance`] through `transition_to_live`. `replace_instance` calls `suspend` in the old instance,
//!    and `resume` in a new one. If the new code traps or refuses the state, the old instance continues, and counts as
//!    current. If `suspend` traps, the new instance starts from the last checkpoint, or without a state. One of the
//!    hibernated actors is woken to try the new code. The other hibernated actors get the code at their next event.
//! 7. The next message finds an instance of the current version ([`Turn::take_current`] in `actor/turn.rs`), and that
//!    instance handles the message. If a message comes after step 4, but before step 5 has reached the actor, there is
//!    no instance of the current version. [`Turn::call_received`] then calls `make_instance`, which replaces, wakes or
//!    starts an instance.
//!
//! In a canary trial, step 4 does not raise the version. [`Resource::try_out`] takes the place of steps 5 and 6, and
//! calls [`Turn::try_out`] in each chosen actor. `Turn::try_out` calls `replace_instance` for an instance in memory,
//! and `wake` for a hibernated actor. At the end of the trial ([`ReloadTask::end_trial`]), all actors go through
//! steps 5 to 7.
//!
//! [`Code::install`]: crate::actor::Code::install
//! [`Code::begin_trial`]: crate::actor::Code::begin_trial
//! [`Turn::apply_reload`]: crate::actor::Turn::apply_reload
//! [`Turn::make_instance`]: crate::actor::Turn::make_instance
//! [`Turn::replace_instance`]: crate::actor::Turn::replace_instance
//! [`Turn::try_out`]: crate::actor::Turn::try_out
//! [`Turn::take_current`]: crate::actor::Turn::take_current
//! [`Turn::call_received`]: crate::actor::Turn::call_received

mod deploy;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinError;
use tokio::time::{Instant, sleep_until, timeout};

use crate::blocking::{off_the_workers, try_off_the_workers};
use crate::config::{self, Trial};
use crate::error_chain::with_causes;
use crate::guest::{ComponentSpec, LoadError, Runtime, Source, Template, cancellation};
use crate::inspect;
use crate::resource::Resource;
use crate::watch::Watch;
use crate::worker::Workers;

/// How long a file may stay broken before this counts as an error. Until then, another program may still be writing it.
pub(crate) const WRITE_GRACE_PERIOD: Duration = Duration::from_secs(1);

/// The maximum number of commands that wait while a reload is running. Further requests are refused.
const MAX_QUEUED: usize = 16;

/// The result of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReloadOutcome {
    /// The file has not changed since it was loaded.
    Unchanged {
        /// The beginning of the file's SHA-256.
        hash: String,
    },
    /// New code is served.
    Replaced(Replaced),
}

/// The components and instances that a reload replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Replaced {
    /// The beginning of the SHA-256 of the component that was served before.
    pub old: String,
    /// The beginning of the SHA-256 of the component that is served now.
    pub new: String,
    /// Instances that were replaced.
    pub swapped: usize,
    /// Instances that continue with the old code, because the new code could not resume from their state.
    pub kept: usize,
    /// Instances that failed while they were being replaced. Fresh instances start in their place.
    pub lost: usize,
    /// Hibernated instances. When an instance wakes, the new code resumes from its state. If the new code cannot do so,
    /// the old code continues. The reload wakes one hibernated instance immediately, to find out whether the new code
    /// accepts its state. That instance counts as swapped or as kept instead.
    pub hibernated: usize,
    /// Instances that get the new code when the trial is over.
    pub waiting: usize,
    /// The duration of the trial. A rollback is possible during this time.
    pub trial: Option<Duration>,
    /// The longest time that an instance could not serve its clients because it was being replaced.
    pub longest_pause: Duration,
    /// The time from reading the file until the last instance was replaced.
    pub took: Duration,
}

/// Why nothing was reloaded. The previous component is still served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// The component cannot be served.
    #[error("{0}")]
    Component(String),
    /// The component was tried, failed, and was rolled back.
    #[error(
        "{hash} failed its trial and was rolled back: see the log. It will not be loaded again until its file \
         changes"
    )]
    RolledBack {
        /// The beginning of the component's SHA-256.
        hash: String,
    },
    /// There is no resource with this name.
    #[error("there is no resource {0:?}")]
    NoResource(String),
    /// There is no trial to roll back.
    #[error("there is nothing to roll back: no reload is on trial")]
    NoTrial,
    /// Too many requests wait for a reload.
    #[error("a reload is running, and too many requests wait for the next one")]
    Busy,
    /// The server has stopped.
    #[error("the server has stopped")]
    Stopped,
}

/// Sends commands to the [`ReloadTask`] of a resource.
#[derive(Clone)]
pub(crate) struct ReloadHandle {
    commands: mpsc::Sender<Command>,
    trial_settings: Arc<Mutex<Option<Trial>>>,
}

type Responder<T> = oneshot::Sender<Result<T, ReloadError>>;

enum Command {
    /// Read the file again.
    Reload(Responder<ReloadOutcome>),
    /// Serve this component.
    Replace(Box<Loaded>, Responder<Replaced>),
    /// End the trial with a rollback.
    RollBack(Responder<Replaced>),
}

/// A component that is ready to be served, with its specification and the watch on its file.
pub(crate) struct Loaded {
    spec: ComponentSpec,
    pub(crate) template: Arc<Template>,
    watch: Option<Watch>,
}

/// The task that reloads a resource. It carries out one command at a time.
pub(crate) struct ReloadTask {
    resource: Arc<Resource>,
    runtime: Arc<Runtime>,
    spec: ComponentSpec,
    commands: mpsc::Receiver<Command>,
    watch: Option<Watch>,
    trial_settings: Arc<Mutex<Option<Trial>>>,
    /// The time at which the running trial ends. The new code then stays.
    trial_end: Option<Instant>,
}

/// Reads and compiles a component, and checks that it starts. Reading and compiling do not block a worker.
///
/// # Errors
///
/// [`ReloadError::Component`].
pub(crate) async fn load(
    runtime: &Arc<Runtime>,
    workers: &Workers,
    spec: ComponentSpec,
    watching: config::Watch,
) -> Result<Loaded, ReloadError> {
    // The watch starts before the file is read, so that no change is missed.
    let watch = match watching {
        config::Watch::On => Some(Watch::start([&*spec.component]).await),
        config::Watch::Off => None,
    };
    let source = read(&spec).await?;
    let template = compile(runtime, workers, source, &spec).await?;
    Ok(Loaded { spec, template, watch })
}

async fn read(spec: &ComponentSpec) -> Result<Source, ReloadError> {
    let path = spec.component.clone();
    let read = try_off_the_workers(move || Source::read(&path)).await;
    explain(read, &spec.component).await
}

async fn compile(
    runtime: &Arc<Runtime>,
    workers: &Workers,
    source: Source,
    spec: &ComponentSpec,
) -> Result<Arc<Template>, ReloadError> {
    let (runtime, file, spec) = (Arc::clone(runtime), &spec.component, spec.clone());
    // If this future is dropped, nobody needs the result, and compiling ends early.
    let (_cancellation, cancelled) = cancellation().map_err(|error| component_error(&error))?;
    let compiled =
        try_off_the_workers(move || Template::compile(&runtime, source, &spec, &cancelled)).await;
    let template = explain(compiled, file).await?;
    // The component's code runs on a worker here too, as it does in an actor.
    let handshake_worker = workers.assign_handshake();
    let checked = Arc::clone(&template);
    let checked =
        handshake_worker.worker().runtime().spawn(async move { checked.check_start().await }).await;
    explain(checked, file).await?;
    Ok(template)
}

impl ReloadHandle {
    /// Reads the component again, and serves the new one if it has changed.
    ///
    /// # Errors
    ///
    /// [`ReloadError`]. The previous component is still served.
    ///
    /// # Cancel safety
    ///
    /// The reload continues when the future is dropped.
    pub(crate) async fn reload(&self) -> Result<ReloadOutcome, ReloadError> {
        let (respond_to, response) = oneshot::channel();
        self.commands.try_send(Command::Reload(respond_to)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => ReloadError::Busy,
            mpsc::error::TrySendError::Closed(_) => ReloadError::Stopped,
        })?;
        response.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// Serves a different component, or the same component with different settings. Earlier requests are carried out
    /// first.
    pub(crate) async fn load(&self, new: Loaded) -> Result<Replaced, ReloadError> {
        let (respond_to, response) = oneshot::channel();
        let command = Command::Replace(Box::new(new), respond_to);
        self.commands.send(command).await.map_err(|_| ReloadError::Stopped)?;
        response.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// Restores the old code while the new code is on trial.
    pub(crate) async fn roll_back(&self) -> Result<Replaced, ReloadError> {
        let (respond_to, response) = oneshot::channel();
        self.commands
            .send(Command::RollBack(respond_to))
            .await
            .map_err(|_| ReloadError::Stopped)?;
        response.await.unwrap_or(Err(ReloadError::Stopped))
    }

    /// Sets how later reloads are tried out. `None`: without a trial.
    pub(crate) fn set_trial(&self, trial: Option<Trial>) {
        *self.trial_settings.lock() = trial;
    }
}

impl ReloadTask {
    /// Returns the reload task of a resource that serves this component, and a handle to the task.
    pub(crate) fn new(
        resource: Arc<Resource>,
        runtime: Arc<Runtime>,
        loaded: Loaded,
    ) -> (Self, ReloadHandle) {
        let (sender, commands) = mpsc::channel(MAX_QUEUED);
        let Loaded { spec, watch, .. } = loaded;
        let trial_settings = Arc::new(Mutex::new(None));
        // A resource that restarts keeps its metrics, but its component was just loaded.
        let metrics = resource.code().metrics();
        metrics.is_component_rejected.store(false, Ordering::Relaxed);
        let handle = ReloadHandle { commands: sender, trial_settings: Arc::clone(&trial_settings) };
        (Self { resource, runtime, spec, commands, watch, trial_settings, trial_end: None }, handle)
    }

    /// Carries out commands and follows changes of the file, until all handles are dropped.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may stop a reload before it has reached all actors. Each actor then gets the new code before
    /// its next event. In a canary trial, the actors that were not chosen keep the old code.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::select! {
                biased;
                () = self.resource.code().rolled_back() => drop(self.finish_rollback().await),
                () = reached(self.trial_end) => self.end_trial().await,
                command = self.commands.recv() => {
                    // The last handle was dropped, so the resource is no longer served.
                    let Some(command) = command else { return };
                    self.execute(command).await;
                }
                () = changed(&self.watch) => self.follow().await,
            }
        }
    }

    /// Carries out a command. Sends the response, unless its receiver was dropped.
    async fn execute(&mut self, command: Command) {
        match command {
            Command::Reload(respond_to) => {
                let outcome = self.reload().await;
                self.log_outcome(&outcome);
                let _ = respond_to.send(outcome);
            }
            Command::Replace(new, respond_to) => {
                let Loaded { spec, template, watch } = *new;
                self.spec = spec;
                self.watch = watch;
                let replaced = self.deploy(template, Instant::now()).await;
                match &replaced {
                    Ok(replaced) => self.log_replaced(replaced),
                    Err(error) => self.log_error(error),
                }
                let _ = respond_to.send(replaced);
            }
            Command::RollBack(respond_to) => {
                let _ = respond_to.send(self.roll_back().await);
            }
        }
    }

    /// Reloads a file that has changed. If the file is broken or missing, another program may still be writing it. So
    /// this tries again whenever the file changes. It tries for the last time when the file has not changed for a
    /// second.
    async fn follow(&mut self) {
        loop {
            let outcome = self.reload().await;
            let Err(error) = &outcome else { return self.log_outcome(&outcome) };
            tracing::debug!("the file may still be incomplete: {error}");
            if timeout(WRITE_GRACE_PERIOD, changed(&self.watch)).await.is_err() {
                // The file has not changed for a while, so it must be complete.
                let outcome = self.reload().await;
                return self.log_outcome(&outcome);
            }
        }
    }

    async fn reload(&mut self) -> Result<ReloadOutcome, ReloadError> {
        let started = Instant::now();
        let old = self.resource.code().newest();
        let source = read(&self.spec).await?;
        if source.hash() == old.hash() {
            return Ok(ReloadOutcome::Unchanged { hash: old.hash().to_owned() });
        }
        if self.resource.code().has_failed(source.hash()) {
            return Err(ReloadError::RolledBack { hash: source.hash().to_owned() });
        }
        let workers = self.resource.workers();
        let new = compile(&self.runtime, workers, source, &self.spec).await?;
        self.deploy(new, started).await.map(ReloadOutcome::Replaced)
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
        tracing::info!(
            resource = self.resource.code().resource(),
            old = replaced.old,
            new = replaced.new,
            swapped = replaced.swapped,
            kept = unless_zero(replaced.kept),
            lost = unless_zero(replaced.lost),
            hibernated = unless_zero(replaced.hibernated),
            waiting = unless_zero(replaced.waiting),
            trial = replaced.trial.map(tracing::field::debug),
            longest_pause = ?in_microseconds(replaced.longest_pause),
            took = ?in_microseconds(replaced.took),
            "reloaded the component"
        );
        self.count("replaced");
    }

    fn log_error(&self, error: &ReloadError) {
        let resource = self.resource.code().resource();
        tracing::error!(resource, "not reloaded; the old component is still served: {error}");
        self.count("failed");
    }

    fn count(&self, outcome: &'static str) {
        let metrics = self.resource.code().metrics();
        metrics.reloads.count(outcome);
        let is_rejected = matches!(outcome, "failed" | "rolled-back");
        metrics.is_component_rejected.store(is_rejected, Ordering::Relaxed);
        metrics.recent.reload(outcome);
    }
}

/// Returns a count for a line of the log, which leaves out what has not happened.
fn unless_zero(count: usize) -> Option<usize> {
    (count > 0).then_some(count)
}

/// Cuts a time off at microseconds, because a line of the log does not need more.
fn in_microseconds(time: Duration) -> Duration {
    Duration::from_micros(time.as_micros().try_into().unwrap_or(u64::MAX))
}

/// Waits until `time`, or forever if `time` is `None`.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// Waits for a change of the file, or forever if the file is not watched.
async fn changed(watch: &Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Returns the result of a task that loads a component. An error gets advice in the terms of the component's language.
/// A panic counts as an error of the component.
async fn explain<T>(
    loaded: Result<Result<T, LoadError>, JoinError>,
    file: &Path,
) -> Result<T, ReloadError> {
    match loaded {
        Ok(Ok(loaded)) => Ok(loaded),
        Ok(Err(error)) => {
            let file = file.to_owned();
            let explained = off_the_workers(move || inspect::explained(&error, &file)).await;
            Err(ReloadError::Component(explained))
        }
        Err(error) => Err(component_error(&error)),
    }
}

fn component_error(error: &dyn std::error::Error) -> ReloadError {
    ReloadError::Component(with_causes(error))
}
