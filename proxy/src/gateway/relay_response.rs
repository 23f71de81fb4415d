//! `response_filter`: the answer's header as the client is to see it.

use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

use super::stream::{OpenStream, StreamKind};
use super::{Gateway, RequestContext, mirror, record};
use crate::headers::{connection, request_id};

/// Sets and removes headers of an answer.
pub(super) fn run(
    gateway: &Gateway,
    session: &mut Session,
    response: &mut ResponseHeader,
    ctx: &mut RequestContext,
) -> Result<()> {
    if response.status.is_informational()
        && response.status != http::StatusCode::SWITCHING_PROTOCOLS
    {
        return Ok(());
    }
    mirror::head(response.status, &response.headers, ctx);
    ctx.upstream_time = ctx.asked_at.map(|asked_at| asked_at.elapsed());
    if let Some(kind) = StreamKind::of(response.status, &response.headers) {
        // It may last for hours; that it has begun is what the guard wants to know, and now.
        record::for_the_guard(response.status.as_u16(), None, ctx);
        ctx.stream = Some(OpenStream::new(gateway.metrics.edge.open_streams(kind)));
    }
    connection::remove_hop_by_hop(response);
    if let Some(id) = &ctx.request_id
        && !response.headers.contains_key(request_id::NAME)
    {
        response.insert_header(request_id::NAME, id.clone())?;
    }
    if session.is_process_shutting_down() || gateway.let_go.has() {
        session.set_keepalive(None);
    }
    Ok(())
}
