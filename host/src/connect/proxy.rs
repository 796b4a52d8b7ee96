//! Which proxy the environment names, and for which servers.

use std::net::IpAddr;

use anyhow::{Context, Result};
use ipnet::IpNet;
use ws_host::client::Options;

/// Options that go through the proxy of the environment, if it names one for this server.
pub(super) fn from_environment(options: Options) -> Result<Options> {
    let read = |name: &str| {
        let value = std::env::var_os(name)?.to_string_lossy().trim().to_owned();
        Some(value).filter(|value| !value.is_empty())
    };
    match proxy(options.is_secure(), options.host(), options.port(), read) {
        None => Ok(options),
        Some((variable, url)) => options.proxy(&url).with_context(|| {
            format!("{variable} in the environment; no_proxy lists hosts to reach without a proxy")
        }),
    }
}

/// The variable that counts, and its value. As curl has it, but for two things: a server on this machine is
/// reached without a proxy, as by browsers, and `HTTP_PROXY` counts where nobody else can have set it.
fn proxy(
    is_secure: bool,
    host: &str,
    port: u16,
    read: impl Fn(&str) -> Option<String>,
) -> Option<(&'static str, String)> {
    let variables = if is_secure {
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    };
    // In a CGI program HTTP_PROXY is what the client of the web server sent in a header `Proxy`.
    let is_cgi = read("REQUEST_METHOD").is_some();
    let (variable, url) = variables
        .into_iter()
        .filter(|variable| !(is_cgi && *variable == "HTTP_PROXY"))
        .find_map(|variable| Some((variable, read(variable)?)))?;
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let exceptions = read("no_proxy").or_else(|| read("NO_PROXY")).unwrap_or_default();
    let mut exceptions = exceptions.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    let is_direct = is_local(&host) || exceptions.any(|entry| covers(entry, &host, port));
    (!is_direct).then_some((variable, url))
}

/// Whether a host is this machine. RFC 6761 §6.3: names that end in `.localhost` are too.
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Whether an entry of `no_proxy` is about this host: `*`, a name with all below it, an address, or a
/// network; a name or an address may have a port.
fn covers(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (place, only) = split_port(entry);
    if only.is_some_and(|only| only != port) {
        return false;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let place = place.trim_start_matches('[').trim_end_matches(']');
        return place.parse() == Ok(address)
            || place.parse::<IpNet>().is_ok_and(|network| network.contains(&address));
    }
    let name = place.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
    !name.is_empty()
        && host.strip_suffix(&name).is_some_and(|above| above.is_empty() || above.ends_with('.'))
}

fn split_port(entry: &str) -> (&str, Option<u16>) {
    // Of an IPv6 address without brackets the last part is no port.
    match entry.rsplit_once(':') {
        Some((place, port)) if !place.contains(':') || place.ends_with(']') => {
            port.parse().map_or((entry, None), |port| (place, Some(port)))
        }
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variable that counts for `ws://example.com`, or with `wss`.
    fn chosen(is_secure: bool, environment: &[(&str, &str)]) -> Option<&'static str> {
        let read = |name: &str| {
            let found = environment.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.to_owned())
        };
        proxy(is_secure, "example.com", 443, read).map(|(variable, _)| variable)
    }

    #[test]
    fn scheme_decides_which_variable_counts() {
        let all = [("http_proxy", "a"), ("https_proxy", "b"), ("all_proxy", "c")];
        assert_eq!(chosen(false, &all), Some("http_proxy"));
        assert_eq!(chosen(true, &all), Some("https_proxy"));
        assert_eq!(chosen(true, &all[2..]), Some("all_proxy"));
        assert_eq!(chosen(true, &all[..1]), None);
        assert_eq!(chosen(false, &[("HTTP_PROXY", "a")]), Some("HTTP_PROXY"));
    }

    #[test]
    fn header_of_a_stranger_names_no_proxy() {
        assert_eq!(chosen(false, &[("HTTP_PROXY", "a"), ("REQUEST_METHOD", "GET")]), None);
    }

    #[test]
    fn exceptions_are_reached_without_a_proxy() {
        let with = |no_proxy| chosen(false, &[("http_proxy", "a"), ("NO_PROXY", no_proxy)]);
        assert_eq!(with("other.org, example.com"), None);
        assert_eq!(with("other.org"), Some("http_proxy"));
    }

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        for (entry, host, is_covered) in [
            ("*", "example.com", true),
            ("example.com", "example.com", true),
            ("EXAMPLE.com", "a.example.com", true),
            (".example.com", "example.com", true),
            ("*.example.com", "a.b.example.com", true),
            ("example.com", "badexample.com", false),
            ("a.example.com", "example.com", false),
            (".", "example.com", false),
            ("example.com:80", "example.com", true),
            ("example.com:81", "example.com", false),
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.0/24", "192.0.2.77", true),
            ("192.0.2.0/24", "192.0.3.1", false),
            ("192.0.2.1:81", "192.0.2.1", false),
            ("2001:db8::1", "2001:db8::1", true),
            ("[2001:db8::1]:80", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8::7", true),
            ("0.2.1", "192.0.2.1", false),
        ] {
            assert_eq!(covers(entry, host, 80), is_covered, "{entry} {host}");
        }
    }

    #[test]
    fn this_machine_needs_no_proxy() {
        for host in ["localhost", "app.localhost", "127.0.0.2", "::1", "::ffff:127.0.0.1"] {
            assert!(is_local(host), "{host}");
        }
        assert!(!is_local("localhost.example") && !is_local("10.0.0.1"));
    }
}
