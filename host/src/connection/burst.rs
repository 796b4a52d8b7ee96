//! A burst: the input of one read, from which the guest takes several messages in one call.

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use ws_host_protocol::{Event, Inbound};

use super::auto_answer;
use super::buffer::Buffer;
use super::end::ConnectionEnd;
use super::transport::Transport;
use crate::actor::Turn;
use crate::clients::{Client, OutboundBuffer};
use crate::config::ResourceConfig;
use crate::guest::{self, Fault, Message, MessageKind, Messages};
use crate::ownership::Ownership;
use crate::slice::{self, Slice};

/// The maximum length of a message in a burst, in bytes. For longer messages, the cost of a separate call hardly
/// matters, and a burst would copy each message one more time.
const MAX_MESSAGE: usize = 4 << 10;

/// The maximum number of messages that the guest gets at once. A larger number would hardly make each message cheaper.
const MAX_MESSAGES: usize = 64;

/// The maximum number of bytes that the guest gets at once. The guest needs memory for this much anyway, because a
/// single message may be this long.
const MAX_CONTENTS: usize = MAX_MESSAGE;

/// Input, and the parser that finds the messages in it.
pub(super) struct Burst {
    pub(super) inbound: Inbound,
    pub(super) buffer: Buffer,
    pub(super) unread: Range<usize>,
    settings: Arc<ResourceConfig>,
    /// The right to run the actor, if the actor is unique in the cluster.
    ownership: Option<Arc<dyn Ownership>>,
    high_water_mark: usize,
    /// The slice in which the burst began. Once the call has been suspended, the slice is over and other tasks come
    /// first.
    slice: Slice,
    /// The messages in the unread input that have already been copied for the guest, in order.
    copied: VecDeque<Copied>,
    /// The kind of all copied messages.
    copied_kind: MessageKind,
    /// The number of messages that the guest has taken.
    pub(super) taken: usize,
    /// Set if the client broke the protocol.
    pub(super) end: Option<ConnectionEnd>,
}

/// A message that is still in the unread input, but has already been copied for the guest.
struct Copied {
    /// The length in bytes, with the header.
    length: u32,
    payload_length: u32,
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
        settings: Arc<ResourceConfig>,
        ownership: Option<Arc<dyn Ownership>>,
        high_water_mark: usize,
    ) -> Self {
        let slice = slice::current();
        let copied = VecDeque::new();
        Self {
            inbound,
            buffer,
            unread,
            settings,
            ownership,
            high_water_mark,
            slice,
            copied,
            copied_kind: MessageKind::Text,
            taken: 0,
            end: None,
        }
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

    /// Returns whether other tasks should run now. The first message is always delivered.
    fn is_over(&self) -> bool {
        self.taken > 0 && (!self.is_same_slice() || slice::is_over())
    }

    /// Returns whether this host may still run the actor.
    fn is_held(&self) -> bool {
        self.ownership.as_ref().is_none_or(|ownership| ownership.is_held())
    }

    /// Returns whether the client's messages may still be delivered. Makes the checks that are otherwise made between
    /// two calls.
    fn may_deliver(&self, client: &Client, outbound: &OutboundBuffer) -> bool {
        self.end.is_none()
            && !outbound.is_aborted()
            && !outbound.frames.is_closing()
            && !client.is_input_paused(outbound, self.high_water_mark)
    }

    /// Appends messages of this kind from the front of the unread input to `contents`, which already holds one message.
    /// Stops at a message of another kind. Returns the end offset of each message in `contents`, including the one that
    /// it already held.
    fn copy_messages(&mut self, kind: MessageKind, contents: &mut Vec<u8>) -> Vec<u32> {
        let mut ends = Vec::with_capacity(MAX_MESSAGES);
        ends.push(contents.len() as u32);
        self.copied.reserve(MAX_MESSAGES);
        self.copied_kind = kind;
        let mut unread = &self.buffer[self.unread.clone()];
        contents.reserve(unread.len().min(MAX_CONTENTS.saturating_sub(contents.len())));
        while ends.len() < MAX_MESSAGES {
            let (start, left) = (contents.len(), MAX_CONTENTS.saturating_sub(contents.len()));
            let Some(message) = self.inbound.peek(unread, left) else { break };
            if message.is_text() != (kind == MessageKind::Text) {
                break;
            }
            message.append_to(contents);
            // A message whose content has an automatic answer is not copied. It is left to `next`, which sends the
            // answer if the message is a text message.
            if auto_answer(&self.settings.auto_answers, &contents[start..]).is_some() {
                contents.truncate(start);
                break;
            }
            let (length, payload_length) =
                (message.length() as u32, (contents.len() - start) as u32);
            self.copied.push_back(Copied { length, payload_length });
            ends.push(contents.len() as u32);
            unread = &unread[message.length()..];
        }
        ends
    }

    /// Like [`copy_messages`](Self::copy_messages), for texts. Copies only texts that are valid UTF-8.
    fn copy_texts(&mut self, first: String) -> (String, Vec<u32>) {
        let mut contents = first.into_bytes();
        let mut ends = self.copy_messages(MessageKind::Text, &mut contents);
        let mut texts = String::from_utf8(contents).unwrap_or_else(|error| {
            let valid = error.utf8_error().valid_up_to();
            String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned()
        });
        // Two texts that are invalid on their own can be valid when joined.
        let is_valid = |end: &&u32| texts.is_char_boundary(**end as usize);
        ends.truncate(ends.iter().take_while(is_valid).count());
        self.copied.truncate(ends.len().saturating_sub(1));
        texts.truncate(ends.last().map_or(0, |end| *end as usize));
        (texts, ends)
    }
}

