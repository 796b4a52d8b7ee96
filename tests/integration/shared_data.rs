//! Large components: instances share their data until they write to it, and have long stacks.

use std::fs;

use anyhow::{Context, Result};
use ws_host_test_support::{Client, TestServer};

/// The data of the component, in bytes.
const DATA: usize = 3 << 20;

/// A handler that exports these functions of its module: `connected`, with any client, returns whether to accept it.
fn component(module: &str) -> Result<Vec<u8>> {
    let text = format!(
        r#"(component
        (core module $handler
            (memory (export "memory") 50)
            {module}
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16))
            (func (export "received") (param i64 i32 i32))
            (func (export "disconnected") (param i64)))
        (core instance $core (instantiate $handler))
        (func $connected (param "client" u64) (result bool) (canon lift (core func $core "connected")))
        (func $text (param "client" u64) (param "message" string) (canon lift (core func $core "received")
            (memory (core memory $core "memory")) (realloc (core func $core "realloc"))))
        (func $bytes (param "client" u64) (param "message" (list u8)) (canon lift (core func $core "received")
            (memory (core memory $core "memory")) (realloc (core func $core "realloc"))))
        (func $disconnected (param "client" u64) (canon lift (core func $core "disconnected")))
        (instance $exported
            (export "connected" (func $connected))
            (export "received-text" (func $text))
            (export "received-binary" (func $bytes))
            (export "received-pong" (func $bytes))
            (export "disconnected" (func $disconnected)))
        (export "ws-host:socket/handler@0.1.0" (instance $exported)))"#
    );
    Ok(wat::parse_str(text)?)
}

/// A handler with much data. It accepts a client if the first byte of its data was not overwritten yet, which it then
/// does, and if the last byte is the right one.
fn with_much_data(more: &str) -> Result<Vec<u8>> {
    let data: String = (0..DATA).map(|at| format!("\\{:02x}", at % 251 + 1)).collect();
    component(&format!(
        r#"(data (i32.const 65536) "{data}") {more}
        (func (export "connected") (param i64) (result i32)
            (i32.and
                (i32.eq (i32.load8_u (i32.const 65536)) (i32.const 1))
                (i32.eq (i32.load8_u (i32.const {end})) (i32.const {last})))
            (i32.store8 (i32.const 65536) (i32.const 77)))"#,
        end = 65536 + DATA - 1,
        last = (DATA - 1) % 251 + 1,
    ))
}

/// Returns the resident memory of a process in bytes.
fn resident(process: u32) -> Result<usize> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? << 10)
}

#[test]
fn instances_share_their_components_data_and_do_not_see_each_others_writes() -> Result<()> {
    const CLIENTS: usize = 60;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("large.wasm");
    fs::write(&file, with_much_data("")?)?;
    for scope in ["client", "resource"] {
        let server = TestServer::serving_file(&file, &["--instance-per", scope, "--no-watch"])?;
        let first = Client::connect(&server)?;
        if scope == "resource" {
            assert!(Client::connect(&server).is_err(), "the first client's write is lost");
            continue;
        }
        let before = resident(server.process_id())?;
        let clients = (0..CLIENTS).map(|_| Client::connect(&server)).collect::<Result<Vec<_>>>()?;
        let each = resident(server.process_id())?.saturating_sub(before) / CLIENTS;
        assert!(each < DATA / 3, "an instance takes {each} bytes");
        // The memory of these instances goes to others.
        drop(clients);
        drop(first);
        for _ in 0..CLIENTS {
            Client::connect(&server)?;
        }
    }
    Ok(())
}

#[test]
fn component_whose_code_names_its_data_is_served() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("dropping.wasm");
    fs::write(&file, with_much_data("(func (data.drop 0))")?)?;
    let server = TestServer::serving_file(&file, &["--instance-per", "client", "--no-watch"])?;
    let _first = Client::connect(&server)?;
    let _second = Client::connect(&server)?;
    Ok(())
}

#[test]
fn large_components_have_longer_stacks() -> Result<()> {
    // A call of this function takes some dozens of bytes of the stack.
    let small = component(
        r#"(func $deep (param i32) (result i32)
            (if (result i32) (i32.eqz (local.get 0))
                (then (i32.const 1))
                (else (i32.or (call $deep (i32.sub (local.get 0) (i32.const 1))) (local.get 0)))))
        (func (export "connected") (param i64) (result i32)
            (i32.ne (call $deep (i32.const 25000)) (i32.const 0)))"#,
    )?;
    // The same with a custom section of 1 MiB.
    let mut large = small.clone();
    large.extend([0, 0x84, 0x80, 0x40, 3]);
    large.extend(b"pad");
    large.resize(large.len() + (1 << 20), 0);
    let folder = tempfile::tempdir()?;
    for (name, bytes, is_accepted) in [("small", small, false), ("large", large, true)] {
        let file = folder.path().join(format!("{name}.wasm"));
        fs::write(&file, bytes)?;
        for scope in ["client", "resource"] {
            let server = TestServer::serving_file(&file, &["--instance-per", scope, "--no-watch"])?;
            let accepted = Client::connect(&server).is_ok();
            assert_eq!(accepted, is_accepted, "{name}, an instance for each {scope}");
        }
    }
    Ok(())
}
