//! The scenarios of every client in Rust.

use anyhow::{Result, bail, ensure};
use serde_json::json;

use crate::plan::Plan;
use crate::socket::{Agreed, Message, Open, Received, Socket};

/// The outcome of a scenario that has not failed.
enum Outcome {
    Passed,
    NotApplicable(&'static str),
}

/// Runs a plan and prints a line of JSON for each scenario.
#[expect(clippy::print_stdout, reason = "the matrix reads standard output")]
pub(crate) async fn run<C: Open>(client: &C, plan: &Plan) -> Result<()> {
    println!("{}", json!({ "version": C::VERSION }));
    for name in &plan.scenarios {
        let (outcome, why) = match play(client, plan, name).await {
            Ok(Outcome::Passed) => ("passed", String::new()),
            Ok(Outcome::NotApplicable(why)) => ("not applicable", why.to_owned()),
            Err(error) => ("failed", format!("{error:#}")),
        };
        println!("{}", json!({ "scenario": name, "outcome": outcome, "why": why }));
    }
    Ok(())
}

async fn play<C: Open>(client: &C, plan: &Plan, name: &str) -> Result<Outcome> {
    let url = &plan.urls[name];
    if name == "refused" {
        ensure!(client.open(url, None).await.is_err(), "opened although the server refuses it");
        return Ok(Outcome::Passed);
    }
    let subprotocols = (name == "subprotocol").then_some("first.v1, second.v2");
    let (mut socket, agreed) = client.open(url, subprotocols).await?;
    let mut outcome = Outcome::Passed;
    match name {
        "text" => {
            for &size in &plan.sizes {
                echoes(&mut socket, text_of(size)).await?;
            }
        }
        "binary" => {
            for &size in &plan.sizes {
                echoes(&mut socket, bytes_of(size)).await?;
            }
        }
        "in flight" => in_flight(&mut socket).await?,
        "subprotocol" => {
            match &agreed {
                Some(agreed) => {
                    let chosen = agreed.subprotocol.as_deref();
                    ensure!(chosen == Some("second.v2"), "{chosen:?}");
                }
                None => outcome = Outcome::NotApplicable("does not report the chosen subprotocol"),
            }
            expects(&mut socket, "welcome").await?;
        }
        "ping" => {
            socket.send(Message::Text("are you there?".to_owned())).await?;
            expects(&mut socket, "pong are you there?").await?;
        }
        "client closes" => return leave(socket, 4001, "enough 🦀").await,
        "server closes" => {
            socket.send(Message::Text("close 4002 not today 🦀".to_owned())).await?;
            match socket.receive().await? {
                Received::Close(4002, reason) if reason == "not today 🦀" => {}
                other => bail!("{other:?}"),
            }
            socket.end().await?;
            return Ok(Outcome::Passed);
        }
        "compressed" | "compressed with context" => {
            outcome = compressed(&mut socket, agreed.as_ref()).await?;
        }
        "wss" => {
            for size in [1, 126, 65536, 300_000] {
                echoes(&mut socket, text_of(size)).await?;
                echoes(&mut socket, bytes_of(size)).await?;
            }
        }
        other => bail!("unknown scenario {other}"),
    }
    leave(socket, 1000, "").await?;
    Ok(outcome)
}

async fn in_flight(socket: &mut impl Socket) -> Result<()> {
    let sent: Vec<Message> = (0..500)
        .map(|number| match text_of(number * 7 % 300) {
            Message::Text(text) => Message::Text(format!("{number} {text}")),
            binary @ Message::Binary(_) => binary,
        })
        .collect();
    for message in &sent {
        socket.send(message.clone()).await?;
    }
    for message in &sent {
        match socket.receive().await? {
            Received::Message(received) if received == *message => {}
            other => bail!("{message:?} did not come back in order; got {other:?}"),
        }
    }
    Ok(())
}

async fn compressed(socket: &mut impl Socket, agreed: Option<&Agreed>) -> Result<Outcome> {
    socket.send(Message::Text("request".to_owned())).await?;
    let Received::Message(Message::Text(request)) = socket.receive().await? else {
        bail!("the handler did not report the request");
    };
    for round in 0..20 {
        echoes(socket, text_of(300 * round)).await?;
    }
    echoes(socket, text_of(200_000)).await?;
    echoes(socket, Message::Text("short".to_owned())).await?;
    if !request.contains("sec-websocket-extensions") {
        return Ok(Outcome::NotApplicable("offers no compression and is served uncompressed"));
    }
    if let Some(Agreed { extensions, .. }) = agreed {
        let is_agreed = extensions.as_ref().is_some_and(|agreed| agreed.contains("permessage-deflate"));
        ensure!(is_agreed, "{extensions:?}");
    }
    Ok(Outcome::Passed)
}

async fn leave(mut socket: impl Socket, code: u16, reason: &str) -> Result<Outcome> {
    socket.close(code, reason).await?;
    match socket.receive().await? {
        Received::Close(answer, _) if answer == code => {}
        other => bail!("{code} was answered with {other:?}"),
    }
    socket.end().await?;
    Ok(Outcome::Passed)
}

async fn expects(socket: &mut impl Socket, text: &str) -> Result<()> {
    match socket.receive().await? {
        Received::Message(Message::Text(received)) if received == text => Ok(()),
        other => bail!("expected {text:?}, got {other:?}"),
    }
}

async fn echoes(socket: &mut impl Socket, message: Message) -> Result<()> {
    socket.send(message.clone()).await?;
    match socket.receive().await? {
        Received::Message(received) => ensure!(
            received == message,
            "the echo of {} bytes differs: {} came",
            length_of(&message),
            length_of(&received)
        ),
        closed @ Received::Close(..) => bail!("{closed:?}"),
    }
    Ok(())
}

fn length_of(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) => bytes.len(),
    }
}

/// Returns a text of `size` bytes, not only ASCII.
fn text_of(size: usize) -> Message {
    const PHRASE: &str = "grüße, 世界, 🦀 ";
    Message::Text(PHRASE.repeat(size / PHRASE.len()) + &"x".repeat(size % PHRASE.len()))
}

fn bytes_of(size: usize) -> Message {
    Message::Binary((0..size).map(|index| (index * 31) as u8).collect())
}
