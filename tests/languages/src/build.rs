//! Creates a project with `ws-host new`, and builds it with the command in its `ws-host.toml`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use ws_host_test_support::host_binary;

use crate::language::{Language, sources, tools, work};

/// The components of a language.
pub(crate) struct Components {
    pub(crate) language: &'static Language,
    pub(crate) echo: PathBuf,
    pub(crate) chat: PathBuf,
    /// The chat after an edit: it says `arrived` instead of `joined`.
    pub(crate) chat_v2: PathBuf,
    pub(crate) rooms: PathBuf,
    /// The handler in `tests/languages/LANGUAGE`. That of `js-small` is the one of `js`.
    pub(crate) faults: PathBuf,
    /// The handler in `tests/languages/capabilities/LANGUAGE`.
    pub(crate) capabilities: PathBuf,
    /// What failed of the tests that the projects contain.
    pub(crate) own_tests: Result<()>,
    /// How often the command for the project's tests built the component. `None`: this command needs no component.
    pub(crate) rebuilds: Result<Option<Rebuilds>>,
}

/// How often the command for a project's tests built the component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rebuilds {
    pub(crate) without_a_change: usize,
    pub(crate) after_a_change: usize,
}

/// Where projects in interpreted languages say which capabilities their handler uses.
const CAPABILITIES: &str = "wit/capabilities.wit";

/// What this program reads of a project's `ws-host.toml`.
#[derive(Deserialize)]
struct Project {
    resource: Vec<Resource>,
    dev: Dev,
}

#[derive(Deserialize)]
struct Resource {
    component: PathBuf,
}

#[derive(Deserialize)]
struct Dev {
    build: String,
}

impl Components {
    /// Creates and builds all projects of a language.
    pub(crate) fn build(language: &'static Language) -> Result<Self> {
        let chat = create(language, "chat", "chat")?;
        let chat_v2 = create(language, "chat-v2", "chat")?;
        ensure!(
            replace(&chat_v2, " joined", " arrived")? > 0,
            "no source of the chat has ' joined'"
        );
        let echo = create(language, "echo", "echo")?;
        let rooms = create(language, "rooms", "rooms")?;
        let faults = create(language, "faults", "echo")?;
        copy(&sources().join(language.programming_language()), &faults)?;
        let capabilities = with_capabilities(language)?;
        Ok(Self {
            language,
            echo: build(&echo)?,
            chat: build(&chat)?,
            chat_v2: build(&chat_v2)?,
            rooms: build(&rooms)?,
            faults: build(&faults)?,
            capabilities: build(&capabilities)?,
            // Now, because they may build the components again, which the scenarios are about to use.
            own_tests: [&echo, &chat, &chat_v2, &rooms].into_iter().try_for_each(|it| test(it)),
            rebuilds: rebuilds_of(language, &echo),
        })
    }
}

/// Creates the project of the handler that uses capabilities.
fn with_capabilities(language: &Language) -> Result<PathBuf> {
    let folder = create(language, "capabilities", "echo")?;
    copy(&language.capabilities(), &folder)?;
    let world = folder.join(CAPABILITIES);
    if world.exists() {
        // As the comment in this file tells authors to do.
        let text = fs::read_to_string(&world)?;
        ensure!(text.contains("// include "), "{CAPABILITIES} names no capabilities");
        fs::write(&world, text.replace("// include ", "include "))?;
    }
    Ok(folder)
}

/// Creates a project in a folder of its own, with the tools that npm has installed for the language.
pub(crate) fn create(language: &Language, name: &str, template: &str) -> Result<PathBuf> {
    let parent = work().join(language.name);
    fs::create_dir_all(&parent)?;
    let folder = parent.join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut command = Command::new(host_binary());
    command.args(["new", name, "--lang", language.name, "--template", template]);
    run(command.current_dir(&parent))?;
    let packages = tools().join(language.name).join("node_modules");
    if packages.exists() {
        std::os::unix::fs::symlink(packages, folder.join("node_modules"))?;
    }
    Ok(folder)
}

