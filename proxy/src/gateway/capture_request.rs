//! `request_body_filter`: counts the body as it passes, and lets the mirror copy it.

use bytes::Bytes;
use pingora::{Error, ErrorType, Result};

use super::{Gateway, RequestContext, mirror};

/// Counts a chunk; past the limit the request ends with 413. (A body whose length was announced is
/// refused before it is read.)
pub(super) fn run(
    gateway: &Gateway,
    chunk: Option<&Bytes>,
    is_last: bool,
    ctx: &mut RequestContext,
) -> Result<()> {
    let length = chunk.map_or(0, Bytes::len);
    if let Some(paced) = ctx.paced.as_mut().filter(|_| is_last) {
        paced.body_ended();
    }
    mirror::request_body(chunk, ctx);
    ctx.body_bytes = ctx.body_bytes.saturating_add(length as u64);
    if ctx.body_bytes > ctx.in_force.table.limits.max_body_bytes {
        gateway.metrics.refused_request("body_too_large");
        return Error::e_explain(ErrorType::HTTPStatus(413), "the body is longer than allowed");
    }
    Ok(())
}
