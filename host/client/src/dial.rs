//! Connects to a host name. All addresses of the name are tried, so that an address that does not answer causes little
//! delay ("happy eyeballs", RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::sleep;

/// How long an attempt may take before the next address is tried in parallel. RFC 8305 §5 recommends this value.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Connects to the first address that answers.
///
/// # Errors
///
/// Returns the error of the name lookup, or of the last address that failed.
///
/// # Cancel safety
///
/// Dropping the future closes every socket.
pub(crate) async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = lookup_host((host, port)).await?.collect();
    let socket = race(interleave_families(&addresses), TcpStream::connect).await?;
    // Each message is written as a whole, so Nagle's algorithm would only delay it.
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// Orders the addresses (§4). The system's preferred address comes first, and IPv6 and IPv4 alternate.
fn interleave_families(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_of_the_best = |address: &SocketAddr| {
        addresses.first().is_some_and(|best| best.is_ipv6() == address.is_ipv6())
    };
    let (best, others): (Vec<_>, Vec<_>) =
        addresses.iter().partition(|address| is_of_the_best(address));
    let mut others = others.into_iter();
    let mut turns = Vec::with_capacity(addresses.len());
    for address in best {
        turns.push(address);
        turns.extend(others.next());
    }
    turns.extend(others);
    turns
}

/// Connects to the first address that answers (§5). The next attempt starts when an earlier one has failed, or after
/// [`ATTEMPT_DELAY`]. The first attempt that succeeds cancels the others.
async fn race<T, F>(addresses: Vec<SocketAddr>, attempt: impl Fn(SocketAddr) -> F) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        attempts.extend(waiting.next().map(&attempt));
        tokio::select! {
            Some(attempted) = attempts.next() => match attempted {
                Ok(socket) => return Ok(socket),
                Err(error) => failure = error,
            },
            () = sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
            else => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use parking_lot::Mutex;
    use tokio::time::Instant;

    use super::*;

    fn addresses(ports: &[u16]) -> Vec<SocketAddr> {
        ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect()
    }

    #[test]
    fn families_take_turns_and_the_best_address_stays_the_first() {
        let parse = |all: [&str; 4]| all.map(|text| text.parse().expect("an address")).to_vec();
        let turns = interleave_families(&parse(["[::1]:1", "[::2]:1", "[::3]:1", "10.0.0.1:1"]));
        assert_eq!(turns, parse(["[::1]:1", "10.0.0.1:1", "[::2]:1", "[::3]:1"]));
        let turns = interleave_families(&parse(["10.0.0.1:1", "10.0.0.2:1", "[::1]:1", "[::2]:1"]));
        assert_eq!(turns, parse(["10.0.0.1:1", "[::1]:1", "10.0.0.2:1", "[::2]:1"]));
        assert_eq!(interleave_families(&[]), []);
    }

    #[tokio::test(start_paused = true)]
    async fn address_that_does_not_answer_delays_the_others_only_briefly() {
        let began = Instant::now();
        let connected =
            race(addresses(&[1, 2, 3]), async |address: SocketAddr| match address.port() {
                3 => Ok(3),
                _ => pending().await,
            });
        assert_eq!(connected.await.expect("the third answers"), 3);
        assert_eq!(began.elapsed(), 2 * ATTEMPT_DELAY);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_address_may_answer_after_the_next_one_was_tried() {
        let connected = race(addresses(&[1, 2]), async |address: SocketAddr| {
            let time = ATTEMPT_DELAY * if address.port() == 1 { 2 } else { 3 };
            sleep(time).await;
            Ok(address.port())
        });
        assert_eq!(connected.await.expect("both answer"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn address_that_fails_causes_no_delay_and_the_last_failure_is_returned() {
        let began = Instant::now();
        let tried = Mutex::new(Vec::new());
        let failed = race::<(), _>(addresses(&[1, 2, 3]), async |address: SocketAddr| {
            tried.lock().push(address.port());
            Err(io::Error::other(address.port().to_string()))
        });
        assert_eq!(failed.await.expect_err("nobody answers").to_string(), "3");
        assert_eq!(*tried.lock(), [1, 2, 3]);
        assert_eq!(began.elapsed(), Duration::ZERO);
        let none = race::<(), _>(Vec::new(), async |_| pending().await).await;
        assert_eq!(none.expect_err("no address").kind(), io::ErrorKind::NotFound);
    }
}
