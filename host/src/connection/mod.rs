//! One WebSocket connection. It turns bytes from its socket into events of its actor, and writes to the socket what the
//! guest sends.
//!
//! One task serves the connection. While the connection is open, the task waits in only three functions.
//! [`Transport::read`] waits for input. [`Transport::drive`] waits for the actor, or for the task's next slice.
//! [`Transport::drain`] waits until the client has read enough of the waiting output. In each of these functions, the
//! task keeps writing and checks its timers. So a busy actor cannot stop output, and a silent peer cannot stop the
//! timers.

mod admitted_client;
mod buffer;
mod burst;
mod closing;
mod end;
mod frames;
mod idle_memory;
mod liveness;
mod outgoing;
mod relay;
mod socket;
mod transport;

use std::cell::Cell;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use ws_host_protocol::handshake::Version;
use ws_host_protocol::{Event, Inbound, Limits, Role};

pub(crate) use self::admitted_client::{AdmittedClient, ClientPermit};
use self::buffer::Buffer;
use self::burst::Burst;
pub(crate) use self::closing::{ClosingConnections, ConnectionGuard};
pub(crate) use self::end::ConnectionEnd;
pub(crate) use self::liveness::NEVER;
pub(crate) use self::outgoing::opened;
pub(crate) use self::relay::{Ends, RelayEnd, relay};
pub(crate) use self::socket::Socket;
use self::transport::{Transport, Wakeup};
use crate::actor::{Actor, Turn};
use crate::clients::{Client, ClientInfo, OutboundBuffer};
use crate::config::{AutoAnswer, Mode, OnFault, ResourceConfig};
use crate::guest::{ClientEvent, Fault};
use crate::ownership::Ownership;
use crate::slice::{self, Overruns};

/// The payload of the host's own pings. Pongs with this payload are not reported to the handler.
const HEARTBEAT: &[u8] = b"ws-host";

/// The limit on consecutive faults with `on-fault = "drop-message"`. With this setting, a client stays connected after
/// a fault. But after this many of its events have failed in a row, the client is closed, because each fault destroys
/// the instance that the actor's other clients share.
const MAX_CONSECUTIVE_FAULTS: u32 = 8;

/// An open connection over a stream.
pub(crate) struct Connection<S> {
    admitted: AdmittedClient,
    inbound: Inbound,
    transport: Transport<S>,
    settings: Arc<ResourceConfig>,
    mode: Mode,
    /// The number of this client's events that have failed since the last one that succeeded.
    consecutive_faults: Cell<u32>,
    overruns: Overruns,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Creates a connection whose handshake was answered with a 101.
    pub(crate) fn new(
        admitted: AdmittedClient,
        socket: S,
        settings: Arc<ResourceConfig>,
        mode: Mode,
    ) -> Self {
        let ResourceConfig { limits, timeouts, .. } = &*settings;
        let inbound_limits = Limits::new(limits.max_message);
        let ClientInfo { version, deflate, .. } = admitted.client().info();
        let role = admitted.client().info().role();
        let mut inbound = match version {
            Version::Draft00 => Inbound::draft00(inbound_limits),
            Version::Draft07 | Version::Draft08 | Version::Rfc6455 => {
                Inbound::new(role, inbound_limits)
            }
        };
        if let Some(deflate) = deflate {
            inbound.use_deflate(deflate);
        }
        let transport = Transport::new(socket, limits, timeouts);
        let (consecutive_faults, overruns) = (Cell::new(0), Overruns::default());
        Self { admitted, inbound, transport, settings, mode, consecutive_faults, overruns }
    }

