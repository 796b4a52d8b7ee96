//! Written without the SDK: calls the functions of the host with any client, text or message.

#![expect(missing_docs, unsafe_code, reason = "generated; the documentation is in wit/")]
#![expect(clippy::print_stdout, reason = "the log is where tests look")]

wit_bindgen::generate!({ path: "../../wit", world: "resource-handler" });

use exports::ws_host::socket::handler::Guest;
use ws_host::socket::clients::SendOptions;
use ws_host::socket::outgoing::ConnectOptions;
use ws_host::socket::types::{ClientId, Message};
use ws_host::socket::{
    clients, disconnection, expiry, handshake, log, outgoing, requests, tags, timers, topics,
};

struct Calling;

/// What a function is called with.
struct Arguments<'a> {
    client: ClientId,
    /// The parameter that gets a text of the length; all others get a text of one byte.
    parameter: &'a str,
    length: usize,
}

impl Arguments<'_> {
    fn text(&self, parameter: &str) -> String {
        "x".repeat(if parameter == self.parameter { self.length } else { 1 })
    }

    fn bytes(&self, parameter: &str) -> Vec<u8> {
        self.text(parameter).into()
    }

    fn message(&self) -> Message {
        Message::Text(self.text("message"))
    }

    /// Calls a function of the host, and returns its result as text.
    fn call(&self, function: &str) -> String {
        let client = self.client;
        match function {
            "clients.send-text" => clients::send_text(client, &self.text("message")).show(),
            "clients.send-binary" => clients::send_binary(client, &self.bytes("message")).show(),
            "clients.send" => clients::send(client, &self.message(), None).show(),
            "clients.broadcast" => clients::broadcast(&[client], &self.message(), None).show(),
            "clients.set-compression" => {
                SendOptions::new().set_compression(&self.text("how")).show()
            }
            "clients.set-except" => SendOptions::new().set_except(&[client]).show(),
            "clients.ping" => clients::ping(client, &self.bytes("payload")).show(),
            "clients.pong" => clients::pong(client, &self.bytes("payload")).show(),
            "clients.close" => clients::close(client, 1000, &self.text("reason")).show(),
            "clients.abort" => clients::abort(client).show(),
            "clients.buffered" => clients::buffered(client).show(),
            "clients.attach" => clients::attach(client, &self.bytes("attachment")).show(),
            "clients.attachment" => clients::attachment(client).show(),
            "disconnection.cause" => disconnection::cause(client).show(),
            "disconnection.code" => disconnection::code(client).show(),
            "disconnection.reason" => disconnection::reason(client).show(),
            "disconnection.clean" => disconnection::clean(client).show(),
            "disconnection.sent-code" => disconnection::sent_code(client).show(),
            "expiry.expire" => expiry::expire(client, 1, 0).show(),
            "expiry.keep" => expiry::keep(client).show(),
            "expiry.remaining" => expiry::remaining(client).show(),
            "handshake.choose-subprotocol" => {
                handshake::choose_subprotocol(client, &self.text("name")).show()
            }
            "handshake.add-header" => {
                handshake::add_header(client, &self.text("name"), &self.text("value")).show()
            }
            "handshake.set-status" => handshake::set_status(client, 404).show(),
            "handshake.set-body" => {
                let media_type = self.text("content-type");
                handshake::set_body(client, &media_type, &self.bytes("body")).show()
            }
            "log.write" => {
                log::write(&self.text("level"), &self.text("message"));
                "done".to_owned()
            }
            "log.enabled" => log::enabled(&self.text("level")).show(),
            "outgoing.add-subprotocol" => {
                ConnectOptions::new().add_subprotocol(&self.text("name")).show()
            }
            "outgoing.add-header" => {
                ConnectOptions::new().add_header(&self.text("name"), &self.bytes("value")).show()
            }
            "outgoing.connect" => outgoing::connect(&self.text("url"), None).show(),
            "outgoing.url" => outgoing::url(client).show(),
            "requests.resource-name" => requests::resource_name(client).show(),
            "requests.path" => requests::path(client).show(),
            "requests.query" => requests::query(client).show(),
            "requests.parameter" => requests::parameter(client, &self.text("name")).show(),
            "requests.parameters" => requests::parameters(client).show(),
            "requests.header" => requests::header(client, &self.text("name")).show(),
            "requests.headers" => requests::headers(client).show(),
            "requests.offered-subprotocols" => requests::offered_subprotocols(client).show(),
            "requests.subprotocol" => requests::subprotocol(client).show(),
            "requests.origin" => requests::origin(client).show(),
            "requests.protocol-version" => requests::protocol_version(client).show(),
            "requests.http-version" => requests::http_version(client).show(),
            "requests.client-address" => requests::client_address(client).show(),
            "requests.peer-address" => requests::peer_address(client).show(),
            "requests.peer-port" => requests::peer_port(client).show(),
            "requests.local-address" => requests::local_address(client).show(),
            "requests.local-port" => requests::local_port(client).show(),
            "requests.secure" => requests::secure(client).show(),
            "requests.server-name" => requests::server_name(client).show(),
            "requests.certificate" => requests::certificate(client).show(),
            "requests.certificate-fingerprint" => requests::certificate_fingerprint(client).show(),
            "requests.certificate-subject" => requests::certificate_subject(client).show(),
            "requests.certificate-names" => requests::certificate_names(client).show(),
            "tags.tag" => tags::tag(client, &self.text("tag")).show(),
            "tags.untag" => tags::untag(client, &self.text("tag")).show(),
            "tags.tags-of" => tags::tags_of(client).show(),
            "tags.clients-of" => tags::clients_of(&self.text("tag")).show(),
            "tags.send-tagged" => {
                tags::send_tagged(&self.text("tag"), &self.message(), None).show()
            }
            "tags.close-tagged" => {
                tags::close_tagged(&self.text("tag"), 1000, &self.text("reason")).show()
            }
            // The number of the client is that of the timer.
            "timers.set-durable" => timers::set_durable(client, 100_000).show(),
            "topics.subscribe" => topics::subscribe(client, &self.text("topic")).show(),
            "topics.unsubscribe" => topics::unsubscribe(client, &self.text("topic")).show(),
            "topics.unsubscribe-all" => topics::unsubscribe_all(client).show(),
            "topics.topics-of" => topics::topics_of(client).show(),
            "topics.subscribers" => topics::subscribers(&self.text("topic")).show(),
            "topics.publish" => topics::publish(&self.text("topic"), &self.message(), None).show(),
            _ => format!("{function} is not called in tests/guests/examples/calling.rs"),
        }
    }
}

