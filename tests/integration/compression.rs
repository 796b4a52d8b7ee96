//! Compression (RFC 7692) with clients that offer it.

use anyhow::{Context, Result};
use ws_host_test_support::{Client, Frame, TestServer, handshake, startup_error};

use crate::configured::Configuration;
use crate::deflated::{self, Peer, deflate, inflate, words};

const MESSAGES: &[&str] = &["--compression", "messages"];
const CONTEXT: &[&str] = &["--compression", "context"];

/// The offer of most clients.
const OFFER: &str = "permessage-deflate; client_max_window_bits";

#[test]
fn nothing_is_compressed_unless_it_is_asked_for() -> Result<()> {
    for flags in [&[][..], &["--compression", "off"]] {
        let server = TestServer::with_arguments("echo", flags)?;
        let (mut client, agreed) = deflated::connect(&server, OFFER)?;
        assert_eq!(agreed, None);
        assert_eq!(client.ask(&words())?, words());
    }
    Ok(())
}

/// Returns whether the server and the client keep their context from message to message, according to a response.
fn takeovers(answer: &str) -> (bool, bool) {
    let says = |word| answer.contains(word);
    (!says("server_no_context_takeover"), !says("client_no_context_takeover"))
}

#[test]
fn negotiated_parameters_satisfy_both_sides_and_both_respect_them() -> Result<()> {
    const NO_TAKEOVER: &str =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    let narrow = [CONTEXT, &["--compression-window", "10"]].concat();
    for (flags, offer, answer) in [
        (CONTEXT, "permessage-deflate", "permessage-deflate"),
        (CONTEXT, OFFER, "permessage-deflate"),
        (CONTEXT, NO_TAKEOVER, NO_TAKEOVER),
        (MESSAGES, OFFER, NO_TAKEOVER),
        (MESSAGES, NO_TAKEOVER, NO_TAKEOVER),
        (
            CONTEXT,
            "permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            CONTEXT,
            "permessage-deflate; client_no_context_takeover",
            "permessage-deflate; client_no_context_takeover",
        ),
        (
            CONTEXT,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=9",
        ),
        (&narrow, OFFER, "permessage-deflate; client_max_window_bits=10"),
        // This client cannot be given a smaller window, so its context is dropped after each message instead.
        (&narrow, "permessage-deflate", "permessage-deflate; client_no_context_takeover"),
        // The first acceptable offer wins.
        (
            CONTEXT,
            "x-other, permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits=12",
            "permessage-deflate; server_max_window_bits=12",
        ),
    ] {
        let flags = [flags, &["--compression-threshold", "1"]].concat();
        let server = TestServer::with_arguments("echo", &flags)?;
        let (mut client, agreed) = deflated::connect(&server, offer)?;
        assert_eq!(agreed.as_deref(), Some(answer), "{flags:?}, {offer}");
        let (of_server, of_client) = takeovers(answer);
        let bits = answer.split("client_max_window_bits=").nth(1);
        let bits = bits.map_or(Ok(15), str::parse)?;
        let mut peer = Peer::with_window(bits);
        // Short enough for the smallest window.
        let text: String = words().chars().take(200).collect();
        let mut lengths = Vec::new();
        for _ in 0..3 {
            lengths.push(peer.echo(&mut client, &text).context(answer)?);
            if !of_client {
                peer.forget_own();
            }
        }
        assert_eq!(lengths[1] == lengths[0], !of_server, "{answer}: {lengths:?}");
        assert_eq!(lengths[1] < lengths[0] / 4, of_server, "{answer}: {lengths:?}");
    }
    Ok(())
}

