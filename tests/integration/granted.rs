//! Capabilities that the configuration grants: values of `wasi:config`, and folders.

use std::os::unix::fs::symlink;

use anyhow::{Context, Result};
use ws_host_test_support::{Client, TestServer, root, startup_error};

use crate::configured::{Configuration, ask_admin};

fn serve(settings: &str) -> Result<(Configuration, TestServer, Client)> {
    Configuration::of("guest-granted", settings)?.with_client()
}

/// A configuration whose handler may read the folder `data` beside it, and a server for it.
fn with_folder(settings: &str) -> Result<(Configuration, TestServer, Client)> {
    let configuration = Configuration::new("")?;
    let data = configuration.folder().join("data");
    std::fs::create_dir_all(data.join("deep"))?;
    std::fs::write(data.join("a.txt"), "first")?;
    std::fs::write(data.join("deep/b.txt"), "second")?;
    std::fs::write(configuration.folder().join("secret.txt"), "secret")?;
    configuration.write(&format!(
        "listen = \"127.0.0.1:0\"\n[[resource]]\ncomponent = \"{{{{guest-granted}}}}\"\n{settings}\n"
    ))?;
    configuration.with_client()
}

#[test]
fn values_of_the_configuration_reach_the_handler_that_may_read_them() -> Result<()> {
    let settings = "grant = [\"config\"]\nconfig = { key = \"value\", empty = \"\" }";
    let (_configuration, _server, mut client) = serve(settings)?;
    assert_eq!(client.ask("config key")?, "Some(\"value\")");
    assert_eq!(client.ask("config empty")?, "Some(\"\")");
    assert_eq!(client.ask("config KEY")?, "None");
    assert_eq!(client.ask("config-all")?, "[(\"empty\", \"\"), (\"key\", \"value\")]");
    Ok(())
}

#[test]
fn values_that_are_not_granted_are_an_error_that_names_the_setting() -> Result<()> {
    let (_configuration, mut server, mut client) = serve("")?;
    for command in ["config key", "config-all"] {
        let answer = client.ask(command)?;
        assert!(answer.starts_with("error: ") && answer.contains("not granted"), "{answer}");
    }
    let line = server.wait_for_log("asked for values of the configuration")?;
    assert!(line.contains("guest-granted.wasm") && line.contains("`grant`"), "{line}");
    Ok(())
}

#[test]
fn changed_grants_and_values_take_effect_at_a_reload_and_close_no_client() -> Result<()> {
    let text = |settings: &str| {
        format!(
            "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n[[resource]]\nname = \"a\"\n\
             component = \"{{{{guest-granted}}}}\"\n{settings}\n"
        )
    };
    let configuration = Configuration::new(&text(""))?;
    let mut server = configuration.serve()?;
    let admin = server.admin()?;
    let mut client = Client::connect(&server)?;
    assert!(client.ask("config key")?.contains("not granted"));
    for value in ["one", "two"] {
        let granted = format!("grant = [\"config\"]\nconfig = {{ key = \"{value}\" }}");
        configuration.write(&text(&granted))?;
        let response = ask_admin(admin, "POST /reload", "", b"")?;
        assert!(response.body.contains("changed a"), "{response:?}");
        assert_eq!(client.ask("config key")?, format!("Some({value:?})"));
    }
    configuration.write(&text(""))?;
    ask_admin(admin, "POST /reload", "", b"")?;
    assert!(client.ask("config key")?.contains("not granted"));
    Ok(())
}

#[test]
fn granted_folder_can_be_listed_and_read() -> Result<()> {
    let (_configuration, _server, mut client) = with_folder("grant = [\"folder:data\"]")?;
    assert_eq!(client.ask("list data")?, "[\"a.txt\", \"deep\"]");
    assert_eq!(client.ask("read data/a.txt")?, "\"first\"");
    assert_eq!(client.ask("read data/deep/../deep/b.txt")?, "\"second\"");
    assert!(client.ask("read data/none")?.contains("NotFound"));
    Ok(())
}

