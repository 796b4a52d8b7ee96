//! Prints what it is told: on standard output, and on standard error if it begins with `!`. Told `lines N` or `once N`,
//! it prints that many octets, in lines of a hundred or with a single call.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the log is where tests look")]

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Noisy;

impl Handler for Noisy {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.split_once(' ') {
            Some(("lines", octets)) => {
                let line = "x".repeat(99);
                for _ in 0..octets.parse::<usize>()? / 100 {
                    println!("{line}");
                }
            }
            Some(("once", octets)) => {
                let octets = vec![0x1b; octets.parse()?];
                wasip2::cli::stdout::get_stdout().write(&octets)?;
            }
            _ => match message.strip_prefix('!') {
                Some(problem) => eprintln!("{problem}"),
                None => println!("{message}"),
            },
        }
        Ok(client.send_text("printed")?)
    }
}

ws_guest::export!(Noisy);
