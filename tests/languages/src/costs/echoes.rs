//! Echoes per CPU second, compared with those of Rust: `ws-host-bench throughput`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use ws_host_test_support::host_binary;

use super::Costs;

/// Echoes of 20 bytes, and of 1 KiB.
pub(super) const WORKLOADS: [&str; 2] = ["echo-20", "echo-1KiB"];

/// The server of `ws-host-bench` that the others are compared with: the host with the example `echo`, in Rust.
const RUST: &str = "ws-host";

/// What `ws-host-bench` printed.
pub(super) struct Echoes {
    output: String,
}

impl Echoes {
    /// Measures all languages in turns.
    pub(super) fn measure(languages: &[Costs]) -> Result<Self> {
        let program = std::env::current_exe()?.with_file_name("ws-host-bench");
        let mut command = Command::new(program);
        command.args(["throughput", "--rounds", "3", "--only", RUST]);
        for workload in WORKLOADS {
            command.args(["--workload", workload]);
        }
        for language in languages {
            let server = format!("{}={}", language.name, server(&language.echo));
            command.args(["--only", language.name, "--with", &server]);
        }
        let output = command.stderr(Stdio::inherit()).output();
        let output =
            output.context("cannot start ws-host-bench: `make language-costs` builds it")?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(output.status.success(), "ws-host-bench: {}\n{printed}", output.status);
        eprintln!("{printed}");
        Ok(Self { output: printed })
    }

    /// Returns the messages per CPU second of a language, divided by those of Rust: the median of the rounds.
    pub(super) fn by_rust(&self, language: &str, workload: &str) -> Result<f64> {
        // The line has the ratio of Rust to the language.
        let start = format!("cpu-ratio-by-round {language} {workload} ");
        let rest = self.output.lines().find_map(|line| line.strip_prefix(&start));
        let ratio = rest.and_then(|rest| rest.split(' ').next());
        let ratio: f64 = ratio.with_context(|| format!("no line {start:?}"))?.parse()?;
        Ok(1.0 / ratio)
    }
}

/// Returns the command of a server, for a shell.
fn server(component: &Path) -> String {
    let quoted = |path: &Path| format!("'{}'", path.display().to_string().replace('\'', r"'\''"));
    let (host, component) = (quoted(&host_binary()), quoted(component));
    // StarlingMonkey fills the default with garbage, so the limit is higher.
    format!("{host} --component {component} --max-memory 128MiB --listen 127.0.0.1:0 --log warn")
}

#[cfg(test)]
pub(super) fn printed(output: &str) -> Echoes {
    Echoes { output: output.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_language_has_a_ratio_below_one() {
        let echoes = printed(
            "cpu-ratio js echo-20 3.00\n\
             cpu-ratio-by-round js-small echo-20 2.00 (1.90-2.10)\n\
             cpu-ratio-by-round js echo-1KiB 25.00 (24.00-26.00)\n\
             cpu-ratio-by-round js echo-20 4.00 (3.90-4.10)\n",
        );
        assert_eq!(echoes.by_rust("js", "echo-20").unwrap(), 0.25);
        assert_eq!(echoes.by_rust("js", "echo-1KiB").unwrap(), 0.04);
        assert!(echoes.by_rust("go", "echo-20").is_err());
    }

    #[test]
    fn path_is_quoted_for_a_shell() {
        let server = server(Path::new("/it's here/echo.wasm"));
        assert!(server.contains(r"--component '/it'\''s here/echo.wasm' --max-memory"), "{server}");
    }
}
