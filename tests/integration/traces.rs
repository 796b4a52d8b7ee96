//! Spans of handshakes and events, as collectors by others get them.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use ws_host_test_support::{
    Client, FaultProxy, TestServer, component, handshake, host_binary, startup_error, wait_until,
};

use crate::collector::{Collector, Rotel};
use crate::keeper::counter;
use crate::streams::{Connection, END_HEADERS, HEADERS, headers, websocket};

/// The trace and the span that clients name as parents.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The numbers of the kinds of spans.
const INTERNAL: u64 = 1;
const SERVER: u64 = 2;

/// The code of a span that failed.
const ERROR: u64 = 2;

/// Returns a header line that names the parent, with these flags.
fn parent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{PARENT}-{flags}\r\n")
}

/// Connects a client that sends more header lines in its handshake.
fn connect(server: &TestServer, lines: &str) -> Result<Client> {
    let (client, response) = Client::open(server.address(), &handshake("/", lines))?;
    ensure!(response.status == 101, "{response:?}");
    Ok(client)
}

/// Serves a component with an admin address, and sends spans to this URL.
fn serve(component: &str, url: &str, ratio: &str) -> Result<TestServer> {
    let traces = ["--admin", "127.0.0.1:0", "--traces", url, "--traces-ratio", ratio];
    TestServer::with_arguments(component, &traces)
}

/// Stops a server, and returns its log.
fn stop(server: TestServer) -> Result<String> {
    server.signal(Signal::TERM)?;
    Ok(server.wait()?.log)
}

fn names(spans: &[Value]) -> Vec<&str> {
    let mut names: Vec<&str> = spans.iter().filter_map(|span| span["name"].as_str()).collect();
    names.sort_unstable();
    names
}

/// Returns the only span with this name.
fn only<'a>(spans: &'a [Value], name: &str) -> Result<&'a Value> {
    let found: Vec<&Value> = spans.iter().filter(|span| span["name"] == name).collect();
    ensure!(found.len() == 1, "{name}: {spans:#?}");
    Ok(found[0])
}

fn time(span: &Value, name: &str) -> Result<u64> {
    span[name].as_u64().context("no time")
}

#[test]
fn spans_of_a_sampled_handshake_continue_its_trace() -> Result<()> {
    let collector = Collector::start()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("headers");
    std::fs::write(&file, "authorization: Bearer secret\n")?;
    let file = file.to_str().context("a path")?;
    let url = collector.url();
    let flags = ["--traces", &url, "--traces-ratio", "0", "--traces-service", "chat"];
    let server =
        TestServer::with_arguments("echo", &[&flags[..], &["--traces-headers", file]].concat())?;
    let mut client = connect(&server, &format!("{}tracestate: a=1\r\n", parent("01")))?;
    for text in ["one", "two", "three"] {
        assert_eq!(client.ask(text)?, text);
    }
    client.close()?;
    stop(server)?;
    let spans = collector.spans()?;
    let expected =
        ["GET /", "connected", "disconnected", "received-text", "received-text", "received-text"];
    assert_eq!(names(&spans), expected);
    let handshake = only(&spans, "GET /")?;
    let resource = &handshake["resource"];
    assert_eq!(
        (&resource["service.name"], &handshake["scope"]),
        (&json!("chat"), &json!("ws-host"))
    );
    assert_eq!(
        (&handshake["parent"], &handshake["kind"], &handshake["code"]),
        (&json!(PARENT), &json!(SERVER), &json!(0))
    );
    for (name, expected) in [
        ("http.request.method", json!("GET")),
        ("http.route", json!("/")),
        ("http.response.status_code", json!(101)),
        ("network.protocol.version", json!("1.1")),
        ("url.scheme", json!("http")),
        ("ws_host.outcome", json!("accepted")),
        ("ws_host.resource", json!("echo")),
        ("ws_host.component", json!("echo.wasm")),
    ] {
        assert_eq!(handshake["attributes"][name], expected, "{name}: {handshake:#}");
    }
    for span in &spans {
        assert_eq!((&span["trace"], &span["state"]), (&json!(TRACE), &json!("a=1")));
        assert_eq!(span["authorization"], "Bearer secret");
        assert!(time(span, "began")? <= time(span, "ended")?, "{span:#}");
        assert!(time(handshake, "began")? <= time(span, "began")?, "{span:#}");
        for name in ["ws_host.connection", "ws_host.client", "ws_host.component.hash"] {
            assert_eq!(span["attributes"][name], handshake["attributes"][name], "{name}");
        }
        if span["name"] != "GET /" {
            assert_eq!((&span["parent"], &span["kind"]), (&handshake["id"], &json!(INTERNAL)));
        }
    }
    Ok(())
}

