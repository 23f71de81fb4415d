//! `request_filter`: limits, then the route, then who answers.

use std::net::IpAddr;

use pingora::proxy::Session;
use routes::{PathRefusal, RequestFacts};

use super::answer::Refusal;
use super::{Gateway, RequestContext, UPGRADED_IDLE_LIMIT};
use crate::headers::{forwarded, framing, request_id};

/// How long a client's idle connection is kept, seconds.
const KEEP_ALIVE_SECONDS: u64 = 75;

/// Matches the request and decides who answers it, or says why the proxy itself does.
pub(super) fn run(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<(), Refusal> {
    let id = session.get_header(request_id::NAME).filter(|id| request_id::is_sane(id)).cloned();
    ctx.request_id = Some(id.unwrap_or_else(request_id::make));
    set_time_limits(session, ctx);
    within_limits(session, ctx)?;
    let request = session.req_header();
    if !request.raw_path_is_utf8() {
        return Err(Refusal::Path(PathRefusal::InvalidEncoding));
    }
    let table = &ctx.in_force.table;
    let matched =
        table.match_route(request.method.as_str(), request.uri.path()).map_err(Refusal::Path)?;
    if let Some(matched) = &matched {
        ctx.decision =
            routes::decide::decide(table.route(matched.route), &Facts { session, gateway });
        ctx.asked = ctx.decision.primary;
    }
    ctx.route = matched;
    Ok(())
}

/// What the decision may ask of the request, without a copy of anything.
struct Facts<'request> {
    session: &'request Session,
    gateway: &'request Gateway,
}

impl RequestFacts for Facts<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        self.session.get_header(name).map(http::HeaderValue::as_bytes)
    }

    fn client_ip(&self) -> Option<IpAddr> {
        let headers = &self.session.req_header().headers;
        let peer = peer_ip(self.session)?;
        Some(forwarded::client(headers, peer, &self.gateway.trusted))
    }
}

/// The address of the peer.
pub(super) fn peer_ip(session: &Session) -> Option<IpAddr> {
    session.client_addr()?.as_inet().map(std::net::SocketAddr::ip)
}

fn set_time_limits(session: &mut Session, ctx: &RequestContext) {
    let limit = ctx.in_force.table.limits.client_timeout;
    let read = if session.is_upgrade_req() { UPGRADED_IDLE_LIMIT } else { limit };
    session.set_read_timeout(Some(read));
    session.set_write_timeout(Some(limit));
    session.set_total_drain_timeout(Some(limit));
    // pingora keeps idle connections for ever once a request has come in on them.
    if session.get_keepalive() == Some(0) {
        session.set_keepalive(Some(KEEP_ALIVE_SECONDS));
    }
}

fn within_limits(session: &Session, ctx: &RequestContext) -> Result<(), Refusal> {
    let limits = &ctx.in_force.table.limits;
    if ctx.in_flight.place() > limits.max_in_flight {
        return Err(Refusal::TooManyRequests);
    }
    if header_size(session) > limits.max_header_bytes {
        return Err(Refusal::HeaderTooLarge);
    }
    let headers = &session.req_header().headers;
    if headers.contains_key(http::header::TRANSFER_ENCODING)
        && let Some(http1) = session.as_http1()
        && framing::has_two_lengths(&http1.get_headers_raw_bytes())
    {
        return Err(Refusal::TwoLengths);
    }
    let length = headers
        .get(http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok())
        .and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > limits.max_body_bytes => Err(Refusal::BodyTooLarge),
        _ => Ok(()),
    }
}

/// Bytes of the request line and the headers; of HTTP/2, which compresses them, what they stand for.
fn header_size(session: &Session) -> usize {
    if let Some(http1) = session.as_http1() {
        return http1.get_headers_raw_bytes().len();
    }
    let request = session.req_header();
    let fields = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len());
    request.raw_path().len() + fields.sum::<usize>()
}
