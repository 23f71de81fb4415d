//! Reads an archive; what can't be replayed as it was is named and left out.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use compare::secret::MASK;
use har::Spec;
use har::v1_2::{Content, Entries, Headers, PostData, Request, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Exchange, LEFT_OUT, RecordedAnswer};
use crate::failure::Failure;

/// Longest archive that is read into memory.
const MAX_ARCHIVE_BYTES: u64 = 512 << 20;
/// Longest time that an exchange may have taken.
const MAX_MILLIS: f64 = 86_400_000.0;

/// Headers that speak of one connection, or that the client of a replay makes itself.
const OWN: [&str; 12] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-strangler-mirror",
    "accept-encoding",
];
/// Headers of an answer that speak of a coding that archives take away.
const CODING: [&str; 3] = ["content-encoding", "content-length", "transfer-encoding"];

/// Why an entry is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub(crate) enum NotUsable {
    /// Its URL, method or status is none.
    #[error("is no HTTP exchange")]
    Invalid,
    /// The client left before it was answered.
    #[error("has no answer")]
    NoAnswer,
    /// The body was cut or left out.
    #[error("has an answer whose body was not recorded")]
    NoBody,
    /// The request's body was left out, so it can't be made again.
    #[error("has a request body that was not recorded")]
    NoRequestBody,
    /// A secret in the request's target or body was masked, so the request can't be made again.
    #[error("has a secret in its target or body that was masked")]
    Masked,
}

/// What an archive has.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    /// In order of the archive.
    pub(crate) exchanges: Vec<Exchange>,
    /// Entries that are left out.
    pub(crate) left_out: Vec<NotUsable>,
}

impl Recording {
    /// Reads an archive (HAR 1.1 to 1.3).
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let failed = |why: String| Failure::Other {
            message: format!("{} can't be replayed: {why}", path.display()),
            help:
                "name an HTTP Archive: from `migrate mirror record`, or saved by a browser as HAR"
                    .to_owned(),
        };
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_ARCHIVE_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| failed(error.to_string()))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_ARCHIVE_BYTES) {
            return Err(failed(format!("it is longer than {MAX_ARCHIVE_BYTES} bytes")));
        }
        Self::parse(&bytes).map_err(failed)
    }

    /// Parses the bytes of an archive.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut archive: Value = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let version = archive.pointer_mut("/log/version").ok_or("it has no `log.version`")?;
        // The versions differ only in members that are not looked at here.
        if matches!(version.as_str(), Some("1.1" | "1.3")) {
            *version = "1.2".into();
        }
        let text = archive.to_string();
        let archive = har::from_str(&text).map_err(|error| {
            std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
        })?;
        let Spec::V1_2(log) = archive.log else { return Err("its version is unknown".to_owned()) };
        let mut recording = Self::default();
        for entry in &log.entries {
            match exchange(entry) {
                Ok(exchange) => recording.exchanges.push(exchange),
                Err(why) => recording.left_out.push(why),
            }
        }
        Ok(recording)
    }
}

fn exchange(entry: &Entries) -> Result<Exchange, NotUsable> {
    let Entries { request, response, .. } = entry;
    let method = Method::from_str(&request.method).ok().ok_or(NotUsable::Invalid)?;
    let url = Url::parse(&request.url).ok().filter(Url::has_host).ok_or(NotUsable::Invalid)?;
    if [url.path(), url.query().unwrap_or_default()].iter().any(|part| part.contains(MASK)) {
        return Err(NotUsable::Masked);
    }
    let millis = if entry.time.is_finite() { entry.time.clamp(0.0, MAX_MILLIS) } else { 0.0 };
    let answer = answer(&method, response, Duration::from_secs_f64(millis / 1e3))?;
    if request.post_data.as_ref().is_some_and(|data| data.comment.as_deref() == Some(LEFT_OUT)) {
        return Err(NotUsable::NoRequestBody);
    }
    let body = request.post_data.as_ref().map(posted).unwrap_or_default();
    if body.windows(MASK.len()).any(|part| part == MASK.as_bytes()) {
        return Err(NotUsable::Masked);
    }
    let at = DateTime::parse_from_rfc3339(&entry.started_date_time);
    Ok(Exchange {
        at: at.map_or(DateTime::UNIX_EPOCH, |at| at.with_timezone(&Utc)),
        request_id: named(&request.headers, "x-request-id").unwrap_or_default().to_owned(),
        method,
        host: host(&url, request),
        path: url.path().to_owned(),
        query: url.query().map(str::to_owned),
        headers: headers(&request.headers, &OWN),
        masked: masked(&request.headers),
        body,
        answer,
    })
}

