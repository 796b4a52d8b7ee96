//! The reason that the host gives in `suspend` and `resume`.

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer};

use crate::configured::ask_admin;
use crate::keeper::{Keeper, ON_REQUEST, Scene, join, post_reload, trap};

const LOG: &[&str] = &["--log", "info,ws_host::actor=trace"];

/// Expects these calls next, each with its reason.
fn expect(server: &mut TestServer, calls: &[&str]) -> Result<()> {
    for call in calls {
        let line = server.wait_for_log("reason=")?;
        let (name, reason) = call.split_once(' ').unwrap_or_default();
        let is_so = line.contains(name) && line.contains(&format!("reason=\"{reason}\""));
        ensure!(is_so, "{call} was expected: {line}");
    }
    Ok(())
}

#[test]
fn hibernation_is_the_reason_when_an_instance_sleeps_and_wakes() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&[ON_REQUEST, LOG, &["--hibernate-after", "100ms"]].concat())?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    expect(&mut server, &["suspend hibernation"])?;
    assert_eq!(client.ask("count")?, "2");
    expect(&mut server, &["resume hibernation"])
}

#[test]
fn reload_is_the_reason_for_live_and_for_hibernated_instances() -> Result<()> {
    let Scene { keeper, mut server, admin, mut client } = Keeper::new()?.scene(LOG)?;
    assert_eq!(client.ask("count")?, "1");
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    expect(&mut server, &["suspend reload", "resume reload"])?;
    let Scene { keeper, mut server, admin, mut client } =
        Keeper::new()?.scene(&[LOG, &["--hibernate-after", "100ms"]].concat())?;
    assert_eq!(client.ask("count")?, "1");
    server.wait_for_log("hibernated")?;
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    expect(&mut server, &["resume reload"])
}

#[test]
fn fault_is_the_reason_after_a_trap_with_and_without_a_checkpoint() -> Result<()> {
    for (flags, calls) in [
        (&["--checkpoint", "50ms"][..], &["suspend checkpoint", "resume fault"][..]),
        (&[], &["resume fault"]),
    ] {
        let keeper = Keeper::precious()?;
        let mut server = keeper.serve(&[ON_REQUEST, LOG, flags].concat())?;
        let mut client = Client::connect(&server)?;
        assert_eq!(client.ask("keep this")?, "kept");
        let (last, before) = calls.split_last().unwrap_or((&"", &[]));
        expect(&mut server, before)?;
        trap(&server, "/")?;
        client.ask("kept")?;
        while expect(&mut server, &[last]).is_err() {}
    }
    Ok(())
}

#[test]
fn rollback_is_the_reason_when_old_code_resumes() -> Result<()> {
    let Scene { keeper, mut server, admin, mut client } =
        Keeper::new()?.scene(&[LOG, &["--trial", "1h"]].concat())?;
    assert_eq!(client.ask("count")?, "1");
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    expect(&mut server, &["suspend reload", "resume reload"])?;
    assert_eq!(ask_admin(admin, "POST /rollback", "", b"")?.status, 200);
    assert_eq!(client.ask("version")?, "1");
    expect(&mut server, &["resume rollback"])
}

/// The instance started with the new code, so the old code has no earlier state of it to return to.
#[test]
fn instance_started_on_trial_keeps_its_state_in_a_rollback() -> Result<()> {
    let keeper = Keeper::new()?;
    let flags = ["--trial", "1h", "--path", "/{room}", "--instance-per", "path"];
    let mut server = keeper.serve(&[ON_REQUEST, LOG, &flags].concat())?;
    let admin = server.admin()?;
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    let mut client = join(&server, "/late")?;
    assert_eq!(client.ask("count")?, "1");
    assert_eq!(ask_admin(admin, "POST /rollback", "", b"")?.status, 200);
    expect(&mut server, &["suspend rollback", "resume rollback"])?;
    assert_eq!(client.ask("count")?, "2");
    Ok(())
}
