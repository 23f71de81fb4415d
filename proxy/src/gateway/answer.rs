//! The proxy's own answers: the only place where a refusal or a failure becomes a status.

use std::io;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use pingora::http::ResponseHeader;
use pingora::proxy::{FailToProxy, Session};
use pingora::{Error, ErrorSource, ErrorType, Result};
use routes::PathRefusal;

use super::{Gateway, RequestContext, recover};
use crate::headers::request_id;

/// Why a request goes to no backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The path may not be matched.
    Path(PathRefusal),
    /// `Transfer-Encoding` and `Content-Length` at once.
    TwoLengths,
    /// A framing header spelt so that only some servers know it.
    DisguisedFraming,
    HeaderTooLarge,
    BodyTooLarge,
    TooManyRequests,
    TooManyOfClient,
}

impl Refusal {
    fn status(self) -> u16 {
        match self {
            Self::Path(_) | Self::TwoLengths | Self::DisguisedFraming => 400,
            Self::BodyTooLarge => 413,
            Self::HeaderTooLarge => 431,
            Self::TooManyOfClient => 429,
            Self::TooManyRequests => 503,
        }
    }

    fn message(self) -> String {
        match self {
            Self::Path(refusal) => refusal.to_string(),
            Self::TwoLengths => "the request has a length and a transfer encoding".to_owned(),
            Self::DisguisedFraming => {
                "the request's length or transfer encoding has an underscore in its name".to_owned()
            }
            Self::HeaderTooLarge => "the request's headers are larger than allowed".to_owned(),
            Self::BodyTooLarge => "the request's body is larger than allowed".to_owned(),
            Self::TooManyOfClient => "too many requests in a second; try again".to_owned(),
            Self::TooManyRequests => "too many requests are in flight; try again".to_owned(),
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Path(refusal) => refusal.as_label(),
            Self::TwoLengths => "two_lengths",
            Self::DisguisedFraming => "disguised_framing",
            Self::HeaderTooLarge => "header_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::TooManyOfClient => "too_many_of_client",
            Self::TooManyRequests => "too_many_in_flight",
        }
    }
}

/// Answers a request that goes to no backend.
pub(super) async fn refuse(
    gateway: &Gateway,
    session: &mut Session,
    ctx: &mut RequestContext,
    refusal: Refusal,
) -> Result<()> {
    ctx.refused = Some(refusal.label());
    match refusal {
        Refusal::Path(_) => gateway.metrics.refused_path(refusal.label()),
        _ => gateway.metrics.refused_request(refusal.label()),
    }
    write(session, ctx, refusal.status(), &refusal.message()).await
}

/// Answers a request that failed. What failed is for the log; the client learns no more than it can
/// use.
pub(super) async fn fail(
    session: &mut Session,
    ctx: &RequestContext,
    error: &Error,
) -> FailToProxy {
    let status = status_of(error);
    if status == 0 {
        tracing::debug!(%error, "the client left before its answer");
    } else {
        tracing::warn!(
            method = %session.req_header().method,
            path = session.req_header().uri.path(),
            route = ctx.route_name(),
            backend = ctx.backend_name(),
            target_server = ctx.target.as_ref().map(|target| &*target.label),
            status,
            reason = recover::reason(error),
            request_id = ctx.request_id.as_ref().and_then(|id| id.to_str().ok()),
            %error,
            "request failed"
        );
        if let Err(error) = write(session, ctx, status, message_of(status)).await {
            tracing::debug!(%error, "the client left before it could be told");
        }
    }
    FailToProxy { error_code: status, can_reuse_downstream: false }
}

/// The status for a failure; 0 when there is nobody to answer.
fn status_of(error: &Error) -> u16 {
    match (error.etype(), error.esource()) {
        (ErrorType::HTTPStatus(status), _) => *status,
        (
            ErrorType::ConnectTimedout | ErrorType::ReadTimedout | ErrorType::WriteTimedout,
            ErrorSource::Upstream,
        ) => 504,
        (_, ErrorSource::Upstream) => 502,
        (ErrorType::ReadTimedout, ErrorSource::Downstream) => 408,
        (_, ErrorSource::Downstream) if is_late(error) => 408,
        (
            ErrorType::WriteError
            | ErrorType::WriteTimedout
            | ErrorType::ReadError
            | ErrorType::ConnectionClosed,
            ErrorSource::Downstream,
        ) => 0,
        (_, ErrorSource::Downstream) => 400,
        (_, ErrorSource::Internal | ErrorSource::Unset) => 500,
    }
}

/// The socket gave the client up: see `edge::pace`.
fn is_late(error: &Error) -> bool {
    let cause = error.root_cause().downcast_ref::<io::Error>();
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}

fn message_of(status: u16) -> &'static str {
    match status {
        400 => "the request is not valid HTTP",
        408 => "the request took too long to arrive",
        413 => "the request's body is larger than allowed",
        502 => "no backend could be reached",
        504 => "the backend did not answer in time",
        _ => "the proxy failed",
    }
}

async fn write(
    session: &mut Session,
    ctx: &RequestContext,
    status: u16,
    message: &str,
) -> Result<()> {
    let id = ctx.request_id.as_ref().and_then(|id| id.to_str().ok());
    let body = serde_json::json!({
        "error": { "status": status, "message": message, "request_id": id }
    })
    .to_string();
    let mut answer = ResponseHeader::build(status, Some(6))?;
    answer.insert_header(CONTENT_TYPE, "application/json")?;
    answer.insert_header(CONTENT_LENGTH, body.len())?;
    answer.insert_header(CACHE_CONTROL, "no-store")?;
    if let Some(id) = &ctx.request_id {
        answer.insert_header(request_id::NAME, id.clone())?;
    }
    if matches!(status, 429 | 503) {
        answer.insert_header(RETRY_AFTER, "1")?;
    }
    let is_head = session.req_header().method == http::Method::HEAD;
    let body = if is_head { Bytes::new() } else { Bytes::from(body) };
    session.write_error_response(answer, body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_answered_by_whose_it_is() {
        let cases = [
            (Error::new_up(ErrorType::ConnectRefused), 502),
            (Error::new_up(ErrorType::ConnectTimedout), 504),
            (Error::new_up(ErrorType::ReadTimedout), 504),
            (Error::new_up(ErrorType::ConnectionClosed), 502),
            (Error::new_down(ErrorType::ConnectionClosed), 0),
            (Error::new_down(ErrorType::ReadTimedout), 408),
            (Error::new_down(ErrorType::InvalidHTTPHeader), 400),
            (Error::new_in(ErrorType::InternalError), 500),
            (Error::new(ErrorType::HTTPStatus(413)), 413),
        ];
        for (error, status) in cases {
            assert_eq!(status_of(&error), status, "{error}");
        }
    }
}
