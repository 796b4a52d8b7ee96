//! The handler `faults`: each function of the SDK, called once.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer, handshake};

use super::DYNAMIC;
use crate::build::Components;

super::scenarios! { each_function_of_the_sdk_returns_what_the_contract_says }

/// What the handler sends for `everything`, in this order.
const EXPECTED: [&str; 26] = [
    "request: faults /room/one name=gr%C3%BC%C3%9F \"gr\u{fc}\u{df}\" of the test false false",
    "lists: c3a9 id=one; one a,b",
    "connection: [] [] 13 1.1 127.0.0.1 127.0.0.1 true true true []",
    "certificate: false false [] [] 0",
    "log: true false hello",
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
    let arguments = ["--path", "/room/{id}", "--env", "GREETING=hello"];
    let mut server = TestServer::serving_file(&components.faults, &arguments)?;
    let headers = "X-Test: of the test\r\nX-Bytes: \u{e9}\r\nSec-WebSocket-Protocol: a, b\r\n";
    let request = handshake("/room/one?name=gr%C3%BC%C3%9F", headers);
    let (mut client, response) = Client::open(server.address(), &request)?;
    ensure!(response.status == 101, "{response:?}");
    ensure!(response.header("x-handler") == Some("faults"), "{response:?}");
    client.send_text("everything")?;
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.starts_with("gone: ")) {
        lines.push(receive(&mut client)?);
    }
    // These languages have objects for what this line is about, and only in the events to which it belongs.
    let is_dynamic = DYNAMIC.contains(&components.language.name);
    let mut all = EXPECTED.to_vec();
    all.retain(|line| !is_dynamic || !line.starts_with("elsewhere: "));
    for (line, expected) in lines.iter().zip(&all) {
        ensure!(line == expected, "expected {expected:?}, got {line:?}");
    }
    ensure!(lines.len() == all.len(), "{lines:#?}");
    let line = server.wait_for_log("from everything")?;
    ensure!(line.contains("WARN"), "{line}");
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
