//! Networks that may use the routes of other proxies (`--peer-allow`).

use ipnet::IpNet;
use std::net::IpAddr;
use std::str::FromStr;

/// A network, as `10.0.0.0/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(IpNet);

/// Not a network.
#[derive(Debug, thiserror::Error)]
#[error("a network is an address or a range of them: 10.1.2.3, 10.0.0.0/8, fd00::/8")]
pub struct InvalidCidr;

impl Cidr {
    /// Whether an address is in it. An IPv4 address may come as IPv6 writes it.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Cidr {
    type Err = InvalidCidr;

    fn from_str(text: &str) -> Result<Self, InvalidCidr> {
        let text = text.trim();
        let single = || text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        text.parse().or_else(|_| single()).map(Self).map_err(|_| InvalidCidr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, address: &str) -> bool {
        network.parse::<Cidr>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        assert!(has("10.0.0.0/8", "10.255.0.1") && !has("10.0.0.0/8", "11.0.0.1"));
        assert!(has("10.1.2.3", "10.1.2.3") && !has("10.1.2.3", "10.1.2.4"));
        assert!(has("10.1.2.3/24", "10.1.2.77"), "an address within the network names it too");
        assert!(has("fd00::/8", "fd12::1") && !has("fd00::/8", "fe80::1"));
        assert!(has("0.0.0.0/0", "8.8.8.8") && !has("0.0.0.0/0", "::2"));
    }

    #[test]
    fn an_address_may_come_as_ipv6_writes_it() {
        assert!(has("10.0.0.0/8", "::ffff:10.0.0.1") && has("::ffff:10.0.0.1", "10.0.0.1"));
        assert!(!has("10.0.0.0/8", "::ffff:11.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "localhost", "10.0.0.0/", "/8"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }
}
