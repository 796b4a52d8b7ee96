//! `ws-host connect` through an HTTP proxy that the environment names.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use anyhow::Result;
use ws_host_test_support::{DEADLINE, TestServer};

use crate::connect::{command, connect, run};

/// Proxy variables that may be set in the environment of the tests.
const VARIABLES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// The capacity for recorded requests: more than any test makes.
const MAX_ASKED: usize = 16;

/// The behaviour of a proxy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    /// Forwards everything.
    Open,
    /// Opens no tunnel and sends this response.
    Response(&'static str),
    /// After this many bytes from the client, sends a close frame with 1000 in the server's place, and closes.
    CloseBehind(usize),
    /// After this many bytes from the client, cuts the connection.
    CutBehind(usize),
}

/// A proxy that connects to one server, whatever the requested destination.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// The heads of the requests that it got.
    requests: Receiver<String>,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr, way: Way) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (sender, requests) = sync_channel(MAX_ASKED);
        thread::spawn(move || -> Result<()> {
            loop {
                let (mut client, _) = listener.accept()?;
                sender.send(head(&mut client)?)?;
                lead(client, server, way)?;
            }
        });
        Ok(Self { address, requests })
    }

    /// Returns a client command that uses this proxy.
    pub(crate) fn lead(&self, url: &str, flags: &[&str]) -> Command {
        through(&[("http_proxy", &format!("http://{}", self.address))], url, flags)
    }

    fn next_request(&self) -> Result<String> {
        Ok(self.requests.recv_timeout(DEADLINE)?)
    }
}

/// Returns a client command with these proxy variables and no others.
fn through(variables: &[(&str, &str)], url: &str, flags: &[&str]) -> Command {
    let mut command = command(url, flags);
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied());
    command
}

/// Reads the head of a request.
fn head(client: &mut TcpStream) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8(head)?)
}

fn lead(mut client: TcpStream, server: SocketAddr, way: Way) -> io::Result<()> {
    if let Way::Response(answer) = way {
        return client.write_all(answer.as_bytes());
    }
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let server = TcpStream::connect(server)?;
    let (mut back, mut to) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || io::copy(&mut back, &mut to));
    match way {
        Way::Open | Way::Response(_) => {
            let (mut from, mut to) = (client, server);
            thread::spawn(move || {
                // The end is forwarded even after an error.
                let _ = io::copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Write);
            });
            Ok(())
        }
        Way::CloseBehind(bytes) | Way::CutBehind(bytes) => {
            io::copy(&mut Read::by_ref(&mut client).take(bytes as u64), &mut &server)?;
            if matches!(way, Way::CloseBehind(_)) {
                client.write_all(&[0x88, 2, 0x03, 0xe8])?;
            }
            client.shutdown(Shutdown::Write)?;
            server.shutdown(Shutdown::Both)
        }
    }
}

#[test]
fn server_is_reached_through_the_proxy_in_the_environment() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let proxy = Proxy::start(server.address(), Way::Open)?;
    let url = format!("http://me:se%20cret@{}", proxy.address);
    let client = through(&[("http_proxy", &url)], "ws://you:pass@server.invalid/", &["--plain"]);
    let (output, printed, log) = run(client, "hello\n")?;
    assert_eq!((&*printed, output.status.code()), ("hello\n", Some(0)), "{log}");
    let requests = proxy.next_request()?;
    assert!(requests.starts_with("CONNECT server.invalid:80 HTTP/1.1\r\n"), "{requests}");
    assert!(
        requests.to_lowercase().contains("\r\nproxy-authorization: basic bwu6c2ugy3jlda==\r\n"),
        "{requests}"
    );
    assert!(log.starts_with("connected to ws://server.invalid/\n"), "{log}");
    Ok(())
}

