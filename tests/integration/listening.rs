//! Where a server listens: several addresses, unix sockets, and inherited sockets.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use ws_host_test_support::{
    Client, Response, TestServer, component, handshake, host_binary, startup_error, wait_until,
};

use crate::configured::{Configuration, terminate};
use crate::encrypted::Authority;

/// A port that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("[::]:0")?.local_addr()?.port())
}

/// Returns the address in a line that says where a resource is served.
fn address(line: &str) -> Result<SocketAddr> {
    let url = line.split("://").nth(1).and_then(|rest| rest.split('/').next());
    url.context("no URL")?.parse().with_context(|| format!("no address in {line:?}"))
}

/// Returns a path for a unix socket with its address for `--listen`, and the temporary folder that holds it.
pub(crate) fn unix_socket() -> Result<(tempfile::TempDir, PathBuf, String)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("socket");
    let address = format!("unix:{}", file.display());
    Ok((folder, file, address))
}

fn at_unix(file: &Path) -> Result<Client<UnixStream>> {
    Client::greet(UnixStream::connect(file)?)
}

/// What a server says that does not start with these flags.
fn complaint(flags: &[&str]) -> Result<String> {
    startup_error("echo", flags)
}

#[test]
fn all_addresses_are_served() -> Result<()> {
    let (_folder, file, unix) = unix_socket()?;
    let flags = ["--listen", "127.0.0.2:0", "--listen", "[::1]:0", "--listen", &unix];
    let mut server = TestServer::with_arguments("echo", &flags)?;
    let second = address(&server.next_line("ws://127.0.0.2:")?)?;
    let third = address(&server.next_line("ws://[::1]:")?)?;
    let line = server.next_line("unix socket")?;
    assert!(line.contains(file.to_str().context("not UTF-8")?), "{line}");
    for address in [server.address(), second, third] {
        assert_eq!(Client::connect_at(address, "/")?.ask("hello")?, "hello");
    }
    assert_eq!(at_unix(&file)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn unspecified_ipv6_address_serves_ipv4() -> Result<()> {
    let mut command = Command::new(host_binary());
    command.arg("--component").arg(component("guest-about")).args(["--listen", "[::]:0"]);
    let server = TestServer::spawn(command)?;
    let port = server.address().port();
    let v4 = SocketAddr::from(([127, 0, 0, 1], port));
    let seen = Client::connect_at(v4, "/")?.ask("request")?;
    // Not as an IPv4-mapped IPv6 address.
    assert!(seen.contains("peer_address: \"127.0.0.1\""), "{seen}");
    let seen = Client::connect_at(format!("[::1]:{port}").parse()?, "/")?.ask("request")?;
    assert!(seen.contains("peer_address: \"::1\""), "{seen}");
    Ok(())
}

#[test]
fn ipv4_and_ipv6_share_a_port_in_any_order() -> Result<()> {
    for order in [["[::]", "0.0.0.0"], ["0.0.0.0", "[::]"]] {
        let port = free_port()?;
        let [one, other] = order.map(|host| format!("{host}:{port}"));
        let text = format!(
            "listen = [\"{one}\", \"{other}\"]\n[[resource]]\ncomponent = \"{{{{echo}}}}\"\n"
        );
        let _server = Configuration::new(&text)?.serve()?;
        for host in ["127.0.0.1", "[::1]"] {
            let address = format!("{host}:{port}").parse()?;
            assert_eq!(Client::connect_at(address, "/")?.ask("hello")?, "hello", "{order:?}");
        }
    }
    Ok(())
}

#[test]
fn unix_socket_has_its_mode_and_is_removed_with_the_server() -> Result<()> {
    let (_folder, file, unix) = unix_socket()?;
    let flags = ["--listen", &unix, "--unix-mode", "640"];
    let server = TestServer::with_arguments("guest-about", &flags)?;
    let found = std::fs::metadata(&file)?;
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o640);
    let mut client = at_unix(&file)?;
    let seen = client.ask("request")?;
    assert!(seen.contains("peer_address: \"127.0.0.1\""), "{seen}");
    terminate(&server)?;
    assert_eq!(client.receive_close()?.0, 1001);
    client.send_close(1001, "")?;
    assert_eq!(client.stream().read(&mut [0])?, 0);
    assert_eq!(server.wait()?.status.code(), Some(0));
    assert!(!file.exists());
    Ok(())
}

#[test]
fn stale_unix_socket_is_replaced() -> Result<()> {
    let (_folder, file, unix) = unix_socket()?;
    drop(UnixListener::bind(&file)?);
    let _server = TestServer::with_arguments("echo", &["--listen", &unix])?;
    assert_eq!(at_unix(&file)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn unix_socket_that_another_server_has_created_since_stays() -> Result<()> {
    let (_folder, file, unix) = unix_socket()?;
    let first = TestServer::with_arguments("echo", &["--listen", &unix])?;
    let mut before = at_unix(&file)?;
    std::fs::remove_file(&file)?;
    let second = TestServer::with_arguments("echo", &["--listen", &unix])?;
    terminate(&first)?;
    assert_eq!(before.receive_close()?.0, 1001);
    before.send_close(1001, "")?;
    assert_eq!(first.wait()?.status.code(), Some(0));
    assert_eq!(at_unix(&file)?.ask("hello")?, "hello");
    terminate(&second)?;
    assert_eq!(second.wait()?.status.code(), Some(0));
    assert!(!file.exists());
    Ok(())
}

#[test]
fn file_of_another_program_is_not_touched() -> Result<()> {
    let (_folder, file, unix) = unix_socket()?;
    let live = UnixListener::bind(&file)?;
    let error = complaint(&["--listen", &unix])?;
    assert!(error.contains(&unix) && error.contains("another program listens there"), "{error}");
    drop(live);
    std::fs::remove_file(&file)?;
    std::fs::write(&file, "precious")?;
    let error = complaint(&["--listen", &unix])?;
    assert!(error.contains(&unix) && error.contains("is not a socket"), "{error}");
    assert_eq!(std::fs::read_to_string(&file)?, "precious");
    let error = complaint(&["--listen", "unix:/nowhere/at/all"])?;
    assert!(error.contains("unix:/nowhere/at/all") && error.contains("No such file"), "{error}");
    Ok(())
}

#[test]
fn address_in_use_is_named() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let error = complaint(&["--listen", "127.0.0.1:0", "--listen", &address])?;
    assert!(error.contains(&address) && error.contains("another program"), "{error}");
    Ok(())
}

#[test]
fn each_address_has_its_own_tls_setting() -> Result<()> {
    let authority = Authority::new()?;
    let (certificate, key) = authority.write(&authority.vouch_for("server")?)?;
    let folder = tempfile::tempdir()?;
    let [plain, secret] = ["plain", "secret"].map(|name| folder.path().join(name));
    let text = format!(
        r#"
        listen = [
            "127.0.0.1:0",
            {{ address = "127.0.0.2:0", tls = false }},
            "unix:{}",
            {{ address = "unix:{}", tls = true }},
        ]
        tls-cert = "{}"
        tls-key = "{}"
        [[resource]]
        component = "{{{{guest-about}}}}"
        "#,
        plain.display(),
        secret.display(),
        certificate,
        key,
    );
    let mut server = Configuration::new(&text)?.serve()?;
    let seen = authority.connect(&server)?.ask("request")?;
    assert!(seen.contains("secure: true"), "{seen}");
    let second = address(&server.next_line("ws://127.0.0.2:")?)?;
    let seen = Client::connect_at(second, "/")?.ask("request")?;
    assert!(seen.contains("secure: false"), "{seen}");
    // A unix socket has no TLS by default: its clients are on this machine.
    assert!(at_unix(&plain)?.ask("request")?.contains("secure: false"));
    let mut stream = UnixStream::connect(&secret)?;
    let (_, response) = Client::request(stream.try_clone()?, &handshake("/", ""))?;
    assert_eq!(response.status, 400, "{response:?}");
    stream.read_to_string(&mut String::new())?;
    let mut connection = authority.ask().connection()?;
    let mut stream = UnixStream::connect(&secret)?;
    let mut client = Client::greet(rustls::Stream::new(&mut connection, &mut stream))?;
    assert!(client.ask("request")?.contains("secure: true"));
    Ok(())
}

#[test]
fn resource_is_listed_and_served_only_where_it_listens() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("socket");
    let text = format!(
        r#"
        listen = ["127.0.0.1:0", "unix:{0}"]
        admin = "127.0.0.1:0"
        [[resource]]
        path = "/all"
        component = "{{{{echo}}}}"
        [[resource]]
        path = "/inside"
        listen = "unix:{0}"
        component = "{{{{guest-about}}}}"
        "#,
        file.display()
    );
    let mut server = Configuration::new(&text)?.serve()?;
    let status = |path| -> Result<[u16; 2]> {
        let request = handshake(path, "");
        let (_, inside) = Client::request(UnixStream::connect(&file)?, &request)?;
        Ok([Response::to_head(server.address(), &request)?.status, inside.status])
    };
    assert_eq!(status("/all")?, [101, 101]);
    assert_eq!(status("/inside")?, [404, 101]);
    let line = server.next_line("/inside")?;
    assert!(line.contains("unix socket"), "listed at an address where it is not served: {line}");
    Ok(())
}

/// Returns a command that starts the server with sockets as systemd passes them, from descriptor 3 on.
pub(crate) fn activated(sockets: &str) -> Command {
    let mut command = Command::new("python3");
    let launcher = format!(
        "import os, socket, sys\n\
         sockets = [{sockets}]\n\
         for place, each in enumerate(sockets):\n    \
             each.type == socket.SOCK_STREAM and each.listen(); os.dup2(each.fileno(), 3 + place); \
             os.set_inheritable(3 + place, True)\n\
         os.environ.update(LISTEN_FDS=str(len(sockets)), LISTEN_PID=str(os.getpid()))\n\
         os.execv(sys.argv[1], sys.argv[1:])\n"
    );
    command.args(["-c", &launcher]).arg(host_binary());
    command.arg("--component").arg(component("guest-about")).args(["--listen", "systemd"]);
    command
}

#[test]
fn inherited_sockets_are_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("socket");
    // High numbers, so that moving one socket to its final descriptor does not close the other.
    let sockets = format!(
        "socket.socket(fileno=__import__('fcntl').fcntl(each.detach(), 0, 10)) for each in \
         [socket.create_server(('127.0.0.1', 0)), \
         socket.create_server('{}', family=socket.AF_UNIX)]",
        file.display()
    );
    let mut server = TestServer::spawn(activated(&sockets))?;
    let seen = Client::connect(&server)?.ask("request")?;
    assert!(seen.contains("peer_address: \"127.0.0.1\""), "{seen}");
    assert_eq!(at_unix(&file)?.ask("hello")?, "hello");
    assert!(server.next_line("unix socket")?.contains(file.to_str().context("not UTF-8")?));
    terminate(&server)?;
    assert_eq!(server.wait()?.status.code(), Some(0));
    // The socket file belongs to the process that created it.
    assert!(file.exists());
    Ok(())
}

