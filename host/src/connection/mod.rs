//! One WebSocket connection: octets from its socket to events of its actor, and what the guest sent
//! back to the socket.
//!
//! One task serves it. The task waits in two places only: for input ([`Connection::read`]) and for
//! its actor ([`Connection::attend`]). In both it goes on writing and minds the clock, so that a busy
//! actor cannot stop output and a silent peer cannot stop the clock.

mod buffer;
mod clock;
mod end;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;
use ws_host_protocol::{CloseCode, Event, Inbound, Limits, Role};

use self::buffer::Buffer;
use self::clock::{Clock, Due};
pub(crate) use self::end::End;
use crate::actor::{Actor, Received};
use crate::clients::{Client, Outgoing};
use crate::config::{self, Timeouts};
use crate::guest::Fault;

/// The payload of the host's own pings. Pongs with it are not reported to the handler.
const HEARTBEAT: &[u8] = b"ws-host";

/// How many pieces of output one system call takes.
const MAX_SLICES: usize = 16;

/// A client that its handler has let in, until its `disconnected` has been delivered.
///
/// Whoever holds one owes the handler that event: [`Connection::serve`] or [`Admitted::lose`].
pub(crate) struct Admitted {
    client: Arc<Client>,
    actor: Arc<Actor>,
    _place: Place,
}

/// A client's place in the server, free again when it is dropped.
pub(crate) struct Place {
    /// Counts against the limit of clients.
    pub(crate) _permit: OwnedSemaphorePermit,
    /// Makes a server that stops wait for it.
    pub(crate) _token: TaskTrackerToken,
}

impl Admitted {
    pub(crate) fn new(client: Arc<Client>, actor: Arc<Actor>, place: Place) -> Self {
        Self {
            client,
            actor,
            _place: place,
        }
    }

    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    pub(crate) fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// The client is gone before its connection was open.
    pub(crate) async fn lose(self, end: End) {
        self.disconnect(&end).await;
    }

    /// Delivers the last event.
    async fn disconnect(&self, end: &End) {
        let id = self.client.id();
        self.actor.clients().remove(id);
        let how = end.disconnection(self.client.outgoing().outbound.close_code());
        tracing::debug!(client = %id, code = how.code, sent = how.sent, "disconnected: {end}");
        if let Err(fault) = self.actor.turn().await.disconnected(id, &how).await {
            self.tell_fault(&fault);
        }
    }

    fn tell_fault(&self, fault: &Fault) {
        self.actor.tell_fault(self.client.id(), fault);
    }
}

/// An open connection over a stream.
pub(crate) struct Connection<S> {
    admitted: Admitted,
    socket: S,
    inbound: Inbound,
    clock: Clock,
    close_timeout: Duration,
    /// The client is not read while so much of its output waits.
    high_water: usize,
    /// Whether it is so now.
    is_clogged: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection whose handshake has been answered with 101.
    pub(crate) fn new(
        admitted: Admitted,
        socket: S,
        limits: &config::Limits,
        timeouts: &Timeouts,
    ) -> Self {
        let accepted = Limits {
            max_message: limits.max_message,
            ..Limits::default()
        };
        Self {
            admitted,
            socket,
            inbound: Inbound::new(Role::Server, accepted),
            clock: Clock::start(timeouts),
            close_timeout: timeouts.close,
            high_water: limits.max_outbound / 2,
            is_clogged: false,
        }
    }

    /// Serves the client to its end; `first` came behind the handshake.
    ///
    /// # Cancel safety
    ///
    /// None: dropping the future would drop a running call of the guest.
    pub(crate) async fn serve(mut self, first: Vec<u8>) {
        let end = self.converse(first).await;
        let farewell = say_farewell(&mut self.socket, &self.admitted.client, &end);
        let farewell = async {
            // A peer that does not take it in time loses it.
            let _ = tokio::time::timeout(self.close_timeout, farewell).await;
        };
        tokio::join!(farewell, self.admitted.disconnect(&end));
    }

    async fn converse(&mut self, first: Vec<u8>) -> End {
        let mut filled = first.len();
        let mut buffer = Buffer::Own(first);
        loop {
            if let Err(end) = self.handle(buffer, filled).await {
                return end;
            }
            match self.read().await {
                Ok(read) => (buffer, filled) = read,
                Err(end) => return end,
            }
        }
    }

    /// Brings every event in the buffer to the actor, in order.
    async fn handle(&mut self, mut buffer: Buffer, filled: usize) -> Result<(), End> {
        let actor = Arc::clone(&self.admitted.actor);
        let id = self.admitted.client.id();
        let mut unread = 0..filled;
        while !unread.is_empty() {
            let mut input = &mut buffer[unread.clone()];
            let Some(event) = self.next_event(&mut input)? else {
                return Ok(());
            };
            unread.start = unread.end - input.len();
            let (turn, event) = match actor.try_turn() {
                Some(turn) => (turn, event),
                None => {
                    // Many may have to wait: each keeps what it must and no whole read buffer.
                    let event = event.into_owned();
                    buffer = Buffer::Own(buffer[unread].to_vec());
                    unread = 0..buffer.len();
                    let (turn, connection) = self.attend(pin!(actor.turn())).await;
                    connection?;
                    // Closed by the handler meanwhile: what was queued is not delivered any more.
                    if !self.admitted.client.is_open() {
                        continue;
                    }
                    (turn, event)
                }
            };
            let (called, connection) = self.attend(pin!(turn.received(id, event))).await;
            if let Err(fault) = called {
                self.admitted.tell_fault(&fault);
                let client = &self.admitted.client;
                client.close_by_host(CloseCode::INTERNAL_ERROR, "the handler failed");
            }
            connection?;
        }
        Ok(())
    }

