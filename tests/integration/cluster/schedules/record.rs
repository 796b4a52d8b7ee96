//! What the instances of the rooms have said, and whether it can be true of a cluster.
//!
//! All hosts run on one machine, and all instances use its clock. So the time from the beginning of an
//! instance to its last event must not overlap with that of another instance of the same room: also an event that was
//! running when a host was paused cannot send or publish once the lease of that host has ended.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use parking_lot::Mutex;

/// What was seen of all rooms.
#[derive(Default)]
pub(super) struct Record {
    /// By the names of the rooms, and the times at which their instances began.
    rooms: Mutex<BTreeMap<usize, BTreeMap<u64, Instance>>>,
    /// When all leases had ended that the broker has lost, together with all states. An instance that begins later has
    /// its state from another one that began later, or none.
    lost: Mutex<Vec<u64>>,
}

#[derive(Default)]
struct Instance {
    /// When its last known event ran.
    last: u64,
    /// The instance whose state it has resumed from, and how many messages that had handled. `None`: it published, but
    /// no answer of it was received.
    parent: Option<(u64, u64)>,
    /// The numbers of the answered messages, and who asked.
    answered: HashMap<u64, String>,
}

/// A reply of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) born: u64,
    pub(super) now: u64,
    /// Which message of the instance this is.
    pub(super) handled: u64,
    pub(super) parent: (u64, u64),
    pub(super) present: u64,
}

impl Reply {
    /// Reads the numbers of a reply, which must not report contradictory events.
    pub(super) fn parse(numbers: &str) -> Result<Self> {
        let numbers: Vec<u64> =
            numbers.split(' ').map(str::parse).collect::<Result<_, _>>().context("numbers")?;
        let [born, now, handled, parent, parent_handled, present, contradictions] = numbers[..]
        else {
            anyhow::bail!("{} numbers", numbers.len());
        };
        ensure!(contradictions == 0, "a client was disconnected twice, or was never connected");
        Ok(Self { born, now, handled, parent: (parent, parent_handled), present })
    }
}

impl Record {
    /// Notes a reply, which must be the only one to this message of the instance.
    pub(super) fn answered(&self, room: usize, reply: &Reply, question: &str) -> Result<()> {
        self.see(room, reply.born, reply.now, |instance| {
            let parent = *instance.parent.get_or_insert(reply.parent);
            ensure!(parent == reply.parent, "{reply:?} had the parent {parent:?} before");
            let other = instance.answered.insert(reply.handled, question.to_owned());
            ensure!(other.is_none(), "{reply:?} to {question} was given before, to {other:?}");
            Ok(())
        })
    }

    /// Notes that an instance has published something.
    pub(super) fn published(&self, room: usize, born: u64, now: u64) -> Result<()> {
        self.see(room, born, now, |_| Ok(()))
    }

    fn see(
        &self,
        room: usize,
        born: u64,
        now: u64,
        note: impl FnOnce(&mut Instance) -> Result<()>,
    ) -> Result<()> {
        let mut rooms = self.rooms.lock();
        let instance = rooms.entry(room).or_default().entry(born).or_default();
        instance.last = instance.last.max(now);
        note(instance)
    }

    /// Notes that the broker has lost everything. No host owns a room by the old records once this lease has ended, and
    /// none by the new ones before that.
    pub(super) fn lose_states(&self, lease: Duration) -> Result<()> {
        let until = UNIX_EPOCH.elapsed()? + lease;
        self.lost.lock().push(u64::try_from(until.as_nanos())?);
        Ok(())
    }

    /// Checks all instances of each room. Returns how many there were, and how many messages they answered. Some must
    /// have resumed from the state of another one.
    pub(super) fn check(&self) -> Result<(usize, usize)> {
        let (rooms, lost) = (self.rooms.lock(), self.lost.lock());
        for (room, instances) in &*rooms {
            check_room(instances, &lost).with_context(|| format!("room {room}"))?;
        }
        let instances = || rooms.values().flat_map(BTreeMap::values);
        let has_parent = |instance: &Instance| instance.parent.is_some_and(|parent| parent.0 > 0);
        ensure!(instances().any(has_parent), "no instance has found a state");
        let answered = instances().map(|instance| instance.answered.len()).sum();
        Ok((instances().count(), answered))
    }
}

/// Checks the instances of a room, by the times at which they began. `lost` is as in [`Record`].
fn check_room(instances: &BTreeMap<u64, Instance>, lost: &[u64]) -> Result<()> {
    let (mut last, mut state) = (0, (0, 0));
    let (mut lost, mut first) = (lost.iter().peekable(), 0);
    for (born, instance) in instances {
        while let Some(until) = lost.next_if(|until| *until < born) {
            (first, state) = (*until, (0, 0));
        }
        ensure!(
            last < *born,
            "an instance still handled events {} µs after {born} had begun",
            (last - born) / 1000
        );
        last = instance.last;
        let Some(parent) = instance.parent else { continue };
        ensure!(parent.0 < *born, "{born} resumed from the younger {parent:?}");
        // An instance that has been succeeded saves nothing more: who resumes from it later finds the same state, and
        // nobody finds an older one.
        let is_next = parent == state || parent.0 > state.0.max(first);
        ensure!(is_next, "{born} resumed from {parent:?}, and the one before from {state:?}");
        state = parent;
    }
    Ok(())
}
