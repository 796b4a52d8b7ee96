//! How long an actor is paused while its code is replaced.

#![expect(clippy::print_stdout, reason = "the figures are the purpose")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ws_host_test_support::{Response, TestServer, component, host_binary};

use crate::cores::{Cores, Pinned};
use crate::load::{Echoes, Load, Traffic};
use crate::process::on_core;

/// Connections that send throughout.
const CONNECTIONS: usize = 100;

/// Size of their messages in bytes.
const MESSAGE_BYTES: usize = 20;

/// Replaces the component `reloads` times under load.
pub(crate) fn measure(reloads: usize) -> Result<()> {
    let cores = Cores::choose()?;
    let folder = std::env::temp_dir().join(format!("ws-host-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let measured = measure_in(&folder, cores, reloads);
    std::fs::remove_dir_all(&folder)?;
    measured
}

fn measure_in(folder: &std::path::Path, cores: Cores, reloads: usize) -> Result<()> {
    let file = folder.join("keeper.wasm");
    let original = std::fs::read(component("guest-keeper"))?;
    std::fs::write(&file, &original)?;
    let mut command = on_core(cores.server, host_binary())?;
    command.arg("--component").arg(&file);
    command.args(["--listen", "127.0.0.1:0", "--log", "warn", "--no-watch", "--no-cache"]);
    command.args(["--admin", "127.0.0.1:0"]);
    let mut server = TestServer::spawn(command)?;
    let admin = server.admin()?;
    let traffic = Traffic { connections: CONNECTIONS, in_flight: 1 };
    let mut load = Echoes::plain(server.address(), MESSAGE_BYTES, traffic)?;
    load.run(Duration::from_millis(500))?;
    let over = AtomicBool::new(false);
    let (pauses, echoes, seconds) = std::thread::scope(|scope| {
        let loading = scope.spawn(|| -> Result<(u64, f64)> {
            let _pinned = Pinned::to(cores.load)?;
            let (mut echoes, began) = (0, std::time::Instant::now());
            while !over.load(Ordering::Relaxed) {
                echoes += load.run(Duration::from_millis(50))?.messages;
            }
            Ok((echoes, began.elapsed().as_secs_f64()))
        });
        let pauses = (0..reloads)
            .map(|number| {
                // A custom section at the end changes the file but not its behaviour.
                let mark = [0, 3, 1, b'a' + (number % 26) as u8, (number / 26) as u8];
                std::fs::write(&file, [&original[..], &mark].concat())?;
                let request = "POST /reload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
                pause(&Response::to(admin, request)?)
            })
            .collect::<Result<Vec<_>>>();
        over.store(true, Ordering::Relaxed);
        let (echoes, seconds) = loading.join().ok().context("the load generator panicked")??;
        Ok::<_, anyhow::Error>((pauses?, echoes, seconds))
    })?;
    let mut pauses = pauses;
    pauses.sort();
    let at = |per_cent: usize| pauses[(pauses.len() - 1) * per_cent / 100].as_micros();
    println!("reload-messages-per-second {:.0}", echoes as f64 / seconds);
    println!("reload-pause-us p50 {} p99 {} of {reloads}", at(50), at(99));
    Ok(())
}

fn pause(response: &Response) -> Result<Duration> {
    ensure!(response.body.contains(" 1 instances swapped, 0 kept, 0 lost"), "{response:?}");
    let words = response.body.split("longest pause ").nth(1).context("the answer has no pause")?;
    let pause = words.split(',').next().context("the pause is empty")?;
    let (number, unit) =
        pause.split_at(pause.find(|c: char| c.is_alphabetic()).context("the pause has no unit")?);
    let number: f64 = number.parse()?;
    Ok(match unit {
        "ns" => Duration::from_secs_f64(number / 1e9),
        "µs" => Duration::from_secs_f64(number / 1e6),
        "ms" => Duration::from_secs_f64(number / 1e3),
        _ => Duration::from_secs_f64(number),
    })
}
