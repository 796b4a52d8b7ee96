//! Asks the system for access that no handler gets, and sends the client the result.

use std::fmt::Debug;

use wasip2::filesystem::preopens::get_directories;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, Method, OutgoingRequest, Scheme};
use wasip2::sockets::instance_network::instance_network;
use wasip2::sockets::ip_name_lookup::resolve_addresses;
use wasip2::sockets::network::IpAddressFamily;
use wasip2::sockets::tcp_create_socket::create_tcp_socket;
use wasip2::sockets::udp_create_socket::create_udp_socket;
use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Asking;

impl Handler for Asking {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let reply = match message.split_once(' ').unwrap_or((&message, "1")) {
            ("http", times) => {
                let mut last = String::new();
                for _ in 0..times.parse()? {
                    last = request();
                }
                last
            }
            ("method", bytes) => {
                let method = Method::Other("M".repeat(bytes.parse()?));
                outcome(&OutgoingRequest::new(Fields::new()).set_method(&method))
            }
            ("authority", bytes) => {
                let host = "h".repeat(bytes.parse()?);
                outcome(&OutgoingRequest::new(Fields::new()).set_authority(Some(&host)))
            }
            ("path", bytes) => {
                let path = format!("/{}", "p".repeat(bytes.parse()?));
                outcome(&OutgoingRequest::new(Fields::new()).set_path_with_query(Some(&path)))
            }
            ("scheme", bytes) => {
                let scheme = Scheme::Other("s".repeat(bytes.parse()?));
                outcome(&OutgoingRequest::new(Fields::new()).set_scheme(Some(&scheme)))
            }
            // All of them are alive at once.
            ("requests", times) => {
                let requests = (0..times.parse()?).map(|_| OutgoingRequest::new(Fields::new()));
                requests.collect::<Vec<_>>().len().to_string()
            }
            ("tcp", _) => outcome(&create_tcp_socket(IpAddressFamily::Ipv4)),
            ("udp", _) => outcome(&create_udp_socket(IpAddressFamily::Ipv6)),
            ("name", _) => outcome(&resolve_addresses(&instance_network(), "example.com")),
            ("folders", _) => get_directories().len().to_string(),
            ("file", _) => outcome(&std::fs::read("/etc/hostname").map_err(|error| error.kind())),
            _ => message,
        };
        Ok(client.send_text(&reply)?)
    }
}

/// Sends a request that uses every part of a request.
fn request() -> String {
    let headers = Fields::new();
    let added = headers.append("x-why", b"because");
    let request = OutgoingRequest::new(headers);
    let set = (
        request.set_method(&Method::Post),
        request.set_scheme(Some(&Scheme::Http)),
        request.set_authority(Some("127.0.0.1:9")),
        request.set_path_with_query(Some("/?q=1")),
    );
    let wrote = request.body().map(|body| {
        body.write().map(|stream| {
            (0..4).try_for_each(|_| stream.blocking_write_and_flush(&[b'b'; 4096]).map_err(drop))
        })
    });
    format!("{added:?} {set:?} {wrote:?} {}", outcome(&handle(request, None)))
}

fn outcome<T, E: Debug>(result: &std::result::Result<T, E>) -> String {
    match result {
        Ok(_) => "granted".into(),
        Err(error) => format!("{error:?}"),
    }
}

ws_guest::export!(Asking);
