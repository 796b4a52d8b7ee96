//! The host of a test.

use std::rc::Rc;
use std::time::Duration;

use super::client::TestClient;
use super::code::Code;
use super::fake_client::{FakeClient, Phase};
use super::handshake::HandshakeResponse;
use super::imports::Chosen;
use super::imports::clients::send_to_all;
use super::pattern::Pattern;
use super::request::{Refused, TestRequest};
use super::shared::{Fault, HANDLER_FAILED, Shared};
use super::state::{LogLine, Slot};
use crate::glue::Exported;
use crate::{Cause, Client, Message, Timer};

/// A host for one instance of a handler, with its clients, timers and topics. See the [module](crate::testing).
///
/// The handler must be exported with [`export!`](crate::export), which also says which optional events it handles.
pub struct TestHost(Rc<Shared>);

impl TestHost {
    /// Creates a host for this handler. As in the real host, the instance is created for the first event.
    pub fn new<H: Exported>() -> Self {
        Self(Rc::new(Shared::new(Code::of::<H>())))
    }

    /// Sets the path of the resource. It may be a pattern such as `/room/{id}`. Without this call, every path belongs
    /// to the resource, and there are no parameters.
    #[must_use]
    pub fn path(self, pattern: impl AsRef<str>) -> Self {
        self.0.fake.borrow_mut().settings.path = Pattern::new(pattern.as_ref());
        self
    }

    /// Sets the name of the resource. Without this call, it is `handler`.
    #[must_use]
    pub fn resource(self, name: impl Into<String>) -> Self {
        self.0.fake.borrow_mut().settings.resource = name.into();
        self
    }

    /// Sets the subprotocols of the configuration. The host chooses from them if the handler does not choose.
    #[must_use]
    pub fn subprotocols<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.0.fake.borrow_mut().settings.subprotocols =
            names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the maximum number of bytes that may wait for a client (`--max-outbound`, 2 MiB by default).
    #[must_use]
    pub fn max_outbound(self, bytes: usize) -> Self {
        self.0.fake.borrow_mut().settings.max_outbound = bytes;
        self
    }

    /// Sets the maximum number of bytes that a state may have (`--max-state`, 1 MiB by default).
    #[must_use]
    pub fn max_state(self, bytes: usize) -> Self {
        self.0.fake.borrow_mut().settings.max_state = bytes;
        self
    }

    /// Sets a value of the table `config`, which [`config::get`](crate::config::get) returns.
    #[must_use]
    pub fn config(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.fake.borrow_mut().settings.config.insert(key.into(), value.into());
        self
    }

    /// Treats a panic of the handler as a fault, as the real host does. The client of the event is closed with 1011,
    /// and the next event goes to a fresh instance. Without this call, a panic fails the test.
    #[must_use]
    pub fn panics_are_faults(self) -> Self {
        self.0.fake.borrow_mut().settings.are_panics_faults = true;
        self
    }

    /// Connects a client.
    ///
    /// # Panics
    ///
    /// Panics if the handler refuses the client, or if the path does not belong to the resource.
    #[track_caller]
    pub fn connect(&self, request: impl Into<TestRequest>) -> TestClient {
        match self.try_connect(request) {
            Ok(client) => client,
            Err(refused) => panic!("the client was {refused}"),
        }
    }

    /// Connects a client.
    ///
    /// # Errors
    ///
    /// Returns the response if the handler refuses the client.
    ///
    /// # Panics
    ///
    /// Panics if the path does not belong to the resource.
    #[track_caller]
    pub fn try_connect(&self, request: impl Into<TestRequest>) -> Result<TestClient, Refused> {
        let request = request.into();
        let id = {
            let mut fake = self.0.fake.borrow_mut();
            let pattern = &fake.settings.path;
            let Some(parameters) = pattern.parameters(&request.path) else {
                panic!(
                    "{} does not match the path of the resource, {}",
                    request.path,
                    pattern.as_str()
                )
            };
            let id = fake.clients.len() as u64 + 1;
            fake.clients.insert(id, FakeClient::new(request, parameters));
            fake.event.connecting = Some((id, HandshakeResponse::default()));
            id
        };
        let client = Client::from_id(id);
        let decision = self.0.run(|handler| handler.connected(client));
        let connected = self.finish_handshake(id, &decision);
        self.0.run_until_quiet();
        connected.map(|()| TestClient::new(Rc::clone(&self.0), client))
    }

