//! What handlers asked for and are not granted, told to the log.

use std::sync::atomic::{AtomicBool, Ordering};

/// What is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Http,
    Tcp,
    Udp,
    Names,
    Files,
}

/// What was told of one component since it was loaded: each denial once, because a handler that asks again and again
/// must not fill the log, and whoever reads it needs it once.
#[derive(Debug, Default)]
pub(super) struct Denials {
    told: [AtomicBool; 5],
}

impl Denials {
    /// Whether nobody was told yet. From now on somebody was.
    fn is_first(&self, denied: Denied) -> bool {
        !self.told[denied as usize].swap(true, Ordering::Relaxed)
    }

    pub(super) fn log(&self, denied: Denied, component: &str) {
        if !self.is_first(denied) {
            return;
        }
        let asked = denied.asked();
        match denied {
            Denied::Files => tracing::warn!(
                target: "guest",
                component,
                "the handler asked for {asked}: handlers have no files, and no setting grants any: build what it reads \
                 into the component, give it values with env, keep its state with suspend and resume"
            ),
            Denied::Http | Denied::Tcp | Denied::Udp | Denied::Names => tracing::warn!(
                target: "guest",
                component,
                "the handler asked for {asked}: handlers have no network, and no setting grants it: let a program \
                 beside the host ask, and give the handler the answer as a message from outside \
                 (POST /resources/NAME/messages at the admin address)"
            ),
        }
    }
}

impl Denied {
    fn asked(self) -> &'static str {
        match self {
            Self::Http => "an HTTP request (wasi:http)",
            Self::Tcp => "a TCP socket (wasi:sockets)",
            Self::Udp => "a UDP socket (wasi:sockets)",
            Self::Names => "the address of a name (wasi:sockets)",
            Self::Files => "files (wasi:filesystem)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_denial_is_told_once() {
        let denials = Denials::default();
        for denied in [Denied::Http, Denied::Tcp, Denied::Udp, Denied::Names, Denied::Files] {
            assert!(denials.is_first(denied));
            assert!(!denials.is_first(denied));
        }
    }
}
