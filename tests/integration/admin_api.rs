//! The description of the admin address (docs/admin.yaml), compared with what the server answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use ws_host_test_support::{Client, Response, TestServer, root};
use yaml_rust2::yaml::Hash;
use yaml_rust2::{Yaml, YamlLoader};

/// An operation: its method in upper case, and its path as the list of requests writes it, such as `/resources/NAME`.
type Operation = (String, String);

struct Description(Yaml);

impl Description {
    fn read() -> Result<Self> {
        let text = std::fs::read_to_string(root().join("docs/admin.yaml"))?;
        Ok(Self(YamlLoader::load_from_str(&text)?.into_iter().next().context("it is empty")?))
    }

    /// Follows a reference, if there is one.
    fn resolve<'a>(&'a self, node: &'a Yaml) -> &'a Yaml {
        match node["$ref"].as_str().and_then(|place| place.strip_prefix("#/")) {
            Some(place) => place.split('/').fold(&self.0, |node, part| &node[part]),
            None => node,
        }
    }

    fn operations(&self) -> Result<BTreeMap<Operation, &Yaml>> {
        let mut operations = BTreeMap::new();
        for (path, methods) in entries(&self.0["paths"])? {
            for (method, operation) in entries(methods)? {
                if matches!(method, "get" | "post" | "delete") {
                    operations.insert((method.to_uppercase(), listed(path)), operation);
                }
            }
        }
        Ok(operations)
    }

    /// Checks that an answer is one that the description has for this operation.
    fn check(&self, operation: &Yaml, response: &Response) -> Result<()> {
        let expected = self.resolve(&operation["responses"][response.status.to_string().as_str()]);
        ensure!(!expected.is_badvalue(), "{} is not described", response.status);
        let content = response.header("content-type").unwrap_or_default();
        let content = content.split(';').next().unwrap_or_default();
        let described = &expected["content"][content];
        ensure!(!described.is_badvalue(), "{} with {content:?}", response.status);
        match &described["schema"] {
            Yaml::BadValue => Ok(()),
            schema => self.check_value(schema, &serde_json::from_str(&response.body)?),
        }
    }

    fn check_value(&self, schema: &Yaml, value: &Value) -> Result<()> {
        let schema = self.resolve(schema);
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let is_kind = |yaml: &Yaml| yaml.as_str() == Some(kind);
        let kinds = schema["type"].as_vec();
        ensure!(
            kinds.map_or(is_kind(&schema["type"]), |kinds| kinds.iter().any(is_kind)),
            "{value}"
        );
        if let (Some(words), Some(word)) = (schema["enum"].as_vec(), value.as_str()) {
            ensure!(words.iter().any(|one| one.as_str() == Some(word)), "{word} is no such word");
        }
        for item in value.as_array().into_iter().flatten() {
            self.check_value(&schema["items"], item)?;
        }
        for required in schema["required"].as_vec().into_iter().flatten() {
            let name = required.as_str().context("a name")?;
            ensure!(value.get(name).is_some(), "{value} has no {name}");
        }
        for (name, field) in value.as_object().into_iter().flatten() {
            match &schema["properties"][name.as_str()] {
                Yaml::BadValue => {
                    let others = &schema["additionalProperties"];
                    ensure!(others.as_hash().is_some(), "{name} is not described");
                    self.check_value(others, field)?;
                }
                described => self.check_value(described, field)?,
            }
        }
        Ok(())
    }
}

fn entries(node: &Yaml) -> Result<Vec<(&str, &Yaml)>> {
    let all: &Hash = node.as_hash().context("a mapping")?;
    all.iter().map(|(key, value)| Ok((key.as_str().context("a key")?, value))).collect()
}

/// Returns a path as the list of requests writes it.
fn listed(path: &str) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(parameter) => parameter.to_uppercase(),
        None => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn ask(admin: SocketAddr, method: &str, target: &str, more: &str, body: &[u8]) -> Result<Response> {
    let length = body.len();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n"
    );
    Response::to_raw(admin, &[head.as_bytes(), body].concat())
}

/// Checks that the answer to a GET request is as described.
pub(crate) fn expect_described(admin: SocketAddr, path: &str) -> Result<()> {
    let description = Description::read()?;
    let operations = description.operations()?;
    let operation =
        operations.get(&("GET".to_owned(), path.to_owned())).context("not described")?;
    description.check(operation, &ask(admin, "GET", path, "", b"")?)
}

