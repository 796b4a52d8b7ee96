//! Tags: addressing clients by what they are, on every instance and worker.

use std::net::SocketAddr;

use anyhow::Result;
use ws_host_test_support::{Client, Frame, Response, TestServer, component};

use crate::configured::ask_admin;
use crate::keeper::post_reload;

const GUEST: &str = "guest-tagging";

/// Starts a server with one instance per client.
fn one_instance_per_client() -> Result<(TestServer, SocketAddr)> {
    TestServer::with_admin(GUEST, &["--instance-per", "client", "--workers", "2"])
}

fn connect<const N: usize>(server: &TestServer) -> Result<[Client; N]> {
    let clients = Client::connect_many(server, N)?;
    clients.try_into().map_err(|_| anyhow::anyhow!("the count is N"))
}

fn at_tag(admin: SocketAddr, method: &str, tag: &str, body: &[u8]) -> Result<Response> {
    ask_admin(admin, &format!("{method} /resources/{GUEST}/tags/{tag}"), "", body)
}

fn count(admin: SocketAddr, tag: &str) -> Result<String> {
    Ok(at_tag(admin, "GET", tag, b"")?.body)
}

#[test]
fn message_by_tag_reaches_clients_on_all_instances() -> Result<()> {
    let (server, _) = one_instance_per_client()?;
    let mut clients: [Client; 12] = connect(&server)?;
    for client in &mut clients[..8] {
        assert_eq!(client.ask("tag user:1")?, "Ok(())");
        // Tagging twice has no further effect.
        assert_eq!(client.ask("tag user:1")?, "Ok(())");
        let id = client.ask("id")?;
        assert_eq!(client.ask("tagged user:1")?, id, "its own instance has only this client");
    }
    assert_eq!(clients[11].ask("send user:1 hello")?, "Ok(())");
    for client in &mut clients[..8] {
        assert_eq!(client.receive_text()?, "hello");
    }
    assert_eq!(clients[3].ask("untag user:1")?, "true");
    assert_eq!(clients[3].ask("untag user:1")?, "false");
    assert_eq!(clients[11].ask("send user:1 again")?, "Ok(())");
    for (number, client) in clients[..8].iter_mut().enumerate() {
        if number != 3 {
            assert_eq!(client.receive_text()?, "again");
        }
    }
    assert_eq!(clients[11].ask("send user:2 nobody")?, "Ok(())");
    assert_eq!(clients[11].ask("close user:1 4001 bye")?, "Ok(())");
    for (number, client) in clients[..8].iter_mut().enumerate() {
        match number {
            3 => assert_eq!(client.ask("still here")?, "still here"),
            _ => assert_eq!(client.expect_close(4001)?, "bye"),
        }
    }
    assert_eq!(clients[11].ask("nothing came before this")?, "nothing came before this");
    Ok(())
}

