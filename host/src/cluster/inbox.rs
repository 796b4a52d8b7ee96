//! Messages from the broker, on their way to the delivery queues of the workers.

use std::time::Instant;

use super::counters::Dropped;
use super::envelope::{Envelope, Malformed, Sender, frame};
use super::interest::Interest;
use super::shared::Shared;

/// The header of a received message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Header<'a> {
    Missing,
    Text(&'a str),
}

impl Shared {
    /// Delivers a message to the subscribers of a topic on this host, or drops and counts it. Never waits.
    pub(super) fn receive(&self, interest: &Interest, header: Header<'_>, payload: &[u8]) {
        self.counters.add_received();
        let envelope = match header {
            Header::Missing => Ok(None),
            Header::Text(text) => Envelope::parse(text).map(Some),
        };
        let dropped = match envelope {
            Ok(envelope) => self.deliver(interest, envelope, payload),
            Err(Malformed) => Err(Dropped::Malformed),
        };
        if let Err(why) = dropped {
            self.counters.add_dropped(why, 1);
        }
    }

    fn deliver(
        &self,
        interest: &Interest,
        envelope: Option<Envelope>,
        payload: &[u8],
    ) -> Result<(), Dropped> {
        if let Some(Sender { host, connection }) = envelope.and_then(|envelope| envelope.sender) {
            // This host published the message, and its own clients got the message at that time. The broker may send
            // the message back to this host if the message was still in transit when this connection was made.
            if host == self.host {
                return Ok(());
            }
            if interest.is_late(Sender { host, connection }, Instant::now()) {
                return Err(Dropped::Late);
            }
        }
        // `None` if the resource has been removed.
        let Some(topics) = interest.topics.upgrade() else { return Ok(()) };
        let message = frame(envelope, payload).map_err(|Malformed| Dropped::Malformed)?;
        match topics.deliver(&interest.key.topic, message) {
            true => Ok(()),
            false => Err(Dropped::NoRoom),
        }
    }
}
