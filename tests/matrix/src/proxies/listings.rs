//! The configurations that `docs/behind-a-proxy.md` shows are those that are tried.

use anyhow::{Context, Result, ensure};
use ws_host_test_support::root;

use super::configuration::template;

/// What stands in front of a listing: `<!-- tests/matrix/proxies/FILE -->`, and the listing's fence.
const MARK: &str = "<!-- tests/matrix/proxies/";

/// Those that must be there.
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

/// Compares them.
pub(super) fn check() -> Result<()> {
    let page = std::fs::read_to_string(root().join("docs/behind-a-proxy.md"))?;
    let mut shown = Vec::new();
    for part in page.split(MARK).skip(1) {
        let (file, rest) = part.split_once(" -->\n").context("the end of a mark")?;
        let listing = rest
            .strip_prefix("```")
            .and_then(|fenced| fenced.split_once('\n'))
            .and_then(|(_, listing)| listing.split_once("```\n"))
            .with_context(|| format!("docs/behind-a-proxy.md shows no listing for {file}"))?
            .0;
        ensure!(
            listing == template(file)?,
            "docs/behind-a-proxy.md does not show tests/matrix/proxies/{file} as it is: copy it there"
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
    fn page_shows_the_configurations_that_are_tried() -> anyhow::Result<()> {
        super::check()
    }
}
