//! `examples/cluster/run rooms`: boards, each on one of three hosts, and what the README of the example says to kill.

use std::process::{Command, Stdio};
use std::sync::mpsc;

use anyhow::{Context, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};
use ws_host_test_support::{Broker, Client, DEADLINE, poll_until, wait_until};

use super::example::{Example, read_up_to_close};

/// The number of paths that a host owns, and the number of clients that it relays to owners.
const OWNED: &str = "ws_host_owned_actors";
const RELAYED: &str = "ws_host_relayed_clients";

/// How many clients a board has, over all hosts.
const CLIENTS: usize = 6;

/// The example with a board, and clients of it on all hosts.
struct Board {
    example: Example,
    clients: Vec<Client>,
    broker: Pid,
    /// The process of the host that owns the board, and its number.
    owner: Pid,
    owner_number: u16,
    /// The numbers of the other hosts.
    others: Vec<u16>,
}

impl Board {
    /// Returns `None` if HAProxy is not installed, so that the test is skipped.
    fn start() -> Result<Option<Self>> {
        let Some(mut example) = Example::start("rooms")? else { return Ok(None) };
        let broker = example.process("nats-server")?;
        let processes = [1, 2, 3].map(|host| example.process(&format!("host-{host}")));
        example.wait_until_all_are_ready()?;
        // Until the balancer has seen that all hosts are ready, it spreads the clients over fewer of them.
        let clients = poll_until(
            || connect_all_to_one_room(&example),
            |_| relayed(&example, &[1, 2, 3]).is_ok_and(|relayed| relayed > CLIENTS / 2),
        )?;
        let (owners, others): (Vec<u16>, Vec<u16>) =
            (1..=3).partition(|host| example.metric(*host, OWNED).is_ok_and(|owned| owned == "1"));
        let [owner_number] = owners[..] else { anyhow::bail!("owners: {owners:?}") };
        let owner = processes.into_iter().nth(usize::from(owner_number) - 1);
        let owner = owner.context("one of three")??;
        Ok(Some(Self { example, clients, broker, owner, owner_number, others }))
    }

    /// Connects clients again, which meet on one of the other hosts.
    fn meet_on_another_host(&self) -> Result<Vec<Client>> {
        let clients = connect_all_to_one_room(&self.example)?;
        let owned = self.others.iter().map(|host| self.example.metric(*host, OWNED));
        let mut owned = owned.collect::<Result<Vec<_>>>()?;
        owned.sort();
        assert_eq!(owned, ["0", "1"]);
        Ok(clients)
    }
}

/// Returns how many clients these hosts relay to the owner.
fn relayed(example: &Example, hosts: &[u16]) -> Result<usize> {
    let relayed = hosts.iter().map(|host| {
        let relayed = example.metric(*host, RELAYED)?;
        relayed.parse::<usize>().context(relayed)
    });
    relayed.sum()
}

/// Connects clients to a board. Each of them sees what one of them paints.
fn connect_all_to_one_room(example: &Example) -> Result<Vec<Client>> {
    let clients = (0..CLIENTS).map(|_| example.connect("/room/lobby"));
    let mut clients = clients.collect::<Result<Vec<_>>>()?;
    paint(&mut clients, [1, 2, 3])?;
    Ok(clients)
}

fn paint(clients: &mut [Client], pixel: [u8; 3]) -> Result<()> {
    clients[0].send_frame(0x82, &pixel)?;
    for client in clients {
        while client.receive()?.payload != pixel {}
    }
    Ok(())
}

#[test]
fn board_of_the_example_is_on_one_host_behind_a_balancer_and_moves_when_it_is_killed() -> Result<()>
{
    let Some(mut board) = Board::start()? else { return Ok(()) };
    kill_process(board.owner, Signal::KILL)?;
    for client in &mut board.clients {
        while client.receive().is_ok() {}
    }
    board.clients.clear();
    board.meet_on_another_host()?;
    board.example.stop()
}

#[test]
fn board_of_the_example_moves_at_once_when_its_host_stops() -> Result<()> {
    let Some(mut board) = Board::start()? else { return Ok(()) };
    kill_process(board.owner, Signal::TERM)?;
    for client in &mut board.clients {
        assert_eq!(read_up_to_close(client)?, 1012);
    }
    board.clients.clear();
    board.meet_on_another_host()?;
    board.example.stop()
}

#[test]
fn board_of_the_example_moves_when_its_host_stands_still_which_then_closes_its_own_clients()
-> Result<()> {
    let Some(mut board) = Board::start()? else { return Ok(()) };
    let relayed = relayed(&board.example, &board.others)?;
    assert!((1..CLIENTS).contains(&relayed), "{relayed} clients are relayed");
    kill_process(board.owner, Signal::STOP)?;
    let (sender, closes) = mpsc::channel();
    for mut client in board.clients.drain(..) {
        let sender = sender.clone();
        std::thread::spawn(move || sender.send(read_up_to_close(&mut client)));
    }
    for _ in 0..relayed {
        assert_eq!(closes.recv_timeout(DEADLINE)??, 1012);
    }
    ensure!(closes.try_recv().is_err(), "a client was closed by a host that stands still");
    let mut clients = board.meet_on_another_host()?;
    kill_process(board.owner, Signal::CONT)?;
    for _ in relayed..CLIENTS {
        let code = closes.recv_timeout(DEADLINE)??;
        ensure!(code == 1012 || code == 1013, "{code}");
    }
    wait_until(|| Ok(board.example.metric(board.owner_number, OWNED)? == "0"))?;
    paint(&mut clients, [4, 5, 6])?;
    board.example.stop()
}

#[test]
fn boards_of_the_example_end_without_the_broker_and_are_back_with_it() -> Result<()> {
    let Some(mut board) = Board::start()? else { return Ok(()) };
    kill_process(board.broker, Signal::KILL)?;
    for client in &mut board.clients {
        assert_eq!(read_up_to_close(client)?, 1013);
    }
    let store = board.example.folder().join("jetstream");
    let address = board.example.broker();
    let mut broker = Command::new(Broker::program())
        .args(["-a", "127.0.0.1", "-p", &address.port().to_string(), "-js", "-sd"])
        .arg(store)
        .stderr(Stdio::null())
        .spawn()?;
    let met = board.example.wait_until_all_are_ready();
    let met = met.and_then(|()| connect_all_to_one_room(&board.example));
    broker.kill()?;
    broker.wait()?;
    met?;
    board.example.stop()
}
