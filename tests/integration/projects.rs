//! `ws-host new`: the files of new projects, and what is refused.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use ws_host_test_support::{TestServer, host_binary, root};

/// Runs `ws-host new` in a folder.
fn new(folder: &Path, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(host_binary());
    Ok(command.arg("new").args(arguments).current_dir(folder).output()?)
}

/// Runs `ws-host new`, which must fail without leaving anything behind. Returns its error.
fn refused(folder: &Path, arguments: &[&str]) -> Result<String> {
    let before = paths_below(folder)?;
    let output = new(folder, arguments)?;
    let error = String::from_utf8(output.stderr)?;
    ensure!(!output.status.success(), "{arguments:?} was accepted");
    ensure!(!error.contains("panicked"), "{error}");
    assert_eq!(paths_below(folder)?, before, "{arguments:?}");
    Ok(error)
}

/// Returns the paths of all files below a folder, relative to it.
fn paths_below(folder: &Path) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                let path = entry.path().strip_prefix(folder)?.display().to_string();
                paths.insert(path);
            }
        }
    }
    Ok(paths)
}

#[test]
fn new_project_is_created_and_the_next_steps_are_printed() -> Result<()> {
    let folder = TempDir::new()?;
    let output = new(folder.path(), &["games/first-one"])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout)?;
    let next = printed.split_once('\n').context("several lines")?.1;
    assert_eq!(
        next,
        "  cd games/first-one\n  ws-host dev\n  ws-host connect ws://localhost:8080/\n"
    );
    let project = folder.path().join("games/first-one");
    let files = paths_below(&project)?;
    for file in [".gitignore", "Cargo.toml", "README.md", "src/lib.rs", "ws-host.toml"] {
        assert!(files.contains(file), "{file} is not in {files:?}");
    }
    let manifest = fs::read_to_string(project.join("Cargo.toml"))?;
    assert!(manifest.contains("name = \"first-one\""), "{manifest}");
    let configuration = fs::read_to_string(project.join("ws-host.toml"))?;
    assert!(configuration.contains("first_one.wasm"), "{configuration}");
    Ok(())
}

#[test]
fn new_project_of_every_language_has_the_contract_as_it_is_here() -> Result<()> {
    let contract = root().join("wit");
    let ours = paths_below(&contract)?;
    let ours: BTreeSet<_> =
        ours.into_iter().filter(|name| name.ends_with(".wit") && !name.contains('/')).collect();
    let folder = TempDir::new()?;
    for language in ["rust", "js", "ts", "js-small", "python", "go", "c", "cpp"] {
        assert!(new(folder.path(), &[language, "--lang", language])?.status.success());
        let copied = folder.path().join(language).join("wit");
        // Languages with an interpreter add a world, and the WIT of WASI that it includes.
        let missing: Vec<_> = ours.difference(&paths_below(&copied)?).cloned().collect();
        assert!(missing.is_empty(), "{language}: {missing:?}");
        for name in &ours {
            let (copy, original) = (copied.join(name), contract.join(name));
            assert_eq!(fs::read(copy)?, fs::read(original)?, "{language}: {name}");
        }
    }
    assert_eq!(paths_below(&folder.path().join("rust/wit"))?, ours);
    Ok(())
}

/// The number of packages of a new project with all its dependencies. With many more, the first build takes longer than
/// the 10 s of CPU time that it may take.
const PACKAGES: usize = 22;

