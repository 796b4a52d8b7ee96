//! Messages, publications and queries from the admin address to a resource.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;
use ws_host_test_support::{Client, Response, TestServer};

use crate::configured::{Configuration, ask_admin};

const BINARY: &str = "Content-Type: application/octet-stream\r\n";

fn scene(arguments: &[&str]) -> Result<(TestServer, SocketAddr)> {
    TestServer::with_admin("guest-outside", arguments)
}

fn send(admin: SocketAddr, query: &str, message: &str) -> Result<Response> {
    let request = format!("POST /resources/guest-outside/messages{query}");
    ask_admin(admin, &request, "", message.as_bytes())
}

fn publish(admin: SocketAddr, topic: &str, headers: &str, message: &[u8]) -> Result<Response> {
    let request = format!("POST /resources/guest-outside/topics/{topic}");
    ask_admin(admin, &request, headers, message)
}

#[test]
fn message_from_outside_reaches_the_handler_and_its_reply_comes_back() -> Result<()> {
    let (server, admin) = scene(&[])?;
    let mut client = Client::connect(&server)?;
    client.ask("before")?;
    let response = send(admin, "", "hello")?;
    assert_eq!((response.status, response.body.as_str()), (200, "sent to 1 clients"));
    assert_eq!(client.receive_text()?, "outside: hello");
    client.ask("after")?;
    let record = send(admin, "", "record")?.body;
    assert_eq!(record, "inside before\noutside hello\ninside after");
    Ok(())
}

#[test]
fn kind_of_a_message_is_at_most_255_bytes_of_ascii() -> Result<()> {
    let (_server, admin) = scene(&[])?;
    let kinds = [("x".repeat(255), 200), ("x".repeat(256), 400), ("größe".to_owned(), 400)];
    for (kind, status) in kinds {
        let headers = format!("Content-Type: {kind}\r\n");
        let request = "POST /resources/guest-outside/messages";
        let response = ask_admin(admin, request, &headers, b"hello")?;
        assert_eq!(response.status, status, "{response:?}");
    }
    Ok(())
}

#[test]
fn refusals_and_faults_are_reported_to_the_sender() -> Result<()> {
    let (server, admin) = scene(&[])?;
    let mut client = Client::connect(&server)?;
    let response = send(admin, "", "fail")?;
    assert_eq!((response.status, response.body.as_str()), (422, "no, thank you\n"));
    let response = send(admin, "", "panic")?;
    assert_eq!((response.status, response.body.as_str()), (500, "The handler failed.\n"));
    // The event belongs to no client, so no client is closed.
    assert_eq!(client.ask("still here")?, "still here");
    Ok(())
}

#[test]
fn handler_sees_kind_and_sender_of_a_message_from_outside() -> Result<()> {
    let (_server, admin) = scene(&[])?;
    let request = "POST /resources/guest-outside/messages";
    let response = ask_admin(admin, request, "Content-Type: application/json\r\n", b"about")?;
    assert_eq!(response.body, r#"Some("application/json") from Some("admin")"#);
    assert_eq!(send(admin, "", "about")?.body, r#"None from Some("admin")"#);
    Ok(())
}

#[test]
fn component_without_a_listener_is_501() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-minimal", &[])?;
    let response = ask_admin(admin, "POST /resources/guest-minimal/messages", "", b"hello")?;
    assert_eq!(response.status, 501, "{response:?}");
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    // A component built with ws-guest exports a listener only if the handler declares it.
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let response = ask_admin(admin, "POST /resources/echo/messages", "", b"hello")?;
    assert_eq!(response.status, 501, "{response:?}");
    Ok(())
}

#[test]
fn one_path_or_one_clients_instance_can_be_addressed() -> Result<()> {
    let rooms = ["--path", "/room/{id}", "--instance-per", "path"];
    let (server, admin) = scene(&rooms)?;
    let mut red = Client::connect_to(&server, "/room/red")?;
    let mut blue = Client::connect_to(&server, "/room/blue")?;
    red.ask("one")?;
    assert_eq!(send(admin, "?path=/room/blue", "to blue")?.body, "sent to 1 clients");
    assert_eq!(blue.receive_text()?, "outside: to blue");
    assert_eq!(send(admin, "", "to all")?.body, "accepted by 2 of 2 instances\n");
    assert_eq!(red.receive_text()?, "outside: to all");
    assert_eq!(blue.receive_text()?, "outside: to all");
    // The room has no clients; an instance starts for this message.
    assert_eq!(send(admin, "?path=/room/green", "to green")?.body, "sent to 0 clients");
    assert_eq!(send(admin, "?path=/room/green", "record")?.body, "outside to green");
    let clients: Value = serde_json::from_str(&ask_admin(admin, "GET /clients", "", b"")?.body)?;
    let is_red = |client: &&Value| client["path"] == "/room/red";
    let found = clients
        .as_array()
        .and_then(|all| all.iter().find(is_red))
        .context("no client in the red room")?;
    let query = format!("?client={}", found["id"]);
    assert_eq!(send(admin, &query, "record")?.body, "inside one\noutside to all");
    assert_eq!(send(admin, "?client=999999", "record")?.status, 404);
    Ok(())
}

#[test]
fn every_spelling_of_a_path_addresses_its_instance() -> Result<()> {
    let (server, admin) = scene(&["--path", "/room/{id}", "--instance-per", "path"])?;
    let mut client = Client::connect_to(&server, "/room/a%2fb~")?;
    for path in ["/room/a%2fb~", "/room/a%2Fb%7e", "/r%6fom/a%2Fb~"] {
        assert_eq!(send(admin, &format!("?path={path}"), path)?.body, "sent to 1 clients");
        assert_eq!(client.receive_text()?, format!("outside: {path}"));
    }
    let clients: Value = serde_json::from_str(&ask_admin(admin, "GET /clients", "", b"")?.body)?;
    assert_eq!(clients[0]["path"], "/room/a%2Fb~");
    Ok(())
}

#[test]
fn all_instances_of_a_resource_get_a_message() -> Result<()> {
    let (_server, admin) = scene(&["--instances", "3", "--workers", "2"])?;
    assert_eq!(send(admin, "", "hello")?.body, "accepted by 3 of 3 instances\n");
    assert_eq!(send(admin, "?path=/", "hello")?.status, 400);
    Ok(())
}

#[test]
fn message_from_outside_waits_its_turn() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-sleep", &[])?;
    let mut client = Client::connect(&server)?;
    client.send_text("sleep 300")?;
    assert_eq!(client.receive_text()?, "before");
    let response = ask_admin(admin, "POST /resources/guest-sleep/messages", "", b"x")?;
    assert_eq!(response.body, "slept 1", "{response:?}");
    assert_eq!(client.receive_text()?, "after");
    Ok(())
}

