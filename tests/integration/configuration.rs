//! The configuration file: several resources, `--check`, and reloads while the server runs.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::process::Command;

use anyhow::{Context, Result};
use ws_host_test_support::{Client, Response, TestServer, handshake, host_binary};

use crate::configured::{Configuration, ask_admin, hang_up, terminate};
use crate::keeper::counter;

const TWO: &str = r#"
listen = "127.0.0.1:0"
admin = "127.0.0.1:0"

[[resource]]
name = "echo"
path = "/echo"
component = "{{echo}}"

[[resource]]
name = "recording"
path = "/recording/{id}"
instance-per = "path"
component = "{{guest-recording}}"
max-message = 64
"#;

fn status(server: &TestServer, path: &str, headers: &str) -> Result<u16> {
    Ok(Response::to_head(server.address(), &handshake(path, headers))?.status)
}

#[test]
fn resources_are_served_each_at_its_path_with_its_own_settings() -> Result<()> {
    let server = Configuration::new(TWO)?.serve()?;
    let mut echo = Client::connect_to(&server, "/echo")?;
    assert_eq!(echo.ask(&"long".repeat(100))?, "long".repeat(100));
    let mut recording = Client::connect_to(&server, "/recording/a")?;
    assert!(recording.ask("report")?.contains("connected"));
    recording.send_text(&"long".repeat(100))?;
    recording.expect_close(1009)?;
    let response = Response::to(server.address(), &handshake("/nowhere", ""))?;
    assert_eq!(response.status, 404);
    assert!(response.body.contains("/echo, /recording/{id}"), "{response:?}");
    Ok(())
}

#[test]
fn every_setting_of_a_resource_reaches_it() -> Result<()> {
    let text = r#"
        listen = ["127.0.0.1:0", "127.0.0.2:0"]
        [[resource]]
        path = "/"
        listen = "127.0.0.1:0"
        component = "{{guest-about}}"
        environment = { GREETING = "hello", PLACE = "here" }
        origins = ["https://*.example.com"]
        require-origin = true
        subprotocols = ["v2", "v1"]
        headers = { X-Served-By = "us" }
        auto-answers = { ping = "pong" }
    "#;
    let configuration = Configuration::new(text)?;
    let server = configuration.serve()?;
    let request =
        handshake("/", "Origin: https://a.example.com\r\nSec-WebSocket-Protocol: v0, v1, v2\r\n");
    let (mut client, response) = Client::open(server.address(), &request)?;
    assert_eq!(response.status, 101, "{response:?}");
    // The client's order of preference wins.
    assert_eq!(response.header("sec-websocket-protocol"), Some("v1"));
    assert_eq!(response.header("x-served-by"), Some("us"));
    assert_eq!(client.ask("ping")?, "pong");
    assert_eq!(client.ask("environment")?, "GREETING=hello PLACE=here");
    assert!(client.ask("request")?.contains("resource: \"guest-about\""));
    assert_eq!(status(&server, "/", "")?, 403);
    Ok(())
}

#[test]
fn resource_is_served_only_at_its_own_address() -> Result<()> {
    let text = r#"
        listen = ["127.0.0.1:0", "127.0.0.2:0"]
        [[resource]]
        path = "/"
        component = "{{echo}}"
        [[resource]]
        path = "/"
        listen = "127.0.0.2:0"
        component = "{{guest-about}}"
    "#;
    let mut server = Configuration::new(text)?.serve()?;
    let line = server.next_line("ws://127.0.0.2:")?;
    let second = line.split("ws://").nth(1).and_then(|rest| rest.split('/').next());
    let second = second.context("no address")?.parse()?;
    // Each address serves its own resource at the same path.
    let mut echo = Client::connect_to(&server, "/")?;
    assert_eq!(echo.ask("clients")?, "clients");
    let mut about = Client::connect_at(second, "/")?;
    assert_eq!(about.ask("clients")?, "1");
    Ok(())
}

fn check(configuration: &Configuration) -> Result<(bool, String, String)> {
    let file = configuration.file();
    let output = Command::new(host_binary()).arg("--config").arg(file).arg("--check").output()?;
    let text = |bytes| String::from_utf8(bytes);
    Ok((output.status.success(), text(output.stdout)?, text(output.stderr)?))
}

