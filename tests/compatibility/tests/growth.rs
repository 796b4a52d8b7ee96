//! Which changes of the contract are allowed, tried on copies of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use ws_host_compatibility::{Surface, broken, closed_types};
use ws_host_test_support::root;

/// Reads the current contract.
fn contract() -> Result<Surface> {
    Surface::read(&root().join("wit"))
}

/// Reads a copy of the contract in which texts are replaced. Each change is a file, the old text and the new one; an
/// empty old text replaces the whole file.
fn with(changes: &[(&str, &str, &str)]) -> Result<Surface> {
    let folder = tempfile::tempdir()?;
    for file in fs::read_dir(root().join("wit"))? {
        let file = file?.path();
        if file.extension().is_some_and(|extension| extension == "wit") {
            fs::copy(&file, folder.path().join(file.file_name().context("the file has no name")?))?;
        }
    }
    for (file, old, new) in changes {
        let path = folder.path().join(file);
        let text = if old.is_empty() { String::new() } else { fs::read_to_string(&path)? };
        ensure!(text.contains(old), "{old:?} is not in {file}");
        fs::write(&path, text.replacen(old, new, 1))?;
    }
    Surface::read(folder.path())
}

/// Asserts that the changes are incompatible and reported with these words.
#[track_caller]
fn breaks(changes: &[(&str, &str, &str)], words: &str) {
    let faults =
        broken(&contract().expect("the contract is valid WIT"), &with(changes).expect("it is WIT"));
    assert!(faults.iter().any(|fault| fault.contains(words)), "{words:?} is not in {faults:#?}");
}

#[track_caller]
fn grows(changes: &[(&str, &str, &str)]) {
    assert_eq!(
        broken(&contract().expect("the contract is valid WIT"), &with(changes).expect("it is WIT")),
        [""; 0]
    );
}

#[test]
fn contract_has_only_grown_since_its_last_release() -> Result<()> {
    let released = Surface::read(&root().join("wit/released"))?;
    assert_eq!(broken(&released, &contract()?), [""; 0]);
    Ok(())
}

#[test]
fn only_the_kinds_of_messages_are_closed() -> Result<()> {
    assert_eq!(closed_types(&contract()?), [""; 0]);
    Ok(())
}

#[test]
fn functions_interfaces_imports_and_worlds_may_be_added() {
    grows(&[]);
    grows(&[(
        "disconnection.wit",
        "  clean:",
        "  again: func(client: client-id) -> bool;\n  clean:",
    )]);
    grows(&[
        (
            "weather.wit",
            "",
            "package ws-host:socket@0.1.0;\ninterface weather { today: func() -> string; }",
        ),
        ("world.wit", "import topics;", "import topics;\n  import weather;"),
    ]);
    grows(&[
        (
            "storm.wit",
            "",
            "package ws-host:socket@0.1.0;\ninterface storm-listener { storm: func(); }",
        ),
        (
            "world.wit",
            "world stateful",
            "world stormy { include imports; export storm-listener; }\nworld stateful",
        ),
    ]);
    grows(&[("clients.wit", "constructor();", "constructor();\n    set-pace: func(bytes: u64);")]);
}

#[test]
fn documentation_may_change() {
    grows(&[("types.wit", "/// Text, in UTF-8 on the wire.", "/// Text.")]);
}

#[test]
fn removals_are_incompatible() {
    breaks(&[("tags.wit", "untag:", "remove:")], "tags: untag is gone");
    breaks(
        &[
            ("timers.wit", "interface timers {", "interface clocks {"),
            ("world.wit", "timers", "clocks"),
        ],
        "the interface timers is gone",
    );
    breaks(
        &[("world.wit", "world timed-handler", "world timing-handler")],
        "the world timed-handler is gone",
    );
    breaks(&[("world.wit", "  import topics;", "")], "no longer imports topics");
    breaks(&[("world.wit", "  export timers-listener;", "")], "no longer exports timers-listener");
}

#[test]
fn changed_types_are_incompatible() {
    breaks(
        &[("timers.wit", "after: u64)", "after: u32)")],
        "timers: set is func(timer: u64, after: u32)",
    );
    breaks(&[("timers.wit", "after: u64)", "after: u64, again: bool)")], "timers: set is func(");
    breaks(&[("types.wit", "type error = string", "type error = u32")], "types: type error is u32");
    breaks(
        &[("types.wit", "type error = string", "type error = u32")],
        "clients: send-text is func(",
    );
    breaks(
        &[("types.wit", "binary(list<u8>),", "binary(list<u8>), ping(list<u8>),")],
        "type message is variant",
    );
}

#[test]
fn new_demands_on_handlers_are_incompatible() {
    breaks(
        &[("handler.wit", "  received-text:", "  received-more: func();\n  received-text:")],
        "handler: received-more was added",
    );
    breaks(
        &[("world.wit", "  export lifecycle;", "  export lifecycle;\n  export stop-listener;")],
        "the world stateful-handler exports stop-listener now",
    );
}

#[test]
fn version_may_rise_to_a_compatible_one() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let empty = |version: &str| -> Result<Surface> {
        fs::write(folder.path().join("world.wit"), format!("package ws-host:socket@{version};"))?;
        Surface::read(folder.path())
    };
    let released = empty("0.1.1")?;
    for compatible in ["0.1.1", "0.1.2", "0.1.10"] {
        ensure!(broken(&released, &empty(compatible)?).is_empty(), "{compatible}");
    }
    for other in ["0.1.0", "0.2.0", "1.1.1", "0.1.2-rc.1"] {
        let faults = broken(&released, &empty(other)?);
        ensure!(
            faults.len() == 1
                && faults[0].contains(&format!("the package is ws-host:socket@{other}")),
            "{other}: {faults:?}"
        );
    }
    Ok(())
}

#[test]
fn closed_types_and_long_parameter_lists_are_reported() -> Result<()> {
    fn report(changes: &[(&str, &str, &str)]) -> Result<String> {
        Ok(closed_types(&with(changes)?).join("\n"))
    }
    for (kind, text) in [
        ("a record", "record growing { a: u32 }"),
        ("an enum", "enum growing { a, b }"),
        ("a flags", "flags growing { a, b }"),
        ("a variant", "variant growing { a, b(string) }"),
    ] {
        let text = format!("  {text}\n  variant message");
        let report = report(&[("types.wit", "  variant message", &text)])?;
        ensure!(
            report.contains(&format!("types: growing is {kind}, which can never gain a part")),
            "{report}"
        );
    }
    let report = report(&[
        ("tags.wit", "message: message, options:", "message: message, twice: bool, options:"),
        ("tags.wit", "-> list<string>", "-> list<tuple<string, u32>>"),
    ])?;
    ensure!(report.contains("tags: send-tagged has 4 parameters"), "{report}");
    ensure!(report.contains("tags: tags-of has a tuple"), "{report}");
    Ok(())
}

#[test]
fn committed_components_are_small() -> Result<()> {
    for language in ["rust", "c", "js"] {
        let component = component(language);
        let bytes =
            fs::metadata(&component).with_context(|| format!("{}", component.display()))?.len();
        ensure!(bytes < 1_300_000, "{} has {bytes} bytes", component.display());
    }
    Ok(())
}

fn component(language: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(language).join("handler.wasm")
}
