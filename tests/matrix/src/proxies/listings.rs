//! Checks that the configurations in `docs/behind-a-proxy.md` are the tested ones.

use anyhow::{Context, Result, ensure};
use ws_host_test_support::root;

use super::configuration::template;

/// The comment before a listing: `<!-- tests/matrix/proxies/FILE -->`. The fence of the listing
/// follows.
const MARK: &str = "<!-- tests/matrix/proxies/";

/// The configurations that the page must show.
const SHOWN: [&str; 12] = [
    "ws-host/http.toml",
    "ws-host/proxy-protocol.toml",
    "ws-host/proxy-protocol-secure.toml",
    "nginx/site.conf",
    "haproxy/http.cfg",
    "haproxy/tcp-v2.cfg",
    "caddy/Caddyfile",
    "apache/site.conf",
    "varnish/default.vcl",
    "lighttpd/site.conf",
    "hitch/v2.conf",
    "stunnel/stunnel.conf",
];

/// Compares the listings with the files.
pub(super) fn check() -> Result<()> {
    let page = std::fs::read_to_string(root().join("docs/behind-a-proxy.md"))?;
    let mut shown = Vec::new();
    for part in page.split(MARK).skip(1) {
        let (file, rest) =
            part.split_once(" -->\n").context("a marker in docs/behind-a-proxy.md has no end")?;
        let listing = rest
            .strip_prefix("```")
            .and_then(|fenced| fenced.split_once('\n'))
            .and_then(|(_, listing)| listing.split_once("```\n"))
            .with_context(|| format!("docs/behind-a-proxy.md shows no listing for {file}"))?
            .0;
        ensure!(
            listing == template(file)?,
            "the listing of tests/matrix/proxies/{file} in docs/behind-a-proxy.md is out of date: copy the file there"
        );
        shown.push(file);
    }
    for file in SHOWN {
        ensure!(shown.contains(&file), "docs/behind-a-proxy.md does not show {file}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn page_shows_the_tested_configurations() -> anyhow::Result<()> {
        super::check()
    }
}