#[test]
fn check_loads_everything_and_ends() -> Result<()> {
    let (is_good, output, _) = check(&Configuration::new(TWO)?)?;
    assert!(is_good);
    assert!(
        output.contains("echo at /echo: ") && output.contains("recording at /recording/{id}: ")
    );
    Ok(())
}

#[test]
fn check_uses_no_store_that_a_host_has_open_and_creates_none() -> Result<()> {
    let grants = "grant = [\"keyvalue:store\", \"timers:timers\"]";
    let configuration = Configuration::of("guest-storing", grants)?;
    let files = || ["store", "timers"].map(|name| configuration.folder().join(name).exists());
    let (is_good, _, error) = check(&configuration)?;
    assert!(is_good, "{error}");
    assert_eq!(files(), [false, false]);
    let server = configuration.serve()?;
    assert_eq!(files(), [true, true]);
    let (is_good, _, error) = check(&configuration)?;
    assert!(is_good, "{error}");
    assert_eq!(Client::connect(&server)?.ask("set shared a one")?, "set");
    drop(server);
    std::fs::write(configuration.folder().join("store"), "text")?;
    let (is_good, _, error) = check(&configuration)?;
    assert!(!is_good && error.contains("it is not a store of ws-host"), "{error}");
    Ok(())
}

#[test]
fn check_connects_neither_to_the_broker_nor_to_the_collector() -> Result<()> {
    let others = TcpListener::bind("127.0.0.1:0")?;
    others.set_nonblocking(true)?;
    let address = others.local_addr()?;
    let configuration = Configuration::new(&format!(
        "listen = \"127.0.0.1:0\"\n[cluster]\nbroker = \"nats://{address}\"\n[traces]\nendpoint = \"http://{address}\"\n\
         [[resource]]\ncomponent = \"{{{{echo}}}}\"\n"
    ))?;
    let (is_good, _, error) = check(&configuration)?;
    assert!(is_good, "{error}");
    let connection = others.accept().map_err(|error| error.kind());
    assert_eq!(connection.err(), Some(ErrorKind::WouldBlock));
    Ok(())
}

#[test]
fn check_names_the_line_that_is_wrong() -> Result<()> {
    for (text, line, word) in [
        (TWO.replace("max-message", "max-mesage"), 15, "did you mean `max-message`?"),
        (TWO.replace("64", "0"), 15, "max-message must be more than 0"),
        (TWO.replace("/recording/{id}", "recording"), 12, "must begin with /"),
        (TWO.replace("name = \"recording\"", "name = \"echo\""), 11, "two resources"),
        (TWO.replace("\"/echo\"", "\"/recording/{name}\""), 12, "neither is more specific"),
        (TWO.replace("[[resource]]", "[[resource"), 5, ""),
    ] {
        let (is_good, _, output) = check(&Configuration::new(&text)?)?;
        assert!(!is_good);
        let place = format!("ws-host.toml:{line}: ");
        assert!(
            output.contains(&place) && output.contains(word),
            "{place}{word} is not in: {output}"
        );
    }
    let missing = TWO.replace("{{echo}}", "no/such.wasm");
    let (is_good, _, output) = check(&Configuration::new(&missing)?)?;
    assert!(!is_good && output.contains("no/such.wasm"), "{output}");
    Ok(())
}

