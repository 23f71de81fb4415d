//! `fail_to_connect`, `error_while_proxy`: whether a failed attempt may be repeated, and where.
//!
//! | what failed | who may repeat it | where |
//! | --- | --- | --- |
//! | connecting | every method: not one byte was sent | next target, then the old backend |
//! | a kept connection that was dead | idempotent methods, body still held | same backend, then the old one |
//! | the exchange, before an answer began | idempotent methods, body still held | the old backend |
//! | anything after an answer began | nobody | |

use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType};

use super::{Gateway, RequestContext};

/// How many dead kept connections a request tries on one backend. A killed server leaves many of
/// them in the pool, and they are found dead one by one.
const DEAD_CONNECTIONS: u8 = 2;

/// No byte was sent: any request may go elsewhere.
pub(super) fn from_failed_connect(gateway: &Gateway, ctx: &mut RequestContext, error: &mut Error) {
    let reason = note(gateway, ctx, error);
    if let Some(target) = &ctx.target
        && reason != "no_socket"
        && target.connect_failed()
    {
        tracing::warn!(
            backend = ctx.backend_name(), target_server = %target.label, reason, %error,
            "target is unhealthy: a request could not connect"
        );
    }
    let someone_left = ctx.failover().is_some()
        || ctx.pool().is_some_and(|pool| pool.pick_any(ctx.tried).is_some());
    error.set_retry(someone_left);
}

/// Something was sent: only what may be done twice is repeated.
pub(super) fn from_failed_exchange(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut RequestContext,
    error: &mut Error,
    connection_was_reused: bool,
) {
    error.set_retry(false);
    if *error.esource() != ErrorSource::Upstream {
        return;
    }
    note(gateway, ctx, error);
    let answer_began =
        session.response_written().is_some_and(|answer| !answer.status.is_informational());
    let is_repeatable =
        session.req_header().method.is_idempotent() && !session.retry_buffer_truncated();
    if answer_began || !is_repeatable {
        return;
    }
    if connection_was_reused && is_disconnect(error) && ctx.dead_connections < DEAD_CONNECTIONS {
        // The server may have closed the connection while it was idle; that says nothing of it.
        ctx.dead_connections += 1;
        ctx.tried = crate::backends::pool::Tried::default();
        error.set_retry(true);
        return;
    }
    ctx.give_up_on_asked = true;
    error.set_retry(ctx.failover().is_some());
}

fn note(gateway: &Gateway, ctx: &mut RequestContext, error: &Error) -> &'static str {
    let reason = reason(error);
    gateway.metrics.backend_failed(ctx.backend_name(), reason);
    ctx.failure = Some(reason);
    reason
}

fn is_disconnect(error: &Error) -> bool {
    matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError
    )
}

/// The label of a failure: few words, whatever goes wrong.
pub(super) fn reason(error: &Error) -> &'static str {
    match error.etype() {
        ErrorType::ConnectTimedout => "connect_timeout",
        ErrorType::ConnectRefused => "connect_refused",
        ErrorType::ConnectNoRoute | ErrorType::ConnectError => "connect_failed",
        // This side ran out of something; that says nothing of the target.
        ErrorType::SocketError | ErrorType::BindError => "no_socket",
        ErrorType::ReadTimedout | ErrorType::WriteTimedout => "timeout",
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError => "reset",
        ErrorType::InvalidHTTPHeader
        | ErrorType::H1Error
        | ErrorType::H2Error
        | ErrorType::InvalidH2 => "invalid_answer",
        _ => "other",
    }
}
