//! Records which host began events of an actor, and checks that no two hosts did so at overlapping times.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use super::super::*;

/// A moment at which a host owned an actor.
#[derive(Clone, Debug)]
struct Event {
    at: BootTime,
    actor: ActorName,
    lease: LeaseId,
    token: u64,
}

/// The events of all hosts of a test. Their times can be compared because all hosts are on one machine.
#[derive(Clone, Default)]
pub(super) struct Ownership {
    events: Arc<Mutex<Vec<Event>>>,
}

impl Ownership {
    /// Begins an event if this host owns the actor. Returns whether it does.
    pub(super) fn event(&self, claim: &Claim) -> bool {
        // The time is read before the check. So if the check succeeds, the host owned the actor at this time.
        let at = BootTime::now();
        let owns = claim.is_valid();
        if owns {
            let (actor, lease) = (claim.actor().clone(), claim.term().id());
            self.events.lock().push(Event { at, actor, lease, token: claim.token() });
        }
        owns
    }

    /// Panics if an actor had events of one claim between events of another claim. Returns the number of events, and
    /// how often actors passed from one claim to the next.
    pub(super) fn check(&self) -> (usize, usize) {
        let mut events = self.events.lock().clone();
        events.sort_by_key(|event| event.at);
        let mut changes = 0;
        let mut ended: HashSet<(ActorName, LeaseId, u64)> = HashSet::new();
        let mut last: HashMap<ActorName, Event> = HashMap::new();
        for event in &events {
            let Some(before) = last.insert(event.actor.clone(), event.clone()) else { continue };
            if (before.lease, before.token) == (event.lease, event.token) {
                continue;
            }
            changes += 1;
            ended.insert((before.actor.clone(), before.lease, before.token));
            let back = (event.actor.clone(), event.lease, event.token);
            assert!(!ended.contains(&back), "two owners at once: {before:?}, {event:?}");
        }
        (events.len(), changes)
    }
}

#[test]
fn the_check_finds_two_owners() {
    let ownership = Ownership::default();
    let term = || Arc::new(Term::new(LeaseId::random(), BootTime::now(), super::DEADLINE));
    let claims =
        [(term(), 1), (term(), 2)].map(|(term, token)| Claim::new(super::actor("/"), term, token));
    assert!(ownership.event(&claims[0]) && ownership.event(&claims[1]));
    assert_eq!(ownership.check(), (2, 1));
    assert!(ownership.event(&claims[0]));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| ownership.check())).is_err());
}
