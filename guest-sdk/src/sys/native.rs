//! The functions of the host in a native build. They are those of the `TestHost` whose event is running.

/// The result that most functions return: nothing, or the word for an error.
type Outcome = Result<(), String>;

/// A bucket in a native build, represented by its name.
pub(crate) type Bucket = String;

/// Defines the functions with the signatures of the bindings.
macro_rules! host_functions {
    ($($interface:ident {
        $(fn $name:ident($($parameter:ident: $type:ty),*) $(-> $result:ty)?;)*
    })*) => {
        $(pub(crate) mod $interface {
            $(pub(crate) fn $name($($parameter: $type),*) $(-> $result)? {
                #[cfg(feature = "testing")]
                {
                    crate::testing::imports::$interface::$name($($parameter),*)
                }
                #[cfg(not(feature = "testing"))]
                {
                    $(let _ = $parameter;)*
                    super::no_host(concat!(stringify!($interface), ".", stringify!($name)))
                }
            })*
        })*
    };
}

host_functions! {
    clients {
        fn send_text(to: u64, message: &str) -> super::Outcome;
        fn send_binary(to: u64, message: &[u8]) -> super::Outcome;
        fn send(to: u64, message: crate::Message<'_>, options: Option<&super::SendOptions>) -> super::Outcome;
        fn broadcast(to: &[u64], message: crate::Message<'_>, options: Option<&super::SendOptions>) -> Vec<u64>;
        fn ping(to: u64, payload: &[u8]) -> super::Outcome;
        fn pong(to: u64, payload: &[u8]) -> super::Outcome;
        fn close(client: u64, code: u16, reason: &str) -> super::Outcome;
        fn abort(client: u64) -> bool;
        fn connected_clients() -> Vec<u64>;
        fn buffered(client: u64) -> Option<u64>;
        fn attach(client: u64, attachment: &[u8]) -> super::Outcome;
        fn attachment(client: u64) -> Option<Vec<u8>>;
    }
    config {
        fn get(key: &str) -> Result<Option<String>, String>;
        fn get_all() -> Result<Vec<(String, String)>, String>;
    }
    custom {
        fn kind() -> Option<String>;
        fn sender() -> Option<String>;
    }
    disconnection {
        fn cause(client: u64) -> Option<String>;
        fn code(client: u64) -> Option<u16>;
        fn reason(client: u64) -> Option<String>;
        fn clean(client: u64) -> bool;
        fn sent_code(client: u64) -> Option<u16>;
    }
    expiry {
        fn expire(client: u64, after: u64, notice: u64) -> super::Outcome;
        fn keep(client: u64) -> bool;
        fn remaining(client: u64) -> Option<u64>;
    }
    handshake {
        fn choose_subprotocol(client: u64, name: &str) -> super::Outcome;
        fn add_header(client: u64, name: &str, value: &str) -> super::Outcome;
        fn set_status(client: u64, status: u16) -> super::Outcome;
        fn set_body(client: u64, content_type: &str, body: &[u8]) -> super::Outcome;
    }
    buckets {
        fn open(name: &str) -> Result<super::Bucket, String>;
        fn get(bucket: &str, key: &str) -> Result<Option<Vec<u8>>, String>;
        fn set(bucket: &str, key: &str, value: &[u8]) -> super::Outcome;
        fn delete(bucket: &str, key: &str) -> super::Outcome;
        fn exists(bucket: &str, key: &str) -> Result<bool, String>;
        fn list_keys(bucket: &str, cursor: Option<&str>) -> Result<(Vec<String>, Option<String>), String>;
        fn increment(bucket: &str, key: &str, by: i64) -> Result<i64, String>;
        fn compare_and_swap(bucket: &str, key: &str, expected: Option<&[u8]>, value: &[u8]) -> Result<bool, String>;
        fn get_many(bucket: &str, keys: &[&str]) -> Result<Vec<Option<Vec<u8>>>, String>;
        fn set_many(bucket: &str, pairs: &[(&str, &[u8])]) -> super::Outcome;
        fn delete_many(bucket: &str, keys: &[&str]) -> super::Outcome;
    }
    log {
        fn write(level: &str, message: &str);
    }
    outgoing {
        fn connect(url: &str, options: Option<&super::ConnectOptions>) -> Result<u64, String>;
        fn connections() -> Vec<u64>;
        fn url(connection: u64) -> Option<String>;
    }
    requests {
        fn resource_name(client: u64) -> Option<String>;
        fn path(client: u64) -> Option<String>;
        fn query(client: u64) -> Option<String>;
        fn parameter(client: u64, name: &str) -> Option<String>;
        fn parameters(client: u64) -> Vec<(String, String)>;
        fn header(client: u64, name: &str) -> Option<String>;
        fn headers(client: u64) -> Vec<(String, Vec<u8>)>;
        fn offered_subprotocols(client: u64) -> Vec<String>;
        fn subprotocol(client: u64) -> Option<String>;
        fn origin(client: u64) -> Option<String>;
        fn protocol_version(client: u64) -> Option<u16>;
        fn http_version(client: u64) -> Option<String>;
        fn client_address(client: u64) -> Option<String>;
        fn peer_address(client: u64) -> Option<String>;
        fn peer_port(client: u64) -> Option<u16>;
        fn local_address(client: u64) -> Option<String>;
        fn local_port(client: u64) -> Option<u16>;
        fn secure(client: u64) -> bool;
        fn server_name(client: u64) -> Option<String>;
        fn certificate(client: u64) -> Option<Vec<u8>>;
        fn certificate_fingerprint(client: u64) -> Option<String>;
        fn certificate_subject(client: u64) -> Option<String>;
        fn certificate_names(client: u64) -> Vec<String>;
    }
    state {
        fn reason() -> Option<String>;
        fn age() -> Option<u64>;
    }
    tags {
        fn tag(client: u64, tag: &str) -> super::Outcome;
        fn untag(client: u64, tag: &str) -> bool;
        fn tags_of(client: u64) -> Vec<String>;
        fn clients_of(tag: &str) -> Vec<u64>;
        fn send_tagged(tag: &str, message: crate::Message<'_>, options: Option<&super::SendOptions>) -> super::Outcome;
        fn close_tagged(tag: &str, code: u16, reason: &str) -> super::Outcome;
    }
    timers {
        fn set(timer: u64, after: u64) -> super::Outcome;
        fn set_durable(timer: u64, after: u64) -> super::Outcome;
        fn cancel(timer: u64) -> bool;
    }
    topics {
        fn subscribe(client: u64, topic: &str) -> super::Outcome;
        fn unsubscribe(client: u64, topic: &str) -> bool;
        fn unsubscribe_all(client: u64) -> u32;
        fn topics_of(client: u64) -> Vec<String>;
        fn subscribers(topic: &str) -> u32;
        fn publish(topic: &str, message: crate::Message<'_>, options: Option<&super::SendOptions>) -> super::Outcome;
    }
}

pub(crate) mod keyvalue {
    pub(crate) use super::Bucket;
    pub(crate) use super::buckets::*;
}

#[cfg(feature = "testing")]
pub(crate) use crate::testing::imports::{ConnectOptions, SendOptions};

/// Options, which only a host can create.
#[cfg(not(feature = "testing"))]
#[derive(Debug)]
pub(crate) struct SendOptions(std::convert::Infallible);

#[cfg(not(feature = "testing"))]
impl SendOptions {
    pub(crate) fn new() -> Self {
        no_host("clients.send-options")
    }

    pub(crate) fn set_compression(&self, _: &str) -> Outcome {
        match self.0 {}
    }

    pub(crate) fn set_max_frame(&self, _: Option<u32>) -> Outcome {
        match self.0 {}
    }

    pub(crate) fn set_except(&self, _: &[u64]) -> Outcome {
        match self.0 {}
    }
}

/// Options, which only a host can create.
#[cfg(not(feature = "testing"))]
#[derive(Debug)]
pub(crate) struct ConnectOptions(std::convert::Infallible);

#[cfg(not(feature = "testing"))]
impl ConnectOptions {
    pub(crate) fn new() -> Self {
        no_host("outgoing.connect-options")
    }

    pub(crate) fn add_subprotocol(&self, _: &str) -> Outcome {
        match self.0 {}
    }

    pub(crate) fn add_header(&self, _: &str, _: &[u8]) -> Outcome {
        match self.0 {}
    }
}

#[cfg(not(feature = "testing"))]
fn no_host(function: &str) -> ! {
    panic!(
        "{function} needs a host, and this is a native build. To test a handler with `cargo test`, enable the feature \
         `testing` (`ws-guest = {{ ..., features = [\"testing\"] }}` under [dev-dependencies]) and call the handler \
         through `ws_guest::testing::TestHost`"
    )
}
