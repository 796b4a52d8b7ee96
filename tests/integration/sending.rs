//! Messages of handlers, as frames on the wire.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

/// Receives the frames of the next message.
fn frames(client: &mut Client) -> Result<Vec<(u8, Vec<u8>)>> {
    let mut frames = Vec::new();
    loop {
        let frame = client.receive()?;
        frames.push((frame.first, frame.payload));
        if frame.first & 0x80 != 0 {
            return Ok(frames);
        }
    }
}

#[test]
fn message_is_sent_in_frames_of_the_requested_size() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-frames", &[])?;
    // A frame may end inside a character.
    client.send_text("2 a\u{fc}bc")?;
    let bytes = "a\u{fc}bc".as_bytes();
    let cut = |first| {
        vec![
            (first, bytes[..2].to_vec()),
            (0x00, bytes[2..4].to_vec()),
            (0x80, bytes[4..].to_vec()),
        ]
    };
    assert_eq!(frames(&mut client)?, cut(0x01));
    assert_eq!(frames(&mut client)?, cut(0x02));
    client.send_text("5 abcd")?;
    assert_eq!(frames(&mut client)?, [(0x81, b"abcd".to_vec())]);
    assert_eq!(frames(&mut client)?, [(0x82, b"abcd".to_vec())]);
    client.send_text("1 ")?;
    assert_eq!(frames(&mut client)?, [(0x81, vec![])]);
    assert_eq!(frames(&mut client)?, [(0x82, vec![])]);
    Ok(())
}

#[test]
fn long_message_in_many_small_frames_arrives_whole() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-frames", &[])?;
    let text = "0123456789".repeat(5000);
    client.send_text(&format!("7 {text}"))?;
    let together: Vec<u8> = frames(&mut client)?.into_iter().flat_map(|(_, part)| part).collect();
    assert_eq!(together, text.as_bytes());
    Ok(())
}
