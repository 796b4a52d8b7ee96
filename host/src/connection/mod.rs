//! One WebSocket connection: octets from its socket to events of its actor, and what the guest sent
//! back to the socket.
//!
//! One task serves it. The task waits in two places only: for input ([`Line::read`]) and for its
//! actor ([`Line::attend`]). In both it goes on writing and minds the clock, so that a busy actor
//! cannot stop output and a silent peer cannot stop the clock.

mod admitted;
mod buffer;
mod burst;
mod closing;
mod end;
mod idle_memory;
mod liveness;
mod socket;
mod transport;

use std::cell::Cell;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use ws_host_protocol::handshake::Version;
use ws_host_protocol::{Event, Inbound, Limits, Role, release_memory};

pub(crate) use self::admitted::{Admitted, ClientPermit};
use self::buffer::Buffer;
use self::burst::Burst;
pub(crate) use self::closing::{ClosingConnections, ConnectionGuard};
pub(crate) use self::end::ConnectionEnd;
pub(crate) use self::socket::Socket;
use self::transport::{Transport, Wakeup};
use crate::actor::{Actor, ClientEvent, Turn};
use crate::clients::{Client, ClientInfo, Outgoing};
use crate::config::{AutoAnswer, Mode, OnFault, Resource};
use crate::guest::Fault;
use crate::slice::{self, Overruns};

/// The payload of the host's own pings. Pongs with it are not reported to the handler.
const HEARTBEAT: &[u8] = b"ws-host";

/// Where a client stays after a fault (`on-fault = "drop-message"`), it is closed after so many of its
/// events in a row that failed: each costs the others of its actor an instance.
const MAX_FAULTS_IN_A_ROW: u32 = 8;

/// An open connection over a stream.
pub(crate) struct Connection<S> {
    admitted: Admitted,
    inbound: Inbound,
    transport: Transport<S>,
    settings: Arc<Resource>,
    mode: Mode,
    /// Of events of this client.
    faults_in_a_row: Cell<u32>,
    overruns: Overruns,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// A connection whose handshake has been answered with 101.
    pub(crate) fn new(admitted: Admitted, socket: S, settings: Arc<Resource>, mode: Mode) -> Self {
        let Resource { limits, timeouts, .. } = &*settings;
        let accepted = Limits::new(limits.max_message);
        let ClientInfo { version, deflate, .. } = admitted.client().info();
        let mut inbound = match version {
            Version::Draft00 => Inbound::draft00(accepted),
            Version::Draft07 | Version::Draft08 | Version::Rfc6455 => {
                Inbound::new(Role::Server, accepted)
            }
        };
        if let Some(deflate) = deflate {
            inbound.use_deflate(deflate);
        }
        let transport = Transport::new(socket, limits, timeouts);
        let (faults_in_a_row, overruns) = (Cell::new(0), Overruns::default());
        Self { admitted, inbound, transport, settings, mode, faults_in_a_row, overruns }
    }

