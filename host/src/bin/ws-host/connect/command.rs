//! Parses an input line into a command.

/// The part of `ws-host connect --help` about the input, the commands and the exit codes.
pub(super) const AFTER_HELP: &str = "\
Each line of input is sent as a text message, without the LF or CRLF at its
end. The last line needs no LF. An empty line is an empty message. At a
terminal, or in a pipe with --commands, lines that begin with / are commands:
  /ping [TEXT]            ping the server and print the round-trip time
  /binary HEX             send a binary message: /binary 01 02 ff
  /close [CODE [REASON]]  close, by default with 1000; read no more input
  /help                   print this text
  //TEXT                  send /TEXT
When the input ends, ws-host connect waits until no message has arrived for the
duration of --wait. Then it closes with 1000 and prints whatever the server
still sends. Ctrl-C, SIGTERM and SIGHUP close with 1001. A second Ctrl-C or
SIGTERM exits at once.

Exit code:
  0    closed normally (1000, 1001, or without a code); nothing is missing
  1    not connected
  2    invalid arguments
  3    closed with another code
  4    connection lost: the server sent no close frame
  5    incomplete: some input was not sent, fewer messages arrived than --count
       asks for, or some messages could not be printed
  129, 130, 143  ended by SIGHUP, Ctrl-C, SIGTERM
Standard error says what is missing.

Proxy: http_proxy for ws://, https_proxy for wss://, otherwise all_proxy.
Upper-case names also work, except HTTP_PROXY in a CGI program. The proxy must
be an HTTP proxy that allows CONNECT: http://[user:password@]host[:port].
no_proxy lists hosts to reach without the proxy: names (with their subdomains),
addresses, networks, or *. The proxy is never used for this machine.

Examples:
  ws-host connect ws://127.0.0.1:8080
  echo hello | ws-host connect --plain ws://127.0.0.1:8080
  echo hello | ws-host connect --plain --count 1 --wait 30s ws://127.0.0.1:8080
  ws-host connect --plain --wait forever ws://127.0.0.1:8080 < /dev/null
  ws-host connect --origin https://example.com --subprotocol chat wss://example.com/
  ws-host connect --unix /run/ws-host.sock ws://localhost/
  ws-host connect --http2 --cert me.pem --key me.key wss://example.com/";

/// An input line that was parsed. A line that does not begin with `/` is a text message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Text(String),
    Binary(Vec<u8>),
    Ping(String),
    Close { code: u16, reason: String },
    Help,
}

/// Why a line is not a valid command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CommandError {
    #[error("there is no command /{0}: /help lists the commands, and //{0} sends the text /{0}")]
    Unknown(String),
    #[error("/binary needs pairs of hexadecimal digits: /binary 01 02 ff")]
    Hex,
    #[error("/close takes a close code, and optionally a reason: /close 1000 bye")]
    CloseCode,
}

/// Returns the part of the help that lists the commands. `/help` prints it.
pub(super) fn commands_help() -> &'static str {
    AFTER_HELP.split("\n\n").next().unwrap_or(AFTER_HELP)
}

impl Command {
    /// Parses a line. The line must not include its line ending.
    pub(super) fn parse(line: &str) -> Result<Self, CommandError> {
        let Some(command) = line.strip_prefix('/') else {
            return Ok(Self::Text(line.to_owned()));
        };
        if command.starts_with('/') {
            return Ok(Self::Text(command.to_owned()));
        }
        let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
        match name {
            "ping" => Ok(Self::Ping(rest.to_owned())),
            "binary" => parse_hex(rest).map(Self::Binary).ok_or(CommandError::Hex),
            "close" => parse_close(rest.trim()),
            "help" => Ok(Self::Help),
            unknown => Err(CommandError::Unknown(unknown.to_owned())),
        }
    }
}

fn parse_close(arguments: &str) -> Result<Command, CommandError> {
    if arguments.is_empty() {
        return Ok(Command::Close { code: 1000, reason: String::new() });
    }
    let (code, reason) = arguments.split_once(' ').unwrap_or((arguments, ""));
    let code = code.parse().map_err(|_| CommandError::CloseCode)?;
    Ok(Command::Close { code, reason: reason.to_owned() })
}

/// Parses `01 02 ff` or `0102ff`.
fn parse_hex(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> =
        hex.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect();
    let (pairs, []) = digits.as_deref()?.as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn expect(line: &str, command: impl Into<Result<Command, CommandError>>) {
        assert_eq!(Command::parse(line), command.into());
    }

    #[test]
    fn line_without_a_slash_is_a_text_message() {
        expect("hello", Ok(Command::Text("hello".into())));
        expect("", Ok(Command::Text(String::new())));
        expect(" /ping", Ok(Command::Text(" /ping".into())));
    }

    #[test]
    fn two_slashes_send_a_text_with_one() {
        expect("//ping x", Ok(Command::Text("/ping x".into())));
        expect("//", Ok(Command::Text("/".into())));
    }

    #[test]
    fn ping_takes_the_rest_of_the_line() {
        expect("/ping", Ok(Command::Ping(String::new())));
        expect("/ping a b", Ok(Command::Ping("a b".into())));
    }

    #[test]
    fn binary_takes_pairs_of_digits() {
        expect("/binary 01 02 fF", Ok(Command::Binary(vec![1, 2, 255])));
        expect("/binary 0102ff", Ok(Command::Binary(vec![1, 2, 255])));
        expect("/binary", Ok(Command::Binary(vec![])));
        for wrong in ["/binary 1", "/binary xy", "/binary +1", "/binary ä"] {
            expect(wrong, Err(CommandError::Hex));
        }
    }

    #[test]
    fn close_has_a_default_and_a_reason_of_many_words() {
        let close = |code, reason: &str| Ok(Command::Close { code, reason: reason.into() });
        expect("/close", close(1000, ""));
        expect("/close 4000", close(4000, ""));
        expect("/close 4000 see you", close(4000, "see you"));
        expect("/close bye", Err(CommandError::CloseCode));
        expect("/close 70000", Err(CommandError::CloseCode));
    }

    #[test]
    fn unknown_command_is_not_sent() {
        expect("/pnig x", Err(CommandError::Unknown("pnig".into())));
        expect("/", Err(CommandError::Unknown(String::new())));
    }
}
