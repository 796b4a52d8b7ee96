//! JavaScript: a text is written into the memory of the component by the engine. The function that componentize-js
//! generates for this loops over the text, so a project replaces it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer};

use crate::build::Components;

super::scenarios! {
    long_texts_take_little_more_time_than_bytes,
    texts_of_any_characters_come_back_unchanged,
}

const LENGTH: usize = 16_000;
const MESSAGES: usize = 200;

/// With the generated function, texts take thirty times as long as bytes.
fn long_texts_take_little_more_time_than_bytes(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.echo, &["--max-memory", "128MiB"])?;
    let mut client = Client::connect(&server)?;
    let payload = "a".repeat(LENGTH);
    let mut time_of = |opcode: u8| -> Result<Duration> {
        let before = server.cpu_time()?;
        for _ in 0..MESSAGES {
            client.send_frame(0x80 | opcode, payload.as_bytes())?;
            ensure!(client.receive()?.payload == payload.as_bytes(), "another payload");
        }
        Ok(server.cpu_time()? - before)
    };
    time_of(1)?;
    let (bytes, texts) = (time_of(2)?, time_of(1)?);
    // A few ticks of the clock may be missing in the shorter time.
    let allowed = bytes * 5 + Duration::from_millis(50);
    ensure!(texts <= allowed, "{texts:?} for texts, {bytes:?} for bytes");
    Ok(())
}

fn texts_of_any_characters_come_back_unchanged(components: &Components) -> Result<()> {
    let server = TestServer::serving_file(&components.echo, &["--max-memory", "128MiB"])?;
    let mut client = Client::connect(&server)?;
    // Characters of one to four bytes: at the start, at the end, and across the end of the first buffer, which has one
    // byte for each UTF-16 unit.
    for character in ["", "a", "\u{e9}", "\u{20ac}", "\u{1f600}", "\0"] {
        for before in 0..5 {
            for after in 0..5 {
                let text = format!("{}{character}{}", "b".repeat(before), "c\u{fc}".repeat(after));
                let echo = client.ask(&text).context(text.clone())?;
                ensure!(echo == text, "{text:?} came back as {echo:?}");
            }
        }
    }
    let longest = "\u{1f600}\u{20ac}\u{e9}a".repeat(LENGTH);
    ensure!(client.ask(&longest)? == longest, "the longest text came back changed");
    Ok(())
}
