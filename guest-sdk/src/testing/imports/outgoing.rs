//! The interface `outgoing`. A handler may connect to every server, as if all servers were granted.

use super::word;
use crate::testing::current::with;
use crate::testing::fake_client::FakeClient;
use crate::testing::request::TestRequest;

const MAX_CONNECTIONS: usize = 16;

pub(crate) fn connect(
    url: &str,
    subprotocols: &[&str],
    headers: &[(&str, &[u8])],
) -> Result<u64, String> {
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
        for name in subprotocols {
            request = request.subprotocol(*name);
        }
        for (name, value) in headers {
            request = request.header(name, value);
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
