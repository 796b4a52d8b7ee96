//! What counts as an instance's memory, and how it is limited.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use ws_host_test_support::{Client, TestServer, component, host_binary};

const FOUR_MIB: &[&str] = &["--max-memory", "4MiB"];

/// Flags that select each of the two engines: for few instances, and for many.
pub(crate) const ENGINES: [&[&str]; 2] =
    [&["--instance-per", "resource"], &["--instance-per", "client"]];

/// Writes the echo handler with an additional core module or component, which every instance instantiates.
pub(crate) fn echo_with(folder: &TempDir, added: &str) -> Result<PathBuf> {
    let added = wat::parse_str(added)?;
    // The header of a component has a 1 where a module has a 0. The section of its instances follows that of modules or
    // components.
    let (code, instance) = if added.get(6) == Some(&1) { (4, 5) } else { (1, 2) };
    let mut bytes = std::fs::read(component("echo"))?;
    let mut before = 0;
    let mut rest = bytes.get(8..).context("no header")?;
    while let Some((id, behind)) = rest.split_first() {
        let (length, behind) = read_number(behind)?;
        before += usize::from(*id == code);
        rest = behind.get(length..).context("no whole section")?;
    }
    let section = |id: u8, content: &[u8]| [&[id], &number(content.len())[..], content].concat();
    bytes.extend(section(code, &added));
    // One instance: what has this index, instantiated without arguments.
    bytes.extend(section(instance, &[&[1, 0][..], &number(before), &[0]].concat()));
    let file = folder.path().join("echo.wasm");
    std::fs::write(&file, bytes)?;
    Ok(file)
}

/// Encodes a number as LEB128, as WebAssembly does.
fn number(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn read_number(bytes: &[u8]) -> Result<(usize, &[u8])> {
    let mut number = 0;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        number |= usize::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok((number, &bytes[place + 1..]));
        }
    }
    anyhow::bail!("a number that does not end")
}

/// The component must be refused, with an error that contains all of these words.
fn is_refused(module: &str, flags: &[&str], words: &[&str]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = echo_with(&folder, module)?;
    let output = Command::new(host_binary())
        .args(["--check", "--no-cache", "--component"])
        .arg(file)
        .args(flags)
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(!output.status.success(), "{flags:?}: not refused: {module}");
    for word in words {
        ensure!(stderr.contains(word), "{word:?} is not in: {stderr}");
    }
    Ok(())
}

fn is_served(module: &str, flags: &[&str]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = echo_with(&folder, module)?;
    let server = TestServer::serving_file(&file, flags)?;
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn features_that_no_toolchain_needs_are_refused_by_name() -> Result<()> {
    for (module, feature) in [
        ("(module (memory i64 1))", "memory64"),
        ("(module (table i64 1 funcref))", "memory64"),
        ("(module (memory 1 1 shared))", "threads"),
        ("(module (memory 1 (pagesize 1)))", "custom page sizes"),
        ("(module (tag))", "exceptions"),
        ("(module (type (struct)))", "gc"),
    ] {
        is_refused(module, &[], &["echo.wasm", feature])?;
    }
    Ok(())
}

#[test]
fn tables_count_as_memory() -> Result<()> {
    let table = "(table 90000 funcref)";
    for engine in ENGINES {
        let flags = [engine, FOUR_MIB].concat();
        is_served(&format!("(module {table})"), &flags)?;
        let words = ["max-memory allows 4 MiB"];
        is_refused(&format!("(module {})", table.repeat(6)), &flags, &words)?;
        let growing = "(module (table 1 funcref) (table 1 funcref) (func
            (drop (table.grow 0 (ref.null func) (i32.const 90000)))
            (drop (table.grow 1 (ref.null func) (i32.const 200000)))) (start 0))";
        is_refused(growing, &flags, &words)?;
    }
    Ok(())
}

#[test]
fn growth_that_is_refused_does_not_count() -> Result<()> {
    // Tries a hundred times to grow beyond its own maximum, and then grows by as much as the limit allows.
    let module = "(module
        (memory 1 2) (memory 1) (table 1 2 funcref)
        (func (local $left i32)
            (local.set $left (i32.const 100))
            (loop $again
                (if (i32.ne (memory.grow 0 (i32.const 16)) (i32.const -1)) (then unreachable))
                (if (i32.ne (table.grow 0 (ref.null func) (i32.const 9000)) (i32.const -1))
                    (then unreachable))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $again (local.get $left)))
            (if (i32.ne (memory.grow 1 (i32.const 65536)) (i32.const -1)) (then unreachable))
            (if (i32.ne (memory.grow 1 (i32.const 16)) (i32.const 1)) (then unreachable)))
        (start 0))";
    for engine in ENGINES {
        is_served(module, &[engine, FOUR_MIB].concat())?;
    }
    Ok(())
}
