//! Connections without traffic, in one direction or in both, for longer than proxies' timeouts.

use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use ws_host_test_support::{Client, DEADLINE};

use super::front::Front;

/// Longer than 60 s, after which many proxies drop a connection, and than 75 s, the timeout in our
/// configurations.
const TIME: Duration = Duration::from_secs(80);

/// How often the client sends a message that is not answered.
const BETWEEN_MESSAGES: Duration = Duration::from_secs(10);

/// Seconds between requests: slightly less and slightly more than ws-host keeps an idle connection,
/// over HTTP/2 and over HTTP/1.1. There is always a moment at which either end may close
/// rightfully. Only a proxy that retries can handle that.
const PAUSES: [f64; 6] = [0.5, 5.0, 9.9, 10.1, 29.9, 30.1];

/// A client on a thread of its own.
pub(super) struct Silence(JoinHandle<Result<()>>);

impl Silence {
    /// Starts a client without messages in either direction. The server's pings keep the connection
    /// alive.
    pub(super) fn of_both(front: &Front) -> Result<Self> {
        let mut client = front.connect("/echo")?;
        client.stream().set_read_timeout(Some(TIME + DEADLINE))?;
        Self::on_a_thread(move || {
            let end = Instant::now() + TIME;
            let mut pings = 0;
            while Instant::now() < end {
                let frame = client.receive().with_context(|| format!("after {pings} pings"))?;
                ensure!(frame.first == 0x89, "expected a ping, got {frame:?}");
                pings += 1;
                // As every browser does by itself.
                client.send_frame(0x8a, &frame.payload)?;
            }
            still_there(client)
        })
    }

    /// Starts a client that sends messages, which the handler never answers.
    pub(super) fn of_the_server(front: &Front) -> Result<Self> {
        let mut client = front.connect("/recording")?;
        client.stream().set_read_timeout(Some(BETWEEN_MESSAGES))?;
        Self::on_a_thread(move || {
            let begin = Instant::now();
            while begin.elapsed() < TIME {
                client.send_text("a measurement")?;
                match client.receive() {
                    Ok(frame) => client.send_frame(0x8a, &frame.payload)?,
                    Err(why) if has_timed_out(&why) => {}
                    Err(why) => {
                        let seconds = begin.elapsed().as_secs();
                        return Err(why.context(format!("after {seconds} s")));
                    }
                }
            }
            still_there(client)
        })
    }

    /// Starts a client that makes requests with pauses, over the same connections of the proxy as
    /// far as it keeps them.
    pub(super) fn between_requests(front: &Front) -> Result<Self> {
        let front = front.clone();
        Self::on_a_thread(move || {
            for pause in PAUSES {
                std::thread::sleep(Duration::from_secs_f64(pause));
                for response in front.get("/healthz", 1).context(format!("after {pause} s"))? {
                    ensure!(response.status.is_success(), "after {pause} s: {response:?}");
                }
            }
            Ok(())
        })
    }

    /// Waits until the client has finished.
    pub(super) fn end(self) -> Result<()> {
        self.0.join().map_err(|_| anyhow!("the client panicked"))?
    }

    fn on_a_thread(client: impl FnOnce() -> Result<()> + Send + 'static) -> Result<Self> {
        Ok(Self(std::thread::Builder::new().name("silence".to_owned()).spawn(client)?))
    }
}

fn still_there(mut client: Client<UnixStream>) -> Result<()> {
    client.stream().set_read_timeout(Some(DEADLINE))?;
    client.ask("who").context("at the end")?;
    client.close()
}

fn has_timed_out(why: &anyhow::Error) -> bool {
    let error = why.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    matches!(error, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut))
}
