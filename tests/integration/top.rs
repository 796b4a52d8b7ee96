//! `ws-host top`: once, and in a terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, ExitStatus, Output};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use ws_host_test_support::{Client, DEADLINE, FaultProxy, TestServer, host_binary, wait_until};

const ROOMS: &[&str] = &["--path", "/room/{id}", "--instance-per", "path"];
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// Runs `ws-host top`, not in a terminal.
fn top(address: SocketAddr, arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(host_binary());
    Ok(command.args(["top", &address.to_string()]).args(arguments).output()?)
}

/// Runs `ws-host top`, which must fail, and returns its error.
fn error_of_top(address: SocketAddr, arguments: &[&str]) -> Result<String> {
    let output = top(address, arguments)?;
    let error = String::from_utf8(output.stderr)?;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(output.stdout.is_empty() && !error.contains("panicked"), "{error}");
    Ok(error)
}

/// `ws-host top` in a terminal of its own.
struct Terminal {
    /// The end of the user: the keyboard, and what is shown.
    user: File,
    /// The end of the program. It stays open, so that its modes can be read after the program.
    line: File,
    modes: Termios,
    child: Child,
    shown: String,
}

impl Terminal {
    fn watching(address: SocketAddr, columns: u16, rows: u16) -> Result<Self> {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&user)?;
        unlockpt(&user)?;
        let line = ioctl_tiocgptpeer(&user, OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        let (user, line) = (File::from(user), File::from(line));
        tcsetwinsize(&line, Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 })?;
        let modes = tcgetattr(&line)?;
        let mut command = Command::new(host_binary());
        command.args(["top", &address.to_string()]);
        command.stdin(line.try_clone()?).stdout(line.try_clone()?).stderr(line.try_clone()?);
        Ok(Self { user, line, modes, child: command.spawn()?, shown: String::new() })
    }

    /// Reads until something is shown, and returns what came before it. The rest is left for the next call.
    fn wait_for(&mut self, text: &str) -> Result<String> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(at) = self.shown.find(text) {
                let rest = self.shown.split_off(at + text.len());
                let mut before = std::mem::replace(&mut self.shown, rest);
                before.truncate(at);
                return Ok(before);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&self.user, PollFlags::IN)];
            if poll(&mut fds, Some(&Timespec::try_from(left)?))? == 0 {
                bail!("{text:?} was not shown: {:?}", self.shown);
            }
            let mut buffer = [0; 4096];
            let count = self.user.read(&mut buffer)?;
            // The screens of these tests are ASCII, apart from dashes: a character that is cut is not searched for.
            self.shown += &String::from_utf8_lossy(&buffer[..count]);
        }
    }

    /// Returns the next screen, without what was left of the one before.
    fn next_screen(&mut self) -> Result<String> {
        self.wait_for("\x1b[H")?;
        self.wait_for("\x1b[J")
    }

    /// Waits for the end. The screen and the modes of the terminal must be as before.
    fn ended(mut self) -> Result<ExitStatus> {
        self.wait_for(LEAVE)?;
        let status = self.child.wait()?;
        let modes = tcgetattr(&self.line)?;
        assert_eq!(modes.local_modes, self.modes.local_modes);
        Ok(status)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Fails only if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn snapshot_in_a_pipe_has_clients_with_their_paths() -> Result<()> {
    let (server, admin) = TestServer::with_admin("echo", ROOMS)?;
    let mut client = Client::connect_to(&server, "/room/red")?;
    assert_eq!(client.ask("hello")?, "hello");
    for arguments in [&["--once"][..], &[]] {
        let output = top(admin, arguments)?;
        let text = String::from_utf8(output.stdout)?;
        assert!(output.status.success() && output.stderr.is_empty(), "{text}");
        assert!(text.starts_with(&format!("ws-host 0.1.0 at {admin}, up ")), "{text}");
        assert!(text.contains("\nclients 1   in 0/s"), "{text}");
        // Once as an instance, once as the path of the client.
        let rooms = text.lines().filter(|line| line.contains("/room/red"));
        assert_eq!(rooms.count(), 2, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    Ok(())
}

#[test]
fn screen_follows_the_host_and_is_restored_by_a_signal() -> Result<()> {
    let (server, admin) = TestServer::with_admin("echo", ROOMS)?;
    let mut terminal = Terminal::watching(admin, 100, 30)?;
    terminal.wait_for(ENTER)?;
    terminal.wait_for("clients 0 ")?;
    let _client = Client::connect_to(&server, "/room/red")?;
    terminal.wait_for("clients 1 ")?;
    terminal.wait_for("/room/red")?;
    assert_ne!(tcgetattr(&terminal.line)?.local_modes, terminal.modes.local_modes);
    kill_process(Pid::from_child(&terminal.child), Signal::INT)?;
    assert_eq!(terminal.ended()?.code(), Some(130));
    Ok(())
}

#[test]
fn key_ends_the_view() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let mut terminal = Terminal::watching(admin, 100, 30)?;
    terminal.wait_for("clients 0 ")?;
    terminal.user.write_all(b"xq")?;
    assert!(terminal.ended()?.success());
    Ok(())
}

#[test]
fn small_terminal_shows_what_fits() -> Result<()> {
    let (server, admin) = TestServer::with_admin("echo", ROOMS)?;
    let clients: Result<Vec<_>> = (0..20)
        .map(|number| Client::connect_to(&server, &format!("/room/{number}-{}", "long".repeat(40))))
        .collect();
    let _clients = clients?;
    let mut terminal = Terminal::watching(admin, 40, 12)?;
    let screen = terminal.next_screen()?;
    let lines: Vec<&str> = screen.split("\r\n").collect();
    assert!(lines.len() <= 12, "{screen}");
    for line in &lines {
        // The terminal makes `\r\n` of `\n`.
        let line = line.trim_end_matches('\r');
        let text = line.replace("\x1b[2K", "").replace("\x1b[1m", "").replace("\x1b[0m", "");
        assert!(text.chars().count() <= 40 && !text.contains(char::is_control), "{text:?}");
    }
    let sizes = Winsize { ws_col: 100, ws_row: 40, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&terminal.line, sizes)?;
    wait_until(|| Ok(terminal.next_screen()?.split("\r\n").count() == 40))
}

#[test]
fn host_that_went_away_is_asked_until_it_is_back() -> Result<()> {
    let (_server, admin) = TestServer::with_admin("echo", &[])?;
    let link = FaultProxy::to(admin)?;
    let mut terminal = Terminal::watching(link.address(), 100, 30)?;
    terminal.wait_for("clients 0 ")?;
    link.cut();
    terminal.wait_for("No response for ")?;
    terminal.wait_for("trying again: ")?;
    link.heal();
    wait_until(|| Ok(!terminal.next_screen()?.contains("No response")))
}

/// Answers one request with these bytes.
fn answer_once(answer: &str) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let answer = answer.to_owned();
    std::thread::spawn(move || -> Result<()> {
        for stream in listener.incoming() {
            let mut stream = stream?;
            let mut request = [0; 4096];
            ensure!(stream.read(&mut request)? > 0, "there is no request");
            stream.write_all(answer.as_bytes())?;
        }
        Ok(())
    });
    Ok(address)
}

#[test]
fn what_a_host_reports_cannot_control_the_terminal() -> Result<()> {
    let body = r#"{"version": "0\u001b[2J", "started": 1, "workers": 1, "workers_stuck": 0, "busy_nanoseconds": 0,
        "buffered_bytes": 0, "max_buffered_bytes": 0, "bounds_nanoseconds": [], "resources": [],
        "instances": [{"resource": "a", "name": "/\u009b31m", "state": "live\r\n", "clients": 1, "timers": 0}],
        "clients": [{"id": 1, "resource": "a", "path": "/\u001b]0;title\u0007", "address": "<b>\u202e", "peer": "",
            "version": 13, "buffered": 0}],
        "occurrences": [{"resource": "a", "number": 1, "at": 18446744073709551615, "what": "fault",
            "kind": "trap\u001bc", "event": null, "instance": null}]}"#;
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\n";
    let address = answer_once(&format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))?;
    let output = top(address, &["--once"])?;
    let text = String::from_utf8(output.stdout)?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for escaped in [
        "ws-host 0\\u{1b}[2J at",
        "/\\u{9b}31m",
        "live\\r\\n",
        "/\\u{1b}]0;title\\u{7}",
        "<b>\\u{202e}",
        "trap\\u{1b}c",
        "9999-12-31T23:59:59Z",
    ] {
        assert!(text.contains(escaped), "{escaped} is not in {text}");
    }
    assert!(!text.contains(|one: char| one.is_control() && one != '\n'), "{text:?}");
    // In refusals, too.
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nno\x1b[m";
    let error = error_of_top(answer_once(refusal)?, &[])?;
    assert!(error.contains("400 Bad Request: no\\u{1b}["), "{error}");
    Ok(())
}

