//! The configuration file, in TOML. Errors name the line.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::schema;
use super::value_error;
use super::written::WrittenSettings;
use super::{Config, ConfigLocation, InvalidSetting, Mode, ResourceConfig};
use crate::error_chain::as_user;

/// The minimum similarity, from 0 to 1, at which a known key is suggested for an unknown one.
const MIN_SIMILARITY: f64 = 0.75;

/// The reason why a configuration file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file does not exist or cannot be read.
    #[error("cannot read the configuration {}{}: {cause}", .path.display(), as_user(.cause))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The file has an error.
    #[error("{}:{line}: {what}", .path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The key, what is wrong with its value, and what is valid.
        what: String,
    },
}

/// Reads a configuration file. Relative paths in the file are relative to the folder of the file.
///
/// # Errors
///
/// [`FileError`] names the file, the line and the key.
pub fn read(path: &Path, mode: Mode) -> Result<Config, FileError> {
    read_with(path, mode, |settings| settings)
}

/// Reads a configuration file as [`read`] does, but applies `change` to its settings before they are checked.
///
/// # Errors
///
/// [`FileError`] names the file, the line and the key.
pub fn read_with(
    path: &Path,
    mode: Mode,
    change: impl FnOnce(schema::Server) -> schema::Server,
) -> Result<Config, FileError> {
    let text = read_text(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let config = settings(&text)
        .and_then(|settings| check(&text, change(settings), folder, mode))
        .map_err(|error| error.of_file(path))?;
    let written = WrittenSettings::of(&text);
    Ok(Config { file: Some(path.into()), written, ..config })
}

/// Reads the settings of a configuration file without checking them. The components need not exist.
///
/// # Errors
///
/// [`FileError`] if the file cannot be read or a value has the wrong type.
pub fn read_settings(path: &Path) -> Result<schema::Server, FileError> {
    settings(&read_text(path)?).map_err(|error| error.of_file(path))
}

fn read_text(path: &Path) -> Result<String, FileError> {
    std::fs::read_to_string(path)
        .map_err(|cause| FileError::Unreadable { path: path.into(), cause })
}

struct ParseError {
    line: usize,
    message: String,
}

impl ParseError {
    fn of_file(self, path: &Path) -> FileError {
        FileError::Wrong { path: path.into(), line: self.line, what: self.message }
    }
}

fn settings(text: &str) -> Result<schema::Server, ParseError> {
    toml::from_str(text).map_err(|error| ParseError {
        line: line(text, error.span()),
        message: value_error::describe(text, &with_suggestion(error.message()), error.span()),
    })
}

fn check(
    text: &str,
    settings: schema::Server,
    folder: &Path,
    mode: Mode,
) -> Result<Config, ParseError> {
    let config = settings.check(folder, mode);
    config.and_then(check_components).map_err(|error| ParseError {
        line: line(text, span(text, &error)),
        message: error.to_string(),
    })
}

/// Checks that the file of every component exists. The content of a component is checked when the component is loaded.
fn check_components(config: Config) -> Result<Config, InvalidSetting> {
    let is_missing = |resource: &ResourceConfig| !resource.component.is_file();
    let Some(number) = config.host.resources.iter().position(is_missing) else {
        return Ok(config);
    };
    let component = config.host.resources[number].component.display();
    let why = format!("{component}: no such file");
    Err(InvalidSetting { location: ConfigLocation::Resource(number), key: "component", why })
}

pub(crate) fn line(text: &str, span: Option<Range<usize>>) -> usize {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    before.matches('\n').count() + 1
}

/// Returns the position of a setting. If the setting is missing in a resource, returns the position of the resource.
fn span(text: &str, error: &InvalidSetting) -> Option<Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    match error.location {
        ConfigLocation::Server => nested_key(document.get_ref(), error.key),
        ConfigLocation::Resource(number) => {
            let (_, resources) =
                document.get_ref().iter().find(|(key, _)| key.get_ref() == "resource")?;
            let resource = resources.get_ref().as_array()?.get(number)?;
            let within = match resource.get_ref() {
                DeValue::Table(table) => key(table, error.key),
                _ => None,
            };
            within.or(Some(resource.span()))
        }
    }
}

