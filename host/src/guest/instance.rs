//! One instance of a component, and the calls into it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use wasmtime::component::{ComponentNamedList, Lower, TypedFunc};
use wasmtime::{AsContextMut, Store};

use super::bindings::RequiredExports;
use super::bindings::exports::ws_host::socket::handler;
use super::burst::Burst;
use super::call_info::{CallInfo, CustomInfo, EventName, Reason};
use super::client_event::ClientEvent;
use super::error::Fault;
use super::footprint::{Footprint, Initial};
use super::imports::HandshakeResponse;
use super::optional::{Lifecycle, Optional};
use super::state::{self, State};
use super::time_limit::TimeLimit;
use crate::clients::{Cause, Client};
use crate::metrics::sample::InstanceCalls;
use crate::timers::TimerId;
use crate::traces::ClientTrace;

/// An instance: a wasmtime store with its own memory and limits, and the component that runs in it.
///
/// # Cancel safety
///
/// Not cancel safe: a call that is dropped before it has returned leaves the instance in the middle of an event. In
/// that case the caller must drop the instance as well.
pub(crate) struct Guest {
    time_limit: TimeLimit,
    store: Store<State>,
    /// Boxed, because few events need it.
    footprint: Box<Footprint>,
    handler: RequiredExports,
    optional: Optional,
    /// The address of the client that the last event was about, or one of the constants below. If the next event is
    /// about the same client, the event needs no further preparation.
    last: usize,
}

/// The last event was not about a client.
const NO_CLIENT: usize = 0;

/// The last event was about a client whose events are traced, so the next event needs preparation in any case.
const EACH_EVENT: usize = 1;

/// The memories are packed, and must be restored before the next event.
const PACKED: usize = 2;

/// The parts that one event needs: the exports, the store with a fresh CPU budget, and the limit on the event's time.
struct Event<'a> {
    handler: &'a handler::Guest,
    optional: &'a Optional,
    store: &'a mut Store<State>,
    time_limit: &'a mut TimeLimit,
}

/// A handler's decision to accept a client.
#[derive(Clone, Debug)]
pub(crate) struct HandlerAcceptance {
    /// One of the subprotocols that the client offered.
    pub(crate) subprotocol: Option<String>,
    /// Additional headers, but not those that the handshake itself sets.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// A handler's decision to refuse a client.
#[derive(Clone, Debug)]
pub(crate) struct HandlerRejection {
    /// A status from 300 to 599.
    pub(crate) status: StatusCode,
    /// Additional headers, but not those that give the length of the response.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// The content type and the bytes of the body.
    pub(crate) body: Option<(HeaderValue, Vec<u8>)>,
}

/// An instance's response to a custom message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HandlerReply {
    /// The handler's reply.
    Given(Vec<u8>),
    /// The handler refused the message, for this reason.
    Refused(String),
    /// The component does not export `custom-listener`.
    NoListener,
}

/// How a connection ended. The handler reads it through the interface `disconnection`.
#[derive(Clone, Debug)]
pub(crate) struct Disconnection {
    pub(crate) cause: Cause,
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) clean: bool,
    /// The code of the close frame that the host sent.
    pub(crate) sent_code: Option<u16>,
}

impl Guest {
    pub(super) fn new(
        time_limit: TimeLimit,
        store: Store<State>,
        footprint: Footprint,
        handler: RequiredExports,
        optional: Optional,
    ) -> Self {
        let footprint = Box::new(footprint);
        Self { time_limit, store, footprint, handler, optional, last: NO_CLIENT }
    }

    /// Gives the memory of the stack back to the kernel. Meant for an instance that has been idle for a while.
    #[expect(unsafe_code, reason = "the stack must not be in use")]
    pub(crate) fn rest(&mut self) {
        // SAFETY: every call borrows the instance until the call has ended. If a call was dropped before its end, the
        // instance is dropped too.
        unsafe { self.footprint.clear_stack() };
    }

    /// Packs the instance: gives the memory of the stack back to the kernel, and those pages of its memories that can
    /// be restored from a new instance. The next event restores them. Meant for an instance that has been idle for
    /// longer.
    #[expect(unsafe_code, reason = "the memory must not be in use")]
    pub(crate) fn pack(&mut self) {
        self.rest();
        // SAFETY: as in `rest`. Every call begins with `begin_call`, which restores the memories.
        unsafe { self.footprint.pack() };
        self.last = PACKED;
    }

    /// Returns whether the instance was packed after its last event.
    pub(crate) fn is_packed(&self) -> bool {
        self.last == PACKED
    }

    /// Returns the content of the memories. The instance must not have handled any event.
    #[expect(unsafe_code, reason = "the memory must not be in use")]
    pub(super) fn initial(&self) -> Initial {
        // SAFETY: every call borrows the instance until the call has ended.
        unsafe { self.footprint.initial() }
    }

    /// Checks whether the next event has to fail.
    #[cfg(feature = "testing")]
    pub(crate) fn check_injected_fault(&mut self) {
        self.store.data_mut().meter.check_injected_fault();
    }

