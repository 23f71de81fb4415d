//! Reads a body as the monolith does: JSON only where the content type says so, a plain text otherwise.

use std::time::Duration;

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value};

use super::endpoint::BodyKind;
use super::{ApiError, encoding};
use crate::python::read::{self, Unread};
use crate::validation::{Place, Problem, coerce};

/// The most bytes that a body may have.
pub const MAX_BODY: u64 = 10 * 1024 * 1024;

const NOT_UNICODE: &str =
    "Input should be a valid string, unable to parse raw data as a unicode string";

/// 413 in the monolith's form.
pub fn too_large() -> ApiError {
    let text = format!("Request too large. Maximum size is {MAX_BODY} bytes");
    ApiError::Limit(StatusCode::PAYLOAD_TOO_LARGE, text)
}

/// The most bytes of a refused body that are taken in.
const DISCARDED: u64 = 4 * MAX_BODY;

/// Takes in a body that nobody reads, up to a bound: clients that send theirs to the end look for the answer only then,
/// and find a closed connection instead if nobody has listened. Gives how many bytes there were.
pub async fn discard(mut body: Body, timeout: Duration) -> u64 {
    let mut bytes = 0;
    let all = async {
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            if bytes >= DISCARDED {
                break;
            }
        }
    };
    // Whoever is slower than that does without the answer.
    let _in_time = tokio::time::timeout(timeout, all).await;
    bytes
}

/// A body as it was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// None, or JSON's null.
    Nothing,
    /// The value of a JSON text.
    Json(Value),
    /// Anything that does not call itself JSON.
    Plain(String),
}

