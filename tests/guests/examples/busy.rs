//! Works for 0.5 ms on an empty message. Other texts choose the work (`sleep MILLISECONDS`, `noise BYTES`,
//! `nobody BYTES`, `strangers COUNT`, `sequence`, `subscribe TOPIC`); it echoes the rest.

use std::time::{Duration, Instant};

use ws_guest::{Client, CloseCode, Error, Handler, broadcast, publish, subscribers};

#[derive(Default)]
struct Busy;

impl Handler for Busy {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
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
            // Incompressible bytes.
            "noise" => {
                publish("noise", &noise(rest.parse()?))?;
                subscribers("noise").to_string()
            }
            "nobody" => {
                publish("nobody", &vec![0; rest.parse()?])?;
                subscribers("nobody").to_string()
            }
            "strangers" => {
                let strangers: usize = rest.parse()?;
                let missed = broadcast(vec![Client::from_id(u64::MAX); strangers], "hello");
                (strangers - missed.len()).to_string()
            }
            "sequence" => {
                publish("sequence", "before anybody is subscribed")?;
                client.subscribe("sequence")?;
                publish("sequence", "first")?;
                client.send_text("second")?;
                publish("sequence", "third")?;
                client.unsubscribe("sequence");
                publish("sequence", "to nobody")?;
                client.subscribe("sequence")?;
                publish("sequence", "fourth")?;
                client.close(CloseCode::Normal, "fifth")?;
                publish("sequence", "behind the end")?;
                return Ok(());
            }
            _ => message,
        };
        Ok(client.send_text(answer)?)
    }

    fn received_binary(&mut self, _: Client, _: Vec<u8>) -> Result<(), Error> {
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

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..bytes).map(next).collect()
}

ws_guest::export!(Busy);
