//! Hop-by-hop headers of answers. (Those of requests are dropped by pingora's own policy.)

use http::HeaderName;
use http::header::{CONNECTION, UPGRADE};
use pingora::http::ResponseHeader;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what was meant for this proxy alone: the usual hop-by-hop headers and those that
/// `Connection` names. `Transfer-Encoding` stays: it tells pingora how the body is framed. So does
/// the upgrade of a `101`.
pub(crate) fn remove_hop_by_hop(answer: &mut ResponseHeader) {
    if answer.status == http::StatusCode::SWITCHING_PROTOCOLS {
        return;
    }
    if answer.headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = answer
            .headers
            .get_all(CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .filter(|name| !is_framing(name))
            .collect();
        for name in &named {
            answer.remove_header(name);
        }
        answer.remove_header(&CONNECTION);
    }
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &UPGRADE] {
        if answer.headers.contains_key(name) {
            answer.remove_header(name);
        }
    }
}

/// What no `Connection` header may take away: without it the end of the answer is lost.
fn is_framing(name: &HeaderName) -> bool {
    *name == http::header::TRANSFER_ENCODING || *name == http::header::CONTENT_LENGTH
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Vec<String> {
        let mut answer = ResponseHeader::build(status, None).unwrap();
        for (name, value) in headers {
            answer.append_header(*name, *value).unwrap();
        }
        remove_hop_by_hop(&mut answer);
        answer.headers.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn what_connection_names_goes_and_the_framing_stays() {
        let headers = [
            ("Connection", "close, X-Internal"),
            ("Connection", "Content-Length"),
            ("X-Internal", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Content-Length", "3"),
            ("ETag", "x"),
        ];
        assert_eq!(answer(200, &headers), ["content-length", "etag"]);
    }

    #[test]
    fn an_upgrade_keeps_its_headers() {
        let headers = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
        assert_eq!(answer(101, &headers), ["connection", "upgrade"]);
    }
}
