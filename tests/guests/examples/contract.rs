//! Does what each client's text asks for, and answers with what the host returned. A test asks the host and the
//! `TestHost` of the SDK the same, and compares the answers.

use std::num::NonZeroU32;
use std::time::Duration;

use ws_guest::{
    Client, CustomMessage, CustomMessages, Disconnection, Drained, Error, Expiry, Handler,
    Handshake, Lifecycle, Message, Rejection, SendOptions, Stop, Timer, Timers, broadcast, clients,
    close_tagged, publish, publish_with, send_tagged, state_age, state_reason, subscribers, tagged,
};

#[derive(Default)]
pub(crate) struct Contract {
    events: u32,
}

impl Handler for Contract {
    fn connected(&mut self, client: Client, handshake: &mut Handshake) -> Result<(), Rejection> {
        self.events += 1;
        let query = client.request().query().unwrap_or_default();
        let mut results = vec![format!("{} here", clients().len())];
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            results.push(match name {
                "choose" => format!("{:?}", handshake.choose_subprotocol(value)),
                "header" => {
                    let (name, value) = value.split_once(':').unwrap_or((value, ""));
                    format!("{:?}", handshake.add_header(name, value))
                }
                "long" => format!("{:?}", handshake.add_header("x", "y".repeat(value.parse()?))),
                "refuse" => return Err(Rejection::new(value.parse()?, results.join(" "))),
                "fail" => return Err(Error::msg(value).into()),
                "panic" => panic!("{value}"),
                _ => String::new(),
            });
        }
        client.send_text(results.join(" "))?;
        Ok(())
    }

    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        self.events += 1;
        let answer = self.answer(client, &message)?;
        // Fails if the client was closed.
        let _ = client.send_text(format!("{message}: {answer}"));
        Ok(())
    }

    fn received_pong(&mut self, client: Client, payload: Vec<u8>) -> Result<(), Error> {
        Ok(client.send_text(format!("pong of {}", payload.len()))?)
    }

    fn disconnected(&mut self, client: Client, end: &Disconnection) {
        let attached = client.attachment().map(|bytes| bytes.len());
        let result = (client.tags(), client.topics(), attached, client.send_text("x"));
        let reason = if end.is_clean() { end.reason() } else { "text for people".into() };
        let (cause, code, sent) = (end.cause(), end.code(), end.sent_code());
        send_to_all(&format!("left: {cause:?} {code:?} {reason:?} {sent:?} {result:?}"));
    }
}

