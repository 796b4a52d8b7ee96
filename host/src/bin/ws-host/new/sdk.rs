//! The copy of the Rust SDK that new projects contain. Its manifest must not inherit from the workspace of this
//! repository.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::embedded;
use super::templates::{Files, ProjectFile, as_it_is};

/// The folder of the SDK in this repository.
const SOURCE: &str = "guest-sdk";

/// The folder of the SDK in a project.
const FOLDER: &str = "ws-guest";

/// The folders of the SDK's packages, relative to the folder of the SDK.
const PACKAGES: [&str; 2] = ["", "bindings/"];

const MANIFEST: &str = "Cargo.toml";

/// The tables of a manifest that list dependencies.
const DEPENDENCIES: [&str; 2] = ["dependencies", "build-dependencies"];

/// Adds the SDK to a project.
///
/// # Errors
///
/// An error if the manifest inherits something that the workspace does not have.
pub(super) fn add_to(files: &mut Files) -> Result<()> {
    for package in PACKAGES {
        let is_source =
            |path: &str| path.strip_prefix(package).is_some_and(|rest| rest.starts_with("src/"));
        for (path, file) in embedded::below(SOURCE).filter(|(path, _)| is_source(path)) {
            files.insert(format!("{FOLDER}/{path}"), as_it_is(file));
        }
        let content = manifest(package)?.into_bytes();
        let path = format!("{FOLDER}/{package}{MANIFEST}");
        files.insert(path, ProjectFile { is_executable: false, content });
    }
    Ok(())
}

fn manifest(package: &str) -> Result<String> {
    let read = |path: &str| -> Result<Table> {
        embedded::text(path)
            .with_context(|| format!("this build of ws-host does not contain {path}"))?
            .parse()
            .context(path.to_owned())
    };
    let mut rest = resolve(read(&format!("{SOURCE}/{package}{MANIFEST}"))?, &read(MANIFEST)?)?;
    // The table `package` comes first, because readers look for it first.
    let package = Table::from_iter(rest.remove_entry("package"));
    Ok(format!(
        "# The SDK of ws-host {}, copied by `ws-host new`.\n\n{}\n{}",
        env!("CARGO_PKG_VERSION"),
        toml::to_string_pretty(&package)?,
        toml::to_string_pretty(&rest)?
    ))
}

/// Returns the manifest of a package. It includes everything that the package inherits from its workspace.
fn resolve(mut manifest: Table, root: &Table) -> Result<Table> {
    let workspace = root.get("workspace").and_then(Value::as_table).context("no workspace")?;
    let inherited = |path: &[&str]| -> Result<Value> {
        let mut parts = path.iter();
        let first = parts.next().and_then(|first| workspace.get(*first));
        let found = parts.fold(first, |value, key| value?.get(key));
        found.cloned().with_context(|| format!("the workspace has no {}", path.join(".")))
    };
    // The SDK's tests and measurements stay in this repository, so their dependencies are not needed.
    manifest.remove("dev-dependencies");
    for (key, value) in tables(&mut manifest, "package") {
        if inherits(value) {
            *value = inherited(&["package", key])?;
        }
    }
    let resolve_dependencies = |manifest: &mut Table| -> Result<()> {
        for table in DEPENDENCIES {
            for (name, value) in tables(manifest, table) {
                if inherits(value) {
                    *value = Value::Table(dependency(inherited(&["dependencies", name])?, value));
                }
            }
        }
        Ok(())
    };
    resolve_dependencies(&mut manifest)?;
    for (_, target) in tables(&mut manifest, "target") {
        target.as_table_mut().map(resolve_dependencies).transpose()?;
    }
    if manifest.get("lints").is_some_and(inherits) {
        manifest.insert("lints".to_owned(), inherited(&["lints"])?);
    }
    Ok(manifest)
}

fn tables<'a>(
    manifest: &'a mut Table,
    key: &str,
) -> impl Iterator<Item = (&'a String, &'a mut Value)> {
    manifest.get_mut(key).and_then(Value::as_table_mut).into_iter().flat_map(Table::iter_mut)
}

fn inherits(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// Returns a dependency of the workspace, together with the settings that the package adds, such as `features` or
/// `optional`.
fn dependency(of_workspace: Value, of_package: &Value) -> Table {
    let mut dependency = match of_workspace {
        Value::Table(table) => table,
        version => Table::from_iter([("version".to_owned(), version)]),
    };
    // In the workspace's manifest, the path of an SDK package is relative to the workspace root.
    if let Some(Value::String(path)) = dependency.get_mut("path")
        && let Some(below) = path.strip_prefix(SOURCE)
    {
        *path = below.trim_start_matches('/').to_owned();
    }
    for (key, value) in
        of_package.as_table().into_iter().flatten().filter(|(key, _)| *key != "workspace")
    {
        match (dependency.get_mut(key), value) {
            (Some(Value::Array(features)), Value::Array(more)) => {
                features.extend(more.iter().cloned())
            }
            _ => drop(dependency.insert(key.clone(), value.clone())),
        }
    }
    dependency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inherited_settings_are_written_out() {
        let root = r#"
            [workspace.package]
            version = "1.2.3"
            [workspace.dependencies]
            one = "1"
            two = { version = "2", default-features = false, features = ["a"] }
            five = { path = "guest-sdk/below" }
            [workspace.lints.rust]
            missing_docs = "warn"
        "#;
        let manifest = r#"
            [package]
            name = "sdk"
            version.workspace = true
            [dependencies]
            one = { workspace = true, optional = true }
            two = { workspace = true, features = ["b"] }
            three = "3"
            [target.wasm.dependencies]
            five.workspace = true
            [dev-dependencies]
            four = "4"
            [lints]
            workspace = true
        "#;
        let expected = r#"
            [package]
            name = "sdk"
            version = "1.2.3"
            [dependencies]
            one = { version = "1", optional = true }
            two = { version = "2", default-features = false, features = ["a", "b"] }
            three = "3"
            [target.wasm.dependencies]
            five = { path = "below" }
            [lints.rust]
            missing_docs = "warn"
        "#;
        let table = |text: &str| text.parse::<Table>().expect("valid TOML");
        assert_eq!(resolve(table(manifest), &table(root)).expect("it resolves"), table(expected));
    }

    #[test]
    fn what_the_workspace_does_not_have_is_an_error() {
        let root = "[workspace]".parse().expect("valid TOML");
        let manifest = "package.version.workspace = true".parse().expect("valid TOML");
        let error = resolve(manifest, &root).expect_err("it is missing").to_string();
        assert_eq!(error, "the workspace has no package.version");
    }

    #[test]
    fn manifests_of_the_sdk_inherit_nothing_and_stay_in_the_project() {
        for package in PACKAGES {
            let manifest = manifest(package).expect("it resolves");
            assert!(!manifest.contains("workspace"), "{manifest}");
            let paths: Vec<_> = manifest.lines().filter(|line| line.contains("path =")).collect();
            let expected: &[&str] =
                if package.is_empty() { &[r#"path = "bindings""#] } else { &[] };
            assert_eq!(paths, expected, "{manifest}");
        }
    }
}
