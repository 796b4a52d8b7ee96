//! The line to one client: its socket and its clock, and what goes on there while the task waits.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Buf;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use ws_host_protocol::Inbound;

use super::HEARTBEAT;
use super::buffer::Buffer;
use super::end::ConnectionEnd;
use super::idle_memory::release_idle_memory;
use super::liveness::{Input, LivenessTimer, TimerEvent};
use crate::clients::{Client, ExpiryState, HostClose, Outgoing, SendCapacity};
use crate::config::{Limits, Timeouts};

/// How many pieces of output one system call takes.
const MAX_SLICES: usize = 16;

/// How often it is looked whether the host has room again for a client that has none of its output waiting, and no other
/// reason to look. Memory is short for seconds, and it may be many who look.
const LOOK_FOR_ROOM: Duration = Duration::from_secs(1);

/// Socket and clock of one client.
pub(super) struct Transport<S> {
    socket: S,
    clock: LivenessTimer,
    /// The client is not read while more than this of its output waits, in octets.
    high_water: usize,
    /// Whether it is so now.
    is_input_paused: bool,
    room: SendCapacity,
    /// When to look whether the host has room again.
    room_check: Option<Pin<Box<Sleep>>>,
    /// Whether the handler is to hear that the client expires.
    is_expiring: bool,
}

/// What there is to do for a connection that has handled all that came.
pub(super) enum Wakeup {
    /// So many octets of input.
    Input(Buffer, usize),
    /// [Capacity is restored](Transport::is_capacity_restored) for what is sent to the client.
    CapacityRestored,
    /// The client [expires](Transport::take_expiring).
    Expiring,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    pub(super) fn new(socket: S, limits: &Limits, timeouts: &Timeouts) -> Self {
        Self {
            socket,
            clock: LivenessTimer::start(limits, timeouts),
            high_water: limits.max_outbound / 2,
            is_input_paused: false,
            room: SendCapacity::Available,
            room_check: None,
            is_expiring: false,
        }
    }

