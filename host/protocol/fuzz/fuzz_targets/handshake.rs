//! Any headers: no panic, and what is accepted fulfils the rules.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use ws_host_protocol::handshake::client::Handshake;
use ws_host_protocol::handshake::forwarded::Convention;
use ws_host_protocol::handshake::server::{Rules, Upgrade};
use ws_host_protocol::handshake::{
    Origins, Rejection, Scheme, Version, Versions, forwarded, server,
};

/// The headers that matter; the input chooses by number.
const NAMES: [&str; 17] = [
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
    "sec-websocket-origin",
    "sec-websocket-key1",
    "sec-websocket-key2",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
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
    let versions: Versions = (0..=13).filter_map(Version::from_number).collect();
    let client = told(&request);
    for origins in [Origins::default(), Origins::any()] {
        for host in [None, client.host.as_deref()] {
            let rules =
                Rules { origins: &origins, versions: &versions, host, scheme: Scheme::Https };
            let upgrade = server::check(&request, &rules);
            if let Ok(upgrade) = &upgrade {
                assert!(request.headers().contains_key("sec-websocket-key"));
                assert!(upgrade.version() != Version::Draft00 && upgrade.trailer().is_empty());
            }
            check(&request, &upgrade, &versions);
            let upgrade = server::check_draft00(&request, *b"^n:ds[4U", &rules);
            if let Ok(upgrade) = &upgrade {
                assert!(request.headers().contains_key("sec-websocket-key1"));
                assert_eq!(upgrade.trailer().len(), 16);
            }
            check(&request, &upgrade, &versions);
        }
    }
});

fn check(request: &Request<()>, upgrade: &Result<Upgrade, Rejection>, versions: &Versions) {
    match upgrade {
        Ok(upgrade) => {
            assert!(request.headers().contains_key("host"));
            assert!(!request.headers().contains_key("transfer-encoding"));
            for offered in upgrade.subprotocols() {
                assert!(upgrade.response(Some(offered)).is_ok(), "{offered:?}");
            }
            assert!(upgrade.response(None).is_ok());
        }
        Err(rejection) => {
            assert!(rejection.response(versions).status().is_client_error());
            assert!(!rejection.to_string().is_empty());
        }
    }
}

/// The client behind a peer whose word counts or does not.
fn told(request: &Request<()>) -> forwarded::Forwarded {
    let peer = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
    let convention = match request.headers().contains_key("forwarded") {
        true => Convention::Forwarded,
        false => Convention::XForwarded,
    };
    let nobody = forwarded::client(request.headers(), peer, convention, |_| false);
    assert!(nobody.address == peer && nobody.host.is_none() && nobody.scheme.is_none());
    let is_trusted = |address: IpAddr| address.to_string().starts_with("10.");
    forwarded::client(request.headers(), peer, convention, is_trusted)
}

fn change(request: &mut Request<()>, line: &[u8]) {
    let [number, value @ ..] = line else { return };
    let name = HeaderName::from_static(NAMES[usize::from(*number & 0x7f) % NAMES.len()]);
    let Ok(value) = HeaderValue::from_bytes(value) else { return };
    if number & 0x80 == 0 {
        request.headers_mut().insert(name, value);
    } else {
        request.headers_mut().append(name, value);
    }
}
