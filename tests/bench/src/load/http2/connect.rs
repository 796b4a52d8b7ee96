//! Extended CONNECT (RFC 8441 §4): the request for a WebSocket, and the answer to it.

use anyhow::{Result, ensure};

use super::frame::{END_HEADERS, END_STREAM, Frame};

/// `:status 200` in the static table of HPACK (RFC 7541 appendix A), as an indexed field.
const STATUS_200: u8 = 0x88;

/// The header block of a request, in fields without indexing (RFC 7541 §6.2.2), so that the table of the
/// connection stays empty.
pub(super) fn request() -> Vec<u8> {
    /// Names and values in the static table.
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

/// Checks that HEADERS accept a WebSocket.
pub(super) fn check_answer(frame: &Frame<'_>) -> Result<()> {
    ensure!(frame.flags & END_HEADERS != 0, "the head of an answer is not in one frame");
    ensure!(frame.flags & END_STREAM == 0, "the server answered and ended a WebSocket");
    // The block may begin with new sizes of the table (RFC 7541 §6.3), which are of one octet where
    // they are short.
    let is_size = |octet: &&u8| **octet & 0xe0 == 0x20;
    let first = frame.content()?.iter().find(|octet| !is_size(octet));
    ensure!(
        first == Some(&STATUS_200),
        "the server did not answer 200 to extended CONNECT: {:02x?}",
        frame.payload
    );
    Ok(())
}

/// A text without Huffman's code (RFC 7541 §5.2), of less than 127 octets.
fn write_text(text: &str, block: &mut Vec<u8>) {
    block.push(text.len() as u8);
    block.extend_from_slice(text.as_bytes());
}
