//! Finds the proxy that the environment sets for a server.

use std::net::IpAddr;

use anyhow::{Context, Result};
use ipnet::IpNet;
use ws_host::client::Options;

/// Adds the proxy that the environment sets for this server, if any.
///
/// # Errors
///
/// An error if the URL of the proxy is invalid.
pub(super) fn from_environment(options: Options) -> Result<Options> {
    let read = |name: &str| {
        let value = std::env::var_os(name)?.to_string_lossy().trim().to_owned();
        Some(value).filter(|value| !value.is_empty())
    };
    match find_proxy(options.is_secure(), options.host(), options.port(), read) {
        None => Ok(options),
        Some((variable, url)) => options.proxy(&url).with_context(|| {
            format!(
                "cannot use the proxy in the environment variable {variable} (to reach a host without a proxy, list \
                 the host in no_proxy)"
            )
        }),
    }
}

/// Returns the variable that sets the proxy, and its value. The rules are those of curl, with two differences. A server
/// on this machine is reached without a proxy, as in browsers. `HTTP_PROXY` is used, but not in CGI programs, where a
/// remote client can set it.
fn find_proxy(
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
    // In a CGI program, HTTP_PROXY contains the `Proxy` header that a client of the web server has sent.
    let is_cgi = read("REQUEST_METHOD").is_some();
    let (variable, url) = variables
        .into_iter()
        .filter(|variable| !(is_cgi && *variable == "HTTP_PROXY"))
        .find_map(|variable| Some((variable, read(variable)?)))?;
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let exceptions = read("no_proxy").or_else(|| read("NO_PROXY")).unwrap_or_default();
    let mut exceptions = exceptions.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
    let is_direct = is_local(&host) || exceptions.any(|entry| matches_host(entry, &host, port));
    (!is_direct).then_some((variable, url))
}

/// Returns whether a host is this machine: a loopback address, `localhost`, or a name that ends in `.localhost`
/// (RFC 6761 §6.3).
fn is_local(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Returns whether an entry of `no_proxy` matches a host. An entry is `*`, an address, a network, or a name. A name
/// also matches its subdomains. A name or an address may have a port.
fn matches_host(entry: &str, host: &str, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    let (entry, entry_port) = split_port(entry);
    if entry_port.is_some_and(|entry_port| entry_port != port) {
        return false;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let entry = entry.trim_start_matches('[').trim_end_matches(']');
        return entry.parse() == Ok(address)
            || entry.parse::<IpNet>().is_ok_and(|network| network.contains(&address));
    }
    let name = entry.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
    !name.is_empty()
        && host
            .strip_suffix(&name)
            .is_some_and(|subdomain| subdomain.is_empty() || subdomain.ends_with('.'))
}

/// Splits `name:port`. Returns the entry unchanged if it has no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    // In an IPv6 address without brackets, the last part is not a port.
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            port.parse().map_or((entry, None), |port| (host, Some(port)))
        }
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the variable that sets the proxy for `ws://example.com`, or for `wss://` if `is_secure`.
    fn variable_for(is_secure: bool, environment: &[(&str, &str)]) -> Option<&'static str> {
        let read = |name: &str| {
            let found = environment.iter().find(|(variable, _)| *variable == name)?;
            Some(found.1.to_owned())
        };
        find_proxy(is_secure, "example.com", 443, read).map(|(variable, _)| variable)
    }

    #[test]
    fn scheme_selects_the_variable() {
        let all = [("http_proxy", "a"), ("https_proxy", "b"), ("all_proxy", "c")];
        assert_eq!(variable_for(false, &all), Some("http_proxy"));
        assert_eq!(variable_for(true, &all), Some("https_proxy"));
        assert_eq!(variable_for(true, &all[2..]), Some("all_proxy"));
        assert_eq!(variable_for(true, &all[..1]), None);
        assert_eq!(variable_for(false, &[("HTTP_PROXY", "a")]), Some("HTTP_PROXY"));
    }

    #[test]
    fn proxy_header_of_a_cgi_request_is_ignored() {
        assert_eq!(variable_for(false, &[("HTTP_PROXY", "a"), ("REQUEST_METHOD", "GET")]), None);
    }

    #[test]
    fn hosts_in_no_proxy_are_reached_directly() {
        let with = |no_proxy| variable_for(false, &[("http_proxy", "a"), ("NO_PROXY", no_proxy)]);
        assert_eq!(with("other.org, example.com"), None);
        assert_eq!(with("other.org"), Some("http_proxy"));
    }

    #[test]
    fn no_proxy_entries_are_names_addresses_and_networks() {
        for (entry, host, is_match) in [
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
            assert_eq!(matches_host(entry, host, 80), is_match, "{entry} {host}");
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