#[test]
fn changed_settings_do_not_harm_an_instance_that_is_being_suspended() -> Result<()> {
    let text = |after: &str| {
        format!(
            "listen = [\"127.0.0.1:0\"]\nadmin = \"127.0.0.1:0\"\nwatch = false\n[[resource]]\n\
             name = \"patient\"\npath = \"/\"\ncomponent = \"{{{{guest-patient}}}}\"\n\
             environment = {{ SUSPEND = \"sleep 500\" }}\nhibernate-after = \"{after}\"\n"
        )
    };
    let configuration = Configuration::new(&text("20ms"))?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    let send = |message| ask_admin(admin, "POST /resources/patient/messages", "", message);
    assert_eq!(send(b"precious")?.body, "precious");
    server.wait_for_log("suspending")?;
    configuration.write(&text("1h"))?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert!(response.body.starts_with("changed patient\n"), "{response:?}");
    assert_eq!(send(b"record")?.body, "precious");
    Ok(())
}

#[test]
fn message_wakes_a_hibernated_instance() -> Result<()> {
    let (server, admin) = scene(&["--hibernate-after", "50ms"])?;
    let mut client = Client::connect(&server)?;
    client.ask("x")?;
    assert_eq!(send(admin, "", "hello")?.status, 200);
    assert_eq!(client.receive_text()?, "outside: hello");
    Ok(())
}

#[test]
fn publishing_from_outside_reaches_subscribers_on_all_instances() -> Result<()> {
    let (server, admin) = scene(&["--instance-per", "client", "--workers", "2"])?;
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect(&server)?;
        client.ask("subscribe news/today")?;
        clients.push(client);
    }
    let mut other = Client::connect(&server)?;
    other.ask("subscribe other")?;
    let response = publish(admin, "news%2Ftoday", "", "gr\u{fc}ezi".as_bytes())?;
    assert_eq!(response.body, "published to 4 clients\n");
    assert_eq!(publish(admin, "news%2Ftoday", BINARY, b"\xff")?.body, "published to 4 clients\n");
    for client in &mut clients {
        assert_eq!(client.receive_text()?, "gr\u{fc}ezi");
        let frame = client.receive()?;
        assert_eq!((frame.first, frame.payload.as_slice()), (0x82, &b"\xff"[..]));
    }
    assert_eq!(other.ask("nothing came")?, "nothing came");
    assert_eq!(publish(admin, "news", "", b"\xff")?.status, 400);
    Ok(())
}

#[test]
fn unknown_admin_paths_list_what_there_is() -> Result<()> {
    let (_server, admin) = scene(&[])?;
    for request in ["GET /", "POST /resources/guest-outside/nothing", "DELETE /clients/x"] {
        let response = ask_admin(admin, request, "", b"")?;
        assert_eq!(response.status, 404, "{request}");
        assert!(response.body.contains("/resources/NAME/messages"), "{response:?}");
    }
    let response = ask_admin(admin, "POST /resources/none/messages", "", b"")?;
    assert_eq!((response.status, response.body.as_str()), (404, "there is no resource \"none\"\n"));
    let long = vec![b'x'; (1 << 20) + 1];
    assert_eq!(ask_admin(admin, "POST /resources/guest-outside/messages", "", &long)?.status, 413);
    Ok(())
}

#[test]
fn resources_and_clients_are_listed_and_closed() -> Result<()> {
    let (server, admin) = scene(&[])?;
    let mut first = Client::connect(&server)?;
    let mut second = Client::connect(&server)?;
    first.ask("here")?;
    let resources: Value =
        serde_json::from_str(&ask_admin(admin, "GET /resources", "", b"")?.body)?;
    assert_eq!(resources[0]["name"], "guest-outside");
    assert_eq!(resources[0]["clients"], 2);
    let clients: Value = serde_json::from_str(&ask_admin(admin, "GET /clients", "", b"")?.body)?;
    let id = clients[0]["id"].as_u64().context("no number")?;
    assert_eq!(clients[0]["version"], 13);
    let response = ask_admin(admin, &format!("DELETE /clients/{id}"), "", b"")?;
    assert_eq!(response.body, format!("closed client {id}\n"));
    first.expect_close(1001)?;
    assert_eq!(second.ask("still here")?, "still here");
    assert_eq!(ask_admin(admin, "DELETE /resources/guest-outside", "", b"")?.status, 200);
    second.expect_close(1001)?;
    assert_eq!(ask_admin(admin, "DELETE /resources/guest-outside", "", b"")?.status, 404);
    assert_eq!(ask_admin(admin, "GET /resources", "", b"")?.body, "[]");
    Ok(())
}
