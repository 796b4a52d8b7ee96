//! Instances that take the place of others.

use std::time::Duration;

use ws_guest::CloseCode;
use ws_guest::testing::TestHost;

use crate::{Board, BoardV2};

#[test]
fn new_code_takes_over_the_state_and_the_clients() {
    let host = TestHost::new::<Board>();
    let ann = host.connect("/");
    ann.send_text("one");
    ann.expect_text("one");
    assert_eq!(host.reload::<BoardV2>(), Ok(()));
    ann.send_text("what is there?");
    ann.expect_text("v2: one");
    let resumed = host.with_handler(|board: &mut BoardV2| board.0.resumed.clone());
    assert_eq!(resumed.as_deref(), Some("Reload None"));
}

#[test]
fn code_that_cannot_use_the_state_changes_nothing() {
    let host = TestHost::new::<Board>();
    let ann = host.connect("/");
    ann.send_text("");
    ann.expect_text("");
    assert_eq!(host.reload::<BoardV2>(), Err("an empty line".into()));
    ann.send_text("two");
    ann.expect_text("two");
    assert_eq!(host.with_handler(|board: &mut Board| board.lines.len()), 2);
}

#[test]
fn hibernated_instance_wakes_with_its_state() {
    let host = TestHost::new::<Board>();
    let ann = host.connect("/");
    assert!(!host.hibernate(), "there is no state yet");
    ann.send_text("one");
    assert!(host.hibernate());
    ann.send_text("two");
    assert_eq!(ann.receive_texts(), ["one", "two"]);
    let (lines, resumed) =
        host.with_handler(|board: &mut Board| (board.lines.clone(), board.resumed.clone()));
    assert_eq!(lines, ["one", "two"]);
    assert_eq!(resumed.as_deref(), Some("Hibernation None"));
}

#[test]
fn lost_instance_resumes_from_its_checkpoint() {
    let host = TestHost::new::<Board>();
    let ann = host.connect("/");
    ann.send_text("one");
    assert!(host.checkpoint());
    ann.send_text("lost");
    host.advance(Duration::from_secs(2));
    host.lose_instance();
    let (lines, resumed) =
        host.with_handler(|board: &mut Board| (board.lines.clone(), board.resumed.clone()));
    assert_eq!(lines, ["one"]);
    assert_eq!(resumed.as_deref(), Some("Fault Some(2s)"));
}

#[test]
fn panic_closes_its_client_if_panics_are_faults() {
    let host = TestHost::new::<Board>().panics_are_faults();
    let (ann, bob) = (host.connect("/"), host.connect("/"));
    ann.send_text("kept by nobody");
    ann.expect_text("kept by nobody");
    ann.send_text("panic");
    ann.expect_closed(CloseCode::InternalError, "the handler failed");
    bob.expect_text("kept by nobody");
    bob.expect_nothing();
    let resumed = host.with_handler(|board: &mut Board| board.resumed.clone());
    assert_eq!(resumed.as_deref(), Some("Fault None"));
}

#[test]
fn state_beyond_max_state_is_dropped() {
    let host = TestHost::new::<Board>().max_state(4);
    let ann = host.connect("/");
    ann.send_text("12345");
    assert_eq!(host.reload::<Board>(), Ok(()));
    assert!(host.with_handler(|board: &mut Board| board.lines.is_empty()));
    assert_eq!(host.log()[0].text, "the state has 5 bytes and max-state is 4");
}
