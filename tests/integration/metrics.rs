//! What the host counts, as a scraper sees it.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use ws_host_test_support::{
    Client, Response, TestServer, handshake, open_stream, root, wait_until,
};

use crate::configured::ask_admin;
use crate::encrypted::Authority;
use crate::keeper::{Keeper, Scene, counter, post_reload, trap};
use crate::prometheus::promtool;
use crate::streams::{Connection, END_HEADERS, END_STREAM, HEADERS, get};

fn scrape(admin: SocketAddr) -> Result<Response> {
    let response = ask_admin(admin, "GET /metrics", "", b"")?;
    ensure!(response.status == 200, "{response:?}");
    Ok(response)
}

/// Lets Prometheus check the format, the names and the help texts.
fn check_with_promtool(metrics: &str) -> Result<()> {
    promtool(&["check", "metrics"], metrics)
}

/// Waits until a series has a value.
fn wait_for(admin: SocketAddr, series: &str, value: u64) -> Result<()> {
    wait_until(|| Ok(counter(admin, series)? == value)).with_context(|| format!("{series} {value}"))
}

#[test]
fn all_documented_metrics_have_their_help_in_the_first_scrape() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let response = scrape(admin)?;
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let named = |text: &str, start: &str, ends: &[char]| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(start));
        lines.filter_map(|line| Some(line.split(ends).next()?.to_owned())).collect()
    };
    let scraped = named(&response.body, "# HELP ", &[' ']);
    let documented = std::fs::read_to_string(root().join("docs/metrics.md"))?;
    let documented = named(&documented, "| `ws_host_", &['{', '`']);
    let documented: BTreeSet<String> =
        documented.into_iter().map(|name| format!("ws_host_{name}")).collect();
    assert!(scraped.len() > 40, "{scraped:?}");
    assert_eq!(scraped, documented);
    for series in [
        "ws_host_clients{resource=\"echo\"} 0\n",
        "ws_host_handshakes_total{resource=\"echo\",outcome=\"accepted\"} 0\n",
        "ws_host_refused_total{resource=\"echo\",full=\"clients\"} 0\n",
        "ws_host_close_codes_total{resource=\"echo\",from=\"client\",code=\"4000-4999\"} 0\n",
        "ws_host_log_lines_lost_total 0\n",
        "ws_host_worker_actors{worker=\"worker-0\"} 0\n",
    ] {
        assert!(response.body.contains(series), "{series}{}", response.body);
    }
    check_with_promtool(&response.body)
}

#[test]
fn clients_messages_and_their_ends_are_counted() -> Result<()> {
    let flags = ["--origin", "https://app.example.com", "--auto-answer", "ping=pong!"];
    let (server, admin) = TestServer::with_admin("echo", &flags)?;
    let mut clients = Client::connect_many(&server, 2)?;
    assert_eq!(counter(admin, "ws_host_clients{resource=\"echo\"}")?, 2);
    assert_eq!(clients[0].ask("four")?, "four");
    assert_eq!(clients[1].ask("ping")?, "pong!");
    // Two messages in one read are a burst for the component.
    let frames = [[0; 100], [1; 100]].map(|bytes| ws_host_test_support::masked_frame(0x82, &bytes));
    clients[0].send(&frames.concat())?;
    for _ in frames {
        clients[0].receive()?;
    }
    for (series, value) in [
        ("ws_host_received_messages_total", 4),
        ("ws_host_received_bytes_total", 208),
        ("ws_host_sent_messages_total", 4),
        ("ws_host_sent_bytes_total", 209),
    ] {
        assert_eq!(counter(admin, series)?, value, "{series}");
    }
    let refused = handshake("/", "Origin: https://elsewhere.example.com\r\n");
    assert_eq!(Response::to_head(server.address(), &refused)?.status, 403);
    assert_eq!(Response::to_head(server.address(), &handshake("/nowhere", ""))?.status, 404);
    for (outcome, value) in [("accepted", 2), ("origin", 1), ("invalid", 0)] {
        let series = format!("ws_host_handshakes_total{{resource=\"echo\",outcome=\"{outcome}\"}}");
        assert_eq!(counter(admin, &series)?, value, "{series}");
    }
    assert_eq!(counter(admin, "ws_host_unknown_paths_total")?, 1);
    clients[0].send_close(4001, "")?;
    assert_eq!(clients[0].receive_close()?.0, 4001);
    clients.remove(1).hang_up()?;
    wait_for(admin, "ws_host_clients{resource=\"echo\"}", 0)?;
    for (labels, value) in [
        ("disconnections_total{resource=\"echo\",cause=\"client\"}", 1),
        ("disconnections_total{resource=\"echo\",cause=\"lost\"}", 1),
        ("close_codes_total{resource=\"echo\",from=\"client\",code=\"4000-4999\"}", 1),
        ("close_codes_total{resource=\"echo\",from=\"host\",code=\"4000-4999\"}", 1),
        ("close_codes_total{resource=\"echo\",from=\"client\",code=\"1006\"}", 1),
    ] {
        assert_eq!(counter(admin, &format!("ws_host_{labels}"))?, value, "{labels}");
    }
    check_with_promtool(&scrape(admin)?.body)
}

