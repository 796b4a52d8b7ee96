//! The interface `outgoing`. A handler may connect to every server, as if all servers were granted.

use std::cell::RefCell;

use super::{Outcome, word};
use crate::testing::current::with;
use crate::testing::fake_client::FakeClient;
use crate::testing::request::TestRequest;

const MAX_CONNECTIONS: usize = 16;

/// Options of a handler, stored as a request that has their subprotocols and headers. Unlike the host, a test does not
/// limit the number and length of options.
#[derive(Debug)]
pub(crate) struct ConnectOptions(RefCell<TestRequest>);

impl ConnectOptions {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(TestRequest::new("/")))
    }

    pub(crate) fn add_subprotocol(&self, name: &str) -> Outcome {
        let mut request = self.0.borrow_mut();
        if name.is_empty() || request.subprotocols.iter().any(|it| it == name) {
            return Err(word("invalid-subprotocol"));
        }
        request.subprotocols.push(name.to_owned());
        Ok(())
    }

    pub(crate) fn add_header(&self, name: &str, value: &[u8]) -> Outcome {
        if name.is_empty() {
            return Err(word("invalid-header"));
        }
        self.0.replace_with(|request| request.clone().header(name, value));
        Ok(())
    }
}

pub(crate) fn connect(url: &str, options: Option<&ConnectOptions>) -> Result<u64, String> {
    let encrypted = url.strip_prefix("wss://");
    let Some(rest) = encrypted.or_else(|| url.strip_prefix("ws://")) else {
        return Err(word("invalid-url"));
    };
    with(|fake| {
        if fake.open_connections().len() >= MAX_CONNECTIONS {
            return Err(word("too-many"));
        }
        let path = rest.find('/').map_or("/", |begin| &rest[begin..]);
        let mut request = TestRequest::new(path);
        if let Some(ConnectOptions(options)) = options {
            let options = options.borrow();
            request.subprotocols.clone_from(&options.subprotocols);
            request.headers.clone_from(&options.headers);
        }
        request.is_secure = encrypted.is_some();
        let mut connection = FakeClient::new(request, Vec::new());
        connection.url = Some(url.to_owned());
        let id = fake.clients.len() as u64 + 1;
        fake.clients.insert(id, connection);
        Ok(id)
    })
}

pub(crate) fn connections() -> Vec<u64> {
    with(|fake| fake.open_connections())
}

pub(crate) fn url(connection: u64) -> Option<String> {
    with(|fake| fake.known(connection).and_then(|connection| connection.url.clone()))
}
