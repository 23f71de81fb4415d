//! `request_filter`, once it is known where the request goes: a sample of writes is rehearsed on the new backend before
//! the old one gets them. The only place where a client waits for the mirror, and no longer than the table allows.

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use pingora::proxy::Session;
use pingora::{Error, ErrorType, Result};

use super::{Gateway, RequestContext, forward_request, mirror};
use crate::mirror::{MAX_BODY, Rehearsal};

/// Rehearses the request, if it is one to be rehearsed.
pub(super) async fn run(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<()> {
    let Some(rehearsal) = begin(gateway, session, ctx)? else { return Ok(()) };
    let body = read_body(session).await?;
    ctx.mirror_considered = true;
    ctx.capture = rehearsal.play(body).await;
    Ok(())
}

fn begin(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &RequestContext,
) -> Result<Option<Rehearsal>> {
    let Some(matched) = ctx.route.as_ref().filter(|_| ctx.decision.mirror.is_some()) else {
        return Ok(None);
    };
    let is_write = !session.req_header().method.is_safe();
    if !is_write || !ctx.in_force.mirror.chooses_write(matched.route) {
        return Ok(None);
    }
    let length = body_length(session);
    let mut request = session.req_header().clone();
    forward_request::set_headers(gateway, session, &mut request, ctx)?;
    let candidate = mirror::candidate(session, &request.headers, ctx);
    Ok(candidate
        .and_then(|candidate| gateway.mirror.rehearse(&ctx.in_force.mirror, &candidate, length)))
}

/// As announced; `None` for a body of which nobody knows the length.
fn body_length(session: &mut Session) -> Option<u64> {
    if session.as_mut().is_body_empty() {
        return Some(0);
    }
    session.get_header(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The whole body, which the server keeps to send it to the primary. It is as long as announced, and that is bounded.
async fn read_body(session: &mut Session) -> Result<Bytes> {
    session.as_mut().enable_retry_buffering();
    let mut body = BytesMut::new();
    while let Some(chunk) = session.as_mut().read_request_body().await? {
        body.extend_from_slice(&chunk);
    }
    if body.len() as u64 > MAX_BODY {
        // The server does not hold it any more, so the primary can't have it.
        return Error::e_explain(ErrorType::HTTPStatus(400), "the body is longer than announced");
    }
    Ok(body.freeze())
}
