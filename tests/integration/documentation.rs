//! The documentation matches the code.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result};
use ws_host_test_support::{host_binary, root};

use crate::configured::Configuration;

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// Returns every `--flag` in a text.
pub(crate) fn flags(text: &str) -> BTreeSet<String> {
    let is_part =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    text.split(|letter| !is_part(letter))
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
    // A flag of `ws-host new`, and those that the README need not mention.
    let others = ["--lang", "--help", "--version"].map(str::to_owned);
    let of_host: BTreeSet<String> = help.difference(&others.clone().into()).cloned().collect();
    let mentioned: BTreeSet<String> = readme.difference(&others.into()).cloned().collect();
    assert_eq!(mentioned, of_host);
    Ok(())
}

#[test]
fn version_describes_the_build() -> Result<()> {
    let version = |flag| -> Result<String> {
        Ok(String::from_utf8(Command::new(host_binary()).arg(flag).output()?.stdout)?)
    };
    let [first, commit, features, wasmtime] = <[String; 4]>::try_from(
        version("--version")?.lines().map(str::to_owned).collect::<Vec<_>>(),
    )
    .map_err(|lines| anyhow::anyhow!("{lines:?}"))?;
    assert_eq!(version("-V")?, format!("{first}\n"));
    assert!(first.starts_with("ws-host 0."), "{first}");
    assert!(commit.strip_prefix("commit: ").is_some_and(|commit| !commit.is_empty()), "{commit}");
    // A build together with the tests has the feature `testing` as well.
    assert_eq!(features.trim_end_matches(", testing"), "features: cli, nats, otlp");
    let lock = read("Cargo.lock")?;
    let (_, locked) = lock.split_once("name = \"wasmtime\"\nversion = \"").context("wasmtime")?;
    assert_eq!(wasmtime, format!("wasmtime: {}", locked.split('"').next().unwrap_or_default()));
    Ok(())
}

#[test]
fn handler_in_the_readme_is_the_one_that_the_sdk_compiles() -> Result<()> {
    let readme = read("README.md")?;
    let handler = readme.split("```rust\n").nth(1).and_then(|rest| rest.split("```").next());
    let sdk = read("guest-sdk/src/lib.rs")?.replace("//! ", "").replace("//!", "");
    assert!(sdk.contains(handler.context("no handler in the README")?.trim_end()));
    Ok(())
}

#[test]
fn readme_is_short() -> Result<()> {
    assert!(read("README.md")?.lines().count() <= 150);
    Ok(())
}

/// Returns every quoted `` `PREFIX…` `` of a text, without the prefix.
fn quoted<'a>(text: &'a str, prefix: &str) -> Vec<&'a str> {
    let parts = text.split('`').skip(1).step_by(2);
    parts.filter_map(|part| part.strip_prefix(prefix)).collect()
}

#[test]
fn configuration_keys_match_the_documentation() -> Result<()> {
    let documented = |heading: &str| -> Result<BTreeSet<String>> {
        let text = read("docs/configuration.md")?;
        let section = text.split(heading).nth(1).context("no section")?;
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        Ok(rows.filter_map(|row| row.split('`').next()).map(str::to_owned).collect())
    };
    // The host's own error message lists the keys.
    let accepted = |text: &str| -> Result<BTreeSet<String>> {
        let configuration = Configuration::new(text)?;
        let output =
            Command::new(host_binary()).arg("--config").arg(configuration.file()).output()?;
        let stderr = String::from_utf8(output.stderr)?;
        let (_, keys) = stderr.trim().split_once("known keys: ").context("no list of keys")?;
        Ok(keys.split(", ").map(str::to_owned).collect())
    };
    assert_eq!(documented("\n## The server\n")?, accepted("qqq = 1")?);
    assert_eq!(documented("\n## A resource\n")?, accepted("[[resource]]\nqqq = 1")?);
    assert_eq!(documented("\n## Development\n")?, accepted("[dev]\nqqq = 1")?);
    Ok(())
}

/// Returns the cells of the row that begins with `first`.
fn row(text: &str, first: &str) -> Result<Vec<String>> {
    let start = format!("| {first} |");
    let line = text.lines().find(|line| line.starts_with(&start));
    let line = line.with_context(|| format!("no row {first}"))?;
    Ok(line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
}

#[test]
fn memory_of_instances_is_that_of_the_table_of_languages() -> Result<()> {
    let (operating, languages) = (read("docs/operating.md")?, read("docs/languages.md")?);
    let (_, languages) = languages.split_once("\n## What they cost\n").context("no section")?;
    let heads = row(languages, "`--lang`")?;
    let column = heads.iter().position(|head| head == "resident").context("no column")?;
    let mut measured = Vec::new();
    for language in ["`rust`", "`python`", "`go`", "`js`"] {
        let size = row(languages, language)?[column].clone();
        measured.push(size.strip_suffix(" KiB").context("not in KiB")?.to_owned());
    }
    let sizing = row(&operating, "memory of an instance: Rust, Python, Go, JavaScript")?;
    assert!(sizing[1].starts_with(&format!("{} KiB", measured.join(", "))), "{sizing:?}");
    Ok(())
}

#[test]
fn every_alert_has_a_row() -> Result<()> {
    let (rules, page) = (read("examples/operating/alerts.yml")?, read("docs/operating.md")?);
    let (_, table) = page.split_once("\n| alert |").context("no table")?;
    let (table, _) = table.split_once("\n\n").context("no end")?;
    let rows = table.lines().skip(2).filter_map(|line| line.split('|').nth(1));
    let documented: BTreeSet<&str> = rows.flat_map(|cell| quoted(cell, "")).collect();
    let names = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    assert_eq!(documented, names.collect());
    Ok(())
}

#[test]
fn every_row_of_coming_from_names_a_test_that_exists() -> Result<()> {
    let text = read("docs/coming-from.md")?;
    let mut sources = std::collections::BTreeMap::new();
    for (prefix, folder) in [
        ("client: ", "host/client/tests/client"),
        ("protocol: ", "host/protocol/src/tests"),
        ("host: ", "host/src"),
        ("sdk: ", "guest-sdk/src"),
    ] {
        let mut all = String::new();
        for file in std::fs::read_dir(root().join(folder))? {
            let file = file?.path();
            if file.extension().is_some_and(|extension| extension == "rs") {
                all += &std::fs::read_to_string(file)?;
            }
        }
        sources.insert(prefix, all);
    }
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).collect();
    let mut proved = 0;
    for row in rows.iter().filter(|row| !row.starts_with("| #") && !row.starts_with("| asked for"))
    {
        let (_, tests) =
            row.trim_end_matches(" |").rsplit_once(" | ").context("no row of cells")?;
        let named = quoted(tests, "");
        assert!(!named.is_empty(), "no test in: {row}");
        for name in named {
            let function = match name.split_once("::") {
                Some((module, function)) => {
                    let module = read(&format!("tests/integration/{module}.rs"))?;
                    module.contains(&format!("fn {function}("))
                }
                None => sources.iter().any(|(prefix, source)| {
                    let function = name.strip_prefix(prefix);
                    function.is_some_and(|name| source.contains(&format!("fn {name}(")))
                }),
            };
            assert!(function, "there is no test {name}");
        }
        proved += 1;
    }
    // 20 of CLWS, 12 of websocket-driver, 7 and 8 of portal, 17 bugs, and some of what users asked for.
    assert!(proved >= 64, "{proved} rows");
    Ok(())
}
