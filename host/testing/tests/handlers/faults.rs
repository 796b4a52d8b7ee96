//! Faults on demand.

use anyhow::Result;

use crate::{KEEPER, ask, serve, serve_one};
use ws_host_testing::{ConnectError, Failure};

#[test]
fn exactly_one_event_fails_as_demanded() -> Result<()> {
    let failures = [
        (Failure::Trap, "unreachable"),
        (Failure::Memory, "max-memory allows 64 MiB"),
        (Failure::Cpu, "max-cpu allows 1s"),
        (Failure::Time, "max-time allows 1m"),
    ];
    for (failure, words) in failures {
        let (host, client) = serve_one(KEEPER)?;
        let other = host.connect("/")?;
        host.fail_next_event(failure);
        client.send("count");
        client.expect_close(1011, "the handler failed");
        let log = host.log();
        assert!(log.iter().any(|line| line.text.contains(words)), "{failure:?}: {log:?}");
        assert_eq!(ask(&other, "count")?, "101", "a fresh instance, and a client that left");
        assert_eq!(host.elapsed().as_secs(), 0);
    }
    Ok(())
}

#[test]
fn fault_hits_the_first_client_of_an_instance_that_does_not_exist_yet() -> Result<()> {
    let host = serve(KEEPER)?;
    host.fail_next_event(Failure::Trap);
    match host.connect("/") {
        Err(ConnectError::Refused(refused)) => assert_eq!(refused.status, 500),
        other => panic!("{other:?}"),
    }
    assert_eq!(ask(&host.connect("/")?, "count")?, "1");
    Ok(())
}

#[test]
fn states_are_handed_over_before_the_event_that_fails() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    assert_eq!(ask(&client, "count")?, "1");
    host.fail_next_event(Failure::Trap);
    host.hibernate();
    client.send("count");
    client.expect_close(1011, "the handler failed");
    let log = host.log();
    assert!(log.iter().all(|line| !line.text.contains("resume")), "{log:?}");
    Ok(())
}

#[test]
fn timer_fails_as_demanded_and_closes_nobody() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    ask(&client, "timer 1 1000")?;
    ask(&client, "timer 2 2000")?;
    host.fail_next_event(Failure::Trap);
    host.advance(std::time::Duration::from_secs(10));
    client.expect_text("fired 2 in version 1");
    client.expect_nothing();
    Ok(())
}
