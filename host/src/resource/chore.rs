//! What is done with many actors, beside their events.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::{JoinSet, yield_now};

use crate::actor::{Actor, Refreshed};

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
    /// worker go on between two. Tells what became of those that were refreshed.
    pub(super) async fn everywhere(self, actors: Vec<Arc<Actor>>) -> Vec<Refreshed> {
        let mut by_home = HashMap::<_, Vec<Arc<Actor>>>::new();
        for actor in actors {
            by_home.entry(actor.home().runtime().id()).or_default().push(actor);
        }
        let mut homes = JoinSet::new();
        for actors in by_home.into_values() {
            let home = actors[0].home().runtime().clone();
            homes.spawn_on(self.one_by_one(actors), &home);
        }
        homes.join_all().await.concat()
    }

    async fn one_by_one(self, actors: Vec<Arc<Actor>>) -> Vec<Refreshed> {
        let (mut refreshed, mut busy) = (Vec::new(), Vec::new());
        for actor in actors {
            if let Some(turn) = actor.try_turn() {
                match self {
                    Self::Refresh => refreshed.push(turn.refresh().await),
                    Self::Hibernate => turn.hibernate().await,
                }
            } else if self == Self::Refresh {
                busy.push(actor);
            }
            yield_now().await;
        }
        // Those that sleep in an event come last, so that no other has to wait for them.
        for actor in busy {
            refreshed.push(actor.turn().await.refresh().await);
        }
        refreshed
    }
}
