//! Many messages of one client in one call of its handler, with the guarantees of one call per message.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer, masked_frame};

use crate::configured::Configuration;
use crate::keeper::counter;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
const CLOSE: u8 = 0x88;

/// Sends frames in one write, so that they arrive in one read.
fn send_at_once(client: &mut Client, frames: &[(u8, &str)]) -> Result<()> {
    let masked = |(first, payload): &(u8, &str)| masked_frame(*first, payload.as_bytes());
    client.send(&frames.iter().flat_map(masked).collect::<Vec<_>>())
}

fn texts<'a>(texts: &[&'a str]) -> Vec<(u8, &'a str)> {
    texts.iter().map(|text| (TEXT, *text)).collect()
}

/// Sends the texts at once and returns the calls that delivered them: `["burst a b", "single c"]`.
fn calls(client: &mut Client, sent: &[&str]) -> Result<Vec<String>> {
    send_at_once(client, &texts(sent))?;
    let mut calls: Vec<String> = Vec::new();
    let mut come: Vec<String> = Vec::new();
    while come.len() < sent.len() {
        let call = client.receive_text()?;
        come.extend(call.split(' ').skip(1).map(str::to_owned));
        calls.push(call);
    }
    ensure!(come == sent, "{calls:?}");
    Ok(calls)
}

/// Sends the texts until they arrive in the wanted calls: a tick of the clock can cut any burst short.
fn wait_for_calls(client: &mut Client, sent: &[&str], wanted: &[&str]) -> Result<()> {
    let mut last = Vec::new();
    for _ in 0..1000 {
        last = calls(client, sent)?;
        if last == wanted {
            return Ok(());
        }
    }
    anyhow::bail!("{last:?} and never {wanted:?}")
}

/// Sends the texts until the handler answers with exactly these calls: a tick of the clock can cut any burst short.
fn wait_for_answer(client: &mut Client, sent: &[&str], wanted: &[&str]) -> Result<()> {
    let mut calls: Vec<String> = Vec::new();
    for _ in 0..1000 {
        send_at_once(client, &texts(sent))?;
        calls.clear();
        let count = |calls: &[String]| {
            let words = calls.iter().flat_map(|call| call.split(' ').skip(1));
            words.filter(|word| *word != "|").count()
        };
        while count(&calls) < sent.len() {
            calls.push(client.receive_text()?);
        }
        ensure!(!calls.iter().any(|call| call.contains("advanced")), "{calls:?}");
        if calls == wanted {
            return Ok(());
        }
    }
    anyhow::bail!("{calls:?} and never {wanted:?}")
}

fn server_and_client(component: &str, flags: &[&str]) -> Result<(TestServer, Client)> {
    let (server, client) = TestServer::with_client(component, flags)?;
    Ok((server, client))
}

#[test]
fn messages_that_arrive_together_come_in_one_call_and_a_single_one_does_not() -> Result<()> {
    let (_server, mut client) = server_and_client("guest-bursting", &[])?;
    assert_eq!(client.ask("first")?, "single first");
    wait_for_calls(&mut client, &["a", "b", "c", "d"], &["burst a b c d"])?;
    assert_eq!(client.ask("last")?, "single last");
    Ok(())
}

#[test]
fn messages_that_a_handler_leaves_of_a_burst_follow() -> Result<()> {
    let (_server, mut client) = server_and_client("guest-bursting", &[])?;
    assert_eq!(client.ask("first")?, "single first");
    let sent = ["a", "leave", "b", "c", "d"];
    wait_for_calls(&mut client, &sent, &["burst a leave", "single b", "burst c d"])
}

#[test]
fn handler_gets_copies_of_several_messages_and_each_begins_when_the_handler_says_so() -> Result<()>
{
    let (_server, mut client) = server_and_client("guest-bursting", &[])?;
    assert_eq!(client.ask("many")?, "single many");
    wait_for_answer(&mut client, &["a", "b", "c"], &["burst | a b c"])?;
    // Messages that the handler has not begun are delivered again.
    let calls = ["burst | a leave", "single b", "burst | c d"];
    wait_for_answer(&mut client, &["a", "leave", "b", "c", "d"], &calls)?;
    // `next` takes a message of which the handler already has a copy.
    wait_for_answer(&mut client, &["a", "next", "b", "c", "d"], &["burst | a next b | c d"])?;
    // Not more than 64 at once, and not more than 4 KiB.
    let sent = vec!["x"; 65];
    let calls = [vec!["burst", "|"], vec!["x"; 64], vec!["|", "x"]].concat().join(" ");
    wait_for_answer(&mut client, &sent, &[&calls])?;
    let long = "y".repeat(3000);
    let calls = format!("burst | {long} x | {long}");
    wait_for_answer(&mut client, &[&long, "x", &long], &[&calls])
}

