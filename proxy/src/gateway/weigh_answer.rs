//! `upstream_response_filter`: an answer of the new backend that says it failed counts as none where the old one can be
//! asked instead.

use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorSource, ErrorType, Result};

use super::RequestContext;

/// What `recover` knows such an answer by.
pub(super) const ERROR_ANSWER: &str = "error answer";

/// Refuses a 5xx of the new backend to a safe request: nothing of it has reached the client yet, and asking the old
/// backend changes nothing. An unsafe request may have been carried out, so its answer is passed on.
pub(super) fn run(
    session: &Session,
    response: &ResponseHeader,
    ctx: &RequestContext,
) -> Result<()> {
    let can_go_elsewhere = ctx.failover().is_some()
        && session.req_header().method.is_safe()
        && !session.retry_buffer_truncated();
    if response.status.is_server_error() && can_go_elsewhere {
        let status = response.status;
        return Err(Error::create(
            ErrorType::Custom(ERROR_ANSWER),
            ErrorSource::Upstream,
            Some(format!("the new backend answered {status}").into()),
            None,
        ));
    }
    Ok(())
}
