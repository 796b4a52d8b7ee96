//! Any octets, cut anywhere: no panic, nothing over the limit, nothing after the last event, and the
//! same events as in one piece.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ws_host_protocol::{Event, Inbound, Limits, Outbound, Role};

const MAX_MESSAGE: usize = 300;
const MAX_FRAGMENTS: u32 = 5;

fn events(role: Role, pieces: &mut dyn Iterator<Item = &[u8]>) -> Vec<Event<'static>> {
    let limits = Limits { max_message: MAX_MESSAGE, max_fragments: MAX_FRAGMENTS };
    let mut inbound = Inbound::new(role, limits);
    let mut outbound = Outbound::server(1 << 20);
    let mut events = Vec::new();
    for piece in pieces {
        let mut piece = piece.to_vec();
        let mut input = &mut piece[..];
        while let Some(event) = inbound.handle_input(&mut input, &mut outbound) {
            assert!(!matches!(events.last(), Some(Event::Closed(_) | Event::Failed(_))));
            match &event {
                Event::Text(text) => assert!(text.len() <= MAX_MESSAGE),
                Event::Binary(octets) => assert!(octets.len() <= MAX_MESSAGE),
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
    let [choice, size, octets @ ..] = data else { return };
    let role = if choice & 1 == 0 { Role::Server } else { Role::Client };
    let size = usize::from(*size).max(1);
    let mut whole = events(role, &mut std::iter::once(octets));
    let mut cut = events(role, &mut octets.chunks(size));
    // In pieces an error may be found earlier: a text fails before the frame is whole. What was
    // reported before it must be the same.
    let is_failure = |event: &Event<'_>| matches!(event, Event::Failed(_));
    assert_eq!(whole.iter().any(is_failure), cut.iter().any(is_failure));
    whole.retain(|event| !is_failure(event));
    cut.retain(|event| !is_failure(event));
    assert_eq!(whole, cut);
});
