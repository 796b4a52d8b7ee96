//! permessage-deflate on the client's side.

use anyhow::{Context, Result, ensure};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use ws_host_test_support::{Client, Response, TestServer, handshake};

/// The bytes that are removed from the end of a compressed message and appended before inflating (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// Returns a text that servers compress by default: long enough, and almost without repetition.
pub(crate) fn words() -> String {
    (1..150_u32).map(|number| format!("{} ", number.wrapping_mul(2_654_435_761))).collect()
}

/// Offers extensions and returns the response.
pub(crate) fn offer(server: &TestServer, extensions: &str) -> Result<Response> {
    Ok(open(server, "/", extensions)?.1)
}

/// Connects a client that offers these extensions. Returns it with the negotiated extensions.
pub(crate) fn connect(server: &TestServer, extensions: &str) -> Result<(Client, Option<String>)> {
    let (client, response) = open(server, "/", extensions)?;
    ensure!(response.status == 101, "refused: {response:?}");
    let agreed = response.header("sec-websocket-extensions").map(str::to_owned);
    Ok((client, agreed))
}

/// Offers extensions at any resource and accepts any response.
pub(crate) fn open(
    server: &TestServer,
    resource: &str,
    extensions: &str,
) -> Result<(Client, Response)> {
    let header = format!("Sec-WebSocket-Extensions: {extensions}\r\n");
    Client::open(server.address(), &handshake(resource, &header))
}

/// Compresses a message without earlier context.
pub(crate) fn deflate(message: &[u8]) -> Result<Vec<u8>> {
    Peer::new().deflate(message)
}

/// Inflates a payload without earlier context.
pub(crate) fn inflate(payload: &[u8]) -> Result<Vec<u8>> {
    Peer::new().inflate(payload)
}

/// The client's end of the compression, with context takeover in both directions.
pub(crate) struct Peer {
    compress: Compress,
    decompress: Decompress,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self::with_window(15)
    }

    /// Creates a peer that compresses with a window of `bits` bits.
    pub(crate) fn with_window(bits: u8) -> Self {
        let compress = Compress::new_with_window_bits(Compression::default(), false, bits);
        Self { compress, decompress: Decompress::new(false) }
    }

    /// Drops the context of the messages that this peer sends.
    pub(crate) fn forget_own(&mut self) {
        self.compress.reset();
    }

    pub(crate) fn deflate(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        let mut payload = Vec::with_capacity(message.len() + 1000);
        self.compress.compress_vec(message, &mut payload, FlushCompress::Sync)?;
        let shorter = payload.strip_suffix(&TAIL).context("no flush")?;
        Ok(shorter.to_vec())
    }

    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Result<Vec<u8>> {
        let mut message = Vec::with_capacity(1 << 20);
        let payload = [payload, &TAIL].concat();
        let before = self.decompress.total_in();
        self.decompress.decompress_vec(&payload, &mut message, FlushDecompress::Sync)?;
        ensure!(
            self.decompress.total_in() - before == payload.len() as u64,
            "the payload is not a whole message"
        );
        Ok(message)
    }

    /// Sends a compressed text and expects its compressed echo. Returns the length of the echo's payload.
    pub(crate) fn echo(&mut self, client: &mut Client, text: &str) -> Result<usize> {
        client.send_frame(0xc1, &self.deflate(text.as_bytes())?)?;
        let frame = client.receive()?;
        ensure!(frame.first == 0xc1, "expected a compressed text, got {frame:?}");
        ensure!(self.inflate(&frame.payload)? == text.as_bytes(), "the echo differs");
        Ok(frame.payload.len())
    }
}
