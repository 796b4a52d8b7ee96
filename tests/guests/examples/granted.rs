//! Uses the capabilities that a configuration can grant, and tells the client the result.

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package wasi:config@0.2.0-rc.1;
            interface store {
                variant error { upstream(string), io(string) }
                get: func(key: string) -> result<option<string>, error>;
                get-all: func() -> result<list<tuple<string, string>>, error>;
            }
            world imports { import store; }
        ",
        world: "imports",
    });
}

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use bindings::wasi::config::store;
use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Granted;

impl Handler for Granted {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let (command, rest) = message.split_once(' ').unwrap_or((&message, ""));
        let result = match command {
            "config" => outcome(store::get(rest)),
            "config-all" => outcome(store::get_all()),
            "read" => outcome(fs::read_to_string(rest)),
            "list" => outcome(list(rest.as_ref())),
            "write" => outcome(fs::write(rest, "written")),
            "append" => outcome(fs::OpenOptions::new().append(true).open(rest).map(drop)),
            "remove" => outcome(fs::remove_file(rest)),
            "create" => outcome(fs::create_dir(rest)),
            "link" => outcome(fs::hard_link(rest, format!("{rest}-link"))),
            "rename" => outcome(fs::rename(rest, format!("{rest}-renamed"))),
            // Opens a file a thousand times, and keeps all of them open: more than an instance may have, and fewer than
            // other limits allow.
            "hoard" => {
                let open = (0..1_000).map_while(|_| fs::File::open(rest).ok());
                open.collect::<Vec<_>>().len().to_string()
            }
            _ => message,
        };
        Ok(client.send_text(&result)?)
    }
}

fn list(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<std::io::Result<Vec<_>>>()?;
    names.sort();
    Ok(names)
}

fn outcome<T: Debug, E: Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error: {error:?}"),
    }
}

ws_guest::export!(Granted);
