//! What the page asks for: the path and the body of its request, bounded and checked.

use std::time::Duration;

use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use routes::Stage;
use serde::Deserialize;

use super::outcome::tell;
use crate::admin::answer::Answer;

/// Longest body.
const MAX_BODY: usize = 16 << 10;
/// Longest wait for it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest reason, in characters.
const MAX_REASON: usize = 500;

/// Forward or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// `POST /api/routes/NAME/flip`.
    Flip,
    /// `POST /api/routes/NAME/rollback`.
    Back,
}

impl Way {
    /// The way and the route's name, where the path is that of a flip.
    pub(super) fn of(path: &str) -> Option<(Self, String)> {
        let (name, way) = path.strip_prefix("/api/routes/")?.split_once('/')?;
        let way = match way {
            "flip" => Self::Flip,
            "rollback" => Self::Back,
            _ => return None,
        };
        let name = percent_encoding::percent_decode_str(name).decode_utf8().ok()?;
        (!name.is_empty()).then(|| (way, name.into_owned()))
    }
}

/// `{"to": "canary", "percent": 10, "reason": "…", "force": false}`; a rollback takes the reason only.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// The stage; the next one when absent.
    pub(super) to: Option<Stage>,
    /// Share of clients on the new backend at stage canary.
    pub(super) percent: Option<f64>,
    /// Why, for the journal.
    pub(super) reason: String,
    /// Go past a gate that refuses.
    #[serde(default)]
    pub(super) force: bool,
}

impl Wish {
    /// Reads the body; an answer instead where it is no wish.
    pub(super) async fn read(body: Incoming, way: Way) -> Result<Self, Answer> {
        let read = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await;
        let Ok(Ok(body)) = read else {
            let message = "the request was not read: it is too long, or did not come in time";
            return Err(tell(StatusCode::BAD_REQUEST, message, None));
        };
        Self::parse(&body.to_bytes(), way)
            .map_err(|problem| tell(StatusCode::UNPROCESSABLE_ENTITY, &problem, None))
    }

    fn parse(body: &[u8], way: Way) -> Result<Self, String> {
        let wish: Self = serde_json::from_slice(body)
            .map_err(|error| format!("the request is no flip: {error}"))?;
        let reason = wish.reason.trim().to_owned();
        if reason.is_empty() || reason.chars().count() > MAX_REASON {
            return Err(format!("a flip needs a reason of at most {MAX_REASON} characters"));
        }
        if wish.percent.is_some_and(|percent| !(0.0..=100.0).contains(&percent)) {
            return Err("`percent` is a number from 0 to 100".to_owned());
        }
        if way == Way::Back && (wish.to.is_some() || wish.percent.is_some() || wish.force) {
            return Err("a rollback takes a reason and nothing else".to_owned());
        }
        if way == Way::Flip && wish.to == Some(Stage::Monolith) {
            return Err("that is where a route comes from: roll it back instead".to_owned());
        }
        Ok(Self { reason, ..wish })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_way_and_the_route() {
        assert_eq!(Way::of("/api/routes/w%20x/flip"), Some((Way::Flip, "w x".to_owned())));
        assert_eq!(Way::of("/api/routes/w/rollback"), Some((Way::Back, "w".to_owned())));
        for other in
            ["/api/routes/w", "/api/routes//flip", "/api/routes/w/flip/x", "/api/routes/%ff/flip"]
        {
            assert_eq!(Way::of(other), None, "{other}");
        }
    }

    #[test]
    fn only_what_makes_sense_is_a_wish() {
        let parse = |text: &str, way| Wish::parse(text.as_bytes(), way);
        let wish =
            parse(r#"{"to": "canary", "percent": 5, "reason": " because "}"#, Way::Flip).unwrap();
        assert_eq!(
            (wish.to, wish.percent, wish.reason.as_str()),
            (Some(Stage::Canary), Some(5.0), "because")
        );
        assert!(!wish.force);
        for nonsense in [
            r#"{"to": "canary"}"#,
            r#"{"reason": "  "}"#,
            r#"{"reason": "x", "percent": 101}"#,
            r#"{"reason": "x", "to": "monolith"}"#,
            r#"{"reason": "x", "too": "canary"}"#,
            "",
        ] {
            assert!(parse(nonsense, Way::Flip).is_err(), "{nonsense}");
        }
        assert!(parse(r#"{"reason": "x", "force": true}"#, Way::Back).is_err());
        assert!(parse(r#"{"reason": "x"}"#, Way::Back).is_ok());
        assert!(parse(&format!(r#"{{"reason": "{}"}}"#, "x".repeat(501)), Way::Flip).is_err());
    }
}
