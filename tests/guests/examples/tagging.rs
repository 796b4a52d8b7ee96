//! Tags clients and lets them expire, as their messages say, and replies with the result.

#![expect(clippy::print_stdout, reason = "the log is where tests look")]

use std::time::Duration;

use ws_guest::{
    Client, CloseCode, Disconnection, Error, Expiry, Handler, Lifecycle, close_tagged, publish,
    send_tagged, tagged,
};

/// What each client wants done in `expiring`.
#[derive(Default)]
struct Tagging {
    when_expiring: Vec<(Client, String)>,
}

/// `CLIENT REST`.
fn of_client(rest: &str) -> Result<(Client, &str), Error> {
    let (client, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok((Client::from_id(client.parse()?), rest))
}

/// `AFTER NOTICE`, in milliseconds.
fn times(rest: &str) -> Result<(Duration, Duration), Error> {
    let (after, notice) = rest.split_once(' ').unwrap_or((rest, "0"));
    Ok((Duration::from_millis(after.parse()?), Duration::from_millis(notice.parse()?)))
}

impl Handler for Tagging {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let (word, rest) = message.split_once(' ').unwrap_or((&message, ""));
        let answer = match word {
            "id" => client.id().to_string(),
            "tag" => format!("{:?}", client.tag(rest)),
            "tag-of-bytes" => format!("{:?}", client.tag("t".repeat(rest.parse()?))),
            "tag-client" => {
                let (client, tag) = of_client(rest)?;
                format!("{:?}", client.tag(tag))
            }
            "untag" => client.untag(rest).to_string(),
            "untag-bytes" => client.untag("t".repeat(rest.parse()?)).to_string(),
            "untag-client" => {
                let (client, tag) = of_client(rest)?;
                client.untag(tag).to_string()
            }
            "tags" => client.tags().join(" "),
            "tags-of" => format!("{:?}", of_client(rest)?.0.tags()),
            "tagged" => {
                let ids = tagged(rest).into_iter().map(|client| client.id().to_string());
                ids.collect::<Vec<_>>().join(" ")
            }
            "tagged-bytes" => format!("{:?}", tagged("t".repeat(rest.parse()?))),
            "send" => {
                let (tag, text) = rest.split_once(' ').unwrap_or((rest, ""));
                format!("{:?}", send_tagged(tag, text))
            }
            "send-bytes" => format!("{:?}", send_tagged("t".repeat(rest.parse()?), "x")),
            "close" => {
                let (tag, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
                format!("{:?}", close_tagged(tag, CloseCode::from(code.parse::<u16>()?), reason))
            }
            "send-publish-close" => {
                client.subscribe(rest)?;
                for number in 0..100 {
                    send_tagged(rest, &format!("sent {number}"))?;
                    publish(rest, &format!("published {number}"))?;
                }
                close_tagged(rest, CloseCode::Normal, "that was all")?;
                "done".into()
            }
            "subscribe" => format!("{:?}", client.subscribe(rest)),
            "expire" => {
                let (after, notice) = times(rest)?;
                format!("{:?}", client.expire(after, notice))
            }
            "expire-client" => {
                let (client, rest) = of_client(rest)?;
                let (after, notice) = times(rest)?;
                format!("{:?}", client.expire(after, notice))
            }
            "expire-and-close" => {
                let (after, notice) = times(rest)?;
                client.expire(after, notice)?;
                client.close(CloseCode::Normal, "")?;
                return Ok(());
            }
            "expire-most" => format!("{:?}", client.expire(Duration::MAX, Duration::ZERO)),
            "keep" => client.keep().to_string(),
            "keep-client" => of_client(rest)?.0.keep().to_string(),
            "remaining" => format!("{:?}", client.remaining()),
            "remaining-of" => format!("{:?}", of_client(rest)?.0.remaining()),
            "when-expiring" => {
                self.when_expiring.push((client, rest.to_owned()));
                "noted".into()
            }
            "sleep" => {
                client.send_text("asleep")?;
                std::thread::sleep(Duration::from_millis(rest.parse()?));
                "awake".into()
            }
            "trap" => panic!("asked to panic"),
            _ => message,
        };
        Ok(client.send_text(answer)?)
    }

    fn disconnected(&mut self, client: Client, _: &Disconnection) {
        // The client is gone: each of these calls is allowed and has no effect.
        let (tag, expire) = (client.tag("late"), client.expire(Duration::ZERO, Duration::ZERO));
        let (tags, remaining) = (client.tags(), client.remaining());
        println!("gone: {tag:?} {expire:?} {tags:?} {remaining:?} {}", client.keep());
    }
}

impl Expiry for Tagging {
    fn expiring(&mut self, client: Client) -> Result<(), Error> {
        println!("expiring {}", client.id());
        let wanted = self.when_expiring.iter().find(|(of, _)| *of == client);
        match wanted.map_or("", |(_, wanted)| wanted) {
            "more" => client.expire(Duration::from_secs(1000), Duration::ZERO)?,
            "trap" => panic!("asked to panic when a client expires"),
            "fail" => return Err(Error::msg("asked to fail when a client expires")),
            _ => {}
        }
        Ok(client.send_text("expiring")?)
    }
}

impl Lifecycle for Tagging {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    fn resume(&mut self, _: Option<Vec<u8>>) -> Result<(), Error> {
        Ok(())
    }
}

ws_guest::export!(Tagging: Lifecycle, Expiry);
