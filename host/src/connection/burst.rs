//! A burst: the input of one read, from which the guest takes several messages in one call.

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

/// The longest message of a burst, in bytes. For longer messages, the cost of a separate call hardly matters, and a
/// burst would copy each message one more time.
const MAX_MESSAGE: usize = 4 << 10;

/// Input, and the parser that finds the messages in it.
pub(super) struct Burst {
    pub(super) inbound: Inbound,
    pub(super) buffer: Buffer,
    pub(super) unread: Range<usize>,
    settings: Arc<Resource>,
    high_water_mark: usize,
    /// The slice in which the burst began. Once the call has been suspended, the slice is over and other tasks come
    /// first.
    slice: Slice,
    /// The number of messages that the guest has taken.
    pub(super) taken: usize,
    /// Set if the client broke the protocol.
    pub(super) end: Option<ConnectionEnd>,
}

/// Returns whether the input holds at least two whole messages that the guest may take in one call.
#[inline]
pub(super) fn is_worthwhile(inbound: &Inbound, unread: &[u8]) -> bool {
    inbound.has_two_whole_messages(unread, MAX_MESSAGE)
}

impl Burst {
    pub(super) fn new(
        inbound: Inbound,
        buffer: Buffer,
        unread: Range<usize>,
        settings: Arc<Resource>,
        high_water_mark: usize,
    ) -> Self {
        let slice = slice::current();
        Self { inbound, buffer, unread, settings, high_water_mark, slice, taken: 0, end: None }
    }

    /// Returns whether the current slice is still the one in which the burst began.
    pub(super) fn is_same_slice(&self) -> bool {
        self.slice == slice::current()
    }

    /// Lets the guest take as many messages as it can. Returns the result of the call, the burst with the unread input,
    /// and the result of the transport.
    pub(super) async fn deliver<S: AsyncRead + AsyncWrite + Unpin>(
        self: Box<Self>,
        turn: &mut Turn<'_>,
        client: &Arc<Client>,
        transport: &mut Transport<S>,
    ) -> (Result<(), Fault>, Box<Self>, Result<(), ConnectionEnd>) {
        let waiting = self.buffer.len();
        let call = pin!(turn.call_received_burst(client, self));
        let ((call_result, burst), transport_result) = transport.drive(client, waiting, call).await;
        (call_result, burst, transport_result)
    }
}

impl guest::Burst for Burst {
    /// Before each message, makes the checks that are otherwise made between two calls. Only messages can be in a
    /// burst. Anything else ends the burst, and the connection handles it afterwards as a single event.
    fn next(&mut self, client: &Client) -> Option<Message> {
        while self.taken == 0 || (self.is_same_slice() && !slice::is_over()) {
            let mut input = &mut self.buffer[self.unread.clone()];
            self.inbound.whole_message(input, MAX_MESSAGE)?;
            let mut outgoing = client.outgoing();
            if self.end.is_some()
                || outgoing.is_aborted()
                || outgoing.outbound.is_closing()
                || client.is_input_paused(&outgoing, self.high_water_mark)
            {
                return None;
            }
            let event = self.inbound.handle_input(&mut input, &mut outgoing.outbound);
            self.unread.start = self.unread.end - input.len();
            let message = match event {
                Some(Event::Text(text)) => {
                    outgoing.traffic.received(text.len());
                    let answers = &self.settings.auto_answers;
                    if super::send_auto_answer(answers, &text, &mut outgoing) {
                        continue;
                    }
                    Message::Text(text.into_owned())
                }
                Some(Event::Binary(bytes)) => {
                    outgoing.traffic.received(bytes.len());
                    Message::Binary(bytes.into_owned())
                }
                Some(Event::Failed(error)) => {
                    self.end = Some(ConnectionEnd::Failed(error));
                    return None;
                }
                // This does not happen: `whole_message` has found a whole message, and none of these is one.
                Some(Event::Ping(_) | Event::Pong(_) | Event::Closed(_)) | None => return None,
            };
            self.taken += 1;
            return Some(message);
        }
        None
    }
}
