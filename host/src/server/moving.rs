//! How a stream goes to the worker where its client is served.

use tokio::net::TcpStream;

/// A way to bring a stream from one runtime to another.
pub(super) trait Moving<S> {
    /// The stream on its way, which belongs to no runtime.
    type Parcel: Send + 'static;

    /// # Errors
    ///
    /// The system did not let it go.
    fn pack(stream: S) -> std::io::Result<Self::Parcel>;

    /// # Errors
    ///
    /// The system did not take it in.
    fn unpack(parcel: Self::Parcel) -> std::io::Result<S>;
}

/// From one runtime's sockets to the other's: the worker then waits for its own sockets alone, and no
/// wake-up crosses threads.
pub(super) struct Registered;

impl Moving<TcpStream> for Registered {
    type Parcel = std::net::TcpStream;

    fn pack(stream: TcpStream) -> std::io::Result<Self::Parcel> {
        stream.into_std()
    }

    fn unpack(parcel: Self::Parcel) -> std::io::Result<TcpStream> {
        TcpStream::from_std(parcel)
    }
}

/// As it is: the runtime that the stream was made on goes on waiting for it.
pub(super) struct AsItIs;

impl<S: Send + 'static> Moving<S> for AsItIs {
    type Parcel = S;

    fn pack(stream: S) -> std::io::Result<S> {
        Ok(stream)
    }

    fn unpack(parcel: S) -> std::io::Result<S> {
        Ok(parcel)
    }
}