#[test]
fn event_that_traps_has_an_error() -> Result<()> {
    let collector = Collector::start()?;
    let server = serve("guest-trap", &collector.url(), "0")?;
    let mut client = connect(&server, &parent("01"))?;
    client.send_text("trap")?;
    client.expect_close(1011)?;
    let (_, response) = Client::open(server.address(), &handshake("/?trap", &parent("01")))?;
    assert_eq!(response.status, 500);
    stop(server)?;
    let spans = collector.spans()?;
    let event = only(&spans, "received-text")?;
    assert_eq!(
        (&event["code"], &event["attributes"]["error.type"]),
        (&json!(ERROR), &json!("trap"))
    );
    let message = event["message"].as_str().unwrap_or_default();
    assert!(message.contains("trapped"), "{message}");
    let failed = |span: &&Value| span["code"] == ERROR;
    let failed: Vec<Value> = spans.iter().filter(failed).cloned().collect();
    assert_eq!(names(&failed), ["GET /", "connected", "received-text"]);
    let handshake = only(&failed, "GET /")?;
    assert_eq!(handshake["attributes"]["http.response.status_code"], 500);
    assert_eq!(handshake["attributes"]["ws_host.outcome"], "failed");
    Ok(())
}

#[test]
fn parent_that_is_not_sampled_gives_no_span() -> Result<()> {
    let collector = Collector::start()?;
    let server = serve("echo", &collector.url(), "1")?;
    let mut unsampled = connect(&server, &parent("00"))?;
    unsampled.ask("one")?;
    // Not a valid parent, so the ratio decides.
    let mut malformed = connect(&server, &format!("traceparent: 00-{TRACE}-{PARENT}-01-\r\n"))?;
    malformed.ask("two")?;
    unsampled.close()?;
    malformed.close()?;
    stop(server)?;
    let spans = collector.spans()?;
    assert_eq!(names(&spans), ["GET /", "connected", "disconnected", "received-text"]);
    let handshake = only(&spans, "GET /")?;
    assert_eq!(handshake["parent"], "");
    assert!(spans.iter().all(|span| span["trace"] == handshake["trace"]), "{spans:#?}");
    assert_ne!(handshake["trace"], TRACE);
    Ok(())
}

#[test]
fn handshake_over_http2_is_a_span_and_its_handler_sees_the_parent() -> Result<()> {
    let collector = Collector::start()?;
    let server = serve("guest-about", &collector.url(), "0")?;
    let mut connection = Connection::begin(server.address())?;
    let value = format!("00-{TRACE}-{PARENT}-01");
    let request = [websocket("/"), headers(&[("traceparent", &value)])].concat();
    connection.send(HEADERS, END_HEADERS, 1, &request)?;
    connection.wait_for(HEADERS, 1)?;
    assert_eq!(connection.ask(1, "header traceparent")?, value);
    stop(server)?;
    let spans = collector.spans()?;
    let handshake = only(&spans, "CONNECT /")?;
    assert_eq!((&handshake["trace"], &handshake["parent"]), (&json!(TRACE), &json!(PARENT)));
    assert_eq!(handshake["attributes"]["network.protocol.version"], "2");
    assert_eq!(only(&spans, "received-text")?["parent"], handshake["id"]);
    Ok(())
}

#[test]
fn collector_that_was_away_gets_the_spans_that_waited() -> Result<()> {
    let collector = Collector::start()?;
    let proxy = FaultProxy::to(collector.address())?;
    proxy.cut();
    let mut server = serve("echo", &format!("http://{}", proxy.address()), "0")?;
    let admin = server.admin()?;
    let mut client = connect(&server, &parent("01"))?;
    client.ask("one")?;
    server.wait_for_log("cannot send spans")?;
    client.ask("two")?;
    proxy.heal();
    server.wait_for_log("accepts spans again")?;
    client.ask("three")?;
    client.close()?;
    wait_until(|| Ok(counter(admin, "ws_host_spans_sent_total")? == 6))?;
    assert_eq!(counter(admin, "ws_host_spans_dropped_total")?, 0);
    let log = stop(server)?;
    assert_eq!(log.matches("the collector").count(), 2, "{log}");
    assert_eq!(names(&collector.spans()?).len(), 6);
    Ok(())
}