fn answer(
    method: &Method,
    response: &Response,
    latency: Duration,
) -> Result<RecordedAnswer, NotUsable> {
    // What browsers write for a request that was blocked or given up.
    if response.status == 0 {
        return Err(NotUsable::NoAnswer);
    }
    let status = u16::try_from(response.status).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.ok_or(NotUsable::Invalid)?;
    let has_body = method != Method::HEAD
        && !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        && !status.is_informational();
    let body = if has_body { content(&response.content)? } else { Bytes::new() };
    let mut headers = headers(&response.headers, &CODING);
    if let Some(kind) = &response.content.mime_type
        && let Ok(kind) = HeaderValue::from_str(kind)
        && has_body
        && !body.is_empty()
    {
        headers.entry(http::header::CONTENT_TYPE).or_insert(kind);
    }
    Ok(RecordedAnswer { status, headers, body, latency })
}

/// The body of an answer. An empty one is told from one that was left out by its size.
fn content(content: &Content) -> Result<Bytes, NotUsable> {
    let text = content.text.as_deref().unwrap_or_default();
    if text.is_empty() {
        let is_left_out = content.size > 0 || content.comment.as_deref() == Some(LEFT_OUT);
        return if is_left_out { Err(NotUsable::NoBody) } else { Ok(Bytes::new()) };
    }
    match content.encoding.as_deref() {
        None | Some("") => Ok(Bytes::copy_from_slice(text.as_bytes())),
        Some("base64") => STANDARD.decode(text).ok().map(Bytes::from).ok_or(NotUsable::NoBody),
        Some(_) => Err(NotUsable::NoBody),
    }
}

fn posted(data: &PostData) -> Bytes {
    if let Some(text) = data.text.as_deref().filter(|text| !text.is_empty()) {
        return Bytes::copy_from_slice(text.as_bytes());
    }
    let fields = data.params.iter().flatten();
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    for field in fields {
        form.append_pair(&field.name, field.value.as_deref().unwrap_or_default());
    }
    Bytes::from(form.finish())
}

/// Without pseudo-headers of HTTP/2, masked ones, and those named.
fn headers(from: &[Headers], but: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for Headers { name, value, .. } in from {
        let Ok(name) = HeaderName::from_str(name) else { continue };
        let Ok(value) = HeaderValue::from_str(value) else { continue };
        if !but.contains(&name.as_str()) && !is_masked(value.as_bytes()) {
            headers.append(name, value);
        }
    }
    headers
}

fn masked(from: &[Headers]) -> Vec<String> {
    let masked = from.iter().filter(|header| is_masked(header.value.as_bytes()));
    masked.map(|header| header.name.to_ascii_lowercase()).collect()
}

fn is_masked(value: &[u8]) -> bool {
    value.windows(MASK.len()).any(|part| part == MASK.as_bytes())
}

fn named<'a>(headers: &'a [Headers], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(header.value.as_str()).filter(|value| !is_masked(value.as_bytes()))
}

