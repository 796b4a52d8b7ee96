//! The messages between a process and its successor.
//!
//! The standard input of the successor is one end of a socket that preserves message boundaries. The process sends its
//! listening sockets, each with its name, followed by [`END`]. When the successor has started, it replies [`READY`].
//! The process then sends [`GO`] and stops accepting connections, and the successor begins to accept them. If either
//! process exits before [`GO`] is sent, the other one sees the socket close, and nothing has changed.

use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use ws_host::PassedSocket;

/// The environment variable that tells a successor that its standard input is the socket. The value of the variable is
/// the version of the messages.
pub(super) const VARIABLE: &str = "WS_HOST_PREDECESSOR";

/// The version of the messages.
pub(super) const VERSION: &str = "1";

/// Says that all sockets were sent.
pub(super) const END: &str = "end";

/// Says that the successor has started.
pub(super) const READY: &str = "ready";

/// Says that the successor may begin to accept connections.
pub(super) const GO: &str = "go";

/// The maximum length of a message. The longest message is the name of a unix socket, whose path has at most 107 bytes.
const MAX_MESSAGE: usize = 1024;

/// One end of the socket.
#[derive(Debug)]
pub(super) struct Channel(OwnedFd);

/// A message, and the descriptor that was sent with it.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) text: String,
    pub(super) descriptor: Option<OwnedFd>,
}

impl Channel {
    /// Creates both ends of a channel.
    ///
    /// # Errors
    ///
    /// An error if no file descriptors are left.
    pub(super) fn pair() -> Result<(Self, OwnedFd)> {
        let (one, other) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), other))
    }

    /// Creates a channel from a descriptor that was passed to this process.
    pub(super) fn from_descriptor(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Sends a listening socket and its name.
    ///
    /// # Errors
    ///
    /// An error if the other process has ended.
    pub(super) fn send_socket(&self, socket: &PassedSocket) -> Result<()> {
        self.send_with(&socket.name, &[socket.descriptor.as_fd()])
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// An error if the other process has ended.
    pub(super) fn send(&self, text: &str) -> Result<()> {
        self.send_with(text, &[])
    }

    fn send_with(&self, text: &str, descriptors: &[BorrowedFd<'_>]) -> Result<()> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            // This cannot fail: there is space for one descriptor, and nobody sends more.
            ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        let text = [IoSlice::new(text.as_bytes())];
        sendmsg(&self.0, &text, &mut ancillary, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for the next message, but no longer than `within`. Blocks the thread.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](ErrorKind) if the other process has ended. [`TimedOut`](ErrorKind) if it has sent nothing.
    pub(super) fn receive(&self, within: Duration) -> Result<Message> {
        let timeout = Timespec::try_from(within).map_err(|_| ErrorKind::InvalidInput)?;
        if poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout))? == 0 {
            return Err(ErrorKind::TimedOut.into());
        }
        let mut text = [0; MAX_MESSAGE];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [IoSliceMut::new(&mut text)];
        let received = recvmsg(&self.0, &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
        let descriptor = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        if received.bytes == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8(text[..received.bytes].to_vec());
        let text = text.map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        Ok(Message { text, descriptor })
    }
}