impl guest::Burst for Burst {
    /// Only messages can be in a burst. Anything else ends the burst, and the connection handles it afterwards as a
    /// single event.
    fn next(&mut self, client: &Client) -> Option<Message> {
        self.copied.clear();
        while !self.is_over() {
            self.inbound.whole_message(&self.buffer[self.unread.clone()], MAX_MESSAGE)?;
            let mut outbound = client.outbound();
            if !self.may_deliver(client, &outbound) {
                return None;
            }
            let mut input = &mut self.buffer[self.unread.clone()];
            let event = self.inbound.handle_input(&mut input, &mut outbound.frames);
            self.unread.start = self.unread.end - input.len();
            let message = match event {
                Some(Event::Text(text)) => {
                    outbound.traffic.received(text.len());
                    let answers = &self.settings.auto_answers;
                    // `None`, because the import that calls this function has just checked the right to run the actor.
                    if super::send_auto_answer(answers, None, &text, &mut outbound) {
                        if !self.is_held() {
                            return None;
                        }
                        continue;
                    }
                    Message::Text(text.into_owned())
                }
                Some(Event::Binary(bytes)) => {
                    outbound.traffic.received(bytes.len());
                    Message::Binary(bytes.into_owned())
                }
                Some(Event::Failed(error)) => {
                    self.end = Some(ConnectionEnd::Failed(error));
                    return None;
                }
                // This cannot happen, because `Inbound::whole_message` has found a whole message.
                Some(Event::Ping(_) | Event::Pong(_) | Event::Closed(_)) | None => return None,
            };
            self.taken += 1;
            return Some(message);
        }
        None
    }

    fn next_many(&mut self, client: &Client) -> Option<Messages> {
        Some(match self.next(client)? {
            Message::Text(first) => Messages::Text(self.copy_texts(first)),
            Message::Binary(mut contents) => {
                let ends = self.copy_messages(MessageKind::Binary, &mut contents);
                Messages::Binary((contents, ends))
            }
        })
    }

    fn advance(&mut self, client: &Client) -> Option<MessageKind> {
        if self.is_over() {
            return None;
        }
        let mut outbound = client.outbound();
        if !self.may_deliver(client, &outbound) {
            return None;
        }
        let Copied { length, payload_length } = self.copied.pop_front()?;
        outbound.traffic.received(payload_length as usize);
        self.unread.start += length as usize;
        self.taken += 1;
        Some(self.copied_kind)
    }
}
