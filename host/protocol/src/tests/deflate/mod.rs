//! RFC 7692, by section.

mod answers; // §7.1, the client's side
mod bad_input; // §7.2.2, §8
mod offers; // §7.1, the server's side
mod pairs; // messages arrive with any negotiated settings
mod sending; // §7.2.1, the outbound buffer
mod vectors; // §7.2.3

use http::{Request, Response};

use super::*;
use crate::deflate::{ContextTakeover, Direction, KeepWindow, WindowBits};
use crate::handshake::client::{Accepted, Handshake, HandshakeError};
use crate::handshake::server::{self, Upgrade};
use crate::{Deflate, PerMessageDeflate};

const NO_TAKEOVER: Direction = Direction { context: ContextTakeover::Off, window: WindowBits::MAX };
const TAKEOVER: Direction = Direction { context: ContextTakeover::On, window: WindowBits::MAX };

fn window(bits: u8) -> WindowBits {
    WindowBits::new(bits).expect("a window")
}

fn handshake(settings: Option<Deflate>) -> Handshake {
    let handshake = Handshake::new(*b"the sample nonce", Vec::new());
    match settings {
        Some(settings) => handshake.offer_deflate(settings),
        None => handshake,
    }
}

fn request(settings: Option<Deflate>) -> Request<()> {
    let request = handshake(settings).request("example.com", http::Uri::from_static("/"));
    request.expect("a request")
}

fn upgrade(request: &Request<()>) -> Upgrade {
    with_rules(|_| {}, |rules| server::check(request, rules)).expect("a good request")
}

/// Returns the negotiated parameters as the client and the server see them.
fn negotiate(client: Deflate, server: &Deflate) -> (PerMessageDeflate, PerMessageDeflate) {
    let mut upgrade = upgrade(&request(Some(client)));
    let of_server = upgrade.accept_deflate(server).expect("an offer that can be accepted");
    let answer = upgrade.response(None).expect("an answer");
    let of_client = handshake(Some(client)).check(&answer).expect("an answer to the offer");
    (of_client.deflate.expect("it was accepted"), of_server)
}

impl Pair {
    fn deflating(client: Deflate, server: &Deflate) -> Self {
        let mut pair = Self::new();
        let (of_client, of_server) = negotiate(client, server);
        pair.client.use_deflate(&of_client);
        pair.server.use_deflate(&of_server);
        pair
    }
}

impl End {
    fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        self.inbound.use_deflate(agreed);
        self.outbound.use_deflate(agreed);
    }

    /// Creates a client that accepts compressed messages of up to `max_message` bytes.
    fn inflating(settings: Deflate, max_message: usize) -> Self {
        let mut client = Self::with(Role::Client, Limits { max_message, ..Limits::default() });
        client.use_deflate(&negotiate(settings, &settings).0);
        client
    }
}

/// Pseudo-random numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Returns incompressible bytes.
    fn noise(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }
}
