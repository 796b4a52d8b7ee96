//! Sends HTTP requests, and sends the client each result.

use std::time::Duration;

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingBody, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme, http_error_code,
};
use wasip2::io::streams::StreamError;
use ws_guest::{Client, Error, Handler};

#[derive(Default)]
struct Fetching;

impl Handler for Fetching {
    fn received_text(&mut self, client: Client, message: String) -> Result<(), Error> {
        let (command, rest) = message.split_once(' ').unwrap_or((&message, ""));
        let (first, url) = rest.split_once(' ').unwrap_or((rest, ""));
        let result = match command {
            "get" => outcome(start(&Method::Get, rest, "", None).and_then(|sent| finish(&sent))),
            "post" => {
                outcome(start(&Method::Post, url, first, None).and_then(|sent| finish(&sent)))
            }
            "connect" => outcome(start(&Method::Connect, rest, "", None).map(|_| String::new())),
            "method" => {
                format!("{:?}", request(rest, "").set_method(&Method::Other("CONNECT".into())))
            }
            // One after the other, each with options.
            "options" => {
                let mut last = String::new();
                for _ in 0..first.parse()? {
                    let options = options(&[60_000; 3]);
                    last = outcome(
                        start(&Method::Get, url, "", options).and_then(|sent| finish(&sent)),
                    );
                }
                last
            }
            // `first` has three times in milliseconds.
            "times" => {
                let times = first.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
                let options = options(&times);
                outcome(start(&Method::Get, url, "", options).and_then(|sent| finish(&sent)))
            }
            // All at once.
            "many" => {
                let started: Vec<_> =
                    (0..first.parse()?).map(|_| start(&Method::Get, url, "", None)).collect();
                // No response is read before the last request has been sent.
                let all: Vec<_> = started.iter().flatten().map(head).collect();
                let failed = all.iter().filter_map(|head| head.as_ref().err());
                let failed: Vec<_> = failed.map(|code| format!("{code:?}")).collect();
                format!("{} of {}: {failed:?}", all.len() - failed.len(), started.len())
            }
            "header" => format!("{:?}", Fields::new().append(rest, b"value")),
            _ => message,
        };
        Ok(client.send_text(&result)?)
    }
}

fn outcome(result: Result<String, ErrorCode>) -> String {
    result.unwrap_or_else(|code| format!("{code:?}"))
}

fn options(milliseconds: &[u64]) -> Option<RequestOptions> {
    let options = RequestOptions::new();
    let nanoseconds =
        |number: usize| Some(Duration::from_millis(milliseconds[number]).as_nanos() as u64);
    options.set_connect_timeout(nanoseconds(0)).ok()?;
    options.set_first_byte_timeout(nanoseconds(1)).ok()?;
    options.set_between_bytes_timeout(nanoseconds(2)).ok()?;
    Some(options)
}

fn request(url: &str, body: &str) -> OutgoingRequest {
    let headers = Fields::new();
    if !body.is_empty() {
        let length = body.len().to_string();
        headers.append("content-length", length.as_bytes()).expect("a valid header");
    }
    let (scheme, rest) = url.split_once("://").expect("a URL");
    let path = rest.find('/').unwrap_or(rest.len());
    let request = OutgoingRequest::new(headers);
    let scheme = if scheme == "https" { Scheme::Https } else { Scheme::Http };
    request.set_scheme(Some(&scheme)).expect("a scheme");
    request.set_authority(Some(&rest[..path])).expect("an authority");
    request.set_path_with_query(Some(&rest[path..])).expect("a path");
    request
}

/// Sends a request without waiting for its response.
fn start(
    method: &Method,
    url: &str,
    body: &str,
    options: Option<RequestOptions>,
) -> Result<FutureIncomingResponse, ErrorCode> {
    let request = request(url, body);
    request.set_method(method).expect("a method");
    let outgoing = request.body().expect("the first body");
    let sent = handle(request, options)?;
    if !body.is_empty() {
        let stream = outgoing.write().expect("the first stream");
        for part in body.as_bytes().chunks(4096) {
            stream.blocking_write_and_flush(part).map_err(|_| ErrorCode::InternalError(None))?;
        }
    }
    OutgoingBody::finish(outgoing, None)?;
    Ok(sent)
}

/// Waits for the head of a response. Returns the status.
fn head(sent: &FutureIncomingResponse) -> Result<(u16, IncomingBody), ErrorCode> {
    sent.subscribe().block();
    let response = sent.get().expect("it is ready").expect("the first call")?;
    let status = response.status();
    let body = response.consume().expect("the first body");
    Ok((status, body))
}

/// Waits for a response. Returns the status and the body.
fn finish(sent: &FutureIncomingResponse) -> Result<String, ErrorCode> {
    let (status, body) = head(sent)?;
    let stream = body.stream().expect("the first stream");
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(1 << 16) {
            Ok(part) => bytes.extend(part),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                let code = http_error_code(&error);
                return Err(code.unwrap_or(ErrorCode::InternalError(None)));
            }
        }
    }
    Ok(match bytes.len() {
        ..1024 => format!("{status} {}", String::from_utf8_lossy(&bytes)),
        long => format!("{status} {long} bytes"),
    })
}

ws_guest::export!(Fetching);