    /// Serves the client until the connection ends. `initial_input` is input that followed the handshake request and
    /// was read together with it.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future would drop a running call into the guest.
    #[expect(
        clippy::manual_async_fn,
        reason = "the future of an `async fn` would store the parameters twice, and every connection has such a future"
    )]
    pub(crate) fn serve(mut self, initial_input: Vec<u8>) -> impl Future<Output = ()> {
        async move {
            let end = self.run(initial_input).await;
            self.admitted.client().outbound().frames.release_buffers();
            // Boxed to keep the future of the connection small.
            Box::pin(self.end(end)).await;
        }
    }

    /// Closes the transport, and at the same time lets the actor handle the last event. Neither waits for the other.
    async fn end(self, end: ConnectionEnd) {
        let Self { admitted, transport, mut inbound, .. } = self;
        let client = Arc::clone(admitted.client());
        let guard = admitted.disconnect(&end);
        guard.run_close(&client, transport.close_gracefully(&client, &mut inbound, &end)).await;
    }

    async fn run(&mut self, initial_input: Vec<u8>) -> ConnectionEnd {
        let filled = initial_input.len();
        let mut wakeup = Wakeup::Input(Buffer::Own(initial_input), filled);
        loop {
            if let Wakeup::Input(buffer, filled) = wakeup
                && let Err(end) = self.handle(buffer, filled).await
            {
                return end;
            }
            // This is rare, so it is boxed to keep the future of the connection small.
            if self.transport.is_capacity_restored()
                && let Err(end) = Box::pin(self.deliver_drained()).await
            {
                return end;
            }
            if self.transport.take_expiring() {
                let (client, actor) = (self.admitted.client(), self.admitted.actor());
                let waiting = self.inbound.held();
                let (call_result, transport_result) =
                    Box::pin(deliver_expiring(&mut self.transport, client, actor, waiting)).await;
                self.handle_result(call_result);
                if let Err(end) = transport_result {
                    return end;
                }
            }
            match self.transport.read(self.admitted.client()).await {
                Ok(next) => wakeup = next,
                Err(end) => return end,
            }
        }
    }

    /// Calls the handler's `drained`, if exported, when there is capacity again after a refused send. The task yields
    /// when the slice is over. Otherwise the calls could go on forever: the handler may refill the buffer each time,
    /// and the client may read everything at once.
    async fn deliver_drained(&mut self) -> Result<(), ConnectionEnd> {
        let (client, actor) = (self.admitted.client(), self.admitted.actor());
        if !client.take_restored_capacity(self.transport.high_water_mark())
            || !actor.exports_drained()
        {
            return Ok(());
        }
        let waiting = self.inbound.held();
        if slice::is_over() {
            self.overruns.record();
            self.transport.drive(client, waiting, pin!(slice::yield_now())).await.1?;
        }
        let turn = match actor.try_turn() {
            Some(turn) => turn,
            None => match wait_for_turn(&mut self.transport, client, actor, waiting).await? {
                Some(turn) => turn,
                None => return Ok(()),
            },
        };
        if !client.is_open() {
            return Ok(());
        }
        let (call_result, transport_result) =
            self.transport.drive(client, waiting, pin!(turn.call_drained(client))).await;
        self.handle_result(call_result);
        transport_result
    }

    /// Delivers every event in the buffer to the actor, in order. One turn covers as many events as fit into a slice.
    ///
    /// There is no mailbox. While the actor is busy, the event is a local value of this future, which waits in
    /// [`wait_for_turn`]. Input that was read together with the event stays in `buffer`, and later input stays in the
    /// socket.
    async fn handle(&mut self, mut buffer: Buffer, filled: usize) -> Result<(), ConnectionEnd> {
        let (client, actor) = (self.admitted.client(), self.admitted.actor());
        let mut unread = 0..filled;
        let mut turn: Option<Turn<'_>> = None;
        let mut may_begin_burst = true;
        self.overruns.next_piece();
        while !unread.is_empty() {
            if slice::is_over() {
                turn = None;
                self.overruns.record();
                buffer.shrink_to_unread(&mut unread);
                self.transport.drive(client, buffer.len(), pin!(slice::yield_now())).await.1?;
            }
            // This is checked whenever this task does not hold the turn. Otherwise a long queue of messages could delay
            // `expiring`.
            if turn.is_none() && self.transport.take_expiring() {
                buffer.shrink_to_unread(&mut unread);
                let waiting = buffer.len();
                let (call_result, transport_result) =
                    Box::pin(deliver_expiring(&mut self.transport, client, actor, waiting)).await;
                self.handle_result(call_result);
                transport_result?;
            }
            if std::mem::replace(&mut may_begin_burst, true)
                && burst::is_worthwhile(&self.inbound, &buffer[unread.clone()])
            {
                turn = turn.or_else(|| actor.try_turn());
                if let Some(current) = turn.take_if(|turn| turn.takes_bursts()) {
                    // Boxed to keep the future small, because most messages are not part of a burst.
                    let input = (buffer, unread);
                    let burst = Box::pin(deliver_burst(
                        &mut self.transport,
                        &mut self.inbound,
                        client,
                        &self.settings,
                        current,
                        input,
                    ));
                    let delivered;
                    (delivered, turn) = burst.await;
                    // The input that ended the burst must be handled as a single event before another burst begins.
                    may_begin_burst = false;
                    if delivered.taken > 1 {
                        self.consecutive_faults.set(0);
                    }
                    (buffer, unread) = delivered.input;
                    self.handle_result(delivered.call_result);
                    delivered.transport_result?;
                    if let Some(end) = delivered.end {
                        return Err(end);
                    }
                    continue;
                }
            }
            let mut waiting = buffer.len();
            let mut input = &mut buffer[unread.clone()];
            let high_water_mark = self.transport.high_water_mark();
            let answers = &self.settings.auto_answers;
            let owner = actor.ownership();
            let inbound = &mut self.inbound;
            let next = next_event(inbound, client, high_water_mark, answers, owner, &mut input)?;
            unread.start = unread.end - input.len();
            let event = match next {
                Next::Event(event) => event,
                Next::Nothing => continue,
                Next::OutputFull => {
                    turn = None;
                    buffer.shrink_to_unread(&mut unread);
                    self.transport.drain(client).await?;
                    continue;
                }
            };
            let (mut current, event) = match turn.take().or_else(|| actor.try_turn()) {
                Some(current) => (current, event),
                None => {
                    let event = event.into_owned();
                    buffer.shrink_to_unread(&mut unread);
                    waiting = event.length() + buffer.len();
                    match wait_for_turn(&mut self.transport, client, actor, waiting).await? {
                        Some(current) => (current, event),
                        None => continue,
                    }
                }
            };
            let slice = slice::current();
            let (call_result, transport_result) = {
                let call = pin!(current.call_received(client, event));
                self.transport.drive(client, waiting, call).await
            };
            // If the call was suspended, the turn is released, so that other tasks get it first.
            turn = (slice == slice::current()).then_some(current);
            self.handle_result(call_result);
            transport_result?;
        }
        self.charge_input();
        Ok(())
    }
}

