//! JavaScript: the engine lets garbage accumulate to about 90 MiB, so a project needs more than the default
//! `max-memory`.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, host_binary};

use crate::build::Components;

super::scenarios! {
    check_names_the_memory_that_the_engine_needs,
    instance_of_a_project_outlives_its_garbage,
}

/// Each client sends one message, and waits for its echo. So each message is a call of its own.
const CLIENTS: usize = 50;

/// 300,000 messages: twice as many as fill the default of `max-memory` with garbage.
const ROUNDS: usize = 6_000;

fn check_names_the_memory_that_the_engine_needs(components: &Components) -> Result<()> {
    let is_advised = |arguments: &[&str]| -> Result<bool> {
        let mut command = Command::new(host_binary());
        let output = command.arg("check").args(arguments).arg(&components.echo).output()?;
        ensure!(output.status.success(), "{}", output.status);
        Ok(String::from_utf8_lossy(&output.stdout).contains("needs a max-memory of 128MiB"))
    };
    ensure!(is_advised(&[])?, "the default of max-memory is enough");
    ensure!(!is_advised(&["--max-memory", "128MiB"])?, "128 MiB are too little");
    Ok(())
}

fn instance_of_a_project_outlives_its_garbage(components: &Components) -> Result<()> {
    let build = components.echo.parent().context("a component is in a folder")?;
    let project = build.parent().context("`build` is in a project")?;
    let settings = fs::read_to_string(project.join("ws-host.toml"))?;
    let file = project.join("any-port.toml");
    fs::write(&file, format!("listen = \"127.0.0.1:0\"\n{settings}"))?;
    let server = TestServer::configured(&file)?;
    let mut clients = Client::connect_many(&server, CLIENTS)?;
    for round in 0..ROUNDS {
        let text = round.to_string();
        for client in &mut clients {
            client.send_text(&text)?;
        }
        for client in &mut clients {
            assert_eq!(client.receive_text()?, text);
        }
    }
    Ok(())
}