#[test]
fn granted_folder_can_have_another_name_for_the_handler() -> Result<()> {
    let settings = "grant = [\"folder:data/deep::/texts\"]";
    let (_configuration, _server, mut client) = with_folder(settings)?;
    assert_eq!(client.ask("read /texts/b.txt")?, "\"second\"");
    assert!(client.ask("read data/deep/b.txt")?.starts_with("error"));
    Ok(())
}

#[test]
fn nothing_outside_a_granted_folder_can_be_read() -> Result<()> {
    let (configuration, _server, mut client) = with_folder("grant = [\"folder:data\"]")?;
    let data = configuration.folder().join("data");
    symlink("../secret.txt", data.join("relative"))?;
    symlink(configuration.folder().join("secret.txt"), data.join("absolute"))?;
    symlink("..", data.join("up"))?;
    symlink("/", data.join("root"))?;
    symlink("/proc/self/environ", data.join("process"))?;
    symlink("deep/b.txt", data.join("inside"))?;
    assert_eq!(client.ask("read data/inside")?, "\"second\"", "a link inside the folder works");
    for path in [
        "data/../secret.txt",
        "data/relative",
        "data/absolute",
        "data/up/secret.txt",
        "data/root/etc/hostname",
        "data/process",
        "data/deep/../../secret.txt",
        "/etc/hostname",
        "secret.txt",
    ] {
        let answer = client.ask(&format!("read {path}"))?;
        assert!(answer.starts_with("error"), "{path}: {answer}");
    }
    for path in ["data/..", "data/up", "data/root", "/"] {
        let answer = client.ask(&format!("list {path}"))?;
        assert!(answer.starts_with("error"), "{path}: {answer}");
    }
    Ok(())
}

#[test]
fn nothing_in_a_granted_folder_can_be_changed() -> Result<()> {
    let (configuration, _server, mut client) = with_folder("grant = [\"folder:data\"]")?;
    for command in [
        "write data/a.txt",
        "write data/new.txt",
        "append data/a.txt",
        "remove data/a.txt",
        "create data/new",
        "link data/a.txt",
        "rename data/a.txt",
    ] {
        let answer = client.ask(command)?;
        assert!(answer.starts_with("error"), "{command}: {answer}");
    }
    let data = configuration.folder().join("data");
    assert_eq!(std::fs::read_to_string(data.join("a.txt"))?, "first");
    assert_eq!(std::fs::read_dir(data)?.count(), 2);
    Ok(())
}

