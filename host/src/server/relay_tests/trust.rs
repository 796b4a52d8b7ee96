//! A host believes nothing that a peer says before the peer has authenticated.

use std::net::Ipv4Addr;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::{Proof, Running, SECRET, SOON, open, refusal, start, start_with};

const OTHER: &[u8] = b"the secret of another cluster";

/// Sends bytes to the address for hosts. Returns everything that the host sends back.
async fn send(address: &str, parts: &[&[u8]]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    for part in parts {
        // The host may refuse the peer before all parts are written.
        let _ = stream.write_all(part).await;
    }
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = timeout(SOON, stream.read_to_end(&mut answer)).await.expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn hosts_with_different_secrets_do_not_relay() {
    let (edge, owner) =
        (start("echo").await, start_with("echo", &Proof::secret(OTHER), |_| {}).await);
    edge.relay_to(&[&owner.peers]);
    let response = refusal(edge.address, "").await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("do not trust each other"), "{response}");
    assert_eq!(owner.clients(), 0);
}

#[tokio::test]
async fn peer_without_the_secret_is_refused_with_403_and_what_is_no_host_with_400() {
    let owner = start("echo").await;
    let hello = format!("ws-host-peer 2 {} default\r\n", "00".repeat(32));
    let digits = "00".repeat(32);
    for wrong in
        [format!("{digits} {digits} 0 0 default\r\n"), format!("- {digits} 0 0 default\r\n")]
    {
        let answer = send(&owner.peers, &[hello.as_bytes(), wrong.as_bytes()]).await;
        let (first, second) = answer.split_once("\r\n").expect("two lines");
        assert!(first.starts_with("ws-host-peer 2 "), "{answer}");
        assert!(second.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let long = [b'a'; 100_000];
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"GET /healthz HTTP/1.1\r\n\r\n",
        b"ws-host-peer 3 00\r\n",
        b"ws-host-peer 2 00 default\r\n",
        b"\xff\xfe\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 4660 80\r\n",
        &long,
    ] {
        let answer = send(&owner.peers, &[garbage]).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
        assert!(!answer.contains("ok"), "{answer}");
    }
    for lost in [&b""[..], b"ws-host", hello.as_bytes()] {
        send(&owner.peers, &[lost]).await;
    }
    // The owner still serves clients.
    let edge = start("echo").await;
    edge.relay_to(&[&owner.peers]);
    let (_stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

/// Copies bytes between an edge and an owner until one of them closes its side. `change` is applied to the bytes of the
/// edge. Returns what the edge has sent.
async fn between(
    listener: &TcpListener,
    owner: &str,
    change: impl Fn(Vec<u8>) -> Vec<u8>,
) -> Vec<u8> {
    let (mut near, _) = listener.accept().await.expect("the edge");
    let mut far = TcpStream::connect(owner).await.expect("the owner");
    let (mut sent, mut buffer, mut back) = (Vec::new(), [0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            read = near.read(&mut buffer) => {
                let count = read.expect("no error");
                if count == 0 {
                    return sent;
                }
                sent.extend_from_slice(&buffer[..count]);
                far.write_all(&change(buffer[..count].to_vec())).await.expect("it reads");
            }
            read = far.read(&mut back) => {
                let count = read.expect("no error");
                if count == 0 {
                    return sent;
                }
                near.write_all(&back[..count]).await.expect("it reads");
            }
        }
    }
}

#[tokio::test]
async fn opening_that_was_changed_on_the_way_is_refused() {
    let (edge, owner) = (start("echo").await, start("echo").await);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    edge.relay_to(&[&listener.local_addr().expect("an address").to_string()]);
    let changing = between(&listener, &owner.peers, |bytes| {
        let text = String::from_utf8(bytes).expect("ASCII");
        text.replace("/a?query", "/b?query").into_bytes()
    });
    let (sent, response) = tokio::join!(changing, refusal(edge.address, ""));
    assert!(String::from_utf8_lossy(&sent).contains("/a?query"));
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("do not trust each other"), "{response}");
    assert_eq!(owner.clients(), 0);
}

#[tokio::test]
async fn recorded_opening_is_refused_on_another_connection() {
    let (edge, owner) = (start("echo").await, start("echo").await);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    edge.relay_to(&[&listener.local_addr().expect("an address").to_string()]);
    let recording = between(&listener, &owner.peers, |bytes| bytes);
    let client = async {
        let (stream, head) = open(edge.address, "").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        drop(stream);
    };
    let (recorded, ()) = tokio::join!(recording, client);
    let end = recorded.windows(2).position(|pair| pair == b"\r\n").expect("a line") + 2;
    let (hello, opening) = recorded.split_at(end);
    assert!(opening.ends_with(b"\r\n\r\n"), "the head of the client");
    for parts in [&[&recorded[..]][..], &[hello, opening]] {
        let answer = send(&owner.peers, parts).await;
        assert!(answer.contains("HTTP/1.1 403 "), "{answer}");
        assert!(!answer.contains(" 101 "), "{answer}");
    }
}

/// Returns the credentials of four hosts. The first two hosts have certificates of one authority. The third host has a
/// certificate of a second authority. The fourth host trusts the first authority, but its certificate comes from the
/// second.
fn certificates() -> [Proof; 4] {
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        CertifiedIssuer::self_signed(params, key).expect("an authority")
    };
    let (ours, theirs) = (authority(), authority());
    let host = |trusted: &CertifiedIssuer<'_, KeyPair>,
                authority: &CertifiedIssuer<'_, KeyPair>| {
        let mut params = CertificateParams::default();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        params.subject_alt_names = vec![SanType::IpAddress(Ipv4Addr::LOCALHOST.into())];
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, authority).expect("a certificate");
        let certificate = [trusted.pem(), signed.pem(), key.serialize_pem()];
        Proof { secret: None, certificate: Some(certificate) }
    };
    [host(&ours, &ours), host(&ours, &ours), host(&theirs, &theirs), host(&ours, &theirs)]
}

