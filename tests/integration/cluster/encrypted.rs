//! Hosts that relay clients to each other over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Broker, DEADLINE};

use super::members::{Shared, count, join, placement, try_join};
use crate::authority::{Authority, Identity};
use crate::hosts::Host;

/// A broker with TLS that any client may use. What hosts show to each other is theirs.
struct Encrypted {
    authority: Authority,
    shared: Shared,
}

impl Encrypted {
    fn start() -> Result<Self> {
        let authority = Authority::new()?;
        let Identity { certificate, key } = authority.issue("broker")?;
        let tls = ["--tls", "--tlscert", &certificate, "--tlskey", &key, "-js"];
        Ok(Self { authority, shared: Shared::with(Broker::with_arguments(&tls)?)? })
    }

    /// Starts a host that shows this certificate, and has no secret.
    fn host(&self, identity: &Identity) -> Result<Host> {
        let url = format!("tls://{}", self.shared.broker.address());
        let Identity { certificate, key } = identity;
        let host = self.shared.starting_without_secret(
            &url,
            &[
                &["--cluster-ca", &self.authority.file()][..],
                &["--cluster-cert", certificate, "--cluster-key", key],
            ]
            .concat(),
        )?;
        host.wait_until_ready()?;
        Ok(host)
    }
}

#[test]
fn hosts_relay_clients_over_tls_and_refuse_a_host_with_a_certificate_of_another_authority()
-> Result<()> {
    let cluster = Encrypted::start()?;
    let owner = cluster.host(&cluster.authority.issue("owner")?)?;
    let edge = cluster.host(&cluster.authority.issue("edge")?)?;
    let mut first = join(&owner, "/room/1")?;
    let mut relayed = join(&edge, "/room/1")?;
    assert_eq!((first.ask("count")?, relayed.ask("count")?), ("1".to_owned(), "2".to_owned()));
    // More than a TLS record holds.
    let long = "l".repeat(100_000);
    assert_eq!(relayed.ask(&long)?, long);
    assert_eq!(placement(&edge)?["owned_actors"], 0);
    relayed.close()?;

    let others = Authority::new()?;
    let mut stranger = cluster.host(&others.issue("stranger")?)?;
    assert_eq!(try_join(&stranger, "/room/1")?.expect_err("a refusal").status, 503);
    let line = stranger.server.wait_for_log("cannot be relayed")?;
    ensure!(line.contains("certificate"), "{line}");
    // The owner may learn a moment later that the relayed client has left, which counts as a hundred.
    assert_eq!(count(&mut first)?, 3);
    Ok(())
}

#[test]
fn owner_with_a_certificate_answers_nothing_without_tls() -> Result<()> {
    let cluster = Encrypted::start()?;
    let owner = cluster.host(&cluster.authority.issue("owner")?)?;
    let address = placement(&owner)?["address"].as_str().context("an address")?.to_owned();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    // An alert of TLS, whose level is fatal.
    ensure!(answer.first() == Some(&0x15) && answer.get(5) == Some(&2), "{answer:x?}");
    Ok(())
}
