//! `ws-host dev`: builds, serves, and builds again when a file is saved.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::Signal;
use tempfile::TempDir;
use ws_host_test_support::{Client, TestServer, component, host_binary, wait_until};

/// The build of most tests: it copies the version that `src/version` names. A version that does not exist fails.
const COPY: &str = "echo >> builds; cp $(cat src/version).wasm build/handler.wasm";

/// A project whose build copies one of two components that exist.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new(build: &str) -> Result<Self> {
        let project = Self { folder: tempfile::tempdir()? };
        for folder in ["src", "build"] {
            fs::create_dir(project.path(folder))?;
        }
        let first = fs::read(component("guest-keeper"))?;
        fs::write(project.path("one.wasm"), &first)?;
        fs::write(project.path("two.wasm"), with_version(first, b'2')?)?;
        project.save("src/version", "one")?;
        project.configure(build, "")?;
        Ok(project)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn save(&self, name: &str, content: &str) -> Result<()> {
        Ok(fs::write(self.path(name), content)?)
    }

    /// Writes the configuration, with more resources after the first.
    fn configure(&self, build: &str, more: &str) -> Result<()> {
        let resource = "[[resource]]\npath = \"/\"\ncomponent = \"build/handler.wasm\"\n";
        let dev = format!("[dev]\nbuild = '''{build}'''\nwatch = [\"src\"]\n");
        self.save("ws-host.toml", &format!("listen = \"127.0.0.1:0\"\n{resource}{more}{dev}"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(host_binary());
        command.arg("dev").arg(self.folder.path());
        command
    }

    fn serve(&self) -> Result<TestServer> {
        TestServer::spawn(self.command())
    }

    /// Returns how many builds have begun.
    fn builds(&self) -> Result<usize> {
        Ok(fs::read_to_string(self.path("builds")).unwrap_or_default().lines().count())
    }

    /// Creates a pipe that holds up a build until something is written to it.
    fn pipe(&self) -> Result<()> {
        assert!(Command::new("mkfifo").arg(self.path("pipe")).status()?.success());
        Ok(())
    }

    fn release(&self) -> Result<()> {
        self.save("pipe", "go")
    }
}

/// Returns `guest-keeper` in another version.
fn with_version(mut component: Vec<u8>, digit: u8) -> Result<Vec<u8>> {
    let mark = b"keeper-version-";
    let at = component.windows(mark.len()).position(|window| window == mark).context("no mark")?;
    component[at + mark.len()] = digit;
    Ok(component)
}

/// Runs the command, which must fail, and returns its error.
fn error_of(mut command: Command) -> Result<String> {
    let output = command.output()?;
    let error = String::from_utf8(output.stderr)?;
    assert!(!output.status.success() && !error.contains("panicked"), "{error}");
    Ok(error)
}

#[test]
fn saving_a_source_file_builds_and_reloads_while_clients_stay_connected() -> Result<()> {
    let project = Project::new(COPY)?;
    let mut server = project.serve()?;
    server.wait_for_log("ws-host: built in ")?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("version")?, "1");
    assert_eq!(client.ask("count")?, "1");
    project.save("src/version", "two")?;
    server.wait_for_log("ws-host: building, after a change to src/version")?;
    let line = server.wait_for_log("ws-host: built in ")?;
    assert!(line.ends_with(" s, after a change to src/version"), "{line}");
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("version")?, "2");
    assert_eq!(client.ask("count")?, "2");
    assert_eq!(project.builds()?, 2);
    client.close()
}

