//! Messages of every shape (RFC 6455 §5).

use anyhow::Result;
use ws_host_test_support::{Client, Frame, TestServer, masked_frame};

fn echo() -> Result<(TestServer, Client)> {
    let (server, client) = TestServer::with_client("echo", &[])?;
    Ok((server, client))
}

#[test]
fn lengths_around_every_boundary_come_back() -> Result<()> {
    let (_server, mut client) = echo()?;
    for length in [0, 1, 125, 126, 127, 65535, 65536, 1 << 20] {
        let payload: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
        client.send_frame(0x82, &payload)?;
        assert!(client.receive()? == Frame { first: 0x82, payload }, "{length} bytes");
        let text = "é".repeat(length / 2);
        assert!(client.ask(&text)? == text, "text of {length} bytes");
    }
    Ok(())
}

#[test]
fn long_message_takes_at_most_three_copies_of_memory() -> Result<()> {
    const LONG: usize = 64 << 20;
    // Smaller buffers that the message outgrew while it arrived: the allocator keeps those below 8 MiB for a second.
    const OUTGROWN: usize = 16 << 20;
    let flags = ["--max-message", "64MiB", "--max-memory", "160MiB"];
    let (server, mut client) = TestServer::with_client("echo", &flags)?;
    client.ask("warm")?;
    let before = server.peak_memory()?;
    let payload = vec![b'x'; LONG];
    // The received message, the handler's copy, and the output. The last of three messages needs no more memory than
    // the first.
    for _ in 0..3 {
        client.send_frame(0x82, &payload)?;
        assert!(client.receive()? == Frame { first: 0x82, payload: payload.clone() });
    }
    let grown = server.peak_memory()? - before;
    assert!(grown <= 3 * LONG + OUTGROWN, "{grown} bytes for a message of {LONG}");
    Ok(())
}

#[test]
fn fragments_come_back_whole_with_a_ping_between_them() -> Result<()> {
    let (_server, mut client) = echo()?;
    client.send_frame(0x01, b"frag")?;
    client.send_frame(0x89, b"between")?;
    client.send_frame(0x00, b"")?;
    client.send_frame(0x80, b"ment")?;
    assert_eq!(client.receive()?, Frame { first: 0x8a, payload: b"between".to_vec() });
    assert_eq!(client.receive_text()?, "fragment");
    Ok(())
}

#[test]
fn frames_may_arrive_one_byte_at_a_time() -> Result<()> {
    let (_server, mut client) = echo()?;
    let mut bytes = masked_frame(0x01, "grü".as_bytes());
    bytes.extend(masked_frame(0x89, b"?"));
    bytes.extend(masked_frame(0x80, "ße 🦀".as_bytes()));
    for byte in bytes {
        client.send(&[byte])?;
    }
    assert_eq!(client.receive()?, Frame { first: 0x8a, payload: b"?".to_vec() });
    assert_eq!(client.receive_text()?, "grüße 🦀");
    Ok(())
}

#[test]
fn burst_in_one_write_comes_back_in_order() -> Result<()> {
    let (_server, mut client) = echo()?;
    let burst: Vec<u8> =
        (0..5000).flat_map(|number| masked_frame(0x81, format!("{number}").as_bytes())).collect();
    let mut writer = client.try_clone()?;
    let writing = std::thread::spawn(move || writer.send(&burst));
    for number in 0..5000 {
        assert_eq!(client.receive_text()?, number.to_string());
    }
    writing.join().expect("the writer does not panic")
}

#[test]
fn unsolicited_pong_is_not_an_error() -> Result<()> {
    let (_server, mut client) = echo()?;
    client.send_frame(0x8a, b"thump")?;
    assert_eq!(client.ask("still here")?, "still here");
    Ok(())
}

#[test]
fn masked_hello_of_the_rfc_comes_back() -> Result<()> {
    let (_server, mut client) = echo()?;
    client.send_hex("81 85 37 fa 21 3d 7f 9f 4d 51 58")?;
    assert_eq!(client.receive_text()?, "Hello");
    client.send_hex("01 83 37 fa 21 3d 7f 9f 4d 80 82 3d 37 fa 21 51 58")?;
    assert_eq!(client.receive_text()?, "Hello");
    client.close()
}
