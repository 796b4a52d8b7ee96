//! Components that contain an interpreter, and a script as its data.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer};

use super::expect;
use crate::build::Components;

super::scenarios! {
    interpreter_is_not_compiled_again_when_the_script_changes,
}

/// How much CPU time the host, with the processes that it starts, may take to reload a component whose script alone has
/// changed. It takes a tenth of that.
const RELOAD: Duration = Duration::from_millis(1500);

fn interpreter_is_not_compiled_again_when_the_script_changes(
    components: &Components,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let served = folder.path().join("chat.wasm");
    let compiled = || -> Result<usize> { Ok(std::fs::read_dir(&cache)?.count()) };
    std::fs::copy(&components.chat, &served)?;
    let flags = ["--cache", cache.to_str().context("not UTF-8")?];
    let mut server = TestServer::serving_file(&served, &flags)?;
    ensure!(compiled()? == 1, "the cache does not have the code");

    let before = server.cpu_time()? + server.cpu_time_of_children()?;
    let next = folder.path().join("next.wasm");
    std::fs::copy(&components.chat_v2, &next)?;
    std::fs::rename(&next, &served)?;
    server.wait_for_log("reloaded")?;
    let taken = server.cpu_time()? + server.cpu_time_of_children()? - before;
    ensure!(taken <= RELOAD, "the reload took {taken:?} of CPU time");
    ensure!(taken < before / 3, "the first load took {before:?}, and the reload {taken:?}");
    let mut first = Client::connect(&server)?;
    expect(&mut first, &["* you are guest-1"])?;
    let _second = Client::connect(&server)?;
    expect(&mut first, &["* guest-2 arrived"])?;
    ensure!(compiled()? == 1, "the code was compiled again");
    Ok(())
}
