//! A TCP relay that can be slow, stall, reset and heal.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use parking_lot::{Condvar, Mutex};

/// A relay to one address. It never ends: its threads wait until the test process exits.
#[derive(Clone, Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The connections with a lower number are held back.
    held_below: u64,
    next: u64,
    is_refusing: bool,
    open: Vec<TcpStream>,
    /// How long a byte takes. All connections share the relay, as they would share a cable.
    per_byte: Duration,
    /// When all bytes that were read will have been relayed.
    busy_until: Option<Instant>,
}

impl FaultProxy {
    /// Relays connections to a server.
    pub fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { server, state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A server that does not listen is like a connection that is closed at once.
                let _ = accepting.relay(stream);
            }
        });
        Ok(Self { address, shared })
    }

    /// Returns the address of the relay.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL for `--cluster`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Relays so many bytes in a second from now on, of all connections and both directions together.
    pub fn limit(&self, bytes_per_second: u32) {
        self.shared.change(|state| state.per_byte = Duration::from_secs(1) / bytes_per_second);
    }

    /// Holds back all bytes, in both directions, until the relay heals.
    pub fn stall(&self) {
        self.shared.change(|state| state.held_below = u64::MAX);
    }

    /// Holds back all bytes of the connections that are open now. New connections are not affected.
    pub fn strand(&self) {
        self.shared.change(|state| state.held_below = state.next);
    }

    /// Closes all connections, and every further one, until the relay heals.
    pub fn cut(&self) {
        self.shared.change(|state| state.is_refusing = true);
        self.reset();
    }

    /// Closes all connections.
    pub fn reset(&self) {
        self.shared.change(|state| {
            for stream in state.open.drain(..) {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
    }

    /// Relays everything again, held back bytes first.
    pub fn heal(&self) {
        self.shared.change(|state| (state.held_below, state.is_refusing) = (0, false));
    }
}

impl Shared {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }

    fn relay(self: &Arc<Self>, client: TcpStream) -> Result<()> {
        let mut state = self.state.lock();
        if state.is_refusing {
            return Ok(());
        }
        let server = TcpStream::connect(self.server)?;
        // While nothing listens on a port, a connection to it may get the same port and connect to itself. It would
        // keep the server from listening there again.
        if server.local_addr()? == server.peer_addr()? {
            return Ok(());
        }
        for stream in [&client, &server] {
            stream.set_nodelay(true)?;
            state.open.push(stream.try_clone()?);
        }
        let number = state.next;
        state.next += 1;
        for (from, to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.pump(number, from, to));
        }
        Ok(())
    }

    fn pump(&self, number: u64, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            self.wait_for_turn(count);
            self.wait_while_held(number);
            if to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        // The end of a connection is held back, too.
        self.wait_while_held(number);
        let _ = to.shutdown(Shutdown::Write);
    }

    /// Waits as long as a slow relay takes for these bytes, and for those that other connections sent before.
    fn wait_for_turn(&self, count: usize) {
        let mut state = self.state.lock();
        if state.per_byte.is_zero() {
            return;
        }
        let now = Instant::now();
        let begin = state.busy_until.map_or(now, |busy| busy.max(now));
        let end = begin + state.per_byte * u32::try_from(count).unwrap_or(u32::MAX);
        state.busy_until = Some(end);
        drop(state);
        sleep(end.saturating_duration_since(now));
    }

    fn wait_while_held(&self, number: u64) {
        let mut state = self.state.lock();
        while number < state.held_below {
            self.changed.wait(&mut state);
        }
    }
}
