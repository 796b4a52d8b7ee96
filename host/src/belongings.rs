//! What belongs to an actor and outlives its instances: its clients, its timers, and the topics that
//! it shares with the other actors of its resource.

use std::sync::Arc;

use crate::clients::Clients;
use crate::timers::Timers;
use crate::topics::Topics;

/// What an instance finds when it takes over from another.
#[derive(Debug)]
pub(crate) struct Belongings {
    pub(crate) clients: Clients,
    pub(crate) timers: Timers,
    pub(crate) topics: Arc<Topics>,
}

impl Belongings {
    pub(crate) fn new(topics: Arc<Topics>) -> Self {
        Self { clients: Clients::default(), timers: Timers::default(), topics }
    }
}