    fn finish_handshake(&self, id: u64, decision: &Result<bool, Fault>) -> Result<(), Refused> {
        let mut fake = self.0.fake.borrow_mut();
        let (_, response) = fake.event.connecting.take().unwrap_or_default();
        let configured = fake.settings.subprotocols.clone();
        let Some(client) = fake.clients.get_mut(&id) else { return Ok(()) };
        if let Ok(true) = decision {
            let mut offered = client.request.subprotocols.iter();
            let first = || offered.find(|offered| configured.contains(offered)).cloned();
            client.subprotocol = response.subprotocol.or_else(first);
            client.response_headers = response.headers;
            return Ok(());
        }
        client.phase = Phase::Gone;
        client.topics.clear();
        client.tags.clear();
        client.outbound.clear();
        client.ending = None;
        Err(match decision {
            Ok(_) => response.into_refusal(),
            Err(Fault) => {
                let body = b"The handler failed.\n".to_vec();
                Refused { status: 500, headers: Vec::new(), body }
            }
        })
    }

    /// Lets time pass. Timers fire and clients expire in order, each when it is due.
    pub fn advance(&self, time: Duration) {
        self.0.advance(time);
    }

    /// Returns the timers that are set, and the time until each is due.
    pub fn timers(&self) -> Vec<(Timer, Duration)> {
        let fake = self.0.fake.borrow();
        let left = |at: Duration| at.saturating_sub(fake.now);
        fake.timers.iter().map(|(timer, at)| (Timer::new(*timer), left(*at))).collect()
    }

    /// Replaces the code with that of `H`, as a hot reload does: calls `suspend` of the old code, then `resume` of the
    /// new one. To test an upgrade, a test can contain both versions of the handler. To test that the state survives, a
    /// test can reload to the same type.
    ///
    /// # Errors
    ///
    /// Returns why the new code cannot use the state. The old code then continues.
    pub fn reload<H: Exported>(&self) -> Result<(), String> {
        let reloaded = self.0.actor.borrow_mut().reload(&self.0.fake, Code::of::<H>());
        self.0.run_until_quiet();
        reloaded
    }

    /// Hibernates the instance. Only its state is kept, and the next event wakes it. Returns false if there is no
    /// instance, or if `suspend` returned no state.
    pub fn hibernate(&self) -> bool {
        let is_asleep = self.0.actor.borrow_mut().hibernate(&self.0.fake);
        self.0.run_until_quiet();
        is_asleep
    }

    /// Saves the state as a checkpoint (`--checkpoint`). If the instance is lost later, a fresh one resumes from the
    /// checkpoint. Returns false if there is no instance, or if `suspend` returned no state.
    pub fn checkpoint(&self) -> bool {
        let is_saved = self.0.actor.borrow_mut().save_checkpoint(&self.0.fake);
        self.0.run_until_quiet();
        is_saved
    }

    /// Loses the instance, as after a trap. The next event goes to a fresh instance. That instance resumes from the
    /// last checkpoint, or without a state.
    pub fn lose_instance(&self) {
        self.0.actor.borrow_mut().slot = Slot::Lost;
    }