#[test]
fn handler_gets_no_copy_of_a_text_that_is_not_valid() -> Result<()> {
    let server = TestServer::serving("guest-bursting")?;
    for _ in 0..100 {
        let mut client = Client::connect(&server)?;
        assert_eq!(client.ask("many")?, "single many");
        let payloads = [&b"a"[..], b"b", b"\xff"];
        client.send(&payloads.map(|payload| masked_frame(TEXT, payload)).concat())?;
        loop {
            let frame = client.receive()?;
            if frame.first == CLOSE {
                break;
            }
            let text = String::from_utf8_lossy(&frame.payload);
            ensure!(!text.contains("advanced"), "{text}");
        }
    }
    Ok(())
}

#[test]
fn messages_of_both_kinds_and_empty_ones_keep_their_order() -> Result<()> {
    let (_server, mut client) = server_and_client("echo", &["--auto-answer", "ping=pong"])?;
    assert_eq!(client.ask("first")?, "first");
    let sent = [
        (TEXT, ""),
        (TEXT, "a"),
        (TEXT, ""),
        (BINARY, "ping"),
        (BINARY, ""),
        (BINARY, "ping"),
        (TEXT, "é"),
        (TEXT, "ping"),
        (TEXT, "€"),
        (BINARY, "b"),
    ];
    for _ in 0..100 {
        send_at_once(&mut client, &sent)?;
        for (first, payload) in sent {
            // A text has an automatic answer, and the same bytes in a binary message have none.
            let wanted = if (first, payload) == (TEXT, "ping") { "pong" } else { payload };
            let frame = client.receive()?;
            assert_eq!((frame.first, &*frame.payload), (first, wanted.as_bytes()));
        }
    }
    Ok(())
}

#[test]
fn handler_that_takes_nothing_of_a_burst_gets_each_message_by_itself() -> Result<()> {
    let (_server, mut client) = server_and_client("guest-bursting", &[])?;
    assert_eq!(client.ask("idle")?, "single idle");
    send_at_once(&mut client, &texts(&["idle", "idle", "idle"]))?;
    for _ in 0..3 {
        assert_eq!(client.receive_text()?, "single idle");
    }
    Ok(())
}

#[test]
fn texts_pings_pongs_and_fragments_are_answered_in_order() -> Result<()> {
    let (_server, mut client) = server_and_client("guest-pinging", &[])?;
    let frames = [(TEXT, "a"), (TEXT, "b"), (PING, "?"), (TEXT, "c"), (PONG, "!"), (TEXT, "d")];
    let fragments = [(0x01, "e"), (0x80, "f"), (TEXT, "g"), (TEXT, "h")];
    for _ in 0..100 {
        send_at_once(&mut client, &[&frames[..], &fragments].concat())?;
        let wanted = [
            (PING, "a"),
            (PING, "b"),
            (PONG, "?"),
            (PING, "c"),
            (TEXT, "pong !"),
            (PING, "d"),
            (PING, "ef"),
            (PING, "g"),
            (PING, "h"),
        ];
        for (first, payload) in wanted {
            let frame = client.receive()?;
            assert_eq!((frame.first, &*frame.payload), (first, payload.as_bytes()));
        }
    }
    Ok(())
}

#[test]
fn trap_in_a_burst_closes_only_its_client_and_keeps_what_came_before_it() -> Result<()> {
    let (server, mut client) = server_and_client("guest-trap", &[])?;
    let mut other = Client::connect(&server)?;
    assert_eq!(other.ask("hello")?, "hello 1");
    send_at_once(&mut client, &texts(&["a", "b", "trap", "c"]))?;
    assert_eq!(client.receive_text()?, "a 2");
    assert_eq!(client.receive_text()?, "b 3");
    client.expect_close(1011)?;
    assert_eq!(other.ask("hello")?, "hello 1");
    Ok(())
}

