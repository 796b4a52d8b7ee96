//! The flags about compression.

use bytesize::ByteSize;
use clap::ValueEnum;
use ws_host::config::schema;

/// Whether and how messages are compressed.
#[derive(Debug, clap::Args)]
#[group(id = "compressing", multiple = true, conflicts_with = "config")]
pub(super) struct Compression {
    /// How to compress messages for clients that offer compression: `off`, each message separately (`messages`), or
    /// with a context that messages share (`context`), which takes up to 403 KiB of memory per client [default: off]
    #[arg(long, value_name = "MODE", value_enum, help_heading = "Compression")]
    compression: Option<CompressionMode>,

    /// Compression level, from 1 (fastest) to 9 (smallest) [default: 3]
    #[arg(long, value_name = "N", help_heading = "Compression")]
    compression_level: Option<u32>,

    /// Minimum size of a message to compress, unless the handler chooses otherwise [default: 256 bytes, or 64 bytes
    /// with --compression context]
    #[arg(long, value_name = "SIZE", help_heading = "Compression")]
    compression_threshold: Option<ByteSize>,

    /// Size of the compression window, in bits: from 9 (512 bytes) to 15 (32 KiB) [default: 15]
    #[arg(long, value_name = "N", help_heading = "Compression")]
    compression_window: Option<u32>,

    /// Accept messages that refer to earlier messages, even if the client agreed not to send such messages; this takes
    /// memory for each client; if false, such a message closes the connection with 1007 [default: true]
    #[arg(long, value_name = "BOOL", help_heading = "Compression")]
    compression_keep_window: Option<bool>,
}

/// `--compression`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CompressionMode {
    /// No compression
    Off,
    /// Each message separately
    Messages,
    /// With shared context: messages may refer to earlier ones
    Context,
}

impl Compression {
    pub(super) fn apply(self, resource: &mut schema::ResourceSection) {
        resource.compression = self.compression.map(CompressionMode::into_schema);
        resource.compression_level = self.compression_level;
        resource.compression_threshold = self.compression_threshold;
        resource.compression_window = self.compression_window;
        resource.compression_keep_window = self.compression_keep_window;
    }
}

impl CompressionMode {
    fn into_schema(self) -> schema::Compression {
        match self {
            Self::Off => schema::Compression::Off,
            Self::Messages => schema::Compression::Messages,
            Self::Context => schema::Compression::Context,
        }
    }
}
