//! `ws-host component`: what compilers of C, C++ and Go produce becomes a component.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::Result;
use rustix::process::Signal;
use tempfile::TempDir;
use ws_host_test_support::{Client, TestServer, host_binary};

/// A handler that echoes text, as a linker leaves it: with imports and exports of the contract, and nothing else. It
/// never frees the memory that the host asks for.
pub(crate) const ECHO: &str = r#"(module
  (import "ws-host:socket/clients@0.1.0" "send-text" (func $send_text (param i64 i32 i32 i32)))
  (memory (export "memory") 8)
  (global $free (mut i32) (i32.const 65536))
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (global.get $free)
    (global.set $free (i32.and (i32.add (i32.add (global.get $free) (local.get 3)) (i32.const 7)) (i32.const -8))))
  (func (export "ws-host:socket/handler@0.1.0#connected") (param i64) (result i32) (i32.const 1))
  (func (export "ws-host:socket/handler@0.1.0#received-text") (param $client i64) (param $at i32) (param $length i32)
    (call $send_text (local.get $client) (local.get $at) (local.get $length) (i32.const 16)))
  (func (export "ws-host:socket/handler@0.1.0#received-binary") (param i64 i32 i32))
  (func (export "ws-host:socket/handler@0.1.0#received-pong") (param i64 i32 i32))
  (func (export "ws-host:socket/handler@0.1.0#disconnected") (param i64)))"#;

/// Writes a module, and runs `ws-host component` on it.
fn componentize(folder: &TempDir, module: &str) -> Result<(PathBuf, Output)> {
    let core = folder.path().join("core.wasm");
    std::fs::write(&core, wat::parse_str(module)?)?;
    let component = folder.path().join("handler.wasm");
    let output = run(&core, &component)?;
    Ok((component, output))
}

fn run(core: &Path, component: &Path) -> Result<Output> {
    Ok(Command::new(host_binary()).arg("component").arg(core).arg("-o").arg(component).output()?)
}

#[test]
fn core_module_becomes_a_component_that_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (component, output) = componentize(&folder, ECHO)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = TestServer::serving_file(&component, &[])?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn handler_that_only_prints_is_not_said_to_ask_for_files() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Prints "printed\n" before each echo: an address and a length at 32, the text at 40.
    let printing = ECHO
        .replace(
            "(memory",
            r#"(import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
            (data (i32.const 32) "\28\00\00\00\08\00\00\00printed\n")
            (memory"#,
        )
        .replace(
            "(call $send_text",
            "(drop (call $fd_write (i32.const 1) (i32.const 32) (i32.const 1) (i32.const 48)))
            (call $send_text",
        );
    let (component, output) = componentize(&folder, &printing)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let server = TestServer::serving_file(&component, &[])?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    server.signal(Signal::TERM)?;
    let log = server.wait()?.log;
    assert!(log.contains("printed") && !log.contains("asked for"), "{log}");
    Ok(())
}

#[test]
fn wrong_type_is_found_when_the_component_is_made() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let wrong = ECHO.replace("(param i64 i32 i32 i32)))\n", "(param i32 i32 i32 i32)))\n");
    let wrong =
        wrong.replace("(local.get $client) (local.get $at)", "(i32.const 0) (local.get $at)");
    let (component, output) = componentize(&folder, &wrong)?;
    let error = String::from_utf8(output.stderr)?;
    assert!(!output.status.success(), "it was accepted");
    assert!(error.contains("send-text") && error.contains("core.wasm"), "{error}");
    assert!(!component.exists(), "a component was written");
    Ok(())
}

#[test]
fn failure_leaves_the_last_component() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (component, _) = componentize(&folder, ECHO)?;
    let before = std::fs::read(&component)?;
    let output = run(&folder.path().join("missing.wasm"), &component)?;
    let error = String::from_utf8(output.stderr)?;
    assert!(
        error.contains("cannot read the core module") && error.contains("missing.wasm"),
        "{error}"
    );
    assert_eq!(std::fs::read(&component)?, before);
    Ok(())
}