/// All calls for rare events are measured, and some of those for frequent ones.
#[test]
fn times_of_events_are_measured() -> Result<()> {
    let (server, admin) = TestServer::with_admin("echo", &[])?;
    let mut client = Client::connect(&server)?;
    client.ask("hello")?;
    let count = |event: &str| {
        let labels = format!("{{resource=\"echo\",event=\"{event}\"}}");
        let times = counter(admin, &format!("ws_host_guest_seconds_count{labels}"))?;
        let cpu_times = counter(admin, &format!("ws_host_guest_cpu_seconds_count{labels}"))?;
        assert_eq!(times, cpu_times);
        anyhow::Ok(times)
    };
    for event in ["start", "connected", "received-text"] {
        assert_eq!(count(event)?, 1, "{event}");
    }
    for _ in 0..6_400 {
        client.ask("hello")?;
    }
    // It is about a hundred measurements or more, so the standard deviation is below 400.
    let measured = count("received-text")?;
    assert!((3_200..12_800).contains(&measured), "{measured}");
    let text = scrape(admin)?.body;
    assert!(!text.contains("event=\"fired\""), "{text}");
    check_with_promtool(&text)
}

#[test]
fn instances_their_memory_and_their_states_are_measured() -> Result<()> {
    let keeper = Keeper::new()?;
    let flags = ["--hibernate-after", "100ms", "--admin", "127.0.0.1:0"];
    let mut server = keeper.serve(&flags)?;
    let admin = server.admin()?;
    let gauge = |series: &str| counter(admin, &format!("ws_host_{series}"));
    assert_eq!(gauge("instance_memory_bytes{resource=\"keeper\"}")?, 0);
    let _client = Client::connect(&server)?;
    wait_for(admin, "ws_host_instances{resource=\"keeper\",state=\"hibernated\"}", 1)?;
    assert_eq!(gauge("instances{resource=\"keeper\",state=\"live\"}")?, 0);
    assert!(gauge("saved_state_bytes{resource=\"keeper\",kind=\"hibernated\"}")? > 0);
    assert_eq!(gauge("instance_memory_bytes{resource=\"keeper\"}")?, 0, "it was given back");
    assert_eq!(gauge("actors{resource=\"keeper\"}")?, 1);
    drop(server);
    let Scene { server: _server, admin, client: _client, .. } = Keeper::new()?.scene(&[])?;
    assert_eq!(counter(admin, "ws_host_instances{resource=\"keeper\",state=\"live\"}")?, 1);
    let memory = counter(admin, "ws_host_instance_memory_bytes{resource=\"keeper\"}")?;
    assert!(memory >= 64 << 10, "{memory}");
    Ok(())
}

