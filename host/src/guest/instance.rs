//! One instance of a component, and the calls into it.

use std::sync::Arc;

use wasmtime::Store;

use super::bindings::ResourceHandler;
use super::bindings::exports::ws_host::socket::handler;
use super::error::Fault;
use super::state::{self, State};
use crate::clients::Client;

/// A sandbox: a store with its own memory and limits, and the component in it.
///
/// # Cancel safety
///
/// None: a call that is dropped before it has returned leaves the instance in the middle of an
/// event. Whoever drops one must drop the instance too.
pub(crate) struct Guest {
    store: Store<State>,
    exports: ResourceHandler,
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

/// How a connection ended, for the handler.
#[derive(Clone, Debug)]
pub(crate) struct Disconnection {
    pub(crate) code: u16,
    pub(crate) reason: String,
    pub(crate) clean: bool,
    pub(crate) sent: Option<u16>,
}

impl Guest {
    pub(super) fn new(store: Store<State>, exports: ResourceHandler) -> Self {
        Self { store, exports }
    }

    pub(crate) async fn connected(
        &mut self,
        client: &Arc<Client>,
    ) -> Result<Result<Acceptance, Refusal>, Fault> {
        let (handler, store) = self.begin(Some(client));
        let answer = handler.call_connected(store, client.id().0, &client.known().into()).await?;
        Ok(answer.map(Acceptance::from).map_err(Refusal::from))
    }

    pub(crate) async fn received_text(
        &mut self,
        from: &Arc<Client>,
        text: &str,
    ) -> Result<(), Fault> {
        let (handler, store) = self.begin(Some(from));
        Ok(handler.call_received_text(store, from.id().0, text).await?)
    }

    pub(crate) async fn received_binary(
        &mut self,
        from: &Arc<Client>,
        octets: &[u8],
    ) -> Result<(), Fault> {
        let (handler, store) = self.begin(Some(from));
        Ok(handler.call_received_binary(store, from.id().0, octets).await?)
    }

    pub(crate) async fn received_pong(
        &mut self,
        from: &Arc<Client>,
        payload: &[u8],
    ) -> Result<(), Fault> {
        let (handler, store) = self.begin(Some(from));
        Ok(handler.call_received_pong(store, from.id().0, payload).await?)
    }

    pub(crate) async fn disconnected(
        &mut self,
        client: &Arc<Client>,
        how: &Disconnection,
    ) -> Result<(), Fault> {
        let (handler, store) = self.begin(None);
        Ok(handler.call_disconnected(store, client.id().0, &how.into()).await?)
    }

    /// Gives the next call its CPU budget, and lets it find the client whose event it is.
    fn begin(&mut self, current: Option<&Arc<Client>>) -> (&handler::Guest, &mut Store<State>) {
        self.store.data_mut().current = current.cloned();
        state::refill(&mut self.store);
        (self.exports.ws_host_socket_handler(), &mut self.store)
    }
}
