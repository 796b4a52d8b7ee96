//! Hosts that share paths, while the broker or a host is away.

use anyhow::{Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Backend, Broker, FaultProxy, wait_until};

use crate::configured::terminate;
use crate::hosts::{probe, receive};

use super::members::{
    LEASE, Shared, clog, count, is_ready, join, outlast, placement, take_over, try_join,
};

#[test]
fn host_that_was_paused_for_longer_than_a_lease_handles_no_other_event() -> Result<()> {
    let shared = Shared::start()?;
    let [mut paused, mut other] = [shared.host()?, shared.host()?];
    let mut client = join(&paused, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    paused.server.pause()?;
    client.send_text("count")?;
    let mut taken = take_over(&other, "/room/1")?;
    assert_eq!(count(&mut taken)?, 1);
    let line = other.server.wait_for_log("has fenced the lease")?;
    assert!(line.contains("any host can now take the actors of that host"), "{line}");
    paused.server.signal(Signal::CONT)?;
    let (code, _) = client.receive_close()?;
    assert!(code == 1012 || code == 1013, "{code}");
    client.send_close(code, "")?;
    assert_eq!(taken.ask("count")?, "2");
    let line = paused.server.wait_for_log("this host has lost its lease")?;
    assert!(line.contains("another host has fenced it") && line.contains("with 1012"), "{line}");
    // It takes another lease, and knows the new owner.
    paused.server.wait_for_log("this host has a lease")?;
    wait_until(|| is_ready(&paused))?;
    wait_until(|| Ok(placement(&paused)?["lost_leases"] == 1))?;
    assert!(paused.get("/metrics")?.1.contains("ws_host_lease_lost_total 1\n"));
    wait_until(|| Ok(placement(&paused)?["owned_actors"] == 0))?;
    assert_eq!(count(&mut join(&paused, "/room/1")?)?, 3);
    Ok(())
}

#[test]
fn restart_of_the_broker_is_not_noticed() -> Result<()> {
    let mut shared = Shared::start()?;
    let [mut first, other] = [shared.host()?, shared.host()?];
    let mut client = join(&first, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    let before = placement(&first)?["lease_name"].clone();
    shared.broker.restart()?;
    let line = first.server.wait_for_log("reconnected to the broker")?;
    assert!(line.contains("topic messages reach all hosts again"), "{line}");
    wait_until(|| Ok(first.is_up()? && other.is_up()?))?;
    outlast(LEASE);
    assert_eq!(client.ask("count")?, "2");
    assert_eq!(placement(&first)?["lease_name"], before);
    assert_eq!(count(&mut join(&other, "/room/1")?)?, 3);
    assert_eq!(count(&mut join(&first, "/room/1")?)?, 4);
    Ok(())
}

#[test]
fn broker_that_has_lost_its_store_ends_all_rooms_and_they_begin_anew_on_one_host_each() -> Result<()>
{
    const ROOMS: u64 = 4;
    let room = |number: u64| format!("/room/{number}");
    let mut shared = Shared::start()?;
    let mut hosts = [shared.host()?, shared.host()?];
    let mut clients = Vec::new();
    for number in 0..ROOMS {
        let mut client = join(&hosts[number as usize % 2], &room(number))?;
        assert_eq!(client.ask("count")?, "1");
        clients.push(client);
    }
    shared.restart_broker_without_its_store()?;
    for host in &mut hosts {
        let line = host.server.wait_for_log("this host has lost its lease")?;
        assert!(line.contains("the broker has lost its data") && line.contains("1012"), "{line}");
        let line = host.server.wait_for_log("the broker's records are new")?;
        assert!(line.contains("before it serves paths that are unique"), "{line}");
    }
    for client in &mut clients {
        let (code, _) = client.receive_close()?;
        assert!(code == 1012 || code == 1013, "{code}");
        client.send_close(code, "")?;
    }
    // Until every lease that the records may lack has ended.
    assert!(hosts.iter().any(|host| !is_ready(host).unwrap_or(true)));
    for host in &mut hosts {
        host.server.wait_for_log("this host now serves the paths that are unique")?;
        wait_until(|| is_ready(host))?;
        assert_eq!(placement(host)?["lost_leases"], 1);
        wait_until(|| Ok(placement(host)?["owned_actors"] == 0))?;
    }
    for number in 0..ROOMS {
        // Wherever a client arrives, it is in the same new instance.
        let mut client = join(&hosts[number as usize % 2], &room(number))?;
        assert_eq!(client.ask("count")?, "1");
        let mut relayed = join(&hosts[(number as usize + 1) % 2], &room(number))?;
        assert_eq!((count(&mut relayed)?, count(&mut client)?), (2, 3));
        clients.extend([client, relayed]);
    }
    let owned = |host| Ok::<_, anyhow::Error>(placement(host)?["owned_actors"].as_u64());
    assert_eq!((owned(&hosts[0])?, owned(&hosts[1])?), (Some(ROOMS / 2), Some(ROOMS / 2)));
    Ok(())
}

#[test]
fn without_the_broker_for_longer_than_a_lease_paths_end() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let mut host = shared.host_behind(&proxy, &["--max-cpu", "60s"])?;
    let mut idle = join(&host, "/room/1")?;
    let mut busy = join(&host, "/room/2")?;
    busy.send_text("spin")?;
    proxy.cut();
    // Also a client that asks nothing, and one whose event is running.
    for client in [&mut idle, &mut busy] {
        assert_eq!(client.receive_close()?.0, 1013);
    }
    let line = host.server.wait_for_log("the lease of this host has ended")?;
    for words in ["could not be renewed", "closed with 1013", "get 503 until the broker is back"] {
        assert!(line.contains(words), "{words:?} is not in {line:?}");
    }
    wait_until(|| Ok(!is_ready(&host)?))?;
    assert_eq!(placement(&host)?["lease"], "lapsed");
    assert_eq!(try_join(&host, "/room/1")?.expect_err("a refusal").status, 503);
    assert_eq!(try_join(&host, "/room/3")?.expect_err("a refusal").status, 503);
    assert!(host.get("/metrics")?.1.contains("kind=\"not-owner\""));
    proxy.heal();
    let line = host.server.wait_for_log("the lease of this host is valid again")?;
    assert!(line.contains("no other host has taken its paths"), "{line}");
    wait_until(|| is_ready(&host))?;
    // Nobody else had the path, but its instance has ended.
    assert_eq!(join(&host, "/room/1")?.ask("count")?, "1");
    assert_eq!(placement(&host)?["lost_leases"], 0);
    Ok(())
}

#[test]
fn without_the_broker_paths_continue_if_they_may_until_another_host_has_them() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let mut alone = shared.host_behind(&proxy, &["--cluster-without-broker", "continue"])?;
    let other = shared.host()?;
    let mut client = join(&alone, "/room/1")?;
    assert_eq!(client.ask("count")?, "1");
    proxy.cut();
    // The other host sees that the lease stands still.
    let mut taken = take_over(&other, "/room/1")?;
    assert_eq!(taken.ask("count")?, "1");
    wait_until(|| Ok(placement(&alone)?["lease"] == "lapsed"))?;
    let line = alone.server.wait_for_log("the lease of this host has ended")?;
    assert!(line.contains("continue, even though another host may start"), "{line}");
    // Two hosts have the path, which is what was asked for. New clients of the cut off host get there, too.
    assert_eq!(count(&mut client)?, 2);
    assert_eq!(count(&mut join(&alone, "/room/1")?)?, 3);
    proxy.heal();
    client.expect_close(1012)?;
    assert_eq!(taken.ask("count")?, "2");
    wait_until(|| is_ready(&alone))?;
    assert_eq!(count(&mut join(&alone, "/room/1")?)?, 3);
    Ok(())
}

