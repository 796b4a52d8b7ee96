//! The flags of compression.

use bytesize::ByteSize;
use clap::ValueEnum;
use ws_host::config::schema;

/// Whether messages are compressed, and how.
#[derive(Debug, clap::Args)]
#[group(id = "compressing", multiple = true, conflicts_with = "config")]
pub(super) struct Compression {
    /// Whether messages are compressed with clients that offer it: not, each alone, or with what came
    /// before, which takes up to 403 KiB of memory for each client [default: off]
    #[arg(long, value_name = "WHAT", value_enum, help_heading = "Compression")]
    compression: Option<Extent>,

    /// From 1, the fastest, to 9, the smallest [default: 3]
    #[arg(long, value_name = "N", help_heading = "Compression")]
    compression_level: Option<u32>,

    /// Shorter messages are sent as they are, unless the handler chooses [default: 256, with context 64]
    #[arg(long, value_name = "SIZE", help_heading = "Compression")]
    compression_threshold: Option<ByteSize>,

    /// How far back a message may refer, in bits: from 9, which is 512 octets, to 15, which is 32 KiB
    /// [default: 15]
    #[arg(long, value_name = "N", help_heading = "Compression")]
    compression_window: Option<u32>,

    /// Whether clients are understood that refer to earlier messages although they have agreed not to;
    /// with false they are closed with 1007, and nothing is kept of their messages [default: true]
    #[arg(long, value_name = "BOOL", help_heading = "Compression")]
    compression_keep_window: Option<bool>,
}

/// `--compression`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Extent {
    /// Nothing
    Off,
    /// Each message alone
    Messages,
    /// Messages with what came before them
    Context,
}

impl Compression {
    /// The resource, compressed like this.
    pub(super) fn written(self, resource: schema::Resource) -> schema::Resource {
        schema::Resource {
            compression: self.compression.map(Extent::written),
            compression_level: self.compression_level,
            compression_threshold: self.compression_threshold,
            compression_window: self.compression_window,
            compression_keep_window: self.compression_keep_window,
            ..resource
        }
    }
}

impl Extent {
    fn written(self) -> schema::Compression {
        match self {
            Self::Off => schema::Compression::Off,
            Self::Messages => schema::Compression::Messages,
            Self::Context => schema::Compression::Context,
        }
    }
}
