//! What to measure, and how.

use std::time::Duration;

use crate::servers::Server;
use crate::workload::{Role, Workload};

/// The servers, the workloads, and how to measure them.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Measured time of each run.
    pub(crate) counted: Duration,
    /// Runs of each server with each workload.
    pub(crate) rounds: usize,
    /// The workloads to run.
    pub(crate) workloads: Vec<Workload>,
    /// The servers to measure.
    pub(crate) servers: Vec<Server>,
    /// Files that a process may have open.
    pub(crate) files: u64,
}

impl Plan {
    /// Returns whether this server runs this workload.
    pub(crate) fn has(&self, server: &Server, workload: &Workload) -> bool {
        server.takes_part_in(workload) && server.files(workload.sockets()) <= self.files
    }

    /// Returns each server with each workload that it runs.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Server, &Workload)> {
        self.all_pairs().filter(|(server, workload)| self.has(server, workload))
    }

    /// Returns each server with each workload that needs more open files than a process may have.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (&Server, &Workload)> {
        self.all_pairs().filter(|(server, workload)| {
            server.takes_part_in(workload) && !self.has(server, workload)
        })
    }

    /// Returns the workloads that need a server in this role.
    pub(crate) fn of_role(&self, role: Role) -> impl Iterator<Item = Workload> {
        let is_asked = move |workload: &Workload| {
            workload.role() == role && self.servers.iter().any(|server| self.has(server, workload))
        };
        self.workloads.iter().copied().filter(is_asked)
    }

    fn all_pairs(&self) -> impl Iterator<Item = (&Server, &Workload)> {
        let pairs = |workload| self.servers.iter().map(move |server| (server, workload));
        self.workloads.iter().flat_map(pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtimes::Runtime;

    #[test]
    fn servers_that_need_too_many_open_files_are_left_out() {
        let plan = Plan {
            counted: Duration::from_secs(1),
            rounds: 1,
            workloads: Workload::ALL.to_vec(),
            servers: vec![Server::HOST, Server::HostPerClient, Server::Runtime(Runtime::Workerd)],
            files: 20_000,
        };
        let names = |(server, workload): (&Server, &Workload)| {
            format!("{} {}", server.name(), workload.name)
        };
        let left_out: Vec<_> = plan.left_out().map(names).collect();
        assert_eq!(left_out, ["workerd connections-10000", "workerd broadcast-10000"]);
        // A sandbox per connection makes no difference to a broadcast.
        assert_eq!(plan.pairs().count(), 18 + 10 + 12);
        assert_eq!(plan.of_role(Role::Megaphone).count(), 2);
        let few = Plan { files: 1500, ..plan };
        assert_eq!(few.of_role(Role::Megaphone).count(), 0);
        assert_eq!(few.of_role(Role::Echo).count(), 14);
    }
}
