//! What is measured, and how.

use std::time::Duration;

use crate::servers::Server;
use crate::workload::{Role, Workload};

/// How to measure.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// How long each run counts.
    pub(crate) counted: Duration,
    /// Runs of each server and workload.
    pub(crate) rounds: usize,
    /// What is asked.
    pub(crate) workloads: Vec<Workload>,
    /// Who takes part.
    pub(crate) servers: Vec<Server>,
    /// Files that a process may have open.
    pub(crate) files: u64,
}

impl Plan {
    /// Whether this server is measured with this workload.
    pub(crate) fn has(&self, server: &Server, workload: &Workload) -> bool {
        server.takes_part_in(workload) && server.files(workload.sockets()) <= self.files
    }

    /// Who is measured with what.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Server, &Workload)> {
        self.all_pairs().filter(|(server, workload)| self.has(server, workload))
    }

    /// Who would be measured with what, had a process more open files.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = (&Server, &Workload)> {
        self.all_pairs().filter(|(server, workload)| {
            server.takes_part_in(workload) && !self.has(server, workload)
        })
    }

    /// Those that a server in this role is asked for.
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
    fn who_lacks_open_files_is_left_out() {
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
        // A sandbox for each connection makes no difference to a broadcast.
        assert_eq!(plan.pairs().count(), 18 + 10 + 12);
        assert_eq!(plan.of_role(Role::Megaphone).count(), 2);
        let few = Plan { files: 1500, ..plan };
        assert_eq!(few.of_role(Role::Megaphone).count(), 0);
        assert_eq!(few.of_role(Role::Echo).count(), 14);
    }
}
