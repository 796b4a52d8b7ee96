//! Tests by section of the RFC. Data is what stands on the wire, in hexadecimal.

mod closing; // §5.5.1, §7
mod control; // §5.5
mod cuts; // the same octets in any pieces
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

use crate::handshake::server::Rules;
use crate::handshake::{Origins, Scheme, Versions};
use crate::{Event, Inbound, Limits, Outbound, Role};

/// Room for everything that a test sends.
const ROOM: usize = 1 << 24;

/// Octets from hexadecimal as the RFC writes them.
fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace()
        .map(|octet| u8::from_str_radix(octet, 16).expect("two hexadecimal digits"))
        .collect()
}

/// What a server lets in by default, or with one rule changed.
fn with_rules<T>(change: impl FnOnce(&mut Rules<'_>), act: impl FnOnce(&Rules<'_>) -> T) -> T {
    let (origins, versions) = (Origins::default(), Versions::default());
    let mut rules =
        Rules { origins: &origins, versions: &versions, host: None, scheme: Scheme::Http };
    change(&mut rules);
    act(&rules)
}

/// One end of a connection, with all that happened there.
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

    /// The server of a client that speaks draft 00.
    fn draft00(limits: Limits) -> Self {
        let (inbound, outbound) = (Inbound::draft00(limits), Outbound::draft00(ROOM));
        Self { inbound, outbound, events: Vec::new() }
    }

    fn receives(&mut self, octets: &[u8]) -> &mut Self {
        let mut octets = octets.to_vec();
        let mut input = &mut octets[..];
        while let Some(event) = self.inbound.handle_input(&mut input, &mut self.outbound) {
            self.events.push(event.into_owned());
        }
        assert!(input.is_empty(), "input is left");
        self
    }

    fn receives_hex(&mut self, octets: &str) -> &mut Self {
        self.receives(&hex(octets))
    }

    /// Everything that it wants to write.
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

    /// Carries octets until neither end has any.
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

fn binary(octets: &[u8]) -> Event<'static> {
    Event::Binary(octets.to_vec().into())
}

fn ping(octets: &[u8]) -> Event<'static> {
    Event::Ping(octets.to_vec().into())
}

fn pong(octets: &[u8]) -> Event<'static> {
    Event::Pong(octets.to_vec().into())
}

/// These octets from a client must fail the connection with this error: it is the last event, a
/// close frame with its code goes out, and nothing after it is looked at.
#[track_caller]
fn server_fails(octets: &str, error: crate::ProtocolError) {
    let mut server = End::server();
    server.receives_hex(octets).receives_hex("81 81 00 00 00 00 61");
    assert_eq!(server.events.last(), Some(&Event::Failed(error)), "{octets}");
    assert!(server.inbound.has_ended());
    let written = server.writes();
    let close = written.windows(4).last().map(|_| &written[..]).expect("a close frame");
    let code = error.close_code().number().to_be_bytes();
    assert!(close.ends_with(error.to_string().as_bytes()), "{close:02x?}");
    assert!(close.windows(2).any(|window| window == code), "{close:02x?} has no {code:02x?}");
}
