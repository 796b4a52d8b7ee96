//! The receiving state machine: bytes in, events out.

use std::borrow::Cow;

use crate::Role;
use crate::check::{self, Encoding};
use crate::close::CloseFrame;
use crate::deflate::{Inflater, PerMessageDeflate};
use crate::draft00::Reader;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::frame::{self, Fin, Header, MAX_HEADER, Opcode, RSV1};
use crate::frame_skipper::FrameSkipper;
use crate::input::{borrow_message, take};
use crate::limits::Limits;
use crate::message::Assembly;
use crate::replies::Replies;
use crate::whole_message::WholeMessage;

/// The receiving state machine of a connection.
#[derive(Debug)]
pub struct Inbound {
    role: Role,
    limits: Limits,
    stage: Stage,
    /// The message that is being received. An uncompressed message that arrives whole is not stored here, but borrowed
    /// from the input.
    message: Option<Box<Assembly>>,
    deflate: Option<Box<Inflater>>,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum Stage {
    /// A header. `partial` holds its first `length` bytes.
    Header { partial: [u8; MAX_HEADER], length: usize },
    /// The payload of a data frame.
    Data { header: Header, remaining: usize },
    /// The payload of a control frame. `payload` holds its first bytes.
    Control { header: Header, payload: Vec<u8> },
    /// The framing of draft 00.
    Draft00(Reader),
    /// The connection has failed. Input is skipped up to the peer's close frame.
    Failed(FrameSkipper),
    /// The connection has ended. Input is ignored.
    Ended,
}

impl Stage {
    const START: Self = Self::Header { partial: [0; MAX_HEADER], length: 0 };
}

impl Inbound {
    /// Creates the receiving state machine of an endpoint in this role.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self { role, limits, stage: Stage::START, message: None, deflate: None }
    }

    /// Creates the receiving state machine of a server whose client speaks
    /// [draft 00](crate::handshake::Version::Draft00). Only [`Limits::max_message`] applies.
    pub fn draft00(limits: Limits) -> Self {
        Self { stage: Stage::Draft00(Reader::Type), ..Self::new(Role::Server, limits) }
    }

