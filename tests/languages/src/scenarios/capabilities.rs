//! The handler `capabilities`: what the configuration grants, and what happens without a grant.

use std::path::Path;

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer};

use super::{expect, imports};
use crate::build::Components;

super::scenarios! {
    values_of_the_configuration_are_read,
    keyvalue_counts_also_after_a_restart,
    keyvalue_counts_down_where_the_compiler_can_pass_it,
    keyvalue_keeps_finds_and_deletes_values,
    keyvalue_changes_several_keys_in_one_call,
    keyvalue_swaps_only_the_value_that_is_expected,
    outgoing_connection_relays_messages_both_ways,
    outgoing_connection_that_cannot_be_opened_ends_with_its_cause,
    durable_timer_fires_and_outlives_a_restart,
    capabilities_without_a_grant_are_errors_of_the_language,
    handler_that_uses_no_capability_imports_none,
}

/// The languages whose compiler, componentize-js, cannot pass a negative number of 64 bits.
const NO_NEGATIVE_NUMBERS: [&str; 2] = ["js", "ts"];

/// A server for `capabilities` with these lines in its resource, and the folder of its files.
pub(super) struct Scene {
    folder: tempfile::TempDir,
    server: TestServer,
}

impl Scene {
    pub(super) fn new(components: &Components, settings: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let server = serve(components, &folder, settings)?;
        Ok(Self { folder, server })
    }

    /// Returns the folder that relative paths of the configuration start at.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn client(&self) -> Result<Client> {
        Client::connect(&self.server)
    }

    pub(super) fn restart(self, components: &Components, settings: &str) -> Result<Self> {
        let Self { folder, server } = self;
        drop(server);
        let server = serve(components, &folder, settings)?;
        Ok(Self { folder, server })
    }
}

fn serve(
    components: &Components,
    folder: &tempfile::TempDir,
    settings: &str,
) -> Result<TestServer> {
    let file = folder.path().join("ws-host.toml");
    let component = &components.capabilities;
    std::fs::write(
        &file,
        format!("listen = \"127.0.0.1:0\"\n[[resource]]\ncomponent = {component:?}\n{settings}\n"),
    )?;
    TestServer::configured(&file)
}

/// Sends each command, and expects its answer.
pub(super) fn expect_answers(client: &mut Client, commands: &[(&str, &str)]) -> Result<()> {
    for (command, answer) in commands {
        let got = client.ask(command)?;
        ensure!(got == *answer, "{command}: expected {answer:?}, got {got:?}");
    }
    Ok(())
}

/// Sends each command, and expects an error with this code.
fn expect_errors(client: &mut Client, commands: &[(&str, &str)]) -> Result<()> {
    for (command, code) in commands {
        let got = client.ask(command)?;
        ensure!(got == format!("error: {code}"), "{command}: expected {code:?}, got {got:?}");
    }
    Ok(())
}

fn values_of_the_configuration_are_read(components: &Components) -> Result<()> {
    let settings =
        "grant = [\"config\"]\nconfig = { greeting = \"gr\u{fc}\u{df} dich\", b = \"2\" }";
    let scene = Scene::new(components, settings)?;
    expect_answers(
        &mut scene.client()?,
        &[
            ("config greeting", "gr\u{fc}\u{df} dich"),
            ("config b", "2"),
            ("config other", "nothing"),
            ("config-all", "{\"b\":\"2\",\"greeting\":\"gr\u{fc}\u{df} dich\"}"),
        ],
    )
}

fn keyvalue_counts_also_after_a_restart(components: &Components) -> Result<()> {
    let settings = "grant = [\"keyvalue:store\"]";
    let scene = Scene::new(components, settings)?;
    let mut client = scene.client()?;
    expect_answers(
        &mut client,
        &[
            ("count visits", "1"),
            ("count visits", "2"),
            ("count others", "1"),
            ("add visits 40", "42"),
        ],
    )?;
    let scene = scene.restart(components, settings)?;
    expect_answers(&mut scene.client()?, &[("count visits", "43")])
}

fn keyvalue_counts_down_where_the_compiler_can_pass_it(components: &Components) -> Result<()> {
    let scene = Scene::new(components, "grant = [\"keyvalue:store\"]")?;
    let mut client = scene.client()?;
    expect_answers(&mut client, &[("count visits", "1")])?;
    if NO_NEGATIVE_NUMBERS.contains(&components.language.name) {
        return expect_errors(&mut client, &[("add visits -50", "unsupported")]);
    }
    expect_answers(&mut client, &[("add visits -50", "-49")])
}

fn keyvalue_keeps_finds_and_deletes_values(components: &Components) -> Result<()> {
    let scene = Scene::new(components, "grant = [\"keyvalue:store\"]")?;
    let mut client = scene.client()?;
    expect_answers(
        &mut client,
        &[
            ("keys", "nothing"),
            ("get b", "nothing"),
            ("set b gr\u{fc}\u{df}", "done"),
            ("set a one", "done"),
            ("get b", "gr\u{fc}\u{df}"),
            ("has b", "true"),
            ("keys", "a,b"),
            ("delete b", "done"),
            ("delete b", "done"),
            ("has b", "false"),
            ("keys", "a"),
        ],
    )?;
    expect_errors(&mut client, &[("wrong a", "not-a-number")])?;
    // More keys than the host returns at once, and more calls than it has open buckets for.
    for number in 0..1_002 {
        expect_answers(&mut client, &[(&format!("set key-{number} x"), "done")])?;
    }
    let keys = client.ask("keys")?;
    ensure!(keys.split(',').count() == 1_003, "{} keys", keys.split(',').count());
    Ok(())
}

