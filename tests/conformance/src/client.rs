//! Our client against the suite's server, echoing what the server sends.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use ws_host_client::{Client, Messages, Options, Received, connect};

use crate::cases::Cases;
use crate::report::Report;
use crate::wstest::Run;

/// The name of this client in the suite's report.
const AGENT: &str = "ws-host-client";

/// The suite's largest message in bytes. It exceeds the default limit.
const LARGEST_MESSAGE: usize = 16 << 20;

/// How long the suite may take to answer. Python 2 starts slowly on a busy machine.
const START: Duration = Duration::from_secs(60);

/// How often to try until it answers.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// How long a case may take. The suite itself fails a case after at most 480 s.
const CASE: Duration = Duration::from_secs(600);

/// Runs the cases with the client.
pub(crate) fn run(cases: &Cases) -> Result<Report> {
    let run = Run::new(cases)?;
    let mut suite = Suite::start(&run)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        for case in 1..=suite.answer().await? {
            let (client, messages) = suite.open(&format!("runCase?case={case}&agent={AGENT}"))?;
            tokio::time::timeout(CASE, echo(client, messages))
                .await
                .with_context(|| format!("case number {case} did not end within {CASE:?}"))?;
        }
        let (client, _messages) = suite.open(&format!("updateReports?agent={AGENT}"))?;
        client.opened().await?;
        client.ended().await;
        anyhow::Ok(())
    })?;
    drop(suite);
    run.report("see the output above")
}

/// Sends messages back until the connection ends.
async fn echo(client: Client, mut messages: Messages) {
    while let Some(received) = messages.next().await {
        // A failed send is not an error: the suite has closed the connection or violated the
        // protocol, to see the reaction.
        let _ = match received {
            Received::Text(text) => client.send_text(&text).await,
            Received::Binary(bytes) => client.send_binary(&bytes).await,
            _ => Ok(()),
        };
    }
}

/// The suite's server. Dropping it kills the process.
struct Suite {
    process: Child,
    address: SocketAddr,
}

impl Suite {
    fn start(run: &Run) -> Result<Self> {
        // The port was free a moment ago. Nothing else here uses ports that the system assigns.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = run
            .command("fuzzingserver", json!({ "url": format!("ws://{address}") }))?
            .args(["--webport", "0"])
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot run {}", run.program().display()))?;
        Ok(Self { process, address })
    }

    /// Waits until the suite answers, not only listens, and returns the number of its cases.
    async fn answer(&mut self) -> Result<usize> {
        let start = Instant::now();
        loop {
            let error = match self.count().await {
                Ok(count) => return Ok(count),
                Err(error) => error,
            };
            if let Some(status) = self.process.try_wait()? {
                bail!("wstest ended with {status} before it answered");
            }
            if start.elapsed() > START {
                return Err(error.context(format!("wstest did not answer within {START:?}")));
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    fn open(&self, resource: &str) -> Result<(Client, Messages)> {
        let options = Options::new(&format!("ws://{}/{resource}", self.address))?
            .max_message(LARGEST_MESSAGE)
            .max_outbound(2 * LARGEST_MESSAGE);
        Ok(connect(options))
    }

    async fn count(&self) -> Result<usize> {
        let (client, mut messages) = self.open("getCaseCount")?;
        client.opened().await?;
        match messages.next().await {
            Some(Received::Text(count)) => Ok(count.parse()?),
            other => bail!("wstest did not send the number of cases, but {other:?}"),
        }
    }
}

impl Drop for Suite {
    fn drop(&mut self) {
        // Fails only if the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