#[test]
fn errors_say_what_to_do() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let nobody = listener.local_addr()?;
    drop(listener);
    let error = error_of_top(nobody, &[])?;
    assert!(error.contains(&format!("cannot reach {nobody}: Connection refused")), "{error}");
    assert!(error.contains("--admin"), "{error}");
    // An address that knows health checks, and not the status, as a host from before it.
    let mut server = TestServer::with_arguments("echo", &["--health", "127.0.0.1:0"])?;
    let error = error_of_top(server.health()?, &[])?;
    assert!(error.contains("answered GET /status with 404"), "{error}");
    assert!(error.contains("this version of the server has no GET /status"), "{error}");
    // One that speaks another protocol, and one that answers something else.
    let error = error_of_top(answer_once("SSH-2.0-OpenSSH\r\n")?, &[])?;
    assert!(error.contains("did not answer in HTTP") && error.contains("TLS"), "{error}");
    let error = error_of_top(answer_once("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")?, &[])?;
    assert!(error.contains("missing field `version`") && error.contains("version"), "{error}");
    Ok(())
}

#[test]
fn token_is_read_from_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| -> Result<String> {
        let file = folder.path().join(name);
        std::fs::write(&file, text)?;
        Ok(file.to_str().context("a path in UTF-8")?.to_owned())
    };
    let right = file("right", "a-token-that-nobody-guesses\n")?;
    let wrong = file("wrong", "another-token-of-somebody\n")?;
    let short = file("short", "short\n")?;
    let (_server, admin) = TestServer::with_admin("echo", &["--admin-token", &right])?;
    let output = top(admin, &["--admin-token", &right])?;
    assert!(
        output.status.success() && output.stdout.starts_with(b"ws-host 0.1.0 at "),
        "{output:?}"
    );
    let error = error_of_top(admin, &[])?;
    assert!(
        error.contains("requires a token\nPass") && error.contains("--admin-token FILE"),
        "{error}"
    );
    let error = error_of_top(admin, &["--admin-token", &wrong])?;
    let message = format!("the admin address {admin} rejected the token in {wrong}");
    assert!(error.contains(&message) && !error.contains("another-token"), "{error}");
    let error = error_of_top(admin, &["--admin-token", &short])?;
    assert!(
        error.contains(&short) && error.contains("must have 16 to 1,024 characters"),
        "{error}"
    );
    let error = error_of_top(admin, &["--admin-token", "/nowhere"])?;
    assert!(error.contains("--admin-token /nowhere: cannot be read: No such file"), "{error}");
    Ok(())
}
