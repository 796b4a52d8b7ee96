//! The log of denials: capabilities of WASI that handlers asked for and do not have.

use std::sync::atomic::{AtomicBool, Ordering};

/// A capability that is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Http,
    Tcp,
    Udp,
    NameLookup,
    Files,
    Config,
}

/// Which denials were logged since a component was loaded. Each is logged once, so that a handler which asks again and
/// again does not fill the log.
#[derive(Debug, Default)]
pub(super) struct Denials {
    logged: [AtomicBool; 6],
}

impl Denials {
    /// Marks a denial as logged, and returns whether it is the first of its kind.
    fn is_first(&self, denied: Denied) -> bool {
        !self.logged[denied as usize].swap(true, Ordering::Relaxed)
    }

    /// Logs a denial, if it is the first of its kind.
    pub(super) fn log(&self, denied: Denied, component: &str) {
        if !self.is_first(denied) {
            return;
        }
        let capability = denied.description();
        match denied {
            Denied::Files => tracing::warn!(
                target: "guest",
                component,
                "the handler asked for {capability}, and may read no folder: grant one with \"folder:PATH\" in the \
                 resource's `grant` (or --grant folder:PATH), or build the data that it reads into the component, pass \
                 values in env, and keep state with suspend and resume"
            ),
            Denied::Config => tracing::warn!(
                target: "guest",
                component,
                "the handler asked for {capability}, which is not granted: add \"config\" to the resource's `grant`, and \
                 the values to its table `config`"
            ),
            Denied::Http | Denied::Tcp | Denied::Udp | Denied::NameLookup => tracing::warn!(
                target: "guest",
                component,
                "the handler asked for {capability}: handlers have no network, and no setting grants it: let another \
                 program make the request, and pass the answer to the handler as a custom message \
                 (POST /resources/NAME/messages at the admin address)"
            ),
        }
    }
}

impl Denied {
    fn description(self) -> &'static str {
        match self {
            Self::Http => "an HTTP request (wasi:http)",
            Self::Tcp => "a TCP socket (wasi:sockets)",
            Self::Udp => "a UDP socket (wasi:sockets)",
            Self::NameLookup => "the address of a name (wasi:sockets)",
            Self::Files => "files (wasi:filesystem)",
            Self::Config => "values of the configuration (wasi:config)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_denial_is_logged_once() {
        let denials = Denials::default();
        for denied in [
            Denied::Http,
            Denied::Tcp,
            Denied::Udp,
            Denied::NameLookup,
            Denied::Files,
            Denied::Config,
        ] {
            assert!(denials.is_first(denied));
            assert!(!denials.is_first(denied));
        }
    }
}
