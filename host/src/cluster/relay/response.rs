//! The owner's response to the handshake.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The maximum lengths of a response's head and body, in bytes. Every response of a host fits, because the host also
/// limits the headers and the body of a handler's refusal.
const MAX_HEAD: usize = 128 << 10;
const MAX_BODY: usize = 1 << 20;
const MAX_HEADERS: usize = 256;

/// How much is read at once, in bytes. Most responses are shorter.
const READ_SIZE: usize = 4096;

/// A response to a handshake.
#[derive(Debug)]
pub(crate) struct OwnerResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// The head as it was received.
    pub(crate) head: Vec<u8>,
    /// The body. For a 101, the bytes that were read after the head.
    pub(crate) body: Vec<u8>,
}

/// Why a response is invalid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResponseError {
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Invalid(&'static str),
}

/// Reads the response to a handshake.
///
/// # Errors
///
/// An error if the connection was lost, or if the bytes are not a response of a host.
///
/// # Cancel safety
///
/// Not cancel safe: bytes that were read are lost with the future.
pub(crate) async fn read_response(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<OwnerResponse, ResponseError> {
    let mut bytes = Vec::with_capacity(READ_SIZE);
    let mut response = loop {
        bytes.reserve(READ_SIZE);
        if (&mut *stream).take(READ_SIZE as u64).read_buf(&mut bytes).await? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        if let Some(response) = parse(&bytes)? {
            break response;
        }
        if bytes.len() > MAX_HEAD {
            return Err(ResponseError::Invalid("the head is too long"));
        }
    };
    response.body = bytes.split_off(response.head.len());
    if response.status != StatusCode::SWITCHING_PROTOCOLS {
        let length = length(&response.headers)?;
        if response.body.len() > length {
            return Err(ResponseError::Invalid("data follows the end of the body"));
        }
        let missing = length - response.body.len();
        let read = (&mut *stream).take(missing as u64).read_to_end(&mut response.body).await?;
        if read < missing {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(response)
}

/// Parses the head. Returns `None` if it is incomplete.
fn parse(bytes: &[u8]) -> Result<Option<OwnerResponse>, ResponseError> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(status) = response.parse(bytes) else {
        return Err(ResponseError::Invalid("it is not HTTP"));
    };
    let Status::Complete(length) = status else { return Ok(None) };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(ResponseError::Invalid("its status code is not valid"))?;
    // A handshake has no interim responses.
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Err(ResponseError::Invalid("its status is 1xx, but not 101"));
    }
    let mut map = HeaderMap::with_capacity(response.headers.len());
    for header in &*response.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let value = HeaderValue::from_bytes(header.value);
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(ResponseError::Invalid("a header is invalid"));
        };
        map.append(name, value);
    }
    let head = bytes[..length].to_vec();
    Ok(Some(OwnerResponse { status, headers: map, head, body: Vec::new() }))
}

/// Returns the length of the body, which a host always announces.
fn length(headers: &HeaderMap) -> Result<usize, ResponseError> {
    let Some(value) = headers.get(http::header::CONTENT_LENGTH) else { return Ok(0) };
    let length = value.to_str().ok().and_then(|text| text.parse().ok());
    match length {
        Some(length) if length <= MAX_BODY => Ok(length),
        _ => Err(ResponseError::Invalid("its body is too long")),
    }
}
