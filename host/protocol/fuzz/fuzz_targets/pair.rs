//! Checks that each end receives everything that the other sends, in order, with arbitrary actions in between.

#![no_main]

use std::num::NonZeroUsize;

use bytes::Buf;
use libfuzzer_sys::fuzz_target;
use ws_host_protocol::deflate::{ContextTakeover, Direction, KeepWindow, Level, WindowBits};
use ws_host_protocol::handshake::client::Handshake;
use ws_host_protocol::handshake::server::{self, Rules};
use ws_host_protocol::handshake::{Origins, Versions};
use ws_host_protocol::{
    CloseFrame, Compression, Deflate, Event, Form, Inbound, Limits, Outbound, PerMessageDeflate,
    Role, SendError, SharedMessage,
};

/// Derives the settings of one end from a byte.
fn settings(choice: u8) -> Deflate {
    let context = |bit: u8| {
        if choice & bit == 0 { ContextTakeover::Off } else { ContextTakeover::On }
    };
    let window = |bits: u8| WindowBits::new(9 + (bits & 7) % 7).unwrap_or_default();
    let mut deflate = Deflate::default();
    deflate.level = Level::new(1 + choice % 9).unwrap_or_default();
    deflate.threshold = usize::from(choice % 3) * 20;
    deflate.keep_window =
        if choice.is_multiple_of(2) { KeepWindow::Never } else { KeepWindow::Always };
    deflate.outgoing = Direction { context: context(1), window: window(choice >> 2) };
    deflate.incoming = Direction { context: context(2), window: window(choice >> 5) };
    deflate
}

/// Negotiates with these settings. Returns the parameters as the client and the server see them.
fn negotiate(client: u8, server: u8) -> Option<(PerMessageDeflate, PerMessageDeflate)> {
    let handshake = Handshake::new([0; 16], Vec::new()).offer_deflate(settings(client));
    let request = handshake.request("h", http::Uri::from_static("/")).ok()?;
    let (origins, versions) = (Origins::default(), Versions::default());
    let rules = Rules::new(&origins, &versions);
    let mut upgrade = server::check(&request, &rules).ok()?;
    let of_server = upgrade.accept_deflate(&settings(server))?;
    let answer = upgrade.response(None).ok()?;
    Some((handshake.check(&answer).ok()?.deflate?, of_server))
}

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

    fn use_deflate(&mut self, agreed: &PerMessageDeflate) {
        self.inbound.use_deflate(agreed);
        self.outbound.use_deflate(agreed);
    }

    /// Performs the action that a byte chooses, with a payload of `length` bytes.
    fn act(&mut self, what: u8, length: usize) {
        // Half of the messages compress well, the other half hardly at all.
        let bytes: Vec<u8> = match what & 8 {
            0 => vec![what; length],
            _ => {
                (0..length).map(|index| ((index * index * usize::from(what)) >> 3) as u8).collect()
            }
        };
        let compression = match what >> 4 & 3 {
            0 => Compression::Never,
            1 => Compression::Always,
            _ => Compression::ByLength,
        };
        let mut form = Form::default();
        form.compression = compression;
        if what & 0xc0 == 0xc0 {
            self.outbound.release_memory();
            self.outbound.release_context();
        }
        let text = "ü".repeat(length / 2);
        let size = NonZeroUsize::new(length % 7 + 1).unwrap_or(NonZeroUsize::MIN);
        let (result, event) = match what % 8 {
            0 => (self.outbound.send_text_with(&text, form), Event::Text(text.into())),
            1 => (self.outbound.send_binary_with(&bytes, form), Event::Binary(bytes.into())),
            2 => (self.outbound.send_text_in_frames(&text, size), Event::Text(text.into())),
            3 => (self.outbound.send_binary_in_frames(&bytes, size), Event::Binary(bytes.into())),
            4 => (self.outbound.ping(&bytes), Event::Ping(bytes.into())),
            5 => {
                let message = SharedMessage::text(&text).with_form(form);
                (self.outbound.send_shared(&message), Event::Text(text.into()))
            }
            6 => {
                form.frame_size = Some(size);
                let message = SharedMessage::binary(&bytes).with_form(form);
                (self.outbound.send_shared(&message), Event::Binary(bytes.into()))
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

    fn receive(&mut self, mut bytes: Vec<u8>) {
        let mut input = &mut bytes[..];
        while let Some(event) = self.inbound.handle_input(&mut input, &mut self.outbound) {
            // The state machines send pongs on their own.
            if !matches!(event, Event::Pong(_)) {
                self.received.push(event.into_owned());
            }
        }
    }
}

/// Passes at most `max` bytes from one end to the other.
fn carry(from: &mut End, to: &mut End, max: usize) {
    let length = from.outbound.remaining().min(max);
    let bytes = from.outbound.copy_to_bytes(length).to_vec();
    to.receive(bytes);
}

/// Checks that the received events are those that were sent, unless the receiver has begun to close.
fn check(from: &End, to: &End) {
    assert!(!to.received.iter().any(|event| matches!(event, Event::Failed(_))));
    if to.outbound.is_closing() {
        return;
    }
    assert_eq!(from.sent[..to.received.len()], to.received[..]);
}

fuzz_target!(|data: &[u8]| {
    let (mut client, mut server) = (End::new(Role::Client), End::new(Role::Server));
    let [choice, of_client, of_server, steps @ ..] = data else { return };
    if choice % 4 > 0 {
        let agreed = negotiate(*of_client, *of_server);
        assert!(agreed.is_some(), "our own offer and the response to it are accepted");
        if let Some((of_client, of_server)) = agreed {
            client.use_deflate(&of_client);
            server.use_deflate(&of_server);
        }
    }
    for step in steps.chunks_exact(3) {
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
