//! Asks over HTTP, within a time and a size.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;

use super::places::{Place, Places};
use crate::asking::Answer;
use crate::checks::Wrong;

/// Sends requests with the operator's headers.
#[derive(Debug, Clone)]
pub(super) struct Asker<'p> {
    pub(super) places: &'p Places<'p>,
    headers: HeaderMap,
}

/// What is sent along.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body<'b> {
    None,
    Json(&'b Value),
    /// As it stands, called JSON.
    Text(&'static str),
}

impl<'p> Asker<'p> {
    pub(super) const fn new(places: &'p Places<'p>, headers: HeaderMap) -> Self {
        Self { places, headers }
    }

    /// The same with another value of a header.
    pub(super) fn with(&self, name: http::HeaderName, value: HeaderValue) -> Self {
        let mut other = self.clone();
        other.headers.insert(name, value);
        other
    }

    /// Asks for something of the agent API.
    pub(super) async fn api(
        &self,
        place: &Place,
        method: Method,
        rest: &str,
        body: Body<'_>,
    ) -> Result<Answer, Wrong> {
        let url = self.places.url(place, &method, rest);
        self.ask(place, method, &url, body).await
    }

    /// Asks for a URL.
    pub(super) async fn ask(
        &self,
        place: &Place,
        method: Method,
        url: &str,
        body: Body<'_>,
    ) -> Result<Answer, Wrong> {
        let help = format!("see that the {} runs and answers at {}", place.who.word(), place.base);
        let mut headers = self.headers.clone();
        headers.insert(routes::PROBE, HeaderValue::from_static("verify"));
        let body = match body {
            Body::None => None,
            Body::Json(value) => Some(value.to_string().into()),
            Body::Text(text) => Some(text.into()),
        };
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        place.http.ask(method, url, headers, body, &help).await
    }
}

/// A member of an object; null where there is none.
pub(super) fn member<'v>(object: &'v Value, name: &str) -> &'v Value {
    const NULL: &Value = &Value::Null;
    object.get(name).unwrap_or(NULL)
}

impl Answer {
    /// The body, where the status is this one.
    pub(super) fn of(self, status: u16) -> Result<Value, Wrong> {
        if self.status == status {
            return Ok(self.body);
        }
        let mut said = self.body.to_string();
        if let Some((end, _)) = said.char_indices().nth(200) {
            said.truncate(end);
            said.push('…');
        }
        let found = format!("answered {} instead of {status}: {said}", self.status);
        let help = match self.status {
            401 | 403 => "give a key that may do this: --header \"x-api-key: @FILE\"",
            503 => {
                "see what the backend's log says, and whether its tables move (`migrate db split status`)"
            }
            _ => "see what the backend's log says of this request",
        };
        Err(Wrong::new(found, help))
    }
}
