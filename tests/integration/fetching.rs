//! HTTP requests of handlers to granted hosts.

use std::net::TcpListener;
use std::process::Command;

use anyhow::Result;
use ws_host_test_support::{
    Client, TestServer, component, host_binary, raise_open_files, startup_error,
};

use crate::configured::Configuration;
use crate::encrypted::Authority;
use crate::upstream::Upstream;

/// An upstream server, and a handler that may send requests to it.
struct Scene {
    upstream: Upstream,
    server: TestServer,
    client: Client,
}

impl Scene {
    /// `more` are further settings of the resource, and further resources.
    fn new(more: &str) -> Result<Self> {
        let upstream = Upstream::start()?;
        let granted = upstream.url("");
        let configuration =
            Configuration::of("guest-fetching", &format!("grant = [\"{granted}\"]\n{more}"))?;
        let server = configuration.serve()?;
        let client = Client::connect(&server)?;
        Ok(Self { upstream, server, client })
    }

    fn get(&mut self, path: &str) -> Result<String> {
        self.client.ask(&format!("get {}", self.upstream.url(path)))
    }
}

#[test]
fn request_to_a_granted_host_gets_its_response() -> Result<()> {
    let mut scene = Scene::new("")?;
    assert_eq!(scene.get("/path?query")?, "200 GET /path");
    assert_eq!(scene.upstream.next_request()?, "/path?query");
    assert_eq!(scene.get("/host")?, format!("200 {}", scene.upstream.address()));
    let body = "b".repeat(100_000);
    let answer = scene.client.ask(&format!("post {body} {}", scene.upstream.url("/echo")))?;
    assert_eq!(answer, "200 100000 bytes");
    // A redirection is the handler's business.
    assert_eq!(scene.get("/moved")?, "302 elsewhere");
    Ok(())
}