    /// Publishes a message from the operator. Returns how many clients are subscribed to the topic.
    pub fn publish<'a>(&self, topic: &str, message: impl Into<Message<'a>>) -> usize {
        self.send_to(message.into(), |client| client.topics.iter().any(|own| own == topic))
    }

    /// Sends a message from the operator to the clients that have this tag. Returns the number of these clients.
    pub fn send_tagged<'a>(&self, tag: &str, message: impl Into<Message<'a>>) -> usize {
        self.send_to(message.into(), |client| client.tags.iter().any(|own| own == tag))
    }

    fn send_to(&self, message: Message<'_>, condition: impl Fn(&FakeClient) -> bool) -> usize {
        let to = self.0.fake.borrow().open_ids(condition);
        send_to_all(&mut self.0.fake.borrow_mut(), &to, message, &Chosen::default());
        self.0.run_until_quiet();
        to.len()
    }

    /// Sends a custom message, as the operator does at the admin address.
    ///
    /// # Errors
    ///
    /// Returns the error of the handler, as text.
    ///
    /// # Panics
    ///
    /// Panics if the handler does not export `CustomMessages`.
    #[track_caller]
    pub fn send_custom(&self, kind: &str, message: impl AsRef<[u8]>) -> Result<Vec<u8>, String> {
        let about = (Some(kind.to_owned()), "admin".to_owned());
        self.0.fake.borrow_mut().event.custom = Some(about);
        let reply = self.0.run(|handler| handler.received_custom(message.as_ref().to_vec()));
        self.0.fake.borrow_mut().event.custom = None;
        self.0.run_until_quiet();
        match reply {
            Ok(Some(reply)) => reply,
            Ok(None) => panic!(
                "{} takes no custom messages: implement `CustomMessages`, and name it in `export!`",
                self.0.code().name
            ),
            Err(Fault) => Err(HANDLER_FAILED.to_owned()),
        }
    }

    /// Stops the server: calls `stopping`, then closes all clients with 1001.
    pub fn stop(&self) {
        if self.0.code().has_stop {
            // A fault can be ignored. It only loses the instance, and the clients are closed in any case.
            let _ = self.0.run(|handler| handler.stopping());
        }
        let mut open = self.0.fake.borrow().open_ids(|_| true);
        open.extend(self.0.fake.borrow().open_connections());
        for client in open {
            self.0.close(Client::from_id(client), 1001, "the server is stopping", Cause::Stopping);
        }
        self.0.run_until_quiet();
    }

    /// Runs code with the handler as if it were an event, so that the code may call functions of the host. A test can
    /// use this to read the handler's fields, or to test the handler's own functions.
    ///
    /// # Panics
    ///
    /// Panics if the handler is of another type.
    #[track_caller]
    pub fn with_handler<H: Exported, T>(&self, act: impl FnOnce(&mut H) -> T) -> T {
        let name = self.0.code().name;
        let result = self.0.run(|handler| handler.handler().downcast_mut().map(act));
        self.0.run_until_quiet();
        match result {
            Ok(Some(result)) => result,
            Ok(None) => panic!("the handler is {name}, not {}", std::any::type_name::<H>()),
            Err(Fault) => panic!("the handler panicked"),
        }
    }

    /// Returns the open clients, in the order in which they connected.
    pub fn clients(&self) -> Vec<Client> {
        self.0.fake.borrow().open_ids(|_| true).into_iter().map(Client::from_id).collect()
    }

    /// Returns the servers to which the handler has opened WebSockets with [`connect`](crate::connect), in the order of
    /// the calls. A server is used like a client: it sends to the handler, and receives what the handler sends. Every
    /// server is granted, and its WebSocket is open at once. To simulate a failed attempt, call
    /// [`disconnect`](TestClient::disconnect) with [`Cause::NotOpened`].
    pub fn servers(&self) -> Vec<TestClient> {
        let ids = self.0.fake.borrow().open_connections();
        let server = |id| TestClient::new(Rc::clone(&self.0), Client::from_id(id));
        ids.into_iter().map(server).collect()
    }

    /// Returns the lines of the log, oldest first. They come from the crates `log` and `tracing` (with the features of
    /// these names), and from errors that the handler did not handle itself.
    pub fn log(&self) -> Vec<LogLine> {
        self.0.fake.borrow().log.clone()
    }
}

impl std::fmt::Debug for TestHost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestHost").field("handler", &self.0.code().name).finish_non_exhaustive()
    }
}
