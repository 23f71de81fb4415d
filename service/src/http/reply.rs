//! A successful answer.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::python::json;

/// What a handler gives back.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: String,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// 200 with JSON.
    pub fn ok(value: &Value) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// 201 with JSON.
    pub fn created(value: &Value) -> Self {
        Self::json(StatusCode::CREATED, value)
    }

    /// Any status with JSON, printed as the monolith prints it.
    pub fn json(status: StatusCode, value: &Value) -> Self {
        Self { status, content_type: "application/json", body: json::sent(value), header: None }
    }

    /// 200 with text of another type.
    pub fn text(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, content_type, body, header: None }
    }

    /// With a header of its own.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.extend(self.header);
        response
    }
}
