//! Components and flags that cannot be served: one clear message, and a non-zero exit code.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use tempfile::TempDir;
use ws_host_test_support::{TestServer, component, host_binary};

/// Runs the host with these arguments. It must fail, and its error must contain all of these words.
#[track_caller]
fn fails(arguments: &[&str], words: &[&str]) {
    let output = Command::new(host_binary()).args(arguments).output().expect("the host runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "the host accepted it: {stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word:?} is not in: {stderr}");
    }
    assert!(output.stdout.is_empty(), "it printed a URL");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[track_caller]
pub(crate) fn component_fails(file: &Path, words: &[&str]) {
    let file = file.to_str().expect("a name in UTF-8");
    let name = Path::new(file).file_name().and_then(|name| name.to_str()).expect("a name");
    fails(&["--component", file, "--listen", "127.0.0.1:0"], &[&[name], words].concat());
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> Result<PathBuf> {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}

#[test]
fn missing_file() {
    component_fails(Path::new("/nowhere/echo.wasm"), &["there is no file", "cargo build"]);
}

#[test]
fn folder_in_place_of_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    component_fails(folder.path(), &["cannot read", "directory"]);
    Ok(())
}

#[test]
fn file_that_is_not_webassembly() -> Result<()> {
    let folder = tempfile::tempdir()?;
    component_fails(&file(&folder, "text.wasm", b"hello")?, &["not WebAssembly"]);
    component_fails(&file(&folder, "empty.wasm", b"")?, &["not WebAssembly"]);
    Ok(())
}

#[test]
fn core_module() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let module = file(&folder, "core.wasm", &wat::parse_str("(module)")?)?;
    component_fails(&module, &["core WebAssembly module", "wasm32-wasip2"]);
    let text = r#"(module (@producers (language "Go" "go1.27.3")))"#;
    let module = file(&folder, "go.wasm", &wat::parse_str(text)?)?;
    component_fails(&module, &["; advice for Go: this is the output of `go build`"]);
    Ok(())
}

#[test]
fn component_that_is_cut_off() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let whole = std::fs::read(component("echo"))?;
    for length in [8, 100, whole.len() / 2, whole.len() - 1] {
        let cut = file(&folder, "cut.wasm", &whole[..length])?;
        component_fails(&cut, &["cut.wasm"]);
    }
    Ok(())
}

#[test]
fn component_without_a_handler() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = file(&folder, "nothing.wasm", &wat::parse_str("(component)")?)?;
    component_fails(&empty, &["does not export ws-host:socket/handler@0.1.0", "export!"]);
    Ok(())
}

#[test]
fn handler_of_another_version() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = r#"(component (instance $i) (export "ws-host:socket/handler@0.9.0" (instance $i)))"#;
    let other = file(&folder, "other.wasm", &wat::parse_str(text)?)?;
    component_fails(&other, &["ws-host:socket@0.9.0", "ws-host:socket@0.1.0", "`ws-host new`"]);
    Ok(())
}

#[test]
fn handler_that_lacks_a_function() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = r#"(component (instance $i) (export "ws-host:socket/handler@0.1.0" (instance $i)))"#;
    let lacking = file(&folder, "lacking.wasm", &wat::parse_str(text)?)?;
    component_fails(&lacking, &["a function of that interface is missing", "connected"]);
    Ok(())
}

#[test]
fn handler_with_a_function_of_another_type() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = r#"(component
        (core module $m (func (export "f")))
        (core instance $c (instantiate $m))
        (func $f (canon lift (core func $c "f")))
        (instance $i (export "connected" (func $f)) (export "received-text" (func $f))
          (export "received-binary" (func $f)) (export "received-pong" (func $f))
          (export "disconnected" (func $f)))
        (export "ws-host:socket/handler@0.1.0" (instance $i)))"#;
    let wrong = file(&folder, "wrong.wasm", &wat::parse_str(text)?)?;
    component_fails(&wrong, &["does not have the type", "connected"]);
    Ok(())
}

#[test]
fn import_that_nobody_provides() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let text = r#"(component
        (import "acme:rockets/launch@1.0.0" (instance (export "go" (func))))
        (instance $i) (export "ws-host:socket/handler@0.1.0" (instance $i)))"#;
    let asking = file(&folder, "asking.wasm", &wat::parse_str(text)?)?;
    component_fails(&asking, &["imports", "acme:rockets/launch@1.0.0", "WASI 0.2"]);
    Ok(())
}

#[test]
fn instance_that_needs_more_memory_than_allowed() {
    let echo = component("echo");
    let echo = echo.to_str().expect("a name in UTF-8");
    fails(
        &["--component", echo, "--max-memory", "64KiB"],
        &["echo.wasm", "max-memory allows 64 KiB"],
    );
}

