//! The SDK files of the templates cover the contract, and the capabilities of WASI.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use ws_host_test_support::root;

/// The two ways to take the messages of a burst. An SDK uses one of them.
const ONE_BY_ONE: &[&str] = &["next"];
const MANY: &[&str] = &["next-many", "advance"];

/// Returns the names of all functions in `wit/`, and of those of WASI that are capabilities.
fn functions() -> Result<Vec<String>> {
    let capabilities = root().join("host/templates/capabilities/all/wit/deps");
    let folders = [root().join("wit"), capabilities.join("config"), capabilities.join("keyvalue")];
    let mut functions = Vec::new();
    for folder in folders {
        for text in texts(&folder, ".wit")? {
            let lines = text.lines().filter_map(|line| line.trim().split_once(": func("));
            functions.extend(lines.map(|(name, _)| name.to_owned()));
        }
    }
    assert!(functions.len() > 70, "{functions:?}");
    Ok(functions)
}

/// Returns the texts of the files in a folder whose names end like this.
fn texts(folder: &Path, ending: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    let paths = paths.iter().filter(|path| path.to_string_lossy().ends_with(ending));
    paths.map(|path| Ok(fs::read_to_string(path)?)).collect()
}

/// Fails if a function of the contract does not occur in the files of an SDK, as a whole word. The SDK need not have those
/// in `unused`.
fn assert_covered(
    folder: &str,
    ending: &str,
    unused: &[&str],
    spelled: impl Fn(&str) -> String,
) -> Result<()> {
    let sdk = texts(&root().join("host/templates").join(folder), ending)?.concat();
    let words: Vec<&str> =
        sdk.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    for function in functions()?.iter().filter(|it| !unused.contains(&&***it)) {
        let spelled = spelled(function);
        assert!(words.contains(&spelled.as_str()), "{folder} does not use {function}");
    }
    Ok(())
}

/// Returns the names that a module exports as values, in alphabetical order: those behind `export function` and `export
/// const`, and those in `export { … }`.
fn exports(module: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in module.lines() {
        let Some(export) = line.strip_prefix("export ") else { continue };
        if let Some((list, _)) = export.strip_prefix("{ ").and_then(|rest| rest.split_once(" }")) {
            // The name for others is behind `as`.
            names.extend(list.split(", ").filter_map(|item| item.rsplit(' ').next()));
        } else if let Some((_, rest)) = export
            .split_once(' ')
            .filter(|(kind, _)| matches!(*kind, "function" | "const" | "class"))
        {
            names.extend(rest.split(|letter: char| !letter.is_alphanumeric()).next());
        }
    }
    names.sort_unstable();
    names
}

#[test]
fn sdk_for_javascript_declares_the_types_of_all_that_it_exports() -> Result<()> {
    for (name, some) in [("index", "serve"), ("config", "getAll"), ("keyvalue", "open")] {
        let path = root().join("host/templates/js-common/all/ws-host").join(name);
        let [module, types] = ["js", "d.ts"].map(|ending| path.with_extension(ending));
        let (module, types) = (fs::read_to_string(module)?, fs::read_to_string(types)?);
        assert!(exports(&module).contains(&some), "{name}.js exports {:?}", exports(&module));
        assert_eq!(exports(&module), exports(&types), "{name}");
    }
    Ok(())
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

#[test]
fn sdk_for_javascript_uses_every_function_of_the_contract() -> Result<()> {
    assert_covered("js-common/all/ws-host", ".js", MANY, camel_case)
}

#[test]
fn sdk_for_python_uses_every_function_of_the_contract() -> Result<()> {
    assert_covered("python/all/src/ws_host", ".py", ONE_BY_ONE, |name| name.replace('-', "_"))
}
