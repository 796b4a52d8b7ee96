//! What is done with many actors, beside their events.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{JoinSet, yield_now};

use crate::actor::{Actor, Turn};

/// Does some work on each worker with the actors that live there, side by side. What a worker gives
/// is left out if it is gone.
pub(super) async fn by_home<W>(
    actors: Vec<Arc<Actor>>,
    work: impl Fn(Vec<Arc<Actor>>) -> W,
) -> Vec<W::Output>
where
    W: Future<Output: Send> + Send + 'static,
{
    let mut by_home = HashMap::<_, Vec<Arc<Actor>>>::new();
    for actor in actors {
        by_home.entry(actor.home().runtime().id()).or_default().push(actor);
    }
    let mut homes = JoinSet::new();
    for actors in by_home.into_values() {
        let home = actors[0].home().runtime().clone();
        homes.spawn_on(work(actors), &home);
    }
    let mut done = Vec::new();
    while let Some(worker) = homes.join_next().await {
        match worker {
            Ok(worker) => done.push(worker),
            Err(error) => tracing::error!("a worker did not do its part: {error}"),
        }
    }
    done
}

/// Something to be done with an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Let new code take over.
    Refresh,
    /// Put it to sleep, unless it is busy.
    Hibernate,
}

impl Chore {
    /// Does it with each actor on its home, one after the other, and lets the other tasks of the
    /// worker go on between two.
    pub(super) async fn everywhere(self, actors: Vec<Arc<Actor>>) {
        by_home(actors, |actors| self.one_by_one(actors)).await;
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
        for actor in busy.into_iter().filter(|_| self == Self::Refresh) {
            self.act(actor.turn().await).await;
        }
    }

    async fn act(self, turn: Turn<'_>) {
        match self {
            Self::Refresh => turn.refresh().await,
            Self::Hibernate => turn.hibernate().await,
        }
    }
}
