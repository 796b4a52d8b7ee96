//! WebSockets over one HTTP/2 connection.
//!
//! Like the other load generators, it is written without a library. The work that a library does
//! per stream is about as much as the server's own.

mod connect;
mod frame;
mod session;
mod windows;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use self::frame::MAX_PAYLOAD;
use self::session::Session;
use super::exchange::{Echo, Pending, Shared};
use super::poller::{Poller, Previous, Ready};
use super::transport::{Buffers, Transport};
use super::{Counted, Load};
use crate::client;
use crate::message::{Kind, Pattern};

/// WebSockets that are requested at a time. The responses to so few fit any buffer.
const AT_ONCE: usize = 100;

/// Bytes of one read during the handshake.
const ANSWERS: usize = 4096;

/// WebSockets with one message in flight each, as streams of one connection.
pub(crate) struct Streams {
    transport: Transport,
    session: Session,
    echoes: Vec<Echo<usize>>,
    /// The message in flight of each WebSocket.
    pending: Vec<Pending>,
    poller: Poller,
    buffers: Buffers,
    shared: Shared<Pattern>,
}

impl Streams {
    /// Opens a connection with prior knowledge (RFC 9113 §3.3) and `websockets` WebSockets on it,
    /// and sends a message on each.
    pub(crate) fn connect(server: SocketAddr, websockets: usize, bytes: usize) -> Result<Self> {
        let mut stream = client::connect(server)?;
        let mut session = open(&mut stream, websockets)?;
        let mut shared = Shared::new(Pattern::new(Kind::Text, bytes));
        let mut pending = Vec::with_capacity(websockets);
        for index in 0..websockets {
            shared.requests.clear();
            pending.push(shared.send(Instant::now()));
            ensure!(shared.requests.len() <= MAX_PAYLOAD, "a message must fit one HTTP/2 frame");
            session.send(index, &shared.requests);
        }
        let (poller, mut buffers) = (Poller::new(1)?, Buffers::new());
        let mut transport = Transport::over(stream, 0, &poller)?;
        transport.send(session.output(), &mut buffers, &poller)?;
        session.forget_output();
        let echoes = (0..websockets).map(|_| Echo::default()).collect();
        Ok(Self { transport, session, echoes, pending, poller, buffers, shared })
    }
}

/// Opens the connection's WebSockets and waits until all are accepted.
fn open(stream: &mut TcpStream, websockets: usize) -> Result<Session> {
    let mut session = Session::new();
    exchange(stream, &mut session, |session| session.allowed().is_some())?;
    let allowed = session.allowed().context("the server sent no settings")?;
    ensure!(allowed.has_connect, "the server does not support extended CONNECT (RFC 8441)");
    ensure!(
        allowed.streams >= websockets,
        "the server allows {} streams at a time, but {websockets} are needed",
        allowed.streams
    );
    for accepted in (0..websockets).step_by(AT_ONCE) {
        let requested = websockets.min(accepted + AT_ONCE);
        for _ in accepted..requested {
            session.request();
        }
        exchange(stream, &mut session, |session| session.accepted() == requested)?;
    }
    Ok(session)
}

/// Writes and reads until a condition holds.
fn exchange(
    stream: &mut TcpStream,
    session: &mut Session,
    is_reached: impl Fn(&Session) -> bool,
) -> Result<()> {
    let mut buffer = [0; ANSWERS];
    loop {
        stream.write_all(session.output())?;
        session.forget_output();
        if is_reached(session) {
            return Ok(());
        }
        let read = stream.read(&mut buffer).context("the server did not answer over HTTP/2")?;
        ensure!(read > 0, "the server closed an HTTP/2 connection");
        session.receive(&buffer[..read], |_, _, _| {
            bail!("the server sent bytes after the handshake")
        })?;
    }
}

impl Load for Streams {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { transport, session, echoes, pending, poller, buffers, shared } = self;
        shared.begin();
        let mut behind = 0;
        let counted = poller.run(time, |Ready { has_room, now, previous, .. }| {
            if has_room {
                transport.flush(poller)?;
            }
            let mut messages = 0;
            session.receive(transport.receive(buffers)?, |session, index, bytes| {
                let pending = &mut pending[index..=index];
                messages += echoes[index].receive(bytes, pending, shared, now)?;
                if !shared.requests.is_empty() {
                    session.send(index, &shared.requests);
                }
                Ok(())
            })?;
            if !session.output().is_empty() {
                transport.send(session.output(), buffers, poller)?;
                session.forget_output();
            }
            if previous == Previous::Busy {
                behind += messages;
            }
            Ok(messages)
        })?;
        // There is only one connection to poll, and a server writes all that it has for it at once.
        // Echoes that arrived while the generator was idle did not wait for it, however many they
        // are. So only the others count as backlog.
        Ok(Counted { ready: behind, connections: echoes.len(), ..counted })
    }

    fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        self.shared.percentile(per_cent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Channel;
    use crate::peers::Peer;
    use crate::peers::tests::serve_echo;

    #[test]
    fn messages_continue_after_the_windows_are_exhausted() {
        /// More echoes than the widest window of the server has room for, on each WebSocket.
        const ECHOES: u64 = 500;
        let server = serve_echo(Peer::Fastwebsockets, Channel::Http2, None);
        let mut load = Streams::connect(server, 2, 16_000).unwrap();
        let mut echoes = 0;
        while echoes < ECHOES {
            echoes += load.run(Duration::ZERO).unwrap().messages;
        }
    }

    #[test]
    fn server_without_http2_is_an_error() {
        let server = serve_echo(Peer::Fastwebsockets, Channel::Plain, None);
        assert!(Streams::connect(server, 1, 20).is_err());
    }
}
