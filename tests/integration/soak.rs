//! Runs everything at once for a while. Afterwards the server must have no more memory, descriptors or threads than
//! before. `make soak` runs this for ten minutes.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Scope, scope};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ws_host_test_support::{Client, TestServer, handshake, masked_frame, raise_open_files};

use crate::configured::{Configuration, ask_admin};
use crate::deflated;
use crate::keeper::Keeper;

/// The duration in seconds, unless `SOAK_SECONDS` is set.
const SECONDS: u64 = 20;

/// How much more memory the server may have at the end than after the first fifth of the time.
const MORE_MEMORY: usize = 48 << 20;

/// How many more descriptors may be open at the end than at the beginning: another worker has some of its own.
const MORE_DESCRIPTORS: usize = 20;

/// The resources of a process.
#[derive(Debug)]
struct Had {
    memory: usize,
    descriptors: usize,
    threads: usize,
}

fn has(server: &TestServer) -> Result<Had> {
    let process = format!("/proc/{}/task", server.process_id());
    Ok(Had {
        memory: server.resident_memory()?,
        descriptors: server.open_files()?,
        threads: std::fs::read_dir(process)?.count(),
    })
}

/// Repeats an action until the test is over. Errors are allowed: the server may refuse such clients.
fn keep_doing<'scope>(
    scope: &'scope Scope<'scope, '_>,
    is_over: &'scope AtomicBool,
    done: &'scope AtomicUsize,
    mut act: impl FnMut(usize) -> Result<()> + Send + 'scope,
) {
    scope.spawn(move || {
        for round in 0.. {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            match act(round) {
                Ok(()) => done.fetch_add(1, Ordering::Relaxed),
                Err(_) => 0,
            };
        }
    });
}

