//! Counters are exact, whatever the clients do, and clients cannot make more of them.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, Response, TestServer, handshake, masked_frame, wait_until};

use crate::configured::ask_admin;
use crate::keeper::counter;

/// The values that a metric must have, by what follows `ws_host_`.
fn check(admin: SocketAddr, expected: &[(&str, u64)]) -> Result<()> {
    for (series, value) in expected {
        assert_eq!(counter(admin, &format!("ws_host_{series}"))?, *value, "{series}");
    }
    Ok(())
}

fn wait_for_no_clients(admin: SocketAddr) -> Result<()> {
    wait_until(|| Ok(counter(admin, "ws_host_clients")? == 0)).context("clients are left")
}

/// Clients on two workers send messages of many lengths, one by one and many in one write.
#[test]
fn messages_and_bytes_are_exact_under_load() -> Result<()> {
    let flags = ["--path", "/room/{id}", "--instance-per", "path", "--workers", "2"];
    let (server, admin) = TestServer::with_admin("echo", &flags)?;
    let address = server.address();
    let sent: Vec<Result<(u64, u64)>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8_usize)
            .map(|number| {
                scope.spawn(move || {
                    let mut client = Client::connect_at(address, &format!("/room/{number}"))?;
                    let (mut messages, mut bytes) = (0, 0);
                    for round in 0..50_usize {
                        // Up to 39 messages, the longest of which is longer than a read.
                        let lengths = (0..round * (number + 1) % 40).map(|each| each * each * 17);
                        let lengths: Vec<usize> = lengths.chain([round, 70_000]).collect();
                        let frames: Vec<Vec<u8>> = lengths
                            .iter()
                            .map(|length| masked_frame(0x82, &vec![7; *length]))
                            .collect();
                        let mut writer = client.try_clone()?;
                        std::thread::scope(|scope| {
                            let writing = scope.spawn(move || writer.send(&frames.concat()));
                            for length in &lengths {
                                ensure!(client.receive()?.payload.len() == *length, "another echo");
                            }
                            writing.join().expect("no panic")
                        })?;
                        messages += lengths.len() as u64;
                        bytes += lengths.iter().sum::<usize>() as u64;
                    }
                    client.close()?;
                    Ok((messages, bytes))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let (mut messages, mut bytes) = (0, 0);
    for sent in sent {
        let (more_messages, more_bytes) = sent?;
        (messages, bytes) = (messages + more_messages, bytes + more_bytes);
    }
    wait_for_no_clients(admin)?;
    check(
        admin,
        &[
            ("received_messages_total", messages),
            ("received_bytes_total", bytes),
            ("sent_messages_total", messages),
            ("sent_bytes_total", bytes),
            ("waiting_output_bytes", 0),
            ("handshakes_total{resource=\"echo\",outcome=\"accepted\"}", 8),
        ],
    )
}

#[test]
fn handshakes_refusals_and_close_codes_are_exact() -> Result<()> {
    let flags = ["--max-clients", "9", "--origin", "https://app.example.com"];
    let (server, admin) = TestServer::with_admin("echo", &flags)?;
    let mut clients = Client::connect_many(&server, 9)?;
    for _ in 0..5 {
        assert_eq!(Response::to_head(server.address(), &handshake("/", ""))?.status, 503);
    }
    let foreign = handshake("/", "Origin: https://elsewhere.example.com\r\n");
    for _ in 0..3 {
        assert_eq!(Response::to_head(server.address(), &foreign)?.status, 403);
    }
    let old = handshake("/", "").replace("Version: 13", "Version: 99");
    for _ in 0..2 {
        assert_eq!(Response::to_head(server.address(), &old)?.status, 426);
    }
    assert_eq!(Response::to_head(server.address(), &handshake("/elsewhere", ""))?.status, 404);
    for (outcome, value) in [
        ("accepted", 9),
        ("full", 5),
        ("origin", 3),
        ("invalid", 2),
        ("refused", 0),
        ("timeout", 0),
    ] {
        check(
            admin,
            &[(&format!("handshakes_total{{resource=\"echo\",outcome=\"{outcome}\"}}"), value)],
        )?;
    }
    check(
        admin,
        &[
            ("clients", 9),
            ("handshakes_total", 19),
            ("refused_total{resource=\"echo\",full=\"clients\"}", 5),
            ("refused_total", 5),
            ("unknown_paths_total", 1),
        ],
    )?;
    for code in [1000, 1000, 1001, 3999, 4000, 4999] {
        let mut client = clients.pop().context("a client")?;
        client.send_close(code, "")?;
        assert_eq!(client.receive_close()?.0, code);
    }
    let mut without_code = clients.pop().context("a client")?;
    without_code.send_frame(0x88, b"")?;
    assert_eq!(without_code.receive_close()?.0, 1005);
    clients.pop().context("a client")?.hang_up()?;
    let mut invalid = clients.pop().context("a client")?;
    invalid.send_frame(0x81, b"\xff")?;
    assert_eq!(invalid.receive_close()?.0, 1007);
    drop(invalid);
    wait_for_no_clients(admin)?;
    for (code, received, sent) in [
        ("1000", 2, 2),
        ("1001", 1, 1),
        ("3000-3999", 1, 1),
        ("4000-4999", 2, 2),
        ("1005", 1, 0),
        ("1006", 2, 0),
        ("1007", 0, 1),
        ("1011", 0, 0),
    ] {
        for (from, value) in [("client", received), ("host", sent)] {
            let labels = format!("{{resource=\"echo\",from=\"{from}\",code=\"{code}\"}}");
            check(admin, &[(&format!("close_codes_total{labels}"), value)])?;
        }
    }
    for (cause, value) in [("client", 7), ("lost", 1), ("protocol-error", 1), ("handler", 0)] {
        let series = format!("disconnections_total{{resource=\"echo\",cause=\"{cause}\"}}");
        check(admin, &[(&series, value)])?;
    }
    Ok(())
}

/// What clients do not read is counted as waiting until they have gone.
#[test]
fn output_that_waits_is_measured() -> Result<()> {
    let flags = ["--max-outbound", "64MiB"];
    let (server, admin) = TestServer::with_admin("echo", &flags)?;
    let mut client = Client::connect(&server)?;
    let mut writer = client.try_clone()?;
    let waiting = || counter(admin, "ws_host_waiting_output_bytes{resource=\"echo\"}");
    assert_eq!(waiting()?, 0);
    const MESSAGES: usize = 24;
    let writing = std::thread::spawn(move || {
        writer.send(&masked_frame(0x82, &[1; 1 << 20]).repeat(MESSAGES))
    });
    wait_until(|| Ok(waiting()? > 1 << 20))?;
    for _ in 0..MESSAGES {
        client.receive()?;
    }
    writing.join().expect("no panic")?;
    wait_until(|| Ok(waiting()? == 0))?;
    check(admin, &[("sent_bytes_total", (MESSAGES as u64) << 20)])?;
    // A client that leaves without reading takes its bytes with it.
    let mut writer = client.try_clone()?;
    let writing = std::thread::spawn(move || {
        // The connection ends in the middle.
        let _ = writer.send(&masked_frame(0x82, &[1; 1 << 20]).repeat(MESSAGES));
    });
    wait_until(|| Ok(waiting()? > 1 << 20))?;
    client.hang_up()?;
    writing.join().expect("no panic");
    wait_for_no_clients(admin)?;
    wait_until(|| Ok(waiting()? == 0))
}

/// Returns the names and labels of all series.
fn series(admin: SocketAddr) -> Result<BTreeSet<String>> {
    let body = ask_admin(admin, "GET /metrics", "", b"")?.body;
    let lines = body.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect())
}

#[test]
fn ten_thousand_paths_and_every_close_code_make_no_new_series() -> Result<()> {
    let flags = ["--path", "/room/{id}", "--instance-per", "path", "--workers", "1"];
    let (server, admin) = TestServer::with_admin("echo", &flags)?;
    Client::connect_to(&server, "/room/first")?.close()?;
    wait_for_no_clients(admin)?;
    let before = series(admin)?;
    for number in 0..10_000_u16 {
        let path = format!("/room/{number}?user=%22{number}");
        let mut client = Client::connect_to(&server, &path)?;
        client.send_close(if number < 2_000 { 3_000 + number } else { 1_000 }, "")?;
        client.receive_close()?;
    }
    wait_for_no_clients(admin)?;
    check(admin, &[("handshakes_total{resource=\"echo\",outcome=\"accepted\"}", 10_001)])?;
    assert_eq!(series(admin)?, before);
    Ok(())
}
