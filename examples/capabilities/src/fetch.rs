//! HTTP requests: the interface `wasi:http`.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{Fields, IncomingBody, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;
use ws_guest::Error;

/// How many bytes of a response are read at once.
const PART: u64 = 64 << 10;

/// Sends a GET request and waits for the response. Returns its status and its body.
pub(crate) fn get(url: &str) -> Result<(u16, String), Error> {
    let (scheme, rest) = url.split_once("://").ok_or(Error::msg("a URL begins with https://"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = if scheme == "http" { Scheme::Http } else { Scheme::Https };
    let invalid = |()| Error::msg("the URL is not valid");
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&scheme)).map_err(invalid)?;
    request.set_authority(Some(authority)).map_err(invalid)?;
    request.set_path_with_query(Some(path)).map_err(invalid)?;

    let pending = handle(request, None)?;
    // The handler waits here, and the host serves the clients of other instances.
    pending.subscribe().block();
    let taken = || Error::msg("the response was taken before");
    let response = pending.get().ok_or_else(taken)?.map_err(|()| taken())??;
    let body = response.consume().map_err(|()| taken())?;
    Ok((response.status(), read(&body)?))
}

fn read(body: &IncomingBody) -> Result<String, Error> {
    let stream = body.stream().map_err(|()| Error::msg("the body was taken before"))?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(PART) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => return Ok(String::from_utf8(bytes)?),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(Error::msg(error.to_debug_string()));
            }
        }
    }
}
