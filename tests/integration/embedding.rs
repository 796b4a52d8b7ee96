//! Handlers embedded in another program, as the `embedding` example does it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use ws_host_test_support::{
    Client, Response, TestServer, component, handshake, masked_frame, root,
};

fn serve(guest: &str, socket: &Path) -> Result<TestServer> {
    let mut command = Command::new(root().join("target/debug/embedding"));
    command.arg(component(guest)).arg(socket);
    TestServer::spawn(command)
}

#[test]
fn route_of_an_axum_server_is_handed_to_a_handler() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = serve("guest-about", &folder.path().join("socket"))?;
    let mut client = Client::connect_to(&server, "/echo")?;
    assert_eq!(client.ask("hello")?, "hello");
    assert!(client.ask("request")?.contains("peer_address: \"127.0.0.1\""));
    assert_eq!(client.ask(&"long".repeat(10_000))?, "long".repeat(10_000));
    client.close()?;
    // Routes that axum serves itself, and requests that the host refuses.
    let response =
        Response::to_head(server.address(), &handshake("/", "").replace("Upgrade", "X"))?;
    assert_eq!(response.status, 200, "{response:?}");
    let evil = handshake("/echo", "Origin: http://evil.example\r\n");
    assert_eq!(Response::to_head(server.address(), &evil)?.status, 403);
    let plain = "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(Response::to(server.address(), plain)?.status, 426);
    Ok(())
}

#[test]
fn many_clients_of_an_axum_server_are_served_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = serve("guest-recording", &folder.path().join("socket"))?;
    let connect = |_| Client::connect_to(&server, "/echo");
    let mut clients = (0..50).map(connect).collect::<Result<Vec<_>>>()?;
    for round in 0..20 {
        for client in &mut clients {
            client.send_text(&format!("{round}"))?;
        }
    }
    for client in &mut clients {
        let me = client.ask("who")?;
        let report = client.ask("report")?;
        let mine: Vec<&str> =
            report.lines().filter_map(|line| line.strip_prefix(&format!("{me} text "))).collect();
        let expected: Vec<String> = (0..20).map(|round: i32| round.to_string()).collect();
        assert_eq!(mine, expected);
    }
    Ok(())
}

#[test]
fn program_sends_messages_to_its_handlers() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = serve("guest-outside", &folder.path().join("socket"))?;
    let mut client = Client::connect_to(&server, "/echo")?;
    client.ask("hello")?;
    let request = "POST /messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Content-Length: 4\r\n\r\nfail";
    let response = Response::to(server.address(), request)?;
    assert!(response.body.contains("Refused(\"no, thank you\")"), "{response:?}");
    assert_eq!(client.ask("still here")?, "still here");
    Ok(())
}

#[test]
fn any_stream_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("socket");
    let _server = serve("echo", &socket)?;
    let mut stream = UnixStream::connect(&socket)?;
    stream.write_all(handshake("/echo", "").as_bytes())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(&masked_frame(0x81, b"hello"))?;
    let mut echo = [0; 7];
    stream.read_exact(&mut echo)?;
    assert_eq!(&echo, b"\x81\x05hello");
    Ok(())
}
