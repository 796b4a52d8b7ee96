//! On `COUNT SIZE`, sends `COUNT` messages of `SIZE` bytes, and logs how each send ended.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::collections::BTreeMap;

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Flood;

impl Handler for Flood {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let Some((count, size)) = message.split_once(' ') else {
            return Ok(client.send_text(message)?);
        };
        let payload = vec![b'x'; size.parse()?];
        let mut outcomes = BTreeMap::new();
        for _ in 0..count.parse()? {
            let outcome = format!("{:?}", client.send_binary(&payload));
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
        println!("{outcomes:?}");
        Ok(())
    }
}

ws_guest::export!(Flood);
