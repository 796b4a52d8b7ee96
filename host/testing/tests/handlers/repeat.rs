//! The same test has the same result each time.

use std::time::Duration;

use anyhow::Result;
use ws_host_test_support::component;

use crate::{KEEPER, ask};
use ws_host_testing::config::InstancePer;
use ws_host_testing::{Failure, TestHost};

/// Runs a test with many clients, instances, timers and faults. Returns everything that can be observed.
fn run() -> Result<String> {
    let host = TestHost::component(component(KEEPER))
        .path("/{room}")?
        .resource(|resource| {
            resource.instance_per = InstancePer::Path;
            resource.timeouts.checkpoint = Some(Duration::from_secs(1));
        })
        .start()?;
    let mut clients = Vec::new();
    for room in 0..4 {
        for _ in 0..3 {
            clients.push(host.connect(format!("/{room}"))?);
        }
    }
    let mut seen = String::new();
    for (number, client) in clients.iter().enumerate() {
        client.send(&format!("timer {number} {}", 500 * (number % 3)));
        client.send("subscribe all");
        client.send("publish all hello");
        if number % 5 == 0 {
            host.fail_next_event(Failure::Memory);
        }
        client.send("count");
        host.advance(Duration::from_millis(700));
    }
    host.hibernate();
    clients[3].send("trap");
    clients[4].send("sleep 100");
    host.advance(Duration::from_secs(200));
    host.stop();
    for (number, client) in clients.iter().enumerate() {
        while let Some(received) = client.next() {
            seen += &format!("{number} {received}\n");
        }
    }
    for line in host.log() {
        seen += &format!("{line}\n");
    }
    Ok(seen)
}

#[test]
fn hundred_runs_are_the_same() -> Result<()> {
    let first = run()?;
    assert!(first.contains("fired") && first.contains("max-memory") && first.contains("hello"));
    for _ in 0..99 {
        assert_eq!(run()?, first);
    }
    Ok(())
}

#[test]
fn random_numbers_are_the_same_and_differ_between_instances() -> Result<()> {
    let numbers = || -> Result<[String; 2]> {
        let host = TestHost::component(component("guest-clock"))
            .path("/{room}")?
            .resource(|resource| resource.instance_per = InstancePer::Path)
            .start()?;
        let (one, other) = (host.connect("/1")?, host.connect("/2")?);
        Ok([ask(&one, "random")?, ask(&other, "random")?])
    };
    let first = numbers()?;
    assert_eq!(numbers()?, first);
    assert_ne!(first[0], first[1]);
    Ok(())
}
