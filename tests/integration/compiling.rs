//! Components are compiled in a process of its own, with limits. Serving goes on, whatever happens to that process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use ws_host_test_support::{Client, TestServer, component, host_binary, poll_until, wait_until};

use crate::configured::ask_admin;
use crate::keeper::{Keeper, ON_REQUEST, Scene, post_reload};
use crate::memory::{ENGINES, echo_with};

/// A module that takes gigabytes to compile, for 140 KB: each block's value has to be kept apart from all others.
fn nested() -> String {
    const DEPTH: usize = 20_000;
    let (begin, end) = ("block (result i32) ", "local.get 0 br_if 0 end ");
    format!(
        "(module (func (param i32) {} local.get 0 {} drop))",
        begin.repeat(DEPTH),
        end.repeat(DEPTH)
    )
}

/// A module that takes a while to compile, and little memory.
fn long() -> String {
    of_functions(1_500)
}

/// A module with this many functions of two kilobytes.
fn of_functions(number: usize) -> String {
    let step = "i32.const 3 i32.mul local.get 0 i32.xor ".repeat(300);
    let function = format!("(func (param i32) (result i32) local.get 0 {step})");
    format!("(module {})", function.repeat(number))
}

/// Makes the echo handler with this module the next version.
fn replace(keeper: &Keeper, module: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    keeper.replace_with_bytes(&std::fs::read(echo_with(&folder, module)?)?)
}

/// Returns the process that compiles for a host, once it has started.
fn compiler(host: u32) -> Result<Pid> {
    let found = poll_until(|| Ok(compilers(host)), |found| !found.is_empty())?;
    found.first().copied().context("no process")
}

/// Returns the processes that compile for a host.
fn compilers(host: u32) -> Vec<Pid> {
    let children = |task: PathBuf| std::fs::read_to_string(task.join("children")).ok();
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{host}/task")) else { return Vec::new() };
    let ids = tasks.filter_map(|task| children(task.ok()?.path())).collect::<Vec<_>>().join(" ");
    let ids = ids.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?));
    ids.filter(|pid| is_compiler(*pid)).collect()
}

fn is_compiler(pid: Pid) -> bool {
    let command = std::fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
    command.is_ok_and(|command| command.starts_with(b"ws-host-compiler\0"))
}

#[test]
fn component_that_takes_too_much_memory_is_refused_while_others_are_served() -> Result<()> {
    let keeper = Keeper::new()?;
    let Scene { keeper, server, admin, mut client } =
        keeper.scene(&["--no-cache", "--compile-memory", "192MiB"])?;
    replace(&keeper, &nested())?;
    let done = AtomicBool::new(false);
    let (response, echoes) = std::thread::scope(|scope| {
        let reload = scope.spawn(|| {
            let response = post_reload(admin);
            done.store(true, Ordering::Release);
            response
        });
        let mut echoes = 0;
        while !done.load(Ordering::Acquire) {
            ensure!(client.ask("version")? == "1");
            echoes += 1;
        }
        Ok((reload.join().ok().context("a thread panicked")??, echoes))
    })?;
    assert_eq!(response.status, 422, "{response:?}");
    let expected = "compiling it takes more memory than 192.0 MiB";
    assert!(
        response.body.contains(expected) && response.body.contains("compile-memory"),
        "{response:?}"
    );
    assert!(echoes > 10, "only {echoes} messages were answered in the meantime");
    assert!(server.peak_memory()? < 192 << 20, "the host compiled it itself");
    assert_eq!(client.ask("version")?, "1");
    Ok(())
}

#[test]
fn host_that_may_start_no_process_compiles_itself_and_without_limits() -> Result<()> {
    let flags = ["--no-cache", "--compile-memory", "1MiB"];
    let refused = TestServer::with_client("echo", &flags);
    let refused = refused.err().context("1 MiB is not enough for the compiler")?.to_string();
    assert!(refused.contains("compile-memory"), "{refused}");
    let flags = [&flags[..], &["--no-compiler-process"]].concat();
    let (_server, mut client) = TestServer::with_client("echo", &flags)?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn component_that_takes_too_long_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = echo_with(&folder, &long())?;
    let check = |flags: &[&str]| -> Result<String> {
        let mut host = Command::new(host_binary());
        let output =
            host.args(["--check", "--no-cache", "--component"]).arg(&file).args(flags).output()?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let refused = check(&["--compile-timeout", "10ms"])?;
    assert!(refused.contains("takes longer than 10ms"), "{refused}");
    assert!(refused.contains("raise compile-timeout"), "{refused}");
    let accepted = check(&[])?;
    let announced = " MiB of WebAssembly for this machine, which may take some seconds\n";
    assert!(accepted.contains(" compiling ") && accepted.ends_with(announced), "{accepted}");
    assert_eq!(accepted.lines().count(), 1, "{accepted}");
    Ok(())
}

#[test]
fn compiling_is_announced_if_it_takes_a_while_and_the_cache_has_no_result() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let check = |file: &Path| -> Result<String> {
        let mut host = Command::new(host_binary());
        host.args(["--check", "--component"]).arg(file);
        let output = host.arg("--cache").arg(folder.path().join("cache")).output()?;
        ensure!(output.status.success(), "{output:?}");
        Ok(String::from_utf8(output.stderr)?)
    };
    assert_eq!(check(&component("echo"))?, "");
    let file = echo_with(&folder, &of_functions(400))?;
    let announced = check(&file)?;
    let end =
        "for this machine, which may take some seconds; later, the result comes from the cache\n";
    assert!(announced.ends_with(end) && announced.lines().count() == 1, "{announced}");
    assert_eq!(check(&file)?, "");
    Ok(())
}

