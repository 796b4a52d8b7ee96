//! A component that the tool of a language makes from a plain handler, without options and without the SDK.

use std::process::Command;

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer, root};

use super::imports;
use crate::build::{Components, run};
use crate::language::{sources, tools, work};

super::scenarios! { component_built_with_the_defaults_of_its_tool_is_served }

fn component_built_with_the_defaults_of_its_tool_is_served(components: &Components) -> Result<()> {
    let language = components.language.name;
    let component = work().join(language).join("plain.wasm");
    let mut command =
        Command::new(tools().join(language).join("node_modules/.bin/componentize-js"));
    command.arg(sources().join("plain/handler.js")).arg("--wit").arg(root().join("wit"));
    command.args(["--world-name", "resource-handler", "--out"]).arg(&component);
    run(&mut command)?;
    ensure!(imports(&component, "wasi:http/")?, "these are not the tool's defaults");
    let server = TestServer::serving_file(&component, &[])?;
    let mut client = Client::connect(&server)?;
    ensure!(client.ask("gr\u{fc}\u{df} dich")? == "gr\u{fc}\u{df} dich");
    client.send_frame(0x82, b"\0\xff")?;
    ensure!(client.receive()?.payload == b"\0\xff");
    client.close()
}
