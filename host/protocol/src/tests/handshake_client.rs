use http::{Response, StatusCode};

use crate::handshake::client::{Handshake, HandshakeError::*};
use crate::handshake::server;

fn handshake() -> Handshake {
    Handshake::new(*b"the sample nonce", vec!["soap".to_owned(), "wamp".to_owned()])
}

fn answer() -> Response<()> {
    let request = handshake().request("example.com", "/chat?x=1".parse().expect("a URI"));
    let request = request.expect("a request");
    let upgrade = super::with_rules(|_| {}, |rules| server::check(&request, rules));
    let upgrade = upgrade.expect("our own request is good");
    upgrade.response(Some("wamp")).expect("it was offered")
}

#[track_caller]
fn refuses(
    change: impl FnOnce(&mut Response<()>),
    error: &crate::handshake::client::HandshakeError,
) {
    let mut response = answer();
    change(&mut response);
    assert_eq!(handshake().check(&response).as_ref(), Err(error));
}

fn set(response: &mut Response<()>, name: &'static str, value: &'static str) {
    response.headers_mut().insert(name, value.parse().expect("a header value"));
}

#[test]
fn key_of_the_rfc_is_sent() {
    let request = handshake().request("example.com:8080", "/chat".parse().expect("a URI"));
    let request = request.expect("a request");
    assert_eq!(request.headers()["sec-websocket-key"], "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(request.headers()["host"], "example.com:8080");
    assert_eq!(request.headers()["sec-websocket-protocol"], "soap, wamp");
}

#[test]
fn answer_of_our_own_server_is_good() {
    let accepted = handshake().check(&answer()).expect("it is good");
    assert_eq!((accepted.subprotocol.as_deref(), accepted.deflate), (Some("wamp"), None));
}

#[test]
fn answer_without_subprotocol_is_good() {
    let mut response = answer();
    response.headers_mut().remove("sec-websocket-protocol");
    assert_eq!(handshake().check(&response).expect("it is good").subprotocol, None);
}

#[test]
fn every_wrong_answer_is_refused_with_its_own_error() {
    let not_found = StatusCode::NOT_FOUND;
    refuses(|response| *response.status_mut() = not_found, &Status(not_found));
    refuses(|response| set(response, "upgrade", "h2c"), &UpgradeMissing);
    refuses(|response| set(response, "connection", "close"), &ConnectionMissing);
    refuses(
        |response| set(response, "sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOO="),
        &AcceptMismatch,
    );
    refuses(
        |response| {
            response.headers_mut().remove("sec-websocket-accept");
        },
        &AcceptMismatch,
    );
    refuses(
        |response| set(response, "sec-websocket-extensions", "permessage-deflate"),
        &ExtensionNotOffered,
    );
    refuses(|response| set(response, "sec-websocket-protocol", "mqtt"), &SubprotocolNotOffered);
}