#[test]
fn with_drop_message_only_the_message_that_trapped_is_lost() -> Result<()> {
    let server = Configuration::of("guest-trap", "on-fault = \"drop-message\"")?.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "hello 1");
    // Never eight faults in a row: a success between two faults resets the count.
    for _ in 0..10 {
        send_at_once(&mut client, &texts(&["a", "trap", "b", "c", "trap", "trap", "d", "e"]))?;
        assert!(client.receive_text()?.starts_with("a "));
        for wanted in ["b 1", "c 2", "d 1", "e 2"] {
            assert_eq!(client.receive_text()?, wanted);
        }
    }
    // The only success is in the call with the fault. Another client makes the instance, so that this call is a burst.
    let mut other = Client::connect(&server)?;
    client.send_text("trap")?;
    for _ in 0..10 {
        while other.ask("hello")? != "hello 1" {}
        send_at_once(&mut client, &texts(&["a", "trap"]))?;
        assert_eq!(client.receive_text()?, "a 2");
    }
    send_at_once(&mut client, &texts(&["trap"; 9]))?;
    client.expect_close(1011)?;
    Ok(())
}

#[test]
fn nothing_in_a_burst_is_delivered_after_a_close_or_an_abort() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-closing", &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("first")?, "first");
    send_at_once(&mut client, &texts(&["a", "close 4000 enough", "b", "close 4001 more"]))?;
    assert_eq!(client.receive_text()?, "a");
    assert_eq!(client.receive_close()?, (4000, "enough".into()));
    // Messages that are not delivered are not counted.
    assert_eq!(counter(admin, "ws_host_received_messages_total")?, 3);

    let (server, mut client) = server_and_client("guest-aborting", &[])?;
    let id = client.ask("who")?;
    let mut other = Client::connect(&server)?;
    send_at_once(&mut client, &texts(&["abort me", "abort 1", "who"]))?;
    client.expect_end()?;
    assert_eq!(other.ask(&format!("abort {id}"))?, "false Err(Closed)");
    Ok(())
}

#[test]
fn invalid_text_fails_the_connection_after_the_messages_before_it() -> Result<()> {
    let server = TestServer::serving("echo")?;
    // The second pair would be valid as one text.
    for invalid in [[&b"\xff"[..], b"c"], [b"\xc3", b"\xa9"]] {
        let mut client = Client::connect(&server)?;
        assert_eq!(client.ask("first")?, "first");
        let payloads = [b"a", b"b", invalid[0], invalid[1]];
        let frames = payloads.iter().flat_map(|payload| masked_frame(TEXT, payload));
        client.send(&frames.collect::<Vec<_>>())?;
        assert_eq!(client.receive_text()?, "a");
        assert_eq!(client.receive_text()?, "b");
        assert_eq!(client.receive_close()?.0, 1007);
    }
    Ok(())
}

#[test]
fn each_message_of_a_burst_has_a_cpu_budget_of_its_own() -> Result<()> {
    let (_server, mut client) = server_and_client("guest-spin", &["--max-cpu", "100ms"])?;
    assert_eq!(client.ask("first")?, "first");
    // Half a millisecond each, half a second in total.
    send_at_once(&mut client, &[(BINARY, ""); 1000])?;
    assert_eq!(client.ask("last")?, "last");
    send_at_once(&mut client, &texts(&["a", "spin", "b"]))?;
    assert_eq!(client.receive_text()?, "a");
    assert_eq!(client.receive_text()?, "spinning");
    client.expect_close(1011)?;
    Ok(())
}

#[test]
fn each_message_of_a_burst_has_its_own_time_limit() -> Result<()> {
    let (_server, mut client) = server_and_client("guest-sleep", &["--max-time", "2s"])?;
    assert_eq!(client.ask("first")?, "first");
    send_at_once(&mut client, &texts(&["sleep 900", "sleep 900", "sleep 900", "last"]))?;
    for wanted in ["before", "after", "before", "after", "before", "after", "last"] {
        assert_eq!(client.receive_text()?, wanted);
    }
    Ok(())
}

