//! `X-Forwarded-*` and `Forwarded`: whom this request is for. A client could write anything into
//! them, so they are replaced, unless the peer is a trusted proxy, whose word is kept and added to.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use pingora::http::RequestHeader;

use super::trusted::TrustedProxies;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const STANDARD: HeaderName = HeaderName::from_static("forwarded");

/// The address that a request comes from: the peer's, or, where that is a trusted proxy, the last one
/// in `X-Forwarded-For` that is not. (Those before it are the client's own word.)
pub(crate) fn client(headers: &HeaderMap, peer: IpAddr, trusted: &TrustedProxies) -> IpAddr {
    if !trusted.trusts(peer) {
        return peer;
    }
    let chain = headers.get_all(&FOR).iter().filter_map(|chain| chain.to_str().ok());
    let mut client = peer;
    for hop in chain.rev().flat_map(|chain| chain.rsplit(',')) {
        // Whatever is no address ends the part of the chain that can be believed.
        let Ok(address) = hop.trim().parse() else { break };
        client = address;
        if !trusted.trusts(address) {
            break;
        }
    }
    client
}

/// Sets the headers on a request that is about to be sent.
pub(crate) fn set(
    request: &mut RequestHeader,
    peer: Option<IpAddr>,
    is_trusted: bool,
    is_secure: bool,
) -> pingora::Result<()> {
    let peer = peer.map(|peer| peer.to_canonical());
    if !is_trusted {
        request.remove_header(&STANDARD);
    }
    match peer {
        Some(peer) => {
            let value = forwarded_for(&request.headers, peer, is_trusted);
            request.insert_header(FOR, value)?;
            if is_trusted && request.headers.contains_key(&STANDARD) {
                request.append_header(STANDARD, standard_element(peer))?;
            }
        }
        None if !is_trusted => {
            request.remove_header(&FOR);
        }
        None => {}
    }
    if !(is_trusted && request.headers.contains_key(&PROTO)) {
        let proto = if is_secure { "https" } else { "http" };
        request.insert_header(PROTO, HeaderValue::from_static(proto))?;
    }
    if !(is_trusted && request.headers.contains_key(&HOST)) {
        match request.headers.get(http::header::HOST).cloned() {
            Some(host) => request.insert_header(HOST, host)?,
            None => {
                request.remove_header(&HOST);
            }
        }
    }
    Ok(())
}

fn forwarded_for(headers: &HeaderMap, peer: IpAddr, is_trusted: bool) -> String {
    let mut value = String::new();
    if is_trusted {
        // Several headers of the name mean the same as one with commas.
        for chain in headers.get_all(&FOR).iter().filter_map(|chain| chain.to_str().ok()) {
            value.push_str(chain);
            value.push_str(", ");
        }
    }
    value.push_str(&peer.to_string());
    value
}

fn standard_element(peer: IpAddr) -> String {
    match peer {
        IpAddr::V4(peer) => format!("for={peer}"),
        IpAddr::V6(peer) => format!("for=\"[{peer}]\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(received: &[(&'static str, &str)], peer: &str, is_trusted: bool) -> Vec<String> {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in received {
            request.append_header(*name, *value).unwrap();
        }
        set(&mut request, Some(peer.parse().unwrap()), is_trusted, false).unwrap();
        let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded"];
        names
            .iter()
            .flat_map(|name| request.headers.get_all(*name))
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_client_s_word_is_replaced() {
        let received = [
            ("Host", "api.example"),
            ("X-Forwarded-For", "10.1.1.1"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.example"),
            ("Forwarded", "for=10.1.1.1"),
        ];
        assert_eq!(sent(&received, "203.0.113.9", false), ["203.0.113.9", "http", "api.example"]);
    }

    #[test]
    fn a_trusted_proxy_s_word_is_kept_and_added_to() {
        let received = [
            ("Host", "api.example"),
            ("X-Forwarded-For", "198.51.100.7"),
            ("X-Forwarded-For", "10.0.0.2"),
            ("X-Forwarded-Proto", "https"),
            ("Forwarded", "for=198.51.100.7"),
        ];
        assert_eq!(
            sent(&received, "fd00::1", true),
            [
                "198.51.100.7, 10.0.0.2, fd00::1",
                "https",
                "api.example",
                "for=198.51.100.7",
                "for=\"[fd00::1]\"",
            ]
        );
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_trusted_proxy() {
        let trusted =
            TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "127.0.0.1".parse().unwrap()]);
        let cases = [
            ("203.0.113.9", "198.51.100.7", "203.0.113.9"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "6.6.6.6, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "", "10.0.0.1"),
        ];
        for (peer, chain, client_ip) in cases {
            let headers = HeaderMap::from_iter([(FOR, HeaderValue::from_static(chain))]);
            let found = client(&headers, peer.parse().unwrap(), &trusted);
            assert_eq!(found, client_ip.parse::<IpAddr>().unwrap(), "{peer} {chain}");
        }
    }

    #[test]
    fn an_ipv4_client_of_an_ipv6_socket_is_named_as_ipv4() {
        assert_eq!(sent(&[], "::ffff:192.0.2.1", false), ["192.0.2.1", "http"]);
    }
}
