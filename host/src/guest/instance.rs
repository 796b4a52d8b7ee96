//! One instance of a component, and the calls into it.

use std::any::Any;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use wasmtime::{AsContextMut, Store};

use super::bindings::Called;
use super::bindings::exports::ws_host::socket::handler;
use super::burst::Burst;
use super::call_info::{CustomInfo, Reason};
use super::cpu_clock::CpuClock;
use super::error::Fault;
use super::imports::Reply;
use super::optional::Optional;
use super::state::{self, State};
use super::time_limit::with_time_limit;
use crate::clients::{Cause, Client};
use crate::timers::TimerId;

/// A sandbox: a store with its own memory and limits, and the component in it.
///
/// # Cancel safety
///
/// None: a call that is dropped before it has returned leaves the instance in the middle of an
/// event. Whoever drops one must drop the instance too.
pub(crate) struct Guest {
    max_time: Duration,
    clock: Arc<CpuClock>,
    store: Store<State>,
    handler: Called,
    optional: Optional,
}

/// What a call needs.
struct Begun<'a> {
    handler: &'a handler::Guest,
    store: &'a mut Store<State>,
    max_time: Duration,
    clock: &'a CpuClock,
}

/// A handler lets a client in.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    /// One that the client offered.
    pub(crate) subprotocol: Option<String>,
    /// None of those that the handshake needs.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// A handler turns a client away.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// From 300 to 599.
    pub(crate) status: StatusCode,
    /// None of those that say how long the answer is.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// With its type.
    pub(crate) body: Option<(HeaderValue, Vec<u8>)>,
}

/// What comes of a message from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CustomReply {
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
    pub(crate) cause: Cause,
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) clean: bool,
    pub(crate) sent: Option<u16>,
}

impl Guest {
    pub(super) fn new(
        max_time: Duration,
        clock: Arc<CpuClock>,
        store: Store<State>,
        handler: Called,
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
        let id = client.id();
        self.store.data_mut().reply = Some((id, Reply::default()));
        let Begun { handler, store, max_time, clock } = self.begin(Some(client));
        let is_let_in =
            with_time_limit(pin!(handler.call_connected(store, id.0)), max_time, clock).await?;
        let reply = self.store.data_mut().reply.take();
        let Reply { subprotocol, headers, status, body } =
            reply.map(|(_, reply)| reply).unwrap_or_default();
        Ok(if is_let_in {
            Ok(Acceptance { subprotocol, headers })
        } else {
            Err(Refusal { status: status.unwrap_or(StatusCode::FORBIDDEN), headers, body })
        })
    }