    /// Returns the total size of all linear memories and tables of the instance, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.store.data().meter.memory()
    }

    /// Returns an estimate of the calls into the instance and of their time.
    pub(crate) fn calls(&self) -> InstanceCalls {
        self.time_limit.calls()
    }

    pub(crate) async fn connected(
        &mut self,
        client: &Arc<Client>,
    ) -> Result<Result<HandlerAcceptance, HandlerRejection>, Fault> {
        let id = client.id();
        self.store.data_mut().call =
            CallInfo::Connected(Box::new((id, HandshakeResponse::default())));
        let Event { handler, store, time_limit, .. } =
            self.begin_call(EventName::Connected, Some(client));
        let is_accepted = time_limit.wait(pin!(handler.call_connected(store, id.0))).await?;
        let response = match std::mem::take(&mut self.store.data_mut().call) {
            CallInfo::Connected(call) => call.1,
            _ => HandshakeResponse::default(),
        };
        let HandshakeResponse { subprotocol, headers, status, body } = response;
        Ok(if is_accepted {
            Ok(HandlerAcceptance { subprotocol, headers })
        } else {
            Err(HandlerRejection { status: status.unwrap_or(StatusCode::FORBIDDEN), headers, body })
        })
    }

    /// Delivers a message or a pong.
    pub(crate) async fn received(
        &mut self,
        from: &Arc<Client>,
        received: &ClientEvent<'_>,
    ) -> Result<(), Fault> {
        let Event { handler, store, time_limit, .. } = self.begin_call(received.name(), Some(from));
        let id = from.id().0;
        match received {
            ClientEvent::Text(text) => {
                time_limit.wait(pin!(handler.call_received_text(store, id, text))).await
            }
            ClientEvent::Binary(bytes) => {
                time_limit.wait(pin!(handler.call_received_binary(store, id, bytes))).await
            }
            ClientEvent::Pong(payload) => {
                time_limit.wait(pin!(handler.call_received_pong(store, id, payload))).await
            }
        }
    }

    /// Returns whether the component can take several messages in one call.
    pub(crate) fn takes_bursts(&self) -> bool {
        self.optional.received_burst.is_some()
    }

    /// Lets the component take messages from the burst, one after the other. Each message is an event of its own. A
    /// component that does not export `received-burst` takes none. Returns the burst with the result.
    pub(crate) async fn received_burst<B: Burst>(
        &mut self,
        from: &Arc<Client>,
        burst: Box<B>,
    ) -> (Result<(), Fault>, Box<B>) {
        let Event { optional, store, time_limit, .. } =
            self.begin_call(EventName::ReceivedBurst, Some(from));
        let Some(received_burst) = &optional.received_burst else { return (Ok(()), burst) };
        store.data_mut().burst = Some(burst);
        let call = received_burst.call_async(&mut *store, (from.id().0,));
        let called = time_limit.wait(pin!(call)).await;
        let burst = store.data_mut().burst.take().and_then(<dyn Burst>::downcast);
        (called, burst.expect("only this function takes the burst out of the store"))
    }

    /// Delivers the last event of a client. The client is no longer in the table of clients.
    pub(crate) async fn disconnected(
        &mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        self.store.data_mut().call =
            CallInfo::Disconnected(Box::new((Arc::clone(client), how.clone())));
        let mut event = self.begin_call(EventName::Disconnected, None);
        if let Some(trace) = &client.info().trace {
            event.trace(EventName::Disconnected, trace);
        }
        let Event { handler, store, time_limit, .. } = event;
        time_limit.wait(pin!(handler.call_disconnected(store, client.id().0))).await?;
        self.store.data_mut().call = CallInfo::None;
        Ok(())
    }

    /// Delivers a timer that is due. Does nothing if the component does not export `fired`.
    pub(crate) async fn fired(&mut self, timer: TimerId) -> Result<(), Fault> {
        self.call_optional(EventName::Fired, None, |optional| optional.fired, (timer,)).await
    }

    /// Reports that a client's outbound buffer has room again after it had no room for a message. Does nothing if the
    /// component does not export `drained`.
    pub(crate) async fn drained(&mut self, client: &Arc<Client>) -> Result<(), Fault> {
        self.call_optional(
            EventName::Drained,
            Some(client),
            |optional| optional.drained,
            (client.id().0,),
        )
        .await
    }

    /// Announces that the actor is about to stop. Does nothing if the component does not export `stopping`.
    pub(crate) async fn stopping(&mut self) -> Result<(), Fault> {
        self.call_optional(EventName::Stopping, None, |optional| optional.stopping, ()).await
    }

    /// Announces that a client is about to be closed because it expires. Does nothing if the component does not export
    /// `expiring`.
    pub(crate) async fn expiring(&mut self, client: &Arc<Client>) -> Result<(), Fault> {
        self.call_optional(
            EventName::Expiring,
            Some(client),
            |optional| optional.expiring,
            (client.id().0,),
        )
        .await
    }

    /// Delivers a custom message, and returns the handler's reply.
    pub(crate) async fn received_custom(
        &mut self,
        message: Vec<u8>,
        info: CustomInfo,
    ) -> Result<HandlerReply, Fault> {
        let Event { optional, store, time_limit, .. } =
            self.begin_call(EventName::ReceivedCustom, None);
        let Some(received_custom) = &optional.received_custom else {
            return Ok(HandlerReply::NoListener);
        };
        store.data_mut().call = CallInfo::ReceivedCustom(info);
        let call = received_custom.call_async(&mut *store, (message,));
        let (reply,) = time_limit.wait(pin!(call)).await?;
        store.data_mut().call = CallInfo::None;
        Ok(match reply {
            Ok(reply) => HandlerReply::Given(reply),
            Err(reason) => HandlerReply::Refused(reason),
        })
    }

    /// Adds context to a fault of the last call: which event it was, and what the guest wrote to its standard error
    /// during the call.
    pub(crate) fn explain(&self, fault: Fault) -> Fault {
        self.store.data().explain(fault)
    }

    /// Returns the name of the component's file, and its hash.
    pub(crate) fn component(&self) -> (&str, &str) {
        let (component, _, hash) = self.store.data().setup().source.fields();
        (component, hash)
    }

    /// Returns the state of the instance, if the component saves any.
    pub(crate) async fn suspend(&mut self, reason: Reason) -> Result<Option<Vec<u8>>, Fault> {
        // A component without this export stays packed.
        let Some(&Lifecycle { suspend, .. }) = self.optional.lifecycle.as_ref() else {
            return Ok(None);
        };
        let Event { store, time_limit, .. } = self.begin_call(EventName::Suspend, None);
        store.data_mut().call = CallInfo::StateTransfer { reason, age: None };
        let (state,) = time_limit.wait(pin!(suspend.call_async(&mut *store, ()))).await?;
        let data = store.data_mut();
        data.call = CallInfo::None;
        data.meter.check_injected_fault();
        Ok(state)
    }

    /// Lets the instance take over from an earlier one. The inner error is the handler's reason why the instance cannot
    /// take over. Does nothing if the component does not export `lifecycle`. `age` is set if the state does not contain
    /// the latest events.
    pub(crate) async fn resume(
        &mut self,
        state: Option<Arc<[u8]>>,
        reason: Reason,
        age: Option<Duration>,
    ) -> Result<Result<(), String>, Fault> {
        let Event { optional, store, time_limit, .. } = self.begin_call(EventName::Resume, None);
        let Some(Lifecycle { resume, .. }) = &optional.lifecycle else { return Ok(Ok(())) };
        store.data_mut().call = CallInfo::StateTransfer { reason, age };
        let (resumed,) = time_limit.wait(pin!(resume.call_async(&mut *store, (state,)))).await?;
        let data = store.data_mut();
        data.call = CallInfo::None;
        data.meter.check_injected_fault();
        Ok(resumed)
    }

    /// Calls an optional export, if the component has it.
    async fn call_optional<Parameters: ComponentNamedList + Lower>(
        &mut self,
        event: EventName,
        client: Option<&Arc<Client>>,
        function: impl FnOnce(&Optional) -> Option<TypedFunc<Parameters, ()>>,
        parameters: Parameters,
    ) -> Result<(), Fault> {
        let Event { optional, store, time_limit, .. } = self.begin_call(event, client);
        match function(optional) {
            Some(function) => time_limit.wait(pin!(function.call_async(store, parameters))).await,
            None => Ok(()),
        }
    }

    /// Begins an event: restores packed memories, gives the event its whole CPU budget, and remembers the client
    /// that the event is about.
    #[expect(unsafe_code, reason = "the memory must not be in use")]
    fn begin_call(&mut self, event: EventName, current: Option<&Arc<Client>>) -> Event<'_> {
        let address = current.map_or(NO_CLIENT, |client| Arc::as_ptr(client).addr());
        // Consecutive events are often about the same client. A client's address in memory identifies it: the store
        // keeps the last client alive, so no other client can have the same address.
        let last = std::mem::replace(&mut self.last, address);
        let is_other = last != address;
        self.time_limit.measure_next(event);
        if is_other && last == PACKED {
            // SAFETY: every call borrows the instance until the call has ended.
            unsafe { self.footprint.unpack() };
        }
        state::begin_event(self.store.as_context_mut(), event);
        let mut begun = Event {
            handler: self.handler.ws_host_socket_handler(),
            optional: &self.optional,
            store: &mut self.store,
            time_limit: &mut self.time_limit,
        };
        if is_other {
            begun.store.data_mut().current = current.cloned();
            if let Some(trace) = current.and_then(|client| client.info().trace.as_ref()) {
                self.last = EACH_EVENT;
                begun.trace(event, trace);
            }
        }
        begun
    }
}

impl Event<'_> {
    /// Begins the span of the event.
    #[cold]
    fn trace(&mut self, event: EventName, trace: &Arc<ClientTrace>) {
        let source = &self.store.data().setup().source;
        self.time_limit.trace(trace.event(event.as_str(), &source.component, &source.hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The allocator rounds more than 448 bytes up to 512.
    #[test]
    fn instance_is_small() {
        assert!(size_of::<Guest>() <= 448, "{}", size_of::<Guest>());
    }
}