#[test]
fn failing_build_is_shown_as_it_is_and_the_last_good_one_is_served() -> Result<()> {
    let project = Project::new(
        "cp $(cat src/version).wasm build/handler.wasm || { printf '\\033[31mbroken\\033[0m\\n'; exit 3; }",
    )?;
    let mut server = project.serve()?;
    let mut client = Client::connect(&server)?;
    project.save("src/version", "three")?;
    server.wait_for_log("\u{1b}[31mbroken\u{1b}[0m")?;
    let line = server.wait_for_log("build failed in ")?;
    let end = "after a change to src/version: exit code 3; the last good build is still served";
    assert!(line.ends_with(end), "{line}");
    assert_eq!(client.ask("version")?, "1");
    project.save("src/version", "two")?;
    server.wait_for_log("reloaded the component")?;
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn first_build_that_fails_waits_for_the_next_save() -> Result<()> {
    let project = Project::new(COPY)?;
    project.save("src/version", "three")?;
    let mut child = project.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let mut log = BufReader::new(child.stderr.take().context("piped")?).lines();
    let mut wait_for = |text: &str| -> Result<String> {
        loop {
            let line = log.next().context("it exited")??;
            if line.contains(text) {
                return Ok(line);
            }
        }
    };
    assert!(wait_for("build failed in ")?.ends_with("exit code 1; save a file to build again"));
    project.save("README.md", "needs a tool")?;
    // The same file, saved without a change: a tool may have been installed.
    project.save("src/version", "three")?;
    let end = "after a change to src/version: exit code 1 (the project's README.md says what the \
               build needs); save a file to build again";
    let line = wait_for("build failed in ")?;
    assert!(line.ends_with(end), "{line}");
    // A build that succeeds without a component that can be served.
    fs::write(project.path("three.wasm"), "no component")?;
    project.save("src/version", "three")?;
    assert!(wait_for("not served yet: ")?.contains("is not WebAssembly"));
    let module = r#"(module (@producers (language "Go" "go1.27.3")))"#;
    fs::write(project.path("three.wasm"), wat::parse_str(module)?)?;
    project.save("src/version", "three")?;
    assert!(wait_for("not served yet: ")?.contains("advice for Go: this is the output of"));
    // A build has succeeded, so nothing has to be installed.
    fs::remove_file(project.path("three.wasm"))?;
    project.save("src/version", "three")?;
    assert!(wait_for("build failed in ")?.ends_with("exit code 1; save a file to build again"));
    project.save("src/version", "two")?;
    let mut first = String::new();
    BufReader::new(child.stdout.take().context("piped")?).read_line(&mut first)?;
    child.kill()?;
    child.wait()?;
    assert!(first.starts_with("ws-host serves "), "{first}");
    assert_eq!(project.builds()?, 6);
    Ok(())
}

#[test]
fn saves_during_a_build_lead_to_exactly_one_further_build() -> Result<()> {
    let project = Project::new(COPY)?;
    let mut server = project.serve()?;
    project.pipe()?;
    project.configure(&format!("{COPY}; cat pipe"), "")?;
    wait_until(|| Ok(project.builds()? == 2))?;
    project.save("src/version", "two")?;
    project.save("src/other", "1")?;
    project.save("src/other", "2")?;
    project.release()?;
    server.wait_for_log(" s, after a change to ws-host.toml")?;
    project.release()?;
    server.wait_for_log(" s, after a change to src/")?;
    // If a third build had begun, this file would not be the first change of the next one.
    project.save("src/last", "1")?;
    project.release()?;
    let line = server.wait_for_log("built in ")?;
    assert!(line.ends_with("after a change to src/last"), "{line}");
    assert_eq!(project.builds()?, 4);
    Ok(())
}

#[test]
fn build_that_writes_into_a_watched_folder_does_not_build_forever() -> Result<()> {
    let project = Project::new(&format!("{COPY}; echo generated > src/bindings.js"))?;
    let mut server = project.serve()?;
    server.wait_for_log(" s, after a change to src/bindings.js")?;
    project.save("src/version", "two")?;
    let line = server.wait_for_log("built in ")?;
    assert!(line.ends_with("after a change to src/version"), "{line}");
    assert_eq!(project.builds()?, 3);
    Ok(())
}

#[test]
fn output_that_goes_into_a_watched_folder_causes_no_build() -> Result<()> {
    let project = Project::new(&format!("echo noise; {COPY}"))?;
    let output = project.path("src/output");
    let file = fs::File::create(&output)?;
    let mut child =
        project.command().stdout(file.try_clone()?).stderr(file).stdin(Stdio::null()).spawn()?;
    let wait_for = |text: &str| wait_until(|| Ok(fs::read_to_string(&output)?.contains(text)));
    wait_for("ws-host serves ")?;
    project.save("src/version", "two")?;
    wait_for("reloaded the component")?;
    child.kill()?;
    child.wait()?;
    assert_eq!(project.builds()?, 2);
    Ok(())
}

#[test]
fn ctrl_c_stops_all_processes_of_a_build_and_closes_the_clients() -> Result<()> {
    // The shell ignores SIGTERM, and waits for a process of its own.
    ctrl_c_stops("trap '' TERM; sh -c 'echo $$ > inner; cat pipe' & wait")
}

#[test]
fn ctrl_c_stops_processes_that_the_shell_of_a_build_leaves() -> Result<()> {
    // Only the inner process ignores SIGTERM.
    ctrl_c_stops("sh -c 'trap \"\" TERM; echo $$ > inner; cat pipe' & wait")
}

/// Stops a server during this build, which writes the id of a process to the file `inner`.
fn ctrl_c_stops(build: &str) -> Result<()> {
    let project = Project::new(COPY)?;
    let server = project.serve()?;
    let mut client = Client::connect(&server)?;
    project.pipe()?;
    project.configure(build, "")?;
    let inner =
        || Ok::<_, anyhow::Error>(fs::read_to_string(project.path("inner")).unwrap_or_default());
    wait_until(|| Ok(inner()?.ends_with('\n')))?;
    let process = Path::new("/proc").join(inner()?.trim());
    assert!(process.exists());
    server.signal(Signal::INT)?;
    client.expect_close(1001)?;
    let ended = server.wait()?;
    assert!(ended.status.success(), "{}", ended.log);
    // Nobody may have collected its exit status yet.
    let is_running = || {
        let status = fs::read_to_string(process.join("status")).unwrap_or_default();
        !status.is_empty() && !status.contains("State:\tZ")
    };
    wait_until(|| Ok(!is_running()))
}

#[test]
fn ctrl_c_during_the_first_build_exits() -> Result<()> {
    let project = Project::new(&format!("{COPY}; cat pipe"))?;
    project.pipe()?;
    let child = project.command().stderr(Stdio::piped()).spawn()?;
    wait_until(|| Ok(project.builds()? == 1))?;
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), Signal::INT)?;
    let output = child.wait_with_output()?;
    assert!(output.status.success(), "{output:?}");
    Ok(())
}

