//! Tests by section of the RFC. Their data is the bytes on the wire, in hexadecimal.

mod closing; // §5.5.1, §7
mod control; // §5.5
mod cuts; // the same bytes in pieces of any size
mod deflate; // RFC 7692
mod draft00; // the framing of draft 00
mod forwarded; // RFC 7239
mod fragmentation; // §5.4
mod framing; // §5.2, §5.3
mod handshake_client; // §4.1
mod handshake_draft00; // the handshake of draft 00
mod handshake_fields; // RFC 9110 §5.3
mod handshake_http2; // RFC 8441
mod handshake_server; // §4.2
mod handshake_versions; // §4.4
mod limits; // §10.4
mod origins; // §10.2
mod outbound; // the buffer
mod text; // §8.1

use bytes::Buf;
use http::{HeaderMap, Request};

use crate::handshake::server::Rules;
use crate::handshake::{Origins, Scheme, Versions};
use crate::{Event, Inbound, Limits, Outbound, Role};

/// Enough room for everything that a test sends.
const ROOM: usize = 1 << 24;

/// Parses hexadecimal bytes as the RFC writes them.
fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|byte| u8::from_str_radix(byte, 16).expect("two hexadecimal digits"))
        .collect()
}

/// Calls `act` with the default rules of a server, after `change` has changed them.
fn with_rules<T>(change: impl FnOnce(&mut Rules<'_>), act: impl FnOnce(&Rules<'_>) -> T) -> T {
    let (origins, versions) = (Origins::default(), Versions::default());
    let mut rules =
        Rules { origins: &origins, versions: &versions, host: None, scheme: Scheme::Http };
    change(&mut rules);
    act(&rules)
}

/// A good request for a WebSocket, and the requests that differ from it in their headers.
struct GoodRequest(fn() -> Request<()>);

impl GoodRequest {
    fn with(&self, change: impl FnOnce(&mut HeaderMap)) -> Request<()> {
        let mut request = self.0();
        change(request.headers_mut());
        request
    }

    fn set(&self, name: &'static str, value: &str) -> Request<()> {
        self.with(|headers| {
            headers.insert(name, value.parse().expect("a header value"));
        })
    }

    fn add(&self, name: &'static str, value: &str) -> Request<()> {
        self.with(|headers| {
            headers.append(name, value.parse().expect("a header value"));
        })
    }

    fn without(&self, name: &str) -> Request<()> {
        self.with(|headers| {
            headers.remove(name);
        })
    }
}

/// One end of a connection, with all its events.
struct End {
    inbound: Inbound,
    outbound: Outbound,
    events: Vec<Event<'static>>,
}

impl End {
    fn server() -> Self {
        Self::with(Role::Server, Limits::default())
    }

    fn client() -> Self {
        Self::with(Role::Client, Limits::default())
    }

    fn with(role: Role, limits: Limits) -> Self {
        let mut key = 0x37fa_213d_u32;
        let outbound = match role {
            Role::Server => Outbound::server(ROOM),
            Role::Client => Outbound::client(
                ROOM,
                Box::new(move || {
                    key = key.rotate_left(5).wrapping_mul(0x9e37_79b9);
                    key.to_be_bytes()
                }),
            ),
        };
        Self { inbound: Inbound::new(role, limits), outbound, events: Vec::new() }
    }

    /// Creates the server of a client that speaks draft 00.
    fn draft00(limits: Limits) -> Self {
        let (inbound, outbound) = (Inbound::draft00(limits), Outbound::draft00(ROOM));
        Self { inbound, outbound, events: Vec::new() }
    }

    fn receives(&mut self, bytes: &[u8]) -> &mut Self {
        let mut bytes = bytes.to_vec();
        let mut input = &mut bytes[..];
        while let Some(event) = self.inbound.handle_input(&mut input, &mut self.outbound) {
            self.events.push(event.into_owned());
        }
        assert!(input.is_empty(), "input is left");
        self
    }

    fn receives_hex(&mut self, bytes: &str) -> &mut Self {
        self.receives(&hex(bytes))
    }

    /// Takes everything that is waiting to be written.
    fn writes(&mut self) -> Vec<u8> {
        self.outbound.copy_to_bytes(self.outbound.remaining()).to_vec()
    }

    fn takes_events(&mut self) -> Vec<Event<'static>> {
        std::mem::take(&mut self.events)
    }
}

/// Both ends of a connection.
struct Pair {
    client: End,
    server: End,
}

impl Pair {
    fn new() -> Self {
        Self { client: End::client(), server: End::server() }
    }

    /// Passes bytes in both directions until neither end has any left.
    fn drive(&mut self) {
        loop {
            let (up, down) = (self.client.writes(), self.server.writes());
            if up.is_empty() && down.is_empty() {
                return;
            }
            self.server.receives(&up);
            self.client.receives(&down);
        }
    }
}

fn text(text: &str) -> Event<'static> {
    Event::Text(text.to_owned().into())
}

fn binary(bytes: &[u8]) -> Event<'static> {
    Event::Binary(bytes.to_vec().into())
}

fn ping(bytes: &[u8]) -> Event<'static> {
    Event::Ping(bytes.to_vec().into())
}

fn pong(bytes: &[u8]) -> Event<'static> {
    Event::Pong(bytes.to_vec().into())
}

/// Asserts that these bytes from a client fail the connection with this error. The error must be the last event, a
/// close frame with its code must be sent, and further input must be ignored.
#[track_caller]
fn server_fails(bytes: &str, error: crate::ProtocolError) {
    let mut server = End::server();
    server.receives_hex(bytes).receives_hex("81 81 00 00 00 00 61");
    assert_eq!(server.events.last(), Some(&Event::Failed(error)), "{bytes}");
    assert!(server.inbound.has_ended());
    let written = server.writes();
    let close = written.windows(4).last().map(|_| &written[..]).expect("a close frame");
    let code = error.close_code().number().to_be_bytes();
    assert!(close.ends_with(error.to_string().as_bytes()), "{close:02x?}");
    assert!(close.windows(2).any(|window| window == code), "{close:02x?} has no {code:02x?}");
}