#[test]
fn host_that_stops_does_not_wait_for_a_collector_that_hangs() -> Result<()> {
    let collector = Collector::start()?;
    let proxy = FaultProxy::to(collector.address())?;
    proxy.stall();
    let server = serve("echo", &format!("http://{}", proxy.address()), "0")?;
    let mut client = connect(&server, &parent("01"))?;
    client.ask("one")?;
    let log = stop(server)?;
    assert!(log.contains("before all spans could be sent"), "{log}");
    Ok(())
}

#[test]
fn spans_that_the_collector_refuses_are_dropped_and_counted() -> Result<()> {
    let collector = Collector::start()?;
    let mut server = serve("echo", &format!("{}/elsewhere", collector.url()), "0")?;
    let admin = server.admin()?;
    let mut client = connect(&server, &parent("01"))?;
    client.ask("one")?;
    server.wait_for_log("refuses spans: it answers 404")?;
    let dropped = "ws_host_spans_dropped_total{why=\"refused\"}";
    wait_until(|| Ok(counter(admin, "ws_host_spans_dropped_total")? == 3))?;
    let text = crate::configured::ask_admin(admin, "GET /metrics", "", b"")?.body;
    assert!(text.contains(&format!("{dropped} 3\n")), "{text}");
    stop(server)?;
    assert_eq!(collector.spans()?, [] as [Value; 0]);
    Ok(())
}

#[test]
fn nothing_is_sent_unless_the_configuration_says_so() -> Result<()> {
    let collector = Collector::start()?;
    let mut command = Command::new(host_binary());
    command
        .args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--component"])
        .arg(component("echo"))
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    command.stdout(std::process::Stdio::piped());
    let mut server = TestServer::spawn(command)?;
    let admin = server.admin()?;
    let mut client = connect(&server, &parent("01"))?;
    client.ask("one")?;
    let text = crate::configured::ask_admin(admin, "GET /metrics", "", b"")?.body;
    assert!(!text.contains("\nws_host_spans"), "{text}");
    stop(server)?;
    assert_eq!(collector.spans()?, [] as [Value; 0]);
    Ok(())
}

#[test]
fn collector_by_others_understands_the_spans() -> Result<()> {
    let collector = Collector::start()?;
    let rotel = Rotel::before(&collector)?;
    let server = serve("guest-trap", &rotel.url(), "0")?;
    let mut client = connect(&server, &parent("01"))?;
    client.ask("one")?;
    client.send_text("trap")?;
    client.expect_close(1011)?;
    stop(server)?;
    rotel.finish()?;
    let spans = collector.spans()?;
    let handshake = only(&spans, "GET /")?;
    assert_eq!((&handshake["trace"], &handshake["parent"]), (&json!(TRACE), &json!(PARENT)));
    assert_eq!(handshake["attributes"]["http.response.status_code"], 101);
    let failed: Vec<&Value> = spans.iter().filter(|span| span["code"] == ERROR).collect();
    assert_eq!(failed.len(), 1, "{spans:#?}");
    assert_eq!(failed[0]["parent"], handshake["id"]);
    Ok(())
}

#[test]
fn invalid_settings_are_named() -> Result<()> {
    for (arguments, expected) in [
        (&["--traces", "localhost:4318"][..], "--traces must be the URL of a collector"),
        (
            &["--traces", "http://127.0.0.1:4318", "--traces-ratio", "1.5"],
            "--traces-ratio 1.5 must be from 0 to 1",
        ),
        (&["--traces", "http://127.0.0.1:4318", "--traces-service", ""], "--traces-service \"\""),
        (
            &["--traces", "http://127.0.0.1:4318", "--traces-headers", "/nowhere"],
            "--traces-headers cannot be read: /nowhere",
        ),
    ] {
        let error = startup_error("echo", arguments)?;
        assert!(error.contains(expected), "{error}");
    }
    Ok(())
}