/// Reads and parses the body. Broken JSON and broken UTF-8 are refused here, before
/// anybody asks for a key.
pub async fn read(headers: &HeaderMap, body: Body, timeout: Duration) -> Result<Sent, ApiError> {
    let limit = usize::try_from(MAX_BODY).unwrap_or(usize::MAX);
    let collected = tokio::time::timeout(timeout, Limited::new(body, limit).collect())
        .await
        .map_err(|_why| {
            ApiError::Limit(StatusCode::REQUEST_TIMEOUT, "The request took too long".to_owned())
        })?
        .map_err(|error| if error.is::<LengthLimitError>() { too_large() } else { unreadable() })?;
    let bytes = collected.to_bytes();
    if bytes.is_empty() {
        return Ok(Sent::Nothing);
    }
    if !is_json(headers) {
        return Ok(Sent::Plain(String::from_utf8_lossy(&bytes).into_owned()));
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Sent, ApiError> {
    let text = encoding::decode(bytes).ok_or_else(unreadable)?;
    let body = Place::root("body");
    let problem = match read::read(&text) {
        Ok(Value::Null) => return Ok(Sent::Nothing),
        Ok(value) => return Ok(Sent::Json(value)),
        Err(Unread::TooMuch) => return Err(unreadable()),
        Err(Unread::Syntax(at)) => {
            body.within(&at.to_string()).problem("json_invalid", "JSON decode error")
        }
        // The monolith stores it, and can never again read the row that it is in.
        Err(Unread::Surrogate(place)) => place
            .iter()
            .fold(body, |place, part| place.within(part))
            .problem("string_unicode", NOT_UNICODE),
    };
    Err(ApiError::Invalid(vec![problem]))
}

fn unreadable() -> ApiError {
    ApiError::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body")
}

/// `application/json` and `application/*+json`, whatever the case and the parameters.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// Checks a read body against what the endpoint takes.
pub fn check(
    kind: BodyKind,
    body: Sent,
    problems: &mut Vec<Problem>,
) -> Option<Map<String, Value>> {
    let place = Place::root("body");
    let body = match (kind, body) {
        // Nobody looks for parts in a text that is no JSON.
        (BodyKind::Parts(_), Sent::Plain(_)) | (_, Sent::Nothing) => None,
        (_, Sent::Json(value)) => Some(value),
        (_, Sent::Plain(text)) => Some(Value::String(text)),
    };
    match (kind, &body) {
        (BodyKind::None, _) | (BodyKind::OptionalDictionary, None) => Some(Map::new()),
        (BodyKind::Parts(shape), Some(value)) if coerce::object(value).is_err() => {
            let missing = |name: &str| place.within(name).problem("missing", "Field required");
            problems.extend(shape.fields().iter().map(|field| missing(field.name)));
            None
        }
        (BodyKind::Parts(shape), body) => {
            let part = |name: &str| body.as_ref()?.get(name).filter(|value| !value.is_null());
            shape.check_fields(part, &place, problems)
        }
        (_, None) => {
            problems.push(place.problem("missing", "Field required"));
            None
        }
        (BodyKind::Model(shape), Some(value)) => shape.check(value, &place, problems),
        (BodyKind::Dictionary | BodyKind::OptionalDictionary, Some(value)) => {
            match coerce::object(value) {
                Ok(map) => Some(map.clone()),
                Err(refusal) => {
                    problems.push(place.problem(refusal.code, refusal.message));
                    None
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    async fn read_as(
        content_type: Option<&'static str>,
        body: &'static [u8],
    ) -> Result<Sent, ApiError> {
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        read(&headers, Body::from(body), Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn json_by_content_type_only() {
        for json_type in
            ["application/json", "Application/JSON; charset=utf-8", "application/vnd.x+json"]
        {
            assert_eq!(
                read_as(Some(json_type), b"{\"a\":1}").await.unwrap(),
                Sent::Json(json!({"a": 1}))
            );
        }
        for other in [None, Some("application/octet-stream"), Some("text/json")] {
            assert_eq!(read_as(other, b"{}").await.unwrap(), Sent::Plain("{}".to_owned()));
        }
        assert_eq!(read_as(Some("application/json"), b"").await.unwrap(), Sent::Nothing);
        assert_eq!(read_as(Some("application/json"), b"null").await.unwrap(), Sent::Nothing);
    }

    #[tokio::test]
    async fn broken_bodies() {
        let Err(ApiError::Invalid(problems)) =
            read_as(Some("application/json"), b"{\"name\": ").await
        else {
            panic!("broken JSON was read");
        };
        assert_eq!(
            (problems[0].code, problems[0].field.starts_with("body.")),
            ("json_invalid", true)
        );
        let error = read_as(Some("application/json"), b"{\"a\": \"\xff\"}").await.unwrap_err();
        assert!(matches!(error, ApiError::Detail(StatusCode::BAD_REQUEST, _)));
    }

    #[test]
    fn parts_are_read_one_by_one() {
        use crate::http::endpoint::LazyShape;
        use crate::python::number;
        use crate::validation::{Kind, Shape, field};
        static PARTS: LazyShape = LazyShape::new(|| {
            Shape::new([field("a", Kind::object()), field("b", Kind::object()).optional()])
        });
        let missing = |body: Sent| {
            let mut problems = Vec::new();
            let checked = check(BodyKind::Parts(&PARTS), body, &mut problems);
            assert_eq!(checked.is_none(), !problems.is_empty());
            problems.into_iter().map(|problem| problem.field).collect::<Vec<_>>()
        };
        let json = |value: Value| missing(Sent::Json(value));
        assert_eq!(json(json!({"a": {}, "b": null, "c": 1})), Vec::<String>::new());
        assert_eq!(json(json!({"a": null})), ["body.a"]);
        assert_eq!(missing(Sent::Nothing), ["body.a"]);
        assert_eq!(missing(Sent::Plain("{\"a\": {}}".to_owned())), ["body.a"]);
        for no_object in [json!([]), json!("{}"), number::hold("NaN")] {
            assert_eq!(json(no_object), ["body.a", "body.b"]);
        }
    }

    #[tokio::test]
    async fn a_refused_body_is_taken_in_up_to_a_bound() {
        let chunk = bytes::Bytes::from(vec![b'x'; 1024 * 1024]);
        let body = |chunks: u64| {
            let chunk = chunk.clone();
            let chunks = (0..chunks).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
            Body::from_stream(futures::stream::iter(chunks))
        };
        assert_eq!(discard(body(11), Duration::from_secs(5)).await, 11 * 1024 * 1024);
        assert_eq!(discard(body(1000), Duration::from_secs(5)).await, DISCARDED);
        let silent = Body::from_stream(futures::stream::pending::<std::io::Result<bytes::Bytes>>());
        assert_eq!(discard(silent, Duration::from_millis(1)).await, 0);
    }

    #[tokio::test]
    async fn a_body_past_the_limit_is_refused_even_without_a_length() {
        let chunk = bytes::Bytes::from(vec![b'x'; 1024 * 1024]);
        let chunks =
            futures::stream::iter((0..11).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
        let error = read(&HeaderMap::new(), Body::from_stream(chunks), Duration::from_secs(5))
            .await
            .unwrap_err();
        assert!(matches!(error, ApiError::Limit(StatusCode::PAYLOAD_TOO_LARGE, _)));
    }
}