    /// Serves the client to its end; `first` came behind the handshake.
    ///
    /// # Cancel safety
    ///
    /// None: dropping the future would drop a running call of the guest.
    #[expect(
        clippy::manual_async_fn,
        reason = "an `async fn` would keep room for its parameters twice, and every connection carries this"
    )]
    pub(crate) fn serve(mut self, first: Vec<u8>) -> impl Future<Output = ()> {
        async move {
            let end = self.run(first).await;
            release_memory();
            // In a box, so that a connection does not carry the room for its end all its life.
            Box::pin(self.end(end)).await;
        }
    }

    /// Neither a busy actor nor a slow peer holds the other up.
    async fn end(self, end: ConnectionEnd) {
        let Self { admitted, transport, mut inbound, .. } = self;
        let client = Arc::clone(admitted.client());
        let guard = admitted.disconnect(&end);
        guard.run_close(&client, transport.close_gracefully(&client, &mut inbound, &end)).await;
    }

    async fn run(&mut self, first: Vec<u8>) -> ConnectionEnd {
        let filled = first.len();
        let mut came = Wakeup::Input(Buffer::Own(first), filled);
        loop {
            if let Wakeup::Input(buffer, filled) = came
                && let Err(end) = self.handle(buffer, filled).await
            {
                return end;
            }
            // In a box, so that a connection does not carry the room for what is rare.
            if self.transport.is_capacity_restored()
                && let Err(end) = Box::pin(self.deliver_drained()).await
            {
                return end;
            }
            if self.transport.take_expiring() {
                let (client, actor) = (self.admitted.client(), self.admitted.actor());
                let waiting = self.inbound.held();
                let (called, transport) =
                    Box::pin(deliver_expiring(&mut self.transport, client, actor, waiting)).await;
                self.handle_result(called);
                if let Err(end) = transport {
                    return end;
                }
            }
            match self.transport.read(self.admitted.client()).await {
                Ok(next) => came = next,
                Err(end) => return end,
            }
        }
    }

    /// Tells the handler that there is room again for what it sends, if it wants to know. Where it fills the buffer
    /// again and the client takes it at once, this is like a burst of messages: others of the worker go on when the
    /// slice is over.
    async fn deliver_drained(&mut self) -> Result<(), ConnectionEnd> {
        let (client, actor) = (self.admitted.client(), self.admitted.actor());
        if !client.take_restored_capacity(self.transport.high_water()) || !actor.wants_drained() {
            return Ok(());
        }
        let held = self.inbound.held();
        if slice::is_over() {
            self.overruns.count();
            self.transport.drive(client, held, pin!(slice::yield_now())).await.1?;
        }
        let turn = match actor.try_turn() {
            Some(turn) => turn,
            None => match wait_for_turn(&mut self.transport, client, actor, held).await? {
                Some(turn) => turn,
                None => return Ok(()),
            },
        };
        if !client.is_open() {
            return Ok(());
        }
        let (called, transport) =
            self.transport.drive(client, held, pin!(turn.drained(client))).await;
        self.handle_result(called);
        transport
    }

    /// Brings every event in the buffer to the actor, in order: as many under one turn as its slice of time has
    /// room for.
    async fn handle(&mut self, mut buffer: Buffer, filled: usize) -> Result<(), ConnectionEnd> {
        let (client, actor) = (self.admitted.client(), self.admitted.actor());
        let mut unread = 0..filled;
        let mut turn: Option<Turn<'_>> = None;
        let mut may_be_burst = true;
        self.overruns.begin();
        while !unread.is_empty() {
            if slice::is_over() {
                turn = None;
                self.overruns.count();
                buffer.shrink_to_unread(&mut unread);
                self.transport.drive(client, buffer.len(), pin!(slice::yield_now())).await.1?;
            }
            // Whenever it has waited, so that many messages that wait do not keep it for long.
            if turn.is_none() && self.transport.take_expiring() {
                buffer.shrink_to_unread(&mut unread);
                let waiting = buffer.len();
                let (called, transport) =
                    Box::pin(deliver_expiring(&mut self.transport, client, actor, waiting)).await;
                self.handle_result(called);
                transport?;
            }
            if std::mem::replace(&mut may_be_burst, true)
                && burst::is_worth_it(&self.inbound, &buffer[unread.clone()])
            {
                turn = turn.or_else(|| actor.try_turn());
                if let Some(held) = turn.take_if(|held| held.takes_bursts()) {
                    // In a box, as most messages come alone.
                    let input = (buffer, unread);
                    let burst = Box::pin(deliver_burst(
                        &mut self.transport,
                        &mut self.inbound,
                        client,
                        &self.settings,
                        held,
                        input,
                    ));
                    let delivered;
                    (delivered, turn) = burst.await;
                    // What it did not go on with is looked at here first.
                    may_be_burst = false;
                    if delivered.taken > 1 {
                        self.faults_in_a_row.set(0);
                    }
                    (buffer, unread) = delivered.input;
                    self.handle_result(delivered.called);
                    delivered.transport?;
                    if let Some(end) = delivered.end {
                        return Err(end);
                    }
                    continue;
                }
            }
            let mut waiting = buffer.len();
            let mut input = &mut buffer[unread.clone()];
            let high_water = self.transport.high_water();
            let answers = &self.settings.auto_answers;
            let next = next_event(&mut self.inbound, client, high_water, answers, &mut input)?;
            unread.start = unread.end - input.len();
            let event = match next {
                Next::Event(event) => event,
                Next::Nothing => continue,
                Next::TooMuchWaits => {
                    turn = None;
                    buffer.shrink_to_unread(&mut unread);
                    self.transport.drain(client).await?;
                    continue;
                }
            };
            let (mut held, event) = match turn.take().or_else(|| actor.try_turn()) {
                Some(held) => (held, event),
                None => {
                    let event = event.into_owned();
                    buffer.shrink_to_unread(&mut unread);
                    waiting = event.length() + buffer.len();
                    match wait_for_turn(&mut self.transport, client, actor, waiting).await? {
                        Some(held) => (held, event),
                        None => continue,
                    }
                }
            };
            let slice = slice::current();
            let (called, transport) = {
                let call = pin!(held.received(client, event));
                self.transport.drive(client, waiting, call).await
            };
            // A call that has waited was not the only one: others are first then.
            turn = (slice == slice::current()).then_some(held);
            self.handle_result(called);
            transport?;
        }
        self.count_received();
        Ok(())
    }
}

