//! The address of a client, and what of it counts for limits.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bits of an IPv6 address that one client cannot choose: it usually has the whole network behind them.
const CLIENT_PREFIX: u8 = 64;
/// The bits of an IPv6 address that are the same at one customer. A customer gets at most this much of a provider.
const CUSTOMER_PREFIX: u8 = 48;

/// Where a connection or a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    ip: IpAddr,
    is_client: bool,
}

impl ClientAddress {
    /// The address of a client.
    pub fn of_client(ip: IpAddr) -> Self {
        Self { ip: ip.to_canonical(), is_client: true }
    }

    /// The address of a trusted proxy that names no client.
    pub fn of_proxy(ip: IpAddr) -> Self {
        Self { ip: ip.to_canonical(), is_client: false }
    }

    /// The address; IPv4 rather than an IPv4-mapped IPv6 address.
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Returns what the limits of this address count; `None` for a proxy, because all its clients would share them.
    pub fn group(&self) -> Option<AddressGroup> {
        self.is_client.then(|| AddressGroup::of(self.ip))
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)
    }
}

/// The addresses that count as one: a single IPv4 address, or an IPv6 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressGroup {
    first: IpAddr,
    prefix: u8,
}

impl AddressGroup {
    /// Returns the group of an address: an IPv4 address, or an IPv6 network of 64 bits.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self { first: address.into(), prefix: 32 },
            IpAddr::V6(address) => Self::network(address, CLIENT_PREFIX),
        }
    }

    /// Returns the network of 48 bits around an IPv6 network of 64; `None` for IPv4, and for ::1.
    pub fn customer(&self) -> Option<Self> {
        match self.first {
            IpAddr::V6(address) if self.prefix > CUSTOMER_PREFIX && !self.is_local() => {
                Some(Self::network(address, CUSTOMER_PREFIX))
            }
            IpAddr::V6(_) | IpAddr::V4(_) => None,
        }
    }

    /// Whether this is the address that programs on the same machine connect from unless they choose another:
    /// 127.0.0.1, or the network of ::1.
    pub fn is_local(&self) -> bool {
        match self.first {
            IpAddr::V4(address) => address == Ipv4Addr::LOCALHOST,
            IpAddr::V6(address) => address == Ipv6Addr::UNSPECIFIED && self.prefix == CLIENT_PREFIX,
        }
    }

    /// Whether this is such a wider network.
    pub fn is_customer(&self) -> bool {
        self.first.is_ipv6() && self.prefix == CUSTOMER_PREFIX
    }

    fn network(address: Ipv6Addr, prefix: u8) -> Self {
        let host_bits = 128 - u32::from(prefix);
        Self { first: Ipv6Addr::from_bits(address.to_bits() >> host_bits << host_bits).into(), prefix }
    }
}

impl fmt::Display for AddressGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(address) => write!(f, "{address}/{}", self.prefix),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(address: &str) -> AddressGroup {
        ClientAddress::of_client(address.parse().unwrap()).group().unwrap()
    }

    #[test]
    fn group_is_an_ipv4_address_or_an_ipv6_network() {
        for (address, shown) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("::1", "::/64"),
        ] {
            assert_eq!(group(address).to_string(), shown);
        }
        assert_eq!(group("2001:db8::1"), group("2001:db8::ffff:1"));
        assert_ne!(group("2001:db8::1"), group("2001:db8:0:1::1"));
        assert_ne!(group("::"), group("0.0.0.0"));
    }

    #[test]
    fn customer_is_a_wider_ipv6_network() {
        let customer = group("2001:db8:1:2::1").customer().unwrap();
        assert_eq!((customer.to_string(), customer.customer()), ("2001:db8:1::/48".to_owned(), None));
        assert_eq!(group("2001:db8:1:ffff::").customer(), Some(customer));
        assert_eq!(group("192.0.2.1").customer(), None);
    }

    #[test]
    fn proxy_without_a_client_has_no_group() {
        let proxy = ClientAddress::of_proxy("::ffff:10.0.0.1".parse().unwrap());
        assert_eq!((proxy.group(), proxy.to_string()), (None, "10.0.0.1".to_owned()));
    }
}
