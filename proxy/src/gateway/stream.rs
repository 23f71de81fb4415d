//! Exchanges without an end of their own: `WebSockets` and server-sent events. They are counted when they begin, and their
//! silence is no failure.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use pingora::proxy::Session;
use prometheus_client::metrics::gauge::Gauge;

/// The media type of server-sent events.
const EVENTS: &[u8] = b"text/event-stream";

/// What an exchange has become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamKind {
    /// A `101`: the bytes that follow are no HTTP.
    Upgraded,
    /// A body of events that goes on.
    Events,
}

impl StreamKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 2] = [Self::Upgraded, Self::Events];

    /// The word of the metric.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Upgraded => "upgraded",
            Self::Events => "events",
        }
    }

    /// What this answer makes of its exchange; none: an answer like any other.
    pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Some(Self::Upgraded);
        }
        let is_events = status.is_success() && headers.get(CONTENT_TYPE).is_some_and(names_events);
        is_events.then_some(Self::Events)
    }
}

/// An open stream, counted until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Gauge);

impl OpenStream {
    pub(super) fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Whether a request asks for a stream. How long its backend may be silent is settled before the answer is there to see.
pub(super) fn is_asked_for(session: &Session) -> bool {
    session.is_upgrade_req() || session.get_header(ACCEPT).is_some_and(names_events)
}

fn names_events(value: &HeaderValue) -> bool {
    value.as_bytes().get(..EVENTS.len()).is_some_and(|start| start.eq_ignore_ascii_case(EVENTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_stream_by_its_status_or_its_type() {
        let of = |status: u16, content_type: &'static str| {
            let headers =
                HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
            StreamKind::of(StatusCode::from_u16(status).unwrap(), &headers)
        };
        assert_eq!(of(101, ""), Some(StreamKind::Upgraded));
        assert_eq!(of(200, "Text/Event-Stream; charset=utf-8"), Some(StreamKind::Events));
        assert_eq!(of(503, "text/event-stream"), None);
        assert_eq!(of(200, "text/html"), None);
    }

    #[test]
    fn an_open_stream_is_counted_until_it_ends() {
        let gauge = Gauge::default();
        let open = OpenStream::new(gauge.clone());
        assert_eq!(gauge.get(), 1);
        drop(open);
        assert_eq!(gauge.get(), 0);
    }
}