#[test]
fn build_finds_the_program_that_runs_it() -> Result<()> {
    let project = Project::new(&format!("{COPY}; $WS_HOST --version > printed"))?;
    let _server = project.serve()?;
    assert!(fs::read_to_string(project.path("printed"))?.starts_with("ws-host "));
    Ok(())
}

#[test]
fn missing_tool_is_named_with_advice() -> Result<()> {
    let project = Project::new(COPY)?;
    let mut server = project.serve()?;
    project.configure("no-such-tool --release", "")?;
    let line = server.wait_for_log("build failed in ")?;
    let advice = "`no-such-tool --release` needs a program that was not found (exit code 127): the project's \
                  README.md says what to install";
    assert!(line.contains(advice), "{line}");
    Ok(())
}

#[test]
fn changed_configuration_is_applied_after_the_build() -> Result<()> {
    let project = Project::new(COPY)?;
    let mut server = project.serve()?;
    let more =
        "[[resource]]\nname = \"more\"\npath = \"/more\"\ncomponent = \"build/handler.wasm\"\n";
    project.configure(COPY, "[[resource]\n")?;
    server.wait_for_log("ws-host.toml:5: ")?;
    project.configure(COPY, more)?;
    server.wait_for_log("the configuration was reloaded")?;
    let mut client = Client::connect_to(&server, "/more")?;
    assert_eq!(client.ask("version")?, "1");
    Ok(())
}

#[test]
fn flags_take_the_place_of_settings_in_the_file() -> Result<()> {
    let project = Project::new(COPY)?;
    let text = fs::read_to_string(project.path("ws-host.toml"))?;
    project.save("ws-host.toml", &text.replace("127.0.0.1:0", "unix:/nowhere/socket"))?;
    let mut command = project.command();
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log", "warn"]);
    let mut server = TestServer::spawn(command)?;
    server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("version")?, "1");
    Ok(())
}

#[test]
fn handler_runs_in_development_mode() -> Result<()> {
    let project = Project::new(COPY)?;
    fs::copy(component("guest-trap"), project.path("one.wasm"))?;
    let server = project.serve()?;
    let mut client = Client::connect(&server)?;
    client.send_text("trap")?;
    let reason = client.expect_close(1011)?;
    assert!(reason.starts_with("asked to panic (tests/guests/examples/trap.rs:"), "{reason}");
    Ok(())
}

#[test]
fn folder_that_is_no_project_is_refused_with_advice() -> Result<()> {
    let project = Project::new(COPY)?;
    for (text, advice) in [
        (None, "create a project with `ws-host new NAME`"),
        (Some("[[resource]]\n"), "add the table [dev] with build = "),
        (
            Some("[dev]\nbulid = \"make\"\n"),
            "ws-host.toml:2: unknown key `bulid`; did you mean `build`?",
        ),
    ] {
        fs::remove_file(project.path("ws-host.toml"))?;
        if let Some(text) = text {
            project.save("ws-host.toml", text)?;
        }
        let error = error_of(project.command())?;
        assert!(error.contains(advice), "{error}");
        project.save("ws-host.toml", "")?;
    }
    Ok(())
}

#[test]
fn server_ignores_the_table_dev() -> Result<()> {
    let project = Project::new(COPY)?;
    fs::copy(project.path("two.wasm"), project.path("build/handler.wasm"))?;
    let server = TestServer::configured(&project.path("ws-host.toml"))?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("version")?, "2");
    assert_eq!(project.builds()?, 0);
    Ok(())
}