/// A result of the host as text: the word of an error, `ok`, `none`, `some`, `false`, `[]`, …
trait Show {
    fn show(self) -> String;
}

impl<T> Show for Result<T, String> {
    fn show(self) -> String {
        self.err().unwrap_or_else(|| "ok".to_owned())
    }
}

impl<T> Show for Option<T> {
    fn show(self) -> String {
        self.map_or("none", |_| "some").to_owned()
    }
}

impl Show for bool {
    fn show(self) -> String {
        self.to_string()
    }
}

impl Show for u32 {
    fn show(self) -> String {
        self.to_string()
    }
}

impl<T: std::fmt::Debug> Show for Vec<T> {
    fn show(self) -> String {
        format!("{self:?}")
    }
}

/// Follows `FUNCTION CLIENT PARAMETER LENGTH`. The client `me` is the one that asks.
fn follow(client: ClientId, line: &str) -> String {
    match line.split(' ').collect::<Vec<_>>()[..] {
        ["id"] => client.to_string(),
        ["clients"] => clients::connected_clients().len().to_string(),
        [function, of, parameter, length] => {
            let arguments = Arguments {
                client: of.parse().unwrap_or(client),
                parameter,
                length: length.parse().unwrap_or(1),
            };
            arguments.call(function)
        }
        _ => format!("FUNCTION CLIENT PARAMETER LENGTH, not {line}"),
    }
}

impl Guest for Calling {
    /// Follows the query, with `+` for the spaces, and sends the result as soon as the client is connected.
    fn connected(client: ClientId) -> bool {
        if let Some(query) = requests::query(client) {
            let _ = clients::send_text(client, &follow(client, &query.replace('+', " ")));
        }
        true
    }

    fn received_text(client: ClientId, line: String) {
        let _ = clients::send_text(client, &follow(client, &line));
    }

    fn received_binary(_: ClientId, _: Vec<u8>) {}

    fn received_pong(_: ClientId, _: Vec<u8>) {}

    /// Prints what `disconnection` says of the client, and of others while its event runs.
    fn disconnected(client: ClientId) {
        let of = |client| {
            let arguments = Arguments { client, parameter: "", length: 0 };
            let functions = ["cause", "code", "reason", "clean", "sent-code"];
            functions.map(|name| arguments.call(&format!("disconnection.{name}"))).join(" ")
        };
        for other in clients::connected_clients().into_iter().chain([0, u64::MAX]) {
            println!("ended: of another {}", of(other));
        }
        println!("ended: of itself {}", of(client));
    }
}

export!(Calling);
