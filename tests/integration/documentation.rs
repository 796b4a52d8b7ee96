//! What the README says is what there is.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};
use ws_host_test_support::{host_binary, root};

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// Every `--flag` in a text.
fn flags(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '-')
        .filter(|word| word.len() > 3 && word.starts_with("--"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn readme_and_help_know_the_same_flags() -> Result<()> {
    let help = Command::new(host_binary()).arg("--help").output()?;
    let help = flags(&String::from_utf8(help.stdout)?);
    let readme = flags(&read("README.md")?);
    assert!(!help.is_empty());
    // Cargo's flags, and those that need no word in a README.
    let others = ["--release", "--target", "--help", "--version"].map(str::to_owned);
    let of_host: BTreeSet<String> = help.difference(&others.clone().into()).cloned().collect();
    let told: BTreeSet<String> = readme.difference(&others.into()).cloned().collect();
    assert_eq!(told, of_host);
    Ok(())
}

#[test]
fn handler_of_the_readme_is_the_one_that_the_sdk_compiles() -> Result<()> {
    let readme = read("README.md")?;
    let handler = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let sdk = read("guest-sdk/src/lib.rs")?.replace("//! ", "").replace("//!", "");
    assert!(sdk.contains(handler.context("a handler in the README")?.trim_end()));
    Ok(())
}

#[test]
fn readme_is_short() -> Result<()> {
    assert!(read("README.md")?.lines().count() <= 150);
    Ok(())
}