#[test]
fn faults_reloads_and_topics_are_counted() -> Result<()> {
    let Scene { keeper, server, admin, mut client } = Keeper::new()?.scene(&[])?;
    assert_eq!(client.ask("subscribe news")?, "Ok(())");
    assert_eq!(counter(admin, "ws_host_topics{resource=\"keeper\"}")?, 1);
    client.send_text("publish-to-others news again")?;
    client.receive_text()?;
    assert_eq!(counter(admin, "ws_host_published_messages_total")?, 1);
    assert_eq!(counter(admin, "ws_host_deliveries_total")?, 0, "the publisher gets no copy");
    client.send_text("publish news extra")?;
    client.receive_text()?;
    client.receive_text()?;
    assert_eq!(counter(admin, "ws_host_deliveries_total")?, 1);
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    assert_eq!(counter(admin, "ws_host_reload_pause_seconds_count{resource=\"keeper\"}")?, 1);
    assert_eq!(counter(admin, "ws_host_swaps_total{resource=\"keeper\",outcome=\"swapped\"}")?, 1);
    trap(&server, "/")?;
    assert_eq!(counter(admin, "ws_host_faults_total{resource=\"keeper\",kind=\"trap\"}")?, 1);
    let closed = "ws_host_close_codes_total{resource=\"keeper\",from=\"host\",code=\"1011\"}";
    wait_for(admin, closed, 1)
}

#[test]
fn each_exceeded_limit_is_a_fault_of_its_own_kind() -> Result<()> {
    for (kind, guest, order, flags) in [
        ("cpu", "spin", "spin", ["--max-cpu", "200ms"]),
        ("memory", "hoard", "hoard", ["--max-memory", "8MiB"]),
        ("time", "sleep", "sleep 60000", ["--max-time", "200ms"]),
    ] {
        let (server, admin) = TestServer::with_admin(&format!("guest-{guest}"), &flags)?;
        let mut client = Client::connect(&server)?;
        client.send_text(order)?;
        while client.receive()?.first != 0x88 {}
        for other in ["cpu", "memory", "time", "trap"] {
            let series =
                format!("ws_host_faults_total{{resource=\"guest-{guest}\",kind=\"{other}\"}}");
            assert_eq!(counter(admin, &series)?, u64::from(other == kind), "{series}");
        }
    }
    Ok(())
}

#[test]
fn connections_that_no_descriptor_is_left_for_are_counted() -> Result<()> {
    let (mut server, admin) = TestServer::with_admin("echo", &[])?;
    let errors = "ws_host_accept_errors_total";
    assert_eq!(counter(admin, errors)?, 0);
    let process = Pid::from_raw(server.process_id().try_into()?);
    let none = Rlimit { current: Some(0), ..getrlimit(Resource::Nofile) };
    let before = prlimit(process, Resource::Nofile, none)?;
    let stream = open_stream(server.address(), handshake("/", "").as_bytes())?;
    server.wait_for_log("cannot accept connections")?;
    prlimit(process, Resource::Nofile, before)?;
    // The client waited meanwhile.
    let (mut client, _) = Client::after(stream)?;
    assert_eq!(client.ask("hello")?, "hello");
    assert!(counter(admin, errors)? > 0);
    Ok(())
}

#[test]
fn tls_handshakes_are_counted() -> Result<()> {
    let authority = Authority::new()?;
    let mut server = authority.serving("echo", &["--admin", "127.0.0.1:0"])?;
    let admin = server.admin()?;
    let expires = counter(admin, "ws_host_certificate_expiry_seconds")?;
    // The year 4096, in which certificates of rcgen expire.
    assert_eq!(expires, 67_090_118_400);
    for _ in 0..2 {
        let stream = authority.ask().connect(server.address())?;
        assert_eq!(Client::greet(stream)?.ask("hello")?, "hello");
    }
    // A record of TLS whose handshake message does not exist.
    let _stream = open_stream(server.address(), b"\x16\x03\x01\x00\x05\xff\x00\x00\x01\x00")?;
    wait_for(admin, "ws_host_tls_handshakes_total{outcome=\"failed\"}", 1)?;
    assert_eq!(counter(admin, "ws_host_tls_handshakes_total{outcome=\"accepted\"}")?, 2);
    Ok(())
}

