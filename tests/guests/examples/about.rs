//! Sends a client what the host knows about it.

use std::fmt;

use ws_guest::{Client, Error, Handler, Request, clients};

#[derive(Default)]
struct About;

/// Everything that is known about a request.
struct Facts(Request);

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.0;
        f.debug_struct("Request")
            .field("resource", &request.resource())
            .field("path", &request.path())
            .field("query", &request.query())
            .field("parameters", &request.parameters())
            .field("headers", &request.headers())
            .field("subprotocols", &request.offered_subprotocols())
            .field("origin", &request.origin())
            .field("version", &request.protocol_version().unwrap_or_default())
            .field("client_address", &request.client_address())
            .field("peer_address", &request.peer_address())
            .field("peer_port", &request.peer_port().unwrap_or_default())
            .field("secure", &request.is_secure())
            .field("client_certificate", &request.certificate_subject())
            .field("subprotocol", &request.subprotocol())
            .field("http_version", &request.http_version())
            .field("local_address", &request.local_address())
            .field("local_port", &request.local_port())
            .field("server_name", &request.server_name())
            .field("certificate_length", &request.certificate().map(|der| der.len()))
            .field("certificate_fingerprint", &request.certificate_fingerprint())
            .field("certificate_names", &request.certificate_names())
            .finish()
    }
}

impl Handler for About {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let request = client.request();
        let reply = match message.as_str() {
            "request" => format!("{:#?}", Some(Facts(request))),
            "certificate-names" => request.certificate_names().join(" "),
            "certificate-fingerprint" => request.certificate_fingerprint().unwrap_or_default(),
            "certificate-subject" => request.certificate_subject().unwrap_or_default(),
            "certificate" => {
                let der = request.certificate().unwrap_or_default();
                der.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            "server-name" => request.server_name().unwrap_or_default(),
            "http-version" => request.http_version().unwrap_or_default(),
            "local" => {
                let local = request.local_address().zip(request.local_port());
                local.map(|(address, port)| format!("{address}:{port}")).unwrap_or_default()
            }
            "cookie" => request.header("Cookie").unwrap_or_default(),
            "clients" => clients().len().to_string(),
            "buffered" => {
                client.send_text("12345")?;
                format!("{:?}", client.buffered())
            }
            "stranger" => {
                let stranger = Client::from_id(client.id() + 1000);
                let version = stranger.request().protocol_version();
                format!("{:?} {:?} {version:?}", stranger.send_text("?"), stranger.buffered())
            }
            "environment" => {
                let all = std::env::vars().map(|(name, value)| format!("{name}={value}"));
                all.collect::<Vec<_>>().join(" ")
            }
            "world" => format!(
                "environment {} files {} network {}",
                std::env::vars().count(),
                std::fs::read_dir("/").is_ok(),
                std::net::TcpStream::connect("127.0.0.1:9").is_ok(),
            ),
            other => match other.split_once(' ') {
                Some(("header", name)) => all_of(request, name),
                Some(("parameter", name)) => format!("{:?}", request.parameter(name)),
                _ => message,
            },
        };
        Ok(client.send_text(reply)?)
    }
}

/// Returns the values of all headers of this name.
fn all_of(request: Request, name: &str) -> String {
    let of_name = request.headers().into_iter().filter(|(header, _)| header == name);
    let values = of_name.map(|(_, value)| String::from_utf8_lossy(&value).into_owned());
    values.collect::<Vec<_>>().join(" | ")
}

ws_guest::export!(About);