#[test]
fn wss_tunnels_tls_through_the_proxy() -> Result<()> {
    let server = TestServer::with_arguments("echo", &["--tls-dev"])?;
    let proxy = Proxy::start(server.address(), Way::Open)?;
    let variables = [("HTTPS_PROXY", &*proxy.address.to_string()), ("http_proxy", "nowhere:1")];
    for flags in [&["--plain", "--insecure"][..], &["--plain", "--insecure", "--http2"]] {
        let (output, printed, log) =
            run(through(&variables, "wss://server.invalid/", flags), "hello\n")?;
        assert_eq!((&*printed, output.status.code()), ("hello\n", Some(0)), "{log}");
        assert!(proxy.next_request()?.starts_with("CONNECT server.invalid:443 "));
    }
    Ok(())
}

#[test]
fn local_server_is_reached_without_the_proxy() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let client = through(&[("ALL_PROXY", &nobody)], server.url(), &["--plain"]);
    let (output, printed, log) = run(client, "hello\n")?;
    assert_eq!((&*printed, output.status.code()), ("hello\n", Some(0)), "{log}");
    Ok(())
}

#[test]
fn unusable_proxy_is_reported_with_what_to_do() -> Result<()> {
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let needs_name = "HTTP/1.1 407 Who?\r\nContent-Length: 5\r\n\r\nwho?\n";
    let needs_name = Proxy::start(nobody, Way::Response(needs_name))?;
    let forbids = "HTTP/1.0 403 Forbidden\r\n\r\nnot to this port";
    let forbids = Proxy::start(nobody, Way::Response(forbids))?;
    for (variable, proxy, words) in [
        (
            "all_proxy",
            "socks5://me:secret@h:1080",
            ["all_proxy", "socks5:// proxies are not supported"],
        ),
        ("http_proxy", "http://me:se cret@h", ["http_proxy", "http://[user:password@]host[:port]"]),
        ("http_proxy", &*nobody.to_string(), ["cannot reach the proxy 127.0.0.1", "no_proxy"]),
        (
            "http_proxy",
            &needs_name.address.to_string(),
            ["the proxy refused the tunnel: 407", "user:password@"],
        ),
        (
            "http_proxy",
            &forbids.address.to_string(),
            ["403 Forbidden: not to this port", "allow only port 443"],
        ),
    ] {
        let client = through(&[(variable, proxy)], "ws://you:secret@server.invalid/", &[]);
        let (output, _, log) = run(client, "hello\n")?;
        assert_eq!(output.status.code(), Some(1), "{proxy}: {log}");
        assert!(words.iter().all(|word| log.contains(word)), "{words:?} are not in: {log}");
        assert!(!log.contains("secret") && !log.contains("cret@"), "{log}");
    }
    Ok(())
}

#[test]
fn credentials_in_the_url_go_only_to_the_server() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://me:p%40ss@{}/", listener.local_addr()?);
    let server = thread::spawn(move || -> Result<String> {
        let (mut client, _) = listener.accept()?;
        let request = head(&mut client)?;
        client.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")?;
        Ok(request.to_lowercase())
    });
    let (output, _, log) = connect(&url, &["--header", "Host: other.example:81"], "")?;
    assert_eq!(output.status.code(), Some(1), "{log}");
    assert!(log.contains("user:password@ in the URL"), "{log}");
    assert!(!log.contains("p%40ss") && !log.contains("me:"), "{log}");
    let request = server.join().expect("the thread does not panic")?;
    assert!(request.contains("\r\nauthorization: basic bwu6cebzcw==\r\n"), "{request}");
    assert!(request.contains("\r\nhost: other.example:81\r\n"), "{request}");
    assert_eq!(request.matches("\r\nhost:").count(), 1, "{request}");
    Ok(())
}

#[test]
fn handshake_headers_are_refused_with_the_alternative() -> Result<()> {
    for (header, word) in [
        ("Upgrade: x", "reserved for the handshake"),
        ("Sec-WebSocket-Protocol: chat", "--subprotocol"),
        ("Host: a b", "write name or name:port"),
    ] {
        let (output, _, log) = connect("ws://localhost/", &["--header", header], "")?;
        assert_eq!(output.status.code(), Some(1), "{log}");
        assert!(log.contains(word), "{word} is not in: {log}");
    }
    Ok(())
}
