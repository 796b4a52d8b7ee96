//! Opens WebSockets to other servers for its clients, and sends them everything that comes from there.

use ws_guest::{
    Client, CloseCode, ConnectOptionError, ConnectOptions, Disconnection, Error, Handler,
    Lifecycle, clients, connect, connect_with, connections,
};

#[derive(Default)]
struct Bridging {
    /// How many messages came from servers.
    messages: u32,
}

impl Handler for Bridging {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if client.url().is_some() {
            self.messages += 1;
            return send_to_all(&format!("text {message}"));
        }
        let words: Vec<&str> = message.split(' ').collect();
        let answer = match words[..] {
            ["open", url] => outcome(connect(url)),
            ["offer", url, subprotocol] => {
                opened(url, ConnectOptions::new().subprotocol(subprotocol))
            }
            ["header", url, name, value] => opened(url, ConnectOptions::new().header(name, value)),
            ["many", url, count] => {
                let count = count.parse().unwrap_or_default();
                let opened = (0..count).map(|_| connect(url));
                let mut errors = opened.filter_map(Result::err).peekable();
                let first = errors.peek().map(|error| format!("{error:?}"));
                format!("{} refused: {first:?}", errors.count())
            }
            ["say", ..] => outcome(last()?.send_text(message.trim_start_matches("say "))),
            // As many bytes as one message may have, until the connection takes no more.
            ["flood"] => {
                let server = last()?;
                let mut sent = 0;
                loop {
                    match server.send_binary(vec![0; 100_000]) {
                        Ok(()) => sent += 1,
                        Err(error) => break format!("{} sent, then {error:?}", sent > 0),
                    }
                }
            }
            ["ping"] => outcome(last()?.ping("ping")),
            ["close"] => outcome(last()?.close(CloseCode::Normal, "enough")),
            ["abort"] => last()?.abort().to_string(),
            ["attach", name] => outcome(last()?.attach(name)),
            ["subscribe", topic] => outcome(last()?.subscribe(topic)),
            ["publish", topic, text] => outcome(ws_guest::publish(topic, text)),
            ["count"] => format!(
                "{} connections, {} clients, {} messages",
                connections().len(),
                clients().len(),
                self.messages
            ),
            ["trap"] => panic!("as asked"),
            _ => format!("unknown: {message}"),
        };
        Ok(client.send_text(answer)?)
    }

    fn received_binary(&mut self, client: Client, message: Vec<u8>) -> Result<(), Error> {
        let from = client.url().map_or("client", |_| "server");
        send_to_all(&format!("{} bytes from a {from}", message.len()))
    }

    fn received_pong(&mut self, _: Client, payload: Vec<u8>) -> Result<(), Error> {
        send_to_all(&format!("pong {}", String::from_utf8_lossy(&payload)))
    }

    fn disconnected(&mut self, client: Client, how: &Disconnection) {
        if client.url().is_some() {
            let name = client.attachment().map(|name| String::from_utf8_lossy(&name).into_owned());
            let name = name.unwrap_or_default();
            let end =
                format!("end{name} {:?} {} {}", how.cause(), u16::from(how.code()), how.reason());
            // Ignored: some clients may have gone.
            let _ = send_to_all(&end);
        }
    }

    fn failed(&mut self, client: Client, error: Error) {
        // It fails only if the client has gone.
        let _ = client.send_text(format!("failed: {error}"));
    }
}

impl Lifecycle for Bridging {
    fn suspend(&mut self) -> Option<Vec<u8>> {
        Some(self.messages.to_le_bytes().into())
    }

    fn resume(&mut self, state: Option<Vec<u8>>) -> Result<(), Error> {
        let bytes = state.and_then(|state| state.try_into().ok()).unwrap_or_default();
        self.messages = u32::from_le_bytes(bytes);
        Ok(())
    }
}

/// Opens a connection, if its options are valid.
fn opened(url: &str, options: Result<ConnectOptions, ConnectOptionError>) -> String {
    match options {
        Ok(options) => outcome(connect_with(url, &options)),
        Err(error) => format!("{error:?}"),
    }
}

/// Returns the connection that was opened last.
fn last() -> Result<Client, Error> {
    connections().last().copied().ok_or(Error::msg("there is no connection"))
}

fn send_to_all(message: &str) -> Result<(), Error> {
    for client in clients() {
        client.send_text(message)?;
    }
    Ok(())
}

fn outcome<T, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

ws_guest::export!(Bridging: Lifecycle);
