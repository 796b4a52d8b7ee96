//! Checks the trace settings.

use std::path::Path;

use http::{HeaderName, HeaderValue};

use super::{At, Checked};
use crate::config::{Endpoint, InvalidEndpoint, Traces, schema};

/// The maximum length of a service name, in bytes.
const MAX_SERVICE: usize = 255;

/// Headers that every request to the collector has anyway.
const RESERVED: [&str; 6] =
    ["connection", "content-length", "content-type", "host", "transfer-encoding", "user-agent"];

impl schema::Traces {
    pub(super) fn check(self, at: At, folder: &Path) -> Checked<Traces> {
        let Some(endpoint) = self.endpoint else {
            let why =
                "is missing: it is the URL of the collector, such as \"http://127.0.0.1:4318\"";
            return Err(at.invalid("traces.endpoint", why));
        };
        // The text may contain a password, so it is not quoted.
        let endpoint: Endpoint = endpoint
            .parse()
            .map_err(|error: InvalidEndpoint| at.invalid("traces.endpoint", error.to_string()))?;
        let mut traces = Traces::new(endpoint);
        traces.ratio = self.ratio.unwrap_or(traces.ratio);
        traces.service = self.service.unwrap_or(traces.service);
        if let Some(file) = self.headers {
            let headers = read_headers(&folder.join(file));
            traces.headers = headers.map_err(|why| at.invalid("traces.headers", why))?;
        }
        Ok(traces)
    }
}

impl Traces {
    pub(super) fn check(&self, at: At) -> Checked<()> {
        if !cfg!(feature = "otlp") {
            let why = "is not possible: this ws-host was built without the cargo feature `otlp`";
            return Err(at.invalid("traces.endpoint", why));
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            let why =
                format!("{} must be from 0 to 1: 0.01 is one connection in a hundred", self.ratio);
            return Err(at.invalid("traces.ratio", why));
        }
        if self.service.is_empty() || self.service.len() > MAX_SERVICE {
            let why = format!("{:?} must have 1 to {MAX_SERVICE} bytes", self.service);
            return Err(at.invalid("traces.service", why));
        }
        Ok(())
    }
}

/// Reads headers from a file. Each line is `NAME: VALUE`. Empty lines, and lines that begin with `#`, are skipped. The
/// lines are secret, so errors do not quote them.
fn read_headers(file: &Path) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| format!("cannot be read: {}: {error}", file.display()))?;
    let lines = text.lines().map(str::trim).enumerate();
    let headers = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let headers = headers.map(|(number, line)| {
        header(line).ok_or_else(|| {
            format!(
                "{}:{}: must be a header, such as `authorization: Bearer …`; {} cannot be set",
                file.display(),
                number + 1,
                RESERVED.join(", ")
            )
        })
    });
    headers.collect()
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name: HeaderName = name.trim().parse().ok()?;
    let mut value: HeaderValue = value.trim().parse().ok()?;
    // This keeps `Debug` from showing the value.
    value.set_sensitive(true);
    (!RESERVED.contains(&name.as_str())).then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_from_a_file_and_errors_do_not_show_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("headers");
        std::fs::write(&file, "# a comment\n\nAuthorization: Bearer s3cret\nx-scope:a:b\n")
            .expect("written");
        let headers = read_headers(&file).expect("headers");
        let texts: Vec<(&str, &[u8])> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(texts, [("authorization", &b"Bearer s3cret"[..]), ("x-scope", b"a:b")]);
        assert!(!format!("{headers:?}").contains("s3cret"));
        for line in ["s3cret", "a b: s3cret", "host: s3cret", ": s3cret"] {
            std::fs::write(&file, format!("a: b\n{line}\n")).expect("written");
            let error = read_headers(&file).expect_err(line);
            assert!(error.contains("headers:2: ") && !error.contains("s3cret"), "{error}");
        }
    }
}