/// Returns the highest value of a metric that is no whole number.
fn highest(admin: SocketAddr, metric: &str) -> Result<f64> {
    let metrics = scrape(admin)?.body;
    let lines = metrics.lines().filter(|line| line.starts_with(&format!("{metric}{{")));
    let mut values =
        lines.map(|line| Ok(line.rsplit(' ').next().context("a value")?.parse::<f64>()?));
    values.try_fold(0.0, |highest: f64, value: Result<f64>| Ok(highest.max(value?)))
}

#[test]
fn timers_and_instances_that_were_lost_are_counted() -> Result<()> {
    let Scene { keeper: _keeper, server, admin, mut client } = Keeper::new()?.scene(&[])?;
    assert_eq!(client.ask("timer 1 3600000")?, "Ok(())");
    assert_eq!(client.ask("timer 2 3600000")?, "Ok(())");
    wait_for(admin, "ws_host_timers", 2)?;
    assert_eq!(client.ask("cancel 1")?, "true");
    wait_for(admin, "ws_host_timers", 1)?;
    assert_eq!(counter(admin, "ws_host_restarts_total")?, 0);
    trap(&server, "/")?;
    client.ask("hello")?;
    wait_for(admin, "ws_host_restarts_total", 1)
}

#[test]
fn handshakes_that_wait_for_the_handler_are_counted() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-slow_connect", &[])?;
    let request = handshake("/?2000", "");
    let _waiting: Vec<_> =
        (0..3).map(|_| open_stream(server.address(), request.as_bytes())).collect::<Result<_>>()?;
    wait_for(admin, "ws_host_handshakes_waiting", 3)
}

#[test]
fn messages_that_found_no_room_are_counted() -> Result<()> {
    let (mut server, admin) = TestServer::with_admin("guest-filling", &["--max-outbound", "8MiB"])?;
    let mut client = Client::connect(&server)?;
    client.send_text("fill 10000")?;
    server.wait_for_log(" and no more")?;
    let refused = "ws_host_refused_sends_total{resource=\"guest-filling\",full=\"outbound\"}";
    wait_until(|| Ok(counter(admin, refused)? > 0))
}

#[test]
fn time_of_workers_is_measured() -> Result<()> {
    let (server, admin) = TestServer::with_admin("guest-spin", &["--max-cpu", "300ms"])?;
    let mut client = Client::connect(&server)?;
    client.send_text("spin")?;
    ensure!(client.receive_text()? == "spinning");
    client.expect_close(1011)?;
    // The call has used 300 ms, in slices of at least one tick.
    ensure!(highest(admin, "ws_host_worker_busy_seconds_total")? >= 0.2);
    ensure!(highest(admin, "ws_host_worker_longest_slice_seconds")? >= 0.001);
    Ok(())
}

#[test]
fn streams_of_http2_are_counted_by_kind() -> Result<()> {
    let (server, admin) = TestServer::with_admin("echo", &[])?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.open(3, "/")?;
    ensure!(connection.ask(3, "hello")? == "hello");
    connection.send(HEADERS, END_HEADERS | END_STREAM, 5, &get("/"))?;
    connection.wait_for(HEADERS, 5)?;
    wait_for(admin, "ws_host_http2_streams_total{kind=\"websocket\"}", 2)?;
    wait_for(admin, "ws_host_http2_streams_total{kind=\"request\"}", 1)?;
    wait_for(admin, "ws_host_http2_connections", 1)
}