/// Has the guest take messages from what has come, in one call. The turn comes back if the slice is not over.
async fn deliver_burst<'a, S: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Transport<S>,
    inbound: &mut Inbound,
    client: &Arc<Client>,
    settings: &Arc<Resource>,
    mut held: Turn<'a>,
    (buffer, unread): (Buffer, Range<usize>),
) -> (Delivered, Option<Turn<'a>>) {
    let lent = std::mem::replace(inbound, Inbound::new(Role::Server, Limits::default()));
    let high_water = transport.high_water();
    let burst = Burst::new(lent, buffer, unread, Arc::clone(settings), high_water);
    let (called, burst, transport) = Box::new(burst).deliver(&mut held, client, transport).await;
    let turn = burst.has_slice().then_some(held);
    let Burst { inbound: given_back, buffer, unread, taken, end, .. } = *burst;
    *inbound = given_back;
    (Delivered { called, transport, input: (buffer, unread), taken, end }, turn)
}

/// The turn for an event that is kept with so much more. `None`: the client is closed, and what has come from it is not
/// delivered any more.
async fn wait_for_turn<'a, S: AsyncRead + AsyncWrite + Unpin>(
    transport: &mut Transport<S>,
    client: &Client,
    actor: &'a Arc<Actor>,
    waiting: usize,
) -> Result<Option<Turn<'a>>, ConnectionEnd> {
    if !client.received().admits(waiting) {
        client.close_to_make_room();
        return Ok(None);
    }
    let (held, transport) = transport.drive(client, waiting, pin!(actor.turn())).await;
    transport?;
    Ok(client.is_open().then_some(held))
}

/// Tells the handler that a client expires, of which so much is kept meanwhile. Boxed by its callers, so that a connection
/// does not carry the room for what is rare.
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
    transport.drive(client, waiting, pin!(turn.expiring(client))).await
}

impl<S> Connection<S> {
    /// Counts what has come of a message that is not complete. A client of which there is no room for so much
    /// goes: to read it later would keep what has come until then.
    fn count_received(&self) {
        let client = self.admitted.client();
        let held = self.inbound.held();
        if !client.received().admits(held) {
            client.close_to_make_room();
        }
        client.received().follow(held);
    }

    /// What comes of an event.
    #[inline]
    fn handle_result(&self, called: Result<(), Fault>) {
        match called {
            Ok(()) => self.faults_in_a_row.set(0),
            Err(fault) => self.handle_fault(&fault),
        }
    }

    #[cold]
    fn handle_fault(&self, fault: &Fault) {
        let one = u32::from(fault.is_of_the_handler());
        self.faults_in_a_row.set(self.faults_in_a_row.get() + one);
        self.admitted.report_fault(fault);
        self.close_after(fault);
    }

    /// What becomes of the client in whose event the handler failed.
    fn close_after(&self, fault: &Fault) {
        if self.settings.on_fault == OnFault::DropMessage
            && self.faults_in_a_row.get() < MAX_FAULTS_IN_A_ROW
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

/// What a burst has come to.
struct Delivered {
    called: Result<(), Fault>,
    transport: Result<(), ConnectionEnd>,
    /// With what is left of it.
    input: (Buffer, Range<usize>),
    taken: usize,
    /// The client broke the protocol.
    end: Option<ConnectionEnd>,
}

/// What there is to do with input.
enum Next<'a> {
    Event(ClientEvent<'a>),
    /// All of it is used up, or the slice is over.
    Nothing,
    /// The rest of it has to wait until the client has taken output.
    TooMuchWaits,
}

/// The next event, if it is one for the handler. The protocol's own, and texts that the host knows the answer to, are
/// answered here. None is looked for while too much of the client's output waits.
fn next_event<'a>(
    inbound: &mut Inbound,
    client: &Client,
    high_water: usize,
    auto_answers: &[AutoAnswer],
    input: &mut &'a mut [u8],
) -> Result<Next<'a>, ConnectionEnd> {
    let mut outgoing = client.outgoing();
    if outgoing.is_aborted() {
        return Err(ConnectionEnd::Aborted);
    }
    outgoing.awake();
    loop {
        if client.is_input_paused(&outgoing, high_water) && !input.is_empty() {
            return Ok(Next::TooMuchWaits);
        }
        match inbound.handle_input(input, &mut outgoing.outbound) {
            Some(Event::Text(text)) => {
                if !answer(auto_answers, &text, &mut outgoing) {
                    return Ok(Next::Event(ClientEvent::Text(text)));
                }
            }
            Some(Event::Binary(bytes)) => return Ok(Next::Event(ClientEvent::Binary(bytes))),
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

/// Answers a text that the host knows the answer to. Whether it is one.
fn answer(auto_answers: &[AutoAnswer], text: &str, outgoing: &mut Outgoing) -> bool {
    let Some(auto) = auto_answers.iter().find(|auto| auto.request == text) else { return false };
    // One that finds no room is left out: the client does not take what it asks for.
    let _ = outgoing.outbound.send_text(&auto.answer);
    true
}
