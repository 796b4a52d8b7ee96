//! Looks up the addresses of servers.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use tokio::sync::Semaphore;
use tower::Service;

use super::addresses::is_public;
use super::error::RequestError;
use crate::blocking::off_the_workers;
use crate::grant::Reach;

/// How many names are looked up at once. There is a limit because a lookup occupies a thread for blocking work, even
/// after its request has timed out, and the number of these threads is limited.
static LOOKUPS: Semaphore = Semaphore::const_new(32);

/// The name of this machine (RFC 6761 §6.3).
const LOCALHOST: &str = "localhost";

/// Looks up a name, and leaves out the addresses to which a handler may not connect. The connection is made to one of
/// the returned addresses. So a server cannot get around this check by changing its address afterwards.
#[derive(Clone)]
pub(super) struct Resolver {
    pub(super) reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = RequestError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            let found = look_up(name.as_str().to_owned()).await?;
            permitted(name.as_str(), reach, found).map(Vec::into_iter)
        })
    }
}

async fn look_up(name: String) -> Result<Vec<SocketAddr>, RequestError> {
    let permit = LOOKUPS.acquire().await.expect("the semaphore is never closed");
    let found = off_the_workers(move || {
        let found = (name, 0).to_socket_addrs();
        drop(permit);
        found
    });
    match found.await {
        Ok(found) => Ok(found.collect()),
        Err(error) => Err(RequestError::NoAddress(error.to_string())),
    }
}

/// Returns the addresses to which a handler may connect.
fn permitted(
    name: &str,
    reach: Reach,
    found: Vec<SocketAddr>,
) -> Result<Vec<SocketAddr>, RequestError> {
    let is_permitted = |address: IpAddr| match reach {
        Reach::Anywhere => true,
        Reach::Public if name.eq_ignore_ascii_case(LOCALHOST) => address.is_loopback(),
        Reach::Public => is_public(address),
    };
    let first = found.first().map(SocketAddr::ip);
    let permitted: Vec<_> =
        found.into_iter().filter(|address| is_permitted(address.ip())).collect();
    match (permitted.is_empty(), first) {
        (false, _) => Ok(permitted),
        (true, Some(prohibited)) => Err(RequestError::Prohibited(prohibited)),
        (true, None) => Err(RequestError::NoAddress("the lookup returned none".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().expect("an address"), 0)).collect()
    }

    #[test]
    fn addresses_that_are_not_public_are_left_out() {
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "::1"]);
        let public = permitted("api.example.com", Reach::Public, mixed.clone()).expect("one");
        assert_eq!(public, addresses(&["1.1.1.1"]));
        let all = permitted("api.example.com", Reach::Anywhere, mixed.clone()).expect("all");
        assert_eq!(all, mixed);
        let metadata = addresses(&["169.254.169.254"]);
        let error = permitted("api.example.com", Reach::Public, metadata).expect_err("prohibited");
        assert!(error.to_string().contains("169.254.169.254"), "{error}");
    }

    #[test]
    fn localhost_is_this_machine() {
        let found = addresses(&["::1", "127.0.0.1", "10.0.0.1", "1.1.1.1"]);
        let permitted = permitted("LocalHost", Reach::Public, found).expect("two");
        assert_eq!(permitted, addresses(&["::1", "127.0.0.1"]));
    }

    #[tokio::test]
    async fn every_form_of_a_loopback_address_is_checked() {
        for name in ["127.1", "0x7f.1", "2130706433"] {
            let mut resolver = Resolver { reach: Reach::Public };
            poll_fn(|context| resolver.poll_ready(context)).await.expect("ready");
            let found = resolver.call(name.parse().expect("a name")).await;
            assert!(
                matches!(found, Err(RequestError::Prohibited(ip)) if ip.is_loopback()),
                "{name}"
            );
        }
    }
}