#[tokio::test]
async fn hosts_with_certificates_of_one_authority_relay() {
    let [first, second, foreign, impostor] = certificates();
    let edge = start_with("echo", &first, |_| {}).await;
    let owner = start_with("echo", &second, |_| {}).await;
    edge.relay_to(&[&owner.peers]);
    let (_stream, head) = open(edge.address, "").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(owner.client().info().local, edge.address);
    for proof in [foreign, impostor, Proof::secret(SECRET)] {
        let other = start_with("echo", &proof, |_| {}).await;
        // Neither host accepts the other.
        for (from, to) in [(&edge, &other), (&other, &owner)] {
            from.relay_to(&[&to.peers]);
            let response = refusal(from.address, "").await;
            assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
            // This reason rules out that the hosts waited for each other until the handshake timed out.
            assert!(response.contains("do not trust each other"), "{response}");
        }
    }
    assert_eq!(owner.clients(), 1);
    let answer = send(&owner.peers, &[b"GET / HTTP/1.1\r\n\r\n"]).await;
    assert!(!answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn hosts_of_different_clusters_do_not_relay_although_they_trust_each_other() {
    let [first, second, ..] = certificates();
    let secret = Proof::secret(SECRET);
    for (here, there) in [(&secret, &secret), (&first, &second)] {
        let edge = start_with("echo", here, |_| {}).await;
        let owner = start_with("echo", there, |_| {}).await;
        let other = start_with("echo", there, |config| {
            config.host.cluster.as_mut().expect("a cluster").name = "other".into();
        })
        .await;
        // The edge looks again, and finds the owner.
        edge.relay_to(&[&other.peers, &other.peers, &owner.peers]);
        let (_stream, head) = open(edge.address, "").await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert_eq!((other.clients(), owner.clients()), (0, 1));
        let refused = |host: &Running| host.host.state.relayed.refused_peers.get();
        assert_eq!((refused(&other), refused(&owner)), (2, 0));
    }
}
