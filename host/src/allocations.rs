//! Counts how many allocations a message causes in a host that runs on the test's thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{self, ResourceConfig};
use crate::{Host, Peer};

/// The allocations of one call. The component runtime boxes the first stack frame, and a message needs no other
/// allocation.
const PER_CALL: u64 = 1;

/// The response for the example key of RFC 6455 §1.3.
const RESPONSE: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// The system's allocator with a counter.
struct CountingAllocator;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[expect(
    unsafe_code,
    reason = "implementing an allocator needs unsafe code; this one delegates everything"
)]
// SAFETY: every method does what the system's allocator does with the same arguments.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller upholds the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller upholds the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, new_size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller upholds the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[tokio::test]
async fn message_allocates_nothing_but_its_call() -> anyhow::Result<()> {
    const MESSAGES: u64 = 1000;
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/echo.wasm");
    assert!(component.is_file(), "run `make components` first");
    let host =
        Host::start(config::HostConfig::new(vec![ResourceConfig::new("/", component)?])).await?;
    let mut client = connect(&host).await?;
    for bytes in [20_u16, 1024] {
        let (request, mut reply) = frames(bytes);
        // This warms up the host, so that every buffer has been used once.
        for _ in 0..10 {
            client.write_all(&request).await?;
            client.read_exact(&mut reply).await?;
        }
        let before = COUNT.get();
        for _ in 0..MESSAGES {
            client.write_all(&request).await?;
            client.read_exact(&mut reply).await?;
        }
        let allocations = COUNT.get() - before;
        assert!(reply.ends_with(b"xx"), "no echo");
        // Some allocations are allowed for the clock of the CPU budgets.
        let allowed = MESSAGES * PER_CALL + MESSAGES / 100;
        assert!(
            allocations <= allowed,
            "{allocations} allocations for {MESSAGES} messages of {bytes} bytes"
        );
    }
    Ok(())
}

/// Connects a client to `/` of a host that listens on no address.
pub(crate) async fn connect(host: &Host) -> anyhow::Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut client = TcpStream::connect(listener.local_addr()?).await?;
    let (stream, peer) = listener.accept().await?;
    client
        .write_all(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .await?;
    host.serve_stream(stream, Peer::plain(peer)).await;
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        response.push(client.read_u8().await?);
    }
    // A host must send the same bytes whether it or an embedding program has accepted the stream.
    assert_eq!(String::from_utf8(response)?, RESPONSE);
    Ok(client)
}

/// Returns a text message that is masked with zeros, and a buffer for its echo.
fn frames(bytes: u16) -> (Vec<u8>, Vec<u8>) {
    let (length, extended_length) = match u8::try_from(bytes) {
        Ok(short @ 0..=125) => (short, Vec::new()),
        _ => (126, bytes.to_be_bytes().to_vec()),
    };
    let payload = vec![b'x'; usize::from(bytes)];
    let request = [&[0x81, 0x80 | length][..], &extended_length, &[0; 4], &payload].concat();
    let reply = vec![0; 2 + extended_length.len() + payload.len()];
    (request, reply)
}
