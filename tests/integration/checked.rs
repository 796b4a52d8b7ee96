//! `ws-host check`: what it says of real components, and of files that would not be served.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result};
use serde_json::Value;
use tempfile::TempDir;
use ws_host_test_support::{component, host_binary, root};

fn check(file: &Path, flags: &[&str]) -> Result<(Output, String)> {
    let output = Command::new(host_binary()).arg("check").arg(file).args(flags).output()?;
    let printed = String::from_utf8(output.stdout.clone())?;
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("panicked"), "{log}");
    Ok((output, printed))
}

/// Checks a file that would be served, and returns what was printed.
fn served(file: &Path, flags: &[&str]) -> Result<String> {
    let (output, printed) = check(file, flags)?;
    assert_eq!(output.status.code(), Some(0), "{printed}{output:?}");
    Ok(printed)
}

/// Checks a file that would not be served. All of these words must be in the output.
#[track_caller]
fn refused(file: &Path, flags: &[&str], words: &[&str]) {
    let (output, printed) = check(file, flags).expect("the host runs");
    assert_eq!(output.status.code(), Some(1), "{printed}{output:?}");
    assert!(printed.contains(" would not be served\n"), "{printed}");
    for word in words {
        assert!(printed.contains(word), "{word:?} is not in: {printed}");
    }
}

fn compatible(language: &str) -> PathBuf {
    root().join("tests/compatibility").join(language).join("handler.wasm")
}

/// Writes a component or module from its text.
fn file(folder: &TempDir, text: &str) -> Result<PathBuf> {
    let path = folder.path().join("file.wasm");
    std::fs::write(&path, wat::parse_str(text)?)?;
    Ok(path)
}

#[test]
fn component_that_would_be_served_is_described() -> Result<()> {
    let printed = served(&component("chat"), &[])?;
    let line = |label: &str| {
        let mut lines = printed.lines().filter_map(|line| line.trim_start().strip_prefix(label));
        lines.next().unwrap_or_default().trim().to_owned()
    };
    assert!(printed.starts_with(&format!("{} would be served\n", component("chat").display())));
    let tools = line("made by");
    assert!(tools.starts_with("Rust; rustc ") && tools.contains("wit-component "), "{printed}");
    assert_eq!(line("contract"), "ws-host:socket@0.1.0; this host serves 0.1.0");
    assert!(line("exports").contains("handler") && line("exports").contains("lifecycle"));
    assert!(line("imports").contains("clients") && line("imports").contains("wasi:cli"));
    assert!(line("size").contains("of code") && line("size").contains("of initial data"));
    assert!(
        line("load").contains(" the first time, ") && line("load").ends_with(" from the cache")
    );
    assert!(line("instance").contains("of 64.0 MiB (max-memory)"), "{printed}");
    assert!(!printed.contains("grants") && !printed.contains("unknown"), "{printed}");
    Ok(())
}

#[test]
fn language_is_named_whatever_made_the_component() -> Result<()> {
    for (language, name) in [
        ("rust", "made by   Rust; "),
        ("c", "made by   C; "),
        ("js", "made by   JavaScript (componentize-qjs); "),
    ] {
        let printed = served(&compatible(language), &[])?;
        assert!(printed.contains(name), "{language}: {printed}");
    }
    Ok(())
}

#[test]
fn capabilities_that_need_a_grant_are_named() -> Result<()> {
    let printed = served(&component("guest-outside"), &[])?;
    assert!(!printed.contains("unknown"), "{printed}");
    let printed = served(&compatible("c"), &[])?;
    let grants = "grants    wasi:filesystem @0.2.12: the resource needs a grant only if its code calls \
                  them (docs/capabilities.md)";
    assert!(printed.contains(grants), "{printed}");
    let printed = served(&component("capabilities"), &[])?;
    let grants =
        "grants    outgoing (WebSockets to other servers), timers (only set-durable); wasi:";
    assert!(printed.contains(grants), "{printed}");
    // What needs no grant is listed with the imports, such as the function `set` of `timers`.
    let imports = printed.lines().find(|line| line.trim_start().starts_with("imports"));
    let imports = imports.context("a line")?;
    assert!(imports.contains("outgoing,") && imports.contains("timers"), "{printed}");
    Ok(())
}

#[test]
fn capability_that_no_grant_allows_is_named() -> Result<()> {
    let folder = TempDir::new()?;
    let imports = r#"(import "wasi:sockets/tcp@0.2.0" (instance))"#;
    let component = file(&folder, &format!("(component {imports})"))?;
    let denied = "denied    wasi:sockets @0.2.0: calls always fail, and no grant allows them";
    refused(&component, &[], &[denied]);
    let (_, printed) = check(&component, &["--json"])?;
    let json: Value = serde_json::from_str(&printed)?;
    assert_eq!(json["imports"][0]["provided"], "denied", "{printed}");
    Ok(())
}

#[test]
fn everything_is_printed_as_json_on_request() -> Result<()> {
    let json: Value = serde_json::from_str(&served(&compatible("js"), &["--json"])?)?;
    assert_eq!(json["is-served"], true);
    assert_eq!(json["problem"], Value::Null);
    assert_eq!(json["advice"], serde_json::json!([]));
    assert_eq!(json["language"], "javascript-quickjs");
    assert_eq!(json["contract"], serde_json::json!(["0.1.0"]));
    assert_eq!(json["size"], std::fs::metadata(compatible("js"))?.len());
    let number = |pointer: &str| json.pointer(pointer).and_then(Value::as_f64).unwrap_or_default();
    // The snapshot of the interpreter is most of its memory.
    assert!(number("/parts/data") > 200_000.0, "{json}");
    assert!(number("/parts/code") > 700_000.0 && number("/parts/table-elements") > 900.0, "{json}");
    assert!(number("/cost/instance-memory") > number("/parts/memory"), "{json}");
    assert!(number("/cost/first-load-seconds") > number("/cost/cached-load-seconds"), "{json}");
    let exports = json["exports"].as_array().map(Vec::as_slice).unwrap_or_default();
    assert!(exports.contains(&"ws-host:socket/handler@0.1.0".into()), "{json}");
    Ok(())
}