#[test]
fn clients_of_a_tag_are_listed_in_order() -> Result<()> {
    let server = TestServer::serving(GUEST)?;
    let mut clients: [Client; 20] = connect(&server)?;
    let mut ids = Vec::new();
    for client in &mut clients {
        ids.push(client.ask("id")?.parse::<u64>()?);
    }
    for (number, client) in clients.iter_mut().enumerate().rev() {
        if number % 2 == 0 {
            assert_eq!(client.ask("tag even")?, "Ok(())");
        }
    }
    let even = |ids: &[u64]| {
        let mut even = ids.iter().step_by(2).copied().collect::<Vec<_>>();
        even.sort_unstable();
        even.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(clients[1].ask("tagged even")?, even(&ids));
    assert_eq!(clients[1].ask("tagged odd")?, "");
    let [first, ..] = clients;
    first.close()?;
    let expected = even(&ids[2..]);
    let mut asking = Client::connect(&server)?;
    while asking.ask("tagged even")? != expected {}
    Ok(())
}

#[test]
fn limits_of_tags() -> Result<()> {
    let (_server, mut client) = TestServer::with_client(GUEST, &["--max-memory", "256MiB"])?;
    let megabytes = (64 << 20).to_string();
    for bytes in ["0", "256", &megabytes] {
        assert_eq!(client.ask(&format!("tag-of-bytes {bytes}"))?, "Err(InvalidTag)");
        assert_eq!(client.ask(&format!("send-bytes {bytes}"))?, "Err(InvalidTag)");
        assert_eq!(client.ask(&format!("untag-bytes {bytes}"))?, "false");
        assert_eq!(client.ask(&format!("tagged-bytes {bytes}"))?, "[]");
    }
    assert_eq!(client.ask("close  1000 x")?, "Err(InvalidTag)");
    assert_eq!(client.ask("close a 1005 x")?, "Err(InvalidCode)");
    assert_eq!(client.ask(&format!("close a 1000 {}", "x".repeat(124)))?, "Err(ReasonTooLong)");
    assert_eq!(client.ask("tag-of-bytes 255")?, "Ok(())");
    for number in 1..32 {
        assert_eq!(client.ask(&format!("tag {number}"))?, "Ok(())");
    }
    assert_eq!(client.ask("tag 32")?, "Err(TooMany)");
    assert_eq!(client.ask("tag 1")?, "Ok(())");
    assert_eq!(client.ask("untag 1")?, "true");
    assert_eq!(client.ask("tag 32")?, "Ok(())");
    assert!(client.ask("tags")?.starts_with("10 11 12 "), "in alphabetical order");
    Ok(())
}

#[test]
fn clients_of_other_instances_cannot_be_tagged() -> Result<()> {
    let (server, _) = one_instance_per_client()?;
    let [mut mine, mut other] = connect(&server)?;
    assert_eq!(other.ask("tag user:1")?, "Ok(())");
    for id in [other.ask("id")?, "0".into(), u64::MAX.to_string()] {
        assert_eq!(mine.ask(&format!("tag-client {id} x"))?, "Err(Closed)");
        assert_eq!(mine.ask(&format!("untag-client {id} user:1"))?, "false");
        assert_eq!(mine.ask(&format!("tags-of {id}"))?, "[]");
    }
    assert_eq!(other.ask("tags")?, "user:1");
    Ok(())
}

#[test]
fn disconnected_client_has_no_tags_and_gets_none() -> Result<()> {
    let (mut server, admin) = one_instance_per_client()?;
    let mut client = Client::connect(&server)?;
    for tag in ["a", "b"] {
        assert_eq!(client.ask(&format!("tag {tag}"))?, "Ok(())");
        assert_eq!(count(admin, tag)?, r#"{"clients":1}"#);
    }
    client.close()?;
    let line = server.wait_for_log("gone: ")?;
    assert!(line.contains("gone: Err(Closed) Err(Closed) [] None false"), "{line}");
    for tag in ["a", "b", "late"] {
        assert_eq!(count(admin, tag)?, r#"{"clients":0}"#);
    }
    Ok(())
}

#[test]
fn operator_counts_sends_to_and_closes_clients_by_tag() -> Result<()> {
    let (server, admin) = one_instance_per_client()?;
    let mut clients: [Client; 6] = connect(&server)?;
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(&format!("tag user/{}", number % 2))?, "Ok(())");
    }
    assert_eq!(count(admin, "user%2F0")?, r#"{"clients":3}"#);
    let response = at_tag(admin, "POST", "user%2F0", "grüße".as_bytes())?;
    assert_eq!((response.status, &*response.body), (200, "sent to 3 clients\n"));
    let binary = "Content-Type: application/octet-stream\r\n";
    let path = format!("/resources/{GUEST}/tags/user%2F0");
    let response = ask_admin(admin, &format!("POST {path}"), binary, b"\x00\xff")?;
    assert_eq!((response.status, &*response.body), (200, "sent to 3 clients\n"));
    for client in clients.iter_mut().step_by(2) {
        assert_eq!(client.receive_text()?, "grüße");
        assert!(client.receive()? == Frame { first: 0x82, payload: b"\x00\xff".to_vec() });
    }
    let response = at_tag(admin, "DELETE", "user%2F0?code=4002&reason=so%20long", b"")?;
    assert_eq!((response.status, &*response.body), (200, "closed 3 clients\n"));
    for client in clients.iter_mut().step_by(2) {
        assert_eq!(client.expect_close(4002)?, "so long");
    }
    let response = at_tag(admin, "DELETE", "user%2F1", b"")?;
    assert_eq!((response.status, &*response.body), (200, "closed 3 clients\n"));
    for client in clients.iter_mut().skip(1).step_by(2) {
        assert_eq!(client.expect_close(1001)?, "closed by the operator");
    }
    while count(admin, "user%2F1")? != r#"{"clients":0}"# {}
    assert_eq!(at_tag(admin, "DELETE", "user%2F1", b"")?.body, "closed 0 clients\n");
    Ok(())
}

#[test]
fn invalid_admin_requests_for_tags_are_refused_without_effect() -> Result<()> {
    let (server, admin) = one_instance_per_client()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("tag a")?, "Ok(())");
    let long = "t".repeat(256);
    for (method, tag, body, status, word) in [
        ("GET", "", &b""[..], 400, "1 to 255 bytes"),
        ("POST", &*long, b"", 400, "1 to 255 bytes"),
        ("DELETE", &*long, b"", 400, "1 to 255 bytes"),
        ("POST", "a", b"\xff", 400, "octet-stream"),
        ("DELETE", "a?code=1005", b"", 400, "1005"),
        ("DELETE", "a?code=70000", b"", 400, "query of this URL"),
        ("DELETE", "a?code=1000&code=1001", b"", 400, "query of this URL"),
        ("DELETE", "a?reasons=x", b"", 400, "query of this URL"),
        ("GET", "a/b", b"", 404, "Available requests:"),
        ("PUT", "a", b"", 405, "Available requests:"),
    ] {
        let response = at_tag(admin, method, tag, body)?;
        assert_eq!(response.status, status, "{method} {tag} {response:?}");
        assert!(response.body.contains(word), "{method} {tag} {response:?}");
    }
    let reason = "x".repeat(124);
    let response = at_tag(admin, "DELETE", &format!("a?reason={reason}"), b"")?;
    assert_eq!(response.status, 400, "{response:?}");
    for method in ["GET", "POST", "DELETE"] {
        let response = ask_admin(admin, &format!("{method} /resources/nobody/tags/a"), "", b"")?;
        assert_eq!(
            (response.status, response.body.contains("nobody")),
            (404, true),
            "{response:?}"
        );
    }
    let response = at_tag(admin, "PUT", "a", b"")?;
    assert_eq!(response.header("allow"), Some("GET, POST, DELETE"));
    // The query is wrong, not the method.
    let path = format!("POST /resources/{GUEST}/messages?everybody=1");
    assert_eq!(ask_admin(admin, &path, "", b"")?.status, 400);
    assert_eq!(client.ask("nothing came before this")?, "nothing came before this");
    Ok(())
}

#[test]
fn messages_to_a_tag_and_a_topic_keep_their_order() -> Result<()> {
    let (server, _) = one_instance_per_client()?;
    let mut clients: [Client; 6] = connect(&server)?;
    for client in &mut clients {
        assert_eq!(client.ask("tag both")?, "Ok(())");
        assert_eq!(client.ask("subscribe both")?, "Ok(())");
    }
    clients[0].send_text("send-publish-close both")?;
    for client in &mut clients {
        for number in 0..100 {
            assert_eq!(client.receive_text()?, format!("sent {number}"));
            assert_eq!(client.receive_text()?, format!("published {number}"));
        }
        assert_eq!(client.expect_close(1000)?, "that was all");
    }
    Ok(())
}

#[test]
fn tags_outlive_a_trap_hibernation_and_a_reload() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tagging.wasm");
    let mut bytes = std::fs::read(component(GUEST))?;
    std::fs::write(&file, &bytes)?;
    let flags = [
        "--no-watch",
        "--hibernate-after",
        "100ms",
        "--log",
        "ws_host=debug",
        "--admin",
        "127.0.0.1:0",
    ];
    let mut server = TestServer::serving_file(&file, &flags)?;
    let admin = server.admin()?;
    let [mut client, mut other] = connect(&server)?;
    assert_eq!(client.ask("tag user:1")?, "Ok(())");
    let id = client.ask("id")?;
    server.wait_for_log("hibernated")?;
    assert_eq!(client.ask("tags")?, "user:1");
    other.send_text("trap")?;
    other.expect_close(1011)?;
    assert_eq!(client.ask("tagged user:1")?, id);
    // A custom section changes the file and not its behaviour.
    bytes.extend([0, 2, 1, b'a']);
    std::fs::write(&file, &bytes)?;
    let response = post_reload(admin)?;
    assert!(response.body.contains("replaced"), "{response:?}");
    assert_eq!(client.ask("tagged user:1")?, id);
    assert_eq!(client.ask("send user:1 hello")?, "hello");
    assert_eq!(client.receive_text()?, "Ok(())");
    Ok(())
}
