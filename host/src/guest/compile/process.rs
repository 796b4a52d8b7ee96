//! The compiler's process: reads a component from standard input and writes its code to standard output.

use std::ffi::OsString;
use std::io::{Read, Result, Write, stderr, stdin, stdout};
use std::os::unix::process::parent_id;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{
    Pid, Resource, Rlimit, Signal, getpriority_process, getrlimit, set_parent_process_death_signal,
    setpriority_process, setrlimit,
};
use wasmtime::Engine;

use super::Density;
use crate::guest::runtime;

/// The name with which the process is started. A program that is started with this name compiles a component.
pub(super) const NAME: &str = "ws-host-compiler";

/// The exit statuses.
pub(super) const INVALID: i32 = 3;
pub(super) const OUT_OF_MEMORY: i32 = 4;
const USAGE: u8 = 2;

/// The process's nice value is higher than the host's by this number, so serving clients has priority. On a core that
/// is always busy, the compiler gets about a tenth of the time.
const NICER: i32 = 10;

/// The instructions for the process: which kind of engine to compile for, and within which limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    /// The id of the host's process.
    pub(super) host: u32,
    /// The limit on the process's memory, in bytes.
    pub(super) max_memory: usize,
    pub(super) timeout: Duration,
    pub(super) density: Density,
}

impl Order {
    pub(super) fn to_arguments(self) -> [String; 4] {
        let density = match self.density {
            Density::Few => "few".to_owned(),
            Density::Many { max_memory } => max_memory.to_string(),
        };
        [
            self.host.to_string(),
            self.max_memory.to_string(),
            self.timeout.as_secs().max(1).to_string(),
            density,
        ]
    }

    fn from_arguments(arguments: impl Iterator<Item = OsString>) -> Option<Self> {
        let arguments: Option<Vec<_>> =
            arguments.map(|argument| argument.into_string().ok()).collect();
        let [host, max_memory, timeout, density] = <[String; 4]>::try_from(arguments?).ok()?;
        Some(Self {
            host: host.parse().ok()?,
            max_memory: max_memory.parse().ok()?,
            timeout: Duration::from_secs(timeout.parse().ok()?),
            density: match density.as_str() {
                "few" => Density::Few,
                max_memory => Density::Many { max_memory: max_memory.parse().ok()? },
            },
        })
    }
}

/// Compiles a component and returns the exit status, if this process was started in order to compile. A program that is
/// named in [`Compile::program`](crate::config::Compile::program) must call this before it does anything else, and end
/// if this returns a status:
///
/// ```
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     if let Some(status) = ws_host::run_as_compiler() {
///         return status;
///     }
///     // What the program does otherwise.
///     ExitCode::SUCCESS
/// }
/// ```
pub fn run_as_compiler() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    if arguments.next()? != NAME {
        return None;
    }
    let Some(order) = Order::from_arguments(arguments) else {
        report(&format!("{NAME} is started only by ws-host: do not run it yourself"));
        return Some(ExitCode::from(USAGE));
    };
    if let Err(error) = limit(order) {
        report(&format!("cannot set the limits of the compiler's process: {error}"));
        return Some(ExitCode::FAILURE);
    }
    Some(match compile(order) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = format!("{error:#}");
            report(&text);
            let status = if is_out_of_memory(&text) { OUT_OF_MEMORY } else { INVALID };
            ExitCode::from(u8::try_from(status).expect("a small number"))
        }
    })
}

/// Returns whether a report says that memory ran out. Such a report comes from Rust's allocator before it aborts, from
/// `mmap`, or from a thread that has no memory for its stack.
pub(super) fn is_out_of_memory(report: &str) -> bool {
    ["memory allocation of", "Cannot allocate memory", "Resource temporarily unavailable"]
        .iter()
        .any(|words| report.contains(words))
}

fn compile(order: Order) -> wasmtime::Result<()> {
    let mut component = Vec::new();
    stdin().read_to_end(&mut component)?;
    let engine = Engine::new(&runtime::compiler_config(order.density))?;
    let artifact = engine.precompile_component(&component)?;
    stdout().write_all(&artifact)?;
    Ok(stdout().flush()?)
}

/// Sets the limits of this process, and makes it end with its host.
fn limit(order: Order) -> Result<()> {
    close_inherited_files();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    if parent_id() != order.host {
        // The host ended before this process asked for the signal, so the kernel will never send it.
        std::process::exit(i32::from(USAGE));
    }
    // If this fails, the compiler runs at the priority of the thread that started it.
    let _ = getpriority_process(Pid::from_raw(order.host.cast_signed()))
        .and_then(|host| setpriority_process(None, host.saturating_add(NICER)));
    // `Data` counts only writable memory. The limit on address space would also count the program itself.
    lower(Resource::Data, order.max_memory as u64)?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    // Normally the host ends the process in time. This limit is needed when the host is suspended or busy.
    lower(Resource::Cpu, order.timeout.as_secs().saturating_mul(cores).saturating_add(1))?;
    lower(Resource::Core, 0)?;
    Ok(())
}

/// Sets a limit. If the host's own limit is lower, keeps the host's limit.
fn lower(resource: Resource, limit: u64) -> Result<()> {
    let limit = getrlimit(resource).maximum.map_or(limit, |maximum| maximum.min(limit));
    Ok(setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?)
}

/// Closes the files that the host has inherited from its own parent, such as sockets of a service manager. The files
/// that the host opened are closed on exec.
#[expect(unsafe_code, reason = "the standard library cannot close a file that it did not open")]
fn close_inherited_files() {
    // SAFETY: this process has not opened any file yet, and no code in it knows a file descriptor other than the
    // standard ones. Kernels before 5.9 refuse the call. On these kernels the files stay open.
    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
}

fn report(text: &str) {
    // If standard error is closed, the text is lost.
    let _ = writeln!(stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_the_same_after_the_command_line() {
        for density in [Density::Few, Density::Many { max_memory: 1 << 26 }] {
            let timeout = Duration::from_secs(7);
            let order = Order { host: 5, max_memory: 1 << 31, timeout, density };
            let arguments = order.to_arguments().into_iter().map(OsString::from);
            assert_eq!(Order::from_arguments(arguments), Some(order));
        }
        let arguments = ["5", "x", "7", "few"].map(OsString::from);
        assert_eq!(Order::from_arguments(arguments.into_iter()), None);
    }
}
