//! Helper: collectors of traces.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use ws_host_test_support::{root, wait_until};

/// A collector in Python that prints the spans that it gets.
pub(crate) struct Collector {
    process: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

/// Rotel, a collector by others, which passes spans on to another one. It is in a package for Python.
pub(crate) struct Rotel {
    process: Child,
    address: SocketAddr,
}

impl Collector {
    pub(crate) fn start() -> Result<Self> {
        let mut command = Command::new(root().join(".venv-clients/bin/python"));
        command.arg(root().join("tests/clients/collector.py")).stdout(Stdio::piped());
        let mut process = command.spawn().context("is .venv-clients there? make clients")?;
        let output = process.stdout.take().context("its output is piped")?;
        let mut output = BufReader::new(output);
        let mut address = String::new();
        output.read_line(&mut address)?;
        let address = address.trim().parse().context("it prints no address")?;
        Ok(Self { process, output, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends the collector, and returns the spans that it got.
    pub(crate) fn spans(mut self) -> Result<Vec<Value>> {
        self.process.kill()?;
        let mut lines = String::new();
        self.output.read_to_string(&mut lines)?;
        lines.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }
}

impl Rotel {
    /// Starts it between hosts and a collector.
    pub(crate) fn before(collector: &Collector) -> Result<Self> {
        // It does not say which port it gets, so it is given one that is free now. Another program may be faster.
        for _ in 0..10 {
            let addresses = [free_address()?, free_address()?];
            let [http, grpc] = addresses.map(|address| address.to_string());
            let url = collector.url();
            let process = Command::new(program()?)
                .args(["start", "--otlp-http-endpoint", &http, "--otlp-grpc-endpoint", &grpc])
                .args(["--exporter", "otlp", "--otlp-exporter-endpoint", &url])
                .args(["--otlp-exporter-protocol", "http"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()?;
            let mut rotel = Self { process, address: addresses[0] };
            let mut has_ended = false;
            wait_until(|| {
                has_ended = rotel.process.try_wait()?.is_some();
                Ok(has_ended || TcpStream::connect(rotel.address).is_ok())
            })?;
            if !has_ended {
                return Ok(rotel);
            }
        }
        bail!("rotel does not start");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends it after it has passed on what it got.
    pub(crate) fn finish(mut self) -> Result<()> {
        let process = rustix::process::Pid::from_child(&self.process);
        rustix::process::kill_process(process, rustix::process::Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // Fails only if the process has exited already.
    let _ = process.kill();
    let _ = process.wait();
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn program() -> Result<PathBuf> {
    let folders = root().join(".venv-clients/lib").read_dir().context("make clients")?;
    let programs = folders
        .flatten()
        .map(|folder| folder.path().join("site-packages/rotel/rotel-agent"))
        .filter(|program| program.is_file());
    let programs: Vec<PathBuf> = programs.collect();
    ensure!(programs.len() == 1, "is rotel in .venv-clients? make clients: {programs:?}");
    programs.into_iter().next().context("one")
}
