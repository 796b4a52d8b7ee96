//! System access that handlers ask for and do not get.

use std::process::{Command, Output};

use anyhow::Result;
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, host_binary};

/// Interfaces that toolchains import by default, each with one export whose type is short.
const WASI: &[(&str, &str)] = &[
    ("cli/environment", r#""get-arguments" (func (result (list string)))"#),
    ("cli/exit", r#""exit" (func (param "status" (result)))"#),
    ("cli/terminal-input", r#""terminal-input" (type (sub resource))"#),
    ("cli/terminal-output", r#""terminal-output" (type (sub resource))"#),
    ("clocks/monotonic-clock", r#""now" (func (result u64))"#),
    ("filesystem/types", r#""descriptor" (type (sub resource))"#),
    ("http/types", r#""fields" (type (sub resource))"#),
    ("http/types", r#""outgoing-request" (type (sub resource))"#),
    ("http/types", r#""response-outparam" (type (sub resource))"#),
    ("http/types", r#""future-incoming-response" (type (sub resource))"#),
    ("io/error", r#""error" (type (sub resource))"#),
    ("io/poll", r#""pollable" (type (sub resource))"#),
    ("io/streams", r#""output-stream" (type (sub resource))"#),
    ("random/insecure", r#""get-insecure-random-u64" (func (result u64))"#),
    ("random/insecure-seed", r#""insecure-seed" (func (result (tuple u64 u64)))"#),
    ("random/random", r#""get-random-u64" (func (result u64))"#),
    ("sockets/ip-name-lookup", r#""resolve-address-stream" (type (sub resource))"#),
    ("sockets/network", r#""network" (type (sub resource))"#),
    ("sockets/tcp", r#""tcp-socket" (type (sub resource))"#),
    ("sockets/udp", r#""udp-socket" (type (sub resource))"#),
];

/// Returns the host's error for a component with these definitions and a handler without functions.
fn loading(definitions: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("asking.wasm");
    let handler = r#"(instance $i) (export "ws-host:socket/handler@0.1.0" (instance $i))"#;
    std::fs::write(&file, wat::parse_str(format!("(component {definitions} {handler})"))?)?;
    let Output { stderr, .. } = Command::new(host_binary())
        .arg("--component")
        .arg(&file)
        .args(["--listen", "127.0.0.1:0", "--check"])
        .output()?;
    Ok(String::from_utf8(stderr)?)
}

#[test]
fn all_of_wasi_links_in_every_patch_release_of_0_2() -> Result<()> {
    for patch in [0, 1, 6, 9, 12, 99] {
        for (name, export) in WASI {
            let stderr = loading(&format!(
                r#"(import "wasi:{name}@0.2.{patch}" (instance (export {export})))"#
            ))?;
            assert!(
                stderr.contains("a function of that interface is missing"),
                "{name} 0.2.{patch}: {stderr}"
            );
        }
    }
    Ok(())
}

#[test]
fn import_from_outside_wasi_and_ws_host_is_refused_by_name() -> Result<()> {
    for name in ["acme:rockets/launch@1.0.0", "wasi:http/types@0.1.0", "wasi:keyvalue/store@0.2.0"]
    {
        let stderr = loading(&format!(r#"(import "{name}" (instance (export "go" (func))))"#))?;
        assert!(stderr.contains("imports something") && stderr.contains(name), "{stderr}");
    }
    Ok(())
}

#[test]
fn component_of_the_asynchronous_abi_is_refused_with_the_flag_for_the_synchronous_one() -> Result<()>
{
    for definitions in [
        "(core func (canon task.cancel))",
        "(type (stream u8))",
        "(type (func async (result u32)))",
        r#"(import "wasi:cli/environment@0.3.0" (instance (export "go" (func))))"#,
        r#"(import "wasi:http/types@0.3.0-rc-2026-01-06" (instance (export "go" (func))))"#,
    ] {
        let stderr = loading(definitions)?;
        assert!(
            stderr.contains("--sync") && stderr.contains("asynchronous"),
            "{definitions}: {stderr}"
        );
    }
    Ok(())
}

#[test]
fn http_request_can_be_built_and_is_denied_with_an_error_code() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-asking", &[])?;
    let all_set = "Ok(()) (Ok(()), Ok(()), Ok(()), Ok(())) Ok(Ok(Ok(())))";
    // More requests than one instance may hold at once.
    for times in [1, 2000] {
        let heard = client.ask(&format!("http {times}"))?;
        assert_eq!(heard, format!("{all_set} ErrorCode::HttpRequestDenied"));
    }
    Ok(())
}

#[test]
fn sockets_and_names_are_denied_and_there_are_no_files() -> Result<()> {
    let (_server, mut client) = TestServer::with_client("guest-asking", &[])?;
    for asked in ["tcp", "udp", "name"] {
        let heard = client.ask(asked)?;
        assert!(heard.contains("access-denied"), "{asked}: {heard}");
    }
    assert_eq!(client.ask("folders")?, "0");
    assert_ne!(client.ask("file")?, "granted");
    Ok(())
}

#[test]
fn log_names_each_denied_request_once_and_says_what_to_do() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-asking", &[])?;
    for _ in 0..3 {
        for asked in ["http", "tcp", "udp", "name", "file"] {
            client.ask(asked)?;
        }
    }
    drop(client);
    server.signal(Signal::TERM)?;
    let log = server.wait()?.log;
    let stderr = |asked: &str| log.lines().filter(|line| line.contains(asked)).collect::<Vec<_>>();
    let [line] = stderr("asked for an HTTP request (wasi:http)")[..] else { panic!("{log}") };
    assert!(
        line.contains("guest-asking.wasm") && line.contains("--grant http://127.0.0.1:9"),
        "{line}"
    );
    for asked in [
        "asked for a TCP socket (wasi:sockets)",
        "asked for a UDP socket (wasi:sockets)",
        "asked for the address of a host name (wasi:sockets)",
    ] {
        let [line] = stderr(asked)[..] else { panic!("not once {asked}: {log}") };
        assert!(line.contains("guest-asking.wasm") && line.contains("no setting"), "{line}");
        assert!(line.contains("custom message"), "{line}");
    }
    let [line] = stderr("asked for files (wasi:filesystem)")[..] else { panic!("not once: {log}") };
    assert!(line.contains("`grant`") && line.contains("env"), "{line}");
    Ok(())
}

#[test]
fn handler_that_asks_for_nothing_is_not_logged() -> Result<()> {
    let server = TestServer::serving("guest-asking")?;
    Client::connect(&server)?.ask("hello")?;
    server.signal(Signal::TERM)?;
    let log = server.wait()?.log;
    assert!(!log.contains("asked for"), "{log}");
    Ok(())
}

#[test]
fn memory_for_outgoing_requests_is_bounded() -> Result<()> {
    let (server, mut client) = TestServer::with_client("guest-asking", &[])?;
    for part in ["method", "authority", "path", "scheme"] {
        assert_eq!(client.ask(&format!("{part} 1"))?, "granted");
        for bytes in [5000, 1_000_000] {
            assert_ne!(client.ask(&format!("{part} {bytes}"))?, "granted");
        }
    }
    assert_eq!(client.ask("requests 500")?, "500");
    client.send_text("requests 5000")?;
    assert_eq!(client.receive_close()?.0, 1011);
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}