impl Contract {
    fn answer(&mut self, client: Client, message: &str) -> Result<String, Error> {
        let mut words = message.split(' ');
        let command = words.next().unwrap_or_default();
        let target = match words.next() {
            Some("other") => clients().into_iter().find(|other| *other != client),
            Some("nobody") => Some(Client::from_id(1 << 52)),
            _ => Some(client),
        };
        let to = target.unwrap_or(Client::from_id(1 << 52));
        let word = words.next().unwrap_or_default();
        let number = || word.parse::<usize>();
        let rest = || words.clone().next().unwrap_or_default();
        Ok(match command {
            "send" => format!("{:?}", to.send_text(word)),
            "bytes" => format!("{:?}", to.send_binary(vec![7; number()?])),
            "ping" => format!("{:?}", to.ping(vec![7; number()?])),
            "pong" => format!("{:?}", to.pong(vec![7; number()?])),
            "close" => {
                let code = word.parse::<u16>()?.into();
                format!("{:?}", to.close(code, "r".repeat(rest().parse()?)))
            }
            "abort" => format!("{:?}", (to.abort(), to.abort(), to.send_text("x"))),
            "buffered" => format!("{:?}", (to.send_binary([7; 200]), to.buffered())),
            "frames" => {
                let options = SendOptions::new().max_frame(NonZeroU32::try_from(3)?);
                format!("{:?}", (to.send("12345678", &options), to.buffered()))
            }
            "options" => {
                let all: Vec<_> = (0..number()?).map(|_| SendOptions::new()).collect();
                format!("{:?}", all.last().map(|last| to.send("x", last)))
            }
            "except" => {
                let options = SendOptions::new().except(vec![to; number()?]);
                format!("{:?}", options.map(|options| publish_with("t", "not you", &options)))
            }
            "broadcast" => format!("{:?}", broadcast([to, Client::from_id(1 << 52)], word).len()),
            "fill" => {
                let full = (0..).find_map(|count| Some((count, to.send_binary([7; 1014]).err()?)));
                format!("{full:?}")
            }
            "attach" => format!("{:?}", to.attach(vec![7; number()?])),
            "attachment" => format!("{:?}", to.attachment().map(|bytes| bytes.len())),
            "tag" => format!("{:?} {:?}", to.tag(name(word)), to.tags().len()),
            "tags" => format!(
                "{:?}",
                (0..number()?).map(|n| to.tag(format!("{n}"))).collect::<Vec<_>>().pop()
            ),
            "untag" => format!("{:?} {:?}", to.untag(word), to.tags()),
            "tagged" => format!("{:?} {:?}", tagged(word).len(), send_tagged(name(word), "tagged")),
            "close-tagged" => {
                format!("{:?}", close_tagged(name(word), rest().parse::<u16>()?.into(), "tag"))
            }
            "subscribe" => format!("{:?} {}", to.subscribe(name(word)), subscribers(word)),
            "topics" => {
                format!(
                    "{:?}",
                    (0..number()?).map(|n| to.subscribe(format!("{n}"))).collect::<Vec<_>>().pop()
                )
            }
            "unsubscribe" => format!("{:?} {:?}", to.unsubscribe(word), to.topics()),
            "unsubscribe-all" => format!("{:?} {:?}", to.unsubscribe_all(), to.topics()),
            "publish" => format!("{:?}", publish(name(word), Message::Binary(b"news"))),
            "timer" => format!("{:?}", Timer::new(7).set(Duration::from_millis(number()? as u64))),
            "timers" => {
                let set = |n| Timer::new(n).set(Duration::from_hours(9));
                format!(
                    "{:?}",
                    (0..number()? as u64).map(|n| set(n + 100)).collect::<Vec<_>>().pop()
                )
            }
            "cancel" => format!("{:?}", Timer::new(number()? as u64).cancel()),
            "expire" => {
                let (after, notice) = (number()? as u64, rest().parse()?);
                let set = to.expire(Duration::from_millis(after), Duration::from_millis(notice));
                format!("{set:?} {:?}", to.remaining().is_some())
            }
            "keep" => format!("{:?} {:?}", to.keep(), to.remaining()),
            "request" => {
                let request = to.request();
                let about = (request.path(), request.query(), request.parameters());
                let offers = (request.offered_subprotocols(), request.subprotocol());
                let own = (request.header("X-Own"), request.origin(), request.is_secure());
                format!("{about:?} {offers:?} {own:?} {:?}", request.protocol_version())
            }
            "state" => format!("{:?} {:?} {}", state_reason(), state_age(), self.events),
            "fail" => return Err(Error::msg("on purpose")),
            "panic" => panic!("on purpose"),
            other => format!("what is {other}?"),
        })
    }
}

/// Returns a name that is too long for `long`, an empty one for `empty`, and else the word.
fn name(word: &str) -> String {
    match word {
        "long" => "n".repeat(256),
        "empty" => String::new(),
        word => word.to_owned(),
    }
}

fn send_to_all(text: &str) {
    broadcast(clients(), text);
}

impl Lifecycle for Contract {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(format!("{} {}", self.events, state_reason()?.as_str()).into_bytes())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        let text = state.as_deref().map(String::from_utf8_lossy);
        self.events =
            text.as_deref().and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
        let (reason, is_old) = (state_reason(), state_age().is_some());
        send_to_all(&format!("resumed with {text:?}, {reason:?} {is_old} {}", clients().len()));
        Ok(())
    }
}

impl Timers for Contract {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        send_to_all(&format!("{timer} {}", timer.cancel()));
        Ok(())
    }
}

impl CustomMessages for Contract {
    fn received_custom(
        &mut self,
        message: Vec<u8>,
        about: &CustomMessage,
    ) -> Result<Vec<u8>, Error> {
        match &*message {
            b"fail" => Err(Error::msg("on purpose")),
            _ => Ok(format!("{:?} {:?} {}", about.kind(), about.sender(), message.len()).into()),
        }
    }
}

impl Drained for Contract {
    fn drained(&mut self, client: Client) -> Result<(), Error> {
        Ok(client.send_text("drained")?)
    }
}

impl Expiry for Contract {
    fn expiring(&mut self, client: Client) -> Result<(), Error> {
        Ok(client.send_text(format!("expiring {}", client.remaining().is_some()))?)
    }
}

impl Stop for Contract {
    fn stopping(&mut self) -> Result<(), Error> {
        send_to_all("stopping");
        Ok(())
    }
}

ws_guest::export!(Contract: Lifecycle, Timers, CustomMessages, Drained, Expiry, Stop);
