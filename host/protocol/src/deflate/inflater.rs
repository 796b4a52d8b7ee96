//! Messages of the peer, inflated as they come.

use flate2::{Decompress, FlushDecompress, Status};

use super::{PerMessageDeflate, TAIL, WindowBits, pool};
use crate::Role;
use crate::error::ProtocolError;
use crate::message::Assembly;
use crate::spare;

/// How much is inflated at a time, in octets: what a first level cache holds beside the window.
const STEP: usize = 16 << 10;

/// How often a message may end its DEFLATE stream and go on (§7.2.3.4). Senders do so once, if at all;
/// a stream costs us far more than the two octets of an empty one.
const MAX_STREAMS: u32 = 64;

/// An empty last block without compression. Wherever a block may begin, it ends the stream.
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];

/// The inflating side of a connection.
#[derive(Debug)]
pub(crate) struct Inflater {
    /// How much is kept between messages; `None`: nothing.
    window: Option<WindowBits>,
    /// The end of what was inflated so far, at most one window. It takes less memory than a decompressor, and it is
    /// right however a stream ended.
    history: Vec<u8>,
    /// What is wrong with the next message if it cannot be inflated.
    mistake: ProtocolError,
    role: Role,
    message: Option<Message>,
}

/// The message that is being inflated.
#[derive(Debug)]
struct Message {
    stream: Decompress,
    streams: u32,
    state: State,
    /// What is wrong if the stream cannot be inflated.
    mistake: ProtocolError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing has come of it.
    Empty,
    Flowing,
    /// The last block of a stream has ended.
    Ended,
}

impl Inflater {
    /// What the peer of an end in this role compresses.
    pub(crate) fn new(agreed: &PerMessageDeflate, role: Role) -> Self {
        Self {
            window: agreed.kept_window(),
            history: Vec::new(),
            mistake: ProtocolError::InvalidDeflate,
            role,
            message: None,
        }
    }

    /// Inflates the next part of a message. What comes of it is appended at once, up to `limit` octets
    /// of the whole message.
    pub(crate) fn inflate(
        &mut self,
        part: &[u8],
        limit: usize,
        to: &mut Assembly,
    ) -> Result<(), ProtocolError> {
        let message = match &mut self.message {
            Some(message) => message,
            begun => begun.insert(Message::new(&self.history, self.mistake)?),
        };
        let mut output = spare::take(STEP);
        let inflated = message.inflate(part, &mut output, |octets| to.push_within(octets, limit));
        spare::put_back(output);
        inflated
    }

    /// The message has come whole (§7.2.2).
    pub(crate) fn finish(&mut self, message: &Assembly) -> Result<(), ProtocolError> {
        if let Some(inflated) = self.message.take() {
            pool::give_back(inflated.finish()?);
        }
        match self.window {
            Some(window) => self.remember(message.octets(), window.octets()),
            // From now on there is something that must not be referred to, and perhaps is. The library does
            // not tell a reference to before the beginning from other mistakes in all cases.
            None => {
                self.mistake = ProtocolError::EarlierMessage(match self.role {
                    Role::Server => "client_no_context_takeover",
                    Role::Client => "server_no_context_takeover",
                });
            }
        }
        Ok(())
    }

    fn remember(&mut self, inflated: &[u8], window: usize) {
        let inflated = &inflated[inflated.len().saturating_sub(window)..];
        let excess = (self.history.len() + inflated.len()).saturating_sub(window);
        self.history.drain(..excess);
        // Never more than the window, which `extend` alone could reserve.
        let room = (self.history.len() + inflated.len()).next_power_of_two();
        self.history.reserve_exact(room - self.history.len());
        self.history.extend_from_slice(inflated);
    }
}

impl Message {
    fn new(history: &[u8], mistake: ProtocolError) -> Result<Self, ProtocolError> {
        let mut stream = pool::decompressor();
        if !history.is_empty() {
            stream.set_dictionary(history).map_err(|_| ProtocolError::InvalidDeflate)?;
        }
        Ok(Self { stream, streams: 1, state: State::Empty, mistake })
    }

    fn inflate(
        &mut self,
        mut input: &[u8],
        output: &mut Vec<u8>,
        mut take: impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        while !input.is_empty() {
            if self.state == State::Ended {
                self.begin_stream()?;
            }
            self.state = State::Flowing;
            loop {
                output.clear();
                let (status, used) = self.step(input, output)?;
                if used == 0 && output.is_empty() && !input.is_empty() {
                    return Err(ProtocolError::InvalidDeflate);
                }
                input = &input[used..];
                take(output)?;
                if status == Status::StreamEnd {
                    self.state = State::Ended;
                    break;
                }
                // With room left it has given all it could.
                if output.len() < output.capacity() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// What follows a last block is a stream that knows of nothing.
    fn begin_stream(&mut self) -> Result<(), ProtocolError> {
        if self.streams == MAX_STREAMS {
            return Err(ProtocolError::InvalidDeflate);
        }
        self.streams += 1;
        self.stream.reset(false);
        self.mistake = ProtocolError::InvalidDeflate;
        Ok(())
    }

    /// Checks that the message ends where a block does; gives the decompressor back.
    fn finish(mut self) -> Result<Decompress, ProtocolError> {
        if self.state != State::Flowing {
            // A last block needs no tail, whether the octet of §7.2.3.4 follows it or not.
            return Ok(self.stream);
        }
        // What is wrong from here on is that the message is cut short.
        self.mistake = ProtocolError::InvalidDeflate;
        // Both give nothing but to a stream that stopped inside of a block.
        if self.ends_with(&TAIL)? || self.ends_with(&LAST_BLOCK)? {
            Ok(self.stream)
        } else {
            Err(ProtocolError::InvalidDeflate)
        }
    }

    /// Whether the stream ends with these octets, and nothing comes of them.
    fn ends_with(&mut self, octets: &[u8]) -> Result<bool, ProtocolError> {
        let mut output = spare::take(STEP);
        let result = self.step(octets, &mut output);
        let is_silent = output.is_empty();
        spare::put_back(output);
        match result? {
            (status, used) if is_silent && used == octets.len() => Ok(status == Status::StreamEnd),
            _ => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// Inflates as much as there is room for; gives how much of the input was used.
    fn step(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(Status, usize), ProtocolError> {
        let before = self.stream.total_in();
        match self.stream.decompress_vec(input, output, FlushDecompress::None) {
            Ok(status) => Ok((status, (self.stream.total_in() - before) as usize)),
            Err(_) => Err(self.mistake),
        }
    }
}
