//! Takes its time: 0.5 ms for an empty message, and as long as it is told for others.

use std::time::{Duration, Instant};

use ws_guest::{Client, CloseCode, Handler, Result, broadcast_text, publish_binary, publish_text};

#[derive(Default)]
struct Busy;

impl Handler for Busy {
    fn received_text(&mut self, client: Client, message: String) -> Result {
        let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
        let answer = match word {
            "" => {
                spin(Duration::from_micros(500));
                return Ok(());
            }
            "sleep" => {
                std::thread::sleep(Duration::from_millis(rest.parse()?));
                "slept".into()
            }
            "subscribe" => format!("{:?}", client.subscribe(rest)),
            // Octets that no compressor makes shorter.
            "noise" => publish_binary("noise", &noise(rest.parse()?)).to_string(),
            "nobody" => publish_binary("nobody", &vec![0; rest.parse()?]).to_string(),
            "strangers" => {
                let strangers = vec![Client::from_id(u64::MAX); rest.parse()?];
                broadcast_text(strangers, "hello").to_string()
            }
            "sequence" => {
                publish_text("sequence", "before anybody is subscribed");
                client.subscribe("sequence")?;
                publish_text("sequence", "first");
                client.send_text("second")?;
                publish_text("sequence", "third");
                client.unsubscribe("sequence");
                publish_text("sequence", "to nobody");
                client.subscribe("sequence")?;
                publish_text("sequence", "fourth");
                client.close(CloseCode::Normal, "fifth")?;
                publish_text("sequence", "behind the end");
                return Ok(());
            }
            _ => message,
        };
        Ok(client.send_text(&answer)?)
    }

    fn received_binary(&mut self, _: Client, _: Vec<u8>) -> Result {
        Ok(())
    }
}

fn spin(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        for _ in 0..1000 {
            std::hint::black_box(());
        }
    }
}

fn noise(octets: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..octets).map(next).collect()
}

ws_guest::export!(Busy);
