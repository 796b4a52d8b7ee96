//! Which addresses are public.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};

/// Networks that are not public. They are the networks that the IANA registry of special-purpose addresses lists as not
/// globally reachable, the networks for multicast, and the reserved networks. Among them is the link-local network,
/// where clouds have their metadata services.
const SPECIAL_V4: [&str; 16] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The only IPv6 addresses that are assigned to the Internet.
const GLOBAL_V6: &str = "2000::/3";

/// The networks within [`GLOBAL_V6`] that are not globally reachable. Also the two networks whose addresses contain
/// IPv4 addresses: Teredo, which is in 2001::/23, and 6to4, which is 2002::/16.
const SPECIAL_V6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

/// The network of NAT64 (RFC 6052). The last 32 bits of its addresses are an IPv4 address.
const NAT64: &str = "64:ff9b::/96";

struct Networks {
    special_v4: [Ipv4Net; 16],
    global_v6: Ipv6Net,
    special_v6: [Ipv6Net; 4],
    nat64: Ipv6Net,
}

static NETWORKS: LazyLock<Networks> = LazyLock::new(|| {
    let v4 = |text: &str| text.parse().expect("a network of version 4");
    let v6 = |text: &str| text.parse().expect("a network of version 6");
    Networks {
        special_v4: SPECIAL_V4.map(v4),
        global_v6: v6(GLOBAL_V6),
        special_v6: SPECIAL_V6.map(v6),
        nat64: v6(NAT64),
    }
});

/// Returns whether an address belongs to the public Internet. Loopback, private, link-local and multicast addresses do
/// not.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NETWORKS.special_v4.iter().any(|network| network.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let Networks { global_v6, special_v6, nat64, .. } = &*NETWORKS;
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    if nat64.contains(&address) {
        let [.., a, b, c, d] = address.octets();
        return is_public_v4(Ipv4Addr::new(a, b, c, d));
    }
    global_v6.contains(&address) && !special_v6.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_expected: bool, addresses: &[&str]) {
        for address in addresses {
            let parsed = address.parse().expect("an address");
            assert_eq!(is_public(parsed), is_expected, "{address}");
        }
    }

    #[test]
    fn addresses_of_this_machine_and_of_private_networks_are_not_public() {
        check(
            false,
            &[
                "0.0.0.0",
                "10.1.2.3",
                "100.64.0.1",
                "127.0.0.1",
                "127.255.255.254",
                "169.254.169.254",
                "172.16.0.1",
                "172.31.255.255",
                "192.168.1.1",
                "198.18.0.1",
                "224.0.0.1",
                "255.255.255.255",
                "::",
                "::1",
                "fe80::1",
                "fc00::1",
                "fd00:ec2::254",
                "ff02::1",
                "2001:db8::1",
            ],
        );
    }

    #[test]
    fn private_addresses_inside_addresses_of_version_6_are_not_public() {
        check(
            false,
            &[
                "::ffff:127.0.0.1",
                "::ffff:169.254.169.254",
                "::127.0.0.1",
                "64:ff9b::10.0.0.1",
                "2002:7f00:1::1",
                "2001:0:7f00:1::1",
            ],
        );
    }

    #[test]
    fn other_addresses_are_public() {
        check(
            true,
            &[
                "1.1.1.1",
                "100.63.255.255",
                "100.128.0.0",
                "172.15.255.255",
                "172.32.0.0",
                "192.169.0.0",
                "223.255.255.255",
                "::ffff:1.1.1.1",
                "64:ff9b::1.1.1.1",
                "2606:4700:4700::1111",
                "2a00:1450:4001::1",
            ],
        );
    }
}
