//! Clients that read slowly but steadily: they stay connected, and all accepted output arrives.

use std::io::Read;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use ws_host_test_support::{Client, TestServer, masked_frame};

use crate::streams::{Connection, DATA};

/// The length of each message.
const LENGTH: usize = 32 << 10;

/// The pause before each message, for about 1 MB per second.
const PAUSE: Duration = Duration::from_millis(32);

/// The number of messages: more than the socket buffers hold, so that reading takes some seconds.
const COUNT: usize = 200;

/// A buffer that holds all of the messages.
const ROOM: &[&str] = &["--max-outbound", "16MiB"];

/// Reads all messages slowly, and answers pings.
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

/// Connects a client for which all of the messages are queued.
fn scene(flags: &[&str]) -> Result<(TestServer, Client)> {
    let (mut server, mut client) = TestServer::with_client("guest-flood", &[ROOM, flags].concat())?;
    client.send_text(&format!("{COUNT} {LENGTH}"))?;
    server.wait_for_log(&format!(r#"{{"Ok(())": {COUNT}}}"#))?;
    Ok((server, client))
}

/// The ping is queued after unread output, so its pong takes longer than the idle timeout.
#[test]
fn client_that_reads_slowly_but_steadily_stays() -> Result<()> {
    let (_server, mut client) = scene(&["--idle-timeout", "2s"])?;
    read_slowly(&mut client)?;
    assert_eq!(client.ask("hello")?, "hello");
    Ok(())
}

/// The client opens the stream's own window bit by bit.
#[test]
fn http2_stream_that_is_read_slowly_but_steadily_stays() -> Result<()> {
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
fn client_that_reads_less_than_min_rate_is_dropped() -> Result<()> {
    let (mut server, mut client) =
        scene(&["--idle-timeout", "1s", "--min-rate", "64MiB", "--log", "debug"])?;
    assert!(read_slowly(&mut client).is_err());
    server.wait_for_log("read more slowly than min-rate")?;
    Ok(())
}

/// Reading a single byte now and then does not keep a client alive.
#[test]
fn client_that_reads_almost_nothing_is_dropped() -> Result<()> {
    let (mut server, mut client) = scene(&["--idle-timeout", "1s", "--log", "debug"])?;
    let (enough, more) = sync_channel::<()>(0);
    let reading = std::thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = more.recv_timeout(Duration::from_millis(100)) {
            let _ = client.stream().read(&mut [0]);
        }
    });
    let logged = server.wait_for_log("read more slowly than min-rate");
    drop(enough);
    reading.join().expect("the reader does not panic");
    logged.map(drop)
}

#[test]
fn output_before_a_close_by_the_handler_arrives_however_long_it_takes() -> Result<()> {
    let flags = [ROOM, &["--close-timeout", "500ms"]].concat();
    let (_server, mut client) = TestServer::with_client("guest-closing", &flags)?;
    let mut writer = client.try_clone()?;
    let echoed = masked_frame(0x81, &[b'x'; LENGTH]).repeat(COUNT);
    let close = masked_frame(0x81, b"close 4000 that's all");
    let writing = std::thread::spawn(move || writer.send(&[echoed, close].concat()));
    read_slowly(&mut client)?;
    assert_eq!(client.expect_close(4000)?, "that's all");
    writing.join().expect("the writer does not panic")
}

#[test]
fn output_before_a_close_by_the_client_arrives_however_long_it_takes() -> Result<()> {
    let (_server, mut client) = scene(&["--close-timeout", "500ms"])?;
    client.send_close(4000, "enough")?;
    read_slowly(&mut client)?;
    assert_eq!(client.receive_close()?, (4000, "enough".to_owned()));
    client.expect_end()
}

#[test]
fn output_before_a_shutdown_arrives_while_the_server_drains() -> Result<()> {
    let (server, mut client) = scene(&["--close-timeout", "500ms", "--drain-timeout", "1m"])?;
    server.signal(Signal::TERM)?;
    read_slowly(&mut client)?;
    client.expect_close(1001)?;
    assert_eq!(server.wait()?.status.code(), Some(0));
    Ok(())
}
