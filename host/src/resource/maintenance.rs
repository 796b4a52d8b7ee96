//! What is done with many actors, beside their events.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::yield_now;

use crate::actor::{Actor, Turn};
use crate::running::Running;

/// Begins some work on each worker with the actors that live there, side by side.
fn by_home<W>(
    actors: Vec<Arc<Actor>>,
    work: impl Fn(Vec<Arc<Actor>>) -> W,
) -> Vec<Running<W::Output>>
where
    W: Future<Output: Send> + Send + 'static,
{
    let mut by_home = HashMap::<_, Vec<Arc<Actor>>>::new();
    for actor in actors {
        by_home.entry(actor.worker().id()).or_default().push(actor);
    }
    let begin = |actors: Vec<Arc<Actor>>| {
        let first = Arc::clone(&actors[0]);
        first.worker().run(work(actors))
    };
    by_home.into_values().map(begin).collect()
}

/// Waits for what each worker gives. What one gives is left out if it is gone.
///
/// # Cancel safety
///
/// The workers go on when the future is dropped.
pub(super) async fn all<T>(workers: Vec<Running<T>>) -> Vec<T> {
    let mut done = Vec::with_capacity(workers.len());
    for worker in workers {
        match worker.await {
            Ok(given) => done.push(given),
            Err(error) => tracing::error!("a worker did not do its part: {error}"),
        }
    }
    done
}

/// Ends actors that nobody has any more: to give their memory back takes time, and each worker has its own.
pub(super) fn end(actors: Vec<Arc<Actor>>) {
    by_home(actors, |actors| async {
        for actor in actors {
            drop(actor);
            yield_now().await;
        }
    });
}

/// Something to be done with an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maintenance {
    /// Let new code take over.
    Refresh,
    /// Let code take over that the others do not have yet.
    TryOut,
    /// Put it to sleep, unless it is busy.
    Hibernate,
}

impl Maintenance {
    /// Begins to do it with each actor on its home, one after the other. The other tasks of the worker go on
    /// between two.
    pub(super) fn everywhere(self, actors: Vec<Arc<Actor>>) -> Vec<Running<()>> {
        by_home(actors, |actors| self.one_by_one(actors))
    }

    async fn one_by_one(self, actors: Vec<Arc<Actor>>) {
        let mut busy = Vec::new();
        for actor in actors {
            match actor.try_turn() {
                Some(turn) => self.act(turn).await,
                None => busy.push(Arc::clone(&actor)),
            }
            yield_now().await;
        }
        // Those that sleep in an event come last, so that no other has to wait for them. To hibernate
        // them is out of the question.
        for actor in busy.into_iter().filter(|_| self != Self::Hibernate) {
            self.act(actor.turn().await).await;
        }
    }

    async fn act(self, turn: Turn<'_>) {
        match self {
            Self::Refresh => turn.apply_reload().await,
            Self::TryOut => turn.try_out().await,
            Self::Hibernate => turn.hibernate().await,
        }
    }
}
