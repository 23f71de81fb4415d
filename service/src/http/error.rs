//! The one place where an error becomes an answer, in the monolith's forms and without its internals.

use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::Reply;
use crate::calculator::BrokenOff;
use crate::logic::Denied;
use crate::logic::marketplace::Declined;
use crate::python::time::Stamp;
use crate::store::StoreError;
use crate::validation::Problem;

/// Why a request got no good answer.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The form `{"detail": …}`.
    #[error("{0}: {1}")]
    Detail(StatusCode, String),
    /// 422 with every problem of the request.
    #[error("the request does not hold: {} problems", .0.len())]
    Invalid(Vec<Problem>),
    /// The form `{"error": {"type": "http_error", …}}` of limits that lie before any endpoint.
    #[error("{0}: {1}")]
    Limit(StatusCode, String),
    /// 500; 503 when the database is only busy, its tables move or a rehearsal was given up; 422 when a value does not fit its
    /// column. The client learns nothing more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// 500.
    #[error("{0}")]
    Internal(String),
}

/// What a client hears whose value is fine in itself and too much for its column. On SQLite there is no such value.
const UNFIT: &str = "A value of the request is too long, too large or of another type than its column in the database";

/// What an error answer tells about its request.
#[derive(Debug, Clone)]
pub struct Context {
    /// The path as sent.
    pub path: String,
    /// The request's own `X-Request-ID`, if it had one.
    pub request_id: Option<String>,
    /// When it was answered.
    pub now: Stamp,
}

impl ApiError {
    /// A `{"detail": …}` answer.
    pub fn detail(status: StatusCode, text: impl Into<String>) -> Self {
        Self::Detail(status, text.into())
    }

    /// 404 of a path that no endpoint has.
    pub fn no_such_path() -> Self {
        Self::detail(StatusCode::NOT_FOUND, "Not Found")
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
    }

    /// The answer, and a log line where the fault is not the client's.
    pub fn into_response(self, context: &Context) -> Response {
        match self {
            Self::Detail(status, text) => {
                Reply::json(status, &json!({"detail": text})).into_response()
            }
            Self::Invalid(problems) => invalid(&problems, context),
            Self::Limit(status, text) => envelope("http_error", status, &text, context),
            Self::Store(error) if let Some(why) = error.given_up() => {
                tracing::debug!(path = context.path, %why, "rehearsal given up");
                try_again(&format!("The rehearsal was given up: {why}"))
            }
            Self::Store(error) if error.has_moved() => {
                tracing::warn!(path = context.path, error = chain(&error), "the tables move");
                try_again("The tables are moving to another database, please try again")
            }
            Self::Store(error) if error.is_busy() => {
                tracing::warn!(path = context.path, error = chain(&error), "database is busy");
                try_again("The database is busy, please try again")
            }
            Self::Store(error) if error.is_unfit() => {
                tracing::info!(path = context.path, error = chain(&error), "unfit value");
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Reply::json(status, &json!({"detail": UNFIT})).into_response()
            }
            Self::Store(error) => internal(&chain(&error), context),
            Self::Internal(error) => internal(&error, context),
        }
    }
}

impl From<BrokenOff> for ApiError {
    fn from(error: BrokenOff) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        let status = match denied {
            Denied::NotFound(_) => StatusCode::NOT_FOUND,
            Denied::Forbidden => StatusCode::FORBIDDEN,
            Denied::Refused(_) => StatusCode::BAD_REQUEST,
            Denied::Conflict(_) => StatusCode::CONFLICT,
        };
        Self::detail(status, denied.to_string())
    }
}

impl From<Declined> for ApiError {
    fn from(declined: Declined) -> Self {
        let status = match declined {
            Declined::Missing(..) => StatusCode::NOT_FOUND,
            Declined::WrongParty(_) => StatusCode::FORBIDDEN,
            Declined::Senseless(_) => StatusCode::BAD_REQUEST,
            Declined::Conflict(_) => StatusCode::CONFLICT,
        };
        Self::detail(status, declined.to_string())
    }
}

/// 503 for now.
fn try_again(text: &str) -> Response {
    let reply = Reply::json(StatusCode::SERVICE_UNAVAILABLE, &json!({"detail": text}));
    reply.with_header(RETRY_AFTER, HeaderValue::from_static("1")).into_response()
}

fn invalid(problems: &[Problem], context: &Context) -> Response {
    let details: Vec<_> = problems.iter().map(Problem::to_json).collect();
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let body = json!({
        "error": {
            "code": "VALIDATION_ERROR",
            "message": "Request validation failed",
            "status": status.as_u16(),
            "details": details,
        },
        // The monolith writes the offset and a letter that says the same.
        "timestamp": format!("{}Z", context.now.aware()),
        "request_id": context.request_id,
    });
    Reply::json(status, &body).into_response()
}

fn internal(error: &str, context: &Context) -> Response {
    tracing::error!(path = context.path, error, "request failed");
    let text = "An internal server error occurred";
    envelope("internal_error", StatusCode::INTERNAL_SERVER_ERROR, text, context)
}

fn envelope(kind: &str, status: StatusCode, message: &str, context: &Context) -> Response {
    let body = json!({
        "error": {
            "type": kind,
            "message": message,
            "status_code": status.as_u16(),
            "path": context.path,
        }
    });
    Reply::json(status, &body).into_response()
}

/// An error with all that caused it, for the log.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
