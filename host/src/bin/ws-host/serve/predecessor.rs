//! The new process's side of a handover: it receives the listening sockets of its predecessor.

use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use ws_host::{PassedSocket, PassedSockets};

use super::channel::{Channel, END, GO, READY, VARIABLE, VERSION};

/// How long the predecessor may take to reply. It normally replies at once.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);

/// The process whose addresses this process takes over.
#[derive(Debug)]
pub(super) struct Predecessor(Channel);

impl Predecessor {
    /// Receives the listening sockets of the predecessor, if there is one.
    ///
    /// # Errors
    ///
    /// An error if the predecessor has ended, or has another version.
    pub(super) fn from_env() -> Result<Option<(Self, PassedSockets)>> {
        let Some(version) = std::env::var_os(VARIABLE) else { return Ok(None) };
        ensure!(
            version == VERSION,
            "{VARIABLE} is {version:?}, but this program supports only version {VERSION} of the hand-over: stop the \
             old process and start this one"
        );
        let descriptor = std::io::stdin().as_fd().try_clone_to_owned()?;
        let channel = Channel::from_descriptor(descriptor);
        let mut sockets = Vec::new();
        loop {
            let message = channel.receive(REPLY_TIMEOUT).with_context(|| {
                format!(
                    "cannot receive the listening sockets of the old process (only ws-host should set {VARIABLE}: \
                     unset it if there is no old process)"
                )
            })?;
            match message.descriptor {
                Some(descriptor) => sockets.push(PassedSocket::new(message.text, descriptor)),
                None if message.text == END => break,
                None => bail!("the old process sent {:?} instead of a socket", message.text),
            }
        }
        Ok(Some((Self(channel), PassedSockets::from_predecessor(sockets))))
    }

    /// Tells the predecessor that this process is ready, and waits until the predecessor has agreed to stop accepting
    /// connections.
    ///
    /// # Errors
    ///
    /// An error if the predecessor stops or does not agree. A predecessor that does not agree continues to serve.
    pub(super) fn take_over(self) -> Result<()> {
        let Self(channel) = self;
        let reply = channel.send(READY).and_then(|()| channel.receive(REPLY_TIMEOUT));
        let reply = reply.context("the old process did not hand over its addresses")?;
        ensure!(reply.text == GO, "the old process sent {:?} instead of {GO:?}", reply.text);
        Ok(())
    }
}