    /// The next event for the handler; the protocol's own are answered on the way.
    fn next_event<'a>(&mut self, input: &mut &'a mut [u8]) -> Result<Option<Received<'a>>, End> {
        let mut outgoing = self.admitted.client.outgoing();
        outgoing.awake();
        while let Some(event) = self.inbound.handle_input(input, &mut outgoing.outbound) {
            match event {
                Event::Text(text) => return Ok(Some(Received::Text(text))),
                Event::Binary(octets) => return Ok(Some(Received::Binary(octets))),
                Event::Pong(payload) if *payload == *HEARTBEAT => {}
                Event::Pong(payload) => return Ok(Some(Received::Pong(payload))),
                Event::Ping(_) => {}
                Event::Closed(frame) => return Err(End::Closed(frame)),
                Event::Failed(error) => return Err(End::Failed(error)),
            }
        }
        Ok(None)
    }

    /// Waits for the actor, and tells what became of the connection meanwhile. The future is polled
    /// to its end even when the connection ends before: a running call must not be dropped. It is
    /// borrowed so that the task holds it once only.
    async fn attend<T>(
        &mut self,
        mut wait: Pin<&mut impl Future<Output = T>>,
    ) -> (T, Result<(), End>) {
        let mut connection = Ok(());
        let value = poll_fn(|context| {
            if let Poll::Ready(value) = wait.as_mut().poll(context) {
                return Poll::Ready(value);
            }
            if connection.is_ok() {
                connection = self
                    .poll_output(context)
                    .and_then(|()| self.poll_clock(context));
            }
            Poll::Pending
        })
        .await;
        (value, connection)
    }

    /// Waits for input, unless the client does not take its output: then it is not read.
    async fn read(&mut self) -> Result<(Buffer, usize), End> {
        poll_fn(|context| {
            self.poll_output(context)?;
            if !self.is_clogged
                && let Poll::Ready(read) = self.poll_input(context)
            {
                self.clock.alive();
                return Poll::Ready(read);
            }
            self.poll_clock(context)?;
            Poll::Pending
        })
        .await
    }

    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Result<(Buffer, usize), End>> {
        let mut buffer = Buffer::shared();
        let mut read = ReadBuf::new(&mut buffer);
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut read))?;
        match read.filled().len() {
            0 => Poll::Ready(Err(End::Left)),
            filled => Poll::Ready(Ok((buffer, filled))),
        }
    }

    /// Writes what there is, and asks to be woken when there is more.
    fn poll_output(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        let mut outgoing = self.admitted.client.outgoing();
        if outgoing.is_aborted() {
            return Err(End::Aborted);
        }
        while outgoing.outbound.has_remaining() {
            match poll_write(&mut self.socket, &mut outgoing, context) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => return Err(error.into()),
                // While the client is not read, that it takes its output is its sign of life.
                Poll::Ready(Ok(())) if self.is_clogged => self.clock.alive(),
                Poll::Ready(Ok(())) => {}
            }
        }
        self.is_clogged = outgoing.outbound.remaining() > self.high_water;
        if outgoing.outbound.is_closing() {
            self.clock.closing();
        }
        outgoing.sleep(context);
        Ok(())
    }

    fn poll_clock(&mut self, context: &mut Context<'_>) -> Result<(), End> {
        while let Some(due) = self.clock.poll_due(context) {
            match due {
                Due::Rest => self.admitted.client.outgoing().outbound.release_memory(),
                Due::Ping => {
                    // If it cannot be queued, enough waits already that the client should answer.
                    let _ = self.admitted.client.outgoing().outbound.ping(HEARTBEAT);
                    self.poll_output(context)?;
                }
                Due::Silent => return Err(End::Silent),
                Due::CloseTimeout => return Err(End::CloseTimeout),
            }
        }
        Ok(())
    }
}

/// One system call's worth of output.
fn poll_write<S: AsyncWrite + Unpin>(
    socket: &mut S,
    outgoing: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<std::io::Result<()>> {
    let outbound = &mut outgoing.outbound;
    let socket = Pin::new(socket);
    let written = if outbound.chunk().len() == outbound.remaining() {
        ready!(socket.poll_write(context, outbound.chunk()))?
    } else {
        let mut slices = [std::io::IoSlice::new(&[]); MAX_SLICES];
        let filled = outbound.chunks_vectored(&mut slices);
        ready!(socket.poll_write_vectored(context, &slices[..filled]))?
    };
    if written == 0 {
        return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
    }
    outbound.advance(written);
    Poll::Ready(Ok(()))
}

/// Writes the last frames and waits until the peer has closed too: closing before, with octets of
/// the peer unread, would reset the connection and could take our close frame from it (RFC 6455
/// §7.1.1).
async fn say_farewell<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut S,
    client: &Client,
    end: &End,
) -> std::io::Result<()> {
    if !end.has_farewell() {
        return Ok(());
    }
    poll_fn(|context| {
        let mut outgoing = client.outgoing();
        while outgoing.outbound.has_remaining() {
            ready!(poll_write(socket, &mut outgoing, context))?;
        }
        Poll::Ready(std::io::Result::Ok(()))
    })
    .await?;
    socket.shutdown().await?;
    poll_fn(|context| {
        let mut buffer = Buffer::shared();
        loop {
            let mut ignored = ReadBuf::new(&mut buffer);
            ready!(Pin::new(&mut *socket).poll_read(context, &mut ignored))?;
            if ignored.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    })
    .await
}
