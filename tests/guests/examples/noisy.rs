//! Prints each message: on standard output, or on standard error if it begins with `!`. `lines N` and `once N` print N
//! bytes, in lines of a hundred or with a single call.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the log is where tests look")]

use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Noisy;

impl Handler for Noisy {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        match message.split_once(' ') {
            Some(("lines", bytes)) => {
                let line = "x".repeat(99);
                for _ in 0..bytes.parse::<usize>()? / 100 {
                    println!("{line}");
                }
            }
            Some(("once", bytes)) => {
                let bytes = vec![0x1b; bytes.parse()?];
                wasip2::cli::stdout::get_stdout().write(&bytes)?;
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
