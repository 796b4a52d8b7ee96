//! What handlers see of a client's certificate, the negotiated protocols and the local address.

use anyhow::{Context, Result};
use rcgen::DnType;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::version::{TLS12, TLS13};
use ws_host_test_support::{Client, TestServer};

use crate::connect::connect;
use crate::encrypted::Authority;

fn sha256(bytes: &[u8]) -> Result<String> {
    let suite = TLS13_AES_128_GCM_SHA256.tls13().context("no suite of TLS 1.3")?;
    Ok(hexadecimal(suite.common.hash_provider.hash(bytes).as_ref()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn handler_sees_names_and_fingerprint_of_a_certificate_over_every_version_of_tls_and_http()
-> Result<()> {
    let authority = Authority::new()?;
    let ca = &authority.argument()?;
    let server = authority.serving("guest-about", &["--tls-client-ca", ca])?;
    let alice = authority.vouch_for_subject(&[
        (DnType::OrganizationName, "Example"),
        (DnType::CommonName, "alice"),
    ])?;
    // Every certificate of this authority has these names.
    let names = "dns:localhost ip:127.0.0.1 ip:::1";
    let fingerprint = sha256(&alice.certificate)?;
    let der = hexadecimal(&alice.certificate);
    for version in [&TLS12, &TLS13] {
        let version = [version];
        let ask = authority.ask().version(&version);
        let mut shown = Client::greet(ask.showing(&alice).connect(server.address())?)?;
        assert_eq!(shown.ask("certificate-names")?, names);
        assert_eq!(shown.ask("certificate-fingerprint")?, fingerprint);
        assert_eq!(shown.ask("certificate-subject")?, "CN=alice,O=Example");
        assert_eq!(shown.ask("certificate")?, der);
        let mut nobody = Client::greet(ask.connect(server.address())?)?;
        for what in ["", "-names", "-fingerprint", "-subject"] {
            assert_eq!(nobody.ask(&format!("certificate{what}"))?, "", "{what}");
        }
    }
    let (certificate, key) = alice.write(authority.folder(), "alice-")?;
    let (certificate, key) = (certificate.as_str(), key.as_str());
    let flags = ["--ca", ca, "--cert", certificate, "--key", key, "--http2", "--plain"];
    for (question, answer) in [("certificate-names", names), ("http-version", "2")] {
        let (_, printed, log) = connect(server.url(), &flags, question)?;
        assert_eq!(printed.trim_end(), answer, "{log}");
    }
    Ok(())
}

#[test]
fn handler_sees_the_server_name_the_http_version_and_the_local_address() -> Result<()> {
    let authority = Authority::new()?;
    let server = authority.serving("guest-about", &[])?;
    let mut client = authority.connect(&server)?;
    assert_eq!(client.ask("server-name")?, "localhost");
    assert_eq!(client.ask("http-version")?, "1.1");
    assert_eq!(client.ask("local")?, server.address().to_string());
    let (server, mut client) = TestServer::with_client("guest-about", &[])?;
    assert_eq!(client.ask("server-name")?, "");
    assert_eq!(client.ask("local")?, server.address().to_string());
    Ok(())
}