#[test]
fn relative_paths_start_at_the_folder_of_the_configuration() -> Result<()> {
    let configuration = Configuration::new(
        "listen = \"127.0.0.1:0\"\n[[resource]]\ncomponent = \"handlers/echo.wasm\"\n",
    )?;
    std::fs::create_dir(configuration.folder().join("handlers"))?;
    std::fs::copy(
        ws_host_test_support::component("echo"),
        configuration.folder().join("handlers/echo.wasm"),
    )?;
    let server = configuration.serve()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn added_resource_is_served_and_others_are_not_touched() -> Result<()> {
    let configuration = Configuration::new(TWO)?;
    let mut server = configuration.serve()?;
    let mut there = Client::connect_to(&server, "/recording/a")?;
    assert_eq!(status(&server, "/more", "")?, 404);
    let more = "[[resource]]\nname = \"more\"\npath = \"/more\"\ncomponent = \"{{echo}}\"\n";
    let line = configuration.reload(&mut server, &format!("{TWO}{more}"))?;
    assert!(line.contains("added=[\"more\"]"), "{line}");
    assert!(line.contains("unchanged=[\"echo\", \"recording\"]"), "{line}");
    assert_eq!(Client::connect_to(&server, "/more")?.ask("hello")?, "hello");
    assert!(there.ask("report")?.contains("connected"));
    Ok(())
}

#[test]
fn removed_resource_closes_its_own_clients_and_no_others() -> Result<()> {
    let configuration = Configuration::new(TWO)?;
    let mut server = configuration.serve()?;
    let mut echo = Client::connect_to(&server, "/echo")?;
    let mut recording = Client::connect_to(&server, "/recording/a")?;
    let (without, _) = TWO.rsplit_once("[[resource]]").context("only one resource")?;
    configuration.write(without)?;
    hang_up(&server)?;
    recording.expect_close(1001)?;
    assert_eq!(status(&server, "/recording/a", "")?, 404);
    assert_eq!(echo.ask("hello")?, "hello");
    // Its handler got the last event.
    server.wait_for_log("disconnected 1001")?;
    Ok(())
}

#[test]
fn changed_settings_apply_to_new_clients_and_close_none() -> Result<()> {
    let configuration = Configuration::new(TWO)?;
    let mut server = configuration.serve()?;
    let mut there = Client::connect_to(&server, "/recording/a")?;
    let changed = TWO.replace("max-message = 64", "max-message = 128\nheaders = { X-New = \"1\" }");
    let line =
        configuration.reload(&mut server, &changed.replace("/recording/{id}", "/moved/{id}"))?;
    assert!(line.contains("changed=[\"recording\"]"), "{line}");
    there.send_text(&"x".repeat(65))?;
    there.expect_close(1009)?;
    assert_eq!(status(&server, "/recording/a", "")?, 404);
    let (mut new, response) = Client::open(server.address(), &handshake("/moved/a", ""))?;
    assert_eq!(response.header("x-new"), Some("1"));
    new.send_text(&"x".repeat(65))?;
    assert!(new.ask("report")?.contains(&"x".repeat(65)));
    Ok(())
}

#[test]
fn limits_and_environment_of_a_handler_change_without_losing_its_state() -> Result<()> {
    let text = |more: &str| {
        format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[[resource]]\nname = \"a\"\n\
             component = \"{{{{guest-keeper}}}}\"\n{more}\n"
        )
    };
    let configuration = Configuration::new(&text(""))?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("count")?, "1");
    configuration.write(&text("environment = { A = \"b\" }\nmax-cpu = \"2s\""))?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert_eq!(response.status, 200, "{response:?}");
    assert!(response.body.contains("changed a"), "{response:?}");
    assert_eq!(client.ask("count")?, "2");
    Ok(())
}

#[test]
fn settings_of_the_server_that_need_a_restart_are_named() -> Result<()> {
    let text = |server: &str| {
        format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n{server}\n[[resource]]\ncomponent = \"{{{{echo}}}}\"\n"
        )
    };
    let configuration = Configuration::new(&text("workers = 1\nmax-clients = 9"))?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    configuration.write(&text("max-clients = 10\ndrain-timeout = \"1s\""))?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    let named = "drain-timeout, max-clients, workers";
    assert!(
        response.body.contains(&format!("not changed until a restart: {named}\n")),
        "{response:?}"
    );
    let line = server.wait_for_log("settings of the server are read only at start")?;
    assert!(line.contains(named) && line.contains("Restart ws-host"), "{line}");
    // What is the same as at the start needs none.
    configuration.write(&text("workers = 1\nmax-clients = 9 # of ten"))?;
    let response = ask_admin(admin, "POST /reload", "", b"")?;
    assert!(!response.body.contains("restart"), "{response:?}");
    Ok(())
}

