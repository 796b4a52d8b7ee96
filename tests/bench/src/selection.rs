//! The servers to measure: all of them, except those excluded by the command line or not installed
//! on this machine.

#![expect(clippy::print_stdout, reason = "what is left out is said")]

use anyhow::{Result, bail, ensure};

use crate::servers::{CustomServer, Server};

/// Returns the servers with these names, or all installed ones, and those given on the command
/// line.
pub(crate) fn servers(only: &[String], given: &[CustomServer]) -> Result<Vec<Server>> {
    let mut all = Server::ALL.to_vec();
    for given in given.iter().cloned().map(Server::Custom) {
        ensure!(
            all.iter().all(|server| server.name() != given.name()),
            "--with uses the name {} of a built-in server or uses a name twice: choose another",
            given.name()
        );
        all.push(given);
    }
    for name in only {
        let Some(server) = all.iter().find(|server| server.name() == name) else {
            let names: Vec<_> = all.iter().map(Server::name).collect();
            bail!("unknown server {name:?}; the servers are {}", names.join(", "));
        };
        if let Some(lacking) = server.lacks() {
            bail!("{name} cannot take part: {lacking}");
        }
    }
    if !only.is_empty() {
        all.retain(|server| only.iter().any(|name| name == server.name()));
        return Ok(all);
    }
    all.retain(|server| {
        let lacking = server.lacks();
        if let Some(lacking) = lacking {
            println!("left out: {}: {lacking}", server.name());
        }
        lacking.is_none()
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_chosen_by_name() {
        let chosen = servers(&["ws-host".into(), "fastwebsockets".into()], &[]).unwrap();
        assert_eq!(
            chosen.iter().map(Server::name).collect::<Vec<_>>(),
            ["ws-host", "fastwebsockets"]
        );
        assert!(servers(&["nobody".into()], &[]).unwrap_err().to_string().contains("ws-host"));
        let given: CustomServer = "mine=./echo".parse().unwrap();
        let chosen = servers(&["mine".into()], std::slice::from_ref(&given)).unwrap();
        assert_eq!(chosen, [Server::Custom(given)]);
        assert!(servers(&[], &["ws-host=./echo".parse().unwrap()]).is_err());
    }
}
