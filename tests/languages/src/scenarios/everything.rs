//! The handler `faults` in languages whose SDK is not an object of the language's own: each function, called once.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer, handshake};

use crate::build::Components;

super::scenarios! { each_function_of_the_sdk_returns_what_the_contract_says }

/// What the handler sends for `everything`, in this order.
const EXPECTED: [&str; 25] = [
    "request: faults /room/one name=gr%C3%BC%C3%9F \"gr\u{fc}\u{df}\" of the test false false",
    "lists: c3a9 id=one; one a,b",
    "connection: [] [] 13 1.1 127.0.0.1 127.0.0.1 true true true []",
    "certificate: false false [] [] 0",
    "attachment: false 3 too-long",
    "tags: a,b 1 true false invalid-tag",
    "tagged",
    "closed tagged: <nil> invalid-code",
    "topics: more,news 1 true false 0",
    "binary: publ|ishe|d",
    "left: 1",
    "options: unknown",
    "binary: sent",
    "to many",
    "missed: 1 true",
    "buffered: true false 1",
    "pong: p",
    "ping: p",
    "pings: too-long <nil> <nil>",
    "expiry: false true true false",
    "timers: <nil> true false",
    "elsewhere: [] false [] [] [] 1006",
    "too late: not-connecting",
    "not closed: invalid-code reason-too-long",
    "gone: false closed",
];

fn each_function_of_the_sdk_returns_what_the_contract_says(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.faults, &["--path", "/room/{id}"])?;
    let headers = "X-Test: of the test\r\nX-Bytes: \u{e9}\r\nSec-WebSocket-Protocol: a, b\r\n";
    let request = handshake("/room/one?name=gr%C3%BC%C3%9F", headers);
    let (mut client, response) = Client::open(server.address(), &request)?;
    ensure!(response.status == 101, "{response:?}");
    client.send_text("everything")?;
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.starts_with("gone: ")) {
        lines.push(receive(&mut client)?);
    }
    for (line, expected) in lines.iter().zip(EXPECTED) {
        ensure!(line == expected, "expected {expected:?}, got {line:?}");
    }
    ensure!(lines.len() == EXPECTED.len(), "{lines:#?}");
    Ok(())
}

/// Receives a message or a control frame, with its kind unless it is a text. A `|` is between two fragments.
fn receive(client: &mut Client) -> Result<String> {
    let mut frame = client.receive()?;
    let kind = match frame.first & 0xf {
        1 => "",
        2 => "binary: ",
        9 => "ping: ",
        10 => "pong: ",
        _ => "other: ",
    };
    let mut line = kind.to_owned() + &String::from_utf8_lossy(&frame.payload);
    while frame.first & 0x80 == 0 {
        frame = client.receive()?;
        line += &format!("|{}", String::from_utf8_lossy(&frame.payload));
    }
    Ok(line)
}