#[test]
fn resource_with_another_instance_per_restarts() -> Result<()> {
    let configuration = Configuration::new(TWO)?;
    let mut server = configuration.serve()?;
    let mut echo = Client::connect_to(&server, "/echo")?;
    let mut recording = Client::connect_to(&server, "/recording/a")?;
    configuration.write(&TWO.replace("\"path\"", "\"client\""))?;
    hang_up(&server)?;
    recording.expect_close(1012)?;
    let line = server.wait_for_log("the configuration was reloaded")?;
    assert!(line.contains("restarted=[\"recording\"]"), "{line}");
    let mut one = Client::connect_to(&server, "/recording/a")?;
    let _other = Client::connect_to(&server, "/recording/a")?;
    assert_eq!(one.ask("report")?.lines().count(), 1);
    assert_eq!(echo.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn broken_configuration_changes_nothing() -> Result<()> {
    let configuration = Configuration::new(TWO)?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    assert_eq!(counter(admin, "ws_host_config_rejected")?, 0);
    let mut echo = Client::connect_to(&server, "/echo")?;
    for (broken, word) in [
        (TWO.replace("max-message", "max-mesage"), "ws-host.toml:15: "),
        // One resource is removed and another cannot be loaded: the first one stays.
        (
            TWO.replace("\"echo\"", "\"other\"").replace("{{guest-recording}}", "none.wasm"),
            "none.wasm",
        ),
    ] {
        configuration.write(&broken)?;
        let response = ask_admin(admin, "POST /reload", "", b"")?;
        assert_eq!(response.status, 422, "{response:?}");
        assert!(response.body.contains(word), "{response:?}");
        server.wait_for_log("the configuration was not reloaded")?;
        assert_eq!(echo.ask("hello")?, "hello");
        assert_eq!(status(&server, "/recording/a", "")?, 101);
        assert_eq!(counter(admin, "ws_host_config_rejected")?, 1);
    }
    configuration.write(TWO)?;
    assert_eq!(ask_admin(admin, "POST /reload", "", b"")?.status, 200);
    assert_eq!(counter(admin, "ws_host_config_rejected")?, 0);
    Ok(())
}

#[test]
fn clients_of_a_resource_have_a_limit_of_their_own() -> Result<()> {
    let text = TWO.replace("max-message = 64", "max-clients = 1");
    let server = Configuration::new(&text)?.serve()?;
    let first = Client::connect_to(&server, "/recording/a")?;
    assert_eq!(status(&server, "/recording/b", "")?, 503);
    assert_eq!(status(&server, "/echo", "")?, 101);
    first.close()?;
    while status(&server, "/recording/b", "")? == 503 {}
    Ok(())
}

#[test]
fn resource_flags_are_refused_together_with_a_file() -> Result<()> {
    let configuration = Configuration::new(TWO)?;
    for flag in [["--max-message", "1KiB"], ["--compression", "context"]] {
        let output = Command::new(host_binary())
            .arg("--config")
            .arg(configuration.file())
            .args(flag)
            .output()?;
        let error = String::from_utf8(output.stderr)?;
        assert!(!output.status.success() && error.contains(flag[0]), "{error}");
    }
    Ok(())
}

#[test]
fn one_component_serves_several_paths_and_knows_which() -> Result<()> {
    let text = r#"
        listen = "127.0.0.1:0"
        [[resource]]
        name = "one"
        path = "/one"
        component = "{{guest-about}}"
        [[resource]]
        name = "two"
        path = "/two/*"
        component = "{{guest-about}}"
    "#;
    let server = Configuration::new(text)?.serve()?;
    let seen = Client::connect_to(&server, "/one")?.ask("request")?;
    assert!(seen.contains("resource: \"one\"") && seen.contains("path: \"/one\""), "{seen}");
    let seen = Client::connect_to(&server, "/two/b/c")?.ask("request")?;
    assert!(seen.contains("resource: \"two\"") && seen.contains("\"b/c\""), "{seen}");
    Ok(())
}

/// Nothing writes to the pipe, so reading the configuration blocks. Everything else must continue.
#[test]
fn pipe_in_place_of_the_file_blocks_nothing_else() -> Result<()> {
    let configuration = Configuration::of("echo", "")?;
    let server = configuration.serve()?;
    let mut client = Client::connect(&server)?;
    std::fs::remove_file(configuration.file())?;
    assert!(Command::new("mkfifo").arg(configuration.file()).status()?.success());
    hang_up(&server)?;
    for number in 0..100 {
        assert_eq!(client.ask(&number.to_string())?, number.to_string());
    }
    assert_eq!(Client::connect(&server)?.ask("hello")?, "hello");
    terminate(&server)?;
    client.expect_close(1001)?;
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}
