//! How much memory of the host an instance really takes.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Client, TestServer, wait_until};

/// Enough that what the host allocates for all of them together does not matter.
const CLIENTS: usize = 50;

/// A host with clients that have an instance each.
struct Instances {
    server: TestServer,
    /// The anonymous memory of the host before the clients.
    before: usize,
    clients: Vec<Client>,
}

impl Instances {
    fn start(component: &Path, hibernate_after: &str) -> Result<Self> {
        // Another worker would start with another client.
        let arguments = ["--instance-per", "client", "--workers", "1", "--log", "warn"];
        let arguments = [&arguments[..], &["--hibernate-after", hibernate_after]].concat();
        let server = TestServer::serving_file(component, &arguments)?;
        // What the first instance needs and the others share.
        let _first = echoing(&server)?;
        let before = server.anonymous_memory()?;
        let clients = (0..CLIENTS).map(|_| echoing(&server)).collect::<Result<Vec<_>>>()?;
        Ok(Self { server, before, clients })
    }

    /// Returns by how much the anonymous memory of the host has grown for each client. The memory of the connection is
    /// included.
    fn each(&self) -> Result<usize> {
        Ok(self.server.anonymous_memory()?.saturating_sub(self.before) / CLIENTS)
    }
}

/// Returns how much memory an instance and its client take after one message.
pub(crate) fn of_an_instance(component: &Path) -> Result<usize> {
    // A hibernated instance has no memory.
    Instances::start(component, "0s")?.each()
}

/// Waits until an idle instance and its client take at most `most` bytes. Each instance must then still echo.
pub(crate) fn wait_for_idle_instances(component: &Path, most: usize) -> Result<()> {
    let mut instances = Instances::start(component, "2s")?;
    let mut idle = 0;
    wait_until(|| {
        idle = instances.each()?;
        Ok(idle <= most)
    })
    .with_context(|| format!("an idle instance takes {idle} bytes, and {most} are allowed"))?;
    instances.clients.iter_mut().try_for_each(check_echo)
}

/// Connects a client, and has one message echoed, so that the instance has run its code.
fn echoing(server: &TestServer) -> Result<Client> {
    let mut client = Client::connect(server)?;
    check_echo(&mut client)?;
    Ok(client)
}

fn check_echo(client: &mut Client) -> Result<()> {
    let echo = client.ask("hello")?;
    ensure!(echo == "hello", "the echo is {echo:?}");
    Ok(())
}
