//! The proxies, and how each is started.

use anyhow::Result;

use super::front::Http;
use super::process;
use crate::table::InSome;

/// A proxy with one configuration.
pub(super) struct Proxy {
    /// Its name on the command line.
    pub(super) name: &'static str,
    /// Its name in the table.
    pub(super) title: &'static str,
    pub(super) in_some: InSome,
    /// A command that prints its version.
    version: &'static [&'static str],
    /// The files of `tests/matrix/proxies` that it needs.
    pub(super) files: &'static [&'static str],
    /// The commands to run: the public one, and one behind it if there are two.
    pub(super) processes: &'static [&'static [&'static str]],
    /// The version of HTTP that its clients speak.
    pub(super) http: Http,
    /// The server's configuration file.
    pub(super) settings: &'static str,
}

/// The X-Forwarded headers describe the client.
const BY_HEADERS: &str = "ws-host/http.toml";

/// `Forwarded` (RFC 7239) describes the client.
const BY_FORWARDED: &str = "ws-host/forwarded.toml";

/// `X-Real-IP` has the client's address.
const BY_X_REAL_IP: &str = "ws-host/x-real-ip.toml";

/// The PROXY protocol describes the client, including TLS.
const BY_PROXY_PROTOCOL: &str = "ws-host/proxy-protocol.toml";

/// The PROXY protocol has the client's address, but does not say whether it uses TLS.
const BY_PROXY_PROTOCOL_1: &str = "ws-host/proxy-protocol-secure.toml";

const NGINX: Proxy = Proxy {
    name: "nginx",
    title: "nginx",
    in_some: InSome::Yes,
    version: &["nginx", "-v"],
    files: &["nginx/http.frame.conf", "nginx/site.conf"],
    processes: &[&["nginx", "-p", "/etc/proxy", "-c", "/etc/proxy/http.frame.conf"]],
    http: Http::One,
    settings: BY_HEADERS,
};

const HAPROXY: Proxy = Proxy {
    name: "haproxy",
    title: "HAProxy",
    in_some: InSome::Yes,
    version: &["haproxy", "-v"],
    files: &["haproxy/http.cfg"],
    processes: &[&["haproxy", "-db", "-f", "/etc/proxy/http.cfg"]],
    ..NGINX
};

const APACHE: Proxy = Proxy {
    name: "apache",
    title: "Apache httpd, upgrade=websocket",
    in_some: InSome::Yes,
    version: &["apache2", "-v"],
    files: &["apache/frame.conf", "apache/site.conf"],
    processes: &[&["apache2", "-D", "FOREGROUND", "-f", "/etc/proxy/frame.conf"]],
    ..NGINX
};

const LIGHTTPD: Proxy = Proxy {
    name: "lighttpd",
    title: "lighttpd",
    in_some: InSome::No,
    version: &["lighttpd", "-v"],
    files: &["lighttpd/frame.conf", "lighttpd/site.conf"],
    processes: &[&["lighttpd", "-D", "-f", "/etc/proxy/frame.conf"]],
    ..NGINX
};

const HITCH: Proxy = Proxy {
    name: "hitch",
    title: "hitch, PROXY v2",
    in_some: InSome::No,
    version: &["hitch", "--version"],
    files: &["hitch/v2.conf"],
    processes: &[&["hitch", "--config=/etc/proxy/v2.conf"]],
    http: Http::One,
    settings: BY_PROXY_PROTOCOL,
};

const ENVOY: Proxy = Proxy {
    name: "envoy",
    title: "Envoy",
    in_some: InSome::No,
    version: &["{root}/.venv-proxies/bin/envoy", "--version"],
    files: &["envoy/envoy.yaml"],
    processes: &[&[
        "{root}/.venv-proxies/bin/envoy",
        "--config-path",
        "/etc/proxy/envoy.yaml",
        "--disable-hot-restart",
        "--concurrency",
        "2",
    ]],
    ..NGINX
};