#[test]
fn compiler_that_is_killed_is_reported_and_the_next_one_succeeds() -> Result<()> {
    let scene = Keeper::new()?.scene(&["--no-cache"])?;
    let Scene { keeper, server, admin, mut client } = scene;
    replace(&keeper, &long())?;
    let response = std::thread::scope(|scope| {
        let reload = scope.spawn(|| post_reload(admin));
        let compiler = compiler(server.process_id())?;
        kill_process(compiler, Signal::STOP)?;
        kill_process(compiler, Signal::KILL)?;
        reload.join().ok().context("a thread panicked")?
    })?;
    assert_eq!(response.status, 422, "{response:?}");
    assert!(response.body.contains("killed by signal 9"), "{response:?}");
    assert_eq!(client.ask("version")?, "1");
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn compiler_is_nicer_than_the_host_has_no_sockets_and_ends_with_it() -> Result<()> {
    let Scene { keeper, server, admin, client: _client } = Keeper::new()?.scene(&["--no-cache"])?;
    replace(&keeper, &long())?;
    std::thread::scope(|scope| -> Result<()> {
        let reload = scope.spawn(|| post_reload(admin));
        let compiler = compiler(server.process_id())?;
        let process = PathBuf::from(format!("/proc/{}", compiler.as_raw_nonzero()));
        // It is set after the nice value, and the host itself has no such limit.
        wait_until(|| Ok(!limit(&process, "Max cpu time")?.starts_with("unlimited")))?;
        assert_eq!(
            nice(&process)?,
            (nice(Path::new(&format!("/proc/{}", server.process_id())))? + 10).min(19)
        );
        for file in std::fs::read_dir(process.join("fd"))?.map_while(Result::ok) {
            let target = std::fs::read_link(file.path()).unwrap_or_default();
            let target = target.to_string_lossy().into_owned();
            ensure!(!target.starts_with("socket:"), "the compiler has {target}");
        }
        server.signal(Signal::KILL)?;
        wait_until(|| Ok(!is_compiler(compiler)))?;
        let _ = reload.join();
        Ok(())
    })
}

/// Returns the rest of a line of a process's limits.
fn limit(process: &Path, name: &str) -> Result<String> {
    let limits = std::fs::read_to_string(process.join("limits"))?;
    let found = limits.lines().find_map(|line| line.strip_prefix(name));
    Ok(found.context("no such limit")?.trim().to_owned())
}

fn nice(process: &Path) -> Result<i32> {
    let status = std::fs::read_to_string(process.join("stat"))?;
    let (_, behind) = status.rsplit_once(") ").context("no name")?;
    Ok(behind.split(' ').nth(16).context("no nice value")?.parse()?)
}

#[test]
fn compiler_ends_when_its_resource_is_removed() -> Result<()> {
    let keeper = Keeper::new()?;
    let mut server = keeper.serve(&["--no-cache", "--admin", "127.0.0.1:0"])?;
    let admin = server.admin()?;
    replace(&keeper, &long())?;
    let compiler = compiler(server.process_id())?;
    // Now it cannot end by itself.
    kill_process(compiler, Signal::STOP)?;
    let response = ask_admin(admin, "DELETE /resources/keeper", "", b"")?;
    assert_eq!(response.status, 200, "{response:?}");
    wait_until(|| Ok(!is_compiler(compiler)))
}

/// A module with much data, which traps at its start if the data is not that of this version.
fn with_data(version: u8) -> String {
    let data = format!("\\{version:02x}").repeat(256 << 10);
    format!(
        r#"(module (memory 8) (data (i32.const 65536) "{data}")
            (start $check)
            (func $check (i32.and
                (i32.eq (i32.load8_u (i32.const 65536)) (i32.load8_u (i32.const 327679)))
                (i32.ne (i32.load8_u (i32.const 65536)) (i32.const 0)))
                if return end unreachable))"#
    )
}