fn keyvalue_changes_several_keys_in_one_call(components: &Components) -> Result<()> {
    let scene = Scene::new(components, "grant = [\"keyvalue:store\"]")?;
    let mut client = scene.client()?;
    expect_answers(
        &mut client,
        &[
            ("get-many a,b", "nothing,nothing"),
            ("set-many a,b gr\u{fc}\u{df}", "done"),
            ("set c three", "done"),
            ("get-many c,none,a", "three,nothing,gr\u{fc}\u{df}"),
            ("delete-many a,none,c", "done"),
            ("keys", "b"),
        ],
    )?;
    let many: Vec<String> = (0..1_001).map(|key| key.to_string()).collect();
    let many = many.join(",");
    expect_errors(
        &mut client,
        &[
            (&format!("get-many {many}"), "too-many"),
            (&format!("set-many {many} x"), "too-many"),
            (&format!("delete-many {many}"), "too-many"),
        ],
    )?;
    expect_answers(&mut client, &[("keys", "b")])
}

fn keyvalue_swaps_only_the_value_that_is_expected(components: &Components) -> Result<()> {
    let scene = Scene::new(components, "grant = [\"keyvalue:store\"]")?;
    let mut client = scene.client()?;
    expect_answers(
        &mut client,
        &[
            ("swap a one,two", "false"),
            ("get a", "nothing"),
            ("swap a nothing,one", "true"),
            ("swap a nothing,two", "false"),
            ("swap a other,two", "false"),
            ("swap a one,two", "true"),
            ("get a", "two"),
        ],
    )?;
    // A key that is too long, and more calls than the host has open buckets for.
    expect_errors(&mut client, &[(&format!("swap {} nothing,x", "k".repeat(1_025)), "too-long")])?;
    for _ in 0..300 {
        expect_answers(&mut client, &[("swap a wrong,x", "false"), ("swap a two,two", "true")])?;
    }
    Ok(())
}

fn outgoing_connection_relays_messages_both_ways(components: &Components) -> Result<()> {
    let other = Scene::new(components, "")?;
    let url = format!("ws://{}/", other.server.address());
    let scene = Scene::new(components, &format!("grant = [{:?}]", url.trim_end_matches('/')))?;
    let (mut one, mut two) = (scene.client()?, scene.client()?);
    expect_answers(&mut one, &[("url", "nothing"), ("say early", "said")])?;
    expect_answers(&mut one, &[(&format!("connect {url}"), "done")])?;
    for client in [&mut one, &mut two] {
        expect(client, &["relay: x-test: of the handler"])?;
    }
    expect_answers(&mut two, &[("url", &url), ("say hello", "said")])?;
    for client in [&mut one, &mut two] {
        expect(client, &["relay: hello"])?;
    }
    expect_answers(&mut one, &[("leave", "left")])?;
    for client in [&mut one, &mut two] {
        expect(client, &[&format!("handler: {url}")])?;
    }
    expect_answers(&mut one, &[("url", "nothing")])
}

fn outgoing_connection_that_cannot_be_opened_ends_with_its_cause(
    components: &Components,
) -> Result<()> {
    let other = Scene::new(components, "path = \"/elsewhere\"")?;
    let url = format!("ws://{}/", other.server.address());
    let scene = Scene::new(components, &format!("grant = [{:?}]", url.trim_end_matches('/')))?;
    let mut client = scene.client()?;
    expect_answers(&mut client, &[(&format!("connect {url}"), "done")])?;
    expect(&mut client, &[&format!("not-opened: {url}")])
}

fn durable_timer_fires_and_outlives_a_restart(components: &Components) -> Result<()> {
    let settings = "grant = [\"timers:store\"]";
    let scene = Scene::new(components, settings)?;
    let mut client = scene.client()?;
    expect_answers(&mut client, &[("remind 7 3600000", "done"), ("remind 8 10", "done")])?;
    expect(&mut client, &["timer 8"])?;
    // Behind the event, after which the timer is removed from the file.
    expect_answers(&mut client, &[("forget 8", "false")])?;
    let scene = scene.restart(components, settings)?;
    expect_answers(&mut scene.client()?, &[("forget 7", "true"), ("forget 8", "false")])
}

fn capabilities_without_a_grant_are_errors_of_the_language(components: &Components) -> Result<()> {
    let mut scene = Scene::new(components, "")?;
    let mut client = scene.client()?;
    expect_errors(
        &mut client,
        &[
            ("config a", "upstream"),
            ("config-all", "upstream"),
            ("count visits", "access-denied"),
            ("keys", "access-denied"),
            ("connect ws://127.0.0.1:9/", "not-granted"),
            ("connect nowhere", "invalid-url"),
            ("remind 7 10", "not-granted"),
        ],
    )?;
    for asked in
        ["values of the configuration", "keys and values", "ws://127.0.0.1:9", "durable timers"]
    {
        scene.server.wait_for_log(asked)?;
    }
    // The instance lives on.
    expect_answers(&mut client, &[("hello", "hello")])
}

fn handler_that_uses_no_capability_imports_none(components: &Components) -> Result<()> {
    for name in ["wasi:config/store@", "wasi:keyvalue/store@"] {
        ensure!(!imports(&components.echo, name)?, "the echo imports {name}");
        ensure!(imports(&components.capabilities, name)?, "{name} is not found");
    }
    Ok(())
}
