//! Static files for ordinary HTTP requests.
//!
//! Each request looks its path up again, because folders and links may be replaced while the server runs. Whether a
//! file may be served depends on its real location. Whether it is hidden depends on the requested path.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use tokio::time::Instant;
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::response::{Body, text};
use crate::config::{self, Links};
use crate::log_rate::{Line, LogRate};

/// The file that is served for a folder.
const INDEX: &str = "index.html";

/// The only name with a leading dot that is served. Everything below it is served as well (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// The maximum length of a file name on Linux, in bytes.
const MAX_NAME: usize = 255;

/// How much of a file is read at once, in bytes. A response whose client reads nothing holds twice as much in memory.
const CHUNK_SIZE: usize = 16 << 10;

/// The characters that a path segment in `Location` must encode: all except the ones removed here (RFC 3986 §3.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b',')
    .remove(b'=');

/// Limits the log lines about links that lead out of the folder.
static OUTSIDE_LINKS: LogRate = LogRate::new();

/// A folder of files.
pub(super) struct StaticFiles(config::StaticFiles);

/// What a path leads to.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    File(PathBuf),
    /// A folder that has an index. The requested path has no trailing slash, but relative links in the index need one.
    Folder,
    Nothing,
}

impl StaticFiles {
    pub(super) fn new(settings: config::StaticFiles) -> Self {
        Self(settings)
    }

    /// Returns the response to a request, or `None` if there is no such file.
    pub(super) async fn serve(&self, request: &Request<()>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let names = names(request.uri().path())?;
        let (settings, wanted) = (self.0.clone(), names.clone());
        // File system calls may block for a long time, so they run on a blocking thread.
        let found = tokio::task::spawn_blocking(move || find(&settings, &wanted)).await.ok()?;
        match found {
            Found::File(file) => {
                let name = names.last().filter(|name| !name.is_empty());
                serve(request, &file, name.map_or(INDEX.as_ref(), Path::new)).await
            }
            Found::Folder => Some(redirect_to_folder(&names, request.uri().query())),
            Found::Nothing => None,
        }
    }
}

/// Splits a path into decoded names. The last name of a folder's path is empty. Returns `None` if the path is never
/// served.
fn names(path: &str) -> Option<Vec<OsString>> {
    let mut names: Vec<Vec<u8>> =
        path.strip_prefix('/')?.split('/').map(|name| percent_decode_str(name).collect()).collect();
    let last = names.pop()?;
    let is_hidden = |(index, name): (usize, &Vec<u8>)| {
        name.starts_with(b".") && (index > 0 || name != WELL_KNOWN)
    };
    let is_invalid =
        |name: &Vec<u8>| name.len() > MAX_NAME || name.contains(&0) || name.contains(&b'/');
    if names.iter().any(Vec::is_empty) || is_invalid(&last) || names.iter().any(is_invalid) {
        return None;
    }
    names.push(last);
    if names.iter().enumerate().any(is_hidden) {
        return None;
    }
    Some(names.into_iter().map(OsString::from_vec).collect())
}

/// Looks a path up in the folder, as the folder is now.
fn find(settings: &config::StaticFiles, names: &[OsString]) -> Found {
    let Ok(root) = settings.folder.canonicalize() else { return Found::Nothing };
    // An empty last name adds a trailing slash. The path of a file cannot have one, so in that case no file is found.
    let wanted = names.iter().fold(root.clone(), |path, name| path.join(name));
    let Some(file) = resolve(settings.links, &root, &wanted) else { return Found::Nothing };
    if file.is_file() {
        return Found::File(file);
    }
    if !file.is_dir() {
        return Found::Nothing;
    }
    match resolve(settings.links, &root, &file.join(INDEX)) {
        Some(index) if index.is_file() => {
            if names.last().is_some_and(|last| last.is_empty()) {
                Found::File(index)
            } else {
                Found::Folder
            }
        }
        _ => Found::Nothing,
    }
}

