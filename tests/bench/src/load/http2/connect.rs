//! Extended CONNECT (RFC 8441 §4): the request for a WebSocket, and its response.

use anyhow::{Result, ensure};

use super::frame::{END_HEADERS, END_STREAM, Frame};

/// `:status 200` in the static table of HPACK (RFC 7541 appendix A), as an indexed field.
const STATUS_200: u8 = 0x88;

/// Returns the header block of a request. Its fields are not indexed (RFC 7541 §6.2.2), so that the
/// connection's dynamic table stays empty.
pub(super) fn request() -> Vec<u8> {
    /// Indices in the static table.
    const METHOD: u8 = 0x02;
    const AUTHORITY: u8 = 0x01;
    const SCHEME_HTTP: u8 = 0x86;
    const PATH_ROOT: u8 = 0x84;
    let mut block = vec![METHOD];
    write_text("CONNECT", &mut block);
    block.push(0);
    write_text(":protocol", &mut block);
    write_text("websocket", &mut block);
    block.extend_from_slice(&[SCHEME_HTTP, PATH_ROOT, AUTHORITY]);
    write_text("localhost", &mut block);
    block.push(0);
    write_text("sec-websocket-version", &mut block);
    write_text("13", &mut block);
    block
}

/// Checks that a HEADERS frame accepts a WebSocket.
pub(super) fn check_response(frame: &Frame<'_>) -> Result<()> {
    ensure!(frame.flags & END_HEADERS != 0, "a response head is not in one frame");
    ensure!(frame.flags & END_STREAM == 0, "the server answered and closed a WebSocket");
    // The block may begin with dynamic table size updates (RFC 7541 §6.3). A small size takes one
    // byte.
    let is_size = |byte: &&u8| **byte & 0xe0 == 0x20;
    let first = frame.content()?.iter().find(|byte| !is_size(byte));
    ensure!(
        first == Some(&STATUS_200),
        "the server did not answer 200 to extended CONNECT: {:02x?}",
        frame.payload
    );
    Ok(())
}

/// Appends a string literal without Huffman coding (RFC 7541 §5.2), shorter than 127 bytes.
fn write_text(text: &str, block: &mut Vec<u8>) {
    block.push(text.len() as u8);
    block.extend_from_slice(text.as_bytes());
}