#[test]
fn connection_accepted_before_a_stop_becomes_a_client_if_the_socket_stays_open() -> Result<()> {
    let mut command = activated("socket.create_server(('127.0.0.1', 0))");
    command.args(["--admin", "127.0.0.1:0"]);
    let mut server = TestServer::spawn(command)?;
    let admin = server.admin()?;
    let connection = TcpStream::connect(server.address())?;
    // Connections are accepted in their order.
    let mut early = Client::connect(&server)?;
    terminate(&server)?;
    // The server stops accepting at all addresses together.
    wait_until(|| Ok(TcpStream::connect(admin).is_err()))?;
    let mut late = Client::request(connection, &handshake("/", ""))?.0;
    for client in [&mut early, &mut late] {
        client.expect_close(1001)?;
    }
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}

#[test]
fn missing_systemd_sockets_are_explained() -> Result<()> {
    let error = complaint(&["--listen", "systemd"])?;
    assert!(error.contains("systemd") && error.contains("LISTEN_FDS"), "{error}");
    Ok(())
}

#[test]
fn inherited_sockets_can_speak_tls() -> Result<()> {
    let authority = Authority::new()?;
    let sockets = "socket.socket(fileno=__import__('fcntl').fcntl(each.detach(), 0, 10)) for each \
                   in [socket.create_server(('127.0.0.1', 0))]";
    let mut command = activated(sockets);
    command.args(authority.flags()?);
    let server = TestServer::spawn(command)?;
    let stream = authority.ask().over(TcpStream::connect(server.address())?)?;
    assert_eq!(Client::greet(stream)?.ask("hello")?, "hello");
    Ok(())
}
