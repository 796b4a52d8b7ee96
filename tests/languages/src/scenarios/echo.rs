//! The template `echo`.

use anyhow::Result;
use ws_host_test_support::{Client, Frame, TestServer};

use crate::build::Components;

super::scenarios! { echo_returns_texts_and_bytes, echo_keeps_long_messages_whole }

fn echo_returns_texts_and_bytes(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.echo, &[])?;
    let mut client = Client::connect(&server)?;
    for text in ["", "hello", "gr\u{fc}\u{df} dich \u{1f600}"] {
        assert_eq!(client.ask(text)?, text);
    }
    for bytes in [&b""[..], b"\0\xff\x80"] {
        client.send_frame(0x82, bytes)?;
        assert_eq!(client.receive()?, Frame { first: 0x82, payload: bytes.to_vec() });
    }
    client.close()
}

fn echo_keeps_long_messages_whole(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.echo, &[])?;
    let mut client = Client::connect(&server)?;
    for length in [125, 126, 65_535, 65_536, 300_000] {
        let text = "x\u{e9}".repeat(length / 3);
        assert!(client.ask(&text)? == text, "a text of {} bytes came back changed", text.len());
    }
    client.close()
}
