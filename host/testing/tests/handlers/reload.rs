//! Reloads in a test.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use tempfile::tempdir;
use ws_host_test_support::component;

use crate::{KEEPER, ask, serve_one};
use ws_host_testing::ReloadOutcome;
use ws_host_testing::config::Trial;
use ws_host_testing::{Failure, TestHost};

/// Writes another version of the keeper. This replaces the digit of the version in the compiled file.
fn version(digit: char, file: &Path) -> Result<()> {
    let mut bytes = std::fs::read(component(KEEPER))?;
    let mark = b"keeper-version-";
    let at = bytes.windows(mark.len()).position(|window| window == mark).expect("the mark");
    bytes[at + mark.len()] = u8::try_from(digit)?;
    Ok(std::fs::write(file, bytes)?)
}

#[test]
fn new_version_takes_over_the_state_and_the_clients() -> Result<()> {
    let folder = tempdir()?;
    let second = folder.path().join("second.wasm");
    version('2', &second)?;
    let (host, client) = serve_one(KEEPER)?;
    assert_eq!(ask(&client, "count")?, "1");
    ask(&client, "timer 5 1000")?;
    host.reload_from(&second)?;
    client.expect_nothing();
    assert_eq!((ask(&client, "version")?, ask(&client, "count")?), ("2".into(), "2".into()));
    host.advance(Duration::from_secs(1));
    client.expect_text("fired 5 in version 2");
    // The same file, with other content.
    version('3', &second)?;
    assert!(matches!(host.reload()?[..], [ReloadOutcome::Replaced(_)]));
    assert_eq!((ask(&client, "version")?, ask(&client, "count")?), ("3".into(), "3".into()));
    assert!(matches!(host.reload()?[..], [ReloadOutcome::Unchanged { .. }]));
    Ok(())
}

#[test]
fn component_that_cannot_be_served_changes_nothing() -> Result<()> {
    let (host, client) = serve_one(KEEPER)?;
    let folder = tempdir()?;
    let broken = folder.path().join("broken.wasm");
    std::fs::write(&broken, "not wasm")?;
    for (file, words) in
        [(&broken, "is not WebAssembly"), (&folder.path().join("no.wasm"), "no file")]
    {
        let error = host.reload_from(file).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(ask(&client, "version")?, "1");
    Ok(())
}

#[test]
fn component_on_trial_is_rolled_back_after_a_fault_or_stays_when_its_time_is_over() -> Result<()> {
    let folder = tempdir()?;
    let second = folder.path().join("second.wasm");
    version('2', &second)?;
    let minute = Duration::from_secs(60);
    for wait in [minute / 2, minute] {
        let host = TestHost::component(component(KEEPER))
            .resource(|resource| resource.trial = Some(Trial::new(minute)))
            .start()?;
        let client = host.connect("/")?;
        let other = host.connect("/")?;
        host.reload_from(&second)?;
        assert_eq!(ask(&client, "version")?, "2");
        host.advance(wait);
        host.fail_next_event(Failure::Trap);
        other.send("count");
        other.expect_close(1011, "the handler failed");
        let version = if wait < minute { "1" } else { "2" };
        assert_eq!(ask(&client, "version")?, version);
    }
    Ok(())
}
