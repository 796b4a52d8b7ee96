//! The [`ClientInfo`] of clients that connect over real sockets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex};
use tokio::net::TcpStream;
use tokio_util::task::AbortOnDropHandle;
use ws_host_client::{HttpVersion as ClientHttpVersion, Options, Verify, connect};

use super::{Host, Peer, Server};
use crate::clients::{Client, ClientInfo, HttpVersion};
use crate::config::{
    self, Address, Certificate, ClientCertificates, Config, Encryption, Listen, Need,
    ProxyProtocol, ResourceConfig,
};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: other, chat, echo\r\n\r\n";

/// Returns the settings of a host with an echo handler and two subprotocols.
fn host() -> config::HostConfig {
    let component = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/components/echo.wasm");
    assert!(component.is_file(), "run `make components` first");
    let resource = ResourceConfig::new("/", component).expect("a pattern");
    let resource = ResourceConfig { subprotocols: vec!["echo".into(), "chat".into()], ..resource };
    let proxy = std::net::IpAddr::from(Ipv4Addr::LOCALHOST).into();
    config::HostConfig { trusted_proxies: vec![proxy], ..config::HostConfig::new(vec![resource]) }
}

fn listen(address: Address) -> Listen {
    let (encryption, proxy_protocol) = (Encryption::Plain, ProxyProtocol::Off);
    Listen { address, encryption, proxy_protocol, mode: None }
}

async fn server(listen: Listen, tls: Option<config::Tls>) -> Server {
    let config = Config { tls, backlog: 8, ..Config::new(vec![listen], host()) };
    Server::start(config).await.expect("it starts")
}

fn port(server: &Server) -> u16 {
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    address.port()
}

/// Returns the only connected client.
fn client(host: &Host) -> Arc<Client> {
    let served = host.state.registry.all();
    let clients = served[0].resource().clients();
    assert_eq!(clients.len(), 1);
    Arc::clone(&clients[0])
}

/// Sends `before` and the request, and waits for the response. The client stays connected until the stream is dropped.
async fn open<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, before: &[u8]) -> S {
    stream.write_all(&[before, REQUEST.as_bytes()].concat()).await.expect("it reads");
    let mut response = Vec::new();
    while !response.ends_with(b"\r\n\r\n") {
        response.push(stream.read_u8().await.expect("a response"));
    }
    let response = String::from_utf8(response).expect("ASCII");
    assert!(response.contains("\r\nSec-WebSocket-Protocol: chat\r\n"), "{response}");
    stream
}

fn assert_unencrypted(info: &ClientInfo) {
    assert_eq!((info.server_name.as_deref(), info.certificate.is_some()), (None, false));
}

#[tokio::test]
async fn local_address_is_known_wherever_the_server_listens() {
    let (v4, v6) = (Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into());
    for (at, to) in [
        (v4, v4),
        (Ipv4Addr::UNSPECIFIED.into(), v4),
        (Ipv6Addr::UNSPECIFIED.into(), v6),
        // An IPv4 client that connects to a dual-stack socket.
        (Ipv6Addr::UNSPECIFIED.into(), v4),
    ] {
        let server = server(listen(Address::Tcp(SocketAddr::new(at, 0))), None).await;
        let (host, to) = (server.host().clone(), SocketAddr::new(to, port(&server)));
        let _running = AbortOnDropHandle::new(tokio::spawn(server.run(std::future::pending())));
        let stream = TcpStream::connect(to).await.expect("it listens");
        let peer = stream.local_addr().expect("an address");
        let _stream = open(stream, b"").await;
        let client = client(&host);
        let info = client.info();
        assert_eq!((info.local, info.peer), (to, peer), "{at}");
        assert_eq!(info.http_version, HttpVersion::Http1);
        assert_eq!(info.subprotocol(), Some("chat"));
        assert_eq!(info.header("sec-websocket-Protocol"), Some("other, chat, echo"));
        assert_unencrypted(info);
    }
}

