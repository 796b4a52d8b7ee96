//! What operates the server, while a worker serves nobody.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::mpsc::sync_channel;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio_util::task::AbortOnDropHandle;

use super::Server;
use super::host::Stopped;
use crate::config::{Address, Config, Encryption, Host, Listen, ProxyProtocol};

/// Any free port.
const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A server without resources, on a free port, with an admin address perhaps.
async fn server(workers: usize, admin: Option<SocketAddr>) -> Server {
    let listen = Listen {
        address: Address::Tcp(HERE),
        encryption: Encryption::Plain,
        proxy_protocol: ProxyProtocol::Off,
        mode: None,
    };
    let host = Host { workers: NonZeroUsize::new(workers).expect("one"), ..Host::new(Vec::new()) };
    let listen = vec![listen];
    let config = Config { listen, tls: None, backlog: 8, admin, file: None, host };
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

#[tokio::test]
async fn health_tells_of_a_worker_that_is_stuck_and_stopping_does_not_wait_for_it() {
    let server = server(1, Some(HERE)).await;
    let admin = server.admin_address().expect("there is one");
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    let worker = server.host().state.context.workers.assign_actor();
    let (stop, stopping) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async {
        // Either is a reason to stop.
        let _ = stopping.await;
    }));
    assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    let (release, held) = sync_channel::<()>(1);
    worker.run(async move {
        // An error is what ends it: the sender is gone.
        let _ = held.recv();
    });
    // It comes to nobody any more, and whoever asks is answered all the same.
    let told = "worker-0 has not responded for";
    loop {
        let answer = ask(address, "/healthz").await;
        if answer.starts_with("HTTP/1.1 503 ") {
            assert!(answer.contains(told), "{answer}");
            break;
        }
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    assert!(ask(admin, "/healthz").await.contains(told));
    let metrics = ask(admin, "/metrics").await;
    assert!(metrics.contains("ws_host_workers_stuck 1\n"), "{metrics}");
    drop(release);
    while !ask(admin, "/healthz").await.starts_with("HTTP/1.1 200 ") {}
    let (_release, held) = sync_channel::<()>(1);
    worker.run(async move {
        let _ = held.recv();
    });
    drop(stop);
    assert_eq!(running.await.expect("no panic"), Stopped::Drained);
}

#[tokio::test]
async fn connection_that_is_given_to_a_worker_that_is_stuck_is_answered() {
    let server = server(2, None).await;
    let Address::Tcp(address) = server.listening()[0].address else { panic!("not TCP") };
    let homes = [(); 4].map(|()| server.host().state.context.workers.assign_actor());
    let (here, there) = homes.iter().partition::<Vec<_>, _>(|home| home.id() == homes[0].id());
    assert_eq!((here.len(), there.len()), (2, 2));
    let (_release, held) = sync_channel::<()>(1);
    there[0].run(async move {
        let _ = held.recv();
    });
    let [first, second, third, fourth] = homes;
    drop((second, fourth));
    let _running = AbortOnDropHandle::new(tokio::spawn(server.run(std::future::pending())));
    // There is less to do there than where connections are accepted.
    assert!(ask(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    drop((first, third));
}
