//! Answers questions with what its configuration grants: a value of `wasi:config`, the files of a folder, keys and
//! values, durable timers, HTTP requests and a WebSocket to a host.

mod bot;
mod fetch;
mod reminder;
mod store;

use std::fs;

use ws_guest::{Client, Disconnection, Error, Handler, Timer, Timers, config};

#[derive(Default)]
struct Capabilities;

impl Handler for Capabilities {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        if let Some(url) = client.url() {
            return bot::answered(client, &url, &message);
        }
        let answer = match message.split_once(' ').unwrap_or((&message, "")) {
            ("hello", name) => {
                let greeting = config::get("greeting")?.unwrap_or_else(|| "Hello".to_owned());
                format!("{greeting}, {name}!")
            }
            ("texts", _) => names("texts")?.join(" "),
            ("text", name) => fs::read_to_string(format!("texts/{name}.txt"))?,
            ("visit", _) => format!("visit {}", store::count_visit()?),
            ("keep", note) => {
                let (name, text) = note.split_once(' ').unwrap_or((note, ""));
                store::keep(name, text)?;
                format!("{name} is kept")
            }
            ("kept", name) => store::kept(name)?.unwrap_or_else(|| "nothing".to_owned()),
            ("remind", reminder) => {
                let (seconds, text) = reminder.split_once(' ').unwrap_or((reminder, ""));
                reminder::set(seconds, text)?;
                format!("in {seconds} seconds")
            }
            ("get", url) => {
                let (status, body) = fetch::get(url)?;
                format!("{status} {body}")
            }
            ("ask", question) => {
                let (url, question) = question.split_once(' ').unwrap_or((question, ""));
                return bot::ask(client, url, question);
            }
            _ => "hello NAME, texts, text NAME, visit, keep NAME TEXT, kept NAME, remind SECONDS TEXT, get URL, or \
                  ask URL QUESTION"
                .to_owned(),
        };
        Ok(client.send_text(answer.trim_end())?)
    }

    fn disconnected(&mut self, client: Client, how: &Disconnection) {
        bot::ended(client, how);
    }

    /// Tells the client why its question has no answer.
    fn failed(&mut self, client: Client, error: Error) {
        // It fails only if the client has gone.
        let _ = client.send_text(format!("no answer: {error}"));
    }
}

impl Timers for Capabilities {
    fn fired(&mut self, timer: Timer) -> Result<(), Error> {
        reminder::fired(timer)
    }
}

/// Returns the names of the files in a folder, in order.
fn names(folder: &str) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

ws_guest::export!(Capabilities: Timers);
