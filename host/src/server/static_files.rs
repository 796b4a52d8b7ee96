//! Files for ordinary HTTP requests.
//!
//! What a path stands for is looked up anew for each request, because folders and links are replaced while the
//! server runs. Whether a file is served is judged by where it really lies; what is hidden, by the path that was
//! asked for.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, IF_RANGE, LOCATION, RANGE};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use tower::ServiceExt;
use tower_http::services::ServeFile;

use super::response::{Body, text};
use crate::config::{self, Links};
use crate::log_rate::{Line, LogRate};

/// What is served for a folder.
const INDEX: &str = "index.html";

/// The only name with a dot in front that is served, with what is below it (RFC 8615).
const WELL_KNOWN: &[u8] = b".well-known";

/// The longest name of a file on Linux, in bytes.
const MAX_NAME: usize = 255;

/// How much of a file is read at once, in bytes: what each answer holds in memory, twice, while its client reads nothing.
const PIECE: usize = 16 << 10;

/// What stands in a segment of a path as it is (RFC 3986 §3.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'@')
    .remove(b'+')
    .remove(b',')
    .remove(b'=');

/// Lines on links out of the folder.
static LINKED_OUT: LogRate = LogRate::new();

/// A folder of files.
pub(super) struct StaticFiles(config::StaticFiles);

/// What a path stands for.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    File(PathBuf),
    /// A folder with an index, asked for without the slash behind it, which links of the page need.
    Folder,
    Nothing,
}

impl StaticFiles {
    pub(super) fn new(settings: config::StaticFiles) -> Self {
        Self(settings)
    }

    /// The answer to a request, or `None` if it asks for no file that there is.
    pub(super) async fn answer(&self, request: &Request<()>) -> Option<Response<Body>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let names = names(request.uri().path())?;
        let (settings, wanted) = (self.0.clone(), names.clone());
        // The file system may take long: on a thread where nobody else waits.
        let found = tokio::task::spawn_blocking(move || find(&settings, &wanted)).await.ok()?;
        match found {
            Found::File(file) => {
                let name = names.last().filter(|name| !name.is_empty());
                serve(request, &file, name.map_or(INDEX.as_ref(), Path::new)).await
            }
            Found::Folder => Some(to_folder(&names, request.uri().query())),
            Found::Nothing => None,
        }
    }
}

/// The names in a path, the last one empty for a folder. `None` if they are of no file that may be asked for.
fn names(path: &str) -> Option<Vec<OsString>> {
    let mut names: Vec<Vec<u8>> =
        path.strip_prefix('/')?.split('/').map(|name| percent_decode_str(name).collect()).collect();
    let last = names.pop()?;
    let is_hidden = |(permit, name): (usize, &Vec<u8>)| {
        name.starts_with(b".") && (permit > 0 || name != WELL_KNOWN)
    };
    let cannot_be =
        |name: &Vec<u8>| name.len() > MAX_NAME || name.contains(&0) || name.contains(&b'/');
    if names.iter().any(Vec::is_empty) || cannot_be(&last) || names.iter().any(cannot_be) {
        return None;
    }
    names.push(last);
    if names.iter().enumerate().any(is_hidden) {
        return None;
    }
    Some(names.into_iter().map(OsString::from_vec).collect())
}

/// Looks a path up in the folder as it is now.
fn find(settings: &config::StaticFiles, names: &[OsString]) -> Found {
    let Ok(root) = settings.folder.canonicalize() else { return Found::Nothing };
    // An empty name behind the others is a slash there: a file has none.
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

/// Where a path really lies, if that is where files may be served from.
fn resolve(links: Links, root: &Path, path: &Path) -> Option<PathBuf> {
    let resolved = path.canonicalize().ok()?;
    if links == Links::Inside && !resolved.starts_with(root) {
        if let Some(Line { left_out }) = LINKED_OUT.line(Instant::now()) {
            tracing::warn!(
                file = ?path,
                left_out,
                "not served: it leads out of the folder; --static-links anywhere would allow that"
            );
        }
        return None;
    }
    Some(resolved)
}

/// Serves the file. Its type follows from the requested name: the name behind a link may have no extension.
async fn serve(request: &Request<()>, file: &Path, name: &Path) -> Option<Response<Body>> {
    let mut wanted = Request::new(Empty::<Bytes>::new());
    *wanted.method_mut() = request.method().clone();
    *wanted.headers_mut() = request.headers().clone();
    if !is_plain_range(request.headers()) {
        wanted.headers_mut().remove(RANGE);
    }
    // It answers every error with a status.
    let Ok(mut found) = ServeFile::new(file).with_buf_chunk_size(PIECE).oneshot(wanted).await;
    if found.status() == StatusCode::NOT_FOUND {
        return None;
    }
    if let Some(kind) = found.headers_mut().get_mut(CONTENT_TYPE) {
        *kind = content_type(name);
    }
    Some(found.map(|body| body.boxed_unsync()))
}

/// Whether a part is asked for in the form that the library answers right. RFC 9110 §14.2: any other may be ignored,
/// and §13.1.5: must be, where it is for a version of the file that may be another one.
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

/// To the same path with a slash behind it. It is written anew, so that it cannot begin with what a browser takes
/// for another host.
fn to_folder(names: &[OsString], query: Option<&str>) -> Response<Body> {
    let mut location = String::new();
    for name in names {
        location.push('/');
        location.extend(percent_encode(name.as_encoded_bytes(), ENCODED));
    }
    location.push('/');
    if let Some(query) = query {
        location = format!("{location}?{query}");
    }
    let mut answer = text(StatusCode::PERMANENT_REDIRECT, format!("It is at {location}\n"));
    if let Ok(location) = HeaderValue::try_from(location) {
        answer.headers_mut().insert(LOCATION, location);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_path_are_decoded_and_hidden_ones_are_none() {
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
    fn redirection_never_leads_to_another_host() {
        let names = ["\\evil.example".into()];
        let answer = to_folder(&names, Some("a=1"));
        assert_eq!(answer.headers()[LOCATION], "/%5Cevil.example/?a=1");
    }
}
