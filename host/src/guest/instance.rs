//! One instance of a component, and the calls into it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::Store;

use super::bindings::ResourceHandler;
use super::bindings::exports::ws_host::socket::handler;
use super::call_clock::CallClock;
use super::error::Fault;
use super::in_time::in_time;
use super::optional::Optional;
use super::state::{self, State};
use crate::clients::{Client, ClientId};
use crate::timers::TimerId;

/// A sandbox: a store with its own memory and limits, and the component in it.
///
/// # Cancel safety
///
/// None: a call that is dropped before it has returned leaves the instance in the middle of an
/// event. Whoever drops one must drop the instance too.
pub(crate) struct Guest {
    max_time: Duration,
    clock: Arc<CallClock>,
    store: Store<State>,
    handler: ResourceHandler,
    optional: Optional,
}

/// What a call needs.
struct Begun<'a> {
    handler: &'a handler::Guest,
    store: &'a mut Store<State>,
    max_time: Duration,
    clock: &'a CallClock,
}

/// A handler lets a client in.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    pub(crate) subprotocol: Option<String>,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

/// A handler turns a client away.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// What comes of a message from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The handler's answer.
    Given(Vec<u8>),
    /// The handler says why not.
    Refused(String),
    /// The component does not export a function for it.
    NoListener,
}

/// How a connection ended, for the handler.
#[derive(Clone, Debug)]
pub(crate) struct Disconnection {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) clean: bool,
    pub(crate) sent: Option<u16>,
}

impl Guest {
    pub(super) fn new(
        max_time: Duration,
        clock: Arc<CallClock>,
        store: Store<State>,
        handler: ResourceHandler,
        optional: Optional,
    ) -> Self {
        Self { max_time, clock, store, handler, optional }
    }

    /// Octets of all its linear memories and tables.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().meter.memory()
    }

    pub(crate) async fn connected(
        &mut self,
        client: &Arc<Client>,
    ) -> Result<Result<Acceptance, Refusal>, Fault> {
        let request = client.known().into();
        let Begun { handler, store, max_time, clock } = self.begin(Some(client));
        let answer =
            in_time(pin!(handler.call_connected(store, client.id().0, &request)), max_time, clock)
                .await?;
        Ok(answer.map(Acceptance::from).map_err(Refusal::from))
    }

    pub(crate) async fn received_text(
        &mut self,
        from: &Arc<Client>,
        text: &str,
    ) -> Result<(), Fault> {
        let Begun { handler, store, max_time, clock } = self.begin(Some(from));
        in_time(pin!(handler.call_received_text(store, from.id().0, text)), max_time, clock)
            .await?;
        Ok(())
    }

    pub(crate) async fn received_binary(
        &mut self,
        from: &Arc<Client>,
        octets: &[u8],
    ) -> Result<(), Fault> {
        let Begun { handler, store, max_time, clock } = self.begin(Some(from));
        in_time(pin!(handler.call_received_binary(store, from.id().0, octets)), max_time, clock)
            .await?;
        Ok(())
    }

    pub(crate) async fn received_pong(
        &mut self,
        from: &Arc<Client>,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let Begun { handler, store, max_time, clock } = self.begin(Some(from));
        in_time(pin!(handler.call_received_pong(store, from.id().0, payload)), max_time, clock)
            .await?;
        Ok(())
    }

    pub(crate) async fn disconnected(
        &mut self,
        client: ClientId,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        let how = how.into();
        let Begun { handler, store, max_time, clock } = self.begin(None);
        in_time(pin!(handler.call_disconnected(store, client.0, &how)), max_time, clock).await?;
        Ok(())
    }

    /// A timer is due. Without an export for it nothing happens.
    pub(crate) async fn fired(&mut self, timer: TimerId) -> Result<(), Fault> {
        self.begin(None);
        if let Some(fired) = &self.optional.fired {
            in_time(pin!(fired.call_async(&mut self.store, (timer,))), self.max_time, &self.clock)
                .await?;
        }
        Ok(())
    }

    /// A message from outside, and the handler's answer to it.
    pub(crate) async fn received_custom(&mut self, message: Vec<u8>) -> Result<Answer, Fault> {
        self.begin(None);
        let Some(received_custom) = &self.optional.received_custom else {
            return Ok(Answer::NoListener);
        };
        let call = received_custom.call_async(&mut self.store, (message,));
        let (answer,) = in_time(pin!(call), self.max_time, &self.clock).await?;
        Ok(match answer {
            Ok(answer) => Answer::Given(answer),
            Err(why) => Answer::Refused(why),
        })
    }

    /// What it wrote last to its standard error, after a fault: why it failed, perhaps.
    pub(crate) fn last_words(&self) -> String {
        self.store.data().last_words()
    }

    /// The state, if the component gives any.
    pub(crate) async fn suspend(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        self.begin(None);
        let mut state = None;
        if let Some(lifecycle) = &self.optional.lifecycle {
            (state,) = in_time(
                pin!(lifecycle.suspend.call_async(&mut self.store, ())),
                self.max_time,
                &self.clock,
            )
            .await?;
        }
        Ok(state)
    }

    /// Lets it take over from an instance that was here before; it may say why it cannot. Without an
    /// export for it nothing happens. `age` is that of a state which is not as the last event left it.
    pub(crate) async fn resume(
        &mut self,
        state: Option<Arc<[u8]>>,
        age: Option<Duration>,
    ) -> Result<Result<(), String>, Fault> {
        self.begin(None);
        let mut taken = Ok(());
        if let Some(lifecycle) = &self.optional.lifecycle {
            let clients = self.store.data().belongings.clients.all();
            let open = clients.iter().filter(|client| client.is_open());
            let ids = open.map(|client| client.id().0).collect();
            self.store.data_mut().state_age = age;
            (taken,) = in_time(
                pin!(lifecycle.resume.call_async(&mut self.store, (state, ids))),
                self.max_time,
                &self.clock,
            )
            .await?;
            self.store.data_mut().state_age = None;
        }
        Ok(taken)
    }

    /// Gives the call that begins its CPU budget, and lets it find the client whose event it is.
    fn begin(&mut self, current: Option<&Arc<Client>>) -> Begun<'_> {
        self.store.data_mut().current = current.cloned();
        state::begin(&mut self.store);
        Begun {
            handler: self.handler.ws_host_socket_handler(),
            store: &mut self.store,
            max_time: self.max_time,
            clock: &self.clock,
        }
    }
}