#[test]
fn other_clients_are_served_between_two_messages_of_a_burst() -> Result<()> {
    let flags = ["--max-cpu", "10s", "--workers", "1"];
    let (server, mut client) = server_and_client("guest-spin", &flags)?;
    let mut other = Client::connect(&server)?;
    assert_eq!(other.ask("first")?, "first");
    // Two seconds of work in one read, followed by a text.
    send_at_once(&mut client, &[(BINARY, ""); 4000])?;
    client.send_text("last")?;
    let mut asked = 0;
    client.stream().set_nonblocking(true)?;
    while client.stream().peek(&mut [0]).is_err() {
        assert_eq!(other.ask("meanwhile")?, "meanwhile");
        asked += 1;
    }
    client.stream().set_nonblocking(false)?;
    assert_eq!(client.receive_text()?, "last");
    ensure!(asked > 20, "{asked} echoes in two seconds");
    Ok(())
}

#[test]
fn burst_waits_for_a_full_outbound_buffer_and_loses_nothing() -> Result<()> {
    let flags = ["--max-outbound", "16KiB", "--max-message", "4KiB"];
    let (_server, mut client) = server_and_client("echo", &flags)?;
    let long = "x".repeat(3000);
    for _ in 0..10 {
        send_at_once(&mut client, &texts(&[&*long; 40]))?;
        for _ in 0..40 {
            assert_eq!(client.receive_text()?, long);
        }
    }
    Ok(())
}

#[test]
fn full_in_a_burst_is_followed_by_drained_once_and_by_the_rest_of_the_burst() -> Result<()> {
    let flags = ["--max-outbound", "32MiB"];
    let (_server, mut client) = server_and_client("guest-filling", &flags)?;
    for _ in 0..3 {
        send_at_once(&mut client, &texts(&["a", "fill 10000", "b", "c"]))?;
        assert_eq!(client.receive_text()?, "a");
        let mut filling = 0;
        let mut others = Vec::new();
        while others.len() < 3 {
            match client.receive_text()? {
                text if text.starts_with('x') => filling += 1,
                text => others.push(text),
            }
        }
        ensure!(filling > 1000, "only {filling} messages filled the buffer");
        // There may be room again before or after the handler gets the other messages.
        let of_the_burst: Vec<_> = others.iter().filter(|text| *text != "drained").collect();
        assert_eq!(of_the_burst, ["b", "c"], "{others:?}");
    }
    assert_eq!(client.ask("nothing came twice")?, "nothing came twice");
    Ok(())
}

#[test]
fn automatic_answers_keep_their_place_in_a_burst() -> Result<()> {
    let flags = ["--auto-answer", "ping=pong"];
    let (_server, mut client) = server_and_client("echo", &flags)?;
    assert_eq!(client.ask("first")?, "first");
    send_at_once(&mut client, &texts(&["ping", "a", "ping", "b", "ping"]))?;
    for wanted in ["pong", "a", "pong", "b", "pong"] {
        assert_eq!(client.receive_text()?, wanted);
    }
    Ok(())
}

#[test]
fn burst_wakes_a_hibernated_instance_with_its_state() -> Result<()> {
    let flags = ["--hibernate-after", "100ms", "--log", "ws_host=debug"];
    let (mut server, mut client) = TestServer::with_client("guest-precious", &flags)?;
    send_at_once(&mut client, &texts(&["keep a", "keep b", "kept"]))?;
    for answer in ["kept", "kept", "b"] {
        assert_eq!(client.receive_text()?, answer);
    }
    server.wait_for_log("hibernated")?;
    send_at_once(&mut client, &texts(&["kept", "keep c", "kept"]))?;
    for answer in ["b", "kept", "c"] {
        assert_eq!(client.receive_text()?, answer);
    }
    Ok(())
}

#[test]
fn checkpoint_after_a_burst_has_its_last_state() -> Result<()> {
    let flags = ["--checkpoint", "50ms", "--log", "ws_host=debug"];
    let (mut server, mut client) = TestServer::with_client("guest-precious", &flags)?;
    for last in ["b", "d"] {
        send_at_once(&mut client, &texts(&["keep a", &format!("keep {last}")]))?;
        for _ in 0..2 {
            assert_eq!(client.receive_text()?, "kept");
        }
        // The first checkpoint may have begun between the two messages.
        for _ in 0..2 {
            server.wait_for_log("checkpoint")?;
            assert_eq!(client.ask("kept")?, last);
        }
        crate::keeper::trap(&server, "/")?;
        assert_eq!(client.ask("kept")?, last);
    }
    Ok(())
}
