//! What a package installs beside the program: completions and man pages. And the question that containers ask.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{TestServer, host_binary, is_installed, root};

use crate::documentation::flags;

/// Runs ws-host, which must succeed, and returns its output.
fn printed(arguments: &[&str]) -> Result<String> {
    let output = Command::new(host_binary()).args(arguments).output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the commands that `--help` lists. `help` has neither flags nor a page.
fn commands() -> Result<Vec<String>> {
    let help = printed(&["--help"])?;
    let (_, list) = help.split_once("\nCommands:\n").context("no list of commands")?;
    let (list, _) = list.split_once("\n\n").context("the list has no end")?;
    // The other lines are the ends of long descriptions.
    let lines = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    Ok(names.filter(|name| *name != "help").map(str::to_owned).collect())
}

/// Returns the flags of a command, or of the program itself. Those of `ws-host test` are those of another program.
fn flags_of(command: Option<&str>) -> Result<BTreeSet<String>> {
    let help = match command {
        Some("test") => return Ok(BTreeSet::new()),
        Some(command) => printed(&[command, "--help"])?,
        None => printed(&["--help"])?,
    };
    // Descriptions may name flags of other commands.
    let names = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let names = names.map(|line| line.split("  ").next().unwrap_or_default());
    Ok(flags(&names.collect::<Vec<_>>().join("\n")))
}

/// Runs a shell with a file.
fn shell(program: &str, arguments: &[&str], file: &Path) -> Result<Output> {
    Command::new(program).args(arguments).arg(file).output().with_context(|| program.to_owned())
}

/// Returns what bash completes of the last word, by the function that the script registers.
fn completed_by_bash(words: &[&str]) -> Result<BTreeSet<String>> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("completion");
    let last = words.len() - 1;
    let call = format!(
        "\ncall=$(complete -p ws-host); call=${{call#*-F }}\n\
         COMP_WORDS=({}); COMP_CWORD={last}; COMPREPLY=()\n\
         ${{call%% *}} ws-host '{}' '{}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words[last],
        words[last - 1],
    );
    fs::write(&script, printed(&["completions", "bash"])? + &call)?;
    let output = shell("bash", &["--norc"], &script)?;
    ensure!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn bash_completes_every_command_and_every_flag() -> Result<()> {
    let commands = commands()?;
    assert!(commands.len() > 6, "{commands:?}");
    let first = completed_by_bash(&["ws-host", ""])?;
    for command in &commands {
        assert!(first.contains(command), "{command} is missing in {first:?}");
        let completed = completed_by_bash(&["ws-host", command, "--"])?;
        let missing: Vec<_> = flags_of(Some(command))?.difference(&completed).cloned().collect();
        assert!(missing.is_empty(), "ws-host {command}: {missing:?}");
    }
    let completed = completed_by_bash(&["ws-host", "--"])?;
    let missing: Vec<_> = flags_of(None)?.difference(&completed).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
    assert_eq!(completed_by_bash(&["ws-host", "--compon"])?, ["--component".to_owned()].into());
    Ok(())
}

#[test]
fn shells_can_read_their_completions() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (program, arguments) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = printed(&["completions", program])?;
        assert!(script.contains("component"), "{program}: {script}");
        let file = folder.path().join(program);
        fs::write(&file, script)?;
        if is_installed(program)? {
            let output = shell(program, &[arguments], &file)?;
            assert!(output.status.success() && output.stderr.is_empty(), "{program}: {output:?}");
        }
    }
    Ok(())
}

#[test]
fn man_pages_name_every_command_and_every_flag() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let pages = folder.path().join("man1");
    printed(&["man", &pages.display().to_string()])?;
    // `\-` is a hyphen that can be copied.
    let read = |name: &str| -> Result<String> {
        let page = pages.join(format!("{name}.1"));
        let text = fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        Ok(text.replace("\\-", "-"))
    };
    let commands = commands()?;
    let program = read("ws-host")?;
    for command in &commands {
        assert!(program.contains(&format!("ws-host-{command}(1)")), "{command}: {program}");
        let page = read(&format!("ws-host-{command}"))?;
        let missing: Vec<_> = flags_of(Some(command))?.difference(&flags(&page)).cloned().collect();
        assert!(missing.is_empty(), "ws-host-{command}(1): {missing:?}");
    }
    let missing: Vec<_> = flags_of(None)?.difference(&flags(&program)).cloned().collect();
    assert!(missing.is_empty(), "ws-host(1): {missing:?}");
    assert_eq!(fs::read_dir(&pages)?.count(), commands.len() + 1);
    Ok(())
}

#[test]
fn man_pages_have_no_errors() -> Result<()> {
    if !is_installed("mandoc")? {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    printed(&["man", &folder.path().display().to_string()])?;
    for page in fs::read_dir(folder.path())? {
        let page = page?.path();
        // Not about style: pages without a date are the same whenever they are written.
        let output = shell("mandoc", &["-Tlint", "-Werror"], &page)?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    Ok(())
}

/// Runs `ws-host health`.
fn ask_health(address: &str) -> Result<Output> {
    Ok(Command::new(host_binary()).args(["health", address]).output()?)
}

#[test]
fn health_of_a_server_is_an_exit_code() -> Result<()> {
    let mut server = TestServer::with_arguments("echo", &["--health", "127.0.0.1:0"])?;
    let health = server.health()?.to_string();
    for address in [&health, &server.address().to_string()] {
        let output = ask_health(address)?;
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }
    drop(server);
    let output = ask_health(&health)?;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("the health check at {health} failed")), "{error}");
    Ok(())
}

#[test]
fn health_of_another_server_is_its_status() -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let answering = std::thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 503 Service Unavailable\r\n\r\n")?;
        // Until the other side has read it, or has gone.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        Ok(())
    });
    let output = ask_health(&address)?;
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr)?;
    assert!(error.contains("\"HTTP/1.1 503 Service Unavailable\""), "{error}");
    answering.join().map_err(|_| anyhow::anyhow!("the server panicked"))?
}

#[test]
fn unit_of_the_service_has_few_rights() -> Result<()> {
    if !is_installed("systemd-analyze")? {
        return Ok(());
    }
    let unit = root().join("examples/operating/ws-host.service");
    // In tenths: 2.0 of 10. A unit without restrictions has 9.6.
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(unit)
        .output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
