//! Writes to the log at each level, with the crates `log` and `tracing`, and takes orders in JSON.

use serde::{Deserialize, Serialize};
use ws_guest::{Client, Error, Handler, from_json};

#[derive(Default)]
struct Levels;

#[derive(Deserialize, Serialize)]
struct Order {
    item: String,
    count: u32,
}

impl Handler for Levels {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.as_str() {
            "log" => {
                log::trace!("a trace of log");
                log::debug!("a debug of log");
                log::info!("an info of log\nand \u{1b}[31mits second line");
                log::warn!("a warn of log");
                log::error!("an error of log");
                Ok(client.send_text(format!("max is {}", log::max_level()))?)
            }
            "tracing" => {
                let span = tracing::info_span!("order", number = 7).entered();
                tracing::info!(item = "tea", count = 2, "an info of tracing");
                tracing::debug!("a debug of tracing");
                tracing::error!("an error of tracing");
                drop(span);
                Ok(client.send_text("done")?)
            }
            "long" => {
                log::info!("{}", "x".repeat(70_000));
                Ok(client.send_text("done")?)
            }
            "fail" => Err(Error::msg("on purpose")),
            order => {
                let Order { item, count } = from_json(order)?;
                Ok(client.send_json(&Order { item, count: count + 1 })?)
            }
        }
    }
}

ws_guest::export!(Levels);