#[test]
fn new_rust_project_locks_few_packages_and_no_generator() -> Result<()> {
    let folder = TempDir::new()?;
    for template in ["echo", "chat", "rooms"] {
        assert!(new(folder.path(), &[template, "--template", template])?.status.success());
        let lock = fs::read_to_string(folder.path().join(template).join("Cargo.lock"))?;
        let names: Vec<_> = lock.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
        assert!(names.len() <= PACKAGES, "{template}: {} packages: {names:?}", names.len());
        // `wit-bindgen` itself is the runtime of the bindings.
        let is_generator = |name: &&&str| {
            ["\"wit-bindgen-", "\"wit-parser", "\"wit-component", "\"wasm-encoder"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        let generators: Vec<_> = names.iter().filter(is_generator).collect();
        assert!(generators.is_empty(), "{template}: {generators:?}");
    }
    Ok(())
}

#[test]
fn manifests_of_a_new_rust_project_are_valid() -> Result<()> {
    let folder = TempDir::new()?;
    assert!(new(folder.path(), &["hello"])?.status.success());
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = cargo.current_dir(folder.path().join("hello")).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("packages")?;
    let names: Vec<_> = packages.iter().map(|package| &package["name"]).collect();
    assert_eq!(names, ["hello", "ws-guest", "ws-guest-bindings"]);
    Ok(())
}

#[test]
fn existing_folder_is_used_only_if_it_is_empty() -> Result<()> {
    let folder = TempDir::new()?;
    fs::create_dir(folder.path().join("empty"))?;
    assert!(new(folder.path(), &["empty"])?.status.success());
    let error = refused(folder.path(), &["empty"])?;
    assert!(error.contains("empty exists and is not empty: choose another name"), "{error}");
    fs::write(folder.path().join("file"), "")?;
    let error = refused(folder.path(), &["file"])?;
    assert!(error.contains("file, because a file has this name"), "{error}");
    Ok(())
}

#[test]
fn unusable_names_languages_and_templates_are_refused_with_advice() -> Result<()> {
    let folder = TempDir::new()?;
    for (arguments, advice) in [
        (&["My_Chat"][..], "try my-chat"),
        (&["test"], "try my-test"),
        (&["."], "give the folder to create"),
        (&["x", "--lang", "cobol"], "[possible values: "),
        (&["x", "--lang", "rustt"], "a similar value exists: 'rust'"),
        (&["x", "--template", "poker"], "[possible values: "),
    ] {
        let error = refused(folder.path(), arguments)?;
        assert!(error.contains(advice), "{arguments:?}: {error}");
    }
    Ok(())
}

#[test]
fn folder_that_cannot_be_written_is_named() -> Result<()> {
    let folder = TempDir::new()?;
    fs::write(folder.path().join("file"), "")?;
    let error = refused(folder.path(), &["file/hello"])?;
    assert!(error.contains("file/hello"), "{error}");
    Ok(())
}

/// Creates a folder with these programs, which are scripts.
fn write_programs(folder: &Path, programs: &[(&str, &str)]) -> Result<()> {
    fs::create_dir_all(folder)?;
    for (name, script) in programs {
        fs::write(folder.join(name), format!("#!/bin/sh\n{script}\n"))?;
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Runs make in a new project with other programs than those of this machine. It must fail. Returns its errors.
fn make_fails(language: &str, programs: &[(&str, &str)], variables: &[&str]) -> Result<String> {
    let folder = TempDir::new()?;
    assert!(new(folder.path(), &["hello", "--lang", language])?.status.success());
    let bin = folder.path().join("bin");
    write_programs(&bin, programs)?;
    let path = format!("{}:{}", bin.display(), std::env::var("PATH")?);
    let mut make = Command::new("make");
    make.args(variables).env("PATH", path).current_dir(folder.path().join("hello"));
    let output = make.output()?;
    ensure!(!output.status.success(), "{language}: make succeeds");
    Ok(String::from_utf8(output.stderr)?)
}

#[test]
fn missing_or_old_tool_of_a_new_project_is_named() -> Result<()> {
    let old = "[ \"$1\" = -V ] && echo Python 3.9.2 || exit 1";
    let bare = "case \"$2\" in *ensurepip*) exit 1; esac";
    for (language, programs, variables, expected) in [
        (
            "go",
            &[][..],
            &["GO=no-such-go"][..],
            "needs Go 1.24 or newer, and no-such-go is not installed",
        ),
        ("go", &[("go", "echo go1.23.9")], &[], "needs Go 1.24 or newer, and this is go1.23.9"),
        (
            "python",
            &[("python3", old)],
            &[],
            "needs Python 3.10 or newer, and this is Python 3.9.2",
        ),
        ("python", &[("python3", bare)], &[], "needs the module venv of Python"),
    ] {
        let errors = make_fails(language, programs, variables)?;
        assert!(errors.contains(expected), "{language}: {errors}");
    }
    Ok(())
}

#[test]
fn zig_of_a_project_has_a_cache_of_its_own() -> Result<()> {
    for language in ["c", "cpp"] {
        let folder = TempDir::new()?;
        assert!(new(folder.path(), &["hello", "--lang", language])?.status.success());
        let project = folder.path().join("hello").canonicalize()?;
        let compiler = "[ \"$1\" = -c ] || { echo \"cache: $ZIG_GLOBAL_CACHE_DIR.\" >&2; exit 1; }";
        write_programs(&project.join(".venv/bin"), &[("python3", compiler)])?;
        // An installed zig would be preferred, so no other program is found.
        let bin = folder.path().join("bin");
        write_programs(&bin, &[("mkdir", ":")])?;
        let mut shell = Command::new("sh");
        shell.args(["-c", "make=$(command -v make); PATH=$1; exec \"$make\"", "sh"]).arg(bin);
        // These come before the template's own settings.
        for variable in ["COMPILE", "MAKEFLAGS", "WASI_SDK_PATH", "ZIG_GLOBAL_CACHE_DIR"] {
            shell.env_remove(variable);
        }
        let output = shell.current_dir(&project).output()?;
        let errors = String::from_utf8(output.stderr)?;
        let expected = format!("cache: {}/.venv/zig-cache.\n", project.display());
        assert!(errors.contains(&expected), "{language}: {errors}");
    }
    Ok(())
}

#[test]
fn zig_of_another_version_than_the_tested_one_is_named() -> Result<()> {
    for language in ["c", "cpp"] {
        let readme = TempDir::new()?;
        assert!(new(readme.path(), &["hello", "--lang", language])?.status.success());
        let readme = fs::read_to_string(readme.path().join("hello/README.md"))?;
        let tested = readme.split_once("ziglang==").context("no version")?.1;
        let tested = tested.lines().next().context("no version")?;
        for (version, is_named) in [("0.1.0", true), (tested, false)] {
            let zig = format!("[ \"$1\" = version ] && echo {version}");
            // A WASI SDK of this machine would come first.
            let variables = ["--eval=undefine WASI_SDK_PATH"];
            let errors = make_fails(language, &[("zig", &zig)], &variables)?;
            let warning = format!("which is 0.1.0; this project was tested with {tested}\n");
            assert_eq!(errors.contains(&warning), is_named, "{language}: {errors}");
        }
    }
    Ok(())
}

#[test]
fn new_rust_projects_build_and_pass_their_tests() -> Result<()> {
    let folder = TempDir::new()?;
    for template in ["echo", "chat", "rooms"] {
        assert!(new(folder.path(), &[template, "--template", template])?.status.success());
        let project = folder.path().join(template);
        for command in [&["test", "--locked"][..], &["build", "--release", "--locked"]] {
            let mut cargo = Command::new("cargo");
            // Shared, so that dependencies are built once.
            cargo.args(command).env("CARGO_TARGET_DIR", root().join("target/projects"));
            let output = cargo.current_dir(&project).output()?;
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{template}: {errors}");
            assert!(!errors.contains("warning"), "{template}: {errors}");
            let output = String::from_utf8_lossy(&output.stdout);
            assert!(command[0] != "test" || output.contains("test result: ok"), "{output}");
        }
        let component = format!("target/projects/wasm32-wasip2/release/{template}.wasm");
        TestServer::serving_file(&root().join(component), &[])?;
    }
    Ok(())
}
