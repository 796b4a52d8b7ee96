//! Incremental decompression of incoming messages.

use flate2::{Decompress, FlushDecompress, Status};

use super::{PerMessageDeflate, TAIL, WindowBits, pool};
use crate::Role;
use crate::buffer_pool;
use crate::error::ProtocolError;
use crate::message::Assembly;

/// The number of bytes inflated at a time. Together with the window, they fit into an L1 cache.
const STEP: usize = 16 << 10;

/// The maximum number of DEFLATE streams in one message (§7.2.3.4). A sender ends a stream at most once within a
/// message. The limit is needed because an empty stream costs a sender two bytes, but costs the receiver far more.
const MAX_STREAMS: u32 = 64;

/// A final stored block of length zero. It can end a stream at any block boundary.
const LAST_BLOCK: [u8; 5] = [0x01, 0x00, 0x00, 0xff, 0xff];

/// The inflating side of a connection.
#[derive(Debug)]
pub(crate) struct Inflater {
    /// The size of the window kept between messages. `None` if nothing is kept.
    window: Option<WindowBits>,
    /// The last part of the data inflated so far, at most one window. Keeping this data takes less memory than keeping
    /// a decompressor, and works regardless of how a stream ended.
    history: Vec<u8>,
    /// The error to report if the next message cannot be inflated.
    error: ProtocolError,
    role: Role,
    message: Option<Message>,
}

/// The message that is being inflated.
#[derive(Debug)]
struct Message {
    stream: Decompress,
    streams: u32,
    state: State,
    /// The error to report if the stream cannot be inflated.
    error: ProtocolError,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No bytes have arrived.
    Empty,
    /// A stream has begun and not ended.
    InStream,
    /// The last block of a stream has ended.
    Ended,
}

impl Inflater {
    /// Creates the inflating side of an endpoint in this role.
    pub(crate) fn new(agreed: &PerMessageDeflate, role: Role) -> Self {
        Self {
            window: agreed.kept_window(),
            history: Vec::new(),
            error: ProtocolError::InvalidDeflate,
            role,
            message: None,
        }
    }

    /// Inflates the next part of a message and appends the output to `to`, up to `limit` bytes for the whole message.
    pub(crate) fn inflate(
        &mut self,
        part: &[u8],
        limit: usize,
        to: &mut Assembly,
    ) -> Result<(), ProtocolError> {
        let message = match &mut self.message {
            Some(message) => message,
            none => none.insert(Message::new(&self.history, self.error)?),
        };
        let mut output = buffer_pool::take(STEP);
        let inflated = message.inflate(part, &mut output, |bytes| to.push_within(bytes, limit));
        buffer_pool::put_back(output);
        inflated
    }

    /// Completes a message after its last part (§7.2.2).
    pub(crate) fn finish(&mut self, message: &Assembly) -> Result<(), ProtocolError> {
        if let Some(inflated) = self.message.take() {
            pool::put_back_decompressor(inflated.finish()?);
        }
        match self.window {
            Some(window) => self.append_history(message.payload(), window.bytes()),
            // From now on, a message could wrongly refer to an earlier one. The library cannot always distinguish this
            // mistake from other errors.
            None => {
                self.error = ProtocolError::EarlierMessage(match self.role {
                    Role::Server => "client_no_context_takeover",
                    Role::Client => "server_no_context_takeover",
                });
            }
        }
        Ok(())
    }

    fn append_history(&mut self, inflated: &[u8], window: usize) {
        let inflated = &inflated[inflated.len().saturating_sub(window)..];
        let excess = (self.history.len() + inflated.len()).saturating_sub(window);
        self.history.drain(..excess);
        // The capacity is reserved explicitly, because `extend_from_slice` alone could reserve more than the window.
        let capacity = (self.history.len() + inflated.len()).next_power_of_two();
        self.history.reserve_exact(capacity - self.history.len());
        self.history.extend_from_slice(inflated);
    }
}

impl Message {
    fn new(history: &[u8], error: ProtocolError) -> Result<Self, ProtocolError> {
        let mut stream = pool::take_decompressor();
        if !history.is_empty() {
            stream.set_dictionary(history).map_err(|_| ProtocolError::InvalidDeflate)?;
        }
        Ok(Self { stream, streams: 1, state: State::Empty, error })
    }

    fn inflate(
        &mut self,
        mut input: &[u8],
        output: &mut Vec<u8>,
        mut append: impl FnMut(&[u8]) -> Result<(), ProtocolError>,
    ) -> Result<(), ProtocolError> {
        while !input.is_empty() {
            if self.state == State::Ended {
                self.begin_stream()?;
            }
            self.state = State::InStream;
            loop {
                output.clear();
                let (status, used) = self.step(input, output)?;
                if used == 0 && output.is_empty() && !input.is_empty() {
                    return Err(ProtocolError::InvalidDeflate);
                }
                input = &input[used..];
                append(output)?;
                if status == Status::StreamEnd {
                    self.state = State::Ended;
                    break;
                }
                // If the output is full, the decompressor may hold more data. If there is room left, it holds none.
                if output.len() < output.capacity() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Begins another stream after the last block of the previous one. The new stream cannot refer to earlier data.
    fn begin_stream(&mut self) -> Result<(), ProtocolError> {
        if self.streams == MAX_STREAMS {
            return Err(ProtocolError::InvalidDeflate);
        }
        self.streams += 1;
        self.stream.reset(false);
        self.error = ProtocolError::InvalidDeflate;
        Ok(())
    }

    /// Checks that the message ends at the end of a block. Returns the decompressor.
    fn finish(mut self) -> Result<Decompress, ProtocolError> {
        if self.state != State::InStream {
            // A last block needs no tail, whether or not the byte of §7.2.3.4 follows it.
            return Ok(self.stream);
        }
        // An error from here on means that the message is truncated.
        self.error = ProtocolError::InvalidDeflate;
        // Each of these endings produces output only if the stream has stopped inside a block.
        if self.ends_with(&TAIL)? || self.ends_with(&LAST_BLOCK)? {
            Ok(self.stream)
        } else {
            Err(ProtocolError::InvalidDeflate)
        }
    }

    /// Inflates these bytes, and returns whether they end the stream. It is an error if they produce output or are not
    /// used up.
    fn ends_with(&mut self, bytes: &[u8]) -> Result<bool, ProtocolError> {
        let mut output = buffer_pool::take(STEP);
        let result = self.step(bytes, &mut output);
        let is_empty = output.is_empty();
        buffer_pool::put_back(output);
        match result? {
            (status, used) if is_empty && used == bytes.len() => Ok(status == Status::StreamEnd),
            _ => Err(ProtocolError::InvalidDeflate),
        }
    }

    /// Inflates as much as fits into `output`. Returns the number of input bytes used.
    fn step(
        &mut self,
        input: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<(Status, usize), ProtocolError> {
        let before = self.stream.total_in();
        match self.stream.decompress_vec(input, output, FlushDecompress::None) {
            Ok(status) => Ok((status, (self.stream.total_in() - before) as usize)),
            Err(_) => Err(self.error),
        }
    }
}