/// Lets the guest take messages from the input in one call. Returns what was delivered. Also returns the turn, unless
/// the call was suspended.
async fn deliver_burst<'a, S: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Transport<S>,
    inbound: &mut Inbound,
    client: &Arc<Client>,
    settings: &Arc<ResourceConfig>,
    mut turn: Turn<'a>,
    (buffer, unread): (Buffer, Range<usize>),
) -> (Delivered, Option<Turn<'a>>) {
    let lent = std::mem::replace(inbound, Inbound::new(Role::Server, Limits::default()));
    let high_water_mark = transport.high_water_mark();
    let owner = turn.ownership().cloned();
    let burst = Burst::new(lent, buffer, unread, Arc::clone(settings), owner, high_water_mark);
    let (call_result, burst, transport_result) =
        Box::new(burst).deliver(&mut turn, client, transport).await;
    let turn = burst.is_same_slice().then_some(turn);
    let Burst { inbound: returned, buffer, unread, taken, end, .. } = *burst;
    *inbound = returned;
    (Delivered { call_result, transport_result, input: (buffer, unread), taken, end }, turn)
}

/// Waits for the turn. During the wait, `waiting` bytes of the client's input stay in memory. Returns `None` if the
/// client has been closed, because the input of a closed client is no longer delivered.
async fn wait_for_turn<'a, S: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Transport<S>,
    client: &Client,
    actor: &'a Arc<Actor>,
    waiting: usize,
) -> Result<Option<Turn<'a>>, ConnectionEnd> {
    if !client.input_share().admits(waiting) {
        client.close_to_make_room();
        return Ok(None);
    }
    let (turn, transport_result) = transport.drive(client, waiting, pin!(actor.turn())).await;
    transport_result?;
    Ok(client.is_open().then_some(turn))
}

/// Calls `expiring` for a client. During the call, `waiting` bytes of the client's input stay in memory. Callers box
/// this future to keep their own future small.
async fn deliver_expiring<S: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Transport<S>,
    client: &Arc<Client>,
    actor: &Arc<Actor>,
    waiting: usize,
) -> (Result<(), Fault>, Result<(), ConnectionEnd>) {
    let turn = match actor.try_turn() {
        Some(turn) => turn,
        None => match wait_for_turn(transport, client, actor, waiting).await {
            Ok(Some(turn)) => turn,
            Ok(None) => return (Ok(()), Ok(())),
            Err(end) => return (Ok(()), Err(end)),
        },
    };
    transport.drive(client, waiting, pin!(turn.call_expiring(client))).await
}

impl<S> Connection<S> {
    /// Charges the bytes of an incomplete message, because they stay in memory until the rest of the message arrives.
    /// Closes the client if the host has no memory for them.
    fn charge_input(&self) {
        let client = self.admitted.client();
        let held = self.inbound.held();
        if !client.input_share().admits(held) {
            client.close_to_make_room();
        }
        client.input_share().report(held);
    }

    /// Handles the result of an event.
    #[inline]
    fn handle_result(&self, result: Result<(), Fault>) {
        match result {
            Ok(()) => self.consecutive_faults.set(0),
            Err(fault) => self.handle_fault(&fault),
        }
    }

