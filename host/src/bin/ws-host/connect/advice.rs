//! Explains why the client could not connect, and how the user can solve the problem.

use ws_host::client::{ConnectError, HandshakeError, HttpVersion};
use ws_host::{Tabs, printable, with_causes};

/// The maximum number of characters of a response body that are shown. A sentence fits, a web page does not.
const MAX_BODY_CHARS: usize = 200;

/// Returns the error in the form that the user reads: its causes, the body of a refusal, and advice.
pub(super) fn not_connected(url: &str, error: &ConnectError) -> anyhow::Error {
    let mut text = format!("not connected to {url}: {}", with_causes(error));
    if let ConnectError::Refused { body, .. } | ConnectError::ProxyRefused { body, .. } = error
        && let body = body.trim().chars().take(MAX_BODY_CHARS).collect::<String>()
        && !body.is_empty()
    {
        text += &format!(": {body}");
    }
    let mut text = printable(&text, Tabs::Kept);
    if let Some(advice) = advice(url, error) {
        text += &format!("\n{advice}");
    }
    anyhow::Error::msg(text)
}

/// Returns how the user can solve the problem, if anything is known to help.
fn advice(url: &str, error: &ConnectError) -> Option<&'static str> {
    Some(match error {
        ConnectError::Unreachable { .. } => {
            "Check that the server is running, and that the host and port are right"
        }
        ConnectError::UnixUnreachable { .. } => {
            "Check that the server is running, and that the path is right"
        }
        ConnectError::ProxyUnreachable { .. } | ConnectError::ProxyHttp(_) => {
            "An environment variable sets the proxy; to reach this server without it, add its host to no_proxy"
        }
        ConnectError::ProxyRefused { status, .. } => match status.as_u16() {
            407 => {
                "The proxy asks for credentials: set its environment variable to http://user:password@host:port"
            }
            _ => {
                "The proxy may allow only port 443, or may be unable to reach the server; to reach the \
                 server without the proxy, add its host to no_proxy"
            }
        },
        ConnectError::Tls { .. } | ConnectError::NoSystemRoots => {
            "For a self-signed certificate or a private CA, pass --ca FILE. For a server without TLS, use ws://"
        }
        ConnectError::CaFile { .. } => "--ca needs a PEM file with certificates",
        ConnectError::ClientNotTrusted { .. } => {
            "Pass a certificate that the server trusts: --cert FILE --key FILE"
        }
        ConnectError::ClientCertificate { .. } => "--cert needs a PEM file with certificates",
        ConnectError::ClientKey { .. } => {
            "--key needs a PEM file with the private key of the certificate"
        }
        ConnectError::HttpNotSpoken(HttpVersion::Http1) => {
            "The server may speak HTTP/2: try --http2"
        }
        ConnectError::HttpNotSpoken(_) | ConnectError::NoExtendedConnect => "Leave out --http2",
        ConnectError::Http(_) if url.starts_with("ws:") => "If the server uses TLS, use wss://",
        ConnectError::Refused { status, .. } => match status.as_u16() {
            401 => {
                "The server asks for credentials: put user:password@ in the URL, or pass \
                 --header 'Authorization: ...'"
            }
            403 => {
                "The server may only accept requests from its own pages: pass --origin https://..."
            }
            404 => "Check the path of the URL",
            _ => return None,
        },
        ConnectError::Redirected { location: Some(_), .. } => {
            "Connect to that address if you trust it"
        }
        ConnectError::Handshake(HandshakeError::SubprotocolNotOffered) => {
            "Offer the subprotocol that the server uses: --subprotocol NAME"
        }
        ConnectError::TimedOut(_) => "Give a slow server more time with --connect-timeout",
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
    fn refused_origin_names_the_flag() {
        let text = refused(403, "this origin is not allowed\n");
        assert!(text.contains("403 Forbidden: this origin is not allowed\n"), "{text}");
        assert!(text.contains("--origin"), "{text}");
    }

    #[test]
    fn body_of_a_refusal_is_cut_and_escaped() {
        let text = refused(500, &"\u{1b}".repeat(1000));
        assert!(!text.contains('\u{1b}'));
        assert!(text.len() < 2000, "{}", text.len());
    }
}