/// A component like a snapshot of an interpreter: it has an adapter that uses the memory of another module, and the
/// adapter's stack pointer is another one in each version. The start traps if it has another value than this.
fn with_adapter(version: u8) -> String {
    let data = format!("\\{version:02x}").repeat(256 << 10);
    let stack_pointer = u32::from_le_bytes([version; 4]);
    format!(
        r#"(component
            (core module $main (memory (export "memory") 8) (data (i32.const 65536) "{data}"))
            (core module $adapter
                (import "env" "memory" (memory 1))
                (global $stack_pointer (mut i32) (i32.const {stack_pointer}))
                (func (export "stack-pointer") (result i32) global.get $stack_pointer))
            (core module $check
                (import "env" "memory" (memory 1))
                (import "adapter" "stack-pointer" (func $stack_pointer (result i32)))
                (start $check)
                (func $check (i32.eq (call $stack_pointer) (i32.load (i32.const 65536)))
                    if return end unreachable))
            (core instance $main (instantiate $main))
            (core instance $adapter (instantiate $adapter (with "env" (instance $main))))
            (core instance (instantiate $check
                (with "env" (instance $main)) (with "adapter" (instance $adapter)))))"#
    )
}

#[test]
fn components_that_differ_only_in_their_data_are_compiled_once() -> Result<()> {
    are_compiled_once(with_data)
}

#[test]
fn components_that_differ_only_in_the_stack_pointer_of_an_adapter_are_compiled_once() -> Result<()>
{
    are_compiled_once(with_adapter)
}

fn are_compiled_once(with: fn(u8) -> String) -> Result<()> {
    for engine in ENGINES {
        let folder = tempfile::tempdir()?;
        let cache = folder.path().join("cache");
        let compiled = || -> Result<usize> { Ok(std::fs::read_dir(&cache)?.count()) };
        let flags = [engine, &["--cache", cache.to_str().context("not UTF-8")?]].concat();
        let keeper = Keeper::new()?;
        replace(&keeper, &with(1))?;
        let Scene { keeper, server: _server, admin, client: mut first } = keeper.scene(&flags)?;
        assert_eq!((first.ask("hello")?.as_str(), compiled()?), ("hello", 1), "{engine:?}");
        for version in 2..5 {
            replace(&keeper, &with(version))?;
            let response = post_reload(admin)?;
            assert_eq!(response.status, 200, "{engine:?}: {response:?}");
            assert_eq!((first.ask("hello")?.as_str(), compiled()?), ("hello", 1), "{engine:?}");
        }
        replace(&keeper, &with(1).replace("65536))", "65537))"))?;
        assert_eq!(post_reload(admin)?.status, 200);
        assert_eq!(compiled()?, 2, "{engine:?}: other code was not compiled");
    }
    Ok(())
}

#[test]
fn folder_that_cannot_be_written_costs_the_cache_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let flags = ["--cache", cache.to_str().context("not UTF-8")?];
    let Scene { keeper, mut server, admin, mut client } = Keeper::new()?.scene(&flags)?;
    // A file in place of the folder: nobody can write into it, not even root.
    std::fs::remove_dir_all(&cache)?;
    std::fs::write(&cache, "")?;
    keeper.replace_with(2)?;
    assert_eq!(post_reload(admin)?.status, 200);
    server.wait_for_log("a compiled component was not kept in the cache")?;
    assert_eq!(client.ask("version")?, "2");
    Ok(())
}

#[test]
fn hosts_share_a_cache() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let flags = [ON_REQUEST, &["--cache", cache.to_str().context("not UTF-8")?]].concat();
    let servers = std::thread::scope(|scope| {
        let hosts: Vec<_> =
            (0..4).map(|_| scope.spawn(|| TestServer::with_arguments("echo", &flags))).collect();
        let join =
            |host: std::thread::ScopedJoinHandle<'_, _>| host.join().ok().context("a panic")?;
        hosts.into_iter().map(join).collect::<Result<Vec<_>>>()
    })?;
    for server in &servers {
        assert_eq!(Client::connect(server)?.ask("hello")?, "hello");
    }
    let files: Vec<_> = std::fs::read_dir(&cache)?.collect::<std::io::Result<_>>()?;
    assert_eq!(files.len(), 1, "{files:?}");
    Ok(())
}

#[test]
fn program_that_is_started_as_the_compiler_by_hand_says_so() -> Result<()> {
    use std::os::unix::process::CommandExt;
    let output = Command::new(host_binary()).arg0("ws-host-compiler").output()?;
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr)?.contains("started only by ws-host"));
    Ok(())
}
