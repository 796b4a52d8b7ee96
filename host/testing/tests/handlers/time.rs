//! Time passes only when the test lets it.

use std::time::Duration;

use anyhow::Result;

use crate::{KEEPER, ask, serve_one};
use ws_host_testing::{Received, TestHost};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn timers_are_due_in_their_order_at_their_time() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    assert_eq!(ask(&client, "timer 2 20000")?, "Ok(())");
    assert_eq!(ask(&client, "timer 1 10000")?, "Ok(())");
    assert_eq!(ask(&client, "timer 3 20000")?, "Ok(())");
    host.advance(SECOND * 10 - Duration::from_millis(1));
    client.expect_nothing();
    host.advance(Duration::from_millis(1));
    client.expect_text("fired 1 in version 1");
    client.expect_nothing();
    host.advance(SECOND * 3600);
    client.expect_text("fired 2 in version 1");
    client.expect_text("fired 3 in version 1");
    client.expect_nothing();
    assert_eq!(host.elapsed(), SECOND * 3610);
    Ok(())
}

#[test]
fn no_time_passes_while_a_client_waits_for_what_does_not_come() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    ask(&client, "timer 1 1")?;
    for _ in 0..100 {
        client.expect_nothing();
    }
    assert_eq!(host.elapsed(), Duration::ZERO);
    let text = Received::Text("fired 1 in version 1".into());
    assert_eq!(client.next_within(SECOND), Some(text));
    assert_eq!(host.elapsed(), Duration::from_millis(1), "no more than needed");
    Ok(())
}

#[test]
fn handler_that_sleeps_sleeps_for_the_tests_time() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    assert_eq!(ask(&client, "sleep 30000")?, "asleep");
    client.send("count");
    host.advance(SECOND * 29);
    client.expect_nothing();
    host.advance(SECOND);
    client.expect_text("awake");
    client.expect_text("1");
    Ok(())
}

#[test]
fn max_time_is_the_tests_time() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    assert_eq!(ask(&client, "sleep 70000")?, "asleep");
    host.advance(SECOND * 60 - Duration::from_millis(1));
    client.expect_nothing();
    host.advance(Duration::from_millis(1));
    client.expect_close(1011, "the handler failed");
    assert!(host.log().iter().any(|line| line.text.contains("max-time allows 1m")));
    Ok(())
}

#[test]
fn max_cpu_ends_a_handler_that_loops_though_no_time_passes() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    client.send("spin");
    client.expect_close(1011, "the handler failed");
    assert_eq!(host.elapsed(), Duration::ZERO);
    assert!(host.log().iter().any(|line| line.text.contains("max-cpu allows 1s")));
    Ok(())
}

#[test]
fn instance_hibernates_after_a_minute_and_wakes_for_its_timer() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    assert_eq!(ask(&client, "count")?, "1");
    ask(&client, "timer 7 600000")?;
    host.advance(SECOND * 599);
    client.expect_nothing();
    host.advance(SECOND);
    client.expect_text("fired 7 in version 1");
    assert_eq!(ask(&client, "history")?, "1 for 1 ", "resumed once, in version 1, with one client");
    assert_eq!(ask(&client, "count")?, "2");
    Ok(())
}

#[test]
fn client_that_answers_pings_stays_and_one_that_does_not_read_is_dropped() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    let silent = host.connect("/")?;
    silent.stop_reading();
    host.advance(SECOND * 59);
    assert_eq!(ask(&client, "clients")?, "2");
    host.advance(SECOND * 61);
    assert_eq!(ask(&client, "clients")?, "1");
    silent.continue_reading();
    silent.expect_close(1006, "");
    host.advance(SECOND * 86_400);
    assert_eq!(ask(&client, "clients")?, "1");
    Ok(())
}

#[test]
fn client_expires_at_its_time() -> Result<()> {
    let (host, client) = serve_one("guest-tagging")?;
    assert_eq!(ask(&client, "expire 100000 40000")?, "Ok(())");
    host.advance(SECOND * 60 - Duration::from_millis(1));
    client.expect_nothing();
    host.advance(Duration::from_millis(1));
    client.expect_text("expiring");
    host.advance(SECOND * 40 - Duration::from_millis(1));
    client.expect_nothing();
    host.advance(Duration::from_millis(1));
    client.expect_close(1008, "expired");
    Ok(())
}

#[test]
fn checkpoint_is_taken_in_the_tests_time() -> Result<()> {
    let host = TestHost::component(ws_host_test_support::component(KEEPER))
        .resource(|resource| resource.timeouts.checkpoint = Some(SECOND * 5))
        .start()?;
    let [client, other] = [host.connect("/")?, host.connect("/")?];
    for count in ["1", "2"] {
        assert_eq!(ask(&client, "count")?, count);
    }
    host.advance(SECOND * 5);
    assert_eq!(ask(&client, "count")?, "3");
    other.send("trap");
    other.expect_close(1011, "the handler failed");
    // The checkpoint has 2. The client that left adds 100, and this call adds 1.
    assert_eq!(ask(&client, "count")?, "103");
    Ok(())
}

#[test]
fn time_of_day_is_set_and_passes() -> Result<()> {
    let host = TestHost::component(ws_host_test_support::component("guest-clock"))
        .time_of_day(Duration::from_secs(1_000_000_000))
        .start()?;
    let client = host.connect("/")?;
    assert_eq!(ask(&client, "now")?, "1000000000");
    host.advance(SECOND * 86_400);
    assert_eq!(ask(&client, "now")?, "1000086400");
    Ok(())
}