    pub(crate) async fn received_text(
        &mut self,
        from: &Arc<Client>,
        text: &str,
    ) -> Result<(), Fault> {
        let Begun { handler, store, max_time, clock } = self.begin(Some(from));
        with_time_limit(
            pin!(handler.call_received_text(store, from.id().0, text)),
            max_time,
            clock,
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn received_binary(
        &mut self,
        from: &Arc<Client>,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let Begun { handler, store, max_time, clock } = self.begin(Some(from));
        with_time_limit(
            pin!(handler.call_received_binary(store, from.id().0, bytes)),
            max_time,
            clock,
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn received_pong(
        &mut self,
        from: &Arc<Client>,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let Begun { handler, store, max_time, clock } = self.begin(Some(from));
        with_time_limit(
            pin!(handler.call_received_pong(store, from.id().0, payload)),
            max_time,
            clock,
        )
        .await?;
        Ok(())
    }

    /// Whether it takes many messages in one call.
    pub(crate) fn takes_bursts(&self) -> bool {
        self.optional.received_burst.is_some()
    }

    /// Messages that the component takes from the burst one after the other, each an event of its own, if it
    /// takes any. The burst is given back.
    pub(crate) async fn received_burst<B: Burst>(
        &mut self,
        from: &Arc<Client>,
        burst: Box<B>,
    ) -> (Result<(), Fault>, Box<B>) {
        self.begin(Some(from));
        let Some(received_burst) = &self.optional.received_burst else { return (Ok(()), burst) };
        self.store.data_mut().burst = Some(burst);
        let call = received_burst.call_async(&mut self.store, (from.id().0,));
        let called = with_time_limit(pin!(call), self.max_time, &self.clock).await;
        let burst: Option<Box<dyn Any>> =
            self.store.data_mut().burst.take().map(|burst| burst as _);
        let burst = burst.and_then(|burst| burst.downcast().ok());
        (called, burst.expect("nobody else takes it out of the store"))
    }

    /// The client is not in the table of clients any more.
    pub(crate) async fn disconnected(
        &mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        self.store.data_mut().leaving = Some((Arc::clone(client), how.clone()));
        let Begun { handler, store, max_time, clock } = self.begin(None);
        with_time_limit(pin!(handler.call_disconnected(store, client.id().0)), max_time, clock)
            .await?;
        self.store.data_mut().leaving = None;
        Ok(())
    }

    /// A timer is due. Without an export for it nothing happens.
    pub(crate) async fn fired(&mut self, timer: TimerId) -> Result<(), Fault> {
        self.begin(None);
        if let Some(fired) = &self.optional.fired {
            with_time_limit(
                pin!(fired.call_async(&mut self.store, (timer,))),
                self.max_time,
                &self.clock,
            )
            .await?;
        }
        Ok(())
    }

    /// A client that had no room for something has read on. Without an export for it nothing happens.
    pub(crate) async fn drained(&mut self, client: &Arc<Client>) -> Result<(), Fault> {
        self.begin(Some(client));
        if let Some(drained) = &self.optional.drained {
            let call = drained.call_async(&mut self.store, (client.id().0,));
            with_time_limit(pin!(call), self.max_time, &self.clock).await?;
        }
        Ok(())
    }

    /// The end is near. Without an export for it nothing happens.
    pub(crate) async fn stopping(&mut self) -> Result<(), Fault> {
        self.begin(None);
        if let Some(stopping) = &self.optional.stopping {
            let call = stopping.call_async(&mut self.store, ());
            with_time_limit(pin!(call), self.max_time, &self.clock).await?;
        }
        Ok(())
    }

    /// A client is closed soon. Without an export for it nothing happens.
    pub(crate) async fn expiring(&mut self, client: &Arc<Client>) -> Result<(), Fault> {
        self.begin(Some(client));
        if let Some(expiring) = &self.optional.expiring {
            let call = expiring.call_async(&mut self.store, (client.id().0,));
            with_time_limit(pin!(call), self.max_time, &self.clock).await?;
        }
        Ok(())
    }

    /// A message from outside, and the handler's answer to it.
    pub(crate) async fn received_custom(
        &mut self,
        message: Vec<u8>,
        info: CustomInfo,
    ) -> Result<CustomReply, Fault> {
        self.begin(None);
        let Some(received_custom) = &self.optional.received_custom else {
            return Ok(CustomReply::NoListener);
        };
        self.store.data_mut().custom = Some(info);
        let call = received_custom.call_async(&mut self.store, (message,));
        let (answer,) = with_time_limit(pin!(call), self.max_time, &self.clock).await?;
        self.store.data_mut().custom = None;
        Ok(match answer {
            Ok(answer) => CustomReply::Given(answer),
            Err(why) => CustomReply::Refused(why),
        })
    }

    /// What it wrote last to its standard error, after a fault: why it failed, perhaps.
    pub(crate) fn recent_stderr(&self) -> String {
        self.store.data().last_words()
    }

    /// The state, if the component gives any.
    pub(crate) async fn suspend(&mut self, reason: Reason) -> Result<Option<Vec<u8>>, Fault> {
        self.begin(None);
        let mut state = None;
        if let Some(lifecycle) = &self.optional.lifecycle {
            self.store.data_mut().state_reason = Some(reason);
            (state,) = with_time_limit(
                pin!(lifecycle.suspend.call_async(&mut self.store, ())),
                self.max_time,
                &self.clock,
            )
            .await?;
            self.store.data_mut().state_reason = None;
        }
        Ok(state)
    }

    /// Lets it take over from an instance that was here before; it may say why it cannot. Without an
    /// export for it nothing happens. `age` is that of a state which is not as the last event left it.
    pub(crate) async fn resume(
        &mut self,
        state: Option<Arc<[u8]>>,
        reason: Reason,
        age: Option<Duration>,
    ) -> Result<Result<(), String>, Fault> {
        self.begin(None);
        let mut taken = Ok(());
        if let Some(lifecycle) = &self.optional.lifecycle {
            let data = self.store.data_mut();
            (data.state_reason, data.state_age) = (Some(reason), age);
            (taken,) = with_time_limit(
                pin!(lifecycle.resume.call_async(&mut self.store, (state,))),
                self.max_time,
                &self.clock,
            )
            .await?;
            let data = self.store.data_mut();
            (data.state_reason, data.state_age) = (None, None);
        }
        Ok(taken)
    }

    /// Gives the call that begins its CPU budget, and lets it find the client whose event it is.
    fn begin(&mut self, current: Option<&Arc<Client>>) -> Begun<'_> {
        let found = &mut self.store.data_mut().current;
        // Many events in a row are of one client.
        if !matches!((&*found, current), (Some(found), Some(current)) if Arc::ptr_eq(found, current))
        {
            *found = current.cloned();
        }
        state::begin(self.store.as_context_mut());
        Begun {
            handler: self.handler.ws_host_socket_handler(),
            store: &mut self.store,
            max_time: self.max_time,
            clock: &self.clock,
        }
    }
}