#[test]
fn what_a_room_published_before_it_was_taken_is_not_sent_after_that() -> Result<()> {
    let shared = Shared::start()?;
    let proxy = FaultProxy::to(shared.broker.address())?;
    let former = shared.host_behind(&proxy, &[])?;
    let other = shared.host()?;
    let mut subscriber = join(&other, "/room/2")?;
    assert_eq!(subscriber.ask("subscribe news")?, "Ok(())");
    let mut backend = Backend::connect(shared.broker.address())?;
    probe(&mut subscriber, "ws.default.t.guest-keeper.news", &mut backend)?;
    let mut client = join(&former, "/room/1")?;
    proxy.stall();
    let clogged = clog(&former, "guest-keeper")?;
    client.ask("publish news late")?;
    wait_until(|| {
        // Until then, clients are relayed to the host that had the room.
        let _client = try_join(&other, "/room/1")?;
        Ok(placement(&other)?["owned_actors"] == 2)
    })?;
    proxy.heal();
    wait_until(|| Ok(former.number("sent")? >= clogged))?;
    former.publish("news", "", b"later")?;
    assert_eq!(receive(&mut subscriber)?, "later");
    assert_eq!(former.dropped("not-owner")?, 1);
    Ok(())
}

#[test]
fn broker_that_cannot_keep_records_is_said() -> Result<()> {
    let shared = Shared::start()?;
    let without = Broker::start()?;
    let mut host = shared.starting("guest-keeper", &without.url(), LEASE, &[])?;
    let line = host.server.wait_for_log("cannot take a lease")?;
    assert!(line.contains("start nats-server with -js"), "{line}");
    // The connection for topics may still be under way, which is said first.
    wait_until(|| {
        let (status, why) = host.get("/readyz")?;
        ensure!(status == 503, "{status}: {why}");
        Ok(why.contains("start nats-server with -js"))
    })
}

#[test]
fn log_never_has_the_password_of_the_broker() -> Result<()> {
    let shared = Shared::start()?;
    let broker = Broker::with_arguments(&["--user", "ann", "--pass", "aSecretWord"])?;
    let url = broker.url().replace("nats://", "nats://ann:aSecretWord@");
    let mut host = shared.starting("guest-keeper", &url, LEASE, &["--log", "trace"])?;
    // Both connections have been made: that for topics, and that for the lease.
    wait_until(|| Ok(host.get("/cluster")?.1.contains("\"link\":\"up\"")))?;
    host.server.wait_for_log("cannot take a lease")?;
    terminate(&host.server)?;
    let log = host.server.wait()?.log;
    assert!(!log.is_empty() && !log.contains("aSecretWord"), "{log}");
    Ok(())
}
