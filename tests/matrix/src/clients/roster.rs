//! The clients of the matrix.

use super::program::{JavaScript, Kind, Program};
use crate::table::InSome;

const fn among_some(name: &'static str, kind: Kind) -> Program {
    Program { name, is_among_some: InSome::Yes, kind }
}

const fn among_all(name: &'static str, kind: Kind) -> Program {
    Program { name, is_among_some: InSome::No, kind }
}

const fn node(script: &'static str, package: &'static str) -> Kind {
    Kind::Node { script, package, trailing: &[] }
}

const fn python(script: &'static str) -> Kind {
    Kind::Python { script }
}

const fn rust(client: &'static str) -> Kind {
    Kind::Compiled { program: "debug/ws-host-matrix-clients", client }
}

const fn go(client: &'static str) -> Kind {
    Kind::Compiled { program: "go-clients", client }
}

const fn cpp(client: &'static str) -> Kind {
    Kind::Compiled { program: "cpp-clients", client }
}

// The names of the programs on different systems.
const CHROMIUM: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const FIREFOX: &[&str] = &["firefox-esr", "firefox"];

/// By language. Those in `--some` were chosen because each checks the handshake differently or has
/// another kind of compression.
pub(super) const PROGRAMS: &[Program] = &[
    among_some("undici", node("undici.mjs", "undici")),
    among_all("node, built in", Kind::BuiltIn(JavaScript::Node)),
    among_all("Deno, built in", Kind::BuiltIn(JavaScript::Deno)),
    among_all("Bun, built in", Kind::BuiltIn(JavaScript::Bun)),
    among_all("Chromium", Kind::Browser { name: "chromium", programs: CHROMIUM }),
    among_all("Firefox", Kind::Browser { name: "firefox", programs: FIREFOX }),
    among_some("ws", node("ws.mjs", "ws")),
    among_all("ws 1", Kind::Node { script: "ws.mjs", package: "ws-1", trailing: &["ws-1"] }),
    among_all("ws 0", Kind::Node { script: "ws.mjs", package: "ws-0", trailing: &["ws-0"] }),
    among_all("websocket", node("websocket.mjs", "websocket")),
    among_some("faye-websocket", node("faye-websocket.mjs", "faye-websocket")),
    among_all("websockets", python("with_websockets.py")),
    among_all("websockets, threads", python("with_websockets_threads.py")),
    among_some("websocket-client", python("with_websocket_client.py")),
    among_some("aiohttp", python("with_aiohttp.py")),
    among_some("tornado", python("with_tornado.py")),
    among_all("picows", python("with_picows.py")),
    among_all("httpx-ws", python("with_httpx_ws.py")),
    among_some("curl", python("with_curl.py")),
    among_some("tokio-tungstenite", rust("tokio-tungstenite")),
    among_all("fastwebsockets", rust("fastwebsockets")),
    among_all("tokio-websockets", rust("tokio-websockets")),
    among_some("yawc", rust("yawc")),
    among_all("yawc, HTTP/2", rust("yawc-http2")),
    among_some("Go gorilla", go("gorilla")),
    among_some("Go nhooyr", go("nhooyr")),
    among_all("Go x/net", go("x/net")),
    among_all("Boost.Beast", cpp("beast")),
    among_all("WebSocket++", cpp("websocketpp")),
    among_all("libwebsockets", cpp("libwebsockets")),
    among_all("Qt", Kind::SystemPython { script: "with_qt.py", module: "PyQt5.QtWebSockets" }),
    among_all("libsoup", Kind::SystemPython { script: "with_soup.py", module: "gi" }),
    among_some("Perl Mojolicious", Kind::Perl { script: "mojolicious.pl", module: "Mojolicious" }),
    among_some("Java java.net.http", Kind::Java { class: "JdkClient" }),
    among_all("Java OkHttp", Kind::Java { class: "OkHttpClients" }),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_client_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = PROGRAMS.iter().map(|program| program.name).collect();
        assert_eq!(names.len(), PROGRAMS.len());
    }
}
