//! From a matched route and what tells the client apart to who answers and who gets a copy.

use std::net::IpAddr;

use xxhash_rust::xxh3::xxh3_64;

use crate::backend::BackendId;
use crate::stage::Stage;
use crate::table::{Route, RouteTable, Sticky};

/// What a decision needs to know of a request besides its route. Implemented by the proxy over its request, without copying.
pub trait RequestFacts {
    /// The value of a header, by lower-case name.
    fn header(&self, name: &str) -> Option<&[u8]>;
    /// The address of the peer.
    fn client_ip(&self) -> Option<IpAddr>;
}

/// What told the client apart (for `migrate routes test` and the log); never the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StickyValue {
    /// The stage needs none.
    NotNeeded,
    /// Found: the client's bucket, 0..10,000; the new backend answers when `bucket < percent * 100`.
    Bucket(u16),
    /// The request has none; the client stays on the old side.
    Absent,
}

/// Who answers and who gets a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// The backend whose answer the client gets.
    pub primary: BackendId,
    /// Where a failed, repeatable request goes instead; `None` when the primary is the old backend.
    pub failover: Option<BackendId>,
    /// The backend that a sample of requests is mirrored to and compared with; sampling and method are the caller's business.
    pub mirror: Option<BackendId>,
    /// How the client was told apart.
    pub sticky: StickyValue,
}

/// Buckets that clients are spread over: one for each hundredth of a percent.
const BUCKETS: u16 = 10_000;

/// Decides for one request of a route. Pure: the same facts give the same decision on every proxy, and raising
/// `canary.percent` never moves a client back to the old side.
pub fn decide(route: &Route, facts: &impl RequestFacts) -> Decision {
    let on_old = |mirror, sticky| Decision { primary: route.old, failover: None, mirror, sticky };
    let on_new =
        |mirror, sticky| Decision { primary: route.new, failover: Some(route.old), mirror, sticky };
    match route.stage {
        Stage::Monolith => on_old(None, StickyValue::NotNeeded),
        Stage::Shadow => on_old(Some(route.new), StickyValue::NotNeeded),
        Stage::Canary => {
            let sticky = sticky_value(&route.canary.sticky, facts);
            if is_on_new_side(sticky, route.canary.percent) {
                on_new(None, sticky)
            } else {
                on_old(Some(route.new), sticky)
            }
        }
        Stage::Service => {
            let verify = (route.mirror.verify > 0.0).then_some(route.old);
            on_new(verify, StickyValue::NotNeeded)
        }
    }
}

fn is_on_new_side(sticky: StickyValue, percent: f64) -> bool {
    let share = (percent * 100.0).round();
    match sticky {
        StickyValue::Bucket(bucket) => f64::from(bucket) < share,
        // A client that can't be told apart can't be kept on one side, unless there is only one.
        StickyValue::Absent | StickyValue::NotNeeded => share >= f64::from(BUCKETS),
    }
}

fn sticky_value(sticky: &Sticky, facts: &impl RequestFacts) -> StickyValue {
    let found = match sticky {
        Sticky::Header(name) => facts.header(name).map(bucket),
        Sticky::Cookie(name) => {
            facts.header("cookie").and_then(|cookies| cookie(cookies, name.as_bytes())).map(bucket)
        }
        // One client is one bucket, whether its address comes as IPv4 or mapped into IPv6.
        Sticky::ClientIp => facts.client_ip().map(|address| match address.to_canonical() {
            IpAddr::V4(address) => bucket(&address.octets()),
            IpAddr::V6(address) => bucket(&address.octets()),
        }),
    };
    found.map_or(StickyValue::Absent, StickyValue::Bucket)
}

fn bucket(value: &[u8]) -> u16 {
    let bucket = xxh3_64(value) % u64::from(BUCKETS);
    u16::try_from(bucket).unwrap_or_default()
}

/// The value of the first cookie of that name in a `cookie` header.
fn cookie<'c>(header: &'c [u8], name: &[u8]) -> Option<&'c [u8]> {
    header.split(|byte| *byte == b';').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"=")?;
        Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
    })
}

/// The decision for a path that no route names.
pub fn fallback(table: &RouteTable) -> Decision {
    Decision {
        primary: table.fallback,
        failover: None,
        mirror: None,
        sticky: StickyValue::NotNeeded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let header = b"xsid=1; sid = 2;sid=3; sid=4; q=\"5\"";
        assert_eq!(cookie(header, b"sid"), Some(&b"3"[..]));
        assert_eq!(cookie(header, b"q"), Some(&b"5"[..]));
        assert_eq!(cookie(header, b"id"), None);
        assert_eq!(cookie(b"", b"sid"), None);
        assert_eq!(cookie(b"sid", b"sid"), None);
    }

    #[test]
    fn two_decimals_of_a_percent_count() {
        assert!(is_on_new_side(StickyValue::Bucket(0), 0.01));
        assert!(!is_on_new_side(StickyValue::Bucket(1), 0.01));
        assert!(!is_on_new_side(StickyValue::Bucket(0), 0.0));
        assert!(is_on_new_side(StickyValue::Bucket(9_999), 100.0));
        assert!(!is_on_new_side(StickyValue::Bucket(9_999), 99.99));
        assert!(is_on_new_side(StickyValue::Absent, 100.0));
        assert!(!is_on_new_side(StickyValue::Absent, 99.99));
    }
}
