//! `upstream_request_filter`: the request as the backend is to see it.

use pingora::Result;
use pingora::http::RequestHeader;
use pingora::proxy::Session;

use super::match_route::peer_ip;
use super::{Gateway, RequestContext, mirror, trace};
use crate::headers::{forwarded, prefer, request_id};

/// Rewrites the path and sets the headers. (pingora has dropped the hop-by-hop ones.)
pub(super) fn run(
    gateway: &Gateway,
    session: &Session,
    request: &mut RequestHeader,
    ctx: &mut RequestContext,
) -> Result<()> {
    rewrite_path(request, ctx)?;
    set_headers(gateway, session, request, ctx)?;
    mirror::begin(&gateway.mirror, session, &request.headers, ctx);
    Ok(())
}

/// Sets and removes the headers that the proxy answers for, for whichever backend.
pub(super) fn set_headers(
    gateway: &Gateway,
    session: &Session,
    request: &mut RequestHeader,
    ctx: &RequestContext,
) -> Result<()> {
    // Only the mirror may send these: the one marks a copy, and the other would make a backend that can rehearse
    // discard a client's write.
    request.remove_header(&crate::mirror::MARK);
    request.remove_header(&mirror::PROBE);
    prefer::remove_rollback(request)?;
    if let Some(id) = &ctx.request_id {
        request.insert_header(request_id::NAME, id.clone())?;
    }
    trace::continue_trace(request, ctx.span.as_deref())?;
    let peer = peer_ip(session);
    let is_trusted = peer.is_some_and(|peer| gateway.trusted.trusts(peer));
    let is_secure = session.digest().is_some_and(|digest| digest.ssl_digest.is_some());
    forwarded::set(request, peer, is_trusted, is_secure)
}

/// The path as the backend that is really asked knows it; the query stays as the client sent it.
fn rewrite_path(request: &mut RequestHeader, ctx: &RequestContext) -> Result<()> {
    let rewritten = ctx.route.as_ref().and_then(|matched| {
        let route = ctx.in_force.table.route(matched.route);
        let template = if ctx.asked == route.new { &route.new_path } else { &route.old_path };
        template.as_ref().map(|template| {
            let mut target = String::with_capacity(request.raw_path().len() + 16);
            template.fill(request.uri.path(), matched, &mut target);
            target
        })
    });
    let target = match rewritten {
        Some(mut target) => {
            if let Some(query) = request.uri.query() {
                target.push('?');
                target.push_str(query);
            }
            target
        }
        // An absolute-form target is for proxies; the backend gets the path alone.
        None if !request.raw_path().starts_with(b"/") => {
            request.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned()
        }
        None => return Ok(()),
    };
    request.set_raw_path(target.as_bytes())
}
