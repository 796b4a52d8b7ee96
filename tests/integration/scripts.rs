//! `ws-host test` starts the program that runs the scripts. Its own tests are in `host/testing`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::Result;
use tempfile::TempDir;
use ws_host_test_support::host_binary;

/// Puts `ws-host` into a folder.
fn install(folder: &Path) -> Result<()> {
    let (from, to) = (host_binary(), folder.join("ws-host"));
    // A copy is large, but the folder may be on another file system.
    std::fs::hard_link(&from, &to).or_else(|_| std::fs::copy(&from, &to).map(drop))?;
    Ok(())
}

/// Runs `ws-host test` in this folder, where no other program can be found.
fn test(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(folder.join("ws-host"));
    command.arg("test").args(arguments).current_dir(folder).env("PATH", folder.join("nothing"));
    Ok(command.output()?)
}

#[test]
fn program_for_scripts_is_found_beside_ws_host() -> Result<()> {
    let folder = TempDir::new()?;
    install(folder.path())?;
    let program = folder.path().join("ws-host-test");
    std::fs::write(&program, "#!/bin/sh\necho \"got $*\"\nexit 3\n")?;
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    let output = test(folder.path(), &["a.toml", "--filter", "some test", "--help"])?;
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(String::from_utf8(output.stdout)?, "got a.toml --filter some test --help\n");
    Ok(())
}

#[test]
fn missing_program_for_scripts_is_explained() -> Result<()> {
    let folder = TempDir::new()?;
    install(folder.path())?;
    let output = test(folder.path(), &["a.toml"])?;
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr)?;
    assert!(
        error.contains("there is no program ws-host-test beside ws-host or in PATH"),
        "{error}"
    );
    assert!(error.contains("cargo build --release -p ws-host-testing"), "{error}");
    Ok(())
}