#[test]
fn flags_that_make_no_sense() {
    let echo = component("echo");
    let with = |flags: &[&str], words: &[&str]| {
        let echo = echo.to_str().expect("a name in UTF-8");
        fails(&[&["--component", echo], flags].concat(), words);
    };
    with(&["--max-message", "0"], &["--max-message must be more than 0"]);
    with(&["--max-message", "many"], &["--max-message"]);
    with(&["--max-message", "99999999TiB"], &["--max-message"]);
    with(&["--max-message", "1MiB", "--max-outbound", "1MiB"], &["at least twice max-message"]);
    with(&["--max-clients", "0"], &["--max-clients must be at least 1"]);
    with(&["--max-header-size", "1KiB"], &["--max-header-size must be at least 8KiB"]);
    with(&["--max-headers", "0"], &["--max-headers"]);
    with(&["--max-cpu", "0s"], &["--max-cpu must be more than 0"]);
    with(&["--handshake-timeout", "0s"], &["--handshake-timeout"]);
    with(&["--close-timeout", "soon"], &["--close-timeout"]);
    with(&["--path", "echo"], &["must begin with /"]);
    with(&["--path", "/echo?a=1"], &["without a query or fragment"]);
    with(&["--origin", "example.com"], &["--origin", "https://app.example.com"]);
    with(&["--static", "/nowhere"], &["/nowhere", "--static"]);
    with(&["--log", "a=b=c"], &["--log"]);
    with(&["--listen", "localhost"], &["--listen"]);
    with(&["--path", "/{id"], &["--path"]);
    with(&["--instance-per", "path"], &["--instance-per path", "/room/{id}"]);
    with(&["--instance-per", "room"], &["--instance-per", "resource, path, client"]);
    with(&["--instances", "0"], &["--instances"]);
    with(&["--instances", "2", "--instance-per", "client"], &["instance-per resource"]);
    with(&["--instances", "20000"], &["--instances 20000", "max-instances"]);
    with(&["--max-instances", "0"], &["--max-instances must be at least 1"]);
    with(&["--max-state", "0"], &["--max-state must be more than 0"]);
    with(&["--max-time", "0s"], &["--max-time must be more than 0"]);
    with(&["--workers", "0"], &["--workers"]);
    with(&["--auto-answer", "ping"], &["--auto-answer", "ping=pong"]);
    with(&["--admin", "0.0.0.0:9090"], &["--admin 0.0.0.0:9090", "loopback address"]);
    with(&["--hibernate-after", "soon"], &["--hibernate-after"]);
    with(&["--canary", "5%"], &["--canary needs trial"]);
    with(&["--trial", "1m", "--canary", "0%"], &["must be a share from 1% to 100%"]);
    with(&["--lisen", "127.0.0.1:0"], &["--listen"]);
    with(&["--trusted-proxy", "ten"], &["--trusted-proxy", "10.0.0.0/8"]);
    with(&["--drafts", "13,6"], &["--drafts 6", "13, 8, 7 and 0"]);
    with(&["--flash-policy", "/nowhere"], &["--flash-policy /nowhere"]);
    with(&["--subprotocol", "a b"], &["--subprotocol"]);
    with(&["--backlog", "0"], &["--backlog must be at least 1"]);
    fails(&[], &["--component"]);
    fails(&["--check"], &["--component FILE or --config FILE"]);
}

#[test]
fn address_that_is_taken() -> Result<()> {
    let server = TestServer::serving("echo")?;
    let echo = component("echo");
    let taken = server.address().to_string();
    fails(
        &["--component", echo.to_str().expect("a name in UTF-8"), "--listen", &taken],
        &[&taken, "another program listens there", "--listen"],
    );
    Ok(())
}

#[test]
fn cache_that_others_can_write_to_is_not_used() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
    let cache = folder.path().to_str().expect("a name in UTF-8");
    let mut server = TestServer::with_arguments("echo", &["--cache", cache])?;
    server.wait_for_log("other users can write to this folder")?;
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 0, "something was written there");
    Ok(())
}

#[test]
fn damaged_cache_is_compiled_anew() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let flags = ["--cache", cache.to_str().expect("a name in UTF-8")];
    drop(TestServer::with_arguments("echo", &flags)?);
    let mut files = 0;
    let mut folders = vec![cache.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?.path();
            if entry.is_dir() {
                folders.push(entry);
            } else {
                std::fs::write(entry, b"damaged")?;
                files += 1;
            }
        }
    }
    assert!(files > 0, "nothing was cached");
    let server = TestServer::with_arguments("echo", &flags)?;
    assert_eq!(ws_host_test_support::Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}
