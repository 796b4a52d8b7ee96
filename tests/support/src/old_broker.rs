//! A server that introduces itself as `nats-server` of another version, and answers nothing but pings.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use anyhow::Result;

/// Which kind of `nats-server` an [`OldBroker`] pretends to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// A single server.
    One,
    /// One of several servers.
    Several,
}

/// A listener that never ends: its threads wait until the test process exits.
#[derive(Debug)]
pub struct OldBroker {
    address: SocketAddr,
}

impl OldBroker {
    /// Introduces itself with this version.
    pub fn start(version: &str, servers: Servers) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let cluster = match servers {
            Servers::One => "",
            Servers::Several => "\"cluster\":\"c\",",
        };
        let info = format!(
            "INFO {{\"server_id\":\"S\",\"server_name\":\"S\",\"version\":\"{version}\",\"go\":\"\",{cluster}\"host\":\
             \"127.0.0.1\",\"port\":1,\"headers\":true,\"max_payload\":1048576,\"proto\":1,\"jetstream\":true}}\r\n"
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let info = info.clone();
                // The client closes the connection when it wants no more of it.
                std::thread::spawn(move || serve(&stream, &info));
            }
        });
        Ok(Self { address })
    }

    /// Returns the URL for `--cluster`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }
}

fn serve(mut stream: &TcpStream, info: &str) -> Result<()> {
    stream.write_all(info.as_bytes())?;
    for line in BufReader::new(stream).lines() {
        if line? == "PING" {
            stream.write_all(b"PONG\r\n")?;
        }
    }
    Ok(())
}
