//! permessage-deflate as a client does it.

use anyhow::{Context, Result, ensure};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use ws_host_test_support::{Answer, Client, TestServer, handshake};

/// RFC 7692 §7.2.1: what is taken from the end of a message, and appended again.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// What servers compress by themselves: long, and hardly anything comes twice in it.
pub(crate) fn words() -> String {
    (1..150_u32).map(|number| format!("{} ", number.wrapping_mul(2_654_435_761))).collect()
}

/// The answer to an offer of extensions.
pub(crate) fn offer(server: &TestServer, extensions: &str) -> Result<Answer> {
    Ok(open(server, "/", extensions)?.1)
}

/// A client that offers these extensions, and what was agreed.
pub(crate) fn connect(server: &TestServer, extensions: &str) -> Result<(Client, Option<String>)> {
    let (client, answer) = open(server, "/", extensions)?;
    ensure!(answer.status == 101, "refused: {answer:?}");
    let agreed = answer.header("sec-websocket-extensions").map(str::to_owned);
    Ok((client, agreed))
}

/// The same with any resource and any answer.
pub(crate) fn open(
    server: &TestServer,
    resource: &str,
    extensions: &str,
) -> Result<(Client, Answer)> {
    let header = format!("Sec-WebSocket-Extensions: {extensions}\r\n");
    Client::open(server.address(), &handshake(resource, &header))
}

/// A message that refers to nothing before it.
pub(crate) fn deflate(message: &[u8]) -> Result<Vec<u8>> {
    Peer::new().deflate(message)
}

/// The message of a compressed payload that refers to nothing before it.
pub(crate) fn inflate(payload: &[u8]) -> Result<Vec<u8>> {
    Peer::new().inflate(payload)
}

/// The other end of a server's compression. It takes over contexts in both directions.
pub(crate) struct Peer {
    compress: Compress,
    decompress: Decompress,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self::with_window(15)
    }

    /// One whose own messages refer back no farther than these bits say.
    pub(crate) fn with_window(bits: u8) -> Self {
        let compress = Compress::new_with_window_bits(Compression::default(), false, bits);
        Self { compress, decompress: Decompress::new(false) }
    }

    /// Lets the next message of its own refer to nothing before it.
    pub(crate) fn forget_own(&mut self) {
        self.compress.reset();
    }

    pub(crate) fn deflate(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        let mut payload = Vec::with_capacity(message.len() + 1000);
        self.compress.compress_vec(message, &mut payload, FlushCompress::Sync)?;
        let shorter = payload.strip_suffix(&TAIL).context("a flush")?;
        Ok(shorter.to_vec())
    }

    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Result<Vec<u8>> {
        let mut message = Vec::with_capacity(1 << 20);
        let payload = [payload, &TAIL].concat();
        let before = self.decompress.total_in();
        self.decompress.decompress_vec(&payload, &mut message, FlushDecompress::Sync)?;
        ensure!(self.decompress.total_in() - before == payload.len() as u64, "a whole message");
        Ok(message)
    }

    /// Has a text echoed, compressed both ways; gives the length of the answer's payload.
    pub(crate) fn echo(&mut self, client: &mut Client, text: &str) -> Result<usize> {
        client.send_frame(0xc1, &self.deflate(text.as_bytes())?)?;
        let frame = client.receive()?;
        ensure!(frame.first == 0xc1, "expected a compressed text, got {frame:?}");
        ensure!(self.inflate(&frame.payload)? == text.as_bytes(), "another text came back");
        Ok(frame.payload.len())
    }
}
