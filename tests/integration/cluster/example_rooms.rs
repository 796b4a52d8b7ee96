//! `examples/cluster/run rooms`: boards, each on one of three hosts, and what the README of the example says to kill.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::mpsc;

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use ws_host_test_support::{Client, DEADLINE, wait_until};

use super::example::{Example, read_up_to_close};

/// The number of paths that a host owns, and the number of clients that it relays to owners.
const OWNED: &str = "ws_host_owned_actors";
const RELAYED: &str = "ws_host_relayed_clients";

/// How many clients the board has.
const CLIENTS: usize = 6;

/// The example with a board, and clients of it.
struct Board {
    example: Example,
    broker: Pid,
    /// The processes of the hosts that are left, by their numbers.
    hosts: BTreeMap<u16, Pid>,
    clients: Vec<Client>,
}

impl Board {
    /// Returns `None` if HAProxy is not installed, so that the test is skipped.
    fn start() -> Result<Option<Self>> {
        let Some(mut example) = Example::start("rooms")? else { return Ok(None) };
        let broker = example.process("nats-server")?;
        let hosts = (1..=3).map(|host| Ok((host, example.process(&format!("host-{host}"))?)));
        let hosts = hosts.collect::<Result<_>>()?;
        example.wait_until_all_are_ready()?;
        let mut board = Self { example, broker, hosts, clients: Vec::new() };
        board.connect()?;
        Ok(Some(board))
    }

    /// Connects clients in the place of the former ones. Each of them sees what one of them paints, on whatever host it
    /// is: the balancer spreads them over hosts that are ready.
    fn connect(&mut self) -> Result<()> {
        wait_until(|| {
            self.clients.clear();
            // Those of a former attempt may not have gone yet.
            if self.relayed()? > 0 {
                return Ok(false);
            }
            for _ in 0..CLIENTS {
                self.clients.push(self.example.connect("/room/lobby")?);
            }
            // A room that moves just now closes its clients.
            Ok(self.paint([1, 2, 3]).is_ok()
                && (self.hosts.len() == 1 || (1..CLIENTS).contains(&self.relayed()?)))
        })
    }

    fn paint(&mut self, pixel: [u8; 3]) -> Result<()> {
        self.clients[0].send_frame(0x82, &pixel)?;
        for client in &mut self.clients {
            while client.receive()?.payload != pixel {}
        }
        Ok(())
    }

    /// Returns the number of the only host that owns the board.
    fn owner(&self) -> Result<u16> {
        let mut owners = Vec::new();
        for host in self.hosts.keys() {
            match self.example.metric(*host, OWNED)?.as_str() {
                "0" => {}
                "1" => owners.push(*host),
                owned => bail!("host {host} has {owned} boards"),
            }
        }
        ensure!(owners.len() == 1, "owners: {owners:?}");
        Ok(owners[0])
    }

    /// Returns how many clients are relayed to the owner.
    fn relayed(&self) -> Result<usize> {
        let relayed = self.hosts.keys().map(|host| {
            let relayed = self.example.metric(*host, RELAYED)?;
            relayed.parse::<usize>().context(relayed)
        });
        relayed.sum()
    }

    /// Sends a signal to the owner, which is not one of the hosts then. Returns its number and its process.
    fn take_owner(&mut self, signal: Signal) -> Result<(u16, Pid)> {
        let owner = self.owner()?;
        let process = self.hosts.remove(&owner).context("one of the hosts")?;
        kill_process(process, signal)?;
        Ok((owner, process))
    }
}

#[test]
fn board_of_the_example_goes_on_when_its_owner_or_the_broker_ends_or_stands_still() -> Result<()> {
    let Some(mut board) = Board::start()? else { return Ok(()) };
    stop_owner(&mut board).context("SIGTERM")?;
    pause_owner(&mut board).context("SIGSTOP")?;
    restart_broker(&mut board).context("nats-server")?;
    kill_owner(&mut board).context("SIGKILL")?;
    board.example.stop()
}

fn stop_owner(board: &mut Board) -> Result<()> {
    board.take_owner(Signal::TERM)?;
    for client in &mut board.clients {
        assert_eq!(read_up_to_close(client)?, 1012);
    }
    board.connect()?;
    board.owner().map(drop)
}

fn pause_owner(board: &mut Board) -> Result<()> {
    let relayed = board.relayed()?;
    let (number, owner) = board.take_owner(Signal::STOP)?;
    let (sender, closes) = mpsc::sync_channel(CLIENTS);
    for mut client in board.clients.drain(..) {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send(read_up_to_close(&mut client)));
    }
    for _ in 0..relayed {
        assert_eq!(closes.recv_timeout(DEADLINE)??, 1012);
    }
    ensure!(closes.try_recv().is_err(), "a client was closed by a host that stands still");
    board.connect()?;
    board.owner()?;
    kill_process(owner, Signal::CONT)?;
    for _ in relayed..CLIENTS {
        let code = closes.recv_timeout(DEADLINE)??;
        ensure!(code == 1012 || code == 1013, "{code}");
    }
    wait_until(|| Ok(board.example.metric(number, OWNED)? == "0"))?;
    board.hosts.insert(number, owner);
    board.paint([4, 5, 6])
}

fn restart_broker(board: &mut Board) -> Result<()> {
    kill_process(board.broker, Signal::KILL)?;
    for client in &mut board.clients {
        assert_eq!(read_up_to_close(client)?, 1013);
    }
    board.example.start_broker_again()?;
    board.connect()?;
    board.owner().map(drop)
}

/// Reads until the connection ends. It fails if the connection stays.
fn read_up_to_end(client: &mut Client) -> Result<()> {
    loop {
        let Err(error) = client.receive() else { continue };
        let cause = error.root_cause().downcast_ref::<io::Error>().map(io::Error::kind);
        ensure!(cause != Some(ErrorKind::WouldBlock), "the connection stays");
        return Ok(());
    }
}

fn kill_owner(board: &mut Board) -> Result<()> {
    board.take_owner(Signal::KILL)?;
    for client in &mut board.clients {
        read_up_to_end(client)?;
    }
    board.connect()?;
    board.owner().map(drop)
}
