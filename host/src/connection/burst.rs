//! What one read brought, while the guest takes messages from it in one call.

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use ws_host_protocol::{Event, Inbound};

use super::buffer::Buffer;
use super::end::ConnectionEnd;
use super::transport::Transport;
use crate::actor::Turn;
use crate::clients::Client;
use crate::config::Resource;
use crate::guest::{self, Fault, Message};
use crate::slice::{self, Slice};

/// The longest message of a burst, in octets. Beside what a longer one costs, a call is nothing; and each is
/// copied once more than by a call of its own.
const LONGEST: usize = 4 << 10;

/// Input with messages in it, and the machine that finds them.
pub(super) struct Burst {
    pub(super) inbound: Inbound,
    pub(super) buffer: Buffer,
    pub(super) unread: Range<usize>,
    settings: Arc<Resource>,
    high_water: usize,
    /// A call that has waited was not the only one: others are first then.
    slice: Slice,
    /// Messages that the guest has taken.
    pub(super) taken: usize,
    /// The client broke the protocol.
    pub(super) end: Option<ConnectionEnd>,
}

/// Whether two messages are there that may be taken in one call.
#[inline]
pub(super) fn is_worth_it(inbound: &Inbound, unread: &[u8]) -> bool {
    inbound.has_two_whole_messages(unread, LONGEST)
}

impl Burst {
    pub(super) fn new(
        inbound: Inbound,
        buffer: Buffer,
        unread: Range<usize>,
        settings: Arc<Resource>,
        high_water: usize,
    ) -> Self {
        let slice = slice::current();
        Self { inbound, buffer, unread, settings, high_water, slice, taken: 0, end: None }
    }

    /// Whether it is still the slice of time in which it began.
    pub(super) fn has_slice(&self) -> bool {
        self.slice == slice::current()
    }

    /// Has the guest take what it can. The burst comes back with what is left, and beside it, what became of the
    /// call and of the line.
    pub(super) async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(
        self: Box<Self>,
        held: &mut Turn<'_>,
        client: &Arc<Client>,
        transport: &mut Transport<S>,
    ) -> (Result<(), Fault>, Box<Self>, Result<(), ConnectionEnd>) {
        let waiting = self.buffer.len();
        let call = pin!(held.received_burst(client, self));
        let ((called, burst), transport) = transport.drive(client, waiting, call).await;
        (called, burst, transport)
    }
}

impl guest::Burst for Burst {
    /// Looks before each message at all that is looked at between two calls. What needs more than to go on
    /// with the next message ends the burst, and is found again by who began it.
    fn next(&mut self, client: &Client) -> Option<Message> {
        while self.taken == 0 || (self.has_slice() && !slice::is_over()) {
            let mut input = &mut self.buffer[self.unread.clone()];
            self.inbound.whole_message(input, LONGEST)?;
            let mut outgoing = client.outgoing();
            if self.end.is_some()
                || outgoing.is_aborted()
                || outgoing.outbound.is_closing()
                || client.is_input_paused(&outgoing, self.high_water)
            {
                return None;
            }
            let event = self.inbound.handle_input(&mut input, &mut outgoing.outbound);
            self.unread.start = self.unread.end - input.len();
            let message = match event {
                Some(Event::Text(text)) => {
                    if super::answer(&self.settings.auto_answers, &text, &mut outgoing) {
                        continue;
                    }
                    Message::Text(text.into_owned())
                }
                Some(Event::Binary(bytes)) => Message::Binary(bytes.into_owned()),
                Some(Event::Failed(error)) => {
                    self.end = Some(ConnectionEnd::Failed(error));
                    return None;
                }
                // A message lies there whole, and nothing of these is one.
                Some(Event::Ping(_) | Event::Pong(_) | Event::Closed(_)) | None => return None,
            };
            self.taken += 1;
            return Some(message);
        }
        None
    }
}