#[test]
fn other_hosts_ports_and_schemes_are_denied_and_the_log_names_the_grant() -> Result<()> {
    let mut scene = Scene::new("")?;
    let port = scene.upstream.address().port();
    for url in [
        "http://127.0.0.1:9/".to_owned(),
        format!("https://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "https://example.com/".to_owned(),
    ] {
        let answer = scene.client.ask(&format!("get {url}"))?;
        assert_eq!(answer, "ErrorCode::HttpRequestDenied", "{url}");
    }
    let line = scene.server.wait_for_log("not granted: add \"https://example.com\"")?;
    assert!(line.contains("guest-fetching.wasm") && line.contains("`grant`"), "{line}");
    // The header `host` would contain the user.
    let answer = scene.client.ask(&format!("get http://me@127.0.0.1:{port}/"))?;
    assert_eq!(answer, "ErrorCode::HttpRequestUriInvalid");
    assert_eq!(scene.upstream.connections(), 0);
    Ok(())
}

#[test]
fn tunnels_and_headers_of_the_connection_are_refused() -> Result<()> {
    let mut scene = Scene::new("")?;
    let url = scene.upstream.url("/");
    let answer = scene.client.ask(&format!("connect {url}"))?;
    assert_eq!(answer, "ErrorCode::HttpRequestMethodInvalid");
    assert_eq!(scene.client.ask(&format!("method {url}"))?, "Err(())");
    for header in ["host", "connection", "transfer-encoding", "upgrade", "keep-alive"] {
        let answer = scene.client.ask(&format!("header {header}"))?;
        assert_eq!(answer, "Err(HeaderError::Forbidden)", "{header}");
    }
    assert_eq!(scene.client.ask("header authorization")?, "Ok(())");
    assert_eq!(scene.upstream.connections(), 0);
    Ok(())
}

/// The resolver of the system takes 127.1 for a name of 127.0.0.1, on every machine.
#[test]
fn name_with_a_private_address_needs_the_mark_private() -> Result<()> {
    let upstream = Upstream::start()?;
    let port = upstream.address().port();
    let get = format!("get http://127.1:{port}/");
    let grant = format!("http://127.1:{port}");
    let (mut server, mut client) = TestServer::with_client("guest-fetching", &["--grant", &grant])?;
    assert_eq!(client.ask(&get)?, "ErrorCode::DestinationIpProhibited");
    let line = server.wait_for_log("failed")?;
    assert!(line.contains("127.0.0.1") && line.contains("`private`"), "{line}");
    assert_eq!(upstream.connections(), 0);
    let grant = format!("{grant} private");
    let (_server, mut client) = TestServer::with_client("guest-fetching", &["--grant", &grant])?;
    assert_eq!(client.ask(&get)?, "200 GET /");
    Ok(())
}

#[test]
fn localhost_needs_no_mark() -> Result<()> {
    let upstream = Upstream::start()?;
    let server = format!("http://localhost:{}", upstream.address().port());
    let (_server, mut client) = TestServer::with_client("guest-fetching", &["--grant", &server])?;
    assert_eq!(client.ask(&format!("get {server}/"))?, "200 GET /");
    Ok(())
}

#[test]
fn connections_are_reused() -> Result<()> {
    let mut scene = Scene::new("")?;
    for number in 0..20 {
        let path = format!("/{number}");
        assert_eq!(scene.get(&path)?, format!("200 GET {path}"));
    }
    let mut other = Client::connect(&scene.server)?;
    assert_eq!(other.ask(&format!("get {}", scene.upstream.url("/")))?, "200 GET /");
    assert_eq!(scene.upstream.connections(), 1);
    Ok(())
}

#[test]
fn handler_that_waits_for_a_response_stops_no_other_actor_of_the_worker() -> Result<()> {
    let upstream = Upstream::start()?;
    let configuration = Configuration::new(&format!(
        "listen = \"127.0.0.1:0\"\nworkers = 1\n[[resource]]\npath = \"/\"\n\
         component = \"{{{{guest-fetching}}}}\"\ngrant = [\"{}\"]\n\
         [[resource]]\npath = \"/echo\"\ncomponent = \"{{{{echo}}}}\"\n",
        upstream.url("")
    ))?;
    let server = configuration.serve()?;
    let mut waiting = Client::connect(&server)?;
    let mut echo = Client::connect_to(&server, "/echo")?;
    waiting.send_text(&format!("get {}", upstream.url("/wait")))?;
    assert_eq!(upstream.next_request()?, "/wait");
    for message in ["one", "two", "three"] {
        assert_eq!(echo.ask(message)?, message);
    }
    upstream.release();
    assert_eq!(waiting.receive_text()?, "200 released");
    Ok(())
}

#[test]
fn waiting_for_a_response_takes_no_cpu_time() -> Result<()> {
    let mut scene = Scene::new("max-cpu = \"100ms\"")?;
    assert_eq!(scene.get("/later")?, "200 later");
    Ok(())
}

#[test]
fn waiting_for_a_response_counts_toward_the_time_of_the_event() -> Result<()> {
    let mut scene = Scene::new("max-time = \"300ms\"")?;
    scene.client.send_text(&format!("get {}", scene.upstream.url("/stall")))?;
    assert_eq!(scene.client.receive_close()?.0, 1011);
    let mut other = Client::connect(&scene.server)?;
    assert_eq!(other.ask(&format!("get {}", scene.upstream.url("/")))?, "200 GET /");
    Ok(())
}

#[test]
fn server_that_stalls_is_given_up() -> Result<()> {
    let http = "http = { first-byte-timeout = \"200ms\", between-bytes-timeout = \"200ms\" }";
    let mut scene = Scene::new(http)?;
    assert_eq!(scene.get("/stall")?, "ErrorCode::ConnectionReadTimeout");
    let line = scene.server.wait_for_log("failed")?;
    assert!(line.contains("http.first-byte-timeout") && !line.contains("/stall"), "{line}");
    assert_eq!(scene.get("/half")?, "ErrorCode::ConnectionReadTimeout");
    assert_eq!(scene.get("/")?, "200 GET /");
    Ok(())
}

#[test]
fn handler_can_shorten_the_times_and_not_lengthen_them() -> Result<()> {
    let mut scene = Scene::new("http = { between-bytes-timeout = \"300ms\" }")?;
    let mut get = |times: &str, path: &str| {
        scene.client.ask(&format!("times {times} {}", scene.upstream.url(path)))
    };
    assert_eq!(get("60000,100,60000", "/stall")?, "ErrorCode::ConnectionReadTimeout");
    assert_eq!(get("60000,60000,100", "/half")?, "ErrorCode::ConnectionReadTimeout");
    assert_eq!(get("60000,60000,60000", "/half")?, "ErrorCode::ConnectionReadTimeout");
    Ok(())
}

#[test]
fn server_that_does_not_answer_the_tls_handshake_is_given_up() -> Result<()> {
    // The kernel accepts the connection, and nobody reads from it.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let server = format!("https://{}", silent.local_addr()?);
    let configuration = Configuration::of(
        "guest-fetching",
        &format!("grant = [\"{server}\"]\nhttp = {{ connect-timeout = \"200ms\" }}"),
    )?;
    let authority = Authority::new()?;
    let mut command = Command::new(host_binary());
    command.arg("--config").arg(configuration.file()).env("SSL_CERT_FILE", authority.file());
    let server_process = TestServer::spawn(command)?;
    let mut client = Client::connect(&server_process)?;
    assert_eq!(client.ask(&format!("get {server}/"))?, "ErrorCode::ConnectionTimeout");
    Ok(())
}

#[test]
fn server_that_is_not_there_is_refused() -> Result<()> {
    let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let server = format!("http://{gone}");
    let (_server, mut client) = TestServer::with_client("guest-fetching", &["--grant", &server])?;
    assert_eq!(client.ask(&format!("get {server}/"))?, "ErrorCode::ConnectionRefused");
    Ok(())
}

#[test]
fn certificate_of_a_server_is_checked() -> Result<()> {
    let authority = Authority::new()?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.txt"), "over TLS")?;
    let files = folder.path().display().to_string();
    let upstream = authority.serving("echo", &["--static", &files])?;
    let url = format!("https://localhost:{}", upstream.address().port());
    let other = Authority::new()?;
    for (trusted, expected) in
        [(&authority, "200 over TLS"), (&other, "ErrorCode::TlsCertificateError")]
    {
        let mut command = Command::new(host_binary());
        command.arg("--component").arg(component("guest-fetching")).args(["--grant", &url]);
        command.args(["--listen", "127.0.0.1:0"]).env("SSL_CERT_FILE", trusted.file());
        let server = TestServer::spawn(command)?;
        let mut client = Client::connect(&server)?;
        assert_eq!(client.ask(&format!("get {url}/a.txt"))?, expected);
    }
    Ok(())
}

#[test]
fn length_of_a_response_is_bounded() -> Result<()> {
    let mut scene = Scene::new("http = { max-response = \"100KiB\" }")?;
    let answer = scene.get("/long")?;
    assert!(answer.starts_with("ErrorCode::HttpResponseBodySize"), "{answer}");
    assert_eq!(scene.get("/")?, "200 GET /");
    let mut scene = Scene::new("")?;
    assert_eq!(scene.get("/long")?, "200 1048576 bytes");
    Ok(())
}

#[test]
fn requests_of_an_instance_at_once_are_bounded() -> Result<()> {
    let mut scene = Scene::new("")?;
    let url = scene.upstream.url("/");
    assert_eq!(scene.client.ask(&format!("many 16 {url}"))?, "16 of 16: []");
    let answer = scene.client.ask(&format!("many 20 {url}"))?;
    assert!(answer.starts_with("16 of 20"), "{answer}");
    assert_eq!(answer.matches("ErrorCode::ConnectionLimitReached").count(), 4, "{answer}");
    // Dropped responses make room.
    assert_eq!(scene.client.ask(&format!("many 16 {url}"))?, "16 of 16: []");
    Ok(())
}

/// Each instance has as many as it may have, and none of them gets its response yet.
#[test]
fn requests_of_all_instances_of_a_resource_at_once_are_bounded() -> Result<()> {
    raise_open_files();
    let settings = "instance-per = \"client\"\nhttp = { first-byte-timeout = \"60s\" }";
    let mut scene = Scene::new(settings)?;
    let mut clients = Client::connect_many(&scene.server, 64)?;
    for client in &mut clients {
        client.send_text(&format!("many 16 {}", scene.upstream.url("/wait")))?;
    }
    for _ in 0..1024 {
        scene.upstream.next_request()?;
    }
    assert_eq!(scene.get("/")?, "ErrorCode::ConnectionLimitReached");
    scene.upstream.release();
    for client in &mut clients {
        assert_eq!(client.receive_text()?, "16 of 16: []");
    }
    assert_eq!(scene.get("/")?, "200 GET /");
    Ok(())
}

/// An instance may have 1,000 resources of `wasi:http` at once.
#[test]
fn options_of_requests_do_not_pile_up() -> Result<()> {
    let mut scene = Scene::new("max-cpu = \"20s\"")?;
    let answer = scene.client.ask(&format!("options 1200 {}", scene.upstream.url("/")))?;
    assert_eq!(answer, "200 GET /");
    assert_eq!(scene.upstream.connections(), 1);
    Ok(())
}

#[test]
fn client_that_leaves_while_its_event_waits_affects_no_other() -> Result<()> {
    let mut scene = Scene::new("")?;
    scene.client.send_text(&format!("get {}", scene.upstream.url("/wait")))?;
    scene.upstream.next_request()?;
    scene.client.hang_up()?;
    scene.upstream.release();
    let mut other = Client::connect(&scene.server)?;
    assert_eq!(other.ask(&format!("get {}", scene.upstream.url("/")))?, "200 GET /");
    Ok(())
}

#[test]
fn grants_of_hosts_that_are_wrong_are_refused() -> Result<()> {
    for (grant, words) in [
        ("api.example.com", "did you mean \"https://api.example.com\""),
        ("https://api.example.com/v1", "leave the path out"),
        ("https://*.example.com", "every host must be named"),
        ("ftp://example.com", "is not a capability"),
    ] {
        let error = startup_error("guest-fetching", &["--grant", grant])?;
        assert!(error.contains("--grant") && error.contains(words), "{grant}: {error}");
    }
    Ok(())
}
