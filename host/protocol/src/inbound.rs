//! What the peer sends: octets in, events out.

use std::borrow::Cow;

use crate::Role;
use crate::check::{self, Encoding};
use crate::close::CloseFrame;
use crate::deflate::{Inflater, PerMessageDeflate};
use crate::draft00::Reader;
use crate::error::ProtocolError;
use crate::event::Event;
use crate::farewell::Farewell;
use crate::frame::{self, Fin, Header, MAX_HEADER, Opcode, RSV1};
use crate::input::{lend, take};
use crate::limits::Limits;
use crate::message::Assembly;
use crate::replies::Replies;

/// The receiving machine of a connection.
#[derive(Debug)]
pub struct Inbound {
    role: Role,
    limits: Limits,
    stage: Stage,
    /// The message that is being received, from its first octet that could not be lent.
    message: Option<Box<Assembly>>,
    deflate: Option<Box<Inflater>>,
}

/// What the next octet is.
#[derive(Debug)]
enum Stage {
    /// Part of a header, of which these are here already.
    Header { partial: [u8; MAX_HEADER], length: usize },
    /// Part of a data frame's payload.
    Data { header: Header, remaining: usize },
    /// Part of a control frame's payload, of which these octets are here already.
    Control { header: Header, payload: Vec<u8> },
    /// What the framing of draft 00 says.
    Draft00(Reader),
    /// Nothing to us but the peer's close frame: the connection has failed.
    Failed(Farewell),
    /// Nothing to us: the connection has ended.
    Ended,
}

impl Stage {
    const START: Self = Self::Header { partial: [0; MAX_HEADER], length: 0 };
}

impl Inbound {
    /// The receiving machine of an endpoint in this role.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self { role, limits, stage: Stage::START, message: None, deflate: None }
    }

    /// The receiving machine of a server whose client speaks
    /// [draft 00](crate::handshake::Version::Draft00). Of the limits the length of a message holds.
    pub fn draft00(limits: Limits) -> Self {
        Self { stage: Stage::Draft00(Reader::Type), ..Self::new(Role::Server, limits) }
    }

    /// Lets the peer compress messages, as was agreed with it. To be called before its first octet.
    pub fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        self.deflate = Some(Box::new(Inflater::new(agreed, self.role)));
    }

    /// Takes octets from the front of `input` up to and including the next event, and with
    /// [`Event::Failed`] all of it.
    ///
    /// What the protocol itself answers, pings, a close frame and a failure, goes to `replies`: the
    /// [`Outbound`](crate::Outbound) of the connection. `None` means that all of `input` is used up; call again when
    /// there is more. After the last event, input is taken and ignored.
    ///
    /// Once `replies` is closing, messages are read to their end but no longer reported: pongs
    /// and the peer's close frame are.
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

    /// How much of the input the message has that lies at its front, if it lies there whole, in one frame with so
    /// long a payload at most. What is said of it is not checked yet.
    #[inline]
    pub fn whole_message(&self, input: &[u8], longest: usize) -> Option<usize> {
        if !frame::begins_whole_message(*input.first()?) || self.message.is_some() {
            return None;
        }
        let Stage::Header { length: 0, .. } = self.stage else { return None };
        let header = frame::header_length(input)?;
        let payload = usize::try_from(frame::payload_length(input.get(..header)?)).ok()?;
        (payload <= longest && payload <= input.len() - header).then(|| header + payload)
    }

    /// Whether two messages lie whole at the front of the input, as [`whole_message`](Self::whole_message) has it of one.
    #[inline]
    pub fn has_two_whole_messages(&self, input: &[u8], longest: usize) -> bool {
        // Most input is one frame.
        !frame::is_short_and_alone(input)
            && self
                .whole_message(input, longest)
                .is_some_and(|first| self.whole_message(&input[first..], longest).is_some())
    }

    /// Whether the last event has been reported.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.stage, Stage::Failed(_) | Stage::Ended)
    }

    /// Whether the peer's close frame has come.
    ///
    /// After [`Event::Failed`] the peer has not answered our close frame yet. Hand its octets to
    /// [`handle_input`](Self::handle_input) until this is true, and close the connection then: an earlier close can
    /// reset the connection, and the peer loses our close frame. If the frames behind the failure cannot be told
    /// apart, this is true at once.
    #[must_use]
    pub fn has_peer_closed(&self) -> bool {
        match &self.stage {
            Stage::Failed(farewell) => farewell.is_closed(),
            Stage::Ended => true,
            _ => false,
        }
    }

    /// How much memory the message has, in octets, of which a part has come.
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

    /// Frames end where their headers say, whatever is wrong inside. `rest` is what came behind the failure.
    fn fail(&mut self, rest: &[u8]) {
        let mut farewell = match &self.stage {
            Stage::Header { partial, length } => Farewell::in_header(*partial, *length),
            Stage::Data { remaining, .. } => Farewell::in_payload(*remaining as u64),
            Stage::Failed(farewell) => *farewell,
            Stage::Control { .. } | Stage::Draft00(_) | Stage::Ended => Farewell::behind_close(),
        };
        self.end();
        farewell.look(rest);
        self.stage = Stage::Failed(farewell);
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
            Stage::Failed(farewell) => {
                farewell.look(take(input, usize::MAX));
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
                // Whatever is wrong with it, nothing follows it.
                Opcode::Close => Farewell::behind_close(),
                _ => Farewell::in_payload(header.length),
            });
            return Err(error);
        }
        // `check::header` has held the length against a limit that is a usize.
        let length = header.length as usize;
        if length <= input.len() && header.opcode.is_control() {
            let payload = unmask(&mut header, take(input, length));
            return self.control(header.opcode, Cow::Borrowed(payload), replies);
        }
        if header.opcode.is_control() {
            self.stage = Stage::Control { header, payload: Vec::with_capacity(length) };
            return Ok(None);
        }
        let whole = length <= input.len() && header.fin == Fin::Last;
        let encoding = Encoding::of(&header);
        let can_lend = whole && self.message.is_none() && encoding == Encoding::Plain;
        if can_lend && !replies.is_closing() {
            return lend(header.opcode, unmask(&mut header, take(input, length))).map(Some);
        }
        self.message
            .get_or_insert_with(|| Box::new(Assembly::new(header.opcode, encoding)))
            .begin_fragment();
        self.stage = Stage::Data { header, remaining: length };
        // An empty fragment is complete without another octet.
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
            message.forget();
        }
        match &mut self.deflate {
            Some(inflater) if message.is_deflated() => {
                message.count_deflated(part.len());
                inflater.inflate(unmask(header, part), self.limits.max_message, message)?;
            }
            _ => {
                message.make_room(part.len(), *remaining);
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
            // §5.5.2: a ping is answered by a pong with the same application data.
            Opcode::Ping => {
                replies.pong(&payload);
                Ok(Some(Event::Ping(payload)))
            }
            Opcode::Pong => Ok(Some(Event::Pong(payload))),
            // §5.5.1: a close frame is answered by one with the same code.
            Opcode::Close => {
                self.stage = Stage::Failed(Farewell::behind_close());
                let frame = CloseFrame::decode(&payload)?;
                replies.close(frame.as_ref());
                self.end();
                Ok(Some(Event::Closed(frame)))
            }
            Opcode::Continuation | Opcode::Text | Opcode::Binary => Ok(None),
        }
    }
}

/// A header at the front of the input, or at the end of what is kept of one in `partial`.
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
