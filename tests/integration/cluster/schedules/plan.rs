//! A schedule of faults: what begins and ends when. It follows from the random numbers alone.

use std::time::Duration;

use crate::random::Random;

/// How many hosts there are.
pub(super) const HOSTS: usize = 3;

/// The faults, each of which happens once, at a random time and, if it is one of a host, at a random host. Durations
/// are in tenths of a lease: within a lease, a little longer, and so long that another host has certainly taken over.
const FAULTS: [Fault; 18] = [
    Fault::Pause(5),
    Fault::Pause(15),
    Fault::Pause(30),
    Fault::Kill,
    Fault::Kill,
    Fault::Stop,
    Fault::Stop,
    Fault::Stall(5),
    Fault::Stall(15),
    Fault::Stall(30),
    Fault::Cut(15),
    Fault::Cut(30),
    Fault::Strand(15),
    Fault::Reset,
    Fault::RestartBroker,
    Fault::StopBroker(5),
    Fault::StopBroker(15),
    Fault::LoseRecords(5),
];

/// The longest pause before the next fault, in tenths of a lease. Faults may overlap.
const MAX_GAP: usize = 15;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// The process of a host stands still.
    Pause(u32),
    /// A host is killed, and another one takes its place.
    Kill,
    /// A host stops, and another one takes its place.
    Stop,
    /// The link of a host to the broker holds back everything.
    Stall(u32),
    /// It cannot be used.
    Cut(u32),
    /// What was on its way is held back, and delivered after the host has connected again.
    Strand(u32),
    /// It is closed.
    Reset,
    /// The broker is killed, and started again with what it has stored.
    RestartBroker,
    /// The same, after a while.
    StopBroker(u32),
    /// The broker is killed, and started again after a while without what it has stored.
    LoseRecords(u32),
}

/// What the test does at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Pause(usize),
    Continue(usize),
    Kill(usize),
    Stop(usize),
    Stall(usize),
    Cut(usize),
    Strand(usize),
    Reset(usize),
    Heal(usize),
    KillBroker,
    StartBroker,
    StartEmptyBroker,
}

/// What can have one fault at a time.
#[derive(Clone, Copy)]
enum Part {
    Process,
    Link,
    Broker,
}

/// Returns the actions, with the time since the beginning, in the order of their times.
pub(super) fn plan(random: &mut Random, lease: Duration) -> Vec<(Duration, Action)> {
    let mut faults = FAULTS;
    random.shuffle(&mut faults);
    let mut free = [[Duration::ZERO; 3]; HOSTS];
    let (mut at, mut actions) = (Duration::ZERO, Vec::new());
    for fault in faults {
        at += lease * random.below(MAX_GAP + 1) as u32 / 10;
        let (part, tenths) = fault.affects();
        // The first host from a random one on whose part has no other fault; or the one that is the first without.
        let from = random.below(HOSTS);
        let hosts = (0..HOSTS).map(|more| (from + more) % HOSTS);
        let host = match part {
            Part::Broker => 0,
            part => hosts.min_by_key(|host| free[*host][part as usize].max(at)).unwrap_or(from),
        };
        at = at.max(free[host][part as usize]);
        let end = at + lease * tenths / 10;
        free[host][part as usize] = end;
        let (begins, ends) = fault.actions(host);
        actions.push((at, begins));
        actions.extend(ends.map(|ends| (end, ends)));
    }
    actions.sort_by_key(|(at, _)| *at);
    actions
}

impl Fault {
    /// Returns what has the fault, and for how many tenths of a lease.
    fn affects(self) -> (Part, u32) {
        match self {
            Self::Pause(tenths) => (Part::Process, tenths),
            Self::Kill | Self::Stop => (Part::Process, 0),
            Self::Stall(tenths) | Self::Cut(tenths) | Self::Strand(tenths) => (Part::Link, tenths),
            Self::Reset => (Part::Link, 0),
            Self::RestartBroker => (Part::Broker, 0),
            Self::StopBroker(tenths) | Self::LoseRecords(tenths) => (Part::Broker, tenths),
        }
    }

    /// Returns what begins the fault, and what ends it.
    fn actions(self, host: usize) -> (Action, Option<Action>) {
        match self {
            Self::Pause(_) => (Action::Pause(host), Some(Action::Continue(host))),
            Self::Kill => (Action::Kill(host), None),
            Self::Stop => (Action::Stop(host), None),
            Self::Stall(_) => (Action::Stall(host), Some(Action::Heal(host))),
            Self::Cut(_) => (Action::Cut(host), Some(Action::Heal(host))),
            Self::Strand(_) => (Action::Strand(host), Some(Action::Heal(host))),
            Self::Reset => (Action::Reset(host), None),
            Self::RestartBroker | Self::StopBroker(_) => {
                (Action::KillBroker, Some(Action::StartBroker))
            }
            Self::LoseRecords(_) => (Action::KillBroker, Some(Action::StartEmptyBroker)),
        }
    }
}
