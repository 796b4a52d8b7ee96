//! Why there is no connection, and what to do about it.

use ws_host::client::{ConnectError, HandshakeError, HttpVersion};

use super::output::printable;

/// How much of a refusal's text is shown, in characters: a sentence, not a web page.
const SHOWN: usize = 200;

/// The error as the user reads it.
pub(super) fn not_connected(url: &str, error: &ConnectError) -> anyhow::Error {
    let mut text = format!("not connected to {url}: {error}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    if let ConnectError::Refused { body, .. } | ConnectError::ProxyRefused { body, .. } = error
        && let shown = body.trim().chars().take(SHOWN).collect::<String>()
        && !shown.is_empty()
    {
        text += &format!(": {shown}");
    }
    let mut text = printable(&text);
    if let Some(advice) = advice(url, error) {
        text += &format!("\n{advice}");
    }
    anyhow::Error::msg(text)
}

fn advice(url: &str, error: &ConnectError) -> Option<&'static str> {
    Some(match error {
        ConnectError::Unreachable { .. } => "Is the server running, and are host and port right?",
        ConnectError::UnixUnreachable { .. } => "Is the server running, and is the path right?",
        ConnectError::ProxyUnreachable { .. } | ConnectError::ProxyHttp(_) => {
            "The environment names that proxy; no_proxy lists hosts to reach without one"
        }
        ConnectError::ProxyRefused { status, .. } => match status.as_u16() {
            407 => {
                "The proxy wants to know who you are: http://user:password@host:port in the environment"
            }
            _ => {
                "The proxy may allow port 443 alone, or not reach the server; no_proxy lists hosts to \
                 reach without one"
            }
        },
        ConnectError::Tls { .. } | ConnectError::NoSystemRoots => {
            "If the server's certificate is its own, name it: --ca FILE. If it speaks no TLS, write ws://"
        }
        ConnectError::CaFile { .. } => "--ca wants a file of certificates in PEM",
        ConnectError::ClientNotTrusted { .. } => {
            "Show a certificate that the server trusts: --cert FILE --key FILE"
        }
        ConnectError::ClientCertificate { .. } => "--cert wants a file of certificates in PEM",
        ConnectError::ClientKey { .. } => "--key wants the key of the certificate, in PEM",
        ConnectError::HttpNotSpoken(HttpVersion::Http1) => "The server may speak HTTP/2: --http2",
        ConnectError::HttpNotSpoken(_) | ConnectError::NoExtendedConnect => "Leave out --http2",
        ConnectError::Http(_) if url.starts_with("ws:") => "If the server speaks TLS, write wss://",
        ConnectError::Refused { status, .. } => match status.as_u16() {
            401 => {
                "The server wants to know who you are: user:password@ in the URL, or \
                 --header 'Authorization: ...'"
            }
            403 => "The server may expect a web page of its own: --origin https://...",
            404 => "Is the path right?",
            _ => return None,
        },
        ConnectError::Redirected { location: Some(_), .. } => "Connect there if you trust it",
        ConnectError::Handshake(HandshakeError::SubprotocolNotOffered) => {
            "Offer the subprotocol that the server speaks: --subprotocol NAME"
        }
        ConnectError::TimedOut(_) => "A slow server gets more time with --connect-timeout",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> String {
        let status = http::StatusCode::from_u16(status).unwrap();
        let error = ConnectError::Refused { status, body: body.into() };
        not_connected("ws://h/", &error).to_string()
    }

    #[test]
    fn refusal_for_an_origin_tells_the_flag() {
        let text = refused(403, "this origin is not allowed\n");
        assert!(text.contains("403 Forbidden: this origin is not allowed\n"), "{text}");
        assert!(text.contains("--origin"), "{text}");
    }

    #[test]
    fn text_of_a_refusal_is_short_and_harmless() {
        let text = refused(500, &"\u{1b}".repeat(1000));
        assert!(!text.contains('\u{1b}'));
        assert!(text.len() < 2000, "{}", text.len());
    }
}
