//! Protocol errors: the sender is closed with the right code, the handler sees it, and other clients lose nothing.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer};

/// Sends bytes that break the protocol. The client must be closed with this code, the handler must get the event that
/// the contract defines, and other clients must not be affected.
#[track_caller]
fn fails(hex: &str, code: u16) {
    try_fails(hex, code).unwrap_or_else(|error| panic!("{hex}: {error:?}"));
}

fn try_fails(hex: &str, code: u16) -> Result<()> {
    let (server, mut witness) = TestServer::with_client("guest-recording", &[])?;
    let mut client = Client::connect(&server)?;
    let name = client.ask("who")?;
    client.send_hex(hex)?;
    let reason = client.expect_close(code)?;
    let last_event = format!("{name} disconnected 1006 {reason:?} clean false sent Some({code})");
    let report = report_with(&mut witness, "disconnected")?;
    assert!(report.ends_with(&last_event), "{last_event:?} is not the end of {report:?}");
    assert!(!report.contains("delivered"), "delivered after the error: {report:?}");
    Ok(())
}

/// Requests the record until it contains `word`: events arrive asynchronously.
fn report_with(client: &mut Client, word: &str) -> Result<String> {
    loop {
        let report = client.ask("report")?;
        if report.contains(word) {
            return Ok(report);
        }
    }
}

#[test]
fn unmasked_frame_is_1002() {
    fails("81 05 48 65 6c 6c 6f", 1002);
}

#[test]
fn reserved_bits_are_1002() {
    for first in ["c1", "a1", "91"] {
        fails(&format!("{first} 80 00 00 00 00"), 1002);
    }
}

#[test]
fn reserved_opcodes_are_1002() {
    for first in ["83", "87", "8b", "8f"] {
        fails(&format!("{first} 80 00 00 00 00"), 1002);
    }
}

#[test]
fn control_frame_that_is_long_or_fragmented_is_1002() {
    fails("89 fe 00 7e 00 00 00 00", 1002);
    fails("09 80 00 00 00 00", 1002);
}

#[test]
fn continuation_of_nothing_is_1002() {
    fails("80 80 00 00 00 00", 1002);
}

#[test]
fn message_inside_a_message_is_1002() {
    fails("01 81 00 00 00 00 61 81 81 00 00 00 00 62", 1002);
}

#[test]
fn length_of_2_to_the_63_is_1002() {
    fails("82 ff 80 00 00 00 00 00 00 00 00 00 00 00", 1002);
}

#[test]
fn length_over_the_limit_is_1009_before_any_payload() {
    fails("82 ff 00 00 00 00 00 10 00 01 00 00 00 00", 1009);
    fails("82 ff 7f ff ff ff ff ff ff ff 00 00 00 00", 1009);
}

#[test]
fn fragments_over_the_limit_together_are_1009() {
    // One byte, then a header that announces as much as the whole limit.
    fails("02 81 00 00 00 00 61 80 ff 00 00 00 00 00 10 00 00 00 00 00 00", 1009);
}

#[test]
fn invalid_utf8_is_1007_before_the_end_of_the_message() {
    fails("81 84 00 00 00 00 61 ff", 1007);
    fails("01 83 00 00 00 00 e4 b8 ad 00 82 00 00 00 00 f4 90", 1007);
}

#[test]
fn truncated_character_at_the_end_is_1007() {
    fails("81 82 00 00 00 00 e4 b8", 1007);
}

#[test]
fn bad_close_frames_are_1002_or_1007() {
    fails("88 81 00 00 00 00 03", 1002);
    for code in ["03 ed", "03 ee", "03 e7", "03 ec", "03 f7", "07 d0", "13 88"] {
        fails(&format!("88 82 00 00 00 00 {code}"), 1002);
    }
    fails("88 84 00 00 00 00 03 e8 c3 28", 1007);
}

#[test]
fn what_follows_an_error_is_not_delivered() {
    // An unmasked frame, then a good text message.
    fails("81 00 81 89 00 00 00 00 64 65 6c 69 76 65 72 65 64", 1002);
}
