//! Brokers that cannot keep the records of paths as they are set up.

use std::fs;

use anyhow::{Result, ensure};
use ws_host_test_support::{Broker, OldBroker, Servers, wait_until};

use super::durable::count_and_save;
use super::members::{LEASE, Shared, is_ready, join, try_join};

#[test]
fn version_that_may_forget_what_it_acknowledged_is_refused_with_the_reason() -> Result<()> {
    for (version, servers, advice) in [
        ("2.8.4", Servers::One, "use 2.9, or 2.10.23 or later"),
        ("2.10.21", Servers::One, "use 2.9, or 2.10.23 or later"),
        ("2.9.25", Servers::Several, "use 2.10.23 or later"),
    ] {
        let shared = Shared::with(OldBroker::start(version, servers)?)?;
        let mut host = shared.starting("guest-keeper", &shared.broker.url(), LEASE, &[])?;
        let line = host.server.wait_for_log("cannot take a lease")?;
        let why = format!("NATS {version} with ");
        ensure!(line.contains(&why) && line.contains(advice), "{line}");
        ensure!(line.contains("paths that are unique in the cluster get 503"), "{line}");
        wait_until(|| {
            let (status, body) = host.get("/readyz")?;
            ensure!(status == 503, "{status} {body}");
            // The connection for topics is made in the meantime.
            Ok(body.contains(&why) && body.contains(advice))
        })?;
        ensure!(try_join(&host, "/room/1")?.expect_err("a refusal").status == 503);
    }
    Ok(())
}

#[test]
fn host_is_not_ready_until_the_broker_accepts_the_longest_state() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let settings = folder.path().join("nats.conf");
    fs::write(&settings, "max_payload: 65536")?;
    let (file, store) = (settings.display().to_string(), folder.path().join("store"));
    let store = store.display().to_string();
    let mut shared = Shared::with(Broker::with_arguments(&["-c", &file, "-js", "-sd", &store])?)?;
    let start = |max_state: &[&str]| {
        let flags = [&["--durable", "--save-every", "20ms"], max_state].concat();
        shared.starting("guest-keeper", &shared.broker.url(), LEASE, &flags)
    };
    // With the default of 1,023 KiB.
    let mut host = start(&[])?;
    let fitting = start(&["--max-state", "63KiB"])?;
    let line = host.server.wait_for_log("cannot take a lease")?;
    for words in
        ["1047552 bytes", "65536 bytes", "raise max_payload of nats-server, or lower max-state"]
    {
        ensure!(line.contains(words), "{words:?} is not in {line:?}");
    }
    wait_until(|| {
        let (status, body) = host.get("/readyz")?;
        ensure!(status == 503, "{status} {body}");
        Ok(body.contains("raise max_payload of nats-server, or lower max-state"))
    })?;
    ensure!(try_join(&host, "/room/1")?.expect_err("a refusal").status == 503);
    fitting.wait_until_ready()?;
    let mut client = join(&fitting, "/room/1")?;
    assert_eq!(count_and_save(&fitting, &mut client)?, "1");
    fs::write(&settings, "max_payload: 1048576")?;
    shared.broker.restart()?;
    wait_until(|| is_ready(&host))
}
