//! The flags that say what proxies in front of the server do, and tell.

use clap::ValueEnum;
use ws_host::config::schema;

/// What proxies do, and in which headers they tell of it.
#[derive(Debug, clap::Args)]
#[group(id = "proxies", multiple = true, conflicts_with = "config")]
pub(super) struct Proxies {
    /// The headers in which trusted proxies tell who their clients are, all of which they must set or
    /// remove [default: x-forwarded]
    #[arg(long, value_name = "WHAT", value_enum)]
    forwarded_by: Option<ForwardedBy>,

    /// Clients count as encrypted: a proxy in front speaks TLS with them, and need not say so
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
    /// The server behind them.
    pub(super) fn written(self, server: schema::Server) -> schema::Server {
        schema::Server {
            forwarded_by: self.forwarded_by.map(ForwardedBy::written),
            secure: Some(self.secure),
            ..server
        }
    }
}

impl ForwardedBy {
    fn written(self) -> schema::Convention {
        match self {
            Self::XForwarded => schema::Convention::XForwarded,
            Self::Forwarded => schema::Convention::Forwarded,
            Self::XRealIp => schema::Convention::XRealIp,
            Self::CfConnectingIp => schema::Convention::CfConnectingIp,
        }
    }
}
