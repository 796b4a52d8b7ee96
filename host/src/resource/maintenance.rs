//! Maintenance of many actors at once, outside their events. Each worker processes the actors that live on it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::yield_now;

use crate::actor::{Actor, Turn};
use crate::clients::{HostClose, Pace};
use crate::running::Running;

/// Starts a task on each worker for the actors that live on it. The tasks run concurrently.
fn on_each_worker<W>(
    actors: Vec<Arc<Actor>>,
    work: impl Fn(Vec<Arc<Actor>>) -> W,
) -> Vec<Running<W::Output>>
where
    W: Future<Output: Send> + Send + 'static,
{
    let mut by_worker = HashMap::<_, Vec<Arc<Actor>>>::new();
    for actor in actors {
        by_worker.entry(actor.worker().id()).or_default().push(actor);
    }
    let start = |actors: Vec<Arc<Actor>>| {
        let first = Arc::clone(&actors[0]);
        first.worker().run(work(actors))
    };
    by_worker.into_values().map(start).collect()
}

/// Waits for all tasks and returns their results. A task has no result if it panicked or its worker has ended.
///
/// # Cancel safety
///
/// The tasks continue when the future is dropped.
pub(super) async fn join_all<T>(tasks: Vec<Running<T>>) -> Vec<T> {
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        match task.await {
            Ok(result) => results.push(result),
            Err(error) => tracing::error!("a task on a worker failed: {error}"),
        }
    }
    results
}

/// Drops each actor on its own worker, because freeing the memory takes time.
pub(super) fn drop_actors(actors: Vec<Arc<Actor>>) {
    on_each_worker(actors, |actors| async {
        for actor in actors {
            drop(actor);
            yield_now().await;
        }
    });
}

/// Closes the clients of actors at a pace that all workers share. Each worker closes the clients of its own actors.
pub(super) fn close_clients(
    actors: Vec<Arc<Actor>>,
    why: HostClose<'static>,
    pace: &Arc<Pace>,
) -> Vec<Running<()>> {
    on_each_worker(actors, |actors| {
        let pace = Arc::clone(pace);
        async move {
            for actor in actors {
                pace.close(actor.clients_and_outgoing(), why).await;
            }
        }
    })
}

/// A kind of work on an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maintenance {
    /// Move the actor to the current code.
    ApplyReload,
    /// Move the actor to the code on trial. The other actors do not run this code yet.
    TryOut,
    /// Hibernate the actor, or pack its instance if the handler has no state. Not if the actor is busy.
    Hibernate,
    /// Make the instance release memory that it needs only while it handles an event, unless the actor is busy.
    Rest,
    /// Pack the memories of the instance, unless the actor is busy.
    Pack,
}

impl Maintenance {
    /// Starts this work on each worker, one actor at a time. Other tasks of the worker run between two actors.
    pub(super) fn start(self, actors: Vec<Arc<Actor>>) -> Vec<Running<()>> {
        on_each_worker(actors, |actors| self.one_by_one(actors))
    }

    async fn one_by_one(self, actors: Vec<Arc<Actor>>) {
        let mut busy = Vec::new();
        for actor in actors {
            match actor.try_turn() {
                Some(turn) => self.apply(turn).await,
                None => busy.push(Arc::clone(&actor)),
            }
            yield_now().await;
        }
        // Busy actors come last. Their handlers may be sleeping for a long time, and no other actor should have to wait
        // for them. Busy actors neither hibernate nor rest, and are not packed.
        for actor in busy.into_iter().filter(|_| matches!(self, Self::ApplyReload | Self::TryOut)) {
            self.apply(actor.turn().await).await;
        }
    }

    async fn apply(self, mut turn: Turn<'_>) {
        match self {
            Self::ApplyReload => turn.apply_reload().await,
            Self::TryOut => turn.try_out().await,
            Self::Hibernate => turn.hibernate().await,
            Self::Rest => turn.rest(),
            Self::Pack => turn.pack(),
        }
    }
}