/// Copies a project that was built before, so that its next build has as little to do as one in the project itself.
pub(crate) fn copy_of(language: &Language, project: &str, name: &str) -> Result<PathBuf> {
    let parent = work().join(language.name);
    let copy = parent.join(name);
    if copy.exists() {
        fs::remove_dir_all(&copy)?;
    }
    // Links and times of modification stay as they are.
    run(Command::new("cp").arg("-a").arg(parent.join(project)).arg(&copy))?;
    Ok(copy)
}

/// Runs the project's build command, and returns the component.
pub(crate) fn build(folder: &Path) -> Result<PathBuf> {
    run_in(folder, &configuration(folder)?.dev.build)?;
    let component = component(folder)?;
    ensure!(component.exists(), "the build of {folder:?} has not made {component:?}");
    Ok(component)
}

/// Returns the path of the project's component.
fn component(folder: &Path) -> Result<PathBuf> {
    let project = configuration(folder)?;
    let [resource] = project.resource.as_slice() else { bail!("{folder:?} has not one resource") };
    Ok(folder.join(&resource.component))
}

fn configuration(folder: &Path) -> Result<Project> {
    Ok(toml::from_str(&fs::read_to_string(folder.join("ws-host.toml"))?)?)
}

/// Runs the command that the project's README names for its tests.
fn test(folder: &Path) -> Result<()> {
    let readme = fs::read_to_string(folder.join("README.md"))?;
    let section = readme.split("\n## Test\n").nth(1).context("the README has no section Test")?;
    let command = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next());
    run_in(folder, command.context("the README has no command for the tests")?)
}

/// Runs the tests of a project twice: as it is, and after its handler was saved without a change.
fn rebuilds_of(language: &Language, folder: &Path) -> Result<Option<Rebuilds>> {
    // `cargo test` runs native tests.
    if language.name == "rust" {
        return Ok(None);
    }
    let handler = folder.join(language.handler);
    let component = component(folder)?;
    let is_built_by_tests = || -> Result<usize> {
        let before = fs::metadata(&component)?.modified()?;
        test(folder)?;
        Ok((fs::metadata(&component)?.modified()? != before).into())
    };
    let without_a_change = is_built_by_tests()?;
    fs::File::options().append(true).open(handler)?.set_modified(SystemTime::now())?;
    Ok(Some(Rebuilds { without_a_change, after_a_change: is_built_by_tests()? }))
}

/// Runs a command line in a project.
pub(crate) fn run_in(folder: &Path, line: &str) -> Result<()> {
    let mut command = Command::new("sh");
    command.arg("-c").arg(line);
    prepare(&mut command, folder)?;
    run(&mut command)
}

/// Lets a command run in a project, with the tools of its language.
pub(crate) fn prepare(command: &mut Command, folder: &Path) -> Result<()> {
    command.current_dir(folder).env("PATH", search_path()?);
    command.env("CARGO_TARGET_DIR", folder.join("target"));
    // The projects share what Go builds of its library.
    command.env("GOCACHE", tools().join("go-cache")).env("GOPATH", tools().join("go-path"));
    Ok(())
}

/// Returns the search path with the host and the languages' tools first.
fn search_path() -> Result<std::ffi::OsString> {
    let host = host_binary().parent().context("the host is in no folder")?.to_owned();
    let others = std::env::var_os("PATH").unwrap_or_default();
    let first = [host, tools().join("venv/bin")];
    Ok(std::env::join_paths(first.into_iter().chain(std::env::split_paths(&others)))?)
}

/// Runs a command.
///
/// # Errors
///
/// What it printed, if it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// Copies the files of a folder over those of another.
fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("{from:?}"))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Replaces a text in the project's own sources. Returns in how many files.
fn replace(folder: &Path, old: &str, new: &str) -> Result<usize> {
    let mut changed = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if kind.is_dir() {
            changed += replace(&path, old, new)?;
        } else if kind.is_file()
            && let Ok(text) = fs::read_to_string(&path)
            && text.contains(old)
        {
            fs::write(&path, text.replace(old, new))?;
            changed += 1;
        }
    }
    Ok(changed)
}
