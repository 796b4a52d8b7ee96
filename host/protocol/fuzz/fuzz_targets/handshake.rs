//! Any headers: no panic, and what is accepted fulfils the rules.

#![no_main]

use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use ws_host_protocol::handshake::client::Handshake;
use ws_host_protocol::handshake::{Origins, server};

/// The headers that matter; the input chooses by number.
const NAMES: [&str; 10] = [
    "host",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-protocol",
    "origin",
    "content-length",
    "transfer-encoding",
    "sec-websocket-extensions",
];

fuzz_target!(|data: &[u8]| {
    // A good request of our own client, then lines of a number and a value that change it.
    let handshake = Handshake::new(*b"the sample nonce", vec!["chat".to_owned()]);
    let Ok(mut request) = handshake.request("example.com", http::Uri::from_static("/")) else {
        return;
    };
    for line in data.split(|octet| *octet == b'\n') {
        change(&mut request, line);
    }
    for origins in [Origins::SameHost, Origins::Any] {
        match server::check(&request, &origins) {
            Ok(upgrade) => {
                let headers = request.headers();
                assert!(headers.contains_key("host") && headers.contains_key("sec-websocket-key"));
                assert!(!headers.contains_key("transfer-encoding"));
                for offered in upgrade.subprotocols() {
                    assert!(upgrade.response(Some(offered)).is_ok(), "{offered:?}");
                }
                assert!(upgrade.response(None).is_ok());
            }
            Err(rejection) => {
                assert!(rejection.response().status().is_client_error());
                assert!(!rejection.to_string().is_empty());
            }
        }
    }
});

fn change(request: &mut Request<()>, line: &[u8]) {
    let [number, value @ ..] = line else { return };
    let name = HeaderName::from_static(NAMES[usize::from(*number) % NAMES.len()]);
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    if number & 0x80 == 0 {
        request.headers_mut().insert(name, value);
    } else {
        request.headers_mut().append(name, value);
    }
}
