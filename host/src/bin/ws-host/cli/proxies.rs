//! The flags about proxies in front of the server.

use clap::ValueEnum;
use ws_host::config::schema::{self, Network};

/// Which proxies are trusted, and how they describe their clients.
#[derive(Debug, clap::Args)]
#[group(id = "proxies", multiple = true, conflicts_with = "config")]
pub(super) struct Proxies {
    /// Proxy that is trusted to say who its clients are: an address, or a network such as 10.0.0.0/8 (may
    /// be repeated)
    #[arg(long = "trusted-proxy", value_name = "NET")]
    trusted_proxies: Vec<Network>,

    /// Headers in which trusted proxies say who their clients are; the proxies must set or remove all of
    /// them [default: x-forwarded]
    #[arg(long, value_name = "HEADERS", value_enum)]
    forwarded_by: Option<ForwardedBy>,

    /// Treat every connection as encrypted, even if no header says so; for use behind a proxy that terminates TLS
    #[arg(long)]
    secure: bool,
}

/// `--forwarded-by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ForwardedBy {
    /// X-Forwarded-For, -Proto, -Host and -Port
    XForwarded,
    /// Forwarded (RFC 7239)
    Forwarded,
    /// X-Real-IP, X-Forwarded-Proto and -Host
    XRealIp,
    /// CF-Connecting-IP and X-Forwarded-Proto
    CfConnectingIp,
}

impl Proxies {
    pub(super) fn apply(self, server: &mut schema::Server) {
        server.trusted_proxies = Some(self.trusted_proxies);
        server.forwarded_by = self.forwarded_by.map(ForwardedBy::into_schema);
        server.secure = Some(self.secure);
    }
}

impl ForwardedBy {
    fn into_schema(self) -> schema::Convention {
        match self {
            Self::XForwarded => schema::Convention::XForwarded,
            Self::Forwarded => schema::Convention::Forwarded,
            Self::XRealIp => schema::Convention::XRealIp,
            Self::CfConnectingIp => schema::Convention::CfConnectingIp,
        }
    }
}
