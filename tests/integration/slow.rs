//! Clients that read slowly, but steadily: they are alive, and what was accepted for them arrives.

use std::io::Read;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, masked_frame};

use crate::streams::{Connection, DATA};

/// The length of the messages that are read.
const LENGTH: usize = 32 << 10;

/// The pause before each, so that about 1 MB is read a second.
const PAUSE: Duration = Duration::from_millis(32);

/// More of them than sockets hold, so that they are read for some seconds.
const COUNT: usize = 200;

/// Room for all of them.
const ROOM: &[&str] = &["--max-outbound", "16MiB"];

/// Reads what comes at the pace of a slow client, and answers pings.
fn read_slowly(client: &mut Client) -> Result<()> {
    for number in 0..COUNT {
        sleep(PAUSE);
        let mut frame = client.receive()?;
        while frame.first == 0x89 {
            client.send_frame(0x8a, &frame.payload)?;
            frame = client.receive()?;
        }
        ensure!(frame.payload.len() == LENGTH, "message {number}: {:.200}", format!("{frame:?}"));
    }
    Ok(())
}

/// A client for whom all of the messages wait.
fn scene(flags: &[&str]) -> Result<(TestServer, Client)> {
    let mut server = TestServer::with_arguments("guest-flood", &[ROOM, flags].concat())?;
    let mut client = Client::connect(&server)?;
    client.send_text(&format!("{COUNT} {LENGTH}"))?;
    server.wait_for_log(&format!(r#"{{"Ok(())": {COUNT}}}"#))?;
    Ok((server, client))
}

/// The ping waits behind what the client has not read yet, and its answer takes longer than silence may.
#[test]
fn client_that_reads_slowly_and_steadily_is_not_silent() -> Result<()> {
    let (_server, mut client) = scene(&["--idle-timeout", "2s"])?;
    read_slowly(&mut client)?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

/// A stream has a window of its own, which its client opens bit by bit.
#[test]
fn stream_of_http2_that_is_taken_slowly_and_steadily_is_not_silent() -> Result<()> {
    const STEP: u32 = 16 << 10;
    let server = TestServer::with_arguments("guest-flood", &["--idle-timeout", "1s"])?;
    let mut connection = Connection::begin(server.address())?;
    connection.open(1, "/")?;
    connection.grant(0, 1 << 24)?;
    connection.send_message(1, 0x81, b"60 10000")?;
    let (mut got, mut granted) = (0, 64 << 10);
    while got < 60 * 10_004 {
        got += connection.wait_for(DATA, 1)?.payload.len();
        if got + STEP as usize > granted {
            sleep(Duration::from_millis(100));
            connection.grant(1, STEP)?;
            granted += STEP as usize;
        }
    }
    assert_eq!(connection.ask(1, "hello")?, "hello");
    Ok(())
}

#[test]
fn client_that_takes_less_than_it_must_is_dropped() -> Result<()> {
    let (mut server, mut client) =
        scene(&["--idle-timeout", "1s", "--min-rate", "64MiB", "--log", "debug"])?;
    assert!(read_slowly(&mut client).is_err());
    server.wait_for_log("took less of its output than min-rate")?;
    Ok(())
}

/// One octet now and then is no life.
#[test]
fn client_that_takes_almost_nothing_is_dropped() -> Result<()> {
    let (mut server, mut client) = scene(&["--idle-timeout", "1s", "--log", "debug"])?;
    let (enough, more) = sync_channel::<()>(0);
    let reading = std::thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = more.recv_timeout(Duration::from_millis(100)) {
            let _ = client.stream().read(&mut [0]);
        }
    });
    let told = server.wait_for_log("took less of its output than min-rate");
    drop(enough);
    reading.join().expect("the reader does not panic");
    told.map(drop)
}

#[test]
fn what_was_sent_before_a_close_arrives_however_long_it_takes() -> Result<()> {
    let flags = [ROOM, &["--close-timeout", "500ms"]].concat();
    let server = TestServer::with_arguments("guest-closing", &flags)?;
    let mut client = Client::connect(&server)?;
    let mut writer = client.try_clone()?;
    let echoed = masked_frame(0x81, &[b'x'; LENGTH]).repeat(COUNT);
    let close = masked_frame(0x81, b"close 4000 that's all");
    let writing = std::thread::spawn(move || writer.send(&[echoed, close].concat()));
    read_slowly(&mut client)?;
    assert_eq!(client.expect_close(4000)?, "that's all");
    writing.join().expect("the writer does not panic")
}

#[test]
fn what_was_sent_before_the_client_closed_arrives_however_long_it_takes() -> Result<()> {
    let (_server, mut client) = scene(&["--close-timeout", "500ms"])?;
    client.send_close(4000, "enough")?;
    read_slowly(&mut client)?;
    assert_eq!(client.receive_close()?, (4000, "enough".to_owned()));
    client.expect_end()
}

#[test]
fn what_was_sent_before_the_server_stopped_arrives_while_it_drains() -> Result<()> {
    let (server, mut client) = scene(&["--close-timeout", "500ms", "--drain-timeout", "1m"])?;
    server.signal(Signal::TERM)?;
    read_slowly(&mut client)?;
    client.expect_close(1001)?;
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}