fn host(url: &Url, request: &Request) -> String {
    if let Some(host) = named(&request.headers, "host") {
        return host.to_owned();
    }
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// What Chromium saves, in short.
    fn browser(request: &Value, response: &Value) -> Vec<u8> {
        let mut entry = json!({
            "_initiator": {"type": "script"}, "_priority": "High", "cache": {}, "pageref": "page_1",
            "startedDateTime": "2026-03-01T10:00:00.123Z", "time": 12.5, "serverIPAddress": "[::1]",
            "timings": {"blocked": 1, "dns": -1, "ssl": -1, "connect": -1, "send": 0.1, "wait": 10, "receive": 1.4},
            "request": {
                "method": "GET", "url": "http://api.test:8080/api/v1/agent/workflows?limit=2", "httpVersion": "h2",
                "headers": [{"name": ":method", "value": "GET"}, {"name": "x-api-key", "value": "***"},
                    {"name": "Accept", "value": "*/*"}, {"name": "Connection", "value": "keep-alive"}],
                "queryString": [{"name": "limit", "value": "2"}], "cookies": [], "headersSize": -1, "bodySize": 0
            },
            "response": {
                "status": 200, "statusText": "", "httpVersion": "h2", "cookies": [], "redirectURL": "",
                "headers": [{"name": "content-encoding", "value": "br"}, {"name": "etag", "value": "x"}],
                "content": {"size": 9, "mimeType": "application/json", "text": "{\"a\": 1}\n"},
                "headersSize": -1, "bodySize": -1, "_transferSize": 300, "_error": null
            }
        });
        for (part, with) in [("request", request), ("response", response)] {
            for (key, value) in with.as_object().unwrap() {
                entry[part][key] = value.clone();
            }
        }
        let log = json!({"version": "1.2", "creator": {"name": "WebInspector", "version": "537.36"}, "pages": [], "entries": [entry]});
        json!({ "log": log }).to_string().into_bytes()
    }

    fn one(request: &Value, response: &Value) -> Result<Exchange, NotUsable> {
        let mut recording = Recording::parse(&browser(request, response)).unwrap();
        recording.exchanges.pop().ok_or_else(|| recording.left_out[0])
    }

    #[test]
    fn a_browsers_archive_is_understood() {
        let exchange = one(&json!({}), &json!({})).unwrap();
        assert_eq!(exchange.target(), "/api/v1/agent/workflows?limit=2");
        assert_eq!(exchange.host, "api.test:8080");
        assert_eq!(exchange.masked, ["x-api-key"]);
        assert_eq!(exchange.headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["accept"]);
        let answer = exchange.answer;
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, &b"{\"a\": 1}\n"[..]));
        assert_eq!(answer.latency, Duration::from_micros(12_500));
        assert_eq!(answer.headers["content-type"], "application/json");
        assert!(!answer.headers.contains_key("content-encoding"), "the text is decoded");
    }

    #[test]
    fn what_can_t_be_replayed_is_named() {
        let none = json!({});
        for (request, response, why) in [
            (&none, json!({"status": 0}), NotUsable::NoAnswer),
            (&none, json!({"status": 7}), NotUsable::Invalid),
            (&none, json!({"content": {"size": 9, "mimeType": "x"}}), NotUsable::NoBody),
            (&json!({"url": "data:text/plain,x"}), none.clone(), NotUsable::Invalid),
            (&json!({"url": "http://a/b?key=***"}), none.clone(), NotUsable::Masked),
            (
                &json!({"method": "POST", "postData": {"mimeType": "x", "text": "{\"password\":\"***\"}"}}),
                none.clone(),
                NotUsable::Masked,
            ),
        ] {
            assert_eq!(one(request, &response).unwrap_err(), why);
        }
    }

    #[test]
    fn bodies_come_as_text_as_base64_and_as_fields() {
        let content =
            json!({"content": {"size": 3, "mimeType": "x", "text": "AAEC", "encoding": "base64"}});
        assert_eq!(&*one(&json!({}), &content).unwrap().answer.body, [0, 1, 2]);
        let empty = json!({"content": {"size": 0, "mimeType": "x"}});
        assert!(one(&json!({}), &empty).unwrap().answer.body.is_empty());
        let form = json!({"method": "POST", "postData": {"mimeType": "application/x-www-form-urlencoded", "params": [{"name": "a b", "value": "1&2"}]}});
        assert_eq!(&*one(&form, &json!({})).unwrap().body, b"a+b=1%262");
    }

    #[test]
    fn other_files_are_refused_with_a_reason() {
        for (text, why) in
            [("", "EOF"), ("[]", "log.version"), ("{\"log\":{\"version\":\"9\"}}", "9")]
        {
            let problem = Recording::parse(text.as_bytes()).unwrap_err();
            assert!(problem.contains(why), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn no_archive_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _either_way = Recording::parse(&bytes);
        }

        #[test]
        fn no_entry_makes_it_panic(url in ".{0,40}", method in ".{0,8}", status in any::<i32>(), text in ".{0,40}") {
            let request = json!({"url": url, "method": method});
            let response = json!({"status": status, "content": {"size": 1, "text": text, "encoding": "base64"}});
            let _either_way = one(&request, &response);
        }
    }
}
