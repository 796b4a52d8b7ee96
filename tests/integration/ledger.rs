//! Keys and values, and values of the configuration, with the functions of the SDK.

use anyhow::Result;
use ws_host_test_support::{Client, TestServer, component};

use crate::configured::Configuration;

fn serve(settings: &str) -> Result<(Configuration, TestServer, Client)> {
    Configuration::of("guest-ledger", settings)?.with_client()
}

fn expect_answers(client: &mut Client, commands: &[(&str, &str)]) -> Result<()> {
    for (command, answer) in commands {
        assert_eq!(client.ask(command)?, *answer, "{command}");
    }
    Ok(())
}

#[test]
fn handler_in_rust_sets_reads_and_lists_values() -> Result<()> {
    let (_configuration, _server, mut client) = serve("grant = [\"keyvalue:store\"]")?;
    let commands = [
        ("get shared a", "none"),
        ("set shared b two", "set"),
        ("set shared a one", "set"),
        ("get shared a", "one"),
        ("get - a", "none"),
        ("exists shared a", "true"),
        ("keys shared", "a,b"),
        ("delete shared a", "deleted"),
        ("exists shared a", "false"),
        ("increment shared n 5", "5"),
        ("increment shared n -7", "-2"),
    ];
    expect_answers(&mut client, &commands)?;
    let answer = client.ask("increment shared b 1")?;
    assert!(answer.starts_with("not-a-number: not-a-number"), "{answer}");
    Ok(())
}

#[test]
fn handler_in_rust_swaps_only_what_it_expects() -> Result<()> {
    let (_configuration, _server, mut client) = serve("grant = [\"keyvalue:store\"]")?;
    let commands = [
        ("swap shared a wrong one", "false"),
        ("get shared a", "none"),
        ("swap shared a none one", "true"),
        ("swap shared a none two", "false"),
        ("swap shared a one two", "true"),
        ("get shared a", "two"),
        ("append shared list c", "between,c after 2 attempts"),
        ("get shared list", "between,c"),
    ];
    expect_answers(&mut client, &commands)
}

#[test]
fn handler_in_rust_changes_several_keys_in_one_call() -> Result<()> {
    let (_configuration, _server, mut client) = serve("grant = [\"keyvalue:store\"]")?;
    let commands = [
        ("set-many shared same a b", "set"),
        ("get-many shared b none a", "same,none,same"),
        ("delete-many shared a none", "deleted"),
        ("get-many shared a b", "none,same"),
    ];
    expect_answers(&mut client, &commands)?;
    let keys =
        |range: std::ops::Range<usize>| range.map(|key| format!(" {key:04}")).collect::<String>();
    expect_answers(&mut client, &[(&format!("set-many many x{}", keys(0..1000)), "set")])?;
    // The keys of more than one page.
    expect_answers(&mut client, &[(&format!("set-many many x{}", keys(1000..1500)), "set")])?;
    expect_answers(&mut client, &[("count many", "1500")])?;
    let answer = client.ask(&format!("set-many many x{}", keys(0..1001)))?;
    assert!(answer.starts_with("too-many: too-many"), "{answer}");
    Ok(())
}

#[test]
fn handler_in_rust_reads_values_of_the_configuration() -> Result<()> {
    let settings = "grant = [\"config\"]\nconfig = { key = \"value\", empty = \"\" }";
    let (_configuration, _server, mut client) = serve(settings)?;
    let commands = [
        ("config key", "Some(\"value\")"),
        ("config other", "None"),
        ("config-all", "[(\"empty\", \"\"), (\"key\", \"value\")]"),
    ];
    expect_answers(&mut client, &commands)
}

#[test]
fn handler_in_rust_gets_errors_that_name_the_missing_grant() -> Result<()> {
    let (_configuration, _server, mut client) = serve("")?;
    let answer = client.ask("config key")?;
    assert!(answer.starts_with("error: not granted") && answer.contains("\"config\""), "{answer}");
    let answer = client.ask("get shared a")?;
    assert!(answer.starts_with("access-denied: ") && answer.contains("keyvalue:FILE"), "{answer}");
    Ok(())
}

/// The names of imports are texts in a component.
#[test]
fn handler_in_rust_that_uses_no_capability_imports_none() -> Result<()> {
    let imports = |name: &str| -> Result<usize> {
        let bytes = std::fs::read(component(name))?;
        let is_in = |name: &&str| bytes.windows(name.len()).any(|part| part == name.as_bytes());
        let names = ["wasi:config/", "wasi:keyvalue/"];
        Ok(names.iter().filter(|name| is_in(name)).count())
    };
    assert_eq!(imports("echo")?, 0);
    assert_eq!(imports("chat")?, 0);
    assert_eq!(imports("guest-ledger")?, 2, "the names of imports are not found");
    Ok(())
}