    /// Accepts compressed messages as negotiated with the peer. Call this function before the first byte is handled.
    pub fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        self.deflate = Some(Box::new(Inflater::new(agreed, self.role)));
    }

    /// Consumes bytes from the front of `input`, up to and including the next event. On [`Event::Failed`], all of
    /// `input` is consumed.
    ///
    /// `replies` receives the protocol's own answers to a ping, a close frame and a failure. Usually it is the
    /// [`Outbound`](crate::Outbound) of the connection. A result of `None` means that all of `input` is used up: call
    /// again when more has arrived. After the last event, input is consumed and ignored.
    ///
    /// Once `replies` is closing, messages are read to their end but not reported. Pongs and the peer's close frame are
    /// still reported.
    pub fn handle_input<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        replies: &mut impl Replies,
    ) -> Option<Event<'a>> {
        while !input.is_empty() {
            match self.step(input, replies) {
                Ok(None) => {}
                Ok(Some(event)) => return Some(event),
                Err(error) => {
                    self.fail(take(input, usize::MAX));
                    replies.fail(error);
                    return Some(Event::Failed(error));
                }
            }
        }
        None
    }

    /// Returns the length of the message at the front of `input`, including its header. Returns `None` unless the whole
    /// message is in `input`, in one frame with a payload of at most `max_payload` bytes. The frame is not validated
    /// yet.
    #[inline]
    pub fn whole_message(&self, input: &[u8], max_payload: usize) -> Option<usize> {
        if !frame::begins_whole_message(*input.first()?) || self.message.is_some() {
            return None;
        }
        let Stage::Header { length: 0, .. } = self.stage else { return None };
        let header = frame::header_length(input)?;
        let payload = usize::try_from(frame::payload_length(input.get(..header)?)).ok()?;
        (payload <= max_payload && payload <= input.len() - header).then(|| header + payload)
    }

    /// Returns whether `input` begins with two messages for which [`whole_message`](Self::whole_message) returns a
    /// length.
    #[inline]
    pub fn has_two_whole_messages(&self, input: &[u8], max_payload: usize) -> bool {
        // Most input is a single frame, so this is checked first.
        !frame::is_single_short_frame(input)
            && self
                .whole_message(input, max_payload)
                .is_some_and(|first| self.whole_message(&input[first..], max_payload).is_some())
    }

    /// Returns the message at the front of `input`, and consumes nothing. The message must be whole, in one frame with
    /// a payload of at most `max_payload` bytes, and uncompressed. Returns `None` for anything else, including invalid
    /// input.
    ///
    /// A caller that delivers this message may drop it from the input, instead of passing it to
    /// [`handle_input`](Self::handle_input). A text must be checked first: a message that is not valid UTF-8 must be
    /// passed to [`handle_input`](Self::handle_input), which fails the connection. Once the outbound state machine is
    /// closing, messages must not be delivered.
    #[must_use]
    pub fn peek<'a>(&self, input: &'a [u8], max_payload: usize) -> Option<WholeMessage<'a>> {
        let (Stage::Header { length: 0, .. }, None) = (&self.stage, &self.message) else {
            return None;
        };
        let (header, used) = Header::decode(input).ok()??;
        let end = used.checked_add(usize::try_from(header.length).ok()?)?;
        let payload = input.get(used..end)?;
        if header.opcode.is_control() || header.fin == Fin::More || payload.len() > max_payload {
            return None;
        }
        // No extension bits are allowed here, so compressed messages are refused as well.
        check::header(&header, self.role, None, &self.limits, 0).ok()?;
        Some(WholeMessage::new(header, payload, end))
    }

    /// Returns whether the last event has been reported.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Failed(_) | Stage::Ended)
    }

    /// Returns whether the peer's close frame has arrived.
    ///
    /// After [`Event::Failed`], the peer has not answered this endpoint's close frame yet. Keep passing the peer's
    /// bytes to [`handle_input`](Self::handle_input) until `has_peer_closed` returns true, and then close the
    /// connection. Closing it earlier could reset the connection, and the peer would lose the close frame. If the
    /// boundaries of the frames after the failure are unknown, `has_peer_closed` returns true at once.
    #[must_use]
    pub fn has_peer_closed(&self) -> bool {
        match &self.stage {
            Stage::Failed(skipper) => skipper.has_seen_close(),
            Stage::Ended => true,
            _ => false,
        }
    }

    /// Returns how many bytes of memory the partially received message occupies.
    #[must_use]
    pub fn held(&self) -> usize {
        match (&self.message, &self.stage) {
            (Some(message), _) => message.capacity(),
            (None, Stage::Draft00(reader)) => reader.held(),
            (None, _) => 0,
        }
    }

    fn end(&mut self) {
        self.stage = Stage::Ended;
        self.message = None;
        self.deflate = None;
    }

    /// Fails the connection. `rest` is the input after the failure. A frame in `rest` ends where the frame's header
    /// says, even if the frame is otherwise invalid.
    fn fail(&mut self, rest: &[u8]) {
        let mut skipper = match &self.stage {
            Stage::Header { partial, length } => FrameSkipper::in_header(*partial, *length),
            Stage::Data { remaining, .. } => FrameSkipper::in_payload(*remaining as u64),
            Stage::Failed(skipper) => *skipper,
            Stage::Control { .. } | Stage::Draft00(_) | Stage::Ended => FrameSkipper::after_close(),
        };
        self.end();
        skipper.skip(rest);
        self.stage = Stage::Failed(skipper);
    }

    fn step<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        replies: &mut impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        match &mut self.stage {
            Stage::Header { partial, length } => match read_header(partial, length, input)? {
                Some(header) => self.begin_frame(header, input, replies),
                None => Ok(None),
            },
            Stage::Data { .. } => self.continue_data(input, replies),
            Stage::Control { .. } => self.continue_control(input, replies),
            Stage::Draft00(reader) => {
                let event = reader.step(input, self.limits.max_message, replies)?;
                if matches!(event, Some(Event::Closed(_))) {
                    self.end();
                }
                Ok(event)
            }
            Stage::Failed(skipper) => {
                skipper.skip(take(input, usize::MAX));
                Ok(None)
            }
            Stage::Ended => {
                take(input, usize::MAX);
                Ok(None)
            }
        }
    }

    fn begin_frame<'a>(
        &mut self,
        mut header: Header,
        input: &mut &'a mut [u8],
        replies: &mut impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let unfinished = self.message.as_ref().map(|message| message.unfinished());
        let extended = if self.deflate.is_some() { RSV1 } else { 0 };
        if let Err(error) = check::header(&header, self.role, unfinished, &self.limits, extended) {
            self.stage = Stage::Failed(match header.opcode {
                // Nothing follows a close frame, even if the close frame is malformed.
                Opcode::Close => FrameSkipper::after_close(),
                _ => FrameSkipper::in_payload(header.length),
            });
            return Err(error);
        }
        // This cannot truncate: `check::header` has compared the length with a limit that is a usize.
        let length = header.length as usize;
        if length <= input.len() && header.opcode.is_control() {
            let payload = unmask(&mut header, take(input, length));
            return self.control(header.opcode, Cow::Borrowed(payload), replies);
        }
        if header.opcode.is_control() {
            self.stage = Stage::Control { header, payload: Vec::with_capacity(length) };
            return Ok(None);
        }
        let is_whole = length <= input.len() && header.fin == Fin::Last;
        let encoding = Encoding::of(&header);
        let can_borrow = is_whole && self.message.is_none() && encoding == Encoding::Plain;
        if can_borrow && !replies.is_closing() {
            let payload = unmask(&mut header, take(input, length));
            return borrow_message(header.opcode, payload).map(Some);
        }
        self.message
            .get_or_insert_with(|| Box::new(Assembly::new(header.opcode, encoding)))
            .begin_fragment();
        self.stage = Stage::Data { header, remaining: length };
        // An empty fragment is already complete.
        self.continue_data(input, replies)
    }

    fn continue_data<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        replies: &impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let (Stage::Data { header, remaining }, Some(message)) =
            (&mut self.stage, &mut self.message)
        else {
            return Ok(None);
        };
        let part = take(input, *remaining);
        *remaining -= part.len();
        if replies.is_closing() {
            message.discard();
        }
        match &mut self.deflate {
            Some(inflater) if message.is_deflated() => {
                message.count_deflated(part.len());
                inflater.inflate(unmask(header, part), self.limits.max_message, message)?;
            }
            _ => {
                message.reserve(part.len(), *remaining);
                message.push(unmask(header, part))?;
            }
        }
        if *remaining > 0 {
            return Ok(None);
        }
        let fin = header.fin;
        self.stage = Stage::START;
        match (fin, self.message.take()) {
            (Fin::Last, Some(message)) => {
                if let Some(inflater) = &mut self.deflate
                    && message.is_deflated()
                {
                    inflater.finish(&message)?;
                }
                message.finish()
            }
            (_, message) => {
                self.message = message;
                Ok(None)
            }
        }
    }

    fn continue_control<'a>(
        &mut self,
        input: &mut &'a mut [u8],
        replies: &mut impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        let Stage::Control { header, payload } = &mut self.stage else {
            return Ok(None);
        };
        let missing = header.length as usize - payload.len();
        payload.extend_from_slice(unmask(header, take(input, missing)));
        if payload.len() < header.length as usize {
            return Ok(None);
        }
        let (opcode, payload) = (header.opcode, std::mem::take(payload));
        self.control(opcode, Cow::Owned(payload), replies)
    }

    fn control<'a>(
        &mut self,
        opcode: Opcode,
        payload: Cow<'a, [u8]>,
        replies: &mut impl Replies,
    ) -> Result<Option<Event<'a>>, ProtocolError> {
        self.stage = Stage::START;
        match opcode {
            // §5.5.2: a pong with the same application data answers a ping.
            Opcode::Ping => {
                replies.pong(&payload);
                Ok(Some(Event::Ping(payload)))
            }
            Opcode::Pong => Ok(Some(Event::Pong(payload))),
            // §5.5.1: the answer to a close frame is a close frame with the same code.
            Opcode::Close => {
                self.stage = Stage::Failed(FrameSkipper::after_close());
                let frame = CloseFrame::decode(&payload)?;
                replies.close(frame.as_ref());
                self.end();
                Ok(Some(Event::Closed(frame)))
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => Ok(None),
        }
    }
}

/// Reads a header that begins in `partial`, or at the front of `input` if `partial` is empty. An incomplete header is
/// moved to `partial`.
fn read_header(
    partial: &mut [u8; MAX_HEADER],
    length: &mut usize,
    input: &mut &mut [u8],
) -> Result<Option<Header>, ProtocolError> {
    if *length == 0
        && let Some((header, used)) = Header::decode(input)?
    {
        take(input, used);
        return Ok(Some(header));
    }
    let kept = *length;
    let more = input.len().min(MAX_HEADER - kept);
    partial[kept..kept + more].copy_from_slice(&input[..more]);
    match Header::decode(&partial[..kept + more])? {
        Some((header, used)) => {
            take(input, used - kept);
            *length = 0;
            Ok(Some(header))
        }
        None => {
            take(input, more);
            *length = kept + more;
            Ok(None)
        }
    }
}

fn unmask<'a>(header: &mut Header, payload: &'a mut [u8]) -> &'a [u8] {
    if let Some(key) = &mut header.mask {
        key.apply(payload);
    }
    payload
}