    /// Writes what there is, then waits for input, and goes on writing meanwhile. A client that does
    /// not take its output is not read.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn read(&mut self, client: &Client) -> Result<Wakeup, ConnectionEnd> {
        let mut has_written = false;
        poll_fn(|context| {
            // Most wakes are for input. Output of this task's own making is written before it sleeps.
            let mut has_asked = false;
            if std::mem::replace(&mut has_written, true) && !self.is_input_paused {
                has_asked = true;
                if let Poll::Ready(read) = self.poll_input(context) {
                    return Poll::Ready(read);
                }
            }
            let output = self.poll_output(client, context)?;
            // Asked at least once before the task sleeps, or nothing would wake it for input: also
            // when this very write took so much that the client may be read again.
            if !has_asked
                && !self.is_input_paused
                && let Poll::Ready(read) = self.poll_input(context)
            {
                return Poll::Ready(read);
            }
            // Behind input, so that a handler that fills the buffer again and again hears of its client.
            if self.is_capacity_restored() {
                return Poll::Ready(Ok(Wakeup::CapacityRestored));
            }
            if self.room == SendCapacity::Exhausted && output.is_ready() {
                self.poll_room_check(context);
            }
            let input = if self.is_input_paused { Input::Unread } else { Input::Awaited };
            self.poll_clock(client, context, input)?;
            if self.is_expiring {
                return Poll::Ready(Ok(Wakeup::Expiring));
            }
            Poll::Pending
        })
        .await
    }

    /// Whether something was refused for want of room, and there was room again after what was written last.
    #[inline]
    pub(super) fn is_capacity_restored(&self) -> bool {
        self.room == SendCapacity::Restored
    }

    fn poll_room_check(&mut self, context: &mut Context<'_>) {
        let look = self.room_check.get_or_insert_with(|| Box::pin(sleep(LOOK_FOR_ROOM)));
        if look.as_mut().poll(context).is_ready() {
            self.room_check = None;
            context.waker().wake_by_ref();
        }
    }

    /// Whether the handler is to hear that the client expires. Answers so once for each time.
    pub(super) fn take_expiring(&mut self) -> bool {
        self.is_expiring && std::mem::take(&mut self.is_expiring)
    }

    /// More than this of the client's output does not wait before more of its input is handled, in octets.
    pub(super) fn high_water(&self) -> usize {
        self.high_water
    }

    /// Writes until no more than the high water waits.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn drain(&mut self, client: &Client) -> Result<(), ConnectionEnd> {
        poll_fn(|context| {
            let _ = self.poll_output(client, context)?;
            if !self.is_input_paused {
                return Poll::Ready(Ok(()));
            }
            self.poll_clock(client, context, Input::Unread)?;
            Poll::Pending
        })
        .await
    }

    /// Waits for the actor, and tells what became of the line meanwhile. The future is polled to its
    /// end even when the line ends before: a running call must not be dropped. It is borrowed so that
    /// the task holds it once only. While it waits, so many octets of the client's are kept, and guard.
    pub(super) async fn drive<T>(
        &mut self,
        client: &Client,
        waiting: usize,
        mut wait: Pin<&mut impl Future<Output = T>>,
    ) -> (T, Result<(), ConnectionEnd>) {
        let mut transport = Ok(());
        let mut before = None;
        let value = poll_fn(|context| {
            if let Poll::Ready(value) = wait.as_mut().poll(context) {
                if let Some(before) = before {
                    client.received().follow(before);
                }
                return Poll::Ready(value);
            }
            if before.is_none() {
                before = Some(client.received().bytes());
                client.received().follow(waiting);
            }
            if transport.is_ok() {
                transport = self.poll_background(client, context);
            }
            Poll::Pending
        })
        .await;
        (value, transport)
    }

    /// Writes what waits, and then waits until the peer has closed too: closing before, with octets
    /// of the peer unread, would reset the connection and could take our close frame from it (RFC
    /// 6455 §7.1.1). A peer that does not take it in time loses it. Then the socket is closed.
    pub(super) async fn close_gracefully(
        mut self,
        client: &Client,
        inbound: &mut Inbound,
        end: &ConnectionEnd,
    ) {
        if end.allows_closing_handshake() {
            // Neither an error nor the end of the time leaves anything more to do.
            let _ = self.try_close(client, inbound).await;
        }
    }

    async fn try_close(
        &mut self,
        client: &Client,
        inbound: &mut Inbound,
    ) -> Result<(), ConnectionEnd> {
        self.clock.begin_closing();
        poll_fn(|context| {
            if self.poll_output(client, context)?.is_ready() {
                return Poll::Ready(Ok::<_, ConnectionEnd>(()));
            }
            self.poll_clock(client, context, Input::Awaited)?;
            Poll::Pending
        })
        .await?;
        self.clock.await_close_frame();
        // A proxy that is told of the end while its client still sends resets the client (§7.1.5: 1006), and
        // what went wrong is never heard of. So the peer's close frame is waited for.
        self.read_until(client, |input| {
            inbound.handle_input(&mut &mut *input, &mut client.outgoing().outbound);
            inbound.has_peer_closed()
        })
        .await?;
        self.with_deadline(client, |socket, context| Pin::new(socket).poll_shutdown(context))
            .await?;
        self.read_until(client, |_| false).await
    }

    /// Reads until that is enough or the peer has closed its stream.
    async fn read_until(
        &mut self,
        client: &Client,
        mut is_enough: impl FnMut(&mut [u8]) -> bool,
    ) -> Result<(), ConnectionEnd> {
        if is_enough(&mut []) {
            return Ok(());
        }
        self.with_deadline(client, |socket, context| {
            let mut buffer = Buffer::shared();
            loop {
                let mut read = ReadBuf::new(&mut buffer);
                ready!(poll_read(socket, context, &mut read))?;
                if read.filled().is_empty() || is_enough(read.filled_mut()) {
                    return Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }

    /// Waits for the socket, and minds the clock.
    async fn with_deadline(
        &mut self,
        client: &Client,
        mut poll: impl FnMut(&mut S, &mut Context<'_>) -> Poll<std::io::Result<()>>,
    ) -> Result<(), ConnectionEnd> {
        poll_fn(|context| {
            if let Poll::Ready(done) = poll(&mut self.socket, context) {
                return Poll::Ready(done.map_err(ConnectionEnd::from));
            }
            self.poll_clock(client, context, Input::Awaited)?;
            Poll::Pending
        })
        .await
    }

    #[inline(always)]
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Result<Wakeup, ConnectionEnd>> {
        let mut buffer = Buffer::shared();
        let mut read = ReadBuf::new(&mut buffer);
        ready!(poll_read(&mut self.socket, context, &mut read))?;
        self.clock.note_received();
        match read.filled().len() {
            0 => Poll::Ready(Err(ConnectionEnd::EndOfStream)),
            filled => Poll::Ready(Ok(Wakeup::Input(buffer, filled))),
        }
    }

    /// What goes on while input has to wait.
    fn poll_background(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
    ) -> Result<(), ConnectionEnd> {
        match self.poll_output(client, context) {
            Poll::Ready(Err(end)) => Err(end),
            _ => self.poll_clock(client, context, Input::Unread),
        }
    }

    /// Writes what there is, and asks to be woken when there is more.
    #[inline(always)]
    fn poll_output(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionEnd>> {
        let mut outgoing = client.outgoing();
        if outgoing.is_aborted() {
            return Poll::Ready(Err(ConnectionEnd::Aborted));
        }
        if outgoing.take_new_expiry() {
            self.clock.check_expiry_after(Duration::ZERO);
        }
        let mut output = Poll::Ready(Ok(()));
        while outgoing.outbound.has_remaining() {
            match poll_write(&mut self.socket, &mut outgoing, context)? {
                Poll::Pending => {
                    outgoing.outbound.release_memory();
                    output = Poll::Pending;
                    break;
                }
                Poll::Ready(written) => self.clock.note_written(written),
            }
        }
        // A stream that encrypts may hold the last octets back.
        if Pin::new(&mut self.socket).poll_flush(context)?.is_pending() {
            output = Poll::Pending;
        }
        client.count_sent(&outgoing);
        self.is_input_paused = client.is_input_paused(&outgoing, self.high_water);
        self.room = client.send_capacity(&outgoing, self.high_water);
        if output.is_pending() {
            self.clock.note_output_waiting();
        }
        if outgoing.outbound.is_closing() {
            match output {
                Poll::Pending => self.clock.begin_closing(),
                Poll::Ready(_) => self.clock.await_close_frame(),
            }
        }
        outgoing.sleep(context);
        output
    }

    fn poll_clock(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
        input: Input,
    ) -> Result<(), ConnectionEnd> {
        while let Some(due) = self.clock.poll_due(context, input) {
            match due {
                TimerEvent::Idle => release_idle_memory(client),
                TimerEvent::Ping => {
                    // Nothing waits before it. If it cannot be queued, the client is being closed.
                    let _ = client.outgoing().outbound.ping(HEARTBEAT);
                    // Output is written at the beginning of the next poll.
                    context.waker().wake_by_ref();
                }
                TimerEvent::Silent => return Err(ConnectionEnd::Silent),
                TimerEvent::Stalled => return Err(ConnectionEnd::Stalled),
                TimerEvent::CloseTimeout => return Err(ConnectionEnd::CloseTimeout),
                TimerEvent::Expiry => self.check_expiry(client, context),
            }
        }
        Ok(())
    }

    fn check_expiry(&mut self, client: &Client, context: &Context<'_>) {
        match client.expiry_state() {
            ExpiryState::Never => {}
            ExpiryState::Later(left) => self.clock.check_expiry_after(left),
            ExpiryState::Soon(left) => {
                self.is_expiring = true;
                self.clock.check_expiry_after(left);
            }
            ExpiryState::Now => {
                client.close_by_host(HostClose::Expired);
                // Output is written at the beginning of the next poll.
                context.waker().wake_by_ref();
            }
        }
    }
}

/// One system call's worth of input; none is the end of what the client sends.
#[inline(always)]
fn poll_read<S: AsyncRead + Unpin>(
    socket: &mut S,
    context: &mut Context<'_>,
    read: &mut ReadBuf<'_>,
) -> Poll<std::io::Result<()>> {
    match Pin::new(socket).poll_read(context, read) {
        // A client of TLS that ends its side of the connection without telling of it there.
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
        other => other,
    }
}

/// One system call's worth of output.
#[inline(always)]
fn poll_write<S: AsyncWrite + Unpin>(
    socket: &mut S,
    outgoing: &mut Outgoing,
    context: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
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
        return Poll::Ready(Err(ErrorKind::WriteZero.into()));
    }
    outbound.advance(written);
    Poll::Ready(Ok(written))
}