    #[cold]
    fn handle_fault(&self, fault: &Fault) {
        let increment = u32::from(fault.is_caused_by_handler());
        self.consecutive_faults.set(self.consecutive_faults.get() + increment);
        self.admitted.report_fault(fault);
        self.close_for(fault);
    }

    /// Closes the client after a fault in one of its events, unless `on-fault` keeps the client connected. The code is
    /// 1011 if the handler failed ([`Fault::close`] chooses the code).
    fn close_for(&self, fault: &Fault) {
        if self.settings.on_fault == OnFault::DropMessage
            && !matches!(fault, Fault::NotOwner(_))
            && self.consecutive_faults.get() < MAX_CONSECUTIVE_FAULTS
        {
            return;
        }
        let explanation = match self.mode {
            Mode::Production => None,
            Mode::Development => Some(fault.explanation()),
        };
        self.admitted.client().close_by_host(fault.close(explanation.as_deref()));
    }
}

/// The result of a burst.
struct Delivered {
    call_result: Result<(), Fault>,
    transport_result: Result<(), ConnectionEnd>,
    /// The buffer, and the range of unread input in it.
    input: (Buffer, Range<usize>),
    /// The number of messages that the guest has taken.
    taken: usize,
    /// Set if the client broke the protocol.
    end: Option<ConnectionEnd>,
}

/// The next step in handling the input.
enum Next<'a> {
    Event(ClientEvent<'a>),
    /// No event: the input is used up, or the slice is over.
    Nothing,
    /// Wait until the client has read output. Then handle the rest of the input.
    OutputFull,
}

/// Returns the next event for the handler. Handles protocol events without the handler, and answers texts that have an
/// automatic answer. While too much output waits for the client, returns no event. All messages of a client come
/// through this function, except those that the guest takes from a burst (`next` and `advance` in `burst.rs`).
fn next_event<'a>(
    inbound: &mut Inbound,
    client: &Client,
    high_water_mark: usize,
    auto_answers: &[AutoAnswer],
    ownership: Option<&Arc<dyn Ownership>>,
    input: &mut &'a mut [u8],
) -> Result<Next<'a>, ConnectionEnd> {
    let mut outbound = client.outbound();
    if outbound.is_aborted() {
        return Err(ConnectionEnd::Aborted);
    }
    outbound.set_awake();
    loop {
        if client.is_input_paused(&outbound, high_water_mark) && !input.is_empty() {
            return Ok(Next::OutputFull);
        }
        match inbound.handle_input(input, &mut outbound.frames) {
            Some(Event::Text(text)) => {
                outbound.traffic.received(text.len());
                if !send_auto_answer(auto_answers, ownership, &text, &mut outbound) {
                    return Ok(Next::Event(ClientEvent::Text(text)));
                }
            }
            Some(Event::Binary(bytes)) => {
                outbound.traffic.received(bytes.len());
                return Ok(Next::Event(ClientEvent::Binary(bytes)));
            }
            Some(Event::Pong(payload)) if *payload != *HEARTBEAT => {
                return Ok(Next::Event(ClientEvent::Pong(payload)));
            }
            Some(Event::Pong(_) | Event::Ping(_)) => {}
            Some(Event::Closed(frame)) => return Err(ConnectionEnd::Closed(frame)),
            Some(Event::Failed(error)) => return Err(ConnectionEnd::Failed(error)),
            None => return Ok(Next::Nothing),
        }
        if slice::is_over() {
            return Ok(Next::Nothing);
        }
    }
}

/// Returns the automatic answer to a text message with this payload.
fn auto_answer<'a>(auto_answers: &'a [AutoAnswer], payload: &[u8]) -> Option<&'a AutoAnswer> {
    auto_answers.iter().find(|auto| auto.request.as_bytes() == payload)
}

/// Answers a text message that has an automatic answer. Returns `false` if the message has none, or if this host may
/// not run the actor at the moment. In both cases the message becomes an event. In the second case, the event is
/// refused.
fn send_auto_answer(
    auto_answers: &[AutoAnswer],
    ownership: Option<&Arc<dyn Ownership>>,
    text: &str,
    outbound: &mut OutboundBuffer,
) -> bool {
    let Some(auto) = auto_answer(auto_answers, text.as_bytes()) else { return false };
    if ownership.is_some_and(|ownership| !ownership.is_held()) {
        return false;
    }
    // An answer that does not fit is dropped, because the client asks for answers faster than it reads them.
    if outbound.frames.send_text(&auto.answer).is_ok() {
        outbound.traffic.sent(auto.answer.len());
    }
    true
}
