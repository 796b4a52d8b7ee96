//! The log of denials. There is a denial when a handler asks for a WASI capability that it does not have.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Uri;
use parking_lot::Mutex;

use super::log_source::LogSource;

/// The maximum number of different servers for which a denied request is logged. There is a limit because some handlers
/// connect to any server that their clients name.
const MAX_SERVERS: usize = 16;

/// The maximum length of a server's URL in the log, in bytes. The longest host name fits, with its scheme and port.
const MAX_SERVER: usize = 267;

/// A capability that is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Tcp,
    Udp,
    NameLookup,
    Files,
    Config,
    Keyvalue,
    Timers,
}

/// The denials that were logged since a component was loaded. Each denial is logged once, so that a handler that
/// repeats a request does not fill the log.
#[derive(Debug, Default)]
pub(super) struct Denials {
    logged: [AtomicBool; 7],
    servers: Mutex<HashSet<String>>,
}

impl Denials {
    /// Marks a denial as logged, and returns whether it is the first of its kind.
    fn is_first(&self, denied: Denied) -> bool {
        !self.logged[denied as usize].swap(true, Ordering::Relaxed)
    }

    /// Logs a denied request, if it is the first to its server.
    pub(super) fn log_server(&self, server: &Uri, source: &LogSource) {
        let authority = server.authority().map_or("", |authority| authority.as_str());
        let server = format!("{}://{authority}", server.scheme_str().unwrap_or_default());
        if !self.is_first_to(&server) {
            return;
        }
        let what = match server.starts_with("ws") {
            true => "a WebSocket (ws-host:socket/outgoing)",
            false => "an HTTP request (wasi:http)",
        };
        // A host name has at most 253 bytes, but the handler may pass any text.
        let server = server.get(..MAX_SERVER).unwrap_or(&server);
        source.warn(format_args!(
            "the handler asked for {what} to {server}, which is not granted: add \"{server}\" to the \
             resource's `grant` (or --grant {server}) if the handler may connect to this host"
        ));
    }

    /// Marks a server as logged. Returns `false` if it was logged before, or if [`MAX_SERVERS`] servers have been
    /// logged.
    fn is_first_to(&self, server: &str) -> bool {
        let mut servers = self.servers.lock();
        servers.len() < MAX_SERVERS && servers.insert(server.to_owned())
    }

    /// Makes the log ignore denials of this kind.
    pub(super) fn silence(&self, denied: Denied) {
        self.is_first(denied);
    }

    /// Logs a denial, if it is the first of its kind.
    pub(super) fn log(&self, denied: Denied, source: &LogSource) {
        if !self.is_first(denied) {
            return;
        }
        let capability = denied.description();
        match denied {
            Denied::Files => source.warn(format_args!(
                "the handler asked for {capability}, but no folder is granted: add \"folder:PATH\" to the resource's \
                 `grant` (or --grant folder:PATH); instead of files, a component can contain its data, get values in \
                 env, and keep its state with suspend and resume"
            )),
            Denied::Config => source.warn(format_args!(
                "the handler asked for {capability}, which are not granted: add \"config\" to the resource's `grant`, \
                 and the values to its table `config`"
            )),
            Denied::Keyvalue => source.warn(format_args!(
                "the handler asked for {capability}, which are not granted: add \"keyvalue:FILE\" to the resource's \
                 `grant` (or --grant keyvalue:FILE), with the file in which to keep them"
            )),
            Denied::Timers => source.warn(format_args!(
                "the handler asked for {capability}, which are not granted: add \"timers:FILE\" to the resource's \
                 `grant` (or --grant timers:FILE), with the file in which to keep them"
            )),
            Denied::Tcp | Denied::Udp | Denied::NameLookup => source.warn(format_args!(
                "the handler asked for {capability}, which no setting can grant: send HTTP requests with wasi:http to \
                 hosts that the resource's `grant` names, or let another program make the connection, and pass its \
                 data to the handler as custom messages (POST /resources/NAME/messages at the admin address)"
            )),
        }
    }
}

impl Denied {
    fn description(self) -> &'static str {
        match self {
            Self::Tcp => "a TCP socket (wasi:sockets)",
            Self::Udp => "a UDP socket (wasi:sockets)",
            Self::NameLookup => "the address of a host name (wasi:sockets)",
            Self::Files => "files (wasi:filesystem)",
            Self::Keyvalue => "keys and values (wasi:keyvalue)",
            Self::Timers => "durable timers (ws-host:socket/timers)",
            Self::Config => "values of the configuration (wasi:config)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_is_logged_once_up_to_a_limit() {
        let denials = Denials::default();
        assert!(
            denials.is_first_to("https://a.example") && !denials.is_first_to("https://a.example")
        );
        let first = (0..100).filter(|number| denials.is_first_to(&number.to_string())).count();
        assert_eq!(first, MAX_SERVERS - 1);
    }

    #[test]
    fn each_denial_is_logged_once() {
        let denials = Denials::default();
        for denied in [
            Denied::Tcp,
            Denied::Udp,
            Denied::NameLookup,
            Denied::Files,
            Denied::Config,
            Denied::Keyvalue,
            Denied::Timers,
        ] {
            assert!(denials.is_first(denied));
            assert!(!denials.is_first(denied));
        }
    }
}