fn asked_and_left(server: SocketAddr, request: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

#[test]
fn everything_at_once_leaves_nothing_behind() -> Result<()> {
    raise_open_files();
    let seconds = match std::env::var("SOAK_SECONDS") {
        Ok(seconds) => seconds.parse()?,
        Err(_) => SECONDS,
    };
    let keeper = Keeper::new()?;
    let configuration = Configuration::new(&format!(
        "listen = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nworkers = 2\nmax-buffered = \"64MiB\"\n\
         [[resource]]\npath = \"/busy\"\ncomponent = \"{{{{guest-busy}}}}\"\ninstance-per = \"client\"\n\
         compression = \"context\"\nidle-timeout = \"2s\"\n\
         [[resource]]\npath = \"/echo\"\ncomponent = \"{{{{echo}}}}\"\nidle-timeout = \"2s\"\n\
         [[resource]]\npath = \"/slow\"\ncomponent = \"{{{{guest-slow_connect}}}}\"\n\
         [[resource]]\npath = \"/room/{{room}}\"\ncomponent = \"{}\"\ninstance-per = \"path\"\n\
         hibernate-after = \"200ms\"\ncheckpoint = \"100ms\"\nmax-instances = 40\n",
        keeper.file().display()
    ))?;
    let mut server = configuration.serve()?;
    let (address, admin) = (server.address(), server.admin()?);
    let before = has(&server)?;
    let (is_over, done) = (AtomicBool::new(false), [const { AtomicUsize::new(0) }; 12]);
    let zeros = masked_frame(0xc2, &deflated::deflate(&vec![0; 1 << 20])?).repeat(50);
    let (early, echoes) = scope(|scope| -> Result<(Had, usize)> {
        let keep = |which: usize, act: Box<dyn FnMut(usize) -> Result<()> + Send>| {
            keep_doing(scope, &is_over, &done[which], act);
        };
        // The client that nothing else may harm.
        let mut good = Client::connect_at(address, "/echo")?;
        keep(0, Box::new(move |_| good.ask("still here").map(drop)));
        keep(
            1,
            Box::new(move |_| {
                let mut greedy = Client::connect_at(address, "/busy")?;
                greedy.send(&masked_frame(0x81, b"").repeat(100))?;
                greedy.ask("done").map(drop)
            }),
        );
        keep(
            2,
            Box::new(move |_| {
                let header = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
                let (mut client, _) = Client::open(address, &handshake("/busy", header))?;
                client.send(&zeros)?;
                client.ask("done").map(drop)
            }),
        );
        keep(
            3,
            Box::new(move |_| {
                let mut subscribers: Vec<_> =
                    (0..20).map(|_| Client::connect_at(address, "/busy")).collect::<Result<_>>()?;
                for client in &mut subscribers {
                    client.ask("subscribe noise")?;
                }
                // No subscriber reads it.
                subscribers[0].send_text("noise 400000")?;
                Client::connect_at(address, "/busy")?.ask("noise 1000").map(drop)
            }),
        );
        keep(
            4,
            Box::new(move |round| {
                let mut client =
                    Client::connect_at(address, &format!("/room/{}", round * 7 % 100))?;
                client.receive_text()?;
                client.ask("count")?;
                client.ask(&format!("timer {round} {}", round * 31 % 400))?;
                if round % 5 == 0 { client.hang_up() } else { client.close() }
            }),
        );
        keep(
            5,
            Box::new(move |_| {
                let mut client = Client::connect_at(address, "/echo")?;
                client.send(&masked_frame(0x82, &[1; 500_000]).repeat(4))?;
                client.receive()?;
                client.stream().shutdown(Shutdown::Write)?;
                client.receive().map(drop)
            }),
        );
        let mut silent = Vec::new();
        keep(
            6,
            Box::new(move |round| {
                silent.push(asked_and_left(address, &"GET / HTTP/1.1\r\n"[..round % 17])?);
                silent.drain(..silent.len().saturating_sub(50));
                std::thread::sleep(Duration::from_millis(5));
                Ok(())
            }),
        );
        keep(7, Box::new(move |_| asked_and_left(address, &handshake("/slow?20", "")).map(drop)));
        keep(
            8,
            Box::new(move |round| {
                let mut client = Client::connect_at(address, &format!("/room/{}", round % 3))?;
                client.receive_text()?;
                client.send_text("trap")?;
                client.receive().map(drop)
            }),
        );
        keep(
            9,
            Box::new(move |round| {
                keeper.replace_with(if round % 2 == 0 { 2 } else { 3 })?;
                std::thread::sleep(Duration::from_millis(700));
                let response = ask_admin(admin, "POST /reload", "", b"")?;
                ensure!(response.status == 200, "{response:?}");
                Ok(())
            }),
        );
        keep(
            10,
            Box::new(move |_| {
                let mut stream = asked_and_left(
                    address,
                    "GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                )?;
                let mut response = String::new();
                stream.read_to_string(&mut response)?;
                ensure!(response.starts_with("HTTP/1.1 200 "), "{response}");
                std::thread::sleep(Duration::from_millis(20));
                Ok(())
            }),
        );
        let mut many = Client::connect_at(address, "/busy")?;
        keep(
            11,
            Box::new(move |round| {
                many.ask(&format!("subscribe {}", round % 100))?;
                many.ask(&format!("nobody {}", round % 1000)).map(drop)
            }),
        );
        let began = Instant::now();
        let wait = |part: u64| {
            std::thread::sleep(
                Duration::from_secs(seconds * part / 5).saturating_sub(began.elapsed()),
            );
        };
        wait(1);
        let early = has(&server);
        wait(5);
        let echoes = done[0].load(Ordering::Relaxed);
        is_over.store(true, Ordering::Relaxed);
        Ok((early?, echoes))
    })?;
    let done: Vec<usize> = done.iter().map(|done| done.load(Ordering::Relaxed)).collect();
    assert!(done.iter().all(|done| *done > 0), "an action never succeeded: {done:?}");
    assert!(echoes > 10 * seconds as usize, "{echoes} echoes in {seconds} s");
    // Closing handshakes, timers and freeing memory take a while.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut fresh = Client::connect_at(address, "/echo")?;
    loop {
        assert_eq!(fresh.ask("still here")?, "still here");
        let clients = ask_admin(admin, "GET /clients", "", b"")?;
        let late = has(&server)?;
        let is_flat = clients.body.matches("\"id\"").count() == 1
            && late.memory < early.memory + MORE_MEMORY
            && late.descriptors <= before.descriptors + MORE_DESCRIPTORS
            && late.threads <= early.threads;
        if is_flat {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "{early:?} after a fifth, {late:?} at the end: {}",
            clients.body
        );
        std::thread::sleep(Duration::from_millis(500));
    }
}
