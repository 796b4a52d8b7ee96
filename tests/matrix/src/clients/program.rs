//! How a client's program is started, and what it needs.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail, ensure};
use ws_host_test_support::root;

use super::process::Invocation;
use crate::table::InSome;

// The binaries in their npm packages. The scripts beside them would only download these.
const BUN: &str = match cfg!(target_arch = "aarch64") {
    true => "@oven/bun-linux-aarch64/bin/bun",
    false => "@oven/bun-linux-x64/bin/bun",
};
const DENO: &str = match cfg!(target_arch = "aarch64") {
    true => "@deno/linux-arm64-glibc/deno",
    false => "@deno/linux-x64-glibc/deno",
};

/// The Java libraries of Debian.
const JARS: &str = "/usr/share/java/okhttp.jar:/usr/share/java/okio.jar";

/// A client of the table.
#[derive(Debug)]
pub(super) struct Program {
    /// Its name in the table and on the command line.
    pub(super) name: &'static str,
    pub(super) is_among_some: InSome,
    pub(super) kind: Kind,
}

/// Where a program comes from, and what runs it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A script for node that uses an npm package. `trailing` are arguments after the plan.
    Node { script: &'static str, package: &'static str, trailing: &'static [&'static str] },
    /// A script for node, Deno or Bun that uses the built-in client.
    BuiltIn(JavaScript),
    /// A page in a browser, which a script for node opens. The browser is the first of these
    /// programs that is installed.
    Browser { name: &'static str, programs: &'static [&'static str] },
    /// A script for the Python of `.venv-matrix`.
    Python { script: &'static str },
    /// A script for the system's Python, with a module from the system's packages.
    SystemPython { script: &'static str, module: &'static str },
    /// A script for Perl, with a module from the system's packages.
    Perl { script: &'static str, module: &'static str },
    /// A program in `target/matrix` with all clients of its language. `client` selects one of them.
    Compiled { program: &'static str, client: &'static str },
    /// A class in `target/matrix/java`, which may use the system's libraries.
    Java { class: &'static str },
}

/// A JavaScript runtime.
#[derive(Clone, Copy, Debug)]
pub(super) enum JavaScript {
    Node,
    Deno,
    Bun,
}

impl Program {
    /// Returns how to start it.
    ///
    /// # Errors
    ///
    /// Something that it needs is not installed.
    pub(super) fn command(&self) -> Result<Invocation> {
        let scripts = |language: &str| root().join("tests/matrix/clients").join(language);
        let javascript = scripts("javascript");
        let modules = javascript.join("node_modules");
        match self.kind {
            Kind::Node { script, package, trailing } => {
                needs_program("node")?;
                needs_file(modules.join(package))?;
                Ok(Invocation {
                    trailing: owned(trailing),
                    ..Invocation::new("node", [javascript.join(script)])
                })
            }
            Kind::BuiltIn(JavaScript::Node) => {
                needs_program("node")?;
                // Node 22 and later need no flag.
                let script = javascript.join("built-in.mjs");
                Ok(Invocation::new("node", ["--experimental-websocket".into(), script]))
            }
            Kind::BuiltIn(JavaScript::Deno) => {
                let deno = needs_file(modules.join(DENO))?;
                let script = javascript.join("built-in.mjs");
                Ok(Invocation::new(deno, ["run".into(), "--allow-all".into(), script]))
            }
            Kind::BuiltIn(JavaScript::Bun) => {
                let bun = needs_file(modules.join(BUN))?;
                Ok(Invocation::new(bun, [javascript.join("built-in.mjs")]))
            }
            Kind::Browser { name, programs } => {
                needs_program("node")?;
                needs_program("certutil")?;
                let Some(program) = programs.iter().find(|name| needs_program(name).is_ok()) else {
                    bail!("none of {} is installed", programs.join(", "));
                };
                let trailing = owned(&[name, program]);
                Ok(Invocation {
                    trailing,
                    ..Invocation::new("node", [javascript.join("browser.mjs")])
                })
            }
            Kind::Python { script } => {
                let python = needs_file(root().join(".venv-matrix/bin/python"))?;
                Ok(Invocation::new(python, [scripts("python").join(script)]))
            }
            Kind::SystemPython { script, module } => {
                let python = "/usr/bin/python3";
                succeeds(Command::new(python).args(["-c", &format!("import {module}")]))?;
                Ok(Invocation::new(python, [scripts("python").join(script)]))
            }
            Kind::Perl { script, module } => {
                succeeds(Command::new("perl").args([&format!("-M{module}"), "-e", "1"]))?;
                Ok(Invocation::new("perl", [scripts("perl").join(script)]))
            }
            Kind::Compiled { program, client } => {
                let program = needs_file(root().join("target/matrix").join(program))?;
                Ok(Invocation::new(program, [client.into()]))
            }
            Kind::Java { class } => {
                needs_program("java")?;
                let classes = root().join("target/matrix/java");
                needs_file(classes.join(class).with_extension("class"))?;
                let path = format!("{}:{JARS}", classes.display());
                Ok(Invocation::new(
                    "java",
                    ["-cp".into(), path.into(), "Scenarios".into(), class.into()],
                ))
            }
        }
    }
}

impl Invocation {
    fn new<const N: usize>(program: impl Into<PathBuf>, arguments: [PathBuf; N]) -> Self {
        Self { program: program.into(), arguments: arguments.into(), trailing: Vec::new() }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn needs_file(path: PathBuf) -> Result<PathBuf> {
    ensure!(path.exists(), "{} is missing", path.strip_prefix(root()).unwrap_or(&path).display());
    Ok(path)
}

fn needs_program(name: &str) -> Result<()> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&paths).any(|folder| folder.join(name).is_file());
    ensure!(is_there, "{name} is not installed");
    Ok(())
}

fn succeeds(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let is_there = status.is_ok_and(|status| status.success());
    ensure!(is_there, "{command:?} fails");
    Ok(())
}
