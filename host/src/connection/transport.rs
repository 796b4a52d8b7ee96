//! The transport of one client: its socket and its timers. The transport serves both while the connection task waits.

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
use super::liveness::{InputState, LivenessTimer, TimerEvent};
use crate::clients::{Client, ExpiryState, HostClose, OutboundBuffer, SendCapacity};
use crate::config::{ResourceLimits, Timeouts};

/// The maximum number of pieces of output in one write.
const MAX_SLICES: usize = 16;

/// How often to check whether the host has memory again. If a client has no waiting output after a refused send,
/// nothing else wakes its task. One check per second is enough: memory shortages last for seconds, and many clients may
/// check at the same time.
const CAPACITY_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The socket and the timers of one client.
pub(super) struct Transport<S> {
    socket: S,
    liveness: LivenessTimer,
    /// The client's input is not read while more than this many bytes of output wait for the client.
    high_water_mark: usize,
    /// Whether reading input is paused.
    is_input_paused: bool,
    send_capacity: SendCapacity,
    /// The timer for the next check whether the host has memory again.
    capacity_check: Option<Pin<Box<Sleep>>>,
    /// Whether the handler's `expiring` is due.
    is_expiring: bool,
}

/// Why a connection was woken after it had handled all its input.
pub(super) enum Wakeup {
    /// Input arrived. The number is its length in bytes.
    Input(Buffer, usize),
    /// [Capacity is restored](Transport::is_capacity_restored) for sends to the client.
    CapacityRestored,
    /// The client [expires](Transport::take_expiring).
    Expiring,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    pub(super) fn new(socket: S, limits: &ResourceLimits, timeouts: &Timeouts) -> Self {
        Self {
            socket,
            liveness: LivenessTimer::start(limits, timeouts),
            high_water_mark: limits.max_outbound / 2,
            is_input_paused: false,
            send_capacity: SendCapacity::Available,
            capacity_check: None,
            is_expiring: false,
        }
    }