/// Returns the real location of a path, if files at that location may be served.
fn resolve(links: Links, root: &Path, path: &Path) -> Option<PathBuf> {
    let resolved = path.canonicalize().ok()?;
    if links == Links::Inside && !resolved.starts_with(root) {
        if let Some(Line { left_out }) = OUTSIDE_LINKS.line(Instant::now()) {
            tracing::warn!(
                file = ?path,
                left_out,
                "a file was not served, because its link leads out of the folder; --static-links anywhere would allow \
                 it"
            );
        }
        return None;
    }
    Some(resolved)
}

/// Serves a file. Its content type follows from the requested name, because the target of a link may have no extension.
async fn serve(request: &Request<()>, file: &Path, name: &Path) -> Option<Response<Body>> {
    let mut forwarded = Request::new(Empty::<Bytes>::new());
    *forwarded.method_mut() = request.method().clone();
    *forwarded.headers_mut() = request.headers().clone();
    if !is_plain_range(request.headers()) {
        forwarded.headers_mut().remove(RANGE);
    }
    // `ServeFile` turns every error into a status, so this does not fail.
    let Ok(mut response) =
        ServeFile::new(file).with_buf_chunk_size(CHUNK_SIZE).oneshot(forwarded).await;
    if response.status() == StatusCode::NOT_FOUND {
        return None;
    }
    if let Some(kind) = response.headers_mut().get_mut(CONTENT_TYPE) {
        *kind = content_type(name);
    }
    Some(response.map(|body| body.boxed_unsync()))
}

/// Whether the request has a `Range` in the form that `ServeFile` answers correctly. Any other range may be ignored
/// (RFC 9110 §14.2). A range with `If-Range` must be ignored if the file may have changed (§13.1.5).
fn is_plain_range(headers: &HeaderMap) -> bool {
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    let Some((first, last)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'))
    else {
        return false;
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !headers.contains_key(IF_RANGE) && !first.is_empty() && is_number(first) && is_number(last)
}

fn content_type(name: &Path) -> HeaderValue {
    let kind = mime_guess::from_path(name).first_or_octet_stream();
    let charset = if kind.type_() == mime_guess::mime::TEXT { "; charset=utf-8" } else { "" };
    HeaderValue::try_from(format!("{}{charset}", kind.essence_str()))
        .unwrap_or(HeaderValue::from_static("application/octet-stream"))
}

/// Redirects to the same path with a trailing slash. The decoded path is encoded again. Otherwise it might begin with
/// characters that a browser takes for another host.
fn redirect_to_folder(names: &[OsString], query: Option<&str>) -> Response<Body> {
    let mut location = String::new();
    for name in names {
        location.push('/');
        location.extend(percent_encode(name.as_encoded_bytes(), SEGMENT));
    }
    location.push('/');
    if let Some(query) = query {
        location = format!("{location}?{query}");
    }
    let mut response = text(StatusCode::PERMANENT_REDIRECT, format!("Moved to {location}\n"));
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_path_are_decoded_and_hidden_ones_are_not_found() {
        let found = |path| names(path).map(|names| names.join("|".as_ref()).into_vec());
        for (path, expected) in [
            ("/", &b""[..]),
            ("/a/b.js", b"a|b.js"),
            ("/docs/", b"docs|"),
            ("/a%20b", b"a b"),
            ("/r%C3%A4ume%FF", b"r\xc3\xa4ume\xff"),
            ("/.well-known/acme/x", b".well-known|acme|x"),
        ] {
            assert_eq!(found(path), Some(expected.to_vec()), "{path}");
        }
        for path in [
            "//docs",
            "/a//b",
            "/..",
            "/.",
            "/%2e%2e/a",
            "/a/../b",
            "/.git/config",
            "/a/.env",
            "/a/.well-known/b",
            "/a%2fb",
            "/a%00b",
            "*",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
        assert_eq!(names(&format!("/{}", "a".repeat(256))), None);
    }

    #[test]
    fn redirect_never_leads_to_another_host() {
        let names = ["\\evil.example".into()];
        let response = redirect_to_folder(&names, Some("a=1"));
        assert_eq!(response.headers()[LOCATION], "/%5Cevil.example/?a=1");
    }
}