/// Returns the position of a key. The key may be in a table, as in `cluster.name`. If that table does not have the key,
/// returns the position of the table.
fn nested_key(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let Some((outer, inner)) = path.split_once('.') else { return key(table, path) };
    let (found, value) = table.iter().find(|(key, _)| key.get_ref() == outer)?;
    let within = value.get_ref().as_table().and_then(|table| key(table, inner));
    within.or_else(|| Some(found.span()))
}

fn key(table: &DeTable<'_>, name: &str) -> Option<Range<usize>> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, _)| key.span())
}

/// Rewrites serde's message about an unknown key. serde lists all known keys. If one of them is similar to the unknown
/// key, the new message suggests only the similar key.
pub(crate) fn with_suggestion(message: &str) -> String {
    let mut keys = message.split('`').skip(1).step_by(2);
    let (true, Some(unknown)) = (message.starts_with("unknown field"), keys.next()) else {
        return message.trim().replace('\n', ", ");
    };
    suggestion(unknown, &keys.collect::<Vec<_>>())
}

/// Returns the message about an unknown key. It suggests a similar known key, or else lists all known keys.
pub(crate) fn suggestion(unknown: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|key| (strsim::jaro_winkler(unknown, key), key))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|one, other| one.0.total_cmp(&other.0));
    match nearest {
        Some((_, key)) => format!("unknown key `{unknown}`; did you mean `{key}`?"),
        None => format!("unknown key `{unknown}`; known keys: {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use ws_host_protocol::Deflate;
    use ws_host_protocol::deflate::{ContextTakeover, KeepWindow};

    use super::*;

    /// Parses a file in a folder that contains the component `a.wasm` and the file `secret`.
    fn parse_here(text: &str) -> Result<Config, ParseError> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.wasm"), "").expect("a file");
        std::fs::write(folder.path().join("secret"), "0123456789abcdef").expect("a file");
        check(text, settings(text)?, folder.path(), Mode::Production)
    }

    #[track_caller]
    fn expect(text: &str, line: usize, words: &[&str]) {
        let error = match parse_here(text) {
            Ok(config) => panic!("it was accepted: {config:?}"),
            Err(error) => error,
        };
        let message = error.message;
        assert_eq!(error.line, line, "{message}");
        for word in words {
            assert!(message.contains(word), "{word:?} is not in {message:?}");
        }
    }

    const GOOD: &str = "listen = \"127.0.0.1:0\"\n\n[[resource]]\ncomponent = \"a.wasm\"\n";

    #[test]
    fn smallest_file_has_one_component() -> Result<(), String> {
        let config = parse_here(GOOD).map_err(|error| error.message)?;
        let [resource] = &config.host.resources[..] else { return Err("one resource".into()) };
        assert_eq!((&*resource.name, resource.path.as_str()), ("a", "/"));
        assert!(resource.component.is_absolute() && resource.component.ends_with("a.wasm"));
        Ok(())
    }

    #[test]
    fn error_for_a_misspelled_key_suggests_the_similar_one() {
        expect(
            &GOOD.replace("component", "compnent"),
            4,
            &["compnent", "did you mean `component`"],
        );
        expect(&format!("lisen = 1\n{GOOD}"), 1, &["`lisen`", "`listen`"]);
        expect(&format!("frobnicate = 1\n{GOOD}"), 1, &["`frobnicate`", "known keys: listen, "]);
    }

    #[test]
    fn error_names_the_line_and_the_key() {
        let more = |line: &str| format!("{GOOD}{line}\n");
        expect(&more("max-message = 0"), 5, &["max-message", "more than 0"]);
        expect(&more("max-clients = 0"), 5, &["max-clients", "at least 1"]);
        expect(&more("max-message = \"many\""), 5, &["max-message", "64KiB"]);
        expect(&more("instances = \"many\""), 5, &["instances: ", "a whole number"]);
        expect(&format!("workers = \"many\"\n{GOOD}"), 1, &["workers: ", "whole number"]);
        expect(&format!("watch = \"no\"\n{GOOD}"), 1, &["watch: ", "true or false"]);
        expect(&format!("admin = \"here\"\n{GOOD}"), 1, &["admin: ", "127.0.0.1:9090"]);
        expect(&format!("health = \"here:1\"\n{GOOD}"), 1, &["health: ", "127.0.0.1:9090"]);
        expect(&more("max-cpu = \"0s\""), 5, &["max-cpu"]);
        expect(&more("max-cpu = \"quick\""), 5, &["\"quick\"", "500ms"]);
        expect(&more("path = \"room\""), 5, &["path", "must begin with /"]);
        expect(&more("origins = [\"example.com\"]"), 5, &["origins", "example.com"]);
        expect(&more("instances = 0"), 5, &[]);
        expect(&more("instance-per = \"path\""), 5, &["instance-per", "/room/{id}"]);
        expect(&more("instance-per = \"planet\""), 5, &["planet", "client"]);
        expect(&more("headers = { upgrade = \"x\" }"), 5, &["headers", "upgrade"]);
        expect(&more("name = \"a b\""), 5, &["name", "\"a b\""]);
        expect(&format!("cluster = 1\n{GOOD}"), 1, &["integer `1`, expected a table"]);
        expect("resource = [1]\n", 1, &["integer `1`, expected a table"]);
        expect(&more("listen = \"127.0.0.1:9\""), 5, &["listen", "127.0.0.1:9"]);
        expect(&more("compression = \"yes\""), 5, &["yes", "`off`, `messages`, `context`"]);
        expect(&more("compression-level = 3"), 5, &["compression-level", "needs compression"]);
        expect(&more("compression-keep-window = true"), 5, &["needs compression"]);
        let deflating = |line: &str| more(&format!("compression = \"messages\"\n{line}"));
        for level in [0, 10, 300] {
            let text = deflating(&format!("compression-level = {level}"));
            expect(&text, 6, &["compression-level", &level.to_string(), "1 (fastest) to 9"]);
        }
        for bits in [8, 16, 300] {
            let text = deflating(&format!("compression-window = {bits}"));
            expect(&text, 6, &["compression-window", &bits.to_string(), "9 (512 bytes) to 15"]);
        }
        expect(&deflating("compression-threshold = \"some\""), 6, &[]);
        expect(
            &more("grant = [\n  \"config\",\n  \"rockets\",\n]"),
            5,
            &["rockets", "folder:PATH"],
        );
        expect(&more("grant = [\"folder:none\"]"), 5, &["grant", "none, which is not a folder"]);
        expect(&more("grant = [\"folder:.\", \"folder:..::.\"]"), 5, &["two folders", "\".\""]);
        expect(&more("http = { max-response = 1 }"), 5, &["http", "needs a host in grant"]);
        let http =
            |limit: &str| more(&format!("grant = [\"https://a.example\"]\nhttp = {{ {limit} }}"));
        expect(
            &http("connect-timeout = \"0s\""),
            6,
            &["http", "connect-timeout must be more than 0"],
        );
        expect(&http("max-response = 0"), 6, &["http", "max-response must be more than 0"]);
        expect(
            &http("conect-timeout = \"1s\""),
            6,
            &["`conect-timeout`", "did you mean `connect-timeout`"],
        );
        expect(&more("config = { a = \"b\" }"), 5, &["config", "needs grant"]);
        expect(&more("max-message = 1\nmax-message = 2"), 6, &["duplicate"]);
        expect(&format!("admin = \"0.0.0.0:1\"\n{GOOD}"), 1, &["admin", "loopback address"]);
        expect(&format!("workers = 5000\n{GOOD}"), 1, &["workers", "at most 4096"]);
        expect(&format!("max-headers = 10001\n{GOOD}"), 1, &["max-headers", "at most 10000"]);
        expect(&format!("max-header-size = 8191\n{GOOD}"), 1, &["max-header-size", "8KiB"]);
        expect(&more("idle-timeout = \"1ns\""), 5, &["idle-timeout", "at least 1ms"]);
        expect(&format!("drafts = [13, 6]\n{GOOD}"), 1, &["drafts", "6", "13, 8, 7 and 0"]);
        expect(&format!("static = \"no/such\"\n{GOOD}"), 1, &["static", "no/such"]);
        let cluster = |lines: &str| format!("{GOOD}[cluster]\n{lines}\n");
        expect(&cluster(""), 5, &["cluster.broker", "nats://"]);
        expect(
            &cluster("name = \"a\"\nbroker = \"http://a\""),
            7,
            &["http://a", "nats://10.0.0.1:4222"],
        );
        let named = |lines: &str| cluster(&format!("broker = \"nats://a\"\n{lines}"));
        expect(&named("name = \"a b\""), 7, &["cluster.name", "\"a b\""]);
        expect(&named("credentials = \"none\""), 7, &["cluster.credentials", "none: No such file"]);
        expect(&named("cert = \"a.wasm\""), 7, &["cluster.cert", "needs key"]);
        expect(&named("nam = \"a\""), 7, &["`nam`", "did you mean `name`"]);
        for key in ["advertise = \"a:1\"", "secret = \"a\"", "lease = \"5s\"", "replicas = 3"] {
            expect(&named(key), 7, &["needs listen"]);
        }
        let peers = |lines: &str| named(&format!("listen = \"127.0.0.1:0\"\n{lines}"));
        expect(&peers(""), 7, &["cluster.listen", "needs secret", "or ca, cert and key"]);
        expect(&peers("secret = \"a.wasm\""), 8, &["cluster.secret", "at least 16 bytes"]);
        expect(&peers("secret = \"none\""), 8, &["cluster.secret", "No such file"]);
        let everywhere = "listen = \"0.0.0.0:7400\"\nsecret = \"secret\"";
        expect(&named(everywhere), 5, &["cluster.advertise is missing", "10.0.0.1:7400"]);
        let proven = |lines: &str| peers(&format!("secret = \"secret\"\n{lines}"));
        for address in ["a", "a:0", ":1", "user@a:1", "a:99999", "http://a:1"] {
            expect(
                &proven(&format!("advertise = \"{address}\"")),
                9,
                &["cluster.advertise", address],
            );
        }
        expect(&proven("lease = \"500ms\""), 9, &["cluster.lease", "from 1s to 1h"]);
        expect(&proven("replicas = 6"), 9, &["cluster.replicas", "from 1 to 5"]);
        expect(&proven("without-broker = \"wait\""), 9, &["wait", "`stop` or `continue`"]);
        let unique = "path = \"/room/{id}\"\ninstance-per = \"path\"\nunique-in = \"cluster\"\n";
        expect(&more("unique-in = \"cluster\""), 5, &["unique-in", "needs instance-per path"]);
        expect(&format!("{GOOD}{unique}"), 7, &["unique-in", "needs a cluster"]);
        let timers = format!("{GOOD}{unique}grant = [\"timers:t\"]");
        expect(&timers, 7, &["unique-in", "timers:FILE"]);
        let alone = format!("{GOOD}{unique}[cluster]\nbroker = \"nats://a\"");
        expect(&alone, 7, &["unique-in", "needs listen in [cluster]"]);
        let whole = format!("{alone}\nlisten = \"127.0.0.1:0\"\nsecret = \"secret\"");
        assert!(parse_here(&whole).is_ok());
        assert!(parse_here(&format!("{whole}\nwithout-engine = \"continue\"")).is_ok());
        expect(&format!("trusted-proxies = [\"ten\"]\n{GOOD}"), 1, &["ten", "10.0.0.0/8"]);
        expect("listen = 1", 1, &["127.0.0.1:8080"]);
        expect("", 1, &["resource"]);
        expect(&GOOD.replace("a.wasm", "b.wasm"), 4, &["component", "b.wasm", "no such file"]);
        expect("[[resource]]\npath = \"/\"", 1, &["component", "is missing"]);
    }

    #[test]
    fn error_for_an_invalid_listen_setting_names_the_line_and_the_key() {
        // The setting is in the third line. An error without a position would be reported in the first line.
        let at = |setting: &str| {
            GOOD.replacen("listen = \"127.0.0.1:0\"\n\n", &format!("\n\n{setting}\n"), 1)
        };
        let listen = |value: &str| at(&format!("listen = {value}"));
        expect(&listen("[]"), 3, &["listen", "at least one"]);
        expect(&listen("\"localhost:80\""), 3, &["localhost:80", "unix:/run/ws-host.sock"]);
        expect(&listen("[\"127.0.0.1:80\", \"127.0.0.1:80\"]"), 3, &["127.0.0.1:80 twice"]);
        expect(&listen("[\"unix:a\", { address = \"unix:a\", mode = \"600\" }]"), 3, &["twice"]);
        expect(&listen("[\"systemd\", \"systemd\"]"), 3, &["systemd twice"]);
        expect(&listen("{ address = \"127.0.0.1:0\", tls = true }"), 3, &["tls-cert", "tls-key"]);
        expect(&listen("{ address = \"127.0.0.1:0\", mode = \"600\" }"), 3, &["not a unix socket"]);
        expect(&listen("{ address = \"unix:a\", mode = \"rw\" }"), 3, &["rw"]);
        expect(&listen("{ address = \"unix:a\", mode = \"1777\" }"), 3, &["1777"]);
        expect(&listen("{ adress = \"unix:a\" }"), 3, &["`adress`", "did you mean `address`"]);
        expect(&listen("{ tls = false }"), 3, &["address"]);
        let proxied = "{ address = \"127.0.0.1:0\", proxy-protocol = true }";
        expect(&listen(proxied), 3, &["proxy-protocol", "trusted-proxies"]);
        expect(&at("proxy-protocol = true"), 3, &["proxy-protocol", "trusted-proxies"]);
        let both = "{ address = \"127.0.0.1:0\", secure = true }\ntls-dev = true";
        expect(&listen(both), 3, &["secure", "127.0.0.1:0 speaks TLS itself"]);
        let both = "{ address = \"unix:a\", tls = true, secure = true }\ntls-dev = true";
        expect(&listen(both), 3, &["secure", "speaks TLS itself"]);
        expect(&at("secure = true\ntls-dev = true"), 3, &["secure", "127.0.0.1:8080"]);
        expect(&at("forwarded-by = \"via\""), 3, &["via", "x-real-ip", "cf-connecting-ip"]);
        expect(&at("tls-cert = \"cert.pem\""), 3, &["tls-cert", "tls-key"]);
        expect(&at("tls-key = \"key.pem\""), 3, &["tls-key", "tls-cert"]);
        expect(&at("tls-client-ca = \"ca.pem\""), 3, &["tls-client-ca", "tls-cert"]);
        expect(&at("tls-client-auth = \"required\""), 3, &["tls-client-auth", "tls-client-ca"]);
        expect(&at("tls-client-auth = \"maybe\""), 3, &["maybe", "required"]);
        let dev = "tls-dev = true\ntls-cert = \"cert.pem\"";
        expect(&at(dev), 3, &["tls-dev", "tls-cert"]);
        let resource = "listen = \"127.0.0.2:0\"";
        expect(&format!("{GOOD}{resource}\n"), 5, &["listen", "127.0.0.2:0"]);
    }

    #[test]
    fn address_can_override_settings_of_all_addresses() -> Result<(), String> {
        use crate::config::{Address, Encryption, ProxyProtocol};
        let text = format!(
            "tls-dev = true\nproxy-protocol = true\ntrusted-proxies = [\"127.0.0.1\"]\nunix-mode = \"600\"\n{}",
            GOOD.replacen(
                "\"127.0.0.1:0\"",
                "[\"127.0.0.1:0\", { address = \"127.0.0.1:0\", tls = false }, \"unix:a\", \
                 { address = \"127.0.0.1:0\", tls = false, secure = true }, \
                 { address = \"unix:/b\", tls = true, proxy-protocol = false, mode = \"666\" }]",
                1
            )
        );
        let config = parse_here(&text).map_err(|error| error.message)?;
        let found: Vec<_> = config
            .listen
            .iter()
            .map(|listen| (listen.encryption, listen.proxy_protocol, listen.mode))
            .collect();
        let (tls, plain) = (Encryption::Tls, Encryption::Plain);
        let terminated = Encryption::Terminated;
        let (with, without) = (ProxyProtocol::Required, ProxyProtocol::Off);
        assert_eq!(
            found,
            [
                (tls, with, None),
                (plain, with, None),
                (plain, with, Some(0o600)),
                (terminated, with, None),
                (tls, without, Some(0o666)),
            ]
        );
        // A relative path is relative to the folder of the configuration.
        assert!(matches!(&config.listen[2].address, Address::Unix(file) if file.is_absolute()));
        Ok(())
    }

    #[test]
    fn compression_is_off_unless_it_is_configured() -> Result<(), String> {
        let parsed = |lines: &str| {
            let config = parse_here(&format!("{GOOD}{lines}\n"));
            let mut config = config.map_err(|error| error.message)?;
            Ok::<_, String>(config.host.resources.remove(0).compression)
        };
        assert_eq!(parsed("")?, None);
        assert_eq!(parsed("compression = \"off\"\ncompression-level = 9")?, None);
        let keeping = |mut deflate: Deflate| {
            deflate.keep_window = KeepWindow::Always;
            deflate
        };
        let (messages, context) = (Deflate::default(), Deflate::with_context_takeover());
        assert_eq!(parsed("compression = \"messages\"")?, Some(keeping(messages)));
        assert_eq!(parsed("compression = \"context\"")?, Some(keeping(context)));
        let strict = "compression = \"messages\"\ncompression-keep-window = false";
        assert_eq!(parsed(strict)?, Some(messages));
        let all = "compression = \"context\"\ncompression-level = 9\n\
                   compression-threshold = \"1KiB\"\ncompression-window = 10";
        let Some(deflate) = parsed(all)? else { return Err("it is on".into()) };
        assert_eq!((deflate.level.number(), deflate.threshold), (9, 1024));
        for direction in [deflate.outgoing, deflate.incoming] {
            assert_eq!((direction.context, direction.window.bits()), (ContextTakeover::On, 10));
        }
        Ok(())
    }

    #[test]
    fn error_for_two_resources_with_one_name_or_path_names_the_second() {
        let two = |path: &str, name: &str| {
            format!(
                "{GOOD}path = \"/a/{{id}}\"\n[[resource]]\ncomponent = \"a.wasm\"\npath = \"{path}\"\n{name}\n"
            )
        };
        expect(&two("/b", ""), 6, &["name", "\"a\"", "1 and 2"]);
        expect(&two("/a/{other}", "name = \"b\""), 8, &["path", "/a/{id}"]);
        let beside = two("/a/special", "name = \"b\"");
        assert!(parse_here(&beside).is_ok());
    }
}