#[test]
fn memory_of_an_instance_is_held_against_the_limit() -> Result<()> {
    let words = [
        "no instance of it can be created",
        "max-memory allows 1 MiB\n",
        "advice    raise `max-memory`",
    ];
    refused(&compatible("c"), &["--max-memory", "1MiB"], &words);
    // Advice about a trap does not help here.
    let (_, printed) = check(&compatible("c"), &["--max-memory", "1MiB"])?;
    assert!(!printed.contains("reactor"), "{printed}");
    let printed = served(&compatible("c"), &["--max-memory", "20MiB"])?;
    assert!(printed.contains("of 20.0 MiB (max-memory)"), "{printed}");
    Ok(())
}

#[test]
fn file_that_is_no_component_is_explained() -> Result<()> {
    let folder = TempDir::new()?;
    refused(Path::new("/nowhere/x.wasm"), &[], &["there is no file /nowhere/x.wasm"]);
    refused(folder.path(), &[], &["cannot read"]);
    // Nobody writes to this pipe, so reading it would wait forever.
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status()?.success());
    refused(&pipe, &[], &["it is not a regular file"]);
    refused(&root().join("README.md"), &[], &["is not WebAssembly", "(in Rust, for example"]);
    let whole = std::fs::read(component("echo"))?;
    let cut = folder.path().join("cut.wasm");
    std::fs::write(&cut, &whole[..whole.len() / 2])?;
    refused(&cut, &[], &["is not a valid component", "imports"]);
    Ok(())
}

#[test]
fn advice_for_a_core_module_is_that_of_its_language() -> Result<()> {
    let folder = TempDir::new()?;
    let import = r#"(import "wasi_snapshot_preview1" "fd_write" (func))"#;
    for (producers, advice) in [
        (r#"(language "Rust" "")"#, "built for wasm32-wasip1: build with `cargo build"),
        (
            r#"(language "Go" "go1.27.3")"#,
            "make a component from it with `ws-host component FILE --output HANDLER.wasm`",
        ),
        (
            r#"(processed-by "clang" "22.1.8")"#,
            "(with -mexec-model=reactor): make a component from it with `ws-host component FILE",
        ),
        (r#"(language "C99" "") (processed-by "TinyGo" "")"#, "tinygo build -target=wasip2"),
    ] {
        let module = file(&folder, &format!("(module {import} (@producers {producers}))"))?;
        refused(&module, &[], &["core WebAssembly module, not a component", advice]);
    }
    Ok(())
}

#[test]
fn advice_for_a_component_without_a_handler_is_that_of_its_language() -> Result<()> {
    let folder = TempDir::new()?;
    for (content, advice) in [
        (
            r#"(@producers (processed-by "ComponentizeJS" "0.23.0"))
               (instance $http) (export "wasi:http/incoming-handler@0.2.12" (instance $http))"#,
            "this serves HTTP requests: build as a project of `ws-host new NAME --lang js` does, with \
             `node ws-host/build.js build/NAME.wasm`",
        ),
        (
            r#"(@producers (processed-by "wit-bindgen-rust" "0.61.1"))"#,
            "advice    end the crate with `ws_guest::export!(YourHandler);`",
        ),
        (r#"(@producers (language "Go" "go1.27.3"))"#, "call `wshost.Serve` in `func init`"),
        (r#"(@producers (processed-by "wit-bindgen-c" "0.61.1"))"#, "define `ws_host_handler`"),
    ] {
        let component = file(&folder, &format!("(component {content})"))?;
        refused(&component, &[], &["does not export ws-host:socket/handler@0.1.0", advice]);
    }
    Ok(())
}

#[test]
fn other_version_of_the_contract_is_named_with_the_served_one() -> Result<()> {
    let folder = TempDir::new()?;
    let handler =
        r#"(instance $handler) (export "ws-host:socket/handler@0.2.0" (instance $handler))"#;
    let go = r#"(@producers (language "Go" "go1.27.3"))"#;
    let component = file(&folder, &format!("(component {handler} {go})"))?;
    refused(&component, &[], &["advice    replace the project's folder wshost with"]);
    let component = file(&folder, &format!("(component {handler})"))?;
    refused(
        &component,
        &[],
        &[
            "built for ws-host:socket@0.2.0, but this host serves ws-host:socket@0.1.0",
            "contract  ws-host:socket@0.2.0; this host serves 0.1.0",
        ],
    );
    for (name, word) in [("earlier", "types"), ("later", "weather")] {
        let text = root().join("tests/compatibility").join(name).with_extension("wat");
        let component = file(&folder, &std::fs::read_to_string(text)?)?;
        refused(&component, &[], &["ws-host:socket@0.1.0", word]);
    }
    Ok(())
}

#[test]
fn import_that_the_host_does_not_have_is_named() -> Result<()> {
    let folder = TempDir::new()?;
    let imports = r#"(import "wasi:nn/tensor@0.2.0" (instance (export "f" (func))))"#;
    let handler =
        r#"(instance $handler) (export "ws-host:socket/handler@0.1.0" (instance $handler))"#;
    let component = file(&folder, &format!("(component {imports} {handler})"))?;
    let unknown = "unknown   wasi:nn/tensor@0.2.0: not provided by this host";
    refused(&component, &[], &["imports something that this host does not provide", unknown]);
    Ok(())
}
