//! Health checks, the admin address and graceful shutdown while a worker is stuck.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::Server;
use super::host::Stopped;
use crate::config::{Address, Config, Encryption, HostConfig, Listen, ProxyProtocol};
use crate::worker::WorkerHandle;

/// The loopback address, with a port that the operating system chooses.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Starts a server without resources on a free port, with an optional admin address.
async fn server(workers: usize, admin: Option<SocketAddr>) -> Server {
    let listen = Listen {
        address: Address::Tcp(ANY_PORT),
        encryption: Encryption::Plain,
        proxy_protocol: ProxyProtocol::Off,
        mode: None,
    };
    let host = HostConfig {
        workers: NonZeroUsize::new(workers).expect("one"),
        ..HostConfig::new(Vec::new())
    };
    let listen = vec![listen];
    let config = Config { backlog: 8, admin, ..Config::new(listen, host) };
    Server::start(config).await.expect("it starts")
}

async fn ask(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}

/// Blocks a worker until the returned sender is dropped. The worker first runs all tasks that it was given before the
/// call, so that no accepted connection on it is left unanswered.
fn block(worker: &WorkerHandle) -> SyncSender<()> {
    let (release, held) = sync_channel::<()>(1);
    let (started, is_started) = sync_channel(1);
    worker.run(async move {
        let _ = started.send(());
        // Receiving fails when the sender is dropped, which ends the block.
        let _ = held.recv();
    });
    is_started.recv().expect("the task starts");
    release
}

#[tokio::test]
async fn health_check_names_a_stuck_worker_and_stopping_does_not_wait_for_it() {
    let server = server(1, Some(ANY_PORT)).await;
    let admin = server.admin_address().expect("there is one");
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    let worker = server.host().state.context.workers.assign_actor();
    let (stop, stopping) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        // The server stops on a message, and also when the sender is dropped.
        let _ = stopping.await;
    }));
    assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    let release = block(&worker);
    // The blocked worker serves nobody, but the server still answers requests.
    let stuck = "worker-0 has not responded for";
    loop {
        let answer = ask(address, "/healthz").await;
        if answer.starts_with("HTTP/1.1 503 ") {
            assert!(answer.contains(stuck), "{answer}");
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert!(ask(admin, "/healthz").await.contains(stuck));
    let metrics = ask(admin, "/metrics").await;
    assert!(metrics.contains("ws_host_workers_stuck 1\n"), "{metrics}");
    drop(release);
    while !ask(admin, "/healthz").await.starts_with("HTTP/1.1 200 ") {}
    let _release = block(&worker);
    drop(stop);
    assert_eq!(running.await.expect("no panic"), Stopped::Drained);
}

#[tokio::test]
async fn connection_assigned_to_a_stuck_worker_is_answered() {
    let server = server(2, None).await;
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    let handles = [(); 4].map(|()| server.host().state.context.workers.assign_actor());
    let is_on_first = |handle: &&WorkerHandle| handle.id() == handles[0].id();
    let (healthy, stuck) = handles.iter().partition::<Vec<_>, _>(is_on_first);
    assert_eq!((healthy.len(), stuck.len()), (2, 2));
    let _release = block(stuck[0]);
    let [first, second, third, fourth] = handles;
    drop((second, fourth));
    let _running = AbortOnDropHandle::new(tokio::spawn(server.run(std::future::pending())));
    // The connection is assigned to the blocked worker, which has fewer actors than the other worker.
    assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    drop((first, third));
}
