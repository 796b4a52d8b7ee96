//! Helper: Prometheus and its tool, from Debian's package.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ws_host_test_support::{Response, is_installed, poll_until, root, wait_until};

/// A Prometheus that scrapes each second, and has the alert rules of the examples.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// Runs promtool with some input. Without it, the check is skipped.
pub(crate) fn promtool(arguments: &[&str], input: &str) -> Result<()> {
    if !is_installed("promtool")? {
        return Ok(());
    }
    let mut promtool = Command::new("promtool")
        .args(arguments)
        .current_dir(root().join("examples/operating"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // It may refuse the arguments without reading.
    let _ = promtool.stdin.take().context("no stdin")?.write_all(input.as_bytes());
    let checked = promtool.wait_with_output()?;
    let said = [checked.stdout, checked.stderr].concat();
    ensure!(checked.status.success(), "{}\n{input}", String::from_utf8_lossy(&said));
    Ok(())
}

impl Prometheus {
    pub(crate) fn scraping(host: SocketAddr) -> Result<Self> {
        Self::configured(&format!(
            "scrape_configs:\n- {{ job_name: ws-host, static_configs: [{{ targets: [{:?}] }}] }}\n",
            host.to_string()
        ))
    }

    /// Starts one with these `scrape_configs`.
    pub(crate) fn configured(scrapes: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let (configuration, log) = (folder.path().join("p.yml"), folder.path().join("log"));
        let rules = root().join("examples/operating/alerts.yml");
        let text = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: [{rules:?}]\n\
             {scrapes}"
        );
        std::fs::write(&configuration, text)?;
        let mut child = Command::new("prometheus")
            .arg(format!("--config.file={}", configuration.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let started = Self::address(&log).and_then(|address| {
            // It answers 503 until it has read its configuration.
            wait_until(|| {
                Ok(Response::to(address, "GET /-/ready HTTP/1.0\r\n\r\n")?.status == 200)
            })?;
            Ok(address)
        });
        match started {
            Ok(address) => Ok(Self { child, address, _folder: folder }),
            Err(error) => {
                // It must not outlive the test.
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// Returns the address from the log.
    fn address(log: &Path) -> Result<SocketAddr> {
        let found = poll_until(
            || {
                let text = std::fs::read_to_string(log)?;
                let line = text.lines().find(|line| line.contains("msg=\"Listening on\""));
                Ok(line.and_then(|line| Some(line.split_once("address=")?.1.trim().to_owned())))
            },
            Option::is_some,
        );
        let found = found.with_context(|| std::fs::read_to_string(log).unwrap_or_default())?;
        Ok(found.context("no address")?.parse()?)
    }

    /// Asks for a path of the API. Returns the data.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        // HTTP/1.0, so that the response has no chunks.
        let request = format!("GET /api/v1/{path} HTTP/1.0\r\n\r\n");
        let response = Response::to(self.address, &request)?;
        ensure!(response.status == 200, "{path}: {response:?}");
        let mut body: Value = serde_json::from_str(&response.body)?;
        Ok(body["data"].take())
    }

    /// Evaluates an expression. Returns the values.
    pub(crate) fn query(&self, expression: &str) -> Result<Vec<f64>> {
        let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let data = self.get(&format!("query?query={encoded}"))?;
        let samples = data["result"].as_array().context("no vector")?;
        let values = samples
            .iter()
            .map(|sample| Ok(sample["value"][1].as_str().context("no value")?.parse()?));
        values.collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // Fails only if the process has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
