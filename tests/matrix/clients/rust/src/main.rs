//! WebSocket clients in Rust: `ws-host-matrix-clients CLIENT PLAN` runs the plan with the chosen client.

mod fast;
mod plan;
mod scenarios;
mod socket;
mod stream;
mod tokio_ws;
mod tungstenite;
mod yet_another;

use anyhow::{Context, Result, bail};

use crate::plan::Plan;
use crate::stream::Dialer;
use crate::yet_another::Version;

// A single thread, so that what a client shares with its connection task need not be `Send`.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let client = arguments.next().context("the first argument must be the name of a client")?;
    let plan: Plan =
        serde_json::from_str(&arguments.next().context("the second argument must be a plan")?)?;
    let dialer = Dialer::trusting(&plan.authority)?;
    match client.as_str() {
        "tokio-tungstenite" => scenarios::run(&tungstenite::Client(dialer), &plan).await,
        "fastwebsockets" => scenarios::run(&fast::Client(dialer), &plan).await,
        "tokio-websockets" => scenarios::run(&tokio_ws::Client(dialer), &plan).await,
        "yawc" => scenarios::run(&yet_another::Client(dialer, Version::Http1), &plan).await,
        "yawc-http2" => scenarios::run(&yet_another::Client(dialer, Version::Http2), &plan).await,
        other => bail!("unknown client {other}"),
    }
}
