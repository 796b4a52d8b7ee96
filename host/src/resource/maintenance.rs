//! Work on many actors, besides their events: each worker works on the actors that live there.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::yield_now;

use crate::actor::{Actor, Turn};
use crate::running::Running;

/// Starts a task on each worker with the actors that live there. The tasks run side by side.
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

/// Waits for all tasks and returns their results. The result of a task that panicked, or whose worker has ended, is
/// left out.
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

/// Drops actors, each on its worker: freeing their memory takes time.
pub(super) fn drop_actors(actors: Vec<Arc<Actor>>) {
    on_each_worker(actors, |actors| async {
        for actor in actors {
            drop(actor);
            yield_now().await;
        }
    });
}

/// A kind of work on an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maintenance {
    /// Bring the actor to the current code.
    Refresh,
    /// Bring the actor to the code on trial, which the other actors do not have yet.
    TryOut,
    /// Hibernate the actor, unless it is busy.
    Hibernate,
}

impl Maintenance {
    /// Starts this work on each worker, for one actor after the other. The other tasks of the worker run between two
    /// actors.
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
        // Busy actors come last, because an event may sleep for long: no other actor has to wait for it. Busy actors
        // are not hibernated.
        for actor in busy.into_iter().filter(|_| self != Self::Hibernate) {
            self.apply(actor.turn().await).await;
        }
    }

    async fn apply(self, turn: Turn<'_>) {
        match self {
            Self::Refresh => turn.apply_reload().await,
            Self::TryOut => turn.try_out().await,
            Self::Hibernate => turn.hibernate().await,
        }
    }
}
