//! WebSockets over one connection of HTTP/2, by hand as all load generators are: what a library would
//! do for each stream beside this is about what a server does for it.

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
use super::exchange::{Echo, Flying, Work};
use super::line::{Buffers, Line};
use super::watch::{Follows, Ready, Watch};
use super::{Counted, Load};
use crate::client;
use crate::message::{Kind, Pattern};

/// WebSockets that are asked for before those before them are there: their answers fit any buffer.
const AT_ONCE: usize = 100;

/// Octets of one read in the handshake.
const ANSWERS: usize = 4096;

/// WebSockets with one message in flight each, which are streams of one connection.
pub(crate) struct Streams {
    line: Line,
    session: Session,
    echoes: Vec<Echo<usize>>,
    /// The message of each.
    flying: Vec<Flying>,
    watch: Watch,
    buffers: Buffers,
    work: Work<Pattern>,
}

impl Streams {
    /// Opens a connection with prior knowledge (RFC 9113 §3.3) and so many WebSockets in it, and sends a
    /// message on each.
    pub(crate) fn connect(server: SocketAddr, websockets: usize, octets: usize) -> Result<Self> {
        let mut stream = client::connect(server)?;
        let mut session = open(&mut stream, websockets)?;
        let mut work = Work::new(Pattern::new(Kind::Text, octets));
        let mut flying = Vec::with_capacity(websockets);
        for index in 0..websockets {
            work.requests.clear();
            flying.push(work.send(Instant::now()));
            ensure!(work.requests.len() <= MAX_PAYLOAD, "a message must fit a frame of HTTP/2");
            session.send(index, &work.requests);
        }
        let (watch, mut buffers) = (Watch::new(1)?, Buffers::new());
        let mut line = Line::over(stream, 0, &watch)?;
        line.send(session.output(), &mut buffers, &watch)?;
        session.forget_output();
        let echoes = (0..websockets).map(|_| Echo::default()).collect();
        Ok(Self { line, session, echoes, flying, watch, buffers, work })
    }
}

/// Opens WebSockets, which are all there then.
fn open(stream: &mut TcpStream, websockets: usize) -> Result<Session> {
    let mut session = Session::new();
    exchange(stream, &mut session, |session| session.allowed().is_some())?;
    let allowed = session.allowed().context("settings")?;
    ensure!(allowed.has_connect, "the server has no extended CONNECT (RFC 8441)");
    ensure!(
        allowed.streams >= websockets,
        "the server takes {} streams at a time, and {websockets} are needed",
        allowed.streams
    );
    for granted in (0..websockets).step_by(AT_ONCE) {
        let asked = websockets.min(granted + AT_ONCE);
        for _ in granted..asked {
            session.ask();
        }
        exchange(stream, &mut session, |session| session.granted() == asked)?;
    }
    Ok(session)
}

/// Writes and reads until something is so.
fn exchange(
    stream: &mut TcpStream,
    session: &mut Session,
    is_so: impl Fn(&Session) -> bool,
) -> Result<()> {
    let mut buffer = [0; ANSWERS];
    loop {
        stream.write_all(session.output())?;
        session.forget_output();
        if is_so(session) {
            return Ok(());
        }
        let read = stream.read(&mut buffer).context("no answer in HTTP/2")?;
        ensure!(read > 0, "the server closed a connection of HTTP/2");
        session.receive(&buffer[..read], |_, _, _| bail!("octets behind the handshake"))?;
    }
}

impl Load for Streams {
    fn run(&mut self, time: Duration) -> Result<Counted> {
        let Self { line, session, echoes, flying, watch, buffers, work } = self;
        work.begin();
        let mut behind = 0;
        let counted = watch.run(time, |Ready { has_room, now, follows, .. }| {
            if has_room {
                line.flush(watch)?;
            }
            let mut messages = 0;
            session.receive(line.receive(buffers)?, |session, index, octets| {
                let flying = &mut flying[index..=index];
                messages += echoes[index].receive(octets, flying, work, now)?;
                if !work.requests.is_empty() {
                    session.send(index, &work.requests);
                }
                Ok(())
            })?;
            if !session.output().is_empty() {
                line.send(session.output(), buffers, watch)?;
                session.forget_output();
            }
            if follows == Follows::Work {
                behind += messages;
            }
            Ok(messages)
        })?;
        // There is but one connection to look at, and a server writes all that it has for it at once.
        // Echoes that came so while the generator had nothing to do did not wait for it, as many as they
        // are.
        Ok(Counted { ready: behind, connections: echoes.len(), ..counted })
    }

    fn percentile(&mut self, per_cent: usize) -> Option<Duration> {
        self.work.percentile(per_cent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Channel;
    use crate::peers::Peer;
    use crate::peers::tests::serve_echo;

    #[test]
    fn messages_go_on_when_windows_were_used_up() {
        /// Echoes of which each WebSocket has more than the widest window of the server holds.
        const ECHOES: u64 = 500;
        let server = serve_echo(Peer::Fastwebsockets, Channel::Http2, None);
        let mut load = Streams::connect(server, 2, 16_000).unwrap();
        let mut echoes = 0;
        while echoes < ECHOES {
            echoes += load.run(Duration::ZERO).unwrap().messages;
        }
    }

    #[test]
    fn server_without_http2_is_told_about() {
        let server = serve_echo(Peer::Fastwebsockets, Channel::Plain, None);
        assert!(Streams::connect(server, 1, 20).is_err());
    }
}