#[test]
fn file_that_blocks_its_reader_stops_no_other_actor_of_the_worker() -> Result<()> {
    let settings = "grant = [\"folder:data\"]\ninstance-per = \"client\"\nmax-time = \"1s\"";
    let (configuration, server, mut blocked) = with_folder(&format!(
        "{settings}\n[[resource]]\nname = \"echo\"\npath = \"/echo\"\ncomponent = \"{{{{echo}}}}\""
    ))?;
    let pipe = configuration.folder().join("data/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR)?;
    let mut other = Client::connect_to(&server, "/echo")?;
    blocked.send_text("read data/pipe")?;
    assert_eq!(other.ask("hello")?, "hello");
    // Nobody ever writes to the pipe: the event ends with its time limit.
    assert_eq!(blocked.receive_close()?.0, 1011);
    assert_eq!(other.ask("hello")?, "hello");
    Ok(())
}

#[test]
fn open_files_of_an_instance_are_bounded() -> Result<()> {
    let (_configuration, server, mut client) = with_folder("grant = [\"folder:data\"]")?;
    let before = server.open_files()?;
    client.send_text("hoard data/a.txt")?;
    assert_eq!(client.receive_close()?.0, 1011);
    let mut client = Client::connect(&server)?;
    assert_eq!(client.ask("read data/a.txt")?, "\"first\"");
    assert!(server.open_files()? < before + 100, "{}", server.open_files()?);
    Ok(())
}

#[test]
fn folder_that_disappears_is_missing_for_new_instances_and_the_log_says_so() -> Result<()> {
    let settings = "grant = [\"folder:data\"]\ninstance-per = \"client\"";
    let (configuration, mut server, mut client) = with_folder(settings)?;
    assert_eq!(client.ask("read data/a.txt")?, "\"first\"");
    std::fs::remove_dir_all(configuration.folder().join("data"))?;
    let mut other = Client::connect(&server)?;
    assert!(other.ask("read data/a.txt")?.starts_with("error"));
    let line = server.wait_for_log("cannot open the granted folder")?;
    assert!(line.contains("data"), "{line}");
    Ok(())
}

#[test]
fn grants_that_are_wrong_are_refused_with_the_flag_and_what_is_valid() -> Result<()> {
    for (grant, words) in [
        ("rockets", "\"rockets\" is not a capability"),
        ("/srv/data", "did you mean \"folder:/srv/data\""),
        ("folder:", "folder:PATH"),
        ("folder:/no/such/folder", "/no/such/folder, which is not a folder"),
    ] {
        let error = startup_error("guest-granted", &["--grant", grant])?;
        assert!(error.contains("--grant") && error.contains(words), "{grant}: {error}");
    }
    let error = startup_error("guest-granted", &["--grant", "config", "--grant", "config"])?;
    assert!(error.contains("\"config\" twice"), "{error}");
    Ok(())
}

#[test]
fn flag_grants_a_folder() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a.txt"), "first")?;
    let grant = format!("folder:{}", folder.path().display());
    let (_server, mut client) = TestServer::with_client("guest-granted", &["--grant", &grant])?;
    let answer = client.ask(&format!("read {}/a.txt", folder.path().display()))?;
    assert_eq!(answer, "\"first\"");
    Ok(())
}

#[test]
fn example_answers_as_its_readme_says() -> Result<()> {
    let folder = root().join("examples/capabilities");
    let readme = std::fs::read_to_string(folder.join("README.md"))?;
    let dialogue = readme.split("connect ws://127.0.0.1:8080/\n").nth(1).context("no dialogue")?;
    let dialogue = dialogue.split("```").next().unwrap_or_default();
    // The example sends a request to itself. Here another server with a port of its own takes its place.
    let texts = format!("folder:{}::texts", folder.join("texts").display());
    let text = std::fs::read_to_string(folder.join("ws-host.toml"))?;
    let upstream = Configuration::new(
        &text
            .replace("127.0.0.1:8080", "127.0.0.1:0")
            .replace("http://127.0.0.1:0\", \"ws://127.0.0.1:0", "http://127.0.0.1:9")
            .replace("../../target/components/capabilities.wasm", "{{capabilities}}")
            .replace("folder:texts", &texts),
    )?;
    let upstream = upstream.serve()?;
    let address = upstream.address().to_string();
    let settings = text
        .replace("ws://127.0.0.1:8080", &format!("ws://{address}"))
        .replace("http://127.0.0.1:8080", &format!("http://{address}"))
        .replace("127.0.0.1:8080", "127.0.0.1:0")
        .replace("../../target/components/capabilities.wasm", "{{capabilities}}")
        .replace("folder:texts", &texts);
    let configuration = Configuration::new(&settings)?;
    let server = configuration.serve()?;
    let mut client = Client::connect(&server)?;
    let mut answers = 0;
    for line in dialogue.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.strip_prefix("< text ") {
            Some(expected) => {
                let expected = expected.replace("127.0.0.1:8080", &address);
                assert_eq!(client.receive_text()?, expected);
                answers += 1;
            }
            None => client.send_text(&line.replace("127.0.0.1:8080", &address))?,
        }
    }
    assert!(answers >= 5, "{answers}");
    Ok(())
}
