//! `upstream_peer`: from the decision to one server, and at a failover from the new backend to the old.

use std::sync::Arc;
use std::time::Instant;

use pingora::upstreams::peer::{ALPN, HttpPeer};
use pingora::{Error, ErrorType, Result};

use super::{Gateway, RequestContext};

/// The server to ask next. Called again after every failed attempt that may be repeated.
pub(super) fn run(
    gateway: &Gateway,
    may_stream: bool,
    ctx: &mut RequestContext,
) -> Result<Box<HttpPeer>> {
    loop {
        if ctx.give_up_on_asked || !next_target(ctx) {
            if fail_over(gateway, ctx) {
                continue;
            }
            return Error::e_explain(ErrorType::HTTPStatus(502), "no target is left to ask");
        }
        let Some(mut peer) = peer(ctx) else { continue };
        if may_stream {
            peer.options.read_timeout = Some(ctx.in_force.table.limits.stream_timeout);
            // A WebSocket begins as HTTP/1.1, whatever else the backend speaks.
            peer.options.alpn = ALPN::H1;
        }
        ctx.asked_at = Some(Instant::now());
        ctx.body_bytes = 0;
        return Ok(Box::new(peer));
    }
}

/// Picks a target that was not tried. One that is down is only picked where nothing else can answer:
/// a new backend that is known to be down is not worth the wait while the old one is there.
fn next_target(ctx: &mut RequestContext) -> bool {
    let Some(pool) = ctx.in_force.pool(ctx.asked) else { return false };
    let picked = match pool.pick(ctx.tried) {
        Some(picked) => Some(picked),
        None if ctx.failover().is_none() => pool.pick_any(ctx.tried),
        None => None,
    };
    let Some((index, target)) = picked else { return false };
    ctx.target = Some(Arc::clone(target));
    ctx.tried.add(index);
    true
}

/// Moves on to the old backend. `false` when the request is there already.
fn fail_over(gateway: &Gateway, ctx: &mut RequestContext) -> bool {
    let Some(old) = ctx.failover() else { return false };
    let reason = ctx.failure.unwrap_or("unhealthy");
    gateway.metrics.failed_over(ctx.route_name(), reason);
    ctx.failed_over = Some(reason);
    ctx.asked = old;
    ctx.tried = crate::backends::pool::Tried::default();
    ctx.target = None;
    ctx.give_up_on_asked = false;
    ctx.dead_connections = 0;
    ctx.is_second_round = false;
    true
}

fn peer(ctx: &RequestContext) -> Option<HttpPeer> {
    ctx.pool()?.peer(ctx.target.as_deref()?)
}