/// All of them, in the order of the table.
pub(super) const PROXIES: [Proxy; 23] = [
    NGINX,
    Proxy {
        name: "nginx-keepalive",
        title: "nginx, upstream keepalive",
        files: &["nginx/http.frame.conf", "nginx/keepalive.conf"],
        ..NGINX
    },
    Proxy {
        name: "nginx-x-real-ip",
        title: "nginx, X-Real-IP",
        in_some: InSome::No,
        files: &["nginx/http.frame.conf", "nginx/x-real-ip.site.conf"],
        settings: BY_X_REAL_IP,
        ..NGINX
    },
    Proxy {
        name: "nginx-stream",
        title: "nginx stream, PROXY v1",
        in_some: InSome::No,
        files: &["nginx/stream.frame.conf", "nginx/stream.conf"],
        processes: &[&["nginx", "-p", "/etc/proxy", "-c", "/etc/proxy/stream.frame.conf"]],
        settings: BY_PROXY_PROTOCOL_1,
        ..NGINX
    },
    HAPROXY,
    Proxy {
        name: "haproxy-h2-front",
        title: "HAProxy, HTTP/2 from the client",
        in_some: InSome::No,
        http: Http::Two,
        ..HAPROXY
    },
    Proxy {
        name: "haproxy-h2",
        title: "HAProxy, HTTP/2 on both sides",
        files: &["haproxy/http2.cfg"],
        processes: &[&["haproxy", "-db", "-f", "/etc/proxy/http2.cfg"]],
        http: Http::Two,
        ..HAPROXY
    },
    Proxy {
        name: "haproxy-tcp-v1",
        title: "HAProxy TCP, PROXY v1",
        files: &["haproxy/tcp-v1.cfg"],
        processes: &[&["haproxy", "-db", "-f", "/etc/proxy/tcp-v1.cfg"]],
        settings: BY_PROXY_PROTOCOL_1,
        ..HAPROXY
    },
    Proxy {
        name: "haproxy-tcp-v2",
        title: "HAProxy TCP, PROXY v2",
        files: &["haproxy/tcp-v2.cfg"],
        processes: &[&["haproxy", "-db", "-f", "/etc/proxy/tcp-v2.cfg"]],
        settings: BY_PROXY_PROTOCOL,
        ..HAPROXY
    },
    Proxy {
        name: "caddy",
        title: "Caddy",
        version: &["caddy", "version"],
        files: &["caddy/frame.caddyfile", "caddy/Caddyfile"],
        processes: &[&[
            "caddy",
            "run",
            "--adapter",
            "caddyfile",
            "--config",
            "/etc/proxy/frame.caddyfile",
        ]],
        ..NGINX
    },
    APACHE,
    Proxy {
        name: "apache-wstunnel",
        title: "Apache httpd, ws:// (mod_proxy_wstunnel)",
        in_some: InSome::No,
        files: &["apache/frame.conf", "apache/tunnel.conf"],
        ..APACHE
    },
    Proxy {
        name: "varnish",
        title: "Varnish behind hitch",
        in_some: InSome::No,
        version: &["varnishd", "-V"],
        files: &["hitch/varnish.conf", "varnish/default.vcl"],
        processes: &[
            &["hitch", "--config=/etc/proxy/varnish.conf"],
            &[
                "varnishd",
                "-F",
                "-j",
                "none",
                "-n",
                "/etc/proxy/varnish",
                "-a",
                "127.0.0.1:6081,PROXY",
                "-f",
                "/etc/proxy/default.vcl",
            ],
        ],
        ..NGINX
    },
    LIGHTTPD,
    Proxy {
        name: "lighttpd-forwarded",
        title: "lighttpd, Forwarded",
        files: &["lighttpd/frame.conf", "lighttpd/forwarded.conf"],
        settings: BY_FORWARDED,
        ..LIGHTTPD
    },
    HITCH,
    Proxy {
        name: "hitch-v1",
        title: "hitch, PROXY v1",
        files: &["hitch/v1.conf"],
        processes: &[&["hitch", "--config=/etc/proxy/v1.conf"]],
        settings: BY_PROXY_PROTOCOL_1,
        ..HITCH
    },
    Proxy {
        name: "stunnel",
        title: "stunnel, PROXY v1",
        version: &["stunnel", "-version"],
        files: &["stunnel/stunnel.conf"],
        processes: &[&["stunnel", "/etc/proxy/stunnel.conf"]],
        settings: BY_PROXY_PROTOCOL_1,
        ..HITCH
    },
    ENVOY,
    Proxy {
        name: "envoy-h2",
        title: "Envoy, HTTP/2 on both sides",
        files: &["envoy/http2.yaml"],
        processes: &[&[
            "{root}/.venv-proxies/bin/envoy",
            "--config-path",
            "/etc/proxy/http2.yaml",
            "--disable-hot-restart",
            "--concurrency",
            "2",
        ]],
        http: Http::Two,
        ..ENVOY
    },
    Proxy {
        name: "traefik",
        title: "Traefik",
        in_some: InSome::No,
        version: &["{root}/.venv-proxies/bin/traefik", "version"],
        files: &["traefik/traefik.yml", "traefik/ws-host.yml"],
        processes: &[&["{root}/.venv-proxies/bin/traefik", "--configFile=/etc/proxy/traefik.yml"]],
        ..NGINX
    },
    Proxy {
        name: "go",
        title: "Go's ReverseProxy",
        version: &["go", "version", "{root}/target/matrix/proxies/reverse-proxy"],
        files: &[],
        processes: &[&[
            "{root}/target/matrix/proxies/reverse-proxy",
            "127.0.0.1:443",
            "http://127.0.0.1:8080",
            "/etc/ssl/ws.example.com.crt",
            "/etc/ssl/ws.example.com.key",
        ]],
        ..NGINX
    },
    Proxy {
        name: "http-proxy",
        title: "http-proxy for node",
        in_some: InSome::No,
        version: &["node", "{root}/tests/matrix/proxies/node/version.mjs"],
        files: &[],
        processes: &[&[
            "node",
            "{root}/tests/matrix/proxies/node/proxy.mjs",
            "443",
            "http://127.0.0.1:8080",
            "/etc/ssl/ws.example.com.crt",
            "/etc/ssl/ws.example.com.key",
        ]],
        ..NGINX
    },
];

impl Proxy {
    /// Returns the version that the program reports, or `None` if it is not installed.
    pub(super) fn version(&self) -> Result<Option<String>> {
        let root = ws_host_test_support::root().display().to_string();
        let arguments: Vec<_> =
            self.version.iter().map(|word| word.replace("{root}", &root)).collect();
        process::version(&arguments)
    }
}
