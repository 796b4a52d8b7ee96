//! docs/testing.md: its test in Rust is the first test in this file, and the document lists all steps of a script.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use ws_host_test_support::{component, root};
use ws_host_testing::script::Script;
use ws_host_testing::{Failure, TestHost};

#[test]
fn a_fault_closes_one_client() {
    let host = TestHost::start(component("chat")).unwrap();
    let ada = host.connect("/").unwrap().named("ada");
    let bob = host.connect("/").unwrap().named("bob");
    ada.expect_text("* you are guest-1");
    ada.expect_text("* here: ");
    ada.expect_text("* guest-2 joined");
    ada.send("/name Ada");
    ada.expect_text("* guest-1 is now Ada");
    host.fail_next_event(Failure::Trap);
    bob.send("hello");
    host.advance(Duration::from_secs(3600));
    ada.send("still here");
    ada.expect_text("Ada: still here");
}

fn documentation() -> Result<String> {
    Ok(std::fs::read_to_string(root().join("docs/testing.md"))?)
}

#[test]
fn test_in_the_documentation_is_the_one_above() -> Result<()> {
    let documentation = documentation()?;
    let block = documentation.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let test = block.and_then(|block| Some(&block[block.find("#[test]")?..])).context("no test")?;
    let here = include_str!("documented.rs").replace("component(\"chat\")", "\"build/chat.wasm\"");
    assert!(here.contains(test.trim_end()), "{test}");
    Ok(())
}

/// Returns the first word of each piece of code, as in `` `advance = "30s"` ``.
fn first_words(text: &str) -> BTreeSet<&str> {
    let codes = text.split('`').skip(1).step_by(2);
    codes.filter_map(|code| code.split([' ', '=']).next()).collect()
}

#[test]
fn documentation_has_all_steps() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("script.toml");
    let component = component("echo");
    let script =
        format!("component = {component:?}\n[[test]]\nname = \"x\"\nsteps = [{{ qqq = 1 }}]\n");
    std::fs::write(&file, script)?;
    let error = Script::read(&file).expect_err("an unknown step").to_string();
    let known = error.split("known keys: ").nth(1).context("no list")?;
    let documentation = documentation()?;
    let section = documentation.split("\n## Steps\n").nth(1).context("no section")?;
    let documented = first_words(section.split("\n## ").next().unwrap_or_default());
    let missing: Vec<&str> = known.split(", ").filter(|step| !documented.contains(step)).collect();
    assert_eq!(missing, [] as [&str; 0], "of {known}");
    Ok(())
}
