//! Lets time pass, and runs timers, notices and expiries in the order in which they are due.

use std::time::Duration;

use super::fake::Fake;
use super::shared::Shared;
use crate::{Cause, Client, Timer};

/// The minimum and the maximum duration of timers and expiries.
pub(super) const MIN_TIME: Duration = Duration::from_millis(1);
pub(super) const MAX_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// An event that is due. If several events are due at the same time, they happen in the order of these variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Timer(u64),
    Notice(u64),
    Expiry(u64),
}

impl Shared {
    /// Lets time pass, and runs the events that are due.
    pub(super) fn advance(&self, time: Duration) {
        let end = self.fake.borrow().now + time;
        loop {
            let next = self.fake.borrow().next_due();
            match next.filter(|(at, _)| *at <= end) {
                None => break,
                Some((at, due)) => {
                    {
                        let mut fake = self.fake.borrow_mut();
                        fake.now = fake.now.max(at);
                    }
                    self.run_due(due);
                }
            }
        }
        self.fake.borrow_mut().now = end;
    }

    fn run_due(&self, due: Due) {
        match due {
            Due::Timer(timer) => {
                self.fake.borrow_mut().timers.remove(&timer);
                // After a fault, only the instance is lost. A timer has no client to close.
                let _ = self.run(|handler| handler.fired(Timer::new(timer)));
                self.run_until_quiet();
            }
            Due::Notice(client) => {
                if let Some(expiry) = self.fake.borrow_mut().expiry_of(client) {
                    expiry.notice = None;
                }
                if self.code().has_expiry {
                    let client = Client::from_id(client);
                    self.run_for(client, |handler| handler.expiring(client));
                }
            }
            Due::Expiry(client) => {
                if let Some(client) = self.fake.borrow_mut().clients.get_mut(&client) {
                    client.expiry = None;
                }
                self.close(Client::from_id(client), 1008, "expired", Cause::Expired);
                self.run_until_quiet();
            }
        }
    }
}

impl Fake {
    fn next_due(&self) -> Option<(Duration, Due)> {
        let timers = self.timers.iter().map(|(timer, at)| (*at, Due::Timer(*timer)));
        let open = self.clients.iter().filter(|(_, client)| client.is_open());
        let expiries = open.filter_map(|(id, client)| client.expiry.map(|expiry| (*id, expiry)));
        let clients = expiries.flat_map(|(id, expiry)| {
            let notice = expiry.notice.map(|at| (at, Due::Notice(id)));
            notice.into_iter().chain([(expiry.deadline, Due::Expiry(id))])
        });
        timers.chain(clients).min()
    }

    fn expiry_of(&mut self, client: u64) -> Option<&mut super::fake_client::Expiry> {
        self.clients.get_mut(&client)?.expiry.as_mut()
    }
}