#[test]
fn invalid_or_unknown_offers_are_declined_and_the_next_one_is_considered() -> Result<()> {
    let server = TestServer::with_arguments("echo", CONTEXT)?;
    for offer in [
        "permessage-deflate; frobnicate",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=many",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        "x-webkit-deflate-frame",
    ] {
        let (mut client, agreed) = deflated::connect(&server, offer)?;
        assert_eq!(agreed, None, "{offer}");
        assert_eq!(client.ask(&words())?, words());
        let (_, agreed) = deflated::connect(&server, &format!("{offer}, permessage-deflate"))?;
        assert_eq!(agreed.as_deref(), Some("permessage-deflate"), "{offer}");
    }
    Ok(())
}

#[test]
fn malformed_list_of_extensions_is_400() -> Result<()> {
    let server = TestServer::with_arguments("echo", CONTEXT)?;
    for malformed in [
        "permessage-deflate; =",
        "permessage deflate",
        "permessage-deflate;",
        "permessage-deflate; server_max_window_bits=\"10",
        "@",
    ] {
        let response = deflated::offer(&server, malformed)?;
        assert_eq!(response.status, 400, "{malformed}: {response:?}");
    }
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn client_that_keeps_its_context_against_the_agreement_is_understood() -> Result<()> {
    let eager = [MESSAGES, &["--compression-threshold", "1"]].concat();
    let narrow = [&eager[..], &["--compression-window", "9"]].concat();
    for (flags, bits) in [(&eager, 15), (&narrow, 9)] {
        let server = TestServer::with_arguments("echo", flags)?;
        let (mut client, agreed) = deflated::connect(&server, OFFER)?;
        let agreed = agreed.context("no agreement")?;
        assert!(agreed.contains("client_no_context_takeover"), "{agreed}");
        // Short enough for the smallest window.
        let text: String = words().chars().take(200).collect();
        let mut peer = Peer::with_window(bits);
        let mut lengths = Vec::new();
        for _ in 0..3 {
            let payload = peer.deflate(text.as_bytes())?;
            client.send_frame(0xc1, &payload)?;
            assert_eq!(inflate(&client.receive()?.payload)?, text.as_bytes());
            lengths.push(payload.len());
        }
        assert!(lengths[1] < lengths[0] / 4, "the client keeps its context: {lengths:?}");
    }
    Ok(())
}

#[test]
fn drafts_are_never_compressed() -> Result<()> {
    let flags = [CONTEXT, &["--drafts", "13,8,7"]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    for version in ["7", "8"] {
        let offer = format!("Sec-WebSocket-Extensions: {OFFER}\r\n");
        let request = handshake("/", &offer).replace("Version: 13", &format!("Version: {version}"));
        let (mut client, response) = Client::open(server.address(), &request)?;
        assert_eq!((response.status, response.header("sec-websocket-extensions")), (101, None));
        assert_eq!(client.ask(&words())?, words());
    }
    Ok(())
}

#[test]
fn messages_from_the_threshold_on_are_compressed() -> Result<()> {
    for (flags, threshold) in [
        (MESSAGES, 256),
        (CONTEXT, 64),
        (&["--compression", "messages", "--compression-threshold", "100"], 100),
    ] {
        let server = TestServer::with_arguments("echo", flags)?;
        let (mut client, _) = deflated::connect(&server, OFFER)?;
        let text = "a".repeat(threshold);
        assert_eq!(client.ask(&text[1..])?, text[1..], "{flags:?}");
        client.send_text(&text)?;
        let answer = client.receive()?;
        assert_eq!(answer.first, 0xc1, "{flags:?}");
        assert_eq!(inflate(&answer.payload)?, text.as_bytes());
    }
    Ok(())
}

#[test]
fn message_in_fragments_is_inflated_across_them() -> Result<()> {
    let server = TestServer::with_arguments("echo", MESSAGES)?;
    let (mut client, _) = deflated::connect(&server, OFFER)?;
    let payload = deflate(words().as_bytes())?;
    let (first, rest) = payload.split_at(1);
    let (second, third) = rest.split_at(rest.len() / 2);
    client.send_frame(0x41, first)?;
    client.send_frame(0x00, second)?;
    client.send_frame(0x89, b"between")?;
    client.send_frame(0x00, b"")?;
    client.send_frame(0x80, third)?;
    assert_eq!(client.receive()?, Frame { first: 0x8a, payload: b"between".to_vec() });
    let echo = client.receive()?;
    assert_eq!((echo.first, inflate(&echo.payload)?), (0xc1, words().into_bytes()));
    Ok(())
}

#[test]
fn handler_chooses_for_each_message() -> Result<()> {
    for flags in [MESSAGES, CONTEXT] {
        let server = TestServer::with_arguments("guest-forms", flags)?;
        let (mut client, _) = deflated::connect(&server, OFFER)?;
        let mut peer = Peer::new();
        for (how, text, is_compressed) in [
            ("always", "aaaaaaaaaaaa", true),
            ("by-length", "aaaaaaaaaaaa", false),
            ("by-length", &*words(), true),
            ("never", &words(), false),
            // Compression would not shorten it, so it is sent uncompressed.
            ("always", "a", false),
            ("always", "", false),
        ] {
            client.send_text(&format!("{how} back {text}"))?;
            for first in [0x81, 0x82] {
                let mut frame = client.receive()?;
                assert_eq!(frame.first, first | u8::from(is_compressed) << 6, "{how} {text:.20}");
                if is_compressed {
                    frame.payload = peer.inflate(&frame.payload)?;
                }
                assert_eq!(frame.payload, text.as_bytes(), "{how}");
            }
        }
    }
    Ok(())
}

#[test]
fn messages_sent_in_connected_are_compressed() -> Result<()> {
    let server = TestServer::with_arguments("guest-forms", CONTEXT)?;
    let (mut client, response) = deflated::open(&server, "/?hello-hello-hello", OFFER)?;
    assert_eq!(response.header("sec-websocket-extensions"), Some("permessage-deflate"));
    let frame = client.receive()?;
    assert_eq!((frame.first, inflate(&frame.payload)?), (0xc1, b"hello-hello-hello".to_vec()));
    Ok(())
}

/// Receives a message in any number of frames. Returns its first byte without FIN, the length of its longest frame,
/// and its payload.
fn receive_message(client: &mut Client) -> Result<(u8, usize, Vec<u8>)> {
    let Frame { first, mut payload } = client.receive()?;
    let (mut longest, mut last) = (payload.len(), first);
    while last & 0x80 == 0 {
        let frame = client.receive()?;
        assert_eq!(frame.first & 0x7f, 0, "a continuation has no reserved bits");
        longest = longest.max(frame.payload.len());
        payload.extend(frame.payload);
        last = frame.first;
    }
    Ok((first & 0x7f, longest, payload))
}

#[test]
fn broadcast_reaches_each_client_in_its_negotiated_form() -> Result<()> {
    let server = TestServer::with_arguments("guest-forms", CONTEXT)?;
    let no_takeover = "permessage-deflate; server_no_context_takeover";
    let mut plain = Client::connect(&server)?;
    let mut first = deflated::connect(&server, no_takeover)?.0;
    let mut second = deflated::connect(&server, no_takeover)?.0;
    let mut context = deflated::connect(&server, OFFER)?.0;
    let mut peer = Peer::new();
    for (how, to, rsv1, longest) in [
        ("always", "everybody", 0x40, usize::MAX),
        ("never", "everybody", 0, usize::MAX),
        ("always", "topic", 0x40, usize::MAX),
        ("by-length", "topic", 0x40, usize::MAX),
        ("100", "everybody", 0x40, 100),
        ("100", "topic", 0x40, 100),
    ] {
        plain.send_text(&format!("{how} {to} {}", words()))?;
        for opcode in [2, 1] {
            // The binary message to the topic excludes its sender.
            if (to, opcode) != ("topic", 2) {
                let (opcode_of_plain, length, payload) = receive_message(&mut plain)?;
                assert_eq!((opcode_of_plain, payload), (opcode, words().into_bytes()));
                assert!(length <= longest, "{length}");
            }
            let of_first = receive_message(&mut first)?;
            assert_eq!(of_first.0, opcode | rsv1, "{how} {to}");
            assert!(of_first.1 <= longest, "{}", of_first.1);
            assert_eq!(of_first, receive_message(&mut second)?, "the same bytes for both");
            let (opcode_of_context, _, payload) = receive_message(&mut context)?;
            assert_eq!(opcode_of_context, opcode | rsv1);
            if rsv1 == 0 {
                assert_eq!((of_first.2, payload), (words().into_bytes(), words().into_bytes()));
            } else {
                assert_eq!(inflate(&of_first.2)?, words().as_bytes());
                assert_eq!(peer.inflate(&payload)?, words().as_bytes());
            }
        }
        assert_eq!(plain.receive_text()?, if to == "topic" { "4" } else { "8" });
    }
    Ok(())
}

#[test]
fn idle_connection_releases_its_context() -> Result<()> {
    let flags = [CONTEXT, &["--idle-timeout", "2s"]].concat();
    let server = TestServer::with_arguments("echo", &flags)?;
    let (mut client, _) = deflated::connect(&server, OFFER)?;
    let mut peer = Peer::new();
    let first = peer.echo(&mut client, &words())?;
    // At least one of these echoes arrives before the server considers the connection idle, however slow the machine.
    while peer.echo(&mut client, &words())? >= first / 4 {}
    // The server pings after half of the idle timeout.
    let ping = client.receive()?;
    assert_eq!(ping.first, 0x89);
    assert_eq!(peer.echo(&mut client, &words())?, first, "the context was released");
    Ok(())
}

#[test]
fn changed_settings_apply_to_new_clients() -> Result<()> {
    let text = |more: &str| {
        format!(
            "listen = \"127.0.0.1:0\"\n[[resource]]\nname = \"a\"\ncomponent = \"{{{{echo}}}}\"\n{more}\n"
        )
    };
    let configuration = Configuration::new(&text(""))?;
    let mut server = configuration.serve()?;
    let (mut plain, agreed) = deflated::connect(&server, OFFER)?;
    assert_eq!(agreed, None);
    let line = configuration.reload(
        &mut server,
        &text(
            "compression = \"context\"\ncompression-level = 9\ncompression-threshold = \"1KiB\"\n\
         compression-window = 9",
        ),
    )?;
    assert!(line.contains("changed=[\"a\"]"), "{line}");
    let (mut client, agreed) = deflated::connect(&server, OFFER)?;
    assert_eq!(agreed.as_deref(), Some("permessage-deflate; client_max_window_bits=9"));
    let mut peer = Peer::with_window(9);
    peer.echo(&mut client, &words())?;
    assert_eq!(plain.ask(&words())?, words());
    configuration.reload(&mut server, &text("compression = \"off\""))?;
    peer.echo(&mut client, &words())?;
    assert_eq!(deflated::connect(&server, OFFER)?.1, None);
    Ok(())
}

#[test]
fn errors_for_invalid_flags_say_what_is_valid() -> Result<()> {
    for (flags, words) in [
        (&["--compression", "yes"][..], &["--compression", "off, messages, context"][..]),
        (&["--compression-level", "9"], &["--compression-level needs compression"]),
        (
            &["--compression", "messages", "--compression-level", "10"],
            &["--compression-level 10", "1 (fastest) to 9"],
        ),
        (
            &["--compression", "context", "--compression-window", "8"],
            &["--compression-window 8", "9 (512 bytes) to 15"],
        ),
    ] {
        let stderr = startup_error("echo", &[&["--listen", "127.0.0.1:0"], flags].concat())?;
        for word in words {
            assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
        }
    }
    Ok(())
}
