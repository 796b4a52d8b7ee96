//! Invalid compressed messages: the sender is closed with the right code, and other clients are not affected.

use anyhow::Result;
use flate2::{Compress, Compression, FlushCompress};
use ws_host_test_support::{Client, TestServer};

use crate::deflated::{self, Peer, deflate, words};

const OFFER: &str = "permessage-deflate";
const MIB: usize = 1 << 20;

/// A frame: its first byte and its payload.
type Frame<'a> = (u8, &'a [u8]);

/// Sends frames from a client that negotiated compression. The client must be closed with `code`, and other clients
/// must not be affected.
#[track_caller]
fn fail(frames: &[Frame<'_>], code: u16) {
    for compression in ["messages", "context"] {
        let flags = ["--compression", compression];
        let tried = TestServer::with_arguments("echo", &flags)
            .and_then(|server| try_fail(&server, OFFER, frames, code));
        tried.unwrap_or_else(|error| panic!("{compression}, {frames:02x?}: {error:?}"));
    }
}

fn try_fail(server: &TestServer, offer: &str, frames: &[Frame<'_>], code: u16) -> Result<()> {
    let mut plain = Client::connect(server)?;
    let (mut witness, _) = deflated::connect(server, OFFER)?;
    let mut peer = Peer::new();
    peer.echo(&mut witness, &words())?;
    peer.forget_own();
    let (mut client, _) = deflated::connect(server, offer)?;
    for (first, payload) in frames {
        client.send_frame(*first, payload)?;
    }
    client.expect_close(code)?;
    peer.echo(&mut witness, &words())?;
    assert_eq!(plain.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn payload_that_is_not_deflate_is_1007() {
    // A block of the reserved type.
    fail(&[(0xc1, &[0x06, 0x00])], 1007);
    // A length that does not match its complement.
    fail(&[(0xc1, &[0x00, 0x05, 0x00, 0xfb, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00])], 1007);
    // A back-reference to before the start.
    fail(&[(0xc2, &[0xf2, 0x00, 0x11, 0x00, 0x00])], 1007);
    fail(&[(0xc2, &[0xff; 200])], 1007);
}

#[test]
fn truncated_message_is_1007() -> Result<()> {
    let whole = deflate(words().as_bytes())?;
    fail(&[(0xc1, &whole[..whole.len() / 2])], 1007);
    fail(&[(0x41, &whole[..10]), (0x80, &[])], 1007);
    Ok(())
}

#[test]
fn message_that_refers_to_a_dropped_context_is_1007() -> Result<()> {
    let flags = ["--compression", "messages", "--compression-keep-window", "false"];
    let server = TestServer::with_arguments("echo", &flags)?;
    let mut peer = Peer::new();
    let first = peer.deflate(words().as_bytes())?;
    let second = peer.deflate(words().as_bytes())?;
    let (mut client, _) = deflated::connect(&server, OFFER)?;
    client.send_frame(0xc1, &first)?;
    assert_eq!(client.receive()?.first, 0xc1);
    client.send_frame(0xc1, &second)?;
    let reason = client.expect_close(1007)?;
    assert!(reason.contains("refers to an earlier one"), "{reason}");
    assert!(reason.contains("client_no_context_takeover"), "{reason}");
    // Without an earlier message the payload is malformed.
    let (mut client, _) = deflated::connect(&server, OFFER)?;
    client.send_frame(0xc1, &second)?;
    let reason = client.expect_close(1007)?;
    assert!(reason.contains("malformed"), "{reason}");
    Ok(())
}

#[test]
fn text_that_inflates_to_invalid_utf8_is_1007() -> Result<()> {
    fail(&[(0xc1, &deflate(b"a\xff")?)], 1007);
    fail(&[(0xc1, &deflate("ü".as_bytes().split_at(1).0)?)], 1007);
    Ok(())
}

#[test]
fn compressed_message_without_an_agreement_is_1002() -> Result<()> {
    let hello = deflate(b"hello")?;
    let server = TestServer::with_arguments("echo", &["--compression", "context"])?;
    try_fail(&server, "x-other", &[(0xc1, &hello)], 1002)?;
    let server = TestServer::serving("echo")?;
    let (mut client, _) = deflated::connect(&server, OFFER)?;
    client.send_frame(0xc1, &hello)?;
    client.expect_close(1002)?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn other_reserved_bits_are_1002() -> Result<()> {
    let hello = deflate(b"hello")?;
    for first in [0xe1, 0xd1, 0xf1] {
        fail(&[(first, &hello)], 1002);
    }
    for first in [0xa1, 0x91, 0xb1] {
        fail(&[(first, b"hello")], 1002);
    }
    Ok(())
}

#[test]
fn continuation_and_control_frames_marked_as_compressed_are_1002() -> Result<()> {
    let hello = deflate(b"hello")?;
    fail(&[(0x41, &hello[..3]), (0xc0, &hello[3..])], 1002);
    fail(&[(0x01, b"hel"), (0xc0, b"lo")], 1002);
    for first in [0xc8, 0xc9, 0xca] {
        fail(&[(first, &[])], 1002);
    }
    Ok(())
}

/// 1 GiB of zeros.
fn bomb() -> Result<Vec<u8>> {
    let mut compress = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(MIB);
    // A full flush makes the piece independent of what precedes it, so it can be repeated.
    compress.compress_vec(&vec![0; MIB], &mut piece, FlushCompress::Full)?;
    Ok(piece.repeat(1024))
}

#[test]
fn bomb_is_1009_and_costs_no_more_than_a_message() -> Result<()> {
    let bomb = bomb()?;
    // Short enough on the wire that its length there is no reason to refuse it.
    assert!(bomb.len() < 2 * MIB, "{}", bomb.len());
    for compression in ["messages", "context"] {
        let flags = ["--compression", compression, "--max-message", "2MiB"];
        let (server, mut client) = TestServer::with_client("echo", &flags)?;
        assert_eq!(client.ask("hello")?, "hello");
        let before = server.peak_memory()?;
        try_fail(&server, OFFER, &[(0xc2, &bomb)], 1009)?;
        let (first, rest) = bomb.split_at(bomb.len() / 2);
        try_fail(&server, OFFER, &[(0x41, first), (0x80, rest)], 1009)?;
        let grown = server.peak_memory()? - before;
        assert!(grown < 32 * MIB, "{compression}: {grown}");
    }
    Ok(())
}
