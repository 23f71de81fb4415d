//! `request_filter`: limits, then the route, then who answers.

use std::net::IpAddr;
use std::sync::Arc;

use pingora::proxy::Session;
use routes::{PathRefusal, RequestFacts};

use super::answer::Refusal;
use super::{Gateway, RequestContext};
use crate::edge::{self, PacedRequest};
use crate::headers::{forwarded, framing, request_id};

/// Matches the request and decides who answers it, or says why the proxy itself does.
pub(super) fn run(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<(), Refusal> {
    let id = session.get_header(request_id::NAME).filter(|id| request_id::is_sane(id)).cloned();
    ctx.request_id = Some(id.unwrap_or_else(request_id::make));
    set_time_limits(session, ctx);
    ctx.paced = pace(session);
    within_limits(gateway, session, ctx)?;
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
    let limits = &ctx.in_force.table.limits;
    let is_upgrade = session.is_upgrade_req();
    let read = if is_upgrade { limits.stream_timeout } else { limits.client_timeout };
    session.set_read_timeout(Some(read));
    session.set_write_timeout(Some(limits.client_timeout));
    session.set_total_drain_timeout(Some(limits.client_timeout));
    // pingora keeps idle connections for ever once a request has come in on them.
    if session.get_keepalive() == Some(0) {
        session.set_keepalive(Some(limits.keep_alive_timeout.as_secs().max(1)));
    }
}

/// From now on the client owes the body that its head has promised.
fn pace(session: &mut Session) -> Option<PacedRequest> {
    // What follows a request to leave HTTP is no body.
    let owes_body = !session.is_upgrade_req() && !session.as_mut().is_body_empty();
    let is_alone = session.as_http1().is_some();
    let pace = edge::pace_of(session.digest()?)?;
    Some(PacedRequest::begin(Arc::clone(pace), owes_body, is_alone))
}

fn within_limits(
    gateway: &Gateway,
    session: &Session,
    ctx: &RequestContext,
) -> Result<(), Refusal> {
    let limits = &ctx.in_force.table.limits;
    let facts = Facts { session, gateway };
    if let Some(client) = facts.client_ip()
        && !gateway.rates.admits(client, limits.max_requests_per_client)
    {
        return Err(Refusal::TooManyOfClient);
    }
    if ctx.in_flight.place() > limits.max_in_flight {
        return Err(Refusal::TooManyRequests);
    }
    if header_size(session) > limits.max_header_bytes {
        return Err(Refusal::HeaderTooLarge);
    }
    let headers = &session.req_header().headers;
    if headers.len() > limits.max_headers {
        return Err(Refusal::HeaderTooLarge);
    }
    if framing::is_disguised(headers) {
        return Err(Refusal::DisguisedFraming);
    }
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
