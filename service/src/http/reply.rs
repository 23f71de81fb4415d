//! A successful answer.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::BoxStream;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use crate::python::json;
use crate::tables::Record;

/// The parts of an answer that goes on, as they come.
pub type Frames = BoxStream<'static, Result<Bytes, Infallible>>;

/// What a handler gives back.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    content_type: &'static str,
    body: Body,
    headers: HeaderMap,
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

    /// 200 with a row.
    pub fn row(row: &impl Record) -> Self {
        let mut text = String::new();
        row.send(&mut text);
        Self::json_text(StatusCode::OK, text)
    }

    /// 200 with a list of rows.
    pub fn rows<R: Record>(rows: &[R]) -> Self {
        let mut text = String::from("[");
        for row in rows {
            json::separate(&mut text);
            row.send(&mut text);
        }
        text.push(']');
        Self::json_text(StatusCode::OK, text)
    }

    /// Any status with JSON, printed as the monolith prints it.
    pub fn json(status: StatusCode, value: &Value) -> Self {
        Self::json_text(status, json::sent(value))
    }

    fn json_text(status: StatusCode, text: String) -> Self {
        Self {
            status,
            content_type: "application/json",
            body: text.into(),
            headers: HeaderMap::new(),
        }
    }

    /// 200 with text of another type.
    pub fn text(content_type: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, content_type, body: body.into(), headers: HeaderMap::new() }
    }

    /// 200 with what comes, until it ends. The time for a request is over with the beginning of its answer: whoever makes
    /// the parts ends them.
    pub fn stream(content_type: &'static str, frames: Frames) -> Self {
        let body = Body::from_stream(frames);
        Self { status: StatusCode::OK, content_type, body, headers: HeaderMap::new() }
    }

    /// With a header of its own.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.extend(self.headers);
        response
    }
}
