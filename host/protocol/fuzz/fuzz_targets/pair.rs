//! Whatever one end sends, the other receives, in order, whatever is done between.

#![no_main]

use std::num::NonZeroUsize;

use bytes::Buf;
use libfuzzer_sys::fuzz_target;
use ws_host_protocol::{
    CloseFrame, Event, Inbound, Limits, Outbound, Role, SendError, SharedMessage,
};

struct End {
    inbound: Inbound,
    outbound: Outbound,
    sent: Vec<Event<'static>>,
    received: Vec<Event<'static>>,
}

impl End {
    fn new(role: Role) -> Self {
        let outbound = match role {
            Role::Server => Outbound::server(1 << 20),
            Role::Client => Outbound::client(1 << 20, Box::new(|| [0x37, 0xfa, 0x21, 0x3d])),
        };
        let inbound = Inbound::new(role, Limits::default());
        Self { inbound, outbound, sent: Vec::new(), received: Vec::new() }
    }

    /// Does what an octet says, with a payload of so many octets.
    fn act(&mut self, what: u8, length: usize) {
        let octets = vec![what; length];
        let text = "ü".repeat(length / 2);
        let size = NonZeroUsize::new(length % 7 + 1).unwrap_or(NonZeroUsize::MIN);
        let (result, event) = match what % 8 {
            0 => (self.outbound.send_text(&text), Event::Text(text.into())),
            1 => (self.outbound.send_binary(&octets), Event::Binary(octets.into())),
            2 => (self.outbound.send_text_in_frames(&text, size), Event::Text(text.into())),
            3 => (self.outbound.send_binary_in_frames(&octets, size), Event::Binary(octets.into())),
            4 => (self.outbound.ping(&octets), Event::Ping(octets.into())),
            5 => (self.outbound.send_shared(&SharedMessage::text(&text)), Event::Text(text.into())),
            6 => {
                let message = SharedMessage::binary(&octets);
                (self.outbound.send_shared(&message), Event::Binary(octets.into()))
            }
            _ => {
                let frame = CloseFrame::new(3000 + u16::from(what), "").ok();
                (self.outbound.close(frame.as_ref()), Event::Closed(frame))
            }
        };
        match result {
            Ok(()) => self.sent.push(event),
            Err(SendError::Closed) => assert!(self.outbound.is_closing()),
            Err(_) => {}
        }
    }

    fn receive(&mut self, mut octets: Vec<u8>) {
        let mut input = &mut octets[..];
        while let Some(event) = self.inbound.handle_input(&mut input, &mut self.outbound) {
            // Pongs are the machines' own.
            if !matches!(event, Event::Pong(_)) {
                self.received.push(event.into_owned());
            }
        }
    }
}

/// Carries at most so many octets.
fn carry(from: &mut End, to: &mut End, most: usize) {
    let length = from.outbound.remaining().min(most);
    let octets = from.outbound.copy_to_bytes(length).to_vec();
    to.receive(octets);
}

/// What arrived is what was sent, up to where the receiver itself began to close.
fn check(from: &End, to: &End) {
    assert!(!to.received.iter().any(|event| matches!(event, Event::Failed(_))));
    if to.outbound.is_closing() {
        return;
    }
    assert_eq!(from.sent[..to.received.len()], to.received[..]);
}

fuzz_target!(|data: &[u8]| {
    let (mut client, mut server) = (End::new(Role::Client), End::new(Role::Server));
    for step in data.chunks_exact(3) {
        let length = usize::from(step[2]) * usize::from(step[2]) / 40;
        match step[0] % 4 {
            0 => client.act(step[1], length),
            1 => server.act(step[1], length),
            2 => carry(&mut client, &mut server, length),
            _ => carry(&mut server, &mut client, length),
        }
        check(&client, &server);
        check(&server, &client);
    }
    for _ in 0..4 {
        carry(&mut client, &mut server, usize::MAX);
        carry(&mut server, &mut client, usize::MAX);
    }
    if !client.outbound.is_closing() {
        assert_eq!(client.sent, server.received);
        assert_eq!(server.sent, client.received);
    }
});