#[test]
fn every_request_is_described_and_every_described_request_is_answered_so() -> Result<()> {
    let description = Description::read()?;
    let operations = description.operations()?;
    let (server, admin) = TestServer::with_admin("guest-outside", &[])?;
    let _client = Client::connect(&server)?;

    let unknown = ask(admin, "GET", "/none", "", b"")?;
    assert_eq!(unknown.status, 404);
    let offered: BTreeSet<Operation> = unknown
        .body
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (method, path) = (words.next()?, words.next()?);
            path.starts_with('/').then(|| (method.to_owned(), path.to_owned()))
        })
        .collect();
    let described: BTreeSet<Operation> = operations.keys().cloned().collect();
    assert_eq!(offered, described);

    let binary = "Content-Type: application/octet-stream\r\n";
    let long = vec![b'a'; (1 << 20) + 1];
    let requests: [(&str, &str, &str, &[u8]); 29] = [
        ("GET /", "/", "", b""),
        ("GET /", "/", "Accept: text/html\r\n", b""),
        ("GET /healthz", "/healthz", "", b""),
        ("GET /readyz", "/readyz", "", b""),
        ("GET /metrics", "/metrics", "", b""),
        ("GET /resources", "/resources", "", b""),
        ("GET /clients", "/clients", "", b""),
        ("GET /cluster", "/cluster", "", b""),
        ("POST /reload", "/reload", "", b""),
        ("POST /rollback", "/rollback", "", b""),
        ("POST /resources/NAME/messages", "/resources/guest-outside/messages", "", b"panic"),
        ("GET /status", "/status", "", b""),
        ("DELETE /clients/NUMBER", "/clients/0", "", b""),
        ("POST /resources/NAME/messages", "/resources/guest-outside/messages", "", b"a"),
        ("POST /resources/NAME/messages", "/resources/none/messages", "", b"a"),
        ("POST /resources/NAME/messages", "/resources/guest-outside/messages?path=/", "", b"a"),
        ("POST /resources/NAME/messages", "/resources/guest-outside/messages", "", &long),
        ("POST /resources/NAME/topics/TOPIC", "/resources/guest-outside/topics/a", "", b"a"),
        ("POST /resources/NAME/topics/TOPIC", "/resources/guest-outside/topics/a", binary, b"\xff"),
        ("POST /resources/NAME/topics/TOPIC", "/resources/guest-outside/topics/a", "", b"\xff"),
        ("POST /resources/NAME/topics/TOPIC", "/resources/none/topics/a", "", b"a"),
        ("GET /resources/NAME/tags/TAG", "/resources/guest-outside/tags/a", "", b""),
        ("GET /resources/NAME/tags/TAG", "/resources/none/tags/a", "", b""),
        ("POST /resources/NAME/tags/TAG", "/resources/guest-outside/tags/a", "", b"a"),
        ("POST /resources/NAME/tags/TAG", "/resources/guest-outside/tags/a", "", b"\xff"),
        ("DELETE /resources/NAME/tags/TAG", "/resources/guest-outside/tags/a?code=4001", "", b""),
        ("DELETE /resources/NAME/tags/TAG", "/resources/guest-outside/tags/a?code=1", "", b""),
        ("DELETE /resources/NAME", "/resources/none", "", b""),
        ("DELETE /resources/NAME", "/resources/guest-outside", "", b""),
    ];
    let mut asked = BTreeSet::new();
    for (operation, target, more, body) in requests {
        let (method, path) = operation.split_once(' ').context("a method")?;
        let operation: Operation = (method.to_owned(), path.to_owned());
        let described = operations.get(&operation).context("it is not described")?;
        let answer = ask(admin, method, target, more, body)?;
        description.check(described, &answer).with_context(|| format!("{method} {target}"))?;
        asked.insert(operation);
    }
    assert_eq!(asked, described);
    Ok(())
}

/// Replaces the parts of a path that are parameters with values that fit.
fn target(path: &str) -> String {
    path.replace("NAME", "guest-outside")
        .replace("NUMBER", "0")
        .replace("TOPIC", "a")
        .replace("TAG", "a")
}

#[test]
fn refusals_are_described_for_every_request() -> Result<()> {
    let description = Description::read()?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "abcdefghijklmnop")?;
    let token = ["--admin-token", &file.path().display().to_string()];
    let (_open_server, open) = TestServer::with_admin("guest-outside", &[])?;
    let (_server, with_token) = TestServer::with_admin("guest-outside", &token)?;
    let foreign = "Sec-Fetch-Site: cross-site\r\n";
    for ((method, path), operation) in description.operations()? {
        let is_public = ["/", "/healthz", "/readyz"].contains(&&*path);
        let target = target(&path);
        // `Host` twice is invalid, too.
        for (admin, target, more, status) in [
            (open, &target, "Host: other\r\n", 400),
            (open, &target, foreign, 403),
            (with_token, &target, "", 401),
        ] {
            if status == 401 && is_public {
                continue;
            }
            let response = ask(admin, &method, target, more, b"")?;
            ensure!(response.status == status, "{method} {target}: {response:?}");
            description
                .check(operation, &response)
                .with_context(|| format!("{method} {target}"))?;
        }
    }
    Ok(())
}

#[test]
fn query_parameters_are_those_of_the_list_of_requests() -> Result<()> {
    let description = Description::read()?;
    let (_server, admin) = TestServer::with_admin("guest-outside", &[])?;
    let unknown = ask(admin, "GET", "/none", "", b"")?;
    for ((method, path), operation) in description.operations()? {
        let described: BTreeSet<&str> = operation["parameters"]
            .as_vec()
            .into_iter()
            .flatten()
            .map(|parameter| description.resolve(parameter))
            .filter(|parameter| parameter["in"].as_str() == Some("query"))
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let is_about = |line: &&str| line.split_whitespace().take(2).eq([&*method, &*path]);
        let line = unknown.body.lines().find(is_about).context("it is not listed")?;
        // Such as `?code=CODE&reason=REASON`.
        let listed: BTreeSet<&str> = line
            .split(['?', '&'])
            .skip(1)
            .filter_map(|parameter| parameter.split_once('='))
            .map(|(name, _)| name)
            .collect();
        ensure!(
            listed == described,
            "{method} {path}: {listed:?}, but {described:?} are described"
        );
    }
    Ok(())
}

#[test]
fn path_is_listed_with_its_parameters_in_upper_case() {
    for (path, expected) in [
        ("/healthz", "/healthz"),
        ("/resources/{name}", "/resources/NAME"),
        ("/resources/{name}/tags/{tag}", "/resources/NAME/tags/TAG"),
    ] {
        assert_eq!(listed(path), expected);
    }
}
