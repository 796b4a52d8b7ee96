//! Checks with arbitrary bytes, in pieces of any size, that nothing panics, that no message exceeds the limit, that no
//! event follows the last one, and that the events are the same as in one piece.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ws_host_protocol::deflate::{ContextTakeover, Direction, WindowBits};
use ws_host_protocol::handshake::client::Handshake;
use ws_host_protocol::handshake::server::{Rules, check};
use ws_host_protocol::handshake::{Origins, Versions};
use ws_host_protocol::{Deflate, Event, Inbound, Limits, Outbound, PerMessageDeflate, Role};

const MAX_MESSAGE: usize = 300;
const MAX_FRAGMENTS: u32 = 5;

/// The state machine, which a byte of the input chooses.
#[derive(Clone, Copy)]
enum Machine {
    Rfc(Role),
    Deflated(Role, ContextTakeover),
    Draft00,
}

fn agreed(context: ContextTakeover) -> Option<PerMessageDeflate> {
    let direction = Direction { context, window: WindowBits::MAX };
    let mut settings = Deflate::default();
    (settings.outgoing, settings.incoming) = (direction, direction);
    let handshake = Handshake::new([0; 16], Vec::new()).offer_deflate(settings);
    let request = handshake.request("h", http::Uri::from_static("/")).ok()?;
    let (origins, versions) = (Origins::default(), Versions::default());
    let rules = Rules::new(&origins, &versions);
    check(&request, &rules).ok()?.accept_deflate(&settings)
}

fn events(machine: Machine, pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<Event<'static>> {
    let mut limits = Limits::new(MAX_MESSAGE);
    limits.max_fragments = MAX_FRAGMENTS;
    let (mut inbound, mut outbound) = match machine {
        Machine::Rfc(role) => (Inbound::new(role, limits), Outbound::server(1 << 20)),
        Machine::Deflated(role, context) => {
            let mut inbound = Inbound::new(role, limits);
            let agreed = agreed(context);
            assert!(agreed.is_some());
            agreed.iter().for_each(|agreed| inbound.use_deflate(agreed));
            (inbound, Outbound::server(1 << 20))
        }
        Machine::Draft00 => (Inbound::draft00(limits), Outbound::draft00(1 << 20)),
    };
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while let Some(event) = inbound.handle_input(&mut input, &mut outbound) {
            assert!(!matches!(events.last(), Some(Event::Closed(_) | Event::Failed(_))));
            match &event {
                Event::Text(text) => assert!(text.len() <= MAX_MESSAGE),
                Event::Binary(bytes) => assert!(bytes.len() <= MAX_MESSAGE),
                Event::Ping(payload) | Event::Pong(payload) => assert!(payload.len() <= 125),
                Event::Closed(_) | Event::Failed(_) => assert!(inbound.has_ended()),
            }
            events.push(event.into_owned());
        }
        assert!(input.is_empty());
    }
    events
}

fuzz_target!(|data: &[u8]| {
    let [choice, size, bytes @ ..] = data else { return };
    // The seeds rely on the first three numbers.
    let machine = match choice % 6 {
        0 => Machine::Rfc(Role::Server),
        1 => Machine::Rfc(Role::Client),
        2 => Machine::Draft00,
        3 => Machine::Deflated(Role::Client, ContextTakeover::On),
        4 => Machine::Deflated(Role::Client, ContextTakeover::Off),
        _ => Machine::Deflated(Role::Server, ContextTakeover::On),
    };
    let size = usize::from(*size).max(1);
    let mut whole = events(machine, &mut std::iter::once(bytes));
    let mut cut = events(machine, &mut bytes.chunks(size));
    if matches!(machine, Machine::Draft00) {
        // No frame declares its length, so an error is found at the same byte.
        assert_eq!(whole, cut);
    }
    // In pieces an error may be found earlier: invalid text fails before its frame is complete. The events before the
    // error must be the same.
    let is_failure = |event: &Event<'_>| matches!(event, Event::Failed(_));
    assert_eq!(whole.iter().any(is_failure), cut.iter().any(is_failure));
    whole.retain(|event| !is_failure(event));
    cut.retain(|event| !is_failure(event));
    assert_eq!(whole, cut);
});
