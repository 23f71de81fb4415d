//! Which peers may say who their client is: proxies in front of this one, named by CIDR.

use std::net::IpAddr;
use std::str::FromStr;

/// One network: an address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Network {
    address: u128,
    mask: u128,
    is_v4: bool,
}

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no network; write an address, or a CIDR such as 10.0.0.0/8 or fd00::/8")]
pub(crate) struct NoNetwork(String);

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_network = || NoNetwork(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok().ok_or_else(no_network)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let length: u32 = match length {
            Some(length) => length.parse().ok().ok_or_else(no_network)?,
            None => width,
        };
        if length > width {
            return Err(no_network());
        }
        let (bits, is_v4) = bits(address);
        // IPv4 addresses are the low 32 bits; a shift by the whole width is no bits at all.
        let mask = u128::MAX.checked_shl(width - length).unwrap_or(0);
        Ok(Self { address: bits & mask, mask, is_v4 })
    }
}

fn bits(address: IpAddr) -> (u128, bool) {
    // An IPv4 client of an IPv6 socket is the same client.
    match address.to_canonical() {
        IpAddr::V4(address) => (u128::from(u32::from(address)), true),
        IpAddr::V6(address) => (u128::from(address), false),
    }
}

/// The networks whose word about the client is taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    pub(crate) fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether a peer may say who its client is.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        let (address, is_v4) = bits(peer);
        self.0.iter().any(|network| {
            network.is_v4 == is_v4 && address & network.mask == network.address & network.mask
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("192.168.1.7", "192.168.1.7", true),
            ("192.168.1.7", "192.168.1.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "2001:db8::1", true),
            ("127.0.0.0/8", "::ffff:127.0.0.1", true),
        ];
        for (network, peer, trusted) in cases {
            let proxies = TrustedProxies::new(vec![network.parse().unwrap()]);
            assert_eq!(proxies.trusts(peer.parse().unwrap()), trusted, "{network} {peer}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for text in ["", "10.0.0.0/33", "10.0.0.0/", "example.org", "fd00::/129", "1.2.3.4/-1"] {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork(text.to_owned())));
        }
    }
}