    /// Writes the waiting output. Then waits for input, and keeps writing meanwhile. Does not read while too much
    /// output waits for the client.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub(super) async fn read(&mut self, client: &Client) -> Result<Wakeup, ConnectionEnd> {
        let mut is_wakeup = false;
        poll_fn(|context| {
            // The first poll begins with the output, because this task may have queued some. Each later poll follows a
            // wake-up, and most wake-ups are for input. So later polls begin with the input.
            let mut has_polled_input = false;
            if std::mem::replace(&mut is_wakeup, true) && !self.is_input_paused {
                has_polled_input = true;
                if let Poll::Ready(read) = self.poll_input(context) {
                    return Poll::Ready(read);
                }
            }
            let output = self.poll_output(client, context)?;
            // The input is polled at least once before the task sleeps. Otherwise nothing would wake the task for
            // input. If the input was paused, it was not polled above, but the write may have ended the pause.
            if !has_polled_input
                && !self.is_input_paused
                && let Poll::Ready(read) = self.poll_input(context)
            {
                return Poll::Ready(read);
            }
            // This is checked after the input. So a handler that keeps filling the buffer still gets the client's
            // messages.
            if self.is_capacity_restored() {
                return Poll::Ready(Ok(Wakeup::CapacityRestored));
            }
            if self.send_capacity == SendCapacity::Exhausted && output.is_ready() {
                self.poll_capacity_check(context);
            }
            let input = if self.is_input_paused { InputState::Paused } else { InputState::Reading };
            self.poll_liveness(client, context, input)?;
            if self.is_expiring {
                return Poll::Ready(Ok(Wakeup::Expiring));
            }
            Poll::Pending
        })
        .await
    }

    /// Returns whether an earlier send was refused and the last write found that there is capacity again.
    #[inline]
    pub(super) fn is_capacity_restored(&self) -> bool {
        self.send_capacity == SendCapacity::Restored
    }

    fn poll_capacity_check(&mut self, context: &mut Context<'_>) {
        let check =
            self.capacity_check.get_or_insert_with(|| Box::pin(sleep(CAPACITY_CHECK_INTERVAL)));
        if check.as_mut().poll(context).is_ready() {
            self.capacity_check = None;
            context.waker().wake_by_ref();
        }
    }

    /// Returns whether the handler's `expiring` is due, and resets the flag.
    pub(super) fn take_expiring(&mut self) -> bool {
        self.is_expiring && std::mem::take(&mut self.is_expiring)
    }

    /// Returns the high-water mark in bytes. No input is handled while the waiting output exceeds it.
    pub(super) fn high_water_mark(&self) -> usize {
        self.high_water_mark
    }

    /// Writes until the waiting output is at most the high-water mark, and the host has enough memory to read again.
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
            self.poll_liveness(client, context, InputState::Paused)?;
            Poll::Pending
        })
        .await
    }

    /// Writes output and checks the timers until a future completes. Returns the value of the future and the result of
    /// the transport. Polls the future to completion even if the transport ends first, because a running call must not
    /// be dropped. The future is borrowed, so that the task stores it only once. While the future is pending, `waiting`
    /// bytes of input are charged to the client's memory.
    pub(super) async fn drive<T>(
        &mut self,
        client: &Client,
        waiting: usize,
        mut future: Pin<&mut impl Future<Output = T>>,
    ) -> (T, Result<(), ConnectionEnd>) {
        let mut transport_result = Ok(());
        let mut charged_before = None;
        let value = poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                if let Some(bytes) = charged_before {
                    client.input_share().report(bytes);
                }
                return Poll::Ready(value);
            }
            if charged_before.is_none() {
                charged_before = Some(client.input_share().bytes());
                client.input_share().report(waiting);
            }
            if transport_result.is_ok() {
                transport_result = self.poll_background(client, context);
            }
            Poll::Pending
        })
        .await;
        (value, transport_result)
    }

    /// Writes the waiting output, waits until the peer has closed its side, and closes the socket. If the socket were
    /// closed earlier, while input of the peer is unread, the connection would be reset, and the peer could lose the
    /// host's close frame (RFC 6455 §7.1.1). A peer that does not read the waiting output in time loses that output.
    pub(super) async fn close_gracefully(
        mut self,
        client: &Client,
        inbound: &mut Inbound,
        end: &ConnectionEnd,
    ) {
        if end.allows_closing_handshake() {
            // After an error or a timeout, there is nothing left to do.
            let _ = self.try_close(client, inbound).await;
        }
    }

    async fn try_close(
        &mut self,
        client: &Client,
        inbound: &mut Inbound,
    ) -> Result<(), ConnectionEnd> {
        self.liveness.begin_flushing();
        poll_fn(|context| {
            if self.poll_output(client, context)?.is_ready() {
                return Poll::Ready(Ok::<_, ConnectionEnd>(()));
            }
            self.poll_liveness(client, context, InputState::Reading)?;
            Poll::Pending
        })
        .await?;
        self.liveness.await_close_frame();
        // Waits for the peer's close frame before the stream is ended. If the stream were ended while the client was
        // still sending, a proxy in between would reset the client's connection. The client would then report 1006
        // (§7.1.5), and never learn the reason.
        self.read_until(client, |input| {
            inbound.handle_input(&mut &mut *input, &mut client.outbound().frames);
            inbound.has_peer_closed()
        })
        .await?;
        self.with_deadline(client, |socket, context| Pin::new(socket).poll_shutdown(context))
            .await?;
        self.read_until(client, |_| false).await
    }

    /// Reads until `is_done` returns true or the peer has closed its stream.
    async fn read_until(
        &mut self,
        client: &Client,
        mut is_done: impl FnMut(&mut [u8]) -> bool,
    ) -> Result<(), ConnectionEnd> {
        if is_done(&mut []) {
            return Ok(());
        }
        self.with_deadline(client, |socket, context| {
            let mut buffer = Buffer::shared();
            loop {
                let mut read = ReadBuf::new(&mut buffer);
                ready!(poll_read(socket, context, &mut read))?;
                if read.filled().is_empty() || is_done(read.filled_mut()) {
                    return Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }

    /// Waits for the socket, and checks the timers meanwhile.
    async fn with_deadline(
        &mut self,
        client: &Client,
        mut poll: impl FnMut(&mut S, &mut Context<'_>) -> Poll<std::io::Result<()>>,
    ) -> Result<(), ConnectionEnd> {
        poll_fn(|context| {
            if let Poll::Ready(done) = poll(&mut self.socket, context) {
                return Poll::Ready(done.map_err(ConnectionEnd::from));
            }
            self.poll_liveness(client, context, InputState::Reading)?;
            Poll::Pending
        })
        .await
    }

    #[inline(always)]
    fn poll_input(&mut self, context: &mut Context<'_>) -> Poll<Result<Wakeup, ConnectionEnd>> {
        let mut buffer = Buffer::shared();
        let mut read = ReadBuf::new(&mut buffer);
        ready!(poll_read(&mut self.socket, context, &mut read))?;
        self.liveness.note_received();
        match read.filled().len() {
            0 => Poll::Ready(Err(ConnectionEnd::EndOfStream)),
            filled => Poll::Ready(Ok(Wakeup::Input(buffer, filled))),
        }
    }

    /// Writes output and checks the timers while reading is paused.
    fn poll_background(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
    ) -> Result<(), ConnectionEnd> {
        match self.poll_output(client, context) {
            Poll::Ready(Err(end)) => Err(end),
            _ => self.poll_liveness(client, context, InputState::Paused),
        }
    }

    /// Writes the waiting output, and registers the task to be woken when more can be written.
    #[inline(always)]
    fn poll_output(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionEnd>> {
        let mut outbound = client.outbound();
        client.count_traffic(&mut outbound);
        if outbound.is_aborted() {
            return Poll::Ready(Err(ConnectionEnd::Aborted));
        }
        if outbound.take_new_expiry() {
            self.liveness.check_expiry_after(Duration::ZERO);
        }
        let mut output = Poll::Ready(Ok(()));
        while outbound.frames.has_remaining() {
            match poll_write(&mut self.socket, &mut outbound, context)? {
                Poll::Pending => {
                    outbound.frames.release_memory();
                    output = Poll::Pending;
                    break;
                }
                Poll::Ready(written) => self.liveness.note_written(written),
            }
        }
        // An encrypted stream may hold back the last bytes, so it must be flushed.
        if Pin::new(&mut self.socket).poll_flush(context)?.is_pending() {
            output = Poll::Pending;
        }
        client.charge_waiting(&mut outbound);
        self.is_input_paused = client.is_input_paused(&outbound, self.high_water_mark);
        self.send_capacity = client.send_capacity(&outbound, self.high_water_mark);
        if output.is_pending() {
            self.liveness.note_output_waiting();
        }
        if outbound.frames.is_closing() {
            match output {
                Poll::Pending => self.liveness.begin_flushing(),
                Poll::Ready(_) => self.liveness.await_close_frame(),
            }
        }
        outbound.register_waker(context);
        output
    }

    fn poll_liveness(
        &mut self,
        client: &Client,
        context: &mut Context<'_>,
        input: InputState,
    ) -> Result<(), ConnectionEnd> {
        while let Some(due) = self.liveness.poll_due(context, input) {
            match due {
                TimerEvent::Idle => release_idle_memory(client),
                TimerEvent::Ping => {
                    // A ping is due only while no output waits, so there is room for it. It cannot be queued if the
                    // client is closing, or uses draft 00, which has no pings.
                    let _ = client.outbound().frames.ping(HEARTBEAT);
                    // The next poll begins by writing the output.
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
            ExpiryState::Later(left) => self.liveness.check_expiry_after(left),
            ExpiryState::Soon(left) => {
                self.is_expiring = true;
                self.liveness.check_expiry_after(left);
            }
            ExpiryState::Now => {
                client.close_by_host(HostClose::Expired);
                // The next poll begins by writing the output.
                context.waker().wake_by_ref();
            }
        }
    }
}

/// Reads with one system call. Reading zero bytes means the end of the client's input.
#[inline(always)]
fn poll_read<S: AsyncRead + Unpin>(
    socket: &mut S,
    context: &mut Context<'_>,
    read: &mut ReadBuf<'_>,
) -> Poll<std::io::Result<()>> {
    match Pin::new(socket).poll_read(context, read) {
        // A TLS client has closed its side of the connection without a `close_notify`.
        Poll::Ready(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
        other => other,
    }
}

/// Writes with one system call.
#[inline(always)]
fn poll_write<S: AsyncWrite + Unpin>(
    socket: &mut S,
    outbound: &mut OutboundBuffer,
    context: &mut Context<'_>,
) -> Poll<std::io::Result<usize>> {
    let frames = &mut outbound.frames;
    let socket = Pin::new(socket);
    let written = if frames.chunk().len() == frames.remaining() {
        ready!(socket.poll_write(context, frames.chunk()))?
    } else {
        let mut slices = [std::io::IoSlice::new(&[]); MAX_SLICES];
        let filled = frames.chunks_vectored(&mut slices);
        ready!(socket.poll_write_vectored(context, &slices[..filled]))?
    };
    if written == 0 {
        return Poll::Ready(Err(ErrorKind::WriteZero.into()));
    }
    frames.advance(written);
    Poll::Ready(Ok(written))
}
