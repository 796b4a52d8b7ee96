//! The costs of permessage-deflate for a connection, measured by the allocator and by the clock. These tests check the
//! figures in the documentation of `ws_host_protocol::deflate`.

#![expect(unsafe_code, reason = "an allocator that counts is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Buf;
use flate2::{Compress, Compression, FlushCompress};
use ws_host_protocol::deflate::{ContextTakeover, Direction, KeepWindow, WindowBits};
use ws_host_protocol::handshake::client::Handshake;
use ws_host_protocol::handshake::server::{Rules, check};
use ws_host_protocol::handshake::{Origins, Versions};
use ws_host_protocol::{
    Deflate, Event, Inbound, Limits, Outbound, PerMessageDeflate, ProtocolError, Role,
};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

thread_local! {
    /// Bytes that this thread has allocated and not freed.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    /// The maximum of [`LIVE`].
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

fn count(bytes: isize) {
    LIVE.set(LIVE.get() + bytes);
    PEAK.set(PEAK.get().max(LIVE.get()));
}

// SAFETY: all calls go to the system's allocator; this one only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // A long allocation is moved by remapping its pages: the old and the new one do not exist at the same time.
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Returns how much memory `act` leaves allocated, and how much is allocated at the peak while `act` runs.
fn costs(act: impl FnOnce()) -> (usize, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    act();
    ((LIVE.get() - before).max(0) as usize, (PEAK.get() - before) as usize)
}

fn agreed(settings: Deflate) -> PerMessageDeflate {
    let handshake = Handshake::new([0; 16], Vec::new()).offer_deflate(settings);
    let request = handshake.request("h", http::Uri::from_static("/")).expect("a request");
    let (origins, versions) = (Origins::default(), Versions::default());
    let rules = Rules::new(&origins, &versions);
    let mut upgrade = check(&request, &rules).expect("a good request");
    upgrade.accept_deflate(&settings).expect("an offer of ours")
}

fn settings(context: ContextTakeover, window: WindowBits) -> Deflate {
    let direction = Direction { context, window };
    let mut settings = Deflate::default();
    (settings.outgoing, settings.incoming) = (direction, direction);
    settings
}

/// One end of a connection. It sends as a server and receives as a client, so that each `End` accepts what another one
/// sends.
struct End {
    outbound: Outbound,
    inbound: Inbound,
}

impl End {
    fn new(settings: Deflate) -> Self {
        let agreed = agreed(settings);
        let mut outbound = Outbound::server(16 * MIB);
        let mut inbound = Inbound::new(Role::Client, Limits::default());
        outbound.use_deflate(&agreed);
        inbound.use_deflate(&agreed);
        Self { outbound, inbound }
    }

    fn writes(&mut self) -> Vec<u8> {
        self.outbound.copy_to_bytes(self.outbound.remaining()).to_vec()
    }

    fn receives(&mut self, bytes: &mut [u8]) -> Option<Event<'static>> {
        let mut answers = Outbound::server(MIB);
        let mut input = bytes;
        self.inbound.handle_input(&mut input, &mut answers).map(Event::into_owned)
    }
}

/// Returns enough words to fill every window.
fn words() -> String {
    (0..20_000).map(|number| format!("{number} ")).collect()
}

/// Returns the memory that an end keeps after an outgoing message, and after an incoming one.
fn kept(settings: Deflate) -> (usize, usize) {
    let words = words();
    let mut end = End::new(settings);
    // Fill the thread's pools first: their memory does not belong to this connection.
    let mut bytes = Vec::new();
    for _ in 0..8 {
        let mut other = End::new(settings);
        other.outbound.send_text(&words).expect("there is room");
        bytes = other.writes();
        other.receives(&mut bytes.clone());
    }
    let (outgoing, _) = costs(|| {
        end.outbound.send_text(&words).expect("there is room");
        end.writes();
    });
    let (incoming, _) = costs(|| {
        end.receives(&mut bytes);
    });
    (outgoing, incoming)
}

#[test]
fn without_takeover_an_idle_connection_keeps_nothing() {
    for bits in [9, 15] {
        let window = WindowBits::new(bits).expect("a window");
        assert_eq!(kept(settings(ContextTakeover::Off, window)), (0, 0));
    }
}

#[test]
fn with_takeover_a_connection_keeps_what_the_documentation_says() {
    for bits in 9..=15 {
        let window = WindowBits::new(bits).expect("a window");
        let (outgoing, incoming) = kept(settings(ContextTakeover::On, window));
        assert_eq!(incoming, window.bytes());
        let documented = 243 * KIB + 4 * window.bytes();
        assert!(outgoing.abs_diff(documented) < 8 * KIB, "{bits} bits: {outgoing}");
    }
}

#[test]
fn kept_window_costs_as_much_as_takeover_and_no_more() {
    for bits in [9, 12, 15] {
        let window = WindowBits::new(bits).expect("a window");
        let keeping = |context| {
            let mut settings = settings(context, window);
            settings.keep_window = KeepWindow::Always;
            settings
        };
        assert_eq!(kept(keeping(ContextTakeover::Off)), (0, window.bytes()));
        assert_eq!(kept(keeping(ContextTakeover::On)).1, window.bytes());
    }
}

#[test]
fn released_connection_keeps_only_the_incoming_window() {
    let mut end = End::new(settings(ContextTakeover::On, WindowBits::MAX));
    let words = words();
    let (kept, _) = costs(|| {
        end.outbound.send_text(&words).expect("there is room");
        end.writes();
        end.outbound.release_memory();
        end.outbound.release_context();
    });
    // This includes the buffers in the thread's pool, which all connections share.
    assert!(kept < 128 * KIB, "{kept}");
}

/// Returns one message from a server. The message inflates to 1 GiB of zeros.
fn bomb() -> Vec<u8> {
    let mut compressor = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(MIB);
    // After a full flush, nothing refers to earlier data, so that the piece can be repeated.
    compressor.compress_vec(&vec![0; MIB], &mut piece, FlushCompress::Full).expect("it compresses");
    let payload = piece.repeat(1024);
    let length = (payload.len() as u64).to_be_bytes();
    [&[0xc2, 127][..], &length, &payload].concat()
}

#[test]
fn bomb_costs_no_more_than_the_limit() {
    let bomb = bomb();
    assert!(bomb.len() < 5 * MIB / 4, "{}", bomb.len());
    for context in [ContextTakeover::Off, ContextTakeover::On] {
        for piece in [bomb.len(), 1000] {
            let mut bomb = bomb.clone();
            let mut end = End::new(settings(context, WindowBits::MAX));
            let start = Instant::now();
            let (kept, peak) = costs(|| {
                let failed = Event::Failed(ProtocolError::MessageTooLong { limit: MIB });
                let mut events = bomb.chunks_mut(piece).filter_map(|piece| end.receives(piece));
                assert_eq!(events.next(), Some(failed));
            });
            // The message, a decompressor, and the output of one step.
            assert!(peak < MIB + 400 * KIB, "{peak}");
            assert!(kept < 300 * KIB, "{kept}");
            // Inflating a thousandth takes milliseconds. Inflating everything would take many seconds.
            assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        }
    }
}

#[test]
fn message_in_pieces_holds_a_decompressor() {
    let mut end = End::new(Deflate::default());
    let mut sender = End::new(Deflate::default());
    sender.outbound.send_text(&words()).expect("there is room");
    let mut bytes = sender.writes();
    let (kept, _) = costs(|| {
        for piece in bytes.chunks_mut(100).take(1) {
            end.receives(piece);
        }
    });
    assert!((40 * KIB..56 * KIB).contains(&kept), "{kept}");
}