#[tokio::test]
async fn proxy_protocol_header_names_both_addresses_or_none() {
    let here = Address::Tcp((Ipv4Addr::LOCALHOST, 0).into());
    for (header, ends) in [
        (
            &b"PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\n"[..],
            Some(("192.0.2.7:4660", "192.0.2.1:80")),
        ),
        (b"PROXY TCP6 2001:db8::1 ::1 5 80\r\n", Some(("[2001:db8::1]:5", "[::1]:80"))),
        (b"PROXY UNKNOWN\r\n", None),
    ] {
        let listen = Listen { proxy_protocol: ProxyProtocol::Required, ..listen(here.clone()) };
        let server = server(listen, None).await;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port(&server)));
        let host = server.host().clone();
        let _running = AbortOnDropHandle::new(tokio::spawn(server.run(std::future::pending())));
        let stream = TcpStream::connect(to).await.expect("it listens");
        let own = (stream.local_addr().expect("an address"), to);
        let _stream = open(stream, header).await;
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let ends = ends.map_or(own, |(client, server)| (address(client), address(server)));
        let client = client(&host);
        assert_eq!((client.info().peer, client.info().local), ends);
    }
}

#[tokio::test]
async fn embedding_program_may_set_the_local_address() {
    let peer = Peer::plain((Ipv4Addr::LOCALHOST, 1).into());
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 2));
    let unspecified = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    for (peer, expected) in [(peer, unspecified), (peer.at(local), local)] {
        let host = Host::start(host()).await.expect("it starts");
        let (far, near) = duplex(1000);
        let _stream = tokio::join!(open(far, b""), host.serve_stream(near, peer));
        assert_eq!(client(&host).info().local, expected);
    }
}

/// A folder with three files: the certificate of an authority, a client certificate that the authority has signed, and
/// the key of the client certificate.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(authority, key).expect("an authority");
        let mut alice = CertificateParams::default();
        alice.distinguished_name.push(DnType::CommonName, "alice");
        alice.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let uri = "spiffe://example.com/alice".try_into().expect("ASCII");
        alice.subject_alt_names =
            vec![SanType::URI(uri), SanType::IpAddress([192, 0, 2, 1].into())];
        let key = KeyPair::generate().expect("a key");
        let signed = alice.signed_by(&key, &authority).expect("a certificate");
        for (name, text) in
            [("ca", authority.pem()), ("alice", signed.pem()), ("key", key.serialize_pem())]
        {
            std::fs::write(folder.path().join(name), text).expect("room");
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }
}

#[tokio::test]
async fn server_name_and_client_certificate_are_known_over_both_versions_of_http() {
    let files = Certificates::new();
    let clients = ClientCertificates { authorities: files.file("ca"), need: Need::Optional };
    let tls = config::Tls { certificate: Certificate::SelfSigned, clients: Some(clients) };
    for (version, expected) in [
        (ClientHttpVersion::Http1, HttpVersion::Http1),
        (ClientHttpVersion::Http2, HttpVersion::Http2),
    ] {
        for has_certificate in [true, false] {
            let socket = files.file("socket");
            let listen =
                Listen { encryption: Encryption::Tls, ..listen(Address::Unix(socket.clone())) };
            let server = server(listen, Some(tls.clone())).await;
            let host = server.host().clone();
            let _running = AbortOnDropHandle::new(tokio::spawn(server.run(std::future::pending())));
            let options = Options::new("wss://WS.Example.COM/").expect("a URL");
            let options = options.unix(socket).verify(Verify::Nothing).http(version);
            let options = if has_certificate {
                options.client_certificate(files.file("alice"), files.file("key"))
            } else {
                options
            };
            let (connected, _messages) = connect(options);
            connected.opened().await.expect("it is accepted");
            let client = client(&host);
            let info = client.info();
            assert_eq!(info.http_version, expected);
            assert_eq!(info.server_name.as_deref(), Some("ws.example.com"));
            assert_eq!(info.local, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
            assert_eq!(info.subprotocol(), None);
            let Some(certificate) = &info.certificate else {
                assert!(!has_certificate, "no certificate");
                continue;
            };
            assert!(has_certificate, "{certificate:?}");
            let pem = std::fs::read(files.file("alice")).expect("a file");
            let (_, pem) = x509_parser::pem::parse_x509_pem(&pem).expect("PEM");
            assert_eq!(certificate.der(), pem.contents);
            assert_eq!(certificate.names(), ["uri:spiffe://example.com/alice", "ip:192.0.2.1"]);
            assert!(certificate.subject().is_some_and(|subject| subject.contains("CN=alice")));
        }
    }
}
