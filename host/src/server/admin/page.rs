//! The live page: three files inside the program. They hold no data, so they are served without the token.

use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
    REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::server::response::{Body, text};

/// The paths of the page's files.
pub(super) const PAGE_PATHS: &[&str] = &["/", "/page.css", "/page.js"];

/// The content security policy. It allows only the page's own files, no inline code, and no frame around the page. The
/// page shows paths, which clients choose. If the page failed to escape a path, the path still could not run as code.
/// And no other page can trick the user into clicking the buttons of this page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Returns the requested file of the page, or `None` if the request is for anything else. The page itself is only for
/// browsers: the request must accept HTML.
pub(super) fn file<B>(method: &Method, request: &Request<B>) -> Option<Response<Body>> {
    if method != Method::GET {
        return None;
    }
    let (kind, file) = match request.uri().path() {
        "/" if accepts_html(request.headers()) => {
            ("text/html; charset=utf-8", include_str!("page/index.html"))
        }
        "/page.css" => ("text/css; charset=utf-8", include_str!("page/page.css")),
        "/page.js" => ("text/javascript; charset=utf-8", include_str!("page/page.js")),
        _ => return None,
    };
    let mut response = text(StatusCode::OK, file);
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        // The browser must revalidate, because a different version of the program may have a different page.
        (CACHE_CONTROL, "no-cache"),
        (VARY, "Accept"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Some(response)
}

fn accepts_html(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.contains("text/html"))
}
